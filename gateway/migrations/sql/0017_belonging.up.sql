-- Whom members of staff work with, which families they opened with a reason, and what they proved once more.
ALTER TABLE gateway.staff
    ADD COLUMN team text CHECK (team ~ '^[a-z][a-z0-9-]{1,39}$'),
    ADD COLUMN agency_code text,           -- of whoever uses the desk of an agency
    ADD COLUMN practitioner_id text,       -- as that agency's register names them
    ADD CONSTRAINT desk_user CHECK ((agency_code IS NULL) = (practitioner_id IS NULL));
CREATE TABLE gateway.family_opened (
    session_id uuid NOT NULL REFERENCES gateway.staff_session,
    family_id  uuid NOT NULL,
    reason     text NOT NULL,
    opened_at  timestamptz NOT NULL,
    PRIMARY KEY (session_id, family_id)
);
CREATE INDEX family_opened_by_family ON gateway.family_opened (family_id);
CREATE TABLE gateway.staff_step_up (
    digest     bytea PRIMARY KEY CHECK (length(digest) = 32), -- of the nonce
    session_id uuid NOT NULL REFERENCES gateway.staff_session,
    action     text NOT NULL,
    record     text NOT NULL,
    expires_at timestamptz NOT NULL,
    proved_at  timestamptz                 -- by the council's provider; a passkey's proof is used up where it is made
);
CREATE INDEX staff_step_up_by_expiry ON gateway.staff_step_up (expires_at);
GRANT SELECT, INSERT ON gateway.family_opened TO gateway_app;
GRANT SELECT, DELETE ON gateway.family_opened TO gateway_eraser;
GRANT SELECT, INSERT, UPDATE (proved_at), DELETE ON gateway.staff_step_up TO gateway_app;
GRANT DELETE ON gateway.staff_passkey TO gateway_app;
GRANT UPDATE (digest) ON gateway.staff_session TO gateway_app;
