"""An application that tells what reached it: run by the real gunicorn with our configuration, to test the doors."""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from certs.certificate import thumbprint

LARGE = 16 * 1024 * 1024
"""More bytes than all buffers between the gateway and a slow reader hold."""


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer with the certificate of the connection, the headers, the body's length, and who answers."""
    connection = environ["gunicorn.socket"]
    presented = connection.getpeercert(binary_form=True) if hasattr(connection, "getpeercert") else None
    told = {
        "thumbprint": thumbprint(presented) if presented else None,
        "headers": {name: value for name, value in environ.items() if name.startswith("HTTP_")},
        "path": environ["RAW_URI"],
        "script": environ["SCRIPT_NAME"],
        "scheme": environ["wsgi.url_scheme"],
        "body": len(environ["wsgi.input"].read()),
        "process": os.getpid(),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode(), b" " * (LARGE if environ["PATH_INFO"] == "/large" else 0)]
