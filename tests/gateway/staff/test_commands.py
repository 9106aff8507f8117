"""The operator's view of who may act."""

from click.testing import CliRunner, Result

from gateway.staff.commands import staff
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
