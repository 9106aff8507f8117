"""Marks find what a look through the whole log finds, tell nobody what is not shown, and go with the family."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from certs.errors import EnvelopeError
from gateway.cases import service as cases
from gateway.consent import disclosures as pages
from gateway.database import open_engine
from gateway.disclosure_log import entry_marking, exploring
from gateway.disclosure_log.entry import tag
from gateway.disclosure_log.entry_marking import mark_entries, mark_log
from gateway.disclosure_log.entry_marks import About, Marked, keep, mark, marked_size, marks_of, take
from gateway.disclosure_log.erasure import destroy_again
from gateway.disclosure_log.exploring import Disclosure, Sort, Wanted, disclosures
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import log_size
from gateway.disclosure_log.service import act
from gateway.keyring import FamilyKeys, Keyring
from gateway.ops.worker import JOBS, run_job
from gateway.release.model import Released
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody
from tests.support.throwaway import Database
from tests.support.world import World, household, small_family

NOW: Final = datetime.now(UTC)
LOOKED_FOR: Final = [
    *(
        Wanted(agency, sort, purpose, practitioner)
        for agency, sort, purpose, practitioner in product(
            (None, "camhs", "housing", "nobody"),
            (None, Sort.CONSENT, Sort.RECALL, Sort.REFUSAL, Sort.RELEASE, Sort.WITHDRAWAL),
            (None, "P1", "P9"),
            (None, "camhs-1", "test.caseworker"),
        )
    ),
    Wanted(since=NOW - timedelta(days=1)),
    Wanted("camhs", Sort.RELEASE, since=NOW - timedelta(days=1)),
    Wanted("camhs", since=NOW + timedelta(days=1)),
]
SOME: Final = slice(None, None, 5)
"""A fifth of them, of every kind."""


@pytest.fixture
def world(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> World:
    """What was told, refused, agreed to, stopped and hidden of three families, in a log that is read in small parts."""
    monkeypatch.setattr(exploring, "CHUNK", 3)
    monkeypatch.setattr(entry_marking, "AT_ONCE", 4)
    made = World(wiring)
    for code in ("early-help", "camhs", "charity", "housing"):
        made.join(code)
    for ref in ("EH-1", "EH-2", "EH-3"):
        household(made, ref, listed=False)
    made.list_cases("EH-1", "EH-2", "EH-3", members=["camhs", "charity"])
    for ref, agency in product(("EH-1", "EH-2", "EH-3"), ("camhs", "charity", "housing")):
        made.release(agency, ref)
    hide(made, "EH-1", agency=None)
    hide(made, "EH-1", agency="camhs")
    made.withdraw("EH-2", "EH-2-mum")
    sealed = {**small_family("EH-3"), "seals": ["adoption"]}
    made.import_families(sealed)
    Somebody(wiring, Role.CASEWORKER, username="looks").get("/console/families")
    return made


def hide(world: World, ref: str, *, agency: str | None) -> None:
    """An entry that exists for those alone who oversee, as a referral has it."""
    with act(world.wiring) as change:
        change.record(
            kind=EntryKind.EXTRACT_RELEASE,
            actor="test",
            family_id=world.family_id(ref),
            agency=agency,
            restricted=True,
            internal={"agency": agency or "", "practitioner": "hidden-1"},
        )


def officer(world: World) -> Somebody:
    return Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")


def found(world: World, wanted: Wanted, **more: int) -> list[Disclosure]:
    hidden = {world.family_id("EH-3")}
    with world.wiring.engine.connect() as connection:
        lines = disclosures(
            connection,
            keyring=world.wiring.keyring,
            wanted=wanted,
            absent=hidden.intersection,
            **more,
        )
        return list(lines)


def rows(world: World) -> list[Any]:
    """Every mark with what anybody may know who reads the rows of the log."""
    with world.wiring.engine.connect() as connection:
        return list(
            connection.execute(
                text(
                    "SELECT m.*, t.agency_code, t.extract_id, t.family_id FROM gateway.log_mark m"
                    " JOIN gateway.log_trace t USING (entry_id) ORDER BY leaf_index"
                )
            )
        )


def marked(world: World) -> int:
    with world.wiring.engine.connect() as connection:
        return marked_size(connection)


def test_marks_find_what_a_look_through_everything_finds(world: World) -> None:
    before = [found(world, wanted) for wanted in LOOKED_FOR]
    assert len([lines for lines in before if lines]) > len(LOOKED_FOR) // 10
    with world.wiring.engine.begin() as connection:
        size = log_size(connection)
        mark_entries(connection, world.wiring.keyring, most=size // 2)
    assert before == [found(world, wanted) for wanted in LOOKED_FOR]
    mark_log(world.wiring, NOW)
    assert size == marked(world)
    assert before == [found(world, wanted) for wanted in LOOKED_FOR]
    places = (3, size // 2, size - 1)
    for wanted, lines in zip(LOOKED_FOR[SOME], before[SOME], strict=True):
        for place in places:
            assert [each for each in lines if each.leaf_index < place] == found(world, wanted, before=place)
            assert [each for each in lines if each.leaf_index >= place] == found(
                world, wanted, since_place=place
            )


def test_marks_open_what_was_asked_for_and_little_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all that was opened nothing was in vain but what passes for something else."""
    mark_log(world.wiring, NOW)
    opened: list[int] = []
    real = exploring.line_of

    def noted(keyring: Any, keys: Any, row: Any) -> Disclosure | None:
        opened.append(row.leaf_index)
        return real(keyring, keys, row)

    monkeypatch.setattr(exploring, "line_of", noted)
    wanted = Wanted(agency="camhs", sort=Sort.RELEASE, purpose="P1", practitioner="camhs-1")
    lines = found(world, wanted)
    assert [each.leaf_index for each in lines] == [
        index for index in opened if index not in hidden_ones(world)
    ]
    assert not found(world, Wanted(practitioner="nobody-1"))
    assert len(opened) == len(lines) + len(hidden_ones(world) & set(opened))


