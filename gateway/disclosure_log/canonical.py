"""Canonical JSON: one byte string per value.

A profile of RFC 8785 (JCS): ASCII member names; values are text, integers below 2^53, booleans,
objects and lists. Floats and null are refused, which keeps every implementation in agreement.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Canonical: TypeAlias = "str | int | bool | Sequence[Canonical] | Mapping[str, Canonical]"

MAX_INTEGER = 2**53 - 1
"""Largest integer every JSON reader keeps exact (RFC 8785 section 3.2.2.3)."""


class NotCanonicalError(ValueError):
    """The value lies outside the profile."""


def canonical(value: Canonical) -> bytes:
    """Return the one UTF-8 encoding of ``value``: members sorted, no white space.

    Raises: NotCanonicalError.
    """
    _check(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _check(value: object) -> None:
    if isinstance(value, bool | str):
        return
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise NotCanonicalError("an integer is too large to be exact everywhere")
        return
    if isinstance(value, Mapping):
        for name, member in value.items():
            if not isinstance(name, str) or not name.isascii():
                raise NotCanonicalError("member names are ASCII")
            _check(member)
        return
    if isinstance(value, list | tuple):
        for item in value:
            _check(item)
        return
    raise NotCanonicalError("only text, integers, booleans, objects and lists have a canonical form")
