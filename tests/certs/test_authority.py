"""What the authority issues passes a strict TLS verifier in its own role, and in no other."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.authority import (
    PROFILES,
    CertificateProfile,
    Issued,
    agency_uri,
    client_uri,
    create_authority,
    issue_client,
    issue_client_from_request,
    issue_server,
    write_private,
)
from certs.certificate import MAX_BYTES, check_chain, read_certificate
from certs.errors import AuthorityError, KeyFileError
from certs.revocation import issue_list
from tests.certs.listener import verdict
from tests.certs.partner import PrivateKey, key_usage, private_pem, request

NOW = datetime.now(UTC)  # the TLS library reads the machine's clock
CA = create_authority("Demo authority", now=NOW)
SERVER = issue_server(CA, names=["localhost"], addresses=[ip_address("127.0.0.1")], now=NOW)
CLIENT = issue_client(CA, agency="camhs", now=NOW)


LEAF_EXTENSIONS = {"authorityKeyIdentifier", "extendedKeyUsage", "subjectAltName", "subjectKeyIdentifier"}


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
    read = read_certificate(CLIENT.certificate_pem)
    assert read.subject == "CN=camhs"
    assert read.uris == (agency_uri("camhs"),) == ("urn:early-help-gateway:agency:camhs",)


def test_a_client_certificate_names_its_client_where_it_is_for_one() -> None:
    """An agency may run two systems; a certificate of one must not pass for the other."""
    issued = issue_client(CA, agency="camhs", client="eh_0123456789abcdef", now=NOW)
    read = read_certificate(issued.certificate_pem)
    assert read.subject == "CN=camhs"
    assert read.uris == (agency_uri("camhs"), client_uri("eh_0123456789abcdef"))
    assert client_uri("eh_0123456789abcdef") == "urn:early-help-gateway:client:eh_0123456789abcdef"


@pytest.mark.parametrize("code", ["", "camhs ", "camhs\n", "a:b", "a/b", "a%62", "kölN", "a,b"], ids=ascii)
def test_a_code_that_would_need_escaping_is_refused(code: str) -> None:
    """Two spellings of one URN, or one that says two things, would be two answers to who this is."""
    for name in (agency_uri, client_uri):
        with pytest.raises(AuthorityError):
            name(code)


def test_an_agency_code_that_is_too_long_for_a_common_name_is_refused() -> None:
    with pytest.raises(AuthorityError):
        issue_client(CA, agency="a" * 65, now=NOW)


# --- Profiles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issued", "profile", "critical", "others"),
    [
        (CA, "authority", {"basicConstraints", "keyUsage"}, {"subjectKeyIdentifier"}),
        (SERVER, "server", {"basicConstraints", "keyUsage"}, LEAF_EXTENSIONS),
        (CLIENT, "client", {"basicConstraints", "keyUsage"}, LEAF_EXTENSIONS),
    ],
    ids=["authority", "server", "client"],
)
def test_a_certificate_carries_the_extensions_of_its_profile_and_no_other(
    issued: Issued, profile: str, critical: set[str], others: set[str]
) -> None:
    """RFC 5280 §4.2.1 says of each extension whether it is critical; a strict verifier refuses what differs."""
    extensions = issued.certificate.extensions
    assert critical == {extension.oid._name for extension in extensions if extension.critical}
    assert others == {extension.oid._name for extension in extensions if not extension.critical}
    _assert_follows(issued.certificate, PROFILES[profile])


def _assert_follows(certificate: x509.Certificate, profile: CertificateProfile) -> None:
    extensions = certificate.extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    assert x509.BasicConstraints(profile.is_authority, 0 if profile.is_authority else None) == constraints
    assert key_usage(*profile.key_usage) == extensions.get_extension_for_class(x509.KeyUsage).value
    purposes = [
        list(extension.value)
        for extension in extensions
        if isinstance(extension.value, x509.ExtendedKeyUsage)
    ]
    assert ([] if profile.extended_key_usage is None else [[profile.extended_key_usage]]) == purposes
    lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert profile.lifetime + timedelta(minutes=5) == lasts


def test_the_profiles_are_the_three_kinds_under_their_names() -> None:
    assert {"authority", "server", "client"} == PROFILES.keys()
    assert [profile.name for profile in PROFILES.values()] == list(PROFILES)
    assert ["authority"] == [name for name, profile in PROFILES.items() if profile.is_authority]
    assert {"key_cert_sign", "crl_sign"} == PROFILES["authority"].key_usage


def test_nothing_outlives_its_authority() -> None:
    """A certificate that ends later would fail before the day that its notices of expiry go by."""
    short = create_authority("Short authority", now=NOW, lifetime=timedelta(days=30))
    issued = issue_client(short, agency="camhs", now=NOW)
    assert short.certificate.not_valid_after_utc == issued.certificate.not_valid_after_utc


@pytest.mark.parametrize(
    ("now", "lifetime"),
    [(NOW + timedelta(days=3650), timedelta(days=1)), (NOW, timedelta(0))],
    ids=["authority has ended", "no lifetime"],
)
def test_a_certificate_that_would_never_hold_is_not_issued(now: datetime, lifetime: timedelta) -> None:
    with pytest.raises(AuthorityError):
        issue_client(CA, agency="camhs", now=now, lifetime=lifetime)
    with pytest.raises(AuthorityError):
        create_authority("Never", now=NOW, lifetime=timedelta(0))


# --- Requests ---------------------------------------------------------------------------------------------

EC_KEY, RSA_KEY = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
KEYS: dict[str, PrivateKey] = {
    "P-256": EC_KEY,
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "RSA 2048": RSA_KEY,
}
REQUESTS = {kind: request(key) for kind, key in KEYS.items()}
GOOD_REQUEST = REQUESTS["P-256"]


def _with_key_of_another() -> bytes:
    """A sound request, but for the key in it."""
    own, other = (
        key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        for key in (EC_KEY, CLIENT.key)
    )
    assert own in GOOD_REQUEST
    return GOOD_REQUEST.replace(own, other)


def _signed_with_sha1() -> bytes:
    """A sound request, but for the digest: the arc of RFC 8017 appendix A.2.4 with 5 in place of 11."""
    asked, arc = x509.load_der_x509_csr(REQUESTS["RSA 2048"]), b"\x2a\x86\x48\x86\xf7\x0d\x01\x01"
    weak = RSA_KEY.sign(asked.tbs_certrequest_bytes, PKCS1v15(), SHA1())  # noqa: S303 - to be refused
    return REQUESTS["RSA 2048"].replace(arc + b"\x0b", arc + b"\x05").replace(asked.signature, weak)


def _request_pem(der: bytes) -> bytes:
    return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM)


def _from_request(data: bytes) -> x509.Certificate:
    return issue_client_from_request(CA, data, agency="camhs", client="eh_0123456789abcdef", now=NOW)


@pytest.mark.parametrize("kind", KEYS)
def test_a_certificate_for_a_request_lets_its_key_in(tmp_path: Path, kind: str) -> None:
    """End to end: the private key never left the partner, and a strict listener lets the pair in."""
    key = KEYS[kind]
    certificate = _from_request(_request_pem(REQUESTS[kind]))
    outcome = verdict(
        tmp_path,
        server=SERVER.key_pem + SERVER.certificate_pem,
        client=private_pem(key) + certificate.public_bytes(Encoding.PEM),
        authority=CA.certificate_pem,
        revocation_list=issue_list(CA, [], number=1, now=NOW),
    )
    assert outcome == "CN=camhs"
    _assert_follows(certificate, PROFILES["client"])
    pem = certificate.public_bytes(Encoding.PEM)
    assert read_certificate(pem) == check_chain(pem, authorities=CA.certificate_pem, now=NOW)


def test_pem_and_der_requests_ask_for_the_same() -> None:
    by_der, by_pem = _from_request(GOOD_REQUEST), _from_request(_request_pem(GOOD_REQUEST))
    assert EC_KEY.public_key() == by_der.public_key() == by_pem.public_key()


@pytest.mark.parametrize(
    "asked",
    [
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier(agency_uri("police"))]),
        x509.BasicConstraints(ca=True, path_length=None),
        key_usage("digital_signature", "key_cert_sign"),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.NameConstraints([x509.DNSName("a.example")], None),
    ],
    ids=lambda asked: type(asked).__name__,
)
def test_what_a_request_asks_for_is_ignored(asked: x509.ExtensionType) -> None:
    """Else whoever writes a request decides which agency it is, or becomes an authority."""
    der = request(EC_KEY, subject="police", more=asked)
    certificate = _from_request(der)
    read = read_certificate(certificate.public_bytes(Encoding.DER))
    assert read.subject == "CN=camhs"
    assert read.uris == (agency_uri("camhs"), client_uri("eh_0123456789abcdef"))
    assert len(certificate.extensions) == 6
    _assert_follows(certificate, PROFILES["client"])


NO_REQUEST = "the file is not a certificate request (PKCS #10) in PEM or DER"
UNSIGNED = "the request is not signed by its own key, or not with SHA-256 or better"
WEAK_KEY = "the key is weak or of another kind: use P-256, P-384, or RSA of 2048 to 4096 bits"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", NO_REQUEST, id="nothing"),
        pytest.param(b"hello", NO_REQUEST, id="text"),
        pytest.param(b"\x30\x00", NO_REQUEST, id="an empty sequence"),
        pytest.param(CLIENT.certificate_pem, NO_REQUEST, id="a certificate"),
        pytest.param(GOOD_REQUEST + b"\x00", NO_REQUEST, id="a byte too many"),
        pytest.param(GOOD_REQUEST.replace(b"\x02\x01\x00", b"\x02\x01\x01", 1), NO_REQUEST, id="version 2"),
        pytest.param(b"\x30" + bytes(MAX_BYTES), "the request is larger than 16 kB", id="too large"),
        pytest.param(
            _request_pem(GOOD_REQUEST) + private_pem(EC_KEY),
            "the file holds a private key: it is never sent; treat it as compromised",
            id="with its private key",
        ),
        pytest.param(_with_key_of_another(), UNSIGNED, id="the key of another"),
        pytest.param(
            GOOD_REQUEST.replace(b"anything", b"somebody"), UNSIGNED, id="changed after it was signed"
        ),
        pytest.param(GOOD_REQUEST[:-1] + bytes([GOOD_REQUEST[-1] ^ 1]), UNSIGNED, id="a broken signature"),
        pytest.param(_signed_with_sha1(), UNSIGNED, id="signed with SHA-1"),
        pytest.param(request(rsa.generate_private_key(65537, 1024)), WEAK_KEY, id="RSA 1024"),  # noqa: S505 - to be refused
        pytest.param(request(rsa.generate_private_key(3, 2048)), WEAK_KEY, id="RSA with exponent 3"),
        pytest.param(request(ec.generate_private_key(ec.SECP521R1())), WEAK_KEY, id="P-521"),
        pytest.param(
            request(Ed25519PrivateKey.generate()),
            "a request is for a key on P-256 or P-384, or an RSA key",
            id="Ed25519",
        ),
    ],
)
def test_a_request_that_proves_nothing_or_a_weak_key_is_refused(data: bytes, reason: str) -> None:
    """A certificate for a key that its sender does not hold, or that can be broken, names the wrong agency."""
    with pytest.raises(AuthorityError) as refused:
        _from_request(data)
    assert reason == str(refused.value)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.sampled_from(list(KEYS)), st.integers(0, 10_000), st.integers(0, 2), st.binary(max_size=2))
def test_a_damaged_request_is_refused_and_raises_nothing_else(
    kind: str, place: int, cut: int, put: bytes
) -> None:
    """What is issued all the same is for the very key that asked."""
    data = bytearray(REQUESTS[kind])
    place %= len(data)
    data[place : place + cut] = put
    try:
        certificate = _from_request(bytes(data))
    except AuthorityError:
        return
    assert KEYS[kind].public_key() == certificate.public_key()


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
