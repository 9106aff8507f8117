"""A process that is stopped halfway: nobody waits for it, and the order of the log stays what happened.

Stopping the wire between a process and PostgreSQL is what SIGSTOP does to the process, at a chosen instant.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from itertools import count, product
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import SQLAlchemyError

from gateway.disclosure_log.errors import NotAppendedError
from gateway.release.model import Outcome, Refused, Released
from gateway.wiring import Wiring
from tests.faults.desk import PERSON, SOURCE, Desk, second_node
from tests.faults.matrix import points
from tests.faults.wire import FREEZES

FREEZE_SECONDS = 1.5

FREEZABLE: dict[str, Callable[[Desk], Callable[[], object]]] = {
    "a release": lambda desk: desk.pull,
    "an act that opens": lambda desk: _decide(desk, "give"),
    "an act that closes": lambda desk: _decide(desk, "withdraw"),
}


def _decide(desk: Desk, act: str) -> Callable[[], object]:
    document = desk.decision(act)

    def decide() -> None:
        with suppress(NotAppendedError, SQLAlchemyError):
            desk.decide(document)

    return decide


def each_freeze(
    desk: Desk, what: str, *, other: Wiring, matching: tuple[str, ...]
) -> Iterator[tuple[str, Outcome | None]]:
    """Stop the operation at each of its trips in turn; yield where, and what the other node got meanwhile, if anything."""
    with ThreadPoolExecutor(2) as pool:
        for part, fault in product(matching, FREEZES):
            for trip in count():
                operation = FREEZABLE[what](desk)
                with desk.wire.faulty(fault, trip=trip, matching=part) as plan:
                    stopped = pool.submit(operation)
                    hit = plan.hit_before(stopped)
                    pull = pool.submit(desk.pull, wiring=other)
                    done, _ = wait([pull], FREEZE_SECONDS)
                stopped.result(30)
                (outcome,) = pull.result(30)
                if not hit:
                    break
                yield f"{fault.value} at {plan.statement}", outcome if done else None


@points
@pytest.mark.parametrize(
    "what",
    FREEZABLE,
)
def test_a_frozen_node_stops_no_other(
    desk: Desk, what: str, matching: tuple[str, ...], tmp_path: Path, say: Callable[[str], None]
) -> None:
    """A process that is stopped with a request or an answer in its hands: the other node goes on meanwhile."""
    frozen, waited = 0, []
    with second_node(desk, tmp_path / "other") as other:
        for place, outcome in each_freeze(desk, what, other=other, matching=matching):
            frozen += 1
            if not isinstance(outcome, Released):
                waited.append(place)
    desk.check()
    say(f"{what}, frozen at {frozen} points: the other node waited at {len(waited)} of them")
    assert frozen >= 2
    assert not waited


def test_an_act_without_the_head_never_stands_before_a_release_that_it_did_not_forbid(
    desk: Desk, tmp_path: Path
) -> None:
    """The leaves' order is the evidence; the pause between two steps of an append is made long enough to be hit."""
    for person in ("ada", "ben"):
        desk.world.withdraw(SOURCE, f"{SOURCE}-{person}")
    with ExitStack() as stack:
        superuser = stack.enter_context(psycopg.connect(desk.database.admin_url, autocommit=True))
        other = stack.enter_context(second_node(desk, tmp_path / "other"))
        row = superuser.execute("SELECT pg_get_functiondef('gateway.append'::regproc)").fetchone()
        assert row is not None
        slowed = row[0].replace("    -- 3.", "    PERFORM pg_sleep(1);\n    -- 3.")
        assert slowed != row[0]
        superuser.execute(slowed)
        pool = stack.enter_context(ThreadPoolExecutor(1))
        pull = pool.submit(desk.pull, wiring=other)
        time.sleep(0.1)
        desk.world.withdraw(SOURCE, PERSON)
        (outcome,) = pull.result(30)
        superuser.execute(row[0])
    desk.pull_unknown()
    log = desk.log()
    if isinstance(outcome, Released):
        assert log.released[outcome.extract_id] < log.newest_act, "released after the act that forbids it"
    else:
        assert isinstance(outcome, Refused)
    desk.check()
