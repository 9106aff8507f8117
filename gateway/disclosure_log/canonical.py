"""Canonical JSON, as the partner's verifier defines it: both sides must come to the very same bytes."""

from functools import partial
from typing import Final

from msgspec.json import Encoder

from extract_client.log.canonical import MAX_INTEGER, Canonical, NotCanonicalError, assembled
from extract_client.log.canonical import canonical as _canonical

__all__ = ["MAX_INTEGER", "Canonical", "NotCanonicalError", "assembled", "canonical"]

canonical: Final = partial(_canonical, encode=Encoder(order="sorted").encode)
"""The partner's function over an encoder that writes a record in a fifteenth of the time."""
