DROP TABLE agencies.attestation;
