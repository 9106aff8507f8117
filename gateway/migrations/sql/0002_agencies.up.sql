-- Who takes part. Profile versions are immutable: INSERT and SELECT only.
CREATE TABLE agencies.agency (
    agency_code         text PRIMARY KEY CHECK (agency_code ~ '^[a-z][a-z0-9-]{1,39}$'),
    kind                text NOT NULL,
    name                text NOT NULL,
    practitioner_policy text NOT NULL DEFAULT 'registered' CHECK (practitioner_policy IN ('registered', 'asserted')),
    state               text NOT NULL CHECK (state IN ('proposed', 'active', 'suspended', 'ended'))
);
CREATE TABLE agencies.agreement (
    agreement_id uuid PRIMARY KEY,
    agency_code  text NOT NULL REFERENCES agencies.agency,
    reference    text NOT NULL,
    assessment   text NOT NULL,
    valid_from   date NOT NULL,
    valid_until  date NOT NULL,
    CHECK (valid_from < valid_until)
);
CREATE INDEX agreement_by_agency ON agencies.agreement (agency_code);
CREATE TABLE agencies.profile_version (
    agency_code text NOT NULL REFERENCES agencies.agency,
    version     integer NOT NULL CHECK (version > 0),
    document    text NOT NULL,                     -- the TOML, byte for byte
    sha256      bytea NOT NULL CHECK (sha256 = sha256(convert_to(document, 'UTF8'))),
    PRIMARY KEY (agency_code, version)
);
CREATE TABLE agencies.effective_profile (
    agency_code    text PRIMARY KEY REFERENCES agencies.agency,
    version        integer NOT NULL,
    effective_from timestamptz NOT NULL,
    FOREIGN KEY (agency_code, version) REFERENCES agencies.profile_version
);
CREATE TABLE agencies.practitioner (
    agency_code     text NOT NULL REFERENCES agencies.agency,
    practitioner_id text NOT NULL CHECK (practitioner_id ~ '^[A-Za-z0-9._@-]{1,64}$'),
    name            text NOT NULL,
    role            text NOT NULL,
    active_from     date NOT NULL,
    active_until    date,
    PRIMARY KEY (agency_code, practitioner_id)
);
GRANT SELECT, INSERT, UPDATE ON agencies.agency, agencies.agreement, agencies.effective_profile, agencies.practitioner TO gateway_app;
GRANT SELECT, INSERT ON agencies.profile_version TO gateway_app;
SELECT gateway.guard('agencies.agency', 'agency_code');
SELECT gateway.guard('agencies.agreement', 'agency_code');
SELECT gateway.guard('agencies.effective_profile', 'agency_code');
SELECT gateway.guard('agencies.profile_version', 'agency_code');
SELECT gateway.guard('agencies.practitioner', 'agency_code');
