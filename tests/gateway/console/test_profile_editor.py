"""The officer's editor of a profile: what is saved is what was chosen, of one's own page, and nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from agencies import repository as agencies
from agencies.model import AgencyCode, AgencyKind, Condition, FieldName, Level, Mark, ProfileRow, Stage
from agencies.profile_text import format_profile, parse_profile, template
from gateway.agency import service
from gateway.agency.drafting import Draft, draft_of
from gateway.cli import gateway
from gateway.console.profile_form import SECTIONS
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody, filled, hidden, title, words
from tests.support.prepared import made_once
from tests.support.rooms import environment
from tests.support.world import World

CAMHS: Final = AgencyCode("camhs")
EDIT: Final = "/console/profiles/camhs/edit"
NAME: Final = f"{EDIT}/name"
CHECK: Final = f"{EDIT}/check"
DISCARD: Final = "/console/profiles/camhs/discard"


def prepare(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("camhs")
    return made


prepared, database, wiring, world = made_once(prepare)


@pytest.fixture
def dana(world: World) -> Somebody:
    return Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")


def begin(who: Somebody, start: str = "effective", *, code: str = "camhs") -> None:
    assert HTTPStatus.SEE_OTHER == who.post(f"/console/profiles/{code}/edit", start=start)


def draft(world: World, code: str = "camhs") -> Draft | None:
    with world.wiring.engine.connect() as connection:
        return draft_of(connection, AgencyCode(code))


def document(world: World, version: int) -> str | None:
    with world.wiring.engine.connect() as connection:
        return agencies.profile_document(connection, CAMHS, version=version)


def change(who: Somebody, address: str = NAME, **answers: str) -> int:
    """Answer some questions of a page otherwise, and send it."""
    return who.send(address, {**filled(who.get(address), address), **answers}).status_code


def row(document: str, field: str, when: Condition = Condition.ALWAYS) -> ProfileRow | None:
    profile = parse_profile(document)
    return next((each for each in profile.rows if (each.field, each.when) == (field, when)), None)


def test_a_change_is_saved_as_a_version_and_offered_to_a_second_person(world: World, dana: Somebody) -> None:
    begin(dana)
    assert "begun from version 1" in words(dana.get(EDIT))
    assert HTTPStatus.SEE_OTHER == change(dana, **{"adult_name-panel": "W", "adult_name-reason": "Not yet"})
    assert "Names Narrower" in words(dana.get(EDIT))
    page = dana.get(CHECK)
    assert "Check and save as version 2" == title(page)
    assert "An adult's names at the panel in part never narrower" in words(page)
    assert "An adult's names: another reason is given." in words(page)
    once, saved = (dana.send(CHECK, hidden(page)) for _ in range(2))
    assert "/console/approvals/profile/camhs/2" == once.headers["Location"] == saved.headers["Location"]
    assert document(world, 3) is None
    page = dana.get(saved.headers["Location"])
    assert "It was not proposed yet" not in words(page)
    assert "Propose it to a second person" in page
    stored = document(world, 2)
    assert stored is not None
    changed = row(stored, "adult_name")
    assert ProfileRow(FieldName("adult_name"), Mark.W, Mark.F, Condition.ALWAYS, "Not yet") == changed
    assert (None, 1) == (draft(world), effective(world))


def effective(world: World) -> int | None:
    with world.wiring.engine.connect() as connection:
        return agencies.effective_version(connection, CAMHS)


@pytest.mark.parametrize("kind", AgencyKind)
def test_pages_that_are_sent_back_as_they_came_change_nothing(world: World, kind: AgencyKind) -> None:
    """Every kind, every section: whatever marks and conditions its rows have, none is lost or put otherwise."""
    if kind is not AgencyKind.CAMHS:
        world.join(kind.value)
    dana = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    begin(dana, code=kind.value)
    before = draft(world, kind.value)
    for page in (*SECTIONS, "basis"):
        address = f"/console/profiles/{kind.value}/edit/{page}"
        assert HTTPStatus.SEE_OTHER == change(dana, address), page
    assert before == draft(world, kind.value)
    page = dana.get(f"/console/profiles/{kind.value}/edit/check")
    assert "there is nothing to save" in words(page)
    assert before is not None
    refused = dana.send(f"/console/profiles/{kind.value}/edit/check", draft=before.digest, version="2")
    assert "There is nothing to save." in words(refused.text)
    with world.wiring.engine.connect() as connection:
        assert 1 == agencies.latest_version(connection, AgencyCode(kind.value))


def test_a_mark_that_is_shown_as_another_is_kept_until_another_is_chosen(
    world: World, dana: Somebody
) -> None:
    """A step that the ladder lacks is told by the next lower one, and a mark of aggregates is never: as they read."""
    stored = document(world, 1)
    assert stored is not None
    said = parse_profile(stored)
    odd = {"child_name": Mark.G2, "adult_name": Mark.A}
    odd |= {"child_dob": Mark.G2, "nhs_number": Mark.W}  # nobody has them who is told no name
    rows = tuple(replace(each, panel=odd[each.field]) if each.field in odd else each for each in said.rows)
    service.store_profile(
        world.wiring, document=format_profile(replace(said, version=2, rows=rows)), actor="test"
    )
    begin(dana, "newest")
    before = draft(world)
    form = filled(dana.get(NAME), NAME)
    assert (["W"], ["W"]) == (form["child_name-panel"], form["adult_name-panel"])
    assert HTTPStatus.SEE_OTHER == change(dana)
    assert before == draft(world)
    change(dana, **{"child_name-panel": "G1"})
    changed = {each.field: each.panel for each in parse_profile(text_of(world)).rows}
    assert (Mark.G1, Mark.A) == (changed[FieldName("child_name")], changed[FieldName("adult_name")])


def test_a_section_says_what_it_comes_to(dana: Somebody) -> None:
    """Another reason alone is no "as now": the second person reads it, too."""
    begin(dana)
    assert "Names As now" in words(dana.get(EDIT))
    for answers, said in (
        ({"child_name-reason": "To match its record"}, "Names Other reasons"),
        ({"child_name-panel": "W"}, "Names Narrower"),
        ({"adult_name-panel": "F"}, "Names Wider and narrower"),
        ({"child_name-panel": "F"}, "Names Wider"),
    ):
        change(dana, **answers)
        assert f"{said} Date of birth" in words(dana.get(EDIT))
    change(dana, f"{EDIT}/basis", agreement="DSA-8")
    assert "legal basis and review Changed" in words(dana.get(EDIT))


def test_every_field_is_on_one_page() -> None:
    named = [field for fields in SECTIONS.values() for field in fields]
    assert sorted(
        row.field for row in template(AgencyKind.CAMHS).rows if row.when is Condition.ALWAYS
    ) == sorted(named)


def test_what_is_stored_is_exported_and_imported_byte_for_byte(
    world: World, dana: Somebody, tmp_path: Path
) -> None:
    begin(dana)
    change(dana, **{"adult_name-service": "G1", "adult_name-reason": 'A "quoted" \\ reason, Zoë: enough'})
    dana.send(CHECK, hidden(dana.get(CHECK)))
    stored = document(world, 2)
    assert stored is not None
    assert stored == format_profile(parse_profile(stored))
    commands = CliRunner(env=environment(world.wiring))
    exported = commands.invoke(gateway, ["profile", "export", "camhs", "--version", "2"]).stdout_bytes
    assert stored.encode() == exported
    file = tmp_path / "camhs.toml"
    file.write_bytes(exported)
    imported = commands.invoke(gateway, ["profile", "import", str(file)])
    assert (0, stored, None) == (imported.exit_code, document(world, 2), document(world, 3))


def test_a_draft_begins_with_what_was_chosen_and_outlives_its_session(world: World, dana: Somebody) -> None:
    begin(dana, "template")
    begun = draft(world)
    assert begun is not None
    assert begun.profile is not None
    assert (None, 2, "DSA-camhs") == (begun.started_from, begun.profile.version, begun.profile.agreement)
    later = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="ben")
    assert "begun from the template. dana changed it last" in words(later.get(EDIT))
    assert HTTPStatus.SEE_OTHER == later.post(DISCARD, draft=begun.digest)
    assert draft(world) is None
    assert HTTPStatus.UNPROCESSABLE_ENTITY == later.post(EDIT, start="newest")  # it is the effective one
    assert HTTPStatus.UNPROCESSABLE_ENTITY == later.post(EDIT, start="x")
    assert draft(world) is None


def test_of_two_who_change_at_once_the_second_is_told_and_overwrites_nothing(
    world: World, dana: Somebody
) -> None:
    ben = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="ben")
    begin(dana)
    mine, basis = filled(ben.get(NAME), NAME), filled(ben.get(f"{EDIT}/basis"), f"{EDIT}/basis")
    change(dana, **{"child_name-panel": "W"})
    left = draft(world)
    for form in (mine | {"child_name-panel": ["G1"]}, mine | {"child_name-panel": ["x"]}):
        told = ben.send(NAME, form)
        assert HTTPStatus.UNPROCESSABLE_ENTITY == told.status_code
        assert "dana changed the draft since this page was shown. Nothing of yours was saved." in words(
            told.text
        )
        assert left == draft(world)
    told = ben.send(NAME, mine | {"child_name-panel": ["G1"]})
    assert "What you had chosen" in words(told.text)
    assert "A child's names at the panel never in part wider" in words(told.text)
    assert ["W"] == filled(told.text, NAME)["child_name-panel"]
    told = ben.send(f"{EDIT}/basis", basis | {"agreement": ["DSA-9"]})
    assert "The agreement was DSA-camhs and becomes DSA-9." in words(told.text)
    assert HTTPStatus.UNPROCESSABLE_ENTITY == ben.post(DISCARD, draft=mine["draft"])
    assert HTTPStatus.UNPROCESSABLE_ENTITY == ben.post(CHECK, draft=mine["draft"], version="2")
    assert HTTPStatus.UNPROCESSABLE_ENTITY == ben.post(EDIT, start="effective")
    assert (left, None) == (draft(world), document(world, 2))


BAD: Final[Mapping[str, Mapping[str, str | list[str]]]] = {
    "an unknown field": {"salary-panel": "F"},
    "a field of another page": {"address-panel": "F"},
    "a level that does not exist": {"child_name-panel": "G9"},
    "a level that the ladder lacks": {"child_name-panel": "G2"},
    "a mark of another kind of agency": {"child_name-panel": "A"},
    "a condition that this kind never meets": {"child_name-named_worker-panel": "F"},
    "no level": {"child_name-panel": ""},
    "two levels": {"child_name-panel": ["W", "F"]},
    "no reason": {"child_name-reason": " "},
    "a reason of two lines": {"child_name-reason": "one\ntwo"},
    "a reason that is a formula": {"child_name-reason": "=1+1"},
    "a reason without end": {"child_name-reason": "a" * 201},
    "a reason that no text can be": {"child_name-reason": "a\x00b"},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_what_a_page_did_not_ask_is_refused(
    world: World, dana: Somebody, bad: Mapping[str, str | list[str]]
) -> None:
    begin(dana)
    before = draft(world)
    refused = dana.send(NAME, filled(dana.get(NAME), NAME) | {"adult_name-panel": "W"} | dict(bad))
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code
    assert title(refused.text).startswith("Error: ")
    assert before == draft(world)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"agreement": ""}, "agreement"),
        ({"agreement": "two\nlines"}, "agreement"),
        ({"assessment": "@x"}, "assessment"),
        ({"article6": "6(1)(g)"}, "article6"),
        ({"article9": "9(2)(k)"}, "article9"),
        ({"review-day": "31", "review-month": "2"}, "review-day"),
        ({"review-day": "", "review-month": "", "review-year": ""}, "review-day"),
        ({"review-year": "2020"}, "review-year"),
        ({"review-year": "x"}, "review-year"),
        ({"version": "9"}, "agreement"),
    ],
)
def test_what_a_profile_cannot_rest_on_is_said_beside_it(
    world: World, dana: Somebody, bad: Mapping[str, str], field: str
) -> None:
    begin(dana)
    before, address = draft(world), f"{EDIT}/basis"
    refused = dana.send(address, filled(dana.get(address), address) | dict(bad))
    assert (HTTPStatus.UNPROCESSABLE_ENTITY, before) == (refused.status_code, draft(world))
    assert f'<a href="#{field}">' in refused.text


def test_what_a_profile_rests_on_is_changed(world: World, dana: Somebody) -> None:
    begin(dana)
    day = world.today + timedelta(days=400)
    answers = {
        "agreement": "DSA-7",
        "assessment": "DPIA-2",
        "article6": "6(1)(c)",
        "article9": "9(2)(g)",
        "review-day": str(day.day),
        "review-month": str(day.month),
        "review-year": str(day.year),
    }
    assert HTTPStatus.SEE_OTHER == change(dana, f"{EDIT}/basis", **answers)
    found = draft(world)
    assert found is not None
    assert found.profile is not None
    said = found.profile
    assert ("DSA-7", "DPIA-2", "6(1)(c)", "9(2)(g)", day) == (
        said.agreement,
        said.assessment,
        said.article6,
        said.article9,
        said.review_on,
    )
    assert "The agreement was DSA-camhs and becomes DSA-7." in words(dana.get(CHECK))


def test_a_condition_is_told_otherwise_and_told_as_above_again(world: World, dana: Somebody) -> None:
    address = f"{EDIT}/assessments"
    begin(dana)
    shipped = row(format_profile(template(AgencyKind.CAMHS)), "minutes", Condition.ATTENDED)
    assert shipped is not None
    change(dana, address, **{"minutes-attended-panel": "as-above", "minutes-attended-service": "as-above"})
    assert row(text_of(world), "minutes", Condition.ATTENDED) is None
    change(
        dana, address, **{"minutes-attended-service": "F", "minutes-attended-reason": "It has them already"}
    )
    always, attended = (
        row(text_of(world), "minutes", when) for when in (Condition.ALWAYS, Condition.ATTENDED)
    )
    assert always is not None
    assert attended is not None
    assert (always.panel, Mark.F) == (attended.panel, attended.service)
    stored = [(each.field, each.when) for each in parse_profile(text_of(world)).rows]
    assert [(each.field, each.when) for each in template(AgencyKind.CAMHS).rows] == stored
    refused = change(dana, address, **{"minutes-attended-reason": ""})
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused


def text_of(world: World) -> str:
    found = draft(world)
    assert found is not None
    return found.document


@pytest.mark.parametrize(
    "forged",
    [
        {"version": "9"},
        {"version": "1"},
        {"version": "x"},
        {"version": ""},
        {"draft": "0" * 64},
        {"draft": ""},
    ],
)
def test_a_forged_field_saves_nothing(world: World, dana: Somebody, forged: Mapping[str, str]) -> None:
    begin(dana)
    change(dana, **{"child_name-panel": "W"})
    before = draft(world)
    refused = dana.send(CHECK, hidden(dana.get(CHECK)) | dict(forged))
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code
    assert "Nothing was saved." in words(refused.text)
    assert (before, None) == (draft(world), document(world, 2))


def test_another_agencys_draft_opens_no_other(world: World, dana: Somebody) -> None:
    """What a page of one agency showed is sent to another's."""
    world.join("housing")
    begin(dana)
    begin(dana, code="housing")
    change(dana, **{"child_name-panel": "W"})
    before = draft(world, "housing")
    for page, form in (
        ("edit/name", filled(dana.get(NAME), NAME)),
        ("edit/check", dict(hidden(dana.get(CHECK)))),
        ("discard", {"draft": filled(dana.get(NAME), NAME)["draft"]}),
    ):
        refused = dana.send(f"/console/profiles/housing/{page}", form)
        assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code, page
        assert before == draft(world, "housing")
    with world.wiring.engine.connect() as connection:
        assert 1 == agencies.latest_version(connection, AgencyCode("housing"))


