"""The partner's command against the real authorization server, carried without a socket.

The API routes behind it are stand-ins here: what is proved is the client's side of tokens and answers.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest
from flask import Flask, Response, jsonify
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import text

from agencies.model import AgencyCode
from certs.jwk import new_es256_key, public_part
from extract_client import cli, client
from extract_client.client import ExtractClient
from extract_client.errors import (
    ConfigurationError,
    ExtractClientError,
    NotAvailableError,
    RefusedError,
    UnexpectedAnswerError,
)
from extract_client.log.note import ED25519, VerifierKey
from extract_client.signing import load_key
from extract_client.transport import Answer
from gateway.oauth import access, views
from gateway.oauth.access import current_caller
from gateway.oauth.keys import ensure_signing_key
from gateway.oauth.registration import approve_synthetic, register_client
from gateway.oauth.token_reader import TokenReader
from gateway.problems import absent
from gateway.wiring import Wiring
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database


@dataclass
class Carried:
    """Carries requests into the application, and remembers what was sent."""

    http: FlaskClient
    sent: list[tuple[str, str, Mapping[str, str], bytes | None]]

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        self.sent.append((method, url, headers, body))
        answer = self.http.open(url, method=method, headers=dict(headers), data=body)
        return Answer(
            answer.status_code, answer.mimetype or "", answer.data, answer.headers.get("DPoP-Nonce")
        )


@dataclass
class Says:
    """Answers every request alike."""

    status: int
    body: bytes

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        del method, url, headers, body
        return Answer(self.status, "application/json", self.body)


def _app(wiring: Wiring) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.testing = True
    reader = TokenReader(wiring)
    access.register(app, wiring, reader=reader)
    views.register(app, wiring, reader=reader)

    def extract(case_ref: str) -> Response:
        caller = current_caller()
        if case_ref != "ref 1:é":
            return absent()
        return jsonify(case_ref=case_ref, agency=caller.agency, purpose=caller.purpose)

    app.add_url_rule("/v1/cases/<case_ref>/extract", "release.extract", extract)
    app.add_url_rule("/v1/me", "me.me", lambda: jsonify(agency=current_caller().agency))
    return app


@dataclass
class Registered:
    """A registered client, its key on disk, and the application it talks to."""

    carried: Carried
    base_url: str
    client_id: str
    key_file: Path

    def client(self) -> ExtractClient:
        return ExtractClient(self.base_url, self.client_id, load_key(self.key_file), self.carried)


@pytest.fixture(scope="module")
def module_wiring(
    cluster: Cluster, template_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Wiring]:
    """One database for these tests, which only read it."""
    with (
        new_database(cluster, template=template_database.name) as copy,
        wired(copy, tmp_path_factory.mktemp("kek")) as parts,
    ):
        yield parts


@pytest.fixture(scope="module")
def registration(module_wiring: Wiring, tmp_path_factory: pytest.TempPathFactory) -> Registered:
    wiring = module_wiring
    key = new_es256_key()
    key_file = tmp_path_factory.mktemp("keys") / "camhs.jwk"
    key_file.write_text(json.dumps(key), "utf-8")
    today = datetime.now(UTC).date()
    with wiring.engine.begin() as connection:
        ensure_signing_key(connection, wiring.keyring)
        connection.execute(text("SELECT gateway.move_gates('{}', '{camhs}')"))
        connection.execute(
            text("INSERT INTO agencies.agency VALUES ('camhs', 'camhs', 'CAMHS', 'asserted', 'active')")
        )
        connection.execute(
            text(
                "INSERT INTO agencies.agreement VALUES (gen_random_uuid(), 'camhs', 'a', 'b', :start, :end)"
            ),
            {"start": today - timedelta(days=9), "end": today + timedelta(days=9)},
        )
        client_id = register_client(
            connection, agency=AgencyCode("camhs"), scopes=["extract:read"], keys=[public_part(key)]
        )
        approve_synthetic(connection, AgencyCode("camhs"), synthetic=True)
    carried = Carried(_app(wiring).test_client(), [])
    return Registered(carried, wiring.settings.public_url, client_id, key_file)


@pytest.fixture
def registered(registration: Registered) -> Registered:
    registration.carried.sent.clear()
    return registration


def test_an_extract_is_pulled_with_a_bound_token(registered: Registered) -> None:
    """A reference with characters that need encoding: address, proof and route agree on it."""
    extract = registered.client().pull("ref 1:é", purpose="P2", practitioner="worker-1")
    assert extract == {"case_ref": "ref 1:é", "agency": "camhs", "purpose": "P2"}


def test_a_client_pulls_again_and_again(registered: Registered) -> None:
    """Assertion and proof are new each time, or the second pull would be a replay."""
    pulling = registered.client()
    for _ in range(3):
        pulling.pull("ref 1:é", purpose="P1", practitioner="worker-1")


def test_the_private_keys_never_travel(registered: Registered) -> None:
    registered.client().me(practitioner="worker-1")
    private = json.loads(registered.key_file.read_text("utf-8"))["d"]
    assert all(private not in repr(sent) for sent in registered.carried.sent)
    assert '"d"' not in repr(registered.client())


def test_each_run_has_a_proof_key_of_its_own(registered: Registered) -> None:
    """Two gateways, or two runs, cannot be linked or exchanged by their proofs."""
    first, second = registered.client(), registered.client()
    assert first.proof_key.thumbprint() != second.proof_key.thumbprint()


def test_what_is_absent_is_not_available(registered: Registered) -> None:
    with pytest.raises(NotAvailableError, match=r"^Not available: There is nothing here for this caller\.$"):
        registered.client().pull("other", purpose="P1", practitioner="worker-1")


def test_a_refused_token_says_why(registered: Registered) -> None:
    with pytest.raises(RefusedError, match="No token: The purpose is P1, P2 or P3") as caught:
        registered.client().pull("ref 1:é", purpose="P4", practitioner="worker-1")
    assert caught.value.code == "invalid_authorization_details"


def test_a_gateway_of_another_name_is_not_trusted(registered: Registered) -> None:
    """The assertion's audience is the issuer: it must never be made for whoever answers."""
    other = Carried(registered.carried.http, [])
    impostor = ExtractClient("https://other.example", "ag_x", load_key(registered.key_file), other)
    with pytest.raises(UnexpectedAnswerError):
        impostor.me(practitioner="worker-1")
    assert [sent[0] for sent in other.sent] == ["GET"]


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>"), (200, b"[]"), (200, b"[" * 100_000), (502, b""), (302, b"{}"), (200, b"{}")],
)
def test_what_is_no_gateway_is_said_plainly(registered: Registered, status: int, body: bytes) -> None:
    silent = ExtractClient(registered.base_url, "ag_x", load_key(registered.key_file), Says(status, body))
    with pytest.raises(UnexpectedAnswerError):
        silent.me(practitioner="worker-1")


