-- Clients that come by certificate, clients and keys that wait for approval, tokens and certificates that were
-- revoked, what each agency may ask for, and the counters of rate limits.
ALTER TABLE agencies.agency ADD COLUMN purposes text[] NOT NULL DEFAULT '{P1,P2,P3}'
    CHECK (purposes <@ '{P1,P2,P3}'::text[]);

-- A client's certificate is known by one name in it and by who issued it (RFC 8705 section 2.1.2).
ALTER TABLE gateway.oauth_client
    ADD COLUMN certificate_name_kind text CHECK (certificate_name_kind IN
        ('subject_dn', 'san_dns', 'san_uri', 'san_ip', 'san_email')),
    ADD COLUMN certificate_name text,
    ADD COLUMN certificate_issuer text,
    ADD CHECK (num_nulls(certificate_name_kind, certificate_name, certificate_issuer) IN (0, 3)),
    DROP CONSTRAINT oauth_client_state_check,
    ADD CONSTRAINT oauth_client_state_check CHECK (state IN ('proposed', 'active', 'revoked'));
ALTER TABLE gateway.oauth_client_key
    DROP CONSTRAINT oauth_client_key_state_check,
    ADD CONSTRAINT oauth_client_key_state_check CHECK (state IN ('proposed', 'active', 'removed'));
-- One key, one client: a key that two agencies share proves neither.
CREATE UNIQUE INDEX oauth_client_key_of_one_client ON gateway.oauth_client_key (thumbprint);

CREATE TABLE gateway.connection_test (
    client_id text PRIMARY KEY REFERENCES gateway.oauth_client,
    passed_at timestamptz NOT NULL         -- the last time that a client not yet effective proved who it is
);
GRANT SELECT, INSERT, UPDATE ON gateway.connection_test TO gateway_app;

CREATE TABLE gateway.oauth_revoked_token (
    digest     bytea PRIMARY KEY,          -- SHA-256 of the jti
    expires_at timestamptz NOT NULL        -- of the token: after that nobody accepts it anyway
);
CREATE INDEX oauth_revoked_token_by_expiry ON gateway.oauth_revoked_token (expires_at);
GRANT SELECT, INSERT, DELETE ON gateway.oauth_revoked_token TO gateway_app;

-- Signing keys: the private half is destroyed when it no longer signs; a key that is gone is published no more.
ALTER TABLE gateway.oauth_signing_key
    ALTER COLUMN sealed DROP NOT NULL,
    DROP CONSTRAINT oauth_signing_key_state_check,
    ADD CONSTRAINT oauth_signing_key_state_check CHECK (state IN ('next', 'active', 'retired', 'gone')),
    ADD CHECK ((sealed IS NOT NULL) = (state IN ('next', 'active')));

CREATE TABLE gateway.certificate_authority (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    certificate text NOT NULL,             -- PEM
    sealed      bytea NOT NULL,            -- private key, PEM, under the reserved key
    list_number bigint NOT NULL DEFAULT 0  -- of the last revocation list (RFC 5280 section 5.2.3)
);
GRANT SELECT, INSERT, UPDATE ON gateway.certificate_authority TO gateway_app;
CREATE TABLE gateway.client_certificate (
    thumbprint  text PRIMARY KEY,          -- x5t#S256, RFC 8705 section 3.1
    agency_code text,
    client_id   text REFERENCES gateway.oauth_client,
    serial      text NOT NULL,             -- hexadecimal
    issuer      text NOT NULL,
    subject     text NOT NULL,
    not_after   timestamptz NOT NULL,
    state       text NOT NULL CHECK (state IN ('active', 'revoked')),
    revoked_at  timestamptz,
    reason      text,                      -- RFC 5280 section 5.3.1
    CHECK ((state = 'revoked') = (revoked_at IS NOT NULL AND reason IS NOT NULL))
);
CREATE INDEX client_certificate_by_client ON gateway.client_certificate (client_id);
CREATE INDEX client_certificate_by_serial ON gateway.client_certificate (issuer, serial);
GRANT SELECT, INSERT, UPDATE ON gateway.client_certificate TO gateway_app;
SELECT gateway.guard('gateway.client_certificate', 'agency_code');

-- Unlogged: a crash forgets the counters, and costs nobody a flush.
CREATE UNLOGGED TABLE gateway.rate_bucket (
    digest     bytea PRIMARY KEY,          -- SHA-256 of what is limited
    capacity   double precision NOT NULL,
    per_second double precision NOT NULL,
    level      double precision NOT NULL,
    allowed    boolean NOT NULL,           -- the outcome of the statement that wrote the row
    filled_at  timestamptz NOT NULL
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.rate_bucket TO gateway_app;
