"""A council whose log holds acts, releases, refusals and cover entries, kept as it is and copied for each test."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flask.testing import FlaskClient

from extract_client.client import ExtractClient
from extract_client.log.mirror import Mirror
from extract_client.log.monitor import Monitor
from extract_client.log.note import NoteSigner, VerifierKey
from extract_client.log.policy import Policy
from extract_client.log.source import GatewayLog
from extract_client.log.state import StateFolder
from extract_client.signing import load_key
from extract_client.transport import Answer
from gateway.app import build_app
from gateway.disclosure_log import repository
from gateway.disclosure_log.mark import MarkFile
from gateway.disclosure_log.model import PendingEntry
from gateway.disclosure_log.publishing import publish_head
from gateway.disclosure_log.service import compose_entry
from gateway.disclosure_log.verification import Report, snapshot, verify_log
from gateway.oauth.keys import ensure_signing_key
from gateway.release.model import Released, ReleaseRequest
from gateway.release.service import release
from gateway.settings import Settings
from gateway.wiring import Wiring, wire
from tests.gateway.disclosure_log.superuser import Superuser, superuser
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database
from tests.support.world import World, household

COVERS = 300
"""More than a tile, so that a full one is stored."""


@dataclass(frozen=True)
class Council:
    """Two states of one council's database, and what its partner holds.

    Attributes:
        early: the database as a backup has it.
        late: the database as it is now.
        held: extracts with their receipts, oldest first.
        family: whose extracts they are.
    """

    early: Database
    late: Database
    settings: Settings
    folder: Path
    client_id: str
    held: tuple[dict[str, Any], ...]
    family: UUID


@dataclass
class Scene:
    """One test's own copy of the council, with a process over it and a superuser beside it."""

    council: Council
    database: Database
    wiring: Wiring
    root: Superuser
    folder: Path

    @property
    def signer(self) -> NoteSigner:
        return self.wiring.log.signers[0]

    @property
    def policy(self) -> Policy:
        return Policy.for_log(str(self.signer.verifier))

    def monitor(self) -> Monitor:
        """The partner's monitor, started anew over its state, reading through the gateway's own routes."""
        client = ExtractClient(
            self.wiring.settings.public_url,
            self.council.client_id,
            load_key(self.council.folder / "camhs.jwk"),
            _Carried(build_app(self.wiring).test_client()),
        )
        folder = StateFolder.open(self.folder / "monitor")
        origin = self.wiring.log.origin
        return Monitor(GatewayLog(client), self.policy, origin, folder, lambda _: None)

    def mirroring(self) -> Monitor:
        """The same, with a copy of the log and the receipts that the partner holds."""
        held = self.folder / "held"
        held.mkdir(exist_ok=True)
        for number, extract in enumerate(self.council.held):
            (held / f"{number}.json").write_text(json.dumps(extract))
        return replace(self.monitor(), mirror=Mirror(self.folder / "monitor" / "mirror"), receipts=held)

    def verify(
        self,
        *,
        marked: bool = True,
        over: Superuser | None = None,
        policy: Policy | None = None,
        keys: Sequence[VerifierKey] = (),
    ) -> Report:
        """What ``gateway log verify`` finds.

        Args:
            marked: false: the mark is not the subject.
            over: whose uncommitted changes are seen; absent: nobody's, as the process sees it.
            keys: further keys of the log.
        """
        mark = MarkFile(self.wiring.settings.state_dir).read() if marked else None
        with nullcontext(over.connection) if over else snapshot(self.wiring.engine) as connection:
            return verify_log(
                connection,
                keyring=self.wiring.keyring,
                origin=self.wiring.log.origin,
                keys=[self.signer.verifier, *keys],
                policy=policy,
                mark=mark,
            )

    def passing(self) -> AbstractContextManager[Superuser]:
        """A superuser whose changes are undone."""
        return superuser(self.database.admin_url, lasting=False)


@dataclass
class _Carried:
    """Carries requests into the application."""

    http: FlaskClient

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        answer = self.http.open(url, method=method, headers=dict(headers), data=body)
        return Answer(
            answer.status_code, answer.mimetype or "", answer.data, answer.headers.get("DPoP-Nonce")
        )


@contextmanager
def made_council(cluster: Cluster, template: Database, folder: Path) -> Iterator[Council]:
    """Yield a council with entries of every sort; nobody stays connected to its databases."""
    with new_database(cluster, template=template.name) as late, wired(late, folder) as wiring:
        with wiring.engine.begin() as connection:
            ensure_signing_key(connection, wiring.keyring)
        world = World(wiring)
        member = world.join("camhs")
        (folder / "camhs.jwk").write_text(json.dumps(dict(member.key)))
        for source_ref in ("EH-1", "EH-2"):
            household(world, source_ref)
        held = [extract(world)]
        release(wiring, [ReleaseRequest(world.caller("camhs"), uuid4())])
        cover(wiring, COVERS)
        with superuser(late.admin_url) as root:
            root.run("UPDATE gateway.oauth_client SET scopes = scopes || '{log:read}'")
        wiring.engine.dispose()
        with new_database(cluster, template=late.name) as early:
            held += [extract(world), extract(world)]
            cover(wiring, 9)
            publish_head(wiring)
            family = world.family_id("EH-1")
            wiring.engine.dispose()
            yield Council(early, late, wiring.settings, folder, member.client_id, tuple(held), family)


@contextmanager
def made_scene(
    cluster: Cluster, council: Council, folder: Path, *, restored: bool = False
) -> Iterator[Scene]:
    """Yield a copy of the council for one test.

    Args:
        folder: of the partner's monitor and the node's state; an earlier scene's goes on.
        restored: the database is the one that the backup has.
    """
    state = folder / "state"
    if not state.exists():
        shutil.copytree(council.settings.state_dir, state)
    source = council.early if restored else council.late
    with new_database(cluster, template=source.name) as copy, superuser(copy.admin_url) as root:
        wiring = wire(replace(council.settings, database_url=copy.app_url, state_dir=state))
        try:
            yield Scene(council, copy, wiring, root, folder)
        finally:
            wiring.engine.dispose()


def extract(world: World) -> dict[str, Any]:
    """Pull one extract, as the partner keeps it."""
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    extract: dict[str, Any] = json.loads(outcome.body)
    return extract


def cover(wiring: Wiring, count: int) -> None:
    """Append cover entries."""
    with wiring.autocommit.connect() as connection:
        keys = wiring.keyring.reserved(connection)
        entries = []
        for _ in range(count):
            entry, sealed = compose_entry(
                wiring,
                keys,
                at=datetime.now(UTC),
                recipient={},
                internal={"actor": "worker", "kind": "log.cover"},
            )
            entries.append(PendingEntry(entry.entry_id, entry.body, sealed, keys.family_id))
        repository.append(connection, entries)
