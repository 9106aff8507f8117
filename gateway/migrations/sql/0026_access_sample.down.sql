DROP TABLE gateway.sampled_access;
DROP TABLE gateway.access_sample;
