"""What a monitor notices of a log that signs whatever suits it, and that a monitor can be killed at any moment."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from extract_client.errors import (
    ConfigurationError,
    NotAvailableError,
    NoteError,
    UnreachableError,
)
from extract_client.log.monitor import Round
from tests.extract_client.log.simulated import (
    NOON,
    SimulatedLog,
    body,
)
from tests.extract_client.log.watching import NOW, Watch


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("sizes", [(0, 1, 1, 2), (255, 256, 257), (5, 600, 601), (256, 512, 1300)])
def test_an_honest_log_passes_round_after_round(tmp_path: Path, sizes: tuple[int, ...], mirror: bool) -> None:
    log = SimulatedLog()
    watch = Watch(tmp_path, log)
    for size in sizes:
        before = len(log.bodies)
        log.grow(size - before)
        assert Round(size, size - before, (), 0, (), ()) == watch.round(mirror=mirror)


def test_a_long_log_passes_through_tiles_of_the_second_level(tmp_path: Path) -> None:
    log = SimulatedLog.of(65_536 + 300)
    log.tree = log.reader()
    log.published = 65_530
    watch = Watch(tmp_path, log)
    watch.round()
    log.published = None
    assert 306 == watch.round().read
    # A full tile beside the edge: no proof of a root leads through it, and other readers need it all the same.
    tile = log.resource("tile/1/000")
    log.altered["tile/1/000"] = tile[:32] + tile[:32] + tile[64:]
    assert "tiles of level 1" in str(watch.contradiction(everything=True))


def test_only_what_is_new_is_read(watch: Watch) -> None:
    watch.log.grow(600)
    watch.round()
    watch.log.grow(1)
    watch.log.asked.clear()
    watch.round()
    assert {"tile/entries/002.p/94"} == {path for path in watch.log.asked if "entries" in path}


def _edit(log: SimulatedLog) -> None:
    log.bodies[1] = body()


def _drop(log: SimulatedLog) -> None:
    del log.bodies[1]
    log.grow(3)


def _insert(log: SimulatedLog) -> None:
    log.bodies.insert(2, body())


def _reorder(log: SimulatedLog) -> None:
    log.bodies[0], log.bodies[3] = log.bodies[3], log.bodies[0]


def _back_date(log: SimulatedLog) -> None:
    log.bodies[4] = log.bodies[4].replace(str(NOON).encode(), str(NOON - 3600).encode())


def _restore(log: SimulatedLog) -> None:
    del log.bodies[3:]


def _restore_and_go_on(log: SimulatedLog) -> None:
    del log.bodies[3:]
    log.grow(9)


REWRITES = [_edit, _drop, _insert, _reorder, _back_date, _restore, _restore_and_go_on]


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("rewrite", REWRITES)
def test_a_signed_rewrite_is_noticed_and_both_notes_are_kept(
    watch: Watch, rewrite: Callable[[SimulatedLog], None], mirror: bool
) -> None:
    watch.round(mirror=mirror)
    before = watch.log.checkpoint()
    rewrite(watch.log)
    error = watch.contradiction(mirror=mirror)
    assert error.evidence is not None
    assert before == (error.evidence / "this-monitor.checkpoint").read_bytes()
    assert watch.log.checkpoint() == (error.evidence / "the-log.checkpoint").read_bytes()
    assert f"{error}\n" == (error.evidence / "finding.txt").read_text()


@pytest.mark.parametrize("rewrite", [_edit, _restore_and_go_on])
def test_a_mirror_shows_which_entries_were_rewritten(
    watch: Watch, rewrite: Callable[[SimulatedLog], None]
) -> None:
    watch.round(mirror=True)
    kept = watch.log.resource("tile/entries/000.p/5")
    rewrite(watch.log)
    evidence = watch.contradiction(mirror=True).evidence
    assert evidence is not None
    assert kept == (evidence / "mirror/tile/entries/000.p/5").read_bytes()
    assert (
        watch.log.resource("tile/entries/000.p/5") == (evidence / "fetched/tile/entries/000.p/5").read_bytes()
    )


def test_a_contradiction_leaves_the_saved_state_as_it_was(watch: Watch) -> None:
    """A monitor that moved on to the rewritten history would call the honest one a contradiction next."""
    watch.round()
    honest, state = list(watch.log.bodies), (watch.folder / "state.json").read_bytes()
    _edit(watch.log)
    first, second = watch.contradiction().evidence, watch.contradiction().evidence
    assert first is not None
    assert [f"{first.name}", f"{first.name}-2"] == sorted(path.name for path in first.parent.iterdir())
    assert second != first
    assert state == (watch.folder / "state.json").read_bytes()
    watch.log.bodies = [*honest, body()]
    assert 6 == watch.round().size


def test_an_older_checkpoint_over_an_unbroken_tree_is_no_contradiction(watch: Watch) -> None:
    """A gateway that starts to wait for witnesses shows an older checkpoint for a while."""
    watch.round()
    watch.log.published = 3
    found = watch.round()
    assert (5, 1) == (found.size, len(found.warnings))
    watch.log.published = None
    watch.log.grow(1)
    assert 6 == watch.round().size


ALTERED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "an entry": ("tile/entries/000.p/5", lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:]),
    "an entry too few": ("tile/entries/000.p/5", lambda data: data[: len(data) // 5 * 4]),
    "a cut-off bundle": ("tile/entries/000.p/5", lambda data: data[:-1]),
    "a hash": ("tile/0/000.p/5", lambda data: bytes([data[0] ^ 1]) + data[1:]),
    "a short tile": ("tile/0/000.p/5", lambda data: data[:-32]),
}


@pytest.mark.parametrize("name", ALTERED)
def test_what_is_served_must_be_what_was_signed(watch: Watch, name: str) -> None:
    path, alter = ALTERED[name]
    watch.log.altered[path] = alter(watch.log.resource(path))
    evidence = watch.contradiction().evidence
    assert evidence is not None
    assert watch.log.altered[path] == (evidence / "fetched" / path).read_bytes()


def test_an_upper_tile_must_fit_the_entries(watch: Watch) -> None:
    watch.log.grow(600)
    path = "tile/1/000.p/2"
    data = watch.log.resource(path)
    watch.log.altered[path] = data[32:] + data[:32]
    watch.contradiction()


def test_one_path_is_one_answer(watch: Watch) -> None:
    """A log that shows the tree to its proofs and other entries to their reader is found by the root that they make."""
    other = SimulatedLog.of(5)
    honest = watch.log.resource

    def two_faced(path: str) -> bytes:
        return (other.resource if "tile/entries/000.p/5" in watch.log.asked else honest)(path)

    def noted(path: str) -> bytes:
        watch.log.asked.append(path)
        return two_faced(path)

    watch.log.resource = noted  # type: ignore[method-assign]
    assert "entries that the log serves" in str(watch.contradiction())


def test_evidence_holds_what_is_not_proved_and_no_more(watch: Watch) -> None:
    """Else the evidence, and the monitor's memory, would grow with the log."""
    watch.log.grow(600)
    path = "tile/entries/002.p/93"
    watch.log.altered[path] = watch.log.resource(path)[:-1] + b"]"
    evidence = watch.contradiction().evidence
    assert evidence is not None
    kept = {file.name for file in (evidence / "fetched/tile/entries").rglob("*") if file.is_file()}
    assert {"93"} == kept