@pytest.mark.parametrize("code", ["nobody", "cam%00hs", "caf%C3%A9"])
def test_an_agency_that_is_none_has_no_draft(world: World, dana: Somebody, code: str) -> None:
    for page in ("", "/name", "/basis", "/check", "/nothing"):
        assert HTTPStatus.NOT_FOUND == dana.ask(f"/console/profiles/{code}/edit{page}").status_code
        assert dana.post(f"/console/profiles/{code}/edit{page}", start="template") == HTTPStatus.NOT_FOUND
    with world.wiring.engine.connect() as connection:
        assert 0 == connection.execute(text("SELECT count(*) FROM gateway.profile_draft")).scalar_one()


def test_without_a_draft_its_pages_lead_to_where_one_is_begun(dana: Somebody) -> None:
    for page in ("name", "basis", "check"):
        asked = dana.ask(f"{EDIT}/{page}")
        assert (HTTPStatus.SEE_OTHER, EDIT) == (asked.status_code, asked.headers["Location"])
    assert HTTPStatus.SEE_OTHER == dana.post(NAME, **{"child_name-panel": "F"})
    assert HTTPStatus.SEE_OTHER == dana.post(CHECK, version="2", draft="x")


def test_what_the_register_refuses_is_said_at_the_top(world: World, dana: Somebody) -> None:
    """Another version was stored since the page was shown: its number is taken, and the draft stays."""
    begin(dana)
    change(dana, **{"adult_name-panel": "W"})
    shown = hidden(dana.get(CHECK))
    stored = document(world, 1)
    assert stored is not None
    other = format_profile(replace(parse_profile(stored), version=2))
    service.store_profile(world.wiring, document=other, actor="test")
    refused = dana.send(CHECK, shown)
    assert "The agency's next profile version is 3. Nothing was saved." in words(refused.text)
    assert other == document(world, 2)
    assert "Another version was stored since the draft was begun" in words(dana.get(EDIT))
    saved = dana.send(CHECK, hidden(dana.get(CHECK)))
    assert "/console/approvals/profile/camhs/3" == saved.headers["Location"]


