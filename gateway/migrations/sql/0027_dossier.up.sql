-- What the data protection officer keeps of one incident or one complaint. Steps are added and never changed: who did
-- what, when, in codes and instants. Words are sealed and lie apart, so that those of a family's complaint go with it.
CREATE TABLE gateway.dossier (
    dossier_id uuid PRIMARY KEY,
    sort       text NOT NULL CHECK (sort IN ('incident', 'complaint')),
    open       boolean NOT NULL DEFAULT true
);
GRANT SELECT, INSERT, UPDATE (open) ON gateway.dossier TO gateway_app;
GRANT SELECT ON gateway.dossier TO gateway_eraser;

CREATE TABLE gateway.dossier_step (
    step_id    uuid PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES gateway.dossier,
    number     bigint GENERATED ALWAYS AS IDENTITY, -- their order; told to nobody
    kind       text NOT NULL,
    at         timestamptz NOT NULL,
    by         text NOT NULL,
    facts      jsonb NOT NULL CHECK (jsonb_typeof(facts) = 'object') -- codes, counts, days and instants
);
CREATE INDEX dossier_step_by_dossier ON gateway.dossier_step (dossier_id, number);
GRANT SELECT, INSERT ON gateway.dossier_step TO gateway_app;
GRANT SELECT ON gateway.dossier_step TO gateway_eraser;

-- Whose complaint it is, as long as there is such a family.
CREATE TABLE gateway.dossier_family (
    dossier_id uuid PRIMARY KEY REFERENCES gateway.dossier,
    family_id  uuid NOT NULL
);
CREATE INDEX dossier_family_by_family ON gateway.dossier_family (family_id);
GRANT SELECT, INSERT ON gateway.dossier_family TO gateway_app;
GRANT SELECT, DELETE ON gateway.dossier_family TO gateway_eraser;

CREATE TABLE gateway.dossier_text (
    step_id   uuid PRIMARY KEY REFERENCES gateway.dossier_step,
    family_id uuid, -- under whose key it is sealed; absent: nobody's
    sealed    bytea NOT NULL
);
CREATE INDEX dossier_text_by_family ON gateway.dossier_text (family_id);
GRANT SELECT, INSERT ON gateway.dossier_text TO gateway_app;
GRANT SELECT, DELETE ON gateway.dossier_text TO gateway_eraser;
