"""The disclosure explorer: every line there is for whoever asks, none that is not, on record first, and proved."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import escape
from sqlalchemy import Engine, text

from agencies.catalogue import FIELDS
from agencies.model import FieldName
from gateway.cases import service
from gateway.consent import disclosures
from gateway.console.disclosure_form import cursor_of
from gateway.console.disclosure_words import KIND_WORDS, STANDING_COLOURS, STANDING_WORDS, to_csv
from gateway.console.history import DECISIONS
from gateway.console.weeks_chart import chart
from gateway.database import open_engine
from gateway.disclosure_log import exploring, saved_views
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.exploring import SORT_OF, Disclosure, Sort, Wanted
from gateway.disclosure_log.model import EntryKind, PendingEntry
from gateway.disclosure_log.proving import Standing
from gateway.disclosure_log.publishing import publish_head
from gateway.disclosure_log.reading import entries_between, log_size, of_family, open_entry
from gateway.disclosure_log.repository import append, database_now
from gateway.disclosure_log.service import act, compose_entry
from gateway.keyring import NULL_FAMILY
from gateway.release.model import Refused, Released
from gateway.safeguarding import repository as safeguarding
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import HUB, caseworker, refer
from tests.support.pages import Somebody, title, words
from tests.support.prepared import made_once
from tests.support.throwaway import Database
from tests.support.world import World, household, small_family

EXPLORER: Final = "/console/disclosures"
VIEWS: Final = "/console/disclosure-views"
ADDRESS: Final = re.compile(r'href="/console/disclosures/(\d+)"')
OLDER: Final = re.compile(r'href="([^"]+)">Older entries')
NEVER: Final = (
    "Shelleyname", "Mary", "Adagiven", "Bengiven", "Canary Road", "SE6 4RU", "2015-04-09", "Calmer", "EH-1",
)  # fmt: skip
"""What the record says, and what the council calls the family."""


def world_of(wiring: Wiring) -> World:
    """Two families that say yes, of which one is told to two agencies and refused to a third."""
    made = World(wiring)
    for code in ("camhs", "charity", "housing"):
        made.join(code)
    made.import_families({**small_family("EH-1"), "workers": [{"id": "ada", "from": "2026-01-01"}]})
    for person in ("mum", "ada", "ben"):
        made.give("EH-1", f"EH-1-{person}")
    household(made, "EH-2", listed=False)
    made.list_cases("EH-1", "EH-2", members=["camhs", "charity"])
    with wiring.engine.begin() as connection:
        safeguarding.put_destinations(connection, (HUB,))
    return made


prepared, database, wiring, world = made_once(world_of)


@pytest.fixture
def owner(database: Database) -> Iterator[Engine]:
    engine = open_engine(database.owner_url)
    yield engine
    engine.dispose()


@pytest.fixture
def dana(world: World) -> Somebody:
    return Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")


def told(world: World) -> None:
    """One family is told to two agencies, and refused to a third."""
    for agency in ("camhs", "charity"):
        assert isinstance(world.release(agency, "EH-1"), Released)
    assert isinstance(world.release("housing", "EH-1"), Refused)


def places(page: str) -> list[int]:
    """The leaf indexes of a page's lines, in their order."""
    return [int(each) for each in ADDRESS.findall(page)]


def all_places(who: Somebody, address: str = EXPLORER) -> list[int]:
    """The leaf indexes of every line, page by page."""
    found: list[int] = []
    following: str | None = address
    while following is not None:
        page = who.get(following)
        found += places(page)
        older = OLDER.search(page)
        following = None if older is None else older[1].replace("&amp;", "&")
    return found


def opened(world: World) -> list[tuple[int, UUID, dict[str, Any]]]:
    """Every entry under an ordinary tag, as the log's own reading has it."""
    wiring = world.wiring
    with wiring.engine.connect() as connection:
        rows = entries_between(connection, first=0, end=log_size(connection))
        entries = [(row, open_entry(connection, keyring=wiring.keyring, row=row)) for row in rows]
    return [(row.leaf_index, row.family_id, {**each.internal}) for row, each in entries if each is not None]


