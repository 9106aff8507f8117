"""The ticket of one shift: who may write on the emergency page, checked without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from certs.envelope import FileKek
from gateway.keyring import Keyring
from gateway.safeguarding.ticket import LABEL, TicketError, check, check_form, issue

NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)
ADA, BEN = UUID(int=1), UUID(int=2)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[bytes, ...]:
    return Keyring(FileKek.create(tmp_path / "kek")).node_keys(LABEL)


def ticket_of(keys: tuple[bytes, ...], staff_id: UUID = ADA, username: str = "ada.worker") -> str:
    return issue(keys, staff_id=staff_id, username=username, not_after=NOW + timedelta(hours=12))


def test_a_ticket_says_whose_shift_it_is(keys: tuple[bytes, ...]) -> None:
    found = check(keys, ticket_of(keys), now=NOW)
    assert (ADA, "ada.worker", NOW + timedelta(hours=12)) == (
        found.staff_id,
        found.username,
        found.not_after,
    )


def test_it_ends_with_the_shift(keys: tuple[bytes, ...]) -> None:
    ticket, end = ticket_of(keys), NOW + timedelta(hours=12)
    check(keys, ticket, now=end - timedelta(microseconds=1))
    with pytest.raises(TicketError):
        check(keys, ticket, now=end)


def test_every_letter_counts(keys: tuple[bytes, ...]) -> None:
    """Somebody else's name, a later end, another code: changed anywhere, it is no ticket."""
    ticket = ticket_of(keys)
    for place, letter in enumerate(ticket):
        changed = ticket[:place] + ("1" if letter != "1" else "2") + ticket[place + 1 :]
        with pytest.raises(TicketError):
            check(keys, changed, now=NOW)


@pytest.mark.parametrize("presented", ["", "~", "é", "a" * 10_000, "\x00", "0" * 32 + "~9~ada~" + "0" * 64])
def test_what_is_no_ticket_is_refused(keys: tuple[bytes, ...], presented: str) -> None:
    with pytest.raises(TicketError):
        check(keys, presented, now=NOW)


def test_the_code_of_one_is_no_code_of_another(keys: tuple[bytes, ...]) -> None:
    said, _, _ = ticket_of(keys).rpartition("~")
    _, _, code = ticket_of(keys, BEN, "ben.worker").rpartition("~")
    with pytest.raises(TicketError):
        check(keys, f"{said}~{code}", now=NOW)


def test_another_councils_ticket_is_none(keys: tuple[bytes, ...], tmp_path: Path) -> None:
    others = Keyring(FileKek.create(tmp_path / "other")).node_keys(LABEL)
    with pytest.raises(TicketError):
        check(others, ticket_of(keys), now=NOW)


def test_a_ticket_outlives_the_change_of_a_key(tmp_path: Path) -> None:
    """Nodes change over one by one, in the middle of shifts; each has both keys meanwhile."""
    old, new = FileKek.create(tmp_path / "old"), FileKek.create(tmp_path / "new", epoch=2)
    ticket = ticket_of(Keyring(old).node_keys(LABEL))
    assert ADA == check(Keyring(new, others=[old]).node_keys(LABEL), ticket, now=NOW).staff_id
    with pytest.raises(TicketError):
        check(Keyring(new).node_keys(LABEL), ticket, now=NOW)


def test_the_key_of_a_label_is_no_other_key(tmp_path: Path) -> None:
    """What signs a ticket must open nothing, and the key that opens everything must not be found from it."""
    kek = FileKek.create(tmp_path / "kek")
    derived = {kek.derive(b"a"), kek.derive(b"b"), kek.key}
    assert (3, {32}) == (len(derived), set(map(len, derived)))
    assert kek.derive(b"a") == FileKek(kek.key, epoch=5).derive(b"a")


def test_a_form_is_of_the_ticket_it_was_shown_under(keys: tuple[bytes, ...]) -> None:
    mine = check(keys, ticket_of(keys), now=NOW)
    yours = check(keys, ticket_of(keys, BEN, "ben.worker"), now=NOW)
    check_form(mine, mine.form_token)
    for sent in ("", "é", "\ud800", yours.form_token, mine.form_token[:-1]):
        with pytest.raises(TicketError):
            check_form(mine, sent)
    with pytest.raises(TicketError):
        check_form(replace(mine, form_token=""), mine.form_token)
