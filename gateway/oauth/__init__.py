"""The authorization server and resource server: FAPI 2.0 style client credentials."""
