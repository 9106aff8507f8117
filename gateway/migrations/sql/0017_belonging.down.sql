REVOKE UPDATE (digest) ON gateway.staff_session FROM gateway_app;
REVOKE DELETE ON gateway.staff_passkey FROM gateway_app;
DROP TABLE gateway.staff_step_up;
DROP TABLE gateway.family_opened;
ALTER TABLE gateway.staff DROP CONSTRAINT desk_user, DROP COLUMN team, DROP COLUMN agency_code, DROP COLUMN practitioner_id;
