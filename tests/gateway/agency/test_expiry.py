"""What ends is noticed in time, once per threshold, by the one who can renew it."""

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from agencies import repository
from agencies.model import AgencyCode
from agencies.register import Agreement
from certs.certificate import EXPIRY_NOTICE_DAYS
from certs.jwk import new_es256_key, public_part
from consent_registry.birthdays import LONDON, midnight
from gateway.agency import service
from gateway.agency.expiry import covered_until, watch_expiry
from gateway.disclosure_log.service import act
from gateway.oauth import service as oauth
from gateway.oauth.model import Scope
from gateway.tasks.model import Audience, TaskKind
from gateway.tasks.repository import finish, open_tasks
from gateway.wiring import Wiring
from tests.support.agencies import onboard

TODAY = date(2026, 10, 7)
END = date(2099, 1, 1)  # of every agreement that ``onboard`` makes
DAY = timedelta(days=1)


def before_end(days: float) -> datetime:
    return midnight(END) - days * DAY


def agreement(first: date, end: date) -> Agreement:
    return Agreement("DSA-2", "DPIA-2", first, end)


def notices(wiring: Wiring, kind: TaskKind) -> list[tuple[str, str | int]]:
    with wiring.engine.connect() as connection:
        return [(task.about, task.facts["notice"]) for task in open_tasks(connection) if task.kind is kind]


def add_certificate(wiring: Wiring, thumbprint: str, *, not_after: datetime, state: str = "active") -> None:
    with act(wiring, agencies=("camhs",)) as change:
        change.connection.execute(
            text(
                "INSERT INTO gateway.client_certificate (thumbprint, agency_code, serial, issuer, subject, not_after,"
                " state, revoked_at, reason) VALUES (:thumbprint, 'camhs', '1f', 'CN=ca', 'CN=camhs', :not_after,"
                " CAST(:state AS text), CASE WHEN CAST(:state AS text) = 'revoked' THEN now() END,"
                " CASE WHEN CAST(:state AS text) = 'revoked' THEN 'superseded' END)"
            ),
            {"thumbprint": thumbprint, "not_after": not_after, "state": state},
        )
        change.record(kind="client.register", actor="test", agency="camhs")


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(60.1, [], id="more than 60 days"),
        pytest.param(60, [60], id="60 days"),
        pytest.param(30.1, [60], id="not yet 30"),
        pytest.param(30, [30], id="30 days"),
        pytest.param(7, [7], id="7 days"),
        pytest.param(0.5, [7], id="the last evening"),
        pytest.param(-0.5, [0], id="ended today"),
        pytest.param(-400, [0], id="ended long ago"),
    ],
)
def test_an_agreement_is_noticed_at_its_thresholds(wiring: Wiring, days: float, expected: list[int]) -> None:
    onboard(wiring, "camhs")
    assert len(expected) == watch_expiry(wiring, before_end(days))
    assert [("camhs", notice) for notice in expected] == notices(wiring, TaskKind.AGREEMENT_EXPIRING)


def test_each_threshold_is_noticed_once_although_nobody_did_the_one_before(wiring: Wiring) -> None:
    onboard(wiring, "camhs")
    for days in (60, 59, 30, 29, 8, 7, 1, -1, -2):
        watch_expiry(wiring, before_end(days))
    expected = [*EXPIRY_NOTICE_DAYS, 0]
    assert [("camhs", notice) for notice in expected] == notices(wiring, TaskKind.AGREEMENT_EXPIRING)


def test_a_notice_that_was_dealt_with_does_not_come_back(wiring: Wiring) -> None:
    onboard(wiring, "camhs")
    watch_expiry(wiring, before_end(30))
    with wiring.engine.begin() as connection:
        for task in open_tasks(connection):
            finish(connection, task.id, actor="dana.dpo", now=before_end(30))
    assert 0 == watch_expiry(wiring, before_end(29))
    assert 1 == watch_expiry(wiring, before_end(7))


def test_a_renewed_agreement_is_not_expiring(wiring: Wiring) -> None:
    camhs = onboard(wiring, "camhs")
    with act(wiring, agencies=(camhs,)) as change:
        repository.add_agreement(change.connection, camhs, agreement=agreement(END, END + 365 * DAY))
        change.record(kind="agency.onboard", actor="test", agency=camhs)
    assert 0 == watch_expiry(wiring, before_end(7))


@pytest.mark.parametrize("suspended", [True, False])
def test_only_active_agencies_are_watched(wiring: Wiring, *, suspended: bool) -> None:
    onboard(wiring, "camhs", active=suspended)
    if suspended:
        service.suspend(wiring, code=AgencyCode("camhs"), actor="test")
    assert 0 == watch_expiry(wiring, before_end(7))