def test_what_no_profile_may_say_is_not_saved(world: World, dana: Somebody) -> None:
    """The counterexample is the sentence, and the officer goes on from the draft as it was."""
    world.join("housing")
    begin(dana, code="housing")
    address, check = (f"/console/profiles/housing/edit/{page}" for page in ("name", "check"))
    change(dana, address, **{"adult_name-panel": "G1", "adult_name-service": "G1"})
    before = draft(world, "housing")
    refused = dana.send(check, hidden(dana.get(check)))
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code
    assert "A housing service would be told" in words(refused.text).partition("Check and save")[0]
    assert before == draft(world, "housing")
    with world.wiring.engine.connect() as connection:
        assert 1 == agencies.latest_version(connection, AgencyCode("housing"))


def test_a_draft_that_cannot_be_read_any_more_can_be_discarded(world: World, dana: Somebody) -> None:
    begin(dana)
    with world.wiring.engine.begin() as connection:
        connection.execute(text("UPDATE gateway.profile_draft SET document = 'format = 9'"))
    page = dana.get(EDIT)
    assert "cannot read the draft any more" in words(page)
    assert HTTPStatus.SEE_OTHER == dana.ask(NAME).status_code
    assert HTTPStatus.SEE_OTHER == dana.send(DISCARD, hidden(page)).status_code
    assert draft(world) is None


