"""A yes has to be decided on what stands, and to be whole; nothing of a faulty one is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from consent_registry import repository
from consent_registry.birthdays import LONDON, midnight
from consent_registry.model import Act, Granted, NotGranted, Reason
from consent_registry.schemas import CoreSchema, GiveSchema
from gateway.bank_holidays import bank_holidays_around
from gateway.calendar import add_working_days
from gateway.cases.service import close_case
from gateway.database import open_engine
from gateway.staff.repository import ensure_member
from gateway.tasks.model import Task, TaskKind
from gateway.tasks.repository import open_tasks
from tests.gateway.cases.documents import family, item
from tests.gateway.cases.stored import identity_of, load, rows
from tests.gateway.consent.conftest import COUNCIL, Registry
from tests.support.throwaway import Database

NOW = datetime.now(UTC)


def pointers(answer: TestResponse) -> list[str]:
    assert answer.json is not None
    return [fault["pointer"] for fault in answer.json["errors"]]


def problem(answer: TestResponse) -> tuple[int, str]:
    assert answer.json is not None
    return answer.status_code, answer.json["type"].rpartition(":")[2]


def stored(registry: Registry) -> int:
    count: int = rows(registry.wiring, "SELECT count(*) AS n FROM consent_registry.decision")[0].n
    return count


def waiting(registry: Registry, kind: TaskKind) -> list[Task]:
    with registry.wiring.engine.connect() as connection:
        return [task for task in open_tasks(connection) if task.kind is kind]


def day(days: int) -> str:
    return (NOW + timedelta(days=days)).date().isoformat()


def test_a_withdrawal_asks_for_a_strict_subset_of_what_a_yes_asks_for() -> None:
    """GDPR Art. 7(3): as easy to withdraw as to give."""
    required = [
        {name for name, member in schema().fields.items() if member.required}
        for schema in (CoreSchema, GiveSchema)
    ]
    assert {"act", "decision_id", "person", "recorded_by"} == required[0] < required[1]


PRECONDITIONS: dict[str, tuple[dict[str, str], tuple[int, str]]] = {
    "none": ({}, (428, "standing-required")),
    "the one before": ({"If-Match": '"0"'}, (412, "standing-moved")),
    "one that will be": ({"If-Match": '"2"'}, (412, "standing-moved")),
    "a weak one": ({"If-Match": 'W/"1"'}, (412, "standing-moved")),
    "any": ({"If-Match": "*"}, (400, "invalid-request")),
    "two": ({"If-Match": '"1", "2"'}, (400, "invalid-request")),
    "without quotes": ({"If-Match": "1"}, (400, "invalid-request")),
    "negative": ({"If-Match": '"-1"'}, (400, "invalid-request")),
    "huge": ({"If-Match": '"' + "9" * 40 + '"'}, (400, "invalid-request")),
    "other digits": ({"If-Match": '"\u0661"'}, (400, "invalid-request")),
}


@pytest.mark.parametrize(("headers", "expected"), PRECONDITIONS.values(), ids=PRECONDITIONS.keys())
def test_a_yes_is_decided_on_what_stands(
    registry: Registry, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    """Two caseworkers at two tables: the second has to see what the first one recorded."""
    registry.send(registry.give)
    encoded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    assert expected == problem(registry.send(registry.give, headers=encoded, categories=["health"]))
    assert 1 == stored(registry)
    if "If-Match" in headers:
        assert 201 == registry.send(registry.withdrawal, headers=encoded).status_code


def test_the_answer_carries_the_version_for_the_next_yes(registry: Registry) -> None:
    first = registry.send(registry.give)
    assert '"1"' == first.headers["ETag"]
    again = registry.send(registry.give, headers={"If-Match": first.headers["ETag"]})
    assert (201, '"2"') == (again.status_code, again.headers["ETag"])


PARENTAL = {"parental_responsibility": {"basis": "birth_mother", "seen": "certificate"}}
COMPETENCE = {"competence": {"assessor": "c.worker", "assessed_on": "2026-11-01", "reasons": "understands"}}
CHILD: dict[str, Any] = {
    "given_by": {"person": "P-ADA", "capacity": "competent_child"},
    "evidence": COMPETENCE,
}
FAULTY: dict[str, tuple[dict[str, Any], list[str]]] = {
    "over before it begins": ({"valid_from": day(5), "valid_until": day(2)}, ["/valid_until"]),
    "over already": ({"valid_until": day(-1)}, ["/valid_until"]),
    "begun so long ago that it is over": ({"valid_from": day(-300)}, ["/valid_from"]),
    "longer than a year": ({"valid_until": day(400)}, ["/valid_until"]),
    "in two years": ({"valid_from": day(700)}, ["/valid_from"]),
    "no profile shown": ({"profiles_shown": {}}, ["/profiles_shown"]),
    "a profile that is not": ({"profiles_shown": {"camhs": 7}}, ["/profiles_shown"]),
    "an agency that is not": ({"profiles_shown": {"cahms": 1}}, ["/profiles_shown"]),
    "a parent without evidence": ({"evidence": {}}, ["/evidence/parental_responsibility"]),
    "a basis that is none": (
        {"evidence": {"parental_responsibility": {"basis": "none", "seen": "x"}}},
        ["/evidence/parental_responsibility/basis"],
    ),
    "a child without an assessment": (CHILD | {"evidence": {}}, ["/evidence/competence"]),
    "a child assessed in a week": (
        CHILD | {"evidence": {"competence": COMPETENCE["competence"] | {"assessed_on": day(7)}}},
        ["/evidence/competence/assessed_on"],
    ),
    "a child as an adult": (CHILD | {"given_by": {"person": "P-ADA", "capacity": "self"}}, ["/given_by/capacity"]),
    "a sibling": ({"given_by": {"person": "P-BEN", "capacity": "parental_responsibility"}}, ["/given_by/person"]),
    "the child for the mother": (
        {"person": "P-MUM", "given_by": {"person": "P-ADA", "capacity": "parental_responsibility"}},
        ["/given_by/capacity", "/given_by/person"],
    ),
    "a stranger": ({"given_by": {"person": "P-X", "capacity": "parental_responsibility"}}, ["/given_by/person"]),
    "a risk person": ({"given_by": {"person": "P-DAN", "capacity": "parental_responsibility"}}, ["/given_by/person"]),
    "a relative interprets": (
        {"evidence": {**PARENTAL, "interpreter": {"id": "i", "relative": True}}},
        ["/evidence/interpreter/relative"],
    ),
    "interpreted by nobody": ({"method": "interpreter_mediated"}, ["/evidence/interpreter"]),
    "resolved by a caseworker": (
        {"evidence": {**PARENTAL, "resolution": {"grounds": "both_agree", "decided_by": "x", "reasons": "y"}}},
        ["/evidence/resolution"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("more", "expected"), FAULTY.values(), ids=FAULTY.keys())
def test_a_faulty_yes_stores_nothing_and_the_same_as_a_stop_holds(
    registry: Registry, more: dict[str, Any], expected: list[str]
) -> None:
    answer = registry.send(registry.give, **more)
    assert (422, expected) == (answer.status_code, sorted(pointers(answer)))
    assert 0 == stored(registry)
    registry.send(registry.give)
    stop = registry.withdrawal | {name: value for name, value in more.items() if name != "person"}
    assert 201 == registry.send(stop).status_code
    assert isinstance(registry.answer(), NotGranted)


def test_only_a_caseworker_records_a_yes(registry: Registry) -> None:
    with registry.wiring.engine.begin() as connection:
        ensure_member(connection, username="an.auditor", roles=["auditor"])
    assert ["/recorded_by"] == pointers(registry.send(registry.give, recorded_by="an.auditor"))
    assert 0 == stored(registry)


def with_more(registry: Registry, *items: dict[str, Any]) -> None:
    document = family()
    document["items"] += items
    load(registry.wiring, document)


def test_where_abuse_is_recorded_the_person_has_to_be_alone_and_safe(registry: Registry) -> None:
    with_more(registry, item("domestic_abuse", ["P-MUM"], {"marker": "dash_high"}))
    mine = registry.give | {"person": "P-MUM", "given_by": {"person": "P-MUM", "capacity": "self"}}
    answers: list[dict[str, Any]] = [{}, {"alone_and_safe": "no"}, {"alone_and_safe": "unknown"}]
    for said in answers:
        assert ["/alone_and_safe"] == pointers(registry.send(mine, **said))
    assert 201 == registry.send(mine, alone_and_safe="yes").status_code


def test_a_yes_that_was_not_given_alone_is_looked_at_the_same_day(registry: Registry) -> None:
    assert 201 == registry.send(registry.give, alone_and_safe="no").status_code
    assert "safeguarding lead" == registry.tasks()["consent.not_alone"]


def test_a_notice_in_a_language_that_was_not_understood_is_no_notice(registry: Registry) -> None:
    with_more(registry, item("language", ["P-MUM"], {"language": "so", "interpreter": True}))
    notice = {"id": "families", "version": 1}
    interpreter = PARENTAL | {"interpreter": {"id": "int-7", "relative": False}}
    assert ["/notice/language"] == pointers(registry.send(registry.give))
    assert 201 == registry.send(registry.give, notice=notice | {"language": "so-Latn"}).status_code
    assert 201 == registry.send(registry.give, evidence=interpreter).status_code


def test_a_yes_by_word_of_mouth_is_followed_up_in_writing(registry: Registry) -> None:
    registry.send(registry.give)
    assert "consent.follow_up" not in registry.tasks()
    registry.send(registry.give, method="verbal")
    assert "caseworker" == registry.tasks()["consent.follow_up"]


def test_each_yes_by_word_of_mouth_has_a_letter_of_its_own(registry: Registry) -> None:
    """A second child's letter would be forgotten with the task of the first."""
    said = [registry.send(registry.give, person=who, method="verbal") for who in ("P-ADA", "P-BEN")]
    (first, second) = waiting(registry, TaskKind.CONSENT_FOLLOW_UP)
    assert {(each.json or {})["decision_id"] for each in said} == {
        first.facts["decision"],
        second.facts["decision"],
    }
    today = first.raised_at.astimezone(LONDON).date()
    last = add_working_days(today, 10, holidays=bank_holidays_around(today))
    assert {midnight(last + timedelta(days=1))} == {first.due, second.due}


