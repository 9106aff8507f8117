"""What staff see of what an agency would be told, and of all families at once: nothing that is withheld, on no page and in no log.

The officer's preview and the caseworker's pack are held to the oracle of ``tests/release``, as an extract is; what adds up
over families, and what an agency may be told at all, holds nothing of any family.
"""

import re
from collections.abc import Iterator
from html import unescape
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from click.testing import CliRunner
from werkzeug.test import TestResponse

from agencies.profile_text import format_profile
from gateway.agency import service
from gateway.agency.commands import profile
from gateway.staff.model import Belonging, Role
from tests.canary.corpus import Family, build
from tests.canary.search import Seen, everything_of_page
from tests.canary.test_canaries import (
    NOT_SERVED,
    Corpus,
    Story,
    corpus_of,
    expectation,
    is_narrative,
    oracle_world,
)
from tests.gateway.release.test_simulation import candidate
from tests.support.pages import Somebody
from tests.support.rooms import environment
from tests.support.served import Served, everything_logged

STAGES: Final = {"panel": "P1", "service": "P2"}
STORIES: Final = {
    "one sibling refuses": Story(closing=(("ben", "refuse", {}),), workers=("ada",)),
    "one category and one agency closed, a refuge involved": Story(
        closing=(
            ("mum", "withdraw", {"categories": ["health", "name", "assessments"]}),
            ("ada", "withdraw", {"agencies": ["camhs"]}),
        ),
        sources=("refuge", "camhs", "early-help"),
        workers=("ada",),
    ),
    "family shielded": Story(shielded="cay", workers=("ada",)),
}
AGENCIES: Final = ("early-help", "health", "camhs", "education", "housing", "refuge", "police")
"""Kinds that are told most, least, and nothing."""
PACKS: Final = [kind for kind in AGENCIES if kind not in NOT_SERVED]
IN_TURN: Final = [
    pytest.param(name, marks=[pytest.mark.long] if name == "one sibling refuses" else []) for name in STORIES
]
"""Each page with each story; the plainest only where there is time."""
LEAST_SHOWN, LEAST_WITHHELD = 800, 5_000
_RECORDED: Final = re.compile(
    r'(?<=</th>)<td class="govuk-table__cell">([^<]*)</td>(?=(?:<td class="govuk-table__cell">[^<]*</td>){2}\n?</tr>)'
)
"""The cell of a pack's table that shows a free text as it is recorded."""
_ABOVE: Final = re.compile(r"(?<=</h1>\n)<p class=\"govuk-body\">[^<]*")
"""What a pack's page calls the family."""


@pytest.fixture(scope="module")
def corpus(gateway: Served) -> Corpus:
    return corpus_of(gateway, STORIES, agencies={kind: kind for kind in AGENCIES})


