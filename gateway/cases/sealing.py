"""Sealing and opening the parts of a case. No I/O: rows come in and go out as values.

INVARIANTS
- A part opens only with the key of every person it is about; one key destroyed closes it for ever.
- The ciphertext is bound to its case, its row and its version: a part moved elsewhere does not open.
- A day of birth is sealed under the key of that person alone, bound to the family and the person.
- The council's ids of people never enter a part: it holds our random ids, in text.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from uuid import UUID, uuid4

from agencies.model import FieldName
from certs.envelope import combine, seal, unseal
from certs.errors import EnvelopeError
from gateway.cases.errors import UnreadablePartError
from gateway.cases.model import CaseItem, StoredPart
from gateway.keyring import FamilyKeys
from gateway.strict_json import JsonValue

_HOUSEHOLD = FieldName("household")
_PERSON_MEMBERS = ("member", "to")
"""Members of a household item's value that name people."""


def seal_person_key(family: FamilyKeys, person_id: UUID, key: bytes) -> bytes:
    """Return a person's key as this family's row keeps it."""
    return seal(family.data_key, key, aad=_person_aad(family.family_id, person_id))


def open_person_key(family: FamilyKeys, person_id: UUID, sealed: bytes) -> bytes:
    """Return a person's key from this family's row.

    Raises: UnreadablePartError, the row is damaged or of another family.
    """
    try:
        return unseal(family.data_key, sealed, aad=_person_aad(family.family_id, person_id))
    except EnvelopeError as error:
        raise UnreadablePartError("a person's key does not open") from error


def seal_parts(
    items: Iterable[CaseItem],
    *,
    case_id: UUID,
    version: int,
    ids: Mapping[str, UUID],
    family: FamilyKeys,
    keys: Mapping[UUID, bytes],
) -> list[StoredPart]:
    """Group items by the set of people they are about and seal each group under those people's keys.

    Args:
        version: the case's version to be bound to the parts.
        ids: our id for each of the council's ids of people.
        keys: the open key of every person of the case.
    """
    groups: dict[tuple[UUID, ...], list[JsonValue]] = {}
    for item in items:
        about = tuple(sorted(ids[person] for person in item.about))
        groups.setdefault(about, []).append(_stored_item(item, ids))
    parts = []
    for about, group in groups.items():
        part_id = uuid4()
        plaintext = json.dumps(group, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        key = combine(keys[person] for person in about) if about else family.data_key
        sealed = seal(key, plaintext, aad=_part_aad(case_id, part_id, version))
        parts.append(StoredPart(part_id, case_id, about, version, sealed))
    return parts


def open_parts(
    family: FamilyKeys, person_keys: Mapping[UUID, bytes], parts: Iterable[StoredPart]
) -> list[bytes]:
    """Return what every part says whose people's keys are all there: a JSON list of items each.

    A part with a person whose key row is gone is left out: that person was erased. Each item is the case
    document's, with our ids (text) for people.

    Args:
        family: the open keys of the parts' family.
        person_keys: the sealed key rows of this family, by person.

    Raises: UnreadablePartError, a part or key that should open does not; nothing is returned then.
    """
    keys: dict[UUID, bytes] = {}
    opened: list[bytes] = []
    try:
        for part in parts:
            if not all(person in person_keys for person in part.about):
                continue
            for person in part.about:
                if person not in keys:
                    aad = _person_aad(family.family_id, person)
                    keys[person] = unseal(family.data_key, person_keys[person], aad=aad)
            key = combine(keys[person] for person in part.about) if part.about else family.data_key
            opened.append(unseal(key, part.sealed, aad=_part_aad(part.case_id, part.part_id, part.version)))
    except EnvelopeError as error:
        raise UnreadablePartError("a part, or the key of a person whom it is about, does not open") from error
    return opened


def open_items(
    family: FamilyKeys, person_keys: Mapping[UUID, bytes], parts: Iterable[StoredPart]
) -> list[dict[str, JsonValue]]:
    """Return the items of the parts that ``open_parts`` opens.

    Raises: UnreadablePartError.
    """
    return [item for part in open_parts(family, person_keys, parts) for item in json.loads(part)]


def seal_born(family: FamilyKeys, person_id: UUID, key: bytes, *, born: date) -> bytes:
    """Return a person's day of birth, or of expected birth, as their row of the case keeps it."""
    return seal(key, born.isoformat().encode(), aad=_born_aad(family.family_id, person_id))


def open_births(
    family: FamilyKeys, person_keys: Mapping[UUID, bytes], births: Mapping[UUID, bytes]
) -> dict[UUID, date]:
    """Return the day of birth of everybody whose key row is there.

    Args:
        family: the open keys of the family.
        person_keys: the sealed key rows of this family, by person.
        births: the sealed day of birth, by person.

    Raises: UnreadablePartError, a day or key that should open does not.
    """
    born: dict[UUID, date] = {}
    for person in births.keys() & person_keys.keys():
        try:
            key = unseal(family.data_key, person_keys[person], aad=_person_aad(family.family_id, person))
            day = unseal(key, births[person], aad=_born_aad(family.family_id, person))
        except EnvelopeError as error:
            raise UnreadablePartError("a day of birth does not open") from error
        born[person] = date.fromisoformat(day.decode())
    return born


def parts_that_open(
    family: FamilyKeys, person_keys: Mapping[UUID, bytes], parts: Iterable[StoredPart]
) -> tuple[list[dict[str, JsonValue]], bool]:
    """Return as ``open_items`` the items of every part that opens, and whether none is damaged."""
    items: list[dict[str, JsonValue]] = []
    whole = True
    for part in parts:
        try:
            items += open_items(family, person_keys, [part])
        except UnreadablePartError:
            whole = False
    return items, whole


def births_that_open(
    family: FamilyKeys, person_keys: Mapping[UUID, bytes], births: Mapping[UUID, bytes]
) -> tuple[dict[UUID, date], bool]:
    """Return as ``open_births`` every day of birth that opens, and whether none is damaged."""
    born: dict[UUID, date] = {}
    whole = True
    for person, sealed in births.items():
        try:
            born |= open_births(family, person_keys, {person: sealed})
        except UnreadablePartError:
            whole = False
    return born, whole


def _stored_item(item: CaseItem, ids: Mapping[str, UUID]) -> dict[str, JsonValue]:
    value = dict(item.value)
    if item.field == _HOUSEHOLD:
        value |= {name: str(ids[str(value[name])]) for name in _PERSON_MEMBERS}
    stored: dict[str, JsonValue] = {
        "field": item.field,
        "about": [str(ids[person]) for person in item.about],
        "source_agency": item.source_agency,
        "as_of": item.as_of.isoformat(),
        "kind": str(item.kind),
        "value": value,
    }
    if item.protects is not None:
        stored["protects"] = str(ids[item.protects])
    return stored


def _person_aad(family_id: UUID, person_id: UUID) -> bytes:
    return f"person_key:{family_id}:{person_id}".encode()


def _born_aad(family_id: UUID, person_id: UUID) -> bytes:
    return f"born:{family_id}:{person_id}".encode()


def _part_aad(case_id: UUID, part_id: UUID, version: int) -> bytes:
    return f"case_part:{case_id}:{part_id}:{version}".encode()
