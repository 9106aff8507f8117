"""A candidate profile replayed over past releases: what an agency was told, decided again as if the candidate had counted.

INVARIANTS
- That somebody simulated is committed before anything is read for them.
- It is no second writing of the rules: ``decide`` and ``item_level`` decide, on the facts as they were then.
- Only the past of decisions is kept, not of records: levels are those of the record as it stands today.
- A release that cannot be decided again is counted and fails nothing.
- Of a family nothing stays open longer than its own releases take, and nothing of it is logged.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, text

from agencies import repository as register
from agencies.errors import UnknownAgencyError
from agencies.model import Profile, Purpose
from agencies.profile_text import format_profile
from agencies.register import PractitionerPolicy
from gateway.caller import Caller, PractitionerClaim
from gateway.cases.model import CaseIdentity
from gateway.cases.repository import family_person_keys, stored_parts
from gateway.cases.sealing import open_parts
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import (
    OpenedEntry,
    StoredEntry,
    entries_at,
    open_under,
    releases_since,
)
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.keyring import FamilyKeys, KeyErasedError
from gateway.release.decision import decide
from gateway.release.impact import Impact, Obstacle, Replay, Scope, add_up, levels_told
from gateway.release.minimisation import items_of
from gateway.release.model import Facts, Item, Permit
from gateway.release.past import AgencyPast, CasePast, agency_past, case_past, facts_then
from gateway.release.preview import under
from gateway.release.service import ITEM_FAULTS
from gateway.wiring import Wiring

LONGEST_DAYS: Final = 366

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many releases were looked at, and of how many; first none of them."""

_NEVER_SHOWN: Final = 0
"""A version's number that no family can have been shown: versions begin with 1."""

_CASE: Final = text("SELECT case_id FROM gateway.case_record WHERE family_id = :family")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What is replayed.

    Attributes:
        unseen: the candidate under a number of its own: whatever was shown under its real one stays what it was.
        verified: the register vouches for whoever asked.
    """

    profile: Profile
    unseen: Profile
    past: AgencyPast
    verified: bool


@dataclass(frozen=True, slots=True)
class _Family:
    """One family, open while its releases are replayed; ``items`` are those of today."""

    keys: FamilyKeys
    case: CasePast
    items: tuple[Item, ...]


def simulate(
    wiring: Wiring,
    candidate: Profile,
    *,
    days: int,
    actor: str,
    newest: int | None = None,
    progress: Progress | None = None,
) -> Impact:
    """Return what a candidate would have changed in the releases to its agency.

    1. Commit the entry that says who simulates what.
    2. Find the releases: where they are in the log is known without a key.
    3. Family by family: open it once, read what is kept of it once.
    4. Release by release: decide as it was decided, and twice under the candidate.

    Args:
        days: how far back, 1 to ``LONGEST_DAYS``.
        newest: look at this many of the newest releases at most; absent: at all.

    Raises: UnknownAgencyError; ValueError, so many days are not served; NotAppendedError. Nothing was read.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise ValueError("so many days are not served")
    with act(wiring) as change:
        agency = register.agency(change.connection, candidate.agency)
        if agency is None:
            raise UnknownAgencyError("There is no such agency.")
        now = database_now(change.connection)
        change.record(
            kind=EntryKind.PROFILE_SIMULATE,
            actor=actor,
            agency=candidate.agency,
            internal={
                "agency": candidate.agency,
                "days": days,
                "profile_sha256": hashlib.sha256(format_profile(candidate).encode()).hexdigest(),
                "profile_version": candidate.version,
            },
        )
    with wiring.autocommit.connect() as connection:
        found = releases_since(connection, agency=candidate.agency, since=now - timedelta(days=days))
        replaying = _Candidate(
            candidate,
            replace(candidate, version=_NEVER_SHOWN),
            agency_past(connection, candidate.agency),
            verified=agency.practitioner_policy is PractitionerPolicy.REGISTERED,
        )
        chosen = found.places[:newest]
        replays = _replays(wiring, connection, replaying, chosen)
        return add_up(
            _counted(replays, len(chosen), progress),
            scope=Scope(
                candidate.agency,
                candidate.version,
                days,
                left_out=len(found.places) - len(chosen),
                untraced=found.untraced,
            ),
        )


