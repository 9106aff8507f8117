-- The day of birth, sealed under the person's key: what a parent agreed ends on a birthday without any job.
-- Absent where the record does not say it; a case stored before has none until it is stored again.
ALTER TABLE gateway.case_person ADD COLUMN born bytea;