DAD: dict[str, Any] = {"given_by": {"person": "P-DAD", "capacity": "parental_responsibility"}}


@pytest.fixture
def parents(registry: Registry) -> Registry:
    """A second parent, whose responsibility the record states, and a grandmother who has none."""
    document = family()
    document["people"] += [{"id": who, "role": "adult"} for who in ("P-DAD", "P-GRAN")]
    document["items"] += [
        item(
            "household",
            [child, who],
            {"member": who, "relationship": code, "to": child, "resident": "none", "pr_basis": basis},
        )
        for who, child, code, basis in (
            ("P-DAD", "P-ADA", "FATHER", "married_father"),
            ("P-DAD", "P-BEN", "FATHER", "married_father"),
            ("P-GRAN", "P-ADA", "GRANDPARENT", "none"),
        )
    ]
    load(registry.wiring, document)
    return registry


def test_one_parents_no_against_the_others_yes_is_a_dispute_of_that_child_only(parents: Registry) -> None:
    for person in ("P-ADA", "P-BEN"):
        parents.send(parents.give, person=person)
    assert 201 == parents.send(parents.withdrawal, **DAD).status_code
    assert NotGranted(Reason.DISPUTED) == parents.answer()
    assert isinstance(parents.answer(person="P-BEN"), Granted)
    assert "manager" == parents.tasks()["consent.dispute"]
    assert (409, "contested") == problem(parents.send(parents.give))
    resolution = {"grounds": "child_welfare", "decided_by": "h.manager", "reasons": "The child needs it."}
    resolved = parents.give | {"evidence": {**PARENTAL, "resolution": resolution}, "recorded_by": "h.manager"}
    with parents.wiring.engine.begin() as connection:
        ensure_member(connection, username="h.manager", roles=["manager"])
    assert 201 == parents.send(resolved).status_code
    assert isinstance(parents.answer(), Granted)


