"""The side of whoever asks for a certificate: a key of their own, and the request that proves they hold it.

Source: RFC 2986 (PKCS #10).
"""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def new_signing_request(common_name: str) -> tuple[bytes, bytes]:
    """Return a fresh P-256 private key (PKCS #8 PEM, for ``write_private``) and a signing request for it (PEM).

    Args:
        common_name: for people; whoever issues the certificate decides what it says.
    """
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, request.public_bytes(Encoding.PEM)
