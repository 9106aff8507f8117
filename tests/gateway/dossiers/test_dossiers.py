"""Incidents and complaints at the pages and beneath: on record, sealed, there for nobody else, and gone with a family."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from html import unescape
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from agencies.catalogue import FIELDS
from agencies.model import FieldName
from gateway.cases import erasure
from gateway.cases import service as cases
from gateway.cases.errors import ErasureRefusedError
from gateway.console.dossier_words import (
    ADDRESS,
    CLOCK_WORDS,
    FORM_WORDS,
    LIST_WORDS,
    NEED_WORDS,
    NEW_WORDS,
    SORT_WORDS,
    STEP_WORDS,
)
from gateway.database import open_engine
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import entries_between, log_size, open_entry
from gateway.disclosure_log.repository import append
from gateway.dossiers import service
from gateway.dossiers.model import ASKED, Need, Ref, Sort, StepKind
from gateway.dossiers.questions import FORMS
from gateway.keyring import NULL_FAMILY
from gateway.release.model import Released
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.support.pages import Form, Somebody, filled, hidden, title, words
from tests.support.prepared import made_once
from tests.support.throwaway import Database
from tests.support.world import World, household, small_family

INCIDENTS, COMPLAINTS = ADDRESS[Sort.INCIDENT], ADDRESS[Sort.COMPLAINT]
EXPLORER: Final = "/console/disclosures"
KINDS: Final = {kind for kind in EntryKind if kind.startswith(("incident.", "complaint."))}
CANARY: Final = "Canarywharton"
AREA: Final = re.compile(r'<textarea[^>]* name="(\w+)"[^>]*>\n(.*?)</textarea>', re.DOTALL)
MAIN: Final = re.compile(r'href="([^"]+)"><span class="app-worklist__count">(\d+)</span>')


def world_of(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "charity", "early-help"):
        made.join(code)
    household(made, "EH-1")
    household(made, "EH-2")
    return made


prepared, database, wiring, world = made_once(world_of)


@pytest.fixture
def dana(wiring: Wiring) -> Somebody:
    return Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username="dana")


@pytest.fixture
def eve(wiring: Wiring) -> Somebody:
    return Somebody(wiring, Role.AUDITOR, username="eve")


def on(name: str, day: date | datetime, *, clock: str = "") -> dict[str, str]:
    parts = {f"{name}-{part}": str(getattr(day, part)) for part in ("day", "month", "year")}
    return parts | ({f"{name}-time": clock} if clock else {})


TWO_DAYS_AGO: Final = datetime.now(UTC) - timedelta(days=2)
INCIDENT: Final[Form] = {
    **on("aware", TWO_DAYS_AGO, clock="09:30"),
    "breach": ["confidentiality"],
    "people": "12",
    "happened": f"A list went to the wrong place. {CANARY}",
}
COMPLAINT: Final[Form] = {
    **on("received", TWO_DAYS_AGO),
    "channel": "letter",
    "who": f"{CANARY}, 1 Some Road",
    "about": f"They say that we told too much. {CANARY}",
}


def begin(who: Somebody, address: str, form: Form, **more: str) -> str:
    """Open a dossier and return its page's address."""
    answer = who.send(f"{address}/new", {"id": str(uuid4()), **form, **more})
    assert HTTPStatus.SEE_OTHER == answer.status_code, words(answer.text)
    return str(answer.headers["Location"])


def take(who: Somebody, address: str, step: str, form: Form | None = None) -> Any:
    """Send the form of a step as a browser would, with these answers instead."""
    page = who.get(f"{address}/{step}")
    written = {name: unescape(said) for name, said in AREA.findall(page) if said}
    return who.send(f"{address}/{step}", {**filled(page, f"{address}/{step}"), **written, **(form or {})})


def settled(who: Somebody, address: str) -> None:
    """Answer all that an incident still needs."""
    for step, form in {
        "describe": {"consequences": "None is likely.", "measures": "It came back."},
        "commissioner": {"answer": "not_needed", "reason": "Nobody opened it."},
        "people": {"answer": "not_needed", "ground": "averted", "reason": "It came back unopened."},
    }.items():
        assert HTTPStatus.SEE_OTHER == take(who, address, step, form).status_code, step


