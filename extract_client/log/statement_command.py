"""``extract-client statement verify``: whether the council really said what a family's paper says; offline.

It needs no account and no network: the file that the caseworker gave, and the council's statement key, which is
printed on the paper and published by the council.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from extract_client.errors import ConfigurationError, NoteError
from extract_client.log.note import VerifierKey
from extract_client.log.statement import check_code, open_statement

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    Commands: TypeAlias = _SubParsersAction[ArgumentParser]

_TOLD: Final = ("who", "what", "basis", "now")
_LISTED: Final = ("kinds", "purposes")


def add_parser(commands: "Commands") -> None:
    """Add the command ``statement``."""
    statement = commands.add_parser("statement", help="check the statement that a family was given")
    parts = statement.add_subparsers(dest="part", required=True)
    verify = parts.add_parser("verify", help="check it offline, without an account")
    verify.add_argument("file", type=Path, help="the file that belongs to the paper")
    verify.add_argument("--key", required=True, metavar="VKEY", help="the council's statement key")


def run(given: Namespace) -> int:
    """Check one statement and print what it says; returns the exit status.

    Raises: ConfigurationError; NoteError, it does not hold.
    """
    try:
        key = VerifierKey.parse(given.key)
    except NoteError as error:
        raise ConfigurationError(f"{given.key} is not a verifier key.") from error
    try:
        note = given.file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The file {given.file} cannot be read.") from error
    statement = open_statement(note, key=key)
    sys.stdout.write(f"ok: {key.name} signed this statement, and it is as it was signed.\n")
    sys.stdout.write(f"ok: Its check code is {check_code(statement.text)}. The paper has to say the same.\n")
    for sentence in _sentences(statement.body):
        sys.stdout.write(f"    {sentence}\n")
    return 0


def _sentences(body: Mapping[str, Any]) -> Iterable[str]:
    yield f"Made on {body.get('made_on', '')} by {body.get('council', '')}."
    for line in body.get("lines", []):
        told = [str(line[name]) for name in _TOLD if line.get(name)]
        listed = ["; ".join(map(str, line[name])) for name in _LISTED if line.get(name)]
        yield " ".join([f"{line.get('n', '')}.", f"{line.get('on', '')}:", *told[:2], *listed, *told[2:]])
