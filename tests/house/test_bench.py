"""The benches run to their end and draw every curve; how fast they find this machine is nobody's failure."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from bench.curves import Chart, Series

ROOT = Path(__file__).resolve().parents[2]
CURVES = (
    "one entry per call, per second",
    "entries per second, more per call",
    "append + sign + publish one entry, ms",
    "receipt, bytes",
    "inclusion proof, ms",
    "consistency proof, ms",
    "verify inclusion, us",
    "verify consistency, us",
    "inclusion proof, what it reads",
    "root from the frontier, us",
)


def test_what_grows_as_log_n_is_drawn_as_a_straight_line() -> None:
    """Whoever looks at the curve and does not read the figures must see the same."""
    chart = Chart("title", [10**3, 10**4, 10**5, 10**6], [Series("value", "*", [2, 4, 6, 8])])
    rows = [line for line in reversed(chart.lines()) if "|" in line]
    points = [(line.index("*"), row) for row, line in enumerate(rows) if "*" in line]
    steps = {(right - left, high - low) for (left, low), (right, high) in pairwise(points)}
    assert [2, 4, 6, 8] == [row for _, row in points]
    assert 1 == len(steps)


@pytest.mark.long
def test_the_log_is_measured_and_drawn(tmp_path: Path) -> None:
    """A bench that nobody runs stops working with the first function it calls that is renamed."""
    report = tmp_path / "log.json"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "bench/log.py", "--quick", "--json", report],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert [] == [title for title in CURVES if done.stdout.count(title) != 1]
    assert len(CURVES) == done.stdout.count("+----")
    points = json.loads(report.read_text("utf-8"))["points"]
    assert [20, 200, 2000] == [point["size"] for point in points]
    assert [] == [(point["size"], name) for point in points for name, value in point.items() if value <= 0]


@pytest.mark.long
def test_the_pages_of_staff_are_measured(tmp_path: Path) -> None:
    """Every page is asked for and answered: one that is gone ends the bench."""
    done = subprocess.run(  # noqa: S603 - our own program
        [
            sys.executable,
            *("-m", "bench.console", "--entries", "1000", "--families", "40"),
            *("--rounds", "1", "--out", tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    pages = json.loads((tmp_path / "console.json").read_text("utf-8"))["pages"]
    assert {"explorer", "page"} == {each["sort"] for each in pages.values()}
    assert all(0 < each["p50_ms"] <= each["p95_ms"] for each in pages.values())


def test_free_text_is_redacted_well_enough_to_go_out() -> None:
    """Below the least figures narrative would have to stay withheld."""
    done = subprocess.run(
        [sys.executable, "bench/redaction.py", "--sentences", "5000"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert 0 == done.returncode, done.stdout
    assert 4 == done.stdout.count("at least")
