-- Where the explorer finds entries of the log without opening them all: keyed hashes of what an entry is about. They go
-- with the trace that maps an entry to its family, so with the family.
CREATE TABLE gateway.log_mark (
    entry_id     uuid PRIMARY KEY REFERENCES gateway.log_trace ON DELETE CASCADE,
    leaf_index   bigint NOT NULL UNIQUE,
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
