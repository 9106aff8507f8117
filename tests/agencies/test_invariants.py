"""What no profile may say: each invariant is broken by its smallest fault and by nothing that ships.

The oracle below says the invariants once more, one request at a time and without their code; random profiles are
judged by both.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain, combinations
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agencies.catalogue import FIELDS
from agencies.invariants import INVARIANTS, Counterexample, broken
from agencies.model import AgencyKind, Condition, FieldName, Mark, Profile, ProfileRow, Stage
from agencies.profile_text import template

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "profiles.md"
SENTENCES: Final = {each.code: each.sentence for each in INVARIANTS}
KINDS: Final = {str(kind): kind for kind in AgencyKind}


def own(kind: AgencyKind) -> Profile:
    """A template as onboarding copies it."""
    return replace(template(kind), agreement="DSA-1", assessment="DPIA-1")


def changed(profile: Profile, *changes: str) -> Profile:
    """The same profile with other marks: "field stage mark", or "field stage mark condition" for a row more."""
    for change in changes:
        field, at, mark, *when = change.split()
        condition = Condition(when[0]) if when else Condition.ALWAYS
        rows = {(row.field, row.when): row for row in profile.rows}
        name = FieldName(field)
        kept = rows.get((name, condition)) or ProfileRow(name, Mark.W, Mark.W, condition, "x")
        other = replace(kept, panel=Mark(mark)) if at == "panel" else replace(kept, service=Mark(mark))
        profile = replace(profile, rows=tuple((rows | {(name, condition): other}).values()))
    return profile


def codes(found: tuple[Counterexample, ...]) -> set[str]:
    return {each.invariant for each in found}


@pytest.mark.parametrize("kind", AgencyKind)
def test_what_ships_breaks_nothing_once_it_names_what_it_rests_on(kind: AgencyKind) -> None:
    """A template names neither agreement nor assessment; it releases nothing."""
    assert () == broken(own(kind), today=date(2027, 9, 30))
    assert {"agreement", "assessment"} == codes(broken(template(kind)))


FAULTS: Final = [
    ("no-case", "police", "language panel G2"),
    ("no-case", "police", "immigration service G2"),
    ("no-case", "commissioning", "case_ref service F"),
    ("shield", "early-help", "address panel F attended"),
    ("shield", "refuge", "school service G1 named_worker"),
    ("shield", "housing", "address service F hosting_refuge"),
    ("shield", "health", "contact service F attended"),
    ("pupil-number", "youth", "pupil_number service F"),
    ("pupil-number", "social-care", "pupil_number service F"),
    ("pupil-number", "camhs", "pupil_number service F attended"),
    ("nhs-number", "education", "nhs_number panel F"),
    ("nhs-number", "social-care", "nhs_number service F"),
    ("contact-after-acceptance", "social-care", "contact panel G1"),
    ("contact-after-acceptance", "health", "contact panel F"),
    ("identity-after-acceptance", "childrens-centres", "child_name panel F"),
    ("identity-after-acceptance", "family-support", "adult_name panel F"),
    ("identity-after-acceptance", "childrens-centres", "adult_dob panel F", "address panel W"),
    ("initials-after-acceptance", "voluntary", "child_name panel G1"),
    ("initials-after-acceptance", "charity", "adult_name panel G1"),
    ("worker-safety", "health", "worker_safety panel G1"),
    ("worker-safety", "housing", "worker_safety panel F"),
    ("sensitive-services", "early-help", "sensitive_services panel F"),
    ("sensitive-services", "camhs", "sensitive_services service G2"),
    ("sensitive-services", "health", "sensitive_services service F named_worker"),
    ("domestic-abuse", "early-help", "domestic_abuse service F"),
    ("domestic-abuse", "refuge", "domestic_abuse panel F"),
    ("domestic-abuse", "housing", "domestic_abuse service F"),
    ("risk-person", "refuge", "risk_person panel F"),
    ("risk-person", "youth", "risk_person service F"),
    ("offences", "youth", "offences panel F"),
    ("offences", "social-care", "offences service F"),
    ("immigration", "social-care", "immigration panel F"),
    ("adult-health", "camhs", "adult_health service F"),
    ("adult-health", "social-care", "adult_health panel F"),
    ("adult-health-at-school", "education", "adult_health service G2"),
    ("child-health", "education", "child_health panel F"),
    ("child-health", "social-care", "child_mental_health service F"),
    ("finance", "housing", "finance panel F"),
    ("finance", "charity", "finance service F"),
    ("minutes", "social-care", "minutes panel F"),
    ("minutes", "camhs", "minutes service F attended"),
    ("address-with-a-name", "housing", "adult_name panel G1", "adult_dob panel G1"),
    ("birthday-with-a-name", "health", "adult_name panel G1"),
    ("number-with-a-name", "education", "child_name service G1", "child_dob service G1"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=" ".join)
def test_the_smallest_fault_breaks_exactly_its_invariant(fault: tuple[str, ...]) -> None:
    """Raise one mark of what ships (or take a name away): that invariant is broken, there, and no other."""
    code, kind, *changes = fault
    (found,) = broken(changed(own(KINDS[kind]), *changes))
    field, at, mark, *when = changes[0].split()
    assert (code, SENTENCES[code]) == (found.invariant, found.sentence)
    assert (FieldName(field), Mark(mark).level) in found.told
    assert {Condition(each) for each in when} == found.conditions
    assert found.stage == (None if code == "shield" else Stage(at))


def test_every_invariant_over_fields_has_a_fault() -> None:
    about_the_head = {"agreement", "assessment", "article-6", "article-9", "review"}
    assert {each.code for each in INVARIANTS} == {code for code, *_ in FAULTS} | about_the_head


PAIRS: Final = [
    ("birthday-with-a-name", "health", {"child_dob", "address", "child_name"}, "child_name panel G1"),
    ("birthday-with-a-name", "social-care", {"child_dob", "address", "child_name"}, "child_name panel W"),
    ("birthday-with-a-name", "education", {"child_dob", "school", "child_name"}, "child_name panel G1"),
    ("number-with-a-name", "camhs", {"nhs_number", "child_name"}, "child_name panel G1"),
    (
        "address-with-a-name",
        "youth",
        {"contact", "child_name", "adult_name"},
        "child_name service W",
        "adult_name service W",
    ),
]


@pytest.mark.parametrize(
    ("code", "kind", "fields", "changes"), [(a, b, c, d) for a, b, c, *d in PAIRS], ids=range(len(PAIRS))
)
def test_what_is_told_together_is_named_together(
    code: str, kind: str, fields: set[str], changes: list[str]
) -> None:
    """The fault may break others, too; the counterexample tells each field that makes it one."""
    found = broken(changed(own(KINDS[kind]), *changes))
    assert fields in [{str(name) for name, _ in each.told} for each in found if each.invariant == code]


def test_two_conditions_that_hold_together_are_seen_together() -> None:
    """Neither row alone finds a person: it takes both conditions, and so does the counterexample."""
    health = changed(
        own(AgencyKind.HEALTH),
        *("adult_name panel G1", "child_name panel G1", "child_dob panel G1", "nhs_number panel W"),
        *("adult_dob panel W", "adult_dob panel F named_worker"),
        *("address panel W", "address panel G2 hosting_refuge"),
    )
    (pair,) = [each for each in broken(health) if each.invariant == "birthday-with-a-name"]
    assert {Condition.NAMED_WORKER, Condition.HOSTING_REFUGE} == pair.conditions


def test_a_condition_that_gives_nothing_lifts_nothing() -> None:
    assert () == broken(changed(own(AgencyKind.CAMHS), "address panel W attended"))


def test_everything_for_everybody_breaks_everything_once_for_each_field_and_stage() -> None:
    """More than one counterexample of a field at a stage would hide the others."""
    all_of_it = tuple(ProfileRow(name, Mark.F, Mark.F, Condition.ALWAYS, "x") for name in FIELDS)
    charity = broken(replace(own(AgencyKind.CHARITY), rows=all_of_it))
    places = [(each.invariant, each.told, each.stage) for each in charity]
    assert len(set(places)) == len(places)
    assert all(each.conditions == frozenset() for each in charity)
    police = broken(replace(own(AgencyKind.POLICE), rows=all_of_it))
    assert 2 * len(FIELDS) == sum(each.invariant == "no-case" for each in police)


HEADS: Final = {
    "agreement": {"agreement": "  "},
    "assessment": {"assessment": ""},
    "article-6": {"article6": ""},
    "article-9": {"article9": ""},
}


@pytest.mark.parametrize("code", HEADS)
def test_a_profile_names_what_it_rests_on(code: str) -> None:
    found = broken(replace(own(AgencyKind.CAMHS), **HEADS[code]))  # type: ignore[arg-type] # texts, all of them
    assert {code} == codes(found)


def test_without_special_category_data_no_condition_for_it_is_needed() -> None:
    """Commissioning has none and gives none; one flag of a child's health changes that."""
    bare = replace(own(AgencyKind.YOUTH), article9="", rows=())
    assert () == broken(bare)
    (found,) = broken(changed(bare, "child_health service G2"))
    assert ("article-9", Stage.SERVICE) == (found.invariant, found.stage)
    named = changed(replace(own(AgencyKind.EARLY_HELP), article9="", rows=()), "ethnicity panel G1 attended")
    assert [frozenset({Condition.ATTENDED})] == [each.conditions for each in broken(named)]


