"""What needs the officer: each number on the home page is a link to a list of as many rows."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from agencies.model import AgencyCode, AgencyKind
from agencies.register import PractitionerPolicy
from certs.jwk import new_es256_key, public_part
from consent_registry.birthdays import LONDON
from gateway.agency import service
from gateway.agency.application import Application
from gateway.agency.onboarding import onboard
from gateway.agency.upcoming import NOTICES, Ending, upcoming
from gateway.disclosure_log.service import act
from gateway.oauth import service as oauth
from gateway.oauth.model import ClientId, Scope
from gateway.oauth.registration import end_keys
from gateway.staff.model import Role
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import caseworker, refer, world_of
from tests.support.agencies import onboard as with_agency
from tests.support.pages import Somebody, words
from tests.support.world import World, household, small_family

HOME: Final = "/console"
MAIN: Final = re.compile(
    r'href="([^"]+)"><span class="app-worklist__count">(\d+)</span> <span class="app-worklist__words">([^<]+)<'
)
NEARER: Final = re.compile(r'href="(/console/today/\w+/\d+)">(\d+) within')


@pytest.fixture
def dana(wiring: Wiring) -> Somebody:
    return Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username="dana")


def numbers(who: Somebody) -> dict[str, int]:
    """Every number of the home page by where it leads."""
    page = who.get(HOME)
    found = {unescape(address): int(count) for address, count, _ in MAIN.findall(page)}
    return found | {unescape(address): int(count) for address, count in NEARER.findall(page)}


def rows(page: str) -> int:
    """The rows of a page's first table, without its head."""
    table = re.search(r'<tbody class="govuk-table__body">(.*?)</tbody>', page, re.DOTALL)
    return 0 if table is None else table[1].count("<tr ")


def add_agency(wiring: Wiring, code: str, *, ends: int, review: int) -> None:
    """An active agency whose agreement ends, and whose profile is due for review, in so many days."""
    today = datetime.now(UTC).date()
    application = Application(
        code=AgencyCode(code),
        kind=AgencyKind.CHARITY,
        name=f"The {code}",
        agreement=f"DSA-{code}",
        assessment="DPIA-1",
        review_on=today + timedelta(days=review),
        valid_from=today - timedelta(days=1000),
        valid_until=today + timedelta(days=ends),
        policy=PractitionerPolicy.REGISTERED,
        practitioners=(),
    )
    onboard(wiring, application, now=datetime.now(UTC), actor="test")
    service.activate_synthetic(wiring, code=application.code, actor="test")


def add_certificate(wiring: Wiring, code: str, *, days: int) -> None:
    """A certificate of an agency that ends in so many days."""
    with act(wiring, agencies=(code,)) as change:
        change.connection.execute(
            text(
                "INSERT INTO gateway.client_certificate (thumbprint, agency_code, serial, issuer, subject, not_after, state)"
                " VALUES (:thumbprint, :code, '1f', 'CN=ca', 'CN=x', now() + make_interval(days => :days), 'active')"
            ),
            {"thumbprint": uuid4().hex, "code": code, "days": days},
        )
        change.record(kind="client.register", actor="test", agency=code)


def add_key(wiring: Wiring, code: str, *, days: int | None) -> str:
    """A system of an agency with one key, which ends in so many days; absent: it has no end."""
    client_id = oauth.register_client(
        wiring,
        agency=AgencyCode(code),
        scopes=[Scope.EXTRACT_READ],
        keys=[public_part(new_es256_key())],
        actor="test",
    )
    oauth.approve_synthetic(wiring, agency=AgencyCode(code), actor="test")
    if days is not None:
        with act(wiring, agencies=(code,)) as change:
            today = datetime.now(LONDON).date()
            end_keys(change.connection, client_id, ends_on=today + timedelta(days=days))
            change.record(kind="client.add_key", actor="test", agency=code)
    return client_id


def add_recalls(wiring: Wiring, code: str, count: int, *, family: str | None = None) -> None:
    """Recalls that were not answered in time, one that was, and one that has time."""
    with wiring.engine.begin() as connection:
        for late, answer in [*[(1, None)] * count, (1, "deleted"), (-5, None)]:
            connection.execute(
                text(
                    "INSERT INTO gateway.recall (family_id, agency_code, extracts, raised_at, due_on, answer, answered_at)"
                    " VALUES (CAST(:family AS uuid), :code, ARRAY[gen_random_uuid()], now(), current_date - :late,"
                    " CAST(:answer AS text), CASE WHEN CAST(:answer AS text) IS NOT NULL THEN now() END)"
                ),
                {"family": family or str(uuid4()), "code": code, "late": late, "answer": answer},
            )


DAYS: Final = st.sampled_from([1, 6, 9, 29, 32, 59, 63, 400])


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.tuples(DAYS, DAYS, DAYS, DAYS), counts=st.tuples(st.integers(0, 2), st.integers(0, 2)))
def test_each_number_is_as_many_rows_where_it_leads(
    wiring: Wiring, dana: Somebody, days: tuple[int, int, int, int], counts: tuple[int, int]
) -> None:
    """Example after example adds to what is there, so that lists grow long and mixed."""
    code, (ends, review, certificate, key), (recalls, tasks) = f"a-{uuid4().hex[:8]}", days, counts
    add_agency(wiring, code, ends=ends, review=review)
    add_certificate(wiring, code, days=certificate)
    add_key(wiring, code, days=key)
    add_recalls(wiring, code, recalls)
    with wiring.engine.begin() as connection:
        for _ in range(tasks):
            raise_task(
                connection,
                kind=TaskKind.PULLING_HOURS,
                due=datetime.now(UTC),
                about=code,
                occasion=uuid4().hex,
            )
    found = numbers(dana)
    assert found
    for address, count in found.items():
        assert count == rows(dana.get(address)), address
    with wiring.engine.connect() as connection:
        coming = upcoming(connection, now=datetime.now(UTC))
    for ending in Ending:
        for notice in NOTICES:
            expected = sum(each.ending is ending and each.notice <= notice for each in coming)
            assert expected == found.get(f"/console/today/{ending}/{notice}", 0), (ending, notice)


