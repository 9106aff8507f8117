"""The operator's view of who may act."""

import pytest
from click.testing import CliRunner, Result

from gateway.staff import service
from gateway.staff.commands import staff
from gateway.staff.model import Belonging
from gateway.wiring import Wiring
from tests.support.rooms import environment


def run(*arguments: str, wiring: Wiring) -> Result:
    return CliRunner().invoke(staff, arguments, env=environment(wiring))


def test_an_account_is_sealed_and_opened_again_by_whoever_invites(wiring: Wiring) -> None:
    for more, state in ((["--break-glass"], "sealed"), ([], "active")):
        invited = run("invite", "ada", "--role", "operator", *more, wiring=wiring)
        assert 0 == invited.exit_code
        assert f"ada\t{state}\toperator\n" == run("list", wiring=wiring).output
    assert 0 == run("disable", "ada", wiring=wiring).exit_code
    assert "ada\tleft\toperator\n" == run("list", wiring=wiring).output


def test_the_operator_sees_and_ends_sessions(wiring: Wiring) -> None:
    run("invite", "ada", "--role", "operator", "--team", "north", wiring=wiring)
    first = service.sign_in_by_click(wiring, "ada")
    listed = run("sessions", "ada", wiring=wiring).output.splitlines()
    assert [True] == [line.endswith("\tdemo") for line in listed]
    assert service.admit(wiring, first) is not None
    assert "Ended." in run("sessions", "ada", "--end", wiring=wiring).output
    assert service.admit(wiring, first) is None
    again = service.admit(wiring, service.sign_in_by_click(wiring, "ada"))
    assert again is not None
    assert Belonging(team="north") == again.belonging
    assert 1 == run("sessions", "nobody", wiring=wiring).exit_code


@pytest.mark.parametrize(
    "arguments",
    [
        ["ada", "--role", "desk user"],
        ["ada", "--role", "operator", "--team", "No Team"],
        ["A", "--role", "operator"],
    ],
)
def test_what_cannot_be_is_not_invited(wiring: Wiring, arguments: list[str]) -> None:
    assert 1 == run("invite", *arguments, wiring=wiring).exit_code
    assert "" == run("list", wiring=wiring).output
