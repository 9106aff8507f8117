"""Certificates that partners present: what they say, whether they hold, and when they end.

Invariants:
- Pure over bytes: no clock, no file, no network; nothing in a certificate makes the gateway fetch anything.
- Whatever the bytes, the outcome is a value or ``CertificateError``, never another exception.
- A name that comes out is printable: it can be stored, compared and shown as it stands.
- What ``check_chain`` accepts would pass a strict TLS verifier that trusts the same authorities.

Sources: RFC 5280 §4.1 and §4.2 (fields, extensions) and §6 (paths), RFC 4514 (names as text), RFC 8705 §2.1.2 and
§3.1 (what identifies a client, the thumbprint), FIPS 186-5 (keys).
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from certs.errors import CertificateError
from certs.jwk import RSA_BITS

PublicKey: TypeAlias = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey
ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)

MAX_BYTES: Final = 16 * 1024  # of a certificate or a request; real ones have 1 to 3 kB
EXPIRY_NOTICE_DAYS: Final = (60, 30, 7)  # days before the end of a certificate at which its agency is told
DER_SEQUENCE: Final = b"\x30"  # first byte of every DER certificate and request (ITU-T X.690 §8.9)

_RSA_EXPONENTS: Final = range(65537, 1 << 32)  # FIPS 186-5 §5.1; a longer one only costs us time
_SERIAL_BITS: Final = 159  # RFC 5280 §4.1.2.2: positive, and its INTEGER has at most 20 bytes
_INTERMEDIATES_MAX_BYTES: Final = 8 * MAX_BYTES
_PEM_PRIVATE_KEY: Final = b"PRIVATE KEY-----"
_SIGNATURES: Final = frozenset(
    {
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.RSASSA_PSS,
    }
)
_UNDERSTOOD: Final = (
    x509.BasicConstraints,
    x509.ExtendedKeyUsage,
    x509.KeyUsage,
    x509.SubjectAlternativeName,
)
# What the parser of the library raises for bytes that are not a certificate. It only warns about a few faults;
# where warnings are errors, they are faults here too, and elsewhere ``_presented`` finds the same ones.
_UNREADABLE: Final = (
    KeyError,
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    UserWarning,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
# Only to tell *why* a chain was refused: the same verification without its rules about extensions.
_ANY_EXTENSIONS: Final = ExtensionPolicy.permit_all()
_ANY_AUTHORITY_EXTENSIONS: Final = _ANY_EXTENSIONS.require_present(
    x509.BasicConstraints, Criticality.AGNOSTIC, None
)


@dataclass(frozen=True, slots=True)
class PresentedCertificate:
    """What a certificate says; nothing about whether it is to be believed.

    Attributes:
        thumbprint: ``x5t#S256`` of RFC 8705 §3.1.
        subject: distinguished name as RFC 4514 text, ``""`` if empty.
        issuer: likewise.
        serial: positive, at most 20 bytes (RFC 5280 §4.1.2.2).
        dns: host names of subjectAltName (RFC 5280 §4.2.1.6), as written.
        uris: URIs of subjectAltName, as written.
        emails: mail addresses of subjectAltName, as written.
        addresses: IP addresses of subjectAltName, in their usual text form.
        not_before: first instant of validity, aware UTC.
        not_after: last instant of validity, itself included, aware UTC.
    """

    thumbprint: str
    subject: str
    issuer: str
    serial: int
    dns: tuple[str, ...]
    uris: tuple[str, ...]
    emails: tuple[str, ...]
    addresses: tuple[str, ...]
    not_before: datetime
    not_after: datetime


def read_certificate(data: bytes) -> PresentedCertificate:
    """What the one certificate in ``data`` says; its signature and its dates are not judged.

    Args:
        data: DER, or PEM with exactly one certificate and no private key; at most 16 kB.
    Raises: CertificateError, it is anything else, breaks RFC 5280 §4.1, or has a name that cannot be printed.
    """
    return _presented(_load(data))


def thumbprint(der: bytes) -> str:
    """SHA-256 over a DER certificate, base64url without padding: 43 characters (RFC 8705 §3.1, RFC 7515 §2).

    It ties a token to the very certificate of a connection. It does not tell whether two certificates are the same
    one: without any key, an ECDSA signature can be turned into a second that is as valid (SEC 1 §4.1.4), and with it
    the thumbprint. What is revoked is therefore known by issuer and serial number.
    """
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode("ascii")


def check_chain(
    certificate: bytes, *, authorities: bytes, intermediates: bytes = b"", now: datetime
) -> PresentedCertificate:
    """What ``certificate`` says, once it is known to be a client certificate that holds at ``now``.

    It holds if its key is strong, its extended key usage names clientAuth, it is no authority itself, and a path
    leads from it through ``intermediates`` to one of ``authorities``, every certificate on it valid at ``now``.
    A certificate without subjectAltName is refused, even if its subject would identify the client: the verifier
    wants one. Revocation is not looked at here: ``certs.revocation`` and the TLS listener do that.

    Args:
        certificate: as for ``read_certificate``.
        authorities: PEM, one or more authorities, trusted as they stand.
        intermediates: PEM, none or more authorities that are not trusted by themselves; at most 128 kB.
        now: aware instant.
    Raises: CertificateError, with a sentence that says which of these it fails, the certificate's own faults first.
    Source: RFC 5280 §6.1, with the rules for extensions of ``cryptography.x509.verification``.
    """
    leaf = _load(certificate)
    presented = _presented(leaf)
    _require_now(presented, now=now)
    _require_client(leaf)
    strong_key(leaf)
    if leaf.signature_algorithm_oid not in _SIGNATURES:
        raise CertificateError(
            "the certificate's signature is weak: ECDSA or RSA with SHA-256, 384 or 512 is needed"
        )
    _require_path(leaf, trusted=_authorities(authorities), others=_intermediates(intermediates), now=now)
    return presented


def strong_key(source: x509.Certificate | x509.CertificateSigningRequest) -> PublicKey:
    """The public key in ``source``: P-256, P-384, Ed25519, or RSA of 2048 to 4096 bits with an exponent from 65537.

    Raises: CertificateError, the key is of another kind, too short, too long, or not valid.
    """
    try:
        key = source.public_key()
    except _UNREADABLE as error:
        raise CertificateError("the key cannot be read, or is of a kind that is not accepted") from error
    match key:
        case EllipticCurvePublicKey(curve=SECP256R1() | SECP384R1()) | Ed25519PublicKey():
            return key
        case RSAPublicKey() if _strong_modulus(key):
            return key
    raise CertificateError(
        "the key is weak or of another kind: use P-256, P-384, or RSA of 2048 to 4096 bits"
    )


def refuse_private_key(data: bytes) -> None:
    """Return only if no PEM private key is in ``data``.

    Raises: CertificateError, there is one: whoever sent it has given it away.
    """
    if _PEM_PRIVATE_KEY in data:
        raise CertificateError("the file holds a private key: it is never sent; treat it as compromised")


def days_left(not_after: datetime, *, now: datetime) -> int:
    """Whole days from ``now`` to ``not_after`` (aware instants), rounded down; negative once it has expired."""
    return (not_after - now) // timedelta(days=1)


def notice_due(not_after: datetime, *, now: datetime) -> int | None:
    """Which notice of expiry is due at ``now``: the smallest of ``EXPIRY_NOTICE_DAYS`` already reached.

    A threshold of 7 is reached when exactly 7 days are left. 0 stands for expired; at ``not_after`` itself a
    certificate still holds (RFC 5280 §4.1.2.5). None: the end is further away than every threshold.
    """
    left = not_after - now
    if left < timedelta(0):
        return 0
    return min((days for days in EXPIRY_NOTICE_DAYS if left <= timedelta(days=days)), default=None)


def _require_path(
    leaf: x509.Certificate,
    *,
    trusted: Sequence[x509.Certificate],
    others: Sequence[x509.Certificate],
    now: datetime,
) -> None:
    plain = PolicyBuilder().store(Store(list(trusted)))
    if _leads(plain.time(now), leaf, others):
        return
    # Refused; what follows only finds out why.
    lenient = plain.extension_policies(ca_policy=_ANY_AUTHORITY_EXTENSIONS, ee_policy=_ANY_EXTENSIONS)
    if _leads(lenient.time(now), leaf, others):
        raise CertificateError(
            "the certificate or an authority above it lacks an extension that RFC 5280 wants, or marks it wrongly"
        )
    if _leads(plain.time(leaf.not_valid_before_utc), leaf, others):
        raise CertificateError("an authority above the certificate has expired")
    raise CertificateError(
        "the certificate does not come from a known authority, or an intermediate certificate is missing"
    )


def _leads(policy: PolicyBuilder, leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> bool:
    try:
        policy.build_client_verifier().verify(leaf, list(others))
    except (VerificationError, *_UNREADABLE):  # authorities in between were not read before
        return False
    return True


def _load(data: bytes) -> x509.Certificate:
    if len(data) > MAX_BYTES:
        raise CertificateError("the certificate is larger than 16 kB")
    # The first byte decides, not a search: a DER certificate may carry the text of another as an extension.
    if data.startswith(DER_SEQUENCE):
        try:
            return x509.load_der_x509_certificate(data)
        except _UNREADABLE as error:
            raise CertificateError("the file is not a certificate in PEM or DER") from error
    found = _load_pem(data, otherwise="the file is not a certificate in PEM or DER")
    if len(found) != 1:
        raise CertificateError("the file holds more than one certificate: send the client's own alone")
    return found[0]


def _load_pem(data: bytes, *, otherwise: str) -> list[x509.Certificate]:
    refuse_private_key(data)
    try:
        return x509.load_pem_x509_certificates(data)
    except _UNREADABLE as error:
        raise CertificateError(otherwise) from error


def _authorities(data: bytes) -> list[x509.Certificate]:
    unreadable = "the list of known authorities cannot be read"
    found = _load_pem(data, otherwise=unreadable)
    try:
        authorities = all(_is_authority(certificate) for certificate in found)
    except _UNREADABLE as error:
        raise CertificateError(unreadable) from error
    if not authorities:  # the verifier trusts whatever it is given, an end entity too
        raise CertificateError("the list of known authorities holds a certificate that is not an authority's")
    return found


def _intermediates(data: bytes) -> list[x509.Certificate]:
    if len(data) > _INTERMEDIATES_MAX_BYTES:
        raise CertificateError("the intermediate certificates are larger than 128 kB")
    return _load_pem(data, otherwise="the intermediate certificates are not PEM") if data.strip() else []


def _presented(certificate: x509.Certificate) -> PresentedCertificate:
    try:
        names = _extension(certificate, x509.SubjectAlternativeName) or x509.SubjectAlternativeName([])
        presented = PresentedCertificate(
            thumbprint=thumbprint(certificate.public_bytes(Encoding.DER)),
            subject=_text(certificate.subject),
            issuer=_text(certificate.issuer),
            serial=certificate.serial_number,
            dns=tuple(names.get_values_for_type(x509.DNSName)),
            uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
            emails=tuple(names.get_values_for_type(x509.RFC822Name)),
            addresses=tuple(map(str, names.get_values_for_type(x509.IPAddress))),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
    except _UNREADABLE as error:
        raise CertificateError("a field or an extension of the certificate is malformed") from error
    _require_sound(presented)
    return presented


def _text(name: x509.Name) -> str:
    for attribute in name:
        # Parsing only warns about a length that X.520 forbids; building the same attribute refuses it.
        x509.NameAttribute(attribute.oid, attribute.value)
    return name.rfc4514_string()


def _require_sound(presented: PresentedCertificate) -> None:
    if not 0 < presented.serial < 1 << _SERIAL_BITS:
        raise CertificateError(
            "the serial number of the certificate is not positive, or has more than 20 bytes"
        )
    texts = (presented.subject, presented.issuer, *presented.dns, *presented.uris, *presented.emails)
    if not all(text.isprintable() for text in texts):
        raise CertificateError("a name in the certificate has characters that cannot be printed")


def _require_now(presented: PresentedCertificate, *, now: datetime) -> None:
    if now < presented.not_before:
        raise CertificateError("the certificate is not valid yet")
    if now > presented.not_after:
        raise CertificateError("the certificate has expired")


def _require_client(leaf: x509.Certificate) -> None:
    """Refuse what may not stand for a client; the extensions were read before, so they parse."""
    if any(entry.critical and not isinstance(entry.value, _UNDERSTOOD) for entry in leaf.extensions):
        raise CertificateError("the certificate has a critical extension that is not known here")
    if _is_authority(leaf):
        raise CertificateError("the certificate is an authority's, not a client's")
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is None or ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        raise CertificateError(
            "the certificate is not for clients: its extended key usage must name clientAuth"
        )
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        raise CertificateError(
            "the certificate is not for clients: its key usage must allow digital signatures"
        )
    if _extension(leaf, x509.SubjectAlternativeName) is None:
        raise CertificateError("the certificate has no subjectAltName")


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _extension(certificate: x509.Certificate, kind: type[ExtensionT]) -> ExtensionT | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _strong_modulus(key: RSAPublicKey) -> bool:
    shortest, longest = RSA_BITS
    return shortest <= key.key_size <= longest and key.public_numbers().e in _RSA_EXPONENTS
