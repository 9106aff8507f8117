DROP SCHEMA jobs CASCADE;
DROP TABLE gateway.recent_pull, gateway.pull_watch, gateway.task;
