"""The nasty cases, each judged by hand: what this caller must see of this family, and what it must not."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from agencies.model import JsonValue, Level
from gateway.release.model import Permit, RefusalReason, Refuse
from tests.release import oracle
from tests.release.cases import (
    NAMED,
    REFUGE_PLACES,
    agreement_ending,
    asked_by,
    at_meeting,
    conflicting,
    deciding,
    housed,
    made,
    narrowed,
    own_service,
    refuge_at,
    sensitive_service,
    shielding,
    with_items,
    without_consent,
)
from tests.release.comparison import faults
from tests.release.oracle import World
from tests.release.product import Answer, ask
from tests.release.worlds import DAY, NOON, TICK, close, full_rows, give

WHEREABOUTS = {"address", "contact", "school"}
FULL: dict[str, Any] = {"profile": full_rows()}


def _people(answer: Answer) -> dict[str, dict[str, Any]]:
    """The fields of each person shown, by the recipient's own reference."""
    people: Any = answer.record.get("people", [])
    return {person["person"]: person["fields"] for person in people}


def _case(answer: Answer) -> dict[str, Any]:
    case: Any = answer.record.get("case", {})
    return dict(case)


def _told(world: World, name: str) -> JsonValue | None:
    """The value of one field of the case; None where it is absent."""
    field = _case(ask(world)).get(name)
    value: JsonValue | None = field and field["value"]
    return value


def _reasons(world: World) -> tuple[str, ...]:
    decision = ask(world).decision
    return decision.reasons if isinstance(decision, Refuse) else ()


@pytest.mark.parametrize("name", NAMED)
def test_a_named_case_keeps_every_rule(name: str) -> None:
    """The oracle's judgement on the same families."""
    world = NAMED[name]
    assert [] == faults(world, ask(world), oracle.verdict(world))


# --- Siblings with different answers ------------------------------------------------------------------------


def test_a_sibling_who_did_not_agree_is_absent_from_everything() -> None:
    """One parent's yes for one child is not a yes for the other."""
    answer = ask(without_consent(asked_by("camhs", **FULL), "ben"))
    assert {"ref-mum", "ref-amy"} == set(_people(answer))
    assert "ben" not in str(answer.record)


def test_what_is_said_of_both_siblings_needs_both() -> None:
    """A shared paragraph tells as much of the one as of the other."""
    both = ["assessment", "help_wanted", "plan", "history"]
    agreed, differ = _case(ask(asked_by("camhs", **FULL))), _case(ask(NAMED["siblings differ, all allowed"]))
    assert both == [name for name in both if name in agreed]
    assert [] == [name for name in both if name in differ]


def test_household_counts_leave_out_who_did_not_agree() -> None:
    """Two children told and one shown would name the refuser."""
    assert [{"children": 2, "adults": 2}] == _told(asked_by("charity"), "household")
    assert [{"children": 1, "adults": 2}] == _told(NAMED["siblings differ"], "household")


def test_a_household_of_which_nobody_else_agreed_is_not_counted() -> None:
    """A count of one would say that there are others."""
    assert _told(without_consent(asked_by("charity"), "ben", "mum", "gran"), "household") is None


# --- Whereabouts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shield", ["restricted", "refuge"])
@pytest.mark.parametrize("person", ["mum", "ben", "gran", "dad"])
@pytest.mark.parametrize("agency", ["camhs", "education", "housing", "social-care", "refuge", "early-help"])
def test_one_shielded_person_hides_where_the_whole_family_is(agency: str, person: str, shield: str) -> None:
    """Who lives together shares an address, and a school is where somebody can be waited for."""
    answer = ask(shielding(asked_by(agency, **FULL), person, shield))
    assert {"ref-mum", "ref-amy", "ref-ben"} == set(_people(answer))
    assert [] == [
        fields.keys() & WHEREABOUTS for fields in _people(answer).values() if fields.keys() & WHEREABOUTS
    ]


def test_without_a_shield_the_same_caller_sees_where_they_are() -> None:
    """The passing case of the shield."""
    assert {"address", "school"} <= _people(ask(asked_by("camhs", **FULL)))["ref-amy"].keys()


