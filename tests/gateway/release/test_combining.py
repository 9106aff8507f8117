"""Requests that come together are one batch, and no fault of one is another's."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from gateway.caller import Caller
from gateway.release.combining import MOST, Combiner
from gateway.release.model import Outcome, Refused, Released, ReleaseRequest, Unavailable

SOMEBODY = Caller("client", None, frozenset(), None, None)


def asked(number: int) -> ReleaseRequest:
    return ReleaseRequest(SOMEBODY, UUID(int=number))


def named(request: ReleaseRequest) -> Released:
    assert request.case_ref is not None
    return Released(request.case_ref, str(request.case_ref).encode())


class Answering:
    """Answers batches, each only once it may; keeps what they were."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)
        if not held:
            self.go.set()

    def __call__(self, batch: Sequence[ReleaseRequest]) -> list[Outcome]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.batches.append([each.case_ref.int for each in batch if each.case_ref is not None])
        self.begun.release()
        assert self.go.wait(10)
        self.at_once -= 1
        return [named(each) for each in batch]


def together(combiner: Combiner, answering: Answering, numbers: Sequence[int]) -> list[Outcome]:
    """Let the first be answered while all others come; return every outcome, in order."""
    with ThreadPoolExecutor(len(numbers)) as pool:
        first = pool.submit(combiner.ask, asked(numbers[0]))
        assert answering.begun.acquire(timeout=10)
        others = [pool.submit(combiner.ask, asked(number)) for number in numbers[1:]]
        wait_until(lambda: len(combiner._queue) == len(others))
        answering.go.set()
        return [each.result(10) for each in (first, *others)]


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_lone_request_is_a_batch_of_one() -> None:
    answering = Answering()
    combiner = Combiner(answering)
    assert [named(asked(1)), named(asked(2))] == [combiner.ask(asked(1)), combiner.ask(asked(2))]
    assert [[1], [2]] == answering.batches


def test_whoever_comes_meanwhile_is_the_next_batch_and_gets_its_own_answer() -> None:
    answering = Answering(held=True)
    outcomes = together(Combiner(answering), answering, range(1, 9))
    assert [named(asked(number)) for number in range(1, 9)] == outcomes
    first, second = answering.batches
    assert ([1], set(range(2, 9))) == (first, set(second))
    assert 1 == answering.most_at_once


def test_a_batch_has_an_end() -> None:
    answering = Answering(held=True)
    numbers = range(1, MOST + 11)
    together(Combiner(answering), answering, numbers)
    assert [1, MOST, 9] == [len(batch) for batch in answering.batches]
    assert sorted(numbers) == sorted(number for batch in answering.batches for number in batch)


def test_one_bad_request_fails_alone() -> None:
    answering = Answering(held=True)

    def answer(batch: Sequence[ReleaseRequest]) -> list[Outcome]:
        if asked(3) in batch:
            raise ZeroDivisionError
        return answering(batch)

    combiner = Combiner(answer)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(combiner.ask, asked(1))
        assert answering.begun.acquire(timeout=10)
        others = {number: pool.submit(combiner.ask, asked(number)) for number in (2, 3, 4)}
        wait_until(lambda: len(combiner._queue) == len(others))
        answering.go.set()
        assert named(asked(1)) == first.result(10)
        assert [named(asked(2)), named(asked(4))] == [others[2].result(10), others[4].result(10)]
        with pytest.raises(ZeroDivisionError):
            others[3].result(10)
    assert named(asked(5)) == combiner.ask(asked(5))


def test_whoever_loses_patience_is_answered_by_nobody_and_holds_up_nobody() -> None:
    answering = Answering(held=True)
    combiner = Combiner(answering, patience=0.05)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(combiner.ask, asked(1))
        assert answering.begun.acquire(timeout=10)
        assert Unavailable() == pool.submit(combiner.ask, asked(2)).result(10)
        answering.go.set()
        assert named(asked(1)) == first.result(10)
    assert named(asked(3)) == combiner.ask(asked(3))
    assert [[1], [3]] == answering.batches


def test_a_leader_that_gave_up_as_it_was_named_still_leads() -> None:
    """The hole of such designs: a lead handed to somebody who is gone, and everybody waits for ever."""
    combiner = Combiner(Answering())
    for number in range(300):
        answering = Answering()
        combiner = Combiner(answering, patience=0.0005)
        slow = threading.Event()

        def answer(batch: Sequence[ReleaseRequest], slow: threading.Event = slow) -> list[Outcome]:
            slow.wait(0.0005)
            return [named(each) for each in batch]

        combiner._answer = answer
        with ThreadPoolExecutor(4) as pool:
            found = [pool.submit(combiner.ask, asked(each)) for each in range(number, number + 4)]
            assert all(isinstance(each.result(10), Released | Unavailable) for each in found)
        combiner._patience = 10
        assert isinstance(combiner.ask(asked(9)), Released)


def test_a_leader_that_is_put_out_hands_over() -> None:
    answering = Answering(held=True)
    out = threading.Event()

    def answer(batch: Sequence[ReleaseRequest]) -> list[Outcome]:
        answering(batch)
        if not out.is_set():
            out.set()
            raise SystemExit
        return [Refused() for _ in batch]

    combiner = Combiner(answer)
    ended: list[BaseException] = []

    def ask_and_end() -> None:
        try:
            combiner.ask(asked(1))
        except SystemExit as error:
            ended.append(error)

    leader = threading.Thread(target=ask_and_end)
    leader.start()
    assert answering.begun.acquire(timeout=10)
    with ThreadPoolExecutor(1) as pool:
        follower = pool.submit(combiner.ask, asked(2))
        wait_until(lambda: len(combiner._queue) == 1)
        answering.go.set()
        assert Refused() == follower.result(10)
    leader.join(10)
    assert 1 == len(ended)


@pytest.mark.parametrize("threads", [2, 8, 32])
def test_under_load_everybody_gets_their_own(threads: int) -> None:
    answering = Answering()
    combiner = Combiner(answering)
    with ThreadPoolExecutor(threads) as pool:
        outcomes = list(pool.map(lambda number: combiner.ask(asked(number)), range(2000)))
    assert [named(asked(number)) for number in range(2000)] == outcomes
    assert sorted(range(2000)) == sorted(number for batch in answering.batches for number in batch)
    assert 1 == answering.most_at_once
