DROP TABLE gateway.approval;
