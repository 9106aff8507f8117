"""Every commit point of everything that writes to the log: failed, and failed but persisted.

The wire to PostgreSQL is real and is cut at one round trip after the other. Whatever is hit, nothing leaves that is
not in the log, the next request works without help, and the outside checker finds the log whole.
"""

import dataclasses
import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import NoReturn
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.exc import SQLAlchemyError

from extract_client.log.note import NoteSigner
from extract_client.log.promise import KEY_SUFFIX
from gateway.disclosure_log.entry import ComposedEntry, compose, log_id
from gateway.disclosure_log.errors import LogNotServedError, NotAppendedError
from gateway.disclosure_log.mark import MarkFile
from gateway.disclosure_log.model import PendingEntry
from gateway.disclosure_log.promise import include_or_promise
from gateway.disclosure_log.publishing import keep_mark
from gateway.disclosure_log.tending import tend_log
from gateway.keyring import NULL_FAMILY
from gateway.log_signer import create_log_key
from gateway.release.model import Outcome, Released, Unavailable
from tests.faults.desk import Desk, second_node
from tests.faults.matrix import APPEND, COMMIT, DEFER, PUBLISH, Tally, assert_releases_again, each_cut, points

PULLS: dict[str, Callable[[Desk], list[Outcome]]] = {
    "one extract": lambda desk: desk.pull(),
    "a batch of three": lambda desk: desk.pull(3),
    "the first extract of a process": lambda desk: desk.pull(wiring=desk.started_anew()),
    "a refusal": lambda desk: [desk.pull_unknown()],
}


@points
@pytest.mark.parametrize("what", PULLS)
def test_a_cut_release_gives_nothing(
    desk: Desk, what: str, matching: tuple[str, ...], say: Callable[[str], None]
) -> None:
    """Found here: an answer before its publication is known, half a batch, a process that needs a restart."""
    tally, got, before = Tally(), list[Outcome](), 0

    def pull() -> None:
        nonlocal before
        before = desk.recorded()
        got[:] = PULLS[what](desk)

    for place in each_cut(desk, pull, tally, matching=matching):
        assert {Unavailable} == {type(outcome) for outcome in got}, place
        assert desk.recorded() - before in {0, len(got)}, place
        assert_releases_again(desk, place)
    say(f"{what}: {tally}")
    assert tally.points >= (1 if what == "a refusal" else 2)


ACTS = {"opens": "give", "closes": "withdraw"}


@points
@pytest.mark.parametrize("what", ACTS)
def test_a_cut_act_is_recorded_once_when_it_is_sent_again(
    desk: Desk, what: str, matching: tuple[str, ...], say: Callable[[str], None]
) -> None:
    """Found here: an act without its entry, an entry without its act, and one that is there twice."""
    tally, document, before = Tally(), dict[str, object](), 0

    def act() -> None:
        nonlocal document, before
        document, before = desk.decision(ACTS[what]), desk.recorded()
        with suppress(NotAppendedError, SQLAlchemyError):
            desk.decide(document)

    for place in each_cut(desk, act, tally, matching=matching):
        assert desk.recorded() - before in {0, 1}, place
        desk.decide(document)
        assert 1 == desk.recorded() - before, place
        assert_releases_again(desk, place)
    say(f"an act that {what}: {tally}")
    assert tally.points >= (2 if what == "opens" else 4)


@contextmanager
def head_held(desk: Desk) -> Iterator[None]:
    """Let somebody else hold the head of the log."""
    with psycopg.connect(desk.database.admin_url) as superuser:
        superuser.execute("SELECT size FROM gateway.log_head FOR UPDATE")
        yield
        superuser.rollback()


def test_a_cut_act_that_closes_without_the_head_is_recorded_once(
    desk: Desk, say: Callable[[str], None]
) -> None:
    """Its entry waits in its own transaction: found here is one that was lost, or integrated twice."""
    tally, document, before = Tally(), dict[str, object](), 0

    def act() -> None:
        nonlocal document, before
        document, before = desk.decision("withdraw"), desk.recorded()
        with head_held(desk), suppress(NotAppendedError, SQLAlchemyError):
            desk.decide(document)

    for place in each_cut(desk, act, tally, matching=(DEFER, COMMIT)):
        assert desk.recorded() - before in {0, 1}, place
        with head_held(desk):
            desk.decide(document)
        assert 1 == desk.recorded() - before, place
        assert desk.log().deferred, place
        assert_releases_again(desk, place)
        assert not desk.log().deferred, place
    say(f"an act that closes without the head: {tally}")
    assert 4 == tally.faults


