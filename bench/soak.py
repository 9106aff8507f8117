"""What one node holds after so many releases, from a first ten thousand on.

INVARIANTS
- Before the first measured point every worker has used as many tokens as it remembers, each a real one, used once.
- Releases are counted by the log, which has an entry of each; memory is read while nothing is asked.
"""

import http.client
import math
import ssl
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import cycle
from typing import Any, Final

import click

from agencies.model import Purpose
from bench.measuring import CERTIFICATE, Bench, Contender
from bench.nodes import BenchFailedError, Node
from gateway.disclosure_log.reading import log_size
from gateway.oauth.client_authentication import ClientRequest
from gateway.oauth.model import (
    AuthorizationEntry,
    ClientId,
    Confirmation,
    ConfirmationMethod,
    Entry,
    Scope,
    Thumbprint,
)
from gateway.oauth.token_endpoint import token_response
from gateway.oauth.tokens import REMEMBERED, Grant
from gateway.wiring import Wiring
from tests.gateway.oauth.partner import claims_of

FIRST: Final = 10_000
"""Releases after which memory is compared with what it becomes."""

_POINTS: Final = 10
_CONNECTIONS: Final = 8


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked for.

    Attributes:
        releases: in all, unless the minutes are over before.
        first: after so many the point that the last one is compared with.
        tokens: that each worker uses before; fewer than it remembers leave room to grow.
        seconds: of each slice, after which memory may be read.
    """

    releases: int
    minutes: int
    first: int = FIRST
    tokens: int = REMEMBERED
    seconds: float = 5.0

    @property
    def points(self) -> Sequence[int]:
        """Releases after which memory is read."""
        tenths = {math.ceil(self.releases * tenth / _POINTS) for tenth in range(1, _POINTS + 1)}
        return sorted({self.first, *(each for each in tenths if each > self.first)})


def soaked(bench: Bench, wiring: Wiring, load: Load) -> dict[str, Any]:
    """Ask one node without pause, and return what its processes held meanwhile."""
    node = bench.nodes[True]
    workers = _use_tokens(bench, wiring, node, load.tokens)
    contender = Contender(CERTIFICATE, tls=True)
    before, began = _entries(wiring), time.monotonic()
    releases, seconds = 0, 0.0
    points = [{"releases": 0, "seconds": 0.0, "bytes": node.memory}]
    waiting = [*load.points]
    with click.progressbar(length=load.releases, label="steady load", file=sys.stderr) as bar:
        while waiting and seconds < load.minutes * 60:
            bench.begin(contender, connections=_CONNECTIONS, seconds=load.seconds).end()
            bar.update(_entries(wiring) - before - releases)
            releases, seconds = _entries(wiring) - before, time.monotonic() - began
            if releases >= waiting[0]:
                waiting = [each for each in waiting if each > releases]
                points.append({"releases": releases, "seconds": seconds, "bytes": node.memory})
    if points[-1]["releases"] < releases:
        points.append({"releases": releases, "seconds": seconds, "bytes": node.memory})
    return {
        "asked": {"releases": load.releases, "minutes": load.minutes},
        "workers": workers,
        "tokens": load.tokens,
        "points": points,
        "ratio": _ratio(points, first=load.first),
    }


def is_enough(found: Mapping[str, Any] | None, load: Load) -> bool:
    """Tell whether what was found before is what this load would find."""
    if found is None:
        return False
    asked = {"releases": load.releases, "minutes": load.minutes}
    return bool(found["asked"] == asked or found["points"][-1]["releases"] >= load.releases)


def told(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines that say what was found."""
    yield (
        f"memory of the gateway's processes (proportional set size), {found['workers']} workers,"
        f" {found['tokens']:,} tokens used at each before"
    )
    yield ""
    for each in found["points"]:
        yield f"{each['releases']:>12,} releases  {each['seconds'] / 60:>7.1f} min  {each['bytes'] / 2**20:>8.1f} MiB"
    yield ""
    if found["ratio"] is None:
        yield "too few releases to compare anything"
        return
    last = found["points"][-1]
    yield (
        f"after {last['releases']:,} releases in {last['seconds'] / 60:.1f} minutes"
        f" {found['ratio']['to_first']:.3f} of what it was after {found['ratio']['first']:,}"
    )


def _ratio(points: Sequence[Mapping[str, float]], *, first: int) -> dict[str, float] | None:
    """Of memory at the end to memory after the first so many releases; absent: there were not more."""
    compared = [each for each in points if each["releases"] >= first]
    if not compared[1:]:
        return None
    return {"first": compared[0]["releases"], "to_first": compared[-1]["bytes"] / compared[0]["bytes"]}


def _entries(wiring: Wiring) -> int:
    with wiring.autocommit.connect() as connection:
        return log_size(connection)


def _use_tokens(bench: Bench, wiring: Wiring, node: Node, count: int) -> int:
    """Let every worker answer one request for each of so many tokens of its own; return how many workers there are."""
    agency = bench.population.pairs[0][0]
    paths = cycle(f"/v1/cases/{ref}/extract" for code, ref in bench.population.pairs if code == agency)
    tokens, left = _tokens(bench, wiring, agency), dict.fromkeys(node.workers, count)
    with click.progressbar(length=count * len(left), label="using tokens", file=sys.stderr) as bar:
        while any(left.values()):
            with closing(_connected(bench, node, agency)) as connection:
                worker = None
                while worker is None or left[worker]:
                    _ask(connection, next(paths), next(tokens), host=bench.population.settings.public_url)
                    worker = worker or node.worker_of(connection.sock.getsockname()[1])
                    if left[worker]:
                        left[worker] -= 1
                        bar.update(1)
    return len(left)


def _tokens(bench: Bench, wiring: Wiring, agency: str) -> Iterator[str]:
    """Tokens as the node's own token endpoint gives them, without end; each is signed when it is asked for."""
    (header,) = bench.askers.caller(agency, by_certificate=True, told=False)["headers"]
    claims = claims_of(header.rpartition(" ")[2])
    (details,) = claims["authorization_details"]
    grant = Grant(
        client_id=ClientId(claims["client_id"]),
        client_key=Thumbprint(claims["client_key"]),
        confirmation=Confirmation(
            ConfirmationMethod.CERTIFICATE, Thumbprint(claims["cnf"][ConfirmationMethod.CERTIFICATE])
        ),
        scopes=frozenset({Scope.EXTRACT_READ}),
        entry=AuthorizationEntry(
            Entry.CASE_EXTRACT, details["practitioner"]["id"], Purpose(details["purpose"])
        ),
    )
    while True:
        request = ClientRequest({}, None, None, other_credentials=False, now=datetime.now(UTC))
        yield str(token_response(wiring, grant, request=request)["access_token"])


def _connected(bench: Bench, node: Node, agency: str) -> http.client.HTTPSConnection:
    """A connection that is not opened again once it ended: it would be another worker's."""
    files = bench.askers.files(agency)
    context = ssl.create_default_context(cafile=str(bench.askers.certificates.authority_file))
    context.load_cert_chain(files.certificate, files.key)
    connection = http.client.HTTPSConnection("127.0.0.1", node.ports.mutual, context=context, timeout=30)
    connection.connect()
    connection.auto_open = 0
    return connection


def _ask(connection: http.client.HTTPSConnection, path: str, token: str, *, host: str) -> None:
    headers = {"Host": host.removeprefix("https://"), "Authorization": f"Bearer {token}"}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != HTTPStatus.OK:
        raise BenchFailedError(f"A token of the gateway's own was answered with {answer.status}.")