def shown(world: World, *, family: UUID | None = None) -> list[int]:
    """Where the entries are that have to be shown, the newest first."""
    found = [
        index for index, of, internal in opened(world) if internal["kind"] in SORT_OF and family in {None, of}
    ]
    return found[::-1]


def looks(world: World) -> list[dict[str, Any]]:
    """The looks on record."""
    return [internal for _, _, internal in opened(world) if internal["kind"] == EntryKind.DISCLOSURE_VIEW]


def make_restricted(world: World, count: int = 1) -> None:
    """Entries of a family that exist for those alone who oversee, as a referral has them."""
    with act(world.wiring) as change:
        for _ in range(count):
            change.record(
                kind=EntryKind.EXTRACT_RELEASE,
                actor="test",
                family_id=world.family_id("EH-1"),
                agency="camhs",
                restricted=True,
                internal={"agency": "camhs", "practitioner": "hidden-1"},
            )


# --- What is shown ------------------------------------------------------------------------------------------


def test_each_line_says_who_got_what_when_and_why(world: World, dana: Somebody) -> None:
    told(world)
    world.withdraw("EH-1", "EH-1-mum")
    said = words(dana.get(EXPLORER))
    for expected in (
        "An extract was released The camhs camhs-1 P1",
        "An extract was released The charity charity-1 P1",
        "An extract was refused The housing housing-1 P1 not entitled",
        "Sharing was stopped test.caseworker",
        "A yes was recorded test.caseworker",
    ):
        assert expected in said, expected
    assert "Who got what" == title(dana.get(EXPLORER))


def test_every_kind_that_is_shown_has_words() -> None:
    assert SORT_OF.keys() == KIND_WORDS.keys()
    assert DECISIONS.keys() <= SORT_OF.keys()
    assert set(Standing) == STANDING_WORDS.keys() == STANDING_COLOURS.keys()


def test_a_look_is_on_record_before_it_is_shown_and_is_nobodys_entry(world: World, dana: Somebody) -> None:
    told(world)
    place = shown(world)[0]
    for address in (EXPLORER, f"{EXPLORER}/file?agency=camhs&practitioner=camhs-1", f"{EXPLORER}/{place}"):
        dana.get(address)
    dana.get(f"{EXPLORER}/weeks")
    found = looks(world)
    assert ["list", "file", "entry", "weeks"] == [each["page"] for each in found]
    assert {"dana"} == {each["actor"] for each in found}
    assert ("camhs", True, str(place)) == (found[1]["agency"], found[1]["of_practitioner"], found[2]["leaf"])
    of = [family for _, family, each in opened(world) if each["kind"] == EntryKind.DISCLOSURE_VIEW]
    assert {NULL_FAMILY} == set(of)


def test_a_look_that_cannot_be_recorded_shows_nothing(
    world: World, dana: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(world)
    place = shown(world)[0]
    monkeypatch.setattr("gateway.consent.disclosures.act", _refusing)
    for address in (EXPLORER, f"{EXPLORER}/file", f"{EXPLORER}/{place}", f"{EXPLORER}/weeks"):
        answer = dana.ask(address)
        assert HTTPStatus.SERVICE_UNAVAILABLE == answer.status_code
        assert "camhs-1" not in answer.text


def _refusing(*_: object, **__: object) -> Any:
    raise NotAppendedError


def test_an_auditor_reads_and_keeps_nothing(world: World) -> None:
    told(world)
    eve = Somebody(world.wiring, Role.AUDITOR, username="eve")
    assert "/console/referrals" not in eve.get(f"{EXPLORER}/weeks"), "referrals do not exist for an auditor"
    page = eve.get(EXPLORER)
    assert shown(world) == places(page)
    assert "Save this view" not in page
    assert HTTPStatus.FORBIDDEN == eve.post(VIEWS, name="mine")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("agency=camhs", {"extract.release camhs"}),
        ("kind=refusal", {"extract.refuse housing"}),
        ("kind=withdrawal", {"consent.withdraw "}),
        ("kind=release&agency=charity", {"extract.release charity"}),
        ("purpose=P1", {"extract.release camhs", "extract.release charity", "extract.refuse housing"}),
        ("purpose=P2", set()),
        ("practitioner=charity-1", {"extract.release charity"}),
        ("practitioner=charity", set()),
    ],
)
def test_a_filter_shows_what_it_says_and_nothing_else(
    world: World, dana: Somebody, asked: str, expected: set[str]
) -> None:
    told(world)
    world.withdraw("EH-1", "EH-1-mum")
    kinds = {index: f"{each['kind']} {each.get('agency', '')}" for index, _, each in opened(world)}
    assert expected == {kinds[index] for index in all_places(dana, f"{EXPLORER}?{asked}")}