def test_a_review_that_was_due_is_asked_for_only_where_a_profile_is_to_be_effective() -> None:
    profile = own(AgencyKind.CAMHS)
    late = profile.review_on + timedelta(days=1)
    assert () == broken(profile, today=profile.review_on)
    assert {"review"} == codes(broken(profile, today=late))
    assert () == broken(replace(profile, review_on=date.min))


UNNAMED: Final = "a child's names (not at all), an adult's names (not at all)."
BORN: Final = "a child's date of birth, or the expected date (in full)"
SAID: Final = {
    "youth: pupil_number service F": [
        "A youth service would be told while it helps: unique pupil number (in full).",
    ],
    "camhs: minutes service F attended": [
        (
            "A mental health service for children would be told while it helps of a meeting it attended:"
            " minutes of a team around the family meeting (in full)."
        ),
    ],
    "housing: adult_name panel G1; adult_dob panel W": [
        (
            "A housing service would be told at the panel: where a person lives (in full),"
            " a child's names (in part), an adult's names (in part)."
        ),
    ],
    "refuge: school service G1 named_worker": [
        "A refuge would be told through a named worker of the family: school or setting (in part).",
    ],
    "housing: address service G2 hosting_refuge": [
        "A housing service would be told as the refuge that houses the family: where a person lives (in broad terms).",
    ],
    "youth: child_name service W; adult_name service W": [
        f"A youth service would be told while it helps: where a person lives (in full), {UNNAMED}",
        f"A youth service would be told while it helps: how to reach a person safely (in full), {UNNAMED}",
        (
            f"A youth service would be told while it helps: {BORN}, where a person lives (in full),"
            " a child's names (not at all)."
        ),
        (
            f"A youth service would be told while it helps: {BORN}, school or setting (in full),"
            " a child's names (not at all)."
        ),
    ],
}


