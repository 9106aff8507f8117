ALTER TABLE gateway.case_record DROP COLUMN hosted_by;
DROP TABLE gateway.case_conflict;
