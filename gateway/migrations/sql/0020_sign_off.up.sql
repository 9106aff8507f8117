-- Who read what one agency will be told, and let its free text go: for exactly these versions.
CREATE TABLE gateway.pack_sign_off (
    sign_off_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    case_id         uuid NOT NULL REFERENCES gateway.case_record ON DELETE CASCADE,
    family_id       uuid NOT NULL,
    case_version    bigint NOT NULL,
    agency_code     text NOT NULL,
    profile_version integer NOT NULL,
    stage           text NOT NULL CHECK (stage IN ('panel', 'service')),
    signed_by       text NOT NULL,
    signed_at       timestamptz NOT NULL,
    read_back       boolean NOT NULL,      -- the family heard it
    withdrawn_at    timestamptz,
    cuts_sealed     bytea                  -- where its free text is cut, and on what that rests
);
CREATE UNIQUE INDEX pack_sign_off_current
    ON gateway.pack_sign_off (case_id, agency_code, stage, case_version, profile_version) WHERE withdrawn_at IS NULL;
CREATE INDEX pack_sign_off_by_family ON gateway.pack_sign_off (family_id);
GRANT SELECT, INSERT, UPDATE (withdrawn_at) ON gateway.pack_sign_off TO gateway_app;
GRANT SELECT, DELETE ON gateway.pack_sign_off TO gateway_eraser;
SELECT gateway.guard('gateway.pack_sign_off', 'family_id');
