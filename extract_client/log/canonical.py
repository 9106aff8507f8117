"""Canonical JSON: one byte string per value.

A profile of RFC 8785 (JCS): ASCII member names; values are text, integers below 2^53, booleans,
objects and lists. Floats and null are refused, which keeps every implementation in agreement.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

Canonical: TypeAlias = "str | int | bool | Sequence[Canonical] | Mapping[str, Canonical]"

MAX_INTEGER = 2**53 - 1
"""Largest integer every JSON reader keeps exact (RFC 8785 section 3.2.2.3)."""


class NotCanonicalError(ValueError):
    """The value lies outside the profile."""


_OUTSIDE = "only text, exact integers, booleans, objects and lists have a canonical form"

_writer = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def assembled(members: Mapping[str, bytes]) -> bytes:
    """Return the encoding of an object whose members' values are encoded already, each by ``canonical``."""
    return b"{" + b",".join(f'"{name}":'.encode() + members[name] for name in sorted(members)) + b"}"


def _encode(value: Any) -> bytes:
    return _writer.encode(value).encode("utf-8")


def canonical(value: Canonical, *, encode: Callable[[Any], bytes] = _encode) -> bytes:
    """Return the one UTF-8 encoding of ``value``: members sorted, no white space.

    Args:
        encode: writes JSON in this form; whatever is given to it is in the profile.

    Raises: NotCanonicalError.
    """
    level: list[Any] = [value]
    try:
        while level:
            below: list[Any] = []
            for item in level:
                kind = type(item)
                if kind is dict:
                    if not "".join(item).isascii():
                        raise NotCanonicalError("member names are ASCII")
                    below += item.values()
                elif kind is list or kind is tuple:
                    below += item
                elif not (isinstance(item, bool | str) or (kind is int and abs(item) <= MAX_INTEGER)):
                    raise NotCanonicalError(_OUTSIDE)
            level = below
        return encode(value)
    except TypeError as error:  # a member's name is no text, or a text not one of Python's own
        raise NotCanonicalError(_OUTSIDE) from error
    except (UnicodeEncodeError, RecursionError) as error:
        raise NotCanonicalError("lone surrogates and very deep values have no canonical form") from error
