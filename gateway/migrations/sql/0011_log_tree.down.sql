DROP FUNCTION gateway.record_promise(uuid, timestamptz, text);
DROP FUNCTION gateway.record_quorum(bigint, timestamptz);
DROP FUNCTION gateway.record_cosignature(bigint, text, text, timestamptz);
DROP FUNCTION gateway.publish_checkpoint(bigint, bytea, text);
DROP FUNCTION gateway.append(uuid[], bytea[], bytea[], uuid[], bigint[], text[], bigint[], uuid[], bigint, boolean);
DROP FUNCTION gateway.grow_log(bigint, bigint, bytea);
DROP TABLE gateway.log_promise, gateway.log_quorum, gateway.log_cosignature, gateway.log_checkpoint, gateway.log_tile;
ALTER TABLE gateway.log_head DROP COLUMN peaks, DROP COLUMN root;
REVOKE SELECT ON gateway.log_head, gateway.log_entry, gateway.log_payload, gateway.log_deferred FROM gateway_eraser;

-- append() as it was before the tree.
CREATE FUNCTION gateway.append(
    p_entry_ids uuid[], p_bodies bytea[], p_payloads bytea[],
    p_families uuid[], p_family_versions bigint[], p_agencies text[], p_agency_versions bigint[],
    p_extracts uuid[], OUT o_first bigint, OUT o_size bigint, OUT o_moved integer[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_size bigint;
    v_count bigint;
BEGIN
    -- A snapshot older than the head lock would hide a withdrawal that committed while we waited.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append() runs under READ COMMITTED only' USING ERRCODE = 'invalid_transaction_state';
    END IF;

    -- 1. The only lock. Whoever holds it decides the order of withdrawals and releases.
    SELECT h.size INTO v_size FROM gateway.log_head h FOR UPDATE;

    -- 2. A separate statement, hence a snapshot taken after the wait.
    SELECT coalesce(array_agg(u.o::integer ORDER BY u.o), '{}') INTO o_moved
      FROM unnest(p_families, p_family_versions, p_agencies, p_agency_versions)
           WITH ORDINALITY AS u(family, family_version, agency, agency_version, o)
     WHERE (u.family_version IS NOT NULL AND u.family_version IS DISTINCT FROM
               (SELECT g.version FROM gateway.family_gate g WHERE g.family_id = u.family))
        OR (u.agency_version IS NOT NULL AND u.agency_version IS DISTINCT FROM
               (SELECT g.version FROM gateway.agency_gate g WHERE g.agency_code = u.agency));

    -- 3. Entries that closed something without the head go first.
    IF EXISTS (SELECT FROM gateway.log_deferred) THEN
        WITH taken AS (
            DELETE FROM gateway.log_deferred RETURNING *
        ), numbered AS (
            SELECT v_size + row_number() OVER (ORDER BY t.sequence) - 1 AS leaf_index, t.* FROM taken t
        ), entries AS (
            INSERT INTO gateway.log_entry
            SELECT n.leaf_index, n.entry_id, n.body, sha256('\x00'::bytea || n.body) FROM numbered n
        ), traces AS (
            INSERT INTO gateway.log_trace SELECT n.entry_id, n.family_id, n.agency_code, NULL FROM numbered n
        ), payloads AS (
            INSERT INTO gateway.log_payload SELECT n.entry_id, n.sealed FROM numbered n RETURNING 1
        )
        SELECT v_size + count(*) INTO v_size FROM payloads;
    END IF;

    -- 4. The batch, in its order, less the moved.
    o_first := v_size;
    WITH numbered AS (
        SELECT v_size + row_number() OVER (ORDER BY u.o) - 1 AS leaf_index, u.*
          FROM unnest(p_entry_ids, p_bodies, p_payloads, p_families, p_agencies, p_extracts)
               WITH ORDINALITY AS u(entry_id, body, sealed, family_id, agency_code, extract_id, o)
         WHERE u.o <> ALL (o_moved)
    ), entries AS (
        INSERT INTO gateway.log_entry
        SELECT n.leaf_index, n.entry_id, n.body, sha256('\x00'::bytea || n.body) FROM numbered n
    ), traces AS (
        INSERT INTO gateway.log_trace SELECT n.entry_id, n.family_id, n.agency_code, n.extract_id FROM numbered n
    ), payloads AS (
        INSERT INTO gateway.log_payload SELECT n.entry_id, n.sealed FROM numbered n RETURNING 1
    )
    SELECT count(*) INTO v_count FROM payloads;
    o_size := v_size + v_count;
    UPDATE gateway.log_head SET size = o_size;
END $$;
REVOKE ALL ON FUNCTION gateway.append(uuid[], bytea[], bytea[], uuid[], bigint[], text[], bigint[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.append(uuid[], bytea[], bytea[], uuid[], bigint[], text[], bigint[], uuid[])
    TO gateway_app, gateway_eraser;
