"""Free text on its way out: what else the record says and this recipient is not told is cut from it. Pure.

INVARIANTS
- What is cut is the case's own: whatever of the whole record the recipient is not told in full.
- A shielded value, and a refuge of which the recipient must not learn, that can still be recognised afterwards keeps
  its item back, whatever else the item says; and where it is in no item, the whole record.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from agencies.catalogue import FIELDS, SHIELDED_FIELDS
from agencies.ladders import LadderContext
from agencies.model import FieldName, JsonObject, JsonValue, Level
from gateway.release.minimisation import minimise
from gateway.release.model import Item, Permit, PermittedItem, PersonFacts, Redacted, Told
from gateway.release.redaction import KnownValue, Redaction, Redactor, ValueKind, without

_WITH_NARRATIVE: Final = frozenset(name for name, field in FIELDS.items() if field.narrative)
_NAMES: Final = frozenset(map(FieldName, ("child_name", "adult_name")))
_KINDS: Final[Mapping[tuple[str, str], ValueKind]] = MappingProxyType(
    {
        ("adult_dob", "date"): ValueKind.DATE,
        ("child_dob", "date"): ValueKind.DATE,
        ("address", "lines"): ValueKind.ADDRESS,
        ("address", "postcode"): ValueKind.ADDRESS,
        ("address", "uprn"): ValueKind.IDENTIFIER,
        ("disability", "by"): ValueKind.PLACE,
        ("nhs_number", "number"): ValueKind.IDENTIFIER,
        ("pupil_number", "upn"): ValueKind.IDENTIFIER,
        ("risk_person", "name"): ValueKind.NAME,
        ("school", "name"): ValueKind.PLACE,
        ("school", "urn"): ValueKind.IDENTIFIER,
        ("services_now", "worker"): ValueKind.TEXT,
        ("services_past", "worker"): ValueKind.TEXT,
    }
)
"""Members that name somebody or somewhere, and as what they are looked for; a contact's kind is its own."""


def redactor_for(permit: Permit, record: Iterable[Item], permitted: Sequence[PermittedItem]) -> Redactor:
    """Return what cuts from free text everything of the record that the recipient of a permit is not told.

    Args:
        record: the whole of it.
        permitted: what is told of it, each item at its level.
    """
    lowest: dict[tuple[FieldName, tuple[str, ...]], Level] = defaultdict(lambda: Level.F)
    for each in permitted:
        key = each.item.field, each.item.about
        lowest[key] = min(lowest[key], each.level)
    full = {id(each.item) for each in permitted if lowest[each.item.field, each.item.about] is Level.F}
    told: list[KnownValue] = []
    withheld = [*map(_silent, _hidden_from(permit))]
    for item in record:
        (told if id(item) in full else withheld).extend(_values_of(item, shielded=permit.shielded))
    return Redactor(withheld, told=told)


def tell_with_narrative(
    permit: Permit,
    record: Iterable[Item],
    permitted: Sequence[PermittedItem],
    *,
    context: LadderContext,
    people: Sequence[PersonFacts],
    places: Iterator[Sequence[tuple[int, int]]] | None = None,
) -> Told:
    """Return what the recipient of a permit is told, its free text redacted.

    Args:
        record: the whole of it, for what is not told.
        permitted: what is told of it, each item at its level.
        context: see ``recipient_context``.
        people: the case's people with their pairwise ids.
        places: where each text is cut, in their order, where that is known: what is cut is not searched for then. Never
            where the recipient must not learn where the family is.
    """
    if not (permit.shielded or permit.hidden_agencies or any(map(_narrative_of, permitted))):
        return Told(permitted, minimise(permitted, context=context, people=people))
    guard = redactor_for(permit, record, permitted) if places is None else _guard_of(_hidden_from(permit))
    redact = guard.redact if places is None else partial(_as_signed, places)
    items: list[PermittedItem] = []
    redacted: list[Redacted] = []
    for each in permitted:
        value: JsonObject = {}
        for member in sorted(_narrative_of(each)) if each.item.field in _WITH_NARRATIVE else ():
            cut = redact(str(each.item.value[member]))
            redacted.append(Redacted(each.item, member, cut.text, cut.cuts))
            value[member] = cut.text
        if value:
            items.append(PermittedItem(replace(each.item, value={**each.item.value, **value}), each.level))
        else:
            items.append(each)
    kept_back: list[FieldName] = []
    if guard.survives_in(_full_texts(*items)):
        kept_back = [each.item.field for each in items if guard.survives_in(_full_texts(each))]
        items = [each for each in items if not guard.survives_in(_full_texts(each))]
    told = minimise(items, context=context, people=people)
    if guard.survives_in(texts_of(told)):
        return Told((), {}, redacted=redacted, kept_back=kept_back, survived=True)
    return Told(items, told, redacted=redacted, kept_back=kept_back)


def _as_signed(places: Iterator[Sequence[tuple[int, int]]], text: str) -> Redaction:
    """The next text, cut where it was when it was signed.

    Raises: ValueError, there are fewer places than texts.
    """
    cuts = next(places, None)
    if cuts is None:
        raise ValueError("what was signed has fewer texts")
    return Redaction(without(text, cuts), ())


def _hidden_from(permit: Permit) -> tuple[str, ...]:
    """Refuges that are looked for in every text, in their order.

    A name that stands in the recipient's own cannot be looked for: it would take their own away from them.
    """
    own = {*permit.profile.agency.split("-")}
    return tuple(sorted(code for code in permit.hidden_agencies if not {*code.split("-")} <= own))


def _silent(code: str) -> KnownValue:
    return KnownValue(ValueKind.PLACE, code.replace("-", " "), shielded=True)


@lru_cache(maxsize=256)
def _guard_of(codes: tuple[str, ...]) -> Redactor:
    """What finds the names of refuges, nothing personal among them."""
    return Redactor(map(_silent, codes))


def _full_texts(*permitted: PermittedItem) -> list[str]:
    """The texts of the items that are told in full."""
    return texts_of(*[each.item.value for each in permitted if each.level is Level.F])


def _narrative_of(permitted: PermittedItem) -> frozenset[str]:
    """The members of an item that go as free text."""
    item = permitted.item
    return (
        FIELDS[item.field].narrative.intersection(item.value) if permitted.level is Level.F else frozenset()
    )


def texts_of(*values: JsonValue | JsonObject) -> list[str]:
    """Return every text of some values, without the names of their members."""
    texts: list[str] = []
    left: list[JsonValue] = [*values]
    for held in left:
        if isinstance(held, str):
            texts.append(held)
        elif isinstance(held, dict):
            left += held.values()
        elif isinstance(held, list):
            left += held
    return texts


def _values_of(item: Item, *, shielded: bool) -> Iterator[KnownValue]:
    """What an item names, as it is looked for in free text."""
    value, field = item.value, FIELDS[item.field]
    if item.field in _NAMES:
        yield KnownValue(ValueKind.NAME, f"{value['given']} {value['family']}")
    if item.field == "contact":
        kind = ValueKind.EMAIL if value["kind"] == "email" else ValueKind.PHONE
        yield KnownValue(kind, str(value["value"]), shielded=shielded)
    for member, held in value.items():
        known_as = _KINDS.get((item.field, member))
        if known_as is not None:
            hidden = shielded and (item.field in SHIELDED_FIELDS or member in field.locating)
            yield from (KnownValue(known_as, text, shielded=hidden) for text in texts_of(held))
