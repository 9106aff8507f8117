-- What one person proposed and another decided: INSERT and SELECT, and the decision once.
CREATE TABLE gateway.approval (
    approval_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind        text NOT NULL CHECK (kind IN ('agency', 'clients', 'profile')),
    agency_code text NOT NULL,
    version     integer CHECK (version > 0),       -- of a profile
    digest      bytea NOT NULL CHECK (length(digest) = 32), -- of exactly what is proposed
    proposed_by uuid NOT NULL REFERENCES gateway.staff,
    proposed_at timestamptz NOT NULL,
    decision    text CHECK (decision IN ('approved', 'rejected', 'withdrawn')),
    decided_by  uuid REFERENCES gateway.staff,
    decided_at  timestamptz,
    CHECK ((kind = 'profile') = (version IS NOT NULL)),
    CHECK (num_nulls(decision, decided_by, decided_at) IN (0, 3)),
    CONSTRAINT two_people CHECK (decision IS DISTINCT FROM 'approved' OR decided_by <> proposed_by)
);
CREATE UNIQUE INDEX one_open_approval ON gateway.approval (kind, agency_code, coalesce(version, 0))
    WHERE decision IS NULL;
GRANT SELECT, INSERT, UPDATE (decision, decided_by, decided_at) ON gateway.approval TO gateway_app;