def test_the_officer_hears_of_agreements_and_the_operator_of_certificates(wiring: Wiring) -> None:
    onboard(wiring, "camhs")
    add_certificate(wiring, "thumb-1", not_after=before_end(0))
    assert 2 == watch_expiry(wiring, before_end(30))
    with wiring.engine.connect() as connection:
        (officers,) = open_tasks(connection, audience=Audience.DATA_PROTECTION_OFFICER)
        (operators,) = open_tasks(connection, audience=Audience.OPERATOR)
    assert (TaskKind.AGREEMENT_EXPIRING, "camhs", before_end(0)) == (
        officers.kind,
        officers.about,
        officers.due,
    )
    assert (TaskKind.CERTIFICATE_EXPIRING, "thumb-1", before_end(0)) == (
        operators.kind,
        operators.about,
        operators.due,
    )
    assert {"ends": "2099-01-01", "notice": 30, "agency": "camhs"} == operators.facts


def test_every_certificate_is_noticed_at_each_threshold(wiring: Wiring) -> None:
    onboard(wiring, "camhs")
    now = before_end(1000)
    add_certificate(wiring, "later", not_after=now + 20 * DAY)
    add_certificate(wiring, "sooner", not_after=now + 5 * DAY)
    add_certificate(wiring, "revoked", not_after=now + 5 * DAY, state="revoked")
    add_certificate(wiring, "far", not_after=now + 100 * DAY)
    assert 2 == watch_expiry(wiring, now)
    assert 0 == watch_expiry(wiring, now + DAY)
    assert 1 == watch_expiry(wiring, now + 6 * DAY)
    expected = [("sooner", 7), ("sooner", 0), ("later", 30)]
    assert expected == notices(wiring, TaskKind.CERTIFICATE_EXPIRING)


@pytest.mark.parametrize(
    ("agreements", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([(1, 50)], None, id="not begun"),
        pytest.param([(-10, 50)], 50, id="one"),
        pytest.param([(0, 50)], 50, id="begins today"),
        pytest.param([(-10, 0)], 0, id="ends today"),
        pytest.param([(-30, -20), (-20, -10)], -10, id="the last of two that ended"),
        pytest.param([(-10, 50), (50, 90)], 90, id="renewed without a gap"),
        pytest.param([(50, 90), (-10, 50)], 90, id="in another order"),
        pytest.param([(-10, 50), (51, 90)], 50, id="a day between"),
        pytest.param([(-10, 50), (20, 90)], 90, id="overlapping"),
        pytest.param([(-10, 90), (20, 50)], 90, id="one inside the other"),
        pytest.param([(-10, 0), (1, 90)], 0, id="the next begins tomorrow"),
        pytest.param([(-10, -5), (0, 90)], 90, id="after a gap, begins today"),
        pytest.param([(-10, 50), (60, 90), (50, 60)], 90, id="a chain of three"),
    ],
)
def test_coverage_ends_where_no_agreement_goes_on(
    agreements: list[tuple[int, int]], expected: int | None
) -> None:
    """A renewal that starts a day late stops every release for a day: that day is the end."""
    spans = [agreement(TODAY + first * DAY, TODAY + end * DAY) for first, end in agreements]
    found = covered_until(spans, today=TODAY)
    assert expected == (None if found is None else (found - TODAY).days)


def test_the_officer_hears_once_per_threshold_that_a_system_loses_its_last_key(wiring: Wiring) -> None:
    camhs, now = onboard(wiring, "camhs"), before_end(1000)
    keys = [public_part(new_es256_key()) for _ in range(3)]
    client_id = oauth.register_client(
        wiring, agency=camhs, scopes=[Scope.EXTRACT_READ], keys=keys[:2], actor="test"
    )
    oauth.approve_synthetic(wiring, agency=camhs, actor="test")
    end = now.astimezone(LONDON).date() + 20 * DAY
    oauth.replace_key(wiring, client_id=client_id, key=keys[2], old_end_on=end, actor="test")
    assert [1, 0, 1] == [watch_expiry(wiring, now + days * DAY) for days in (0, 5, 14)]
    assert [(client_id, 30), (client_id, 7)] == notices(wiring, TaskKind.KEY_EXPIRING)
    oauth.approve_synthetic(wiring, agency=camhs, actor="test")
    assert 0 == watch_expiry(wiring, now + 30 * DAY)


def test_a_certificate_of_the_council_itself_belongs_to_no_agency(wiring: Wiring) -> None:
    onboard(wiring, "camhs")
    thumbprint = uuid4().hex
    with wiring.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO gateway.client_certificate (thumbprint, serial, issuer, subject, not_after, state)"
                " VALUES (:thumbprint, '1f', 'CN=ca', 'CN=council', :end, 'active')"
            ),
            {"thumbprint": thumbprint, "end": before_end(1000)},
        )
    assert 1 == watch_expiry(wiring, before_end(1007))
    with wiring.engine.connect() as connection:
        (task,) = open_tasks(connection)
    assert {"ends", "notice"} == set(task.facts)
