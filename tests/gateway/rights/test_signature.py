"""Whoever has the file and the council's key can tell, with our program or with OpenSSL alone, whether it was changed."""

import base64
import hashlib
import shutil
import subprocess
import warnings
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Final

import pytest

from extract_client.cli import main
from extract_client.errors import NoteError
from extract_client.log.canonical import Canonical
from extract_client.log.note import NoteSigner, VerifierKey, read_key, sign_note
from extract_client.log.statement import check_code, open_statement, statement_text
from gateway.disclosure_log.statement import create_statement_key, openssl_commands, statement_key
from gateway.wiring import Wiring
from tests.gateway.rights.scene import MUM, address, file_of, released, text_of, with_key, worker, world_of
from tests.support.pages import Somebody
from tests.support.prepared import made_once
from tests.support.world import World

OPENSSL: Final = shutil.which("openssl")
BODY: Final[Mapping[str, Canonical]] = {
    "about": "you",
    "lines": [{"n": 1, "what": "Täst"}],
    "made_on": "2026-11-28",
}
SAMPLE: Final = 24
"""Bytes of a note that OpenSSL is tried with; our program is tried with every one."""


@pytest.fixture
def signed(tmp_path: Path) -> tuple[bytes, VerifierKey]:
    """A small statement, signed, and the key it is checked with."""
    file = tmp_path / "key"
    vkey = create_statement_key(file, origin="gateway.test/log/1")
    signer = NoteSigner("gateway.test/log/1/statement", read_key(file))
    return sign_note(statement_text(BODY), [signer]).encode(), VerifierKey.parse(vkey)


def needs_openssl() -> None:
    if OPENSSL is None:
        message = "OPENSSL IS NOT HERE: THE COMMANDS THAT THE PAPER PRINTS WERE NOT TRIED"
        warnings.warn(message, stacklevel=2)
        pytest.skip(message)


def run_printed(commands: str, note: bytes, folder: Path) -> subprocess.CompletedProcess[str]:
    """The very commands of a paper, in a new folder that holds the file."""
    folder.mkdir()
    (folder / "statement.txt").write_bytes(note)
    return subprocess.run(  # noqa: S603 - our own words
        ["/bin/sh", "-e", "-c", commands],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=30,
    )


def holds(result: subprocess.CompletedProcess[str]) -> bool:
    """What somebody who runs them sees: nothing stopped, nothing differs, and OpenSSL says that it verified."""
    return result.returncode == 0 and "Signature Verified Successfully" in result.stdout


def changed(note: bytes, at: int) -> bytes:
    return note[:at] + bytes([note[at] ^ 1]) + note[at + 1 :]


def printed(page: str) -> str:
    block = page.partition('<pre id="openssl">')[2].partition("</pre>")[0]
    return unescape(block)


def prepare(wiring: Wiring) -> World:
    made = world_of(with_key(wiring, wiring.settings.kek_file.parent))
    made.give("EH-1", MUM)
    released(made, "camhs")
    return made


prepared, database, wiring, world = made_once(prepare)


@pytest.fixture
def ada(world: World) -> Somebody:
    return worker(world)


def test_the_partners_program_finds_it_signed_and_says_what_it_says(
    world: World, ada: Somebody, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, note = tmp_path / "statement.txt", file_of(world, ada)
    file.write_bytes(note)
    assert 0 == main(["statement", "verify", str(file), "--key", str(statement_key(world.wiring.settings))])
    said = capsys.readouterr().out
    assert check_code(text_of(note)) in said
    assert "The camhs It got information about you." in said


def test_the_code_on_the_paper_is_that_of_the_file(world: World, ada: Somebody) -> None:
    note = file_of(world, ada)
    digest = hashlib.sha256(text_of(note).encode()).digest()
    digits = base64.b32encode(digest).decode()[:16]
    assert f"{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}" in ada.get(address(world))


def test_the_printed_commands_find_it_signed(world: World, ada: Somebody, tmp_path: Path) -> None:
    needs_openssl()
    note = file_of(world, ada)
    result = run_printed(printed(ada.get(address(world))), note, tmp_path / "check")
    assert holds(result), result.stderr
    assert result.stdout.splitlines()[-1] == check_code(text_of(note)).replace("-", "")


def test_our_program_finds_a_change_of_any_byte(signed: tuple[bytes, VerifierKey]) -> None:
    note, key = signed
    open_statement(note, key=key)
    for at in range(len(note)):
        with pytest.raises(NoteError):
            open_statement(changed(note, at), key=key)


def test_the_printed_commands_find_a_change_of_any_byte(
    signed: tuple[bytes, VerifierKey], tmp_path: Path
) -> None:
    """The first and last bytes, every byte around the parts of the signature's line, and others between."""
    needs_openssl()
    note, key = signed
    commands = "\n".join(openssl_commands(key))
    assert holds(run_printed(commands, note, tmp_path / "whole"))
    line = note.rindex(b"\n\n")
    chosen = {0, 1, *range(line - 2, line + 12), *range(len(note) - 4, len(note))}
    for at in sorted({*chosen, *range(2, len(note), len(note) // SAMPLE)}):
        assert not holds(run_printed(commands, changed(note, at), tmp_path / str(at))), at


@pytest.mark.parametrize("more", [b"x", b"\n", "— other AAAAAAAAAAAA\n".encode(), b"\n\n"])
def test_what_is_added_is_found(signed: tuple[bytes, VerifierKey], more: bytes, tmp_path: Path) -> None:
    note, key = signed
    with pytest.raises(NoteError):
        open_statement(note + more, key=key)
    needs_openssl()
    assert not holds(run_printed("\n".join(openssl_commands(key)), note + more, tmp_path / "more"))


def test_another_councils_key_did_not_sign_it(signed: tuple[bytes, VerifierKey], tmp_path: Path) -> None:
    note, _ = signed
    other = VerifierKey.parse(create_statement_key(tmp_path / "other", origin="gateway.test/log/1"))
    with pytest.raises(NoteError):
        open_statement(note, key=other)


def test_what_is_no_statement_is_refused_though_its_signature_holds(tmp_path: Path) -> None:
    """Whatever else the key may once have signed passes for no statement; nor does another writing of one."""
    file = tmp_path / "key"
    key = VerifierKey.parse(create_statement_key(file, origin="a.test"))
    signer = NoteSigner(key.name, read_key(file))
    text = statement_text(BODY)
    for other in ("hello\n", text.replace(":", ": "), text.replace("version 1", "version 2"), text + "{}\n"):
        with pytest.raises(NoteError):
            open_statement(sign_note(other, [signer]), key=key)


def test_the_program_says_in_one_sentence_what_is_wrong(
    signed: tuple[bytes, VerifierKey], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note, key = signed
    file = tmp_path / "statement.txt"
    file.write_bytes(changed(note, 30))
    for words in ([str(file), "--key", str(key)], [str(file), "--key", "x"], ["nowhere", "--key", str(key)]):
        assert 1 == main(["statement", "verify", *words])
        assert 1 == len(capsys.readouterr().err.splitlines())
