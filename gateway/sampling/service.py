"""Drawing samples of past accesses, taking the answers of agencies, and settling what they did not confirm.

INVARIANTS
- What is drawn is on record with its seed and the number it was drawn from, in codes and counts; so is each answer.
- An access is confirmed by its agency: by somebody at its desk who did not make it, or by what it told the officer.
- What does not exist for whoever asks is neither listed nor counted, and the number a sample was drawn from is shown to
  nobody on a page: it would count what is not there.
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection

from agencies.repository import active_agencies
from consent_registry.birthdays import LONDON, midnight
from gateway.cases.lookup import absent_for
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import log_size
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.sampling import repository
from gateway.sampling.errors import NotAskedError, NothingReleasedError
from gateway.sampling.model import (
    SEED_BYTES,
    Access,
    Answer,
    Channel,
    Outcome,
    Sample,
    Told,
    clock_of,
    in_order,
    period_due,
)
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring

JOB: Final = "worker"
"""Who draws a sample when its day has come, as the log names it."""


def draw_due(wiring: Wiring, now: datetime) -> int:
    """Draw every agency's sample of the newest period whose day has come; return how many are new.

    True afterwards: there is one for each active agency, empty where it received nothing. None is drawn where the
    council turned it off.
    """
    settings = wiring.settings.sampling
    if not settings.size:
        return 0
    today = now.astimezone(LONDON).date()
    period = period_due(today, day=settings.day, months=settings.months)
    since, until = midnight(period.first), midnight(period.end)
    with wiring.engine.connect() as connection:
        waiting = [
            each.code
            for each in active_agencies(connection)
            if not repository.is_drawn(connection, each.code, period.first.isoformat())
        ]
    drawn = 0
    for agency in waiting:
        with act(wiring) as change:
            found = _draw(
                wiring,
                change,
                agency,
                since=since,
                until=until,
                wanted=settings.size,
                by=JOB,
                occasion=period.first.isoformat(),
            )
            drawn += found is not None
    return drawn


def draw_by_hand(wiring: Wiring, agency: str, *, days: int, wanted: int, by: str) -> UUID:
    """Draw a sample of what an agency received in the last days, and return its id.

    Args:
        by: who draws it, as the log names them.

    Raises: NothingReleasedError.
    """
    with act(wiring) as change:
        until = database_now(change.connection).replace(second=0, microsecond=0) + timedelta(minutes=1)
        since = until - timedelta(days=days)
        found = _draw(wiring, change, agency, since=since, until=until, wanted=wanted, by=by, occasion=None)
        if found is None or not found[1]:
            raise NothingReleasedError
    return found[0]


def drawn_again(wiring: Wiring, sample_id: UUID) -> tuple[Sample, bool] | None:
    """Return a sample, and whether its seed draws the same of what is there now; absent: there is no such sample.

    What was erased or sealed since is missing from the population; it takes no other's place in the order.
    """
    with wiring.engine.connect() as connection:
        sample = repository.sample_by_id(connection, sample_id)
        if sample is None:
            return None
        stored = {
            each.leaf_index for each in repository.accesses(connection, wiring.keyring, sample_id=sample_id)
        }
        there = stored.union(
            repository.places_of(
                connection,
                sample.agency,
                since=sample.since,
                until=sample.until,
                log_size=sample.log_size,
            )
        )
    first = set(in_order(there, sample.seed)[: sample.wanted])
    whole = len(there) == sample.population
    return sample, stored == first if whole else stored <= first


def for_officer(wiring: Wiring, who: SignedIn, *, sample_id: UUID | None = None) -> tuple[Access, ...]:
    """Return what was sampled and is there for whoever asks: of one sample, or of all, by agency."""
    with wiring.engine.connect() as connection:
        found = repository.accesses(connection, wiring.keyring, sample_id=sample_id)
        return _there(connection, who, found)


def with_officer(wiring: Wiring, who: SignedIn) -> tuple[Access, ...]:
    """Return what is the officer's now: each no that nobody settled, each silence that was escalated."""
    with wiring.engine.connect() as connection:
        today = database_now(connection).astimezone(LONDON).date()
        return _there(connection, who, repository.with_officer(connection, wiring.keyring, today=today))


def for_desk(wiring: Wiring, agency: str, *, practitioner: str) -> list[Access]:
    """Return what a member of an agency may see of what it was asked and has not answered."""
    with wiring.engine.connect() as connection:
        return repository.for_desk(connection, wiring.keyring, agency, practitioner=practitioner)


def may_answer(access: Access, *, practitioner: str) -> bool:
    """True for an access that this practitioner did not make: nobody confirms their own."""
    return access.practitioner != practitioner


