"""The doors themselves: what nginx lets through, what it takes away, and who it keeps waiting."""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from werkzeug.datastructures import Headers

from certs.authority import create_authority
from certs.certificate import read_certificate
from tests.adversarial.conftest import DoorPlace
from tests.support.door import Answer, ClientFiles, Door
from tests.support.node import PROBE, ROOT, Certificates, Node, require_nginx, running

DAY = timedelta(days=1)
CANARY = "canary"
DOZENS = 36
TOO_LARGE = b"x" * (1024 * 1024 + 1)
SECONDS = 10.0
"""More than a good client ever waits, and less than the bad ones would hang without a limit."""

Pairs = Sequence[tuple[str, str]]


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """nginx before an application that tells what reached it."""
    require_nginx()
    with running("nginx", tmp_path_factory.mktemp("probe"), application=PROBE) as made:
        yield made


def told(answer: Answer) -> dict[str, Any]:
    """What the probe was given."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def headers_of(answer: Answer) -> dict[str, str]:
    found: dict[str, str] = told(answer)["headers"]
    return found


def thumbprint(pem: bytes) -> str:
    return read_certificate(pem).thumbprint


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_nginx_tells_the_certificate_it_verified(probe: Node, version: ssl.TLSVersion) -> None:
    """The thumbprint of what arrives is that of the file: nothing is lost in the escaping."""
    client = probe.certificates.client()
    door = probe.mutual(client)
    door.version = version
    headers = headers_of(door.get("/"))
    assert "SUCCESS" == headers["HTTP_X_SSL_CLIENT_VERIFY"]
    escaped = headers["HTTP_X_SSL_CLIENT_CERT"]
    assert thumbprint(client.certificate.read_bytes()) == thumbprint(unquote_to_bytes(escaped))


def test_a_connection_without_a_certificate_is_told_as_such(probe: Node) -> None:
    headers = headers_of(probe.mutual().get("/"))
    assert "NONE" == headers["HTTP_X_SSL_CLIENT_VERIFY"]
    assert "HTTP_X_SSL_CLIENT_CERT" not in headers


REFUSED: dict[str, Callable[[Certificates], ClientFiles]] = {
    "expired": lambda made: made.client(now=datetime.now(UTC) - 2 * DAY, lifetime=DAY),
    "self-signed": lambda made: made.keep(create_authority("camhs", now=datetime.now(UTC))),
    "another authority of the same name": lambda made: made.client(
        authority=create_authority("Test authority", now=datetime.now(UTC))
    ),
}


def assert_refused(answer: Answer) -> None:
    """nginx answered, not the application."""
    assert 400 == answer.status_code
    assert "text/html" == answer.mimetype


@pytest.mark.parametrize("name", REFUSED)
def test_a_certificate_that_does_not_hold_ends_at_nginx(probe: Node, name: str) -> None:
    """With ``optional_no_ca`` the last one would reach the application with a known subject."""
    assert_refused(probe.mutual(REFUSED[name](probe.certificates)).get("/"))


def test_a_revoked_certificate_ends_at_nginx(tmp_path: Path) -> None:
    """On new connections after a reload, which also ends those that are open and idle."""
    require_nginx()
    with running("nginx", tmp_path, application=PROBE) as node:
        client, other = node.certificates.client(), node.certificates.client()
        open_one = node.mutual(client)
        told(open_one.get("/"))
        node.revoke(client)
        for door in (open_one, node.mutual(client), node.mutual(client)):
            assert_refused(door.get("/"))
        told(node.mutual(other).get("/"))


@pytest.mark.parametrize("lifetime", [DAY, None], ids=["stale", "of another authority"])
def test_without_a_good_list_nginx_refuses_every_certificate(
    tmp_path: Path, lifetime: timedelta | None
) -> None:
    require_nginx()
    with running("nginx", tmp_path, application=PROBE) as node:
        client = node.certificates.client()
        if lifetime is not None:
            node.certificates.publish_list(now=datetime.now(UTC) - 2 * DAY, lifetime=lifetime)
        else:
            other = Certificates(tmp_path / "other")
            node.certificates.list_file.write_bytes(other.list_file.read_bytes())
        node.reload()
        assert_refused(node.mutual(client).get("/"))
        told(node.mutual().get("/"))


def test_the_mutual_server_of_nginx_resumes_no_session(probe: Node) -> None:
    """nginx would take the old handshake's word for it. The public one shows that this test would see one."""
    client = probe.certificates.client()
    for port, resumes in ((probe.ports.public, True), (probe.ports.mutual, False)):
        context = ssl.create_default_context(cafile=probe.certificates.authority_file)
        context.load_cert_chain(client.certificate, client.key)
        session, found = None, []
        for _ in range(2):
            bare = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
            with context.wrap_socket(bare, server_hostname="localhost", session=session) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                while connection.recv(4096):
                    pass
                session = connection.session
                found.append(connection.session_reused)
        assert [False, resumes] == found


