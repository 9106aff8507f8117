"""Clients in PostgreSQL: registered, found, and judged afresh on every request.

INVARIANTS
- Only public keys are stored, checked once at registration.
- Whether a client may be served is decided by the database's rows of this moment, never from memory:
  client active, key active, agency active, agreement in date (Europe/London), practitioner on the list.
- Writers run inside an act of the disclosure log, which moves the agency's gate.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from agencies.model import AgencyCode
from gateway.oauth.errors import JoseError, RegistrationError
from gateway.oauth.jose import accept_key
from gateway.oauth.keys import PUBLISHED
from gateway.oauth.model import COUNCIL_SCOPES, DESTINATION_SCOPES, Client, ClientId, Scope, Thumbprint
from gateway.oauth.replay import Use

_AGENCY_PREFIX: Final = "ag_"
_COUNCIL_PREFIX: Final = "co_"

# True for a client of an agency that may be served on the day of :now, and for the council's own client.
_SERVED: Final = """
    c.state = 'active' AND (c.agency_code IS NULL OR (
        EXISTS (SELECT FROM agencies.agency a WHERE a.agency_code = c.agency_code AND a.state = 'active')
        AND EXISTS (SELECT FROM agencies.agreement g WHERE g.agency_code = c.agency_code
            AND g.valid_from <= (CAST(:now AS timestamptz) AT TIME ZONE 'Europe/London')::date
            AND (CAST(:now AS timestamptz) AT TIME ZONE 'Europe/London')::date < g.valid_until)))
"""
_POLICY: Final = "(SELECT a.practitioner_policy FROM agencies.agency a WHERE a.agency_code = c.agency_code)"
_LISTED: Final = """
    EXISTS (SELECT FROM agencies.practitioner p
        WHERE p.agency_code = c.agency_code AND p.practitioner_id = :practitioner
          AND p.active_from <= (CAST(:now AS timestamptz) AT TIME ZONE 'Europe/London')::date
          AND (p.active_until IS NULL
               OR (CAST(:now AS timestamptz) AT TIME ZONE 'Europe/London')::date < p.active_until))
"""


def register_client(
    connection: Connection,
    *,
    agency: AgencyCode | None,
    scopes: Collection[Scope | str],
    jwk: Mapping[str, object],
) -> ClientId:
    """Register a client with one public key and return its new, random id.

    Args:
        connection: of an act that moves the agency's gate.
        agency: None for the council's own case system, which has ``COUNCIL_SCOPES`` and nothing else.
        jwk: public key: P-256, Ed25519, or RSA of at least 2048 bits.

    Raises: RegistrationError, the scopes or the key do not fit.
    """
    allowed = _checked_scopes(scopes, agency)
    try:
        key = accept_key(dict(jwk))
    except JoseError as error:
        raise RegistrationError("The key is private, weak, or of another type.") from error
    prefix = _COUNCIL_PREFIX if agency is None else _AGENCY_PREFIX
    client_id = ClientId(prefix + secrets.token_urlsafe(16))
    connection.execute(
        text(
            "INSERT INTO gateway.oauth_client (client_id, agency_code, scopes, state)"
            " VALUES (:client, :agency, :scopes, 'active')"
        ),
        {"client": client_id, "agency": agency, "scopes": sorted(allowed)},
    )
    connection.execute(
        text(
            "INSERT INTO gateway.oauth_client_key (client_id, thumbprint, agency_code, jwk, state)"
            " VALUES (:client, :thumbprint, :agency, :jwk, 'active')"
        ),
        {
            "client": client_id,
            "thumbprint": key.thumbprint,
            "agency": agency,
            "jwk": Jsonb(dict(key.members)),
        },
    )
    return client_id


def find_client(connection: Connection, client_id: str, *, now: datetime) -> Client | None:
    """Return a client that may be served now, with its active keys; None for any other."""
    row = connection.execute(
        text(
            "SELECT c.client_id, c.agency_code, c.scopes,"  # noqa: S608 - constants of this module
            " (SELECT coalesce(jsonb_object_agg(k.thumbprint, k.jwk), '{}') FROM gateway.oauth_client_key k"
            "   WHERE k.client_id = c.client_id AND k.state = 'active') AS keys"
            f" FROM gateway.oauth_client c WHERE c.client_id = :client AND {_SERVED}"
        ),
        {"client": client_id, "now": now},
    ).one_or_none()
    if row is None:
        return None
    keys = {Thumbprint(name): members for name, members in row.keys.items()}
    return Client(ClientId(row.client_id), row.agency_code, _known_scopes(row.scopes), keys)


@dataclass(frozen=True, slots=True)
class PractitionerStanding:
    """What the register says of one practitioner id of one agency.

    Attributes:
        registered_only: the agency's policy is ``registered``: nobody else may act.
        listed: the id is active on the agency's list today.
    """

    registered_only: bool
    listed: bool

    @property
    def verified(self) -> bool:
        """True when the register, not the client, vouches for the person."""
        return self.registered_only and self.listed

    @property
    def may_act(self) -> bool:
        """True when the agency's policy lets this id act."""
        return self.listed or not self.registered_only