@pytest.mark.parametrize("fault", SAID)
def test_a_counterexample_is_a_sentence(fault: str) -> None:
    kind, _, changes = fault.partition(": ")
    found = broken(changed(own(KINDS[kind]), *changes.split("; ")))
    assert SAID[fault] == [each.words for each in found]


def test_a_fault_of_the_head_is_a_sentence() -> None:
    bare = replace(template(AgencyKind.CAMHS), article6="")
    assert [
        "The profile names no data sharing agreement.",
        "The profile names no impact assessment.",
        "The profile names no legal basis.",
        "The profile was to be reviewed on 2027-09-30.",
    ] == [each.words for each in broken(bare, today=date(2028, 1, 1))]


def test_every_invariant_is_on_the_page_word_for_word() -> None:
    """Whoever writes a profile reads there what is refused, in this order."""
    lines = [line[2:] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("- **")]
    assert [f"**{each.code}**: {each.sentence}" for each in INVARIANTS] == lines


# --- The oracle --------------------------------------------------------------------------------------------------


class Request:
    """One request: kind, stage and conditions; what it is told of a field is looked up row by row."""

    def __init__(self, profile: Profile, stage: Stage, conditions: frozenset[Condition]) -> None:
        self.profile, self.stage, self.conditions = profile, stage, conditions
        self.kind = str(profile.based_on_kind)

    def told(self, field: str) -> int:
        """0 to 3: the strictest of the rows that hold, or the row that always does."""
        marks = [
            (row.when, row.panel if self.stage is Stage.PANEL else row.service)
            for row in self.profile.rows
            if row.field == field
        ]
        held = [mark for when, mark in marks if when in self.conditions] or [
            mark for when, mark in marks if when is Condition.ALWAYS
        ]
        return min(({"F": 3, "G1": 2, "G2": 1}.get(mark, 0) for mark in held), default=0)

    def is_of(self, kinds: str) -> bool:
        return self.kind in kinds.split()

    @property
    def helps(self) -> bool:
        return self.stage is Stage.SERVICE

    @property
    def named(self) -> bool:
        return self.kind == "early-help" and Condition.NAMED_WORKER in self.conditions


