"""A figure in ``make metrics`` is what the last run measured, not what another run overwrote."""

from pathlib import Path

from tests.support.measures import leave, measures


def test_a_figure_replaces_its_namesake_and_no_other(tmp_path: Path) -> None:
    """The suite, its coverage and the mutants run at different times and leave their figures in one file."""
    file = tmp_path / "build" / "measures.json"
    assert {} == measures(file)
    leave({"path_modules": 17, "mutation_score": "29 of 30"}, file=file)
    leave({"mutation_score": "30 of 30"}, file=file)
    assert {"path_modules": 17, "mutation_score": "30 of 30"} == measures(file)
    assert [file] == list(file.parent.iterdir())
