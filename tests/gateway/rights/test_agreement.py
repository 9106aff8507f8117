"""Whatever happens to a family, in any order: every statement is what the log says of that person, and nothing more.

What is expected is kept by the test itself, from what it did and from the bytes of the extracts that went.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from agencies.catalogue import FIELDS
from agencies.model import FieldName
from consent_registry.errors import ContestedError
from gateway.consent.receipt_words import CATEGORY_WORDS, words_of_data
from gateway.recall.model import Answer
from gateway.release.model import Released
from gateway.rights.words import SOME_INFORMATION
from tests.gateway.rights.scene import (
    ADA,
    BEN,
    DAD,
    MUM,
    REF,
    answer_all,
    body_of,
    lines_of,
    told_fields,
    with_key,
    worker,
    world_of,
)
from tests.gateway.safeguarding.refer import refer
from tests.support.pages import Somebody
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database
from tests.support.world import World

PEOPLE: Final = (MUM, DAD, ADA, BEN)
AGENCIES: Final = ("camhs", "charity", "refuge")
NOT_ALOUD: Final = {CATEGORY_WORDS["address"], CATEGORY_WORDS["contact"]}
WORDS: Final = {
    "A yes": "give",
    "It got": "release",
    "It told us": "answer",
    "on hold": "hold",
    "was stopped": "withdraw",
}
Step = tuple[str, str]
Told = tuple[str, str, frozenset[str]]
"""What happened, which agency it was, and what kinds of information it got."""
STEPS: Final[st.SearchStrategy[list[Step]]] = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["give", "give", "hold", "withdraw"]), st.sampled_from(PEOPLE)),
        st.tuples(st.sampled_from(["release", "release", "answer"]), st.sampled_from(AGENCIES)),
        st.tuples(st.sampled_from(["refer", "look"]), st.just("")),
    ),
    min_size=3,
    max_size=12,
)


class Kept:
    """A family, and what the test did to it, by person."""

    def __init__(self, world: World, ada: Somebody) -> None:
        self.world, self.ada = world, ada
        self.lines: dict[str, list[Told]] = {person: [] for person in PEOPLE}
        self.waiting: dict[str, tuple[str, str]] = {}
        self.do(("give", MUM))
        world.list_cases(REF)

    def do(self, step: Step) -> None:
        match step:
            case ("give", person):
                self._give(person)
            case ("hold" | "withdraw" as act, person):
                self._stop(act, person)
            case ("release", agency):
                self._release(agency)
            case ("answer", agency):
                self._answer(agency)
            case ("refer", _):
                refer(self.world, self.ada)
            case _:
                body_of(self.world, self.ada)

    def _give(self, person: str) -> None:
        try:
            self.world.give(REF, person)
        except ContestedError:  # somebody said no for the child before: nothing is recorded
            return
        self.lines[person].append(("give", "", frozenset()))

    def _stop(self, act: str, person: str) -> None:
        before = self._open_recalls()
        self.world.decide(REF, person, act)
        self.lines[person].append((act, "", frozenset()))
        called = {key: agency for key, agency in self._open_recalls().items() if key not in before}
        self.waiting |= {key: (agency, person) for key, agency in called.items()}

    def _release(self, agency: str) -> None:
        outcome = self.world.release(agency, REF)
        if not isinstance(outcome, Released):
            return
        for person in PEOPLE:
            fields = told_fields(self.world, agency, outcome.body, person)
            kinds = {words_of_data(str(FIELDS[FieldName(name)].category or name)) for name in fields}
            if kinds:
                self.lines[person].append(("release", agency, frozenset(kinds)))

    def _answer(self, agency: str) -> None:
        for key in [key for key, (asked, _) in self.waiting.items() if asked == agency]:
            self.lines[self.waiting.pop(key)[1]].append(("answer", agency, frozenset()))
        answer_all(self.world, agency, Answer.DELETED)

    def _open_recalls(self) -> dict[str, str]:
        with self.world.wiring.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT recall_id, agency_code FROM gateway.recall WHERE answer IS NULL")
            )
            return {str(row.recall_id): row.agency_code for row in rows}


def shown(line: Any) -> Told:
    """A line of a statement, as the test keeps it."""
    what = next(kind for words, kind in WORDS.items() if words in line["what"])
    decided = what in {"give", "hold", "withdraw"}
    kinds = frozenset(line["kinds"]) if what == "release" else frozenset()
    return what, "" if decided else line["who"].removeprefix("The "), kinds


def aloud(line: Told) -> Told | None:
    """What may be read aloud of a line."""
    what, agency, kinds = line
    if agency == "refuge":
        return None
    return what, agency, (kinds - NOT_ALOUD or frozenset({SOME_INFORMATION})) if kinds else kinds


@contextmanager
def family_of(cluster: Cluster, template: Database) -> Iterator[Kept]:
    """A family of its own, in a database of its own."""
    with (
        new_database(cluster, template=template.name) as database,
        TemporaryDirectory() as folder,
        wired(database, Path(folder)) as wiring,
    ):
        world = world_of(with_key(wiring, Path(folder)))
        yield Kept(world, worker(world))


# An example takes seconds, and shrinking one would take minutes: the steps of a failure are few enough to read.
@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(steps=STEPS)
def test_statement_and_log_agree(cluster: Cluster, template_database: Database, steps: list[Step]) -> None:
    with family_of(cluster, template_database) as kept:
        for step in steps:
            kept.do(step)
        for person in PEOPLE:
            expected = kept.lines[person]
            assert expected == [shown(line) for line in lines_of(kept.world, kept.ada, person)]
            safe = [line for each in expected if (line := aloud(each)) is not None]
            lines = lines_of(kept.world, kept.ada, person, aloud=True)
            assert safe == [shown(line) for line in lines]
            assert [*range(1, len(lines) + 1)] == [line["n"] for line in lines]