def release(world: World, source_ref: str = "EH-1", agency: str = "camhs") -> None:
    assert isinstance(world.release(agency, source_ref), Released)


def places(world: World, kind: str = "extract.release", *, family: str | None = None) -> list[int]:
    """The leaf indexes of entries of a kind, the oldest first."""
    of = None if family is None else world.family_id(family)
    return [
        index
        for index, each, internal in entries(world.wiring)
        if internal["kind"] == kind and of in {None, each}
    ]


def entries(wiring: Wiring) -> list[tuple[int, UUID, Mapping[str, Any]]]:
    with wiring.engine.connect() as connection:
        rows = entries_between(connection, first=0, end=log_size(connection))
        found = [(row, open_entry(connection, keyring=wiring.keyring, row=row)) for row in rows]
    return [(row.leaf_index, row.family_id, each.internal) for row, each in found if each is not None]


def record(wiring: Wiring) -> list[Mapping[str, Any]]:
    """What is on record of incidents and complaints."""
    return [internal for _, _, internal in entries(wiring) if internal["kind"] in KINDS]


def homes(who: Somebody) -> dict[str, int]:
    return {address: int(count) for address, count in MAIN.findall(who.get("/console"))}


def rows_of(page: str) -> int:
    table = re.search(r'<tbody class="govuk-table__body">(.*?)</tbody>', page, re.DOTALL)
    return 0 if table is None else table[1].count("<tr ")


def conflict(world: World, source_ref: str, username: str) -> None:
    """Somebody has an interest in a family: for them it does not exist."""
    family = small_family(source_ref)
    world.import_families({**family, "conflicts": [{"agency": "early-help", "practitioner": username}]})


def erase(world: World, eraser: Engine, source_ref: str = "EH-1") -> UUID:
    family = world.family_id(source_ref)
    cases.erase_family(
        eraser, wiring=world.wiring, family_id=family, requested_by="dana.dpo", approved_by="ola.officer"
    )
    return family


# --- From opening to closing --------------------------------------------------------------------------------


def test_an_incident_is_recorded_answered_and_closed(dana: Somebody) -> None:
    address = begin(dana, INCIDENTS, INCIDENT)
    page = words(dana.get(address))
    assert CANARY in page
    assert "to notify the Commissioner: 72 hours" in page
    assert (
        "Still to be answered: what is likely to come of it, what is done about it, whether the Commissioner"
        in page
    )
    assert "overdue" not in page
    known = re.search(r"Known since (\d+ [A-Z][a-z]+ \d{4}) at 9:30am\.", page)
    assert known, "as it is said"
    assert TWO_DAYS_AGO.date() == datetime.strptime(known[1], "%d %B %Y").replace(tzinfo=UTC).date()
    assert HTTPStatus.UNPROCESSABLE_ENTITY == take(dana, address, "close", {"x": ""}).status_code
    settled(dana, address)
    assert "Everything is answered: it can be closed" in words(dana.get(address))
    assert HTTPStatus.SEE_OTHER == take(dana, address, "close").status_code
    page = words(dana.get(address))
    assert "closed" in page
    for said in (
        "It was closed by dana",
        "Nobody opened it.",
        "Telling the people concerned was settled by dana",
    ):
        assert said in page
    assert "None is open." in words(dana.get(INCIDENTS))


def test_every_change_is_kept(dana: Somebody) -> None:
    """Article 33(5): what was said first stays beside what is said now."""
    address = begin(dana, INCIDENTS, INCIDENT)
    take(dana, address, "describe", {"people": "300", "happened": "It was a whole year of lists."})
    page = words(dana.get(address))
    for said in (CANARY, "12", "300", "It was a whole year of lists."):
        assert said in page
    assert 2 == page.count("It was described by dana")


