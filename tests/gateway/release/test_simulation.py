"""A candidate replayed over real releases: it loses and gains exactly what it should, on the facts as they were."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from agencies import repository as agencies
from agencies.errors import UnknownAgencyError
from agencies.model import AgencyCode, Condition, FieldName, Mark, Profile, ProfileRow
from agencies.profile_text import format_profile, parse_profile
from agencies.register import AgencyState
from gateway.agency import service
from gateway.cases import erasure as case_erasure
from gateway.cases import service as cases
from gateway.cases.model import Shield
from gateway.database import open_engine
from gateway.disclosure_log import erasure
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.reading import (
    OpenedEntry,
    entries_between,
    log_size,
    newest,
    open_entry,
    open_under,
    releases_since,
)
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.release import simulation
from gateway.release.impact import Count, FieldImpact, Impact, Obstacle, document, sentences
from gateway.release.model import Released
from gateway.release.past import facts_then
from gateway.release.simulation import LONGEST_DAYS, simulate
from gateway.wiring import Wiring
from tests.support.statements import statements
from tests.support.throwaway import Database
from tests.support.world import World, household, small_family

CAMHS: Final = AgencyCode("camhs")
SOURCES: Final = ("EH-1", "EH-2")
NOTHING: Final = Count(0, 0)
VALUES: Final = ("Adagiven", "Bengiven", "Shelleyname", "SE6", "Canary", "2015-04-09", "Calmer")


@pytest.fixture
def world(wiring: Wiring) -> World:
    """CAMHS and early help, two families; each agency has pulled the first family twice and the second once."""
    made = World(wiring)
    for code in ("camhs", "early-help"):
        made.join(code)
    for source in SOURCES:
        household(made, source)
    for source in (*SOURCES, "EH-1"):
        for code in ("camhs", "early-help"):
            assert isinstance(made.release(code, source), Released)
    return made


def candidate(world: World, *, version: int = 2, agency: str = "camhs", **marks: str) -> Profile:
    """The agency's first version with other marks for these fields at the panel; stored nowhere."""
    with world.wiring.engine.connect() as connection:
        document = agencies.profile_document(connection, AgencyCode(agency), version=1)
    first = parse_profile(document or "")
    rows = tuple(
        replace(row, panel=Mark(marks[row.field])) if row.field in marks and row.when is Condition.ALWAYS else row
        for row in first.rows
    )  # fmt: skip
    return replace(first, version=version, rows=rows)


def replayed(world: World, wanted: Profile, **more: Any) -> Impact:
    return simulate(world.wiring, wanted, **{"days": 30, "actor": "dana", **more})


def changed(impact: Impact) -> dict[str, tuple[Count, Count, Count]]:
    """What was gained, gained at once, and lost, by field; fields that did not change are absent."""
    return {each.field: (each.gained, each.gained_at_once, each.lost) for each in impact.changed}


def of_field(impact: Impact, name: str) -> FieldImpact:
    return next(each for each in impact.fields if each.field == name)


def test_an_equal_candidate_changes_nothing(world: World) -> None:
    impact = replayed(world, candidate(world))
    assert Count(3, 2) == impact.replayed
    assert {} == changed(impact)
    assert {0} == set(impact.not_replayed.values())
    assert (NOTHING, NOTHING) == (impact.refused, impact.opened)
    told = {"child_name", "child_dob", "adult_name", "address", "help_wanted"}
    assert told == {each.field for each in impact.fields}
    assert [] == sentences(impact)


def test_a_narrower_candidate_loses_exactly_its_fields(world: World) -> None:
    impact = replayed(world, candidate(world, child_dob="W", child_name="G1"))
    lost = (NOTHING, NOTHING, Count(3, 2))
    assert {"child_dob": lost, "child_name": lost} == changed(impact)
    assert ["F>W 3"] == moves(of_field(impact, "child_dob"))
    assert ["F>G1 3"] == moves(of_field(impact, "child_name"))
    assert {world.family_id(source) for source in SOURCES} == set(of_field(impact, "child_dob").sample)
    assert NOTHING == impact.refused
    assert "3 past pulls of 2 families would have lost: a child's date of birth, or the expected date." in (
        sentences(impact)
    )


