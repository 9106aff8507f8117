"""What goes in comes out, and nothing else can read it."""

from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest

from certs.envelope import new_key
from gateway.cases.errors import UnreadablePartError
from gateway.cases.sealing import open_births, open_items, open_person_key, seal_born, seal_person_key
from gateway.cases.service import ImportReport, ImportRow, Outcome
from gateway.wiring import Wiring
from tests.gateway.cases.documents import CANARIES, family, item
from tests.gateway.cases.stored import (
    entries_in_log,
    everything_stored,
    load,
    opened,
    ordered,
    person_of,
    rows,
    sealed_case,
    translated,
)
from tests.support.throwaway import Database


def test_what_was_imported_opens_to_the_same_items(wiring: Wiring) -> None:
    assert load(wiring, family()) == ImportReport((ImportRow(0, Outcome.IMPORTED),))
    assert ordered(opened(wiring)) == ordered(translated(wiring, family()))


def test_items_about_the_same_people_share_one_part(wiring: Wiring) -> None:
    """The order of names must not make two sets of them."""
    raw = family()
    raw["items"].append(item("history", ["P-ADA", "P-MUM"], {"code": "moved_home", "date": "2020-01-01"}))
    load(wiring, raw)
    found = rows(wiring, "SELECT about FROM gateway.case_part")
    assert sorted(len(row.about) for row in found) == [0, 1, 1, 1, 2]
    assert all(row.about == sorted(row.about) for row in found)


def test_nothing_that_is_stored_can_be_read_without_a_key(wiring: Wiring, database: Database) -> None:
    """A stolen backup tells nothing about anybody: no name, date, number or council id."""
    load(wiring, family())
    held = everything_stored(database).lower()
    assert [canary for canary in CANARIES if canary.lower().encode() in held] == []
    assert b"lead.worker" in held, "the search sees what is stored in the clear"


def test_the_log_has_one_entry_for_each_family_stored(wiring: Wiring) -> None:
    load(wiring, family(), family("EH-1002"))
    assert entries_in_log(wiring) == 2


def test_another_familys_key_opens_nothing(wiring: Wiring) -> None:
    keys, people, parts = sealed_case(wiring)
    for part in parts:
        with pytest.raises(UnreadablePartError):
            open_items(replace(keys, data_key=new_key()), people, [part])


def test_another_persons_key_opens_nothing(wiring: Wiring) -> None:
    keys, people, parts = sealed_case(wiring)
    wrong = {person: seal_person_key(keys, person, new_key()) for person in people}
    for part in parts:
        if part.about:
            with pytest.raises(UnreadablePartError):
                open_items(keys, wrong, [part])


def test_a_part_moved_to_another_row_case_or_version_does_not_open(wiring: Wiring) -> None:
    """Whoever can write rows must not be able to bring back what was said before, or elsewhere."""
    keys, people, parts = sealed_case(wiring)
    for moved in (
        replace(parts[0], part_id=uuid4()),
        replace(parts[0], case_id=uuid4()),
        replace(parts[0], version=parts[0].version + 1),
    ):
        with pytest.raises(UnreadablePartError):
            open_items(keys, people, [moved])


def test_a_day_of_birth_opens_for_that_person_of_that_family_alone(wiring: Wiring) -> None:
    """Whoever can write rows must not be able to make anybody older or younger."""
    keys, people, _ = sealed_case(wiring)
    ada, mum = person_of(wiring, "P-ADA"), person_of(wiring, "P-MUM")
    key, day = open_person_key(keys, ada, people[ada]), date(2015, 4, 9)
    sealed = seal_born(keys, ada, key, born=day)
    assert {ada: day} == open_births(keys, people, {ada: sealed})
    assert {} == open_births(keys, {mum: people[mum]}, {ada: sealed})
    for held, births in (
        (keys, {mum: sealed}),
        (keys, {ada: seal_born(keys, mum, key, born=day)}),
        (keys, {ada: seal_born(replace(keys, family_id=uuid4()), ada, key, born=day)}),
        (keys, {ada: seal_born(keys, ada, new_key(), born=day)}),
        (replace(keys, data_key=new_key()), {ada: sealed}),
    ):
        with pytest.raises(UnreadablePartError):
            open_births(held, people, births)


def test_a_person_without_a_key_takes_their_items_along(wiring: Wiring) -> None:
    """What was said of two people is gone when either was erased; the rest stays."""
    keys, people, parts = sealed_case(wiring)
    ada = person_of(wiring, "P-ADA")
    left = open_items(keys, {person: key for person, key in people.items() if person != ada}, parts)
    assert ordered(left) == ordered(
        [each for each in translated(wiring, family()) if str(ada) not in each["about"]]
    )
    assert len(left) < len(family()["items"])
