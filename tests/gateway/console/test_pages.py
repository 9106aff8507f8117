"""What the pages say: worklists that are one's own, words for every code, and one's sessions."""

from datetime import UTC, datetime

import pytest

from gateway.console.words import TASK_WORDS, due, instant
from gateway.oauth.access import SESSION_COOKIE
from gateway.staff import service
from gateway.staff.model import Role
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import open_tasks, raise_task
from gateway.wiring import Wiring
from tests.support.pages import Somebody

DUE = datetime(2026, 6, 4, 8, 30, tzinfo=UTC)


@pytest.fixture
def waiting(wiring: Wiring) -> None:
    with wiring.engine.begin() as connection:
        raise_task(connection, kind=TaskKind.CONSENT_STOPPED, due=DUE, occasion="1")
        raise_task(connection, kind=TaskKind.CONSENT_STOPPED, due=DUE, occasion="2")
        raise_task(connection, kind=TaskKind.LOG_FORKED, due=DUE, about="<b>camhs</b>".strip("<>b/"))


def test_every_kind_of_task_has_words_of_its_own() -> None:
    assert set(TaskKind) == TASK_WORDS.keys()
    assert len(TASK_WORDS) == len(set(TASK_WORDS.values()))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2025, 6, 4, 8, 30, tzinfo=UTC), "4 June 2025 at 9:30am"),
        (datetime(2025, 1, 4, 0, 5, tzinfo=UTC), "4 January 2025 at 12:05am"),
        (datetime(2025, 1, 4, 12, 0, tzinfo=UTC), "4 January 2025 at 12:00pm"),
        (datetime(2025, 7, 4, 23, 30, tzinfo=UTC), "5 July 2025 at 12:30am"),
    ],
)
def test_times_are_said_as_people_say_them(at: datetime, expected: str) -> None:
    assert expected == instant(at)


def test_midnight_is_the_end_of_a_day() -> None:
    assert "the end of 31 May 2026" == due(datetime(2026, 5, 31, 23, tzinfo=UTC))
    assert "1 June 2026 at 12:01am" == due(datetime(2026, 5, 31, 23, 1, tzinfo=UTC))


@pytest.mark.usefixtures("waiting")
def test_ones_work_is_ones_roles(wiring: Wiring) -> None:
    caseworker = Somebody(wiring, Role.CASEWORKER).get("/console")
    assert TASK_WORDS[TaskKind.CONSENT_STOPPED] in caseworker
    assert '<span class="app-worklist__count">2</span>' in caseworker
    assert "first due 4 June 2026 at 9:30am" in caseworker
    assert TASK_WORDS[TaskKind.LOG_FORKED] not in caseworker
    both = Somebody(wiring, Role.CASEWORKER, Role.OPERATOR).get("/console")
    assert TASK_WORDS[TaskKind.LOG_FORKED] in both
    assert "Nothing waits for you as auditor" in Somebody(wiring, Role.AUDITOR).get("/console")
    assert "/desk" == Somebody(wiring, Role.DESK_USER).ask("/console").headers["Location"]


@pytest.mark.usefixtures("waiting")
def test_somebody_elses_work_is_not_there(wiring: Wiring) -> None:
    auditor = Somebody(wiring, Role.AUDITOR)
    assert "Page not found" in auditor.get("/console/tasks/consent.stopped")
    assert "Page not found" in auditor.get("/console/tasks/nonsense")
    with wiring.engine.connect() as connection:
        ids = [task.id for task in open_tasks(connection)]
    assert [404] * 3 == [auditor.post(f"/console/tasks/{task}/done") for task in ids]
    assert 404 == auditor.post("/console/tasks/99999999999999999999/done")
    with wiring.engine.connect() as connection:
        assert ids == [task.id for task in open_tasks(connection)]


@pytest.mark.usefixtures("waiting")
def test_what_is_done_is_done_by_somebody(wiring: Wiring) -> None:
    desk = Somebody(wiring, Role.CASEWORKER)
    with wiring.engine.connect() as connection:
        first = next(task for task in open_tasks(connection) if task.kind is TaskKind.CONSENT_STOPPED)
    assert f"number {first.id}" in desk.get("/console/tasks/consent.stopped")
    assert 303 == desk.post(f"/console/tasks/{first.id}/done")
    assert 404 == desk.post(f"/console/tasks/{first.id}/done")
    assert "1 to look at" in desk.get("/console/tasks/consent.stopped")
    with wiring.engine.connect() as connection:
        done = connection.exec_driver_sql("SELECT done_by FROM gateway.task WHERE done_at IS NOT NULL")
        assert ["ada"] == done.scalars().all()


def test_ones_sessions_are_listed_and_ended(wiring: Wiring) -> None:
    desk = Somebody(wiring, Role.AUDITOR)
    other = service.admit(wiring, service.sign_in_by_click(wiring, "ada"))
    assert other is not None
    page = desk.get("/console/sessions")
    assert 1 == page.count("this one")
    assert f"/console/sessions/{other.session.id}/end" in page
    assert 303 == desk.post(f"/console/sessions/{other.session.id}/end")
    assert str(other.session.id) not in desk.get("/console/sessions")


def test_whoever_signs_out_is_out(wiring: Wiring) -> None:
    desk = Somebody(wiring, Role.AUDITOR)
    token = desk.http.get_cookie(SESSION_COOKIE, domain=desk.host)
    assert token is not None
    assert 303 == desk.post("/console/sign-out")
    desk.http.set_cookie(SESSION_COOKIE, token.value, domain=desk.host, secure=True)
    assert 303 == desk.http.get("/console", base_url=desk.own).status_code


def test_a_code_that_is_none_is_said_beside_its_field(wiring: Wiring) -> None:
    desk = Somebody(wiring, Role.AUDITOR)
    answer = desk.http.post(
        "/console/invitation", base_url=desk.own, headers={"Origin": desk.own}, data={"code": "CANARY"}
    )
    assert 422 == answer.status_code
    assert "<title>Error: Use your one-time code" in answer.text
    assert '<a href="#code">' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "CANARY" not in answer.text
