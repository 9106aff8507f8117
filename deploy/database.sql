-- One database for the gateway. Run after roles.sql, as an administrator, connected to any database of the cluster:
--
--   psql -X -v ON_ERROR_STOP=1 -v database=gateway -f deploy/database.sql "$ADMIN_URL"
--
-- The owner role owns the database; the other two may connect; nobody else may. A database of that name that is
-- there already keeps its content. The tests pass a template to copy a migrated database.

\if :{?template}
    -- Copying the files of a small database costs half of writing it into the log.
    \set strategy 'STRATEGY FILE_COPY'
\else
    \set template template0
    \set strategy ''
\endif

SELECT format('CREATE DATABASE %I OWNER gateway_owner ENCODING ''UTF8'' TEMPLATE %I %s',
              :'database', :'template', :'strategy')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO gateway_app, gateway_eraser;