def test_days_are_londons_and_both_ends_are_shown(world: World, dana: Somebody) -> None:
    told(world)
    day, before = world.today, world.today - timedelta(days=1)
    whole = shown(world)
    assert whole == all_places(dana, f"{EXPLORER}?{_days('from', day)}&{_days('to', day)}")
    assert [] == all_places(dana, f"{EXPLORER}?{_days('to', before)}")
    assert [] == all_places(dana, f"{EXPLORER}?{_days('from', day + timedelta(days=1))}")


def test_an_entry_belongs_to_its_minute(world: World, dana: Somebody) -> None:
    """Where the log is read from and to is wider than what is asked for: entries that waited are out of order."""
    told(world)
    (newest, *_) = disclosures.find(world.wiring, dana.who, Wanted()).lines
    minute, later = newest.minute, newest.minute + timedelta(minutes=1)
    found = {
        name: disclosures.find(world.wiring, dana.who, wanted).lines
        for name, wanted in {
            "before": Wanted(until=minute),
            "after": Wanted(since=later),
            "in it": Wanted(since=minute, until=later),
        }.items()
    }
    assert newest not in found["before"]
    assert newest in found["in it"]
    assert () == found["after"]


def test_an_entry_that_had_to_wait_for_the_log_is_found_by_its_own_minute(
    world: World, dana: Somebody
) -> None:
    """It stands behind younger ones: an act that closes commits without the log, and its entry follows."""
    wiring, family = world.wiring, world.family_id("EH-1")
    with wiring.engine.begin() as connection:
        keys, at = wiring.keyring.family(connection, family), database_now(connection) - timedelta(minutes=40)
        entry, sealed = compose_entry(
            wiring, keys, at=at, recipient={}, internal={"kind": "consent.withdraw", "actor": "waited"}
        )
        append(connection, [PendingEntry(entry.entry_id, entry.body, sealed, family)])
    wanted = Wanted(since=at - timedelta(minutes=1), until=at + timedelta(minutes=20))
    found = disclosures.find(wiring, dana.who, wanted).lines
    assert ["waited"] == [line.practitioner for line in found]


def _days(name: str, day: date) -> str:
    return f"{name}-day={day.day}&{name}-month={day.month}&{name}-year={day.year}"


# --- What is not there --------------------------------------------------------------------------------------


def pages_of(who: Somebody, indexes: Sequence[int]) -> dict[str, bytes]:
    """What every page of the explorer is, byte for byte, but for the size of the log that a proof is checked against."""
    addresses = [
        *(EXPLORER, f"{EXPLORER}?agency=camhs", f"{EXPLORER}?kind=release", f"{EXPLORER}/file"),
        *(f"{EXPLORER}/weeks", f"{EXPLORER}?cursor={cursor_of(max(indexes) + 1)}"),
        *(f"{EXPLORER}/{index}" for index in indexes),
    ]
    found = {}
    for address in addresses:
        answer = who.http.get(address, base_url=who.own, headers={"X-Request-ID": "0" * 32})
        assert HTTPStatus.OK == answer.status_code
        found[address] = re.sub(rb"checkpoint of \d+ entries", b"", answer.data)
    return found


