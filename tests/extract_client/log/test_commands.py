"""``extract-client verify`` and ``extract-client monitor`` as people use them: words, statuses, and no traceback."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs.jwk import new_es256_key
from extract_client import cli, client
from extract_client.errors import NotAvailableError
from extract_client.log import commands
from extract_client.log.note import NoteSigner, sign_note
from extract_client.log.promise import Promise
from extract_client.log.source import GatewayLog
from extract_client.transport import Answer
from tests.extract_client.log.simulated import NOON, SimulatedLog, SimulatedWitness, body, policy_of

BASE_URL = "https://gateway.test"
DIGEST = "1b0dc399af8597f8b0373488be81bc9c4ed24468fcc831f230523a0ab45306df"
"""``printf gateway.test/log/1 | sha256sum``"""


@dataclass
class Gateway:
    """Answers as a gateway does, with the log of the test behind it.

    Attributes:
        lives: how many requests a token is good for.
        first: answers that are given before everything else to a request for a tile.
    """

    log: SimulatedLog
    lives: int = 1000
    first: list[Answer] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    forms: list[Mapping[str, list[str]]] = field(default_factory=list)

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        del method
        path = url.removeprefix(BASE_URL)
        if path == "/.well-known/oauth-authorization-server":
            return _json({"issuer": BASE_URL, "token_endpoint": f"{BASE_URL}/oauth/token"})
        if path == "/oauth/token":
            self.forms.append(parse_qs((body or b"").decode()))
            token = f"token-{len(self.tokens)}"
            self.tokens[token] = self.lives
            return _json({"access_token": token, "token_type": "DPoP"})
        if path == "/log/checkpoint":
            assert "Authorization" not in headers
            return Answer(200, "text/plain", self.log.checkpoint())
        return self._tile(path.removeprefix("/log/"), headers["Authorization"].removeprefix("DPoP "))

    def _tile(self, path: str, token: str) -> Answer:
        if self.first:
            return self.first.pop()
        if not self.tokens[token]:
            return _json({"title": "Unauthorized"}, status=401)
        self.tokens[token] -= 1
        try:
            return Answer(200, "application/octet-stream", self.log.resource(path))
        except NotAvailableError:
            return _json({"title": "Not found"}, status=404)


def _json(document: object, *, status: int = 200) -> Answer:
    return Answer(status, "application/json", json.dumps(document).encode())


@dataclass
class Desk:
    """A partner's folder and terminal."""

    folder: Path
    log: SimulatedLog
    gateway: Gateway

    def monitor(self, *arguments: str, trust: tuple[str, ...] = ()) -> int:
        options = {
            "--base-url": BASE_URL,
            "--client-id": "ag_x",
            "--key-file": str(self.folder / "key.jwk"),
            "--state": str(self.folder / "state"),
        }
        key = trust or ("--log-key", str(self.log.signer.verifier))
        return cli.main(["monitor", *chain.from_iterable(options.items()), *key, *arguments])

    def verify(self, name: str, *arguments: str) -> int:
        key = ("--log-key", str(self.log.signer.verifier))
        return cli.main(["verify", str(self.folder / name), *key, *arguments])

    def keep(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name).write_text(text)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    log = SimulatedLog.of(5)
    gateway = Gateway(log)
    monkeypatch.setattr(client, "HttpsTransport", lambda _ca_file: gateway)
    monkeypatch.setattr(commands, "GatewayLog", partial(GatewayLog, sleep=lambda _seconds: None))
    (tmp_path / "key.jwk").write_text(json.dumps(dict(new_es256_key())))
    return Desk(tmp_path, log, gateway)


Terminal = pytest.CaptureFixture[str]

EXTRACT: dict[str, Any] = {"extract_id": "e-1", "record": {"case": {}}}


def test_a_receipt_is_checked_offline_step_by_step(
    desk: Desk, capsys: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "HttpsTransport", None)  # nobody is asked
    desk.keep(receipt=desk.log.receipt(EXTRACT), extract=json.dumps(EXTRACT))
    assert 0 == desk.verify("receipt", "--extract", str(desk.folder / "extract"))
    told = capsys.readouterr()
    assert told.err == ""
    assert [
        "ok: The log gateway.test/log/1 signed a tree of 6 entries.",
        "ok: No witness was asked for.",
        "ok: The tree includes entry 5, of 2026-11-27 12:00:00Z.",
        "ok: The entry commits to what stands below.",
        "ok: The extract is the one that was recorded.",
    ] == told.out.splitlines()[:5]
    assert told.out.splitlines()[5].startswith("    extract_sha256: ")