def test_each_childs_dispute_is_the_managers_to_resolve(parents: Registry) -> None:
    for person in ("P-ADA", "P-BEN"):
        parents.send(parents.give, person=person)
    for person in ("P-ADA", "P-BEN"):
        parents.send(parents.withdrawal, person=person, **DAD)
    assert 2 == len(waiting(parents, TaskKind.CONSENT_DISPUTE))


SAME_DAY: dict[str, tuple[dict[str, Any], TaskKind, str]] = {
    "invalidated": ({"act": "invalidate"}, TaskKind.CONSENT_INVALIDATED, "data protection officer"),
    "stopped": ({}, TaskKind.CONSENT_STOPPED, "caseworker"),
    "recorded by nobody known": ({"recorded_by": "x"}, TaskKind.CONSENT_RECORDER, "manager"),
    "held, nobody knows whose right": (
        {"given_by": {"person": "P-X", "capacity": "parental_responsibility"}},
        TaskKind.CONSENT_HELD,
        "manager",
    ),
    "held, nobody knows what": ({"agencies": ["cahms"]}, TaskKind.CONSENT_HELD, "manager"),
    "disputed": (DAD, TaskKind.CONSENT_DISPUTE, "manager"),
    "noted": (
        {"given_by": {"person": "P-GRAN", "capacity": "parental_responsibility"}},
        TaskKind.CONSENT_NOTED,
        "caseworker",
    ),
}


