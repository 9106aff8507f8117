"""Certificates of partners: read exactly, refused in plain words, and never a reason for another exception."""

import shutil
import ssl
import subprocess
import time
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA224
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.certificate import (
    EXPIRY_NOTICE_DAYS,
    MAX_BYTES,
    PresentedCertificate,
    check_chain,
    days_left,
    notice_due,
    read_certificate,
    thumbprint,
)
from certs.errors import CertificateError
from tests.certs.partner import (
    CLIENT_URI,
    DAY,
    NOW,
    Pair,
    PrivateKey,
    armoured,
    authority,
    certify,
    name,
    request,
    sequence,
    unknown_extension,
)

RFC_8705_APPENDIX_A = """-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----
"""
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SECOND = timedelta(seconds=1)

ROOT = authority("Partner root")
ISSUING = authority("Partner issuing", by=ROOT)
ENDED = authority("Partner ended", by=ROOT, end=NOW - timedelta(hours=1))
OTHER = authority("Partner root")  # its name proves nothing
CLIENT = certify(ROOT)
BELOW = certify(ISSUING)
# Every kind of extension and name that the library parses, so that a change of any byte reaches its parsers.
RICH = certify(
    ROOT,
    subject=x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "GB"),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "it@a.example"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Ärzte"),
        ]
    ),
    names=[
        x509.DNSName("a.example"),
        x509.RFC822Name("it@a.example"),
        x509.IPAddress(ip_address("2001:db8::1")),
        x509.DirectoryName(name("elsewhere")),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x0c\x01a"),
    ],
    more=[
        x509.Extension(extension.oid, critical=False, value=extension)
        for extension in (
            x509.AuthorityInformationAccess(
                [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.DNSName("a.example"))]
            ),
            x509.CertificatePolicies(
                [x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), ["https://a.example"])]
            ),
            x509.CRLDistributionPoints([x509.DistributionPoint([CLIENT_URI], None, None, None)]),
            x509.NameConstraints([x509.DNSName("a.example")], None),
            x509.PolicyConstraints(1, 1),
            x509.TLSFeature([x509.TLSFeatureType.status_request]),
        )
    ],
)
SEEDS = (ssl.PEM_cert_to_DER_cert(RFC_8705_APPENDIX_A), CLIENT.der, BELOW.der, RICH.der)
searching = settings(max_examples=400, deadline=None, database=None, derandomize=True)


