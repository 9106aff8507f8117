"""``gateway panel``: a file is stored, and a chair sees what is ready."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from gateway.panel import commands
from gateway.panel.errors import PanelMovedError
from gateway.wiring import Wiring
from tests.gateway.panel.stage import (
    NOW,
    add_family,
    agree,
    meeting,
    offer,
    panel_file,
    rows,
    withdraw,
)
from tests.support.agencies import onboard
from tests.support.rooms import environment


def run(wiring: Wiring, folder: Path, data: bytes) -> Result:
    file = folder / "panel.json"
    file.write_bytes(data)
    return CliRunner().invoke(commands.panel, ["import", str(file)], env=environment(wiring))


def test_a_file_is_stored(wiring: Wiring, tmp_path: Path) -> None:
    onboard(wiring, "camhs")
    agree(wiring, add_family(wiring, "EH-1"))
    result = run(wiring, tmp_path, panel_file(meeting(), offers=[offer()]))
    assert (0, "Stored 1 meetings and 1 offers.\n") == (result.exit_code, result.output)
    assert 1 == rows(wiring, "agenda_item")


def test_every_fault_is_printed_and_nothing_stored(wiring: Wiring, tmp_path: Path) -> None:
    """Pointer and reason; never the reference that somebody typed."""
    onboard(wiring, "camhs")
    result = run(wiring, tmp_path, panel_file(meeting(agenda=["CANARY"], members=["nobody"])))
    expected = (
        "/meetings/0/members/0: unknown_agency\n"
        "/meetings/0/agenda/0: unknown_case\n"
        "Error: The file has faults; nothing was stored.\n"
    )
    assert (1, expected) == (result.exit_code, result.output)
    assert 0 == rows(wiring, "panel_meeting")


def test_a_file_that_is_no_json_is_one_fault(wiring: Wiring, tmp_path: Path) -> None:
    result = run(wiring, tmp_path, b"ref;title\n")
    assert 1 == result.exit_code
    assert result.output.startswith("/: The body is not valid JSON")


def test_meetings_that_never_rest_are_told_plainly(
    wiring: Wiring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise PanelMovedError

    monkeypatch.setattr(commands, "import_panel_file", busy)
    result = run(wiring, tmp_path, panel_file())
    assert (1, "Error: Meetings are being changed elsewhere; try again.\n") == (
        result.exit_code,
        result.output,
    )


def agenda(wiring: Wiring) -> str:
    result = CliRunner().invoke(commands.panel, ["agenda"], env=environment(wiring))
    assert 0 == result.exit_code, result.output
    return result.output


def test_a_chair_sees_what_is_ready_by_its_place_in_the_file(wiring: Wiring, tmp_path: Path) -> None:
    """The second case is withdrawn: it stays in its place, with one word and no reason."""
    onboard(wiring, "camhs")
    sources = ["EH-3", "EH-1", "EH-2", "EH-6", "EH-5", "EH-4"]  # so many that ids in order are no accident
    families = {source: add_family(wiring, source) for source in sources}
    for family in families.values():
        agree(wiring, family)
    run(wiring, tmp_path, panel_file(meeting(agenda=sources)))
    with wiring.engine.connect() as connection:
        listed = connection.execute(text("SELECT family_id FROM gateway.agenda_item ORDER BY position"))
        assert list(families.values()) == list(listed.scalars())

    def expected(*words: str) -> str:
        lines = [f"  {place}: {word}\n" for place, word in enumerate(words, start=1)]
        return f"{NOW.date().isoformat()} M-1 North panel\n" + "".join(lines)

    assert expected(*["ready"] * 6) == agenda(wiring)
    withdraw(wiring, families["EH-1"])
    assert expected("ready", "not ready", *["ready"] * 4) == agenda(wiring)


def test_a_meeting_that_is_over_is_not_printed(wiring: Wiring, tmp_path: Path) -> None:
    onboard(wiring, "camhs")
    agree(wiring, add_family(wiring, "EH-1"))
    run(wiring, tmp_path, panel_file(meeting(held_on="2020-01-06")))
    assert "" == agenda(wiring)
