-- Entitlement: why an agency may ask about a case at all.
CREATE TABLE gateway.panel_meeting (
    meeting_id uuid PRIMARY KEY,
    source_ref text NOT NULL UNIQUE,
    title      text NOT NULL,
    held_on    date NOT NULL,
    opens_at   timestamptz NOT NULL,      -- 7 working days before (configurable)
    closes_at  timestamptz NOT NULL,      -- start of the 6th working day after
    CHECK (opens_at < closes_at)
);
CREATE TABLE gateway.panel_member (
    meeting_id  uuid NOT NULL REFERENCES gateway.panel_meeting,
    agency_code text NOT NULL,
    PRIMARY KEY (meeting_id, agency_code)
);
CREATE TABLE gateway.agenda_item (
    meeting_id uuid NOT NULL REFERENCES gateway.panel_meeting,
    case_id    uuid NOT NULL REFERENCES gateway.case_record ON DELETE CASCADE,
    family_id  uuid NOT NULL,
    PRIMARY KEY (meeting_id, case_id)
);
CREATE INDEX agenda_item_by_case ON gateway.agenda_item (case_id);
CREATE TABLE gateway.offer (
    offer_id    uuid PRIMARY KEY,
    source_ref  text NOT NULL UNIQUE,
    case_id     uuid NOT NULL REFERENCES gateway.case_record ON DELETE CASCADE,
    family_id   uuid NOT NULL,
    agency_code text NOT NULL,
    service     text NOT NULL,
    accepted_on date NOT NULL,
    ended_on    date
);
CREATE INDEX offer_by_case ON gateway.offer (case_id, agency_code);
GRANT SELECT, INSERT, UPDATE ON gateway.panel_meeting TO gateway_app;
GRANT SELECT, INSERT, DELETE ON gateway.panel_member, gateway.agenda_item TO gateway_app;
GRANT SELECT, INSERT, UPDATE ON gateway.offer TO gateway_app;
GRANT SELECT, DELETE ON gateway.agenda_item, gateway.offer TO gateway_eraser;
SELECT gateway.guard('gateway.panel_member', 'agency_code');
SELECT gateway.guard('gateway.agenda_item', 'family_id');
SELECT gateway.guard('gateway.offer', 'family_id');

-- A meeting that moves changes the window of every family on its agenda.
CREATE FUNCTION gateway.require_agenda_gates() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM gateway.agenda_item i LEFT JOIN gateway.family_gate g USING (family_id)
         WHERE i.meeting_id = NEW.meeting_id AND g.moved_in IS DISTINCT FROM pg_current_xact_id()) THEN
        RAISE EXCEPTION 'a change to a meeting did not move the gates of its agenda'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION gateway.require_agenda_gates() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER moved_gate AFTER UPDATE ON gateway.panel_meeting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION gateway.require_agenda_gates();
