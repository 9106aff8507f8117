"""The caseworker hears in time that an agreement ends; its end waits for nobody."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from consent_registry.birthdays import Birthdays, midnight
from consent_registry.errors import StoredStandingError
from consent_registry.model import Capacity, DecisionId, Exit, Given, Scope, Standing
from gateway.cases.service import close_case, erase_family
from gateway.consent.reminders import _raise, reminders, watch_consent
from gateway.database import open_engine
from gateway.ops.worker import JOBS, run_job
from gateway.release.model import Refused, Released
from gateway.tasks.model import Audience, Task, TaskKind
from gateway.tasks.repository import finish, open_tasks
from gateway.wiring import Wiring
from tests.support.throwaway import Database
from tests.support.world import World, small_family

DAY: Final = timedelta(days=1)
REF: Final = "EH-1"
MUM, ADA = f"{REF}-mum", f"{REF}-ada"
DECISION: Final = DecisionId(UUID(int=7))
START: Final = datetime(2026, 10, 1, 9, tzinfo=UTC)
END: Final = datetime(2027, 4, 1, tzinfo=UTC)
PARENT: Final = Capacity.PARENTAL_RESPONSIBILITY
FOR_ADA: Final = {
    "given_by": {"person": MUM, "capacity": "parental_responsibility"},
    "evidence": {"parental_responsibility": {"basis": "birth_mother", "seen": "birth certificate"}},
}
ON_THE_TENTH: Final = Birthdays(midnight(date(2027, 3, 10)), midnight(date(2029, 3, 10)))


def standing(capacity: Capacity = Capacity.SELF, *, until: datetime = END, **more: Any) -> Standing:
    return Standing(given=Given(DECISION, Scope(), START, until, capacity=capacity), **more)


def told(found: Standing, birthdays: Birthdays = Birthdays(), *, now: datetime) -> list[str]:  # noqa: B008
    return [f"{each.kind} {each.occasion.split(':')[1]}" for each in reminders(found, birthdays, now=now)]


@pytest.fixture
def admin(database: Database) -> Iterator[Engine]:
    """The database's own superuser."""
    engine = open_engine(database.admin_url)
    yield engine
    engine.dispose()


@pytest.fixture
def world(wiring: Wiring) -> World:
    council = World(wiring)
    council.join("camhs")
    council.import_families(family())
    return council


def family(born: date | None = None) -> dict[str, Any]:
    """A small family whose elder child was born on this day."""
    document = small_family(REF)
    if born is not None:
        for each in document["items"]:
            if each["field"] == "child_dob" and each["about"] == [ADA]:
                each["value"] = {"date": born.isoformat(), "certainty": "exact"}
    return document


def tasks(world: World) -> list[Task]:
    with world.wiring.engine.connect() as connection:
        return [*open_tasks(connection, audience=Audience.CASEWORKER)]


def now_of(world: World) -> datetime:
    with world.wiring.engine.connect() as connection:
        now: datetime = connection.execute(text("SELECT now()")).scalar_one()
    return now


def end_of(world: World) -> datetime:
    """When the one agreement there is ends."""
    with world.wiring.engine.connect() as connection:
        end: datetime = connection.execute(
            text("SELECT valid_until FROM consent_registry.decision")
        ).scalar_one()
    return end


# ---- the rule ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(30.1, [], id="more than 30 days"),
        pytest.param(30, ["consent.expiring 30"], id="30 days"),
        pytest.param(7.1, ["consent.expiring 30"], id="not yet 7"),
        pytest.param(7, ["consent.expiring 7"], id="7 days"),
        pytest.param(0.1, ["consent.expiring 7"], id="the last hours"),
        pytest.param(0, [], id="at its end"),
        pytest.param(-1, [], id="after it"),
    ],
)
def test_an_end_is_told_at_its_thresholds(days: float, expected: list[str]) -> None:
    assert expected == told(standing(), now=END - days * DAY)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(Standing(), id="nothing decided"),
        pytest.param(Standing(closed_by=Exit.WITHDRAWN), id="withdrawn"),
        pytest.param(standing(dispute=DECISION), id="disputed"),
    ],
)
def test_what_does_not_stand_is_no_matter(found: Standing) -> None:
    assert [] == told(found, now=END - DAY)


