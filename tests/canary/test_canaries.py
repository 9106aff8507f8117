"""Nothing withheld leaves: not in the body, not in a header, not in the log, in no form that a person could read.

Every leaf of a family's record is a canary. Which of them may leave says the oracle of ``tests/release``, which
knows the rules and the matrix and imports nothing of the product.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from agencies import shapes
from agencies.model import AgencyKind, FieldName
from agencies.register import PractitionerPolicy
from agencies.shapes import SHAPES
from gateway.panel.service import import_panel_file
from tests.canary.corpus import AS_OF, PEOPLE, Family, Leaf, build
from tests.canary.search import everything
from tests.release.oracle import REFUSED, SUBJECTS, may_carry, template_rows, verdict
from tests.release.worlds import DAY, close, give
from tests.support.served import Served, everything_logged

KINDS = tuple(kind.value for kind in AgencyKind)
NOT_SERVED = {"commissioning", "police"}
ASSERTED = "-asserted"
"""What the code of an agency ends in whose practitioners nobody has registered."""

AGENCIES = {code: kind for kind in KINDS for code in (kind, kind + ASSERTED)}
TOLD_AS_COUNTS = {("attendance", "suspensions"), ("attendance", "exclusions")}
"""What the first generalisation of attendance tells word for word besides its band."""


@dataclass(frozen=True)
class Story:
    """What is special about one family."""

    closing: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
    sources: tuple[str, ...] = ()
    shielded: str = ""
    workers: tuple[str, ...] = ("early-help-1",)
    agencies: tuple[str, ...] = KINDS


STORIES = {
    "all consent": Story(),
    "no named worker": Story(workers=()),
    "one sibling refuses": Story(closing=(("ben", "refuse", {}),)),
    "one category closed": Story(
        closing=tuple(
            (name, "withdraw", {"categories": ["health", "name", "assessments"]}) for name in ("mum", "ada")
        )
    ),
    "one field and one agency closed": Story(
        closing=(
            ("mum", "withdraw", {"fields": ["domestic_abuse", "address"]}),
            ("ada", "withdraw", {"agencies": ["camhs", "education"]}),
        )
    ),
    "one person withdrawn": Story(closing=(("mum", "withdraw", {}),)),
    "family shielded": Story(shielded="cay"),
    "family shielded, no named worker": Story(shielded="cay", workers=()),
    "refuge involved": Story(sources=("refuge", "camhs", "early-help", "refuge-asserted")),
    "refuge involved, no named worker": Story(sources=("refuge", "camhs", "early-help"), workers=()),
    "asserted practitioner": Story(agencies=tuple(kind + ASSERTED for kind in KINDS)),
    "asserted practitioner, family shielded": Story(
        shielded="mum", agencies=tuple(kind + ASSERTED for kind in KINDS)
    ),
}


SIGNED = ("early-help", "early-help" + ASSERTED)
"""Whose free text was read and let go."""


@dataclass
class Corpus:
    """The council with every family of some stories."""

    gateway: Served
    stories: Mapping[str, Story]
    families: dict[str, Family] = field(default_factory=dict)


@pytest.fixture(scope="module")
def corpus(gateway: Served) -> Corpus:
    return corpus_of(gateway, STORIES)


def corpus_of(
    gateway: Served, stories: Mapping[str, Story], agencies: Mapping[str, str] = AGENCIES
) -> Corpus:
    """Let agencies join, and the family of every story agree, be listed, accept every offer, and decide."""
    world = gateway.world
    for code, kind in agencies.items():
        policy = PractitionerPolicy.ASSERTED if code.endswith(ASSERTED) else PractitionerPolicy.REGISTERED
        world.join(code, AgencyKind(kind), policy=policy)
    made = Corpus(gateway, stories)
    for place, (name, story) in enumerate(stories.items()):
        family = build(place, sources=story.sources, shielded=story.shielded, workers=story.workers)
        made.families[name] = family
        world.import_families(family.document)
        for person in PEOPLE:
            if person != "dad":
                world.give(family.source_ref, family.person(person))
    served = [code for code, kind in agencies.items() if kind not in NOT_SERVED]
    refs = [family.source_ref for family in made.families.values()]
    world.list_cases(*refs, members=served)
    import_panel_file(world.wiring, offers(refs, served, world.today.isoformat()), actor="test")
    for name, story in stories.items():
        family = made.families[name]
        world.sign_off(family.source_ref, *SIGNED)
        for person, act, scope in story.closing:
            world.decide(family.source_ref, family.person(person), act, **scope)
    return made


def offers(refs: Sequence[str], agencies: Sequence[str], accepted: str) -> bytes:
    """A panel file in which every family accepted the offer of every agency."""
    rows = [
        f'{{"ref":"O-{place}-{agency}","source_ref":"{ref}","agency":"{agency}","service":"support",'
        f'"accepted_on":"{accepted}"}}'
        for place, ref in enumerate(refs)
        for agency in agencies
    ]
    return f'{{"format":1,"meetings":[],"offers":[{",".join(rows)}]}}'.encode()


def oracle_world(corpus: Corpus, name: str, *, agency: str, purpose: str) -> dict[str, Any]:
    """The same story in the oracle's words."""
    story, family, now = corpus.stories[name], corpus.families[name], datetime.now(UTC)
    histories = {family.person(person): [give(agency, now)] for person in PEOPLE if person != "dad"}
    for person, act, scope in story.closing:
        histories[family.person(person)].append(close(act, **scope))
    return {
        "now": now,
        "extract_days": 30,
        "agencies": AGENCIES,
        "caller": {
            "agency": agency,
            "practitioner": {"id": f"{agency}-1", "verified": not agency.endswith(ASSERTED)},
        },
        "agency": {
            "state": "active",
            "client_state": "active",
            "agreement_until": now + 300 * DAY,
            "practitioner_active": True,
        },
        "purpose": purpose,
        "profile": template_rows(AGENCIES[agency]),
        "panel_until": now + 9 * DAY,
        "offer_until": None,
        "offer": True,
        "level": 2,
        "status": "open",
        "seals": [],
        "signed": ["panel", "service"] if agency in SIGNED else [],
        "workers": list(story.workers),
        "people": [{"shield": "none", **person} for person in family.document["people"]],
        "histories": histories,
        "items": family.items,
    }