def test_a_closed_one_takes_nothing_until_it_is_opened_again(world: World, dana: Somebody) -> None:
    release(world)
    address = begin(dana, INCIDENTS, INCIDENT)
    settled(dana, address)
    take(dana, address, "close")
    place = str(places(world)[-1])
    seen = hidden(dana.get(f"{address}/note"))["seen"]
    for path, form in (("note", {"note": "x", "seen": seen}), ("releases", {"release": place})):
        answer = dana.send(f"{address}/{path}", form)
        assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
        assert "open it again first" in words(answer.text)
    assert HTTPStatus.SEE_OTHER == take(dana, address, "reopen", {"why": "More came up."}).status_code
    assert HTTPStatus.SEE_OTHER == take(dana, address, "note", {"note": "x"}).status_code
    assert HTTPStatus.UNPROCESSABLE_ENTITY == take(dana, address, "reopen", {"why": "x"}).status_code


def test_a_complaint_is_acknowledged_looked_into_and_answered(world: World, dana: Somebody) -> None:
    incident = begin(dana, INCIDENTS, INCIDENT)
    address = begin(dana, COMPLAINTS, COMPLAINT, reference="EH-1", incident=incident.rpartition("/")[2])
    page = words(dana.get(address))
    assert "30 days of the calendar after the day it came" in page
    assert str(world.family_id("EH-1")) in page
    assert "Belongs together" in page
    assert "Complaint" in words(dana.get(incident))
    for step, form in {
        "acknowledge": on("on", datetime.now(UTC)),
        "act": {"done": "We asked the agency."},
        "outcome": {**on("on", datetime.now(UTC)), "outcome": "upheld", "told": "That they were right."},
    }.items():
        assert HTTPStatus.SEE_OTHER == take(dana, address, step, form).status_code, step
    assert HTTPStatus.SEE_OTHER == take(dana, address, "close").status_code
    assert "They were right" in words(dana.get(address))


def test_a_late_notification_needs_its_reason_and_what_was_typed_stays(dana: Somebody) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=9)
    address = begin(dana, INCIDENTS, {**INCIDENT, **on("aware", long_ago, clock="09:30")})
    assert "overdue" in words(dana.get(address))
    assert "overdue" in words(dana.get(INCIDENTS))
    today = datetime.now(UTC) - timedelta(days=1)
    late = {"answer": "told", **on("told_at", today, clock="10:00"), "reference": "IC-1"}
    answer = take(dana, address, "commissioner", late)
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert "It was later than 72 hours: say why." in words(answer.text)
    assert 'value="IC-1"' in answer.text
    assert title(answer.text).startswith("Error: ")
    assert HTTPStatus.SEE_OTHER == take(dana, address, "commissioner", {**late, "delay": "x"}).status_code


BAD: Final[tuple[Form, ...]] = (
    {"aware-month": "13"},
    {"aware-time": "25:00"},
    {"aware-day": ""},
    {"breach": ["curiosity"]},
    {"people": "many"},
    {"happened": " "},
    {"happened": "a\x00b"},
    {"happened": "x" * 10_001},
    on("aware", datetime.now(UTC) + timedelta(days=2), clock="09:30"),
)


def test_bad_input_changes_nothing(wiring: Wiring, dana: Somebody) -> None:
    for wrong in BAD:
        answer = dana.send(f"{INCIDENTS}/new", {"id": str(uuid4()), **INCIDENT, **wrong})
        assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code, wrong
        assert "There is a problem" in words(answer.text)
        assert "A list went to the wrong place." in answer.text or "happened" in wrong
    for unknown in ("", "x"):
        assert HTTPStatus.NOT_FOUND == dana.send(f"{INCIDENTS}/new", {**INCIDENT, "id": unknown}).status_code
    assert [] == record(wiring)
    assert "None is open." in words(dana.get(INCIDENTS))


def test_a_complaint_names_a_family_and_an_incident_that_are_there(world: World, dana: Somebody) -> None:
    for wrong in (
        {"reference": "EH-nobody"},
        {"reference": "\x00"},
        {"reference": "x" * 200},
        {"incident": str(uuid4())},
        {"incident": "x"},
    ):
        answer = dana.send(f"{COMPLAINTS}/new", {"id": str(uuid4()), **COMPLAINT, **wrong})
        assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code, wrong
    assert "None is open." in words(dana.get(COMPLAINTS))
    assert "case.find" in {each["kind"] for _, _, each in entries(world.wiring)}, (
        "that somebody looked is on record"
    )


