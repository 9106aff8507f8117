"""The log's side of witnessing, against real witnesses on the loopback: honest, lying, hanging and killed ones."""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from procrastinate import App
from procrastinate.periodic import PeriodicDeferrer
from procrastinate.testing import InMemoryConnector
from sqlalchemy import text

from certs.authority import create_authority, issue_server
from extract_client.log.note import VerifierKey, cosignature_line, open_note, write_key
from extract_client.log.policy import Policy
from extract_client.log.witness import PLAIN, SIZE, Reply, Submission, Witness, origin_digest
from gateway.disclosure_log import repository
from gateway.disclosure_log.publishing import publish_head
from gateway.disclosure_log.service import act
from gateway.disclosure_log.witness_repository import LastCosigned
from gateway.disclosure_log.witnessing import (
    CRON,
    HEARTBEAT,
    ahead,
    collect,
    heartbeat_of,
    is_due,
    quorum_since,
)
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import finish, open_tasks
from gateway.wiring import Wiring, wire
from tests.support.throwaway import Cluster, Database, new_database
from tests.support.witnesses import DIES_BEFORE_ITS_ANSWER, WitnessProcess, answering, listening, port_of

NAMES = ("w1", "w2", "w3")
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(9, 41)))


def now() -> datetime:
    return datetime.now(UTC)


def keys_of(wiring: Wiring) -> list[VerifierKey]:
    return [signer.verifier for signer in wiring.log.signers]


def grow(wiring: Wiring, *, to: int) -> None:
    """Append entries until the log has ``to``, and publish."""
    while (size := published(wiring)) < to:
        with act(wiring) as change:
            for _ in range(to - size):
                change.record(kind="case.import", actor="test")
        publish_head(wiring)


def published(wiring: Wiring) -> int:
    with wiring.engine.connect() as connection:
        newest = repository.newest_checkpoint(connection)
    return 0 if newest is None else newest.size


@dataclass
class Table:
    """What the tables say."""

    cosigned: dict[str, list[int]]
    quorums: dict[int, datetime]
    tasks: list[tuple[TaskKind, str, Mapping[str, Any]]]


def table(wiring: Wiring) -> Table:
    with wiring.engine.connect() as connection:
        cosigned: dict[str, list[int]] = {}
        for row in connection.execute(
            text("SELECT witness, size FROM gateway.log_cosignature ORDER BY witness, size")
        ):
            cosigned.setdefault(row.witness, []).append(row.size)
        quorums = {row.size: row.witnessed_at for row in connection.execute(text("TABLE gateway.log_quorum"))}
        tasks = [(task.kind, task.about, task.facts) for task in open_tasks(connection)]
    return Table(cosigned, quorums, tasks)


class Town:
    """Three witnesses of one log, each with its key and its folder; quorum: two of them."""

    def __init__(
        self, logs: Sequence[VerifierKey], folder: Path, *, kinds: Mapping[str, type[Witness]] | None = None
    ) -> None:
        self.witnesses: dict[str, Witness] = {}
        for name in NAMES:
            (folder / name).mkdir(parents=True)
            self.witnesses[name] = (kinds or {}).get(name, Witness)(
                f"{name}.test", key=Ed25519PrivateKey.generate(), logs=logs, folder=folder / name
            )

    def policy(self, urls: Mapping[str, str | None]) -> Policy:
        lines = [f"witness {name} {witness.verifier}" for name, witness in self.witnesses.items()]
        parsed = Policy.parse("\n".join([*lines, "group town 2 w1 w2 w3", "quorum town"]))
        configured = {name: replace(each, url=urls.get(name)) for name, each in parsed.witnesses.items()}
        return replace(parsed, witnesses=configured)


@contextlib.contextmanager
def opened(
    wiring: Wiring, town: Town, *, instead: Mapping[str, str] | None = None
) -> Iterator[dict[str, str]]:
    """Serve the town's witnesses, and let the log know them; yields their addresses."""
    with contextlib.ExitStack() as stack:
        urls = {
            name: f"http://127.0.0.1:{port_of(stack.enter_context(listening(witness)))}"
            for name, witness in town.witnesses.items()
        } | dict(instead or {})
        wiring.log.policy = town.policy(urls)
        yield urls


@pytest.fixture
def town(wiring: Wiring, tmp_path: Path) -> Town:
    return Town(keys_of(wiring), tmp_path / "town")


