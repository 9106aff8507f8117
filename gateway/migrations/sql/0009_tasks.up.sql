-- What a member of staff should look at. A row holds codes and counts; what leads to a family is in ref and facts.
CREATE TABLE gateway.task (
    task_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL CHECK (kind ~ '^[a-z_]+\.[a-z_]+$'),
    about     text NOT NULL CHECK (about ~ '^[A-Za-z0-9._:-]{0,128}$'),    -- a code: agency, client, thumbprint
    occasion  text NOT NULL CHECK (occasion ~ '^[A-Za-z0-9._:-]{0,128}$'), -- of what happens once; empty: none
    ref       uuid,                        -- erasable id, of a family for example
    facts     jsonb NOT NULL CHECK (jsonb_typeof(facts) = 'object'),
    forgotten boolean NOT NULL DEFAULT false, -- what ref named was erased
    due       timestamptz NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now(),
    done_at   timestamptz,
    done_by   text,
    CHECK ((done_at IS NULL) = (done_by IS NULL)),
    CHECK (NOT forgotten OR (ref IS NULL AND facts = '{}' AND occasion = ''))
);
-- INVARIANT: one open task per (kind, about, ref); with an occasion one task, open or done. Forgotten tasks no longer
-- count: without their refs two of them may look the same.
CREATE UNIQUE INDEX task_once_while_open ON gateway.task (kind, about, ref) NULLS NOT DISTINCT
    WHERE occasion = '' AND done_at IS NULL AND NOT forgotten;
CREATE UNIQUE INDEX task_once_per_occasion ON gateway.task (kind, about, ref, occasion) NULLS NOT DISTINCT
    WHERE occasion <> '' AND NOT forgotten;
CREATE INDEX task_open_by_due ON gateway.task (due, task_id) WHERE done_at IS NULL;
CREATE INDEX task_by_ref ON gateway.task (ref) WHERE ref IS NOT NULL;
GRANT SELECT, INSERT (kind, about, occasion, ref, facts, due), UPDATE (done_at, done_by) ON gateway.task TO gateway_app;
GRANT SELECT (ref), UPDATE (occasion, ref, facts, forgotten) ON gateway.task TO gateway_eraser;

-- The watch over unusual pulling: how far it has read the log, and the pulls of the last two days.
CREATE TABLE gateway.pull_watch (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    next_leaf bigint NOT NULL              -- leaf index of the first entry not read yet
);
INSERT INTO gateway.pull_watch (next_leaf) VALUES (0);
CREATE TABLE gateway.recent_pull (
    leaf_index   bigint PRIMARY KEY,
    at           timestamptz NOT NULL,
    agency_code  text NOT NULL,
    client_id    text NOT NULL,
    practitioner text NOT NULL,            -- the agency's own id; empty: the request named nobody
    -- Absent: a request for no known case. A row goes with its family's key, also one that is being written meanwhile.
    family_id    uuid REFERENCES gateway.family_key ON DELETE CASCADE,
    released     boolean NOT NULL
);
CREATE INDEX recent_pull_by_time ON gateway.recent_pull (at);
CREATE INDEX recent_pull_by_family ON gateway.recent_pull (family_id);
GRANT SELECT, UPDATE (next_leaf) ON gateway.pull_watch TO gateway_app;
-- UPDATE of one column, for row locks alone: an alert about a family keeps it from being erased until it is raised.
GRANT SELECT, INSERT, DELETE, UPDATE (leaf_index) ON gateway.recent_pull TO gateway_app;

-- The queue: what a worker calls, and what those functions touch as whoever calls them.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT USAGE ON SCHEMA jobs TO gateway_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs.procrastinate_jobs, jobs.procrastinate_periodic_defers,
    jobs.procrastinate_workers TO gateway_app;
GRANT INSERT ON jobs.procrastinate_events TO gateway_app;
GRANT USAGE ON SEQUENCE jobs.procrastinate_jobs_id_seq, jobs.procrastinate_periodic_defers_id_seq,
    jobs.procrastinate_events_id_seq TO gateway_app;
GRANT EXECUTE ON FUNCTION
    jobs.procrastinate_defer_jobs_v1(jobs.procrastinate_job_to_defer_v1[]),
    jobs.procrastinate_defer_periodic_job_v2(varchar, varchar, varchar, varchar, integer, varchar, bigint, jsonb),
    jobs.procrastinate_fetch_job_v2(varchar[], bigint),
    jobs.procrastinate_finish_job_v1(bigint, jobs.procrastinate_job_status, boolean),
    jobs.procrastinate_retry_job_v2(bigint, timestamptz, integer, varchar, varchar),
    jobs.procrastinate_register_worker_v1(),
    jobs.procrastinate_unregister_worker_v1(bigint),
    jobs.procrastinate_update_heartbeat_v1(bigint),
    jobs.procrastinate_prune_stalled_workers_v1(float)
    TO gateway_app;
