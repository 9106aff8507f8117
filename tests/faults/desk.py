"""A partner at a gateway whose wire to PostgreSQL can be cut, and everything that it received."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from gateway.consent.service import decide, standing_version
from gateway.log_signer import LogSigner
from gateway.release.model import Outcome, Released, ReleaseRequest
from gateway.release.service import release
from gateway.wiring import Wiring, wire
from tests.faults.checker import CheckedLog, check_log
from tests.faults.deliveries import Balance, Delivery, OpenFamily, check_deliveries
from tests.faults.wire import Wire, wired_to
from tests.support.process import wired
from tests.support.throwaway import Database
from tests.support.world import STAFF, World, household

AGENCY = "camhs"
SOURCE = "EH-1"
PERSON = f"{SOURCE}-mum"


@dataclass
class Desk:
    """One process of a gateway, and the partner who asks it.

    Attributes:
        wire: what the process reaches its database by.
        deliveries: what the partner received, from whichever process.
        failed: how many of its requests ended without an extract.
    """

    wiring: Wiring
    wire: Wire
    world: World
    database: Database
    request: ReleaseRequest
    deliveries: list[Delivery] = field(default_factory=list)
    failed: int = 0

    @cached_property
    def yes(self) -> dict[str, Any]:
        """What a yes says; asked of the database once, before anything is cut."""
        return self.world.yes(SOURCE, f"{SOURCE}-ada")

    def pull(self, count: int = 1, *, wiring: Wiring | None = None) -> list[Outcome]:
        """Ask for the same extract so many times in one batch."""
        outcomes = release(wiring or self.wiring, [self.request] * count)
        for outcome in outcomes:
            if isinstance(outcome, Released):
                self.deliveries.append(Delivery(outcome.body))
            else:
                self.failed += 1
        return outcomes

    def pull_unknown(self) -> Outcome:
        """Ask for a case that is not there: a refusal, and an entry of its own."""
        (outcome,) = release(self.wiring, [dataclasses.replace(self.request, case_ref=uuid4())])
        return outcome

    def started_anew(self) -> Wiring:
        """The parts of this process as after a restart: its connections are there, its signer knows nothing."""
        return dataclasses.replace(self.wiring, log=LogSigner.load(self.wiring.settings))

    def decision(self, act: str) -> dict[str, Any]:
        """A decision of one person, to be recorded once however often it is sent."""
        document: dict[str, Any] = {
            "decision_id": str(uuid4()),
            "source_ref": SOURCE,
            "person": f"{SOURCE}-ada",
            "act": act,
            "recorded_by": STAFF,
        }
        if act == "give":
            document |= self.yes
        return document

    def decide(self, document: Mapping[str, Any], *, wiring: Wiring | None = None) -> None:
        parts = wiring or self.wiring
        expected = standing_version(self.wiring, source_ref=SOURCE, person=document["person"])
        decide(parts, dict(document), actor="test", expected=expected)

    def log(self) -> CheckedLog:
        """The log, re-derived from outside."""
        return check_log(self.database.admin_url, vkey=self.wiring.log.vkeys[0])

    def check(self) -> Balance:
        """Everything that was received, the log and the database agree."""
        return check_deliveries(
            self.log(), self.deliveries, open_family=opener(self.wiring), failed=self.failed
        )

    def recorded(self) -> int:
        """Entries of the log, and those that wait for the next append."""
        log = self.log()
        return log.tree.size + len(log.deferred)


def opener(wiring: Wiring) -> OpenFamily:
    """What opens the key of a family for the checker."""

    def data_key(family: UUID, wrapped: bytes) -> bytes:
        return wiring.keyring.open_family(family, wrapped).data_key

    return data_key


@contextmanager
def opened_desk(database: Database, folder: Path) -> Iterator[Desk]:
    """Yield a desk with one family that one agency may have extracts of; its process is warm."""
    with wired_to(database.app_url) as made:
        on_wire = dataclasses.replace(database, app_url=made.url)
        with wired(on_wire, folder) as wiring:
            world = World(wiring)
            world.join(AGENCY)
            household(world, SOURCE)
            request = ReleaseRequest(world.caller(AGENCY), world.case_ref(AGENCY, SOURCE))
            desk = Desk(wiring, made, world, database, request)
            assert desk.yes
            (outcome,) = desk.pull()
            assert isinstance(outcome, Released)
            yield desk


@contextmanager
def second_node(desk: Desk, folder: Path) -> Iterator[Wiring]:
    """Yield the parts of another node over the same database: connections, signer and state folder of its own."""
    folder.mkdir()
    settings = dataclasses.replace(desk.wiring.settings, database_url=desk.database.app_url, state_dir=folder)
    wiring = wire(settings)
    try:
        assert isinstance(desk.pull(wiring=wiring)[0], Released)
        yield wiring
    finally:
        wiring.engine.dispose()
