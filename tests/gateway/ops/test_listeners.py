"""The two listeners of the real gunicorn, with an application behind them that tells what reached it."""

import os
import socket
import ssl
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from certs.authority import Issued, create_authority, issue_server
from certs.certificate import read_certificate
from certs.private_file import write_private
from gateway.ops.listeners import HANDSHAKE_SECONDS, Listeners, ListenersError
from gateway.ops.serve import gunicorn_command
from tests.support.door import ClientFiles, Door, DoorClosedError
from tests.support.node import PROBE, Certificates, Node, require_nginx, running

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
CLIENT_HELLO_BEGUN = b"\x16\x03\x01"
DAY = timedelta(days=1)
THREADS = 8
OFTEN = 8
"""More connections than workers, so that each worker is met."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One gunicorn for the tests that change no file but the list, by a certificate of their own."""
    with running("native", tmp_path_factory.mktemp("node"), application=PROBE) as made:
        yield made


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[Node]:
    """A gunicorn whose files a test may change."""
    with running("native", tmp_path, application=PROBE) as made:
        yield made


def thumbprint(client: ClientFiles) -> str:
    return read_certificate(client.certificate.read_bytes()).thumbprint


def seen(door: Door) -> str | None:
    """The thumbprint of the certificate that the application found on the connection."""
    answer = door.get("/")
    assert answer.status_code == 200
    told: str | None = answer.get_json()["thumbprint"]
    return told


def served(door: Door) -> x509.Certificate:
    """The server's certificate."""
    with door.tls() as connection:
        presented = connection.getpeercert(binary_form=True)
    assert presented is not None
    return x509.load_der_x509_certificate(presented)


def _of_another_authority(certificates: Certificates) -> ClientFiles:
    rogue = create_authority("Test authority", now=datetime.now(UTC))
    return certificates.client(authority=rogue)


def _of_a_server(certificates: Certificates) -> ClientFiles:
    return certificates.keep(issue_server(certificates.authority, names=["camhs"], now=datetime.now(UTC)))