def test_a_referral_leaves_every_page_as_it_was(world: World, dana: Somebody) -> None:
    """Who oversees disclosures is told of referrals on their own pages; here there is not one byte of them."""
    told(world)
    publish_head(world.wiring)
    indexes = shown(world)
    before = pages_of(dana, indexes)
    refer(world, caseworker(world))
    publish_head(world.wiring)
    assert before == pages_of(dana, indexes)


def test_a_restricted_entry_leaves_every_page_as_it_was(world: World, dana: Somebody) -> None:
    told(world)
    publish_head(world.wiring)
    indexes = shown(world)
    before = pages_of(dana, indexes)
    make_restricted(world, 3)
    publish_head(world.wiring)
    assert before == pages_of(dana, indexes)


def test_an_entry_that_is_not_there_is_like_one_that_never_was(world: World, dana: Somebody) -> None:
    told(world)
    with world.wiring.engine.connect() as connection:
        place = log_size(connection)
    make_restricted(world)

    def answer(index: object) -> tuple[int, bytes]:
        found = dana.http.get(f"{EXPLORER}/{index}", base_url=dana.own, headers={"X-Request-ID": "0" * 32})
        return found.status_code, found.data

    never = answer(10**9)
    assert HTTPStatus.NOT_FOUND == never[0]
    for index in (
        place,
        10**18 - 1,
        "10" * 10,
        f"0{shown(world)[0]}",
        "-1",
        "1e3",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "x",
    ):
        assert never == answer(index), index


def test_a_page_is_filled_past_what_is_hidden(
    world: World, dana: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that hidden entries cut short would count them."""
    monkeypatch.setattr(disclosures, "LINES", 2)
    monkeypatch.setattr(exploring, "CHUNK", 3)
    for agency in ("camhs", "charity", "housing"):
        make_restricted(world, 4)
        world.release(agency, "EH-1")
    make_restricted(world, 4)
    following: str | None = EXPLORER
    sizes = []
    while following is not None:
        page = dana.get(following)
        sizes.append(len(places(page)))
        older = OLDER.search(page)
        following = None if older is None else older[1]
    assert {2} == set(sizes[:-1])
    assert 1 <= sizes[-1] <= 2
    found = all_places(dana)
    assert shown(world) == found
    assert all(newer > older for newer, older in pairwise(found))


def test_a_last_page_that_is_full_leads_no_further(
    world: World, dana: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much lies hidden behind it."""
    with act(world.wiring) as change:
        for _ in range(3):
            change.record(
                kind="extract.release", actor="t", family_id=world.family_id("EH-1"), restricted=True
            )
    world.release("camhs", "EH-1")
    monkeypatch.setattr(disclosures, "LINES", 1)
    page = dana.get(f"{EXPLORER}?kind=release")
    assert (1, None) == (len(places(page)), OLDER.search(page))


def test_whoever_has_an_interest_in_a_family_sees_none_of_its_lines(world: World) -> None:
    """Nor its proofs, nor its share of the bars."""
    world.join("early-help")
    told(world)
    world.release("camhs", "EH-2")
    mine = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    before = set(shown(world))
    assert before == set(all_places(mine))
    family = small_family("EH-1")
    world.import_families({**family, "conflicts": [{"agency": "early-help", "practitioner": "dana"}]})
    theirs = set(shown(world, family=world.family_id("EH-1")))
    assert theirs
    assert before - theirs == set(all_places(mine))
    for index in theirs:
        assert HTTPStatus.NOT_FOUND == mine.ask(f"{EXPLORER}/{index}").status_code
    assert "charity-1" not in mine.get(f"{EXPLORER}/file")
    assert "The charity" not in words(mine.get(f"{EXPLORER}/weeks"))
    other = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="drew")
    assert set(shown(world)) == set(all_places(other))


