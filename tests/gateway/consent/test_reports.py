"""A partner's practitioner who leads the case stops sharing at once, and can do nothing else."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from consent_registry.model import Granted, NotGranted, Reason
from gateway.caller import Caller, PractitionerClaim
from gateway.consent.views import register
from gateway.database import open_engine
from gateway.disclosure_log.reading import entries_between, newest, open_entry
from gateway.problems import NOT_FOUND_BODY, Problem, problem_response
from gateway.staff.repository import ensure_member
from tests.gateway.cases.stored import identity_of, person_of, rows
from tests.gateway.consent.conftest import Registry
from tests.support.rooms import room_client
from tests.support.throwaway import Database

LEAD = Caller(
    "ag_0123456789abcdef",
    "camhs",  # type: ignore[arg-type] # a code as a token carries it
    frozenset({"consent:report-withdrawal"}),
    None,
    PractitionerClaim("lead.worker", verified=True),
)


class Partner:
    """One practitioner of an agency at the route."""

    def __init__(self, registry: Registry, caller: Caller = LEAD) -> None:
        registry.send(registry.give)
        registry.send(registry.give, person="P-BEN")
        self.registry = registry
        self.client: FlaskClient = room_client(registry.wiring, caller, register=register)
        self.client.application.register_error_handler(Problem, problem_response)

    def ref(self, thing: UUID, agency: str = "camhs") -> str:
        query = "SELECT ref FROM gateway.pairwise WHERE thing_id = :t AND agency_code = :a"
        return str(rows(self.registry.wiring, query, t=thing, a=agency)[0].ref)

    def send(self, **more: Any) -> TestResponse:
        body = {
            "decision_id": str(uuid4()),
            "case_ref": self.ref(identity_of(self.registry.wiring).case_id),
            "person": self.ref(person_of(self.registry.wiring, "P-ADA")),
            "act": "withdraw",
            "recorded_by": "whoever",
            **more,
        }
        kept = {name: value for name, value in body.items() if value is not None}
        return self.client.post("/v1/consent-decisions", json=kept)


@pytest.mark.parametrize(("act", "reason"), [("withdraw", Reason.WITHDRAWN), ("hold", Reason.HELD)])
def test_the_lead_stops_sharing_at_once(registry: Registry, act: str, reason: Reason) -> None:
    partner = Partner(registry)
    assert 201 == partner.send(act=act).status_code
    assert NotGranted(reason) == registry.answer()
    assert isinstance(registry.answer(person="P-BEN"), Granted)
    assert "consent.recorder" not in registry.tasks()


@pytest.mark.parametrize("act", ["give", "refuse", "invalidate", "enter_in_error"])
def test_the_lead_can_do_nothing_else(registry: Registry, act: str) -> None:
    partner = Partner(registry)
    answer = partner.send(**(registry.give | {"source_ref": None, "act": act, "person": "x"}))
    assert 403 == answer.status_code
    assert isinstance(registry.answer(), Granted)


NOT_THE_LEAD: dict[str, Caller] = {
    "another practitioner": replace(LEAD, practitioner=PractitionerClaim("some.body", verified=True)),
    "one who left": replace(LEAD, practitioner=PractitionerClaim("h.visitor", verified=True)),
    "one of whom only the agency knows": replace(
        LEAD, practitioner=PractitionerClaim("lead.worker", verified=False)
    ),
    "nobody": replace(LEAD, practitioner=None),
    "the same id at another agency": replace(LEAD, agency="food-bank"),  # type: ignore[arg-type] # as above
}


@pytest.mark.parametrize("caller", NOT_THE_LEAD.values(), ids=NOT_THE_LEAD.keys())
def test_a_case_that_one_does_not_lead_is_not_there(registry: Registry, caller: Caller) -> None:
    answer = Partner(registry, caller).send()
    assert (404, NOT_FOUND_BODY) == (answer.status_code, answer.data)
    assert isinstance(registry.answer(), Granted)


def test_a_case_is_named_by_ones_own_reference_only(registry: Registry) -> None:
    partner = Partner(registry)
    case_id = identity_of(registry.wiring).case_id
    for more in (
        {"case_ref": partner.ref(case_id, "food-bank")},
        {"case_ref": None, "source_ref": "EH-1001"},
        {"case_ref": str(uuid4())},
    ):
        assert 404 == partner.send(**more).status_code
    assert isinstance(registry.answer(), Granted)


@pytest.mark.parametrize("person", ["P-ADA", "x", "5f0c8a1e-1b7e-4f0e-9d5c-0a4d3a1f2b6c"])
def test_a_person_whom_the_partner_cannot_name_holds_the_whole_case(registry: Registry, person: str) -> None:
    assert 201 == Partner(registry).send(person=person).status_code
    assert [NotGranted(Reason.HELD)] * 2 == [registry.answer(person=one) for one in ("P-ADA", "P-BEN")]


def test_the_record_names_the_practitioner_and_never_a_member_of_staff_of_that_name(
    registry: Registry,
) -> None:
    """The names of a partner's practitioners are the partner's: one may be spelt like the council's."""
    partner = Partner(registry)
    with registry.wiring.engine.begin() as connection:
        ensure_member(connection, username="lead.worker", roles=["caseworker"])
    partner.send(recorded_by="c.worker")
    with registry.wiring.engine.connect() as connection:
        size = connection.execute(text("SELECT size FROM gateway.log_head")).scalar_one()
        (row,) = entries_between(connection, first=size - 1, end=size)
        entry = open_entry(connection, keyring=registry.wiring.keyring, row=row)
    assert entry is not None
    told = {
        name: entry.internal.get(name) for name in ("recorded_by", "recorded_by_verified", "practitioner")
    }
    assert {"recorded_by": None, "recorded_by_verified": False, "practitioner": "lead.worker"} == told


@pytest.mark.parametrize(("kind", "ordinary"), [("charity", 1), ("refuge", 0)])
def test_what_a_refuge_reports_is_under_the_restricted_tag(
    registry: Registry, database: Database, kind: str, ordinary: int
) -> None:
    """The entry names the client: whoever reads the ordinary ones must not learn of a refuge."""
    partner = Partner(registry)
    owner = open_engine(database.owner_url)
    with owner.begin() as connection:
        connection.execute(text("SELECT gateway.move_gates('{}', ARRAY['camhs'])"))
        connection.execute(
            text("UPDATE agencies.agency SET kind = :k WHERE agency_code = 'camhs'"), {"k": kind}
        )
    owner.dispose()
    assert 201 == partner.send().status_code
    with registry.wiring.engine.connect() as connection:
        lines = newest(connection, keyring=registry.wiring.keyring, count=1)
        assert ordinary == sum(line.kind == "consent.withdraw" for line in lines)


def test_many_reports_a_day_are_looked_at_and_never_stopped(registry: Registry) -> None:
    partner = Partner(registry)
    told = []
    for _ in range(7):
        assert 201 == partner.send().status_code
        told.append(registry.tasks().get("consent.reports"))
    assert [None] * 5 + ["data protection officer"] * 2 == told


def test_a_replay_answers_as_before(registry: Registry) -> None:
    partner, one = Partner(registry), str(uuid4())
    first, again = partner.send(decision_id=one), partner.send(decision_id=one)
    assert ([201, 200], first.json) == ([first.status_code, again.status_code], again.json)