def test_a_form_that_is_sent_twice_opens_one(dana: Somebody) -> None:
    form = {"id": str(uuid4()), **INCIDENT}
    first, second = (dana.send(f"{INCIDENTS}/new", form).headers["Location"] for _ in range(2))
    assert first == second
    assert 1 == rows_of(dana.get(INCIDENTS))
    assert 1 == words(dana.get(first)).count("It was described by dana")


def test_nobody_adds_to_what_they_have_not_seen(dana: Somebody) -> None:
    address = begin(dana, INCIDENTS, INCIDENT)
    stale = filled(dana.get(f"{address}/note"), f"{address}/note")
    take(dana, address, "note", {"note": "Another officer was here."})
    answer = dana.send(f"{address}/note", {**stale, "note": CANARY})
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert "Somebody added something meanwhile." in words(answer.text)
    assert CANARY in answer.text, "nothing that was typed is lost"
    assert (
        CANARY not in words(dana.get(address)).partition("Another officer")[0].rpartition("newest first")[2]
    )


# --- The clocks on the home page ----------------------------------------------------------------------------


def test_each_number_is_as_many_rows_and_the_most_urgent_stands_first(dana: Somebody) -> None:
    ages = (1, 8, 3)
    for days in ages:
        when = datetime.now(UTC) - timedelta(days=days)
        begin(dana, INCIDENTS, {**INCIDENT, **on("aware", when, clock="09:30")})
        begin(dana, COMPLAINTS, {**COMPLAINT, **on("received", when)})
    closed = begin(dana, INCIDENTS, INCIDENT)
    settled(dana, closed)
    assert {INCIDENTS: 4, COMPLAINTS: 3} == homes(dana)
    take(dana, closed, "close")
    found = homes(dana)
    assert {INCIDENTS: 3, COMPLAINTS: 3} == found
    for address, count in found.items():
        page = dana.get(address)
        assert count == rows_of(page)
        sort = next(each for each, own in ADDRESS.items() if own == address)
        assert f"The clock is the time {CLOCK_WORDS[sort]}. What is due first" in words(page)
        stamps = re.findall(r"(?:known since|received) (\d+ \w+ \d{4})", page)
        shown = [datetime.strptime(each, "%d %B %Y").replace(tzinfo=UTC) for each in stamps[:3]]
        assert shown == sorted(shown)


def test_nobody_else_is_told_that_something_waits(wiring: Wiring, dana: Somebody, eve: Somebody) -> None:
    begin(dana, INCIDENTS, INCIDENT)
    assert {} == homes(eve)
    for role in set(Role) - {Role.DATA_PROTECTION_OFFICER, Role.AUDITOR, Role.DESK_USER}:
        other = Somebody(wiring, role, username=f"some.{role.name.lower().replace('_', '-')}")
        assert INCIDENTS not in other.get("/console")
        assert HTTPStatus.FORBIDDEN == other.ask(INCIDENTS).status_code


def test_an_auditor_reads_and_changes_nothing(dana: Somebody, eve: Somebody) -> None:
    address = begin(dana, INCIDENTS, INCIDENT)
    page = eve.get(address)
    assert CANARY in page
    assert "<form" not in page[page.index("<main") : page.index("</main>")]
    for path in ("new", f"{address.rpartition('/')[2]}/note"):
        assert HTTPStatus.FORBIDDEN == eve.ask(f"{INCIDENTS}/{path}").status_code
    for path in ("note", "close", "releases", "releases/remove"):
        assert HTTPStatus.FORBIDDEN == eve.post(f"{address}/{path}")


# --- Releases -----------------------------------------------------------------------------------------------


