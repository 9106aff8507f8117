DELETE FROM gateway.staff_session WHERE method = 'oidc' OR ending = 'provider';
ALTER TABLE gateway.staff_session
    DROP CONSTRAINT staff_session_method_check,
    ADD CONSTRAINT staff_session_method_check CHECK (method IN ('demo', 'passkey')),
    DROP CONSTRAINT staff_session_ending_check,
    ADD CONSTRAINT staff_session_ending_check CHECK (ending IN ('disabled', 'ended', 'replaced', 'signed_out'));
DROP TABLE gateway.staff_login;
DROP TABLE gateway.staff_identity;
ALTER TABLE gateway.staff DROP COLUMN break_glass;
