"""A referral goes out past any single fault, once, and what went is what the log and the database say.

Each fault is the real one: a wire that is cut, a function that is not there, a folder that is full, somebody who holds
the head of the log, a process that is stopped. No worker runs in any of these tests.
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from certs.envelope import unseal
from extract_client.log.note import NoteSigner, read_key
from extract_client.log.policy import Policy
from extract_client.log.promise import KEY_SUFFIX, open_promise
from extract_client.log.receipt import verify_receipt
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.publishing import publish_head
from gateway.log_signer import create_log_key
from gateway.safeguarding import repository, service
from gateway.safeguarding.errors import UnknownReferralError
from gateway.safeguarding.sealing import Written
from gateway.safeguarding.service import Opened
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.faults.desk import SOURCE, Desk, second_node
from tests.faults.matrix import Tally, assert_releases_again, each_cut, points
from tests.gateway.safeguarding.refer import HUB, POLICE, SIX, protection
from tests.support.pages import Somebody

PUBLISH = "gateway.publish_checkpoint(bigint, bytea, text)"
APPEND = (
    "gateway.append(uuid[], bytea[], bytea[], uuid[], bigint[], text[], bigint[], uuid[], bigint, boolean)"
)


@dataclasses.dataclass
class Scene:
    """A caseworker at a desk that can promise."""

    desk: Desk
    wiring: Wiring
    who: Somebody
    written: Written

    @property
    def family(self) -> UUID:
        return self.desk.world.family_id(SOURCE)

    def write(self, referral_id: UUID | None = None) -> UUID:
        """A draft of what cannot wait; one that went stays as it is."""
        referral_id = referral_id or uuid4()
        with suppress(UnknownReferralError):
            service.write(self.wiring, self.who.who, self.family, referral_id, self.written)
        return referral_id

    def send(self, referral_id: UUID, *, wiring: Wiring | None = None) -> None:
        service.send(wiring or self.wiring, self.who.who, referral_id, emergency=True)

    def look(self, referral_id: UUID) -> Opened:
        return service.look(self.wiring, self.who.who, referral_id)

    def check_sent_once(self, referral_id: UUID, place: str = "") -> str | None:
        """The destination's list, the log and the database agree that it went once; return its proof."""
        with self.wiring.engine.connect() as connection:
            listed = [each.referral.id for each in repository.of_client(connection, HUB.client_id or "")]
        assert 1 == listed.count(referral_id), place
        (document,) = self.look(referral_id).documents
        assert [document.sha256] == self.logged(referral_id), place
        assert SIX["fear"] == json.loads(document.body)["answers"]["fear"], place
        return document.proof

    def logged(self, referral_id: UUID) -> list[str]:
        """The fingerprints of documents that entries of the log, and those that wait, say went of a referral."""
        found = []
        with self.wiring.engine.connect() as connection:
            keys = self.wiring.keyring.family(connection, self.family)
            rows = connection.execute(
                text(
                    "SELECT e.entry_id, e.body, p.sealed FROM gateway.log_entry e JOIN gateway.log_payload p USING"
                    " (entry_id) JOIN gateway.log_trace t USING (entry_id) WHERE t.family_id = :family"
                    " UNION ALL SELECT entry_id, body, sealed FROM gateway.log_deferred WHERE family_id = :family"
                ),
                {"family": self.family},
            ).all()
        for row in rows:
            commitment = bytes.fromhex(json.loads(row.body)["c"])
            opening = json.loads(unseal(keys.data_key, row.sealed, aad=row.entry_id.bytes + commitment))
            if opening["r"].get("referral_id") == str(referral_id):
                found.append(opening["r"]["document_sha256"])
        return found


@pytest.fixture
def scene(desk: Desk, tmp_path: Path) -> Scene:
    file = tmp_path / "promise.key"
    create_log_key(file, origin=desk.wiring.log.origin + KEY_SUFFIX)
    settings = dataclasses.replace(desk.wiring.settings, promise_key_file=file)
    wiring = dataclasses.replace(desk.wiring, settings=settings)
    with wiring.engine.begin() as connection:
        repository.put_destinations(connection, (HUB, POLICE))
    ada = Somebody(wiring, Role.CASEWORKER)
    ada.post(f"/console/families/{desk.world.family_id(SOURCE)}/open", reason="safeguarding")
    return Scene(desk, wiring, ada, protection(wiring, ada, desk.world.family_id(SOURCE)))


def promised(scene: Scene, proof: str | None) -> bool:
    """Whether what came is a promise; a receipt is verified."""
    assert proof is not None
    file = scene.wiring.settings.promise_key_file
    assert file is not None
    if KEY_SUFFIX in proof:
        open_promise(proof, key=NoteSigner(scene.wiring.log.origin + KEY_SUFFIX, read_key(file)).verifier)
        return True
    verify_receipt(proof, policy=Policy.for_log(*scene.wiring.log.vkeys), origin=scene.wiring.log.origin)
    return False


@contextmanager
def revoked(scene: Scene, function: str) -> Iterator[None]:
    with psycopg.connect(scene.desk.database.admin_url, autocommit=True) as superuser:
        superuser.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM gateway_app")
        yield
        superuser.execute(f"GRANT EXECUTE ON FUNCTION {function} TO gateway_app")


