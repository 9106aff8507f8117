"""Who may decide for whom: a yes only from somebody who may, a stop from everybody, held where nobody can tell."""

from datetime import date
from uuid import UUID

import pytest

from consent_registry.model import Authority, Capacity
from gateway.cases.model import Role
from gateway.consent.authority import Speech, authority_to_close, faults_of_a_yes
from gateway.consent.family import Family, Member

TODAY = date(2026, 11, 27)
CHILD, TEEN, UNDATED, MUM, DAD, GRAN, YOUNG_MUM, RISK, STRANGER = (UUID(int=n) for n in range(1, 10))
FAMILY = Family(
    members={
        CHILD: Member(Role.CHILD, born=date(2016, 5, 1)),
        TEEN: Member(Role.CHILD, born=date(2010, 11, 27)),
        UNDATED: Member(Role.CHILD),
        MUM: Member(Role.ADULT, born=date(1990, 1, 1)),
        DAD: Member(Role.ADULT),
        GRAN: Member(Role.ADULT),
        YOUNG_MUM: Member(Role.ADULT, born=date(2011, 3, 1)),
        RISK: Member(Role.OTHER, risk_person=True),
    },
    parental={
        **{(MUM, child): "birth_mother" for child in (CHILD, TEEN, UNDATED)},
        (DAD, CHILD): "married_father",
        (GRAN, CHILD): "none",
        (YOUNG_MUM, UNDATED): "birth_mother",
    },
)
SELF, COMPETENT, PARENTAL, REPRESENTATIVE = (
    Capacity.SELF,
    Capacity.COMPETENT_CHILD,
    Capacity.PARENTAL_RESPONSIBILITY,
    Capacity.REPRESENTATIVE,
)
YES, NO, UNKNOWN = Authority.ESTABLISHED, Authority.NONE, Authority.UNKNOWN

CLOSING: dict[str, tuple[Speech, Authority]] = {
    "an adult": (Speech(MUM, MUM, SELF), YES),
    "a child of 10 as themself": (Speech(CHILD, CHILD, SELF), UNKNOWN),
    "a child of 10 found competent": (Speech(CHILD, CHILD, COMPETENT), YES),
    "on the 16th birthday": (Speech(TEEN, TEEN, SELF), YES),
    "a child of unknown age": (Speech(UNDATED, UNDATED, SELF), UNKNOWN),
    "a parent as if they were the child": (Speech(CHILD, MUM, SELF), UNKNOWN),
    "a child as another": (Speech(CHILD, TEEN, COMPETENT), UNKNOWN),
    "a mother": (Speech(CHILD, MUM, PARENTAL), YES),
    "a father": (Speech(CHILD, DAD, PARENTAL), YES),
    "a parent of 15": (Speech(UNDATED, YOUNG_MUM, PARENTAL), YES),
    "a grandmother without responsibility": (Speech(CHILD, GRAN, PARENTAL), NO),
    "a grandmother as representative": (Speech(CHILD, GRAN, REPRESENTATIVE), NO),
    "a father of whom nothing is stated": (Speech(TEEN, DAD, PARENTAL), UNKNOWN),
    "who agreed before": (Speech(TEEN, DAD, PARENTAL, known_before=True), YES),
    "stated to have none, and agreed before": (Speech(CHILD, GRAN, PARENTAL, known_before=True), NO),
    "somebody who is not of the case": (Speech(CHILD, None, PARENTAL), UNKNOWN),
    "a representative": (Speech(MUM, DAD, REPRESENTATIVE), UNKNOWN),
    "a representative who agreed before": (Speech(MUM, DAD, REPRESENTATIVE, known_before=True), YES),
    "a parent who claims to represent": (Speech(CHILD, MUM, REPRESENTATIVE), UNKNOWN),
}


@pytest.mark.parametrize(("speech", "expected"), CLOSING.values(), ids=CLOSING.keys())
def test_who_says_stop_is_believed_as_far_as_can_be_told(speech: Speech, expected: Authority) -> None:
    assert expected is authority_to_close(speech, FAMILY, today=TODAY)


def test_a_record_that_cannot_be_read_leaves_every_stop_a_hold() -> None:
    found = {authority_to_close(speech, Family(), today=TODAY) for speech, _ in CLOSING.values()}
    assert NO not in found
    assert UNKNOWN is authority_to_close(Speech(CHILD, MUM, PARENTAL), Family(), today=TODAY)


