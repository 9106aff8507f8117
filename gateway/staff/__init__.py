"""Members of staff who act in the gateway."""
