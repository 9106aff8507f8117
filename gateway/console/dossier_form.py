"""What the form of a step says, and the form as it would have been filled in. Pure."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from consent_registry.birthdays import LONDON
from gateway.console.consent_form import Form
from gateway.console.referral_form import typed_day, typed_instant
from gateway.dossiers.errors import FaultyAnswerError
from gateway.dossiers.model import Dossier, Sort, StepKind
from gateway.dossiers.questions import FORMS, Question, Shape, Typed
from gateway.safeguarding.errors import Fault

_KEPT: Final = frozenset(
    {StepKind.ACKNOWLEDGE, StepKind.COMMISSIONER, StepKind.DESCRIBE, StepKind.OUTCOME, StepKind.PEOPLE}
)
"""Steps of which the newest counts: the form begins with what it says."""

_LONGEST_REFERENCE: Final = 100


def read_form(form: Form, sort: Sort, kind: StepKind) -> Typed:
    """Return what a form says, question by question.

    Raises: FaultyAnswerError, a day or a time is none.
    """
    found: dict[str, str | Sequence[str] | date | datetime] = {}
    for question in FORMS[sort, kind]:
        name = question.name
        said = _said(form, question)
        if isinstance(said, Fault):
            if _is_asked(form, question):
                raise FaultyAnswerError(said.question, said.sentence)
        elif said:
            found[name] = said
    return found


def reference_of(form: Form) -> str:
    """Return the council's reference that was typed; empty: none was.

    Raises: FaultyAnswerError.
    """
    typed = form.one("reference")
    if len(typed) > _LONGEST_REFERENCE or not typed.isprintable():
        raise FaultyAnswerError("reference", "Enter the council's reference of the case, or leave it empty.")
    return typed


def filled(dossier: Dossier, kind: StepKind) -> Form:
    """The form of a step as it is filled in beforehand: with what the newest says, where the newest counts."""
    step = dossier.newest(kind) if kind in _KEPT else None
    if step is None:
        return Form({})
    fields: dict[str, Sequence[str]] = {}
    for question in FORMS[dossier.sort, kind]:
        said = (step.texts or {}).get(question.name) or step.facts.get(question.name, "")
        if not said:
            continue
        if question.shape is Shape.INSTANT:
            at = datetime.fromisoformat(said).astimezone(LONDON)
            fields |= _day(question.name, at.date()) | {f"{question.name}-time": (f"{at:%H:%M}",)}
        elif question.shape is Shape.DAY:
            fields |= _day(question.name, date.fromisoformat(said))
        else:
            fields[question.name] = said.split() if question.shape is Shape.SEVERAL else (said,)
    fields["incident"] = (step.facts.get("incident", ""),)
    return Form(fields)


def asked(question: Question) -> dict[str, object]:
    """A question as a page asks it."""
    return {
        "name": question.name,
        "words": question.words,
        "hint": question.hint,
        "shape": question.shape.value,
        "choices": [{"value": code, "words": words} for code, words in question.choices.items()],
    }


def _is_asked(form: Form, question: Question) -> bool:
    return question.when is None or form.one(question.when[0]) == question.when[1]


def _said(form: Form, question: Question) -> str | Sequence[str] | date | datetime | Fault | None:
    match question.shape:
        case Shape.INSTANT:
            return typed_instant(form, question.name)
        case Shape.DAY:
            day = typed_day(form, question.name)
            return (
                Fault(f"{question.name}-{day}", "Enter a day, for example 27 3 2026.")
                if isinstance(day, str)
                else day
            )
        case Shape.SEVERAL:
            return form.many(question.name)
        case _:
            return form.one(question.name).replace("\r\n", "\n")


def _day(name: str, day: date) -> dict[str, Sequence[str]]:
    return {f"{name}-{part}": (str(getattr(day, part)),) for part in ("day", "month", "year")}
