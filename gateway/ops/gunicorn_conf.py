"""gunicorn's configuration: two doors of TLS as BCP 195 asks, threads for waiting, a process per core and one more.

Read by ``gateway serve`` and the demo; every value is in code, only places come from the environment:

- ``GATEWAY_BIND``: addresses that never ask for a client certificate, with commas between; ``unix:/path`` for nginx.
- ``GATEWAY_TLS_CERTIFICATE_FILE``, ``GATEWAY_TLS_KEY_FILE``: the server's certificate chain and its key.
- ``GATEWAY_MTLS_BIND``: the one address that asks for a client certificate; absent: there is none.
- ``GATEWAY_CLIENT_CA_FILE``, ``GATEWAY_CLIENT_CRL_FILE``: who issues client certificates, and what they revoked.

In production nginx stands in front (``deploy/nginx.conf``). gunicorn ends a handshake that does not come to its end,
but waits without limit for the headers of a request: as many clients as there are threads, each stopping in the
middle of a header, keep everyone else waiting. Without nginx this is for the demo, the tests, and networks in which
every machine is known.
"""

import gc
import logging
import multiprocessing
import os
import sys
from collections.abc import Callable
from ssl import SSLContext

from gateway.ops.listeners import DEFAULT_ADDRESS, Listeners, ListenersError

try:
    _listeners = Listeners.from_environ(os.environ)
except ListenersError as error:
    sys.exit(f"The gateway cannot start: {error}.")

_plain = os.environ.get("GATEWAY_BIND") or DEFAULT_ADDRESS
_mutual = os.environ.get("GATEWAY_MTLS_BIND")

bind = [*_plain.split(","), *([_mutual] if _mutual else [])]
workers = int(os.environ.get("GATEWAY_WORKERS", str(multiprocessing.cpu_count() + 1)))
worker_class = "gthread"
threads = 8
# Each worker binds for itself then; of a unix socket's path each would rob the one before.
reuse_port = "unix:" not in _plain
keepalive = 15
timeout = 60
graceful_timeout = 10
certfile = os.environ.get("GATEWAY_TLS_CERTIFICATE_FILE") or None
keyfile = os.environ.get("GATEWAY_TLS_KEY_FILE") or None
limit_request_line = 4094
limit_request_fields = 50
limit_request_field_size = 8190
control_socket_disable = True
_COLLECT_AFTER = 20_000
"""Objects more than before; Python's own 700 is reached by every second release."""
umask = 0o117
"""A unix socket is the owner's and the group's: whoever may write to it is believed to be nginx."""
forwarder_headers = ""
"""No header becomes SCRIPT_NAME or PATH_INFO, from nobody."""
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
"""nginx says so over the unix socket; the application compares URLs with its settings all the same."""


def ssl_context(_config: object, _factory: Callable[[], SSLContext]) -> Listeners | None:
    """Return what wraps the next connection: it knows the listener by its port."""
    return _listeners


def post_worker_init(_worker: object) -> None:
    """Let the collector walk over what requests leave behind, not again and again over everything that was loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)


def when_ready(_arbiter: object) -> None:
    """Say where client certificates come from, for whoever reads the log of a start."""
    source = os.environ.get("GATEWAY_CLIENT_CERTIFICATES") or "off"
    logging.getLogger("gunicorn.error").info("Client certificates: %s %s", source, _mutual or "")
