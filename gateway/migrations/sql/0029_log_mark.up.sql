-- Where the explorer finds entries of the log without opening them all: keyed hashes of what an entry is about. They go
-- with the trace that maps an entry to its family, so with the family.
CREATE TABLE gateway.log_mark (
    entry_id     uuid PRIMARY KEY REFERENCES gateway.log_trace ON DELETE CASCADE,
    leaf_index   bigint NOT NULL,          -- no index of its own: it would be walked for a question that finds nothing
    minute       bigint NOT NULL,          -- in seconds, as the entry's body says in public
    sort         bigint NOT NULL,          -- these four: the first 8 bytes of an HMAC, under a key that is not here
    agency       bigint NOT NULL,
    purpose      bigint NOT NULL,
    practitioner bigint NOT NULL
);
CREATE INDEX log_mark_by_sort ON gateway.log_mark (sort, leaf_index);
CREATE INDEX log_mark_by_agency ON gateway.log_mark (agency, leaf_index);
CREATE INDEX log_mark_by_purpose ON gateway.log_mark (purpose, leaf_index);
CREATE INDEX log_mark_by_practitioner ON gateway.log_mark (practitioner, leaf_index);
-- Every entry below this place has its marks, if it gets any.
CREATE TABLE gateway.log_marked (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    size     bigint NOT NULL
);
INSERT INTO gateway.log_marked (size) VALUES (0);
GRANT SELECT, INSERT ON gateway.log_mark TO gateway_app;
GRANT SELECT, UPDATE ON gateway.log_marked TO gateway_app;

-- The only way that evidence goes: all of one family's, once the log has said so in public.
CREATE OR REPLACE FUNCTION gateway.destroy_evidence(p_family uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_leaf bigint;
BEGIN
    SELECT e.leaf_index INTO v_leaf FROM gateway.log_erasure e WHERE e.family_id = p_family FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;                            -- finished before
    END IF;
    PERFORM FROM gateway.log_marked FOR UPDATE; -- before any trace: whoever gives marks holds this, then traces
    IF NOT EXISTS (SELECT FROM gateway.log_checkpoint c WHERE c.size > v_leaf) THEN
        RAISE EXCEPTION 'no published checkpoint includes the erasure' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    DELETE FROM gateway.log_payload p USING gateway.log_trace t
     WHERE t.entry_id = p.entry_id AND t.family_id = p_family;
    DELETE FROM gateway.log_trace WHERE family_id = p_family;
    DELETE FROM gateway.log_erasure WHERE family_id = p_family;
END $$;