@pytest.mark.parametrize(
    ("days", "expected"),
    [(400, []), (63, []), (59, [60]), (31, [60]), (29, [60, 30]), (6, [60, 30, 7])],
)
def test_a_profile_to_review_comes_nearer(
    wiring: Wiring, dana: Somebody, days: int, expected: list[int]
) -> None:
    add_agency(wiring, "charity", ends=400, review=days)
    found = {address for address in numbers(dana) if "/review/" in address}
    assert {f"/console/today/review/{each}" for each in expected} == found


def test_a_list_says_which_and_when(wiring: Wiring, dana: Somebody) -> None:
    add_agency(wiring, "charity", ends=20, review=5)
    add_certificate(wiring, "charity", days=40)
    day = datetime.now(UTC).date() + timedelta(days=5)
    said = words(dana.get("/console/today/review/60"))
    assert f"The charity version 1 {day.day} {day:%B %Y} within 7 days" in said
    assert "The charity" in words(dana.get("/console/today/agreement/30"))
    assert "There is nothing of this." in words(dana.get("/console/today/agreement/7"))
    assert [1, 0] == [rows(dana.get(f"/console/today/certificate/{each}")) for each in (60, 30)]


def test_what_is_over_is_not_forgotten(wiring: Wiring) -> None:
    add_agency(wiring, "charity", ends=5, review=5)
    add_certificate(wiring, "charity", days=5)
    add_key(wiring, "charity", days=5)
    with wiring.engine.connect() as connection:
        found = upcoming(connection, now=datetime.now(UTC) + timedelta(days=9))
    assert dict.fromkeys(Ending, 0) == {each.ending: each.notice for each in found}


def test_a_system_with_a_key_without_end_is_on_no_list(wiring: Wiring, dana: Somebody) -> None:
    """A key that was replaced is over on its day, and nobody has to see to that."""
    add_agency(wiring, "charity", ends=400, review=400)
    client_id = add_key(wiring, "charity", days=5)
    assert {"/console/today/key/60": 1, "/console/today/key/30": 1, "/console/today/key/7": 1} == numbers(
        dana
    )
    assert f"The charity {client_id}" in words(dana.get("/console/today/key/7"))
    oauth.add_keys(wiring, client_id=ClientId(client_id), keys=[public_part(new_es256_key())], actor="test")
    assert 1 == numbers(dana)["/console/today/key/7"]
    oauth.approve_synthetic(wiring, agency=AgencyCode("charity"), actor="test")
    assert {} == numbers(dana)


def test_a_proposal_waits_on_the_officers_page_too(wiring: Wiring, dana: Somebody) -> None:
    with_agency(wiring, "charity", active=False)
    assert HTTPStatus.SEE_OTHER == dana.post("/console/approvals/agency/charity/0")
    assert {"/console/approvals": 1} == numbers(dana)
    assert 1 == rows(dana.get("/console/approvals"))
    assert "Proposals that wait for a second person since" in words(dana.get(HOME))


def test_referrals_are_as_many_as_their_list_has(wiring: Wiring, dana: Somebody) -> None:
    world = world_of(wiring)
    refer(world, caseworker(world))
    found = numbers(dana)
    assert found["/console/referrals/review"] == rows(dana.get("/console/referrals/review")) > 0


def test_a_recall_of_a_family_that_is_absent_is_neither_counted_nor_listed(wiring: Wiring) -> None:
    world = World(wiring)
    for code in ("early-help", "camhs"):
        world.join(code)
    household(world, "EH-1", listed=False)
    world.import_families(
        {**small_family("EH-1"), "conflicts": [{"agency": "early-help", "practitioner": "dana"}]}
    )
    add_recalls(wiring, "camhs", 1, family=str(world.family_id("EH-1")))
    dana, drew = (Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username=name) for name in ("dana", "drew"))
    assert ({}, 0) == (numbers(dana), rows(dana.get("/console/today/recalls")))
    assert ({"/console/today/recalls": 1}, 1) == (numbers(drew), rows(drew.get("/console/today/recalls")))


@pytest.mark.parametrize("address", ["review/61", "review/0", "review/x", "nothing/60", "review/060"])
def test_a_list_that_there_is_not_is_not_found(dana: Somebody, address: str) -> None:
    assert HTTPStatus.NOT_FOUND == dana.ask(f"/console/today/{address}").status_code


def test_only_the_officer_has_these_lists(wiring: Wiring) -> None:
    add_agency(wiring, "charity", ends=5, review=5)
    eve = Somebody(wiring, Role.AUDITOR, username="eve")
    assert {} == numbers(eve)
    assert HTTPStatus.FORBIDDEN == eve.ask("/console/today/review/60").status_code
