"""A council with one family, three agencies and a caseworker."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from agencies.model import AgencyKind
from consent_registry import repository
from consent_registry.model import Granted, NotGranted, Standing
from consent_registry.standing import evaluate
from gateway.caller import Caller
from gateway.consent.views import register
from gateway.problems import Problem, problem_response
from gateway.staff.repository import ensure_member
from gateway.tasks.repository import open_tasks
from gateway.wiring import Wiring
from tests.gateway.cases.documents import family
from tests.gateway.cases.stored import identity_of, load, person_of
from tests.support.agencies import onboard
from tests.support.rooms import room_client

COUNCIL = Caller("co_0123456789abcdef", None, frozenset({"consent:write"}), None, None)


@dataclass
class Registry:
    """The room under test, as the council's case system sees it."""

    wiring: Wiring
    client: FlaskClient
    give: dict[str, Any] = field(
        default_factory=lambda: {
            "source_ref": "EH-1001",
            "person": "P-ADA",
            "act": "give",
            "recorded_by": "c.worker",
            "given_by": {"person": "P-MUM", "capacity": "parental_responsibility"},
            "agencies": ["all"],
            "categories": ["name", "birth"],
            "fields": ["risk_person"],
            "purposes": ["P1"],
            "method": "signed_form",
            "notice": {"id": "families", "version": 1, "language": "en"},
            "profiles_shown": {"camhs": 1, "food-bank": 1},
            "evidence": {"parental_responsibility": {"basis": "birth_mother", "seen": "birth certificate"}},
        }
    )

    @property
    def withdrawal(self) -> dict[str, Any]:
        kept = ("source_ref", "person", "recorded_by")
        return {name: self.give[name] for name in kept} | {"act": "withdraw"}

    def send(
        self, document: dict[str, Any], *, headers: dict[str, str] | None = None, **more: Any
    ) -> TestResponse:
        """Send a decision; an act that opens says that it was decided on what stands now, unless told otherwise."""
        body = {"decision_id": str(uuid4())} | document | more
        if headers is None:
            headers = {"If-Match": f'"{self.version(body["person"])}"'} if body["act"] == "give" else {}
        return self.client.post("/v1/consent-decisions", json=body, headers=headers)

    def version(self, person: str = "P-ADA") -> int:
        """The version of a person's standing, as the council reads it; of somebody unknown 0."""
        answer = self.client.get(f"/v1/cases/EH-1001/people/{person}/consent")
        return answer.json["standing"]["version"] if answer.json and "standing" in answer.json else 0

    def tasks(self) -> dict[str, str]:
        """What waits for somebody: whose it is, by kind."""
        with self.wiring.engine.connect() as connection:
            return {str(task.kind): str(task.audience) for task in open_tasks(connection)}

    def standings(self) -> dict[UUID, Standing]:
        with self.wiring.engine.connect() as connection:
            return repository.family_standings(connection, identity_of(self.wiring).family_id)

    def answer(self, agency: str = "camhs", *, person: str = "P-ADA") -> Granted | NotGranted:
        standing = self.standings()[person_of(self.wiring, person)]
        return evaluate(standing, agency=agency, purpose="P1", now=datetime.now(UTC))


@pytest.fixture
def registry(wiring: Wiring) -> Iterator[Registry]:
    onboard(wiring, "camhs")
    onboard(wiring, "food-bank", kind=AgencyKind.CHARITY)
    onboard(wiring, "late-charity", kind=AgencyKind.CHARITY, active=False)
    load(wiring, family())
    with wiring.engine.begin() as connection:
        ensure_member(connection, username="c.worker", roles=["caseworker"])
    client = room_client(wiring, COUNCIL, register=register)
    client.application.register_error_handler(Problem, problem_response)
    with client:
        yield Registry(wiring, client)
