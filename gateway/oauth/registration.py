"""Registering clients: what an agency's system is, its keys, its certificate, and who may approve them.

INVARIANTS
- Only public keys are stored, checked once, here; one key belongs to one client.
- What is registered is proposed: it proves who it is and gets nothing until somebody else approves it. Only
  synthetic data may skip that second person.
- Taking away needs nobody's approval and holds from the next request on.
- Every function runs inside an act of the disclosure log, which moves the agency's gate.

Sources: RFC 7591 section 2 (jwks), RFC 8705 section 2.1.2 (certificate names), FAPI 2.0 section 6.7 (client ids).
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Final

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from agencies.errors import SecondPersonError
from agencies.model import AgencyCode
from certs.errors import JwkError
from certs.jwk import sanitise_jwks
from gateway.oauth.errors import RegistrationError
from gateway.oauth.jose import import_key
from gateway.oauth.model import (
    BESIDE_REFERRALS,
    COUNCIL_SCOPES,
    DESTINATION_SCOPES,
    CertificateName,
    ClientId,
    Scope,
    Thumbprint,
)

_AGENCY_PREFIX: Final = "ag_"
_COUNCIL_PREFIX: Final = "co_"
DESK_PREFIX: Final = "dk_"
"""What the id of the desk of an agency begins with: signed-in people use it, and no system."""


def register_client(
    connection: Connection,
    *,
    agency: AgencyCode | None,
    scopes: Collection[Scope | str],
    keys: Sequence[Mapping[str, object]] = (),
    certificate: CertificateName | None = None,
    client_id: ClientId | None = None,
) -> ClientId:
    """Register a proposed client and return its new, random id.

    Args:
        connection: of an act that moves the agency's gate.
        agency: None for the council's own case system, which has ``COUNCIL_SCOPES`` and nothing else.
        keys: public keys: P-256, Ed25519, or RSA of 2048 to 4096 bits.
        certificate: how its certificate is recognised; absent: it comes with signed assertions only.
        client_id: of ``new_client_id``, where it had to be known before; absent: a new one.

    Raises: RegistrationError, the scopes or the keys do not fit, or there is neither key nor certificate.
    """
    allowed = _checked_scopes(scopes, agency)
    if not keys and certificate is None:
        raise RegistrationError("A client has a key or a certificate.")
    client_id = client_id or new_client_id(agency)
    _propose(connection, client_id, agency, scopes=allowed)
    if certificate is not None:
        name_certificate(connection, client_id, certificate=certificate)
    if keys:
        add_keys(connection, client_id, keys=keys)
    return client_id


def register_desk(connection: Connection, agency: AgencyCode, *, scopes: Collection[Scope | str]) -> ClientId:
    """Register the proposed desk of an agency and return its id: no key and no certificate ever opens it.

    Raises: RegistrationError, the scopes are not an agency's.
    """
    allowed = _checked_scopes(scopes, agency)
    client_id = ClientId(DESK_PREFIX + secrets.token_urlsafe(16))
    _propose(connection, client_id, agency, scopes=allowed)
    return client_id


def new_client_id(agency: AgencyCode | None) -> ClientId:
    """Return an id that no user of anything has and nobody can guess."""
    prefix = _COUNCIL_PREFIX if agency is None else _AGENCY_PREFIX
    return ClientId(prefix + secrets.token_urlsafe(16))


def name_certificate(connection: Connection, client_id: ClientId, *, certificate: CertificateName) -> None:
    """Let a proposed client be recognised by a certificate; one that is known by this name already stays as it is.

    Raises: RegistrationError, the client was approved without it: a new way in needs a new approval.
    """
    named = connection.execute(
        text(
            "UPDATE gateway.oauth_client SET certificate_name_kind = :kind, certificate_name = :value,"
            " certificate_issuer = :issuer WHERE client_id = :client AND (state = 'proposed' OR (state = 'active'"
            " AND (certificate_name_kind, certificate_name, certificate_issuer) = (:kind, :value, :issuer)))"
        ),
        {
            "client": client_id,
            "kind": str(certificate.kind),
            "value": certificate.value,
            "issuer": certificate.issuer,
        },
    )
    if named.rowcount == 0:
        raise RegistrationError(
            "The client was approved without this certificate: register a new client for it."
        )


def add_keys(
    connection: Connection, client_id: ClientId, *, keys: Sequence[Mapping[str, object]]
) -> list[Thumbprint]:
    """Add proposed keys to a client and return their thumbprints.

    Raises: RegistrationError, a key is private, weak, of another type, or known already.
    """
    added = []
    for thumbprint, members in checked_keys(keys):
        stored = connection.execute(
            text(
                "INSERT INTO gateway.oauth_client_key (client_id, thumbprint, agency_code, jwk, state)"
                " SELECT c.client_id, :thumbprint, c.agency_code, :jwk, 'proposed'"
                " FROM gateway.oauth_client c WHERE c.client_id = :client AND c.state <> 'revoked'"
                " ON CONFLICT DO NOTHING"
            ),
            {"client": client_id, "thumbprint": thumbprint, "jwk": Jsonb(members)},
        )
        if stored.rowcount == 0:
            raise RegistrationError(
                "The client was revoked, or the key was registered before: a key belongs to one client, once."
            )
        added.append(thumbprint)
    return added


def checked_keys(keys: Sequence[Mapping[str, object]]) -> list[tuple[Thumbprint, Mapping[str, str]]]:
    """Return each key's thumbprint and the members of it that are kept.

    Raises: RegistrationError, a key is private, weak or of another type.
    """
    try:
        accepted = sanitise_jwks({"keys": [dict(key) for key in keys]})["keys"]
    except JwkError as error:
        raise RegistrationError(
            f"The key set is refused at {error.pointer or '/'}: {error.reason}."
        ) from error
    return [(Thumbprint(import_key(members).thumbprint()), members) for members in accepted]


def remove_key(connection: Connection, client_id: ClientId, *, thumbprint: str) -> bool:
    """Take a key away, and with it every token it was used for; return whether that changed anything."""
    return _changed(
        connection,
        "UPDATE gateway.oauth_client_key SET state = 'removed'"
        " WHERE client_id = :client AND thumbprint = :thumbprint AND state <> 'removed'",
        client=client_id,
        thumbprint=thumbprint,
    )


def end_keys(connection: Connection, client_id: ClientId, *, ends_on: date) -> list[Thumbprint]:
    """Let a client's effective keys open nothing from a day on; one that ends before stays as it is.

    Args:
        ends_on: in London; today: now.

    Returns: the keys that end on this day.
    """
    ended = connection.execute(
        text(
            "UPDATE gateway.oauth_client_key SET ends_on = :day WHERE client_id = :client AND state = 'active'"
            " AND (ends_on IS NULL OR ends_on > :day) RETURNING thumbprint"
        ),
        {"client": client_id, "day": ends_on},
    )
    return [Thumbprint(row.thumbprint) for row in ended]


def suspend_client(connection: Connection, client_id: ClientId) -> bool:
    """Stop a client until it is proposed again and approved; return whether that changed anything."""
    return _changed(
        connection,
        "UPDATE gateway.oauth_client SET state = 'suspended'"
        " WHERE client_id = :client AND state IN ('proposed', 'active')",
        client=client_id,
    )


def propose_client(connection: Connection, client_id: ClientId) -> bool:
    """Let a suspended client wait for its approval again: it gives nothing yet; return whether it was suspended."""
    return _changed(
        connection,
        "UPDATE gateway.oauth_client SET state = 'proposed' WHERE client_id = :client AND state = 'suspended'",
        client=client_id,
    )


def revoke_client(connection: Connection, client_id: ClientId) -> bool:
    """End a client for good; return whether that changed anything."""
    return _changed(
        connection,
        "UPDATE gateway.oauth_client SET state = 'revoked' WHERE client_id = :client AND state <> 'revoked'",
        client=client_id,
    )


def approve_synthetic(connection: Connection, agency: AgencyCode | None, *, synthetic: bool) -> None:
    """Make an agency's proposed clients and keys effective without the second person's approval.

    Args:
        agency: None: the council's own.
        synthetic: whether this process holds synthetic people only.

    Raises: SecondPersonError, it may hold real ones.
    """
    if not synthetic:
        raise SecondPersonError("Only a gateway of synthetic people may skip the second person.")
    approve(connection, agency)


def approve(connection: Connection, agency: AgencyCode | None) -> None:
    """Make an agency's proposed clients and keys effective; who may decide that is decided by whoever calls.

    Args:
        agency: None: the council's own.
    """
    _changed(
        connection,
        "UPDATE gateway.oauth_client SET state = 'active'"
        " WHERE agency_code IS NOT DISTINCT FROM :agency AND state = 'proposed'",
        agency=agency,
    )
    _changed(
        connection,
        "UPDATE gateway.oauth_client_key SET state = 'active'"
        " WHERE agency_code IS NOT DISTINCT FROM :agency AND state = 'proposed'",
        agency=agency,
    )


def _propose(
    connection: Connection, client_id: ClientId, agency: AgencyCode | None, *, scopes: Collection[str]
) -> None:
    connection.execute(
        text(
            "INSERT INTO gateway.oauth_client (client_id, agency_code, scopes, state) VALUES (:c, :a, :s, 'proposed')"
        ),
        {"c": client_id, "a": agency, "s": sorted(scopes)},
    )


def _changed(connection: Connection, statement: str, **values: object) -> bool:
    return connection.execute(text(statement), values).rowcount > 0


def _checked_scopes(scopes: Collection[Scope | str], agency: AgencyCode | None) -> frozenset[Scope]:
    try:
        allowed = frozenset(Scope(scope) for scope in scopes)
    except ValueError as error:
        raise RegistrationError("A scope is unknown.") from error
    if not allowed:
        raise RegistrationError("A client has at least one scope.")
    if agency is None and not allowed <= COUNCIL_SCOPES:
        raise RegistrationError("The council's own client has case:write and consent:write only.")
    if agency is not None and allowed & COUNCIL_SCOPES:
        raise RegistrationError("Only the council's own client has case:write and consent:write.")
    if Scope.EXTRACT_READ in allowed and allowed & DESTINATION_SCOPES:
        raise RegistrationError("A client that receives referrals never reads extracts.")
    if allowed & DESTINATION_SCOPES and not allowed <= DESTINATION_SCOPES | BESIDE_REFERRALS:
        raise RegistrationError("A client that receives referrals does nothing else but read the log.")
    return allowed
