"""What a referral tells: chosen item by item, by the functions of a release, and nothing of anybody else."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from agencies.catalogue import FIELDS
from agencies.model import AgencyKind, FieldName, JsonObject
from agencies.profile_text import template
from gateway.cases.model import Role, Shield
from gateway.release.model import Item
from gateway.safeguarding import document
from gateway.safeguarding.document import DO_NOT_DISCLOSE_ADDRESS, NOT_AGREED, SELECTED, TOLD, Heading, Member
from gateway.safeguarding.model import Answers, Kind
from gateway.safeguarding.questions import QUESTIONS
from tests.gateway.safeguarding.refer import HUB, REST, SIX

PROFILE = template(AgencyKind.POLICE)
MUM, ADA, BEN = "mum", "ada", "ben"
PEOPLE = (
    Member(MUM, Role.ADULT, Shield.NONE),
    Member(ADA, Role.CHILD, Shield.NONE),
    Member(BEN, Role.CHILD, Shield.NONE),
)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def item(field: str, about: Collection[str], value: JsonObject, *, kind: str = "fact") -> Item:
    return Item(FieldName(field), tuple(about), "early-help", "2026-11-01", kind, value)


RECORD = (
    item("adult_name", [MUM], {"type": "legal", "given": "Mary", "family": "Shelleyname"}),
    item("child_name", [ADA], {"type": "legal", "given": "Adagiven", "family": "Shelleyname"}),
    item("child_name", [BEN], {"type": "legal", "given": "Bengiven", "family": "Shelleyname"}),
    item("child_dob", [BEN], {"date": "2019-02-28", "certainty": "exact"}),
    item("address", [ADA], {"lines": ["1 Canary Road"], "postcode": "SE6 4RU", "ward": "E05013700"}),
    item("household", [MUM, BEN], {"member": MUM, "to": BEN, "relationship": "MOTHER", "resident": True}),
    item("household", [MUM, ADA], {"member": MUM, "to": ADA, "relationship": "MOTHER", "resident": True}),
    item("history", [ADA], {"code": "MOVE", "date": "2026-05-01", "note": "Moved with Bengiven in May."}),
    item("help_wanted", [MUM, ADA], {"needs": ["routines"], "summary": "Calmer mornings."}),
    item("finance", [MUM], {"category": "debt"}),
    item("nhs_number", [ADA], {"number": "9990000018", "verified": True}),
)


def offered(children: Collection[str] = (ADA,)) -> list[document.Choice]:
    return document.choices(RECORD, template=PROFILE, scope=document.in_scope(PEOPLE, children))


def frozen(
    *,
    keys: Collection[str] | None = None,
    children: Collection[str] = (ADA,),
    answers: Answers | None = None,
    kind: Kind = Kind.PROTECTION,
    people: tuple[Member, ...] = PEOPLE,
) -> dict[str, Any]:
    heading = Heading(UUID(int=7), 1, kind, HUB, "Testshire", "ada.worker", NOW, NOW)
    made = document.freeze(
        heading,
        {**SIX, **REST, "people": tuple(children), **(answers or {})},
        record=RECORD,
        items=document.chosen(offered(children), keys),
        people=people,
        template=PROFILE,
    )
    body: dict[str, Any] = json.loads(made.body)
    return body


def text_of(body: object) -> str:
    return json.dumps(body, ensure_ascii=False)


def test_the_template_selects_identity_whereabouts_household_and_history() -> None:
    selected = {choice.item.field for choice in offered() if choice.selected}
    assert {"child_name", "adult_name", "address", "household", "history"} == selected


@pytest.mark.parametrize(
    "field",
    [
        "adult_health",
        "child_health",
        "child_mental_health",
        "disability",
        "ethnicity",
        "finance",
        "sensitive_services",
        "nhs_number",
    ],
)
def test_health_money_and_ethnicity_are_never_selected_beforehand(field: str) -> None:
    assert FieldName(field) in FIELDS
    assert field not in SELECTED


def test_what_the_template_does_not_admit_cannot_be_chosen() -> None:
    fields = {choice.item.field for choice in offered()}
    assert not {"finance", "nhs_number"} & fields
    assert document.admitted(PROFILE) >= SELECTED


def test_what_is_chosen_goes_and_nothing_else() -> None:
    (wanted,) = (choice.key for choice in offered() if choice.item.field == "help_wanted")
    assert "Calmer mornings" in text_of(frozen(keys=[wanted]))
    assert "Canary Road" not in text_of(frozen(keys=[wanted]))


def test_another_child_is_not_in_it_not_even_in_free_text() -> None:
    body = frozen()
    assert "Adagiven" in text_of(body)
    for held in ("Bengiven", "2019-02-28"):
        assert held not in text_of(body)
    assert "Bengiven" in text_of(frozen(children=(ADA, BEN)))


def test_people_are_known_by_ids_of_this_referral_alone() -> None:
    body = frozen()
    (about,) = body["about"]
    people = {person["person"] for person in body["record"]["people"]}
    assert about in people
    assert not people & {MUM, ADA, BEN}


def test_a_key_of_an_item_that_changed_chooses_nothing() -> None:
    changed = structs.replace(RECORD[4], as_of="2026-11-02")
    keys = {choice.key for choice in offered()}
    others = document.choices([changed], template=PROFILE, scope=document.in_scope(PEOPLE, (ADA,)))
    assert not keys & {choice.key for choice in others}


@pytest.mark.parametrize("shield", [Shield.RESTRICTED, Shield.REFUGE])
def test_a_protected_address_goes_with_a_warning(shield: Shield) -> None:
    people = (replace(PEOPLE[0], shield=shield), *PEOPLE[1:])
    assert DO_NOT_DISCLOSE_ADDRESS in frozen(people=people)["handling"]
    assert DO_NOT_DISCLOSE_ADDRESS not in frozen()["handling"]


def test_the_recipient_is_told_that_the_family_may_not_know() -> None:
    assert NOT_AGREED in frozen()["handling"]
    assert NOT_AGREED not in frozen(kind=Kind.AGREED)["handling"]


def test_the_basis_is_of_this_referral() -> None:
    assert {"article6": "6(1)(d)", "article9": "9(2)(g)", "schedule1": "paragraph 18"} == frozen(
        answers={"basis": "6(1)(d)"}
    )["basis"]
    assert "schedule1" not in frozen(kind=Kind.AGREED)["basis"]


def test_every_answer_goes_or_stays_because_somebody_ruled_so() -> None:
    """A new question is told to nobody until it is listed."""
    kept = {
        "advice",
        "asked",
        "basis",
        "called_at",
        "concern_at",
        "decider",
        "destination",
        "detriment",
        "detriment_why",
        "instead",
        "people",
        "protects",
        "public_interest",
        "significant",
        "told_by",
        "why_items",
        "why_not",
    }
    assert {question.name for question in QUESTIONS} == kept | set(TOLD)
    assert not kept & set(TOLD)
    body = text_of(
        frozen(answers={"advice": "SECRETADVICE", "why_items": "SECRETWHY", "decider": "SECRETNAME"})
    )
    assert "SECRET" not in body


def test_an_item_that_cannot_be_told_keeps_nothing_else_back() -> None:
    broken = item("household", [MUM, ADA], {"member": MUM, "to": ADA})
    heading = Heading(UUID(int=7), 1, Kind.PROTECTION, HUB, "Testshire", "ada.worker", NOW, NOW)
    made = document.freeze(
        heading,
        {**SIX, "people": (ADA,)},
        record=(*RECORD, broken),
        items=[*document.chosen(offered(), None), broken],
        people=PEOPLE,
        template=PROFILE,
    )
    assert b"Canary Road" in made.body
    assert b"Bengiven" not in made.body


def test_the_same_referral_is_the_same_bytes() -> None:
    assert frozen() == frozen()


def test_both_times_are_kept() -> None:
    times = frozen()["times"]
    assert (REST["called_at"], NOW.isoformat()) == (times["called_at"], times["sent_at"])