PERSON, SPEAKER, CAPACITY = "/person", "/given_by/person", "/given_by/capacity"
OPENING: dict[str, tuple[Speech, list[str]]] = {
    "an adult": (Speech(MUM, MUM, SELF), []),
    "an adult of unknown age": (Speech(DAD, DAD, SELF), []),
    "a mother": (Speech(CHILD, MUM, PARENTAL), []),
    "a mother of 15 for her baby": (Speech(UNDATED, YOUNG_MUM, PARENTAL), []),
    "a mother of 15 for herself": (Speech(YOUNG_MUM, YOUNG_MUM, COMPETENT), []),
    "a mother of 15 as an adult": (Speech(YOUNG_MUM, YOUNG_MUM, SELF), [CAPACITY]),
    "her mother for her": (Speech(YOUNG_MUM, MUM, PARENTAL), []),
    "a competent child": (Speech(CHILD, CHILD, COMPETENT), []),
    "a child of 10 as themself": (Speech(CHILD, CHILD, SELF), [CAPACITY]),
    "a child of unknown age as themself": (Speech(UNDATED, UNDATED, SELF), [CAPACITY]),
    "on the 16th birthday": (Speech(TEEN, TEEN, SELF), []),
    "on the 16th birthday as a competent child": (Speech(TEEN, TEEN, COMPETENT), [CAPACITY]),
    "a mother on the 16th birthday": (Speech(TEEN, MUM, PARENTAL), [CAPACITY]),
    "a mother for an adult": (Speech(DAD, MUM, PARENTAL), [CAPACITY]),
    "an adult as a competent child": (Speech(MUM, MUM, COMPETENT), [CAPACITY]),
    "a child for a parent": (Speech(MUM, CHILD, PARENTAL), [SPEAKER, CAPACITY]),
    "a child for a sibling": (Speech(CHILD, TEEN, PARENTAL), [SPEAKER]),
    "a grandmother without responsibility": (Speech(CHILD, GRAN, PARENTAL), [SPEAKER]),
    "a stranger": (Speech(CHILD, None, PARENTAL), [SPEAKER]),
    "an unknown person": (Speech(CHILD, STRANGER, PARENTAL), [SPEAKER]),
    "the authority, by a care order": (Speech(CHILD, None, PARENTAL, basis="care_order_LA"), []),
    "the authority, as a representative": (
        Speech(MUM, None, REPRESENTATIVE, basis="care_order_LA"),
        [SPEAKER],
    ),
    "a risk person for a child": (Speech(CHILD, RISK, PARENTAL), [SPEAKER]),
    "a risk person for themself": (Speech(RISK, RISK, SELF), [PERSON]),
    "for a stranger": (Speech(STRANGER, MUM, PARENTAL), [PERSON]),
    "a representative of an adult": (Speech(MUM, DAD, REPRESENTATIVE), []),
    "a representative of a child": (Speech(CHILD, DAD, REPRESENTATIVE), [CAPACITY]),
}


@pytest.mark.parametrize(("speech", "pointers"), OPENING.values(), ids=OPENING.keys())
def test_a_yes_counts_only_from_who_may_say_it(speech: Speech, pointers: list[str]) -> None:
    faults = list(faults_of_a_yes(speech, FAMILY, today=TODAY, lapse_at_sixteen=True))
    assert pointers == [fault.pointer for fault in faults]


def test_a_parent_agrees_until_18_where_the_council_lets_it_stand() -> None:
    def faults(today: date) -> list[str]:
        found = faults_of_a_yes(Speech(TEEN, MUM, PARENTAL), FAMILY, today=today, lapse_at_sixteen=False)
        return [fault.pointer for fault in found]

    assert ([], []) == (faults(TODAY), faults(date(2028, 11, 26)))
    assert [CAPACITY] == faults(date(2028, 11, 27))


SENTENCES = {
    "/person": {"This person is not asked."},
    "/given_by/person": {
        "A child does not agree for somebody else.",
        "Not a person of this case.",
        "The record says that this person holds no parental responsibility.",
        "This person is not asked.",
    },
    "/given_by/capacity": {
        "From 16 on a person answers for themself.",
        "From 16 on the young person decides.",
        "Nobody holds parental responsibility for an adult.",
        "Nobody represents a child under 16: who holds parental responsibility agrees.",
        "Under 16 a child answers as competent_child, with the assessment recorded.",
    },
}


def test_each_fault_says_what_to_do_in_a_stable_sentence() -> None:
    """Case systems show these to a caseworker who sits beside the family."""
    found: dict[str, set[str]] = {}
    for speech, _ in OPENING.values():
        for fault in faults_of_a_yes(speech, FAMILY, today=TODAY, lapse_at_sixteen=True):
            found.setdefault(fault.pointer, set()).add(fault.reason)
    assert SENTENCES == found
