DROP TABLE gateway.pack_sign_off;