def test_an_old_connection_is_closed_after_its_answer(tmp_path: Path) -> None:
    """A list that went stale, or a certificate that ended, counts for those who are inside as well: after a minute
    as shipped, after a second here."""
    require_nginx()
    changes = {"keepalive_time 60s": "keepalive_time 1s"}
    with running("nginx", tmp_path, application=PROBE, nginx_changes=changes) as node:
        door = node.mutual(node.certificates.client())
        assert "keep-alive" == door.get("/").headers["Connection"]
        time.sleep(1.1)
        assert "close" == door.get("/").headers["Connection"]


def test_the_public_server_never_asks(probe: Node) -> None:
    door = probe.public()
    door.client = REFUSED["expired"](probe.certificates)
    assert not _certificate_claims(headers_of(door.get("/")))


def _certificate_claims(headers: dict[str, str]) -> set[str]:
    return {name for name in headers if "SSL" in name or "CERT" in name}


FORGED: dict[str, Pairs] = {
    "nginx's own": [("X-SSL-Client-Verify", "SUCCESS"), ("X-SSL-Client-Cert", CANARY)],
    "other capitals": [("x-ssl-client-verify", "SUCCESS"), ("X-Ssl-Client-CERT", CANARY)],
    "twice": [("X-SSL-Client-Cert", CANARY), ("X-SSL-Client-Cert", CANARY)],
    "RFC 9440": [("Client-Cert", CANARY), ("Client-Cert-Chain", CANARY), ("client-cert", CANARY)],
    "underscores": [
        ("X_SSL_Client_Verify", "SUCCESS"),
        ("X_SSL_Client_Cert", CANARY),
        ("Client_Cert", CANARY),
    ],
    "one underscore": [("X-SSL-Client_Cert", CANARY), ("X_SSL-Client-Cert", CANARY)],
    "dots": [("X.SSL.Client.Cert", CANARY)],
    "a blank before the colon": [("X-SSL-Client-Cert ", CANARY)],
    "on a second line": [("X-Other", f"x\r\n X-SSL-Client-Cert: {CANARY}")],
    "environment": [("SCRIPT_NAME", f"/{CANARY}"), ("PATH_INFO", f"/{CANARY}")],
    "forwarded": [("X-Forwarded-For", CANARY), ("X-Forwarded-Proto", CANARY), ("Forwarded", CANARY)],
    "named by Connection": [("Connection", "X-SSL-Client-Verify, X-SSL-Client-Cert")],
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("entrance", ["public", "mutual", "mutual with a certificate"])
def test_a_forged_word_on_certificates_reaches_nobody(probe: Node, name: str, entrance: str) -> None:
    """Over the socket the application believes nginx: so nothing of a client's may look like it."""
    client = probe.certificates.client() if "with" in entrance else None
    door = probe.public() if entrance == "public" else probe.mutual(client)
    answer = door.get("/", headers=FORGED[name])
    if name in {"a blank before the colon", "on a second line"} and answer.status_code == 400:
        return
    assert CANARY not in answer.get_data(as_text=True)
    headers = headers_of(answer)
    expected = {"public": None, "mutual": "NONE", "mutual with a certificate": "SUCCESS"}[entrance]
    assert expected == headers.get("HTTP_X_SSL_CLIENT_VERIFY")
    if client is None:
        assert "HTTP_X_SSL_CLIENT_CERT" not in headers
    else:
        shown = thumbprint(unquote_to_bytes(headers["HTTP_X_SSL_CLIENT_CERT"]))
        assert thumbprint(client.certificate.read_bytes()) == shown


def test_what_the_gateway_judges_arrives_as_it_was_sent(probe: Node) -> None:
    """Path, host and repeated proofs: the application must see what the client did, to refuse it."""
    answer = probe.public().get(
        "/v1//me/../%6de?a=b&a=c",
        headers=[("DPoP", "one"), ("DPoP", "two"), ("Authorization", "DPoP x")],
        base_url="https://evil.example",
    )
    document = told(answer)
    assert "/v1//me/../%6de?a=b&a=c" == document["path"]
    assert "evil.example" == document["headers"]["HTTP_HOST"]
    assert "one,two" == document["headers"]["HTTP_DPOP"]
    assert "DPoP x" == document["headers"]["HTTP_AUTHORIZATION"]
    assert "https" == document["scheme"]


def test_a_long_token_and_a_long_proof_fit(probe: Node) -> None:
    token, proof = "t" * 8000, "p" * 4000
    headers = headers_of(probe.public().get("/", headers=[("Authorization", token), ("DPoP", proof)]))
    assert (token, proof) == (headers["HTTP_AUTHORIZATION"], headers["HTTP_DPOP"])


def test_a_body_over_one_megabyte_goes_no_further(probe: Node) -> None:
    assert 413 == probe.public().post("/", data=TOO_LARGE).status_code


def test_nothing_personal_touches_a_disk(probe: Node) -> None:
    """A large body is a family's record and a large answer is a pack: neither is put into a file on the way, not
    even where its reader is slow."""
    folders = [probe.folder / "client_body", probe.folder / "proxy"]
    before = [folder.stat().st_mtime_ns for folder in folders]
    assert 900_000 == told(probe.public().post("/", data=b"x" * 900_000))["body"]
    with probe.public().tls() as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 200")
        time.sleep(0.5)
        assert before == [folder.stat().st_mtime_ns for folder in folders]


def test_the_logs_of_nginx_hold_nothing_of_a_request(tmp_path: Path) -> None:
    """Paths hold case references, and a confused client puts tokens into queries. Nor when something fails: a body
    that is too large is an error to nginx, a gateway that is away a critical one."""
    require_nginx()
    away = {"location /oauth/ {": "location /away/ { proxy_pass http://unix:/nowhere; } location /oauth/ {"}
    with running("nginx", tmp_path, application=PROBE, nginx_changes=away) as node:
        door = node.public()
        told(door.get(f"/v1/{CANARY}?token={CANARY}", headers=[("User-Agent", CANARY), ("Referer", CANARY)]))
        assert 413 == door.post(f"/{CANARY}", data=TOO_LARGE).status_code
        assert 502 == door.get(f"/away/{CANARY}").status_code
    logs = [(tmp_path / name).read_text() for name in ("access.log", "error.log")]
    for line in ("GET 200", "POST 413", "GET 502"):
        assert f" {node.ports.public} {line} " in logs[0]
    assert not any(CANARY in log for log in logs)


def test_tokens_have_a_first_wall(tmp_path: Path) -> None:
    """Per address, for the authorization server alone. As shipped it is too wide for a test to reach."""
    require_nginx()
    narrow = {"rate=100r/s": "rate=1r/m", "burst=500 nodelay": "burst=1 nodelay"}
    with running("nginx", tmp_path, application=PROBE, nginx_changes=narrow) as node:
        paths = ["/oauth/token", "/%6fauth/token", "/v1/../oauth/token", "/v1/me", "/healthz"]
        assert [200, 200, 429, 200, 200] == [node.public().get(path).status_code for path in paths]


def test_clients_that_stop_keep_nobody_waiting(tmp_path: Path) -> None:
    """Dozens that stop in the handshake, in a header or in a body, more than the gateway has threads, and here they
    may stay longer than the good one waits."""
    require_nginx()
    patient = {
        name: name.replace("5s", "60s") for name in ("client_header_timeout 5s", "client_body_timeout 5s")
    }
    begun = b"GET /v1/me HTTP/1.1\r\nHost: localhost\r\nAuthoriz"
    posted = b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\ngrant"
    with running("nginx", tmp_path, application=PROBE, nginx_changes=patient) as node, ExitStack() as stack:
        for _ in range(DOZENS):
            for door in (node.public(), node.mutual()):
                bare = stack.enter_context(socket.create_connection(("127.0.0.1", door.port)))
                bare.sendall(b"\x16\x03\x01")
                for beginning in (begun, posted):
                    stack.enter_context(door.tls()).sendall(beginning)
        for good in (node.public(), node.mutual(node.certificates.client())):
            _assert_answered_soon(good)


def _assert_answered_soon(door: Door) -> None:
    with door.tls() as connection:
        connection.settimeout(SECONDS)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 200")


def test_a_client_that_stops_is_let_go(probe: Node) -> None:
    """Each holds a connection of nginx until then."""
    bare = socket.create_connection(("127.0.0.1", probe.ports.public), timeout=SECONDS)
    with bare, probe.public().tls() as begun:
        bare.sendall(b"\x16\x03\x01")
        begun.settimeout(SECONDS)
        begun.sendall(b"GET / HTTP/1.1\r\nHost")
        assert b"" == _end_of(begun)
        assert b"" == _end_of(bare)


def _end_of(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except (ConnectionResetError, ssl.SSLEOFError):
        return b""


def test_the_instructions_name_settings_that_exist() -> None:
    """A misspelt setting is silently none, and header trust would be off or on by accident."""
    named = set(re.findall(r"GATEWAY_([A-Z_]+)", (ROOT / "deploy" / "README.md").read_text()))
    readers = ("settings.py", "ops/listeners.py", "ops/gunicorn_conf.py")
    read = "".join((ROOT / "gateway" / name).read_text() for name in readers)
    assert {"BIND", "CLIENT_CERTIFICATES", "MTLS_URL"} <= named
    assert set() == {name for name in named if not re.search(rf'"(GATEWAY_)?{name}"', read)}


def test_a_partner_gets_its_token_through_a_real_door(door: DoorPlace) -> None:
    """The suite that attacks the doors is worth something only if the honest way is open."""
    partner = door.partner()
    answer = partner.get("/v1/me", partner.token())
    assert 200 == answer.status_code, answer.get_data(as_text=True)


def test_the_gateway_answers_without_a_certificate_on_both_addresses(door: DoorPlace) -> None:
    for entrance in (door.public, door.mutual()):
        answer = entrance.get("/.well-known/oauth-authorization-server")
        assert (200, door.settings.issuer) == (answer.status_code, answer.get_json()["issuer"])


def test_an_answer_comes_as_it_was_given(door: DoorPlace) -> None:
    """What the application says of caching and framing, nginx leaves alone; who serves, it does not say."""
    headers: Headers = door.public.get("/healthz").headers
    assert ["no-store"] == headers.get_all("Cache-Control")
    assert ["max-age=31536000"] == headers.get_all("Strict-Transport-Security")
    assert headers["Server"] in {"gunicorn", "nginx"}