def moves(field: FieldImpact) -> list[str]:
    return [f"{before.name}>{after.name} {count}" for (before, after), count in field.levels.items()]


def test_only_the_families_that_have_such_a_thing_lose_it(world: World) -> None:
    family = small_family("EH-2")
    without = [each for each in family["items"] if each["field"] != "child_dob"]
    world.import_families({**family, "items": without})
    impact = replayed(world, candidate(world, child_dob="W"))
    assert {"child_dob": (NOTHING, NOTHING, Count(2, 1))} == changed(impact)
    assert (world.family_id("EH-1"),) == of_field(impact, "child_dob").sample


def test_what_a_wider_candidate_gains_waits_until_it_is_shown(world: World) -> None:
    impact = replayed(world, candidate(world, address="F"))
    assert {"address": (Count(3, 2), NOTHING, NOTHING)} == changed(impact)
    assert ["G2>F 3"] == moves(of_field(impact, "address"))


def test_what_was_shown_already_is_gained_at_once(world: World) -> None:
    """EH-2 agreed on a wider version that never became effective; EH-1 did not."""
    store(world, candidate(world, address="F"))
    for person in small_family("EH-2")["people"]:
        world.give("EH-2", person["id"])
    assert isinstance(world.release("camhs", "EH-2"), Released)
    for number in (2, 3):
        impact = replayed(world, candidate(world, version=number, address="F"))
        assert {"address": (Count(4, 2), Count(1, 1), NOTHING)} == changed(impact)


def store(world: World, wanted: Profile) -> None:
    service.store_profile(world.wiring, document=format_profile(wanted), actor="test")


def test_a_number_that_was_shown_for_another_text_opens_nothing(world: World) -> None:
    """A file that keeps the number of what everybody was shown was still shown to nobody."""
    impact = replayed(world, candidate(world, version=1, address="F"))
    assert {"address": (Count(3, 2), NOTHING, NOTHING)} == changed(impact)


def test_a_candidate_that_gives_nothing_would_have_refused_everything(world: World) -> None:
    first = candidate(world)
    impact = replayed(world, replace(first, rows=()))
    assert Count(3, 2) == impact.refused
    assert {NOTHING} == {gained for gained, _, _ in changed(impact).values()}


def test_each_release_is_decided_for_its_own_purpose(world: World) -> None:
    world.accept_offer("EH-1", "camhs")
    assert isinstance(world.release("camhs", "EH-1", purpose="P2"), Released)
    only_panel = candidate(world, child_dob="W")
    assert Count(3, 2) == of_field(replayed(world, only_panel), "child_dob").lost
    rows = tuple(replace(row, service=Mark.W) if row.field == "child_dob" else row for row in only_panel.rows)
    assert Count(4, 2) == of_field(replayed(world, replace(only_panel, rows=rows)), "child_dob").lost


def test_each_release_is_decided_for_its_own_practitioner(world: World) -> None:
    """A row for named workers counts where whoever asked was one: of EH-1, and of EH-2 no more."""
    world.import_families({**small_family("EH-2"), "workers": []})
    assert isinstance(world.release("early-help", "EH-2"), Released)
    first = candidate(world, agency="early-help")
    withheld = ProfileRow(FieldName("child_name"), Mark.W, Mark.W, Condition.NAMED_WORKER, "x")
    impact = replayed(world, replace(first, rows=(*first.rows, withheld)))
    assert Count(4, 2) == impact.replayed
    assert {"child_name": (NOTHING, NOTHING, Count(3, 2))} == changed(impact)


def change_everything(world: World) -> None:
    """Whatever would refuse or narrow the same request today."""
    for person in small_family("EH-1")["people"]:
        world.withdraw("EH-1", person["id"])
    ben = world.person_id("EH-2", "EH-2-ben")
    family = world.family_id("EH-2")
    cases.shield(world.wiring, family_id=family, person_id=ben, level=Shield.REFUGE, actor="test")
    world.list_cases(members=["early-help"], ref="M-EH-2")
    cases.close_case(world.wiring, family_id=family, actor="test")
    with act(world.wiring, agencies=(CAMHS,)) as change:
        agencies.set_state(change.connection, CAMHS, state=AgencyState.SUSPENDED)
        change.record(kind="agency.suspend", actor="test", agency=CAMHS)


