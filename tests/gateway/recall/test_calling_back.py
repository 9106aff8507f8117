"""Who is asked to stop using what, after an act that closes: everybody with a copy that rests on it, and nobody else."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from certs.errors import EnvelopeError
from consent_registry.model import Scope
from gateway.cases.model import Shield
from gateway.cases.service import erase_family
from gateway.database import open_engine
from gateway.disclosure_log.reading import OpenedEntry, entries_between, newest, open_entry
from gateway.disclosure_log.service import act
from gateway.keyring import KeyErasedError
from gateway.panel.model import Readiness
from gateway.panel.service import agendas
from gateway.recall import repository, service
from gateway.recall.model import Answer, Ground, Recall, RecallState
from gateway.release.model import Released
from gateway.tasks.repository import finish, open_tasks
from gateway.wiring import Wiring
from tests.support.prepared import made_once
from tests.support.statements import statements
from tests.support.throwaway import Database
from tests.support.world import World, household

SOURCE = "EH-1"
FRIDAY = 5
MUM, ADA, BEN = (f"{SOURCE}-{who}" for who in ("mum", "ada", "ben"))


def world_of(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "charity", "refuge"):
        made.join(code)
    household(made, SOURCE)
    return made


prepared, database, wiring, world = made_once(world_of)


@pytest.fixture
def admin(database: Database) -> Iterator[Engine]:
    """The database's own superuser, for whom no row is out of reach."""
    engine = open_engine(database.admin_url)
    yield engine
    engine.dispose()


def pull(world: World, agency: str) -> UUID:
    outcome = world.release(agency, SOURCE)
    assert isinstance(outcome, Released)
    return outcome.extract_id


def recalls(world: World, agency: str) -> list[Recall]:
    with world.wiring.engine.connect() as connection:
        return repository.recalls_of(connection, agency)


def called(world: World) -> dict[str, list[tuple[UUID, ...]]]:
    found = {agency: [each.extracts for each in recalls(world, agency)] for agency in world.members}
    return {agency: extracts for agency, extracts in found.items() if extracts}


def answer(world: World, agency: str, said: Answer, ground: Ground | None = None) -> Recall:
    (recall, *_) = recalls(world, agency)
    return service.answer_recall(
        world.wiring, recall.recall_id, answer=said, ground=ground, caller=world.caller(agency)
    )


def test_everybody_with_a_copy_is_asked_and_nobody_else(world: World) -> None:
    first, second = pull(world, "camhs"), pull(world, "camhs")
    world.withdraw(SOURCE, MUM)
    assert {"camhs": [tuple(sorted([first, second]))]} == called(world)


NARROWED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "everything": ({}, {"camhs", "charity"}),
    "one agency": ({"agencies": ["camhs"]}, {"camhs"}),
    "another agency": ({"agencies": ["refuge"]}, set()),
    "a kind": ({"agencies": ["kind:charity"]}, {"charity"}),
    "all but one": ({"exclude": ["camhs"]}, {"charity"}),
    "a category": ({"categories": ["name"]}, {"camhs", "charity"}),
    "the purpose": ({"purposes": ["P1"]}, {"camhs", "charity"}),
    "another purpose": ({"purposes": ["P2"]}, set()),
}


@pytest.mark.parametrize(("narrowed", "expected"), NARROWED.values(), ids=NARROWED.keys())
def test_a_part_calls_back_from_whom_it_closes_for(
    world: World, narrowed: dict[str, Any], expected: set[str]
) -> None:
    pull(world, "camhs")
    pull(world, "charity")
    world.withdraw(SOURCE, MUM, **narrowed)
    assert expected == set(called(world))


def test_a_sibling_who_was_not_in_the_extract_calls_nothing_back(world: World) -> None:
    world.withdraw(SOURCE, BEN)
    extract = pull(world, "camhs")
    assert {} == called(world)
    world.give(SOURCE, BEN)
    world.withdraw(SOURCE, BEN)
    assert {} == called(world)
    world.withdraw(SOURCE, ADA)
    assert {"camhs": [(extract,)]} == called(world)


