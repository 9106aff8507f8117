DROP FUNCTION gateway.defer_entry(uuid, bytea, bytea, uuid, text);
DROP FUNCTION gateway.append(uuid[], bytea[], bytea[], uuid[], bigint[], text[], bigint[], uuid[]);
DROP TABLE gateway.log_deferred, gateway.log_trace, gateway.log_payload, gateway.log_entry, gateway.log_head;
