"""What only some invented families have: one function for each topic, all fields between them.

INVARIANT: every field of the catalogue that ``record`` does not give to everybody is given by a topic.
"""

from collections.abc import Callable
from typing import Any, Final

from agencies.model import AgencyKind
from gateway.cases.model import ItemKind, Role
from gateway.cases.synthetic.people import Person
from gateway.cases.synthetic.record import Record

Topic = Callable[[Record], None]


def money(record: Record) -> None:
    """F24: debts, said only because the request is about them."""
    parent = record.household.adults[0]
    record.add(
        "finance",
        record.household.adults,
        {
            "category": record.random.choice(("debt", "rent_arrears", "energy_debt", "low_income")),
            "pence": record.random.randint(10_000, 300_000),
            "relevance": f"{parent.given} asked for help with bills as part of this request.",
        },
        kind=ItemKind.FAMILY_REPORT,
    )


def child_health(record: Record) -> None:
    """F16: a physical condition that shows at school."""
    child = record.household.children[0]
    record.add(
        "child_health",
        [child],
        {
            "impact": ["attendance", "medicine_in_the_day"],
            "snomed": "195967001",
            "statement": f"{child.given} has asthma and keeps an inhaler in the classroom.",
        },
        source=AgencyKind.HEALTH,
    )


def child_mind(record: Record) -> None:
    """F17: worries."""
    child = record.household.children[0]
    record.add(
        "child_mental_health",
        [child],
        {
            "impact": ["sleep", "leaving_home"],
            "statement": f"{child.given} feels sick before school and is calmer by mid-morning.",
        },
        source=AgencyKind.CAMHS,
        kind=ItemKind.OPINION,
    )


def adult_health(record: Record) -> None:
    """F18: a parent's health, as it touches parenting."""
    parent = record.household.adults[0]
    record.add(
        "adult_health",
        [parent],
        {
            "impact": ["routines", "leaving_home"],
            "statement": f"{parent.given} has back pain and cannot walk far on bad days.",
        },
        source=AgencyKind.HEALTH,
        kind=ItemKind.FAMILY_REPORT,
    )


def sensitive_service(record: Record) -> None:
    """F19, and the same service among F33, marked sensitive."""
    parent = record.household.adults[0]
    record.add(
        "sensitive_services",
        [parent],
        {
            "service": "adult_mental_health",
            "statement": f"{parent.given} sees a counsellor every other week.",
        },
        source=AgencyKind.HEALTH,
    )
    record.add(
        "services_now",
        [parent],
        {
            "service_type": "adult_mental_health",
            "agency": record.agency(AgencyKind.HEALTH),
            "from": record.day(120),
            "sensitive": True,
        },
        source=AgencyKind.HEALTH,
    )


def disability(record: Record) -> None:
    """F20: a need with its adjustments."""
    child = record.household.children[-1]
    record.add(
        "disability",
        [child],
        {
            "need": record.random.choice(("autism", "adhd", "speech_and_language")),
            "certainty": record.random.choice(("diagnosed", "suspected")),
            "adjustments": ["visual_timetable", "quiet_space"],
            "by": "Community paediatrics",
            "date": record.day(record.random.randint(100, 700)),
        },
        source=AgencyKind.HEALTH,
    )


def special_needs(record: Record) -> None:
    """F21 and F22: special educational needs with a plan."""
    child = record.household.pupil or record.household.children[0]
    record.add("sen", [child], {"type": "SLCN", "provision": "E"}, source=AgencyKind.EDUCATION)
    record.add(
        "ehcp",
        [child],
        {
            "sections": ["A", "B", "E", "F"],
            "review_on": record.day(-record.random.randint(30, 200)),
            "summary": f"{child.given} works best in a small group and with instructions one at a time.",
        },
        source=AgencyKind.EDUCATION,
    )


