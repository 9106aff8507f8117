DROP TABLE gateway.disclosure_view;