def test_an_extract_that_carries_its_receipt_needs_no_other_file(desk: Desk, capsys: Terminal) -> None:
    desk.keep(extract=json.dumps({**EXTRACT, "receipt": desk.log.receipt(EXTRACT)}))
    assert 0 == desk.verify("extract")
    assert "ok: The extract that carries the receipt is the one that was recorded." in capsys.readouterr().out


DOCUMENT: dict[str, Any] = {"referral_id": "r-1", "number": 1, "answers": {"fear": "x"}}


def test_a_document_of_a_referral_is_checked_alike(desk: Desk, capsys: Terminal) -> None:
    receipt = desk.log.receipt(DOCUMENT, named="document_sha256")
    desk.keep(document=json.dumps({**DOCUMENT, "receipt": receipt}))
    assert 0 == desk.verify("document")
    assert (
        "ok: The document that carries the receipt is the one that was recorded." in capsys.readouterr().out
    )
    desk.keep(document=json.dumps({**DOCUMENT, "number": 2, "receipt": receipt}))
    assert 1 == desk.verify("document")


PROMISES: Final = NoteSigner("gateway.test/log/1/promise", Ed25519PrivateKey.generate())
PROMISE: Final = Promise("gateway.test/log/1", bytes(32), NOON)


def test_a_promise_is_told_from_a_receipt(desk: Desk, capsys: Terminal) -> None:
    """It says that there will be one, and by when; of the document it proves nothing."""
    desk.keep(document=json.dumps({**DOCUMENT, "receipt": sign_note(PROMISE.text, [PROMISES])}))
    assert 0 == desk.verify("document", "--promise-key", str(PROMISES.verifier))
    told = capsys.readouterr()
    assert "promised to include one entry by 2026-11-27 12:00:00Z." in told.out
    assert "recorded" not in told.out


def test_a_promise_of_somebody_else_is_none(desk: Desk, capsys: Terminal) -> None:
    other = NoteSigner("gateway.test/log/1/promise", Ed25519PrivateKey.generate())
    desk.keep(document=json.dumps({**DOCUMENT, "receipt": sign_note(PROMISE.text, [other])}))
    for more in ((), ("--promise-key", "x"), ("--promise-key", str(PROMISES.verifier))):
        assert 1 == desk.verify("document", *more)
        told = capsys.readouterr()
        assert ("", 1) == (told.out, told.err.count("\n"))


def test_a_receipt_alone_says_nothing_of_an_extract(desk: Desk, capsys: Terminal) -> None:
    desk.keep(receipt=desk.log.receipt(EXTRACT))
    assert 0 == desk.verify("receipt")
    assert "was recorded" not in capsys.readouterr().out


def test_a_policy_asks_for_its_witnesses(desk: Desk, capsys: Terminal) -> None:
    ada, bob = SimulatedWitness("ada"), SimulatedWitness("bob")
    policy = policy_of(desk.log, [ada, bob], quorum=1)
    text = f"log {policy.logs[0]}\nwitness ada {ada.verifier}\nwitness bob {bob.verifier}\ngroup any 1 ada bob\nquorum any\n"
    receipt = desk.log.receipt(EXTRACT)
    desk.keep(policy=text, alone=receipt, cosigned=receipt + ada.line(desk.log.head(), time=NOON))
    trust = ("--policy", str(desk.folder / "policy"))
    assert 0 == cli.main(["verify", str(desk.folder / "cosigned"), *trust])
    assert "ok: Witnesses cosigned it: ada." in capsys.readouterr().out
    assert 1 == cli.main(["verify", str(desk.folder / "alone"), *trust])
    told = capsys.readouterr()
    assert ("", "Too few witnesses have cosigned this checkpoint.\n") == (told.out, told.err)


