"""Killed, stopped and crashed under load: two real masters, a real PostgreSQL, and clients that keep what they get.

After every fault each client is served again without anybody's help; then everybody pauses, and the outside checker
compares what the clients wrote down, the log and the database.
"""

import dataclasses
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from joserfc.jwk import ECKey

from gateway import migrations
from gateway.oauth.keys import ensure_signing_key
from gateway.ops.embedded import EmbeddedPostgres
from tests.faults.deliveries import Balance, check_deliveries
from tests.faults.desk import AGENCY, Desk, opened_desk, opener
from tests.faults.load import Client, Gate, Load, Officer
from tests.faults.masters import Master, crash_database, start_master, wait_until
from tests.gateway.oauth.partner import Partner
from tests.support.node import Certificates, Ports, environment_of, settled
from tests.support.throwaway import Database, new_database

CLIENTS = 3
"""At each node."""

FREEZE_SECONDS = 1.5
RECOVERY_SECONDS = 60.0
LOAD_SECONDS = (0.05, 0.4)
"""How long everybody is at work before the next fault."""
SEED = 20261127
LONG_FAULTS = 200


@dataclass
class Site:
    """Two nodes over one PostgreSQL, and those who use them."""

    desk: Desk
    server: EmbeddedPostgres
    masters: Sequence[Master]
    load: Load
    faults: Counter[str] = field(default_factory=Counter)
    undecided: int = 0

    def clients_of(self, master: Master) -> list[Client]:
        place = self.masters.index(master)
        return list(self.load.clients[place * CLIENTS : (place + 1) * CLIENTS])

    def recovered(self) -> float:
        """Wait until every client is served again, without anybody's help; return the seconds it took."""
        before, started = self.load.received, time.monotonic()
        wait_until(
            lambda: all(new > old for new, old in zip(self.load.received, before, strict=True)),
            f"a client is not served any more: {[dict(client.answers) for client in self.load.clients]}",
            seconds=RECOVERY_SECONDS,
        )
        return time.monotonic() - started

    def check(self) -> Balance:
        """Let everybody pause, and compare what they have with the log and the database."""
        with self.load.gate.closed():
            log = self.desk.log()
            decided = self._decided()
            assert set(self.load.officer.acknowledged) <= decided, "a confirmed decision is lost"
            assert log.acts - len(decided) == self.undecided, "acts and their entries differ"
            deliveries = [*self.desk.deliveries, *self.load.deliveries()]
            return check_deliveries(
                log,
                deliveries,
                open_family=opener(self.desk.wiring),
                failed=self.desk.failed + self.load.failed,
            )

    def begin(self) -> None:
        """Take how many entries are of acts other than decisions."""
        self.undecided = self.desk.log().acts - len(self._decided())

    def _decided(self) -> set[str]:
        with psycopg.connect(self.desk.database.admin_url) as superuser:
            rows = superuser.execute("SELECT decision_id::text FROM consent_registry.decision").fetchall()
        return {row[0] for row in rows}


def kill_worker(site: Site, chance: random.Random) -> None:
    chance.choice(site.masters).kill_worker(chance.randrange(2))


def kill_master(site: Site, chance: random.Random) -> None:
    chance.choice(site.masters).kill(orphans=False)


def orphan_workers(site: Site, chance: random.Random) -> None:
    chance.choice(site.masters).kill(orphans=True)


def freeze(site: Site, chance: random.Random) -> None:
    """One node stands still: the other goes on releasing."""
    frozen = chance.choice(site.masters)
    (other,) = (master for master in site.masters if master is not frozen)
    clients = site.clients_of(other)
    with frozen.frozen():
        time.sleep(0.2)  # what was under way is over
        before = sum(client.received for client in clients)
        time.sleep(FREEZE_SECONDS - 0.2)
        assert sum(client.received for client in clients) > before, "a frozen node stopped the other"


def crash(site: Site, _: random.Random) -> None:
    crash_database(site.server)


FAULTS: dict[str, Callable[[Site, random.Random], None]] = {
    "SIGKILL of a worker": kill_worker,
    "SIGKILL of a node": kill_master,
    "SIGKILL of a master": orphan_workers,
    "SIGSTOP of a node": freeze,
    "immediate stop of PostgreSQL": crash,
}
WEIGHTS = (4, 1, 1, 2, 4)
SAMPLE = (
    "SIGKILL of a worker",
    "immediate stop of PostgreSQL",
    "SIGSTOP of a node",
    "SIGKILL of a master",
    "immediate stop of PostgreSQL",
    "SIGKILL of a worker",
    "SIGSTOP of a node",
    "SIGKILL of a node",
    "immediate stop of PostgreSQL",
    "SIGKILL of a worker",
)


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        # Not under pytest's own folder: as root the server is another user, who may not enter it.
        place = Path(stack.enter_context(TemporaryDirectory(prefix="gateway-faults-")))
        server = stack.enter_context(EmbeddedPostgres.start(place / "database"))
        database = stack.enter_context(new_database(server))
        migrations.upgrade(database.owner_url)
        desk = stack.enter_context(opened_desk(database, folder))
        with desk.wiring.engine.begin() as connection:
            ensure_signing_key(connection, desk.wiring.keyring)
        yield stack.enter_context(_masters(desk, server, database, folder))


