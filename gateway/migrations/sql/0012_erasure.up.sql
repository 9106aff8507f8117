-- Erasures that are recorded and not finished: the family's keys wait here, where nothing is sealed, opened or
-- released with them, until a published checkpoint includes the entry that says they are destroyed.
CREATE TABLE gateway.log_erasure (
    family_id  uuid PRIMARY KEY,
    kek_epoch  integer NOT NULL,
    wrapped    bytea NOT NULL,
    leaf_index bigint NOT NULL             -- of the entry that says so
);
GRANT SELECT ON gateway.log_erasure TO gateway_app;
GRANT SELECT, INSERT ON gateway.log_erasure TO gateway_eraser;
-- What is still open about a family keeps it from being erased.
GRANT SELECT (done_at) ON gateway.task TO gateway_eraser;

-- The only way that evidence goes: all of one family's, once the log has said so in public.
CREATE FUNCTION gateway.destroy_evidence(p_family uuid) RETURNS void
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
REVOKE ALL ON FUNCTION gateway.destroy_evidence(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.destroy_evidence(uuid) TO gateway_eraser;
REVOKE DELETE ON gateway.log_trace FROM gateway_eraser;

-- The reserved key is never erased; it may be wrapped again, under the next key-encryption key.
DROP TRIGGER keep_reserved ON gateway.family_key;
CREATE TRIGGER keep_reserved BEFORE DELETE ON gateway.family_key FOR EACH ROW
    WHEN (OLD.family_id = '00000000-0000-0000-0000-000000000000') EXECUTE FUNCTION gateway.keep_reserved_key();
CREATE TRIGGER keep_reserved_id BEFORE UPDATE OF family_id ON gateway.family_key FOR EACH ROW
    WHEN (OLD.family_id = '00000000-0000-0000-0000-000000000000') EXECUTE FUNCTION gateway.keep_reserved_key();