@pytest.mark.parametrize(("more", "kind", "audience"), SAME_DAY.values(), ids=SAME_DAY.keys())
def test_a_stop_is_looked_at_the_same_day_by_whom_it_concerns(
    parents: Registry, more: dict[str, Any], kind: TaskKind, audience: str
) -> None:
    parents.send(parents.give)
    sent = parents.send(parents.withdrawal, **more)
    (task,) = waiting(parents, kind)
    tomorrow = task.raised_at.astimezone(LONDON).date() + timedelta(days=1)
    assert (audience, midnight(tomorrow)) == (str(task.audience), task.due)
    assert identity_of(parents.wiring).family_id == task.ref
    assert (sent.json or {})["decision_id"] == task.facts["decision"]


def test_a_hold_that_was_meant_is_nobodys_to_look_at(registry: Registry) -> None:
    registry.send(registry.give)
    registry.send(registry.withdrawal, act="hold")
    assert {} == registry.tasks()


def test_a_record_that_cannot_be_read_makes_a_parents_stop_a_hold(
    parents: Registry, database: Database
) -> None:
    parents.send(parents.give)
    owner = open_engine(database.owner_url)
    with owner.begin() as connection:
        family_id = identity_of(parents.wiring).family_id
        connection.execute(text("SELECT gateway.move_gates(ARRAY[:f]::uuid[], '{}')"), {"f": family_id})
        connection.execute(text("UPDATE gateway.case_part SET sealed = '\\x00'"))
    owner.dispose()
    assert 201 == parents.send(parents.withdrawal, **DAD).status_code
    assert NotGranted(Reason.HELD) == parents.answer()


def test_who_has_no_parental_responsibility_is_noted_and_has_no_veto(parents: Registry) -> None:
    parents.send(parents.give)
    gran = {"person": "P-GRAN", "capacity": "parental_responsibility"}
    assert 201 == parents.send(parents.withdrawal, given_by=gran).status_code
    assert isinstance(parents.answer(), Granted)
    assert "caseworker" == parents.tasks()["consent.noted"]


def test_who_may_turn_out_to_have_a_right_holds_at_once(parents: Registry) -> None:
    parents.send(parents.give)
    unknown = {"person": "P-X", "capacity": "parental_responsibility"}
    assert 201 == parents.send(parents.withdrawal, given_by=unknown).status_code
    assert NotGranted(Reason.HELD) == parents.answer()
    assert "manager" == parents.tasks()["consent.held"]


def test_a_childs_own_answer_governs(parents: Registry) -> None:
    parents.send(parents.give)
    parents.send(parents.withdrawal, given_by=CHILD["given_by"])
    assert NotGranted(Reason.WITHDRAWN) == parents.answer()
    assert (409, "overruled") == problem(parents.send(parents.give))
    assert 201 == parents.send(parents.give, **CHILD).status_code
    assert 201 == parents.send(parents.withdrawal, **DAD).status_code
    assert isinstance(parents.answer(), Granted)


