"""Canonical JSON, as the partner's verifier defines it: both sides must come to the very same bytes."""

from extract_client.log.canonical import MAX_INTEGER, Canonical, NotCanonicalError, assembled, canonical

__all__ = ["MAX_INTEGER", "Canonical", "NotCanonicalError", "assembled", "canonical"]