@dataclass
class Expected:
    """Which leaves may leave, and which must.

    Attributes:
        something: anything at all may leave, codes and generalisations included.
    """

    something: bool
    may: list[Leaf] = field(default_factory=list)
    must: list[Leaf] = field(default_factory=list)
    withheld: list[Leaf] = field(default_factory=list)


def expectation(world: dict[str, Any], family: Family) -> Expected:
    """Judge every leaf. A field goes at its lowest item's level: full is owed only where all of it is full."""
    judged = verdict(world)
    levels = {} if judged == REFUSED or isinstance(judged, str) else judged
    together: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for place, item in enumerate(family.items):
        together[_group(item)].add(levels.get(place, "W"))
    expected = Expected(something=any(level != "W" for level in levels.values()))
    for leaf in family.leaves:
        item = family.items[leaf.item]
        level = levels.get(leaf.item, "W")
        if leaf.member == AS_OF:
            (expected.withheld if level == "W" else expected.may).append(leaf)
        elif _may_carry(world, item, level, leaf):
            expected.may.append(leaf)
            if together[_group(item)] <= {"F", "W"}:
                expected.must.append(leaf)
        else:
            expected.withheld.append(leaf)
    return expected


def _may_carry(world: dict[str, Any], item: Mapping[str, Any], level: str, leaf: Leaf) -> bool:
    counted = level == "G1" and (item["field"], leaf.member) in TOLD_AS_COUNTS
    return counted or may_carry(world, item, level, leaf.member, leaf.owner)


def _group(item: Mapping[str, Any]) -> tuple[str, ...]:
    name = item["field"]
    return (name, *item["about"]) if SUBJECTS[name] == "person" else (name,)


# At least so many leaves are asked for and found, and looked for and not found, over all pulls of a story. A shield
# takes every item that names an agency, and each of these has one.
LEAST_SEEN, LEAST_SEEN_UNDER_A_SHIELD, LEAST_WITHHELD = 2_000, 1_400, 20_000


@pytest.mark.parametrize("name", STORIES)
def test_nothing_withheld_occurs_anywhere_and_what_is_permitted_does(corpus: Corpus, name: str) -> None:
    """Over both stages and all fourteen kinds of agency."""
    family = corpus.families[name]
    narratives = {leaf: is_narrative(family, leaf) for leaf in family.leaves}
    seen = withheld = 0
    for agency in STORIES[name].agencies:
        for purpose in ("P1", "P2"):
            case_ref = corpus.gateway.world.case_ref(agency, family.source_ref)
            expected = expectation(oracle_world(corpus, name, agency=agency, purpose=purpose), family)
            with everything_logged() as logged:
                answer = corpus.gateway.pull(
                    agency, case_ref, purpose=purpose, headers=[("X-Request-ID", "0000-aaaa-0000-aaaa")]
                )
            assert (200 if expected.something else 404) == answer.status_code, (agency, purpose)
            allowed = [leaf.text for leaf in expected.may if narratives[leaf]]
            whole = everything(answer, logged.getvalue())
            strict = everything(answer, logged.getvalue(), without=allowed)
            leaks = [leaf for leaf in expected.withheld if any(strict.has(leaf))]
            assert [] == leaks, (agency, purpose)
            never = [canary for canary in family.never if canary in strict.words]
            assert [] == never, (agency, purpose)
            missing = [
                leaf for leaf in expected.must if not all((whole if narratives[leaf] else strict).has(leaf))
            ]
            assert [] == missing, (agency, purpose)
            assert "0000-aaaa-0000-aaaa" in logged.getvalue()
            seen += len(expected.must)
            withheld += len(expected.withheld)
    assert seen >= (LEAST_SEEN_UNDER_A_SHIELD if STORIES[name].shielded else LEAST_SEEN)
    assert withheld >= LEAST_WITHHELD


def is_narrative(family: Family, leaf: Leaf) -> bool:
    """Whether a leaf is free text, which has its own word and other people's."""
    members = SHAPES[FieldName(family.items[leaf.item]["field"])].members
    return leaf.member != AS_OF and members[leaf.member].narrative


def test_every_leaf_that_can_be_a_canary_is_one() -> None:
    """A member that a shape gains is looked for from that day on."""
    family = build(0)
    held = {(family.items[leaf.item]["field"], leaf.name) for leaf in family.leaves}
    coded = (
        shapes.Code,
        shapes.Codes,
        shapes.Flag,
        shapes.Language,
        shapes.PersonId,
        shapes.Objects,
    )
    wanted = {
        (name, member)
        for name, shape in SHAPES.items()
        for member, about in shape.members.items()
        if not isinstance(about.kind, coded) and about.released
    }
    assert wanted <= held
    assert {("minutes", "due"), ("minutes", "owner")} <= held


def test_every_canary_is_issued_once() -> None:
    """Over all families, so that what is found says where it is from."""
    families = [build(place, sources=story.sources) for place, story in enumerate(STORIES.values())]
    forms = [
        (leaf.sort, form)
        for family in families
        for leaf in family.leaves
        for form in leaf.forms
        if leaf.sort != "count"
    ]
    assert len(set(forms)) == len(forms)
    assert len(forms) > 10_000