WRONG: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "not a receipt": lambda _: "receipt",
    "not an extract": lambda _: "{",
    "a list": lambda _: "{}[]",
    "deep": lambda _: '{"a":' * 100_000,
    "no receipt in it": lambda _: json.dumps(EXTRACT),
    "a receipt that is no text": lambda _: json.dumps({**EXTRACT, "receipt": 1}),
    "another extract": lambda receipt: json.dumps({**EXTRACT, "extract_id": "e-2", "receipt": receipt}),
    "a member twice": lambda receipt: (
        json.dumps({**EXTRACT, "receipt": receipt})[:-1] + ',"record":{"case":{}}}'
    ),
    "cut off": lambda receipt: receipt[:-9],
    "another index": lambda receipt: receipt.replace("index 5", "index 4"),
    "another size": lambda receipt: receipt.replace("\n6\n", "\n7\n"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_verify_ends_with_1_and_one_sentence(desk: Desk, capsys: Terminal, name: str) -> None:
    desk.keep(file=WRONG[name](desk.log.receipt(EXTRACT)))
    assert 1 == desk.verify("file")
    told = capsys.readouterr()
    assert ("", 1) == (told.out, told.err.count("\n"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--log-key", "x"], "x is not the verifier key of a log."),
        (["--policy", "/nowhere"], "The policy /nowhere cannot be read."),
        (["--log-key", "{key}", "--origin", "other"], "Give --origin, one of: gateway.test/log/1."),
        (["--log-key", "{key}", "--extract", "/nowhere"], "The file /nowhere cannot be read."),
        (["--log-key", "{key}", "--log-key", "{other}"], "Give --origin, one of: gateway.test/log/1, other."),
    ],
)
def test_wrong_trust_is_said_plainly(
    desk: Desk, capsys: Terminal, arguments: list[str], sentence: str
) -> None:
    desk.keep(receipt=desk.log.receipt(EXTRACT))
    other = NoteSigner("other", SimulatedLog().key)
    given = [each.format(key=desk.log.signer.verifier, other=other.verifier) for each in arguments]
    assert 1 == cli.main(["verify", str(desk.folder / "receipt"), *given])
    assert capsys.readouterr().err.startswith(sentence)


def test_the_monitor_says_what_it_read(desk: Desk, capsys: Terminal) -> None:
    (desk.folder / "held").mkdir()
    (desk.folder / "held" / "one.receipt").write_text(desk.log.receipt(EXTRACT))
    assert 0 == desk.monitor("--receipts", str(desk.folder / "held"), "--mirror")
    told = capsys.readouterr()
    assert told.err == ""
    assert "The log has 6 entries; 6 were read and all are consistent." in told.out
    assert "Receipts that hold: 1." in told.out
    assert (desk.folder / "state" / "mirror" / "checkpoint").read_bytes() == desk.log.checkpoint()
    assert 0 == desk.monitor("--once")
    assert "The log has 6 entries; 0 were read" in capsys.readouterr().out


def test_a_contradiction_ends_with_3_and_names_its_evidence(desk: Desk, capsys: Terminal) -> None:
    assert 0 == desk.monitor()
    desk.log.bodies[2] = body()
    assert 3 == desk.monitor()
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("CONTRADICTION: The log signed two trees of one size: ")
    evidence = Path(told[1].removeprefix("The evidence is in ").removesuffix("."))
    assert {"finding.txt", "the-log.checkpoint", "this-monitor.checkpoint"} <= {
        path.name for path in evidence.iterdir()
    }


def test_a_contradiction_is_told_even_where_its_evidence_finds_no_room(desk: Desk, capsys: Terminal) -> None:
    assert 0 == desk.monitor()
    desk.log.bodies[2] = body()
    (desk.folder / "state" / "evidence").write_text("a file where the folder should be")
    assert 3 == desk.monitor()
    assert "The evidence could not be saved" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["entries", "state.json"])
def test_a_state_that_cannot_be_written_is_said_plainly(desk: Desk, capsys: Terminal, name: str) -> None:
    (desk.folder / "state" / name).mkdir(parents=True)
    assert 1 == desk.monitor()
    assert str(desk.folder / "state") in capsys.readouterr().err


def test_the_monitor_asks_for_the_log_and_for_no_case(desk: Desk) -> None:
    desk.monitor()
    (form,) = desk.gateway.forms
    assert ["log:read"] == form["scope"]
    assert "authorization_details" not in form


def test_a_token_that_ended_is_replaced(desk: Desk) -> None:
    """A long log takes longer to read than a token lives."""
    desk.gateway.lives = 2
    desk.log.grow(600)
    assert 0 == desk.monitor()
    assert len(desk.gateway.tokens) > 2


def test_a_gateway_that_asks_for_patience_gets_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(commands, "GatewayLog", partial(GatewayLog, sleep=waited.append))
    busy = Answer(429, "application/json", b"{}", retry_after=7)
    desk.gateway.first = [busy, busy]
    assert 0 == desk.monitor()
    assert [7, 7] == waited


def test_a_gateway_that_stays_busy_ends_the_round(desk: Desk, capsys: Terminal) -> None:
    desk.gateway.first = [Answer(503, "application/json", b'{"title":"Unavailable"}', retry_after=60)] * 9
    assert 1 == desk.monitor()
    assert capsys.readouterr().err.startswith("Unavailable")


@pytest.mark.parametrize("status", [403, 500])
def test_a_refusal_ends_with_1_and_no_evidence(desk: Desk, capsys: Terminal, status: int) -> None:
    """That this client may not read the log says nothing against the log."""
    desk.gateway.first = [_json({"title": "Refused"}, status=status)] * 9
    assert 1 == desk.monitor()
    assert capsys.readouterr().err.startswith("Refused")
    assert not (desk.folder / "state" / "evidence").exists()


