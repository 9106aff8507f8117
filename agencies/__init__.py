"""Who takes part: agencies, the field catalogue and sharing profiles."""
