"""The revocation list of our own authority: which certificates no longer hold, although their time has not come.

Invariants:
- A list names its authority's key and carries a number, so that a reader can tell a newer from an older one.
- Every list ends: a listener that gets no newer one refuses everybody rather than trust an old one for ever.
- Revoking never fails over what is already in the list: of two entries for one serial, the earlier counts.

Sources: RFC 5280 §5 (cited at each part); FIPS 186-5 (the signature).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import CLOCK_SKEW, Issued, authority_identifier
from certs.errors import AuthorityError, CertificateError

LIST_LIFETIME: Final = timedelta(days=7)
_NUMBERS: Final = range(1 << 159)  # §5.2.3: an INTEGER of at most 20 bytes


class Reason(StrEnum):
    """Why a certificate was revoked: the reasons of RFC 5280 §5.3.1 that can be true of a partner's."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key_compromise"
    AFFILIATION_CHANGED = "affiliation_changed"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation_of_operation"
    PRIVILEGE_WITHDRAWN = "privilege_withdrawn"


_FLAGS: Final = {
    Reason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    Reason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    Reason.SUPERSEDED: x509.ReasonFlags.superseded,
    Reason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
    Reason.PRIVILEGE_WITHDRAWN: x509.ReasonFlags.privilege_withdrawn,
}


@dataclass(frozen=True, slots=True)
class Revoked:
    """One certificate that no longer holds.

    Attributes:
        serial: its serial number, positive, at most 20 bytes.
        revoked_at: since when, aware.
        reason: why.
    """

    serial: int
    revoked_at: datetime
    reason: Reason


def issue_list(
    authority: Issued,
    revoked: Sequence[Revoked],
    *,
    number: int,
    now: datetime,
    lifetime: timedelta = LIST_LIFETIME,
) -> bytes:
    """A signed list, version 2, of everything ``authority`` has revoked; ordered by serial number.

    Args:
        authority: who issued the certificates and signs the list.
        revoked: all of them, in any order; expired ones may be left out.
        number: higher than that of every earlier list, at most 20 bytes (RFC 5280 §5.2.3).
        now: aware instant; the list counts from five minutes before it, for listeners whose clocks are behind.
        lifetime: until when the next list is due, from ``now``.
    Returns: PEM.
    Raises: AuthorityError, ``authority`` is none, or a number, a serial number, a time or the lifetime is not a valid one.
    """
    identifier = authority_identifier(authority)
    if lifetime <= timedelta(0):
        raise AuthorityError("the revocation list would have ended before it begins")
    if number not in _NUMBERS:
        raise AuthorityError("the number of a revocation list is not negative and has at most 20 bytes")
    earliest = {
        entry.serial: entry for entry in sorted(revoked, key=lambda entry: entry.revoked_at, reverse=True)
    }
    try:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(authority.certificate.subject)  # §5.1.2.3
            .last_update(now - CLOCK_SKEW)  # §5.1.2.4
            .next_update(now + lifetime)  # §5.1.2.5
            .add_extension(identifier, critical=False)  # §5.2.1
            .add_extension(x509.CRLNumber(number), critical=False)  # §5.2.3
        )
        for serial in sorted(earliest):
            builder = builder.add_revoked_certificate(_entry(earliest[serial]))
        return builder.sign(authority.key, SHA256()).public_bytes(Encoding.PEM)
    except ValueError as error:
        raise AuthorityError("a serial number or a time in the revocation list is not a valid one") from error


def list_expiry(data: bytes) -> datetime:
    """When the next list is due (RFC 5280 §5.1.2.5), aware UTC: from then on a listener refuses every certificate.

    The signature is not judged.

    Args:
        data: PEM, one list.
    Raises: CertificateError, it is not a list, or one without an end.
    """
    try:
        expiry = x509.load_pem_x509_crl(data).next_update_utc
    except (ValueError, x509.InvalidVersion) as error:
        raise CertificateError("the file is not a revocation list in PEM") from error
    if expiry is None:
        raise CertificateError("the revocation list does not say when the next one is due")
    return expiry


def _entry(revoked: Revoked) -> x509.RevokedCertificate:
    builder = (
        x509.RevokedCertificateBuilder().serial_number(revoked.serial).revocation_date(revoked.revoked_at)
    )
    flag = _FLAGS.get(revoked.reason)  # §5.3.1: "unspecified" is said by leaving the reason out
    if flag is not None:
        builder = builder.add_extension(x509.CRLReason(flag), critical=False)
    return builder.build()