LESS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "to the same": ({}, set()),
    "to one agency less": ({"exclude": ["camhs"]}, {"camhs"}),
    "to fewer kinds of information": ({"categories": ["name"]}, {"camhs", "charity"}),
    "for another purpose": ({"purposes": ["P2", "P3"]}, {"camhs", "charity"}),
}


@pytest.mark.parametrize(("changes", "expected"), LESS.values(), ids=LESS.keys())
def test_a_yes_to_less_calls_the_rest_back(world: World, changes: dict[str, Any], expected: set[str]) -> None:
    """A family that leaves somebody out of a new form has stopped sharing with them."""
    pull(world, "camhs")
    pull(world, "charity")
    world.give(SOURCE, MUM, **changes)
    assert expected == set(called(world))
    assert is_ready(world) is not bool(expected)
    last = last_entry(world)
    assert len(expected) == len(last.internal.get("recalls", []))


def test_many_copies_cost_a_withdrawal_no_further_statement(world: World) -> None:
    """It holds the family's gate: every request for the family waits for it."""
    counts = []
    for _ in range(2):
        for _ in range(5):
            pull(world, "camhs")
        with statements() as sent:
            world.withdraw(SOURCE, MUM)
        counts.append(len(sent))
        world.give(SOURCE, MUM)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["refuse", "withdraw", "hold", "invalidate", "enter_in_error"])
def test_every_act_that_closes_calls_back(world: World, name: str) -> None:
    pull(world, "camhs")
    world.decide(SOURCE, MUM, name)
    assert {"camhs"} == set(called(world))


ANSWERS: dict[str, tuple[Answer | None, Ground | None, int]] = {
    "not answered": (None, None, 0),
    "deleted": (Answer.DELETED, None, 0),
    "returned": (Answer.RETURNED, None, 0),
    "stopped": (Answer.STOPPED, None, 1),
    "retained": (Answer.RETAINED, Ground.STATUTORY_DUTY, 1),
    "not received": (Answer.NOT_RECEIVED, None, 1),
}


@pytest.mark.parametrize(("said", "ground", "more"), ANSWERS.values(), ids=ANSWERS.keys())
def test_only_a_copy_that_is_gone_is_not_called_back_again(
    world: World, said: Answer | None, ground: Ground | None, more: int
) -> None:
    pull(world, "camhs")
    world.withdraw(SOURCE, ADA)
    if said is not None:
        answer(world, "camhs", said, ground)
    world.withdraw(SOURCE, MUM)
    assert 1 + more == len(recalls(world, "camhs"))


def test_a_copy_that_was_pulled_later_is_called_back_by_itself(world: World) -> None:
    pull(world, "camhs")
    world.withdraw(SOURCE, ADA)
    later = pull(world, "camhs")
    world.withdraw(SOURCE, MUM)
    assert (later,) in called(world)["camhs"]


def test_an_act_that_fails_calls_nothing_back(world: World) -> None:
    pull(world, "camhs")
    family = world.family_id(SOURCE)
    with pytest.raises(RuntimeError), act(world.wiring, families=(family,), closes=True) as change:
        service.after_closing(
            world.wiring,
            change,
            family_id=family,
            people=[world.person_id(SOURCE, MUM)],
            scope=Scope(),
        )
        raise RuntimeError
    assert {} == called(world)


