DROP TABLE gateway.pairwise, gateway.blind_index, gateway.case_part, gateway.case_worker, gateway.case_person,
    gateway.case_record, gateway.person_key, gateway.person, gateway.family_key;
DROP FUNCTION gateway.keep_reserved_key();
