"""Errors of the package ``certs``, one shallow tree, divided by who is at fault.

Invariants:
- No message carries key material, plaintext or a value that was sealed or indexed.
- Foreign exceptions (``cryptography``, ``joserfc``, ``binascii``) never leave this package.
"""


class CertsError(Exception):
    """Base of every error this package raises."""


class EnvelopeError(CertsError):
    """A sealed value did not open: wrong key, wrong row identity, or damaged bytes; which one is not told."""


class KeyFileError(CertsError):
    """A key file is missing, readable by others, already there, or not what it should be; the operator's fault."""


class BlindIndexError(CertsError):
    """A value normalises to nothing, so its index would match every other empty value; the caller's fault."""


class JwkError(CertsError):
    """A JSON Web Key or key set is not acceptable; the fault of whoever registers it.

    Attributes:
        pointer: JSON pointer of the member at fault (RFC 6901), ``""`` for the whole document.
        reason: a stable sentence, safe to show to the person who registers the key.
    """

    def __init__(self, *, pointer: str, reason: str) -> None:
        super().__init__(f"{pointer or '/'}: {reason}")
        self.pointer = pointer
        self.reason = reason


class AuthorityError(CertsError):
    """A certificate cannot be issued as asked, or a stored authority is not one; the caller's fault."""


class CertificateError(CertsError):
    """A certificate, a chain or a revocation list is not readable or not acceptable; the fault of its sender.

    The message is one stable sentence that quotes nothing, safe to show to whoever onboards an agency.
    """