def test_the_named_early_help_worker_sees_behind_the_shield() -> None:
    """Somebody has to be able to knock."""
    answer = ask(shielding(asked_by("early-help", named=True, **FULL), "mum"))
    assert {"address", "contact"} <= _people(answer)["ref-mum"].keys()


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(asked_by("early-help", named=True, verified=False, **FULL), id="asserted"),
        pytest.param(asked_by("early-help", **FULL), id="not named"),
        pytest.param(asked_by("camhs", named=True, **FULL), id="a lead practitioner elsewhere"),
    ],
)
def test_nobody_else_sees_behind_the_shield(world: World) -> None:
    """The id of a worker proves nothing by itself."""
    answer = ask(shielding(world, "mum"))
    assert set() == _people(answer)["ref-mum"].keys() & WHEREABOUTS


def test_the_refuge_that_houses_them_sees_behind_the_shield() -> None:
    """It opens the door to them every evening."""
    assert {"address", "contact"} <= _people(ask(housed(asked_by("refuge"), "refuge")))["ref-mum"].keys()


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(housed(asked_by("refuge"), "refuge-two"), id="another refuge houses them"),
        pytest.param(housed(asked_by("refuge", verified=False), "refuge"), id="asserted"),
        pytest.param(housed(asked_by("housing"), "housing"), id="no refuge"),
    ],
)
def test_no_other_host_sees_behind_the_shield(world: World) -> None:
    """Which refuge it is, is the secret."""
    assert set() == _people(ask(world))["ref-mum"].keys() & WHEREABOUTS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("services_now", {"agency": "health"}),
        ("services_past", {"agency": "health"}),
        ("disability", {"by": "A clinic near them"}),
        ("pupil_number", {}),
    ],
)
@pytest.mark.parametrize("level", ["F", "G1"])
def test_what_would_locate_is_absent_in_full_and_told_in_part(
    name: str, value: dict[str, Any], level: str
) -> None:
    """Told in part where it is told in full without a shield, it would tell of the shield."""
    rows = [row | ({"panel": level} if row["field"] == name else {}) for row in full_rows()]
    plain = asked_by("camhs", profile=rows)
    world = with_items(plain, made(plain, name, ["amy"], value=value), made(plain, "language", ["amy"]))
    told = name in _people(ask(world))["ref-amy"] or name in _case(ask(world))
    assert told, "the passing case"
    answer = ask(shielding(world, "amy"))
    hidden = name not in _people(answer)["ref-amy"] and name not in _case(answer)
    assert hidden is (level == "F")


def test_a_service_of_ones_own_is_told_to_its_provider_under_a_shield() -> None:
    """They meet every week."""
    assert _told(shielding(own_service(asked_by("camhs")), "amy"), "services_now")


# --- Interests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "hidden"),
    [
        (conflicting(asked_by("camhs"), "camhs"), True),
        (conflicting(asked_by("camhs"), "camhs", "w1"), True),
        (conflicting(asked_by("early-help", named=True), "early-help", "w1"), True),
        (conflicting(asked_by("camhs", verified=False), "youth"), True),
        (conflicting(asked_by("camhs"), "camhs", "w2"), False),
        (conflicting(asked_by("camhs"), "youth"), False),
        (conflicting(asked_by("camhs"), "youth", "w1"), False),
    ],
)
def test_the_case_does_not_exist_for_whoever_has_an_interest(world: World, hidden: bool) -> None:
    """An uncle at the clinic, and an agency whose worker is the subject of a concern."""
    assert _reasons(world) == (("conflict",) if hidden else ())
    assert bool(ask(world).record) is not hidden


# --- A refuge's own involvement ---------------------------------------------------------------------------------


@pytest.mark.parametrize("place", REFUGE_PLACES)
@pytest.mark.parametrize("agency", ["health", "camhs", "social-care", "refuge-two", "early-help"])
def test_a_refuges_involvement_is_nothing_at_all(agency: str, place: str) -> None:
    """Not "a confidential service": the item does not exist."""
    answer = ask(refuge_at(asked_by(agency), place))
    assert {} == _case(answer)
    assert "refuge" not in str(answer.record)


@pytest.mark.parametrize("place", REFUGE_PLACES)
@pytest.mark.parametrize(
    "world", [asked_by("refuge"), asked_by("early-help", named=True)], ids=["itself", "worker"]
)
def test_the_refuge_itself_and_the_named_worker_know_of_it(world: World, place: str) -> None:
    """The passing case, for each place in which an item names an agency."""
    assert 1 == len(_case(ask(refuge_at(world, place))))