def answer_at_desk(
    wiring: Wiring, who: SignedIn, agency: str, answers: Mapping[UUID, Answer], *, practitioner: str
) -> None:
    """Store what somebody at the agency's desk answered: all of it, or nothing.

    Raises: NotAskedError, one is not theirs to answer, or was answered before.
    """

    def asked(connection: Connection) -> list[Access]:
        found = repository.for_desk(connection, wiring.keyring, agency, practitioner=practitioner)
        return [each for each in found if may_answer(each, practitioner=practitioner)]

    _store(wiring, who, answers, asked, told=None, practitioner=practitioner)


def enter(wiring: Wiring, who: SignedIn, sample_id: UUID, answers: Mapping[UUID, Answer], told: Told) -> None:
    """Store what an agency told the officer: all of it, or nothing.

    Raises: NotAskedError, one is not of this sample, is not there for the officer, or was answered before.
    """

    def asked(connection: Connection) -> list[Access]:
        found = repository.accesses(connection, wiring.keyring, sample_id=sample_id)
        return [each for each in _there(connection, who, found) if each.answer is None]

    _store(wiring, who, answers, asked, told=told, practitioner="")


def settle(wiring: Wiring, who: SignedIn, access_id: UUID, outcome: Outcome) -> None:
    """Say what came of an access that its agency did not confirm.

    Raises: NotAskedError, for the officer there is no such no that waits.
    """
    with act(wiring) as change:
        now = database_now(change.connection)
        found = repository.with_officer(
            change.connection, wiring.keyring, today=now.astimezone(LONDON).date()
        )
        (access,) = _among(_there(change.connection, who, found), [access_id])
        if not repository.settle(change.connection, access.id, outcome=outcome, by=who.username, now=now):
            raise NotAskedError
        _record(change, who, access, EntryKind.SAMPLE_SETTLE, outcome=outcome.value)


def _draw(
    wiring: Wiring,
    change: Change,
    agency: str,
    *,
    since: datetime,
    until: datetime,
    wanted: int,
    by: str,
    occasion: str | None,
) -> tuple[UUID, int] | None:
    """Draw and store a sample; return its id and how many accesses it has; absent: another one was first."""
    connection, settings = change.connection, wiring.settings.sampling
    now = database_now(connection)
    size = log_size(connection)
    places = repository.places_of(connection, agency, since=since, until=until, log_size=size)
    clock = clock_of(
        now.astimezone(LONDON).date(),
        answer_days=settings.answer_days,
        escalate_days=settings.escalate_days,
    )
    seed = secrets.token_bytes(SEED_BYTES)
    sample = Sample(uuid4(), agency, since, until, wanted, len(places), size, seed, by, now, clock)
    if not repository.add_sample(connection, sample, occasion=occasion):
        change.nothing_changed()
        return None
    found = [
        repository.release_at(connection, wiring.keyring, each) for each in in_order(places, seed)[:wanted]
    ]
    drawn = {uuid4(): row for row in found if row is not None}
    repository.add_accesses(connection, sample.id, drawn)
    change.record(
        kind=EntryKind.SAMPLE_DRAW,
        actor=by,
        agency=agency,
        internal={
            "sample": str(sample.id),
            "since": since.isoformat(),
            "until": until.isoformat(),
            "wanted": wanted,
            "population": len(places),
            "log_size": size,
            "seed": seed.hex(),
        },
    )
    return sample.id, len(drawn)


def _store(
    wiring: Wiring,
    who: SignedIn,
    answers: Mapping[UUID, Answer],
    asked: Callable[[Connection], list[Access]],
    *,
    told: Told | None,
    practitioner: str,
) -> None:
    with act(wiring) as change:
        now = database_now(change.connection)
        for access in _among(asked(change.connection), answers):
            answer = answers[access.id]
            said = replace(access, told=told)
            if not repository.put_answer(
                change.connection, wiring.keyring, said, answer=answer, by=who.username, now=now
            ):
                raise NotAskedError
            _record(
                change,
                who,
                access,
                EntryKind.SAMPLE_ANSWER,
                answer=answer.value,
                channel=(Channel.DESK if told is None else told.channel).value,
                **({"practitioner": practitioner} if practitioner else {}),
            )


def _record(change: Change, who: SignedIn, access: Access, kind: EntryKind, **more: str) -> None:
    change.record(
        kind=kind,
        actor=who.username,
        agency=access.sample.agency,
        internal={"sample": str(access.sample.id), "access": str(access.id), **more},
    )


def _among(found: Collection[Access], wanted: Collection[UUID]) -> list[Access]:
    """Those that are wanted, in the order in which every act holds them.

    Raises: NotAskedError, one of them is not there.
    """
    chosen = sorted((each for each in found if each.id in wanted), key=lambda each: each.id)
    if len(chosen) != len(wanted):
        raise NotAskedError
    return chosen


def _there(connection: Connection, who: SignedIn, found: list[Access]) -> tuple[Access, ...]:
    hidden = absent_for(connection, who, {each.family_id for each in found})
    return tuple(each for each in found if each.family_id not in hidden)
