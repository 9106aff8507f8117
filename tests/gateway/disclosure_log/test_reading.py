"""What is on record, in words, for those who operate the gateway."""

from dataclasses import replace
from uuid import uuid4

from sqlalchemy import text

from gateway.database import open_engine
from gateway.disclosure_log.reading import ERASED, newest
from gateway.disclosure_log.service import act
from gateway.wiring import Wiring
from tests.support.throwaway import Database


def kinds(wiring: Wiring) -> list[str]:
    with wiring.engine.connect() as connection:
        return [line.kind for line in newest(connection, keyring=wiring.keyring, count=10)]


def test_entries_are_opened_in_their_order(wiring: Wiring) -> None:
    family = uuid4()
    with act(wiring, families=(family,)) as change:
        wiring.keyring.create_family(change.connection, family)
        change.record(kind="case.import", actor="test", family_id=family)
        change.record(kind="consent.give", actor="test", family_id=family)
    assert ["case.import", "consent.give"] == kinds(wiring)


def test_an_entry_under_the_restricted_tag_does_not_exist_here(wiring: Wiring) -> None:
    """A shield or a referral must not show to everyone who can list the log."""
    family = uuid4()
    with act(wiring, families=(family,)) as change:
        wiring.keyring.create_family(change.connection, family)
        change.record(kind="case.import", actor="test", family_id=family)
        change.record(kind="case.shield", actor="test", family_id=family, restricted=True)
    assert ["case.import"] == kinds(wiring)


def test_an_erased_familys_entry_says_no_more_than_that(wiring: Wiring, database: Database) -> None:
    family = uuid4()
    with act(wiring, families=(family,)) as change:
        wiring.keyring.create_family(change.connection, family)
        change.record(kind="consent.give", actor="test", family_id=family)
    eraser = open_engine(database.eraser_url)
    with act(replace(wiring, engine=eraser), families=(family,)) as change:
        change.connection.execute(text("DELETE FROM gateway.family_key WHERE family_id = :f"), {"f": family})
        change.record(kind="case.erase", actor="test")
    eraser.dispose()
    assert [ERASED, "case.erase"] == kinds(wiring)