def test_an_agreement_that_has_not_begun_ends_too() -> None:
    assert ["consent.expiring 7"] == told(standing(until=START + DAY), now=START - DAY)


@pytest.mark.parametrize(
    ("now", "capacity", "until", "expected"),
    [
        pytest.param(midnight(date(2027, 1, 29)), PARENT, END, [], id="before the month is 30 days away"),
        pytest.param(
            midnight(date(2027, 1, 30)), PARENT, END, ["consent.lapsing 16"], id="30 days before it"
        ),
        pytest.param(midnight(date(2027, 2, 20)), PARENT, END, ["consent.lapsing 16"], id="later"),
        pytest.param(midnight(date(2027, 3, 10)), PARENT, END, [], id="on the day it has ended"),
        pytest.param(midnight(date(2027, 2, 20)), Capacity.COMPETENT_CHILD, END, [], id="the child's own"),
        pytest.param(midnight(date(2027, 2, 20)), Capacity.SELF, END, [], id="an adult's own"),
        pytest.param(
            midnight(date(2027, 1, 30)),
            PARENT,
            midnight(date(2027, 3, 10)),
            [],
            id="it ends by its date anyway",
        ),
    ],
)
def test_a_lapse_is_told_a_month_ahead(
    now: datetime, capacity: Capacity, until: datetime, expected: list[str]
) -> None:
    assert expected == told(standing(capacity, until=until), ON_THE_TENTH, now=now)


def test_where_sixteen_changes_nothing_eighteen_does() -> None:
    only_at_eighteen = Birthdays(None, ON_THE_TENTH.sixteenth)
    assert ["consent.lapsing 18"] == told(standing(PARENT), only_at_eighteen, now=END - 50 * DAY)


def test_a_lapse_tells_the_month_and_never_the_day() -> None:
    """Children of one month make the same tasks at the same times before it begins."""
    days = [1, 10, 31]
    seen = []
    for day in days:
        birthdays = Birthdays(midnight(date(2027, 3, day)))
        moments = [END - hours * timedelta(hours=1) for hours in range(24 * 31 + 1, 24 * 90)]
        runs = [[*reminders(standing(PARENT), birthdays, now=moment)] for moment in moments]
        seen.append([[each for each in run if each.kind is TaskKind.CONSENT_LAPSING] for run in runs])
    assert seen[0] == seen[1] == seen[2]
    assert any(seen[0])
    first = next(run for run in reversed(seen[0]) if run)
    assert [midnight(date(2027, 3, 1))] == [each.due for each in first]


# ---- the worker -------------------------------------------------------------------------------------------


def test_each_reminder_is_raised_once_although_nobody_did_the_one_before(world: World) -> None:
    world.give(REF, MUM)
    end = end_of(world)
    raised = [watch_consent(world.wiring, end - days * DAY) for days in (31, 30, 29, 8, 7, 1, 0, -1)]
    assert [0, 1, 0, 0, 1, 0, 0, 0] == raised
    assert [(TaskKind.CONSENT_EXPIRING, notice) for notice in (30, 7)] == [
        (task.kind, task.facts["notice"]) for task in tasks(world)
    ]
    with world.wiring.engine.begin() as connection:
        for task in tasks(world):
            finish(connection, task.id, actor="test", now=end)
    assert 0 == watch_consent(world.wiring, end - DAY)


def test_a_task_says_whose_family_until_when_and_no_more(world: World) -> None:
    world.give(REF, MUM)
    end = end_of(world)
    watch_consent(world.wiring, end - 30 * DAY)
    (task,) = tasks(world)
    assert (world.family_id(REF), end) == (task.ref, task.due)
    assert {"decision", "ends", "notice"} == task.facts.keys()


def test_an_agreement_that_was_given_again_is_reminded_of_again(world: World) -> None:
    world.give(REF, MUM)
    end = end_of(world)
    assert 1 == watch_consent(world.wiring, end - 7 * DAY)
    world.give(REF, MUM)
    assert 1 == watch_consent(world.wiring, end - 7 * DAY)


