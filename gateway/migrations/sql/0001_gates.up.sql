-- Gates: one version per family and per agency, nothing personal in them.
-- INVARIANT: every transaction that can change what may be released moves the gate of
-- the families and agencies it touches; a deferred trigger refuses a commit that forgot.
CREATE SCHEMA gateway;
CREATE SCHEMA agencies;
CREATE SCHEMA consent_registry;
REVOKE ALL ON SCHEMA gateway, agencies, consent_registry FROM PUBLIC;
GRANT USAGE ON SCHEMA gateway, agencies, consent_registry TO gateway_app, gateway_eraser;

CREATE TABLE gateway.family_gate (
    family_id uuid PRIMARY KEY,
    version   bigint NOT NULL,
    moved_in  xid8 NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE gateway.agency_gate (
    agency_code text PRIMARY KEY,
    version     bigint NOT NULL,
    moved_in    xid8 NOT NULL
) WITH (fillfactor = 50);

GRANT SELECT ON gateway.family_gate, gateway.agency_gate TO gateway_app, gateway_eraser;

-- The only way to move a gate. Sorted, so that two writers never deadlock; a new family
-- or agency gets its gate here.
CREATE FUNCTION gateway.move_gates(p_families uuid[], p_agencies text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO gateway.family_gate AS g (family_id, version, moved_in)
    SELECT f, 1, pg_catalog.pg_current_xact_id()
      FROM (SELECT DISTINCT unnest(p_families) AS f) AS wanted ORDER BY f
    ON CONFLICT (family_id) DO UPDATE
       SET version = g.version + 1, moved_in = excluded.moved_in;
    INSERT INTO gateway.agency_gate AS g (agency_code, version, moved_in)
    SELECT a, 1, pg_catalog.pg_current_xact_id()
      FROM (SELECT DISTINCT unnest(p_agencies) AS a) AS wanted ORDER BY a
    ON CONFLICT (agency_code) DO UPDATE
       SET version = g.version + 1, moved_in = excluded.moved_in;
$$;
REVOKE ALL ON FUNCTION gateway.move_gates(uuid[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.move_gates(uuid[], text[]) TO gateway_app, gateway_eraser;

-- Runs at commit for every changed row of a guarded table. TG_ARGV[0] says which column
-- names the gate: family_id or agency_code.
CREATE FUNCTION gateway.require_moved_gate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_rows jsonb[] := ARRAY[]::jsonb[];
    v_row jsonb;
    v_name text;
    v_moved boolean;
BEGIN
    IF TG_OP <> 'INSERT' THEN v_rows := v_rows || to_jsonb(OLD); END IF;
    IF TG_OP <> 'DELETE' THEN v_rows := v_rows || to_jsonb(NEW); END IF;
    FOREACH v_row IN ARRAY v_rows LOOP
        v_name := v_row ->> TG_ARGV[0];
        CONTINUE WHEN v_name IS NULL;
        IF TG_ARGV[0] = 'family_id' THEN
            SELECT g.moved_in = pg_current_xact_id() INTO v_moved
              FROM gateway.family_gate g WHERE g.family_id = v_name::uuid;
        ELSE
            SELECT g.moved_in = pg_current_xact_id() INTO v_moved
              FROM gateway.agency_gate g WHERE g.agency_code = v_name;
        END IF;
        IF v_moved IS NOT TRUE THEN
            RAISE EXCEPTION 'a change to %.% did not move its gate', TG_TABLE_SCHEMA, TG_TABLE_NAME
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION gateway.require_moved_gate() FROM PUBLIC;

-- Guards one table: called by the migrations that create tables which can change a release.
CREATE FUNCTION gateway.guard(p_table regclass, p_column text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format(
        'CREATE CONSTRAINT TRIGGER moved_gate AFTER INSERT OR UPDATE OR DELETE ON %s
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
         EXECUTE FUNCTION gateway.require_moved_gate(%L)', p_table, p_column);
END $$;
REVOKE ALL ON FUNCTION gateway.guard(regclass, text) FROM PUBLIC;
