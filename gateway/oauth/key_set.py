"""Reading a key set that somebody sent: its form; what the keys are is checked when they are stored.

Source: RFC 7517 section 5.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.oauth.errors import RegistrationError
from gateway.strict_json import StrictJsonError, parse_json

MAX_BYTES: Final = 64 * 1024


def read_key_set(path: Path) -> tuple[Mapping[str, object], ...]:
    """Return the keys of a file: of a key set (JWKS), or the one of a single key (JWK).

    Raises: RegistrationError.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RegistrationError("The file of the keys cannot be read, or is not JSON.") from error
    return parse_key_set(data)


def parse_key_set(data: bytes) -> tuple[Mapping[str, object], ...]:
    """Return the keys of a key set (JWKS), or the one of a single key (JWK).

    Raises: RegistrationError.
    """
    try:
        document = parse_json(data, max_bytes=MAX_BYTES)
    except StrictJsonError as error:
        raise RegistrationError("The file of the keys cannot be read, or is not JSON.") from error
    found = document.get("keys", [document]) if isinstance(document, dict) else None
    keys = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    if not isinstance(found, list) or len(keys) != len(found):
        raise RegistrationError("The file of the keys is no key set (JWKS, RFC 7517).")
    return tuple(keys)
