"""Running it: embedded database, demo, health."""