def test_of_an_erased_family_there_is_nothing(world: World, dana: Somebody, eraser: Engine) -> None:
    told(world)
    theirs, others = shown(world, family=world.family_id("EH-1")), shown(world)
    service.erase_family(
        eraser,
        wiring=world.wiring,
        family_id=world.family_id("EH-1"),
        requested_by="test",
        approved_by="other",
    )
    assert theirs
    assert [index for index in others if index not in theirs] == all_places(dana)
    for index in theirs:
        assert HTTPStatus.NOT_FOUND == dana.ask(f"{EXPLORER}/{index}").status_code
    assert "charity-1" not in dana.get(f"{EXPLORER}/file")
    assert {} == numbers(dana.get(f"{EXPLORER}/weeks"), Sort.RELEASE)


def test_a_sealed_family_is_there_for_the_lead_alone(world: World) -> None:
    told(world)
    world.import_families({**small_family("EH-1"), "seals": ["adoption"]})
    theirs = set(shown(world, family=world.family_id("EH-1")))
    dana = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    assert not theirs & set(all_places(dana))
    lead = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, Role.SAFEGUARDING_LEAD, username="lee")
    assert theirs <= set(all_places(lead))


def test_no_page_says_anything_of_the_record(world: World, dana: Somebody) -> None:
    told(world)
    world.withdraw("EH-1", "EH-1-mum")
    dana.send(VIEWS, name="everything")
    indexes = shown(world)
    everything = [*pages_of(dana, indexes).values()]
    for canary in NEVER:
        assert not any(canary.encode() in page for page in everything), canary


# --- The explorer, the family's page and the log ------------------------------------------------------------

