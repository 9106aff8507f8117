"""Anything that a family and its workers can say, in any order, through the routes: held against the naive rules.

After each step the standing that the API tells, the length of its history and what an agency is given are those of
``tests/consent_registry/naive.py`` for the same decisions; what was refused left no trace.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gateway.caller import Caller
from gateway.consent.views import register
from gateway.problems import Problem, problem_response
from gateway.release.model import Released
from gateway.staff.repository import ensure_member
from tests.consent_registry.naive import Reading, may_receive, state
from tests.support.process import wired
from tests.support.rooms import room_client
from tests.support.throwaway import Cluster, Database, new_database
from tests.support.world import STAFF, World, item

COUNCIL = Caller("co_0123456789abcdef", None, frozenset({"consent:write"}), None, None)
NUMBERS = count(1)
CAPACITY = {"ada": "competent_child", None: None}
AUTHORITY = {"gran": "none", "stranger": "unknown"}
EVIDENCE = {
    "ada": {"competence": {"assessor": STAFF, "assessed_on": "2026-11-01", "reasons": "understands it"}},
    "parent": {"parental_responsibility": {"basis": "birth_mother", "seen": "certificate"}},
}
RESOLUTION = {"resolution": {"grounds": "child_welfare", "decided_by": "h.manager", "reasons": "agreed"}}
SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "agencies": st.sampled_from([["camhs"], ["charity"], ["all"]]),
        "categories": st.sampled_from([["name"], ["needs"]]),
        "purposes": st.just(["P1"]),
    },
)


def family(source_ref: str) -> dict[str, Any]:
    ada, mum, dad, gran = (f"{source_ref}-{who}" for who in ("ada", "mum", "dad", "gran"))
    bases = {
        mum: ("MOTHER", "birth_mother"),
        dad: ("FATHER", "married_father"),
        gran: ("GRANDPARENT", "none"),
    }
    return {
        "source_ref": source_ref,
        "threshold_level": 2,
        "status": "open",
        "seals": [],
        "people": [{"id": ada, "role": "child"}, *({"id": each, "role": "adult"} for each in bases)],
        "workers": [],
        "items": [
            item("child_name", [ada], {"type": "legal", "given": "Adagiven", "family": "Shelleyname"}),
            item("child_dob", [ada], {"date": "2016-04-09", "certainty": "exact"}),
            *(
                item(
                    "household",
                    [ada, holder],
                    {
                        "member": holder,
                        "relationship": code,
                        "to": ada,
                        "resident": "full",
                        "pr_basis": basis,
                    },
                )
                for holder, (code, basis) in bases.items()
            ),
        ],
    }


class Kitchen(RuleBasedStateMachine):
    """One child's family, and everybody who says something about the child."""

    world: ClassVar[World]
    client: ClassVar[FlaskClient]

    @initialize()
    def a_family(self) -> None:
        self.source = f"EH-{next(NUMBERS)}"
        self.world.import_families(family(self.source))
        self.world.give(self.source, f"{self.source}-mum", categories=["needs"], fields=[])
        self.world.list_cases(self.source, ref=f"M-{self.source}")
        self.said: list[dict[str, Any]] = []
        self.last: tuple[dict[str, Any], Any] | None = None

    @rule(
        who=st.sampled_from(["mum", "dad", "ada"]),
        categories=st.sampled_from([["name"], ["name", "needs"]]),
        agencies=st.sampled_from([["camhs"], ["camhs", "charity"], ["charity"]]),
        behind=st.sampled_from([0, 0, 0, 1]),
        resolves=st.sampled_from([False, False, True]),
    )
    def says_yes(
        self, who: str, categories: list[str], agencies: list[str], behind: int, *, resolves: bool
    ) -> None:
        speaker = {"person": f"{self.source}-{who}", "capacity": CAPACITY.get(who, "parental_responsibility")}
        document = self.document(
            "give",
            given_by=speaker,
            agencies=agencies,
            categories=categories,
            purposes=["P1"],
            method="signed_form",
            evidence={**EVIDENCE.get(who, EVIDENCE["parent"]), **(RESOLUTION if resolves else {})},
            notice={"id": "early-help", "version": "1", "language": "en"},
            profiles_shown={"camhs": 1, "charity": 1},
            recorded_by="h.manager" if resolves else STAFF,
        )
        told = self.naive("give", who, agencies=agencies, categories=categories, resolves=resolves)
        counts = Reading([*self.said, told]).counts(len(self.said))
        answer = self.send(document, version=len(self.said) - behind)
        assert (412 if behind else 201 if counts else 409) == answer.status_code
        if answer.status_code == 201:
            self.keep(document, answer, told)

    @rule(
        who=st.sampled_from(["mum", "dad", "ada", "gran", "stranger", None]),
        act=st.sampled_from(["withdraw", "withdraw", "refuse", "hold", "invalidate", "enter_in_error"]),
        scope=SCOPES,
        behind=st.sampled_from([None, 5]),
    )
    def says_stop(self, who: str | None, act: str, scope: dict[str, Any], behind: int | None) -> None:
        speaker = {"person": f"{self.source}-{who}", "capacity": CAPACITY.get(who, "parental_responsibility")}
        document = self.document(act, **({} if who is None else {"given_by": speaker}), **scope)
        told = self.naive(act, who, **{**scope, "agencies": self.codes(scope.get("agencies", []))})
        answer = self.send(document, version=behind)
        assert 201 == answer.status_code
        self.keep(document, answer, told)

    @rule(person=st.sampled_from(["nobody", "Ada?"]))
    def says_stop_for_somebody_unknown(self, person: str) -> None:
        document = self.document("withdraw") | {"person": person}
        answer = self.send(document)
        assert 201 == answer.status_code
        self.keep(document, answer, self.naive("hold", None, authority="unknown"))
        self.world.give(self.source, f"{self.source}-mum", categories=["needs"], fields=[])

    @rule(more=st.sampled_from([{"agencies": ["nobody"]}, {"valid_from": "soon"}, {"evidence": 1}, {"x": 1}]))
    def says_stop_unclearly(self, more: dict[str, Any]) -> None:
        document = self.document("withdraw", **more)
        answer = self.send(document)
        assert 201 == answer.status_code
        self.keep(document, answer, self.naive("hold", None, authority="unknown"))

    @rule()
    def is_sent_again(self) -> None:
        if self.last is not None:
            document, before = self.last
            answer = self.send(document, version=0)
            assert (200, before.json) == (answer.status_code, answer.json)

    @invariant()
    def what_stands_is_what_the_rules_say(self) -> None:
        told = self.standing()
        now, grown_up = datetime.now(UTC), datetime(2040, 1, 1, tzinfo=UTC)
        when: dict[str, Any] = {"now": now, "sixteen": None, "eighteen": grown_up}
        assert len(self.said) == told["version"]
        assert state(self.said, **when) == told["state"]
        outcome = self.world.release("camhs", self.source)
        named = isinstance(outcome, Released) and "Adagiven" in json.dumps(json.loads(outcome.body)["record"])
        where: dict[str, Any] = {
            "agency": "camhs",
            "purpose": "P1",
            "field": "child_name",
            "category": "name",
        }
        assert named == may_receive(self.said, **where, **when)

    def document(self, act: str, **more: Any) -> dict[str, Any]:
        return {
            "decision_id": str(uuid4()),
            "source_ref": self.source,
            "person": f"{self.source}-ada",
            "act": act,
            "recorded_by": STAFF,
            **more,
        }

    def naive(self, act: str, who: str | None, **more: Any) -> dict[str, Any]:
        now = datetime.now(UTC)
        nothing: dict[str, Any] = dict.fromkeys(
            ("agencies", "exclude", "categories", "fields", "purposes"), ()
        )
        opens = act == "give"
        return {
            **nothing,
            "act": act,
            "speaker": who if who in {"mum", "dad", "ada"} else None,
            "capacity": CAPACITY.get(who, "parental_responsibility"),
            "authority": AUTHORITY.get(str(who), "established"),
            "resolves": False,
            "reason": "not_asked",
            "recorded_at": now,
            "valid_from": now - timedelta(minutes=1) if opens else None,
            "valid_until": now + timedelta(days=100) if opens else None,
            "profiles_shown": {"camhs": 1, "charity": 1} if opens else {},
            **({"purposes": ["P1"]} if opens else {}),
            **more,
        }

    def codes(self, agencies: list[str]) -> list[str]:
        return ["*"] if "all" in agencies else agencies

    def send(self, document: dict[str, Any], *, version: int | None = None) -> Any:
        headers = {} if version is None else {"If-Match": f'"{max(version, 0)}"' if version >= 0 else '"99"'}
        return self.client.post("/v1/consent-decisions", json=document, headers=headers)

    def standing(self) -> dict[str, Any]:
        found = self.client.get(f"/v1/cases/{self.source}/people/{self.source}-ada/consent").json
        assert found is not None
        standing: dict[str, Any] = found["standing"]
        return standing

    def keep(self, document: dict[str, Any], answer: Any, told: dict[str, Any]) -> None:
        self.said.append(told)
        self.last = document, answer


@pytest.fixture
def kitchen(cluster: Cluster, template_database: Database, tmp_path: Path) -> Iterator[type[Kitchen]]:
    with serving(cluster, template_database, tmp_path) as made:
        yield made


@contextmanager
def serving(cluster: Cluster, template: Database, folder: Path) -> Iterator[type[Kitchen]]:
    with new_database(cluster, template=template.name) as database, wired(database, folder) as wiring:
        Kitchen.world = World(wiring)
        for code in ("camhs", "charity"):
            Kitchen.world.join(code)
        with wiring.engine.begin() as connection:
            ensure_member(connection, username="h.manager", roles=["manager"])
        Kitchen.client = room_client(wiring, COUNCIL, register=register)
        Kitchen.client.application.register_error_handler(Problem, problem_response)
        yield Kitchen


@pytest.mark.parametrize(
    ("examples", "steps"), [(12, 12), pytest.param(300, 25, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_whatever_is_said_the_rules_hold(kitchen: type[Kitchen], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        kitchen,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
