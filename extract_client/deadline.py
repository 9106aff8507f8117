"""An end for a connection, whatever the other side does: a timeout of a socket begins anew with every byte."""

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def cut_off(connection: socket.socket, *, after: float) -> Iterator[None]:
    """End the connection ``after`` seconds, unless the block is left before.

    Whoever reads or writes then, in this thread, meets the end of the stream or an OSError.
    """

    def cut() -> None:
        with contextlib.suppress(OSError):
            # The plain socket's: the one of TLS would take the session away under the thread that uses it.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    timer = threading.Timer(after, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