def test_growth_is_cosigned_and_the_quorum_recorded(wiring: Wiring, town: Town) -> None:
    with opened(wiring, town):
        for size in (1, 2, 7, 300):
            grow(wiring, to=size)
            at = now()
            assert 3 == collect(wiring, at)
            assert at == table(wiring).quorums[size]
    assert {name: [1, 2, 7, 300] for name in NAMES} == table(wiring).cosigned
    # What is stored verifies under the whole policy, as a partner checks it.
    policy = replace(town.policy({}), logs=tuple(keys_of(wiring)))
    with wiring.engine.connect() as connection:
        witnessed = repository.newest_witnessed(connection)
    assert witnessed is not None
    checked = policy.check(witnessed.note, origin=wiring.log.origin)
    assert (300, NAMES) == (checked.checkpoint.size, checked.witnessed)


def test_nobody_is_asked_before_there_is_something_to_say(wiring: Wiring, town: Town) -> None:
    with opened(wiring, town):
        assert 0 == collect(wiring, now())  # nothing published
        grow(wiring, to=3)
        at = now()
        turns = [collect(wiring, at + timedelta(seconds=seconds)) for seconds in (0, 10, 50, 60, 70)]
    assert [3, 0, 0, 3, 0] == turns  # a heartbeat at half of the time after which the gate would warn
    assert {3: at + timedelta(seconds=60)} == table(wiring).quorums


def test_the_queue_runs_it_every_ten_seconds() -> None:
    app = App(connector=InMemoryConnector())

    @app.periodic(cron=CRON)
    @app.task(name="collect")
    def run(timestamp: int) -> int:
        return timestamp

    deferrer = PeriodicDeferrer(app.periodic_registry)
    assert [7.0, 3.0, 10.0] == [deferrer.get_next_tick(at=1_800_000_000.0 + each) for each in (3, 7, 10)]


def test_a_turn_comes_with_a_newer_checkpoint_and_with_the_heartbeat() -> None:
    at, beat = now(), heartbeat_of(warn_seconds=7200)
    assert HEARTBEAT == beat
    assert is_due(None, size=4, now=at, heartbeat=beat)
    turns = {
        (3, beat): True,
        (3, timedelta(0)): True,
        (4, timedelta(0)): False,
        (4, beat - timedelta(microseconds=1)): False,
        (4, beat): True,
    }
    assert turns == {
        (size, age): is_due(LastCosigned(size, at - age), size=4, now=at, heartbeat=beat)
        for size, age in turns
    }


def test_without_a_policy_nothing_happens(wiring: Wiring) -> None:
    grow(wiring, to=3)
    for policy in (None, Policy.for_log(*wiring.log.vkeys)):
        wiring.log.policy = policy
        assert 0 == collect(wiring, now())
        assert [] == ahead(wiring)


@contextlib.contextmanager
def restored(wiring: Wiring, database: Database, cluster: Cluster, folder: Path) -> Iterator[Wiring]:
    """A process over a backup of the database as it is now, with no memory of its own."""
    wiring.engine.dispose()
    state = folder / "restored"
    state.mkdir()
    with new_database(cluster, template=database.name) as backup:
        parts = wire(replace(wiring.settings, database_url=backup.app_url, state_dir=state))
        parts.log.policy = wiring.log.policy
        try:
            yield parts
        finally:
            parts.engine.dispose()


def claims(kind: TaskKind, town: Town, *, ours: int, theirs: int) -> list[tuple[TaskKind, str, Any]]:
    return [
        (kind, name, {"key": witness.verifier.key_id.hex(), "ours": ours, "theirs": theirs})
        for name, witness in town.witnesses.items()
    ]


def done(wiring: Wiring, kind: TaskKind) -> list[tuple[TaskKind, str, Any]]:
    """Do the open tasks of a kind; returns them."""
    with wiring.engine.begin() as connection:
        tasks = [task for task in open_tasks(connection) if task.kind is kind]
        for task in tasks:
            finish(connection, task.id, actor="test", now=now())
    return sorted((task.kind, task.about, task.facts) for task in tasks)


