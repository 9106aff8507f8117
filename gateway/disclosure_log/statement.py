"""Signing families' statements, and how anybody checks one with nothing but OpenSSL.

INVARIANTS
- Statements are signed under a key and a key name of their own: no statement passes for a checkpoint, and whoever signs
  statements can sign nothing of the log.
- Without a key a statement is told unsigned, and says so.
"""

import base64
from pathlib import Path
from typing import Final

from extract_client.errors import ConfigurationError, NoteError
from extract_client.log.note import NoteSigner, VerifierKey, read_key, sign_note
from extract_client.log.statement import (
    KEY_SUFFIX,
    TITLE,
    check_code,
    open_statement,
    parse_statement,
    statement_text,
)
from gateway.log_signer import create_log_key
from gateway.settings import Settings, SettingsError

__all__ = [
    "TITLE",
    "NoteError",
    "VerifierKey",
    "check_code",
    "create_statement_key",
    "open_statement",
    "openssl_commands",
    "parse_statement",
    "sign_statement",
    "statement_key",
    "statement_text",
]

FILE_NAME: Final = "statement.txt"
"""What the note is called when it is kept beside the paper."""
_ED25519_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")
"""SubjectPublicKeyInfo of an Ed25519 key, up to the key (RFC 8410 section 4)."""


def create_statement_key(path: Path, *, origin: str) -> str:
    """Make the key that signs statements, write it to ``path``, never over another; return its verifier key.

    Raises: SettingsError.
    """
    return create_log_key(path, origin=origin + KEY_SUFFIX)


def statement_key(settings: Settings) -> VerifierKey | None:
    """Return what a council's statements are checked with; absent: it signs none.

    Raises: SettingsError, the file holds no key.
    """
    signer = _signer(settings)
    return None if signer is None else signer.verifier


def sign_statement(settings: Settings, text: str) -> str | None:
    """Return the signed note of a statement; absent: there is no key for it.

    Raises: SettingsError, the file holds no key.
    """
    signer = _signer(settings)
    return None if signer is None else sign_note(text, [signer])


def openssl_commands(key: VerifierKey) -> tuple[str, ...]:
    """Return the commands that check a note in ``statement.txt``, one a line, for a shell that stops at a fault.

    The note is put together again from its parts and compared, so that no byte of it stays unlooked at; then its
    signature is checked, and its check code told.
    """
    public = base64.b64encode(_ED25519_PREFIX + key.public).decode()
    key_id = "".join(f"\\{byte:03o}" for byte in key.key_id)
    return (
        f"sed '/^$/,$d' {FILE_NAME} > text",
        f"sed -n 's|^— {key.name} ||p' {FILE_NAME} | openssl base64 -d -A | tail -c 64 > signature",
        (
            f"(cat text; printf '\\n— {key.name} '; (printf '{key_id}'; cat signature) | openssl base64 -A; echo)"
            f" | cmp - {FILE_NAME}"
        ),
        f"echo {public} | openssl base64 -d -A > key",
        "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile signature",
        "openssl dgst -sha256 -binary text | base32 | cut -c 1-16",
    )


def _signer(settings: Settings) -> NoteSigner | None:
    file = settings.statement_key_file
    if file is None:
        return None
    try:
        return NoteSigner(settings.log_origin + KEY_SUFFIX, read_key(file))
    except ConfigurationError as error:
        raise SettingsError(str(error)) from error
