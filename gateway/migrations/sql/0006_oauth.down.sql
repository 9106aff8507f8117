DROP TABLE gateway.staff, gateway.oauth_replay, gateway.oauth_signing_key, gateway.oauth_client_key, gateway.oauth_client;
