"""Any number of invented families."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from gateway.cases.model import Role
from gateway.cases.synthetic.people import Population
from gateway.cases.synthetic.record import (
    Household,
    Record,
    add_identities,
    add_relations,
    add_schooling,
    add_situation,
)
from gateway.cases.synthetic.topics import TOPICS, family_document

_FIRST_NUMBER: Final = 1_000
"""NHS numbers below belong to the labelled families."""
_SHARE_OF_TOPIC: Final = 0.2
_SHARE_NOT_FOR_THE_PANEL: Final = 0.05
_ADULTS: Final = (1, 1, 2)
_CHILDREN: Final = (1, 1, 2, 2, 3, 4)


def generate(count: int, *, seed: int, today: date, agencies: Sequence[str]) -> list[dict[str, Any]]:
    """Return invented families in the form of the import file.

    Args:
        seed: with ``today``, decides everything; families of different seeds are different people.
        agencies: codes of those who take part; a kind's own code is the source of what that kind knows.

    From twelve families on, every field F02 to F37 occurs.
    """
    population = Population(seed=seed, today=today, first_number=_FIRST_NUMBER)
    return [_family(population, f"S{seed}-{number:05d}", number, tuple(agencies)) for number in range(count)]


def write_record(record: Record) -> None:
    """Say what is said of every family."""
    add_identities(record)
    add_schooling(record)
    add_relations(record)
    add_situation(record)


def _family(population: Population, name: str, number: int, agencies: tuple[str, ...]) -> dict[str, Any]:
    random = population.random
    record = Record(population, _household(population, f"P-{name}"), agencies)
    write_record(record)
    for place, topic in enumerate(TOPICS):
        if place == number % len(TOPICS) or random.random() < _SHARE_OF_TOPIC:
            topic(record)
    state: dict[str, Any] = {}
    if random.random() < _SHARE_NOT_FOR_THE_PANEL:
        state = random.choice(({"status": "closed"}, {"threshold_level": 1}, {"threshold_level": 3}))
    return family_document(record, source_ref=f"EH-{name}", **state)


def _household(population: Population, prefix: str) -> Household:
    random = population.random
    family = population.surname()
    adults = random.choice(_ADULTS)
    children = random.choice(_CHILDREN)
    ages = sorted(random.sample(range(17), k=children), reverse=True)
    parent_age = max(ages) + random.randint(18, 36)
    schools: dict[str, Any] = {}
    return Household(
        adults=[
            population.person(
                f"{prefix}-{place + 1}",
                role=Role.ADULT,
                family=family,
                age=parent_age + 2 * place,
                sex=("female", "male")[place],
            )
            for place in range(adults)
        ],
        children=[
            population.person(
                f"{prefix}-{adults + place + 1}", role=Role.CHILD, family=family, age=age, schools=schools
            )
            for place, age in enumerate(ages)
        ],
        others=[],
        home=population.home(),
    )