def test_a_release_is_linked_by_its_place_its_extract_and_from_its_own_page(
    world: World, dana: Somebody
) -> None:
    release(world)
    release(world, agency="charity")
    release(world, "EH-2")
    first, second, third = places(world)
    address = begin(dana, INCIDENTS, INCIDENT)
    with world.wiring.engine.connect() as connection:
        extract = connection.execute(
            text(
                "SELECT t.extract_id FROM gateway.log_trace t JOIN gateway.log_entry e USING (entry_id)"
                " WHERE e.leaf_index = :index"
            ),
            {"index": second},
        ).scalar_one()
    assert HTTPStatus.SEE_OTHER == dana.post(f"{address}/releases", release=str(first))
    assert HTTPStatus.SEE_OTHER == dana.post(f"{address}/releases", release=str(extract))
    page = dana.get(f"{EXPLORER}/{third}")
    assert {"release": [str(third)]} == filled(page, f"{address}/releases")
    assert (
        HTTPStatus.SEE_OTHER
        == dana.send(f"{address}/releases", filled(page, f"{address}/releases")).status_code
    )
    assert f"{address}/releases" not in dana.get(f"{EXPLORER}/{third}"), "it is offered once"
    page = dana.get(address)
    assert 3 == rows_of(page)
    said = words(page)
    for expected in ("The camhs", "The charity", str(world.family_id("EH-1")), str(world.family_id("EH-2"))):
        assert expected in said
    assert FIELDS[FieldName("child_name")].words in said, "the fields, in words"
    for index in (first, second, third):
        assert f'href="{EXPLORER}/{index}"' in page


def test_an_incident_begins_with_the_release_that_it_is_about(world: World, dana: Somebody) -> None:
    release(world)
    place = places(world)[0]
    way = f"{INCIDENTS}/new?release={place}"
    assert way in dana.get(f"{EXPLORER}/{place}")
    opening = filled(dana.get(way), f"{INCIDENTS}/new")
    assert [str(place)] == opening["release"]
    address = str(dana.send(f"{INCIDENTS}/new", {**opening, **INCIDENT}).headers["Location"])
    assert f'href="{EXPLORER}/{place}"' in dana.get(address)
    assert [("incident.open", None), ("incident.record", str(place))] == [
        (each["kind"], each.get("leaf")) for each in record(world.wiring) if each["kind"] != "incident.view"
    ]


def test_a_complaint_can_begin_with_a_release_as_well(world: World, dana: Somebody) -> None:
    release(world)
    place = places(world)[0]
    opening = filled(dana.get(f"{COMPLAINTS}/new?release={place}"), f"{COMPLAINTS}/new")
    address = str(dana.send(f"{COMPLAINTS}/new", {**opening, **COMPLAINT}).headers["Location"])
    assert f'href="{EXPLORER}/{place}"' in dana.get(address)


def test_an_incident_of_no_release_for_whoever_asks_is_not_opened(world: World, dana: Somebody) -> None:
    release(world)
    conflict(world, "EH-1", "dana")
    for name in (places(world)[0], 10**9, "x", "<b>"):
        opening = filled(dana.get(f"{INCIDENTS}/new?{urlencode({'release': name})}"), f"{INCIDENTS}/new")
        answer = dana.send(f"{INCIDENTS}/new", {**opening, **INCIDENT})
        assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code, name
        assert "There is no such release for you." in words(answer.text)
    assert [] == record(world.wiring)


def test_a_release_is_linked_once_and_its_link_can_be_taken_away(world: World, dana: Somebody) -> None:
    release(world)
    address, place = begin(dana, INCIDENTS, INCIDENT), str(places(world)[0])
    assert HTTPStatus.SEE_OTHER == dana.post(f"{address}/releases", release=place)
    answer = dana.send(f"{address}/releases", {"release": place})
    assert "This release is linked already." in words(answer.text)
    entry = filled(dana.get(address), f"{address}/releases/remove")
    assert HTTPStatus.SEE_OTHER == dana.send(f"{address}/releases/remove", entry).status_code
    page = words(dana.get(address))
    assert "None is linked." in page
    assert "A release was linked no more by dana" in page
    assert HTTPStatus.UNPROCESSABLE_ENTITY == dana.send(f"{address}/releases/remove", entry).status_code


def test_what_is_no_release_for_whoever_asks_cannot_be_linked(world: World, dana: Somebody) -> None:
    """One error for all of them: a restricted family's release is like none."""
    release(world)
    conflict(world, "EH-1", "dana")
    address = begin(dana, INCIDENTS, INCIDENT)
    theirs, consent = places(world)[0], places(world, "consent.give", family="EH-2")[0]
    answers = set()
    for name in (theirs, consent, 10**9, "9" * 40, -1, "x", "", uuid4(), f" {theirs}x"):
        answer = dana.send(f"{address}/releases", {"release": str(name)})
        assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code, name
        answers.add(words(answer.text).partition("What was done")[0])
    assert 1 == len(answers)


