"""What a partner holds of the log, receipts and a mirror, and what a monitor makes of it."""

import json
from pathlib import Path

from extract_client.log.tiles import bundles_of, tiles_of
from tests.extract_client.log.simulated import body
from tests.extract_client.log.watching import NOW, Watch


def test_held_receipts_are_checked_against_the_newest_tree(watch: Watch, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.mkdir()
    extract = {"extract_id": "1", "record": {}}
    (held / "one.receipt").write_text(watch.log.receipt(extract))
    carried = {**extract, "receipt": watch.log.receipt(extract)}
    (held / "two.json").write_text(json.dumps(carried))
    watch.log.grow(300)
    monitor = watch.monitor(receipts=held)
    found = monitor.round(now=NOW)
    assert (2, ()) == (found.held, found.warnings)
    watch.log.asked.clear()
    assert 2 == monitor.round(now=NOW).held  # and what holds in one tree holds in all that continue it
    assert not any("entries" in path for path in watch.log.asked)


def test_a_receipt_from_before_the_monitor_finds_a_rewrite(watch: Watch, tmp_path: Path) -> None:
    """A monitor that starts after the rewrite has no state; whoever holds a receipt has something as good."""
    (tmp_path / "one.receipt").write_text(watch.log.receipt({}))
    watch.log.bodies[1] = body()
    evidence = watch.contradiction(receipts=tmp_path).evidence
    assert evidence is not None
    assert (evidence / "the-receipt-one.receipt.checkpoint").exists()


def test_a_receipt_whose_entry_is_no_longer_served_is_a_contradiction(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "one.receipt").write_text(watch.log.receipt({}))
    watch.round()
    path = "tile/entries/000.p/6"
    watch.log.altered[path] = watch.log.resource(path)[:-1] + b"]"
    assert "does not serve entry 5" in str(watch.contradiction(receipts=tmp_path))


def test_a_damaged_receipt_is_a_warning(watch: Watch, tmp_path: Path) -> None:
    receipt = watch.log.receipt({"a": 1})
    files = {
        "a.receipt": receipt[:-5],
        "b.receipt": "",
        "c.json": "{",
        "d.json": '{"a": 1}',
        "e.json": json.dumps({"a": 2, "receipt": receipt}),
        "f.txt": "no receipt, and not asked about",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = watch.round(receipts=tmp_path)
    assert (0, 5) == (found.held, len(found.warnings))


def test_the_mirror_is_the_whole_log_in_its_own_layout(watch: Watch) -> None:
    """So that the log can be refilled from it, and served by any C2SP reader."""
    for size in (5, 300, 300, 900):
        watch.log.grow(size - len(watch.log.bodies))
        watch.round(mirror=True)
    paths = (
        {bundle.path for bundle in bundles_of(900)} | {tile.path for tile in tiles_of(900)} | {"checkpoint"}
    )
    mirror = watch.folder / "mirror"
    assert paths == {str(path.relative_to(mirror)) for path in mirror.rglob("*") if path.is_file()}
    for path in paths - {"checkpoint"}:
        assert watch.log.resource(path) == (mirror / path).read_bytes()
    assert watch.log.checkpoint() == (mirror / "checkpoint").read_bytes()


def test_a_mirror_that_is_started_late_is_filled_from_the_start(watch: Watch) -> None:
    watch.log.grow(300)
    watch.round()
    assert 305 == watch.round(mirror=True).read
    assert 0 == watch.round(mirror=True).read
