"""What ends or has to be looked at again soon: profiles to review, agreements, certificates and keys that end.

INVARIANT: what is over already is still there: nobody who was away has missed it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, text

from agencies import repository
from agencies.errors import ProfileError
from agencies.model import AgencyCode
from certs.certificate import EXPIRY_NOTICE_DAYS, notice_due
from consent_registry.birthdays import LONDON, midnight
from gateway.agency.expiry import covered_until, last_keys

NOTICES: Final = EXPIRY_NOTICE_DAYS
"""Days ahead, the longest first."""

_CERTIFICATES: Final = text(
    "SELECT thumbprint, coalesce(agency_code, '') AS agency, coalesce(client_id, '') AS client, not_after"
    " FROM gateway.client_certificate WHERE state = 'active' ORDER BY thumbprint"
)


class Ending(StrEnum):
    """What comes."""

    AGREEMENT = "agreement"
    CERTIFICATE = "certificate"
    KEY = "key"
    """The last key of a client: from then on it has none."""
    REVIEW = "review"
    """The day on which a profile is due for review."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One thing to see to.

    Attributes:
        agency: code; empty: the council's own.
        about: what tells it from others of the agency: a version, a client; empty: nothing has to.
        at: aware instant from which it is over.
        notice: the shortest of ``NOTICES`` that is reached; 0: it is over.
    """

    ending: Ending
    agency: str
    about: str
    at: datetime
    notice: int


def upcoming(connection: Connection, *, now: datetime) -> list[Upcoming]:
    """Return everything that comes within the longest notice, first what comes first.

    Args:
        now: aware instant.
    """
    found = [
        Upcoming(ending, agency, about, at, notice)
        for ending, agency, about, at in _all(connection, now=now)
        if (notice := notice_due(at, now=now)) is not None
    ]
    return sorted(found, key=lambda each: (each.at, each.ending, each.agency, each.about))


def _all(connection: Connection, *, now: datetime) -> Iterator[tuple[Ending, str, str, datetime]]:
    yield from _of_agencies(connection, now=now)
    yield from _certificates(connection)
    for row in last_keys(connection):
        yield Ending.KEY, row.agency, row.client, midnight(row.ends_on)


def _of_agencies(connection: Connection, *, now: datetime) -> Iterator[tuple[Ending, str, str, datetime]]:
    today = now.astimezone(LONDON).date()
    for agency in repository.active_agencies(connection):
        end = covered_until(repository.agreements(connection, agency.code), today=today)
        if end is not None:
            yield Ending.AGREEMENT, agency.code, "", midnight(end)
        profile = _profile(connection, agency.code)
        if profile is not None:
            version, at = profile
            yield Ending.REVIEW, agency.code, f"version {version}", at


def _profile(connection: Connection, agency: AgencyCode) -> tuple[int, datetime] | None:
    """Version of the effective profile and the beginning of its day; absent: there is none that can be read."""
    try:
        profile = repository.effective_profile(connection, agency)
    except ProfileError:
        return None
    return None if profile is None else (profile.version, midnight(profile.review_on))


def _certificates(connection: Connection) -> Iterator[tuple[Ending, str, str, datetime]]:
    for row in connection.execute(_CERTIFICATES):
        yield Ending.CERTIFICATE, row.agency, row.client or row.thumbprint[:8], row.not_after
