-- Encrypted case records. Every row here is erasable; ids are random; what is readable
-- without a key is state, never a fact about a person.
CREATE TABLE gateway.family_key (
    family_id uuid PRIMARY KEY,
    kek_epoch integer NOT NULL,
    wrapped   bytea NOT NULL              -- data key and two tag keys, under the key-encryption key
);
CREATE TABLE gateway.person (
    person_id        uuid PRIMARY KEY,
    source_ref_index bytea NOT NULL UNIQUE -- blind index, kind person_ref: the council's id of this person
);
CREATE TABLE gateway.person_key (
    family_id uuid NOT NULL,
    person_id uuid NOT NULL,
    wrapped   bytea NOT NULL,             -- the person's one key, sealed under this family's data key
    PRIMARY KEY (family_id, person_id)
);
CREATE TABLE gateway.case_record (
    case_id          uuid PRIMARY KEY,
    family_id        uuid NOT NULL UNIQUE,
    source_ref_index bytea NOT NULL UNIQUE, -- blind index, kind source_ref
    threshold_level  integer NOT NULL CHECK (threshold_level BETWEEN 1 AND 4),
    status           text NOT NULL CHECK (status IN ('open', 'closed')),
    version          bigint NOT NULL,
    seals            text[] NOT NULL DEFAULT '{}'
        CHECK (seals <@ ARRAY['party_restriction', 'conflict', 'adoption'])
);
CREATE TABLE gateway.case_person (
    case_id     uuid NOT NULL REFERENCES gateway.case_record ON DELETE CASCADE,
    family_id   uuid NOT NULL,
    person_id   uuid NOT NULL,
    role        text NOT NULL CHECK (role IN ('child', 'adult', 'other')),
    risk_person boolean NOT NULL DEFAULT false,
    shield      text NOT NULL DEFAULT 'none' CHECK (shield IN ('none', 'restricted', 'refuge')),
    PRIMARY KEY (case_id, person_id)
);
CREATE TABLE gateway.case_worker (
    case_id   uuid NOT NULL REFERENCES gateway.case_record ON DELETE CASCADE,
    family_id uuid NOT NULL,
    worker    text NOT NULL,              -- practitioner or staff id
    from_date date NOT NULL,
    to_date   date,
    PRIMARY KEY (case_id, worker, from_date)
);
CREATE TABLE gateway.case_part (
    part_id   uuid PRIMARY KEY,
    case_id   uuid NOT NULL REFERENCES gateway.case_record ON DELETE CASCADE,
    family_id uuid NOT NULL,
    about     uuid[] NOT NULL,            -- sorted person ids; empty: about nobody, under the family's key
    version   bigint NOT NULL,
    sealed    bytea NOT NULL
);
CREATE INDEX case_part_by_case ON gateway.case_part (case_id);
CREATE TABLE gateway.blind_index (
    token     bytea NOT NULL,             -- keyed by kind: name_dob, nhs_number, pupil_number
    family_id uuid NOT NULL,
    person_id uuid NOT NULL,
    PRIMARY KEY (token, family_id, person_id)
);
CREATE INDEX blind_index_by_family ON gateway.blind_index (family_id);
-- Every id in an extract is random per (agency, thing): cases and people.
CREATE TABLE gateway.pairwise (
    ref         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    agency_code text NOT NULL,
    thing_id    uuid NOT NULL,            -- case_id or person_id
    family_id   uuid NOT NULL,
    UNIQUE (agency_code, thing_id, family_id)
);
CREATE INDEX pairwise_by_family ON gateway.pairwise (family_id, agency_code);

GRANT SELECT, INSERT ON gateway.family_key, gateway.person, gateway.person_key, gateway.pairwise TO gateway_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.case_record, gateway.case_person, gateway.case_worker, gateway.case_part, gateway.blind_index TO gateway_app;
GRANT SELECT, DELETE ON gateway.family_key, gateway.person, gateway.person_key, gateway.pairwise,
    gateway.case_record, gateway.case_person, gateway.case_worker, gateway.case_part, gateway.blind_index TO gateway_eraser;
SELECT gateway.guard('gateway.family_key', 'family_id');
SELECT gateway.guard('gateway.person_key', 'family_id');
SELECT gateway.guard('gateway.case_record', 'family_id');
SELECT gateway.guard('gateway.case_person', 'family_id');
SELECT gateway.guard('gateway.case_worker', 'family_id');
SELECT gateway.guard('gateway.case_part', 'family_id');

-- The key of the reserved null family seals what belongs to no family; it is never erased.
CREATE FUNCTION gateway.keep_reserved_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the reserved key is never erased' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER keep_reserved BEFORE DELETE OR UPDATE ON gateway.family_key FOR EACH ROW
    WHEN (OLD.family_id = '00000000-0000-0000-0000-000000000000') EXECUTE FUNCTION gateway.keep_reserved_key();
