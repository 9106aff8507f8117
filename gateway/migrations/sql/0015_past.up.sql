-- What a decision rested on at any past instant: the row as it was until a transaction changed it.
-- Nothing personal: the tables' clear columns, less what is sealed or needed by nobody here.
CREATE TABLE gateway.past (
    past_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name text NOT NULL,
    key        jsonb NOT NULL,
    family_id  uuid,
    body       jsonb,                      -- NULL: there was no such row until then
    until      timestamptz NOT NULL,
    UNIQUE (table_name, key, until)
);
CREATE INDEX past_by_family ON gateway.past (family_id);
GRANT SELECT ON gateway.past TO gateway_app;
GRANT SELECT, DELETE ON gateway.past TO gateway_eraser;

-- TG_ARGV[0]: the key's columns, TG_ARGV[1]: the columns left out; each divided by commas.
-- Of everything that one transaction does to a row, only how it was before counts.
CREATE FUNCTION gateway.keep_past() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_left text[] := string_to_array(TG_ARGV[1], ',');
    v_old  jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - v_left END;
    v_new  jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - v_left END;
    v_row  jsonb := coalesce(v_old, v_new);
BEGIN
    IF v_old IS DISTINCT FROM v_new THEN
        INSERT INTO gateway.past (table_name, key, family_id, body, until)
        SELECT TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, jsonb_object_agg(k, v_row -> k),
               (v_row ->> 'family_id')::uuid, v_old, transaction_timestamp()
          FROM unnest(string_to_array(TG_ARGV[0], ',')) AS k
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION gateway.keep_past() FROM PUBLIC;

CREATE TRIGGER keep_past AFTER INSERT OR UPDATE OR DELETE ON gateway.case_record FOR EACH ROW
    EXECUTE FUNCTION gateway.keep_past('case_id', 'source_ref_index,version');
CREATE TRIGGER keep_past AFTER INSERT OR UPDATE OR DELETE ON gateway.case_person FOR EACH ROW
    EXECUTE FUNCTION gateway.keep_past('case_id,person_id', 'born');
CREATE TRIGGER keep_past AFTER INSERT OR UPDATE OR DELETE ON gateway.case_worker FOR EACH ROW
    EXECUTE FUNCTION gateway.keep_past('case_id,worker,from_date', '');
CREATE TRIGGER keep_past AFTER INSERT OR UPDATE OR DELETE ON gateway.agenda_item FOR EACH ROW
    EXECUTE FUNCTION gateway.keep_past('meeting_id,case_id', 'not_ready_since');
CREATE TRIGGER keep_past AFTER INSERT OR UPDATE OR DELETE ON gateway.offer FOR EACH ROW
    EXECUTE FUNCTION gateway.keep_past('offer_id', 'source_ref,service');
CREATE TRIGGER keep_past AFTER INSERT OR UPDATE OR DELETE ON gateway.panel_meeting FOR EACH ROW
    EXECUTE FUNCTION gateway.keep_past('meeting_id', 'source_ref,title');
CREATE TRIGGER keep_past AFTER INSERT OR UPDATE OR DELETE ON gateway.panel_member FOR EACH ROW
    EXECUTE FUNCTION gateway.keep_past('meeting_id,agency_code', '');
CREATE TRIGGER keep_past AFTER INSERT OR UPDATE OR DELETE ON agencies.agency FOR EACH ROW
    EXECUTE FUNCTION gateway.keep_past('agency_code', 'name,practitioner_policy,purposes');
CREATE TRIGGER keep_past AFTER INSERT OR UPDATE OR DELETE ON agencies.effective_profile FOR EACH ROW
    EXECUTE FUNCTION gateway.keep_past('agency_code', '');