def test_a_part_that_is_missing_is_a_contradiction(watch: Watch) -> None:
    """A signed tree whose entries nobody can read is no log."""

    def missing(path: str) -> bytes:
        raise NotAvailableError(f"There is no {path}.", code="absent")

    watch.log.resource = missing  # type: ignore[method-assign]
    assert "does not serve tile/0/000.p/5" in str(watch.contradiction())


BROKEN = {
    "no whole minute": body(minute=NOON + 1),
    "another log's": body(l="00000000"),
    "longer": body(x=1),
    "another version": body(v=2),
    "not canonical": body()[:-1] + b" }",
    "a newline at its end": body() + b"\n",
    "no id": body(id="00000000-0000-0000-0000-000000000000"),
    "not JSON": b"entry",
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_entry_that_breaks_the_form_is_noticed(watch: Watch, name: str) -> None:
    watch.log.bodies.append(BROKEN[name])
    assert str(watch.contradiction()).startswith("Entry 5 ")


@pytest.mark.parametrize("verified", [0, 5])
def test_an_id_is_used_once(watch: Watch, verified: int) -> None:
    if verified:
        watch.round()
    watch.log.bodies.append(watch.log.bodies[2])
    assert "Entry 5 has the id of an earlier one." == str(watch.contradiction())


def test_everything_finds_what_a_rewritten_row_shows(watch: Watch) -> None:
    """Who has no signing key can still change an entry's row; only one who reads it again notices."""
    watch.round()
    watch.log.altered["tile/entries/000.p/5"] = watch.log.resource("tile/entries/000.p/5")[:-1] + b"]"
    assert 0 == watch.round().read
    found = watch.contradiction(everything=True)
    assert "The log does not serve entry 4 as it signed it." == str(found)


def test_everything_passes_an_honest_log(watch: Watch) -> None:
    watch.round()
    assert 5 == watch.round(everything=True).read


@pytest.mark.parametrize("note", ["stranger", "unsigned", "other origin"])
def test_a_checkpoint_that_is_not_the_logs_proves_nothing(watch: Watch, note: str) -> None:
    """It is no evidence against the log: anybody can make one."""
    stranger = SimulatedLog(watch.log.bodies)
    notes = {
        "stranger": stranger.checkpoint(),
        "unsigned": watch.log.head().text.encode() + b"\n",
        "other origin": watch.log.checkpoint().replace(b"gateway.test/log/1\n5", b"gateway.test/log/2\n5"),
    }
    watch.log.checkpoint = lambda: notes[note]  # type: ignore[method-assign]
    with pytest.raises(NoteError):
        watch.round()
    assert not (watch.folder / "evidence").exists()


@pytest.mark.parametrize("name", ["state.json", "entries"])
def test_a_damaged_state_is_said_plainly(watch: Watch, name: str) -> None:
    watch.round()
    watch.log.grow(1)
    (watch.folder / name).write_text("damaged")
    with pytest.raises(ConfigurationError):
        watch.round()


@pytest.mark.parametrize("before", [0, 300])
def test_a_round_that_breaks_off_is_made_up_for(watch: Watch, before: int) -> None:
    """The ids of entries that were read in vain are not those of earlier ones."""
    monitor = watch.monitor(mirror=True)
    if before:
        watch.log.grow(before)
        monitor.round(now=NOW)
    watch.log.grow(600)
    whole = watch.log.resource

    def breaks_off(path: str) -> bytes:
        if path == "tile/entries/002":
            raise UnreachableError("The gateway cannot be reached.")
        return whole(path)

    watch.log.resource = breaks_off  # type: ignore[method-assign]
    watch.log.grow(600)
    with pytest.raises(UnreachableError):
        monitor.round(now=NOW)
    watch.log.resource = whole  # type: ignore[method-assign]
    assert 1205 + before == monitor.round(now=NOW).size


KILLED = """
import sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.extract_client.log.simulated import SimulatedLog, body
from tests.extract_client.log.watching import Watch

log = SimulatedLog(key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
log.bodies = [line.encode() for line in Path(sys.argv[2]).read_text().splitlines()]
log.tree = log.reader()
watch = Watch(Path(sys.argv[1]), log)
print("ready", flush=True)
for size in range(100, len(log.bodies) + 1, 100):
    log.published = size
    watch.round(mirror=True)
"""


def test_a_monitor_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """At any moment: the state never counts on what is not on the disk."""
    log = SimulatedLog()
    log.grow(6000)
    bodies, state = tmp_path / "bodies", tmp_path / "state"
    bodies.write_text("\n".join(each.decode() for each in log.bodies))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    sizes = []
    for attempt in range(6):
        process = subprocess.Popen(  # noqa: S603 - this very interpreter
            [sys.executable, "-c", KILLED, str(state), str(bodies)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05 + 0.031 * attempt)
        process.send_signal(signal.SIGKILL)
        _, told = process.communicate()
        assert b"" == told, told.decode()
        if (state / "state.json").exists():
            sizes.append(json.loads((state / "state.json").read_text())["size"])
    assert sizes == sorted(sizes)
    assert sizes