def test_what_was_changed_since_changes_no_answer(world: World) -> None:
    wanted = candidate(world, child_dob="W", address="F")
    before = replayed(world, wanted)
    change_everything(world)
    assert before == replayed(world, wanted)
    assert Count(3, 2) == before.replayed


def test_each_release_is_beside_the_version_that_was_effective_then(world: World) -> None:
    store(world, candidate(world, child_dob="W"))
    service.adopt_synthetic(world.wiring, code=CAMHS, version=2, actor="test")
    assert isinstance(world.release("camhs", "EH-2"), Released)
    impact = replayed(world, candidate(world, version=3, child_dob="G1"))
    assert ["F>G1 3", "W>G1 1"] == moves(of_field(impact, "child_dob"))
    assert {"child_dob": (Count(1, 1), Count(1, 1), Count(3, 2))} == changed(impact)


def test_other_agencies_releases_count_nothing(world: World) -> None:
    world.join("housing")
    impact = replayed(world, candidate(world, agency="housing", child_name="W"))
    assert (NOTHING, ()) == (impact.replayed, impact.fields)


def test_an_erased_family_is_counted_and_fails_nothing(
    world: World, eraser: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = sum(1 for _ in family_entries(world, "EH-2"))

    def fail(*_: object) -> None:
        raise NotAppendedError

    with monkeypatch.context() as broken, suppress(NotAppendedError):
        broken.setattr(erasure, "destroy_evidence", fail)
        erase(world, eraser)
    under_way = replayed(world, candidate(world, child_dob="W"))
    assert (Count(2, 1), 1, 0) == seen(under_way)
    case_erasure.resume_erasures(world.wiring, eraser)
    finished = replayed(world, candidate(world, child_dob="W"))
    assert (Count(2, 1), 0, entries) == seen(finished)
    assert Count(2, 1) == of_field(finished, "child_dob").lost


def erase(world: World, eraser: Engine) -> None:
    cases.erase_family(
        eraser,
        wiring=world.wiring,
        family_id=world.family_id("EH-2"),
        requested_by="dana",
        approved_by="ola",
    )


def family_entries(world: World, source: str) -> list[Any]:
    family = world.family_id(source)
    with world.wiring.engine.connect() as connection:
        rows = entries_between(connection, first=0, end=log_size(connection))
    return [row for row in rows if row.family_id == family]


def seen(impact: Impact) -> tuple[Count, int, int]:
    return impact.replayed, impact.not_replayed[Obstacle.ERASED], impact.scope.untraced


BREAKS: Final[Mapping[str, tuple[str, Obstacle]]] = {
    "the case is gone": ("DELETE FROM gateway.case_record WHERE family_id = :family", Obstacle.GONE),
    "a part of the record is damaged": (
        "UPDATE gateway.case_part SET sealed = '\\x00' WHERE family_id = :family",
        Obstacle.DAMAGED,
    ),
    "a day of birth is damaged": (
        "UPDATE gateway.case_person SET born = '\\x00' WHERE family_id = :family",
        Obstacle.DAMAGED,
    ),
}


@pytest.mark.parametrize(("statement", "expected"), BREAKS.values(), ids=BREAKS.keys())
def test_what_cannot_be_decided_again_is_counted(world: World, statement: str, expected: Obstacle) -> None:
    family = world.family_id("EH-1")
    with act(world.wiring, families=(family,)) as change:
        change.connection.execute(text(statement), {"family": family})
        change.record(kind="case.replace", actor="test", family_id=family)
    impact = replayed(world, candidate(world, child_dob="W"))
    assert Count(1, 1) == impact.replayed
    assert {each: 2 if each is expected else 0 for each in Obstacle} == impact.not_replayed


def test_a_release_that_the_kept_past_does_not_lead_to_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is replayed has to be what happened, or a count would speak of releases that never were."""

    def earlier(*given: Any, at: datetime) -> Any:
        return facts_then(*given, at=at - timedelta(days=400))

    monkeypatch.setattr(simulation, "facts_then", earlier)
    impact = replayed(world, candidate(world))
    assert (NOTHING, 3) == (impact.replayed, impact.not_replayed[Obstacle.OTHERWISE])


def test_a_release_under_another_version_than_the_kept_one_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(world, candidate(world, child_dob="W"))
    service.adopt_synthetic(world.wiring, code=CAMHS, version=2, actor="test")

    def now(*given: Any, at: datetime) -> Any:
        return facts_then(*given, at=max(at, datetime.now(UTC)))

    monkeypatch.setattr(simulation, "facts_then", now)
    impact = replayed(world, candidate(world, version=3))
    assert (NOTHING, 3) == (impact.replayed, impact.not_replayed[Obstacle.OTHERWISE])


def test_a_damaged_entry_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[OpenedEntry] = []

    def forgetful(*given: Any) -> OpenedEntry | None:
        entry = open_under(*given)
        assert entry is not None
        opened.append(entry)
        return entry if len(opened) > 1 else replace(entry, internal={})

    monkeypatch.setattr(simulation, "open_under", forgetful)
    impact = replayed(world, candidate(world))
    assert (Count(2, 2), 1) == (impact.replayed, impact.not_replayed[Obstacle.DAMAGED])


def test_the_entry_is_committed_before_anything_is_read(world: World) -> None:
    """Whoever looks must not be able to look and leave no trace, for example by breaking off."""

    class BrokenOffError(Exception):
        pass

    def break_off(_done: int, _total: int) -> None:
        raise BrokenOffError

    wanted = candidate(world, child_dob="W", version=7)
    with pytest.raises(BrokenOffError):
        replayed(world, wanted, progress=break_off, days=90)
    with world.wiring.engine.connect() as connection:
        size = log_size(connection)
        (row,) = entries_between(connection, first=size - 1, end=size)
        entry = open_entry(connection, keyring=world.wiring.keyring, row=row)
    assert entry is not None
    said = {**entry.internal}
    assert len(said.pop("profile_sha256")) == 64
    assert datetime.now(UTC) - datetime.fromisoformat(said.pop("time")) < timedelta(minutes=1)
    assert {
        "actor": "dana",
        "agency": "camhs",
        "days": 90,
        "kind": "profile.simulate",
        "profile_version": 7,
    } == said


def test_without_its_entry_nothing_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise NotAppendedError

    monkeypatch.setattr("gateway.disclosure_log.service._append", fail)
    monkeypatch.setattr(simulation, "releases_since", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(NotAppendedError):
        replayed(world, candidate(world))


def test_progress_is_told_from_the_first_to_the_last(world: World) -> None:
    heard: list[tuple[int, int]] = []
    replayed(world, candidate(world), progress=lambda done, total: heard.append((done, total)))
    assert [(0, 3), (1, 3), (2, 3), (3, 3)] == heard


def test_of_many_releases_the_newest_are_replayed_and_the_rest_is_said(world: World) -> None:
    assert isinstance(world.release("camhs", "EH-2"), Released)
    impact = replayed(world, candidate(world, child_dob="W"), newest=1)
    assert (Count(1, 1), 3) == (impact.replayed, impact.scope.left_out)
    assert (world.family_id("EH-2"),) == of_field(impact, "child_dob").sample
    for newest_ones, left_out in ((3, 1), (4, 0), (5, 0)):
        impact = replayed(world, candidate(world), newest=newest_ones)
        assert (4 - left_out, left_out) == (impact.replayed.releases, impact.scope.left_out)


def test_what_is_read_of_a_family_is_read_once_however_many_its_releases(world: World) -> None:
    """Some families are asked for every week by everybody; each release more costs no statement more."""
    sent = []
    for _ in range(2):
        with statements() as told:
            replayed(world, candidate(world, child_dob="W"))
        sent.append(len(told))
        assert isinstance(world.release("camhs", "EH-1"), Released)
    more_entries = 1  # a longer log is searched in one step more at most
    assert sent[0] <= sent[1] <= sent[0] + more_entries


@pytest.mark.parametrize("days", [0, -1, LONGEST_DAYS + 1])
def test_other_times_are_refused_without_an_entry(world: World, days: int) -> None:
    with pytest.raises(ValueError, match="so many days"):
        replayed(world, candidate(world), days=days)
    assert "profile.simulate" not in kinds(world)


@pytest.mark.parametrize("days", [1, LONGEST_DAYS])
def test_the_shortest_and_the_longest_time_are_served(world: World, days: int) -> None:
    assert Count(3, 2) == replayed(world, candidate(world), days=days).replayed


def test_an_unknown_agency_has_nothing_to_replay(world: World) -> None:
    with pytest.raises(UnknownAgencyError):
        replayed(world, replace(candidate(world), agency=AgencyCode("nobody")))
    assert "profile.simulate" not in kinds(world)


def kinds(world: World) -> list[str]:
    with world.wiring.engine.connect() as connection:
        return [line.kind for line in newest(connection, keyring=world.wiring.keyring, count=5)]


def test_an_impact_holds_no_value_of_a_record(world: World) -> None:
    told = json.dumps(document(replayed(world, candidate(world, child_dob="W", address="F"))))
    assert [] == [value for value in VALUES if value in told]
    assert str(world.family_id("EH-1")) in told


def test_releases_are_found_by_their_minute(world: World) -> None:
    with world.wiring.engine.connect() as connection:
        now = database_now(connection)
        places = releases_since(connection, agency="camhs", since=now - timedelta(days=1)).places
        later = releases_since(connection, agency="camhs", since=now + timedelta(minutes=2)).places
    assert [world.family_id(source) for source in ("EH-1", "EH-2", "EH-1")] == [found for _, found in places]
    assert sorted((index for index, _ in places), reverse=True) == [index for index, _ in places]
    assert [] == later


@pytest.mark.parametrize("days", [0, 1, 4, 8, 9])
def test_the_beginning_of_a_time_is_found_in_a_long_log(
    wiring: Wiring, database: Database, days: int
) -> None:
    """One release a day for nine days; one entry each day had waited a while and stands behind later ones.

    Such an entry is the very middle of the log, where the search begins.
    """
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    family, agency = uuid4(), "camhs"
    rows = []
    for number in range(44):
        late = timedelta(minutes=-30 if number % 5 == 2 else 0)
        minute = start + timedelta(days=number // 5, minutes=number % 5) + late
        rows.append((number, minute, uuid4() if number % 5 == 0 else None))
    insert_entries(database, rows, family=family, agency=agency)
    since = start + timedelta(days=days)
    expected = [index for index, minute, extract in reversed(rows) if extract and minute >= since]
    untraced = sum(1 for _, minute, extract in rows if extract is None and minute >= since)
    with wiring.engine.connect() as connection:
        found = releases_since(connection, agency=agency, since=since + timedelta(seconds=59))
        assert ([(index, family) for index in expected], untraced) == (found.places, found.untraced)
        assert [] == releases_since(connection, agency="housing", since=since).places


def insert_entries(database: Database, rows: list[Any], *, family: Any, agency: str) -> None:
    """Put entries at the end of the log; those with an extract are releases, of the others nothing is known."""
    engine = open_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE gateway.log_head SET size = :size"), {"size": len(rows)})
        for index, minute, extract in rows:
            body = json.dumps({"t": int(minute.timestamp())}).encode()
            entry = uuid4()
            connection.execute(
                text("INSERT INTO gateway.log_entry VALUES (:index, :entry, :body, '\\x00')"),
                {"index": index, "entry": entry, "body": body},
            )
            if extract is not None:
                connection.execute(
                    text("INSERT INTO gateway.log_trace VALUES (:entry, :family, :agency, :extract)"),
                    {"entry": entry, "family": family, "agency": agency, "extract": extract},
                )
    engine.dispose()