@pytest.fixture(scope="module")
def dana(corpus: Corpus) -> Somebody:
    return Somebody(corpus.gateway.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")


@pytest.fixture(scope="module")
def ada(corpus: Corpus) -> Somebody:
    return Somebody(corpus.gateway.wiring, Role.CASEWORKER, username="ada")


def held_to_the_oracle(
    world: dict[str, Any], family: Family, answer: TestResponse, logged: str, *, where: object
) -> tuple[int, int]:
    """Hold a page to what an extract may say; return how many leaves had to be there, and how many not."""
    expected = expectation(world, family)
    stories = {leaf: is_narrative(family, leaf) for leaf in family.leaves}
    whole = everything_of_page(answer, logged)
    strict = everything_of_page(answer, logged, without=[leaf.text for leaf in expected.may if stories[leaf]])
    assert [] == [leaf for leaf in expected.withheld if any(strict.has(leaf))], where
    assert [] == [canary for canary in family.never if canary in strict.words], where
    found = [(whole if stories[leaf] else strict).has(leaf) for leaf in expected.must]
    assert all(map(all, found)), where
    return len(expected.must), len(expected.withheld)


def of_any_family(corpus: Corpus, seen: Seen) -> list[object]:
    """Everything of any family that occurs."""
    families = corpus.families.values()
    return [
        *(leaf for family in families for leaf in family.leaves if any(seen.has(leaf))),
        *(canary for family in families for canary in family.never if canary in seen.words),
    ]


# --- What an agency would be told ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", IN_TURN)
def test_a_preview_shows_what_a_release_would_tell_and_nothing_else(
    corpus: Corpus, dana: Somebody, name: str
) -> None:
    """At both stages; of early help as a named worker, too."""
    family, shown, withheld = corpus.families[name], 0, 0
    for agency, stage, who in product(AGENCIES, STAGES, ("anybody", "named-worker")):
        if who == "named-worker" and agency != "early-help":
            continue
        world = oracle_world(corpus, name, agency=agency, purpose=STAGES[stage])
        world["workers"] = [f"{agency}-1"] if who == "named-worker" else []
        with everything_logged() as logged:
            page = dana.send(
                f"/console/profiles/{agency}/preview",
                version="1",
                stage=stage,
                who=who,
                reference=family.source_ref,
            )
        assert 200 == page.status_code
        counted = held_to_the_oracle(world, family, page, logged.getvalue(), where=(agency, stage, who))
        shown, withheld = shown + counted[0], withheld + counted[1]
    assert shown > LEAST_SHOWN
    assert withheld > LEAST_WITHHELD


@pytest.mark.parametrize("name", IN_TURN)
def test_a_pack_shows_what_a_release_would_tell_and_nothing_else(
    corpus: Corpus, ada: Somebody, name: str
) -> None:
    """But the family's name above it, and the texts that go as they are recorded: its worker knows them."""
    family, shown, withheld = corpus.families[name], 0, 0
    place = packs_of(corpus, name)
    for agency, stage in product(PACKS, STAGES):
        world = oracle_world(corpus, name, agency=agency, purpose=STAGES[stage])
        world |= {"signed": list(STAGES), "workers": []}
        with everything_logged() as logged:
            page = ada.ask(f"{place}/{agency}/{stage}")
        assert 200 == page.status_code
        may = {leaf.text for leaf in expectation(world, family).may}
        recorded = {unescape(text) for text in _RECORDED.findall(page.text)}
        told = {text for text in recorded if "They told us on" in text}
        assert told == recorded, (agency, stage)
        assert all(any(word in text for word in may) for text in told), (agency, stage)
        page.set_data(_ABOVE.sub("", _RECORDED.sub("", page.text)))
        counted = held_to_the_oracle(world, family, page, logged.getvalue(), where=(agency, stage))
        shown, withheld = shown + counted[0], withheld + counted[1]
    assert shown > LEAST_SHOWN
    assert withheld > LEAST_WITHHELD


def packs_of(corpus: Corpus, name: str) -> str:
    return f"/console/families/{corpus.gateway.world.family_id(corpus.families[name].source_ref)}/packs"


# --- Whose it is not ----------------------------------------------------------------------------------------


def ways_in(place: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Every request that a pack's pages take, from the list on."""
    yield "get", place, {}
    for agency, stage in (("camhs", "panel"), ("refuge", "service"), ("early-help", "panel")):
        yield "get", f"{place}/{agency}/{stage}", {}
        yield "post", f"{place}/{agency}/{stage}", {"case": "1", "profile": "1", "read-back": "yes"}
        yield "post", f"{place}/{agency}/{stage}/withdraw", {}


def asked(who: Somebody, way: tuple[str, str, dict[str, str]]) -> TestResponse:
    method, address, form = way
    return who.ask(address) if method == "get" else who.send(address, form)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.DESK_USER])
def test_staff_who_do_not_work_with_a_family_find_nothing_in_its_packs(corpus: Corpus, role: Role) -> None:
    who = Somebody(corpus.gateway.wiring, role, username=f"stranger.{role.value.replace(' ', '.')}")
    for name in STORIES:
        for way in ways_in(packs_of(corpus, name)):
            with everything_logged() as logged:
                answer = asked(who, way)
            assert answer.status_code in {303, 403, 404}, way
            assert [] == of_any_family(corpus, everything_of_page(answer, logged.getvalue())), way


def test_whoever_opened_a_family_with_a_reason_finds_nothing_in_its_packs(corpus: Corpus) -> None:
    """Its page is theirs to read then; what an agency would be told is not."""
    who = Somebody(corpus.gateway.wiring, Role.CASEWORKER, username="cover")
    for name in STORIES:
        place = packs_of(corpus, name)
        assert 303 == who.post(f"{place.removesuffix('/packs')}/open", reason="cover")
        assert 200 == who.ask(place).status_code
        for way in list(ways_in(place))[1:]:
            with everything_logged() as logged:
                answer = asked(who, way)
            assert 404 == answer.status_code, way
            assert [] == of_any_family(corpus, everything_of_page(answer, logged.getvalue())), way