# --- For whom it is not there -------------------------------------------------------------------------------


def bare(who: Somebody, address: str) -> tuple[int, str]:
    answer = who.http.get(address, base_url=who.own, headers={"X-Request-ID": "0" * 32})
    return answer.status_code, answer.text


def test_a_restricted_familys_complaint_is_like_one_that_never_was(world: World, dana: Somebody) -> None:
    drew = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="drew")
    before = bare(dana, COMPLAINTS), bare(dana, "/console"), bare(dana, f"{COMPLAINTS}/new")[0]
    incident = begin(dana, INCIDENTS, INCIDENT)
    beside = bare(dana, incident)[1]
    address = begin(drew, COMPLAINTS, COMPLAINT, reference="EH-1", incident=incident.rpartition("/")[2])
    assert CANARY in dana.get(address)
    conflict(world, "EH-1", "dana")
    assert bare(dana, f"{COMPLAINTS}/{uuid4()}") == bare(dana, address)
    assert bare(dana, f"{address}/note") == bare(dana, f"{COMPLAINTS}/{uuid4()}")
    assert before[0] == bare(dana, COMPLAINTS)
    assert COMPLAINTS not in homes(dana)
    assert beside == bare(dana, incident)[1]
    for path, form in (
        ("note", {"note": "x"}),
        ("releases", {"release": "1"}),
        ("releases/remove", {"entry": "1"}),
    ):
        assert HTTPStatus.NOT_FOUND == dana.send(f"{address}/{path}", form).status_code
    assert CANARY in drew.get(address)


def test_a_restricted_familys_release_leaves_no_trace_in_an_incident(world: World, dana: Somebody) -> None:
    """Not in its table, not in its steps, and not in what its forms carry; whoever may see it does."""
    release(world)
    release(world, "EH-2")
    drew = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="drew")
    address = begin(dana, INCIDENTS, INCIDENT)
    dana.post(f"{address}/releases", release=str(places(world, family="EH-2")[0]))
    conflict(world, "EH-1", "dana")
    before = {path: bare(dana, path) for path in (address, INCIDENTS, f"{address}/note", f"{address}/close")}
    theirs = str(places(world, family="EH-1")[0])
    assert HTTPStatus.SEE_OTHER == drew.post(f"{address}/releases", release=theirs)
    assert before == {path: bare(dana, path) for path in before}
    assert 2 == rows_of(drew.get(address))
    entry = filled(drew.get(address), f"{address}/releases/remove")["entry"][-1]
    assert HTTPStatus.UNPROCESSABLE_ENTITY == dana.post(f"{address}/releases/remove", entry=entry)
    assert HTTPStatus.SEE_OTHER == take(dana, address, "note", {"note": "Still mine to add to."}).status_code


def test_one_sort_is_not_found_at_the_address_of_another(dana: Somebody) -> None:
    address = begin(dana, INCIDENTS, INCIDENT)
    wrong = address.replace(INCIDENTS, COMPLAINTS)
    assert HTTPStatus.NOT_FOUND == dana.ask(wrong).status_code
    assert HTTPStatus.NOT_FOUND == dana.post(f"{wrong}/note", note="x")
    for step in ("link", "acknowledge", "nothing", "new"):
        assert HTTPStatus.NOT_FOUND == dana.ask(f"{address}/{step}").status_code, step


# --- On record, sealed --------------------------------------------------------------------------------------


