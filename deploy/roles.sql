-- The three database roles of the gateway. Run once per cluster, as an administrator, before the first migration:
--
--   psql -X -v ON_ERROR_STOP=1 -f deploy/roles.sql "$ADMIN_URL"
--
-- with the variables owner_password, app_password and eraser_password set. Set them with \set in a file that only
-- you can read, not with -v: arguments are visible to every user of the machine. Running it again changes the passwords.
--
--   gateway_owner   owns the database and its schemas; runs migrations, nothing else
--   gateway_app     what the gateway and its worker connect as; evidence only through functions of the owner
--   gateway_eraser  destroys keys and erasable rows when retention or a family's right says so
--
-- None of them may create roles or databases, bypass row security, or be a member of another role.

SET password_encryption = 'scram-sha-256';

SELECT 'CREATE ROLE gateway_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gateway_owner') \gexec
SELECT 'CREATE ROLE gateway_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gateway_app') \gexec
SELECT 'CREATE ROLE gateway_eraser LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gateway_eraser') \gexec

ALTER ROLE gateway_owner LOGIN PASSWORD :'owner_password';
ALTER ROLE gateway_app LOGIN PASSWORD :'app_password';
ALTER ROLE gateway_eraser LOGIN PASSWORD :'eraser_password';

-- Roles that were there before may be more powerful than the gateway allows: stop here rather than run with them.
DO $$
DECLARE
    powerful text;
BEGIN
    SELECT string_agg(rolname, ', ' ORDER BY rolname) INTO powerful
      FROM pg_roles r
     WHERE rolname IN ('gateway_owner', 'gateway_app', 'gateway_eraser')
       AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls
            OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid));
    IF powerful IS NOT NULL THEN
        RAISE EXCEPTION 'roles with more power than the gateway allows: %', powerful;
    END IF;
END
$$;
