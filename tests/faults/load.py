"""Clients that pull extracts without pause and write down what they receive, and an officer who decides meanwhile."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from gateway.disclosure_log.errors import LogNotServedError, NotAppendedError
from gateway.disclosure_log.tending import tend_log
from tests.faults.deliveries import Delivery
from tests.faults.desk import Desk
from tests.gateway.oauth.partner import Partner
from tests.support.door import Door
from tests.support.served import FRESH_SECONDS, authorization

OFFICER_PAUSE = 0.05
REFUSED_PAUSE = 0.02
"""How long a client waits after no extract came; after one it asks again at once."""


class Gate:
    """Lets work in while it is open; closing it waits until nobody is inside."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._open = True
        self.over = threading.Event()
        """Set when nobody should ask any more."""

    @contextmanager
    def entered(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._open)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Let nobody be inside meanwhile."""
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._open = True
                self._changed.notify_all()


@dataclass
class Client:
    """One partner's system at one node; what it received is in its file before it is counted.

    Attributes:
        asked: requests that were sent.
        received: extracts that are in the file.
    """

    partner: Partner
    door: Door
    practitioner: str
    case_ref: UUID
    file: Path
    gate: Gate
    asked: int = 0
    received: int = 0
    answers: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        token, since = "", 0.0
        with self.file.open("ab", buffering=0) as kept:
            while not self.gate.over.is_set():
                with self.gate.entered():
                    try:
                        if not token or time.monotonic() - since > FRESH_SECONDS:
                            wanted = authorization(purpose="P1", practitioner=self.practitioner)
                            token, since = self.partner.token(authorization_details=wanted), time.monotonic()
                        self.asked += 1
                        answer = self.partner.get(f"/v1/cases/{self.case_ref}/extract", token)
                    except (OSError, http.client.HTTPException, AssertionError) as error:
                        self.answers[type(error).__name__] += 1
                        self.gate.over.wait(REFUSED_PAUSE)
                        continue
                    self.answers[str(answer.status_code)] += 1
                    if answer.status_code != 200:
                        self.gate.over.wait(REFUSED_PAUSE)
                    else:
                        kept.write(json.dumps(answer.get_data(as_text=True)).encode() + b"\n")
                        self.received += 1


@dataclass
class Officer:
    """Decides again and again about one person of the family that is pulled, and tends the log.

    Attributes:
        acknowledged: decisions that were confirmed: each must be on record.
    """

    desk: Desk
    gate: Gate
    acknowledged: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        number = 0
        while not self.gate.over.wait(OFFICER_PAUSE):
            number += 1
            with self.gate.entered():
                try:
                    document = self.desk.decision("give" if number % 2 else "withdraw")
                    self.desk.decide(document)
                    self.acknowledged.append(document["decision_id"])
                    if number % 10 == 0:
                        tend_log(self.desk.wiring, datetime.now(UTC))
                except (NotAppendedError, LogNotServedError, SQLAlchemyError) as error:
                    self.failed[type(error).__name__] += 1


@dataclass
class Load:
    """Everybody who asks, and the gate that stops them all for a check."""

    clients: Sequence[Client]
    officer: Officer
    gate: Gate

    @contextmanager
    def running(self) -> Iterator[None]:
        runs = [self.officer.run, *(client.run for client in self.clients)]
        threads = [threading.Thread(target=run, daemon=True) for run in runs]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.gate.over.set()
            for thread in threads:
                thread.join(60)
            for client in self.clients:
                client.door.close()

    @property
    def received(self) -> list[int]:
        return [client.received for client in self.clients]

    @property
    def failed(self) -> int:
        """Requests that ended without an extract."""
        return sum(client.asked - client.received for client in self.clients)

    def deliveries(self) -> list[Delivery]:
        """What the clients' files say."""
        lines = [line for client in self.clients for line in client.file.read_bytes().splitlines()]
        assert len(lines) == sum(self.received)
        return [Delivery(json.loads(line).encode()) for line in lines]