@pytest.mark.parametrize("hidden", ["conflict", "seal"])
def test_a_family_that_is_hidden_is_one_that_never_was(corpus: Corpus, hidden: str) -> None:
    """For its own worker who has an interest in it, and for the team of a sealed one: the same pages as of no family."""
    world, name = corpus.gateway.world, f"{hidden}.worker"
    place = len(STORIES) + ("conflict", "seal").index(hidden)
    family = build(place, workers=(name if hidden == "conflict" else "colleague",))
    if hidden == "conflict":
        family.document["conflicts"] = [{"agency": "early-help", "practitioner": name}]
    else:
        family.document["seals"] = ["adoption"]
        Somebody(world.wiring, Role.CASEWORKER, username="colleague", belonging=Belonging(team="north"))
    world.import_families(family.document)
    who = Somebody(world.wiring, Role.CASEWORKER, username=name, belonging=Belonging(team="north"))
    here, nowhere = (
        f"/console/families/{each}/packs" for each in (world.family_id(family.source_ref), uuid4())
    )
    for way, other in zip(ways_in(here), ways_in(nowhere), strict=True):
        with everything_logged() as logged:
            answer = asked(who, way)
        assert 404 == answer.status_code, way
        assert without_tokens(asked(who, other)) == without_tokens(answer), way
        seen = everything_of_page(answer, logged.getvalue())
        assert [] == [leaf for leaf in family.leaves if any(seen.has(leaf))], way
        assert [] == [canary for canary in family.never if canary in seen.words], way


def without_tokens(answer: TestResponse) -> str:
    """A page without what is new in every page: the number of the request, and the form's token."""
    page = re.sub(r'name="form_token" value="[^"]*"', "", answer.text)
    return page.replace(answer.headers["X-Request-ID"], "")


# --- Of all families at once --------------------------------------------------------------------------------


def overviews(corpus: Corpus) -> Iterator[str]:
    """Every page and file that says what agencies may be told, now and on a day."""
    yesterday = corpus.gateway.world.today.toordinal() - 1
    on = type(corpus.gateway.world.today).fromordinal(yesterday)
    day = f"?on-day={on.day}&on-month={on.month}&on-year={on.year}"
    yield from ("/console/profiles", f"/console/profiles{day}")
    yield from ("/console/profile-matrix", f"/console/profile-matrix{day}")
    for agency in AGENCIES:
        yield from (f"/console/profiles/{agency}", f"/console/profiles/{agency}/preview")


def test_what_agencies_may_be_told_says_nothing_of_any_family(corpus: Corpus, dana: Somebody) -> None:
    invented = resources.files("gateway.release").joinpath("example_family.json").read_text(encoding="utf-8")
    days = re.findall(r"\d{4}-\d\d-\d\d", invented)
    for address in overviews(corpus):
        with everything_logged() as logged:
            answer = dana.ask(address)
        assert 200 == answer.status_code
        assert [] == of_any_family(corpus, everything_of_page(answer, logged.getvalue(), without=days)), (
            address
        )


def test_what_a_version_would_have_changed_is_told_in_counts_alone(
    corpus: Corpus, dana: Somebody, tmp_path: Path
) -> None:
    """On the page, in its file, by the command to people and to programs, on both of its outputs, and in the log."""
    world = corpus.gateway.world
    for name, family in corpus.families.items():
        for purpose in STAGES.values():
            pulled = corpus.gateway.pull(
                "health", world.case_ref("health", family.source_ref), purpose=purpose
            )
            assert 200 == pulled.status_code, name
    changed = candidate(world, agency="health", child_dob="W", child_sex="W")
    file = tmp_path / "health.toml"
    file.write_text(format_profile(changed))
    service.store_profile(world.wiring, document=format_profile(changed), actor="test")
    impact = "/console/profiles/health/versions/2/impact"
    for address in (impact, f"{impact}?days=90", f"{impact}.json"):
        with everything_logged() as logged:
            answer = dana.ask(address)
        assert "child_dob" in answer.text or "date of birth" in answer.text
        assert [] == of_any_family(corpus, everything_of_page(answer, logged.getvalue())), address
    for arguments in product((["health", "2"], [str(file)]), ([], ["--json"])):
        command = ["simulate", *arguments[0], *arguments[1]]
        with everything_logged() as logged:
            said = CliRunner().invoke(profile, command, env=environment(world.wiring))
        assert (0, True) == (said.exit_code, "child_dob" in said.stdout), command
        assert [] == of_any_family(corpus, Seen(f"{said.stdout}\n{said.stderr}\n{logged.getvalue()}"))
    assert [file] == list(tmp_path.iterdir())


