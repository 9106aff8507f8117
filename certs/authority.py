"""A small certificate authority: for the demo, the tests, and councils without one of their own.

Invariants:
- The authority signs end-entity certificates only (path length 0); what it issues can sign nothing.
- A server certificate authenticates servers only, a client certificate clients only: neither passes as the other.
- Every certificate satisfies a verifier in strict mode: key identifiers present, basic constraints critical.
- All keys are P-256; private keys leave this module only as PEM, to be written by ``write_private``.

Sources: RFC 5280 §4.1.2.2 (serial numbers) and §4.2.1 (extensions, cited at each), RFC 6125 §6.4.4 (names in
subjectAltName), RFC 8705 §2.1 (client identified by subject or subjectAltName).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.errors import AuthorityError
from certs.private_file import write_private

__all__ = ["Issued", "create_authority", "issue_client", "issue_server", "write_private"]

AUTHORITY_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=397)  # CA/Browser Forum Baseline Requirements §6.3.2 allowed at most 398 days
CLOCK_SKEW = timedelta(minutes=5)  # a partner's clock may be this far behind the issuer's
AGENCY_URN = "urn:early-help-gateway:agency:"


@dataclass(frozen=True, slots=True)
class Issued:
    """A private key with its certificate: an authority, a server or a client."""

    key: EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS #8 PEM, for ``write_private`` and nothing else."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM; public."""
        return self.certificate.public_bytes(Encoding.PEM)

    @classmethod
    def from_pem(cls, *, key: bytes, certificate: bytes) -> Self:
        """Read back what ``key_pem`` and ``certificate_pem`` gave.

        Raises: AuthorityError, one is not PEM, the key is not on P-256, or the two do not belong together.
        """
        try:
            private = load_pem_private_key(key, password=None)
            public = x509.load_pem_x509_certificate(certificate)
        except (ValueError, TypeError):
            raise AuthorityError("the key or the certificate is not PEM") from None
        if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
            raise AuthorityError("the key is not a P-256 key")
        if private.public_key() != public.public_key():
            raise AuthorityError("the key does not belong to the certificate")
        return cls(key=private, certificate=public)


def create_authority(common_name: str, *, now: datetime, lifetime: timedelta = AUTHORITY_LIFETIME) -> Issued:
    """A fresh self-signed authority, valid from five minutes before ``now`` (an aware instant)."""
    key = generate_private_key(SECP256R1())
    name = _name(common_name)
    builder = _builder(name, key, now=now, lifetime=lifetime).issuer_name(name)
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)  # §4.2.1.9
        .add_extension(usage, critical=True)  # §4.2.1.3
        .sign(key, SHA256())
    )
    return Issued(key=key, certificate=certificate)


def issue_server(
    authority: Issued,
    *,
    names: Sequence[str],
    addresses: Sequence[IPv4Address | IPv6Address] = (),
    now: datetime,
    lifetime: timedelta = LEAF_LIFETIME,
) -> Issued:
    """A server certificate for these host names and addresses; the first is also the common name.

    Raises: AuthorityError, no name or address was given, a name is not one, or ``authority`` is none.
    """
    try:
        general = [*map(x509.DNSName, names), *map(x509.IPAddress, addresses)]
    except ValueError:
        raise AuthorityError("a server name is not a host name in ASCII") from None
    if not general:
        raise AuthorityError("a server certificate needs a name or an address")
    common_name = str(general[0].value)
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    return _issue(authority, common_name, general, usage=usage, now=now, lifetime=lifetime)


def issue_client(
    authority: Issued, *, agency: str, now: datetime, lifetime: timedelta = LEAF_LIFETIME
) -> Issued:
    """A client certificate for one agency: its code is the common name and part of a URN in subjectAltName.

    Raises: AuthorityError, the agency code is empty or not ASCII, or ``authority`` is none.
    """
    try:
        general = [x509.UniformResourceIdentifier(AGENCY_URN + agency)]
    except ValueError:
        raise AuthorityError("an agency code is ASCII") from None
    return _issue(
        authority, agency, general, usage=ExtendedKeyUsageOID.CLIENT_AUTH, now=now, lifetime=lifetime
    )


def _issue(
    authority: Issued,
    common_name: str,
    general: Sequence[x509.GeneralName],
    *,
    usage: x509.ObjectIdentifier,
    now: datetime,
    lifetime: timedelta,
) -> Issued:
    key = generate_private_key(SECP256R1())
    certificate = (
        _builder(_name(common_name), key, now=now, lifetime=lifetime)
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)  # §4.2.1.9
        .add_extension(_key_usage(digital_signature=True), critical=True)  # §4.2.1.3
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)  # §4.2.1.12
        .add_extension(x509.SubjectAlternativeName(general), critical=False)  # §4.2.1.6
        .add_extension(_authority_identifier(authority), critical=False)  # §4.2.1.1
        .sign(authority.key, SHA256())
    )
    return Issued(key=key, certificate=certificate)


def _builder(
    subject: x509.Name, key: EllipticCurvePrivateKey, *, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )  # §4.2.1.2
    )


def _authority_identifier(authority: Issued) -> x509.AuthorityKeyIdentifier:
    extensions = authority.certificate.extensions
    try:
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
        identifier = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound as error:
        raise AuthorityError("the certificate is not an authority's") from error
    if not constraints.ca:
        raise AuthorityError("the certificate is not an authority's")
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _name(common_name: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    except ValueError:
        raise AuthorityError("a common name has 1 to 64 characters") from None


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
