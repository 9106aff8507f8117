"""Invented families: real in shape, nobody in fact."""

from collections import defaultdict
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from agencies.catalogue import CATEGORIES, FIELDS
from agencies.codes import PR_BASES
from agencies.model import AgencyKind
from consent_registry.schemas import Vocabulary, load_decision
from gateway.cases import service
from gateway.cases.repository import today as london_today
from gateway.cases.schemas import read_family
from gateway.cases.service import Outcome
from gateway.cases.synthetic import LABELS, generate, labelled_consents, labelled_families
from gateway.wiring import Wiring
from tests.gateway.cases.documents import TODAY, file_of

AGENCIES = [str(kind) for kind in AgencyKind]
DAYS = [TODAY, date(2028, 2, 29), date(2026, 1, 1), date(2027, 3, 31)]


def values(families: list[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    return [each["value"] for raw in families for each in raw["items"] if each["field"] == field]


def some(count: int = 60, *, seed: int = 1, today: date = TODAY) -> list[dict[str, Any]]:
    return generate(count, seed=seed, today=today, agencies=AGENCIES)


@pytest.mark.parametrize("today", DAYS)
def test_every_generated_family_is_sound(today: date) -> None:
    """Whatever the day: check digits, ages, roles, agencies and dates."""
    for raw in some(today=today):
        assert read_family(raw, today=today, synthetic=True).source_ref == raw["source_ref"]


@pytest.mark.parametrize("today", DAYS)
def test_every_labelled_family_is_sound(today: date) -> None:
    for raw in labelled_families(today).values():
        assert read_family(raw, today=today, synthetic=True).source_ref == raw["source_ref"]


def test_twelve_families_have_every_field_between_them() -> None:
    """A demo or benchmark without a field would never show how it is withheld."""
    assert {each["field"] for raw in some(12) for each in raw["items"]} == FIELDS.keys() - {"case_ref"}


def test_the_same_arguments_give_the_same_families() -> None:
    assert some(5) == some(5)
    assert some(5) != some(5, seed=2)
    assert labelled_families(TODAY) == labelled_families(TODAY)


def test_nobody_is_two_people() -> None:
    families = [*some(200), *labelled_families(TODAY).values()]
    for field, member in (("nhs_number", "number"), ("pupil_number", "upn")):
        numbers = [value[member] for value in values(families, field)]
        assert len(set(numbers)) == len(numbers)
    ids = [person["id"] for raw in families for person in raw["people"]]
    assert len(set(ids)) == len(ids)
    assert len({raw["source_ref"] for raw in families}) == len(families)


def test_no_number_can_reach_or_name_anybody() -> None:
    """Synthetic data leaks into screenshots and mails; it must not ring a real telephone."""
    families = [*some(), *labelled_families(TODAY).values()]
    assert all(value["number"].startswith("999") for value in values(families, "nhs_number"))
    assert all(value["upn"][1:4] == "209" for value in values(families, "pupil_number"))
    for value in values(families, "contact"):
        if value["kind"] == "phone":
            assert value["value"].startswith(("+44 20 7946 0", "+44 7700 900"))
        else:
            assert value["value"].endswith("@example.org")


def test_siblings_share_home_name_and_school() -> None:
    for raw in some():
        children = {person["id"] for person in raw["people"] if person["role"] == "child"}
        schools = defaultdict(set)
        for each in raw["items"]:
            if each["field"] == "school":
                schools[each["value"]["phase"]].add(each["value"].get("urn"))
        assert all(len(urns) == 1 for urns in schools.values())
        for field, member in (("address", "postcode"), ("child_name", "family")):
            found = {
                each["value"][member]
                for each in raw["items"]
                if each["field"] == field and each["about"][0] in children
            }
            assert len(found) == 1


def test_sources_are_agencies_that_take_part() -> None:
    sources = {
        each["source_agency"]
        for raw in generate(12, seed=1, today=TODAY, agencies=["x-one"])
        for each in raw["items"]
    }
    assert sources == {"x-one"}


def test_labels_are_those_of_the_demo() -> None:
    assert LABELS == (
        "plain",
        "siblings_differ",
        "two_parents_disagree",
        "shielded",
        "withdrawn",
        "no_consent",
        "offer_accepted",
        "adopted",
        "parent_under_18",
    )


def test_labelled_families_are_what_their_labels_say() -> None:
    families = labelled_families(TODAY)
    assert families["adopted"]["seals"] == ["adoption"]
    assert [raw["seals"] for label, raw in families.items() if label != "adopted"] == [[]] * 8
    assert {person.get("shield") for person in families["shielded"]["people"]} == {"refuge", None}
    assert [person["role"] for person in families["parent_under_18"]["people"]] == ["adult", "adult", "child"]
    mother = values([families["parent_under_18"]], "adult_dob")[0]
    assert "2008-11-22" < mother["date"] < "2009-11-22"


@pytest.mark.parametrize("label", LABELS)
def test_consents_are_documents_of_the_registry(label: str) -> None:
    """The demo is made from data: every decision must pass the door that caseworkers' decisions pass."""
    known = Vocabulary(frozenset(CATEGORIES), frozenset(FIELDS), parental_bases=frozenset(PR_BASES))
    family = labelled_families(TODAY)[label]
    people = {person["id"] for person in family["people"] if not person.get("risk_person")}
    for decision in labelled_consents(label):
        document = {
            **decision,
            "decision_id": str(uuid4()),
            "source_ref": family["source_ref"],
            "recorded_by": "demo",
            **({"profiles_shown": {"camhs": 1}} if decision["act"] == "give" else {}),
        }
        request = load_decision(document, vocabulary=known)
        assert request.person in people
        assert request.given_by is None or request.given_by.person in people


def acts(label: str) -> list[str]:
    return [consent["act"] for consent in labelled_consents(label)]


def test_consents_are_what_their_labels_say() -> None:
    assert acts("plain") == ["give"] * 4
    assert acts("siblings_differ") == ["give", "refuse", "give"]
    assert acts("two_parents_disagree") == ["give", "give", "refuse", "refuse"]
    assert acts("withdrawn") == ["give", "give", "withdraw", "withdraw"]
    assert acts("no_consent") == []


def test_invented_families_can_be_imported(wiring: Wiring) -> None:
    families = [*labelled_families(TODAY).values(), *some(12)]
    with wiring.engine.connect() as connection:
        today = london_today(connection)
    families = [*labelled_families(today).values(), *some(12, today=today)]
    report = service.import_cases(wiring, file_of(*families), actor="test")
    assert report.count(Outcome.IMPORTED) == len(families) == 21
