"""The paper is read by everybody, everywhere, and says what it means in few words."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Any, Final
from uuid import UUID

import pytest

from agencies.catalogue import CATEGORIES, FIELDS, NAMED_ONLY
from agencies.model import AgencyCode, AgencyKind, Purpose
from agencies.register import Agency, AgencyState, PractitionerPolicy
from consent_registry.model import (
    Act,
    Authority,
    Capacity,
    ConsentDecision,
    DecisionId,
    Notice,
    Scope,
    SubjectId,
)
from consent_registry.receipt import Account, OffPaper, Told, account_of_decision, account_of_standing
from gateway.consent import receipt_words
from gateway.consent.receipt_page import Page, render
from gateway.consent.receipt_words import (
    CATEGORY_WORDS,
    FIELD_WORDS,
    KIND_WORDS,
    PURPOSE_WORDS,
    receipt_catalogue,
    words_of_data,
    words_of_kind,
    words_of_purpose,
)
from tests.gateway.consent.paper import Paper, ease_of

NOW: Final = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
END: Final = datetime(2027, 4, 1, 23, tzinfo=UTC)  # 00:00 on 2 April in London
CATALOGUE: Final = receipt_catalogue()


def agency(code: str, kind: AgencyKind, name: str) -> Agency:
    return Agency(AgencyCode(code), kind, name, PractitionerPolicy.REGISTERED, AgencyState.ACTIVE)


AGENCIES: Final = {
    "camhs": agency("camhs", AgencyKind.CAMHS, "Minds & <b>Hearts</b>"),
    "food-bank": agency("food-bank", AgencyKind.CHARITY, "The food bank"),
    "haven": agency("haven", AgencyKind.REFUGE, "The haven"),
}
PAGE: Final = Page(
    council="A council",
    agencies=AGENCIES,
    of_child=False,
    stands=False,
    worker="test.caseworker",
    until_age=16,
    number="5f0c4c3e-6a53-4c0c-9a36-1b7e9d1e0f11",
)


def said(act: Act, **more: Any) -> ConsentDecision:
    scope = {
        name: more.pop(name)
        for name in ("agencies", "exclude", "categories", "fields", "purposes")
        if name in more
    }
    values: dict[str, Any] = {
        "valid_from": NOW if act.opens else None,
        "valid_until": END if act.opens else None,
        "notice": Notice("families", "2", "en") if act.opens else None,
        "profiles_shown": dict.fromkeys(AGENCIES, 1) if act.opens else {},
        "capacity": Capacity.SELF,
        "speaker": SubjectId(UUID(int=9)),
    }
    codes = {name: frozenset(str(lists).split()) for name, lists in scope.items()}
    return ConsentDecision(
        DecisionId(UUID(int=1)), 1, act, Scope(**codes), recorded_at=NOW, **{**values, **more}
    )


def told(decision: ConsentDecision) -> Account:
    account = account_of_decision([decision], decision.decision_id, off=OffPaper(), catalogue=CATALOGUE)
    assert account is not None
    return account


def paper(account: Account, *, large_print: bool = False, **page: Any) -> Paper:
    return Paper(render(account, replace(PAGE, **page), large_print=large_print))


YES = said(
    Act.GIVE,
    agencies="camhs food-bank haven",
    categories=" ".join(CATEGORIES),
    fields=" ".join(NAMED_ONLY),
    purposes=" ".join(Purpose),
)
CLOSED = Account(Told.STOPPED, NOW, said(Act.WITHDRAW))
EVERY_STATE = {
    "yes": told(YES),
    "a yes to less": replace(
        told(said(Act.GIVE, agencies="camhs", exclude="haven", categories="health", purposes="P1")),
    ),
    "but not": account_of_standing(
        [
            said(Act.GIVE, agencies="camhs", categories="health", purposes="P1"),
            replace(
                said(Act.WITHDRAW, fields="adult_health"), sequence=2, decision_id=DecisionId(UUID(int=2))
            ),
        ],
        now=NOW,
        off=OffPaper(),
        catalogue=CATALOGUE,
    ),
    "withdrawn": told(said(Act.WITHDRAW)),
    "stopped": CLOSED,
    "withdrawn in part": told(
        said(Act.WITHDRAW, agencies="kind:charity food-bank camhs", fields="child_health")
    ),
    "all but one": told(said(Act.WITHDRAW, exclude="camhs")),
    "held": told(said(Act.HOLD)),
    "held in part": told(said(Act.HOLD, categories="health")),
    "talk to me first": told(said(Act.HOLD, reason="talk_to_me_first")),
    "talk to me first, of a part": told(said(Act.HOLD, reason="talk_to_me_first", categories="health")),
    "noted": told(said(Act.REFUSE, authority=Authority.NONE)),
    "ended": Account(Told.ENDED, END, YES),
    "outgrown": Account(Told.OUTGROWN, None, replace(YES, capacity=Capacity.PARENTAL_RESPONSIBILITY)),
    "nothing": Account(Told.NOTHING),
    "stopped by what is not told": Account(Told.STOPPED, NOW),
}


@pytest.fixture(params=list(EVERY_STATE.values()), ids=list(EVERY_STATE))
def account(request: pytest.FixtureRequest) -> Account:
    found: Account = request.param
    return found


# ---- words ------------------------------------------------------------------------------------------------


def test_everything_that_can_be_agreed_has_words() -> None:
    """A new category, field, purpose or kind has to be given words before it can reach paper."""
    assert set(CATEGORIES) == CATEGORY_WORDS.keys()
    assert set(NAMED_ONLY) == FIELD_WORDS.keys()
    assert set(map(str, Purpose)) == PURPOSE_WORDS.keys()
    assert set(map(str, AgencyKind)) == KIND_WORDS.keys()


@pytest.mark.parametrize("words", [words_of_data, words_of_purpose, words_of_kind])
def test_what_has_no_words_is_refused(words: Any) -> None:
    with pytest.raises((KeyError, ValueError)):
        words("astrology")


def test_a_new_category_without_words_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_words, "CATEGORIES", {**CATEGORIES, "astrology": ()})
    with pytest.raises(KeyError):
        render(replace(EVERY_STATE["withdrawn"], shares=(_share("astrology"),)), PAGE, large_print=False)


def _share(category: str) -> Any:
    return replace(EVERY_STATE["withdrawn"].shares[0], categories=frozenset({category}))


def test_no_words_are_codes_or_say_two_things_alike() -> None:
    phrases = [*CATEGORY_WORDS.values(), *FIELD_WORDS.values(), *PURPOSE_WORDS.values(), *KIND_WORDS.values()]
    assert len(phrases) == len(set(phrases))
    assert [] == [phrase for phrase in phrases if "_" in phrase or not phrase.strip()]


def test_every_field_that_can_be_named_has_words() -> None:
    assert [] == [name for name, field in FIELDS.items() if field.category and not words_of_data(name)]


# ---- what it says -----------------------------------------------------------------------------------------


def test_a_yes_says_with_whom_what_for_how_long_and_how_to_stop() -> None:
    page = paper(told(YES))
    for phrase in (
        "On 1 October 2026 you said yes to sharing information about you.",
        "It starts on 1 October 2026. It ends at the end of 1 April 2027.",
        "You can stop at any time. Stopping is as easy as saying yes.",
        "You need no form and no reason. It stops at once. We still help you.",
        "Written down on 1 October 2026 by test.caseworker.",
        "You were shown the notice “families”, version 2, in the language “en”.",
        "A council",
        PAGE.number,
        *CATEGORY_WORDS.values(),
        *FIELD_WORDS.values(),
        *PURPOSE_WORDS.values(),
    ):
        assert phrase in page.said
    assert ["Minds & <b>Hearts</b>", "The food bank", "The haven"] == [
        item for item in page.words("li") if item in {each.name for each in AGENCIES.values()}
    ]


def test_an_agencys_name_is_text_and_no_markup() -> None:
    assert [] == paper(told(YES)).all("b")


def test_a_withdrawal_says_that_it_stopped_when_and_that_services_are_told() -> None:
    page = paper(told(said(Act.WITHDRAW)))
    assert "Sharing of information about you stopped on 1 October 2026. It stopped at once." in page.said
    assert "We tell each service that already has this information to stop using it." in page.said
    assert ["every service", "all information", "for any reason"] == page.words("li")


def test_a_part_that_stopped_is_said_to_be_a_part() -> None:
    page = paper(EVERY_STATE["withdrawn in part"])
    assert page.said.count("Part of the sharing of information about you stopped") == 1
    expected = ["Minds & <b>Hearts</b>", "every charity", "a child's physical health", "for any reason"]
    assert expected == page.words("li")


def test_who_wants_to_be_asked_first_reads_that_they_will_be() -> None:
    page = paper(EVERY_STATE["talk to me first"])
    assert "On 1 October 2026 you asked us to talk to you first." in page.said
    assert "We share nothing about you until you say yes to it." in page.said
    part = paper(EVERY_STATE["talk to me first, of a part"])
    assert "Part of the sharing of information about you has been on hold" in part.said


def test_what_was_left_out_is_said() -> None:
    assert ["Not with:"] == [text for text in paper(EVERY_STATE["all but one"]).words("p") if "Not" in text]
    but_not = paper(EVERY_STATE["but not"])
    assert "But not:" in but_not.words("p")
    assert "an adult's health and its effect on parenting" in but_not.words("li")


def test_what_changed_nothing_is_said_to_change_nothing_and_not_why() -> None:
    page = paper(EVERY_STATE["noted"])
    assert "It did not change what we share." in page.said
    assert [] == page.all("table")


@pytest.mark.parametrize(
    ("capacity", "of_child", "whom"),
    [
        (Capacity.SELF, False, "you"),
        (Capacity.COMPETENT_CHILD, True, "you"),
        (Capacity.PARENTAL_RESPONSIBILITY, True, "your child"),
        (Capacity.REPRESENTATIVE, False, "the person you speak for"),
        (None, True, "your child"),
        (None, False, "you"),
    ],
)
def test_it_speaks_to_whoever_spoke(capacity: Capacity | None, of_child: bool, whom: str) -> None:
    page = paper(told(said(Act.WITHDRAW, capacity=capacity)), of_child=of_child)
    assert [f"Sharing information about {whom}"] == page.words("h1")


@pytest.mark.parametrize(
    ("capacity", "of_child", "said_so"),
    [
        (Capacity.PARENTAL_RESPONSIBILITY, True, True),
        (Capacity.COMPETENT_CHILD, True, False),
        (Capacity.SELF, False, False),
        (Capacity.REPRESENTATIVE, False, False),
    ],
)
@pytest.mark.parametrize("age", [16, 18])
def test_a_parent_reads_at_which_age_it_ends(
    capacity: Capacity, of_child: bool, said_so: bool, age: int
) -> None:
    page = paper(told(replace(YES, capacity=capacity)), of_child=of_child, until_age=age)
    assert said_so == (f"It ends sooner if your child turns {age} before then." in page.said)
    assert said_so == ("It ends sooner" in page.said)


def test_days_are_those_of_london() -> None:
    """Half past eleven in the evening by UTC is the next day in summer."""
    late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    page = paper(told(replace(YES, valid_from=late, recorded_at=late)))
    assert "On 2 July 2026 you said yes" in page.said
    assert "It starts on 2 July 2026." in page.said


def test_services_stand_in_the_order_of_their_names() -> None:
    codes = [f"charity-{number}" for number in range(40)]
    many = {
        code: agency(code, AgencyKind.CHARITY, f"Charity {99 - place}") for place, code in enumerate(codes)
    }
    stopped = told(said(Act.WITHDRAW, agencies=" ".join(codes)))
    names = [text for text in paper(stopped, agencies=many).words("li") if text.startswith("Charity")]
    assert sorted(each.name for each in many.values()) == names


def test_a_worker_who_is_not_to_be_named_is_the_team() -> None:
    page = paper(told(YES), worker=None)
    assert "Written down on 1 October 2026 by the Early Help Team." in page.said
    assert "test.caseworker" not in page.said


# ---- how it looks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("large_print", "of_child", "stands"), [*product([False, True], repeat=3)])
def test_the_page_is_well_formed(account: Account, large_print: bool, of_child: bool, stands: bool) -> None:
    page = paper(account, large_print=large_print, of_child=of_child, stands=stands)
    assert "DOCTYPE html" == page.declaration
    (root,) = page.all("html")
    assert "en-GB" == root.attributes["lang"]
    assert {"charset": "utf-8"} == page.all("meta")[0].attributes
    assert [1, 1, 1] == [len(page.all(name)) for name in ("title", "h1", "main")]
    headings = [int(element.name[1]) for element in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert all(level <= before + 1 for before, level in zip([0, *headings], headings, strict=False))
    assert [] == [
        element.name for element in page.all("p", "li", "th", "td", "caption") if not element.text.strip()
    ]


def test_a_table_says_what_its_rows_and_columns_are() -> None:
    page = paper(told(YES))
    scopes = [header.attributes["scope"] for header in page.all("th")]
    assert [*["col"] * 3, *["row"] * (len(scopes) - 3)] == scopes
    assert len(page.all("tr")) == 1 + scopes.count("row")
    assert ["Who gets what"] == page.words("caption")


def test_the_page_loads_and_runs_nothing(account: Account) -> None:
    page = render(account, PAGE, large_print=True)
    names = {"script", "link", "img", "iframe", "object", "embed", "form", "input", "a", "base", "svg"}
    elements = Paper(page).elements
    assert [] == [element.name for element in elements if element.name in names]
    attributes = [name for element in elements for name in element.attributes]
    assert [] == [name for name in attributes if name.startswith("on") or name in {"src", "href", "style"}]
    assert [] == re.findall(r"https?:|url\(|@import|javascript:", page)
    policy = next(e.attributes["content"] for e in elements if "http-equiv" in e.attributes)
    assert "default-src 'none'; style-src 'unsafe-inline'" == policy


@pytest.mark.parametrize(("large_print", "points"), [(False, 12), (True, 18)])
def test_letters_are_large_enough(large_print: bool, points: int) -> None:
    """Every other size is given in the body's, and none is smaller than it."""
    sizes = re.findall(r"font-size: ([0-9.]+)(\w+);", paper(told(YES), large_print=large_print).style)
    assert [(str(points), "pt")] == [size for size in sizes if size[1] != "em"]
    assert [] == [size for size, unit in sizes if unit == "em" and float(size) < 1]
    assert len(sizes) == 3