def _without_identifiers(certificates: Certificates) -> ClientFiles:
    """RFC 5280 section 4.2.1.1: a certificate names the key it was signed with. OpenSSL minds in strict mode."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camhs")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(certificates.authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .sign(certificates.authority.key, SHA256())
    )
    return certificates.keep(Issued(key=key, certificate=certificate))


def _revoked(certificates: Certificates) -> ClientFiles:
    client = certificates.client()
    certificates.revoke(client)
    return client


REFUSED: dict[str, Callable[[Certificates], ClientFiles]] = {
    "expired": lambda made: made.client(now=datetime.now(UTC) - 2 * DAY, lifetime=DAY),
    "not valid yet": lambda made: made.client(now=datetime.now(UTC) + DAY),
    "self-signed": lambda made: made.keep(create_authority("camhs", now=datetime.now(UTC))),
    "another authority of the same name": _of_another_authority,
    "a server's": _of_a_server,
    "without key identifiers": _without_identifiers,
    "revoked": _revoked,
}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_certificate_reaches_the_application(node: Node, version: ssl.TLSVersion) -> None:
    client = node.certificates.client()
    door = node.mutual(client)
    door.version = version
    assert thumbprint(client) == seen(door)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_without_one_is_answered_all_the_same(node: Node, version: ssl.TLSVersion) -> None:
    """An alert would say less than the OAuth error that the application gives, and monitoring would see no door."""
    door = node.mutual()
    door.version = version
    assert seen(door) is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", REFUSED)
def test_a_certificate_that_does_not_hold_comes_nowhere(
    node: Node, name: str, version: ssl.TLSVersion
) -> None:
    """Neither as what it claims nor as "none": the connection ends at the handshake."""
    door = node.mutual(REFUSED[name](node.certificates))
    door.version = version
    with pytest.raises(DoorClosedError):
        door.get("/")


@pytest.mark.parametrize("name", [*REFUSED, "good"])
def test_the_plain_listener_never_asks(node: Node, name: str) -> None:
    """Asking makes browsers with smart cards prompt, and a certificate there would be believed by nobody."""
    client = REFUSED[name](node.certificates) if name in REFUSED else node.certificates.client()
    door = node.public()
    door.client = client
    assert seen(door) is None


@pytest.mark.parametrize("listener", ["public", "mutual"])
def test_tls_1_3_is_preferred_and_1_2_has_forward_secrecy(node: Node, listener: str) -> None:
    door = {"public": node.public, "mutual": node.mutual}[listener]()
    with door.tls() as connection:
        assert connection.version() == "TLSv1.3"
    door.version = ssl.TLSVersion.TLSv1_2
    with door.tls() as connection:
        cipher = connection.cipher()
    assert cipher is not None
    assert cipher[0].startswith("ECDHE-")
    assert "-GCM-" in cipher[0]


@pytest.mark.parametrize("listener", ["public", "mutual"])
@pytest.mark.parametrize("offer", ["TLS 1.1", "a cipher without forward secrecy", "a cipher in CBC mode"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_weak_tls_is_refused(node: Node, listener: str, offer: str) -> None:
    """RFC 9325 sections 3.1.1 and 4.1."""
    context = ssl.create_default_context(cafile=node.certificates.authority_file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    match offer:
        case "TLS 1.1":
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        case "a cipher without forward secrecy":
            context.set_ciphers("AES128-GCM-SHA256")
        case _:
            context.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA")
    port = {"public": node.ports.public, "mutual": node.ports.mutual}[listener]
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as bare,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(bare, server_hostname="localhost")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_mutual_listener_resumes_no_session(node: Node, version: ssl.TLSVersion) -> None:
    """A resumed session carries the old certificate past the revocation list. The plain listener shows that
    this test would see one."""
    for port, resumes in ((node.ports.public, True), (node.ports.mutual, False)):
        context = ssl.create_default_context(cafile=node.certificates.authority_file)
        client = node.certificates.client()
        context.load_cert_chain(client.certificate, client.key)
        context.maximum_version = version
        assert [False, resumes] == _resumptions(context, port)


def _resumptions(context: ssl.SSLContext, port: int) -> list[bool | None]:
    found, session = [], None
    for _ in range(2):
        bare = socket.create_connection(("127.0.0.1", port), timeout=10)
        with context.wrap_socket(bare, server_hostname="localhost", session=session) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while connection.recv(4096):
                pass
            session = connection.session
            found.append(connection.session_reused)
    return found


def test_a_revoked_certificate_is_out_at_once(own_node: Node) -> None:
    """On every worker, on new connections and on the one that is open, without a restart."""
    client, other = own_node.certificates.client(), own_node.certificates.client()
    open_one, others = own_node.mutual(client), own_node.mutual(other)
    assert thumbprint(client) == seen(open_one)
    assert thumbprint(other) == seen(others)
    own_node.certificates.revoke(client)
    with pytest.raises(DoorClosedError):
        open_one.get("/")
    for _ in range(OFTEN):
        with pytest.raises(DoorClosedError):
            own_node.mutual(client).get("/")
    assert thumbprint(other) == seen(others)


def test_an_open_connection_ends_when_its_certificate_is_revoked(own_node: Node) -> None:
    """Its owner could keep it open for ever. The client sees an end, not an answer."""
    client = own_node.certificates.client()
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with own_node.mutual(client).tls() as connection:
        connection.sendall(request)
        answer = b""
        while not answer.endswith(b"0\r\n\r\n"):
            answer += connection.recv(4096)
        own_node.certificates.revoke(client)
        connection.sendall(request)
        assert b"" == _end_of(connection)


def _end_of(connection: ssl.SSLSocket) -> bytes:
    try:
        return connection.recv(64)
    except (ssl.SSLEOFError, ConnectionResetError):
        return b""


def _stale(certificates: Certificates) -> None:
    certificates.publish_list(now=datetime.now(UTC) - 2 * DAY, lifetime=DAY)


def _absent(certificates: Certificates) -> None:
    certificates.list_file.unlink()


def _empty(certificates: Certificates) -> None:
    certificates.list_file.write_bytes(b"")


def _of_another(certificates: Certificates) -> None:
    certificates.list_file.write_bytes(
        Certificates(certificates.folder.with_name("other")).list_file.read_bytes()
    )


def _with_a_certificate(certificates: Certificates) -> None:
    """A certificate in that file would count as an authority."""
    with certificates.list_file.open("ab") as file:
        file.write(certificates.authority.certificate_pem)


WITHOUT_A_LIST = {
    "stale": _stale,
    "absent": _absent,
    "empty": _empty,
    "another authority's": _of_another,
    "a certificate in it": _with_a_certificate,
}


@pytest.mark.parametrize("name", WITHOUT_A_LIST)
def test_without_a_good_list_every_certificate_is_refused(own_node: Node, name: str) -> None:
    """What cannot be checked is not believed; clients without a certificate are answered still. With the next
    good list all is well again, without a restart."""
    client = own_node.certificates.client()
    assert thumbprint(client) == seen(own_node.mutual(client))
    WITHOUT_A_LIST[name](own_node.certificates)
    for _ in range(OFTEN):
        with pytest.raises(DoorClosedError):
            own_node.mutual(client).get("/")
    assert seen(own_node.mutual()) is None
    own_node.certificates.publish_list()
    assert thumbprint(client) == seen(own_node.mutual(client))


def test_another_authority_counts_at_once_and_the_old_one_no_more(own_node: Node, tmp_path: Path) -> None:
    before, after = own_node.certificates, Certificates(tmp_path / "after")
    old, new = before.client(), after.client()
    assert thumbprint(old) == seen(own_node.mutual(old))
    trusted = before.folder / "trusted.pem"  # the doors verify the server with the authority of before
    trusted.write_bytes(before.authority_file.read_bytes())
    before.authority_file.write_bytes(after.authority_file.read_bytes())
    before.list_file.write_bytes(after.list_file.read_bytes())
    for client, expected in ((old, None), (new, thumbprint(new))):
        with Door(own_node.ports.mutual, own_node.ports.mutual_url, trusted, client) as door:
            if expected is None:
                with pytest.raises(DoorClosedError):
                    door.get("/")
            else:
                assert expected == seen(door)


def test_a_new_server_certificate_is_shown_at_once(own_node: Node) -> None:
    first = served(own_node.public())
    renewed = own_node.certificates.renew_server()
    assert first != renewed
    for door in [own_node.public(), own_node.mutual()] * OFTEN:
        assert renewed == served(door)


def test_a_broken_server_certificate_leaves_the_last_one_in_use(own_node: Node) -> None:
    """Between two writes the certificate and its key do not match: no client may notice."""
    before = served(own_node.public())
    write_private(own_node.certificates.server.certificate, b"not a certificate")
    client = own_node.certificates.client()
    for door in [own_node.public(), own_node.mutual()] * OFTEN:
        assert before == served(door)
    assert thumbprint(client) == seen(own_node.mutual(client))


def test_a_broken_server_certificate_hides_no_revocation(own_node: Node) -> None:
    """The last context would still trust whom the new list revokes; that listener closes instead."""
    client = own_node.certificates.client()
    write_private(own_node.certificates.server.certificate, b"not a certificate")
    own_node.certificates.revoke(client)
    for _ in range(OFTEN):
        with pytest.raises(DoorClosedError):
            own_node.mutual(client).get("/")
        assert seen(own_node.public()) is None
    own_node.certificates.renew_server()
    assert seen(own_node.mutual()) is None


def test_handshakes_that_stop_or_crawl_are_ended(tmp_path: Path) -> None:
    """A thread waits for each: with more of them than threads, a good client would wait for ever."""
    with ExitStack() as stack:
        node = stack.enter_context(
            running("native", tmp_path, application=PROBE, environ={"GATEWAY_WORKERS": "1"})
        )
        hanging = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for port in (node.ports.public, node.ports.mutual)
            for _ in range(THREADS // 2)
        ]
        for connection in hanging:
            connection.sendall(CLIENT_HELLO_BEGUN)
        crawl = threading.Thread(target=_crawl, args=(hanging[0],))
        crawl.start()
        started = time.monotonic()
        assert seen(node.public()) is None
        waited = time.monotonic() - started
        assert waited < 2 * HANDSHAKE_SECONDS
        for connection in hanging:
            connection.settimeout(2 * HANDSHAKE_SECONDS)
            assert b"" == _bare_end_of(connection)
        crawl.join()


def _crawl(connection: socket.socket) -> None:
    """Send a long handshake record, one byte in a quarter of a second: each is progress, there is no end."""
    try:
        for byte in b"\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200):
            connection.sendall(bytes([byte]))
            time.sleep(0.25)
    except OSError:
        return


def _bare_end_of(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except ConnectionResetError:
        return b""


def test_clients_that_are_refused_and_stay_keep_nobody_waiting(tmp_path: Path) -> None:
    """gunicorn says goodbye on the loop where everybody waits, two seconds for each client that does not go."""
    with ExitStack() as stack:
        node = stack.enter_context(
            running("native", tmp_path, application=PROBE, environ={"GATEWAY_WORKERS": "1"})
        )
        for _ in range(3 * THREADS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", node.ports.mutual)))
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        started = time.monotonic()
        for _ in range(OFTEN):
            assert seen(node.public()) is None
        assert time.monotonic() - started < 10


def test_no_header_becomes_a_path(node: Node) -> None:
    """gunicorn lets SCRIPT_NAME through from the loopback, unless told not to: an underscore beside the hyphens."""
    headers = [("SCRIPT_NAME", "/v1"), ("PATH_INFO", "/healthz"), ("X_SSL_Client_Verify", "SUCCESS")]
    told = node.public().get("/v1/me", headers=headers).get_json()
    assert ("/v1/me", "") == (told["path"], told["script"])
    assert ["HTTP_HOST"] == [*told["headers"]]


def test_a_unix_socket_is_for_owner_and_group(tmp_path: Path) -> None:
    """Whoever can write to it is believed to be nginx."""
    require_nginx()
    with running("nginx", tmp_path, application=PROBE) as node:
        (bound,) = [line.partition("unix:")[2] for line in node.log.splitlines() if "Listening at" in line]
        mode = stat.S_IMODE(Path(bound.partition(" ")[0]).stat().st_mode)
    assert 0o660 == mode


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, str]:
    """An environment with both listeners and nothing wrong."""
    made = Certificates(tmp_path / "tls")
    return {
        "GATEWAY_BIND": "127.0.0.1:8443",
        "GATEWAY_MTLS_BIND": "127.0.0.1:8444",
        "GATEWAY_CLIENT_CERTIFICATES": "tls",
        "GATEWAY_TLS_CERTIFICATE_FILE": str(made.server.certificate),
        "GATEWAY_TLS_KEY_FILE": str(made.server.key),
        "GATEWAY_CLIENT_CA_FILE": str(made.authority_file),
        "GATEWAY_CLIENT_CRL_FILE": str(made.list_file),
    }


WRONG: dict[str, tuple[Mapping[str, str | None], str]] = {
    "no authorities": ({"GATEWAY_CLIENT_CA_FILE": None}, "GATEWAY_MTLS_BIND needs"),
    "no list": ({"GATEWAY_CLIENT_CRL_FILE": None}, "GATEWAY_MTLS_BIND needs"),
    "no server certificate": (
        {"GATEWAY_TLS_CERTIFICATE_FILE": None, "GATEWAY_TLS_KEY_FILE": None},
        "GATEWAY_MTLS_BIND needs",
    ),
    "a key alone": ({"GATEWAY_TLS_CERTIFICATE_FILE": None}, "GATEWAY_TLS_KEY_FILE goes with"),
    "the authorities are not there": (
        {"GATEWAY_CLIENT_CA_FILE": "/nowhere"},
        "GATEWAY_CLIENT_CA_FILE must be",
    ),
    "the list is not there": ({"GATEWAY_CLIENT_CRL_FILE": "/nowhere"}, "GATEWAY_CLIENT_CRL_FILE must be"),
    "the certificate is not there": (
        {"GATEWAY_TLS_CERTIFICATE_FILE": "/nowhere"},
        "GATEWAY_TLS_CERTIFICATE_FILE and GATEWAY_TLS_KEY_FILE must be",
    ),
    "the same port": ({"GATEWAY_MTLS_BIND": "[::1]:8443"}, "GATEWAY_MTLS_BIND must be host:port"),
    "the default's port": (
        {"GATEWAY_BIND": None, "GATEWAY_MTLS_BIND": "127.0.0.1:8443"},
        "GATEWAY_MTLS_BIND must be host:port",
    ),
    "no port": ({"GATEWAY_MTLS_BIND": "localhost"}, "GATEWAY_MTLS_BIND must be host:port"),
    "mutual TLS on a unix socket": ({"GATEWAY_MTLS_BIND": "unix:/x"}, "GATEWAY_MTLS_BIND must be host:port"),
    "certificates from the proxy, too": (
        {"GATEWAY_CLIENT_CERTIFICATES": "proxy"},
        "GATEWAY_MTLS_BIND and GATEWAY_CLIENT_CERTIFICATES=tls go together",
    ),
    "no listener to take them from": (
        {"GATEWAY_MTLS_BIND": None},
        "GATEWAY_MTLS_BIND and GATEWAY_CLIENT_CERTIFICATES=tls go together",
    ),
    "an encrypted unix socket": ({"GATEWAY_BIND": "127.0.0.1:1,unix:/x"}, "GATEWAY_BIND names a unix socket"),
}


def _changed(environ: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**environ, **changes}.items() if value is not None}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_said_in_one_sentence(whole: dict[str, str], name: str) -> None:
    changes, sentence = WRONG[name]
    with pytest.raises(ListenersError) as caught:
        Listeners.from_environ(_changed(whole, changes))
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("GATEWAY_CLIENT_CA_FILE", "GATEWAY_CLIENT_CRL_FILE"),
        ("GATEWAY_CLIENT_CA_FILE", "GATEWAY_TLS_CERTIFICATE_FILE"),
        ("GATEWAY_CLIENT_CRL_FILE", "GATEWAY_CLIENT_CA_FILE"),
        ("GATEWAY_TLS_KEY_FILE", "GATEWAY_TLS_CERTIFICATE_FILE"),
    ],
)
def test_files_that_are_mixed_up_are_found_at_the_start(
    whole: dict[str, str], file: str, content: str
) -> None:
    """A server's certificate among the authorities would let whoever holds its key in as a client."""
    with pytest.raises(ListenersError) as caught:
        Listeners.from_environ({**whole, file: whole[content]})
    assert file in str(caught.value)


