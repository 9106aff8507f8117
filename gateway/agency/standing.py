"""Reading how agencies stand, all of it from what is stored at one moment.

INVARIANT: nothing of a family is read.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from agencies import repository
from agencies.errors import ProfileError
from agencies.model import AgencyCode
from agencies.register import Agency, PractitionerPolicy, attestation_due, attestation_state
from agencies.service import current_practitioners
from consent_registry.birthdays import LONDON
from gateway.agency import approval
from gateway.agency.model import Standing, System, SystemCertificate, SystemKey, SystemState
from gateway.agency.upcoming import Upcoming, upcoming
from gateway.oauth.contact import Contact, contacts
from gateway.oauth.model import ClientId, Scope, Thumbprint
from gateway.settings import Settings

_SYSTEMS: Final = text(
    "SELECT c.client_id, c.agency_code, c.state, c.scopes, c.certificate_name IS NOT NULL AS named,"
    " (SELECT coalesce(jsonb_agg(jsonb_build_object('thumbprint', k.thumbprint, 'effective', k.state = 'active',"
    "   'added_at', k.added_at, 'ends_on', k.ends_on) ORDER BY k.added_at NULLS FIRST, k.thumbprint), '[]')"
    "   FROM gateway.oauth_client_key k WHERE k.client_id = c.client_id AND k.state <> 'removed') AS keys,"
    " (SELECT coalesce(jsonb_agg(jsonb_build_object('thumbprint', x.thumbprint, 'not_after', x.not_after)"
    "   ORDER BY x.not_after), '[]') FROM gateway.client_certificate x"
    "   WHERE x.client_id = c.client_id AND x.state = 'active') AS certificates"
    " FROM gateway.oauth_client c WHERE c.agency_code IS NOT NULL AND c.state <> 'revoked' ORDER BY c.client_id"
)
_MEETINGS: Final = text(
    "SELECT b.agency_code, min(m.held_on) AS first FROM gateway.panel_member b"
    " JOIN gateway.panel_meeting m USING (meeting_id) GROUP BY 1"
)


def standings(connection: Connection, settings: Settings, *, now: datetime) -> list[Standing]:
    """Return how every agency stands, by code.

    Args:
        now: the database's, aware.
    """
    return _standings(connection, settings, repository.all_agencies(connection), now=now)


def standing_of(
    connection: Connection, settings: Settings, code: AgencyCode, *, now: datetime
) -> Standing | None:
    """Return how one agency stands; absent: there is no such agency."""
    agency = repository.agency(connection, code)
    if agency is None:
        return None
    (found,) = _standings(connection, settings, [agency], now=now)
    return found


def _standings(
    connection: Connection, settings: Settings, agencies: Iterable[Agency], *, now: datetime
) -> list[Standing]:
    systems = _systems(connection, now=now)
    meetings = {row.agency_code: row.first for row in connection.execute(_MEETINGS)}
    waiting = {each.subject.agency for each in approval.waiting(connection)}
    coming = upcoming(connection, now=now)
    return [
        _standing(
            connection,
            settings,
            agency,
            today=now.astimezone(LONDON).date(),
            systems=tuple(systems.get(agency.code, ())),
            first_meeting=meetings.get(agency.code),
            waits=agency.code in waiting,
            coming=tuple(each for each in coming if each.agency == agency.code),
        )
        for agency in agencies
    ]


def _standing(
    connection: Connection,
    settings: Settings,
    agency: Agency,
    *,
    today: date,
    systems: tuple[System, ...],
    first_meeting: date | None,
    waits: bool,
    coming: tuple[Upcoming, ...],
) -> Standing:
    code, days, grace = agency.code, settings.attestation_days, settings.attestation_grace_days
    registered = agency.practitioner_policy is PractitionerPolicy.REGISTERED
    last = repository.last_attested_on(connection, code)
    return Standing(
        agency=agency,
        agreements=repository.agreements(connection, code),
        effective=repository.effective_version(connection, code),
        newest=repository.latest_version(connection, code),
        review_on=_review_on(connection, code),
        practitioners=len(current_practitioners(connection, code, today=today)),
        attestation=attestation_state(last, today=today, days=days, grace=grace) if registered else None,
        lapses_on=None if last is None else attestation_due(last, days=days + grace),
        systems=systems,
        first_meeting=first_meeting,
        waits=waits,
        coming=coming,
    )


def _review_on(connection: Connection, code: AgencyCode) -> date | None:
    try:
        profile = repository.effective_profile(connection, code)
    except ProfileError:
        return None
    return None if profile is None else profile.review_on


def _systems(connection: Connection, *, now: datetime) -> dict[AgencyCode, list[System]]:
    seen = contacts(connection, now=now)
    found: dict[AgencyCode, list[System]] = {}
    for row in connection.execute(_SYSTEMS):
        contact = seen[ClientId(row.client_id)]
        found.setdefault(AgencyCode(row.agency_code), []).append(
            System(
                client_id=ClientId(row.client_id),
                state=SystemState(row.state),
                scopes=tuple(map(Scope, sorted(row.scopes))),
                keys=tuple(_key(each, contact) for each in row.keys),
                certificates=tuple(
                    SystemCertificate(each["thumbprint"], datetime.fromisoformat(each["not_after"]))
                    for each in row.certificates
                ),
                named=row.named,
                contact=contact,
            )
        )
    return found


def _key(stored: Mapping[str, Any], contact: Contact) -> SystemKey:
    thumbprint, added, ends = (stored[name] for name in ("thumbprint", "added_at", "ends_on"))
    return SystemKey(
        Thumbprint(thumbprint),
        effective=stored["effective"],
        added_at=None if added is None else datetime.fromisoformat(added),
        ends_on=None if ends is None else date.fromisoformat(ends),
        used_at=contact.key_uses.get(thumbprint),
    )
