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
    IF NOT EXISTS (SELECT FROM gateway.log_checkpoint c WHERE c.size > v_leaf) THEN
        RAISE EXCEPTION 'no published checkpoint includes the erasure' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    DELETE FROM gateway.log_payload p USING gateway.log_trace t
     WHERE t.entry_id = p.entry_id AND t.family_id = p_family;
    DELETE FROM gateway.log_trace WHERE family_id = p_family;
    DELETE FROM gateway.log_erasure WHERE family_id = p_family;
END $$;

DROP TABLE gateway.log_marked;
DROP TABLE gateway.log_mark;