STEPS: Final = st.lists(
    st.sampled_from(
        ["camhs", "charity", "housing", "give ada", "give mum", "withdraw ada", "withdraw mum", "restricted"]
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_explorer_family_history_and_log_agree(world: World, steps: list[str]) -> None:
    for step in steps:
        act_name, _, person = step.partition(" ")
        if step == "restricted":
            make_restricted(world)
        elif act_name == "give":
            world.give("EH-1", f"EH-1-{person}")
        elif act_name == "withdraw":
            world.withdraw("EH-1", f"EH-1-{person}")
        else:
            world.release(step, "EH-1")
    dana = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    family = world.family_id("EH-1")
    with world.wiring.engine.connect() as connection:
        keys = world.wiring.keyring.family(connection, family)
        history = [entry for _, entry in of_family(connection, keys, count=10_000)]
    of_history = [entry.internal for entry in history if entry is not None]
    of_log = {index: internal for index, of, internal in opened(world) if of == family}
    of_explorer = [of_log[index] for index in all_places(dana) if index in of_log]
    assert [each for each in of_history if each["kind"] in SORT_OF] == of_explorer
    assert shown(world) == all_places(dana)


# --- One entry ----------------------------------------------------------------------------------------------


def test_a_release_shows_which_fields_of_whom_were_told(world: World, dana: Somebody) -> None:
    """Whatever stands in the extract stands among what was told, person by person; nothing of it among the rest."""
    released = world.release("camhs", "EH-1")
    assert isinstance(released, Released)
    page = dana.get(f"{EXPLORER}/{shown(world)[0]}")
    tables = page.partition('id="untold-caption"')
    told_rows, untold_rows = (
        {
            (person, field)
            for field, people in re.findall(
                r'<th scope="row"[^>]*>([^<]*)</th><td[^>]*>((?:[0-9a-f]{8} ?)+)</td>', each
            )
            for person in people.split()
        }
        for each in (tables[0], tables[2])
    )
    record = json.loads(released.body)["record"]
    given = {
        (str(world.person_id("EH-1", person))[:8], str(escape(FIELDS[FieldName(name)].description)))
        for person in ("EH-1-mum", "EH-1-ada", "EH-1-ben")
        for each in record["people"]
        if each["person"] == str(world.person_ref("camhs", "EH-1", person))
        for name in each["fields"]
    }
    assert len(given) >= 4
    assert given <= told_rows
    assert not told_rows & untold_rows
    assert 3 * len(FIELDS) == len(told_rows) + len(untold_rows)
    assert str(world.family_id("EH-1")) in page


def test_a_refusal_shows_why_for_every_field(world: World, dana: Somebody) -> None:
    told(world)
    index = max(i for i, _, each in opened(world) if each.get("agency") == "housing")
    said = words(dana.get(f"{EXPLORER}/{index}"))
    assert "Nothing was told of anybody." in said
    assert "nothing of the case goes to it (not entitled)" in said


def test_the_trace_is_of_then_and_not_of_now(world: World, dana: Somebody) -> None:
    told(world)
    index = max(i for i, _, each in opened(world) if each.get("agency") == "camhs")
    address, size = f"{EXPLORER}/{index}", re.compile(rb"checkpoint of \d+ entries")
    before = size.sub(b"", dana.ask(address).data)
    world.withdraw("EH-1", "EH-1-mum")
    assert before == size.sub(b"", dana.ask(address).data)


def test_a_published_entry_is_proved_and_a_newer_one_not_yet(world: World, dana: Somebody) -> None:
    told(world)
    tree = publish_head(world.wiring)
    index = shown(world)[0]
    said = words(dana.get(f"{EXPLORER}/{index}"))
    assert "Its proof proved The signature" in said
    assert f"signed checkpoint of {tree.frontier.size} entries" in said
    world.withdraw("EH-1", "EH-1-mum")
    assert "Its proof not yet published" in words(dana.get(f"{EXPLORER}/{shown(world)[0]}"))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE gateway.log_entry SET body = decode(replace(encode(body, 'hex'), '2276', '2277'), 'hex') WHERE leaf_index = :index",
        "UPDATE gateway.log_entry SET leaf_hash = sha256('x') WHERE leaf_index = :index + 1 OR leaf_index = :index - 1",
        "UPDATE gateway.log_checkpoint SET note = replace(note, substr(note, length(note) - 20, 8), 'AAAAAAAA')",
    ],
)
def test_an_entry_that_was_changed_is_not_proved(
    world: World, dana: Somebody, owner: Engine, damage: str
) -> None:
    told(world)
    publish_head(world.wiring)
    index = shown(world)[0]
    with owner.begin() as connection:
        connection.execute(text(damage), {"index": index})
    answer = dana.ask(f"{EXPLORER}/{index}")
    assert HTTPStatus.OK == answer.status_code
    assert "Its proof not proved" in words(answer.text)


def test_an_entry_that_does_not_open_is_said_and_not_proved(
    world: World, dana: Somebody, owner: Engine
) -> None:
    told(world)
    publish_head(world.wiring)
    index = shown(world)[0]
    with owner.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.log_payload SET sealed = sealed || '\\x00' WHERE entry_id ="
                " (SELECT entry_id FROM gateway.log_entry WHERE leaf_index = :index)"
            ),
            {"index": index},
        )
    assert "An entry that cannot be read" in words(dana.get(EXPLORER))
    assert index in places(dana.get(EXPLORER))
    assert index not in places(dana.get(f"{EXPLORER}?agency=housing"))
    answer = dana.ask(f"{EXPLORER}/{index}")
    assert HTTPStatus.OK == answer.status_code
    assert "Its proof not proved" in words(answer.text)
    assert HTTPStatus.OK == dana.ask(f"{EXPLORER}/weeks").status_code
    assert HTTPStatus.OK == dana.ask(f"{EXPLORER}/file").status_code


# --- Week by week --------------------------------------------------------------------------------------------


