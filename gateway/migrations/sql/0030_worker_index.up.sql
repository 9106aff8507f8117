-- The list of whoever works with families is theirs alone: it is not looked for in everybody's.
CREATE INDEX case_worker_by_worker ON gateway.case_worker (worker);
