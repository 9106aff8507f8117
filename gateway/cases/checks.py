"""What must fit between the people of a family and what is said about them. Pure.

INVARIANT: an item passes only if everyone it names belongs to the family, so that every key and every
    permission it will need exists.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from agencies.catalogue import FIELDS
from agencies.model import FieldName, Subject
from agencies.values import Fault
from gateway.cases.model import CaseDocument, CaseItem, CasePerson, Role

CHILD_FIELDS: Final = frozenset(
    FieldName(name)
    for name in (
        "child_name",
        "child_dob",
        "child_sex",
        "pupil_number",
        "school",
        "child_health",
        "child_mental_health",
        "sen",
        "ehcp",
        "attendance",
    )
)
"""Said of children only; a parent under 18 is an adult of the case."""
ADULT_FIELDS: Final = frozenset(FieldName(name) for name in ("adult_name", "adult_dob", "adult_health"))

_HOUSEHOLD: Final = FieldName("household")
_RISK_PERSON: Final = FieldName("risk_person")
_BIRTH: Final = frozenset({FieldName("child_dob"), FieldName("adult_dob")})
_DOMESTIC_ABUSE: Final = FieldName("domestic_abuse")
_ONE_PERSON: Final = frozenset({_RISK_PERSON, _DOMESTIC_ABUSE})
_PROTECTING: Final = frozenset({_RISK_PERSON, FieldName("offences")})
_OF_FAMILY: Final = "must be the id of a person of this family"


def family_faults(document: CaseDocument) -> list[Fault]:
    """Every fault of a family apart from those of one item alone."""
    return [*_people_faults(document), *_worker_faults(document), *_birth_faults(document)]


def item_faults(item: CaseItem, people: Sequence[CasePerson]) -> list[Fault]:
    """Every fault of one item against the people of its family; pointers relative to the item."""
    known = {person.id: person for person in people}
    unknown = [place for place, each in enumerate(item.about) if each not in known]
    if unknown:
        return [Fault(f"/about/{place}", _OF_FAMILY) for place in unknown]
    about = [known[each] for each in item.about]
    return [*_about_faults(item, about), *_protects_faults(item, known)]


def _people_faults(document: CaseDocument) -> Iterator[Fault]:
    if not document.people:
        yield Fault("/people", "must have at least one entry")
    # Blind indexes do not tell capitals from small letters, so neither may ids.
    seen: set[str] = set()
    for place, person in enumerate(document.people):
        if person.id.casefold() in seen:
            yield Fault(f"/people/{place}/id", "is the id of another person of this family")
        seen.add(person.id.casefold())
        if person.risk_person and person.role is not Role.OTHER:
            yield Fault(f"/people/{place}/risk_person", "is for people with the role other")


def _worker_faults(document: CaseDocument) -> Iterator[Fault]:
    starts = Counter((worker.id, worker.from_date) for worker in document.workers)
    for place, worker in enumerate(document.workers):
        if starts[worker.id, worker.from_date] > 1:
            yield Fault(f"/workers/{place}/from", "is given twice for one worker")
        if worker.to_date is not None and worker.to_date <= worker.from_date:
            yield Fault(f"/workers/{place}/to", "must be after from: it is the first day no longer included")


def _birth_faults(document: CaseDocument) -> Iterator[Fault]:
    """Two dates of birth for one person would give two ages."""
    born: set[str] = set()
    for place, item in enumerate(document.items):
        if item.field in _BIRTH and item.about:
            if item.about[0] in born:
                yield Fault(f"/items/{place}/about", "is a person with another date of birth")
            born.add(item.about[0])


def _about_faults(item: CaseItem, about: Sequence[CasePerson]) -> Iterator[Fault]:
    if len(set(item.about)) < len(item.about):
        yield Fault("/about", "must not repeat a person")
    one = FIELDS[item.field].subject is Subject.PERSON or item.field in _ONE_PERSON
    if one and len(about) != 1:
        yield Fault("/about", "must name exactly one person for this field")
    elif one:
        yield from _subject_faults(item.field, about[0])
    if item.field == _HOUSEHOLD and set(item.about) != {
        str(item.value.get(name)) for name in ("member", "to")
    }:
        yield Fault("/about", "must name the member and the person they are related to")


def _subject_faults(field: FieldName, person: CasePerson) -> Iterator[Fault]:
    """What a field about one person asks of that person."""
    if field in CHILD_FIELDS and person.role is not Role.CHILD:
        yield Fault("/about", "must be a child for this field")
    if field in ADULT_FIELDS and person.role is Role.CHILD:
        yield Fault("/about", "must be an adult or another person for this field")
    if field == _RISK_PERSON and not person.risk_person:
        yield Fault("/about", "must be a person marked as risk person")
    if field == _DOMESTIC_ABUSE and person.risk_person:
        yield Fault("/about", "must be the survivor, not a risk person")


def _protects_faults(item: CaseItem, known: dict[str, CasePerson]) -> Iterator[Fault]:
    if item.field not in _PROTECTING:
        if item.protects is not None:
            yield Fault("/protects", "does not go with this field")
        return
    if item.protects is None:
        yield Fault("/protects", "is required for this field: the adult whom it protects")
        return
    person = known.get(item.protects)
    if person is None:
        yield Fault("/protects", _OF_FAMILY)
    elif person.role is not Role.ADULT or person.risk_person or item.protects in item.about:
        yield Fault("/protects", "must be an adult other than the person it is about")
