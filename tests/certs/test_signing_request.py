"""A fresh key and the request that proves it: what an agency's side of the authority makes."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certs.authority import create_authority, issue_client_from_request
from certs.signing_request import new_signing_request


def test_a_request_is_signed_by_its_own_fresh_key_and_accepted() -> None:
    """Two requests never share a key, and the authority that reads them needs nothing else."""
    now = datetime.now(UTC)
    authority = create_authority("Test CA", now=now)
    publics = []
    for _ in range(2):
        private, request = new_signing_request("open-door")
        public = load_pem_private_key(private, password=None).public_key()
        assert x509.load_pem_x509_csr(request).public_key() == public
        certificate = issue_client_from_request(authority, request, agency="open-door", now=now)
        assert certificate.public_key() == public
        publics.append(public)
    assert publics[0] != publics[1]
