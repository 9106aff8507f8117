"""Clocks of incidents and complaints, and what has to be answered before one is closed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bank_holidays import bank_holidays_around
from gateway.calendar import is_working_day
from gateway.dossiers.errors import FaultyAnswerError
from gateway.dossiers.model import (
    ASKED,
    GIVEN,
    STEP_FOR,
    Dossier,
    Need,
    Sort,
    Step,
    StepKind,
    acknowledge_by,
    due,
    needs,
    notify_by,
)
from gateway.dossiers.questions import FORMS, LONGEST, Answers, Shape, answered, read

NOW: Final = datetime(2026, 7, 1, 12, tzinfo=UTC)
AWARE: Final = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
ALL_TEXTS: Final = "consequences happened measures"


def step(kind: StepKind, **facts: str) -> Step:
    return Step(uuid4(), kind, NOW, "dana", facts)


def incident(*steps: Step, given: str = ALL_TEXTS, aware: datetime = AWARE) -> Dossier:
    first = step(StepKind.DESCRIBE, aware=aware.isoformat(), given=given)
    return Dossier(UUID(int=1), Sort.INCIDENT, None, (first, *steps))


def complaint(*steps: Step, received: str = "2026-06-01") -> Dossier:
    first = step(StepKind.DESCRIBE, received=received, given="about")
    return Dossier(UUID(int=2), Sort.COMPLAINT, None, (first, *steps))


COMMISSIONER: Final = step(
    StepKind.COMMISSIONER, answer="told", told_at=(AWARE + timedelta(hours=71)).isoformat()
)
PEOPLE: Final = step(StepKind.PEOPLE, answer="not_needed", ground="no_high_risk")


def due_of(dossier: Dossier) -> datetime | None:
    return due(dossier, holidays=bank_holidays_around(dossier.since.date()))


# --- Clocks -------------------------------------------------------------------------------------------------


def test_the_72_hours_are_elapsed_time_over_weekends_and_when_the_clocks_change() -> None:
    saturday = datetime(2026, 3, 28, 18, 0, tzinfo=UTC)  # the clocks go forward that night
    assert datetime(2026, 3, 31, 18, 0, tzinfo=UTC) == notify_by(saturday) == due_of(incident(aware=saturday))


@pytest.mark.parametrize(
    ("received", "first_too_late"),
    [
        ("2026-06-22", "2026-07-22T23:00+00:00"),  # a Wednesday, the 30th day after
        ("2026-06-25", "2026-07-27T23:00+00:00"),  # the 30th day is a Saturday: the Monday after
        (
            "2026-11-25",
            "2026-12-30T00:00+00:00",
        ),  # 25 December, Boxing Day on a Saturday, in lieu on the Monday
        ("2026-03-04", "2026-04-07T23:00+00:00"),  # Good Friday, a weekend and Easter Monday
    ],
)
def test_thirty_days_of_the_calendar_after_the_day_it_came(received: str, first_too_late: str) -> None:
    """To the end of the last day in London; a last day that is no working day moves on."""
    day = date.fromisoformat(received)
    found = acknowledge_by(day, holidays=bank_holidays_around(day))
    assert datetime.fromisoformat(first_too_late) == found == due_of(complaint(received=received))


@given(day=st.dates(min_value=date(2026, 1, 1), max_value=date(2035, 1, 1)))
@settings(max_examples=200)
def test_the_last_day_is_a_working_day_and_none_before_it_is(day: date) -> None:
    holidays = bank_holidays_around(day)
    last = (acknowledge_by(day, holidays=holidays) - timedelta(hours=6)).date()
    assert is_working_day(last, holidays=holidays)
    between = [day + timedelta(days=each) for each in range(30, (last - day).days)]
    assert not [each for each in between if is_working_day(each, holidays=holidays)]
    assert (last - day).days >= 30


def test_a_clock_stops_when_it_is_answered_and_does_not_run_when_it_is_closed() -> None:
    assert due_of(incident()) is not None
    assert due_of(incident(COMMISSIONER)) is None
    assert due_of(incident(step(StepKind.COMMISSIONER, answer="not_needed"))) is None
    assert due_of(complaint(step(StepKind.ACKNOWLEDGE, on="2026-06-03"))) is None
    assert due_of(complaint(step(StepKind.OUTCOME, on="2026-06-03"))) is None, (
        "who knows the outcome knows it came"
    )
    assert due_of(complaint(step(StepKind.CLOSE))) is None


# --- What has to be answered --------------------------------------------------------------------------------


def test_an_incident_needs_each_of_its_answers() -> None:
    assert (Need.COMMISSIONER, Need.PEOPLE) == needs(incident())
    assert () == needs(incident(COMMISSIONER, PEOPLE))
    assert (Need.CONSEQUENCES,) == needs(incident(COMMISSIONER, PEOPLE, given="happened measures"))
    assert (Need.MEASURES,) == needs(incident(COMMISSIONER, PEOPLE, given="happened consequences"))


def test_a_complaint_needs_each_of_its_answers() -> None:
    told, done = step(StepKind.ACKNOWLEDGE, on="2026-06-03"), step(StepKind.ACT, given="done")
    outcome = step(StepKind.OUTCOME, on="2026-06-20", outcome="upheld")
    assert (Need.ACKNOWLEDGE, Need.ACT, Need.OUTCOME) == needs(complaint())
    assert (Need.OUTCOME,) == needs(complaint(told, done))
    assert () == needs(complaint(told, done, outcome)) == needs(complaint(done, outcome))


def test_whoever_moves_the_hour_of_becoming_aware_has_to_explain_a_delay_again() -> None:
    """Else a late notification could be closed without its reason (article 33(1))."""
    earlier = step(StepKind.DESCRIBE, aware=(AWARE - timedelta(hours=2)).isoformat(), **{GIVEN: ALL_TEXTS})
    assert (Need.COMMISSIONER,) == needs(incident(COMMISSIONER, PEOPLE, earlier))
    explained = step(StepKind.COMMISSIONER, **{**COMMISSIONER.facts, GIVEN: "delay"})
    assert () == needs(incident(COMMISSIONER, PEOPLE, earlier, explained))


def test_every_need_has_a_step_of_its_sort() -> None:
    assert set(Need) == STEP_FOR.keys()
    for dossier in (incident(given="happened"), complaint()):
        assert {STEP_FOR[need] for need in needs(dossier)} <= set(ASKED[dossier.sort])


def test_it_is_open_until_the_last_turn_says_otherwise() -> None:
    close, reopen = step(StepKind.CLOSE), step(StepKind.REOPEN)
    turns = [((), True), ((close,), False), ((close, reopen), True), ((close, reopen, close), False)]
    assert [expected for _, expected in turns] == [incident(*steps).is_open for steps, _ in turns]


def test_what_is_linked_is_what_was_not_taken_away_since() -> None:
    one, two = step(StepKind.LINK, entry="1"), step(StepKind.LINK, entry="2")
    away, again = step(StepKind.UNLINK, entry="1"), step(StepKind.LINK, entry="1")
    assert (two,) == incident(one, two, away).linked()
    assert (two, again) == incident(one, two, away, again).linked()
    assert incident(two).steps[1:] == incident(one, two, away, again).without(frozenset({"1"})).steps[1:]


# --- Reading what was answered ------------------------------------------------------------------------------

DESCRIBED: Final[dict[str, Any]] = {
    "aware": AWARE,
    "breach": ("availability", "confidentiality"),
    "people": "0012",
    "happened": "A list went to the wrong school.",
}


def said(sort: Sort, kind: StepKind, typed: dict[str, Any], before: Dossier | None = None) -> Answers:
    return read(sort, kind, typed, now=NOW, before=before)


def wrong(sort: Sort, kind: StepKind, typed: dict[str, Any], before: Dossier | None = None) -> str:
    """The element that is at fault."""
    with pytest.raises(FaultyAnswerError) as error:
        said(sort, kind, typed, before)
    assert "\x1b" not in str(error.value), "a fault repeats nothing that was typed"
    return error.value.field


def test_facts_are_codes_and_texts_are_apart() -> None:
    answers = said(Sort.INCIDENT, StepKind.DESCRIBE, {**DESCRIBED, "measures": "Asked for it back."})
    assert {
        "aware": AWARE.isoformat(),
        "breach": "confidentiality availability",
        "people": "12",
        GIVEN: "happened measures",
    } == answers.facts
    assert {"happened", "measures"} == answers.texts.keys()


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("aware", "", "aware-day"),
        ("aware", NOW + timedelta(minutes=1), "aware-day"),
        ("breach", (), "breach"),
        ("breach", ("confidentiality", "curiosity"), "breach"),
        ("people", "", "people"),
        ("people", "-1", "people"),
        ("people", "1e3", "people"),
        ("people", "\N{ARABIC-INDIC DIGIT ONE}", "people"),
        ("people", "1" * 8, "people"),
        ("happened", "", "happened"),
        ("happened", "x" * (LONGEST + 1), "happened"),
        ("happened", "a\x00b", "happened"),
        ("measures", "a\x1b[2J", "measures"),
    ],
)
def test_what_cannot_be_kept_is_said_by_its_element(name: str, value: object, field: str) -> None:
    assert field == wrong(Sort.INCIDENT, StepKind.DESCRIBE, {**DESCRIBED, name: value})


LATE: Final = AWARE + timedelta(hours=72)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({}, "answer"),
        ({"answer": "perhaps"}, "answer"),
        ({"answer": "told"}, "told_at-day"),
        ({"answer": "told", "told_at": AWARE - timedelta(minutes=1)}, "told_at-day"),
        ({"answer": "told", "told_at": LATE}, "delay"),
        ({"answer": "not_needed"}, "reason"),
        ({"answer": "not_needed", "delay": "x"}, "reason"),
    ],
)
def test_notifying_the_commissioner_is_settled_or_it_is_not(typed: dict[str, Any], field: str) -> None:
    assert field == wrong(Sort.INCIDENT, StepKind.COMMISSIONER, typed, incident())


def test_a_delay_needs_its_reason_from_the_72nd_hour_on() -> None:
    just = {"answer": "told", "told_at": LATE - timedelta(seconds=1)}
    assert {} == said(Sort.INCIDENT, StepKind.COMMISSIONER, just, incident()).texts
    late = {"answer": "told", "told_at": LATE, "delay": "Nobody was there."}
    assert {"delay"} == said(Sort.INCIDENT, StepKind.COMMISSIONER, late, incident()).texts.keys()


def test_what_another_answer_makes_pointless_is_not_kept() -> None:
    typed = {"answer": "not_needed", "reason": "It was sealed.", "told_at": AWARE, "delay": "left over"}
    answers = said(Sort.INCIDENT, StepKind.COMMISSIONER, typed, incident())
    assert ({"answer": "not_needed", GIVEN: "reason"}, {"reason": "It was sealed."}) == (
        answers.facts,
        answers.texts,
    )


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"answer": "told"}, "told_on-day"),
        ({"answer": "told", "told_on": AWARE.date() - timedelta(days=1), "how": "x"}, "told_on-day"),
        ({"answer": "told", "told_on": NOW.date() + timedelta(days=1), "how": "x"}, "told_on-day"),
        ({"answer": "told", "told_on": AWARE.date()}, "how"),
        ({"answer": "not_needed", "reason": "x"}, "ground"),
        ({"answer": "not_needed", "ground": "protected"}, "reason"),
    ],
)
def test_telling_people_is_settled_or_it_is_not(typed: dict[str, Any], field: str) -> None:
    assert field == wrong(Sort.INCIDENT, StepKind.PEOPLE, typed, incident())


@pytest.mark.parametrize("kind", [StepKind.ACKNOWLEDGE, StepKind.OUTCOME])
def test_nobody_is_told_of_a_complaint_before_it_came(kind: StepKind) -> None:
    typed = {"on": date(2026, 5, 31), "outcome": "upheld", "told": "x"}
    assert "on-day" == wrong(Sort.COMPLAINT, kind, typed, complaint())
    said(Sort.COMPLAINT, kind, {**typed, "on": date(2026, 6, 1)}, complaint())


def test_only_free_text_is_sealed_and_names_are_asked_once() -> None:
    for asked in FORMS.values():
        names = [question.name for question in asked]
        assert len(names) == len(set(names))
        assert GIVEN not in names
        for question in asked:
            assert bool(question.choices) is (question.shape in {Shape.ONE, Shape.SEVERAL})
            if question.when is not None:
                earlier = {each.name: each for each in asked[: names.index(question.name)]}
                assert question.when[1] in earlier[question.when[0]].choices


def test_a_step_is_told_in_the_words_of_its_questions() -> None:
    answers = said(Sort.INCIDENT, StepKind.DESCRIBE, DESCRIBED)
    told = dict(answered(Sort.INCIDENT, StepKind.DESCRIBE, answers.facts, answers.texts))
    assert "A list went to the wrong school." == told["What happened?"]
    assert "Confidentiality" in told["What kind of breach is it?"]
    without = dict(answered(Sort.INCIDENT, StepKind.DESCRIBE, answers.facts, None))
    assert told.keys() - without.keys() == {"What happened?"}