def test_a_cut_release_takes_waiting_entries_along_once(
    desk: Desk, tmp_path: Path, say: Callable[[str], None]
) -> None:
    tally, got, before = Tally(), list[Outcome](), 0
    with second_node(desk, tmp_path / "other") as other:

        def pull() -> None:
            nonlocal before
            before = desk.recorded()
            with head_held(desk):
                desk.decide(desk.decision("withdraw"), wiring=other)
            got[:] = desk.pull()

        for place in each_cut(desk, pull, tally, matching=(APPEND, PUBLISH)):
            assert isinstance(got[0], Unavailable), place
            assert desk.recorded() - before in {1, 2}, place
            assert_releases_again(desk, place)
            assert not desk.log().deferred, place
            assert desk.recorded() - before in {2, 3}, place
    say(f"a release that takes waiting entries along: {tally}")
    assert 4 == tally.faults


@points
def test_a_cut_run_of_the_worker_is_made_up_by_the_next(
    desk: Desk, matching: tuple[str, ...], say: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found here: a worker that signs nothing any more, or what is in no checkpoint a run later."""
    monkeypatch.setattr("secrets.randbelow", lambda _: 0)  # a cover is due each time
    tally = Tally()

    def tend() -> None:
        with suppress(NotAppendedError, LogNotServedError, SQLAlchemyError):
            tend_log(desk.wiring, datetime.now(UTC))

    for place in each_cut(desk, tend, tally, matching=matching):
        tend_log(desk.wiring, datetime.now(UTC))
        log = desk.log()
        assert log.tree.size in log.published, place
        assert_releases_again(desk, place)
    say(f"the worker: {tally}")
    assert tally.points >= 3


@points
def test_a_cut_referral_gets_a_receipt_or_a_promise_once_its_entry_stands(
    desk: Desk, matching: tuple[str, ...], tmp_path: Path, say: Callable[[str], None]
) -> None:
    """The promise is for exactly this: a publication that fails must not keep the referral."""
    file = tmp_path / "promise.key"
    create_log_key(file, origin=desk.wiring.log.origin + KEY_SUFFIX)
    settings = dataclasses.replace(desk.wiring.settings, promise_key_file=file)
    wiring = dataclasses.replace(desk.wiring, settings=settings)
    tally, got = Tally(), list[str | Exception | None]()

    def refer() -> None:
        entry, pending = referral(desk)
        try:
            got[:] = [include_or_promise(wiring, entry=entry, pending=pending, now=datetime.now(UTC))]
        except (NotAppendedError, SQLAlchemyError) as error:
            got[:] = [error]

    for place in each_cut(desk, refer, tally, matching=matching):
        if "publish_checkpoint" in place:
            assert isinstance(got[0], str), place
            assert KEY_SUFFIX in got[0], place
        assert_releases_again(desk, place)
    say(f"a referral: {tally}")
    assert tally.points >= 2


def referral(desk: Desk) -> tuple[ComposedEntry, PendingEntry]:
    """An entry of the kind that may leave on a promise."""
    entry = compose(
        uuid4(),
        at=datetime.now(UTC),
        log=log_id(desk.wiring.settings.log_origin),
        tag_key=os.urandom(32),
        recipient={"referral": "r"},
        internal={"kind": "x"},
        recipient_salt=os.urandom(32),
        internal_salt=os.urandom(32),
    )
    return entry, PendingEntry(entry.entry_id, entry.body, b"sealed", NULL_FAMILY)


def no_space(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_mark_that_cannot_be_written_keeps_nobody_from_starting_for_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full while a process starts: nothing leaves meanwhile, and afterwards it works by itself."""
    starting = desk.started_anew()
    desk.pull()
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", no_space)
        (outcome,) = desk.pull(wiring=starting)
    assert isinstance(outcome, Unavailable)
    (outcome,) = desk.pull(wiring=starting)
    assert isinstance(outcome, Released)
    desk.check()


def test_a_mark_that_could_not_be_written_is_written_with_the_next_checkpoint(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that marks must survive a full disk, and no extract waits for it."""
    mark = MarkFile(desk.wiring.settings.state_dir)
    keep_mark(desk.wiring)
    with monkeypatch.context() as full:
        failed = Event()

        def fail(*_: object) -> NoReturn:
            failed.set()
            no_space()

        full.setattr(os, "pwrite", fail)
        (outcome,) = desk.pull()
        assert isinstance(outcome, Released)
        assert failed.wait(5)
    (outcome,) = desk.pull()
    assert isinstance(outcome, Released)
    size = desk.check().entries
    deadline = time.monotonic() + 5
    while (marked := mark.read()) is None or marked.size < size:
        assert time.monotonic() < deadline, "the mark was not moved again"
        time.sleep(0.01)


def test_nothing_leaves_unsigned(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever signing raises; the next request signs what the failed one appended, too."""
    with monkeypatch.context() as broken:
        broken.setattr(NoteSigner, "line", lambda *_: no_space())
        with pytest.raises(OSError, match="space"):
            desk.pull()
    desk.failed += 1
    assert_releases_again(desk, "after a signature that failed")
