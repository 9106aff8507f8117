DROP INDEX consent_registry.decision_by_client;
ALTER TABLE gateway.agenda_item DROP COLUMN position, DROP COLUMN not_ready_since;
DROP TABLE gateway.recall;
