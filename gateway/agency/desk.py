"""The desk of an agency without a system of its own: who uses it is the caller of the same release path.

INVARIANTS
- A desk user asks with the rights of their agency's desk, a client that no key and no certificate opens.
- Rights are those of this moment: client, practitioner, list and purposes are read for every request.
- Whoever is not on the agency's believed list, where the list counts, asks for nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from agencies import repository as register
from agencies.model import AgencyCode, Purpose
from agencies.register import Agency
from gateway.agency.errors import ApplicationError
from gateway.agency.views import EXTRACT_PURPOSES
from gateway.caller import Caller, PractitionerClaim
from gateway.disclosure_log.service import act
from gateway.oauth import registration
from gateway.oauth import service as oauth
from gateway.oauth.model import ClientId, Scope
from gateway.oauth.repository import practitioner_standing
from gateway.staff import service as staff
from gateway.staff.model import Belonging, Role, SignedIn
from gateway.wiring import Wiring

SCOPES: Final = (Scope.EXTRACT_READ, Scope.PANEL_READ, Scope.RECALL_WRITE)

_DESK: Final = text(
    "SELECT client_id FROM gateway.oauth_client WHERE agency_code = :agency"
    " AND starts_with(client_id, :prefix) AND state <> 'revoked' ORDER BY client_id LIMIT 1"
)
_ACTIVE: Final = text(
    "SELECT scopes FROM gateway.oauth_client WHERE client_id = :client AND state = 'active'"
)
_OFFERS: Final = text(
    "SELECT DISTINCT w.ref FROM gateway.offer f JOIN gateway.pairwise w"
    " ON w.thing_id = f.case_id AND w.family_id = f.family_id AND w.agency_code = f.agency_code"
    " WHERE f.agency_code = :agency"
)


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk user at work.

    Attributes:
        practitioner: the id by which the agency's register knows them.
        verified: the register vouches for them.
        purposes: for which the agency may ask.
    """

    agency: Agency
    client_id: ClientId
    scopes: frozenset[str]
    practitioner: str
    verified: bool
    purposes: tuple[Purpose, ...]

    def caller(self, purpose: Purpose) -> Caller:
        """Who asks, for this purpose."""
        claim = PractitionerClaim(self.practitioner, verified=self.verified)
        return Caller(self.client_id, self.agency.code, self.scopes, purpose, claim)


def invite(wiring: Wiring, *, agency: AgencyCode, practitioner: str, username: str, invited_by: str) -> str:
    """Let a practitioner of an agency use its desk, and return the one-time code with which they make a passkey.

    True afterwards: the agency has a desk; among synthetic people it is approved at once.
    Raises: ApplicationError, there is no such agency, or nobody of this id on its list.
    """
    with wiring.engine.connect() as connection:
        if register.agency(connection, agency) is None:
            raise ApplicationError("There is no such agency.")
        today = register.today(connection)
        listed = register.practitioner(connection, agency, practitioner_id=practitioner)
    if listed is None or not listed.is_current(today):
        raise ApplicationError("The agency's list has no such practitioner.")
    ensure_desk(wiring, agency, actor=invited_by)
    if wiring.settings.synthetic_people:
        oauth.approve_synthetic(wiring, agency=agency, actor=invited_by)
    return staff.invite(
        wiring,
        username=username,
        roles=[Role.DESK_USER],
        invited_by=invited_by,
        belonging=Belonging(agency=agency, practitioner=practitioner),
    )


def ensure_desk(wiring: Wiring, agency: AgencyCode, *, actor: str) -> ClientId:
    """Return the client of an agency's desk, registered now where there was none.

    A new one is proposed, like every client, and gives nothing before it is approved.
    Raises: RegistrationError, there is no such agency.
    """
    with act(wiring, agencies=(agency,)) as change:
        found = _desk_of(change.connection, agency)
        if found is not None:
            change.nothing_changed()
            return found
        client_id = registration.register_desk(change.connection, agency, scopes=SCOPES)
        change.record(
            kind="client.register",
            actor=actor,
            agency=agency,
            internal={"client_id": client_id, "desk": True},
        )
    return client_id


def desk_of(wiring: Wiring, connection: Connection, who: SignedIn, *, now: datetime) -> Desk | None:
    """Return the desk of whoever is signed in; absent: they have none, or may not act for the agency now."""
    belonging = who.belonging
    if belonging.agency is None or belonging.practitioner is None:
        return None
    code = AgencyCode(belonging.agency)
    agency, client_id = register.agency(connection, code), _desk_of(connection, code)
    if agency is None or client_id is None:
        return None
    scopes = connection.execute(_ACTIVE, {"client": client_id}).scalar_one_or_none()
    standing = practitioner_standing(
        connection,
        client_id,
        practitioner=belonging.practitioner,
        believed_days=wiring.settings.register_believed_days,
        now=now,
    )
    if scopes is None or not standing.may_act:
        return None
    allowed = register.purposes(connection, code)
    return Desk(
        agency,
        client_id,
        frozenset(scopes),
        belonging.practitioner,
        standing.verified,
        tuple(each for each in EXTRACT_PURPOSES if each in allowed),
    )


def offered_refs(connection: Connection, agency: AgencyCode) -> list[UUID]:
    """Return an agency's own references of the cases with an offer to it, whether it still stands or not."""
    return list(connection.execute(_OFFERS, {"agency": agency}).scalars())


def _desk_of(connection: Connection, agency: AgencyCode) -> ClientId | None:
    found = connection.execute(_DESK, {"agency": agency, "prefix": registration.DESK_PREFIX})
    client_id = found.scalar_one_or_none()
    return None if client_id is None else ClientId(client_id)
