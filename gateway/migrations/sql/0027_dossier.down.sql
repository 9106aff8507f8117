DROP TABLE gateway.dossier_text;
DROP TABLE gateway.dossier_family;
DROP TABLE gateway.dossier_step;
DROP TABLE gateway.dossier;
