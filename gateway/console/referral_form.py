"""What the form of a referral says, read into answers. Pure.

INVARIANT: what was typed is never lost: a form that cannot be read is shown again as it was.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Final

from consent_registry.birthdays import LONDON
from gateway.console.consent_form import Form, typed_date
from gateway.ids import read_id
from gateway.safeguarding.drafts import Draft
from gateway.safeguarding.errors import Fault, FaultyAnswersError
from gateway.safeguarding.model import Answers, Kind
from gateway.safeguarding.questions import (
    EMERGENCY,
    FIRST_YEAR,
    LAST_YEAR,
    NO,
    QUESTIONS,
    YES,
    Question,
    read_answers,
)
from gateway.safeguarding.sealing import Written

INSTANTS: Final = ("concern_at", "called_at")
"""Questions that are answered with a day and a time."""
_WHEN: Final = "Enter a day and a time, for example 27 3 2026 and 14:05."
_HOURS, _MINUTES = 24, 60


def written(form: Form, kind: Kind, *, in_a_hurry: bool = False) -> Written:
    """Return what a form says.

    Args:
        in_a_hurry: what cannot wait is all that has to be read; any other answer that cannot be is asked for afterwards.

    Raises: FaultyAnswersError, naming every answer that cannot be read.
    """
    fields = dict(form.fields)
    faults: list[Fault] = []
    for name in INSTANTS:
        said = typed_instant(form, name)
        if isinstance(said, Fault):
            faults.append(said)
        elif said is not None:
            fields[name] = (said.isoformat(timespec="seconds"),)
    tell_on = typed_day(form, "tell-on")
    if isinstance(tell_on, str):
        faults.append(Fault(f"tell-on-{tell_on}", "Enter a day, for example 27 3 2026."))
    try:
        answers: Answers = read_answers(fields, needed=EMERGENCY[kind] if in_a_hurry else None)
    except FaultyAnswersError as error:
        raise FaultyAnswersError([*error.faults, *faults]) from error
    if faults and not in_a_hurry:
        raise FaultyAnswersError(faults)
    asked = {question.name for question in QUESTIONS if kind in question.kinds}
    return Written(
        kind,
        {name: said for name, said in answers.items() if name in asked},
        frozenset(form.many("items")) if form.one("chosen") else None,
        frozenset(form.many("hidden")),
        tell_on if isinstance(tell_on, date) else None,
        read_id(form.one("note")),
    )


def typed_day(form: Form, name: str) -> date | str | None:
    """The day that was typed, as ``typed_date`` has it; one of another century is a slip of the pen."""
    day = typed_date(form, name)
    return "year" if isinstance(day, date) and not FIRST_YEAR <= day.year <= LAST_YEAR else day


def typed_instant(form: Form, name: str) -> datetime | Fault | None:
    """The instant that was typed, in London's time; absent: none was; a fault: it cannot be read."""
    day, clock = typed_day(form, name), form.one(f"{name}-time")
    if day is None and not clock:
        return None
    if not isinstance(day, date):
        return Fault(f"{name}-{day or 'day'}", _WHEN)
    hour, _, minute = clock.partition(":")
    if not all(part.isascii() and part.isdigit() and len(part) <= len("00") for part in (hour, minute)):
        return Fault(f"{name}-time", _WHEN)
    if int(hour) >= _HOURS or int(minute) >= _MINUTES:
        return Fault(f"{name}-time", _WHEN)
    return datetime.combine(day, time(int(hour), int(minute)), tzinfo=LONDON).astimezone(UTC)


def filled(said: Written) -> Form:
    """The form as it would have been filled in to say this."""
    fields: dict[str, Sequence[str]] = {
        name: (answer,) if isinstance(answer, str) else answer for name, answer in said.answers.items()
    }
    for name in INSTANTS:
        answer = said.answers.get(name)
        if isinstance(answer, str):
            at = datetime.fromisoformat(answer).astimezone(LONDON)
            fields |= _day(name, at.date()) | {f"{name}-time": (f"{at:%H:%M}",)}
    if said.tell_on is not None:
        fields |= _day("tell-on", said.tell_on)
    fields["hidden"] = sorted(said.hidden_from)
    if said.items is not None:
        fields |= {"chosen": ("yes",), "items": sorted(said.items)}
    return Form(fields)


def of_note(note: Draft) -> Form:
    """The form as a note of the emergency page fills it in: what was typed, and when it was said to be typed."""
    typed = note.answers
    at = note.typed_at.astimezone(LONDON)
    known = f"{typed.children}\n\nWhy the family was not asked first: {typed.why_without_agreement}"
    return Form(
        {
            "note": (str(note.note_id),),
            "fear": (typed.feared,),
            "danger": (YES if typed.immediate_danger else NO,),
            "number": (typed.caller_number,),
            "known": (known,),
            "recipient": (typed.destination,),
            **_day("called_at", at.date()),
            "called_at-time": (f"{at:%H:%M}",),
        }
    )


def _day(name: str, day: date) -> dict[str, Sequence[str]]:
    return {f"{name}-{part}": (str(getattr(day, part)),) for part in ("day", "month", "year")}


def typed_text(form: Form) -> list[tuple[str, str]]:
    """What was typed in free text, each with its question: to be copied where it could not be kept."""
    return [
        (question.words, text)
        for question in QUESTIONS
        if not question.choices and not question.several and (text := form.one(question.name))
    ]


def first(kind: Kind) -> list[Question]:
    """The questions that cannot wait, in their order."""
    by_name: Mapping[str, Question] = {question.name: question for question in QUESTIONS}
    return [by_name[name] for name in EMERGENCY[kind]]


def rest(kind: Kind) -> list[Question]:
    """Every other question of this kind."""
    return [
        question for question in QUESTIONS if kind in question.kinds and question.name not in EMERGENCY[kind]
    ]
