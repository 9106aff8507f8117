DROP TABLE gateway.referral_pickup;
DROP TABLE gateway.referral_review;
DROP TABLE gateway.referral_fetch;
DROP TABLE gateway.referral_document;
DROP TABLE gateway.referral;
DROP TABLE gateway.referral_destination;