# --- Risk persons and flags ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([], id="never asked"),
        pytest.param([close("refuse")], id="refuses"),
        pytest.param([give("health", NOON), close("withdraw")], id="withdraws"),
        pytest.param([close("hold")], id="on hold"),
    ],
)
def test_a_risk_person_never_vetoes_a_flag(history: list[dict[str, Any]]) -> None:
    """A flag says that there is something to ask about, nothing about him."""
    world = deciding(asked_by("camhs"), dad=history)
    assert [{"flag": "safety_plan_ask_early_help"}] == _told(world, "risk_person")
    assert [{"flag": "risk_advice_applies"}] == _told(world, "offences")


def test_a_flag_needs_the_adult_whom_it_protects_and_by_name() -> None:
    """It is her safety, and no category covers it."""
    unnamed = narrowed(asked_by("camhs"), "mum", fields=[])
    for world in (unnamed, without_consent(asked_by("camhs"), "mum")):
        assert _told(world, "risk_person") is None
        assert _told(world, "offences") is None


def test_what_is_known_of_a_risk_person_stays_a_flag_whatever_the_profile() -> None:
    """Detail is about him, and he is never asked."""
    field = _case(ask(asked_by("camhs", **FULL)))["risk_person"]
    assert ("G1", [{"flag": "safety_plan_ask_early_help"}]) == (field["level"], field["value"])


def test_domestic_abuse_stays_the_survivors_alone() -> None:
    """No flag, no exception: without her, nothing."""
    assert [{"flag": "specialist_safety_advice_available"}] == _told(asked_by("health"), "domestic_abuse")
    assert _told(without_consent(asked_by("health"), "mum"), "domestic_abuse") is None
    assert _told(NAMED["protects on a field that has none"], "domestic_abuse") is None


def test_an_untagged_item_leaves_in_no_way() -> None:
    """Nobody can have agreed to what is about nobody; the exceptions for flags and visits change nothing."""
    assert {} == _case(ask(NAMED["untagged"]))


def test_visiting_advice_needs_a_reasoned_decision_and_nobodys_agreement() -> None:
    """Outside consent, so that a worker is warned; not outside reason."""
    world = asked_by("camhs", **FULL)
    for value, expected in (({}, True), ({"reason": ""}, False), ({"authorised_by": ""}, False)):
        item = made(world, "worker_safety", ["dad"], value=value)
        assert expected == ("worker_safety" in _case(ask(with_items(world, item))))


# --- Sealed cases, young parents, asserted practitioners -------------------------------------------------------------


@pytest.mark.parametrize("seal", ["adoption", "conflict", "party_restriction"])
def test_a_sealed_case_is_refused_to_all_but_registered_early_help(seal: str) -> None:
    """An adopted child's two identities must not meet in a partner's system."""
    for world in (asked_by("camhs"), asked_by("social-care"), asked_by("early-help", verified=False)):
        assert (RefusalReason.RESTRICTED,) == _reasons(world | {"seals": [seal]})
    assert isinstance(ask(asked_by("early-help") | {"seals": [seal]}).decision, Permit)


def test_a_parent_under_18_is_an_adult_of_the_case_and_answers_alone() -> None:
    """Both subject and parent: her own mother's agreement is not hers."""
    plain = asked_by("housing", **FULL)
    world = with_items(
        plain,
        made(plain, "adult_dob", ["mum"], value={"date": "2010-02-11"}),
        made(plain, "adult_name", ["mum"]),
        made(plain, "household", ["mum", "amy"]),
    )
    person = _people(ask(world))["ref-mum"]
    assert "2010-02-11" == person["adult_dob"]["value"][0]["date"]
    assert {} == ask(without_consent(world, "mum")).record
    banded = world | {"profile": [row | {"panel": "G1"} for row in full_rows()]}
    person = _people(ask(banded))["ref-mum"]
    assert [{"band": "<18"}] == person["adult_dob"]["value"]


@pytest.mark.parametrize("name", ["risk_person", "domestic_abuse", "offences", "worker_safety"])
def test_an_asserted_practitioner_never_sees_what_could_kill(name: str) -> None:
    """Nobody can say who that is; visiting advice they do get."""
    asserted = _case(ask(asked_by("camhs", verified=False, **FULL)))
    assert (name == "worker_safety") == (name in asserted)
    assert name in _case(ask(asked_by("camhs", **FULL)))


