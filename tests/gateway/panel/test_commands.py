"""``gateway panel import``."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.panel import commands
from gateway.panel.errors import PanelMovedError
from gateway.wiring import Wiring
from tests.gateway.panel.stage import add_family, agree, meeting, offer, panel_file, rows
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