OFFERING: Final = "childrens-centres family-support refuge voluntary charity youth"
CLINICAL: Final = "early-help health camhs"
SPECIAL: Final = (
    *("ethnicity", "child_health", "child_mental_health", "adult_health"),
    *("sensitive_services", "disability", "sen", "ehcp"),
)
IDENTITY: Final = ("child_name", "adult_name", "child_dob", "adult_dob", "address")
ORACLE: Final[dict[str, Callable[[Request], bool]]] = {
    "no-case": lambda r: r.is_of("police commissioning") and any(r.told(name) for name in FIELDS),
    "pupil-number": lambda r: r.told("pupil_number") == 3 and not r.is_of("early-help education"),
    "nhs-number": lambda r: r.told("nhs_number") == 3 and not r.is_of(CLINICAL),
    "contact-after-acceptance": lambda r: r.told("contact") > 0 and not r.helps and not r.is_of("early-help"),
    "identity-after-acceptance": lambda r: (
        not r.helps and r.is_of(OFFERING) and any(r.told(name) == 3 for name in IDENTITY)
    ),
    "initials-after-acceptance": lambda r: (
        not r.helps and r.is_of("voluntary charity") and r.told("child_name") + r.told("adult_name") > 0
    ),
    "worker-safety": lambda r: (
        r.told("worker_safety") > 0 and not r.helps and not r.is_of("early-help social-care")
    ),
    "sensitive-services": lambda r: r.told("sensitive_services") > 0 and not r.named,
    "domestic-abuse": lambda r: (
        r.told("domestic_abuse") == 3
        and not (r.named or r.is_of("social-care") or (r.is_of("refuge") and r.helps))
    ),
    "risk-person": lambda r: (
        r.told("risk_person") == 3
        and not (r.is_of("early-help social-care") or (r.is_of("refuge") and r.helps))
    ),
    "offences": lambda r: (
        r.told("offences") == 3 and not (r.is_of("early-help") or (r.is_of("youth") and r.helps))
    ),
    "immigration": lambda r: r.told("immigration") == 3 and not r.is_of("early-help"),
    "adult-health": lambda r: r.told("adult_health") == 3 and not r.is_of("early-help health"),
    "adult-health-at-school": lambda r: r.told("adult_health") > 0 and r.is_of("education"),
    "child-health": lambda r: (
        max(r.told("child_health"), r.told("child_mental_health")) == 3 and not r.is_of(CLINICAL)
    ),
    "finance": lambda r: (
        r.told("finance") == 3 and not (r.is_of("early-help") or (r.is_of("housing") and r.helps))
    ),
    "minutes": lambda r: r.told("minutes") == 3 and not r.is_of("early-help"),
    "address-with-a-name": lambda r: (
        max(r.told("address"), r.told("contact")) == 3 and max(r.told("child_name"), r.told("adult_name")) < 3
    ),
    "birthday-with-a-name": lambda r: (
        (
            r.told("child_dob") == 3
            and r.told("child_name") < 3
            and (r.told("address") > 0 or r.told("school") == 3)
        )
        or (r.told("adult_dob") == 3 and r.told("adult_name") < 3 and r.told("address") > 0)
    ),
    "number-with-a-name": lambda r: (
        max(r.told("nhs_number"), r.told("pupil_number")) == 3 and r.told("child_name") < 3
    ),
    "article-9": lambda r: not r.profile.article9 and any(r.told(name) for name in SPECIAL),
}


def requests(profile: Profile) -> Iterator[Request]:
    when = [each for each in Condition if each is not Condition.ALWAYS]
    for stage in Stage:
        for some in chain.from_iterable(combinations(when, n) for n in range(len(when) + 1)):
            yield Request(profile, stage, frozenset(some))


def judged(profile: Profile) -> set[str]:
    """What the oracle finds broken; the rows of a shield are not a request's, so they are judged here."""
    found = {code for code, breaks in ORACLE.items() if any(map(breaks, requests(profile)))}
    lifting = {
        (row.field, row.when)
        for row in profile.rows
        if row.field in {"address", "contact", "school"}
        and {row.panel, row.service} & {Mark.F, Mark.G1, Mark.G2}
        and row.when is not Condition.ALWAYS
        and f"{profile.based_on_kind} {row.when}" not in {"early-help named_worker", "refuge hosting_refuge"}
    }
    return found | ({"shield"} if lifting else set())


MARKS: Final = st.sampled_from(["F", "F", "G1", "G2", "W", "A"])
CHANGES: Final = st.lists(
    st.builds(
        "{} {} {} {}".format,
        st.sampled_from(list(FIELDS)),
        st.sampled_from(["panel", "service"]),
        MARKS,
        st.sampled_from(["always", "always", "attended", "named_worker", "hosting_refuge"]),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(kind=st.sampled_from(list(AgencyKind)), changes=CHANGES, article9=st.sampled_from(["", "9(2)(h)"]))
@example(kind=AgencyKind.EDUCATION, changes=[], article9="")
def test_nothing_that_the_oracle_finds_passes_and_nothing_else_is_refused(
    kind: AgencyKind, changes: list[str], article9: str
) -> None:
    """Any profile near a template: broken says exactly what a request at a time says."""
    profile = replace(changed(own(kind), *changes), article9=article9)
    assert judged(profile) == codes(broken(profile))
