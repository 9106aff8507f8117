"""Encrypted case records: intake, storage and search."""
