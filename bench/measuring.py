"""One measurement of one contender, and whether what was answered is what was asked for.

INVARIANTS
- Every answer's status is looked at, and bodies of some: an extract is of the case and agency that were asked for, has
  a record, and its receipt proves that the log has it. Anything else ends the run: errors are quick, and measure nothing.
- The processors' time of servers and client is that of the measured window.
"""

import json
import random
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from bench.asking import Askers
from bench.nodes import BenchFailedError, Node
from bench.population import AGENCIES, ROOT, Population
from extract_client.errors import ExtractClientError
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt

FLOOR: Final = "floor"
FLOOR_LOG: Final = "floor+log"
DPOP: Final = "gateway, DPoP"
CERTIFICATE: Final = "gateway, certificate"
KINDS: Final = (FLOOR, FLOOR_LOG, DPOP, CERTIFICATE)
BY_CERTIFICATE: Final = frozenset({CERTIFICATE})
FLOORS: Final = frozenset({FLOOR, FLOOR_LOG})

_OK: Final = frozenset({"200"})
_EVERY: Final = 100
_WARM: Final = 0.3
_FIRST_GUESS: Final = 2_500
"""Requests per second for which requests are prepared before anything is known."""
_LEAST: Final = 400
_SECONDS: Final = 120.0
_TARGETS: Final = 3_000


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to serve, over one transport.

    Attributes:
        kind: of ``KINDS``.
        tls: whether the connection is encrypted.
    """

    kind: str
    tls: bool

    @property
    def name(self) -> str:
        """As the tables call it."""
        return f"{self.kind}, TLS" if self.tls else self.kind


@dataclass(frozen=True, slots=True)
class Slice:
    """What one measurement found; times in ms, of every answer.

    Attributes:
        processor_ms: of each request, by who took it: ``web``, ``database``, ``load``.
        ran_out: the prepared requests were used up before the time was.
    """

    requests: int
    seconds: float
    times_ms: Sequence[float]
    bytes: int
    processor_ms: Mapping[str, float]
    statuses: Mapping[str, int]
    ran_out: bool

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds

    @property
    def percentiles(self) -> tuple[float, float, float]:
        """p50, p95, p99 in ms."""
        if len(self.times_ms) == 1:
            return (self.times_ms[0],) * 3
        cut = quantiles(self.times_ms, n=100, method="inclusive")
        return cut[49], cut[94], cut[98]


@dataclass
class Bench:
    """Everything that answers, and everybody who asks.

    Attributes:
        nodes: of the gateway, with TLS and without, as far as each runs.
        floors: the same of the floor.
    """

    population: Population
    askers: Askers
    nodes: Mapping[bool, Node]
    floors: Mapping[bool, Node]
    postmaster: int
    _rates: dict[tuple[str, int], float] = field(default_factory=dict)
    _seed: int = 0

    def begin(
        self,
        contender: Contender,
        *,
        connections: int,
        seconds: float,
        warm: float = _WARM,
        requests: int | None = None,
        node: Node | None = None,
        targets: Sequence[tuple[str, str]] | None = None,
        allowed: Collection[str] = _OK,
    ) -> "Running":
        """Start measuring one contender, and return at once; ``end`` waits for the figures.

        Args:
            requests: exactly so many, however long they take; else as many as fit.
            node: instead of the contender's own.
            targets: path and agency; else cases at random.
            allowed: statuses that are no error.
        """
        chosen = node or (self.floors if contender.kind in FLOORS else self.nodes)[contender.tls]
        asked = list(targets or self._targets(contender))
        rate = self._rates.get((contender.name, connections), _FIRST_GUESS)
        prepared = requests or max(_LEAST, round((seconds + warm) * rate * 1.4))
        self._seed += 1
        load = {
            "seed": self._seed,
            "port": self._port(contender, chosen),
            "host": "localhost:8443",
            "url": self.population.settings.public_url,
            "tls": self._tls(contender, chosen, {agency for _, agency in asked}),
            "connections": connections,
            "seconds": _SECONDS if requests else seconds,
            "warm": 0.0 if requests else warm,
            "requests": prepared,
            "every": _EVERY,
            "targets": asked,
            "callers": self._callers(contender, {agency for _, agency in asked}),
            "processes": {"web": chosen.process.pid, "database": self.postmaster},
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if process.stdin is not None:
            process.stdin.write(json.dumps(load))
            process.stdin.close()
            process.stdin = None
        return Running(self, contender, connections, process, chosen, asked, frozenset(allowed))

    def found(self, contender: Contender, connections: int, per_second: float) -> None:
        """Remember how quick a contender is, to prepare as many requests as it needs."""
        self._rates[contender.name, connections] = per_second

    def _targets(self, contender: Contender) -> list[tuple[str, str]]:
        chance = random.Random(self._seed)
        if contender.kind in FLOORS:
            numbers = [chance.randrange(self.population.records) for _ in range(_TARGETS)]
            if contender.kind == FLOOR:
                return [(f"/floor/{number}", AGENCIES[0]) for number in numbers]
            return [
                (f"/logged/{agency}/{number}", agency)
                for number in numbers
                for agency in [chance.choice(AGENCIES)]
            ]
        pairs = self.population.pairs
        chosen = chance.sample(pairs, min(len(pairs), _TARGETS))
        return [(f"/v1/cases/{ref}/extract", agency) for agency, ref in chosen]

    def _callers(self, contender: Contender, agencies: Collection[str]) -> dict[str, Any]:
        if contender.kind in FLOORS:
            return {agency: {"headers": [], "proof": None} for agency in agencies}
        by_certificate = contender.kind in BY_CERTIFICATE
        return {
            agency: self.askers.caller(agency, by_certificate=by_certificate, told=not contender.tls)
            for agency in agencies
        }

    def _port(self, contender: Contender, node: Node) -> int:
        mutual = contender.tls and contender.kind in BY_CERTIFICATE
        return node.ports.mutual if mutual else node.ports.public

    def _tls(self, contender: Contender, node: Node, agencies: Collection[str]) -> dict[str, Any] | None:
        if not contender.tls or node.certificates is None:
            return None
        authority = {"authority": str(node.certificates.authority_file)}
        if contender.kind not in BY_CERTIFICATE:
            return authority
        files = {agency: self.askers.files(agency) for agency in agencies}
        return {
            **authority,
            "files": {agency: (str(each.certificate), str(each.key)) for agency, each in files.items()},
        }


@dataclass(frozen=True, slots=True)
class Running:
    """A measurement on its way."""

    bench: Bench
    contender: Contender
    connections: int
    process: subprocess.Popen[str]
    node: Node
    targets: Sequence[tuple[str, str]]
    allowed: frozenset[str]

    def end(self) -> Slice:
        """Wait for it, look at what was answered, and return what was found.

        Raises: BenchFailedError.
        """
        written, faults = self.process.communicate(timeout=_SECONDS + 60)
        if self.process.returncode != 0:
            raise BenchFailedError(f"The client of {self.contender.name} failed:\n{faults.strip()[-2000:]}")
        found: dict[str, Any] = json.loads(written)
        wrong = {status: count for status, count in found["statuses"].items() if status not in self.allowed}
        if wrong:
            raise BenchFailedError(
                f"{self.contender.name} answered {wrong} beside what was asked for"
                f" (c={self.connections}). Its log says:\n{self.node.faults}"
            )
        if not found["requests"]:
            raise BenchFailedError(f"{self.contender.name} answered nothing.")
        for place, status, body in found["sampled"]:
            if status == "200":
                self._check(self.targets[place], body)
        measured = Slice(
            requests=found["requests"],
            seconds=found["seconds"],
            times_ms=found["times_ms"],
            bytes=found["bytes"],
            processor_ms={
                name: seconds * 1_000 / found["requests"]
                for name, seconds in found["processor_seconds"].items()
            },
            statuses=found["statuses"],
            ran_out=found["ran_out"],
        )
        self.bench.found(self.contender, self.connections, measured.per_second)
        return measured

    def _check(self, target: tuple[str, str], body: str) -> None:
        path, agency = target
        if self.contender.kind in FLOORS:
            if json.loads(body)["id"] != int(path.rpartition("/")[2]):
                raise BenchFailedError("The floor answered with another row.")
            return
        for line in body.splitlines() if path.endswith("/extracts") else [body]:
            check_extract(
                line,
                agency=agency,
                case_ref=None if path.endswith("/extracts") else path.split("/")[3],
                population=self.bench.population,
            )


def check_extract(text: str, *, agency: str, case_ref: str | None, population: Population) -> None:
    """Make sure that this is an extract for this agency, on record.

    Args:
        case_ref: the case that was asked for; absent: any.

    Raises: BenchFailedError.
    """
    extract = json.loads(text)
    told = (extract["agency"], extract["purpose"], extract["stage"])
    if told != (agency, "P1", "panel") or case_ref not in (None, extract["case_ref"]):
        raise BenchFailedError(f"{agency} was answered with an extract that it did not ask for.")
    if not (extract["record"]["people"] or extract["record"]["case"]):
        raise BenchFailedError(f"{agency} was answered with an empty record.")
    try:
        verify_receipt(
            extract["receipt"],
            policy=Policy.for_log(population.vkey),
            origin=population.settings.log_origin,
            extract=text.encode(),
        )
    except ExtractClientError as error:
        raise BenchFailedError(f"A receipt of {agency} does not verify: {error}") from error


def postmaster_of(folder: Path) -> int:
    """The process id of the embedded server in this folder."""
    return int((folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
