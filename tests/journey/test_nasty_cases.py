"""The cases in which consent goes wrong in practice, each a story told through the services that a real one uses.

Each says what a health service gets afterwards, how many copies it was asked to give back, whether the panel's chair sees
the case as ready, and what somebody has to look at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import pytest

from consent_registry.birthdays import SIXTEEN
from consent_registry.errors import ContestedError, InvalidDocumentError
from gateway.panel.model import Readiness
from gateway.panel.service import agendas
from gateway.recall.repository import recalls_of
from gateway.release.model import Released
from gateway.tasks.repository import open_tasks
from gateway.wiring import Wiring
from tests.support.world import World, by_parent, item, small_family

REF = "EH-1"
MUM, ADA, BEN, DAD, EX = (f"{REF}-{who}" for who in ("mum", "ada", "ben", "dad", "ex"))
WORDS = {"Mary", "Adagiven", "Bengiven", "Canary Road", "routines", "moved_home"}
"""Every word of the record that a health service may get while everybody agrees."""

Step: TypeAlias = Callable[[World], None]


@dataclass(frozen=True)
class Story:
    """What happens, in order, and what is so afterwards."""

    steps: Sequence[Step]
    told: frozenset[str] | set[str] = field(default_factory=set)
    recalled: int = 0
    ready: bool = False
    tasks: frozenset[str] | set[str] = field(default_factory=set)


def record(
    *, level: int = 2, status: str = "open", born: date | None = None, **shields: str
) -> dict[str, Any]:
    """A mother, two children, a father with parental responsibility, and a man who is a danger and has it, too."""
    family = small_family(REF)
    family["threshold_level"], family["status"] = level, status
    family["people"] += [{"id": DAD, "role": "adult"}, {"id": EX, "role": "other", "risk_person": True}]
    for person in family["people"]:
        person["shield"] = shields.get(person["id"].removeprefix(f"{REF}-"), "none")
    family["items"] += [
        item("history", [ADA], {"code": "moved_home", "date": "2026-03-02"}),
        *(
            item(
                "household",
                [child, who],
                {"member": who, "relationship": "FATHER", "to": child, "resident": "none", "pr_basis": basis},
            )
            for child in (ADA, BEN)
            for who, basis in ((DAD, "married_father"), (EX, "birth_registered_father"))
        ),
    ]
    if born is not None:
        for each in family["items"]:
            if (each["field"], each["about"]) == ("child_dob", [ADA]):
                each["value"] = {"date": born.isoformat(), "certainty": "exact"}
    return family


# ---- steps ------------------------------------------------------------------------------------------------


def imported(**changes: Any) -> Step:
    return lambda world: world.import_families(record(**changes))


def pulled(world: World) -> None:
    assert isinstance(world.release("health", REF), Released)


def listed(world: World) -> None:
    world.list_cases(REF, ref=f"M-{REF}")


def no(who: str, **more: Any) -> Step:
    act = more.pop("act", "withdraw")
    return lambda world: world.decide(REF, who, act, **more)


def yes(who: str, **changes: Any) -> Step:
    return lambda world: world.give(REF, who, **changes)


def refused(step: Step, error: type[Exception]) -> Step:
    """The step is refused with this, by name, and changes nothing."""

    def tried(world: World) -> None:
        with pytest.raises(error):
            step(world)

    return tried


def sixteen_today(world: World) -> None:
    day = world.today
    leap = (day.month, day.day) == (2, 29)
    world.import_families(record(born=day.replace(year=day.year - SIXTEEN, day=28 if leap else day.day)))


DAD_SAYS: dict[str, Any] = {"given_by": {"person": DAD, "capacity": "parental_responsibility"}}
EX_SAYS: dict[str, Any] = {"given_by": {"person": EX, "capacity": "parental_responsibility"}}
OWN = {
    "given_by": {"person": ADA, "capacity": "competent_child"},
    "evidence": {
        "competence": {"assessor": "test", "assessed_on": "2026-11-01", "reasons": "She explained it."}
    },
}
SELF = {"given_by": {"person": ADA, "capacity": "self"}}
NO_DATES: dict[str, Any] = {"valid_from": "2026-13-45"}

STORIES: dict[str, Story] = {
    "everybody agrees": Story([pulled], WORDS, ready=True),
    # 1: siblings with different answers
    "1, one child says no": Story([no(ADA)], {"Mary", "Bengiven", "Canary Road"}, tasks={"consent.stopped"}),
    "1, of a pull before": Story(
        [pulled, no(ADA)], {"Mary", "Bengiven", "Canary Road"}, 1, tasks={"consent.stopped"}
    ),
    # 2: a parent who is a danger and has parental responsibility
    "2, he says yes for the child": Story(
        [no(ADA), refused(yes(ADA, **by_parent(EX)), InvalidDocumentError)],
        {"Mary", "Bengiven", "Canary Road"},
        tasks={"consent.stopped"},
    ),
    "2, he says no: a dispute, and nothing of her is told": Story(
        [no(ADA, **EX_SAYS)],
        {"Mary", "Bengiven", "Canary Road"},
        tasks={"consent.dispute"},
    ),
    # 3: a move to a refuge between listing and pull
    "3, shielded by a new record": Story([imported(mum="refuge")], WORDS - {"Canary Road"}),
    "3, after a pull": Story([pulled, imported(mum="refuge")], WORDS - {"Canary Road"}, 1),
    "3, and the next record forgets it": Story(
        [pulled, imported(mum="refuge"), imported()], WORDS - {"Canary Road"}, 1
    ),
    # 6: sixteen in the middle of it
    "6, sixteen today": Story([sixteen_today], {"Mary", "Bengiven", "Canary Road"}, ready=True),
    "6, and a parent says yes again": Story(
        [sixteen_today, refused(yes(ADA, **by_parent(MUM)), InvalidDocumentError)],
        {"Mary", "Bengiven", "Canary Road"},
        ready=True,
    ),
    "6, and she says yes": Story([sixteen_today, yes(ADA, **SELF)], WORDS, ready=True),
    # 7: two holders of parental responsibility disagree
    "7, he says no": Story(
        [pulled, no(ADA, **DAD_SAYS)], {"Mary", "Bengiven", "Canary Road"}, 1, tasks={"consent.dispute"}
    ),
    "7, and she insists": Story(
        [no(ADA, **DAD_SAYS), refused(yes(ADA), ContestedError)],
        {"Mary", "Bengiven", "Canary Road"},
        tasks={"consent.dispute"},
    ),
    "7, and the child decides": Story(
        [no(ADA, **DAD_SAYS), yes(ADA, **OWN), listed], WORDS, ready=True, tasks={"consent.dispute"}
    ),
    # 8: withdrawn after listing, before the pull
    "8, everybody withdraws": Story([*(no(who) for who in (MUM, ADA, BEN, DAD))], tasks={"consent.stopped"}),
    "8, and nobody can read what it says": Story(
        [no(who, **NO_DATES) for who in (MUM, ADA, BEN, DAD)], tasks={"consent.held"}
    ),
    # 9: withdrawn after the pull
    "9, everybody withdraws": Story(
        [pulled, pulled, *(no(who) for who in (MUM, ADA, BEN, DAD))], recalled=2, tasks={"consent.stopped"}
    ),
    # 11: closed, and opened again
    "11, closed": Story([imported(status="closed")]),
    "11, opened again": Story([imported(status="closed"), imported()]),
    "11, opened again, and everybody is asked again": Story(
        [imported(status="closed"), imported(), *(yes(who) for who in (MUM, ADA, BEN)), listed],
        WORDS,
        ready=True,
    ),
    "11, social care's now, and back": Story([imported(level=3), imported()], WORDS, ready=True),
    # 15: pressure is discovered
    "15, she was pressed": Story(
        [pulled, *(no(who, act="invalidate", reason="coercion") for who in (MUM, ADA, BEN, DAD))],
        recalled=1,
        tasks={"consent.invalidated", "consent.stopped"},
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_what_is_so_afterwards(wiring: Wiring, story: Story) -> None:
    world = World(wiring)
    world.join("health")
    world.import_families(record())
    for person in (MUM, ADA, BEN, DAD):
        world.give(REF, person)
    listed(world)
    for step in story.steps:
        step(world)
    assert story == Story(story.steps, told(world), recalled(world), is_ready(world), tasks(world))


def told(world: World) -> set[str]:
    outcome = world.release("health", REF)
    return {word for word in WORDS if isinstance(outcome, Released) and word.encode() in outcome.body}


def recalled(world: World) -> int:
    with world.wiring.engine.connect() as connection:
        return sum(len(recall.extracts) for recall in recalls_of(connection, "health"))


def is_ready(world: World) -> bool:
    return [Readiness.READY] == [readiness for each in agendas(world.wiring) for _, readiness in each.cases]


def tasks(world: World) -> set[str]:
    with world.wiring.engine.connect() as connection:
        return {str(task.kind) for task in open_tasks(connection)}
