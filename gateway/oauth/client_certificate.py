"""The client certificate of a request: read from one place, which the settings name, and believed only there.

INVARIANTS
- Natively the certificate is the one that our own TLS handshake verified; no header is ever looked into for it.
- Behind nginx it is the one that nginx verified (``SUCCESS``), told in two headers, and only on a connection
  from a unix socket or a listed proxy.
- A header that claims a certificate anywhere else is a forgery, and the request is refused, not served without.

Sources: RFC 8705 section 6.5, RFC 9440 section 4; nginx's ``$ssl_client_verify`` and ``$ssl_client_escaped_cert``.
"""

import ssl
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import unquote_to_bytes

from flask import Request

from certs.certificate import PresentedCertificate, read_certificate
from certs.errors import CertificateError
from gateway.oauth.errors import ForgedCertificateError
from gateway.settings import ClientCertificates, Settings

VERIFY_HEADER: Final = "X-SSL-Client-Verify"
CERTIFICATE_HEADER: Final = "X-SSL-Client-Cert"
_CLAIMS: Final = (VERIFY_HEADER, CERTIFICATE_HEADER, "Client-Cert", "Client-Cert-Chain")
_NONE: Final = "NONE"
_SUCCESS: Final = "SUCCESS"


def presented_certificate(
    incoming: Request, settings: Settings, *, now: datetime
) -> PresentedCertificate | None:
    """Return the verified client certificate of a request; None: it came without one.

    Raises: ForgedCertificateError, a header claims a certificate that nobody verified, or the certificate of a
        connection that stayed open has expired meanwhile.
    """
    certificate = _verified_certificate(incoming, settings)
    if certificate is not None and not certificate.not_before <= now < certificate.not_after:
        raise ForgedCertificateError
    return certificate


def _verified_certificate(incoming: Request, settings: Settings) -> PresentedCertificate | None:
    if _is_from_proxy(incoming.environ, settings):
        return _told_by_proxy(incoming)
    if any(name in incoming.headers for name in _CLAIMS):
        raise ForgedCertificateError
    if settings.client_certificates is not ClientCertificates.TLS:
        return None
    connection = incoming.environ.get("gunicorn.socket")
    der = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None
    return None if der is None else _read(der)


def _is_from_proxy(environ: Mapping[str, object], settings: Settings) -> bool:
    """True for a connection over our unix socket (it has no address) or from a listed address."""
    peer = environ.get("REMOTE_ADDR")
    return settings.client_certificates is ClientCertificates.PROXY and (
        peer == "" or peer in settings.trusted_proxies
    )


def _told_by_proxy(incoming: Request) -> PresentedCertificate | None:
    if "Client-Cert" in incoming.headers or "Client-Cert-Chain" in incoming.headers:
        raise ForgedCertificateError
    verdict = incoming.headers.get(VERIFY_HEADER, _NONE)
    if verdict == _NONE:
        return None
    if verdict != _SUCCESS:
        raise ForgedCertificateError
    # Not unquote_plus: a plus sign is a character of base64.
    return _read(unquote_to_bytes(incoming.headers.get(CERTIFICATE_HEADER, "")))


def _read(data: bytes) -> PresentedCertificate:
    try:
        return read_certificate(data)
    except CertificateError as error:
        raise ForgedCertificateError from error
