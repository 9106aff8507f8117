"""Invented people, homes and numbers.

INVARIANT: every number passes its check digit and lies in a range that is never issued to anybody.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Final

from faker import Faker

from agencies.ages import whole_years
from gateway.cases.model import Role, Shield

_LEWISHAM: Final = "209"
_UPN_LETTERS: Final = "ABCDEFGHJKLMNPQRTUVWXYZ"
_INWARD_LETTERS: Final = "ABDEFGHJLNPQRSTUWXYZ"
_SERIALS: Final = 900
_SHARE_OF_FLATS: Final = 0.5
_SHARE_OF_LANDLINES: Final = 0.3
_NO_DIGIT: Final = 10  # as a check digit: such a number does not exist
"""Pupils of one school and year before serials repeat; the 100 above them are for ``first_serial``."""
_YEAR: Final = 365.25
_AGE_AT_SCHOOL_ENTRY: Final = 4
_WARDS: Final = {
    "SE4": "E05013715",
    "SE6": "E05013717",
    "SE8": "E05013720",
    "SE12": "E05013724",
    "SE13": "E05013726",
    "SE14": "E05013728",
    "SE23": "E05013722",
    "SE26": "E05013731",
}
"""Postcode districts, each with one ward's code."""
_STREETS: Final = (
    "Alder", "Bramley", "Catkin", "Dunlin", "Elmfield", "Fennel", "Gorse", "Hazel", "Juniper", "Kestrel", "Larch",
    "Meadow", "Nettle", "Orchard", "Plover", "Quince", "Rowan", "Sorrel", "Teasel", "Willow",
)  # fmt: skip
_STREET_TYPES: Final = ("Road", "Gardens", "Close", "Street", "Grove", "Walk")
_SCHOOLS: Final = {
    "nursery": (
        ("Little Acorns Nursery School", "999101", "1991"),
        ("Duckpond Nursery School", "999102", "1992"),
    ),
    "primary": (
        ("Kingfisher Primary School", "999201", "2991"),
        ("Mill Meadow Primary School", "999202", "2992"),
        ("Chestnut Row Primary School", "999203", "2993"),
        ("Old Wharf Primary School", "999204", "2994"),
    ),
    "secondary": (
        ("Quaggy Vale School", "999401", "4991"),
        ("Ridgeway Academy", "999402", "4992"),
        ("Bell Green Park School", "999403", "4993"),
    ),
    "post_16": (("Creekside Sixth Form College", "999601", "6991"),),
}
"""Invented schools by phase: name, URN, establishment number."""


@dataclass(frozen=True, slots=True)
class School:
    """Where a child goes, or ``none``."""

    phase: str
    name: str = ""
    urn: str = ""
    establishment: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person of one family."""

    id: str
    role: Role
    given: str
    family: str
    sex: str
    born: date
    nhs_number: str
    school: School
    upn: str = ""
    shield: Shield = Shield.NONE
    risk_person: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """Where a family lives and how it is reached."""

    lines: tuple[str, ...]
    postcode: str
    uprn: str
    ward: str


class Population:
    """A source of invented people; the same seed gives the same ones.

    Two populations share nobody's number if their ``first_number`` (NHS) and ``first_serial`` (UPN) keep apart.
    """

    def __init__(self, *, seed: int, today: date, first_number: int, first_serial: int = 0) -> None:
        self.today = today
        self.fake = Faker("en_GB")
        self.fake.seed_instance(seed)
        self.random: Random = self.fake.random
        self._nhs_numbers = nhs_numbers(first_number)
        self._first_serial = first_serial
        self._pupils: Counter[tuple[str, int]] = Counter()

    def surname(self) -> str:
        """A family name."""
        return str(self.fake.last_name())

    def person(
        self,
        person_id: str,
        *,
        role: Role,
        family: str,
        age: int,
        sex: str | None = None,
        schools: dict[str, School] | None = None,
        shield: Shield = Shield.NONE,
        risk_person: bool = False,
    ) -> Person:
        """A person of an age in whole years.

        Args:
            schools: where this family's children go, by phase; filled as they are met, so siblings share.
        """
        sex = sex or self.random.choice(("female", "male"))
        given = self.fake.first_name_female() if sex == "female" else self.fake.first_name_male()
        born = self._birthday(age)
        school = (
            self._school(age, {} if schools is None else schools) if role is Role.CHILD else School("none")
        )
        return Person(
            id=person_id,
            role=role,
            given=str(given),
            family=family,
            sex=sex,
            born=born,
            nhs_number=next(self._nhs_numbers),
            school=school,
            upn=self._upn(school, born) if school.phase not in {"none", "nursery"} else "",
            shield=shield,
            risk_person=risk_person,
        )

    def home(self) -> Home:
        """An address in the borough's districts."""
        district = self.random.choice(tuple(_WARDS))
        inward = f"{self.random.randint(1, 9)}{''.join(self.random.choices(_INWARD_LETTERS, k=2))}"
        street = f"{self.random.choice(_STREETS)} {self.random.choice(_STREET_TYPES)}"
        number = self.random.randint(1, 180)
        flat = (f"Flat {self.random.randint(1, 40)}",) if self.random.random() < _SHARE_OF_FLATS else ()
        return Home(
            lines=(*flat, f"{number} {street}", "London"),
            postcode=f"{district} {inward}",
            uprn=str(self.random.randint(100_020_000_000, 100_029_999_999)),
            ward=_WARDS[district],
        )

    def phone(self) -> str:
        """A number of Ofcom's ranges for television and radio drama: London 020 7946 0xxx, mobile 07700 900xxx."""
        if self.random.random() < _SHARE_OF_LANDLINES:
            return f"+44 20 7946 0{self.random.randint(0, 999):03d}"
        return f"+44 7700 900{self.random.randint(0, 999):03d}"

    def _birthday(self, age: int) -> date:
        born = self.today - timedelta(days=int(age * _YEAR) + self.random.randint(20, 340))
        # Leap days move the day by one at most; twenty days of margin keep the age.
        return (
            born
            if whole_years(born, today=self.today) == age
            else self.today - timedelta(days=int(age * _YEAR) + 20)
        )

    def _school(self, age: int, schools: dict[str, School]) -> School:
        phases = ((18, "post_16"), (16, "post_16"), (11, "secondary"), (5, "primary"), (3, "nursery"))
        phase = next((name for least, name in phases if age >= least), "none")
        if phase != "none" and phase not in schools:
            schools[phase] = School(phase, *self.random.choice(_SCHOOLS[phase]))
        return schools.get(phase, School("none"))

    def _upn(self, school: School, born: date) -> str:
        entered = born.year + _AGE_AT_SCHOOL_ENTRY
        place = (school.establishment, entered)
        serial = self._first_serial + self._pupils[place] % _SERIALS
        self._pupils[place] += 1
        return upn(f"{_LEWISHAM}{school.establishment}{entered % 100:02d}{serial:03d}")


def nhs_numbers(first: int) -> Iterator[str]:
    """Yield the synthetic NHS numbers from 999 and ``first`` on whose check digit exists (Modulus 11)."""
    for number in count(first):
        body = f"999{number:06d}"
        digit = (
            11 - sum(weight * int(each) for weight, each in zip(range(10, 1, -1), body, strict=True)) % 11
        ) % 11
        if digit != _NO_DIGIT:
            yield f"{body}{digit}"


def upn(body: str) -> str:
    """The unique pupil number of twelve digits, its check letter in front (DfE UPN guide)."""
    weighted = sum(place * int(digit) for place, digit in enumerate(body, start=2))
    return f"{_UPN_LETTERS[weighted % 23]}{body}"
