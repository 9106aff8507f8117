-- What was called back from whom, and what they answered: one row per act and agency, erasable with the family.
CREATE TABLE gateway.recall (
    recall_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    family_id   uuid NOT NULL,
    agency_code text NOT NULL,
    extracts    uuid[] NOT NULL CHECK (cardinality(extracts) > 0),
    raised_at   timestamptz NOT NULL,
    due_on      date NOT NULL,            -- the last day for an answer
    answer      text CHECK (answer IN ('deleted', 'not_received', 'retained', 'returned', 'stopped')),
    ground      text CHECK (ground IN ('legal_claim', 'own_record', 'safeguarding', 'statutory_duty')),
    answered_at timestamptz,
    CHECK ((answer IS NULL) = (answered_at IS NULL)),
    CHECK ((ground IS NULL) = (answer IS DISTINCT FROM 'retained'))
);
CREATE INDEX recall_by_agency ON gateway.recall (agency_code, raised_at);
CREATE INDEX recall_by_family ON gateway.recall (family_id);
GRANT SELECT, INSERT, UPDATE (answer, ground, answered_at) ON gateway.recall TO gateway_app;
GRANT SELECT, DELETE ON gateway.recall TO gateway_eraser;

-- Since when a case that was listed is not ready any more: one word to chair and panel, whatever happened.
ALTER TABLE gateway.agenda_item
    ADD COLUMN not_ready_since timestamptz,
    ADD COLUMN position        integer CHECK (position > 0); -- in the file's agenda; absent for what was listed before
GRANT UPDATE (not_ready_since) ON gateway.agenda_item TO gateway_app;

-- How much one client sent lately is asked with every decision.
CREATE INDEX decision_by_client ON consent_registry.decision ((scope ->> 'via'), recorded_at);
