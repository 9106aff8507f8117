DROP TABLE gateway.rate_bucket, gateway.client_certificate, gateway.certificate_authority,
    gateway.oauth_revoked_token, gateway.connection_test;
-- What the older version has no word for: it never served anybody, so nothing is lost by naming it ended.
DELETE FROM gateway.oauth_signing_key WHERE sealed IS NULL;
ALTER TABLE gateway.oauth_signing_key
    ALTER COLUMN sealed SET NOT NULL,
    DROP CONSTRAINT oauth_signing_key_check,
    DROP CONSTRAINT oauth_signing_key_state_check,
    ADD CONSTRAINT oauth_signing_key_state_check CHECK (state IN ('next', 'active', 'retired'));
DROP INDEX gateway.oauth_client_key_of_one_client;
ALTER TABLE gateway.oauth_client_key DISABLE TRIGGER moved_gate;
UPDATE gateway.oauth_client_key SET state = 'removed' WHERE state = 'proposed';
ALTER TABLE gateway.oauth_client_key ENABLE TRIGGER moved_gate;
ALTER TABLE gateway.oauth_client_key
    DROP CONSTRAINT oauth_client_key_state_check,
    ADD CONSTRAINT oauth_client_key_state_check CHECK (state IN ('active', 'removed'));
ALTER TABLE gateway.oauth_client DISABLE TRIGGER moved_gate;
UPDATE gateway.oauth_client SET state = 'revoked' WHERE state = 'proposed';
ALTER TABLE gateway.oauth_client ENABLE TRIGGER moved_gate;
ALTER TABLE gateway.oauth_client
    DROP CONSTRAINT oauth_client_check,
    DROP COLUMN certificate_name_kind, DROP COLUMN certificate_name, DROP COLUMN certificate_issuer,
    DROP CONSTRAINT oauth_client_state_check,
    ADD CONSTRAINT oauth_client_state_check CHECK (state IN ('active', 'revoked'));
ALTER TABLE agencies.agency DROP COLUMN purposes;
