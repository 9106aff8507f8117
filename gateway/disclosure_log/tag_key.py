"""The file in which an appointed auditor holds one family's ordinary tag key.

INVARIANT: the restricted tag key is in no file: whoever has this one finds nothing that is on record under the other.
"""

import re
from pathlib import Path
from typing import Final

from certs.errors import KeyFileError
from certs.private_file import write_private
from gateway.keyring import FamilyKeys

_KEY: Final = re.compile(r"[0-9a-f]{64}\n?", re.ASCII)


def write_tag_key(path: Path, keys: FamilyKeys) -> None:
    """Write a family's ordinary tag key to ``path``, 64 hexadecimal digits, mode 0600, never over another file.

    Raises: KeyFileError.
    """
    write_private(path, keys.tag_key.hex().encode() + b"\n", replace=False)


def read_tag_key(path: Path) -> bytes:
    """Return the tag key in a file.

    Raises: KeyFileError, there is none in it.
    """
    try:
        text = path.read_text("ascii")
    except (OSError, UnicodeError) as error:
        raise KeyFileError("the file of the tag key cannot be read") from error
    if not _KEY.fullmatch(text):
        raise KeyFileError("the file does not hold a tag key")
    return bytes.fromhex(text.strip())
