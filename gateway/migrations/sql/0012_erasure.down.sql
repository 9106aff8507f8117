DROP TRIGGER keep_reserved_id ON gateway.family_key;
DROP TRIGGER keep_reserved ON gateway.family_key;
CREATE TRIGGER keep_reserved BEFORE DELETE OR UPDATE ON gateway.family_key FOR EACH ROW
    WHEN (OLD.family_id = '00000000-0000-0000-0000-000000000000') EXECUTE FUNCTION gateway.keep_reserved_key();
GRANT DELETE ON gateway.log_trace TO gateway_eraser;
DROP FUNCTION gateway.destroy_evidence(uuid);
REVOKE SELECT (done_at) ON gateway.task FROM gateway_eraser;
-- With the table the keys of erasures under way go: what they were to destroy is destroyed.
DROP TABLE gateway.log_erasure;
