"""Reading a key set from a file that somebody sent: its form; what the keys are is checked when they are stored.

Source: RFC 7517 section 5.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.oauth.errors import RegistrationError

MAX_BYTES: Final = 64 * 1024


def read_key_set(path: Path) -> tuple[Mapping[str, object], ...]:
    """Return the keys of a key set (JWKS), or the one of a single key (JWK).

    Raises: RegistrationError.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        document = json.loads(data) if len(data) <= MAX_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        raise RegistrationError("The file of the keys cannot be read, or is not JSON.") from error
    found = document.get("keys", [document]) if isinstance(document, dict) else None
    if not isinstance(found, list) or not all(isinstance(key, dict) for key in found):
        raise RegistrationError("The file of the keys is no key set (JWKS, RFC 7517).")
    return tuple(found)
