"""The figures a run leaves for ``make metrics``.

INVARIANT: a figure replaces the one of the same name and no other; whoever reads meanwhile finds the old file or
the new one, never half of one.
"""

import json
import os
from pathlib import Path

MEASURES = Path(__file__).resolve().parents[2] / "build" / "measures.json"
"""Where ``tools/metrics.py`` looks: a flat object of figure name to text or number."""


def measures(file: Path = MEASURES) -> dict[str, str | int]:
    """Return what runs have left so far; nothing before the first."""
    if not file.is_file():
        return {}
    left: dict[str, str | int] = json.loads(file.read_text(encoding="utf-8"))
    return left


def leave(figures: dict[str, str | int], *, file: Path = MEASURES) -> None:
    """Put the figures beside those that other runs left."""
    file.parent.mkdir(exist_ok=True)
    text = json.dumps(measures(file) | figures, indent=1, sort_keys=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(file)
