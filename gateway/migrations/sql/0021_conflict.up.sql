-- To whom a case does not exist, and which refuge houses the family.
CREATE TABLE gateway.case_conflict (
    case_id         uuid NOT NULL REFERENCES gateway.case_record ON DELETE CASCADE,
    family_id       uuid NOT NULL,
    agency_code     text NOT NULL,
    practitioner_id text NOT NULL,         -- practitioner or staff id; empty: everybody of the agency
    PRIMARY KEY (case_id, agency_code, practitioner_id)
);
CREATE INDEX case_conflict_by_family ON gateway.case_conflict (family_id);
GRANT SELECT, INSERT ON gateway.case_conflict TO gateway_app;
GRANT SELECT, DELETE ON gateway.case_conflict TO gateway_eraser;
SELECT gateway.guard('gateway.case_conflict', 'family_id');
CREATE TRIGGER keep_past AFTER INSERT OR UPDATE OR DELETE ON gateway.case_conflict FOR EACH ROW
    EXECUTE FUNCTION gateway.keep_past('case_id,agency_code,practitioner_id', '');

ALTER TABLE gateway.case_record ADD COLUMN hosted_by text; -- code of the agency that houses the family