def test_who_got_what_is_told_in_codes_alone(corpus: Corpus, dana: Somebody) -> None:
    """In the list, its file, the bars, and on the page of each kind of entry, with the decision field by field."""
    world = corpus.gateway.world
    for family in corpus.families.values():
        corpus.gateway.pull("camhs", world.case_ref("camhs", family.source_ref), purpose="P1")
    explorer = "/console/disclosures"
    entries = {
        entry
        for kind in ("release", "refusal", "withdrawal", "consent")
        for entry in re.findall(rf'href="({explorer}/\d+)"', dana.get(f"{explorer}?kind={kind}"))[:8]
    }
    assert len(entries) >= len(STORIES)
    for address in (explorer, f"{explorer}/file", f"{explorer}/weeks", *sorted(entries)):
        with everything_logged() as logged:
            answer = dana.ask(address)
        assert 200 == answer.status_code
        assert [] == of_any_family(corpus, everything_of_page(answer, logged.getvalue())), address


# --- What somebody typed ------------------------------------------------------------------------------------

TYPED: Final = "Zqxtypedbbbk"
PREVIEW: Final = "/console/profiles/camhs/preview"
AS_IT_IS: Final = {"version": "1", "stage": "panel", "who": "anybody"}
FAULTY: Final[list[tuple[str, dict[str, str] | None]]] = [
    (f"/console/profiles/{TYPED}", None),
    (f"/console/profiles/{TYPED}/preview", None),
    (f"/console/profiles/{TYPED}/versions/1/impact", None),
    (f"/console/profiles/camhs/versions/{TYPED}/impact", None),
    (f"/console/profiles/camhs/versions/1/impact?days={TYPED}", None),
    (f"/console/profiles/camhs/versions/1/impact.json?days={TYPED}", None),
    *((f"{PREVIEW}?{name}={TYPED}", None) for name in ("version", "family", "stage", "who")),
    *((PREVIEW, {**AS_IT_IS, name: TYPED}) for name in (*AS_IT_IS, "family", "reference")),
    (PREVIEW, {**AS_IT_IS, "reference": f"{TYPED}\n"}),
    (PREVIEW, {**AS_IT_IS, "reference": TYPED * 20}),
    (f"/console/disclosures/{TYPED}", None),
    *(
        (f"/console/disclosures?{name}={TYPED}", None)
        for name in ("agency", "kind", "purpose", "cursor", "from-day")
    ),
    (f"/console/disclosures?practitioner=A+{TYPED}", None),
    (f"/console/disclosures?practitioner={TYPED}&purpose=x", None),
    ("/console/disclosure-views", {"name": f"{TYPED}\x01"}),
    ("/console/disclosure-views", {"name": TYPED, "kind": "x"}),
    (f"/console/today/{TYPED}/60", None),
]


@pytest.mark.parametrize(("address", "form"), FAULTY)
def test_a_fault_repeats_nothing_of_what_was_asked(
    corpus: Corpus, dana: Somebody, address: str, form: dict[str, str] | None
) -> None:
    """Whatever somebody typed or pasted into the wrong place may be a child's name."""
    with everything_logged() as logged:
        answer = dana.ask(address) if form is None else dana.send(address, form)
    assert answer.status_code in {404, 422}
    seen = everything_of_page(answer, logged.getvalue())
    assert TYPED.lower() not in seen.words
    assert [] == of_any_family(corpus, seen)


@pytest.mark.parametrize("rest", [f"/{TYPED}/panel", f"/camhs/{TYPED}", f"/{TYPED}/{TYPED}/withdraw", ""])
def test_a_fault_of_a_pack_repeats_nothing_to_its_worker(corpus: Corpus, ada: Somebody, rest: str) -> None:
    place = packs_of(corpus, "family shielded") if rest else f"/console/families/{TYPED}/packs/camhs/panel"
    with everything_logged() as logged:
        answer = ada.send(f"{place}{rest}", case=TYPED, profile=TYPED)
    assert 404 == answer.status_code
    seen = everything_of_page(answer, logged.getvalue())
    assert TYPED.lower() not in seen.words
    assert [] == of_any_family(corpus, seen)
