"""What is said about an invented family, item by item.

INVARIANT: a text names only people whom its item is about.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from agencies.ages import whole_years
from agencies.model import AgencyKind
from gateway.cases.model import ItemKind, Role
from gateway.cases.synthetic.people import Home, Person, Population

Item = dict[str, Any]
"""One item in the form of the import file."""

_SHARE_WITHOUT_MESSAGES: Final = 0.3
_SCHOOL_AGE: Final = ("primary", "secondary", "post_16")


@dataclass(slots=True)
class Household:
    """An invented family before anything is said about it. The first adult is a parent with responsibility."""

    adults: list[Person]
    children: list[Person]
    others: list[Person]
    home: Home
    grandparents: frozenset[str] = frozenset()
    """Ids of adults who are the first adult's parents."""
    adoptive: bool = False

    @property
    def people(self) -> list[Person]:
        """Everyone, adults first."""
        return [*self.adults, *self.children, *self.others]

    @property
    def pupil(self) -> Person | None:
        """The first child of school age."""
        return next((child for child in self.children if child.school.phase in _SCHOOL_AGE), None)


@dataclass(slots=True)
class Record:
    """Items as they are added."""

    population: Population
    household: Household
    agencies: tuple[str, ...]
    items: list[Item] = field(default_factory=list)

    @property
    def random(self) -> Random:
        """The population's own randomness."""
        return self.population.random

    def agency(self, kind: AgencyKind) -> str:
        """The agency that knows such things: of this code if it takes part, else the first."""
        return str(kind) if str(kind) in self.agencies else self.agencies[0]

    def day(self, days: int) -> str:
        """The day so many days before today; negative: after."""
        return (self.population.today - timedelta(days=days)).isoformat()

    def age(self, person: Person) -> int:
        """Whole years."""
        return whole_years(person.born, today=self.population.today)

    def add(
        self,
        name: str,
        about: list[Person],
        value: dict[str, Any],
        *,
        source: AgencyKind = AgencyKind.EARLY_HELP,
        kind: ItemKind = ItemKind.FACT,
        protects: Person | None = None,
    ) -> None:
        """Add one item, true some days or weeks ago."""
        item: Item = {
            "field": name,
            "about": [person.id for person in about],
            "source_agency": self.agency(source),
            "as_of": self.day(self.random.randint(3, 40)),
            "kind": str(kind),
            "value": value,
        }
        if protects is not None:
            item["protects"] = protects.id
        self.items.append(item)


def add_identities(record: Record) -> None:
    """Who everyone is, where they live and how they are reached."""
    house, random = record.household, record.random
    ethnicity = random.choice(_ETHNICITIES)
    language = random.choice(("en-GB", "en-GB", "en-GB", "pt", "fr", "ta", "so", "es"))
    for person in [*house.adults, *house.children]:
        prefix = "child" if person.role is Role.CHILD else "adult"
        record.add(
            f"{prefix}_name", [person], {"type": "legal", "given": person.given, "family": person.family}
        )
        record.add(f"{prefix}_dob", [person], {"date": person.born.isoformat(), "certainty": "exact"})
        record.add("address", [person], _address(house.home))
        record.add("ethnicity", [person], {"code": ethnicity}, kind=ItemKind.FAMILY_REPORT)
        record.add("language", [person], {"language": language, "interpreter": language != "en-GB"})
        record.add(
            "nhs_number", [person], {"number": person.nhs_number, "verified": True}, source=AgencyKind.HEALTH
        )
        if person.role is Role.CHILD:
            record.add("child_sex", [person], {"sex": person.sex})
        else:
            _add_contacts(record, person)


def add_schooling(record: Record) -> None:
    """Schools, pupil numbers and attendance."""
    for child in record.household.children:
        school = child.school
        named = {"name": school.name, "urn": school.urn} if school.name else {}
        record.add("school", [child], {**named, "phase": school.phase}, source=AgencyKind.EDUCATION)
        if not child.upn:
            continue
        record.add(
            "pupil_number", [child], {"upn": child.upn, "status": "permanent"}, source=AgencyKind.EDUCATION
        )
        possible = record.random.randint(90, 130)
        record.add(
            "attendance",
            [child],
            {
                "possible": possible,
                "attended": possible * record.random.choice((98, 96, 93, 91, 86, 78, 62, 45)) // 100,
                "suspensions": record.random.choice((0, 0, 0, 1, 2)),
                "exclusions": 0,
                "from": record.day(98),
                "to": record.day(7),
            },
            source=AgencyKind.EDUCATION,
        )


def add_relations(record: Record) -> None:
    """Who is what to whom: each adult to each child, each child to the next."""
    house = record.household
    for child in house.children:
        for adult in house.adults:
            record.add("household", [adult, child], _relation(house, adult, child))
    for older, younger in zip(house.children, house.children[1:], strict=False):
        record.add(
            "household",
            [older, younger],
            {"member": older.id, "relationship": "SIBLING", "to": younger.id, "resident": "full"},
        )