def test_it_is_black_on_white() -> None:
    """WCAG 2.2, 1.4.6 asks for 7 to 1; black on white is 21 to 1, and a copier adds nothing to lose."""
    style = paper(told(YES)).style
    assert ["#000", "#fff", "#000"] == re.findall(r"#[0-9a-f]{3,6}\b", style)
    assert ["#000"] == re.findall(r"(?<!-)\bcolor: ([^;]+);", style)
    assert [] == re.findall(r"opacity|filter|rgb|hsl|text-shadow", style)


@pytest.mark.parametrize("of_child", [False, True])
@pytest.mark.parametrize("stands", [False, True])
def test_it_is_read_with_ease(account: Account, of_child: bool, stands: bool) -> None:
    """A child of nine to eleven reads it: school years 5 and 6 are grades 4 and 5."""
    page = paper(account, of_child=of_child, stands=stands)
    ease = ease_of([text for text in page.words("p") if "Receipt number" not in text])
    assert ease.longest <= 16, max(ease.sentences, key=len)
    assert ease.grade <= 4.0, ease.grade


def test_hard_words_would_be_noticed() -> None:
    """A measure that never says no passes for ever."""
    hard = "Notwithstanding the aforementioned authorisation, organisations may disseminate information accordingly."
    assert ease_of([hard]).grade > 12


def test_the_same_receipt_is_the_same_bytes(account: Account) -> None:
    pages = [render(account, PAGE, large_print=True) for _ in range(2)]
    assert pages[0] == pages[1]


def test_the_order_of_sets_is_not_the_order_on_paper() -> None:
    """Hashes of text differ from one process to the next."""
    backwards = replace(YES.scope, agencies=frozenset(sorted(YES.scope.agencies, reverse=True)))
    assert render(told(YES), PAGE, large_print=False) == render(
        told(replace(YES, scope=backwards)), PAGE, large_print=False
    )