def test_a_restored_backup_is_found_out_and_an_honest_log_goes_on(
    wiring: Wiring, database: Database, cluster: Cluster, tmp_path: Path, town: Town
) -> None:
    """What a witness cosigned cannot be taken back: not by forgetting, not by writing other entries in its place."""
    grow(wiring, to=4)
    with opened(wiring, town):
        collect(wiring, now())
        with restored(wiring, database, cluster, tmp_path) as backup:
            grow(wiring, to=9)
            assert 3 == collect(wiring, now())
            # The backup forgot five entries.
            assert 0 == collect(backup, now() + timedelta(minutes=1))
            assert claims(TaskKind.LOG_ROLLED_BACK, town, ours=4, theirs=9) == sorted(table(backup).tasks)
            assert [(name, 9) for name in NAMES] == [(each.witness, each.size) for each in ahead(backup)]
            assert [] == ahead(wiring)
            # It writes others in their place: up to the very size that was cosigned, then beyond.
            for size in (9, 12):
                grow(backup, to=size)
                assert 0 == collect(backup, now())
                assert claims(TaskKind.LOG_FORKED, town, ours=size, theirs=9) == done(
                    backup, TaskKind.LOG_FORKED
                )
            assert {} == {size: at for size, at in table(backup).quorums.items() if size > 4}
            assert [] == ahead(backup)
        grow(wiring, to=11)
        assert 3 == collect(wiring, now())
    assert [] == table(wiring).tasks


def test_what_the_witnesses_saw_is_learnt_anew_from_themselves(wiring: Wiring, town: Town) -> None:
    """The database need not remember it: the answer to a wrong old size tells it."""
    for name, size in (("w1", 2), ("w2", 4)):
        grow(wiring, to=size)
        body = bytes(Submission(0, (), publish_head(wiring).note))
        assert 200 == town.witnesses[name].add_checkpoint(body, int(time.time())).status
    with opened(wiring, town):
        assert 3 == collect(wiring, now())
    assert {name: [4] for name in NAMES} == table(wiring).cosigned


def cosign(witness: Witness, body: bytes, *, at: int, key: Ed25519PrivateKey, size: int | None = None) -> str:
    note = Submission.parse(body).note
    said = note.partition("\n\n")[0] + "\n"
    if size is not None:
        origin, _, root = said.split("\n")[:3]
        said = f"{origin}\n{size}\n{root}\n"
    return cosignature_line(said, name=witness.verifier.name, key=key, time=at)


def line(text: str) -> Reply:
    return Reply(200, PLAIN, text.encode())


LIES: dict[str, Callable[[Witness, bytes, int], Reply]] = {
    "nothing": lambda *_: line(""),
    "noise": lambda *_: line("thank you\n"),
    "not UTF-8": lambda *_: Reply(200, PLAIN, b"\xff\n"),
    "another key under its name": lambda w, body, at: line(cosign(w, body, at=at, key=STRANGER)),
    "its signature of another size": lambda w, body, at: line(cosign(w, body, at=at, key=w._key, size=99)),
    "a right and a wrong one": lambda w, body, at: line(
        cosign(w, body, at=at, key=w._key) + cosign(w, body, at=at, key=w._key, size=99)
    ),
    "two of different times": lambda w, body, at: line(
        cosign(w, body, at=at, key=w._key) + cosign(w, body, at=at - 1, key=w._key)
    ),
    "one of yesterday": lambda w, body, at: line(cosign(w, body, at=at - 86_400, key=w._key)),
    "one of tomorrow": lambda w, body, at: line(cosign(w, body, at=at + 86_400, key=w._key)),
    "the log's own signature": lambda _, body, __: line(Submission.parse(body).note.rpartition("\n\n")[2]),
    "a line without an end": lambda w, body, at: line(cosign(w, body, at=at, key=w._key).rstrip("\n")),
    "too much": lambda w, body, at: line(cosign(w, body, at=at, key=w._key) + "x" * 70_000),
    "a redirect": lambda w, body, at: Reply(302, PLAIN, cosign(w, body, at=at, key=w._key).encode()),
    "created": lambda w, body, at: Reply(201, PLAIN, cosign(w, body, at=at, key=w._key).encode()),
    "a conflict without a size": lambda *_: Reply(409, SIZE, b""),
    "a conflict of words": lambda *_: Reply(409, SIZE, b"many\n"),
    "a conflict of another type": lambda *_: Reply(409, PLAIN, b"1000\n"),
    "a conflict that never ends": lambda _, body, __: Reply(
        409, SIZE, f"{(Submission.parse(body).old + 1) % 4}\n".encode()
    ),
    "the conflict it was told": lambda _, body, __: Reply(
        409, SIZE, f"{Submission.parse(body).old}\n".encode()
    ),
    "a fault": lambda *_: Reply(500, PLAIN, b""),
}


