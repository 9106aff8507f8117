"""What several people of a family say at once: recorded in one act, or rehearsed in it and taken back.

INVARIANTS
- A rehearsal is the act itself, not committed: what it foretells is what the same answers will do.
- Everybody's decision is recorded or nobody's.
- Documents of these pages name the case and its people by our own ids; the council's stay unread.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from agencies.model import AgencyKind
from consent_registry.service import Recorded
from gateway.cases.errors import UnknownCaseError
from gateway.cases.model import CaseIdentity
from gateway.consent.overview import Overview, overview
from gateway.consent.recording import Told, record_told
from gateway.consent.schemas import read_decision
from gateway.disclosure_log.service import Change, act
from gateway.keyring import KeyErasedError
from gateway.recall.repository import copies_of
from gateway.release.audience import agencies_told
from gateway.strict_json import JsonValue
from gateway.wiring import Wiring

_RECALLS: Final = text(
    "SELECT recall_id, agency_code, extracts FROM gateway.recall WHERE family_id = :family"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person of the family says.

    Attributes:
        speaker_id: who speaks; absent: nobody said.
        document: a consent decision (``gateway.consent.schemas.read_decision``).
        expected: for an act that opens, the version of the standing it was decided on.
    """

    person_id: UUID
    speaker_id: UUID | None
    document: Mapping[str, JsonValue]
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class AgencyChange:
    """What answers would change for one agency.

    Attributes:
        asks_now: it could be told something at this moment.
        stops, continues, begins: by person, the categories and named fields.
        copies: extracts that it received under agreement; ``called_back``: of these, how many would be called back.
    """

    code: str
    name: str
    kind: AgencyKind
    asks_now: bool
    stops: Mapping[UUID, frozenset[str]]
    continues: Mapping[UUID, frozenset[str]]
    begins: Mapping[UUID, frozenset[str]]
    copies: int
    called_back: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What answers would do.

    Attributes:
        recorded: what would be answered, in the order of the answers.
        agencies: every agency that takes part, by name.
    """

    recorded: tuple[Recorded, ...]
    agencies: tuple[AgencyChange, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """How a family stands at one moment of the act."""

    overview: Overview
    asking: frozenset[str]
    recalled: Mapping[UUID, tuple[str, int]]


def decide_together(
    wiring: Wiring, identity: CaseIdentity, answers: Sequence[Answer], *, actor: str
) -> list[Recorded]:
    """Record every answer in one act.

    True afterwards: all of them are in effect; the same again is a replay and changes nothing.
    Raises: what ``gateway.consent.service.decide`` raises; nothing was recorded.
    """
    with act(wiring, families=(identity.family_id,), closes=_closes(answers)) as change:
        recorded = _record(wiring, change, identity, answers, actor=actor)
        if all(each.replay for each in recorded):
            change.nothing_changed()
    return recorded


def rehearse(wiring: Wiring, identity: CaseIdentity, answers: Sequence[Answer], *, actor: str) -> Rehearsal:
    """Return what recording the answers would do; nothing is recorded.

    Raises: as ``decide_together``.
    """
    with act(wiring, families=(identity.family_id,), closes=_closes(answers)) as change:
        before = _seen(wiring, change.connection, identity)
        recorded = _record(wiring, change, identity, answers, actor=actor)
        after = _seen(wiring, change.connection, identity)
        copies = [each.agency for each in copies_of(change.connection, wiring.keyring, identity.family_id)]
        change.nothing_changed()
    return Rehearsal(tuple(recorded), tuple(_changes(before, after, copies=copies)))


def _record(
    wiring: Wiring, change: Change, identity: CaseIdentity, answers: Sequence[Answer], *, actor: str
) -> list[Recorded]:
    return [
        record_told(
            wiring,
            change,
            Told(
                read_decision(dict(each.document)),
                identity,
                each.person_id,
                each.speaker_id,
                actor,
                expected=each.expected,
            ),
        )
        for each in answers
    ]


def _closes(answers: Iterable[Answer]) -> bool:
    return all(each.document.get("act") != "give" for each in answers)


def _seen(wiring: Wiring, connection: Connection, identity: CaseIdentity) -> _Seen:
    try:
        keys = wiring.keyring.family(connection, identity.family_id)
    except KeyErasedError as error:
        raise UnknownCaseError("the family was erased") from error
    standing = overview(connection, identity, keys, wiring.settings)
    asking = agencies_told(wiring, connection, identity.case_id)
    recalls = connection.execute(_RECALLS, {"family": identity.family_id})
    return _Seen(standing, asking, {row.recall_id: (row.agency_code, len(row.extracts)) for row in recalls})


def _changes(before: _Seen, after: _Seen, *, copies: Sequence[str]) -> Iterable[AgencyChange]:
    called = [each for recall, each in after.recalled.items() if recall not in before.recalled]
    for agency in sorted(after.overview.agencies, key=lambda each: each.name.casefold()):
        stops, continues, begins = {}, {}, {}
        for person in after.overview.people:
            had = before.overview.cell(agency.code, person).data
            has = after.overview.cell(agency.code, person).data
            stops[person], continues[person], begins[person] = had - has, had & has, has - had
        yield AgencyChange(
            code=agency.code,
            name=agency.name,
            kind=agency.kind,
            asks_now=agency.code in before.asking | after.asking,
            stops=_some(stops),
            continues=_some(continues),
            begins=_some(begins),
            copies=copies.count(agency.code),
            called_back=sum(count for code, count in called if code == agency.code),
        )


def _some(data: Mapping[UUID, frozenset[str]]) -> Mapping[UUID, frozenset[str]]:
    """Those of whom there is any."""
    return {person: codes for person, codes in data.items() if codes}