def hidden_ones(world: World) -> set[int]:
    """Where the entries of the family are that is absent."""
    return {row.leaf_index for row in rows(world) if row.family_id == world.family_id("EH-3")}


def test_what_is_not_shown_cannot_be_told_by_its_marks(world: World) -> None:
    """Each entry of a family has marks, and none has a mark that no entry that is shown has."""
    mark_log(world.wiring, NOW)
    with world.wiring.engine.connect() as connection:
        key = world.wiring.keyring.mark_key(connection)
        traced = connection.execute(
            text("SELECT count(*) FROM gateway.log_trace WHERE family_id <> :nobody"),
            {"nobody": "00000000-0000-0000-0000-000000000000"},
        ).scalar_one()
    shown = {each.leaf_index for each in found_by_all(world)}
    of_families = [row for row in rows(world) if row.family_id.int]
    assert len(of_families) == traced
    quiet = [row for row in of_families if row.leaf_index not in shown]
    assert {None, "camhs"} <= {row.agency_code for row in quiet}
    counted = {mark(key, "sort", sort) for sort in exploring.COUNTED}
    for row in quiet:
        assert row.sort not in counted
        assert row.agency == mark(key, "agency", row.agency_code or "")
    never = {mark(key, "sort", Sort.RECALL)}
    secret = [row for row in quiet if row.leaf_index in secrets_of(world)]
    assert [None, "camhs"] == [row.agency_code for row in secret]
    for name in About._fields:
        theirs = {getattr(row, name) for row in of_families if row.leaf_index in shown}
        assert {getattr(row, name) for row in secret} <= theirs | never, name


def secrets_of(world: World) -> set[int]:
    """Where the entries under a restricted tag are."""
    with world.wiring.engine.connect() as connection:
        keys = world.wiring.keyring.family(connection, world.family_id("EH-1"))
        found = connection.execute(text("SELECT leaf_index, entry_id, body FROM gateway.log_entry")).all()
    return {
        row.leaf_index
        for row in found
        if json.loads(row.body)["f"] == tag(keys.restricted_tag_key, row.entry_id)
    }


def found_by_all(world: World) -> Iterator[Disclosure]:
    with world.wiring.engine.connect() as connection:
        yield from disclosures(
            connection, keyring=world.wiring.keyring, wanted=Wanted(), absent=lambda _families: ()
        )


def test_nobodys_entries_have_no_marks_but_what_is_shown_of_them(world: World) -> None:
    """Looks and sign-ins are many, and nobody looks for them here."""
    mark_log(world.wiring, NOW)
    shown = {each.leaf_index for each in found_by_all(world)}
    assert {row.leaf_index for row in rows(world) if not row.family_id.int} <= shown


def test_weeks_count_the_same_by_marks(world: World) -> None:
    who = officer(world).who
    before = pages.weeks(world.wiring, who)
    assert sum(before.counts.values()) > len(exploring.COUNTED)
    with world.wiring.engine.connect() as connection:
        size = log_size(connection)
    for _ in range(size):
        with world.wiring.engine.begin() as connection:
            mark_entries(connection, world.wiring.keyring, most=1)
        assert before == pages.weeks(world.wiring, who)
    lead = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, Role.SAFEGUARDING_LEAD, username="lee").who
    more = pages.weeks(world.wiring, lead)
    assert sum(more.counts.values()) > sum(before.counts.values()), "a sealed family is there for the lead"


