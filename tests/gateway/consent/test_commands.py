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


def test_an_unknown_case_or_person_fails_alike(registry: Registry) -> None:
    results = [
        run(registry, "EH-9999", "P-ADA"),
        run(registry, "EH-1001", "P-NOBODY"),
        run(registry, "EH-9999", "--everyone"),
    ]
    expected = (1, "Error: There is no such person in such a case.\n")
    assert [expected] * 3 == [(result.exit_code, result.output) for result in results]


def test_a_fault_is_told_in_its_place(registry: Registry) -> None:
    for who in ("P-ADA", "--everyone"):
        result = run(registry, "EH-1001", who, "--agency", "cahms")
        assert result.exit_code == 1
        assert "/agencies/0" in result.output
        assert run(registry, " ", who).exit_code == 1
    assert registry.standings() == {}


def test_nobody_or_everybody_has_to_be_named(registry: Registry) -> None:
    assert run(registry, "EH-1001").exit_code == 2
    assert run(registry, "EH-1001", "P-ADA", "--everyone").exit_code == 2


def test_there_is_no_command_that_gives() -> None:
    """Giving needs a signed-in member of staff."""
    assert list(consent.commands) == ["withdraw"]