def test_one_damaged_standing_keeps_nobody_else_from_being_reminded(world: World, admin: Engine) -> None:
    world.give(REF, MUM)
    end = end_of(world)
    world.give(REF, ADA, **FOR_ADA)
    family_id = world.family_id(REF)
    with admin.begin() as connection:
        connection.execute(text("SELECT gateway.move_gates(ARRAY[:f]::uuid[], '{}')"), {"f": family_id})
        connection.execute(
            text(
                "UPDATE consent_registry.standing SET body = jsonb_set(body, '{closures}', '1')"
                " WHERE subject_id = (SELECT min(subject_id::text)::uuid FROM consent_registry.standing)"
            )
        )
    with pytest.raises(StoredStandingError):
        watch_consent(world.wiring, end - 7 * DAY)
    assert 1 == len(tasks(world))


def test_a_child_who_will_be_sixteen_is_noticed_from_the_sealed_record(world: World) -> None:
    """The day of birth is nowhere in the clear: the worker has to open it."""
    birthday = (world.today + 75 * DAY).replace(day=20)
    world.import_families(family(birthday.replace(year=birthday.year - 16)))
    world.give(REF, ADA, **FOR_ADA)
    begins = midnight(birthday.replace(day=1))
    assert 0 == watch_consent(world.wiring, begins - 31 * DAY)
    assert 1 == watch_consent(world.wiring, begins - 30 * DAY)
    (task,) = tasks(world)
    assert (TaskKind.CONSENT_LAPSING, begins, world.family_id(REF)) == (task.kind, task.due, task.ref)
    assert {"age": 16} == {name: fact for name, fact in task.facts.items() if name != "decision"}
    assert 0 == watch_consent(world.wiring, begins)


def test_a_closed_case_is_not_watched(world: World) -> None:
    world.give(REF, MUM)
    end = end_of(world)
    close_case(world.wiring, family_id=world.family_id(REF), actor="test")
    assert 0 == watch_consent(world.wiring, end - 7 * DAY)


def test_nobody_is_reminded_of_somebody_who_is_a_risk(world: World) -> None:
    world.give(REF, MUM)
    document = family()
    document["people"][0] |= {"role": "other", "risk_person": True}
    document["items"] = [each for each in document["items"] if each["field"] != "adult_name"]
    world.import_families(document)
    assert 0 == watch_consent(world.wiring, end_of(world) - 7 * DAY)


def test_a_family_that_is_erased_meanwhile_gets_no_task(world: World) -> None:
    """Between the look and the task: what would lead to the family again is not written."""
    (reminder, *_) = reminders(standing(), Birthdays(), now=END - DAY)
    with world.wiring.engine.begin() as connection:
        assert not _raise(connection, reminder, subject_id=uuid4(), family_id=world.family_id(REF))
    assert [] == tasks(world)


def test_an_erased_family_leaves_a_reminder_that_leads_nowhere(world: World, eraser: Engine) -> None:
    world.give(REF, MUM)
    end = end_of(world)
    watch_consent(world.wiring, end - 7 * DAY)
    (task,) = tasks(world)
    with world.wiring.engine.begin() as connection:
        finish(connection, task.id, actor="test", now=end)
    family_id = world.family_id(REF)
    erase_family(eraser, wiring=world.wiring, family_id=family_id, requested_by="test", approved_by="other")
    with world.wiring.engine.connect() as connection:
        left = connection.execute(text("SELECT ref, facts, occasion FROM gateway.task")).one()
    assert (None, {}, "") == tuple(left)
    assert 0 == watch_consent(world.wiring, end - 7 * DAY)


def test_the_worker_watches_every_hour(world: World) -> None:
    (job,) = [job for job in JOBS if job.name == "watch_consent"]
    world.give(REF, MUM, valid_until=(now_of(world) + 6 * DAY).isoformat())
    run = run_job(world.wiring, job)
    assert ("0 * * * *", 1, None) == (job.cron, run.count, run.fault)


# ---- the end itself ---------------------------------------------------------------------------------------


def test_what_ended_is_refused_at_the_next_request_and_no_worker_ran(world: World) -> None:
    end = now_of(world) + timedelta(seconds=4)
    world.give(REF, MUM, valid_until=end.isoformat())
    world.list_cases(REF)
    assert isinstance(world.release("camhs", REF), Released)
    while now_of(world) < end:
        time.sleep(0.1)
    assert isinstance(world.release("camhs", REF), Refused)
    assert [] == tasks(world)
