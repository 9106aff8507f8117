-- A profile that an officer writes: one for each agency. It releases nothing; saving it as a version is another act.
CREATE TABLE gateway.profile_draft (
    agency_code  text PRIMARY KEY,
    document     text NOT NULL,
    started_from integer CHECK (started_from > 0), -- version; absent: the template of the agency's kind
    authors      uuid[] NOT NULL CHECK (cardinality(authors) > 0), -- members of staff, whoever changed it
    edited_by    uuid NOT NULL REFERENCES gateway.staff,
    edited_at    timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.profile_draft TO gateway_app;

-- Who wrote a stored version: INSERT and SELECT.
CREATE TABLE gateway.profile_author (
    agency_code text NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    staff_id    uuid NOT NULL REFERENCES gateway.staff,
    PRIMARY KEY (agency_code, version, staff_id)
);
GRANT SELECT, INSERT ON gateway.profile_author TO gateway_app;

CREATE FUNCTION gateway.refuse_author() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM gateway.profile_author a WHERE a.agency_code = new.agency_code
                  AND a.version = new.version AND a.staff_id = new.decided_by) THEN
        RAISE EXCEPTION 'whoever wrote a profile version does not approve it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'no_author_approves';
    END IF;
    RETURN new;
END $$;
REVOKE ALL ON FUNCTION gateway.refuse_author() FROM PUBLIC;
CREATE TRIGGER no_author_approves BEFORE INSERT OR UPDATE ON gateway.approval FOR EACH ROW
    WHEN (new.kind = 'profile' AND new.decision = 'approved') EXECUTE FUNCTION gateway.refuse_author();
