"""A closed-loop client in a process of its own: so many connections, each with one request on its way at any time.

Reads one JSON object from standard input (``Load``), writes one to standard output (``Measured``).

INVARIANTS
- Everything that a partner's system could do beforehand is done before the clock: proofs are signed, requests written.
- Every proof is used once. When the prepared requests are used up, the measured time ends, and is as long as it was.
- Each answer's status counts; bodies are kept now and then, for whoever started this to check.
- What this process itself takes from the machine is part of the result.
"""

import base64
import gc
import hashlib
import json
import math
import os
import random
import secrets
import select
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

Load: TypeAlias = Mapping[str, Any]
"""``port``, ``host``, ``tls`` (none, or ``authority`` and perhaps ``files`` of each caller), ``connections``, ``seconds``, ``warm``, ``requests``, ``every``, ``url``,
``targets`` (path and caller each), ``callers`` (headers, and the key of proofs or none each), ``processes``."""

_HALF: Final = 32
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_CHUNK: Final = 65_536
_HEAD_END: Final = b"\r\n\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"
_SILENCE: Final = 30.0
_GONE: Final = "connection ended"


Lane: TypeAlias = list[tuple[int, bytes]]
"""Prepared requests, the next one last, with the target of each; of one agency where a connection is one agency's."""


@dataclass(slots=True)
class Connection:
    """One connection and the request on its way on it."""

    socket: socket.socket
    lane: Lane
    target: int = 0
    began: float = 0.0
    received: bytes = b""
    length: int = 0
    head: int = 0


@dataclass(slots=True)
class Tally:
    """What was answered within the measured time."""

    times: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    sampled: list[tuple[int, str, str]] = field(default_factory=list)


def main() -> None:
    """Read what to do, prepare it, measure, and write what was found."""
    load: Load = json.load(sys.stdin)
    names = _lanes(load)
    each = math.ceil(load["requests"] / len(names))
    lanes = [(name, list(_prepared(load, name, each))) for name in names]
    turns = islice(cycle(lanes), load["connections"])
    json.dump(_measure(load, list(turns)), sys.stdout)


def processor_seconds(root: int) -> float:
    """What a process and everything it started took so far, in user and system time."""
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(map(int, fields[11:15]))  # proc(5): utime, stime, and of ended children cutime, cstime
        waiting += map(int, children)
    return total / _TICKS


def _lanes(load: Load) -> Sequence[str | None]:
    """Whose each lane is: one agency's each where a connection carries its certificate, else one lane of all."""
    certified = sorted((load["tls"] or {}).get("files", {}))
    chance = random.Random(load["seed"])
    return chance.sample(certified, min(len(certified), load["connections"])) or [None]


def _prepared(load: Load, only: str | None, count: int) -> Iterator[tuple[int, bytes]]:
    """Requests, ready to send, of one caller or of all, with the target of each."""
    targets, callers = load["targets"], load["callers"]
    signers = {name: _signer(caller["proof"]) for name, caller in callers.items() if caller.get("proof")}
    chance = random.Random(load["seed"])
    places = [place for place, (_, name) in enumerate(targets) if only in (None, name)]
    for _ in range(count):
        place = chance.choice(places)
        path, name = targets[place]
        lines = [f"GET {path} HTTP/1.1", f"Host: {load['host']}", *callers[name]["headers"]]
        if name in signers:
            lines.append(f"DPoP: {signers[name].proof(load['url'] + path)}")
        yield place, ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


@dataclass(frozen=True, slots=True)
class _Signer:
    """Signs DPoP proofs (RFC 9449) with one key, for one token."""

    key: EllipticCurvePrivateKey
    header: str
    ath: str

    def proof(self, address: str) -> str:
        claims = {"htm": "GET", "htu": address, "iat": int(time.time()), "jti": secrets.token_urlsafe(16),
                  "ath": self.ath}  # fmt: skip
        signed = f"{self.header}.{_encoded(json.dumps(claims).encode())}"
        halves = decode_dss_signature(self.key.sign(signed.encode(), ECDSA(SHA256())))
        return f"{signed}.{_encoded(b''.join(half.to_bytes(_HALF, 'big') for half in halves))}"