def test_an_encrypted_key_asks_nobody(whole: dict[str, str]) -> None:
    """OpenSSL would ask at the terminal, and the start would wait for an answer."""
    key = Path(whole["GATEWAY_TLS_KEY_FILE"])
    private = load_pem_private_key(key.read_bytes(), password=None)
    write_private(
        key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    with pytest.raises(ListenersError):
        Listeners.from_environ(whole)


def test_both_listeners_one_or_none(whole: dict[str, str]) -> None:
    assert Listeners.from_environ(whole) is not None
    alone = {"GATEWAY_MTLS_BIND": None, "GATEWAY_CLIENT_CERTIFICATES": "off"}
    assert Listeners.from_environ(_changed(whole, alone)) is not None
    assert Listeners.from_environ({"GATEWAY_BIND": "unix:/run/x", "GATEWAY_MTLS_BIND": ""}) is None


def test_one_file_may_hold_certificate_and_key(whole: dict[str, str], tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    names = ("GATEWAY_TLS_CERTIFICATE_FILE", "GATEWAY_TLS_KEY_FILE")
    write_private(both, b"".join(Path(whole[name]).read_bytes() for name in names))
    changes = {"GATEWAY_TLS_CERTIFICATE_FILE": str(both), "GATEWAY_TLS_KEY_FILE": None}
    assert Listeners.from_environ(_changed(whole, changes)) is not None


def test_gunicorn_does_not_start_on_a_wrong_setting(whole: dict[str, str]) -> None:
    """The operator reads the sentence and nothing else."""
    environ = _changed({**os.environ, **whole}, {"GATEWAY_CLIENT_CRL_FILE": "/nowhere"})
    answer = subprocess.run(  # noqa: S603 - our own words
        gunicorn_command(PROBE), env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    expected = (
        "The gateway cannot start: GATEWAY_CLIENT_CRL_FILE must be a file of revocation lists in PEM.\n"
    )
    assert (1, "", expected) == (answer.returncode, answer.stdout, answer.stderr)
