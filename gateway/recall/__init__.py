"""Calling back what was shared, and what the agencies answer."""
