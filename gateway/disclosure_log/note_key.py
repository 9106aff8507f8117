"""The log's signing key: its file, and the verifier key that partners keep.

Source: c2sp.org/signed-note, verifier keys; Ed25519 is signature type 0x01.
"""

import base64
import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs.private_file import write_private

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4


def create_note_key(path: Path) -> Ed25519PrivateKey:
    """Make a signing key and write it to ``path``, 64 hexadecimal digits, mode 0600; never over another.

    Raises: certs.errors.KeyFileError.
    """
    key = Ed25519PrivateKey.generate()
    write_private(path, key.private_bytes_raw().hex().encode("ascii") + b"\n", replace=False)
    return key


def verifier_key(origin: str, key: Ed25519PrivateKey) -> str:
    """Return the verifier key of a log: ``origin+hash+base64(type || public key)``."""
    material = _ED25519 + key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(origin.encode() + b"\n" + material).digest()[:_KEY_ID_BYTES]
    return f"{origin}+{key_id.hex()}+{base64.b64encode(material).decode()}"
