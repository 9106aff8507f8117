"""The families of the demo, each one a situation, and what they decided about sharing.

INVARIANT: labels, references and ids of people never change; ages are kept whatever the day.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from agencies.catalogue import CATEGORIES
from agencies.model import AgencyKind
from gateway.cases.model import Role, Shield
from gateway.cases.synthetic import topics
from gateway.cases.synthetic.families import write_record
from gateway.cases.synthetic.people import Person, Population
from gateway.cases.synthetic.record import Household, Record
from gateway.cases.synthetic.topics import Topic, family_document

Consent = dict[str, Any]
"""A consent decision document, still without decision_id, source_ref and recorded_by."""

_NUMBERS_EACH: Final = 20
_FIRST_SERIAL: Final = 900
_SERIALS_EACH: Final = 10
_SEED: Final = 7_000
_CONSENT_AGE: Final = 16
_NOTICE: Final = {"id": "early-help-notice", "version": 1, "language": "en-GB"}


@dataclass(frozen=True, slots=True)
class _Plan:
    """One situation.

    Attributes:
        number: makes references, ids and numbers; never reused.
        adults: ages; the first is a mother, a second one a father or, with ``grandmother``, her mother.
        children: ages, eldest first.
        named: fields that the first adult agrees to by name.
        shield: of the adults and children.
    """

    number: int
    adults: tuple[int, ...]
    children: tuple[int, ...]
    topics: tuple[Topic, ...] = ()
    named: tuple[str, ...] = ()
    seals: tuple[str, ...] = ()
    shield: Shield = Shield.NONE
    grandmother: bool = False

    @property
    def source_ref(self) -> str:
        return f"EH-D{self.number}"

    def adult(self, place: int) -> str:
        return f"P-D{self.number}-{place + 1}"

    def child(self, place: int) -> str:
        return f"P-D{self.number}-{len(self.adults) + place + 1}"


_PLANS: Final = {
    "plain": _Plan(
        1,
        adults=(38, 41),
        children=(9, 6),
        topics=(
            topics.money,
            topics.child_health,
            topics.child_mind,
            topics.adult_health,
            topics.sensitive_service,
            topics.disability,
            topics.special_needs,
            topics.reviewed,
            topics.earlier_help,
            topics.visiting,
            topics.immigration,
        ),
        named=("sensitive_services", "immigration"),
    ),
    "siblings_differ": _Plan(
        2, adults=(36,), children=(14, 8), topics=(topics.child_mind, topics.disability, topics.reviewed)
    ),
    "two_parents_disagree": _Plan(
        3, adults=(34, 37), children=(10,), topics=(topics.child_mind, topics.money)
    ),
    "shielded": _Plan(
        4,
        adults=(31,),
        children=(7, 4),
        topics=(topics.risk, topics.child_mind),
        named=("risk_person", "domestic_abuse", "offences"),
        shield=Shield.REFUGE,
    ),
    "withdrawn": _Plan(5, adults=(42,), children=(12,), topics=(topics.adult_health, topics.reviewed)),
    "no_consent": _Plan(6, adults=(29,), children=(5,), topics=(topics.money,)),
    "offer_accepted": _Plan(
        7,
        adults=(40, 44),
        children=(13, 10),
        topics=(topics.child_mind, topics.reviewed, topics.earlier_help),
    ),
    "adopted": _Plan(8, adults=(45, 46), children=(8,), topics=(topics.child_mind,), seals=("adoption",)),
    "parent_under_18": _Plan(
        9, adults=(17, 43), children=(0,), topics=(topics.money, topics.immigration), grandmother=True
    ),
}

LABELS: Final = tuple(_PLANS)
"""Every label, in the order of the demo."""


def labelled_families(today: date) -> dict[str, dict[str, Any]]:
    """Return the demo's families by label, in the form of the import file.

    Every kind of agency takes part under the kind's own code.
    """
    return {label: _family(plan, today) for label, plan in _PLANS.items()}


def labelled_consents(label: str) -> list[Consent]:
    """Return what a labelled family decided, oldest first: decision documents without ids, reference and recorder.

    Raises: KeyError, there is no such label.
    """
    plan = _PLANS[label]
    match label:
        case "no_consent":
            return []
        case "siblings_differ":
            refusal = {
                "person": plan.child(0),
                "act": "refuse",
                "given_by": _speaker(plan.child(0), "competent_child"),
            }
            return [_adult_gives(plan, 0), refusal, _parent_gives(plan, 1)]
        case "two_parents_disagree":
            return [
                _adult_gives(plan, 0),
                _parent_gives(plan, 0),
                {"person": plan.adult(1), "act": "refuse", "given_by": _speaker(plan.adult(1), "self")},
                {
                    "person": plan.child(0),
                    "act": "refuse",
                    "given_by": _speaker(plan.adult(1), "parental_responsibility"),
                },
            ]
        case "withdrawn":
            given = _everyone_gives(plan)
            return [*given, *({"person": consent["person"], "act": "withdraw"} for consent in given)]
        case _:
            return _everyone_gives(plan)


def _everyone_gives(plan: _Plan) -> list[Consent]:
    adults = [_adult_gives(plan, place) for place in range(len(plan.adults))]
    return adults + [_parent_gives(plan, place) for place in range(len(plan.children))]


def _adult_gives(plan: _Plan, place: int) -> Consent:
    person = plan.adult(place)
    return _give(person, speaker=_speaker(person, "self"), named=plan.named if place == 0 else ())


def _parent_gives(plan: _Plan, place: int) -> Consent:
    """The first adult gives for a child, who speaks for themself from 16 on."""
    person = plan.child(place)
    if plan.children[place] >= _CONSENT_AGE:
        return _give(person, speaker=_speaker(person, "self"))
    return _give(person, speaker=_speaker(plan.adult(0), "parental_responsibility"))


def _give(person: str, *, speaker: dict[str, str], named: tuple[str, ...] = ()) -> Consent:
    evidence = {"parental_responsibility": {"basis": "birth_mother", "seen": "birth certificate"}}
    return {
        **({} if speaker["person"] == person else {"evidence": evidence}),
        "person": person,
        "act": "give",
        "given_by": speaker,
        "agencies": ["all"],
        "categories": list(CATEGORIES),
        "fields": list(named),
        "purposes": ["P1", "P2", "P3"],
        "method": "signed_form",
        "alone_and_safe": "yes",
        "notice": dict(_NOTICE),
    }


def _speaker(person: str, capacity: str) -> dict[str, str]:
    return {"person": person, "capacity": capacity}


def _family(plan: _Plan, today: date) -> dict[str, Any]:
    population = Population(
        seed=_SEED + plan.number,
        today=today,
        first_number=plan.number * _NUMBERS_EACH,
        first_serial=_FIRST_SERIAL + plan.number * _SERIALS_EACH,
    )
    record = Record(population, _household(plan, population), tuple(AgencyKind))
    write_record(record)
    for topic in plan.topics:
        topic(record)
    return family_document(record, source_ref=plan.source_ref, seals=list(plan.seals))


def _household(plan: _Plan, population: Population) -> Household:
    family = population.surname()
    schools: dict[str, Any] = {}

    def adult(place: int, age: int) -> Person:
        sex = "female" if place == 0 or plan.grandmother else "male"
        return population.person(
            plan.adult(place), role=Role.ADULT, family=family, age=age, sex=sex, shield=plan.shield
        )

    return Household(
        adults=[adult(place, age) for place, age in enumerate(plan.adults)],
        children=[
            population.person(
                plan.child(place),
                role=Role.CHILD,
                family=family,
                age=age,
                schools=schools,
                shield=plan.shield,
            )
            for place, age in enumerate(plan.children)
        ],
        others=[],
        home=population.home(),
        grandparents=frozenset({plan.adult(1)}) if plan.grandmother else frozenset(),
        adoptive="adoption" in plan.seals,
    )
