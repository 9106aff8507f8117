-- Samples of what an agency received, which it is asked to confirm. A sample is on record for good; what it asks about
-- is found through rows that go with the family.
CREATE TABLE gateway.access_sample (
    sample_id   uuid PRIMARY KEY,
    agency_code text NOT NULL,
    occasion    text,                      -- first day of the period, once for each agency; absent: drawn by hand
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL CHECK (since < until),
    wanted      integer NOT NULL CHECK (wanted > 0),
    population  integer NOT NULL CHECK (population >= 0),
    log_size    bigint NOT NULL,           -- what came later was not drawn from
    seed        bytea NOT NULL CHECK (octet_length(seed) = 32),
    drawn_by    text NOT NULL,
    drawn_at    timestamptz NOT NULL,
    due_on      date NOT NULL,             -- the last day for an answer
    escalate_on date NOT NULL CHECK (due_on < escalate_on), -- from this day on silence is the officer's
    UNIQUE (agency_code, occasion)
);
CREATE TABLE gateway.sampled_access (
    access_id   uuid PRIMARY KEY,
    sample_id   uuid NOT NULL REFERENCES gateway.access_sample,
    entry_id    uuid NOT NULL,
    family_id   uuid NOT NULL,
    answer      text CHECK (answer IN ('cannot_tell', 'no', 'yes')),
    channel     text CHECK (channel IN ('desk', 'email', 'letter', 'meeting', 'telephone')),
    answered_by text,                      -- username: of the agency at its desk, else of the officer who entered it
    answered_at timestamptz,
    said_on     date,                      -- the day of a letter or such
    sealed      bytea,                     -- who said it, under the family's key
    outcome     text CHECK (outcome IN ('explained', 'incident', 'put_right')),
    settled_by  text,
    settled_at  timestamptz,
    UNIQUE (sample_id, entry_id),
    CHECK (num_nulls(answer, channel, answered_by, answered_at) IN (0, 4)),
    CHECK (num_nulls(said_on, sealed) = CASE WHEN coalesce(channel, 'desk') = 'desk' THEN 2 ELSE 0 END),
    CHECK (num_nulls(outcome, settled_by, settled_at) IN (0, 3)),
    CHECK (outcome IS NULL OR answer = 'no')
);
CREATE INDEX sampled_access_by_family ON gateway.sampled_access (family_id);
GRANT SELECT, INSERT ON gateway.access_sample TO gateway_app;
GRANT SELECT, INSERT, UPDATE (answer, channel, answered_by, answered_at, said_on, sealed, outcome, settled_by, settled_at)
    ON gateway.sampled_access TO gateway_app;
GRANT SELECT, DELETE ON gateway.sampled_access TO gateway_eraser;