def liar(lie: Callable[[Witness, bytes, int], Reply]) -> type[Witness]:
    class Liar(Witness):
        def add_checkpoint(self, body: bytes, now: int) -> Reply:
            return lie(self, body, now)

    return Liar


def test_a_liar_is_not_believed_and_stops_nobody(wiring: Wiring, tmp_path: Path) -> None:
    found = {}
    for size, (name, lie) in enumerate(LIES.items(), start=4):
        grow(wiring, to=size)
        with opened(wiring, Town(keys_of(wiring), tmp_path / name, kinds={"w3": liar(lie)})):
            stored = collect(wiring, now())
        tables = table(wiring)
        found[name] = (stored, size in tables.quorums, "w3" in tables.cosigned, tables.tasks)
    assert dict.fromkeys(LIES, (2, True, False, [])) == found


def test_two_liars_of_three_are_no_quorum(wiring: Wiring, tmp_path: Path) -> None:
    forger = liar(LIES["another key under its name"])
    grow(wiring, to=4)
    with opened(wiring, Town(keys_of(wiring), tmp_path / "town", kinds={"w2": forger, "w3": forger})):
        assert 1 == collect(wiring, now())
    assert ({"w1": [4]}, {}) == (table(wiring).cosigned, table(wiring).quorums)


def test_a_claim_to_be_ahead_is_a_task_once_and_no_reason_to_stop(wiring: Wiring, tmp_path: Path) -> None:
    class Boaster(Witness):
        def add_checkpoint(self, *_: object) -> Reply:
            return Reply(409, SIZE, b"1000\n")

        def checkpoint(self, *_: object) -> bytes:
            text = f"{wiring.log.origin}\n1000\n{'A' * 43}=\n"
            return (text + "\n" + cosignature_line(text, name="w3.test", key=self._key, time=1)).encode()

    town = Town(keys_of(wiring), tmp_path / "town", kinds={"w3": Boaster})
    grow(wiring, to=4)
    with opened(wiring, town):
        for _ in range(2):
            collect(wiring, now() + timedelta(minutes=1))
        assert [] == ahead(wiring)
    facts = {"key": town.witnesses["w3"].verifier.key_id.hex(), "ours": 4, "theirs": 1000}
    assert [(TaskKind.LOG_ROLLED_BACK, "w3", facts)] == table(wiring).tasks


def test_a_newer_checkpoint_of_another_worker_is_no_rollback(wiring: Wiring, tmp_path: Path) -> None:
    """Between our reading and our asking, another worker published and showed the witness more."""

    class Overtaken(Witness):
        def add_checkpoint(self, *_: object) -> Reply:
            grow(wiring, to=6)
            return Reply(409, SIZE, b"6\n")

    grow(wiring, to=4)
    with opened(wiring, Town(keys_of(wiring), tmp_path / "town", kinds={"w3": Overtaken})):
        assert 2 == collect(wiring, now())
    assert [] == table(wiring).tasks


def test_two_workers_and_a_growing_log_raise_no_alarm(wiring: Wiring, town: Town) -> None:
    """They show the witnesses checkpoints in any order; what a witness then says of a larger tree is no evidence."""
    grow(wiring, to=1)
    growing = threading.Event()

    def work(_: int) -> None:
        while not growing.is_set():
            collect(wiring, now())

    with opened(wiring, town):
        with ThreadPoolExecutor(2) as workers:
            working = [workers.submit(work, number) for number in range(2)]
            for size in range(2, 20):
                grow(wiring, to=size)
                time.sleep(0.02)
            growing.set()
            for each in working:
                each.result()
        collect(wiring, now())
    found = table(wiring)
    assert (19, []) == (max(found.quorums), found.tasks)


def test_the_quorum_does_not_wait_for_a_witness_that_hangs(wiring: Wiring, town: Town) -> None:
    grow(wiring, to=4)
    seen: list[int] = []

    def hang(_: socket.socket) -> None:
        deadline = time.monotonic() + 4
        while not seen and time.monotonic() < deadline:
            seen.extend(table(wiring).quorums)
            time.sleep(0.02)

    with answering(hang) as url, opened(wiring, town, instead={"w3": url}):
        assert 2 == collect(wiring, now())
    assert [4] == seen