def test_every_goes_on_over_failures_until_there_is_a_contradiction(
    desk: Desk, capsys: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def next_round(seconds: float) -> None:
        assert 5 == seconds
        rounds.append(seconds)
        if len(rounds) == 1:
            desk.gateway.first = [_json({"title": "Broken"}, status=500)] * 2
            desk.log.grow(1)
        elif len(rounds) == 2:
            desk.gateway.first = []
        else:
            desk.log.bodies[0] = body()

    rounds: list[float] = []
    monkeypatch.setattr("extract_client.log.commands.time.sleep", next_round)
    assert 3 == desk.monitor("--every", "5")
    told = capsys.readouterr()
    assert 2 == told.out.count("all are consistent")
    assert "This round could not be finished. Broken" in told.err


def test_a_damaged_state_ends_even_a_monitor_that_goes_on(
    desk: Desk, capsys: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a person can restore it; trying again for ever would hide that nobody watches the log."""
    monkeypatch.setattr("extract_client.log.commands.time.sleep", None)
    (desk.folder / "state").mkdir()
    desk.keep(**{"state/state.json": "damaged"})
    assert 1 == desk.monitor("--every", "5")
    assert "is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("every", ["0", "x", "-1", "nan", "inf"])
def test_an_interval_is_a_number_of_seconds(desk: Desk, every: str) -> None:
    with pytest.raises(SystemExit) as ended:
        desk.monitor("--every", every)
    assert 2 == ended.value.code


def test_an_interrupted_monitor_says_nothing_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("extract_client.log.commands.time.sleep", interrupt)
    assert 130 == desk.monitor("--every", "5")


def test_a_progress_bar_is_shown_on_a_terminal_only(
    desk: Desk, capsys: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.log.grow(256 * commands.LONG)
    desk.log.tree = desk.log.reader()
    assert 0 == desk.monitor()
    assert "" == capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert 0 == desk.monitor("--everything")
    assert "Reading entries" in capsys.readouterr().err


@pytest.fixture
def answers() -> Iterator[tuple[str, dict[str, tuple[int, bytes]]]]:
    """A witness's server, and what it answers by path; every other path is 404."""
    known: dict[str, tuple[int, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = known.get(self.path, (404, b""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", known
        server.shutdown()
        thread.join()


SHOWN: dict[
    str, tuple[int, bytes, int, str]
] = {  # what a witness answers; what the monitor ends with and says
    "the same history": (200, b"{note}", 0, "Witnesses that saw the same: ada."),
    "nothing": (404, b"", 1, "The witness ada has not seen this log."),
    "a fault": (500, b"", 1, "The witness ada was not compared. The witness at 127.0.0.1"),
    "too much": (200, b"x" * 1_000_001, 1, "The witness ada was not compared. The witness at 127.0.0.1"),
    "nonsense": (
        200,
        b"x",
        1,
        "The witness ada was not compared. What ada shows is not the log's checkpoint.",
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_witness_is_asked_where_the_policy_says(
    desk: Desk, capsys: Terminal, answers: tuple[str, dict[str, tuple[int, bytes]]], name: str
) -> None:
    (url, known), (code, content, status, sentence) = answers, SHOWN[name]
    ada = SimulatedWitness("ada")
    note = desk.log.note() + ada.line(desk.log.head(), time=NOON)
    known[f"/w/{DIGEST}/checkpoint"] = (code, content.replace(b"{note}", note.encode()))
    desk.keep(policy=f"log {desk.log.signer.verifier}\nwitness ada {ada.verifier} {url}/w/\nquorum ada\n")
    assert status == desk.monitor(trust=("--policy", str(desk.folder / "policy")))
    told = capsys.readouterr()
    assert sentence in (told.err if status else told.out)


@pytest.mark.parametrize("url", ["http://witness.example", "ftp://127.0.0.1", "https://", "https://a:b"])
def test_a_witness_is_read_over_https_or_on_this_machine(desk: Desk, capsys: Terminal, url: str) -> None:
    ada = SimulatedWitness("ada")
    desk.keep(policy=f"log {desk.log.signer.verifier}\nwitness ada {ada.verifier} {url}\nquorum ada\n")
    assert 1 == desk.monitor(trust=("--policy", str(desk.folder / "policy")))
    assert "does not start with https://" in capsys.readouterr().err


def test_a_witness_that_is_not_there_is_a_warning(desk: Desk, capsys: Terminal) -> None:
    ada = SimulatedWitness("ada")
    desk.keep(
        policy=f"log {desk.log.signer.verifier}\nwitness ada {ada.verifier} http://127.0.0.1:1\nquorum ada\n"
    )
    assert 1 == desk.monitor(trust=("--policy", str(desk.folder / "policy")))
    told = capsys.readouterr()
    assert "all are consistent" in told.out
    assert "The witness at 127.0.0.1:1 cannot be reached." in told.err