@pytest.mark.parametrize(
    "fault",
    [
        AttributeError("x"),
        EnvelopeError("x"),
        KeyError("x"),
        KeyErasedError("x"),
        OverflowError("x"),
        ValueError("x"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_fault_in_calling_back_never_stops_the_withdrawal(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    pull(world, "camhs")

    def broken(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(repository, "add_recall", broken)
    world.withdraw(SOURCE, MUM)
    monkeypatch.undo()
    for person in (ADA, BEN):
        world.withdraw(SOURCE, person)
    assert not isinstance(world.release("camhs", SOURCE), Released)
    with world.wiring.engine.connect() as connection:
        assert "recall.failed" in {str(task.kind) for task in open_tasks(connection)}


def test_a_refusing_database_never_stops_the_withdrawal(world: World, admin: Engine) -> None:
    """Its transaction would be lost with a failed statement, were that not behind a savepoint."""
    pull(world, "camhs")
    with admin.begin() as connection:
        connection.execute(text("ALTER TABLE gateway.recall ADD CHECK (false) NOT VALID"))
    for person in (MUM, ADA, BEN):
        world.withdraw(SOURCE, person)
    assert {} == called(world)
    assert not isinstance(world.release("camhs", SOURCE), Released)
    with world.wiring.engine.connect() as connection:
        assert "recall.failed" in {str(task.kind) for task in open_tasks(connection)}


def last_entry(world: World) -> OpenedEntry:
    with world.wiring.engine.connect() as connection:
        (row,) = entries_between(connection, first=size(world) - 1, end=size(world))
        entry = open_entry(connection, keyring=world.wiring.keyring, row=row)
    assert entry is not None
    return entry


def is_ready(world: World) -> bool:
    (meeting,) = agendas(world.wiring)
    ((_, readiness),) = meeting.cases
    return readiness is Readiness.READY


def shields(world: World) -> list[tuple[str, str]]:
    """Who of which family is shielded, and how strictly, without the family's letters."""
    people = {world.person_id(ref, who): who for ref, who in ((SOURCE, MUM), (SOURCE, ADA), (SOURCE, BEN))}
    with world.wiring.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT person_id, shield FROM gateway.case_person WHERE shield <> 'none' ORDER BY family_id"
            )
        )
        return [(people[row.person_id], row.shield) for row in rows]


def with_shield(world: World, person: str, level: str, **changes: Any) -> dict[str, Any]:
    """The family's document, in which this person is shielded."""
    document = {**world.families[SOURCE], **changes}
    people = [each | ({"shield": level} if each["id"] == person else {}) for each in document["people"]]
    return {**document, "people": people}


def test_a_shield_calls_back_every_copy_of_the_family(world: World) -> None:
    """The address is the household's: a copy about a sister carries it as well."""
    world.withdraw(SOURCE, BEN)
    extract = pull(world, "camhs")
    service.shield(
        world.wiring,
        family_id=world.family_id(SOURCE),
        person_id=world.person_id(SOURCE, BEN),
        level=Shield.REFUGE,
        actor="test",
    )
    assert {"camhs": [(extract,)]} == called(world)


def test_a_record_that_brings_a_shield_calls_back_and_is_stored(world: World) -> None:
    extract = pull(world, "camhs")
    assert is_ready(world)
    for _ in range(2):
        world.import_families(with_shield(world, ADA, "refuge"))
        assert ({"camhs": [(extract,)]}, False) == (called(world), is_ready(world))
    assert [(ADA, "refuge")] == shields(world)
    world.import_families(with_shield(world, ADA, "restricted"))
    assert ({"camhs": [(extract,)]}, [(ADA, "refuge")]) == (called(world), shields(world))


def test_who_joins_the_family_shielded_calls_its_copies_back(world: World) -> None:
    extract = pull(world, "camhs")
    joined = {"id": "EH-1-gran", "role": "adult", "shield": "restricted"}
    document = world.families[SOURCE]
    world.import_families({**document, "people": [*document["people"], joined]})
    assert ({"camhs": [(extract,)]}, False) == (called(world), is_ready(world))


def test_who_joins_unshielded_calls_nothing_back(world: World) -> None:
    pull(world, "camhs")
    document = world.families[SOURCE]
    joined = {"id": "EH-1-gran", "role": "adult"}
    world.import_families({**document, "people": [*document["people"], joined]})
    assert ({}, True) == (called(world), is_ready(world))


def test_a_record_of_one_family_protects_the_same_person_in_every_other(world: World) -> None:
    """Else the other family's extract would tell the address that this one hides."""
    extract = pull(world, "camhs")
    world.import_families(with_shield(world, MUM, "none", source_ref="EH-2"))
    assert [] == shields(world)
    world.import_families(with_shield(world, MUM, "refuge", source_ref="EH-2"))
    assert ([(MUM, "refuge")] * 2, {"camhs": [(extract,)]}) == (shields(world), called(world))
    assert not is_ready(world)


def test_a_fault_in_finding_copies_leaves_the_case_not_ready(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(world, "camhs")

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError

    monkeypatch.setattr(repository, "copies_of", broken)
    world.withdraw(SOURCE, BEN)
    assert ({}, False) == (called(world), is_ready(world))


@pytest.mark.parametrize(("agency", "ordinary"), [("camhs", 1), ("refuge", 0)])
def test_what_a_refuge_answers_is_under_the_restricted_tag(world: World, agency: str, ordinary: int) -> None:
    """An entry of an answer names the agency: whoever reads the ordinary ones must not learn of a refuge."""
    pull(world, agency)
    world.withdraw(SOURCE, MUM)
    answer(world, agency, Answer.RETAINED, Ground.OWN_RECORD)
    with world.wiring.engine.connect() as connection:
        lines = newest(connection, keyring=world.wiring.keyring, count=1)
        assert ordinary == sum(line.kind == "recall.answer" for line in lines)


def test_what_is_no_release_under_agreement_is_never_called_back(world: World, admin: Engine) -> None:
    """A referral carries an extract's id too; called back, it would tell of itself."""
    pull(world, "camhs")
    family = world.family_id(SOURCE)
    with act(world.wiring, families=(family,)) as change:
        mum = [world.person_id(SOURCE, MUM)]
        rests_on = sorted(map(str, repository.decisions_of(change.connection, family, mum)))
        for kind, restricted in (("case.shield", True), ("case.close", False)):
            change.record(
                kind=kind,
                family_id=family,
                actor="test",
                restricted=restricted,
                internal={"decisions": rests_on},
            )
    with admin.begin() as connection:
        for place in range(2):
            connection.execute(
                text(
                    "UPDATE gateway.log_trace SET extract_id = :extract, agency_code = 'charity' WHERE entry_id ="
                    " (SELECT entry_id FROM gateway.log_entry ORDER BY leaf_index DESC OFFSET :place LIMIT 1)"
                ),
                {"extract": uuid4(), "place": place},
            )
    world.withdraw(SOURCE, MUM)
    assert {"camhs"} == set(called(world))


def test_a_copy_whose_entry_cannot_be_read_is_called_back(world: World, admin: Engine) -> None:
    extract = pull(world, "camhs")
    with admin.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.log_payload SET sealed = '\\x00' WHERE entry_id ="
                " (SELECT entry_id FROM gateway.log_trace WHERE extract_id = :extract)"
            ),
            {"extract": extract},
        )
    world.withdraw(SOURCE, MUM)
    assert {"camhs": [(extract,)]} == called(world)


def test_an_answer_is_one_entry_and_the_same_again_is_none(world: World) -> None:
    pull(world, "camhs")
    world.withdraw(SOURCE, MUM)
    before = size(world)
    assert RecallState.ANSWERED is answer(world, "camhs", Answer.STOPPED).state
    answer(world, "camhs", Answer.STOPPED)
    assert before + 1 == size(world)
    assert RecallState.ENDED is answer(world, "camhs", Answer.DELETED).state


def test_an_entry_says_what_was_answered_and_by_whom(world: World) -> None:
    pull(world, "camhs")
    world.withdraw(SOURCE, MUM)
    recall = answer(world, "camhs", Answer.RETAINED, Ground.LEGAL_CLAIM)
    entry = last_entry(world)
    said = {name: entry.internal[name] for name in ("recall", "answer", "ground", "practitioner")}
    assert {
        "recall": str(recall.recall_id),
        "answer": "retained",
        "ground": "legal_claim",
        "practitioner": "camhs-1",
    } == said


def test_a_copy_that_is_said_never_to_have_come_is_the_officers(world: World) -> None:
    """It went somewhere: the log has a release, and the agency knows of none."""
    pull(world, "camhs")
    world.withdraw(SOURCE, MUM)
    answer(world, "camhs", Answer.NOT_RECEIVED)
    with world.wiring.engine.connect() as connection:
        (task,) = (task for task in open_tasks(connection) if task.kind == "recall.not_received")
    assert ("camhs", "data protection officer") == (task.about, str(task.audience))


def test_an_overdue_recall_is_one_task(world: World, admin: Engine) -> None:
    pull(world, "camhs")
    world.withdraw(SOURCE, MUM)
    now = now_of(world)
    assert 0 == service.watch_recalls(world.wiring, now)
    with admin.begin() as connection:
        connection.execute(text("UPDATE gateway.recall SET due_on = due_on - 30"))
    assert 1 == service.watch_recalls(world.wiring, now)
    assert 0 == service.watch_recalls(world.wiring, now)
    with world.wiring.engine.connect() as connection:
        (task,) = (task for task in open_tasks(connection) if task.kind == "recall.overdue")
    assert ("camhs", "data protection officer") == (task.about, str(task.audience))


def test_the_last_day_is_so_many_working_days_ahead(world: World) -> None:
    pull(world, "camhs")
    world.withdraw(SOURCE, MUM)
    (recall,) = recalls(world, "camhs")
    # From a Sunday five working days are five days; else two days of a weekend, and the holidays at Christmas.
    assert 5 <= (recall.due_on - world.today).days <= 7 + 4
    assert recall.due_on.isoweekday() <= FRIDAY
    assert recall.due_on.weekday() < 5


def test_erasing_a_family_takes_its_recalls(world: World, eraser: Engine) -> None:
    pull(world, "camhs")
    world.withdraw(SOURCE, MUM)
    with world.wiring.engine.begin() as connection:
        for task in open_tasks(connection):
            finish(connection, task.id, actor="test", now=now_of(world))
    erase_family(
        eraser,
        wiring=world.wiring,
        family_id=world.family_id(SOURCE),
        requested_by="test",
        approved_by="other",
    )
    assert [] == recalls(world, "camhs")


def test_a_listed_case_is_not_ready_until_it_is_listed_again(world: World) -> None:
    """A part was closed, and the rest still is agreed to: what was prepared for the meeting has to be looked at."""

    def told() -> list[tuple[int | None, str]]:
        (meeting,) = agendas(world.wiring)
        return list(meeting.cases)

    assert [(1, "ready")] == told()
    world.withdraw(SOURCE, ADA, categories=["health"])
    assert [(1, "not ready")] == told()
    world.give(SOURCE, ADA)
    assert [(1, "not ready")] == told()
    world.list_cases(SOURCE, ref=f"M-{SOURCE}")
    assert [(1, "ready")] == told()


def test_one_damaged_standing_leaves_every_other_case_on_the_agenda(world: World, admin: Engine) -> None:
    household(world, "EH-2", listed=False)
    world.list_cases(SOURCE, "EH-2", ref=f"M-{SOURCE}")
    with admin.begin() as connection:
        broken = {"family": world.family_id(SOURCE)}
        connection.execute(text("SELECT gateway.move_gates(ARRAY[:family]::uuid[], '{}')"), broken)
        connection.execute(
            text("UPDATE consent_registry.standing SET body = '[]' WHERE family_id = :family"), broken
        )
    (meeting,) = agendas(world.wiring)
    assert ((1, "not ready"), (2, "ready")) == meeting.cases


def size(world: World) -> int:
    with world.wiring.engine.connect() as connection:
        found: int = connection.execute(text("SELECT size FROM gateway.log_head")).scalar_one()
    return found


def now_of(world: World) -> Any:
    with world.wiring.engine.connect() as connection:
        return connection.execute(text("SELECT now()")).scalar_one()


def test_hundreds_of_copies_are_called_back_while_somebody_waits(
    world: World, say: Callable[[str], None]
) -> None:
    """A family that was pulled for months must not make its caseworker wait."""
    for _ in range(60):
        pull(world, "camhs")
    world.withdraw(SOURCE, MUM)
    (recall,) = recalls(world, "camhs")
    assert 60 == len(recall.extracts)
    assert len(json.dumps([str(each) for each in recall.extracts])) < 64 * 1024
    say(f"one withdrawal called {len(recall.extracts)} copies back")