@st.composite
def damaged_certificates(draw: st.DrawFn) -> bytes:
    """A real certificate after a few cuts and insertions anywhere."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data) - 1))
        data[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


def _patched(der: bytes, old: bytes, new: bytes) -> bytes:
    """The certificate with some of its bytes exchanged, for faults that no builder makes."""
    assert old in der
    assert len(old) == len(new)
    return der.replace(old, new)


def _with_serial(serial: bytes) -> bytes:
    """The example of RFC 8705 under another serial number, in DER's two's complement."""
    certificate = x509.load_pem_x509_certificate(RFC_8705_APPENDIX_A.encode())
    signed = certificate.tbs_certificate_bytes
    assert signed[:6] == b"\x30\x81\xac\x02\x01\x02"
    rest = SEEDS[0].partition(signed)[2]
    return sequence(sequence(b"\x02" + bytes([len(serial)]) + serial + signed[6:]) + rest)


# --- Reading ----------------------------------------------------------------------------------------------


def test_the_example_of_rfc_8705_reads_as_printed_there() -> None:
    """Appendix A: version 1, no extensions, and the thumbprint that every other implementation finds."""
    expected = PresentedCertificate(
        thumbprint="A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0",
        subject="CN=mtls",
        issuer="CN=mtls",
        serial=2,
        dns=(),
        uris=(),
        emails=(),
        addresses=(),
        not_before=datetime(2018, 10, 18, 12, 37, 9, tzinfo=UTC),
        not_after=datetime(2022, 5, 2, 12, 37, 9, tzinfo=UTC),
    )
    assert expected == read_certificate(RFC_8705_APPENDIX_A.encode())


def test_every_name_that_may_identify_a_client_is_read() -> None:
    """RFC 8705 §2.1.2: a client may be registered under any of these; names of other kinds are passed over."""
    names = [
        x509.DNSName("a.example"),
        x509.DNSName("b.example"),
        x509.UniformResourceIdentifier("urn:example:a"),
        x509.RFC822Name("it@a.example"),
        x509.IPAddress(ip_address("192.0.2.1")),
        x509.IPAddress(ip_address("2001:db8::1")),
        x509.DirectoryName(name("elsewhere")),
    ]
    read = read_certificate(certify(ROOT, names=names).der)
    assert read.dns == ("a.example", "b.example")
    assert read.uris == ("urn:example:a",)
    assert read.emails == ("it@a.example",)
    assert read.addresses == ("192.0.2.1", "2001:db8::1")


def test_names_are_rfc_4514_text() -> None:
    """Last part first, and what has a meaning there escaped, so that two names never give one text."""
    parts = {NameOID.COUNTRY_NAME: "GB", NameOID.ORGANIZATION_NAME: "Trust, North", NameOID.COMMON_NAME: "a"}
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in parts.items()])
    read = read_certificate(certify(ROOT, subject=subject).der)
    assert read.subject == "CN=a,O=Trust\\, North,C=GB"
    assert read.issuer == "CN=Partner root"


def test_pem_and_der_read_alike() -> None:
    read = read_certificate(CLIENT.der)
    assert read == read_certificate(CLIENT.pem)
    assert read == read_certificate(b"Bag Attributes\n" + CLIENT.pem)
    assert read.thumbprint == thumbprint(CLIENT.der)
    assert (read.not_before, read.not_after) == (NOW - DAY, NOW + 100 * DAY)


def test_the_outer_certificate_is_read_not_one_that_it_carries() -> None:
    """Else the one that is checked and the one that the TLS library sees could differ."""
    carried = unknown_extension("1.2.3.4", critical=False, value=b"\n" + CLIENT.pem)
    outer = certify(OTHER, subject=name("outer"), more=[carried])
    assert read_certificate(outer.der).subject == "CN=outer"


NOT_A_CERTIFICATE = "the file is not a certificate in PEM or DER"
PRIVATE_KEY = "the file holds a private key: it is never sent; treat it as compromised"
SEVERAL = "the file holds more than one certificate: send the client's own alone"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", NOT_A_CERTIFICATE, id="nothing"),
        pytest.param(b"hello", NOT_A_CERTIFICATE, id="text"),
        pytest.param(b"\x30\x00", NOT_A_CERTIFICATE, id="an empty sequence"),
        pytest.param(CLIENT.der[:-1], NOT_A_CERTIFICATE, id="a byte missing"),
        pytest.param(CLIENT.der + b"\x00", NOT_A_CERTIFICATE, id="a byte too many"),
        pytest.param(armoured(b"\x30\x00"), NOT_A_CERTIFICATE, id="PEM around something else"),
        pytest.param(armoured(request(CLIENT.key), "CERTIFICATE REQUEST"), NOT_A_CERTIFICATE, id="a request"),
        pytest.param(CLIENT.pem + ROOT.pem, SEVERAL, id="a chain"),
        pytest.param(CLIENT.pem + CLIENT.key_pem, PRIVATE_KEY, id="a key beside it"),
        pytest.param(CLIENT.key_pem, PRIVATE_KEY, id="a key in its place"),
        pytest.param(b"\x30" + bytes(MAX_BYTES), "the certificate is larger than 16 kB", id="too large"),
    ],
)
def test_what_is_not_one_certificate_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(CertificateError) as refused:
        read_certificate(data)
    assert reason == str(refused.value)


MALFORMED = "a field or an extension of the certificate is malformed"
BAD_SERIAL = "the serial number of the certificate is not positive, or has more than 20 bytes"
TWICE = certify(
    ROOT, more=[unknown_extension("1.2.3.4", critical=False), unknown_extension("1.2.3.5", critical=False)]
).der
TLS_FEATURE = b"\x30\x03\x02\x01"  # RFC 7633 §4.1: numbers of TLS extensions, of which 5 and 17 are known
LONG_NAME = certify(
    ROOT, subject=x509.Name([x509.NameAttribute(NameOID.PSEUDONYM, "x" * 65)]), names=[CLIENT_URI]
).der


@pytest.mark.parametrize("warned", ["ignore", "error"])
@pytest.mark.parametrize(
    ("der", "reasons"),
    [
        pytest.param(_with_serial(b"\x00"), {BAD_SERIAL, NOT_A_CERTIFICATE}, id="serial 0"),
        pytest.param(_with_serial(b"\xfe"), {BAD_SERIAL, NOT_A_CERTIFICATE}, id="serial -2"),
        pytest.param(_with_serial(b"\x00\x80" + bytes(19)), {BAD_SERIAL}, id="serial of 21 bytes"),
        pytest.param(
            _patched(CLIENT.der, b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03"),
            {NOT_A_CERTIFICATE},
            id="version 4",
        ),
        pytest.param(
            _patched(RICH.der, TLS_FEATURE + b"\x05", TLS_FEATURE + b"\x06"), {MALFORMED}, id="feature 6"
        ),
        pytest.param(
            _patched(CLIENT.der, b"\x0c\x0epart", b"\x03\x0e\x00art"), {MALFORMED}, id="bits in place of text"
        ),
        pytest.param(_patched(TWICE, b"\x2a\x03\x05", b"\x2a\x03\x04"), {MALFORMED}, id="an extension twice"),
        pytest.param(_patched(LONG_NAME, b"\x55\x04\x41", b"\x55\x04\x03"), {MALFORMED}, id="a name of 65"),
        pytest.param(
            _patched(CLIENT.der, b"\x0c\x0epartner", b"\x15\x0epartner"), {MALFORMED}, id="text of no type"
        ),
        pytest.param(
            _patched(CLIENT.der, b"\x0c\x0epart", b"\x0c\x0ep\xffrt"), {MALFORMED}, id="text not UTF-8"
        ),
        pytest.param(
            _patched(CLIENT.der, b"urn:example", b"urn:\xffxample"), {MALFORMED}, id="a URI not ASCII"
        ),
        pytest.param(
            _patched(CLIENT.der, b"\x86\x12urn:", b"\x87\x12urn:"), {MALFORMED}, id="an address of 18 bytes"
        ),
        pytest.param(
            _patched(CLIENT.der, b"\x86\x12urn:", b"\xa3\x12urn:"), {MALFORMED}, id="an X.400 address"
        ),
    ],
)
def test_a_malformed_certificate_is_refused_whatever_becomes_of_warnings(
    der: bytes, reasons: set[str], warned: str
) -> None:
    """For some of these the library only warns: a process that shows warnings must decide as one that raises them."""
    with warnings.catch_warnings(), pytest.raises(CertificateError) as refused:
        warnings.simplefilter("error" if warned == "error" else "ignore")
        read_certificate(der)
    assert str(refused.value) in reasons


@pytest.mark.parametrize("text", ["a\nb", "a\x7fb", "a\u202eb", "a\u200bb"], ids=ascii)
def test_a_subject_or_issuer_that_cannot_be_printed_is_refused(text: str) -> None:
    """A line break forges a line of a log; a reversed or an invisible letter deceives whoever compares."""
    for pair in (certify(ROOT, subject=name(text)), certify(authority(text))):
        with pytest.raises(CertificateError, match="cannot be printed"):
            read_certificate(pair.der)


@pytest.mark.parametrize(
    "alternative",
    [
        x509.DNSName("a.example\x00.b.example"),
        x509.UniformResourceIdentifier("urn:a\nurn:b"),
        x509.RFC822Name("a\x7f@a.example"),
    ],
    ids=["dns", "uri", "email"],
)
def test_an_alternative_name_that_cannot_be_printed_is_refused(alternative: x509.GeneralName) -> None:
    with pytest.raises(CertificateError, match="cannot be printed"):
        read_certificate(certify(ROOT, names=[alternative]).der)


@searching
@given(damaged_certificates())
def test_a_damaged_certificate_is_read_or_refused_and_nothing_else(data: bytes) -> None:
    """What reads can be printed, and its thumbprint is of exactly the bytes that came."""
    try:
        read = read_certificate(data)
    except CertificateError:
        return
    assert thumbprint(data) == read.thumbprint
    assert all(
        text.isprintable() for text in (read.subject, read.issuer, *read.dns, *read.uris, *read.emails)
    )


@searching
@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_are_refused(data: bytes, as_pem: bool) -> None:
    with pytest.raises(CertificateError):
        read_certificate(armoured(data) if as_pem else data)


# --- Chains -----------------------------------------------------------------------------------------------

ACCEPTED: dict[str, Pair] = {
    "P-256": CLIENT,
    "P-384": certify(ROOT, key=ec.generate_private_key(ec.SECP384R1())),
    "Ed25519": certify(ROOT, key=Ed25519PrivateKey.generate()),
    "RSA 2048": certify(ROOT, key=rsa.generate_private_key(65537, 2048)),
    "RSA 4096": certify(ROOT, public_key=rsa.RSAPublicNumbers(65537, (1 << 4096) - 1).public_key()),
    "through an intermediate": BELOW,
    "no key usage": certify(ROOT, usage=None),
    "servers too": certify(ROOT, purposes=[ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
    "empty subject": certify(ROOT, subject=x509.Name([])),
    "unknown extension": certify(ROOT, more=[unknown_extension("1.2.3.4", critical=False)]),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_client_certificate_of_a_known_authority_is_accepted(case: str) -> None:
    pair = ACCEPTED[case]
    expected = read_certificate(pair.der)
    for data in (pair.der, pair.pem):
        checked = check_chain(data, authorities=OTHER.pem + ROOT.pem, intermediates=ISSUING.pem, now=NOW)
        assert expected == checked


@pytest.mark.skipif(shutil.which("openssl") is None, reason="this machine has no openssl to ask")
@pytest.mark.parametrize("case", ACCEPTED)
def test_openssl_accepts_what_is_accepted_here(tmp_path: Path, case: str) -> None:
    """Else an agency would be told that all is well, and its connection would fail."""
    for file, pair in {"root": ROOT, "issuing": ISSUING, "leaf": ACCEPTED[case]}.items():
        (tmp_path / file).write_bytes(pair.pem)
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "root"]
    asked = subprocess.run(  # noqa: S603 - a fixed command over files of this test
        [*command, "-untrusted", "issuing", "leaf"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (asked.returncode, asked.stdout) == (0, "leaf: OK\n")


UNKNOWN = "the certificate does not come from a known authority, or an intermediate certificate is missing"
WEAK_KEY = "the key is weak or of another kind: use P-256, P-384, or RSA of 2048 to 4096 bits"
OTHER_KEY = "the key cannot be read, or is of a kind that is not accepted"
NOT_FOR_CLIENTS = "the certificate is not for clients: its extended key usage must name clientAuth"


def _with_key(key: PrivateKey) -> bytes:
    return certify(ROOT, key=key).der


def _with_rsa_key(*, bits: int = 2048, exponent: int = 65537) -> bytes:
    """For an RSA key that nobody holds: the size is judged without the private half."""
    numbers = rsa.RSAPublicNumbers(exponent, (1 << bits) - 1)
    return certify(ROOT, public_key=numbers.public_key()).der


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        pytest.param(certify(OTHER).der, UNKNOWN, id="an authority of the same name"),
        pytest.param(certify(authority("Nobody")).der, UNKNOWN, id="an unknown authority"),
        pytest.param(BELOW.der, UNKNOWN, id="an intermediate is missing"),
        pytest.param(certify(CLIENT).der, UNKNOWN, id="issued by a client"),
        pytest.param(
            _patched(CLIENT.der, b"urn:example:client", b"urn:example:camhs!"),
            UNKNOWN,
            id="changed after it was signed",
        ),
        pytest.param(
            certify(ENDED).der,
            "an authority above the certificate has expired",
            id="an authority that has ended",
        ),
        pytest.param(
            ROOT.der, "the certificate is an authority's, not a client's", id="the authority itself"
        ),
        pytest.param(
            certify(ROOT, is_authority=True).der,
            "the certificate is an authority's, not a client's",
            id="an authority",
        ),
        pytest.param(
            certify(ROOT, purposes=[ExtendedKeyUsageOID.SERVER_AUTH]).der, NOT_FOR_CLIENTS, id="for servers"
        ),
        pytest.param(certify(ROOT, purposes=None).der, NOT_FOR_CLIENTS, id="for no purpose"),
        pytest.param(
            certify(ROOT, purposes=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]).der,
            NOT_FOR_CLIENTS,
            id="for any purpose",
        ),
        pytest.param(
            certify(ROOT, usage=["key_encipherment"]).der,
            "the certificate is not for clients: its key usage must allow digital signatures",
            id="not for signatures",
        ),
        pytest.param(
            certify(ROOT, names=None).der, "the certificate has no subjectAltName", id="no subjectAltName"
        ),
        pytest.param(
            certify(
                ROOT,
                more=[
                    unknown_extension("1.2.3.4", critical=True),
                    unknown_extension("1.2.3.5", critical=False),
                ],
            ).der,
            "the certificate has a critical extension that is not known here",
            id="an unknown critical extension",
        ),
        pytest.param(
            certify(ROOT, identifies_authority=False).der,
            "the certificate or an authority above it lacks an extension that RFC 5280 wants, or marks it wrongly",
            id="no authority key identifier",
        ),
        pytest.param(
            certify(ROOT, digest=SHA224()).der,
            "the certificate's signature is weak: ECDSA or RSA with SHA-256, 384 or 512 is needed",
            id="signed with SHA-224",
        ),
        pytest.param(_with_rsa_key(exponent=3), WEAK_KEY, id="RSA with exponent 3"),
        pytest.param(_with_key(ec.generate_private_key(ec.SECP521R1())), WEAK_KEY, id="P-521"),
        pytest.param(_with_key(ec.generate_private_key(ec.SECP256K1())), WEAK_KEY, id="secp256k1"),
        pytest.param(_with_key(Ed448PrivateKey.generate()), WEAK_KEY, id="Ed448"),
        pytest.param(_with_rsa_key(bits=2047), WEAK_KEY, id="RSA 2047"),
        pytest.param(_with_rsa_key(bits=4097), WEAK_KEY, id="RSA 4097"),
        pytest.param(_with_rsa_key(exponent=(1 << 32) + 1), WEAK_KEY, id="RSA with a long exponent"),
        pytest.param(
            _patched(CLIENT.der, b"\x2a\x86\x48\xce\x3d\x02\x01", b"\x2a\x86\x48\xce\x3d\x02\x09"),
            OTHER_KEY,
            id="a key of no known kind",
        ),
        pytest.param(b"hello", NOT_A_CERTIFICATE, id="no certificate"),
    ],
)
def test_what_is_not_a_partners_client_certificate_is_refused(certificate: bytes, reason: str) -> None:
    """Each sentence is what whoever onboards an agency sends back: it must name the fault that is there."""
    with pytest.raises(CertificateError) as refused:
        check_chain(certificate, authorities=ROOT.pem, intermediates=ENDED.pem, now=NOW)
    assert reason == str(refused.value)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW - DAY - SECOND, "the certificate is not valid yet"),
        (NOW - DAY, None),
        (NOW + 100 * DAY, None),
        (NOW + 100 * DAY + SECOND, "the certificate has expired"),
    ],
    ids=["a second early", "first", "last", "a second late"],
)
def test_a_certificate_holds_from_its_first_to_its_last_second(now: datetime, reason: str | None) -> None:
    """RFC 5280 §4.1.2.5: both ends belong to the validity."""
    if reason is None:
        assert read_certificate(CLIENT.der) == check_chain(CLIENT.der, authorities=ROOT.pem, now=now)
        return
    with pytest.raises(CertificateError) as refused:
        check_chain(CLIENT.der, authorities=ROOT.pem, now=now)
    assert reason == str(refused.value)


UNREADABLE_LIST = "the list of known authorities cannot be read"
NO_PEM = "the intermediate certificates are not PEM"


@pytest.mark.parametrize(
    ("authorities", "intermediates", "reason"),
    [
        pytest.param(b"", b"", UNREADABLE_LIST, id="no authority"),
        pytest.param(b"hello", b"", UNREADABLE_LIST, id="authorities: text"),
        pytest.param(
            armoured(_patched(ROOT.der, b"\x55\x1d\x13", b"\x55\x1d\x0f")),
            b"",
            UNREADABLE_LIST,
            id="authorities: malformed",
        ),
        pytest.param(ROOT.pem + ROOT.key_pem, b"", PRIVATE_KEY, id="authorities: with a key"),
        pytest.param(
            ROOT.pem + CLIENT.pem,
            b"",
            "the list of known authorities holds a certificate that is not an authority's",
            id="authorities: a client",
        ),
        pytest.param(ROOT.pem, b"hello", NO_PEM, id="intermediates: text"),
        pytest.param(ROOT.pem, ISSUING.der, NO_PEM, id="intermediates: DER"),
        pytest.param(ROOT.pem, ISSUING.pem + ISSUING.key_pem, PRIVATE_KEY, id="intermediates: with a key"),
        pytest.param(
            ROOT.pem,
            ISSUING.pem * 300,
            "the intermediate certificates are larger than 128 kB",
            id="intermediates: too large",
        ),
    ],
)
def test_a_list_that_is_not_one_of_authorities_is_refused(
    authorities: bytes, intermediates: bytes, reason: str
) -> None:
    """The verifier trusts whatever stands in its list: a client's certificate there would vouch for itself."""
    with pytest.raises(CertificateError) as refused:
        check_chain(CLIENT.der, authorities=authorities, intermediates=intermediates, now=NOW)
    assert reason == str(refused.value)


