"""A small certificate authority: for the demo, the tests, and councils without one of their own.

Invariants:
- Every certificate follows one of the profiles below; nothing that is asked for, by a request or otherwise, adds to it.
- The authority signs end-entity certificates only (path length 0); what it issues can sign nothing.
- A server certificate authenticates servers only, a client certificate clients only: neither passes as the other.
- Nothing that it issues outlives it.
- Every certificate satisfies a verifier in strict mode: key identifiers present, basic constraints critical.
- All keys made here are P-256; private keys leave this module only as PEM, to be written by ``write_private``.

Sources: RFC 5280 §4.1.2.2 (serial numbers) and §4.2.1 (extensions, cited at each), RFC 6125 §6.4.4 (names in
subjectAltName), RFC 8705 §2.1 (client identified by subject or subjectAltName), RFC 2986 (requests).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.certificate import DER_SEQUENCE, MAX_BYTES, PublicKey, refuse_private_key, strong_key
from certs.errors import AuthorityError, CertificateError
from certs.private_file import write_private

__all__ = [
    "AUTHORITY_PROFILE",
    "CLIENT_PROFILE",
    "PROFILES",
    "SERVER_PROFILE",
    "CertificateProfile",
    "Issued",
    "agency_uri",
    "authority_identifier",
    "client_uri",
    "create_authority",
    "issue_client",
    "issue_client_from_request",
    "issue_server",
    "write_private",
]

AUTHORITY_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=397)  # CA/Browser Forum Baseline Requirements §6.3.2 allowed at most 398 days
CLOCK_SKEW = timedelta(minutes=5)  # a partner's clock may be this far behind the issuer's
AGENCY_URN = "urn:early-help-gateway:agency:"
CLIENT_URN = "urn:early-help-gateway:client:"
_CODE: Final = re.compile(
    r"[A-Za-z0-9._~-]+"
)  # RFC 3986 §2.3: unreserved, so a code is part of a URN as it stands
_USAGES: Final = (  # RFC 5280 §4.2.1.3, in the order of its bits
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, slots=True)
class CertificateProfile:
    """What all certificates of one kind have in common, whoever they are for.

    Beside what is listed, each certificate carries a subjectKeyIdentifier (RFC 5280 §4.2.1.2), and each that is not
    an authority's an authorityKeyIdentifier (§4.2.1.1) and a subjectAltName (§4.2.1.6); those three are not critical.

    Attributes:
        name: what the kind is called, in ``PROFILES`` too.
        key_usage: bits that are set in the critical keyUsage (§4.2.1.3); all others are clear.
        extended_key_usage: the one purpose in extendedKeyUsage, not critical (§4.2.1.12); None: no such extension.
        is_authority: ``cA`` of the critical basicConstraints (§4.2.1.9); an authority's path length is 0.
        lifetime: from issue to the end, unless the caller says otherwise.
    """

    name: str
    key_usage: frozenset[str]
    extended_key_usage: x509.ObjectIdentifier | None
    is_authority: bool
    lifetime: timedelta


AUTHORITY_PROFILE: Final = CertificateProfile(
    name="authority",
    key_usage=frozenset({"key_cert_sign", "crl_sign"}),
    extended_key_usage=None,
    is_authority=True,
    lifetime=AUTHORITY_LIFETIME,
)
SERVER_PROFILE: Final = CertificateProfile(
    name="server",
    key_usage=frozenset({"digital_signature"}),
    extended_key_usage=ExtendedKeyUsageOID.SERVER_AUTH,
    is_authority=False,
    lifetime=LEAF_LIFETIME,
)
CLIENT_PROFILE: Final = CertificateProfile(
    name="client",
    key_usage=frozenset({"digital_signature"}),
    extended_key_usage=ExtendedKeyUsageOID.CLIENT_AUTH,
    is_authority=False,
    lifetime=LEAF_LIFETIME,
)
PROFILES: Final[Mapping[str, CertificateProfile]] = MappingProxyType(
    {profile.name: profile for profile in (AUTHORITY_PROFILE, SERVER_PROFILE, CLIENT_PROFILE)}
)


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


def agency_uri(agency: str) -> str:
    """The URN that stands for an agency in subjectAltName.

    Raises: AuthorityError, the code is empty or has other characters than ASCII letters, digits and ``-._~``.
    """
    return AGENCY_URN + _code(agency)


def client_uri(client: str) -> str:
    """The URN that stands for a registered client in subjectAltName; raises as ``agency_uri``."""
    return CLIENT_URN + _code(client)


def create_authority(
    common_name: str, *, now: datetime, lifetime: timedelta = AUTHORITY_PROFILE.lifetime
) -> Issued:
    """A fresh self-signed authority, valid from five minutes before ``now`` (an aware instant).

    Raises: AuthorityError, the name is empty or has more than 64 characters, or the lifetime is not positive.
    """
    key = generate_private_key(SECP256R1())
    name = _name(common_name)
    builder = _builder(
        AUTHORITY_PROFILE,
        subject=name,
        issuer=name,
        public_key=key.public_key(),
        now=now,
        until=now + lifetime,
    )
    return Issued(key=key, certificate=builder.sign(key, SHA256()))


def issue_server(
    authority: Issued,
    *,
    names: Sequence[str],
    addresses: Sequence[IPv4Address | IPv6Address] = (),
    now: datetime,
    lifetime: timedelta = LEAF_LIFETIME,
) -> Issued:
    """A server certificate for these host names and addresses; the first is also the common name.

    Raises: AuthorityError, no name or address was given, a name is not one, or ``authority`` is none or has ended.
    """
    try:
        general = [*map(x509.DNSName, names), *map(x509.IPAddress, addresses)]
    except ValueError:
        raise AuthorityError("a server name is not a host name in ASCII") from None
    if not general:
        raise AuthorityError("a server certificate needs a name or an address")
    key = generate_private_key(SECP256R1())
    certificate = _issue(
        authority,
        SERVER_PROFILE,
        subject=str(general[0].value),
        names=general,
        public_key=key.public_key(),
        now=now,
        lifetime=lifetime,
    )
    return Issued(key=key, certificate=certificate)


def issue_client(
    authority: Issued,
    *,
    agency: str,
    client: str | None = None,
    now: datetime,
    lifetime: timedelta = LEAF_LIFETIME,
) -> Issued:
    """A client certificate with a fresh key: the agency's code is the common name, and subjectAltName names it.

    Args:
        authority: who signs.
        agency: code of the agency; ``agency_uri`` of it is in subjectAltName.
        client: the registered client that the certificate is for, if it is for one; ``client_uri`` of it then too.
        now: aware instant.
        lifetime: from ``now``; cut where the authority's own ends.
    Raises: AuthorityError, a code is none, or ``authority`` is none or has ended.
    """
    key = generate_private_key(SECP256R1())
    certificate = _issue(
        authority,
        CLIENT_PROFILE,
        subject=agency,
        names=_client_names(agency, client),
        public_key=key.public_key(),
        now=now,
        lifetime=lifetime,
    )
    return Issued(key=key, certificate=certificate)


def issue_client_from_request(
    authority: Issued,
    request: bytes,
    *,
    agency: str,
    client: str | None = None,
    now: datetime,
    lifetime: timedelta = LEAF_LIFETIME,
) -> x509.Certificate:
    """A client certificate for a key that never left the agency: the same as ``issue_client`` would give.

    The request says which key, and proves that its sender holds it; its subject and the extensions that it asks for
    are not even read.

    Args:
        authority: who signs.
        request: PKCS #10, PEM or DER, at most 16 kB, for a key on P-256 or P-384 or an RSA key of 2048 to 4096 bits.
        agency: as for ``issue_client``.
        client: as for ``issue_client``.
        now: aware instant.
        lifetime: as for ``issue_client``.
    Raises: AuthorityError, the request is unreadable, too large, for another key or not signed by that key, or as
        ``issue_client``.
    Source: RFC 2986 §4.2 (the signature of a request).
    """
    return _issue(
        authority,
        CLIENT_PROFILE,
        subject=agency,
        names=_client_names(agency, client),
        public_key=_proven_key(request),
        now=now,
        lifetime=lifetime,
    )


def authority_identifier(authority: Issued) -> x509.AuthorityKeyIdentifier:
    """What points from whatever ``authority`` signs to its key (RFC 5280 §4.2.1.1 and §5.2.1).

    Raises: AuthorityError, it is not an authority, or its certificate has no subjectKeyIdentifier.
    """
    extensions = authority.certificate.extensions
    try:
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
        identifier = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound as error:
        raise AuthorityError("the certificate is not an authority's") from error
    if not constraints.ca:
        raise AuthorityError("the certificate is not an authority's")
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _issue(
    authority: Issued,
    profile: CertificateProfile,
    *,
    subject: str,
    names: Sequence[x509.GeneralName],
    public_key: PublicKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.Certificate:
    identifier = authority_identifier(authority)
    builder = _builder(
        profile,
        subject=_name(subject),
        issuer=authority.certificate.subject,
        public_key=public_key,
        now=now,
        until=min(now + lifetime, authority.certificate.not_valid_after_utc),
    )
    return (
        builder.add_extension(x509.SubjectAlternativeName(names), critical=False)  # §4.2.1.6
        .add_extension(identifier, critical=False)  # §4.2.1.1
        .sign(authority.key, SHA256())
    )


def _builder(
    profile: CertificateProfile,
    *,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: PublicKey,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    """What the profile says, for one key and one time."""
    if until <= now:
        raise AuthorityError("the certificate would have ended before it begins")
    constraints = x509.BasicConstraints(
        ca=profile.is_authority, path_length=0 if profile.is_authority else None
    )
    usage = x509.KeyUsage(**{name: name in profile.key_usage for name in _USAGES})
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())  # §4.1.2.2
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)  # §4.2.1.2
        .add_extension(constraints, critical=True)  # §4.2.1.9
        .add_extension(usage, critical=True)  # §4.2.1.3
    )
    if profile.extended_key_usage is None:
        return builder
    purposes = x509.ExtendedKeyUsage([profile.extended_key_usage])
    return builder.add_extension(purposes, critical=False)  # §4.2.1.12


def _client_names(agency: str, client: str | None) -> list[x509.GeneralName]:
    uris = [agency_uri(agency)] + ([] if client is None else [client_uri(client)])
    return [x509.UniformResourceIdentifier(uri) for uri in uris]


def _proven_key(request: bytes) -> PublicKey:
    """The key in a request, once it is one that we accept and the request is signed by it, in this order."""
    if len(request) > MAX_BYTES:
        raise AuthorityError("the request is larger than 16 kB")
    try:
        refuse_private_key(request)
        asked = _read_request(request)
        key = strong_key(asked)
    except CertificateError as error:
        raise AuthorityError(str(error)) from error
    if isinstance(key, Ed25519PublicKey):  # not every partner's TLS software offers it
        raise AuthorityError("a request is for a key on P-256 or P-384, or an RSA key")
    try:
        proven = asked.is_signature_valid
    except (UnsupportedAlgorithm, ValueError):  # a build of OpenSSL may lack the digest that was used
        proven = False
    if not proven:
        raise AuthorityError("the request is not signed by its own key, or not with SHA-256 or better")
    return key


def _read_request(request: bytes) -> x509.CertificateSigningRequest:
    load = x509.load_der_x509_csr if request.startswith(DER_SEQUENCE) else x509.load_pem_x509_csr
    try:
        return load(request)
    except (ValueError, x509.InvalidVersion) as error:
        raise AuthorityError("the file is not a certificate request (PKCS #10) in PEM or DER") from error


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise AuthorityError("a code in a certificate has ASCII letters, digits and -._~ only")
    return text


def _name(common_name: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    except ValueError:
        raise AuthorityError("a common name has 1 to 64 characters") from None