def add_situation(record: Record) -> None:
    """What every early help case says: the home, what help is wanted, needs, plan and services."""
    house, random = record.household, record.random
    parent = house.adults[0]
    tenure = random.choice(("council", "housing_association", "private_rented", "temporary_accommodation"))
    issues = random.sample(("overcrowding", "damp_and_mould", "disrepair", "arrears"), k=random.randint(0, 2))
    housing: dict[str, Any] = {"tenure": tenure, "issues": issues}
    if "arrears" in issues:
        housing["arrears_pence"] = random.randint(8_000, 240_000)
    record.add(
        "housing",
        house.adults,
        {**housing, "homeless_within_56_days": tenure == "private_rented" and len(issues) > 1},
        source=AgencyKind.HOUSING,
    )
    record.add(
        "history",
        [parent],
        {
            "code": random.choice(("moved_home", "parents_separated", "new_baby", "bereavement", "job_loss")),
            "date": record.day(random.randint(200, 900)),
            "statement": f"{parent.given} says the last year has been harder since then.",
        },
        kind=ItemKind.FAMILY_REPORT,
    )
    record.add(
        "assessment",
        [parent],
        {
            "domain": "parenting",
            "needs": ["routines", "parent_confidence"],
            "strengths": ["warm_relationships", "wants_help"],
            "statement": f"{parent.given} is warm and patient, and finds evenings the hardest part of the day.",
        },
        kind=ItemKind.OPINION,
    )
    for child in house.children:
        _add_child_situation(record, parent, child)


def _add_child_situation(record: Record, parent: Person, child: Person) -> None:
    random = record.random
    needs, wish, voice = random.choice(_WISHES if child.school.phase in _SCHOOL_AGE else _EARLY_WISHES)
    asked: dict[str, Any] = {
        "needs": list(needs),
        "summary": f"{parent.given} would like help so that {child.given} {wish}.",
    }
    if voice:
        asked["voice"] = f"{child.given} said: {voice}"
    record.add("help_wanted", [parent, child], asked, kind=ItemKind.FAMILY_REPORT)
    record.add(
        "assessment",
        [child],
        {
            "domain": "child_development",
            "needs": list(needs),
            "strengths": random.sample(("good_health", "hobbies", "friendships", "settled_at_school"), k=2),
            "statement": f"{child.given} settles well with adults who explain what comes next.",
        },
        kind=ItemKind.OPINION,
    )
    record.add(
        "plan",
        [child],
        {
            "goal": random.choice(("education", "emotional_wellbeing", "parenting", "health")),
            "action": random.choice(("one_to_one_work", "school_meeting", "parenting_course", "group_work")),
            "owner": record.agency(random.choice((AgencyKind.FAMILY_SUPPORT, AgencyKind.EDUCATION))),
            "due": record.day(-random.randint(14, 60)),
            "text": f"Agree with {child.given} which two mornings a week to start with.",
        },
    )
    record.add(
        "services_now",
        [child],
        {
            "service_type": random.choice(
                ("family_support", "school_support", "youth_work", "health_visiting")
            ),
            "agency": record.agency(AgencyKind.FAMILY_SUPPORT),
            "worker": f"{record.population.fake.first_name()} {record.population.surname()}",
            "from": record.day(random.randint(30, 150)),
        },
    )


def _add_contacts(record: Record, adult: Person) -> None:
    record.add(
        "contact",
        [adult],
        {
            "kind": "phone",
            "value": record.population.phone(),
            "safe_to_use": True,
            "do_not_leave_message": record.random.random() < _SHARE_WITHOUT_MESSAGES,
            "safe_times": "After the school run, before noon.",
        },
        kind=ItemKind.FAMILY_REPORT,
    )
    local = "".join(
        letter
        for letter in f"{adult.given}.{adult.family}".lower()
        if (letter.isascii() and letter.isalnum()) or letter == "."
    )
    record.add(
        "contact",
        [adult],
        {"kind": "email", "value": f"{local}{record.random.randint(1, 99)}@example.org", "safe_to_use": True},
        kind=ItemKind.FAMILY_REPORT,
    )


def _address(home: Home) -> dict[str, Any]:
    return {"lines": list(home.lines), "postcode": home.postcode, "uprn": home.uprn, "ward": home.ward}


def _relation(house: Household, adult: Person, child: Person) -> dict[str, Any]:
    relation: dict[str, Any] = {"member": adult.id, "to": child.id, "resident": "full"}
    if adult.id in house.grandparents:
        return {**relation, "relationship": "GRANDPARENT"}
    if house.adoptive:
        return {**relation, "relationship": "ADOPTIVE_PARENT", "pr_basis": "adopter"}
    mother = adult.sex == "female"
    basis = "birth_mother" if mother else "birth_registered_father"
    return {**relation, "relationship": "MOTHER" if mother else "FATHER", "pr_basis": basis}


_ETHNICITIES: Final = (
    "WHITE_BRITISH",
    "WHITE_OTHER",
    "BLACK_AFRICAN",
    "BLACK_CARIBBEAN",
    "MIXED_WHITE_BLACK_CARIBBEAN",
    "ASIAN_INDIAN",
    "ASIAN_OTHER",
    "OTHER_ANY",
    "NOT_STATED",
)
_WISHES: Final = (
    (("attendance", "routines"), "gets to school on time", "mornings are too loud"),
    (("friendships",), "has somebody to play with at break", "I like football but nobody passes to me"),
    (("emotional_wellbeing",), "worries less at night", "I think about things when it is dark"),
    (("learning", "behaviour"), "gets on better in class", "the work is easier when somebody sits with me"),
)
"""For pupils: needs, what the parent wishes, what the child says."""
_EARLY_WISHES: Final = (
    (("speech_and_language",), "learns to say more words", ""),
    (("routines", "boundaries"), "sleeps through the night", ""),
)
"""For children before school."""
