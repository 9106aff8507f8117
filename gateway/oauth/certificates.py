"""The council's certificate authority and the certificates it issued, in PostgreSQL.

INVARIANTS
- The authority's private key is stored sealed under the reserved family's key, and opened to sign one thing.
- What a certificate says is decided here, from the register; a signing request brings a key and nothing else.
- A revoked certificate is refused twice: on every request by its row here, from the moment of the commit, and
  in the TLS handshake by the next revocation list.

Sources: RFC 5280 sections 4.2 and 5, RFC 8705 section 2.1.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection, text

from agencies.model import AgencyCode
from certs.authority import Issued, client_uri, create_authority, issue_client_from_request
from certs.certificate import PresentedCertificate, read_certificate
from certs.envelope import seal, unseal
from certs.errors import AuthorityError, CertificateError
from certs.revocation import LIST_LIFETIME, Reason, Revoked, issue_list, list_expiry
from gateway.keyring import Keyring
from gateway.oauth.errors import RegistrationError
from gateway.oauth.model import CertificateName, ClientId, NameKind
from gateway.oauth.registration import name_certificate
from gateway.oauth.repository import serial_text
from gateway.wiring import Wiring

COUNCIL: Final = "council"
"""What certificates call the council itself; no agency has this code."""

_NO_AUTHORITY: Final = "There is no certificate authority: run gateway keys authority first."
_RENEW_AFTER: Final = timedelta(days=1)
_AAD: Final = b"certificate_authority:"


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate of ours, and how its client is recognised by it and by every later one."""

    pem: bytes
    presented: PresentedCertificate
    name: CertificateName


def ensure_authority(connection: Connection, keyring: Keyring, *, name: str, now: datetime) -> bytes:
    """Make sure that there is an authority; return its certificate, PEM. Safe to repeat."""
    found = authority_certificate(connection)
    return store_authority(connection, keyring, create_authority(name, now=now)) if found is None else found


def store_authority(connection: Connection, keyring: Keyring, authority: Issued) -> bytes:
    """Keep an authority that was made elsewhere, sealed; return its certificate, PEM. The first one stays."""
    sealed = seal(keyring.reserved(connection).data_key, authority.key_pem, aad=_AAD)
    connection.execute(
        text(
            "INSERT INTO gateway.certificate_authority (certificate, sealed) VALUES (:certificate, :sealed)"
            " ON CONFLICT DO NOTHING"
        ),
        {"certificate": authority.certificate_pem.decode("ascii"), "sealed": sealed},
    )
    return authority_certificate(connection) or authority.certificate_pem


def authority_certificate(connection: Connection) -> bytes | None:
    """Return the authority's certificate, PEM; None: there is no authority."""
    found = connection.scalar(text("SELECT certificate FROM gateway.certificate_authority"))
    return None if found is None else str(found).encode("ascii")


def issue(
    connection: Connection,
    keyring: Keyring,
    *,
    agency: AgencyCode | None,
    client_id: ClientId,
    request: bytes,
    now: datetime,
) -> IssuedCertificate:
    """Issue and record a client certificate for the key of a signing request; its client is known by it from now on.

    Args:
        agency: None: the client is the council's own.

    Raises: RegistrationError, there is no authority, the request is refused, or the client was approved
        without a certificate.
    """
    try:
        certificate = issue_client_from_request(
            _open(connection, keyring), request, agency=agency or COUNCIL, client=client_id, now=now
        )
    except AuthorityError as error:
        raise RegistrationError(f"The signing request is refused: {error}.") from error
    pem = certificate.public_bytes(Encoding.PEM)
    presented = record(connection, pem, agency=agency, client_id=client_id)
    name = CertificateName(NameKind.URI, client_uri(client_id), presented.issuer)
    name_certificate(connection, client_id, certificate=name)
    return IssuedCertificate(pem, presented, name)


def own_name(connection: Connection, client_id: ClientId) -> CertificateName:
    """Return how a client will be recognised by the certificates of our own authority.

    Raises: RegistrationError, there is no authority.
    """
    authority = authority_certificate(connection)
    if authority is None:
        raise RegistrationError(_NO_AUTHORITY)
    return CertificateName(NameKind.URI, client_uri(client_id), read_certificate(authority).subject)


def record(
    connection: Connection, certificate: bytes, *, agency: AgencyCode | None, client_id: ClientId
) -> PresentedCertificate:
    """Record a client's certificate, so that its expiry is watched and it can be revoked.

    Raises: certs.errors.CertificateError, it cannot be read.
    """
    presented = read_certificate(certificate)
    connection.execute(
        text(
            "INSERT INTO gateway.client_certificate"
            " (thumbprint, agency_code, client_id, serial, issuer, subject, not_after, state)"
            " VALUES (:thumbprint, :agency, :client, :serial, :issuer, :subject, :not_after, 'active')"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "thumbprint": presented.thumbprint,
            "agency": agency,
            "client": client_id,
            "serial": serial_text(presented.serial),
            "issuer": presented.issuer,
            "subject": presented.subject,
            "not_after": presented.not_after,
        },
    )
    return presented