# --- Time ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "midnight"),
    [
        pytest.param(date(2026, 7, 2), datetime(2026, 7, 1, 23, tzinfo=UTC), id="summer"),
        pytest.param(date(2026, 12, 2), datetime(2026, 12, 2, tzinfo=UTC), id="winter"),
        pytest.param(
            date(2026, 10, 25), datetime(2026, 10, 24, 23, tzinfo=UTC), id="the night the clocks go back"
        ),
    ],
)
def test_an_agreement_ends_at_midnight_in_london(day: date, midnight: datetime) -> None:
    """Half-open, and in the time of the place: an hour of summer is an hour of disclosure."""
    decision = ask(agreement_ending(day, now=midnight - TICK)).decision
    assert isinstance(decision, Permit)
    assert midnight == decision.use_until
    assert (RefusalReason.NO_AGREEMENT,) == _reasons(agreement_ending(day, now=midnight))


@pytest.mark.parametrize(
    ("ends", "permitted"),
    [(timedelta(0), False), (TICK, True), (-TICK, False)],
    ids=["this instant", "the next", "the last"],
)
def test_consent_that_ends_this_instant_has_ended(ends: timedelta, permitted: bool) -> None:
    """No grace, not of a microsecond."""
    world = asked_by("camhs")
    for person in world["histories"]:
        world = narrowed(world, person, valid_until=NOON + ends)
    decision = ask(world).decision
    assert permitted == isinstance(decision, Permit)
    assert (() if permitted else (RefusalReason.NO_CONSENT,)) == _reasons(world)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, NOON + 9 * DAY, id="the panel's window"),
        pytest.param({"panel_until": NOON + 99 * DAY}, NOON + 30 * DAY, id="thirty days"),
        pytest.param({"purpose": "P2"}, NOON + 30 * DAY, id="no panel at the service stage"),
    ],
)
def test_an_extract_is_of_use_until_the_earliest_end(changes: dict[str, Any], expected: datetime) -> None:
    """The first of panel, agreement, consent and thirty days."""
    decision = ask(asked_by("camhs", **changes)).decision
    assert isinstance(decision, Permit)
    assert expected == decision.use_until


# --- Entitlement ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", ["P2", "P3"])
def test_an_offer_to_another_agency_entitles_nobody_else(purpose: str) -> None:
    """The family accepted one agency; ``offer`` is of the agency that asks."""
    world = asked_by("youth", purpose=purpose)
    assert (RefusalReason.NOT_ENTITLED,) == _reasons(world | {"offer": False})
    assert isinstance(ask(world).decision, Permit)


def test_an_offer_is_no_seat_at_the_panel_and_a_seat_is_no_offer() -> None:
    """The stage follows from the purpose; the caller never picks the richer one."""
    assert (RefusalReason.NOT_ENTITLED,) == _reasons(asked_by("youth", panel_until=None))
    assert (RefusalReason.NOT_ENTITLED,) == _reasons(asked_by("youth", purpose="P2", offer=False))


# --- Minutes and sensitive services -----------------------------------------------------------------------------------


def test_minutes_go_to_those_who_were_there_and_tell_them_their_own_actions() -> None:
    """At panel stage minutes are withheld; whoever attended already had them."""
    own = [{"actions": [{"action": "home_visit", "due": "2031-12-24"}]}]
    assert own == _told(at_meeting("youth", "youth", "health"), "minutes")
    assert _told(at_meeting("youth", "early-help", "health"), "minutes") is None


def test_minutes_of_a_meeting_with_a_refuge_go_to_no_other_attendee() -> None:
    """Having been there is no permission to have it in writing that a refuge was."""
    assert _told(at_meeting("youth", "youth", "refuge"), "minutes") is None


def test_a_sensitive_service_leaves_no_trace_on_the_services_beside_it() -> None:
    """An ordinary service that suddenly comes without its dates would say that there is another one."""
    plain = _case(
        ask(
            with_items(sensitive_service(asked_by("camhs")), sensitive_service(asked_by("camhs"))["items"][0])
        )
    )
    for mark in ("G1", "G2", "W"):
        told = _case(ask(sensitive_service(asked_by("camhs"), panel=mark)))["services_now"]
        assert Level.F.name == told["level"]
        assert [plain["services_now"]["value"][0].keys()] == [each.keys() for each in told["value"]]


