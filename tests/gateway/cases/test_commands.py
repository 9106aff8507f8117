"""``gateway case``: what the operator sees and what the exit status says."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cases.schemas import read_family, read_file
from gateway.cli import gateway
from gateway.settings import environ_of
from gateway.wiring import Wiring
from tests.gateway.cases.documents import TODAY, family, file_of


@pytest.fixture
def environment(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    """The settings of ``wiring``, as an operator gives them."""
    for name, value in environ_of(wiring.settings).items():
        monkeypatch.setenv(name, value)
    return wiring


def run(*arguments: str) -> Result:
    return CliRunner().invoke(gateway, ["case", *arguments])


def write(folder: Path, data: bytes) -> str:
    (folder / "families.json").write_bytes(data)
    return str(folder / "families.json")


def test_the_template_is_a_valid_file() -> None:
    (raw,) = read_file(run("template").stdout.encode())
    assert read_family(raw, today=TODAY, synthetic=False).source_ref == "EH-0001"


@pytest.mark.usefixtures("environment")
def test_an_import_reports_every_family(tmp_path: Path) -> None:
    result = run("import", write(tmp_path, file_of(family(), family("EH-1002"))))
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        ["/families/0: imported", "/families/1: imported", "2 imported, 0 replaced, 0 refused"],
    )


@pytest.mark.usefixtures("environment")
def test_a_refused_family_fails_the_command_and_shows_no_value(tmp_path: Path) -> None:
    """A nightly job must notice; its log must not learn a name."""
    raw = family()
    raw["items"][0]["value"]["type"] = "CANARY"
    result = run("import", write(tmp_path, file_of(raw)))
    assert result.exit_code == 1
    assert "  /families/0/items/0/value/type: is not in the closed list of codes" in result.stdout
    assert "CANARY" not in result.output


@pytest.mark.usefixtures("environment")
def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    result = run("import", write(tmp_path, json.dumps({"CANARY": 1}).encode()))
    assert result.exit_code == 1
    assert "must be an object with the members format and families" in result.output
    assert "CANARY" not in result.output