@searching
@given(damaged_certificates())
def test_damage_never_makes_another_client_of_it(data: bytes) -> None:
    """Only what no signature covers may differ, and with it the thumbprint."""
    try:
        checked = check_chain(data, authorities=ROOT.pem, intermediates=ISSUING.pem, now=NOW)
    except CertificateError:
        return
    originals = [replace(read_certificate(seed), thumbprint="") for seed in SEEDS]
    assert replace(checked, thumbprint="") in originals


@searching
@given(damaged_certificates())
def test_a_damaged_intermediate_or_authority_raises_nothing_else(data: bytes) -> None:
    for trusted, between in ((ROOT.pem, armoured(data)), (armoured(data) + ROOT.pem, b"")):
        try:
            check_chain(CLIENT.der, authorities=trusted, intermediates=between, now=NOW)
        except CertificateError:
            continue


def test_intermediates_that_all_sign_each_other_do_not_keep_the_gateway_busy() -> None:
    """With 100 that fit everywhere there are 100 to the power of the depth paths; nobody may make us walk them."""
    maze = [authority("Maze")]
    maze += [authority("Maze", by=maze[0], key=maze[0].key) for _ in range(100)]
    began = time.monotonic()
    with pytest.raises(CertificateError, match="does not come from a known authority"):
        check_chain(
            certify(maze[0]).der,
            authorities=ROOT.pem,
            intermediates=b"".join(pair.pem for pair in maze),
            now=NOW,
        )
    assert time.monotonic() - began < 5


