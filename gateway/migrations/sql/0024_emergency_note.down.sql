DROP TABLE gateway.emergency_note;
