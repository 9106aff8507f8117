"""Break the pure rules of consent and redaction, one place at a time, and count how many breaks a test notices: ``make mutation``.

The modules and the tests are named in ``pyproject.toml`` ([tool.mutmut]). Prints every break that nothing noticed, and
the score; ends with 1 under ``LEAST``.

INVARIANT: every run begins from nothing. mutmut keeps what it found of a break although the tests changed since.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

LEAST = 0.90
NOTICED = frozenset({"killed", "timeout", "segfault", "caught by type check"})
ROOT = Path(__file__).resolve().parent.parent
MUTMUT = str(Path(sys.executable).with_name("mutmut"))
_RESULT = re.compile(r"^\s*(?P<name>\S+): (?P<outcome>.+)$", re.MULTILINE)


def main() -> int:
    """Run every mutant, show the survivors, and tell the score."""
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    subprocess.run([MUTMUT, "run"], cwd=ROOT, check=True)
    listed = subprocess.run(
        [MUTMUT, "results", "--all", "true"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    outcomes = {each["name"]: each["outcome"].strip() for each in _RESULT.finditer(listed)}
    for name, outcome in sorted(outcomes.items()):
        if outcome not in NOTICED:
            shown = subprocess.run(
                [MUTMUT, "show", name], cwd=ROOT, check=False, capture_output=True, text=True
            ).stdout
            changed = [line for line in shown.splitlines() if re.match(r"[-+](?![-+])", line)]
            sys.stdout.write("\n".join([f"{outcome}: {name}", *changed]) + "\n")
    return _tell(Counter(outcomes.values()))


def _tell(counted: Counter[str]) -> int:
    """Print the score; 1 under ``LEAST``, or when nothing was broken at all."""
    noticed = sum(count for outcome, count in counted.items() if outcome in NOTICED)
    total = counted.total()
    score = noticed / total if total else 0.0
    sys.stdout.write(f"mutation score: {noticed} of {total}, {score:.1%}\n")
    return 0 if score >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