def numbers(page: str, sort: Sort) -> dict[str, list[int]]:
    """The rows of a sort's table: agencies and their weeks."""
    found = re.search(rf'id="{sort}-numbers-caption".*?</table>', page, re.DOTALL)
    rows = re.findall(r'<th scope="row"[^>]*>([^<]*)</th>(.*?)\n?</tr>', found[0], re.DOTALL) if found else []
    return {name: [int(each) for each in re.findall(r">(\d+)</td>", cells)] for name, cells in rows}


def test_bars_and_table_say_how_often(world: World, dana: Somebody) -> None:
    told(world)
    world.release("camhs", "EH-1")
    for person in ("mum", "ada", "ben"):
        world.withdraw("EH-1", f"EH-1-{person}")
    page = dana.get(f"{EXPLORER}/weeks")
    none = [0] * 11
    assert {"The camhs": [*none, 2], "The charity": [*none, 1]} == numbers(page, Sort.RELEASE)
    assert {"The housing": [*none, 1]} == numbers(page, Sort.REFUSAL)
    withdrawn = numbers(page, Sort.WITHDRAWAL)
    assert withdrawn["The camhs"][-1] >= 1
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert "style" not in drawing
        for name in re.findall(r'aria-labelledby="([^"]+)"', drawing)[0].split():
            assert re.search(rf'<(title|desc) id="{name}">[^<]+</', drawing), name
    assert page.count("<rect ") == sum(
        count > 0 for sort in Sort for counts in numbers(page, sort).values() for count in counts
    )


def test_the_numbers_are_those_of_the_lines(world: World, dana: Somebody) -> None:
    told(world)
    make_restricted(world, 2)
    page = dana.get(f"{EXPLORER}/weeks")
    for sort in (Sort.RELEASE, Sort.REFUSAL):
        shown_there = sum(sum(counts) for counts in numbers(page, sort).values())
        assert len(all_places(dana, f"{EXPLORER}?kind={sort}")) == shown_there


def test_the_tallest_bar_is_of_the_most_and_the_least_can_be_seen() -> None:
    mondays = (date(2026, 11, 16), date(2026, 11, 23))
    rows = [("Agency A", (1000, 0)), ("b", (0, 1))]
    drawn = chart("release", title="Releases", of="Agency", mondays=mondays, rows=rows)
    assert [48, 2] == [bar.height for bar in drawn.bars]
    assert tuple(rows) == drawn.rows
    assert "Agency A: 1000 in the week of 16 Nov. b: 1 in the week of 23 Nov." == drawn.description
    assert {"Agency A", "b", "1000", "1", "16 Nov", "23 Nov"} == {label.words for label in drawn.labels}
    assert all(0 <= bar.y and bar.y + bar.height <= drawn.height for bar in drawn.bars)


# --- Bad input, files and views -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        "agency=nobody",
        "agency=%00",
        "kind=referral",
        "kind=log.cover",
        "purpose=P9",
        "practitioner=" + "x" * 65,
        "practitioner=Ada Shelleyname",
        "practitioner=a%00b",
        "from-day=31&from-month=2&from-year=2026",
        "from-day=1&from-month=1&from-year=1",
        "to-day=31&to-month=12&to-year=9999",
        "to-day=x&to-month=1&to-year=2026",
        "from-day=2&from-month=1&from-year=2026&to-day=1&to-month=1&to-year=2026",
        "cursor=1",
        "cursor=%00",
        "cursor=AAAAAAAAAAB",
        "cursor=__________8",
        "cursor=AAAAAAAAAAA%3D",
        "cursor=" + "A" * 4000,
        "cursor=\N{LATIN SMALL LETTER E WITH ACUTE}",
    ],
)
def test_what_cannot_be_asked_for_is_a_fault_of_the_form(world: World, dana: Somebody, asked: str) -> None:
    told(world)
    for path in (EXPLORER, f"{EXPLORER}/file"):
        answer = dana.ask(f"{path}?{asked}")
        assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
        assert title(answer.text).startswith("Error: ")
        assert [] == places(answer.text)
    assert [] == looks(world)


