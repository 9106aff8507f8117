-- Clients, keys, replay protection, and the members of staff that decisions name.
CREATE TABLE gateway.oauth_client (
    client_id   text PRIMARY KEY CHECK (client_id ~ '^[a-z]{2}_[A-Za-z0-9_-]{16,64}$'),
    agency_code text,                      -- absent: the council's own case system
    scopes      text[] NOT NULL,
    state       text NOT NULL CHECK (state IN ('active', 'revoked'))
);
CREATE TABLE gateway.oauth_client_key (
    client_id   text NOT NULL REFERENCES gateway.oauth_client,
    thumbprint  text NOT NULL,             -- RFC 7638
    agency_code text,
    jwk         jsonb NOT NULL,            -- public members only
    state       text NOT NULL CHECK (state IN ('active', 'removed')),
    PRIMARY KEY (client_id, thumbprint)
);
CREATE TABLE gateway.oauth_signing_key (
    kid        text PRIMARY KEY,
    public     jsonb NOT NULL,
    sealed     bytea NOT NULL,             -- private JWK under the reserved key
    state      text NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX one_active_signing_key ON gateway.oauth_signing_key (state) WHERE state = 'active';
CREATE TABLE gateway.oauth_replay (
    digest     bytea PRIMARY KEY,          -- SHA-256 of kind | party | jti | htu
    expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_replay_by_expiry ON gateway.oauth_replay (expires_at);
CREATE TABLE gateway.staff (
    id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username text NOT NULL UNIQUE CHECK (username ~ '^[a-z][a-z0-9.-]{1,63}$'),
    roles    text[] NOT NULL,
    active   boolean NOT NULL DEFAULT true
);
GRANT SELECT, INSERT, UPDATE ON gateway.oauth_client, gateway.oauth_client_key, gateway.oauth_signing_key, gateway.staff TO gateway_app;
GRANT SELECT, INSERT, DELETE ON gateway.oauth_replay TO gateway_app;
SELECT gateway.guard('gateway.oauth_client', 'agency_code');
SELECT gateway.guard('gateway.oauth_client_key', 'agency_code');
