"""A revocation list does what it is for in a real TLS listener, and OpenSSL reads it as we do."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.authority import Issued, create_authority, issue_client, issue_server
from certs.errors import AuthorityError, CertificateError
from certs.revocation import Reason, Revoked, issue_list, list_expiry
from tests.certs.listener import verdict
from tests.certs.partner import armoured, sequence

NOW = datetime.now(UTC).replace(microsecond=0)  # the TLS library and openssl read the machine's clock
DAY = timedelta(days=1)
CA = create_authority("Council authority", now=NOW - DAY)
OTHER = create_authority("Council authority", now=NOW - DAY)
SERVER = issue_server(CA, names=["localhost"], addresses=[ip_address("127.0.0.1")], now=NOW)
GOOD = issue_client(CA, agency="camhs", now=NOW)
LOST = issue_client(CA, agency="refuge", now=NOW)
LOST_SERIAL = LOST.certificate.serial_number
REVOKED = Revoked(serial=LOST_SERIAL, revoked_at=NOW - timedelta(hours=1), reason=Reason.KEY_COMPROMISE)
LIST = issue_list(CA, [REVOKED], number=1, now=NOW)
STALE = issue_list(CA, [REVOKED], number=1, now=NOW - 8 * DAY)

UNABLE_TO_GET_CRL, CRL_HAS_EXPIRED, CERT_REVOKED, CRL_SIGNATURE_FAILURE = 3, 12, 23, 8  # OpenSSL, x509_vfy.h

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="this machine has no openssl to ask"
)


def _openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - a fixed command over files of the test
        ["openssl", *arguments],  # noqa: S607 - whichever the machine has is the one to agree with
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def _parsed(entries: Sequence[Revoked], *, number: int = 1) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl(issue_list(CA, entries, number=number, now=NOW))


# --- In a listener ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "revocation_list", "expected"),
    [
        pytest.param(GOOD, LIST, "CN=camhs", id="a good one"),
        pytest.param(LOST, LIST, CERT_REVOKED, id="a revoked one"),
        pytest.param(LOST, issue_list(CA, [], number=1, now=NOW), "CN=refuge", id="one not revoked yet"),
        pytest.param(GOOD, None, UNABLE_TO_GET_CRL, id="a good one, no list"),
        pytest.param(LOST, None, UNABLE_TO_GET_CRL, id="a revoked one, no list"),
        pytest.param(GOOD, STALE, CRL_HAS_EXPIRED, id="a good one, a stale list"),
        pytest.param(LOST, STALE, CRL_HAS_EXPIRED, id="a revoked one, a stale list"),
        pytest.param(
            GOOD, issue_list(OTHER, [], number=2, now=NOW), UNABLE_TO_GET_CRL, id="a list of a namesake"
        ),
    ],
)
def test_a_listener_lets_in_whom_a_fresh_list_does_not_name(
    tmp_path: Path, client: Issued, revocation_list: bytes | None, expected: str | int
) -> None:
    """Without a fresh list nobody gets in: a listener that forgot its list must not let revoked keys pass."""
    outcome = verdict(
        tmp_path,
        server=SERVER.key_pem + SERVER.certificate_pem,
        client=client.key_pem + client.certificate_pem,
        authority=CA.certificate_pem,
        revocation_list=revocation_list,
    )
    assert expected == outcome


def test_a_listener_whose_clock_is_four_minutes_behind_believes_a_new_list(tmp_path: Path) -> None:
    """Else each new list would lock every partner out of the node with the slowest clock."""
    ahead = issue_list(CA, [], number=2, now=NOW + timedelta(minutes=4))
    outcome = verdict(
        tmp_path,
        server=SERVER.key_pem + SERVER.certificate_pem,
        client=GOOD.key_pem + GOOD.certificate_pem,
        authority=CA.certificate_pem,
        revocation_list=ahead,
    )
    assert outcome == "CN=camhs"


# --- In OpenSSL's eyes ------------------------------------------------------------------------------------


@needs_openssl
def test_openssl_finds_the_list_signed_and_reads_every_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "ca").write_bytes(CA.certificate_pem)
    (tmp_path / "crl").write_bytes(issue_list(CA, [REVOKED], number=0x1F, now=NOW))
    asked = _openssl(tmp_path, "crl", "-in", "crl", "-CAfile", "ca", "-noout", "-text", "-verify")
    assert asked.returncode == 0
    assert "verify OK" in asked.stderr + asked.stdout
    for said in ("Version 2 (0x1)", "Authority Key Identifier", "CRL Number", "Key Compromise"):
        assert said in asked.stdout
    assert f"Serial Number: {LOST_SERIAL:X}" in asked.stdout.replace("Serial Number: 0", "Serial Number: ")


@needs_openssl
@pytest.mark.parametrize(("client", "returned"), [(GOOD, 0), (LOST, 2)], ids=["good", "revoked"])
def test_openssl_judges_the_chain_as_the_listener_does(tmp_path: Path, client: Issued, returned: int) -> None:
    (tmp_path / "ca").write_bytes(CA.certificate_pem)
    (tmp_path / "crl").write_bytes(LIST)
    (tmp_path / "leaf").write_bytes(client.certificate_pem)
    checks = ("-x509_strict", "-crl_check", "-purpose", "sslclient")
    asked = _openssl(tmp_path, "verify", *checks, "-CAfile", "ca", "-CRLfile", "crl", "leaf")
    assert returned == asked.returncode
    assert ("certificate revoked" in asked.stderr) == bool(returned)


# --- The list itself --------------------------------------------------------------------------------------


def test_a_list_says_who_issued_it_which_one_it_is_and_when_the_next_is_due() -> None:
    """RFC 5280 §5.1.2 and §5.2: names, number, key identifier and both times are what a reader goes by."""
    read = _parsed([REVOKED], number=41)
    identifier = CA.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert read.issuer == CA.certificate.subject
    assert read.extensions.get_extension_for_class(x509.CRLNumber).value == x509.CRLNumber(41)
    named = read.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert named == x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    assert not any(extension.critical for extension in read.extensions)
    assert (read.last_update_utc, read.next_update_utc) == (NOW - timedelta(minutes=5), NOW + 7 * DAY)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_written_except_unspecified(reason: Reason) -> None:
    """RFC 5280 §5.3.1: "unspecified" is said by saying nothing; any other reason must not get lost."""
    read = _parsed([Revoked(serial=7, revoked_at=NOW, reason=reason)])
    entry = read.get_revoked_certificate_by_serial_number(7)
    assert entry is not None
    written = [extension.value for extension in entry.extensions]
    word = reason.value.title().replace("_", "")
    code = x509.ReasonFlags(word[0].lower() + word[1:])
    assert ([] if reason is Reason.UNSPECIFIED else [x509.CRLReason(code)]) == written


def test_the_earlier_of_two_entries_counts() -> None:
    """A certificate revoked twice was revoked the first time; and revoking must not fail over it."""
    first = Revoked(serial=7, revoked_at=NOW - 2 * DAY, reason=Reason.SUPERSEDED)
    second = Revoked(serial=7, revoked_at=NOW - DAY, reason=Reason.KEY_COMPROMISE)
    for entries in ([first, second], [second, first]):
        read = _parsed([*entries, REVOKED])
        assert len(read) == 2
        entry = read.get_revoked_certificate_by_serial_number(7)
        assert entry is not None
        assert entry.revocation_date_utc == first.revoked_at


def test_a_time_in_another_zone_is_written_in_utc() -> None:
    summer_time = NOW.astimezone(timezone(timedelta(hours=1)))
    read = _parsed([Revoked(serial=7, revoked_at=summer_time, reason=Reason.SUPERSEDED)])
    entry = read.get_revoked_certificate_by_serial_number(7)
    assert entry is not None
    assert entry.revocation_date_utc == NOW


@pytest.mark.parametrize(
    ("authority", "entry", "number", "lifetime"),
    [
        pytest.param(GOOD, REVOKED, 1, DAY, id="not an authority"),
        pytest.param(CA, replace(REVOKED, serial=0), 1, DAY, id="serial 0"),
        pytest.param(CA, replace(REVOKED, serial=1 << 159), 1, DAY, id="serial of 21 bytes"),
        pytest.param(CA, replace(REVOKED, revoked_at=NOW - 36500 * DAY), 1, DAY, id="a time before 1950"),
        pytest.param(CA, REVOKED, -1, DAY, id="number below 0"),
        pytest.param(CA, REVOKED, 1 << 159, DAY, id="number of 21 bytes"),
        pytest.param(CA, REVOKED, 1, timedelta(0), id="no lifetime"),
    ],
)
def test_a_list_that_no_reader_would_accept_is_not_issued(
    authority: Issued, entry: Revoked, number: int, lifetime: timedelta
) -> None:
    with pytest.raises(AuthorityError):
        issue_list(authority, [entry], number=number, now=NOW, lifetime=lifetime)


# --- Its end ----------------------------------------------------------------------------------------------


LIST_DER = x509.load_pem_x509_crl(LIST).public_bytes(Encoding.DER)


def _without_next_update() -> bytes:
    """The list with the second of its two times cut out."""
    signed = x509.load_der_x509_crl(LIST_DER).tbs_certlist_bytes
    header, time = b"\x30\x81", b"\x17\x0d"  # lengths of one byte; UTCTime of 13 characters
    assert signed.startswith(header)
    second = signed.index(time, signed.index(time) + 1)
    rest = LIST_DER.partition(signed)[2]
    return sequence(sequence(signed[3:second] + signed[second + 15 :]) + rest)


def test_the_end_of_a_list_is_read_back() -> None:
    assert list_expiry(LIST) == NOW + 7 * DAY
    assert list_expiry(issue_list(CA, [], number=1, now=NOW, lifetime=DAY)) == NOW + DAY


NO_LIST = "the file is not a revocation list in PEM"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", NO_LIST, id="nothing"),
        pytest.param(b"hello", NO_LIST, id="text"),
        pytest.param(CA.certificate_pem, NO_LIST, id="a certificate"),
        pytest.param(LIST[:-60], NO_LIST, id="a list cut short"),
        pytest.param(
            armoured(LIST_DER.replace(b"\x02\x01\x01", b"\x02\x01\x02", 1), "X509 CRL"),
            NO_LIST,
            id="version 3",
        ),
        pytest.param(
            armoured(_without_next_update(), "X509 CRL"),
            "the revocation list does not say when the next one is due",
            id="no next update",
        ),
    ],
)
def test_what_is_not_a_list_or_never_ends_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(CertificateError) as refused:
        list_expiry(data)
    assert reason == str(refused.value)


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(st.integers(0, len(LIST) - 1), st.binary(max_size=3))
def test_a_damaged_list_raises_nothing_else(place: int, put: bytes) -> None:
    try:
        list_expiry(LIST[:place] + put + LIST[place + 1 :])
    except CertificateError:
        return
