DROP TABLE gateway.staff_session;
DROP TABLE gateway.staff_challenge;
DROP TABLE gateway.staff_passkey;
DROP TABLE gateway.staff_invitation;
