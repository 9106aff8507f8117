"""What the log does when nobody asks: covers, and checkpoints over what nobody waits for."""

import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from gateway.disclosure_log import repository
from gateway.disclosure_log.reading import entries_between, log_size, newest_minute, open_entry
from gateway.disclosure_log.service import act
from gateway.disclosure_log.tending import LONGEST_SILENCE, MEAN_MINUTES, cover_if_due, tend_log
from gateway.wiring import Wiring


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance says no: only what must come does."""
    monkeypatch.setattr(secrets, "randbelow", lambda below: below - 1)


def size(wiring: Wiring) -> int:
    with wiring.engine.connect() as connection:
        return log_size(connection)


def published(wiring: Wiring) -> int:
    with wiring.engine.connect() as connection:
        newest = repository.newest_checkpoint(connection)
    return newest.size if newest else 0


def record(wiring: Wiring) -> None:
    with act(wiring) as change:
        change.record(kind="key.rotate", actor="test")


@pytest.mark.usefixtures("never")
def test_a_silent_log_gets_a_cover_before_ten_minutes_are_empty(wiring: Wiring) -> None:
    assert cover_if_due(wiring, datetime.now(UTC))  # an empty log is silent
    with wiring.engine.connect() as connection:
        last = newest_minute(connection)
    assert last is not None
    assert not cover_if_due(wiring, last + LONGEST_SILENCE - timedelta(seconds=1))
    assert cover_if_due(wiring, last + LONGEST_SILENCE)
    # A run a minute later at most, an entry's time cut to its minute: the next entry comes within ten.
    assert LONGEST_SILENCE + timedelta(minutes=1) < timedelta(minutes=10)


def test_covers_come_whether_or_not_anything_happens(wiring: Wiring) -> None:
    """Else a lone entry in the night would be known for a real one."""
    came = 0
    for _ in range(40):
        record(wiring)
        came += cover_if_due(wiring, datetime.now(UTC))
    assert 40 / MEAN_MINUTES * 0.2 < came < 40 / MEAN_MINUTES * 2.5


@pytest.mark.usefixtures("never")
def test_a_cover_looks_like_any_other_entry_and_says_inside_what_it_is(wiring: Wiring) -> None:
    cover_if_due(wiring, datetime.now(UTC))
    record(wiring)
    with wiring.engine.connect() as connection:
        cover, real = entries_between(connection, first=0, end=2)
        opened = open_entry(connection, keyring=wiring.keyring, row=cover)
    assert len(cover.body) == len(real.body)
    assert list(json.loads(cover.body)) == list(json.loads(real.body))
    assert opened is not None
    assert "log.cover" == opened.internal["kind"]


@pytest.mark.usefixtures("never")
def test_what_nobody_waited_for_is_in_a_checkpoint_a_minute_later(wiring: Wiring) -> None:
    record(wiring)
    assert 0 == published(wiring)
    tend_log(wiring, datetime.now(UTC))
    assert size(wiring) == published(wiring)
    record(wiring)
    assert 1 == tend_log(wiring, datetime.now(UTC))
    assert size(wiring) == published(wiring)


@pytest.mark.usefixtures("never")
def test_nothing_new_needs_no_new_checkpoint(wiring: Wiring) -> None:
    record(wiring)
    tend_log(wiring, datetime.now(UTC))
    with wiring.engine.connect() as connection:
        before = connection.execute(text("SELECT xmin, * FROM gateway.log_checkpoint")).all()
    assert 0 == tend_log(wiring, datetime.now(UTC))
    with wiring.engine.connect() as connection:
        assert before == connection.execute(text("SELECT xmin, * FROM gateway.log_checkpoint")).all()
