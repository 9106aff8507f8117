"""A partner's own authority and what it issues: good certificates, and those that an onboarding must refuse."""

from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA224, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey: TypeAlias = EllipticCurvePrivateKey | Ed25519PrivateKey | Ed448PrivateKey | RSAPrivateKey
Signer: TypeAlias = EllipticCurvePrivateKey | RSAPrivateKey

DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)  # the TLS library and openssl read the machine's clock
CLIENT_URI = x509.UniformResourceIdentifier("urn:example:client")
TO_AUTHENTICATE = (ExtendedKeyUsageOID.CLIENT_AUTH,)


@dataclass(frozen=True, slots=True)
class Pair:
    """A private key and its certificate."""

    key: PrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return private_pem(self.key)


def private_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def authority(
    common_name: str,
    *,
    by: Pair | None = None,
    key: PrivateKey | None = None,
    start: datetime = NOW - DAY,
    end: datetime = NOW + 300 * DAY,
) -> Pair:
    """A root, or an intermediate signed by another authority."""
    own = key or generate_private_key(SECP256R1())
    issuer = name(common_name) if by is None else by.certificate.subject
    builder = (
        _builder(name(common_name), own.public_key(), issuer=issuer, start=start, end=end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    if by is not None:
        builder = builder.add_extension(_issued_by(by), critical=False)
    return Pair(own, builder.sign(_signer(own if by is None else by.key), SHA256()))


def certify(
    by: Pair,
    *,
    subject: x509.Name | None = None,
    key: PrivateKey | None = None,
    public_key: RSAPublicKey | None = None,
    start: datetime = NOW - DAY,
    end: datetime = NOW + 100 * DAY,
    names: Sequence[x509.GeneralName] | None = (CLIENT_URI,),
    purposes: Sequence[x509.ObjectIdentifier] | None = TO_AUTHENTICATE,
    usage: Sequence[str] | None = ("digital_signature",),
    is_authority: bool = False,
    identifies_authority: bool = True,
    more: Sequence[x509.Extension[x509.ExtensionType]] = (),
    digest: SHA224 | SHA256 | None = None,
) -> Pair:
    """A client certificate as a partner's authority would issue it, or one that is wrong in what is said.

    ``public_key`` stands in the certificate in place of the key's own: for keys that nobody need wait for.
    """
    key = key or generate_private_key(SECP256R1())
    subject = name("partner system") if subject is None else subject
    builder = _builder(
        subject, public_key or key.public_key(), issuer=by.certificate.subject, start=start, end=end
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not list(subject))
    if purposes is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if usage is not None:
        builder = builder.add_extension(key_usage(*usage), critical=True)
    if identifies_authority:
        builder = builder.add_extension(_issued_by(by), critical=False)
    for extension in more:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return Pair(key, builder.sign(_signer(by.key), digest or SHA256()))


def unknown_extension(
    oid: str, *, critical: bool, value: bytes = b"\x05\x00"
) -> x509.Extension[x509.ExtensionType]:
    identifier = x509.ObjectIdentifier(oid)
    return x509.Extension(identifier, critical, x509.UnrecognizedExtension(identifier, value))


def request(key: PrivateKey, *, subject: str = "anything", more: x509.ExtensionType | None = None) -> bytes:
    """A PKCS #10 request, DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(subject))
    if more is not None:
        builder = builder.add_extension(more, critical=True)
    digest = None if isinstance(key, Ed25519PrivateKey | Ed448PrivateKey) else SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.DER)


def key_usage(*bits: str) -> x509.KeyUsage:
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign"
        " crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{bit: bit in bits for bit in every.split()})


def armoured(der: bytes, label: str = "CERTIFICATE") -> bytes:
    """DER as PEM, whatever it is."""
    return f"-----BEGIN {label}-----\n".encode() + encodebytes(der) + f"-----END {label}-----\n".encode()


def sequence(content: bytes) -> bytes:
    """A DER sequence of 128 to 65,535 bytes."""
    size = len(content)
    return b"\x30" + (bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2)) + content


def _builder(
    subject: x509.Name, key: CertificatePublicKeyTypes, *, issuer: x509.Name, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _issued_by(by: Pair) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())


def _signer(key: PrivateKey) -> Signer:
    assert isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey)
    return key