def test_what_stands_and_what_was_is_read_in_codes(parents: Registry) -> None:
    parents.send(parents.give, reason="mind_changed")
    parents.send(parents.withdrawal, categories=["name"], reason="Because Ada said so")
    found = parents.client.get("/v1/cases/EH-1001/people/P-ADA/consent")
    assert found.json is not None
    standing, history = found.json["standing"], found.json["history"]
    assert ("active", 2, '"2"') == (standing["state"], standing["version"], found.headers["ETag"])
    assert [{"state": "withdrawn", "agencies": ["*"], "categories": ["name"]}] == standing["closures"]
    assert [("give", "active", "mind_changed"), ("withdraw", "withdrawn", "other")] == [
        (each["act"], each["state"], each["reason"]) for each in history
    ]
    assert b"Because" not in found.data
    assert "objections" not in standing
    for person, source in (("P-X", "EH-1001"), ("P-ADA", "EH-9")):
        assert 404 == parents.client.get(f"/v1/cases/{source}/people/{person}/consent").status_code


def test_a_no_that_only_waits_is_read_too(parents: Registry) -> None:
    """Nothing is closed yet by it, and whoever records the next yes has to know of it."""
    parents.send(parents.withdrawal, categories=["health"], **DAD)
    found = parents.client.get("/v1/cases/EH-1001/people/P-ADA/consent")
    standing = (found.json or {})["standing"]
    assert [{"state": "withdrawn", "agencies": ["*"], "categories": ["health"]}] == standing["objections"]
    assert "closures" not in standing
    parents.send(parents.give)
    read = parents.client.get("/v1/cases/EH-1001/people/P-ADA/consent").json or {}
    assert standing["objections"] == read["standing"]["closures"] == read["standing"]["objections"]


def test_a_damaged_standing_keeps_no_stop_from_being_recorded(registry: Registry, database: Database) -> None:
    """The history says what stands; the next decision mends what releases read."""
    registry.send(registry.give)
    owner = open_engine(database.owner_url)
    with owner.begin() as connection:
        family_id = identity_of(registry.wiring).family_id
        connection.execute(text("SELECT gateway.move_gates(ARRAY[:f]::uuid[], '{}')"), {"f": family_id})
        connection.execute(text("UPDATE consent_registry.standing SET body = '[]'"))
    owner.dispose()
    assert 201 == registry.send(registry.withdrawal).status_code
    assert NotGranted(Reason.WITHDRAWN) == registry.answer()


def test_closing_a_case_ends_what_was_agreed_about_everybody(registry: Registry) -> None:
    """Whoever closes it, and says so in the history; who said nothing yet has nothing to end."""
    registry.send(registry.give)
    close_case(registry.wiring, family_id=identity_of(registry.wiring).family_id, actor="test")
    assert NotGranted(Reason.EXPIRED) == registry.answer()
    read = registry.client.get("/v1/cases/EH-1001/people/P-ADA/consent").json or {}
    assert [("give", "expired"), ("hold", "expired")] == [
        (each["act"], each["state"]) for each in read["history"]
    ]
    assert "case_closed" == read["history"][-1]["reason"]
    assert 2 == stored(registry)


def test_more_yeses_than_ever_are_looked_at_and_go_on(registry: Registry) -> None:
    told = []
    for _ in range(12):
        assert 201 == registry.send(registry.give, decision_id=str(uuid4())).status_code
        told.append(registry.tasks().get("consent.giving"))
    assert [None] * 9 + ["data protection officer"] * 3 == told
    assert 1 == len(waiting(registry, TaskKind.CONSENT_GIVING))


@pytest.mark.parametrize(
    ("week", "before", "alerts"),
    [(10, 0, True), (9, 0, False), (10, 13, True), (12, 16, False), (13, 16, True), (100, 133, True)],
)
def test_a_client_is_measured_by_its_own_four_weeks(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, week: int, before: int, alerts: bool
) -> None:
    seven = timedelta(days=7)

    def counted(_: Any, *, via: str, act: Act | None, since: datetime, until: datetime) -> int:
        assert (COUNCIL.client_id, Act.GIVE) == (via, act)
        newest = until - since < timedelta(days=9)
        assert newest or until - since == 4 * seven
        return week if newest else before

    monkeypatch.setattr(repository, "count_sent", counted)
    registry.send(registry.give)
    assert alerts == ("consent.giving" in registry.tasks())