@contextmanager
def _masters(desk: Desk, server: EmbeddedPostgres, database: Database, folder: Path) -> Iterator[Site]:
    certificates = Certificates(folder / "tls")
    ports = (Ports.free(), Ports.free())
    settings = settled(desk.wiring.settings, "native", ports[0])
    environ = environment_of(dataclasses.replace(settings, database_url=database.app_url))
    with ExitStack() as stack:
        masters = []
        for number, where in enumerate(ports):
            masters.append(start_master(folder / f"node{number}", certificates, environ, where))
            stack.callback(masters[-1].end)
        for master in masters:
            wait_until(master.answers, "a node did not come up")
        gate = Gate()
        clients = [
            client
            for number, master in enumerate(masters)
            for client in _clients(
                desk, master, issuer=settings.issuer, files=folder / f"node{number}", gate=gate
            )
        ]
        site = Site(desk, server, masters, Load(clients, Officer(desk, gate), gate))
        site.begin()
        stack.enter_context(site.load.running())
        yield site


def _clients(desk: Desk, master: Master, *, issuer: str, files: Path, gate: Gate) -> Iterator[Client]:
    member = desk.world.members[AGENCY]
    assert desk.request.case_ref is not None
    for number in range(CLIENTS):
        door = master.door()
        partner = Partner(door, issuer, member.client_id, ECKey.import_key(dict(member.key)))
        file = files / f"received-{number}"
        yield Client(partner, door, member.practitioner, desk.request.case_ref, file, gate)


def inject(site: Site, schedule: Sequence[str], chance: random.Random) -> tuple[Balance, float]:
    """Let the faults happen one after the other, with a recovery and a check after each."""
    site.recovered()
    longest, balance = 0.0, site.check()
    for name in schedule:
        time.sleep(chance.uniform(*LOAD_SECONDS))
        FAULTS[name](site, chance)
        site.faults[name] += 1
        longest = max(longest, site.recovered())
        balance = site.check()
    return balance, longest


def tell(site: Site, balance: Balance, longest: float, say: Callable[[str], None]) -> None:
    answers: Counter[str] = Counter()
    for client in site.load.clients:
        answers += client.answers
    say(f"{site.faults.total()} faults: {dict(site.faults)}")
    say(
        f"{balance.delivered} extracts received, {balance.undelivered} prepared and not delivered, 0 lost,"
        f" 0 duplicated; {balance.entries} entries, {balance.checkpoints} checkpoints;"
        f" {len(site.load.officer.acknowledged)} acts, failed {dict(site.load.officer.failed)}"
    )
    say(f"answers {dict(answers)}; everybody served again within {longest:.1f} s")


def assert_nobody_contradicted(site: Site) -> None:
    """No crash made a process believe that the log was rewritten."""
    for master in site.masters:
        said = master.log_file.read_text(errors="replace")
        assert "LogContradictionError" not in said
        assert "mark_contradicts" not in said
        with master.door() as door:
            assert door.get("/readyz").get_json()["log"]["releases"] is True
    assert not site.desk.wiring.log.contradicted


# Python leaves a client's socket open whose server died between its connection and its handshake.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
def test_nothing_is_lost_in_a_sample_of_crashes(tmp_path: Path, say: Callable[[str], None]) -> None:
    with running_site(tmp_path) as site:
        balance, longest = inject(site, SAMPLE, random.Random(SEED))  # noqa: S311 - chooses victims
        tell(site, balance, longest, say)
        assert_nobody_contradicted(site)


@pytest.mark.long
def test_nothing_is_lost_in_two_hundred_crashes(tmp_path: Path, say: Callable[[str], None]) -> None:
    chance = random.Random(SEED)  # noqa: S311 - chooses victims
    schedule = chance.choices(list(FAULTS), WEIGHTS, k=LONG_FAULTS)
    with running_site(tmp_path) as site:
        balance, longest = inject(site, schedule, chance)
        tell(site, balance, longest, say)
        assert_nobody_contradicted(site)
