"""``gateway log key`` and ``gateway log publish``, as an operator runs them."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from extract_client.log.checkpoint import Checkpoint
from extract_client.log.note import NoteSigner, VerifierKey, open_note, read_key
from gateway import cli
from gateway.disclosure_log.mark import MarkFile
from gateway.disclosure_log.service import act
from gateway.settings import environ_of
from gateway.wiring import Wiring

ORIGIN = "gateway.example.org/log/1"


def run(*arguments: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli.gateway, ["log", *arguments], env=environ)


def test_a_key_is_made_once_and_its_verifier_key_printed(tmp_path: Path) -> None:
    file = tmp_path / "log.key"
    made = run("key", str(file), "--origin", ORIGIN)
    assert (0, 0o600) == (made.exit_code, stat.S_IMODE(file.stat().st_mode))
    assert NoteSigner(ORIGIN, read_key(file)).verifier == VerifierKey.parse(made.stdout.strip())
    before = file.read_bytes()
    assert run("key", str(file), "--origin", ORIGIN).exit_code != 0
    assert before == file.read_bytes()


def test_publishing_prints_the_checkpoint_of_everything_recorded(wiring: Wiring) -> None:
    with act(wiring) as change:
        change.record(kind="log.cover", actor="test")
    published = run("publish", environ=environ_of(wiring.settings))
    assert 0 == published.exit_code, published.output
    note = published.stdout[published.stdout.index(wiring.log.origin) :]
    opened = open_note(note, [signer.verifier for signer in wiring.log.signers])
    assert 1 == Checkpoint.parse(opened.text).size


@pytest.mark.parametrize("command", ["publish", "rotate-key"])
def test_a_log_that_went_back_is_not_published_and_one_sentence_says_why(
    wiring: Wiring, command: str
) -> None:
    MarkFile(wiring.settings.state_dir).advance(7, bytes(32))
    refused = run(command, environ=environ_of(wiring.settings))
    assert 1 == refused.exit_code
    assert "gateway log reconcile" in refused.stderr
    assert "Traceback" not in refused.output