def _signer(proof: Mapping[str, Any]) -> _Signer:
    key = load_pem_private_key(proof["key"].encode(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError("a proof is signed with a key on P-256")
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": proof["jwk"]}
    ath = _encoded(hashlib.sha256(proof["token"].encode()).digest())
    return _Signer(key, _encoded(json.dumps(header).encode()), ath)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _connected(load: Load, name: str | None) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", load["port"]), timeout=_SILENCE)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tls = load["tls"]
    if tls is None:
        return plain
    context = ssl.create_default_context(cafile=tls["authority"])
    if name is not None:
        context.load_cert_chain(*tls["files"][name])
    return context.wrap_socket(plain, server_hostname="localhost")


def _opened(load: Load, turns: Iterable[tuple[str | None, Lane]]) -> Iterator[Connection]:
    """Open connections, each with its first request at once: one that says nothing keeps a thread of the server."""
    for name, lane in turns:
        connection = Connection(_connected(load, name), lane)
        _send(connection)
        connection.socket.setblocking(False)
        yield connection


def _measure(load: Load, turns: Iterable[tuple[str | None, Lane]]) -> dict[str, Any]:
    """Keep every connection busy; count only what is answered after the warming up."""
    gc.disable()
    poll = select.epoll()
    by_number = {each.socket.fileno(): each for each in _opened(load, turns)}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    tally, ran_out = Tally(), False
    start = time.perf_counter()
    counted_from, until = start + load["warm"], start + load["warm"] + load["seconds"]
    counting = False
    before: dict[str, float] = {}
    while by_number:
        ready = poll.poll(_SILENCE)
        now = time.perf_counter()
        if not counting and now >= counted_from:
            counting, tally, before, counted_from = True, Tally(), _processors(load), now
        if not ready:
            tally.statuses["no answer"] += len(by_number)
            break
        over = now >= until
        for number, _ in ready:
            each = by_number[number]
            outcome = _received(each)
            if outcome is None:
                continue
            _count(tally, each, outcome, every=load["every"])
            ran_out = ran_out or not each.lane
            if over or ran_out or outcome == _GONE:
                poll.unregister(number)
                by_number.pop(number).socket.close()
            else:
                _send(each)
    took = time.perf_counter() - counted_from
    after = _processors(load)
    return {
        "seconds": took,
        "requests": len(tally.times),
        "times_ms": [round(each * 1_000, 4) for each in tally.times],
        "statuses": tally.statuses,
        "bytes": tally.bytes,
        "sampled": tally.sampled,
        "processor_seconds": {name: after[name] - before.get(name, 0.0) for name in after if before},
        "ran_out": ran_out,
    }


def _processors(load: Load) -> dict[str, float]:
    own = time.process_time()
    return {"load": own} | {name: processor_seconds(root) for name, root in load["processes"].items()}


def _send(connection: Connection) -> None:
    connection.target, request = connection.lane.pop()
    connection.received, connection.length = b"", 0
    connection.began = time.perf_counter()
    connection.socket.sendall(request)


def _received(connection: Connection) -> str | None:
    """Read what is there; the status once the answer is complete."""
    while True:
        try:
            data = connection.socket.recv(_CHUNK)
        except (ssl.SSLWantReadError, BlockingIOError):
            return None
        except OSError:
            return _GONE
        if not data:
            return _GONE
        connection.received += data
        if not connection.length and not _read_head(connection):
            continue
        if connection.length < 0:
            if connection.received.endswith(_LAST_CHUNK):
                break
        elif len(connection.received) >= connection.length:
            break
    return connection.received[9:12].decode("ascii", "replace")


def _read_head(connection: Connection) -> bool:
    """Find out how long the answer is: in all, or -1 for one in chunks."""
    end = connection.received.find(_HEAD_END)
    if end < 0:
        return False
    head = connection.received[:end].lower()
    connection.head = end + len(_HEAD_END)
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        connection.length = -1
    else:
        connection.length = connection.head + int(head[at + 17 :].split(b"\r\n", 1)[0])
    return True


def _count(tally: Tally, connection: Connection, status: str, *, every: int) -> None:
    tally.times.append(time.perf_counter() - connection.began)
    tally.statuses[status] += 1
    tally.bytes += len(connection.received)
    if len(tally.times) % every == 1 or every == 1:
        body = connection.received[connection.head :].decode("utf-8", "replace")
        tally.sampled.append((connection.target, status, body))


if __name__ == "__main__":
    main()
