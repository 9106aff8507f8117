"""The partner's command: ``extract-client pull``, ``me``, ``check``, ``recalls``, ``status``, ``verify``, ``statement`` and others.

Exit status: 0 done, 1 refused or failed (one plain sentence on standard error), 2 wrong arguments, 3 the log
contradicts itself, 4 not available, or a copy that must not be used any more. The extract goes to standard output and
nowhere else; where a key of the log is given, only once its receipt was verified.
"""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from extract_client.client import ExtractClient, JsonObject
from extract_client.errors import ExtractClientError, NotAvailableError
from extract_client.log import commands as log_commands
from extract_client.log import statement_command, witness_command
from extract_client.settings import Access, read_access, read_case_ref
from extract_client.status import NEITHER

FAILED = 1
NOT_AVAILABLE = 4
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    given = _parser().parse_args(arguments)
    try:
        return _run(given)
    except NotAvailableError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_AVAILABLE
    except ExtractClientError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(given: Namespace) -> int:
    match given.command:
        case "verify":
            return log_commands.run_verify(given)
        case "monitor":
            return log_commands.run_monitor(given, _open(read_access(given)))
        case "statement":
            return statement_command.run(given)
        case "witness":
            witness_command.run(given)
        case "status":
            access = read_access(given)
            found = _open(access).status(
                given.extract_id, purpose=given.purpose, practitioner=access.practitioner
            )
            sys.stdout.write(f"{found}\n")
            return NOT_AVAILABLE if found == NEITHER else 0
        case _:
            _ask(given, read_access(given))
    return 0


def _ask(given: Namespace, access: Access) -> None:
    practitioner = access.practitioner
    match given.command:
        case "check":
            for step in _open(access).check(purpose=given.purpose, practitioner=practitioner):
                sys.stdout.write(f"ok: {step}\n")
                sys.stdout.flush()
        case "recalls" if given.answer is None:
            _print(_open(access).recalls(practitioner=practitioner))
        case "recalls":
            recall_id, said = given.answer
            client = _open(access)
            _print(client.answer_recall(recall_id, said, ground=given.ground, practitioner=practitioner))
        case "me":
            _print(_open(access).me(practitioner=practitioner))
        case _:
            case_ref = read_case_ref(given)
            extract = _open(access).pull(case_ref, purpose=given.purpose, practitioner=practitioner)
            on_record = log_commands.require_receipt(given, extract)
            _print(extract)
            if on_record is not None:
                sys.stderr.write(f"{on_record}\n")


def _print(document: JsonObject) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _open(access: Access) -> ExtractClient:
    return ExtractClient.open(
        access.base_url, client_id=access.client_id, key_file=access.key_file, ca_file=access.ca_file
    )


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="extract-client",
        description="Pull case extracts from an Early Help Gateway, and check its disclosure log.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    pull = commands.add_parser("pull", help="pull one extract and print it")
    me = commands.add_parser("me", help="print what this agency may see, and why")
    check = commands.add_parser("check", help="try the connection step by step; pulls nothing")
    recalls = commands.add_parser("recalls", help="list what must not be used any more, or answer one")
    recalls.add_argument(
        "--answer",
        nargs=2,
        metavar=("RECALL", "WORD"),
        help="what was done: deleted, returned, stopped, retained or not_received",
    )
    recalls.add_argument("--ground", help="why copies are retained: a code, see the guide")
    status = commands.add_parser("status", help="ask whether a copy may still be used")
    status.add_argument("extract_id", help="extract_id of the copy")
    log_commands.add_verify_parser(commands)
    monitor = log_commands.add_monitor_parser(commands)
    statement_command.add_parser(commands)
    witness_command.add_parser(commands)
    for command in (pull, me, check, recalls, status, monitor):
        command.add_argument("--config", type=Path, help="the demo's demo.json")
        command.add_argument("--agency", help="which agency of the configuration asks")
        command.add_argument("--base-url", help="the gateway's address, https://host[:port]")
        command.add_argument("--client-id")
        command.add_argument("--key-file", type=Path, help="the client's private key, a JWK")
        command.add_argument("--ca-file", type=Path, help="certificate authority of the gateway, PEM")
    pull.add_argument("--case", help="label of a case of the configuration")
    pull.add_argument("--case-ref", help="this agency's reference of the case")
    log_commands.add_trust(pull)
    for command in (pull, me, check, recalls, status):
        command.add_argument("--practitioner", help="id of the person who asks")
    for command in (pull, check, status):
        command.add_argument("--purpose", choices=("P1", "P2", "P3"), default="P1", help="default: P1, panel")
    return parser


if __name__ == "__main__":
    sys.exit(main())
