-- Where referrals go. Its own client receives them and nothing else; without one somebody gets a signed document.
CREATE TABLE gateway.referral_destination (
    code      text PRIMARY KEY,
    name      text NOT NULL,
    function  text NOT NULL,
    phone     text NOT NULL,
    client_id text UNIQUE,
    duty_class text CHECK (duty_class IN ('a', 'b', 'c')), -- of Children Act 2004 section 16LA; absent: no such agency
    active    boolean NOT NULL DEFAULT true
);
GRANT SELECT, INSERT, UPDATE ON gateway.referral_destination TO gateway_app;

-- A referral, or the decision not to make one. What was answered is sealed under the family's key; what clocks and
-- worklists need stands in the clear: codes and instants, nothing about anybody.
CREATE TABLE gateway.referral (
    referral_id     uuid PRIMARY KEY,
    case_id         uuid NOT NULL REFERENCES gateway.case_record ON DELETE CASCADE,
    family_id       uuid NOT NULL,
    author_id       uuid NOT NULL REFERENCES gateway.staff,
    kind            text NOT NULL CHECK (kind IN ('agreed', 'considered', 'duty', 'protection')),
    state           text NOT NULL CHECK (state IN ('draft', 'sent', 'acknowledged', 'decided', 'recorded')),
    destination     text REFERENCES gateway.referral_destination,
    emergency       boolean NOT NULL DEFAULT false,
    sealed          bytea NOT NULL,       -- the answers
    recorded_at     timestamptz NOT NULL, -- when it was first written down here
    typed_at        timestamptz,          -- on the emergency page, while no record could be read
    concern_at      timestamptz,          -- as the author says
    called_at       timestamptz,
    sent_at         timestamptz,
    completed_at    timestamptz,          -- every question answered
    acknowledged_at timestamptz,
    decided_at      timestamptz,
    outcome         text,
    told            boolean,              -- the family; absent: nobody said yet
    tell_on         date,
    hidden_from     text[] NOT NULL DEFAULT '{}', -- usernames of colleagues who must not learn of it
    sampled         boolean NOT NULL DEFAULT false,
    visibility      text NOT NULL DEFAULT 'pending' CHECK (visibility IN ('pending', 'show', 'withhold')),
    visible_until   date,
    visibility_sealed bytea,              -- who withheld it from the family, on what ground, why
    CHECK (state IN ('draft', 'recorded') OR (destination IS NOT NULL AND sent_at IS NOT NULL)),
    CHECK (state <> 'recorded' OR kind IN ('considered', 'duty'))
);
CREATE INDEX referral_by_family ON gateway.referral (family_id);
CREATE INDEX referral_by_author ON gateway.referral (author_id);
CREATE INDEX referral_by_destination ON gateway.referral (destination, sent_at);
GRANT SELECT, INSERT, UPDATE ON gateway.referral TO gateway_app;
GRANT SELECT, DELETE ON gateway.referral TO gateway_eraser;

-- What went, as it went: INSERT, and the proof that came with it.
CREATE TABLE gateway.referral_document (
    referral_id uuid NOT NULL REFERENCES gateway.referral ON DELETE CASCADE,
    number      integer NOT NULL CHECK (number > 0),
    sealed      bytea NOT NULL,
    sha256      text NOT NULL,
    entry_id    uuid NOT NULL UNIQUE,
    sent_at     timestamptz NOT NULL,
    proof       text, -- receipt, or promise; absent: neither could be had
    PRIMARY KEY (referral_id, number)
);
GRANT SELECT, INSERT, UPDATE (proof) ON gateway.referral_document TO gateway_app;
GRANT SELECT, DELETE ON gateway.referral_document TO gateway_eraser;

-- Who took what, each with its entry.
CREATE TABLE gateway.referral_fetch (
    fetch_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    referral_id uuid NOT NULL REFERENCES gateway.referral ON DELETE CASCADE,
    number      integer NOT NULL,
    by_client   text, -- absent: by the code of a pickup
    practitioner text,
    fetched_at  timestamptz NOT NULL
);
CREATE INDEX referral_fetch_by_referral ON gateway.referral_fetch (referral_id);
GRANT SELECT, INSERT ON gateway.referral_fetch TO gateway_app;
GRANT SELECT, DELETE ON gateway.referral_fetch TO gateway_eraser;

CREATE TABLE gateway.referral_review (
    review_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    referral_id uuid NOT NULL REFERENCES gateway.referral ON DELETE CASCADE,
    reviewer    text NOT NULL CHECK (reviewer IN ('lead', 'officer')),
    by          text NOT NULL,
    at          timestamptz NOT NULL,
    findings    text[] NOT NULL CHECK (cardinality(findings) > 0),
    sealed      bytea NOT NULL -- what was noted
);
CREATE INDEX referral_review_by_referral ON gateway.referral_review (referral_id);
GRANT SELECT, INSERT ON gateway.referral_review TO gateway_app;
GRANT SELECT, DELETE ON gateway.referral_review TO gateway_eraser;

-- For a destination without a client: one document, one named person, one code told by phone.
CREATE TABLE gateway.referral_pickup (
    pickup_id   uuid PRIMARY KEY,
    referral_id uuid NOT NULL REFERENCES gateway.referral ON DELETE CASCADE,
    number      integer NOT NULL,
    sealed      bytea NOT NULL, -- for whom
    code_hash   bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    tries       integer NOT NULL DEFAULT 0,
    fetched_at  timestamptz
);
CREATE INDEX referral_pickup_by_referral ON gateway.referral_pickup (referral_id);
GRANT SELECT, INSERT, UPDATE (tries, fetched_at) ON gateway.referral_pickup TO gateway_app;
GRANT SELECT, DELETE ON gateway.referral_pickup TO gateway_eraser;
