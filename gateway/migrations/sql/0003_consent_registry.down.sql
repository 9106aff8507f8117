DROP TABLE consent_registry.standing, consent_registry.decision, consent_registry.subject;
DROP FUNCTION consent_registry.require_moved_gate();
