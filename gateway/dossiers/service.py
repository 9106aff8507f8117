"""Incidents and complaints: opened, added to step by step, linked to releases, and closed once everything is answered.

INVARIANTS
- Every change and every look is on record; neither waits for the log: an incident may be that it cannot be had.
- A complaint of a family that is absent for whoever asks does not exist for them, nor does a linked release of one: no
  number, no step and no order of steps tells of it.
- Nobody adds to what they have not seen: the newest step that exists for them travels with the form.
- What is said of a family's complaint is sealed under the family's key, and goes with it.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection

from certs.envelope import seal, unseal
from certs.errors import EnvelopeError
from consent_registry.birthdays import LONDON
from gateway.bank_holidays import bank_holidays_around
from gateway.cases.lookup import absent_for, find_by_reference
from gateway.disclosure_log.exploring import Disclosure, disclosure, named, place_of_extract
from gateway.disclosure_log.exploring import Sort as Entry
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.dossiers import repository
from gateway.dossiers.errors import DossierError, FaultyAnswerError, UnknownDossierError
from gateway.dossiers.model import Dossier, Ref, Sort, Step, StepKind, due, needs
from gateway.dossiers.questions import Answers, Typed, read
from gateway.ids import read_id
from gateway.keyring import KeyErasedError
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring

_KINDS: Final[Mapping[Sort, tuple[EntryKind, EntryKind, EntryKind]]] = {
    Sort.COMPLAINT: (EntryKind.COMPLAINT_OPEN, EntryKind.COMPLAINT_RECORD, EntryKind.COMPLAINT_VIEW),
    Sort.INCIDENT: (EntryKind.INCIDENT_OPEN, EntryKind.INCIDENT_RECORD, EntryKind.INCIDENT_VIEW),
}
"""How opening one, adding to it and looking at it are entered."""
_LONGEST_PLACE: Final = 18
_NO_FAMILY: Final = "There is no case with this reference for you. Check it, or leave it empty."
_NO_RELEASE: Final = "There is no such release for you. Enter its place in the log, or the id of its extract."

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Linked:
    """A linked release.

    Attributes:
        line: what the log says of it; absent: its family was erased since.
    """

    step: Step
    line: Disclosure | None


@dataclass(frozen=True, slots=True)
class Looked:
    """A dossier as it exists for whoever asked.

    Attributes:
        dossier: with its texts.
        beside: complaints about an incident, or the incident that a complaint is about.
    """

    dossier: Dossier
    linked: tuple[Linked, ...]
    beside: tuple[Dossier, ...]


def listed(wiring: Wiring, who: SignedIn, sort: Sort) -> list[Dossier]:
    """Return what exists for whoever asks, without texts: first what is due first, then what else is open, then the rest."""
    with wiring.engine.connect() as connection:
        found = _there(connection, who, repository.dossiers(connection, sort))
    return sorted(found, key=_urgency)


def due_of(dossier: Dossier) -> datetime | None:
    """Return when its clock ends, aware; absent: none runs."""
    return due(dossier, holidays=bank_holidays_around(dossier.since.astimezone(LONDON).date()))


def look(wiring: Wiring, who: SignedIn, ref: Ref) -> Looked:
    """Return a dossier with what the log says of its releases, once it is on record that somebody looks.

    Raises: UnknownDossierError.
    """
    with act(wiring, closes=True) as change:
        connection = change.connection
        found = _existing(connection, who, ref)
        seen = _seen(wiring, connection, who, found)
        _record(change, who, ref, _KINDS[ref.sort][2])
        other = Sort.INCIDENT if ref.sort is Sort.COMPLAINT else Sort.COMPLAINT
        beside = [
            each
            for each in _there(connection, who, repository.dossiers(connection, other))
            if ref.id == _incident_of(each) or each.id == _incident_of(found)
        ]
        dossier = replace(seen.dossier, steps=_opened(wiring, connection, seen.dossier))
    return Looked(dossier, seen.linked, tuple(beside))


def open_dossier(
    wiring: Wiring,
    who: SignedIn,
    ref: Ref,
    typed: Typed,
    *,
    source_ref: str = "",
    incident: str = "",
    release: str = "",
) -> None:
    """Open a dossier; one that this form opened before stays as it is.

    Args:
        ref: with the id of the form.
        source_ref: the council's reference of the family whose complaint it is; empty: of none.
        incident: the id of the incident that a complaint is about; empty: of none.
        release: what it is linked to from the beginning, as ``link`` takes it; empty: to nothing.

    Raises: FaultyAnswerError.
    """
    family_id = _family(wiring, who, source_ref) if source_ref else None
    with act(wiring, closes=True) as change:
        connection, now = change.connection, database_now(change.connection)
        answers = _about(connection, read(ref.sort, StepKind.DESCRIBE, typed, now=now), incident)
        if not repository.add(connection, ref, family_id=family_id):
            change.nothing_changed()
            return
        step = _Taken(StepKind.DESCRIBE, answers, now)
        _add(wiring, change, who, ref, step, family_id=family_id)
        _record(change, who, ref, _KINDS[ref.sort][0])
        if release:
            _link(wiring, change, who, ref, release)


def add_step(
    wiring: Wiring,
    who: SignedIn,
    ref: Ref,
    kind: StepKind,
    typed: Typed,
    *,
    seen: str,
    incident: str = "",
) -> None:
    """Add a step to a dossier.

    Args:
        seen: the id of the newest step that whoever acts was shown.
        incident: as for ``open_dossier``.

    Raises: UnknownDossierError; FaultyAnswerError; DossierError: somebody else was there first, it is closed, or
        something is still to be answered.
    """
    with act(wiring, closes=True) as change:
        connection, now = change.connection, database_now(change.connection)
        dossier = _held(wiring, connection, who, ref)
        if str(dossier.steps[-1].id) != seen:
            raise DossierError("Somebody added something meanwhile. Look at it, then do this again.")
        if dossier.is_open is (kind is StepKind.REOPEN):
            raise DossierError(
                "It is open already." if dossier.is_open else "It is closed: open it again first."
            )
        if kind is StepKind.CLOSE and needs(dossier):
            raise DossierError("It cannot be closed yet: something is still to be answered.")
        answers = read(ref.sort, kind, typed, now=now, before=dossier)
        if kind is StepKind.DESCRIBE:
            answers = _about(connection, answers, incident)
        _add(wiring, change, who, ref, _Taken(kind, answers, now), family_id=dossier.family_id)
        _record(change, who, ref, _KINDS[ref.sort][1], step=kind.value)


def link(wiring: Wiring, who: SignedIn, ref: Ref, name: str) -> None:
    """Link a release of the disclosure log.

    Args:
        name: its place in the log, or the id of its extract.

    Raises: UnknownDossierError; FaultyAnswerError; DossierError, it is closed.
    """
    with act(wiring, closes=True) as change:
        dossier = _held(wiring, change.connection, who, ref)
        if not dossier.is_open:
            raise DossierError("It is closed: open it again first.")
        _link(wiring, change, who, ref, name, linked=dossier.linked())


def unlink(wiring: Wiring, who: SignedIn, ref: Ref, entry: str) -> None:
    """Link a release no more; that it was linked stays.

    Raises: UnknownDossierError; DossierError: it is closed, or that release is not linked.
    """
    with act(wiring, closes=True) as change:
        connection = change.connection
        dossier = _held(wiring, connection, who, ref)
        linked = next((each for each in dossier.linked() if each.facts["entry"] == entry), None)
        if linked is None or not dossier.is_open:
            raise DossierError("This release is not linked any more, or it is closed.")
        facts = dict(linked.facts)
        step = _Taken(StepKind.UNLINK, Answers(facts, {}), database_now(connection))
        _add(wiring, change, who, ref, step, family_id=None)
        _record(change, who, ref, _KINDS[ref.sort][1], step=StepKind.UNLINK.value, leaf=facts["leaf"])


def _link(
    wiring: Wiring, change: Change, who: SignedIn, ref: Ref, name: str, *, linked: Iterable[Step] = ()
) -> None:
    """Add the step that links a release, if it is there for whoever acts and not linked yet."""
    connection = change.connection
    place = _place(connection, name.strip())
    absent = partial(_absent, connection, who)
    found = None if place is None else disclosure(connection, place, keyring=wiring.keyring, absent=absent)
    if found is None or found[0].sort is not Entry.RELEASE:
        raise FaultyAnswerError("release", _NO_RELEASE)
    line, row = found
    if str(row.entry_id) in {step.facts["entry"] for step in linked}:
        raise FaultyAnswerError("release", "This release is linked already.")
    facts = {
        "entry": str(row.entry_id),
        "leaf": str(line.leaf_index),
        "agency": line.agency,
        "released": line.minute.isoformat(),
    }
    step = _Taken(StepKind.LINK, Answers(facts, {}), database_now(connection))
    _add(wiring, change, who, ref, step, family_id=None)
    _record(change, who, ref, _KINDS[ref.sort][1], step=StepKind.LINK.value, leaf=facts["leaf"])


@dataclass(frozen=True, slots=True)
class _Taken:
    kind: StepKind
    answers: Answers
    at: datetime


@dataclass(frozen=True, slots=True)
class _Seen:
    dossier: Dossier
    linked: tuple[Linked, ...]


def _urgency(dossier: Dossier) -> tuple[int, float, float, str]:
    """Where a dossier stands in a list: whose clock ends first, and of several the one that waits longest."""
    ends, since = due_of(dossier), dossier.since.timestamp()
    if ends is not None:
        return 0, ends.timestamp(), since, str(dossier.id)
    return (1, since, 0, str(dossier.id)) if dossier.is_open else (2, -since, 0, str(dossier.id))


def _absent(connection: Connection, who: SignedIn, families: Collection[UUID]) -> Collection[UUID]:
    return absent_for(connection, who, families)


def _there(connection: Connection, who: SignedIn, found: list[Dossier]) -> list[Dossier]:
    """Those that exist for somebody."""
    families = {each.family_id for each in found if each.family_id is not None}
    hidden = absent_for(connection, who, families) if families else frozenset()
    return [each for each in found if each.family_id not in hidden]


def _existing(connection: Connection, who: SignedIn, ref: Ref) -> Dossier:
    found = repository.dossier(connection, ref)
    if found is None or not _there(connection, who, [found]):
        raise UnknownDossierError("there is no such dossier for them")
    return found


def _held(wiring: Wiring, connection: Connection, who: SignedIn, ref: Ref) -> Dossier:
    """A dossier as it exists for somebody, to which nobody else adds until the end of the transaction."""
    repository.hold(connection, ref.id)
    return _seen(wiring, connection, who, _existing(connection, who, ref)).dossier


def _seen(wiring: Wiring, connection: Connection, who: SignedIn, dossier: Dossier) -> _Seen:
    """What exists of a dossier for somebody: without releases of families that are absent for them."""
    entries = {UUID(step.facts["entry"]) for step in dossier.steps if "entry" in step.facts}
    found = named(connection, entries, keyring=wiring.keyring, absent=partial(_absent, connection, who))
    kept = dossier.without(frozenset(map(str, found.hidden)))
    lines = tuple(Linked(step, found.lines.get(UUID(step.facts["entry"]))) for step in kept.linked())
    return _Seen(kept, lines)


def _incident_of(dossier: Dossier) -> UUID | None:
    return dossier.incident_id if dossier.sort is Sort.COMPLAINT else None


def _place(connection: Connection, name: str) -> int | None:
    """The leaf index of an entry that somebody names; absent: it is none."""
    if name.isascii() and name.isdigit() and len(name) <= _LONGEST_PLACE:
        return int(name)
    extract = read_id(name)
    return None if extract is None else place_of_extract(connection, extract)


def _family(wiring: Wiring, who: SignedIn, source_ref: str) -> UUID:
    """The family that somebody names; that they looked for it is on record, whether they found it or not."""
    found = find_by_reference(wiring, who, source_ref)
    if not found:
        raise FaultyAnswerError("reference", _NO_FAMILY)
    return found[0].family_id


def _about(connection: Connection, answers: Answers, incident: str) -> Answers:
    """With the incident that a complaint is about."""
    if not incident:
        return answers
    known = read_id(incident)
    if known is None or repository.dossier(connection, Ref(Sort.INCIDENT, known)) is None:
        raise FaultyAnswerError("incident", "Choose an incident of the list, or none.")
    return Answers({**answers.facts, "incident": str(known)}, answers.texts)


def _add(
    wiring: Wiring, change: Change, who: SignedIn, ref: Ref, taken: _Taken, *, family_id: UUID | None
) -> None:
    connection, texts = change.connection, taken.answers.texts
    step = Step(uuid4(), taken.kind, taken.at, who.username, taken.answers.facts)
    repository.add_step(connection, ref.id, step)
    if not texts:
        return
    if family_id is not None and not repository.hold_family(connection, family_id):
        raise DossierError("The family was erased meanwhile. Look at it, then do this again.")
    key = _key(wiring, connection, family_id)
    sealed = seal(key, json.dumps(dict(texts)).encode(), aad=_part(step.id))
    repository.add_text(connection, step.id, family_id=family_id, sealed=sealed)


def _record(change: Change, who: SignedIn, ref: Ref, kind: EntryKind, **more: str) -> None:
    """Enter what somebody did; it is nobody's entry, so that a dossier tells nothing of a family."""
    change.record(kind=kind, actor=who.username, internal={ref.sort.value: str(ref.id), **more})


def _key(wiring: Wiring, connection: Connection, family_id: UUID | None) -> bytes:
    """The key of texts.

    Raises: KeyErasedError, the family was erased.
    """
    if family_id is None:
        return wiring.keyring.dossier_key(connection)
    return wiring.keyring.family(connection, family_id).data_key


def _part(step_id: UUID) -> bytes:
    return b"dossier:" + step_id.bytes


def _opened(wiring: Wiring, connection: Connection, dossier: Dossier) -> tuple[Step, ...]:
    """The steps with their texts; one that does not open is logged, and told without."""
    sealed = repository.texts(connection, dossier.id)
    found = []
    for step in dossier.steps:
        each = sealed.get(step.id)
        try:
            said = (
                None
                if each is None
                else unseal(_key(wiring, connection, each.family_id), each.sealed, aad=_part(step.id))
            )
        except KeyErasedError:
            said = None
        except EnvelopeError:
            _log.error("dossier.damaged", dossier=str(dossier.id), step=str(step.id))
            said = None
        found.append(replace(step, texts=None if said is None else json.loads(said)))
    return tuple(found)
