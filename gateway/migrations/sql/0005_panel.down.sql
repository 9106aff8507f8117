DROP TABLE gateway.offer, gateway.agenda_item, gateway.panel_member, gateway.panel_meeting;
DROP FUNCTION gateway.require_agenda_gates();
