"""What no release may tell, asked of the real decision: it holds, and each lie about the decision is found."""

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agencies.catalogue import FIELDS
from agencies.model import AgencyKind, Condition, Mark, Profile, ProfileRow, Stage
from agencies.profile_text import template
from consent_registry.standing import evaluate as real
from gateway.cases.model import Shield
from gateway.release import decision
from gateway.release.invariants import INVARIANTS, broken, situations

EVERYTHING: Final = tuple(
    ProfileRow(name, Mark.F, Mark.F, when, "x") for name in FIELDS for when in Condition
)


def generous(kind: AgencyKind) -> Profile:
    """Everything in full, under every condition: whatever is withheld now, the decision withholds."""
    return replace(template(kind), rows=EVERYTHING)


def codes(profile: Profile) -> set[str]:
    return {each.invariant for each in broken(profile)}


@pytest.mark.parametrize("kind", AgencyKind)
def test_it_holds_of_what_ships_and_of_the_most_generous_profile(kind: AgencyKind) -> None:
    assert () == broken(template(kind))
    assert () == broken(generous(kind))


@settings(deadline=None, max_examples=40)  # each asks the decision 384 times
@given(
    kind=st.sampled_from(list(AgencyKind)),
    marks=st.lists(st.sampled_from(list(Mark)), min_size=len(EVERYTHING), max_size=len(EVERYTHING)),
)
def test_it_holds_of_any_profile(kind: AgencyKind, marks: list[Mark]) -> None:
    rows = tuple(
        replace(row, panel=mark, service=other)
        for row, mark, other in zip(EVERYTHING, marks, reversed(marks), strict=True)
    )
    assert () == broken(replace(template(kind), rows=rows))


LIES: Final[dict[str, tuple[AgencyKind, str, str, Any]]] = {
    "a shield that hides no school": (
        AgencyKind.CAMHS,
        "shielded",
        "SHIELDED_FIELDS",
        frozenset({"address", "contact"}),
    ),
    "a shield that yields to whoever is named anywhere": (
        AgencyKind.REFUGE,
        "shielded",
        "_is_shielded",
        lambda case, _conditions: not case.named_workers,
    ),
    "a shield of refuges alone": (
        AgencyKind.YOUTH,
        "shielded",
        "_is_shielded",
        lambda case, _conditions: any(each.shield is Shield.REFUGE for each in case.people),
    ),
    "anybody is trusted with offences": (
        AgencyKind.YOUTH,
        "asserted",
        "VERIFIED_ONLY_FIELDS",
        frozenset({"risk_person", "sensitive_services", "domestic_abuse"}),
    ),
    "the police are an agency as any": (
        AgencyKind.POLICE,
        "no-case-released",
        "KINDS_WITHOUT_CASES",
        frozenset({AgencyKind.COMMISSIONING}),
    ),
    "no reason is a reason": (AgencyKind.CAMHS, "sealed", "_case_reasons", lambda *_, **__: ()),
    "a refuge is known to all": (
        AgencyKind.HEALTH,
        "refuge-unseen",
        "_hidden_agencies",
        lambda *_: frozenset(),
    ),
    "everybody is a named worker": (
        AgencyKind.SOCIAL_CARE,
        "beyond-profile",
        "_conditions",
        lambda *_: frozenset({Condition.NAMED_WORKER}),
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_of_the_decision_is_found(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, code, name, value = LIES[lie]
    profile = generous(kind)
    if code == "beyond-profile":
        rows = (replace(row, panel=Mark.W, service=Mark.W) for row in template(kind).rows)
        named = (row for row in EVERYTHING if row.when is Condition.NAMED_WORKER)
        profile = replace(profile, rows=(*rows, *named))
    monkeypatch.setattr(decision, name, value)
    assert code in codes(profile)


def test_a_release_without_agreement_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever never decided counts as if they had agreed."""
    agreed: list[Any] = []

    def evaluate(standing: Any, **more: Any) -> Any:
        agreed.extend([] if standing.given is None else [standing])
        return real(agreed[0], **more)

    monkeypatch.setattr(decision, "evaluate", evaluate)
    (found,) = broken(generous(AgencyKind.CHARITY))
    assert "no-agreement" == found.invariant
    assert "although nobody agreed: the case's reference" in found.words


def test_every_invariant_is_seen_broken() -> None:
    assert {each.code for each in INVARIANTS} == {code for _, code, *_ in LIES.values()} | {"no-agreement"}


def test_a_counterexample_says_in_what_situation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "SHIELDED_FIELDS", frozenset({"address", "contact"}))
    (found,) = broken(template(AgencyKind.YOUTH))
    assert "A youth service would be told at the panel behind a shield: school or setting (in full)." == (
        found.words
    )
    monkeypatch.setattr(decision, "_hidden_agencies", lambda *_: frozenset())
    unseen = broken(template(AgencyKind.YOUTH))[1]
    assert "An extract would say too much." == unseen.words


def test_every_combination_is_asked_once() -> None:
    asked = list(situations(AgencyKind.REFUGE))
    assert len(set(asked)) == len(asked) == 2 * 3 * 4 * 2 * 2 * 2 * 2
    assert {*Stage} == {each.stage for each in asked}
