"""``extract-client witness``: makes a witness's key and runs a witness.

INVARIANT: the key is made once and never printed; what is printed is the verifier key, which others put in their
policies.
"""

import signal
import ssl
import sys
import threading
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from extract_client.errors import ConfigurationError, NoteError
from extract_client.log.note import COSIGNATURE, VerifierKey, read_key, write_key

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    Commands: TypeAlias = _SubParsersAction[ArgumentParser]

DEFAULT_ADDRESS: Final = "127.0.0.1:8460"
_MAX_PORT: Final = 65_535


def add_parser(commands: "Commands") -> None:
    """Add the command ``witness`` with its own commands ``key`` and ``serve``."""
    witness = commands.add_parser("witness", help="cosign what a log appends, so that it cannot rewrite it")
    steps = witness.add_subparsers(dest="step", required=True)
    key = steps.add_parser("key", help="make a witness's key and print its verifier key")
    serve = steps.add_parser("serve", help="run the witness until it is told to stop")
    for step in (key, serve):
        step.add_argument("--name", required=True, help="the witness's name, for example example.org/witness")
        step.add_argument("--key-file", type=Path, required=True, help="the witness's private key")
    serve.add_argument(
        "--log", action="append", required=True, metavar="VKEY", help="verifier key of a log; may be repeated"
    )
    serve.add_argument(
        "--state", type=Path, required=True, metavar="FOLDER", help="existing folder; must never be restored"
    )
    serve.add_argument("--bind", default=DEFAULT_ADDRESS, metavar="HOST:PORT", help="default: %(default)s")
    serve.add_argument("--certificate", type=Path, help="TLS certificate chain, PEM; without: plain HTTP")
    serve.add_argument("--certificate-key", type=Path, help="private key of the certificate, PEM")


def run(given: Namespace) -> None:
    """Run what the command line asks for; ``serve`` returns after SIGTERM or SIGINT.

    Raises: ConfigurationError; NoteError, a name or a verifier key is not one.
    """
    if given.step == "key":
        # The name is tried first: a key file whose name cannot stand in a note would be of no use.
        VerifierKey(given.name, COSIGNATURE, bytes(32))
        key = write_key(given.key_file)
        verifier = VerifierKey(given.name, COSIGNATURE, key.public_key().public_bytes_raw())
        sys.stdout.write(f"{verifier}\n")
        return
    _serve(given)


def _serve(given: Namespace) -> None:
    from extract_client.log.witness import Witness  # noqa: PLC0415 - fcntl: the other commands run without it
    from extract_client.log.witness_server import WitnessServer  # noqa: PLC0415 - it imports the witness

    witness = Witness(
        given.name,
        key=read_key(given.key_file),
        logs=[_log_key(text) for text in given.log],
        folder=given.state,
    )
    tls = _tls(given.certificate, given.certificate_key)
    server = WitnessServer(witness, address=_address(given.bind), tls=tls)
    for each in (signal.SIGTERM, signal.SIGINT):
        # From another thread: the one that serves waits for itself otherwise.
        signal.signal(each, lambda *_: threading.Thread(target=server.shutdown).start())
    host, port = server.server_address[:2]
    sys.stdout.write(f"{witness.verifier}\n")
    sys.stdout.write(f"listening at {'http' if tls is None else 'https'}://{host!s}:{port}\n")
    sys.stdout.flush()
    with server:
        server.serve_forever()


def _log_key(text: str) -> VerifierKey:
    try:
        return VerifierKey.parse(text)
    except NoteError as error:
        raise ConfigurationError(f"{text} is not the verifier key of a log.") from error


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > _MAX_PORT:
        raise ConfigurationError(f"The address is written host:port, for example {DEFAULT_ADDRESS}.")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        if key is not None:
            raise ConfigurationError("A --certificate-key needs its --certificate.")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"The certificate {certificate} and its key cannot be loaded.") from error
    return context
