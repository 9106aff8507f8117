"""Storing one family: new, or in place of what its source sent before.

INVARIANTS
- All of a family or nothing of it: one act, its gate moved first and its entry appended last.
- A person known in another family keeps their one key; this family keeps a copy sealed under its own.
- What was agreed ends with the case: nothing of it comes back when the case is opened again.
- People who stay keep our id of them. Shields and seals are only ever added: the stricter of what is stored,
  in any family, and what was sent; lifting one is another act.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID, uuid4

from certs.blind_index import blind_index
from certs.envelope import new_key
from consent_registry import service as registry
from gateway.cases import repository, search
from gateway.cases.errors import CaseMovedError
from gateway.cases.model import CaseDocument, CaseIdentity, Shield, Status
from gateway.cases.sealing import open_person_key, seal_born, seal_parts, seal_person_key
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.keyring import FamilyKeys
from gateway.wiring import Wiring

AfterShield = Callable[[Change, UUID], Sequence[UUID]]
"""Told inside the act, once for each family that shields somebody more than before; the entry names the ids it returns."""

_ATTEMPTS = 3


class Stored(StrEnum):
    """What storing a family did; also the entry's verb."""

    IMPORTED = "import"
    REPLACED = "replace"


class _MovedError(Exception):
    """Another writer changed which case this is between our look and our lock."""


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Blind indexes of one document: its reference, and the council's id of each person."""

    source_ref: bytes
    people: dict[str, bytes]


def shield_first(wiring: Wiring, document: CaseDocument) -> dict[UUID, tuple[UUID, Shield]]:
    """Return whom the document shields more than some family does: by person, one such family and the level."""
    with wiring.engine.connect() as connection:
        people = _tokens(wiring.keyring.index_key(connection), document).people
        return repository.held_less_strictly(
            connection,
            {people[each.id]: each.shield for each in document.people if each.shield is not Shield.NONE},
        )


def store_family(
    wiring: Wiring, document: CaseDocument, *, actor: str, after: AfterShield | None = None
) -> Stored:
    """Store a checked document.

    Args:
        after: what else follows where a family that was there has somebody shielded whom it did not have.

    True afterwards: the case stands as the document says, its entry is in the log, and every agency has its own
    random id for the case and each of its people.
    Raises: CaseMovedError; NotAppendedError of the log. Nothing was stored then.
    """
    for _ in range(_ATTEMPTS):
        with wiring.engine.connect() as connection:
            existing = repository.case_by_source_ref(
                connection, keyring=wiring.keyring, source_ref=document.source_ref
            )
        identity = existing or CaseIdentity(case_id=uuid4(), family_id=uuid4())
        stored = Stored.REPLACED if existing else Stored.IMPORTED
        try:
            with act(wiring, families=(identity.family_id,)) as change:
                _store(wiring, change, identity, stored, document, actor=actor, after=after)
        except _MovedError:
            continue
        return stored
    raise CaseMovedError("the family kept changing while it was being stored")


