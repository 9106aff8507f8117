"""The operator's view of what waits."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from gateway.tasks.commands import task
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import open_tasks, raise_task
from gateway.wiring import Wiring
from tests.support.rooms import environment


def run(arguments: Sequence[str], *, wiring: Wiring) -> Result:
    return CliRunner().invoke(task, arguments, env=environment(wiring))


@pytest.fixture(autouse=True)
def waiting(wiring: Wiring) -> None:
    with wiring.engine.begin() as connection:
        raise_task(
            connection,
            kind=TaskKind.PULLING_FAMILY,
            due=datetime(2026, 10, 5, 9, 0, tzinfo=UTC),
            about="ag_1",
            ref=UUID(int=7),
            facts={"practitioner": "p-1", "count": 20},
        )
        raise_task(
            connection,
            kind=TaskKind.CERTIFICATE_EXPIRING,
            due=datetime(2026, 6, 30, 23, 30, tzinfo=UTC),
            about="thumb",
        )


def test_tasks_are_listed_by_the_day_they_are_due_in_london(wiring: Wiring) -> None:
    expected = (
        "2\t2026-07-01\tcertificate.expiring\tthumb\t\t\n"
        f"1\t2026-10-05\tpulling.family\tag_1\t{UUID(int=7)}\tcount=20 practitioner=p-1\n"
    )
    assert expected == run(["list"], wiring=wiring).output


def test_a_role_lists_its_own(wiring: Wiring) -> None:
    result = run(["list", "--role", "operator"], wiring=wiring)
    assert ["2"] == [line.split("\t")[0] for line in result.output.splitlines()]


def test_an_unknown_role_is_refused_with_the_known_ones(wiring: Wiring) -> None:
    result = run(["list", "--role", "boss"], wiring=wiring)
    assert 2 == result.exit_code
    assert "data protection officer" in result.output


def test_a_task_is_done_by_whoever_says_so(wiring: Wiring) -> None:
    assert "Done.\n" == run(["done", "1"], wiring=wiring).output
    with wiring.engine.connect() as connection:
        assert [2] == [each.id for each in open_tasks(connection)]
        done_by = connection.exec_driver_sql(
            "SELECT done_by FROM gateway.task WHERE task_id = 1"
        ).scalar_one()
    assert done_by.startswith("cli:")


@pytest.mark.parametrize("number", ["1", "99", str(2**63 - 1)])
def test_what_is_not_open_cannot_be_done(wiring: Wiring, number: str) -> None:
    run(["done", "1"], wiring=wiring)
    result = run(["done", number], wiring=wiring)
    assert (1, "Error: There is no such open task.\n") == (result.exit_code, result.output)


@pytest.mark.parametrize("number", ["0", "-1", "one", str(2**63)])
def test_a_number_that_cannot_be_one_is_refused(wiring: Wiring, number: str) -> None:
    result = run(["done", "--", number], wiring=wiring)
    assert 2 == result.exit_code
    assert isinstance(result.exception, SystemExit)
