"""Keyed blind indexes: find a row by a value that is stored only encrypted.

Invariants:
- Without the key an index tells nothing about its value, not even to somebody who guesses values.
- Each kind has its own derived key: the same value under two kinds gives two unrelated indexes.
- Spelling that a reader would not notice (case, width, composition, spacing) does not change an index.
- An empty value has no index: it would match every other empty value.

Sources: RFC 2104 (HMAC); Unicode 15.0 §3.13 R5 (NFKC_Casefold, approximated by normalising and folding twice).
"""

import hmac
import unicodedata

from certs.envelope import KEY_BYTES
from certs.errors import BlindIndexError

_LABEL = b"early-help-gateway/certs/blind-index/1\x00"


def blind_index(key: bytes, *, kind: str, value: str) -> bytes:
    """The 32-byte index of ``value`` among values of its ``kind``.

    Raises: BlindIndexError, the value is empty once normalised, or the key is not 32 bytes.
    """
    if len(key) != KEY_BYTES:
        raise BlindIndexError("an index key is 32 bytes")
    normal = normalise(value)
    if not normal:
        raise BlindIndexError("an empty value has no index")
    kind_key = hmac.digest(key, _LABEL + kind.encode(), "sha256")
    return hmac.digest(kind_key, normal.encode("utf-8", "surrogatepass"), "sha256")


def normalise(value: str) -> str:
    """The form in which two spellings of one value are equal: folded, composed, single spaces, none at the ends."""
    folded = unicodedata.normalize("NFD", value).casefold()
    composed = unicodedata.normalize("NFKC", folded).casefold()
    return " ".join(unicodedata.normalize("NFKC", composed).split())
