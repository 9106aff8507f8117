"""JSON from strangers, read in bounded time and memory.

INVARIANT: whatever the bytes, the answer is a value or StrictJsonError: no RecursionError, no
duplicate member silently dropped, no NaN or Infinity, no lone surrogate.
"""

import json
from typing import TypeAlias

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"

MAX_DEPTH = 32
"""Objects and arrays inside each other; the deepest document we define has seven."""


class StrictJsonError(ValueError):
    """The bytes are not the JSON we accept. The message names the fault, never the content."""


class TooLargeError(StrictJsonError):
    """The document is larger than its route accepts."""


def parse_json(data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Return the value of one JSON document.

    Args:
        data: UTF-8 bytes.
        max_bytes: longest document accepted.
        max_depth: deepest nesting accepted.

    Raises: StrictJsonError; TooLargeError when it is only too long.
    Source: RFC 8259; RFC 8725 section 2.4 asks for one meaning per document.
    """
    if len(data) > max_bytes:
        raise TooLargeError(f"The document is longer than {max_bytes} bytes.")
    if not data.strip():
        raise StrictJsonError("The body is empty.")
    try:
        value: JsonValue = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except RecursionError as error:
        raise StrictJsonError(f"The document is nested more than {max_depth} deep.") from error
    except StrictJsonError:
        raise
    except ValueError as error:
        raise StrictJsonError("The body is not valid JSON in UTF-8.") from error
    _check(value, max_depth)
    return value


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictJsonError("A member is given twice.")
    return members


def _refuse_constant(_name: str) -> JsonValue:
    raise StrictJsonError("NaN and Infinity are not JSON.")


def _check(value: JsonValue, max_depth: int) -> None:
    """Walk without recursion: depth, and text that could not be written out as UTF-8."""
    level: list[JsonValue] = [value]
    for _ in range(max_depth + 1):
        if not level:
            return
        deeper: list[JsonValue] = []
        for item in level:
            if isinstance(item, dict):
                deeper.extend(item.keys())
                deeper.extend(item.values())
            elif isinstance(item, list):
                deeper.extend(item)
            elif isinstance(item, str) and not _writable(item):
                raise StrictJsonError("A text holds half a character.")
        level = deeper
    raise StrictJsonError(f"The document is nested more than {max_depth} deep.")


def _writable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
