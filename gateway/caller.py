"""Who asks: frozen, made once by OAuth, a desk session or signed-in staff, then only read."""

from dataclasses import dataclass

from agencies.model import AgencyCode, Purpose


@dataclass(frozen=True, slots=True)
class PractitionerClaim:
    """The named human a client acts for; ``verified`` when the agency's register knows them."""

    id: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client. ``agency`` is absent for the council's own case system."""

    client_id: str
    agency: AgencyCode | None
    scopes: frozenset[str]
    purpose: Purpose | None
    practitioner: PractitionerClaim | None