def reviewed(record: Record) -> None:
    """F31 and F32: a review and the team's minutes."""
    parent, child = record.household.adults[0], record.household.children[0]
    school, support = record.agency(AgencyKind.EDUCATION), record.agency(AgencyKind.FAMILY_SUPPORT)
    day = record.day(record.random.randint(14, 60))
    record.add("review", [child], {"outcome": "continue", "reason": "progress_made", "date": day})
    record.add(
        "minutes",
        [parent, child],
        {
            "date": day,
            "attendees": sorted({record.agency(AgencyKind.EARLY_HELP), school, support}),
            "actions": [{"owner": school, "action": "attendance_plan", "due": record.day(-21)}],
            "text": f"{parent.given} and the team agreed what helps {child.given} on Mondays.",
        },
    )


def earlier_help(record: Record) -> None:
    """F34: a service that ended, and that early help was there before."""
    child = record.household.children[0]
    record.add(
        "services_past",
        [child],
        {
            "service_type": "speech_and_language_therapy",
            "agency": record.agency(AgencyKind.HEALTH),
            "from": record.day(900),
            "to": record.day(500),
        },
        source=AgencyKind.HEALTH,
    )
    record.add("history", [child], {"code": "early_help_closed", "date": record.day(480)})


def risk(record: Record) -> None:
    """F15, F26 and F27: a former partner who is a risk to the first adult."""
    survivor = record.household.adults[0]
    former = next((person for person in record.household.others if person.risk_person), None)
    if former is None:
        former = _former_partner(record)
    record.add(
        "risk_person",
        [former],
        {
            "basis": "court_order",
            "name": f"{former.given} {former.family}",
            "detail": f"{former.given} must not come to the home or to the school.",
        },
        source=AgencyKind.SOCIAL_CARE,
        protects=survivor,
    )
    record.add(
        "offences",
        [former],
        {"offence": "harassment_or_stalking", "status": "convicted", "date": record.day(400)},
        source=AgencyKind.SOCIAL_CARE,
        protects=survivor,
    )
    record.add(
        "domestic_abuse",
        [survivor],
        {
            "marker": "non_molestation_order",
            "statement": f"{survivor.given} has a support worker of her choice.",
        },
        source=AgencyKind.REFUGE,
        kind=ItemKind.FAMILY_REPORT,
    )


def visiting(record: Record) -> None:
    """F36: what the safeguarding lead decided workers must know."""
    record.add(
        "worker_safety",
        [record.household.adults[0]],
        {
            "code": record.random.choice(("dog_at_property", "call_before_visit", "building_access")),
            "note": "Ring from the street door; the bell of the flat is broken.",
            "review_on": record.day(-90),
            "authorised_by": "safeguarding.lead",
            "reason": "Two visits were missed because of it.",
        },
    )


def immigration(record: Record) -> None:
    """F37: status, because it decides what help may cost."""
    record.add(
        "immigration",
        [record.household.adults[0]],
        {"status": record.random.choice(("leave_nrpf", "pre_settled", "application_pending", "settled"))},
        kind=ItemKind.FAMILY_REPORT,
    )


def _former_partner(record: Record) -> Person:
    survivor = record.household.adults[0]
    number = len(record.household.people) + 1
    former = record.population.person(
        f"{survivor.id.rpartition('-')[0]}-{number}",
        role=Role.OTHER,
        family=record.population.surname(),
        age=record.age(survivor) + 2,
        sex="male",
        risk_person=True,
    )
    record.household.others.append(former)
    return former


TOPICS: Final[tuple[Topic, ...]] = (
    money,
    child_health,
    child_mind,
    adult_health,
    sensitive_service,
    disability,
    special_needs,
    reviewed,
    earlier_help,
    risk,
    visiting,
    immigration,
)
"""Every topic; twelve families in a row have them all between them."""


def family_document(record: Record, *, source_ref: str, **state: Any) -> dict[str, Any]:
    """A family in the form of the import file; ``state`` replaces the ordinary level, status, seals and workers."""
    return {
        "source_ref": source_ref,
        "threshold_level": 2,
        "status": "open",
        "seals": [],
        "people": [_person(person) for person in record.household.people],
        "workers": [{"id": "early-help-1", "from": record.day(60)}],
        "items": record.items,
        **state,
    }


def _person(person: Person) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": person.id, "role": str(person.role)}
    if person.risk_person:
        entry["risk_person"] = True
    if person.shield.strength:
        entry["shield"] = str(person.shield)
    return entry
