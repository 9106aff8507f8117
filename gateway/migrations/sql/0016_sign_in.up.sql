-- How members of staff prove who they are. No secret is stored: of each only its SHA-256.
CREATE TABLE gateway.staff_invitation (
    digest     bytea PRIMARY KEY CHECK (length(digest) = 32), -- of the one-time code
    staff_id   uuid NOT NULL REFERENCES gateway.staff,
    invited_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE TABLE gateway.staff_passkey (
    credential_id bytea PRIMARY KEY,
    staff_id      uuid NOT NULL REFERENCES gateway.staff,
    public_key    bytea NOT NULL,          -- COSE
    sign_count    bigint NOT NULL CHECK (sign_count >= 0),
    added_at      timestamptz NOT NULL DEFAULT now(),
    used_at       timestamptz
);
CREATE INDEX staff_passkey_by_staff ON gateway.staff_passkey (staff_id);
CREATE TABLE gateway.staff_challenge (     -- challenges that were used up
    digest     bytea PRIMARY KEY CHECK (length(digest) = 32),
    expires_at timestamptz NOT NULL
);
CREATE INDEX staff_challenge_by_expiry ON gateway.staff_challenge (expires_at);
CREATE TABLE gateway.staff_session (
    session_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    digest     bytea NOT NULL UNIQUE CHECK (length(digest) = 32), -- of the cookie
    staff_id   uuid NOT NULL REFERENCES gateway.staff,
    method     text NOT NULL CHECK (method IN ('demo', 'passkey')),
    began_at   timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL CHECK (ends_at > began_at),
    ended_at   timestamptz,
    ending     text CHECK (ending IN ('disabled', 'ended', 'replaced', 'signed_out')),
    CHECK ((ended_at IS NULL) = (ending IS NULL))
);
CREATE INDEX staff_session_by_staff ON gateway.staff_session (staff_id) WHERE ended_at IS NULL;
GRANT SELECT, INSERT, UPDATE (used_at) ON gateway.staff_invitation TO gateway_app;
GRANT SELECT, INSERT, UPDATE (sign_count, used_at) ON gateway.staff_passkey TO gateway_app;
GRANT SELECT, INSERT, DELETE ON gateway.staff_challenge TO gateway_app;
GRANT SELECT, INSERT, UPDATE (seen_at, ended_at, ending) ON gateway.staff_session TO gateway_app;
