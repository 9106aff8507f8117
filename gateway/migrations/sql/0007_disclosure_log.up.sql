-- Evidence. gateway_app may read it and may call append() and defer_entry(); it holds no
-- INSERT, UPDATE, DELETE or TRUNCATE of its own, and its gap-free order is the head's.
CREATE TABLE gateway.log_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    size     bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO gateway.log_head (size) VALUES (0);

CREATE TABLE gateway.log_entry (
    leaf_index bigint PRIMARY KEY,
    entry_id   uuid NOT NULL UNIQUE,
    body       bytea NOT NULL CHECK (octet_length(body) BETWEEN 1 AND 65535),
    leaf_hash  bytea NOT NULL              -- SHA-256(0x00 || body), RFC 6962 section 2.1
);
CREATE TABLE gateway.log_payload (
    entry_id uuid PRIMARY KEY REFERENCES gateway.log_entry (entry_id),
    sealed   bytea NOT NULL
);
-- What maps entries to a family, an agency and an extract: erasable, never evidence.
CREATE TABLE gateway.log_trace (
    entry_id    uuid PRIMARY KEY,
    family_id   uuid NOT NULL,
    agency_code text,
    extract_id  uuid UNIQUE
);
CREATE INDEX log_trace_by_family ON gateway.log_trace (family_id);
-- Entries of acts that closed something while the head could not be had in time.
CREATE TABLE gateway.log_deferred (
    sequence    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id    uuid NOT NULL UNIQUE,
    body        bytea NOT NULL,
    sealed      bytea NOT NULL,
    family_id   uuid NOT NULL,
    agency_code text
);
GRANT SELECT ON gateway.log_head, gateway.log_entry, gateway.log_payload, gateway.log_trace, gateway.log_deferred TO gateway_app;
GRANT SELECT, DELETE ON gateway.log_trace TO gateway_eraser;

-- The only writer of evidence. One element per entry, position by position:
--   p_family_versions, p_agency_versions: the gate version the entry was decided on; NULL: not checked.
--   p_extracts: the extract released by the entry; NULL: none.
-- True afterwards: each entry whose gates had not moved stands at the next leaf index, in order;
-- o_moved lists the positions (from 1) whose gate moved, which were not written; o_size is the new size.
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

-- For acts that close, when the head could not be had in time: kept in the act's own
-- transaction, integrated by the next append().
CREATE FUNCTION gateway.defer_entry(p_entry_id uuid, p_body bytea, p_sealed bytea, p_family uuid, p_agency text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO gateway.log_deferred (entry_id, body, sealed, family_id, agency_code)
    VALUES (p_entry_id, p_body, p_sealed, p_family, p_agency);
$$;
REVOKE ALL ON FUNCTION gateway.defer_entry(uuid, bytea, bytea, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.defer_entry(uuid, bytea, bytea, uuid, text) TO gateway_app, gateway_eraser;
