DROP TABLE gateway.log_marked;
DROP TABLE gateway.log_mark;