@pytest.mark.parametrize(
    "answers",
    [
        {"token_endpoint": "http://gateway.test/token"},
        {"token_endpoint": 1},
        {"access_token": "stolen", "token_type": "Bearer"},
        {"access_token": "stolen"},
        {"access_token": 1, "token_type": "DPoP"},
    ],
)
def test_no_assertion_goes_in_the_clear_and_no_unbound_token_is_used(
    registered: Registered, answers: dict[str, object]
) -> None:
    """A bearer token works for whoever reads it on the way; ours must be bound to the key of this run."""
    document = {"issuer": registered.base_url, "token_endpoint": f"{registered.base_url}/token", **answers}
    says = Says(200, json.dumps(document).encode())
    with pytest.raises(UnexpectedAnswerError, match=r"not bound to our key|no token endpoint"):
        ExtractClient(registered.base_url, "ag_x", load_key(registered.key_file), says).me(practitioner="w")


@pytest.mark.parametrize(
    "key", [ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519"), RSAKey.generate_key(2048)]
)
def test_every_kind_of_key_is_loaded(tmp_path: Path, key: ECKey | OKPKey | RSAKey) -> None:
    file = tmp_path / "key.jwk"
    file.write_text(json.dumps(key.as_dict(private=True)), "utf-8")
    assert load_key(file).thumbprint() == key.thumbprint()


@pytest.mark.parametrize(
    "text_", ["", "{}", "[]", '{"kty":"oct","k":"AAAA"}', '{"kty":"EC"}', '{"kty":["EC"]}', "\x00"]
)
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, text_: str) -> None:
    file = tmp_path / "key.jwk"
    file.write_text(text_, "utf-8")
    with pytest.raises(ConfigurationError):
        load_key(file)