def test_beside_a_section_stands_what_the_saved_draft_would_tell(world: World, dana: Somebody) -> None:
    begin(dana)
    beside = words(dana.get(NAME)).partition("What the saved draft would tell")[2]
    assert "Zofia Wren (child) A child's names" in beside
    assert "Zofia" not in words(dana.get(f"{EDIT}/contact"))
    change(dana, **{"child_name-panel": "G1", "child_name-service": "W"})
    page = dana.get(NAME)
    beside = words(page).partition("What the saved draft would tell")[2]
    assert "initials: ZW" in beside
    assert "Zofia" not in beside
    assert 1 == effective(world)


def test_every_step_says_what_it_tells(dana: Somebody) -> None:
    begin(dana)
    page = words(dana.get(f"{EDIT}/address"))
    assert "In full All that is recorded In part The ward In broad terms The postcode district Never" in page
    assert "In broad terms" not in words(dana.get(NAME))


def test_a_missing_row_is_never_and_can_be_written(world: World, dana: Somebody) -> None:
    stored = document(world, 1)
    assert stored is not None
    said = parse_profile(stored)
    rows = tuple(each for each in said.rows if each.field != "adult_name")
    service.store_profile(
        world.wiring, document=format_profile(replace(said, version=2, rows=rows)), actor="test"
    )
    begin(dana, "newest")
    form = filled(dana.get(NAME), NAME)
    assert (["W"], [""]) == (form["adult_name-panel"], form["adult_name-reason"])
    assert HTTPStatus.UNPROCESSABLE_ENTITY == change(dana)
    change(dana, **{"adult_name-panel": "G1", "adult_name-reason": "To match"})
    found = draft(world)
    assert found is not None
    assert found.profile is not None
    level = found.profile.level(FieldName("adult_name"), stage=Stage.PANEL, conditions=frozenset())
    assert Level.G1 is level


def test_whoever_wrote_a_version_cannot_approve_it_whoever_proposed_it(world: World) -> None:
    """Two officers, one of whom is a second approver, too: proposing is no way round who wrote it."""
    both = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, Role.SECOND_APPROVER, username="both")
    dana = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    begin(dana)
    change(both, **{"adult_name-reason": "Nobody needs it yet"})
    change(dana, **{"adult_name-panel": "W"})
    approve = dana.send(CHECK, hidden(dana.get(CHECK))).headers["Location"]
    dana.post(approve)
    page = both.get(approve)
    assert "Approve exactly this" not in page
    assert "You wrote it, so somebody else decides." in words(page)
    with world.wiring.engine.connect() as connection:
        waiting = connection.execute(
            text("SELECT approval_id, encode(digest, 'hex') AS digest FROM gateway.approval")
        ).one()
    address = f"/console/approvals/{waiting.approval_id}/approve"
    proved = hidden(both.send(address, digest=waiting.digest).text)
    refused = both.send(address, proved)
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code
    assert "Whoever wrote it cannot be the one who approves it." in words(refused.text)
    assert 1 == effective(world)
