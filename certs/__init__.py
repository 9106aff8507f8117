"""Keys, sealed envelopes, blind indexes and certificates; knows no other package."""
