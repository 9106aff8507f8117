"""What the authority issues passes a strict TLS verifier in its own role, and in no other."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from certs.authority import Issued, create_authority, issue_client, issue_server, write_private
from certs.errors import AuthorityError, KeyFileError

NOW = datetime.now(UTC)  # the TLS library reads the machine's clock
CA = create_authority("Demo authority", now=NOW)
SERVER = issue_server(CA, names=["localhost"], addresses=[ip_address("127.0.0.1")], now=NOW)
CLIENT = issue_client(CA, agency="camhs", now=NOW)


def _context(purpose: ssl.Purpose, own: Issued, trusted: Issued, folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose, cadata=trusted.certificate_pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    chain = folder / f"{own.certificate.serial_number}.pem"
    write_private(chain, own.key_pem + own.certificate_pem)
    context.load_cert_chain(chain)
    return context


def _handshake(
    folder: Path, *, server: Issued, client: Issued, name: str = "localhost", trusted: Issued = CA
) -> None:
    """A mutual TLS 1.3 handshake in memory; raises what either side raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_side = _context(ssl.Purpose.CLIENT_AUTH, server, trusted, folder)
    client_side = _context(ssl.Purpose.SERVER_AUTH, client, trusted, folder)
    accepting = server_side.wrap_bio(to_server, to_client, server_side=True)
    connecting = client_side.wrap_bio(to_client, to_server, server_hostname=name)
    for step in (connecting.do_handshake, accepting.do_handshake) * 2:
        _advance(step)
    _advance(accepting.do_handshake)
    assert connecting.version() == accepting.version() == "TLSv1.3"


def _advance(step: Callable[[], None]) -> None:
    try:
        step()
    except ssl.SSLWantReadError:
        return


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_server_and_client_meet_under_a_strict_verifier(tmp_path: Path, name: str) -> None:
    _handshake(tmp_path, server=SERVER, client=CLIENT, name=name)


def test_another_host_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(tmp_path, server=SERVER, client=CLIENT, name="elsewhere.test")


def test_a_client_certificate_cannot_stand_as_a_server(tmp_path: Path) -> None:
    """An agency must not be able to impersonate the gateway to other agencies."""
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(tmp_path, server=CLIENT, client=CLIENT, name="camhs")


def test_a_server_certificate_cannot_stand_as_a_client(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(tmp_path, server=SERVER, client=SERVER)


def test_a_certificate_of_another_authority_of_the_same_name_is_refused(tmp_path: Path) -> None:
    """The name of an authority proves nothing; its key does."""
    rogue = create_authority("Demo authority", now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(tmp_path, server=SERVER, client=issue_client(rogue, agency="camhs", now=NOW))


def test_an_expired_client_certificate_is_refused(tmp_path: Path) -> None:
    old = issue_client(CA, agency="camhs", now=NOW - timedelta(days=2), lifetime=timedelta(days=1))
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(tmp_path, server=SERVER, client=old)


def test_what_is_issued_can_issue_nothing() -> None:
    with pytest.raises(AuthorityError):
        issue_client(CLIENT, agency="police", now=NOW)


def test_a_client_certificate_names_its_agency() -> None:
    names = CLIENT.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    expected = ["urn:early-help-gateway:agency:camhs"]
    assert expected == names.get_values_for_type(x509.UniformResourceIdentifier)
    assert CLIENT.certificate.subject.rfc4514_string() == "CN=camhs"


@pytest.mark.parametrize("names", [[], ["köln.example"]], ids=["none", "not ascii"])
def test_a_server_without_a_usable_name_is_refused(names: list[str]) -> None:
    with pytest.raises(AuthorityError):
        issue_server(CA, names=names, now=NOW)


def test_an_authority_survives_being_stored() -> None:
    stored = Issued.from_pem(key=CA.key_pem, certificate=CA.certificate_pem)
    assert stored.certificate == CA.certificate
    assert stored.key.private_numbers() == CA.key.private_numbers()


@pytest.mark.parametrize(
    ("key", "certificate"),
    [(CA.key_pem, CLIENT.certificate_pem), (b"x", CA.certificate_pem), (CA.key_pem, b"x")],
    ids=["of two pairs", "no key", "no certificate"],
)
def test_a_broken_pair_is_refused(key: bytes, certificate: bytes) -> None:
    with pytest.raises(AuthorityError):
        Issued.from_pem(key=key, certificate=certificate)


def test_a_private_file_is_0600_even_over_an_open_one(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == b"new"
    assert [path] == list(tmp_path.iterdir())


def test_a_folder_that_is_missing_is_an_error_of_the_package(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError):
        write_private(tmp_path / "absent" / "key.pem", b"x")


def test_a_key_does_not_show_in_its_repr() -> None:
    assert "key" not in repr(CLIENT).replace("certificate", "")
