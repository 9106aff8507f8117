"""Watching what ends: agencies' agreements, and the keys and certificates of their clients.

INVARIANTS
- A notice is raised once per end and threshold; a later threshold is a notice of its own, done or not the one before.
- An end that nobody saw coming, because no worker ran, is still noticed: the threshold that is reached counts.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from agencies import repository
from agencies.register import Agreement
from certs.certificate import notice_due
from consent_registry.birthdays import LONDON, midnight
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

_ACTIVE_CERTIFICATES: Final = text(
    "SELECT thumbprint, agency_code, client_id, not_after FROM gateway.client_certificate"
    " WHERE state = 'active' ORDER BY thumbprint"
)

# A client with a key that has no end goes on, whatever ends beside it; one by certificate is watched by that.
_LAST_KEYS: Final = text(
    "SELECT k.agency_code AS agency, k.client_id AS client, max(k.ends_on) AS ends_on FROM gateway.oauth_client_key k"
    " JOIN gateway.oauth_client c USING (client_id) WHERE k.agency_code IS NOT NULL AND k.state = 'active'"
    " AND c.state <> 'revoked' GROUP BY 1, 2 HAVING bool_and(k.ends_on IS NOT NULL) ORDER BY 1, 2"
)


def watch_expiry(wiring: Wiring, now: datetime) -> int:
    """Raise the notices of expiry that are due and were not raised before; return how many.

    Args:
        now: the database's, aware.
    """
    with wiring.engine.begin() as connection:
        return _agreements(connection, now) + _certificates(connection, now) + _keys(connection, now)


def last_keys(connection: Connection) -> Sequence[Row[Any]]:
    """Return agency, client, and the first day without an effective key, of each client that will have none."""
    return connection.execute(_LAST_KEYS).all()


def covered_until(agreements: Sequence[Agreement], *, today: date) -> date | None:
    """Return the day from which an agency has no agreement, seen from today.

    Args:
        agreements: every agreement of the agency, in any order.

    Returns: the end of the unbroken run of agreements in force today; where none is, the day the last one ended;
        absent: none has begun.
    """
    end = max((each.valid_until for each in agreements if each.valid_until <= today), default=None)
    for each in sorted(agreements, key=lambda each: each.valid_from):
        if each.valid_from <= max(today, end or today) and each.valid_until > (end or date.min):
            end = each.valid_until
    return end


def _agreements(connection: Connection, now: datetime) -> int:
    today = now.astimezone(LONDON).date()
    raised = 0
    for agency in repository.active_agencies(connection):
        end = covered_until(repository.agreements(connection, agency.code), today=today)
        if end is None:
            continue
        raised += _notice(
            connection, now, kind=TaskKind.AGREEMENT_EXPIRING, end=midnight(end), about=agency.code
        )
    return raised


def _certificates(connection: Connection, now: datetime) -> int:
    raised = 0
    for row in connection.execute(_ACTIVE_CERTIFICATES):
        raised += _notice(
            connection,
            now,
            kind=TaskKind.CERTIFICATE_EXPIRING,
            end=row.not_after,
            about=row.thumbprint,
            agency=row.agency_code,
            client=row.client_id,
        )
    return raised


def _keys(connection: Connection, now: datetime) -> int:
    raised = 0
    for row in last_keys(connection):
        raised += _notice(
            connection,
            now,
            kind=TaskKind.KEY_EXPIRING,
            end=midnight(row.ends_on),
            about=row.client,
            agency=row.agency,
        )
    return raised


def _notice(
    connection: Connection,
    now: datetime,
    *,
    kind: TaskKind,
    end: datetime,
    about: str,
    **whose: str | None,
) -> bool:
    """Raise the notice that is due of an end, once for each end and threshold; return whether it is new."""
    days = notice_due(end, now=now)
    if days is None:
        return False
    ends = end.astimezone(LONDON).date().isoformat()
    known = {name: code for name, code in whose.items() if code is not None}
    return raise_task(
        connection,
        kind=kind,
        due=end,
        about=about,
        facts={"ends": ends, "notice": days, **known},
        occasion=f"{ends}:{days}",
    )
