"""``extract-client verify`` and ``extract-client monitor``: one receipt offline, and one log for as long as wanted.

``verify`` needs no account and no network. ``monitor`` ends with status 3 when the log contradicts itself; what
shows it lies in a folder of evidence. A round that could not be finished is told, and the next one tries again.
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import click

from extract_client.client import ExtractClient, JsonObject
from extract_client.errors import ConfigurationError, ExtractClientError, NoteError
from extract_client.log.held import Carried, read_receipt
from extract_client.log.history import ContradictionError
from extract_client.log.mirror import Mirror
from extract_client.log.monitor import Monitor, Round
from extract_client.log.note import VerifierKey
from extract_client.log.opening import RECEIPT
from extract_client.log.policy import Policy
from extract_client.log.promise import TITLE, open_promise
from extract_client.log.receipt import DOCUMENT_HASH, VerifiedReceipt, verify_receipt
from extract_client.log.source import GatewayLog, WitnessHttp
from extract_client.log.state import StateFolder
from extract_client.log.tiles import Bundle
from extract_client.settings import find_log_key, read_log_key

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    Commands: TypeAlias = _SubParsersAction[ArgumentParser]

DONE: Final = 0
FAILED: Final = 1
CONTRADICTION: Final = 3
LONG: Final = 16
"""Bundles of 256 entries from which on a progress bar is worth showing."""
_DAY: Final = 86_400


def add_verify_parser(commands: "Commands") -> None:
    """Add the command ``verify``."""
    verify = commands.add_parser("verify", help="check a receipt offline, without an account")
    verify.add_argument(
        "file",
        type=Path,
        help="a receipt, or an extract or document of a referral (JSON) that carries its receipt",
    )
    verify.add_argument("--extract", type=Path, help="the extract or document that the receipt is for")
    verify.add_argument(
        "--promise-key", metavar="VKEY", help="key of the log's promises, for a referral that could not wait"
    )
    verify.add_argument("--config", type=Path, help="the demo's demo.json, for the log's key")
    add_trust(verify)


def add_monitor_parser(commands: "Commands") -> ArgumentParser:
    """Add the command ``monitor`` and return it; the options that say where the gateway is are still missing."""
    monitor = commands.add_parser(
        "monitor",
        help="watch the disclosure log",
        description="Watch the disclosure log. Ends with status 3 when the log contradicts itself.",
    )
    monitor.add_argument("--state", type=Path, required=True, metavar="FOLDER", help="kept between rounds")
    often = monitor.add_mutually_exclusive_group()
    often.add_argument("--once", action="store_true", help="one round (the default)")
    often.add_argument(
        "--every", type=_seconds, metavar="SECONDS", help="go on, a round each so many seconds"
    )
    monitor.add_argument("--mirror", action="store_true", help="keep a copy of the log in the state folder")
    monitor.add_argument(
        "--everything", action="store_true", help="read every entry again, not only new ones"
    )
    monitor.add_argument(
        "--receipts", type=Path, metavar="FOLDER", help="receipts and extracts that you hold"
    )
    monitor.add_argument("--witness-ca-file", type=Path, help="certificate authority of the witnesses, PEM")
    add_trust(monitor)
    return monitor


def run_verify(given: Namespace) -> int:
    """Check one receipt and print a sentence per step; returns the exit status.

    Raises: ExtractClientError, the step that failed.
    """
    carried = read_receipt(_read(given.file), name=given.file.name)
    if carried.text.startswith(TITLE):
        return _verify_promise(given, carried.text)
    policy, origin = _trust(given)
    extract = carried.extract if given.extract is None else _read(given.extract)
    receipt = verify_receipt(carried.text, policy=policy, origin=origin, extract=extract)
    for sentence in _steps(receipt, policy, origin, carried, compared=extract is not None):
        sys.stdout.write(f"ok: {sentence}\n")
    for name, value in sorted(receipt.recipient.items()):
        sys.stdout.write(f"    {name}: {value}\n")
    return DONE


def _verify_promise(given: Namespace, text: str) -> int:
    """Check a promise, which says when there will be a receipt, and print what it is worth."""
    if given.promise_key is None:
        raise ConfigurationError(
            "This carries a promise and no receipt yet: give --promise-key, or fetch the referral again."
        )
    try:
        key = VerifierKey.parse(given.promise_key)
    except NoteError as error:
        raise ConfigurationError(f"{given.promise_key} is not the verifier key of a log.") from error
    promise = open_promise(text, key=key)
    sys.stdout.write(
        f"ok: The log {promise.origin} promised to include one entry by {_instant(promise.include_by)}.\n"
        "    It does not say which: fetch the referral again after that for its receipt.\n"
    )
    return DONE


def run_monitor(given: Namespace, client: ExtractClient) -> int:
    """Run the monitor and return its exit status.

    Raises: ConfigurationError; ExtractClientError, the only round could not be finished.
    """
    policy, origin = _trust(given)
    folder = StateFolder.open(given.state)
    monitor = Monitor(
        GatewayLog(client),
        policy,
        origin,
        folder,
        WitnessHttp(given.witness_ca_file),
        mirror=Mirror(folder.path / "mirror") if given.mirror else None,
        receipts=given.receipts,
        everything=given.everything,
        progress=_progress,
    )
    if given.every is None:
        return _round(monitor)
    while True:
        status = _patient_round(monitor)
        if status == CONTRADICTION:
            return status
        time.sleep(given.every)


def _patient_round(monitor: Monitor) -> int:
    try:
        return _round(monitor)
    except ConfigurationError:
        raise
    except ExtractClientError as error:
        sys.stderr.write(f"This round could not be finished. {error}\n")
        return FAILED


def _round(monitor: Monitor) -> int:
    """One round, told in sentences; returns the exit status."""
    now = int(time.time())
    try:
        found = monitor.round(now=now)
    except ContradictionError as error:
        saved = f"is in {error.evidence}" if error.evidence else "could not be saved: check the state folder"
        sys.stderr.write(f"CONTRADICTION: {error}\nThe evidence {saved}.\n")
        return CONTRADICTION
    for sentence in _told(found):
        sys.stdout.write(f"{_instant(now)}  {sentence}\n")
    sys.stdout.flush()
    for warning in found.warnings:
        sys.stderr.write(f"{warning}\n")
    return FAILED if found.warnings else DONE


def _told(found: Round) -> Iterable[str]:
    yield f"The log has {found.size} entries; {found.read} were read and all are consistent."
    if found.compared:
        yield f"Witnesses that saw the same: {', '.join(found.compared)}."
    if found.held:
        yield f"Receipts that hold: {found.held}."
    if found.late:
        yield f"Entries whose time does not fit the witnesses': {', '.join(map(str, found.late))}."


def _steps(
    receipt: VerifiedReceipt, policy: Policy, origin: str, carried: Carried, *, compared: bool
) -> Iterable[str]:
    yield f"The log {origin} signed a tree of {receipt.size} entries."
    if receipt.witnessed:
        yield f"Witnesses cosigned it: {', '.join(receipt.witnessed)}."
    elif not policy.has_witnesses:
        yield "No witness was asked for."
    yield f"The tree includes entry {receipt.index}, of {_instant(receipt.minute)}."
    yield "The entry commits to what stands below."
    if compared:
        what = "document" if DOCUMENT_HASH in receipt.recipient else "extract"
        yield f"The {what}{'' if carried.extract is None else ' that carries the receipt'} is the one that was recorded."


def require_receipt(given: Namespace, extract: JsonObject) -> str | None:
    """Let pass an extract whose receipt verifies, and return a sentence on it; absent: no key of the log is given.

    Raises: NoteError or ProofError, the extract is not shown to be on record: it must not be used; ConfigurationError.
    """
    if given.policy is None and not given.log_key and find_log_key(given) is None:
        return None
    policy, origin = _trust(given)
    carried = str(extract.get(RECEIPT, ""))
    receipt = verify_receipt(carried, policy=policy, origin=origin, extract=extract)
    witnessed = f", witnessed by {', '.join(receipt.witnessed)}" if receipt.witnessed else ""
    return f"On record: entry {receipt.index} of the log {origin}{witnessed}."


def add_trust(parser: ArgumentParser) -> None:
    """Add the options that name whose log is trusted."""
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument(
        "--log-key", action="append", metavar="VKEY", help="the log's verifier key; again for a newer one"
    )
    keys.add_argument("--policy", type=Path, help="file of log, witnesses and quorum (C2SP tlog-policy)")
    parser.add_argument("--origin", help="name of the log; default: the one that the key names")


def _trust(given: Namespace) -> tuple[Policy, str]:
    """The policy and the log's name that the command line states."""
    if given.policy is None:
        policy = _policy_of(given.log_key or [read_log_key(given)])
    else:
        try:
            policy = Policy.parse(given.policy.read_text("utf-8"))
        except (OSError, UnicodeError) as error:
            raise ConfigurationError(f"The policy {given.policy} cannot be read.") from error
    names = {key.name for key in policy.logs}
    origin = given.origin
    if origin is None and len(names) == 1:
        (origin,) = names
    if origin not in names:
        raise ConfigurationError(f"Give --origin, one of: {', '.join(sorted(names))}.")
    return policy, str(origin)


def _policy_of(keys: Sequence[str]) -> Policy:
    for key in keys:
        try:
            VerifierKey.parse(key)
        except NoteError as error:
            raise ConfigurationError(f"{key} is not the verifier key of a log.") from error
    return Policy.for_log(*keys)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be read.") from error


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= _DAY:
        raise ValueError
    return seconds


def _progress(bundles: Sequence[Bundle]) -> AbstractContextManager[Iterable[Bundle]]:
    if len(bundles) < LONG or not sys.stderr.isatty():
        return nullcontext(bundles)
    return click.progressbar(bundles, label="Reading entries", file=sys.stderr)


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
