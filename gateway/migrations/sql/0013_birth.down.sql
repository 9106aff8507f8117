ALTER TABLE gateway.case_person DROP COLUMN born;
