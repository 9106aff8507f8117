"""Where the matrix of faults strikes: every commit point, or every round trip, of whatever writes to the log."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from gateway.release.model import Released
from tests.faults.desk import Desk
from tests.faults.wire import CUTS, Fault

APPEND, PUBLISH, DEFER, COMMIT = (
    "gateway.append",
    "gateway.publish_checkpoint",
    "gateway.defer_entry",
    "^COMMIT$",
)
COMMIT_POINTS = (APPEND, PUBLISH, DEFER, "SAVEPOINT", COMMIT)
"""Patterns of the statements with which something is written, or becomes durable."""

EVERY_TRIP = ("",)

points = pytest.mark.parametrize(
    "matching",
    [
        pytest.param(COMMIT_POINTS, id="commit points"),
        pytest.param(EVERY_TRIP, id="every trip", marks=pytest.mark.long),
    ],
)


@dataclass
class Tally:
    """What was injected."""

    faults: int = 0
    points: int = 0

    def __str__(self) -> str:
        return f"{self.faults} faults at {self.points} points"


def each_cut(
    desk: Desk, operation: Callable[[], object], tally: Tally, *, matching: tuple[str, ...]
) -> Iterator[str]:
    """Run the operation with each of its trips hit in turn, failed and persisted; yield where, after each."""
    for part in matching:
        for fault in CUTS:
            trip = 0
            while True:
                with desk.wire.faulty(fault, trip=trip, matching=part) as plan:
                    operation()
                if not plan.hit.is_set():
                    break
                trip += 1
                tally.faults += 1
                tally.points += fault is Fault.FAILED
                yield f"{fault.value} at {plan.statement}"


def assert_releases_again(desk: Desk, place: str) -> None:
    """The next request works, on the same process, and the partner, the log and the database agree."""
    (outcome,) = desk.pull()
    assert isinstance(outcome, Released), place
    assert not desk.wiring.log.contradicted, place
    desk.check()
