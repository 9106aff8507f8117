"""Withdrawing by command, for when the case system is down."""

from collections.abc import Sequence

from click.testing import CliRunner, Result

from consent_registry.model import Granted, NotGranted, Reason
from gateway.consent.commands import consent
from tests.gateway.consent.conftest import Registry
from tests.support.rooms import environment


def run(registry: Registry, *arguments: str) -> Result:
    words: Sequence[str] = ["withdraw", *arguments]
    return CliRunner().invoke(consent, words, env=environment(registry.wiring))


def test_one_person_is_withdrawn(registry: Registry) -> None:
    registry.send(registry.give)
    registry.send(registry.give, person="P-BEN")
    result = run(registry, "EH-1001", "P-ADA", "--recorded-by", "c.worker")
    assert (0, 1) == (result.exit_code, result.output.count("withdrawn"))
    assert registry.answer() == NotGranted(Reason.WITHDRAWN)
    assert isinstance(registry.answer(person="P-BEN"), Granted)


def test_everyone_is_withdrawn_at_once(registry: Registry) -> None:
    registry.send(registry.give)
    registry.send(registry.give, person="P-BEN")
    result = run(registry, "EH-1001", "--everyone")
    assert (0, 4) == (result.exit_code, result.output.count("withdrawn"))
    assert len(registry.standings()) == 4
    assert all(standing.given is None for standing in registry.standings().values())


def test_one_agency_may_be_named(registry: Registry) -> None:
    registry.send(registry.give)
    assert run(registry, "EH-1001", "P-ADA", "--agency", "camhs").exit_code == 0
    assert registry.answer("camhs") == NotGranted(Reason.WITHDRAWN)
    assert isinstance(registry.answer("food-bank"), Granted)


def test_an_unknown_case_fails(registry: Registry) -> None:
    for who in ("P-ADA", "--everyone"):
        result = run(registry, "EH-9999", who)
        assert (1, "Error: There is no such case.\n") == (result.exit_code, result.output)


def test_an_unknown_person_or_agency_holds_and_says_so(registry: Registry) -> None:
    """A slip of the pen must not read as done, and must not leave open what somebody wanted closed."""
    registry.send(registry.give)
    for arguments in (["P-NOBODY"], ["P-ADA", "--agency", "cahms"]):
        result = run(registry, "EH-1001", *arguments)
        assert 0 == result.exit_code
        assert "held" in result.output
        assert "withdrawn" not in result.output
        assert NotGranted(Reason.HELD) == registry.answer()


def test_a_reference_that_cannot_be_one_is_a_fault(registry: Registry) -> None:
    assert 1 == run(registry, " ", "P-ADA").exit_code
    assert {} == registry.standings()


def test_nobody_or_everybody_has_to_be_named(registry: Registry) -> None:
    assert run(registry, "EH-1001").exit_code == 2
    assert run(registry, "EH-1001", "P-ADA", "--everyone").exit_code == 2


def test_there_is_no_command_that_gives() -> None:
    """Giving needs a signed-in member of staff."""
    assert [] == sorted(consent.commands.keys() - {"explain", "receipt", "withdraw"})
