-- Members of staff who sign in at the council's own provider (OpenID Connect).
ALTER TABLE gateway.staff ADD COLUMN break_glass boolean NOT NULL DEFAULT false; -- sealed, for when the provider is away
CREATE TABLE gateway.staff_identity (
    issuer    text NOT NULL,
    subject   text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    staff_id  uuid NOT NULL REFERENCES gateway.staff,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX staff_identity_by_staff ON gateway.staff_identity (staff_id);
CREATE TABLE gateway.staff_login (         -- under way at the provider; each is used once, and deleted by that
    digest     bytea PRIMARY KEY CHECK (length(digest) = 32),  -- of the state
    browser    bytea NOT NULL CHECK (length(browser) = 32),    -- digest of the cookie
    nonce      text NOT NULL,
    verifier   text NOT NULL,              -- RFC 7636
    wanted     text NOT NULL,
    invitation bytea REFERENCES gateway.staff_invitation,
    subject    text,                       -- of whom a fresh proof is wanted
    max_age    integer CHECK (max_age >= 0),
    purpose    bytea CHECK (length(purpose) <= 64),
    begun_at   timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > begun_at)
);
CREATE INDEX staff_login_by_expiry ON gateway.staff_login (expires_at);
ALTER TABLE gateway.staff_session
    DROP CONSTRAINT staff_session_method_check,
    ADD CONSTRAINT staff_session_method_check CHECK (method IN ('demo', 'oidc', 'passkey')),
    DROP CONSTRAINT staff_session_ending_check,
    ADD CONSTRAINT staff_session_ending_check
        CHECK (ending IN ('disabled', 'ended', 'provider', 'replaced', 'signed_out'));
GRANT SELECT, INSERT ON gateway.staff_identity TO gateway_app;
GRANT SELECT, INSERT, DELETE ON gateway.staff_login TO gateway_app;
