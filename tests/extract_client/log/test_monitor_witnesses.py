"""What a monitor makes of the witnesses: whether they saw the same log, and when."""

import json
from pathlib import Path

import pytest

from extract_client.log.lateness import quorum_time
from tests.extract_client.log.simulated import (
    NOON,
    SimulatedLog,
    SimulatedWitness,
    body,
    policy_of,
)
from tests.extract_client.log.watching import NOW, Watch


@pytest.fixture
def witnessed(tmp_path: Path) -> tuple[Watch, SimulatedWitness, SimulatedWitness]:
    log, ada, bob = SimulatedLog.of(5), SimulatedWitness("ada"), SimulatedWitness("bob")
    return Watch(tmp_path / "state", log, policy=policy_of(log, [ada, bob], quorum=2)), ada, bob


def cosigned(log: SimulatedLog, witness: SimulatedWitness, *, size: int, time: int = NOW) -> bytes:
    return (log.note(size) + witness.line(log.head(size), time=time)).encode()


Witnesses = tuple[Watch, SimulatedWitness, SimulatedWitness]


@pytest.mark.parametrize("size", [3, 5, 7])
def test_a_witness_of_the_same_history_is_compared(witnessed: Witnesses, size: int) -> None:
    """One that is ahead, too: the log shows what enough witnesses saw, and serves what it published."""
    watch, ada, _ = witnessed
    watch.log.grow(2)
    watch.log.published = 5
    watch.shown["ada"] = cosigned(watch.log, ada, size=size)
    found = watch.round()
    assert (("ada",), 1) == (found.compared, len(found.warnings))  # bob cannot be reached


@pytest.mark.parametrize("size", [3, 5, 7])
def test_a_witness_of_another_history_shows_two_faced_log(witnessed: Witnesses, size: int) -> None:
    watch, ada, _ = witnessed
    other = SimulatedLog([body() for _ in range(size)], key=watch.log.key)
    watch.shown["ada"] = cosigned(other, ada, size=size)
    evidence = watch.contradiction().evidence
    assert evidence is not None
    assert watch.shown["ada"] == (evidence / "ada.checkpoint").read_bytes()
    assert watch.log.checkpoint() == (evidence / "the-log.checkpoint").read_bytes()


@pytest.mark.parametrize("shown", [None, b"", b"not a note", "stranger"])
def test_a_witness_that_shows_nothing_of_the_log_is_a_warning(
    witnessed: Witnesses, shown: bytes | str | None
) -> None:
    """Whoever runs a witness must not be able to accuse the log with a note that it did not sign."""
    watch, ada, bob = witnessed
    stranger = SimulatedLog.of(5)
    watch.shown["ada"] = cosigned(stranger, ada, size=5) if isinstance(shown, str) else shown
    watch.shown["bob"] = cosigned(watch.log, bob, size=5)
    found = watch.round()
    assert (("bob",), 1) == (found.compared, len(found.warnings))


LATE = {  # time of the witnesses before the entry (None: none saw the log), of the entry, after it
    "in time": (NOON, NOON, NOON + 60, False),
    "a clock two minutes behind": (NOON + 120, NOON, NOON + 240, False),
    "a clock two minutes ahead": (NOON - 600, NOON, NOON - 120, False),
    "back-dated": (NOON + 180, NOON, NOON + 240, True),
    "dated ahead": (NOON - 600, NOON, NOON - 180, True),
    "nobody saw the log before": (None, NOON - 86_400, NOON, False),
    "dated ahead, nobody saw the log before": (None, NOON, NOON - 180, True),
}


@pytest.mark.parametrize("name", LATE)
def test_an_entrys_time_is_held_against_the_witnesses(witnessed: Witnesses, name: str) -> None:
    watch, ada, bob = witnessed
    before, minute, after, late = LATE[name]
    watch.log.bodies.clear()
    watch.log.grow(0 if before is None else 3, minute=(before or 0) // 60 * 60)
    if before is not None:
        for witness in (ada, bob):
            watch.shown[witness.name] = cosigned(watch.log, witness, size=3, time=before)
        assert () == watch.round().late
    size = len(watch.log.bodies)
    watch.log.grow(1, minute=minute)
    watch.shown["ada"] = cosigned(watch.log, ada, size=size + 1, time=after - 30)
    assert () == watch.round().late  # one of two witnesses is no measure
    watch.shown["bob"] = cosigned(watch.log, bob, size=size + 1, time=after)
    assert ((size,) if late else ()) == watch.round().late
    assert () == watch.round().late  # told once
    assert [size] * late == json.loads((watch.folder / "state.json").read_text())["late"]


def test_the_latest_word_of_a_quorum_is_the_measure(witnessed: Witnesses) -> None:
    """A witness that signs the same tree again says that it has still not grown; an old note takes nothing back."""
    watch, ada, bob = witnessed
    for moment in (NOW, NOW + 600, NOW + 300):
        for witness in (ada, bob):
            watch.shown[witness.name] = cosigned(watch.log, witness, size=5, time=moment)
        assert () == watch.round().late
    watch.log.grow(1, minute=NOON + 420)
    for witness in (ada, bob):
        watch.shown[witness.name] = cosigned(watch.log, witness, size=6, time=NOW + 660)
    assert (5,) == watch.round().late


def test_a_quorum_over_entries_that_are_not_shown_yet_waits(witnessed: Witnesses) -> None:
    watch, ada, bob = witnessed
    watch.log.grow(2, minute=NOON - 3600)
    watch.log.published = 5
    for witness in (ada, bob):
        watch.shown[witness.name] = cosigned(watch.log, witness, size=7, time=NOON)
    assert (5, ()) == ((found := watch.round()).size, found.late)
    watch.log.published = None
    assert (7, ()) == ((found := watch.round()).size, found.late)


@pytest.mark.parametrize(
    ("quorum", "times", "expected"),
    [
        (1, {"late": 9, "early": 3, "middle": 5}, 3),
        (2, {"late": 9, "early": 3, "middle": 5}, 5),
        (3, {"late": 9, "early": 3, "middle": 5}, 9),
        (3, {"late": 9, "early": 3}, None),
        (0, {}, None),
    ],
)
def test_a_quorum_is_met_when_the_last_needed_witness_signed(
    quorum: int, times: dict[str, int], expected: int | None
) -> None:
    assert expected == quorum_time(lambda names: len(names) >= quorum, times)


def test_cosignatures_that_the_log_shows_are_a_measure_too(witnessed: Witnesses) -> None:
    watch, ada, bob = witnessed
    watch.log.lines = [each.line(watch.log.head(), time=NOON - 180) for each in (ada, bob)]
    assert (0, 1, 2, 3, 4) == watch.round().late
