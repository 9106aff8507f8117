"""The record of processing: every field that a profile gives is in it, nothing that none gives, from the moment it does."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from http import HTTPStatus
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given as given_by
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import text

import agencies
from agencies.catalogue import FIELDS
from agencies.model import (
    AgencyCode,
    AgencyKind,
    Condition,
    FieldName,
    Level,
    Mark,
    Profile,
    ProfileRow,
    Stage,
)
from agencies.profile_text import parse_profile
from agencies.register import AgencyState
from agencies.repository import profile_document
from gateway.agency import service as agency
from gateway.database import open_engine
from gateway.processing.model import SCHEDULE_1, Recipient, Record, given, to_json
from gateway.processing.service import record_of_processing
from gateway.safeguarding.repository import put_destinations
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import HUB
from tests.support.pages import Somebody, words
from tests.support.throwaway import Database
from tests.support.world import World

PAGE: Final = "/console/record-of-processing"


def gives(profile: Profile, name: FieldName) -> bool:
    """Whether a release could tell anything of a field: whatever the stage, and whatever conditions hold together."""
    conditions = [
        frozenset(each) for count in range(len(Condition) + 1) for each in combinations(Condition, count)
    ]
    for stage in Stage:
        for each in conditions:
            level = profile.level(name, stage=stage, conditions=each)
            if level > Level.W and FIELDS[name].ladder.rungs[level] is not None:
                return True
    return False


def expected(*profiles: Profile) -> set[str]:
    return {name for name in FIELDS for profile in profiles if gives(profile, name)}


def fields_of(document: Mapping[str, Any]) -> set[str]:
    return {each["field"] for each in document["categories_of_personal_data"]}


ROWS: Final = st.lists(
    st.builds(
        ProfileRow,
        field=st.sampled_from(list(FIELDS)),
        panel=st.sampled_from(Mark),
        service=st.sampled_from(Mark),
        when=st.sampled_from(Condition),
        reason=st.just("x"),
    ),
    max_size=30,
)


def profile_of(rows: list[ProfileRow], code: str = "camhs") -> Profile:
    return Profile(
        AgencyCode(code),
        AgencyKind.CAMHS,
        1,
        "DSA",
        "DPIA",
        date(2027, 1, 1),
        "6(1)(e)",
        "9(2)(h)",
        tuple(rows),
    )


def record_of(*profiles: Profile) -> Record:
    recipients = [
        Recipient(each.agency, each.agency, each.based_on_kind, AgencyState.ACTIVE, ("P1",), each, None)
        for each in profiles
    ]
    nothing: tuple[str, ...] = ()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Record(at, "A council", "", {}, recipients, (), nothing, (), nothing, nothing, "")


@given_by(first=ROWS, second=ROWS)
@hypothesis(max_examples=60, deadline=None)
def test_every_field_that_is_given_is_in_it_and_no_other(
    first: list[ProfileRow], second: list[ProfileRow]
) -> None:
    one, two = profile_of(first, "one"), profile_of(second, "two")
    document: Any = to_json(record_of(one, two))
    assert expected(one, two) == fields_of(document)
    for each, profile in zip(document["recipients"], (one, two), strict=True):
        assert expected(profile) == {told["field"] for told in each["fields"]}
    for each in document["categories_of_personal_data"]:
        whom = {profile.agency for profile in (one, two) if gives(profile, each["field"])}
        assert whom == set(each["given_to"])


@given_by(rows=ROWS)
@hypothesis(max_examples=100, deadline=None)
def test_the_levels_are_those_that_a_release_asks_for(rows: list[ProfileRow]) -> None:
    profile = profile_of(rows)
    for each in given(profile):
        for row in each.rows:
            holds = frozenset({row.when})
            for stage, told in ((Stage.PANEL, row.panel), (Stage.SERVICE, row.service)):
                level = profile.level(each.field, stage=stage, conditions=holds)
                assert told == (level if FIELDS[each.field].ladder.rungs[level] is not None else Level.W)


def test_every_shipped_basis_has_its_condition_in_words() -> None:
    for file in (Path(agencies.__file__).parent / "kinds").glob("*.toml"):
        assert parse_profile(file.read_text("utf-8")).article9 in SCHEDULE_1


# --- From what is in effect ---------------------------------------------------------------------------------


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "charity", "police"):
        made.join(code)
    return made


@pytest.fixture
def dana(wiring: Wiring) -> Somebody:
    return Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username="dana")


def document_of(who: Somebody) -> dict[str, Any]:
    answer = who.ask(f"{PAGE}/file")
    assert HTTPStatus.OK == answer.status_code
    found: dict[str, Any] = json.loads(answer.text)
    return found


def effective(world: World, code: str, version: int = 1) -> Profile:
    with world.wiring.engine.connect() as connection:
        return parse_profile(profile_document(connection, AgencyCode(code), version=version) or "")


def store(world: World, code: str, field: str, panel: str, *, version: int) -> None:
    """Store a version with another mark for one field at the panel; it does not become effective."""
    with world.wiring.engine.connect() as connection:
        old = profile_document(connection, AgencyCode(code), version=version - 1) or ""
    head, _, rest = old.partition(f'field = "{field}"')
    line, _, tail = rest.partition("panel = ")
    new = f'{head}field = "{field}"{line}panel = "{panel}"{tail[tail.index(chr(34), 1) + 1 :]}'
    agency.store_profile(
        world.wiring,
        document=new.replace(f"version = {version - 1}", f"version = {version}", 1),
        actor="test",
    )


def test_it_is_what_the_effective_profiles_give_and_changes_as_a_version_takes_effect(
    world: World, dana: Somebody
) -> None:
    shipped = {code: effective(world, code) for code in ("camhs", "charity", "police")}
    before = document_of(dana)
    assert expected(*shipped.values()) == fields_of(before)
    assert {"camhs", "charity", "police"} == {each["code"] for each in before["recipients"]}
    only = next(
        name
        for name in FIELDS
        if gives(shipped["camhs"], name) and not gives(shipped["charity"], name) and name != "case_ref"
    )
    for stage in ("panel", "service"):
        assert only in fields_of(before), stage
    assert FIELDS[only].description in words(dana.get(PAGE))
    store(
        world,
        "charity",
        "ethnicity",
        "G1" if not gives(shipped["charity"], FieldName("ethnicity")) else "W",
        version=2,
    )
    assert before["recipients"] == document_of(dana)["recipients"], (
        "a version that is only stored gives nothing"
    )
    agency.adopt_synthetic(world.wiring, code=AgencyCode("charity"), version=2, actor="test")
    after = document_of(dana)
    assert expected(shipped["camhs"], effective(world, "charity", 2), shipped["police"]) == fields_of(after)
    charity = next(each for each in after["recipients"] if each["code"] == "charity")
    assert 2 == charity["profile_version"]
    assert before["recipients"] != after["recipients"]


def test_the_page_and_the_file_say_the_same(world: World, dana: Somebody) -> None:
    with world.wiring.engine.begin() as connection:
        put_destinations(connection, (HUB,))
    page, document = words(dana.get(PAGE)), document_of(dana)
    told = [
        *(each["words"] for each in document["categories_of_personal_data"]),
        *(each["words"] for each in document["purposes"]),
        *(each["what"] for each in document["periods"]),
        *(each["how_long"] for each in document["periods"]),
        *(each["name"] for each in document["recipients"]),
        *(each["agreement"]["reference"] for each in document["recipients"]),
        *(each["schedule1"] for each in document["recipients"]),
        *(each["name"] for each in document["safeguarding_destinations"]),
        *document["categories_of_data_subjects"],
        *document["security_measures"],
        *document["transfers_outside_the_uk"],
        document["controller"]["name"],
    ]
    assert len(told) > 60
    for each in told:
        assert " ".join(each.split()) in page, each
    untold = {field.description for name, field in FIELDS.items() if name not in fields_of(document)}
    assert untold
    for each in untold:
        assert each not in page, each


def test_what_the_settings_say_is_what_it_says(wiring: Wiring) -> None:
    said = replace(
        wiring.settings,
        consent_months=11,
        extract_days=23,
        recall_days=9,
        data_protection_contact="dpo@council.example",
        policy_document="APD-7",
    )
    record = record_of_processing(replace(wiring, settings=said))
    periods = " ".join(each.how_long for each in record.periods)
    for expected_words in ("11 months", "23 days", "9 working days"):
        assert expected_words in periods
    assert ("dpo@council.example", "APD-7") == (record.contact, record.policy_document)


def test_what_nobody_said_is_said_to_be_missing(dana: Somebody) -> None:
    page = words(dana.get(PAGE))
    assert "Not said: set GATEWAY_DATA_PROTECTION_CONTACT" in page
    assert "Not said: set GATEWAY_POLICY_DOCUMENT" in page
    assert "no profile gives anything" in page


def test_a_profile_that_cannot_be_read_gives_nothing(
    world: World, dana: Somebody, database: Database
) -> None:
    """As in a release; and the record is there all the same."""
    owner = open_engine(database.owner_url)
    with owner.begin() as connection:
        connection.execute(text("SELECT gateway.move_gates('{}', ARRAY['camhs'])"))
        connection.execute(
            text(
                "UPDATE agencies.profile_version SET document = 'x', sha256 = sha256('x') WHERE agency_code = 'camhs'"
            )
        )
    owner.dispose()
    document = document_of(dana)
    assert {"charity", "police"} == {each["code"] for each in document["recipients"]}
    assert expected(effective(world, "charity"), effective(world, "police")) == fields_of(document)


def test_it_is_read_by_those_who_account_for_it(wiring: Wiring, world: World) -> None:
    assert world
    for role, expected_status in ((Role.AUDITOR, 200), (Role.SECOND_APPROVER, 200), (Role.MANAGER, 403)):
        who = Somebody(wiring, role, username=f"some.{role.name.lower().replace('_', '-')}")
        assert expected_status == who.ask(PAGE).status_code == who.ask(f"{PAGE}/file").status_code
