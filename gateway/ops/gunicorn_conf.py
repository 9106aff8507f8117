"""gunicorn's configuration: TLS as BCP 195 asks, threads for waiting, one process per core.

Read by ``gateway serve`` and the demo; every value is in code, only places come from the environment.
"""

import multiprocessing
import os
import ssl
from collections.abc import Callable

bind = os.environ.get("GATEWAY_BIND", "127.0.0.1:8443").split(",")
workers = int(os.environ.get("GATEWAY_WORKERS", str(multiprocessing.cpu_count())))
worker_class = "gthread"
threads = 8
reuse_port = True
keepalive = 15
timeout = 60
graceful_timeout = 10
certfile = os.environ.get("GATEWAY_TLS_CERTIFICATE_FILE")
keyfile = os.environ.get("GATEWAY_TLS_KEY_FILE")
limit_request_line = 4094
limit_request_fields = 50
limit_request_field_size = 8190
control_socket_disable = True

_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)
"""The suites FAPI 2.0 section 5.2.2 allows for TLS 1.2; TLS 1.3 brings its own."""


def ssl_context(_config: object, factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return the context of a connection: TLS 1.2 or newer, forward secrecy, authenticated encryption."""
    context = factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    return context