def _store(
    wiring: Wiring,
    change: Change,
    identity: CaseIdentity,
    stored: Stored,
    document: CaseDocument,
    *,
    actor: str,
    after: AfterShield | None,
) -> None:
    connection = change.connection
    index_key = wiring.keyring.index_key(connection)
    tokens = _tokens(index_key, document)

    # 1. Hold what other families' writers could change under us; the family itself is held by its gate.
    repository.hold_agencies(connection, alone=False)
    repository.hold_people(connection, [tokens.source_ref, *tokens.people.values()])
    now = repository.case_by_source_ref(connection, keyring=wiring.keyring, source_ref=document.source_ref)
    if now != (identity if stored is Stored.REPLACED else None):
        raise _MovedError

    # 2. People, before their old rows go: who they are, their keys, their shields.
    ids = repository.ensure_people(connection, tokens.people)
    shields = _shields(document, ids, repository.strongest_shields(connection, list(ids.values())))

    recalls = _call_back(change, identity, shields, after) if stored is Stored.REPLACED else ()

    # 3. State.
    if stored is Stored.IMPORTED:
        family = wiring.keyring.create_family(connection, identity.family_id)
        repository.add_case(connection, identity, source_ref_index=tokens.source_ref, document=document)
        version = 1
    else:
        family = wiring.keyring.family(connection, identity.family_id)
        version = repository.replace_case(connection, identity.case_id, document=document)
    keys = _person_keys(wiring, change, family, list(ids.values()))
    births = {
        person: seal_born(family, person, keys[person], born=day)
        for person, day in _births(document, ids).items()
    }
    over = end_agreements(change, family, actor=actor) if document.status is Status.CLOSED else {}
    repository.add_members(connection, identity, document=document, ids=ids, shields=shields, births=births)

    # 4. Content, sealed; what it can be found by; what agencies will call it.
    parts = seal_parts(
        document.items, case_id=identity.case_id, version=version, ids=ids, family=family, keys=keys
    )
    repository.add_parts(connection, identity.family_id, parts)
    found_by = ((ids[person], token) for person, token in search.tokens(index_key, document))
    repository.replace_index(connection, identity.family_id, found_by)
    repository.mint_for_case(connection, identity, ids.values())

    change.record(
        kind=f"case.{stored}",
        family_id=identity.family_id,
        actor=actor,
        internal={
            "case_id": str(identity.case_id),
            "version": version,
            "threshold_level": document.threshold_level,
            "status": str(document.status),
            **over,
            **({"recalls": [str(recall) for recall in recalls]} if recalls else {}),
        },
    )


def _call_back(
    change: Change, identity: CaseIdentity, shields: Mapping[UUID, Shield], after: AfterShield | None
) -> Sequence[UUID]:
    """Let what was told be called back where a shield is stronger than it was; return by which recalls."""
    if after is None:
        return ()
    had = repository.shields_of(change.connection, identity.case_id)
    stronger = any(shields[each].strength > had.get(each, Shield.NONE).strength for each in shields)
    return after(change, identity.family_id) if stronger else ()


def end_agreements(change: Change, family: FamilyKeys, *, actor: str) -> dict[str, Canonical]:
    """End what was agreed about a family whose case is closed; return what its entry says of that."""
    ended = registry.end_agreements(
        change.connection,
        family_id=family.family_id,
        sealing=registry.Sealing.under(family.data_key),
        now=database_now(change.connection),
        via=actor,
    )
    return {"ended": [str(decision) for decision in ended]} if ended else {}


def _tokens(index_key: bytes, document: CaseDocument) -> _Tokens:
    return _Tokens(
        source_ref=blind_index(index_key, kind=repository.SOURCE_REF, value=document.source_ref),
        people={
            person.id: blind_index(index_key, kind=repository.PERSON_REF, value=person.id)
            for person in document.people
        },
    )


def _shields(document: CaseDocument, ids: dict[str, UUID], held: dict[UUID, Shield]) -> dict[UUID, Shield]:
    """The stricter shield of each person: as sent, or as held in any family."""
    return {
        ids[person.id]: max(
            person.shield, held.get(ids[person.id], Shield.NONE), key=lambda shield: shield.strength
        )
        for person in document.people
    }


def _births(document: CaseDocument, ids: dict[str, UUID]) -> dict[UUID, date]:
    """The day of birth, or of expected birth, of everybody whose record says it."""
    return {
        ids[item.about[0]]: date.fromisoformat(str(item.value["date"]))
        for item in document.items
        if item.field in {"child_dob", "adult_dob"} and item.about
    }


def _person_keys(wiring: Wiring, change: Change, family: FamilyKeys, people: list[UUID]) -> dict[UUID, bytes]:
    """Open the one key of each person, from any family that has it; make it for those who have none.

    True afterwards: this family has a row for each.
    """
    rows = repository.person_keys(change.connection, people, prefer=family.family_id)
    families = {family.family_id: family}
    keys: dict[UUID, bytes] = {}
    missing: dict[UUID, bytes] = {}
    for person in people:
        holder, sealed = rows.get(person, (None, b""))
        if holder is None:
            keys[person] = new_key()
        else:
            if holder not in families:
                families[holder] = wiring.keyring.family(change.connection, holder)
            keys[person] = open_person_key(families[holder], person, sealed)
        if holder != family.family_id:
            missing[person] = seal_person_key(family, person, keys[person])
    repository.add_person_keys(change.connection, family.family_id, missing)
    return keys