def test_each_act_and_each_look_is_on_record_without_a_word_of_it(world: World, dana: Somebody) -> None:
    release(world)
    incident = begin(dana, INCIDENTS, INCIDENT)
    dana.post(f"{incident}/releases", release=str(places(world)[0]))
    take(dana, incident, "commissioner", {"answer": "not_needed", "reason": CANARY})
    complaint = begin(dana, COMPLAINTS, COMPLAINT, reference="EH-1")
    take(dana, complaint, "act", {"done": CANARY})
    dana.get(complaint)
    found = record(world.wiring)
    steps = [(each["kind"], each.get("step", "")) for each in found]
    assert [
        ("incident.open", ""),
        ("incident.record", "link"),
        ("incident.view", ""),
        ("incident.record", "commissioner"),
        ("complaint.open", ""),
        ("complaint.view", ""),
        ("complaint.record", "act"),
        ("complaint.view", ""),
    ] == steps
    assert {"dana"} == {each["actor"] for each in found}
    assert CANARY not in str(found)
    of = {family for _, family, each in entries(world.wiring) if each["kind"] in KINDS}
    assert {NULL_FAMILY} == of, "what is on record of one leads to no family"


def test_a_look_that_cannot_be_recorded_shows_nothing(
    dana: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = begin(dana, INCIDENTS, INCIDENT)
    monkeypatch.setattr("gateway.dossiers.service.act", _refusing)
    answer = dana.ask(address)
    assert HTTPStatus.SERVICE_UNAVAILABLE == answer.status_code
    assert CANARY not in answer.text
    assert HTTPStatus.SERVICE_UNAVAILABLE == dana.post(f"{INCIDENTS}/new", id=str(uuid4()), **INCIDENT)


def _refusing(*_: object, **__: object) -> Any:
    raise NotAppendedError


def test_an_incident_does_not_wait_for_the_log(world: World, dana: Somebody) -> None:
    """It may be the very incident that the log cannot be had; what was done follows into it."""
    with world.wiring.engine.connect() as stuck, stuck.begin():
        append(stuck, [])
        stuck.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        begin(dana, INCIDENTS, INCIDENT)
    release(world)
    assert "incident.open" in {each["kind"] for each in record(world.wiring)}


@pytest.mark.usefixtures("world")
def test_nothing_that_was_written_lies_in_the_clear(dana: Somebody, database: Database) -> None:
    begin(dana, INCIDENTS, INCIDENT)
    begin(dana, COMPLAINTS, COMPLAINT, reference="EH-1")
    begin(dana, COMPLAINTS, COMPLAINT)
    owner = open_engine(database.owner_url)
    with owner.connect() as connection:
        for table in ("dossier", "dossier_step", "dossier_family", "dossier_text"):
            rows = connection.execute(text(f"SELECT t::text AS whole FROM gateway.{table} t")).all()
            assert rows
            for row in rows:
                assert CANARY not in row.whole
                assert CANARY.encode().hex() not in row.whole
    owner.dispose()


def test_a_text_opens_in_its_own_place_only(dana: Somebody, database: Database) -> None:
    """One that lies elsewhere, or is damaged, is told without: the page stays."""
    address = begin(dana, INCIDENTS, INCIDENT)
    take(dana, address, "note", {"note": "Second words."})
    owner = open_engine(database.owner_url)
    with owner.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.dossier_text t SET sealed = (SELECT sealed FROM gateway.dossier_text o"
                " WHERE o.step_id <> t.step_id)"
            )
        )
    owner.dispose()
    page = words(dana.get(address))
    assert CANARY not in page
    assert "Second words." not in page
    assert 2 == page.count("What was written here went with the family, or cannot be read.")


def test_no_step_can_be_changed_or_removed(wiring: Wiring, dana: Somebody) -> None:
    begin(dana, INCIDENTS, INCIDENT)
    for statement in (
        "UPDATE gateway.dossier_step SET by = 'x'",
        "DELETE FROM gateway.dossier_step",
        "UPDATE gateway.dossier_text SET sealed = ''",
        "DELETE FROM gateway.dossier_text",
        "DELETE FROM gateway.dossier",
    ):
        with wiring.engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
            connection.execute(text(statement))


# --- Erasure ------------------------------------------------------------------------------------------------


def closed_complaint(dana: Somebody) -> str:
    address = begin(dana, COMPLAINTS, COMPLAINT, reference="EH-1")
    take(dana, address, "act", {"done": CANARY})
    take(dana, address, "outcome", {**on("on", datetime.now(UTC)), "outcome": "upheld", "told": CANARY})
    assert HTTPStatus.SEE_OTHER == take(dana, address, "close").status_code
    return address