def _counted(
    replays: Iterator[Replay | Obstacle], total: int, progress: Progress | None
) -> Iterator[Replay | Obstacle]:
    """The same, each told to whoever wants to know how far it is."""
    tell = progress or (lambda _done, _total: None)
    tell(0, total)
    for done, each in enumerate(replays, start=1):
        yield each
        tell(done, total)


def _replays(
    wiring: Wiring, connection: Connection, candidate: _Candidate, places: Sequence[tuple[int, UUID]]
) -> Iterator[Replay | Obstacle]:
    """Every release decided again, family by family, those with the newest release first."""
    indexes: dict[UUID, list[int]] = {}
    for index, family_id in places:
        indexes.setdefault(family_id, []).append(index)
    for family_id, own in indexes.items():
        family = _opened(wiring, connection, candidate, family_id)
        if isinstance(family, Obstacle):
            yield from [family] * len(own)
        else:
            for row in entries_at(connection, own):
                yield _replay(wiring, candidate, family, row)


def _opened(
    wiring: Wiring, connection: Connection, candidate: _Candidate, family_id: UUID
) -> _Family | Obstacle:
    """The family with its record as it stands today, or why there is none."""
    try:
        keys = wiring.keyring.family(connection, family_id)
        case_id = connection.execute(_CASE, {"family": family_id}).scalar_one_or_none()
        if case_id is None:
            return Obstacle.GONE
        case = case_past(wiring, connection, CaseIdentity(case_id, family_id), agency=candidate.past.code)
        parts = open_parts(keys, family_person_keys(connection, family_id), stored_parts(connection, case_id))
        return _Family(keys, case, tuple(items_of(parts)))
    except KeyErasedError:
        return Obstacle.ERASED
    except ITEM_FAULTS:
        return Obstacle.DAMAGED


def _replay(wiring: Wiring, candidate: _Candidate, family: _Family, row: StoredEntry) -> Replay | Obstacle:
    """One release, decided again."""
    try:
        entry = open_under(family.keys, row)
        if entry is None:
            return Obstacle.DAMAGED
        caller = _caller(candidate, entry)
        at = datetime.fromisoformat(entry.internal["time"])
        facts = facts_then(candidate.past, family.case, at=at).facts
        extract_days = wiring.settings.extract_days
        before = decide(facts, caller=caller, extract_days=extract_days)
        if not isinstance(before, Permit) or before.profile.version != entry.recipient["profile_version"]:
            return Obstacle.OTHERWISE
        after, at_once = (
            decide(supposed, caller=caller, extract_days=extract_days)
            for supposed in (under(facts, candidate.profile), _adopted(facts, candidate.unseen))
        )
        return Replay(
            family.keys.family_id,
            before=levels_told(before, family.items),
            after=levels_told(after, family.items),
            at_once=levels_told(at_once, family.items),
        )
    except ITEM_FAULTS:
        return Obstacle.DAMAGED


def _caller(candidate: _Candidate, entry: OpenedEntry) -> Caller:
    """Who asked, and for what, as the entry has it."""
    said: Mapping[str, str] = entry.internal
    return Caller(
        client_id=said["actor"],
        agency=candidate.past.code,
        scopes=frozenset(),
        purpose=Purpose(entry.recipient["purpose"]),
        practitioner=PractitionerClaim(said["practitioner"], verified=candidate.verified),
    )


def _adopted(facts: Facts, unseen: Profile) -> Facts:
    """The facts, as if this version had become effective a moment before and nobody had been shown it."""
    return facts if facts.agency is None else replace(facts, agency=replace(facts.agency, profile=unseen))
