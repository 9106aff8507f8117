"""The two strict encodings of the C2SP formats: padded base64 and canonical decimals. Pure.

INVARIANT: one value has one text; every other spelling is refused.
"""

import base64
import binascii
import re
from typing import Final

MAX_SIZE: Final = 2**63 - 1
"""Largest tree size, leaf index and time: what every implementation's signed 64-bit integer holds."""

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def encode_base64(data: bytes) -> str:
    """Return the padded standard base64 of ``data`` (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Return the bytes whose padded standard base64 is exactly ``text``, unused bits zero.

    Raises: ValueError.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not padded standard base64") from error
    if encode_base64(data) != text:
        raise ValueError("not the one base64 form of its bytes")
    return data


def parse_decimal(text: str) -> int:
    """Return the number, from 0 to ``MAX_SIZE``, that ``text`` writes in ASCII digits without a leading zero.

    Raises: ValueError.
    """
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal number without leading zeros")
    number = int(text)
    if number > MAX_SIZE:
        raise ValueError("the number is too large")
    return number