def test_a_familys_words_go_with_it_and_what_was_done_stays(
    world: World, dana: Somebody, eraser: Engine
) -> None:
    release(world)
    incident, complaint = begin(dana, INCIDENTS, INCIDENT), closed_complaint(dana)
    dana.post(f"{incident}/releases", release=str(places(world, family="EH-1")[0]))
    settled(dana, incident)
    take(dana, incident, "close")
    family = erase(world, eraser)
    said = words(dana.get(complaint))
    assert CANARY not in said
    assert str(family) not in said
    for kept in ("They were right", "By letter", "What was written here went with the family"):
        assert kept in said
    said = words(dana.get(incident))
    assert "The family was erased since." in said
    assert "The camhs" in said
    assert CANARY in said, "what is said of the incident itself is no family's"
    assert str(family) not in said
    with world.wiring.engine.connect() as connection:
        for table in ("dossier_family", "dossier_text"):
            left = connection.execute(
                text(f"SELECT count(*) FROM gateway.{table} WHERE family_id = :family"),
                {"family": family},
            ).scalar_one()
            assert 0 == left
    assert HTTPStatus.SEE_OTHER == take(dana, complaint, "reopen", {"why": "They wrote again."}).status_code
    assert "They wrote again." in words(dana.get(complaint))


def test_what_is_open_keeps_the_family(world: World, dana: Somebody, eraser: Engine) -> None:
    """And a link that was taken away, or an incident that is closed, does not."""
    release(world)
    place = str(places(world, family="EH-1")[0])
    complaint = begin(dana, COMPLAINTS, COMPLAINT, reference="EH-1")
    with pytest.raises(ErasureRefusedError, match="still open"):
        erase(world, eraser)
    take(dana, complaint, "act", {"done": "x"})
    take(dana, complaint, "outcome", {**on("on", datetime.now(UTC)), "outcome": "upheld", "told": "x"})
    take(dana, complaint, "close")
    incident = begin(dana, INCIDENTS, INCIDENT)
    dana.post(f"{incident}/releases", release=place)
    with pytest.raises(ErasureRefusedError, match="still open"):
        erase(world, eraser)
    dana.send(f"{incident}/releases/remove", filled(dana.get(incident), f"{incident}/releases/remove"))
    dana.post(f"{incident}/releases", release=place)
    with pytest.raises(ErasureRefusedError, match="still open"):
        erase(world, eraser)
    dana.send(f"{incident}/releases/remove", filled(dana.get(incident), f"{incident}/releases/remove"))
    erase(world, eraser)


def test_a_restored_backup_loses_the_familys_words_again(
    world: World, dana: Somebody, database: Database
) -> None:
    complaint = closed_complaint(dana)
    owner = open_engine(database.owner_url)
    with owner.begin() as connection:
        assert erasure.erase_again(connection, world.family_id("EH-1"))
    owner.dispose()
    assert CANARY not in dana.get(complaint)


# --- Words --------------------------------------------------------------------------------------------------


def test_everything_has_words() -> None:
    for table in (ADDRESS, CLOCK_WORDS, LIST_WORDS, NEW_WORDS, SORT_WORDS):
        assert set(Sort) == set(table)
    assert set(StepKind) == STEP_WORDS.keys()
    assert set(Need) == NEED_WORDS.keys()
    assert FORM_WORDS.keys() == {kind for _, kind in FORMS}
    assert {(sort, kind) for sort, kinds in ASKED.items() for kind in kinds} <= FORMS.keys()


def test_an_entry_of_another_sort_offers_no_link(world: World, dana: Somebody) -> None:
    release(world)
    begin(dana, INCIDENTS, INCIDENT)
    consent = places(world, "consent.give")[0]
    assert "Link it to" not in dana.get(f"{EXPLORER}/{consent}")
    eve = Somebody(world.wiring, Role.AUDITOR, username="eve")
    assert "Link it to" not in eve.get(f"{EXPLORER}/{places(world)[0]}")


def test_the_service_finds_nothing_for_nobody(wiring: Wiring, dana: Somebody) -> None:
    with pytest.raises(Exception, match="no such dossier"):
        service.look(wiring, dana.who, Ref(Sort.INCIDENT, uuid4()))