def test_marks_go_with_their_family(world: World, eraser: Engine) -> None:
    mark_log(world.wiring, NOW)
    family = world.family_id("EH-1")
    others = [row for row in rows(world) if row.family_id != family]
    assert len(others) < len(rows(world))
    cases.erase_family(
        eraser, wiring=world.wiring, family_id=family, requested_by="test", approved_by="other"
    )
    with world.wiring.engine.connect() as connection:
        left = connection.execute(text("SELECT leaf_index FROM gateway.log_mark ORDER BY 1")).scalars()
        assert [row.leaf_index for row in others] == list(left)
    mark_log(world.wiring, NOW)
    assert others == [row for row in rows(world) if row.leaf_index <= others[-1].leaf_index]


def test_an_entry_whose_trace_went_gets_no_marks(world: World) -> None:
    """Its family was erased between reading and writing."""
    gone = Marked(uuid4(), 10**6, 0, marks_of(b"k" * 32, About(Sort.RELEASE)))
    with world.wiring.engine.begin() as connection:
        assert take(connection) == 0
        keep(connection, [gone], size=7)
    assert [] == rows(world)
    assert marked(world) == 7


def test_an_erasure_waits_for_whoever_gives_marks(world: World, database: Database, eraser: Engine) -> None:
    """Each would wait for rows of the other, and one of them would be ended."""
    family = world.family_id("EH-1")
    with ThreadPoolExecutor(1) as pool:
        with world.wiring.engine.begin() as connection:
            assert take(connection) == 0, "nothing of the family is held yet"
            erasing = pool.submit(
                cases.erase_family,
                eraser,
                wiring=world.wiring,
                family_id=family,
                requested_by="test",
                approved_by="other",
            )
            until_waiting(database, "destroy_evidence")
            mark_entries(connection, world.wiring.keyring, most=log_size(connection))
        erasing.result(timeout=30)
    assert family not in {row.family_id for row in rows(world)}
    with world.wiring.engine.connect() as connection:
        count = text("SELECT count(*) FROM gateway.log_mark m")
        assert len(rows(world)) == connection.execute(count).scalar_one()


def test_an_erasure_done_again_waits_as_well(world: World, database: Database) -> None:
    owner = open_engine(database.owner_url)
    with world.wiring.engine.begin() as connection, owner.connect() as other:
        assert take(connection) == 0
        other.execute(text("SET lock_timeout = '100ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            destroy_again(other, world.family_id("EH-1"))
    owner.dispose()


def until_waiting(database: Database, words: str) -> None:
    """Wait until a statement with these words waits for a lock."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE '%' || :words || '%'"
    )
    admin = open_engine(database.admin_url)
    try:
        for _ in range(300):
            with admin.connect() as connection:
                if connection.execute(waits, {"words": words}).scalar_one():
                    return
            time.sleep(0.1)
    finally:
        admin.dispose()
    raise AssertionError(f"nothing waits that says {words}")


def test_without_the_key_nothing_is_marked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that cannot open what it looks at would hide it from every filter."""
    real, closed = Keyring.open_family, world.family_id("EH-2")

    def open_family(keyring: Keyring, family_id: UUID, wrapped: bytes) -> FamilyKeys:
        if family_id == closed:
            raise EnvelopeError("another key-encryption key")
        return real(keyring, family_id, wrapped)

    with monkeypatch.context() as patch:
        patch.setattr(Keyring, "open_family", open_family)
        _assert_stopped(world)
    mark_log(world.wiring, NOW)
    assert closed in {row.family_id for row in rows(world)}


def _assert_stopped(world: World) -> None:
    with pytest.raises(EnvelopeError):
        mark_log(world.wiring, NOW)
    places = [row.leaf_index for row in rows(world) if row.family_id == world.family_id("EH-2")]
    assert not places
    assert marked(world) < min(each.leaf_index for each in found_by_all(world) if each.agency == "housing")


def test_the_worker_gives_marks(world: World) -> None:
    job = next(each for each in JOBS if each.run is mark_log)
    assert run_job(world.wiring, job).count == marked(world) > 0


def test_two_workers_do_it_once(world: World) -> None:
    with world.wiring.engine.begin() as connection:
        assert take(connection) == 0
        assert mark_log(world.wiring, NOW) == 0
    size = mark_log(world.wiring, NOW)
    assert size == marked(world)
    assert mark_log(world.wiring, NOW) == 0


def test_a_release_writes_no_marks(world: World) -> None:
    """What is newer than the marks is found all the same."""
    mark_log(world.wiring, NOW)
    size, there = marked(world), len(rows(world))
    wanted = Wanted(agency="camhs", sort=Sort.RELEASE)
    before = found(world, wanted)
    assert isinstance(world.release("camhs", "EH-1"), Released)
    assert (size, there) == (marked(world), len(rows(world)))
    assert before == found(world, wanted)[1:]


@pytest.mark.parametrize("name", About._fields)
def test_a_mark_says_nothing_without_its_key(name: str) -> None:
    first, second = (mark(key * 32, name, "camhs") for key in (b"a", b"b"))
    assert first != second
    assert first != mark(b"a" * 32, "other", "camhs")
    assert -(2**63) <= first < 2**63