@contextmanager
def contradicted(scene: Scene) -> Iterator[None]:
    scene.wiring.log.contradict()
    yield


@contextmanager
def full_folder(scene: Scene) -> Iterator[None]:
    """The log's folder is on a device without a byte left, and this process has yet to start signing."""
    state = scene.wiring.settings.state_dir
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(state)], check=True)  # noqa: S603, S607
    try:
        with suppress(OSError), (state / "full").open("wb") as filling:
            filling.write(b"x" * 100_000)
        scene.wiring.log.forget()
        yield
    finally:
        subprocess.run(["umount", str(state)], check=True)  # noqa: S603, S607
        scene.wiring.log.forget()


@contextmanager
def read_only_folder(scene: Scene) -> Iterator[None]:
    state = scene.wiring.settings.state_dir
    subprocess.run(["mount", "--bind", str(state), str(state)], check=True)  # noqa: S603, S607
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(state)], check=True)  # noqa: S603, S607
        scene.wiring.log.forget()
        yield
    finally:
        subprocess.run(["umount", str(state)], check=True)  # noqa: S603, S607
        scene.wiring.log.forget()


@contextmanager
def head_held_by_a_stopped_process(scene: Scene) -> Iterator[None]:
    """Another node took the head of the log, and was stopped there."""
    hold = (
        "import psycopg, sys, time\n"
        "c = psycopg.connect(sys.argv[1])\n"
        "c.execute('SELECT size FROM gateway.log_head FOR UPDATE')\n"
        "print('held', flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", hold, scene.desk.database.admin_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            os.kill(process.pid, signal.SIGSTOP)
            yield
        finally:
            process.kill()


Fault = Callable[[Scene], AbstractContextManager[None]]
FAULTS: dict[str, tuple[Fault, bool]] = {
    "nothing can be published": (lambda scene: revoked(scene, PUBLISH), True),
    "nothing can be appended": (lambda scene: revoked(scene, APPEND), True),
    "the log contradicts what was signed": (contradicted, True),
    "the log's folder is full": (full_folder, False),
    "the log's folder is read-only": (read_only_folder, False),
    "a stopped node holds the head": (head_held_by_a_stopped_process, True),
}
"""By what is wrong: how it is brought about, and whether a promise is all that can be had."""


@pytest.mark.parametrize("what", FAULTS)
def test_it_goes_out_once_past(scene: Scene, what: str, say: Callable[[str], None]) -> None:
    fault, only_a_promise = FAULTS[what]
    referral_id = scene.write()
    with fault(scene):
        scene.send(referral_id)
        scene.send(referral_id)
    proof = scene.check_sent_once(referral_id, what)
    is_promise = promised(scene, proof)
    say(f"{what}: {'promised' if is_promise else 'with its receipt'}")
    assert is_promise or not only_a_promise


@pytest.mark.parametrize(
    "what", ["nothing can be published", "nothing can be appended", "a stopped node holds the head"]
)
def test_what_was_promised_is_kept_by_the_next_checkpoint(scene: Scene, what: str) -> None:
    referral_id = scene.write()
    with FAULTS[what][0](scene):
        scene.send(referral_id)
    assert_releases_again(scene.desk, what)
    publish_head(scene.wiring)
    assert not scene.desk.log().deferred
    scene.check_sent_once(referral_id, what)


def test_one_of_two_nodes_stopped_the_other_sends(scene: Scene, tmp_path: Path) -> None:
    referral_id = scene.write()
    with second_node(scene.desk, tmp_path / "second") as other:
        settings = dataclasses.replace(
            other.settings, promise_key_file=scene.wiring.settings.promise_key_file
        )
        with head_held_by_a_stopped_process(scene):
            scene.send(referral_id, wiring=dataclasses.replace(other, settings=settings))
    scene.check_sent_once(referral_id)


def test_put_out_while_it_held_the_head_it_goes_all_the_same(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stands still for a second with the head of the log is put out, so that others go on."""
    append, slow = log.append, [True]

    def append_and_stand_still(*arguments: Any, **named: Any) -> Any:
        landed = append(*arguments, **named)
        if slow:
            slow.clear()
            time.sleep(1.5)
        return landed

    referral_id = scene.write()
    with monkeypatch.context() as standing:
        standing.setattr(log, "append", append_and_stand_still)
        scene.send(referral_id)
    assert promised(scene, scene.check_sent_once(referral_id))
    assert_releases_again(scene.desk, "put out")
    scene.check_sent_once(referral_id)


@points
def test_cut_anywhere_and_sent_again_it_went_once(
    scene: Scene, matching: tuple[str, ...], say: Callable[[str], None]
) -> None:
    """Found here: one that is lost, one that went twice, a document without its entry, an entry without its document."""
    tally, referral_id = Tally(), uuid4()

    def refer() -> None:
        nonlocal referral_id
        referral_id = uuid4()
        with suppress(NotAppendedError, SQLAlchemyError):
            scene.send(scene.write(referral_id))

    for place in each_cut(scene.desk, refer, tally, matching=matching):
        scene.send(scene.write(referral_id))
        scene.check_sent_once(referral_id, place)
        assert_releases_again(scene.desk, place)
    say(f"a referral, written and sent: {tally}")
    assert tally.points >= 3
