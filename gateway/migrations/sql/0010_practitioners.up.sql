-- Confirmations of an agency's list of practitioners: INSERT and SELECT only.
CREATE TABLE agencies.attestation (
    attestation_id  uuid PRIMARY KEY,
    agency_code     text NOT NULL REFERENCES agencies.agency,
    attested_on     date NOT NULL,
    attested_by     text NOT NULL,
    practitioners   integer NOT NULL CHECK (practitioners >= 0),
    register_sha256 bytea NOT NULL          -- of the one text of the list (agencies/practitioner_file.py)
);
CREATE INDEX attestation_by_agency ON agencies.attestation (agency_code, attested_on);
GRANT SELECT, INSERT ON agencies.attestation TO gateway_app;

-- Every agency that is here counts as confirmed today, in London, so that nobody is refused by an upgrade. The
-- digest covers everyone who may act today or later.
WITH clock AS (
    SELECT (now() AT TIME ZONE 'Europe/London')::date AS today
), confirmed AS (
    SELECT a.agency_code, clock.today, count(p.practitioner_id) AS practitioners,
           coalesce(string_agg(p.practitioner_id
               || ',"' || replace(p.name, '"', '""') || '","' || replace(p.role, '"', '""') || '",'
               || to_char(p.active_from, 'YYYY-MM-DD') || ','
               || coalesce(to_char(p.active_until, 'YYYY-MM-DD'), '') || E'\n',
               '' ORDER BY p.practitioner_id COLLATE "C"), '') AS listed
      FROM agencies.agency a CROSS JOIN clock
      LEFT JOIN agencies.practitioner p ON p.agency_code = a.agency_code
           AND (p.active_until IS NULL OR greatest(p.active_from, clock.today) < p.active_until)
     GROUP BY a.agency_code, clock.today
)
INSERT INTO agencies.attestation
SELECT gen_random_uuid(), c.agency_code, c.today, 'migration', c.practitioners,
       sha256(convert_to(E'id,name,role,active_from,active_until\n' || c.listed, 'UTF8'))
  FROM confirmed c;

-- After the rows of the migration itself: they open nothing, and no gate moves for them.
SELECT gateway.guard('agencies.attestation', 'agency_code');
