"""Who may be told what: the same as a release is told, as a table, as sentences, as a file, and as it was."""

import csv
from dataclasses import replace
from datetime import timedelta
from html import unescape
from http import HTTPStatus

import pytest

from agencies.catalogue import FIELDS
from agencies.model import AgencyKind, Mark, Stage
from agencies.profile_text import format_profile, template
from gateway.agency import service
from gateway.console.profile_matrix import AgencyProfile, cells, sentences, to_csv
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody, title, words
from tests.support.world import World

HOUSING = AgencyProfile("housing", "Housing", template(AgencyKind.HOUSING))
NOBODY = AgencyProfile("new", "The new one", None)


def test_an_agency_reads_as_sentences() -> None:
    said = sentences(HOUSING)
    assert len(FIELDS) == len(said)
    assert "Housing never sees a child's mental and emotional health." in said
    assert any(sentence.endswith("in full.") for sentence in said)
    assert said.index("Housing never sees a child's mental and emotional health.") > said.index(
        next(each for each in said if each.endswith("in full."))
    )
    assert all("never sees" in sentence for sentence in sentences(NOBODY))
    assert any("never sees NHS number" in sentence for sentence in sentences(NOBODY))


def test_every_cell_is_what_a_release_asks_for() -> None:
    rows = list(csv.reader(to_csv([HOUSING, NOBODY]).splitlines()))
    assert ["field", "stage", "housing", "new"] == rows[0]
    assert 2 * len(FIELDS) == len(rows) - 1
    profile = HOUSING.profile
    assert profile is not None
    for name, stage, level, nothing in rows[1:]:
        expected = profile.level(
            next(f for f in FIELDS if f == name), stage=Stage(stage), conditions=frozenset()
        )
        assert (expected.name, "W") == (level, nothing)
    assert len(FIELDS) == len(cells([HOUSING]))


@pytest.mark.parametrize("code", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_begins_a_formula(code: str) -> None:
    head = to_csv([replace(NOBODY, code=code)]).split("\n", maxsplit=1)[0]
    assert "'" + code[0] in head


def test_the_table_is_as_it_is_and_as_it_was(wiring: Wiring) -> None:
    world = World(wiring)
    world.join("housing")
    before = template(AgencyKind.HOUSING)
    rows = tuple(
        replace(row, panel=Mark.F, service=Mark.F) if row.field == "sen" else row for row in before.rows
    )
    following = replace(before, version=2, agreement="DSA-2", assessment="DPIA-2", rows=rows)
    service.store_profile(wiring, document=format_profile(following), actor="test")
    dana = Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    assert "never" in words(dana.get("/console/profiles"))
    service.adopt_synthetic(wiring, code=following.agency, version=2, actor="test")
    now = words(dana.get("/console/profiles"))
    assert "Special educational needs and provision full" in now
    yesterday = world.today - timedelta(days=1)
    then = dana.get(
        f"/console/profiles?on-day={yesterday.day}&on-month={yesterday.month}&on-year={yesterday.year}"
    )
    assert "Special educational needs and provision never" in words(then)
    assert "Error: Who may be told what" == title(
        dana.get("/console/profiles?on-day=31&on-month=2&on-year=2026")
    )
    for odd in ("on-day=1&on-month=1&on-year=1", "on-day=31&on-month=12&on-year=9999", "on-day=x", "x=%00"):
        status = dana.ask(f"/console/profiles?{odd}").status_code
        assert status in {HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY}


def test_one_agency_has_a_page_and_all_of_them_a_file(wiring: Wiring) -> None:
    World(wiring).join("housing")
    dana = Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    assert "The housing never sees a child's mental" in words(dana.get("/console/profiles/housing"))
    assert HTTPStatus.NOT_FOUND == dana.ask("/console/profiles/nobody").status_code
    assert 'href="/console/profiles/housing/edit"' in dana.get("/console/profiles/housing")
    farah = Somebody(wiring, Role.AUDITOR, username="farah")
    assert 'href="/console/profiles/housing/edit"' not in farah.get("/console/profiles/housing")
    file = dana.ask("/console/profile-matrix")
    assert ("text/csv; charset=utf-8", True) == (
        file.headers["Content-Type"],
        file.headers["Content-Disposition"].startswith("attachment"),
    )


def test_the_file_is_of_the_day_that_the_page_shows(wiring: Wiring) -> None:
    world = World(wiring)
    world.join("housing")
    dana = Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    day = world.today - timedelta(days=1)
    query = f"on-day={day.day}&on-month={day.month}&on-year={day.year}"
    page = dana.get(f"/console/profiles?{query}")
    address = unescape(page.partition('href="/console/profile-matrix')[2].partition('"')[0])
    file = dana.ask(f"/console/profile-matrix{address}")
    assert f'attachment; filename="profiles-{day}.csv"' == file.headers["Content-Disposition"]
    levels = {line.rpartition(",")[2] for line in file.text.splitlines()[1:]}
    assert {"W"} == levels
    assert "F" in {line.rpartition(",")[2] for line in dana.get("/console/profile-matrix").splitlines()[1:]}


@pytest.mark.parametrize("address", ["/console/profiles", "/console/profile-matrix"])
def test_a_day_that_nobody_can_know_is_said_and_not_guessed(wiring: Wiring, address: str) -> None:
    """Now in place of tomorrow would be a table that looks like a promise."""
    world = World(wiring)
    world.join("housing")
    dana = Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    to_come = world.today + timedelta(days=1)
    future = f"on-day={to_come.day}&on-month={to_come.month}&on-year={to_come.year}"
    for query, sentence in (
        (future, "Nobody knows yet"),
        ("on-day=31&on-month=12&on-year=9999", "Nobody knows yet"),
        ("on-day=30&on-month=2&on-year=2026", "Enter a day that exists"),
        ("on-day=x&on-month=2&on-year=2026", "Enter a day that exists"),
        ("on-day=1", "Enter a day that exists"),
    ):
        answer = dana.ask(f"{address}?{query}")
        assert (HTTPStatus.UNPROCESSABLE_ENTITY, "text/html; charset=utf-8") == (
            answer.status_code,
            answer.headers["Content-Type"],
        )
        assert sentence in words(answer.text)
        assert "<table" not in answer.text
    today = f"on-day={world.today.day}&on-month={world.today.month}&on-year={world.today.year}"
    assert HTTPStatus.OK == dana.ask(f"{address}?{today}").status_code
