DROP TABLE gateway.oauth_refused_request, gateway.oauth_issued_token;
DELETE FROM gateway.approval WHERE kind = 'reinstatement';
ALTER TABLE gateway.approval
    DROP CONSTRAINT approval_kind_check,
    ADD CONSTRAINT approval_kind_check CHECK (kind IN ('agency', 'clients', 'profile'));
-- What opens nothing now, or ends on a day, must open nothing afterwards either.
ALTER TABLE gateway.oauth_client_key DISABLE TRIGGER moved_gate;
UPDATE gateway.oauth_client_key SET state = 'removed' WHERE ends_on IS NOT NULL;
ALTER TABLE gateway.oauth_client_key ENABLE TRIGGER moved_gate;
ALTER TABLE gateway.oauth_client_key DROP COLUMN ends_on, DROP COLUMN added_at;
ALTER TABLE gateway.oauth_client DISABLE TRIGGER moved_gate;
UPDATE gateway.oauth_client SET state = 'revoked' WHERE state = 'suspended';
ALTER TABLE gateway.oauth_client ENABLE TRIGGER moved_gate;
ALTER TABLE gateway.oauth_client
    DROP CONSTRAINT oauth_client_state_check,
    ADD CONSTRAINT oauth_client_state_check CHECK (state IN ('proposed', 'active', 'revoked'));
