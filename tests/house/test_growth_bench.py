"""The bench of growth makes what its points say, measures it, and goes on where it was."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import text

from bench import drawing, growth
from bench.axes import AXES, sizes_to
from bench.curves import Chart, Series
from bench.growth import QUICK, measured
from bench.population import Population, populated
from bench.soak import Load
from bench.stages import Stage, grow, over, there_are, wired
from consent_registry import repository
from consent_registry.standing import fold
from gateway.disclosure_log.publishing import caught_up


@pytest.fixture(scope="module")
def council(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    """Twenty families, from which every axis starts."""
    place = tmp_path_factory.mktemp("growth") / "twenty"
    with populated(
        place, QUICK.base, steps=lambda _label, length: iter([None] * length), lasting=True
    ) as made:
        yield made


def grown(council: Population, axis: str) -> list[Stage]:
    stages = [Stage(AXES[axis], size) for size in QUICK.sizes[axis]]
    grow(council, stages)
    return stages


@pytest.mark.parametrize("axis", AXES)
def test_a_point_has_as_much_as_it_says(council: Population, axis: str) -> None:
    """A curve over another size than the one under it says nothing; nor one over a log that nobody could serve."""
    for stage in grown(council, axis):
        assert stage.size == there_are(council, stage)[axis]
        with wired(over(council, stage.database)) as wiring, wiring.autocommit.connect() as connection:
            assert there_are(council, stage)["entries"] == caught_up(wiring, connection).size


def test_new_agencies_are_agreed_to_and_sit_on_every_panel(council: Population) -> None:
    """Names in a table that nothing leads to would cost a release nothing."""
    last = grown(council, "agencies")[-1]
    with wired(over(council, last.database)) as wiring, wiring.engine.connect() as connection:
        told = (
            "SELECT jsonb_array_length(body #> '{given,scope,agencies}') FROM consent_registry.standing",
            "SELECT count(*) FROM gateway.panel_member GROUP BY meeting_id",
            "SELECT count(*) FROM gateway.pairwise JOIN gateway.case_record ON case_id = thing_id GROUP BY case_id",
            "SELECT count(*) FROM gateway.pack_sign_off WHERE stage = 'panel' GROUP BY case_id",
        )
        for each in told:
            assert {last.size} == set(connection.execute(text(each)).scalars()), each


def test_what_stands_is_what_was_decided(council: Population) -> None:
    """A standing beside a history that it does not follow from would be no gateway's."""
    last = grown(council, "consents")[-1]
    with wired(over(council, last.database)) as wiring, wiring.engine.connect() as connection:
        subjects = connection.execute(text("SELECT subject_id FROM consent_registry.subject")).scalars().all()
        histories = {each: repository.read_history(connection, each) for each in subjects}
        for subject, history in histories.items():
            if history:
                assert (len(history), fold(history)) == repository.read_standing(connection, subject)
    assert max(map(len, histories.values())) > 1


def test_a_second_start_measures_nothing_again(council: Population, tmp_path: Path) -> None:
    """What took a night must not be lost to whoever asks for one point more."""
    plan = replace(QUICK, sizes={**QUICK.sizes, "entries": (300,)}, parts=("entries", growth.MEMORY))
    found = measured(council, plan, tmp_path / "growth.json")
    assert found == json.loads((tmp_path / "growth.json").read_text())
    check_axis(found, "entries", plan)
    memory = found[growth.MEMORY]
    assert memory["points"][1]["releases"] >= QUICK.load.first
    assert memory["points"][-1]["releases"] >= QUICK.load.releases
    assert memory["ratio"]["to_first"] > 0
    assert found == measured(council, plan, tmp_path / "growth.json")


@pytest.mark.long
def test_every_axis_is_measured(council: Population, tmp_path: Path) -> None:
    """Each axis has its own way to fail a release: a receipt that does not verify ends the bench."""
    found = measured(council, replace(QUICK, parts=(*AXES,)), tmp_path / "growth.json")
    for axis in AXES:
        check_axis(found, axis, QUICK)


def check_axis(found: growth.Found, axis: str, plan: growth.Plan) -> None:
    (measurements,) = growth.rounds_of(found, AXES[axis], plan.sizes[axis])
    assert {str(size) for size in plan.sizes[axis]} == measurements.keys()
    for each in measurements.values():
        assert 0 < each["p50_ms"] <= each["p95_ms"] <= each["p99_ms"]


def test_a_point_more_is_measured_with_all_the_others() -> None:
    """Times of different rounds are never compared."""
    found: growth.Found = {
        "axes": {"cases": [{"1000": {}, "10000": {}}, {"1000": {}, "10000": {}, "100000": {}}]}
    }
    assert 2 == len(growth.rounds_of(found, AXES["cases"], [1_000, 10_000]))
    assert 1 == len(growth.rounds_of(found, AXES["cases"], [1_000, 10_000, 100_000]))


@pytest.mark.parametrize(
    ("first", "largest", "sizes"),
    [
        (1_000, 100_000, [1_000, 10_000, 100_000]),
        (13, 1_000, [13, 130, 1_000]),
        (5, 5, [5]),
    ],
)
def test_sizes_end_with_the_one_that_was_asked_for(first: int, largest: int, sizes: list[int]) -> None:
    assert sizes == sizes_to(largest, first=first)


def test_memory_is_compared_with_the_first_point_and_read_in_tenths() -> None:
    load = Load(100_000, 60)
    assert [10_000, 20_000, 30_000] == list(load.points[:3])
    assert 100_000 == load.points[-1]


def test_curves_are_drawn_in_one_picture() -> None:
    charts = [Chart("a < b", [10, 100], [Series("p50", "*", [1, 2]), Series("p99", "o", [3, 4])])] * 2
    svg = ET.fromstring(drawing.curves(charts, title="growth", note="ms"))  # noqa: S314 - our own drawing
    assert 4 == len([each for each in svg if each.tag.endswith("polyline")])