def test_a_sensitive_service_goes_where_it_was_named() -> None:
    """The passing case: the person named it, the row is full, the practitioner is registered."""
    told = _told(sensitive_service(asked_by("camhs")), "services_now")
    assert isinstance(told, list)
    assert 2 == len(told)


# --- Who speaks for a child ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("one parent agrees", True),
        ("disputed", False),
        ("disputed in part", False),
        ("disputed, given again", False),
        ("disputed, resolved", True),
        ("disputed, the child agrees", True),
        ("no right at all", True),
        ("a yes of nobody knows whom", False),
        ("one parent's no, their own yes", True),
        ("one parent's no, another's yes", False),
        ("the child's yes, a parent's no", True),
        ("the child's yes, a parent's hold", False),
        ("the child's yes ended", True),
        ("the child's no, a parent's yes", False),
    ],
)
def test_what_is_said_for_a_child_decides_on_that_child_alone(name: str, told: bool) -> None:
    """One parent may agree, not over another's no; the child's own answer stands against both."""
    people = _people(ask(NAMED[name]))
    assert told == ("ref-amy" in people)
    assert "ref-ben" in people


def test_what_a_child_closed_stays_closed_to_a_parents_yes() -> None:
    """The rest is told; what they closed for themself is theirs to open."""
    amy = _people(ask(NAMED["the child's part, a parent's yes"]))["ref-amy"]
    assert "child_name" in amy
    assert set() == amy.keys() & {"child_health", "child_mental_health"}
    assert "child_health" in _people(ask(NAMED["a part closed, given again"]))["ref-amy"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("16, this instant", False),
        ("16, the next", True),
        ("16, half an hour into a summer's day", False),
        ("18, this instant", False),
        ("16, by another policy", True),
        ("18, by another policy", False),
        ("16, their own yes", True),
        ("16, a yes of nobody knows whom", False),
        ("18, born on 29 February", True),
    ],
)
def test_a_parents_yes_ends_with_the_birthday_and_holds_that_young_person_alone(
    name: str, told: bool
) -> None:
    """The sibling's data goes on; no job has to run."""
    people = _people(ask(NAMED[name]))
    assert told == ("ref-amy" in people)
    assert "ref-ben" in people


def test_an_extract_is_of_no_use_after_a_birthday_on_which_it_would_be_refused() -> None:
    """Copies obey the same day."""
    decision = ask(NAMED["16 next week"]).decision
    assert isinstance(decision, Permit)
    assert datetime(2026, 11, 10, tzinfo=UTC) == decision.use_until


# --- What was shown -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shown as much", "F"),
        ("shown less", "G1"),
        ("shown nothing", None),
        ("shown what is gone", None),
        ("no profile shown", None),
        ("another agency's profile shown", None),
        ("shown more than is effective", "G2"),
    ],
)
def test_a_field_goes_no_further_than_it_did_when_it_was_shown(name: str, expected: str | None) -> None:
    """A wider profile does not reach back; a narrower one counts at once."""
    amy = _people(ask(NAMED[name])).get("ref-amy", {})
    assert expected == amy.get("child_dob", {}).get("level")


def test_siblings_who_were_shown_different_versions_are_told_of_differently() -> None:
    """And what is said of both goes at the lower of the two."""
    answer = ask(NAMED["siblings were shown different versions"])
    levels = {
        person: fields["child_dob"]["level"]
        for person, fields in _people(answer).items()
        if "child_dob" in fields
    }
    assert {"ref-amy": "F", "ref-ben": "G1"} == levels
    assert "G1" == _case(answer)["assessment"]["level"]


def test_a_shown_version_does_not_hide_the_flag_of_a_risk_person_nor_visiting_advice() -> None:
    """They say nothing about the adult who agreed; offences are another matter, and stay clamped."""
    told = _case(ask(NAMED["the protected adult was shown nothing"]))
    assert "G1" == told["risk_person"]["level"]
    assert "offences" not in told
    assert "worker_safety" in _case(ask(NAMED["shown nothing"]))
