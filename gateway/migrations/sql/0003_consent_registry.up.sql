-- Who decided what. Decisions are append-only and carry a random subject id; the row that
-- maps it to a person in a family is erasable. The standing is the fold of the decisions.
CREATE TABLE consent_registry.subject (
    subject_id uuid PRIMARY KEY,
    family_id  uuid NOT NULL,
    person_id  uuid NOT NULL,
    UNIQUE (family_id, person_id)
);
CREATE TABLE consent_registry.decision (
    sequence    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decision_id uuid NOT NULL UNIQUE,
    subject_id  uuid NOT NULL,
    act         text NOT NULL CHECK (act IN ('give', 'refuse', 'withdraw', 'hold', 'invalidate', 'enter_in_error')),
    scope       jsonb NOT NULL,      -- agencies, exclude, categories, fields, purposes, notice, profiles_shown, reason: codes only
    valid_from  timestamptz,
    valid_until timestamptz,
    recorded_at timestamptz NOT NULL,
    sealed      bytea NOT NULL,      -- the whole decision document under the family's key
    digest      bytea NOT NULL       -- keyed digest of the document as received: tells a replay from a conflict
);
CREATE INDEX decision_by_subject ON consent_registry.decision (subject_id, sequence);
CREATE TABLE consent_registry.standing (
    subject_id uuid PRIMARY KEY,
    family_id  uuid NOT NULL,
    version    bigint NOT NULL,
    body       jsonb NOT NULL
);
CREATE INDEX standing_by_family ON consent_registry.standing (family_id);
GRANT SELECT, INSERT ON consent_registry.subject, consent_registry.decision TO gateway_app;
GRANT SELECT, INSERT, UPDATE ON consent_registry.standing TO gateway_app;
GRANT SELECT, DELETE ON consent_registry.subject, consent_registry.standing TO gateway_eraser;
SELECT gateway.guard('consent_registry.subject', 'family_id');
SELECT gateway.guard('consent_registry.standing', 'family_id');

-- A decision row names no family; its subject does.
CREATE FUNCTION consent_registry.require_moved_gate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM consent_registry.subject s JOIN gateway.family_gate g USING (family_id)
         WHERE s.subject_id = NEW.subject_id AND g.moved_in = pg_current_xact_id()) THEN
        RAISE EXCEPTION 'a consent decision did not move its gate' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION consent_registry.require_moved_gate() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER moved_gate AFTER INSERT ON consent_registry.decision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION consent_registry.require_moved_gate();
