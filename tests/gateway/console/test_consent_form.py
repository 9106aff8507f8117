"""What each page of a consent journey asks for, and the decisions that its answers come to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final
from uuid import UUID

import pytest

from agencies.catalogue import CATEGORIES
from consent_registry.model import Capacity
from gateway.cases.model import CaseIdentity, Role, Shield, Status
from gateway.cases.people import FamilyRecord, Members, PersonOfFamily, Relation
from gateway.consent.schemas import read_decision
from gateway.console.consent_form import (
    Background,
    Form,
    Page,
    What,
    capacity,
    decision_id,
    faults,
    next_page,
    noes,
    pages_of,
    subjects,
    talks_first,
    typed_date,
    yeses,
)

MUM, DAD, ADA, BEN, ZOE, RISK = (UUID(int=number) for number in range(1, 7))
FORM: Final = UUID(int=99)
TODAY: Final = date(2026, 6, 1)


def person(person_id: UUID, role: Role, born: date | None = None, **more: Any) -> PersonOfFamily:
    named = {"name": f"N{person_id.int}", "given": f"G{person_id.int}", "language": None}
    plain = {"risk_person": False, "shield": Shield.NONE, "needs_interpreter": False}
    return PersonOfFamily(person_id=person_id, role=role, born=born, **{**named, **plain, **more})


RECORD: Final = FamilyRecord(
    identity=CaseIdentity(UUID(int=11), UUID(int=12)),
    level=2,
    status=Status.OPEN,
    sealed=False,
    members=Members(
        people=(
            person(MUM, Role.ADULT, date(1990, 1, 1)),
            person(DAD, Role.ADULT),
            person(ADA, Role.CHILD, date(2014, 1, 1)),
            person(BEN, Role.CHILD),
            person(ZOE, Role.CHILD, date(2010, 6, 1)),
            person(RISK, Role.OTHER, risk_person=True),
        ),
        relations=(
            Relation(MUM, ADA, "MOTHER", "birth_mother"),
            Relation(DAD, ADA, "FATHER", "none"),
        ),
        abuse=False,
    ),
    workers=("jo",),
)
BACKGROUND: Final = Background(RECORD, TODAY, True, "jo", {"camhs": 2, "charity": 1}, ("notice", "3"))

YES: Final[Mapping[str, Sequence[str]]] = {
    "form": (str(FORM),),
    "speaker": (str(MUM),),
    "about": (str(MUM), str(ADA)),
    "what": ("panel",),
    "method": ("signed_form",),
    "alone": ("yes",),
    "basis": ("birth_mother",),
    "seen": ("birth certificate",),
    "language": ("en",),
}
CHOSEN: Final = {
    **YES,
    "what": ("chosen",),
    "agencies": ("camhs",),
    "data": ("name", "health"),
    "named": ("offences",),
    "purposes": ("P2", "P1"),
}

WRONG: Final[Mapping[str, tuple[Page, dict[str, Any], str]]] = {
    "nobody speaks": (Page.SPEAKER, {"speaker": ()}, "speaker"),
    "a stranger speaks": (Page.SPEAKER, {"speaker": (str(UUID(int=77)),)}, "speaker"),
    "a risk person speaks": (Page.SPEAKER, {"speaker": (str(RISK),)}, "speaker"),
    "no id at all": (Page.SPEAKER, {"speaker": ("x",)}, "speaker"),
    "about nobody": (Page.ABOUT, {"about": ()}, "about"),
    "about a stranger": (Page.ABOUT, {"about": (str(UUID(int=77)),)}, "about"),
    "about a risk person": (Page.ABOUT, {"about": (str(RISK),)}, "about"),
    "about somebody who decides alone": (Page.ABOUT, {"about": (str(ZOE),)}, "about"),
    "no answer of what": (Page.WHAT, {"what": ()}, "what"),
    "an answer that is not offered": (Page.WHAT, {"what": ("all",)}, "what"),
    "no service": (Page.CHOOSE, {**CHOSEN, "agencies": ()}, "agencies"),
    "no information": (Page.CHOOSE, {**CHOSEN, "data": (), "named": ()}, "data"),
    "information that there is not": (Page.CHOOSE, {**CHOSEN, "data": ("x",), "named": ("y",)}, "data"),
    "no purpose": (Page.CHOOSE, {**CHOSEN, "purposes": ()}, "purposes"),
    "a purpose that is not served": (Page.CHOOSE, {**CHOSEN, "purposes": ("P4",)}, "purposes"),
    "no method": (Page.HOW, {"method": ()}, "method"),
    "no basis": (Page.HOW, {"basis": ("",)}, "basis"),
    "nothing seen": (Page.HOW, {"seen": (" ",)}, "seen"),
    "nobody interpreted": (Page.HOW, {"method": ("interpreter_mediated",)}, "interpreter"),
    "no language": (Page.HOW, {"language": ()}, "language"),
    "no day": (Page.HOW, {"until-month": ("2",), "until-year": ("2027",)}, "until-day"),
    "no such day": (
        Page.HOW,
        {"until-day": ("30",), "until-month": ("2",), "until-year": ("2027",)},
        "until-day",
    ),
    "a year in letters": (
        Page.HOW,
        {"until-day": ("1",), "until-month": ("2",), "until-year": ("x",)},
        "until-year",
    ),
    "a child without an assessment": (
        Page.HOW,
        {"speaker": (str(ADA),), "about": (str(ADA),)},
        "competence",
    ),
    "an adult for another without authority": (Page.HOW, {"about": (str(DAD),)}, "authority"),
    "everything, and one page is missing": (Page.CHECK, {**CHOSEN, "agencies": ()}, "agencies"),
}


def form(**changes: Any) -> Form:
    return Form({**YES, **changes})


@pytest.mark.parametrize(("page", "changes", "field"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said_where_it_is(page: Page, changes: dict[str, Any], field: str) -> None:
    wrong = next(faults(page, form(**changes), BACKGROUND), None)
    assert wrong is not None
    assert (field, True) == (wrong.field, wrong.sentence.endswith("."))


@pytest.mark.parametrize("answers", [YES, CHOSEN])
def test_of_sound_answers_nothing_is_wrong(answers: Mapping[str, Sequence[str]]) -> None:
    asked = [*pages_of(Form(answers)), Page.CHECK]
    assert [] == [wrong for page in asked for wrong in faults(page, Form(answers), BACKGROUND)]


def test_where_care_is_needed_it_has_to_be_said_that_they_were_alone() -> None:
    shielded = (*RECORD.people, person(UUID(int=8), Role.ADULT, shield=Shield.REFUGE))
    for told in (replace(RECORD.members, abuse=True), replace(RECORD.members, people=shielded)):
        record = replace(RECORD, members=told)
        wrong = next(faults(Page.HOW, form(alone=()), replace(BACKGROUND, record=record)))
        assert "alone" == wrong.field
    assert [] == list(faults(Page.HOW, form(alone=()), BACKGROUND))


def test_a_yes_is_a_decision_for_everybody_whom_it_is_about() -> None:
    mum, ada = yeses(form(), BACKGROUND)
    assert [MUM, ADA] == [mum.person_id, ada.person_id]
    for each in (mum, ada):
        read = read_decision(dict(each.document))
        assert (set(CATEGORIES), frozenset()) == (set(read.categories), read.fields)
        assert ({"P1", "P2", "P3"}, ("camhs", "charity")) == (set(read.purposes), read.agencies)
        assert {"camhs": 2, "charity": 1} == read.profiles_shown
        assert ("jo", "notice", "3") == (
            read.recorded_by,
            read.notice and read.notice.id,
            read.notice and read.notice.version,
        )
    assert {"person": str(MUM), "capacity": "self"} == mum.document["given_by"]
    assert {"person": str(MUM), "capacity": "parental_responsibility"} == ada.document["given_by"]
    assert {} == mum.document["evidence"]


def test_what_is_chosen_is_all_there_is() -> None:
    mum, _ = yeses(Form(CHOSEN), BACKGROUND)
    read = read_decision(dict(mum.document))
    assert (("camhs",), {"name", "health"}, {"offences"}, {"P1", "P2"}) == (
        read.agencies,
        set(read.categories),
        set(read.fields),
        set(read.purposes),
    )
    assert {"camhs": 2} == read.profiles_shown


def test_named_information_is_in_no_preset() -> None:
    mum, _ = yeses(form(named=("offences", "immigration"), agencies=("camhs",)), BACKGROUND)
    assert ([], ["camhs", "charity"]) == (mum.document["fields"], mum.document["agencies"])


def test_one_form_makes_one_decision_for_each_however_often_it_is_sent() -> None:
    first, second = yeses(form(), BACKGROUND), yeses(form(), BACKGROUND)
    assert [each.document for each in first] == [each.document for each in second]
    assert {str(decision_id(FORM, MUM)), str(decision_id(FORM, ADA))} == {
        each.document["decision_id"] for each in first
    }


NOES: Final[Mapping[str, tuple[dict[str, Any], list[UUID], dict[str, Any]]]] = {
    "nothing was chosen": ({}, [MUM, ADA, BEN], {"act": "withdraw"}),
    "some people": ({"about": (str(ADA),)}, [ADA], {"act": "withdraw"}),
    "some services": (
        {"agencies": ("camhs",)},
        [MUM, ADA, BEN],
        {"act": "withdraw", "agencies": ["camhs"]},
    ),
    "people who are nobody": ({"about": (str(DAD), "x")}, [MUM, ADA, BEN], {"act": "withdraw"}),
    "services that there are not": (
        {"agencies": ("x",)},
        [MUM, ADA, BEN],
        {"act": "withdraw"},
    ),
    "a no": ({"said": ("refuse",)}, [MUM, ADA, BEN], {"act": "refuse"}),
    "talk first": ({"said": ("talk",)}, [MUM, ADA, BEN], {"act": "hold", "reason": "talk_to_me_first"}),
    "something else": ({"said": ("x",)}, [MUM, ADA, BEN], {"act": "withdraw"}),
}


@pytest.mark.parametrize(("fields", "people", "says"), NOES.values(), ids=NOES.keys())
def test_a_no_means_everything_that_it_leaves_out(
    fields: dict[str, Any], people: list[UUID], says: dict[str, Any]
) -> None:
    found = noes(Form({"form": (str(FORM),), **fields}), BACKGROUND, everyone=[MUM, ADA, BEN])
    assert people == [each.person_id for each in found]
    for each in found:
        core = {
            "decision_id": str(decision_id(FORM, each.person_id)),
            "case_ref": str(RECORD.identity.case_id),
            "person": str(each.person_id),
            "recorded_by": "jo",
        }
        assert {**core, **says} == each.document
        assert not read_decision(dict(each.document)).faults


def test_who_says_no_is_kept_where_it_is_said() -> None:
    fields = {"form": (str(FORM),), "about": (str(ADA),), "speaker": (str(MUM),)}
    (found,) = noes(Form(fields), BACKGROUND, everyone=[MUM, ADA])
    assert {"person": str(MUM), "capacity": "parental_responsibility"} == found.document["given_by"]


def test_talk_to_me_first_is_about_those_who_were_asked_for() -> None:
    found = noes(talks_first(form(what=("talk",))), BACKGROUND, everyone=[MUM, ADA, BEN])
    assert [(MUM, "hold"), (ADA, "hold")] == [(each.person_id, each.document["act"]) for each in found]


SPEAKS: Final = {
    "an adult for themself": (MUM, MUM, Capacity.SELF),
    "a parent for a child": (MUM, ADA, Capacity.PARENTAL_RESPONSIBILITY),
    "a child for themself": (ADA, ADA, Capacity.COMPETENT_CHILD),
    "a child of unknown age": (BEN, BEN, Capacity.COMPETENT_CHILD),
    "a young person on their 16th birthday": (ZOE, ZOE, Capacity.SELF),
    "an adult for another": (MUM, DAD, Capacity.REPRESENTATIVE),
}


@pytest.mark.parametrize(("speaker", "about", "expected"), SPEAKS.values(), ids=SPEAKS.keys())
def test_as_what_somebody_speaks(speaker: UUID, about: UUID, expected: Capacity) -> None:
    found = RECORD.person(about)
    assert found is not None
    assert expected == capacity(BACKGROUND, speaker, found)


FOR_WHOM: Final = {
    "a mother": (MUM, [MUM, DAD, ADA, BEN]),
    "a father who has no responsibility for one child": (DAD, [DAD, MUM, BEN]),
    "a child": (ADA, [ADA]),
    "a risk person": (RISK, []),
    "a stranger": (UUID(int=77), []),
}


@pytest.mark.parametrize(("speaker", "expected"), FOR_WHOM.values(), ids=FOR_WHOM.keys())
def test_for_whom_somebody_may_be_able_to_speak(speaker: UUID, expected: list[UUID]) -> None:
    assert expected == [each.person_id for each in subjects(BACKGROUND, speaker)]


def test_where_parents_decide_until_18_a_parent_is_asked_for_somebody_of_16() -> None:
    until_18 = replace(BACKGROUND, lapse_at_sixteen=False)
    assert ZOE in {each.person_id for each in subjects(until_18, MUM)}


def test_the_pages_follow_each_other() -> None:
    plain, chosen = form(), Form(CHOSEN)
    assert [Page.ABOUT, Page.WHAT, Page.HOW, Page.CHECK] == [
        next_page(each, plain) for each in (Page.SPEAKER, Page.ABOUT, Page.WHAT, Page.HOW)
    ]
    assert [Page.CHOOSE, Page.HOW] == [next_page(each, chosen) for each in (Page.WHAT, Page.CHOOSE)]
    assert What.PANEL == plain.one("what")


def test_a_date_is_one_or_says_which_part_is_wrong() -> None:
    def typed(day: str, month: str, year: str) -> date | str | None:
        return typed_date(Form({"x-day": (day,), "x-month": (month,), "x-year": (year,)}), "x")

    assert [date(2026, 2, 28), None, "day", "month", "year", "day", "year"] == [
        typed("28", "2", "2026"),
        typed("", "", ""),
        typed("", "2", "2026"),
        typed("1", "\N{SUPERSCRIPT TWO}", "2026"),
        typed("1", "2", "-1"),
        typed("29", "2", "2027"),
        typed("1", "2", "99999"),
    ]


def test_versions_that_are_none_are_none() -> None:
    named = {f"version-{MUM}": ("3",), f"version-{DAD}": ("-1",), "version-x": ("1",), "version": ("2",)}
    assert {MUM: 3} == Form(named).versions()
