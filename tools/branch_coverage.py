"""Run the suite under coverage.py, print the files it covers least, leave the total for ``make metrics``.

Invariants:
- What is measured, and how, stands in ``[tool.coverage]`` of ``pyproject.toml``; processes the tests start count too.
- The total of a run that failed is not left: a test that stopped early covers less than the suite does.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

from tests.support.measures import leave

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "coverage"
LEAST_COVERED = 10


class Summary(TypedDict):
    """Counts of one file or of all, in the words of coverage.py's JSON report."""

    percent_covered: float
    num_branches: int
    covered_branches: int
    missing_branches: int


class File(TypedDict):
    """One file of the report; a missing branch is the pair of lines it would go from and to."""

    summary: Summary
    missing_branches: list[tuple[int, int]]


class Report(TypedDict):
    """What is read of coverage.py's JSON report."""

    files: dict[str, File]
    totals: Summary


def main() -> int:
    """Run, print and leave the figure; return the exit status of the suite."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    status = coverage("run", "-m", "pytest", "-m", "not long")
    coverage("combine", "--quiet")
    coverage("json", "--quiet")
    report: Report = json.loads((FOLDER / "report.json").read_text(encoding="utf-8"))
    for line in least_covered(report["files"]):
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"branch coverage: {total(report['totals'])}\n")
    if status == 0:
        leave({"branch_coverage": total(report["totals"])})
    return status


def coverage(*arguments: str) -> int:
    """Run coverage.py in the root of the tree; return its exit status."""
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False).returncode


def least_covered(files: dict[str, File]) -> list[str]:
    """Return a line for each of the files with the most branches not taken: how many, and from where to where."""
    ranked = sorted(files.items(), key=lambda each: -each[1]["summary"]["missing_branches"])
    return [
        f"{name}: {file['summary']['missing_branches']} of {file['summary']['num_branches']} not taken: "
        + ", ".join(f"{start}->{'exit' if end < 0 else end}" for start, end in file["missing_branches"])
        for name, file in ranked[:LEAST_COVERED]
        if file["summary"]["missing_branches"]
    ]


def total(counted: Summary) -> str:
    """Return the figure: the share of branches taken, and of lines and branches together."""
    branches = counted["num_branches"]
    share = 100 * counted["covered_branches"] / branches
    return f"{share:.1f} % of {branches:,} branches ({counted['percent_covered']:.1f} % with the lines)"


if __name__ == "__main__":
    sys.exit(main())
