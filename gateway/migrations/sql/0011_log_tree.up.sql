-- The Merkle tree over the log (RFC 6962), its checkpoints and their cosignatures.
-- The head keeps the tree's frontier: the roots of its complete subtrees, largest first,
-- 32 bytes each. Tiles (c2sp.org/tlog-tiles) are written once, when they are full; partial
-- ones are cut from log_entry, or from the roots of the full tiles one level below.
ALTER TABLE gateway.log_head
    ADD COLUMN peaks bytea NOT NULL DEFAULT '',
    ADD COLUMN root  bytea NOT NULL DEFAULT sha256('');

CREATE TABLE gateway.log_tile (
    level      integer NOT NULL,
    tile_index bigint  NOT NULL,
    hashes     bytea   NOT NULL CHECK (octet_length(hashes) = 8192),
    root       bytea   NOT NULL CHECK (octet_length(root) = 32),
    PRIMARY KEY (level, tile_index)
);
-- A row is here only once it was flushed: whoever reads it may show it to anybody.
CREATE TABLE gateway.log_checkpoint (
    size         bigint PRIMARY KEY,
    root         bytea NOT NULL CHECK (octet_length(root) = 32),
    note         text  NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE gateway.log_cosignature (
    size         bigint NOT NULL REFERENCES gateway.log_checkpoint (size),
    witness      text   NOT NULL,
    line         text   NOT NULL,
    witnessed_at timestamptz NOT NULL,
    PRIMARY KEY (size, witness)
);
CREATE INDEX log_cosignature_by_witness ON gateway.log_cosignature (witness, size);
-- Sizes whose cosignatures meet the witness policy, and when they last did.
CREATE TABLE gateway.log_quorum (
    size         bigint PRIMARY KEY REFERENCES gateway.log_checkpoint (size),
    witnessed_at timestamptz NOT NULL
);
-- Promises to include an entry that could not be signed in time, made for referrals only.
CREATE TABLE gateway.log_promise (
    entry_id   uuid PRIMARY KEY,
    include_by timestamptz NOT NULL,
    note       text NOT NULL
);
GRANT SELECT ON gateway.log_tile, gateway.log_checkpoint, gateway.log_cosignature, gateway.log_quorum, gateway.log_promise
    TO gateway_app, gateway_eraser;
GRANT SELECT ON gateway.log_head, gateway.log_entry, gateway.log_payload, gateway.log_deferred TO gateway_eraser;

-- Folds the entries from p_from up to, not including, p_to into a frontier, and writes every
-- tile that becomes full. True afterwards: p_peaks and o_root are those of the first p_to leaves.
CREATE FUNCTION gateway.grow_log(p_from bigint, p_to bigint, INOUT p_peaks bytea, OUT o_root bytea)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_peaks bytea[] := '{}';
    v_leaf  record;
    v_node  bytea;
    v_index bigint;
    v_level integer;
BEGIN
    FOR i IN 0 .. octet_length(p_peaks) / 32 - 1 LOOP
        v_peaks := array_append(v_peaks, substr(p_peaks, i * 32 + 1, 32));
    END LOOP;
    FOR v_leaf IN SELECT e.leaf_index, e.leaf_hash FROM gateway.log_entry e
                   WHERE e.leaf_index >= p_from AND e.leaf_index < p_to ORDER BY e.leaf_index LOOP
        v_node := v_leaf.leaf_hash;
        v_index := v_leaf.leaf_index;
        v_level := 0;
        WHILE v_index & 1 = 1 LOOP
            v_node := sha256('\x01'::bytea || v_peaks[cardinality(v_peaks)] || v_node);
            v_peaks := trim_array(v_peaks, 1);
            v_index := v_index >> 1;
            v_level := v_level + 1;
            IF v_level = 8 THEN
                INSERT INTO gateway.log_tile (level, tile_index, hashes, root)
                SELECT 0, v_index, string_agg(e.leaf_hash, '' ORDER BY e.leaf_index), v_node
                  FROM gateway.log_entry e
                 WHERE e.leaf_index >= v_index << 8 AND e.leaf_index < (v_index + 1) << 8;
            ELSIF v_level % 8 = 0 THEN
                INSERT INTO gateway.log_tile (level, tile_index, hashes, root)
                SELECT v_level / 8 - 1, v_index, string_agg(t.root, '' ORDER BY t.tile_index), v_node
                  FROM gateway.log_tile t
                 WHERE t.level = v_level / 8 - 2
                   AND t.tile_index >= v_index << 8 AND t.tile_index < (v_index + 1) << 8;
            END IF;
        END LOOP;
        v_peaks := array_append(v_peaks, v_node);
    END LOOP;
    p_peaks := coalesce((SELECT string_agg(u.peak, '' ORDER BY u.o) FROM unnest(v_peaks) WITH ORDINALITY AS u(peak, o)), '');
    o_root := coalesce(v_peaks[cardinality(v_peaks)], sha256(''));
    FOR i IN REVERSE cardinality(v_peaks) - 1 .. 1 LOOP
        o_root := sha256('\x01'::bytea || v_peaks[i] || o_root);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION gateway.grow_log(bigint, bigint, bytea) FROM PUBLIC;

UPDATE gateway.log_head h SET (peaks, root) = (SELECT g.p_peaks, g.o_root FROM gateway.grow_log(0, h.size, '') g);

-- The only writer of evidence. One element per entry, position by position:
--   p_family_versions, p_agency_versions: the gate version the entry was decided on; NULL: not checked.
--   p_extracts: the extract released by the entry; NULL: none.
--   p_known: the size of the tree the caller knows; NULL: it does not sign.
--   p_flush: false: the caller publishes a checkpoint next, whose flush makes this durable too.
-- True afterwards: each entry whose gates had not moved stands at the next leaf index, in order;
-- o_moved lists the positions (from 1) whose gate moved or whose family was erased, which were not written; o_size and o_root are
-- the new tree's; o_between holds the leaf hashes from p_known up to o_first, NULL when the caller
-- is more than 65,536 leaves behind, or knows more than there is.
DROP FUNCTION gateway.append(uuid[], bytea[], bytea[], uuid[], bigint[], text[], bigint[], uuid[]);
CREATE FUNCTION gateway.append(
    p_entry_ids uuid[], p_bodies bytea[], p_payloads bytea[],
    p_families uuid[], p_family_versions bigint[], p_agencies text[], p_agency_versions bigint[],
    p_extracts uuid[], p_known bigint, p_flush boolean,
    OUT o_first bigint, OUT o_size bigint, OUT o_moved integer[], OUT o_root bytea, OUT o_between bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_head record;
    v_count bigint;
BEGIN
    -- A snapshot older than the head lock would hide a withdrawal that committed while we waited.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append() runs under READ COMMITTED only' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF NOT p_flush THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;

    -- Whoever stops with the head in hand, in a transaction of its own, is put out: it must not stop everybody.
    PERFORM set_config('idle_in_transaction_session_timeout', '1000', true);

    -- 1. The only lock. Whoever holds it decides the order of withdrawals and releases.
    SELECT h.size, h.peaks INTO v_head FROM gateway.log_head h FOR UPDATE;

    -- 2. Entries that closed something without the head go first.
    o_first := v_head.size;
    IF EXISTS (SELECT FROM gateway.log_deferred) THEN
        WITH taken AS (
            DELETE FROM gateway.log_deferred RETURNING *
        ), numbered AS (
            SELECT v_head.size + row_number() OVER (ORDER BY t.sequence) - 1 AS leaf_index, t.* FROM taken t
        ), entries AS (
            INSERT INTO gateway.log_entry
            SELECT n.leaf_index, n.entry_id, n.body, sha256('\x00'::bytea || n.body) FROM numbered n
        ), traces AS (
            INSERT INTO gateway.log_trace SELECT n.entry_id, n.family_id, n.agency_code, NULL FROM numbered n
        ), payloads AS (
            INSERT INTO gateway.log_payload SELECT n.entry_id, n.sealed FROM numbered n RETURNING 1
        )
        SELECT v_head.size + count(*) INTO o_first FROM payloads;
    END IF;

    -- 3. A separate statement, hence a snapshot taken after the wait.
    SELECT coalesce(array_agg(u.o::integer ORDER BY u.o), '{}') INTO o_moved
      FROM unnest(p_families, p_family_versions, p_agencies, p_agency_versions)
           WITH ORDINALITY AS u(family, family_version, agency, agency_version, o)
     WHERE (u.family_version IS NOT NULL AND u.family_version IS DISTINCT FROM
               (SELECT g.version FROM gateway.family_gate g WHERE g.family_id = u.family))
        OR (u.agency_version IS NOT NULL AND u.agency_version IS DISTINCT FROM
               (SELECT g.version FROM gateway.agency_gate g WHERE g.agency_code = u.agency))
        -- Sealed under keys that were erased since: it could never be read, and would lead to the family.
        OR (u.family_version IS NULL AND EXISTS (SELECT FROM gateway.family_gate g WHERE g.family_id = u.family)
               AND NOT EXISTS (SELECT FROM gateway.family_key k WHERE k.family_id = u.family));

    -- 4. The batch, in its order, less the moved.
    WITH numbered AS (
        SELECT o_first + row_number() OVER (ORDER BY u.o) - 1 AS leaf_index, u.*
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
    o_size := o_first + v_count;

    -- 5. The tree.
    SELECT g.p_peaks, g.o_root INTO v_head.peaks, o_root FROM gateway.grow_log(v_head.size, o_size, v_head.peaks) g;
    UPDATE gateway.log_head SET size = o_size, peaks = v_head.peaks, root = o_root;
    IF p_known <= o_first AND o_first - p_known <= 65536 THEN
        SELECT coalesce(string_agg(e.leaf_hash, '' ORDER BY e.leaf_index), '') INTO o_between
          FROM gateway.log_entry e WHERE e.leaf_index >= p_known AND e.leaf_index < o_first;
    END IF;
END $$;
REVOKE ALL ON FUNCTION gateway.append(uuid[], bytea[], bytea[], uuid[], bigint[], text[], bigint[], uuid[], bigint, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.append(uuid[], bytea[], bytea[], uuid[], bigint[], text[], bigint[], uuid[], bigint, boolean)
    TO gateway_app, gateway_eraser;

-- The only writer of checkpoints. Its commit is flushed, and with it everything before it.
CREATE FUNCTION gateway.publish_checkpoint(p_size bigint, p_root bytea, p_note text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM gateway.log_head h WHERE h.size < p_size OR (h.size = p_size AND h.root <> p_root)) THEN
        RAISE EXCEPTION 'a checkpoint of a tree that is not there' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    INSERT INTO gateway.log_checkpoint (size, root, note) VALUES (p_size, p_root, p_note) ON CONFLICT DO NOTHING;
END $$;
REVOKE ALL ON FUNCTION gateway.publish_checkpoint(bigint, bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.publish_checkpoint(bigint, bytea, text) TO gateway_app, gateway_eraser;

CREATE FUNCTION gateway.record_cosignature(p_size bigint, p_witness text, p_line text, p_at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO gateway.log_cosignature (size, witness, line, witnessed_at) VALUES (p_size, p_witness, p_line, p_at)
    ON CONFLICT (size, witness) DO UPDATE SET line = excluded.line, witnessed_at = excluded.witnessed_at
    WHERE gateway.log_cosignature.witnessed_at < excluded.witnessed_at;
$$;
REVOKE ALL ON FUNCTION gateway.record_cosignature(bigint, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.record_cosignature(bigint, text, text, timestamptz) TO gateway_app;

CREATE FUNCTION gateway.record_quorum(p_size bigint, p_at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO gateway.log_quorum (size, witnessed_at) VALUES (p_size, p_at)
    ON CONFLICT (size) DO UPDATE SET witnessed_at = greatest(gateway.log_quorum.witnessed_at, excluded.witnessed_at);
$$;
REVOKE ALL ON FUNCTION gateway.record_quorum(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.record_quorum(bigint, timestamptz) TO gateway_app;

CREATE FUNCTION gateway.record_promise(p_entry_id uuid, p_include_by timestamptz, p_note text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO gateway.log_promise (entry_id, include_by, note) VALUES (p_entry_id, p_include_by, p_note);
$$;
REVOKE ALL ON FUNCTION gateway.record_promise(uuid, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.record_promise(uuid, timestamptz, text) TO gateway_app;
