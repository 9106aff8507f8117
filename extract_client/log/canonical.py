"""Canonical JSON: one byte string per value.

A profile of RFC 8785 (JCS): ASCII member names; values are text, integers below 2^53, booleans,
objects and lists. Floats and null are refused, which keeps every implementation in agreement.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

Canonical: TypeAlias = "str | int | bool | Sequence[Canonical] | Mapping[str, Canonical]"

_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

MAX_INTEGER = 2**53 - 1
"""Largest integer every JSON reader keeps exact (RFC 8785 section 3.2.2.3)."""


class NotCanonicalError(ValueError):
    """The value lies outside the profile."""


def assembled(members: Mapping[str, bytes]) -> bytes:
    """Return the encoding of an object whose members' values are encoded already, each by ``canonical``."""
    return b"{" + b",".join(f'"{name}":'.encode() + members[name] for name in sorted(members)) + b"}"


def canonical(value: Canonical) -> bytes:
    """Return the one UTF-8 encoding of ``value``: members sorted, no white space.

    Raises: NotCanonicalError.
    """
    waiting: list[object] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, bool | str):
            continue
        if isinstance(item, int):
            if abs(item) > MAX_INTEGER:
                raise NotCanonicalError("an integer is too large to be exact everywhere")
            continue
        if isinstance(item, Mapping):
            if not all(isinstance(name, str) for name in item) or not "".join(item).isascii():
                raise NotCanonicalError("member names are ASCII")
            within: Collection[object] = item.values()
        elif isinstance(item, list | tuple):
            within = item
        else:
            raise NotCanonicalError("only text, integers, booleans, objects and lists have a canonical form")
        # Most of what is written is text, which needs no look.
        waiting += [each for each in within if type(each) is not str]
    try:
        return _encoded(value).encode("utf-8")
    except (UnicodeEncodeError, RecursionError) as error:
        raise NotCanonicalError("lone surrogates and very deep values have no canonical form") from error