@dataclass(frozen=True, slots=True)
class RecordedCertificate:
    """A client's certificate, as an operator looks at it."""

    thumbprint: str
    agency: str
    client_id: str
    not_after: datetime
    state: str


def recorded(connection: Connection) -> list[RecordedCertificate]:
    """Return every client certificate that is known, by agency and end."""
    rows = connection.execute(
        text(
            "SELECT thumbprint, agency_code, client_id, not_after, state FROM gateway.client_certificate"
            " ORDER BY agency_code, not_after, thumbprint"
        )
    )
    return [
        RecordedCertificate(row.thumbprint, row.agency_code, row.client_id, row.not_after, row.state)
        for row in rows
    ]


def agency_of(connection: Connection, thumbprint: str) -> AgencyCode | None:
    """Return the agency whose certificate this is.

    Raises: RegistrationError, there is no such certificate.
    """
    row = connection.execute(
        text("SELECT agency_code FROM gateway.client_certificate WHERE thumbprint = :thumbprint"),
        {"thumbprint": thumbprint},
    ).one_or_none()
    if row is None:
        raise RegistrationError("There is no such certificate.")
    return None if row.agency_code is None else AgencyCode(row.agency_code)


def revoke(connection: Connection, thumbprint: str, *, reason: Reason, now: datetime) -> bool:
    """Revoke a certificate; return whether that changed anything."""
    changed = connection.execute(
        text(
            "UPDATE gateway.client_certificate SET state = 'revoked', revoked_at = :now, reason = :reason"
            " WHERE thumbprint = :thumbprint AND state = 'active'"
        ),
        {"thumbprint": thumbprint, "now": now, "reason": str(reason)},
    )
    return changed.rowcount > 0


def revocation_list(connection: Connection, keyring: Keyring, *, now: datetime) -> bytes:
    """Issue the authority's next revocation list, PEM: what it revoked and what has not expired.

    Args:
        connection: in a transaction; lists are numbered in its order.

    Raises: RegistrationError, there is no authority.
    """
    authority = _open(connection, keyring)
    number = connection.execute(
        text("UPDATE gateway.certificate_authority SET list_number = list_number + 1 RETURNING list_number")
    ).scalar_one()
    rows = connection.execute(
        text(
            "SELECT serial, revoked_at, reason FROM gateway.client_certificate"
            " WHERE state = 'revoked' AND issuer = :issuer AND not_after > :now ORDER BY revoked_at, serial"
        ),
        {"issuer": authority.certificate.subject.rfc4514_string(), "now": now},
    )
    revoked = [Revoked(int(row.serial, 16), row.revoked_at, Reason(row.reason)) for row in rows]
    return issue_list(authority, revoked, number=number, now=now)


def publish_list(wiring: Wiring, *, now: datetime, file: Path | None = None) -> bool:
    """Write the next revocation list to where the TLS servers read it; return whether there is such a place.

    Args:
        file: absent: the one of the settings.

    Raises: RegistrationError, there is no authority; OSError, the file cannot be written.
    """
    place = file or wiring.settings.client_crl_file
    if place is None:
        return False
    with wiring.engine.begin() as connection:
        found = revocation_list(connection, wiring.keyring, now=now)
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    draft.write_bytes(found)
    draft.replace(place)  # a server that reads meanwhile finds the old list or the new one
    return True


def refresh_list(wiring: Wiring, now: datetime) -> int:
    """Renew the published list a day after it was written, long before it is stale; return how many were written."""
    place = wiring.settings.client_crl_file
    if place is None or (place.is_file() and now < _renewal(place)):
        return 0
    with wiring.engine.connect() as connection:
        issues = authority_certificate(connection) is not None
    return int(issues and publish_list(wiring, now=now))


def _renewal(place: Path) -> datetime:
    """When a list should be written anew; a list that cannot be read, long ago."""
    try:
        return list_expiry(place.read_bytes()) - LIST_LIFETIME + _RENEW_AFTER
    except CertificateError:
        return datetime.min.replace(tzinfo=UTC)


def _open(connection: Connection, keyring: Keyring) -> Issued:
    row = connection.execute(
        text("SELECT certificate, sealed FROM gateway.certificate_authority FOR UPDATE")
    ).one_or_none()
    if row is None:
        raise RegistrationError(_NO_AUTHORITY)
    key = unseal(keyring.reserved(connection).data_key, row.sealed, aad=_AAD)
    return Issued.from_pem(key=key, certificate=row.certificate.encode("ascii"))
