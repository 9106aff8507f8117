"""The operator's commands about practitioners."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from agencies import repository
from agencies.model import AgencyCode
from agencies.practitioner_file import MAX_BYTES
from agencies.register import Practitioner, PractitionerPolicy
from gateway import database
from gateway.agency import service
from gateway.agency.commands import agency
from gateway.wiring import Wiring
from tests.support.agencies import onboard
from tests.support.rooms import environment
from tests.support.world import World

CODE = AgencyCode("camhs")
HEADER = "id,name,role,active_from,active_until\n"
LIST = HEADER + 'worker.one,"Worker One","worker",2020-01-01,\n'


def run(wiring: Wiring, arguments: Sequence[str]) -> Result:
    return CliRunner().invoke(agency, ["practitioner", *arguments], env=environment(wiring))


def register(wiring: Wiring) -> tuple[Practitioner, ...]:
    with wiring.engine.connect() as connection:
        return repository.practitioners(connection, CODE)


def test_an_imported_list_is_counted(wiring: Wiring, tmp_path: Path) -> None:
    """Four numbers, and no names: the operator sees whether it was the file they meant."""
    onboard(wiring, CODE)
    file = tmp_path / "list.csv"
    rows = [f"w{number},W,nurse,2020-01-01,\n" for number in range(5)]
    file.write_text(HEADER + "".join(rows), encoding="utf-8-sig")
    assert "5 added, 0 changed, 1 ended, 0 unchanged.\n" == run(wiring, ["import", CODE, str(file)]).output
    file.write_text(HEADER + "".join([*rows[:3], rows[3].replace("nurse", "lead")]), encoding="utf-8")
    assert "0 added, 1 changed, 1 ended, 3 unchanged.\n" == run(wiring, ["import", CODE, str(file)]).output
    assert "0 added, 0 changed, 0 ended, 4 unchanged.\n" == run(wiring, ["import", CODE, str(file)]).output


def test_what_list_prints_is_what_import_takes(wiring: Wiring, tmp_path: Path) -> None:
    """The file is the whole list, so whoever changes one row needs the others as they stand."""
    onboard(wiring, CODE)
    printed = run(wiring, ["list", CODE])
    assert LIST == printed.output
    file = tmp_path / "list.csv"
    file.write_bytes(printed.stdout_bytes)
    assert "0 added, 0 changed, 0 ended, 1 unchanged.\n" == run(wiring, ["import", CODE, str(file)]).output


def test_leavers_are_listed_when_asked_for(wiring: Wiring) -> None:
    onboard(wiring, CODE)
    assert "Ended.\n" == run(wiring, ["end", CODE, "worker.one"]).output
    assert HEADER == run(wiring, ["list", CODE]).output
    with wiring.engine.connect() as connection:
        today = repository.today(connection)
    assert f"{LIST[:-1]}{today}\n" == run(wiring, ["list", CODE, "--all"]).output


def test_ending_twice_succeeds(wiring: Wiring) -> None:
    onboard(wiring, CODE)
    run(wiring, ["end", CODE, "worker.one"])
    again = run(wiring, ["end", CODE, "worker.one"])
    assert (0, "This practitioner had ended before.\n") == (again.exit_code, again.output)


def test_a_confirmation_says_how_many_and_until_when(wiring: Wiring) -> None:
    onboard(wiring, CODE)
    with wiring.engine.connect() as connection:
        due = repository.today(connection) + timedelta(days=wiring.settings.attestation_days)
    expected = f"Practitioners confirmed: 1. Next confirmation due: {due}.\n"
    assert expected == run(wiring, ["attest", CODE, "--by", "Dr Obi"]).output
    with wiring.engine.connect() as connection:
        assert "Dr Obi" in {one.attested_by for one in repository.attestations(connection, CODE)}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["end", "nobody", "worker.one"], "There is no such agency.", id="end, no agency"),
        pytest.param(
            ["end", CODE, "worker.two"], "The agency's list has nobody of this id.", id="end, nobody"
        ),
        pytest.param(
            ["end", CODE, "\udcff"], "The agency's list has nobody of this id.", id="end, half a letter"
        ),
        pytest.param(["end", CODE, "a\0b"], "The agency's list has nobody of this id.", id="end, a null"),
        pytest.param(
            ["end", "\udcff", "a"], "There is no such agency.", id="end, half a letter as the agency"
        ),
        pytest.param(["list", "nobody"], "There is no such agency.", id="list, no agency"),
        pytest.param(["list", "nobody", "--all"], "There is no such agency.", id="list all, no agency"),
        pytest.param(["attest", "nobody", "--by", "A"], "There is no such agency.", id="attest, no agency"),
        pytest.param(
            ["attest", CODE, "--by", " "],
            "Whoever confirms a list is named in one line.",
            id="attest, nobody",
        ),
        pytest.param(["import", "nobody", "{file}"], "There is no such agency.", id="import, no agency"),
    ],
)
def test_wrong_input_is_one_sentence_and_changes_nothing(
    wiring: Wiring, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    onboard(wiring, CODE)
    before = register(wiring)
    file = tmp_path / "list.csv"
    file.write_text(HEADER, encoding="utf-8")
    result = run(wiring, [str(file) if part == "{file}" else part for part in arguments])
    assert (1, f"Error: {sentence}\n") == (result.exit_code, result.output)
    assert before == register(wiring)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "Row 1: the header's column 1 must be id.", id="an empty file"),
        pytest.param(b"\xff\xfe", "Row 1: this is not text in UTF-8.", id="no text"),
        pytest.param(
            f"{HEADER}b,Ben,nurse,1/2/2026,\n".encode(),
            "Row 2, column active_from: must be a date, for example 2026-10-01.",
            id="a date as Britons write it",
        ),
        pytest.param(b"\n" * (MAX_BYTES + 9), "The file is longer than 2000000 bytes.", id="too long"),
    ],
)
def test_a_faulty_file_changes_nothing(wiring: Wiring, tmp_path: Path, content: bytes, sentence: str) -> None:
    """Half a list imported would lock the other half out."""
    onboard(wiring, CODE)
    before = register(wiring)
    file = tmp_path / "list.csv"
    file.write_bytes(content)
    result = run(wiring, ["import", CODE, str(file)])
    assert (1, f"Error: {sentence}\n") == (result.exit_code, result.output)
    assert before == register(wiring)


def test_where_the_list_stops_nobody_it_is_said(wiring: Wiring, tmp_path: Path) -> None:
    """An agency that asserts its own people is not held to the list; an operator who ends one must know."""
    World(wiring).join(CODE, policy=PractitionerPolicy.ASSERTED)
    result = run(wiring, ["end", CODE, "camhs-1"])
    assert (0, "Ended.\n") == (result.exit_code, result.stdout)
    note = "Note: this agency asserts its practitioners itself; the list here stops nobody.\n"
    assert note == result.stderr
    file = tmp_path / "list.csv"
    file.write_text(HEADER, encoding="utf-8")
    assert note == run(wiring, ["import", CODE, str(file)]).stderr


def test_a_log_that_cannot_be_had_is_said_plainly(
    wiring: Wiring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list may let people in, so it waits for the log; and it must not be stored without its entry."""
    onboard(wiring, CODE)
    before = register(wiring)
    file = tmp_path / "list.csv"
    file.write_text(HEADER, encoding="utf-8")
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT_MS", 500)
    with wiring.engine.connect() as holder, holder.begin():
        holder.execute(
            text(
                "SELECT gateway.append('{}','{}','{}','{}','{}','{}','{}','{}', NULL, true),"
                " set_config('idle_in_transaction_session_timeout', '0', true)"
            )
        )
        result = run(wiring, ["import", CODE, str(file)])
    sentence = "Error: The log cannot be written; nothing was changed. Try again.\n"
    assert (1, sentence) == (result.exit_code, result.output)
    assert before == register(wiring)


def test_a_confirmation_covers_who_begins_later(wiring: Wiring) -> None:
    """Who begins next week begins without another confirmation."""
    onboard(wiring, CODE)
    people = [Practitioner("later", "L", "nurse", date(2999, 1, 1)), *register(wiring)]
    service.replace_practitioners(wiring, code=CODE, practitioners=people, actor="test")
    assert "confirmed: 2." in run(wiring, ["attest", CODE, "--by", "Dr Obi"]).output
