"""Changes to clients, keys and certificates as acts: transaction, gate and log entry.

INVARIANTS
- Taking away closes: it needs nobody's approval and does not wait for the log.
- Registering and adding release nothing: what is new is proposed.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import TypeAlias

from sqlalchemy import Connection

from agencies.model import AgencyCode
from certs.revocation import Reason
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.service import act
from gateway.oauth import certificates, keys, registration
from gateway.oauth.certificates import IssuedCertificate
from gateway.oauth.contact import end_tokens
from gateway.oauth.model import CertificateName, ClientId, Scope, Thumbprint
from gateway.oauth.repository import client_agency
from gateway.wiring import Wiring

Internal: TypeAlias = Mapping[str, Canonical]
"""What an entry says besides the client, for the council alone."""


def register_client(
    wiring: Wiring,
    *,
    agency: AgencyCode | None,
    scopes: Collection[Scope | str],
    actor: str,
    keys: Sequence[Mapping[str, object]] = (),
    certificate: CertificateName | None = None,
) -> ClientId:
    """Register a proposed client of an agency, or of the council, and return its id.

    Raises: RegistrationError.
    """
    with act(wiring, agencies=_gates(agency)) as change:
        client_id = registration.register_client(
            change.connection, agency=agency, scopes=scopes, keys=keys, certificate=certificate
        )
        change.record(kind="client.register", actor=actor, agency=agency, internal={"client_id": client_id})
    return client_id


def approve_synthetic(wiring: Wiring, *, agency: AgencyCode | None, actor: str) -> None:
    """Make an agency's proposed clients and keys effective; only a gateway of synthetic people does that.

    Raises: agencies.errors.SecondPersonError.
    """
    with act(wiring, agencies=_gates(agency)) as change:
        registration.approve_synthetic(change.connection, agency, synthetic=wiring.settings.synthetic_people)
        change.record(kind="client.approve", actor=actor, agency=agency)


def add_keys(
    wiring: Wiring, *, client_id: ClientId, keys: Sequence[Mapping[str, object]], actor: str
) -> list[Thumbprint]:
    """Add proposed keys to a client and return their thumbprints.

    Raises: RegistrationError.
    """
    agency = _agency_of(wiring, client_id)
    with act(wiring, agencies=_gates(agency)) as change:
        added = registration.add_keys(change.connection, client_id, keys=keys)
        change.record(
            kind="client.add_key",
            actor=actor,
            agency=agency,
            internal={"client_id": client_id, "keys": [*added]},
        )
    return added


def replace_key(
    wiring: Wiring, *, client_id: ClientId, key: Mapping[str, object], old_end_on: date, actor: str
) -> Thumbprint:
    """Propose a key in the place of those that a client has, which open nothing from a day on; return its thumbprint.

    The old ones end on their day whether the new one was approved until then or not.

    Args:
        old_end_on: in London; today: now.

    Raises: RegistrationError.
    """
    agency = _agency_of(wiring, client_id)
    with act(wiring, agencies=_gates(agency)) as change:
        (added,) = registration.add_keys(change.connection, client_id, keys=[key])
        ended = registration.end_keys(change.connection, client_id, ends_on=old_end_on)
        change.record(
            kind="client.add_key",
            actor=actor,
            agency=agency,
            internal={
                "client_id": client_id,
                "keys": [added],
                "ended": [*ended],
                "ends_on": old_end_on.isoformat(),
            },
        )
    return added


def remove_key(wiring: Wiring, *, client_id: ClientId, thumbprint: str, actor: str) -> bool:
    """Take a key away, now; return whether it was there.

    Raises: RegistrationError, there is no such client.
    """

    def remove(connection: Connection) -> Internal | None:
        removed = registration.remove_key(connection, client_id, thumbprint=thumbprint)
        return {"key": thumbprint} if removed else None

    return _changed(wiring, client_id, EntryKind.CLIENT_REMOVE_KEY, remove, actor=actor, closes=True)


def suspend_client(wiring: Wiring, *, client_id: ClientId, actor: str) -> bool:
    """Stop a client and end its tokens, now, until two people let it in again; return whether it was not stopped before.

    Raises: RegistrationError, there is no such client.
    """

    def stop(connection: Connection) -> Internal | None:
        if not registration.suspend_client(connection, client_id):
            return None
        return {"tokens": end_tokens(connection, client_id=client_id)}

    return _changed(wiring, client_id, EntryKind.CLIENT_SUSPEND, stop, actor=actor, closes=True)


def propose_client(wiring: Wiring, *, client_id: ClientId, actor: str) -> bool:
    """Let a suspended client wait for its approval, as a new one does; return whether it was suspended.

    Raises: RegistrationError, there is no such client.
    """

    def propose(connection: Connection) -> Internal | None:
        return {} if registration.propose_client(connection, client_id) else None

    return _changed(wiring, client_id, EntryKind.CLIENT_PROPOSE, propose, actor=actor)


def revoke_client(wiring: Wiring, *, client_id: ClientId, actor: str) -> bool:
    """End a client, now and for good; return whether it was not ended before.

    Raises: RegistrationError, there is no such client.
    """

    def revoke(connection: Connection) -> Internal | None:
        return {} if registration.revoke_client(connection, client_id) else None

    return _changed(wiring, client_id, EntryKind.CLIENT_REVOKE, revoke, actor=actor, closes=True)


def rotate_signing_key(wiring: Wiring, *, now: datetime, actor: str, stolen: bool = False) -> str:
    """Sign with the next key from now on; return its ``kid``.

    Raises: SigningKeyError.
    """
    with act(wiring) as change:
        kid = keys.rotate_signing_key(change.connection, wiring.keyring, now=now, stolen=stolen)
        change.record(
            kind="key.rotate", actor=actor, internal={"kid": kid, "stolen": "yes" if stolen else "no"}
        )
    return kid


def issue_certificate(
    wiring: Wiring, *, client_id: ClientId, request: bytes, now: datetime, actor: str
) -> IssuedCertificate:
    """Issue a certificate for the key of a signing request, and record it.

    Args:
        request: PKCS #10, PEM or DER.

    Raises: RegistrationError, there is no such client, no authority, or the request is refused.
    """
    agency = _agency_of(wiring, client_id)
    with act(wiring, agencies=_gates(agency)) as change:
        issued = certificates.issue(
            change.connection, wiring.keyring, agency=agency, client_id=client_id, request=request, now=now
        )
        change.record(
            kind="certificate.issue",
            actor=actor,
            agency=agency,
            internal={"client_id": client_id, "thumbprint": issued.presented.thumbprint},
        )
    return issued


def revoke_certificate(wiring: Wiring, *, thumbprint: str, reason: Reason, now: datetime, actor: str) -> bool:
    """Revoke a certificate, now; return whether it was not revoked before.

    Raises: RegistrationError, there is no such certificate.
    """
    with wiring.engine.connect() as connection:
        agency = certificates.agency_of(connection, thumbprint)
    with act(wiring, agencies=_gates(agency), closes=True) as change:
        if not certificates.revoke(change.connection, thumbprint, reason=reason, now=now):
            change.nothing_changed()
            return False
        change.record(
            kind="certificate.revoke",
            actor=actor,
            agency=agency,
            internal={"reason": str(reason), "thumbprint": thumbprint},
        )
    return True


def _changed(
    wiring: Wiring,
    client_id: ClientId,
    kind: EntryKind,
    change_it: Callable[[Connection], Internal | None],
    *,
    actor: str,
    closes: bool = False,
) -> bool:
    """Change a client and enter it in one act; return whether there was anything to change.

    Args:
        change_it: changes it and returns what the entry says besides; absent: nothing was to change.

    Raises: RegistrationError, there is no such client.
    """
    agency = _agency_of(wiring, client_id)
    with act(wiring, agencies=_gates(agency), closes=closes) as change:
        told = change_it(change.connection)
        if told is None:
            change.nothing_changed()
            return False
        change.record(kind=kind, actor=actor, agency=agency, internal={"client_id": client_id, **told})
    return True


def _agency_of(wiring: Wiring, client_id: ClientId) -> AgencyCode | None:
    with wiring.engine.connect() as connection:
        return client_agency(connection, client_id)


def _gates(agency: AgencyCode | None) -> tuple[AgencyCode, ...]:
    return () if agency is None else (agency,)
