DROP INDEX gateway.case_worker_by_worker;
