"""A task is raised with the change that calls for it, once, and forgets a family that is erased."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from gateway.cases.service import erase_family
from gateway.tasks.model import Audience, Facts, TaskKind, TaskState
from gateway.tasks.repository import finish, forget_ref, open_tasks, raise_task
from gateway.wiring import Wiring
from tests.support.world import World, small_family

NOW = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
KIND = TaskKind.PULLING_FAMILY


@pytest.fixture
def connection(wiring: Wiring) -> Iterator[Connection]:
    with wiring.engine.connect() as opened:
        yield opened


def test_a_raised_task_waits_with_all_it_says(connection: Connection) -> None:
    family = uuid4()
    facts: Facts = {"agency": "camhs", "count": 20}
    assert raise_task(connection, kind=KIND, due=NOW, about="ag_1", ref=family, facts=facts)
    (task,) = open_tasks(connection)
    assert (KIND, "ag_1", family, facts, NOW) == (task.kind, task.about, task.ref, task.facts, task.due)
    assert (TaskState.OPEN, Audience.DATA_PROTECTION_OFFICER) == (task.state, task.audience)


def test_a_task_is_there_only_if_its_change_is(wiring: Wiring) -> None:
    """A notice of something that was rolled back sends somebody after nothing."""
    with wiring.engine.connect() as connection, connection.begin() as transaction:
        raise_task(connection, kind=KIND, due=NOW)
        transaction.rollback()
    with wiring.engine.connect() as connection:
        assert [] == open_tasks(connection)


@pytest.mark.parametrize(
    ("kind", "about", "ref", "new"),
    [
        pytest.param(KIND, "ag_1", UUID(int=1), False, id="the same"),
        pytest.param(KIND, "ag_1", UUID(int=2), True, id="another ref"),
        pytest.param(KIND, "ag_1", None, True, id="no ref"),
        pytest.param(KIND, "ag_2", UUID(int=1), True, id="about another"),
        pytest.param(TaskKind.PULLING_HOURS, "ag_1", UUID(int=1), True, id="another kind"),
    ],
)
def test_a_second_open_task_of_the_same_is_none(
    connection: Connection, kind: TaskKind, about: str, ref: UUID | None, *, new: bool
) -> None:
    raise_task(connection, kind=KIND, due=NOW, about="ag_1", ref=UUID(int=1))
    later = NOW + timedelta(days=1)
    assert new == raise_task(connection, kind=kind, due=later, about=about, ref=ref, facts={"count": 2})
    assert 1 + new == len(open_tasks(connection))


def test_without_a_ref_two_of_the_same_are_one_too(connection: Connection) -> None:
    """To SQL two absent refs are two different things; to the officer they are not."""
    assert raise_task(connection, kind=KIND, due=NOW, about="camhs")
    assert not raise_task(connection, kind=KIND, due=NOW, about="camhs")


def test_what_is_done_may_be_raised_again(connection: Connection) -> None:
    raise_task(connection, kind=KIND, due=NOW)
    (task,) = open_tasks(connection)
    finish(connection, task.id, actor="dana.dpo", now=NOW)
    assert raise_task(connection, kind=KIND, due=NOW)


def test_an_occasion_is_raised_once_done_or_not(connection: Connection) -> None:
    """The notice of one day must not come back every five minutes after the officer has dealt with it."""
    assert raise_task(connection, kind=KIND, due=NOW, about="ag_1", occasion="2026-10-05")
    (task,) = open_tasks(connection)
    assert not raise_task(connection, kind=KIND, due=NOW, about="ag_1", occasion="2026-10-05")
    finish(connection, task.id, actor="dana.dpo", now=NOW)
    assert not raise_task(connection, kind=KIND, due=NOW, about="ag_1", occasion="2026-10-05")
    assert raise_task(connection, kind=KIND, due=NOW, about="ag_1", occasion="2026-10-06")
    assert raise_task(connection, kind=KIND, due=NOW, about="ag_1"), "without an occasion it is another thing"


def test_two_occasions_wait_side_by_side(connection: Connection) -> None:
    """An unread notice of 30 days must not keep the one of 7 days away."""
    assert raise_task(connection, kind=KIND, due=NOW, about="camhs", occasion="30")
    assert raise_task(connection, kind=KIND, due=NOW, about="camhs", occasion="7")
    assert 2 == len(open_tasks(connection))


@pytest.mark.parametrize("occasion", ["", "2026-10-05"])
def test_many_at_once_raise_one(wiring: Wiring, occasion: str) -> None:
    together = Barrier(8)

    def once(_number: int) -> bool:
        with wiring.engine.begin() as connection:
            together.wait()
            return raise_task(connection, kind=KIND, due=NOW, about="ag_1", occasion=occasion)

    with ThreadPoolExecutor(8) as pool:
        assert [True] == [new for new in pool.map(once, range(8)) if new]


def test_tasks_wait_by_due_then_in_the_order_they_came(connection: Connection) -> None:
    for about, days in (("late", 2), ("first", 1), ("second", 1), ("now", 0)):
        raise_task(connection, kind=KIND, due=NOW + timedelta(days=days), about=about)
    assert ["now", "first", "second", "late"] == [task.about for task in open_tasks(connection)]


def test_a_role_sees_its_own_tasks(connection: Connection) -> None:
    raise_task(connection, kind=KIND, due=NOW)
    raise_task(connection, kind=TaskKind.CERTIFICATE_EXPIRING, due=NOW)
    (task,) = open_tasks(connection, audience=Audience.OPERATOR)
    assert TaskKind.CERTIFICATE_EXPIRING is task.kind
    assert [] == open_tasks(connection, audience=Audience.AUDITOR)


def test_a_task_is_done_once_and_by_somebody(connection: Connection) -> None:
    raise_task(connection, kind=KIND, due=NOW)
    (task,) = open_tasks(connection)
    assert finish(connection, task.id, actor="dana.dpo", now=NOW)
    assert not finish(connection, task.id, actor="eve", now=NOW), "the first name stays"
    assert [] == open_tasks(connection)
    stored = connection.execute(text("SELECT done_by, done_at FROM gateway.task")).one()
    assert ("dana.dpo", NOW) == (stored.done_by, stored.done_at)
    assert not finish(connection, task.id + 1, actor="dana.dpo", now=NOW)


def test_a_sentence_never_becomes_a_task(connection: Connection) -> None:
    with pytest.raises(ValueError, match="about"):
        raise_task(connection, kind=KIND, due=NOW, about="Mary Shelleyname")
    assert [] == open_tasks(connection)


def test_the_database_refuses_a_sentence_too(connection: Connection) -> None:
    with pytest.raises(IntegrityError):
        connection.execute(
            text(
                "INSERT INTO gateway.task (kind, about, occasion, facts, due)"
                " VALUES ('pulling.hours', 'Mary Shelleyname', '', '{}', now())"
            )
        )


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM gateway.task",
        "UPDATE gateway.task SET about = 'x'",
        "UPDATE gateway.task SET facts = '{}'",
        "UPDATE gateway.task SET due = now()",
    ],
)
def test_the_app_can_neither_remove_nor_reword_a_task(connection: Connection, statement: str) -> None:
    """An alert about somebody must not be quietened by whoever took over a gateway process."""
    with pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    ["SELECT facts FROM gateway.task", "UPDATE gateway.task SET about = 'x'", "DELETE FROM gateway.task"],
)
def test_the_eraser_forgets_and_does_no_more(eraser: Engine, statement: str) -> None:
    with eraser.connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text(statement))


def test_forgetting_leaves_the_task_and_nothing_that_leads_to_the_family(
    wiring: Wiring, eraser: Engine
) -> None:
    """Two tasks that differ by their families only must both be forgotten: an erasure that fails is a wrong."""
    one, two, other = uuid4(), uuid4(), uuid4()
    with wiring.engine.begin() as connection:
        for family in (one, two, other):
            raise_task(
                connection, kind=KIND, due=NOW, about="ag_1", ref=family, facts={"practitioner": "p-1"}
            )
        raise_task(connection, kind=KIND, due=NOW, about="ag_1", ref=one, occasion="2026-10-05")
        raise_task(connection, kind=KIND, due=NOW, about="ag_1", ref=two, occasion="2026-10-05")
    for family in (one, two):
        with eraser.begin() as connection:
            forget_ref(connection, family)
    with wiring.engine.connect() as connection:
        tasks = open_tasks(connection)
        occasions = connection.execute(text("SELECT DISTINCT occasion FROM gateway.task")).scalars().all()
    assert [(None, {}), (None, {}), (other, {"practitioner": "p-1"}), (None, {}), (None, {})] == [
        (task.ref, task.facts) for task in tasks
    ]
    assert [""] == occasions


def test_erasing_a_family_makes_its_tasks_forget_it(wiring: Wiring, eraser: Engine) -> None:
    world = World(wiring)
    world.import_families(small_family("EH-1"), small_family("EH-2"))
    families = [world.family_id(ref) for ref in ("EH-1", "EH-2")]
    with wiring.engine.begin() as connection:
        for family in families:
            raise_task(
                connection, kind=KIND, due=NOW, about="ag_1", ref=family, facts={"practitioner": "p-1"}
            )
        finish(
            connection, open_tasks(connection)[0].id, actor="test", now=NOW
        )  # an open one stands against it
    erase_family(eraser, wiring=wiring, family_id=families[0], requested_by="test", approved_by="other")
    with wiring.engine.connect() as connection:
        kept = connection.execute(text("SELECT ref, facts FROM gateway.task ORDER BY task_id")).all()
    assert [(None, {}), (families[1], {"practitioner": "p-1"})] == kept