def practitioner_standing(
    connection: Connection, client_id: ClientId, *, practitioner: str, now: datetime
) -> PractitionerStanding:
    """Return the standing of a practitioner id at the client's agency."""
    row = connection.execute(
        text(
            f"SELECT {_POLICY} AS policy, {_LISTED} AS listed"  # noqa: S608 - constants of this module
            " FROM gateway.oauth_client c WHERE c.client_id = :client"
        ),
        {"client": client_id, "practitioner": practitioner, "now": now},
    ).one()
    return PractitionerStanding(row.policy != "asserted", row.listed)


@dataclass(frozen=True, slots=True)
class RequestStanding:
    """What the database says of one API request at this moment.

    Attributes:
        fresh: the proof had not been used; it is now.
        served: client, key, agency, agreement and signing key are all as they must be.
        agency: absent for the council's own case system.
        scopes: what the client may do today, whatever its token says.
    """

    fresh: bool
    served: bool
    agency: AgencyCode | None
    scopes: frozenset[Scope]
    practitioner: PractitionerStanding


def request_standing(
    connection: Connection,
    *,
    proof: Use,
    client_id: str,
    client_key: str,
    signing_key: str,
    practitioner: str | None,
    now: datetime,
) -> RequestStanding | None:
    """Use the proof and read everything that may have changed since the token was issued, in ONE statement.

    The statement does not wait for the disk: whatever is released afterwards is preceded by a durable
    commit of its own in the same write-ahead log, so a crash never forgets a proof that released something.

    Args:
        connection: in autocommit.
        signing_key: ``kid`` of the token.
        practitioner: None for a token without entry.

    Returns: None when there is no such client.
    """
    row = connection.execute(
        text(
            "WITH used AS (INSERT INTO gateway.oauth_replay (digest, expires_at) VALUES (:digest, :forget_at)"  # noqa: S608
            " ON CONFLICT DO NOTHING RETURNING 1)"
            " SELECT set_config('synchronous_commit', 'off', true), EXISTS (SELECT FROM used) AS fresh,"
            f" c.agency_code, c.scopes, {_POLICY} AS policy, {_LISTED} AS listed, ({_SERVED}"
            f" AND EXISTS (SELECT FROM gateway.oauth_signing_key s WHERE s.kid = :signing_key AND {PUBLISHED})"
            "  AND EXISTS (SELECT FROM gateway.oauth_client_key k WHERE k.client_id = c.client_id"
            "   AND k.thumbprint = :client_key AND k.state = 'active')) AS served"
            " FROM gateway.oauth_client c WHERE c.client_id = :client"
        ),
        {
            "digest": proof.digest,
            "forget_at": proof.forget_at,
            "client": client_id,
            "client_key": client_key,
            "signing_key": signing_key,
            "practitioner": practitioner,
            "now": now,
        },
    ).one_or_none()
    if row is None:
        return None
    return RequestStanding(
        fresh=row.fresh,
        served=row.served,
        agency=row.agency_code,
        scopes=_known_scopes(row.scopes),
        practitioner=PractitionerStanding(row.policy != "asserted", row.listed),
    )


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
    return allowed


def _known_scopes(stored: Collection[str]) -> frozenset[Scope]:
    return frozenset(Scope(scope) for scope in stored)
