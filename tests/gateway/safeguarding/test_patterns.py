"""What is unusual is said, and holds nothing up."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from gateway.safeguarding import repository, service
from gateway.safeguarding.clocks import LIMITS, Counted
from gateway.safeguarding.model import Kind, Referral
from gateway.safeguarding.patterns import BEFORE, MANY, WEEK, Pattern, PatternKind, by_week, unusual
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import POLICE, caseworker, refer, world_of
from tests.gateway.safeguarding.test_clocks import SENT, SENT_AT
from tests.support.pages import Somebody, words

NOW = SENT_AT


def sent(
    count: int, *, at: datetime = NOW, author: str = "ada", to: str = "hub", kind: Kind = Kind.PROTECTION
) -> list[Referral]:
    return [
        replace(SENT, id=uuid4(), sent_at=at, author=author, destination=to, kind=kind) for _ in range(count)
    ]


def before(each_week: int, **of: str) -> list[Referral]:
    return [one for week in range(1, BEFORE + 1) for one in sent(each_week, at=NOW - week * WEEK, **of)]  # type: ignore[arg-type]


def test_nothing_is_nothing_unusual() -> None:
    assert [] == unusual([], now=NOW)


@pytest.mark.parametrize(
    ("usual", "now", "expected"), [(1, MANY - 1, False), (1, MANY, True), (2, 6, False), (2, 7, True)]
)
def test_three_times_the_usual_number_is_unusual_and_a_few_never_are(
    usual: int,
    now: int,
    expected: bool,
) -> None:
    found = unusual([*before(usual), *sent(now)], now=NOW)
    wanted = (
        [Pattern(PatternKind.VOLUME, "", now), Pattern(PatternKind.AUTHOR, "ada", now)] if expected else []
    )
    assert wanted == found


def test_one_author_among_many_is_named() -> None:
    others = [*before(4, author="ben"), *sent(4, author="ben")]
    found = unusual([*others, *sent(MANY, author="ada")], now=NOW)
    assert [Pattern(PatternKind.AUTHOR, "ada", MANY)] == found


def test_a_destination_that_got_none_before_is_named_once_there_is_a_before() -> None:
    assert [] == unusual(sent(1, to="police"), now=NOW)
    found = unusual([*before(1), *sent(1, to="police")], now=NOW)
    assert [Pattern(PatternKind.DESTINATION, "police", 1)] == found


def test_a_week_has_an_end_and_what_was_considered_went_nowhere() -> None:
    assert [] == unusual(sent(MANY, at=NOW - WEEK), now=NOW)
    assert [] == unusual(sent(MANY, at=NOW + timedelta(seconds=1)), now=NOW)
    assert [] == unusual(sent(MANY, kind=Kind.CONSIDERED), now=NOW)


def test_each_week_counts_what_went_without_agreement_by_where_it_went() -> None:
    sunday, monday = datetime(2026, 3, 29, 22, 59, tzinfo=UTC), datetime(2026, 3, 29, 23, 0, tzinfo=UTC)
    weeks = (date(2026, 3, 23), date(2026, 3, 30))
    found = [
        *sent(2, at=sunday),
        *sent(1, at=monday, to="police"),
        *sent(1, at=monday, to="police", kind=Kind.DUTY),
        *sent(5, at=monday, kind=Kind.AGREED),
        *sent(5, at=monday - 2 * WEEK, to="long ago"),
        replace(SENT, id=uuid4(), sent_at=None),
    ]
    assert {"hub": (2, 0), "police": (0, 2)} == by_week(found, weeks)


def test_the_queue_says_it_and_the_next_one_goes_all_the_same(wiring: Wiring) -> None:
    world = world_of(wiring)
    ada = caseworker(world)
    for _ in range(MANY + 1):
        refer(world, ada)
    ben = Somebody(wiring, Role.SAFEGUARDING_LEAD, username="ben")
    page = ben.get("/console/referrals/review")
    assert f"ada sent {MANY + 1} this week" in words(page)
    dana = Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    way = re.findall(r'href="/console/referrals/review#([^"]+)"', dana.get("/console/disclosures/weeks"))
    (drawing,) = re.findall(rf'<div id="{way[0]}".*?</svg>', page, re.DOTALL)
    assert f">{MANY + 1}</text>" in drawing
    assert ">Safeguarding hub</text>" in drawing
    assert ">hub<" not in page
    assert "Safeguarding hub" in words(ada.get("/console/referrals"))
    with wiring.engine.begin() as connection:
        repository.put_destinations(connection, (POLICE,))
    assert re.search(r"Without agreement\s+hub\b", words(ben.get("/console/referrals/review")))


def test_a_destination_is_named_as_people_know_it_and_an_author_is_none(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    world_of(wiring)
    found = [Pattern(PatternKind.DESTINATION, "hub", 2), Pattern(PatternKind.AUTHOR, "hub", 3)]
    monkeypatch.setattr("gateway.console.referral_views.unusual", lambda *_, **__: found)
    ben = Somebody(wiring, Role.SAFEGUARDING_LEAD, username="ben")
    page = words(ben.get("/console/referrals/review"))
    assert "Safeguarding hub got 2 this week" in page
    assert "hub sent 3 this week" in page.replace("Safeguarding hub", "")


def test_a_council_sets_its_own_limits(wiring: Wiring) -> None:
    assert LIMITS == service.limits(wiring.settings)
    own = service.limits(replace(wiring.settings, referral_hours=12, referral_review_days=1))
    assert (12, Counted.HOURS) == (own.complete.number, own.complete.counted)
    assert (1, Counted.WORKING_DAYS) == (own.lead_review.number, own.lead_review.counted)