def test_a_public_key_cannot_sign(tmp_path: Path) -> None:
    file = tmp_path / "key.jwk"
    file.write_text(json.dumps(public_part(new_es256_key())), "utf-8")
    with pytest.raises(ConfigurationError):
        load_key(file)


@dataclass
class Command:
    """The command line over the carried transport, with a configuration like the demo's."""

    config: Path
    registered: Registered

    def run(self, *arguments: str) -> int:
        return cli.main([*arguments[:1], "--config", str(self.config), "--agency", "camhs", *arguments[1:]])


@pytest.fixture
def command(registered: Registered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    config = tmp_path / "demo.json"
    document = {
        "schema": 1,
        "base_url": registered.base_url,
        "ca_file": "ca.pem",
        "agencies": {
            "camhs": {
                "client_id": registered.client_id,
                "key_file": str(registered.key_file),
                "practitioners": [{"id": "worker-1"}],
            }
        },
        "cases": [
            {"label": "plain", "refs": {"camhs": "ref 1:é"}},
            {"label": "withdrawn", "refs": {"camhs": "gone"}},
            {"label": "elsewhere", "refs": {"charity": "x"}},
        ],
    }
    config.write_text(json.dumps(document), "utf-8")
    monkeypatch.setattr(client, "HttpsTransport", lambda _ca_file: registered.carried)
    return Command(config, registered)


def test_pull_prints_the_extract_and_nothing_else(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run("pull", "--case", "plain") == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == {"case_ref": "ref 1:é", "agency": "camhs", "purpose": "P1"}
    assert output.err == ""


def test_an_extract_that_is_not_shown_to_be_on_record_is_not_printed(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """It carries no receipt: whoever sent it, nobody can prove that it was recorded."""
    key = str(VerifierKey("log.test/1", ED25519, bytes(32)))
    assert 1 == command.run("pull", "--case", "plain", "--log-key", key)
    output = capsys.readouterr()
    assert ("", 1) == (output.out, output.err.count("\n"))


def test_pull_without_a_configuration_takes_everything_one_by_one(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    registered = command.registered
    options = {
        "--base-url": registered.base_url,
        "--client-id": registered.client_id,
        "--key-file": str(registered.key_file),
        "--ca-file": "ca.pem",
        "--practitioner": "worker-1",
        "--case-ref": "ref 1:é",
        "--purpose": "P3",
    }
    status = cli.main(["pull", *chain.from_iterable(options.items())])
    assert (status, json.loads(capsys.readouterr().out)["purpose"]) == (0, "P3")


def test_me_prints_what_the_gateway_says(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run("me") == 0
    assert json.loads(capsys.readouterr().out) == {"agency": "camhs"}


@pytest.mark.parametrize("case", ["withdrawn", "elsewhere"])
def test_what_is_not_available_ends_with_4_and_one_sentence(
    command: Command, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    assert command.run("pull", "--case", case) == 4
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("Not available: ")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["pull", "--config", "{config}", "--agency", "nobody", "--case", "plain"],
            "Give --agency, one of: camhs.",
        ),
        (["pull", "--config", "{config}", "--agency", "camhs", "--case", "x"], "There is no case x;"),
        (["pull", "--config", "{config}", "--agency", "camhs"], "Give --case-ref, or --config and --case."),
        (
            ["pull", "--config", "/nowhere", "--agency", "camhs", "--case", "plain"],
            "The file /nowhere cannot be read.",
        ),
        (["me"], "Give --config, or --base-url."),
        (
            ["me", "--config", "{config}", "--agency", "camhs", "--key-file", "/nowhere"],
            "The key file /nowhere",
        ),
        (
            ["me", "--config", "{config}", "--agency", "camhs", "--client-id", "ag_nobody"],
            "No token: The client is not",
        ),
    ],
)
def test_a_failure_ends_with_1_and_one_sentence(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert cli.main([argument.format(config=command.config) for argument in arguments]) == 1
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert output.err.startswith(sentence)


def test_every_error_is_one_of_the_packages_own() -> None:
    """The command catches one base; nothing of the package may escape it."""
    for error in (ConfigurationError, NotAvailableError, RefusedError, UnexpectedAnswerError):
        assert issubclass(error, ExtractClientError)
