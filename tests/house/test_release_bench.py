"""The bench of releases runs to its end, and never takes errors for speed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import psycopg
import pytest

from bench import report
from bench.measuring import DPOP, FLOOR, FLOOR_LOG, KINDS, Bench, Contender
from bench.nodes import BenchFailedError
from bench.release import DATABASE, QUICK, measure, opened
from bench.special import Place

SPREADS = ("requests_per_s", "p50_ms", "p95_ms", "p99_ms", "bytes")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Place]]:
    """Everything that is measured, over twenty families."""
    with opened(tmp_path_factory.mktemp("bench") / "twenty", QUICK.size) as made:
        yield made


def test_a_short_run_says_what_a_long_one_does(running: tuple[Bench, Place]) -> None:
    """Whoever compares two runs reads the members by name."""
    plan = replace(
        QUICK, connections=(2,), seconds=0.2, withdrawals=1, parts=frozenset({"main", "withdrawal", "pack"})
    )
    document = json.loads(json.dumps(measure(*running, plan)))
    assert {(kind, tls, 2) for kind in KINDS for tls in (False, True)} == {
        (point["contender"], point["tls"], point["connections"]) for point in document["points"]
    }
    for point in document["points"]:
        assert all(0 < point[name]["min"] <= point[name]["median"] for name in SPREADS)
        assert ("per_second_to_floor_log" in point["ratios"]) == (point["contender"] != FLOOR_LOG)
    assert 1 == document["withdrawal"]["withdrawals"]
    assert document["pack"]
    svg = ET.fromstring(report.drawing(document["points"], title="a < b"))  # noqa: S314 - our own drawing
    assert svg.tag.endswith("svg")


@pytest.mark.long
def test_every_part_of_a_run_says_what_it_found(running: tuple[Bench, Place]) -> None:
    """What is measured beside the rounds stops and freezes servers: it breaks first."""
    parts = frozenset({"counts", "slow-disk", "masters", "frozen"})
    document = measure(*running, replace(QUICK, connections=(2,), parts=parts))
    assert sorted(KINDS) == sorted(each["contender"] for each in document["counts"])
    for each in document["counts"]:
        assert each["statements"] >= 1
        assert (each["contender"] == FLOOR) == (
            each["wal_bytes"] < 100
        )  # a floor without a log writes nothing
    assert document["slow_disk"]
    assert 1 == len(document["two_masters_to_one"])
    assert document["frozen"][0]["answered_beside_a_frozen_node"] > 0


def test_a_gateway_whose_log_cannot_append_is_not_measured(running: tuple[Bench, Place]) -> None:
    """503 is answered quickly: taken for a release it would look like a better gateway."""
    bench, place = running
    owner = place.population.server.url("gateway_owner", DATABASE)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("ALTER FUNCTION gateway.append RENAME TO append_elsewhere")
        try:
            with pytest.raises(BenchFailedError, match="503"):
                bench.begin(Contender(DPOP, tls=True), connections=2, seconds=0.2).end()
        finally:
            connection.execute("ALTER FUNCTION gateway.append_elsewhere RENAME TO append")


def test_a_bench_that_failed_ends_with_one() -> None:
    """A script that runs it must be able to tell."""
    assert 1 == BenchFailedError("...").exit_code