def test_a_cursor_of_any_place_shows_nothing_more(world: World, dana: Somebody) -> None:
    told(world)
    make_restricted(world)
    for index in (0, 1, 10**12, 2**63 - 1):
        found = places(dana.get(f"{EXPLORER}?cursor={cursor_of(index)}"))
        assert [each for each in shown(world) if each < index] == found


def test_the_file_has_the_lines_of_the_page(world: World, dana: Somebody) -> None:
    told(world)
    answer = dana.ask(f"{EXPLORER}/file?kind=release")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert "text/csv; charset=utf-8" == answer.headers["Content-Type"]
    assert ["minute", "entry", "kind", "agency", "practitioner", "purpose", "reasons"] == rows[0]
    assert all_places(dana, f"{EXPLORER}?kind=release") == [int(row[1]) for row in rows[1:]]
    assert {("extract.release", "charity", "charity-1", "P1")} < {tuple(row[2:6]) for row in rows[1:]}


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_file_begins_a_formula(sign: str) -> None:
    """A practitioner's id is what its agency says it is."""
    line = Disclosure(
        7,
        datetime(2026, 11, 1, tzinfo=UTC),
        NULL_FAMILY,
        kind="extract.release",
        sort=Sort.RELEASE,
        agency=f"{sign}a",
        practitioner=f"{sign}SUM(1)",
        reasons=(f"{sign}r",),
    )
    (_, row) = csv.reader(io.StringIO(to_csv([line], more=False), newline=""))
    assert not any(cell.startswith(sign) for cell in row)
    assert f"'{sign}SUM(1)" in row


def test_a_file_that_is_cut_says_so(world: World, dana: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    told(world)
    monkeypatch.setattr(disclosures, "MOST", 2)
    rows = dana.get(f"{EXPLORER}/file").splitlines()
    assert ["There is more: choose fewer days."] == rows[3:]


def test_a_view_is_kept_by_name_and_is_its_owners_alone(world: World, dana: Somebody) -> None:
    told(world)
    fields = {"kind": "release", "agency": "camhs"}
    assert HTTPStatus.SEE_OTHER == dana.post(VIEWS, name="To camhs", **fields)
    page = dana.get(EXPLORER)
    assert f'href="{EXPLORER}?kind=release&amp;agency=camhs">To camhs' in page.replace(
        "agency=camhs&amp;kind=release", "kind=release&amp;agency=camhs"
    )
    assert HTTPStatus.SEE_OTHER == dana.post(VIEWS, name="To camhs", kind="refusal")
    assert 1 == dana.get(EXPLORER).count(">To camhs</a>")
    drew = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="drew")
    assert "To camhs" not in drew.get(EXPLORER)
    (view,) = re.findall(r"/disclosure-views/([0-9a-f-]{36})/remove", page)
    assert HTTPStatus.NOT_FOUND == drew.post(f"{VIEWS}/{view}/remove")
    assert HTTPStatus.SEE_OTHER == dana.post(f"{VIEWS}/{view}/remove")
    assert "To camhs" not in dana.get(EXPLORER)
    assert HTTPStatus.NOT_FOUND == dana.post(f"{VIEWS}/{view}/remove")


@pytest.mark.parametrize(
    "form", [{"name": ""}, {"name": "x" * 61}, {"name": "a\x00b"}, {"name": "n", "kind": "nothing"}]
)
def test_a_view_that_cannot_be_kept_says_why(dana: Somebody, form: dict[str, str]) -> None:
    assert HTTPStatus.UNPROCESSABLE_ENTITY == dana.post(VIEWS, **form)
    assert "Saved views" not in dana.get(EXPLORER)


def test_views_are_as_many_as_a_page_can_show(dana: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MOST", 2)
    for name in ("a", "b", "b"):
        assert HTTPStatus.SEE_OTHER == dana.post(VIEWS, name=name)
    assert HTTPStatus.UNPROCESSABLE_ENTITY == dana.post(VIEWS, name="c")
