"""Panel meetings, agenda, accepted offers, and the entitlement they give."""