def test_a_witness_without_an_address_is_not_asked(wiring: Wiring, town: Town) -> None:
    grow(wiring, to=4)
    wiring.log.policy = town.policy({})
    assert 0 == collect(wiring, now())
    assert [] == ahead(wiring)


def test_over_tls_the_name_has_to_be_vouched_for(
    wiring: Wiring, town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = create_authority("Test CA", now=now())
    issued = issue_server(authority, names=["localhost"], now=now())
    (tmp_path / "ca.pem").write_bytes(authority.certificate_pem)
    (tmp_path / "server.pem").write_bytes(issued.key_pem + issued.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    grow(wiring, to=4)
    with listening(town.witnesses["w1"], tls=context) as server:
        port = port_of(server)
        for host, trusted, expected in (
            ("localhost", False, 0),
            ("127.0.0.1", True, 0),
            ("localhost", True, 1),
        ):
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem" if trusted else tmp_path / "absent"))
            wiring.log.policy = town.policy({"w1": f"https://{host}:{port}"})
            assert expected == collect(wiring, now())


def test_a_cosignature_of_a_key_that_was_replaced_makes_no_quorum(wiring: Wiring, town: Town) -> None:
    grow(wiring, to=4)
    with opened(wiring, town) as urls:
        wiring.log.policy = town.policy({"w1": urls["w1"]})
        assert 1 == collect(wiring, now())
        policy = town.policy({"w2": urls["w2"]})
        stranger = replace(town.witnesses["w1"].verifier, public=STRANGER.public_key().public_bytes_raw())
        renewed = {**policy.witnesses, "w1": replace(policy.witnesses["w1"], key=stranger)}
        wiring.log.policy = replace(policy, witnesses=renewed)
        assert 1 == collect(wiring, now())
        assert {} == table(wiring).quorums
        wiring.log.policy = town.policy(urls)
        assert 1 == collect(wiring, now())  # w3; the other two are not due
    assert [4] == list(table(wiring).quorums)


def test_a_quorum_is_as_old_as_the_cosignature_that_completes_it(tmp_path: Path) -> None:
    policy, start = Town([], tmp_path / "town").policy({}), datetime(2026, 11, 27, 12, tzinfo=UTC)

    def since(**seconds: int) -> datetime | None:
        return quorum_since(policy, {name: start + timedelta(seconds=each) for name, each in seconds.items()})

    assert since() is None
    assert since(w1=5) is None
    assert start + timedelta(seconds=3) == since(w1=5, w2=3)
    assert start + timedelta(seconds=4) == since(w1=5, w2=3, w3=4)
    assert start == since(w1=9000, w2=0)  # the heartbeat of one alone keeps no quorum young


def test_a_witness_killed_before_its_answer_forgets_nothing(wiring: Wiring, tmp_path: Path) -> None:
    """Its state is on the disk, its cosignature was never sent; the log learns that and gets one."""
    write_key(tmp_path / "key")
    (tmp_path / "process").mkdir()
    logs = keys_of(wiring)

    def start(program: str | None = None, port: int = 0) -> WitnessProcess:
        chosen = {} if program is None else {"program": program}
        return WitnessProcess(
            "w.test", key_file=tmp_path / "key", logs=logs, folder=tmp_path / "process", port=port, **chosen
        )

    grow(wiring, to=4)
    first = start()
    wiring.log.policy = Policy.parse(f"witness w {first.vkey} {first.url}\nquorum w\n")
    assert 1 == collect(wiring, now())
    assert 0 == first.stop()[0]

    grow(wiring, to=6)
    dying = start(DIES_BEFORE_ITS_ANSWER, first.port)
    assert 0 == collect(wiring, now())
    assert -9 == dying.wait()[0]
    assert {"w": [4]} == table(wiring).cosigned

    second = start(port=first.port)
    connection = http.client.HTTPConnection("127.0.0.1", second.port, timeout=5)
    connection.request("GET", f"/{origin_digest(wiring.log.origin)}/checkpoint")
    assert "\n6\n" in open_note(connection.getresponse().read(), logs).text
    connection.close()
    assert 1 == collect(wiring, now())
    grow(wiring, to=8)
    assert 1 == collect(wiring, now())
    assert 0 == second.stop()[0]
    found = table(wiring)
    assert ({"w": [4, 6, 8]}, [4, 6, 8], []) == (found.cosigned, sorted(found.quorums), found.tasks)
