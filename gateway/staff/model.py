"""Who works here, what they may be, and how long a proof of it lasts. Pure.

INVARIANTS
- A role that is not listed opens nothing.
- A session ends at the earliest of: 15 minutes without a request, 8 hours, and whatever ends it by hand.

Source: OWASP ASVS 5.0 V7 (sessions); the limits are those of NIST SP 800-63B for assurance level 2.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

IDLE: Final = timedelta(minutes=15)
ABSOLUTE: Final = timedelta(hours=8)
AT_ONCE: Final = 2
"""Sessions of one member at once; a further one ends the oldest."""
STEPPED_UP: Final = timedelta(minutes=5)
"""How long somebody has to prove once more that it is them, after they were asked to."""
INVITED: Final = timedelta(days=3)
"""How long a one-time code can be used."""

_CSRF: Final = b"staff form 1:"


class Role(StrEnum):
    """What a member of staff may be; each page says which roles it is for."""

    AUDITOR = "auditor"
    CASEWORKER = "caseworker"
    DATA_PROTECTION_OFFICER = "data protection officer"
    DESK_USER = "desk user"
    MANAGER = "manager"
    OPERATOR = "operator"
    PANEL_COORDINATOR = "panel coordinator"
    SAFEGUARDING_LEAD = "safeguarding lead"
    SECOND_APPROVER = "second approver"


class Method(StrEnum):
    """How somebody proved who they are."""

    DEMO = "demo"
    """By a click: in the demo, where nobody is real."""
    OIDC = "oidc"
    """At the council's own provider."""
    PASSKEY = "passkey"


class Ending(StrEnum):
    """How a session ended before its time."""

    DISABLED = "disabled"
    """The member acts no more, or as somebody else."""
    ENDED = "ended"
    """By hand, from another session or by the operator."""
    PROVIDER = "provider"
    """The provider said so: the member signed out there."""
    REPLACED = "replaced"
    """By a newer one, of ``AT_ONCE``."""
    SIGNED_OUT = "signed_out"


@dataclass(frozen=True, slots=True)
class Belonging:
    """With whom a member works.

    Attributes:
        team: a code; absent: none in particular.
        agency: whose desk they use, with ``practitioner``, the id by which that agency's register knows them; absent:
            they are the council's.
    """

    team: str | None = None
    agency: str | None = None
    practitioner: str | None = None


NOWHERE: Final = Belonging()


@dataclass(frozen=True, slots=True)
class Session:
    """One session that stands.

    Attributes:
        ends_at: aware instant of its absolute limit.
    """

    id: UUID
    method: Method
    began_at: datetime
    seen_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The member of staff who is asking, as the database has them now.

    Attributes:
        roles: those that are listed; any other is nothing.
        form_token: what every form of this session carries (``form_token_of``).
        belonging: with whom they work.
    """

    session: Session
    staff_id: UUID
    username: str
    roles: frozenset[Role]
    form_token: str
    belonging: Belonging = NOWHERE


def form_token_of(secret: str) -> str:
    """Return what the forms of a session carry: 64 hexadecimal digits that nobody makes without its cookie."""
    return hmac.digest(secret.encode(), _CSRF, "sha256").hex()


def known_roles(stored: list[str]) -> frozenset[Role]:
    """The roles that are listed; any other opens nothing."""
    return frozenset(role for role in Role if role.value in stored)
