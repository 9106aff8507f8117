"""Who decided what, and what stands now: the consent registry."""