def test_one_certificate_can_have_two_thumbprints() -> None:
    """Why revocation goes by issuer and serial number: the holder of a revoked one can present its twin."""
    signature = CLIENT.certificate.signature
    first, second = decode_dss_signature(signature)
    twin_signature = encode_dss_signature(first, P256_ORDER - second)
    twin = sequence(
        CLIENT.der[4:].removesuffix(b"\x03" + bytes([len(signature) + 1, 0]) + signature)
        + b"\x03"
        + bytes([len(twin_signature) + 1, 0])
        + twin_signature
    )
    original, other = (check_chain(der, authorities=ROOT.pem, now=NOW) for der in (CLIENT.der, twin))
    assert original.thumbprint != other.thumbprint
    assert (original.issuer, original.serial) == (other.issuer, other.serial)


# --- Expiry -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "days", "notice"),
    [
        (60 * DAY + SECOND, 60, None),
        (60 * DAY, 60, 60),
        (60 * DAY - SECOND, 59, 60),
        (30 * DAY + SECOND, 30, 60),
        (30 * DAY, 30, 30),
        (7 * DAY + SECOND, 7, 30),
        (7 * DAY, 7, 7),
        (SECOND, 0, 7),
        (timedelta(0), 0, 7),
        (-SECOND, -1, 0),
        (-60 * DAY, -60, 0),
    ],
    ids=str,
)
def test_notices_are_due_at_exactly_their_days(left: timedelta, days: int, notice: int | None) -> None:
    """One notice per threshold, and 0 only once the certificate is refused: at its last second it still holds."""
    assert (days, notice) == (days_left(NOW + left, now=NOW), notice_due(NOW + left, now=NOW))


def test_the_thresholds_are_two_months_one_month_and_a_week() -> None:
    assert EXPIRY_NOTICE_DAYS == (60, 30, 7)
