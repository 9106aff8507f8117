-- Clients that were stopped for now, keys that end on a day, and what became of a client's requests for tokens.
ALTER TABLE gateway.oauth_client
    DROP CONSTRAINT oauth_client_state_check,
    ADD CONSTRAINT oauth_client_state_check CHECK (state IN ('proposed', 'active', 'suspended', 'revoked'));
ALTER TABLE gateway.oauth_client_key
    ADD COLUMN added_at timestamptz,       -- absent: before it was written down
    ADD COLUMN ends_on date;               -- first day, in London, on which it opens nothing; absent: it has no end
ALTER TABLE gateway.oauth_client_key ALTER COLUMN added_at SET DEFAULT now();

-- Who is let in again needs two people, as whoever is let in.
ALTER TABLE gateway.approval
    DROP CONSTRAINT approval_kind_check,
    ADD CONSTRAINT approval_kind_check CHECK (kind IN ('agency', 'clients', 'profile', 'reinstatement'));

-- One row per token, and nothing of what it says; the newest of each client and key stays when the token is over.
CREATE TABLE gateway.oauth_issued_token (
    digest     bytea PRIMARY KEY,          -- SHA-256 of the jti
    client_id  text NOT NULL REFERENCES gateway.oauth_client,
    client_key text,                       -- thumbprint (RFC 7638); absent: the client came by certificate
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_issued_token_by_client ON gateway.oauth_issued_token (client_id, client_key, issued_at);
GRANT SELECT, INSERT, DELETE ON gateway.oauth_issued_token TO gateway_app;

-- Of a client that proved who it is: the last request for a token that came to nothing.
CREATE TABLE gateway.oauth_refused_request (
    client_id  text PRIMARY KEY REFERENCES gateway.oauth_client,
    error      text NOT NULL,              -- RFC 6749 section 5.2
    refused_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON gateway.oauth_refused_request TO gateway_app;
