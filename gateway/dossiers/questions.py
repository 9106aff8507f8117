"""What each step of a dossier asks, and reading what was answered. Pure.

INVARIANTS
- What may name somebody is a text, and is sealed; everything else is a code, a count, a day or an instant.
- A question that another answer makes pointless is not asked, and what was typed there is not kept.
- What is wrong with an answer is said by its element and a sentence, never by what was typed.

Sources: UK GDPR articles 33(1), 33(3), 34(1) and 34(3); Data Protection Act 2018 section 164A.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from consent_registry.birthdays import LONDON
from gateway.dossiers.errors import FaultyAnswerError
from gateway.dossiers.model import GIVEN, Dossier, Facts, Sort, StepKind, notify_by

Typed: TypeAlias = Mapping[str, str | Sequence[str] | date | datetime]
"""What was answered by question: a text or one code, several codes, a day, or an aware instant."""

LONGEST: Final = 10_000
"""Characters of one answer."""
_LONGEST_COUNT: Final = 7
TOLD, NOT_NEEDED = "told", "not_needed"


class Shape(StrEnum):
    """How a question is answered."""

    AREA = "area"
    COUNT = "count"
    DAY = "day"
    INSTANT = "instant"
    ONE = "one"
    SEVERAL = "several"
    TEXT = "text"

    @property
    def is_sealed(self) -> bool:
        """True for free text, in which somebody may be named."""
        return self in {Shape.AREA, Shape.TEXT}


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        words: as it is asked.
        choices: what can be answered, with its words.
        when: it is asked where that question has that answer; absent: always.
        optional: it may stay unanswered.
    """

    name: str
    words: str
    shape: Shape = Shape.AREA
    hint: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    when: tuple[str, str] | None = None
    optional: bool = False


BREACHES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "confidentiality": "Confidentiality: somebody got what they should not have got",
        "integrity": "Integrity: something was changed that should not have been",
        "availability": "Availability: something was lost, or could not be had",
    }
)
CHANNELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "letter": "By letter",
        "email": "By e-mail",
        "form": "By a form on the council's website",
        "telephone": "By telephone",
        "in_person": "In person",
        "representative": "Through somebody who speaks for them",
        "commissioner": "Through the Information Commissioner",
    }
)
OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "upheld": "They were right",
        "partly_upheld": "They were right in part",
        "not_upheld": "We did nothing wrong",
        "withdrawn": "They took it back",
    }
)
NOT_TOLD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no_high_risk": "A high risk to them is unlikely",
        "protected": "Nobody can read what they got, for example because it is encrypted",
        "averted": "What was done since makes a high risk unlikely",
        "public": "It would take too much effort: they are told in public instead",
    }
)
_NAME_NOBODY: Final = "Name nobody: this stays when a family is erased."

FORMS: Final[Mapping[tuple[Sort, StepKind], tuple[Question, ...]]] = MappingProxyType(
    {
        (Sort.INCIDENT, StepKind.DESCRIBE): (
            Question(
                "aware",
                "When did the council become aware of it?",
                Shape.INSTANT,
                "The 72 hours run from then.",
            ),
            Question("breach", "What kind of breach is it?", Shape.SEVERAL, choices=BREACHES),
            Question(
                "people",
                "How many people does it concern, roughly?",
                Shape.COUNT,
                "A number; change it later.",
            ),
            Question("happened", "What happened?", hint=_NAME_NOBODY),
            Question(
                "consequences",
                "What is likely to come of it?",
                hint="It can follow. " + _NAME_NOBODY,
                optional=True,
            ),
            Question(
                "measures", "What is done about it?", hint="It can follow. " + _NAME_NOBODY, optional=True
            ),
        ),
        (Sort.INCIDENT, StepKind.COMMISSIONER): (
            Question(
                "answer",
                "Is the Information Commissioner notified?",
                Shape.ONE,
                choices={TOLD: "Yes", NOT_NEEDED: "No: a risk to anybody's rights and freedoms is unlikely"},
            ),
            Question(
                "told_at", "If yes: when was the Commissioner notified?", Shape.INSTANT, when=("answer", TOLD)
            ),
            Question(
                "reference",
                "If yes: the Commissioner's reference",
                Shape.TEXT,
                when=("answer", TOLD),
                optional=True,
            ),
            Question(
                "delay",
                "If it was later than 72 hours: why?",
                hint=_NAME_NOBODY,
                when=("answer", TOLD),
                optional=True,
            ),
            Question(
                "reason", "If no: why is a risk unlikely?", hint=_NAME_NOBODY, when=("answer", NOT_NEEDED)
            ),
        ),
        (Sort.INCIDENT, StepKind.PEOPLE): (
            Question(
                "answer",
                "Are the people concerned told?",
                Shape.ONE,
                "A high risk to them is told them without undue delay.",
                {TOLD: "Yes", NOT_NEEDED: "No"},
            ),
            Question("told_on", "If yes: on which day were they told?", Shape.DAY, when=("answer", TOLD)),
            Question("how", "If yes: how, and what?", hint=_NAME_NOBODY, when=("answer", TOLD)),
            Question(
                "ground", "If no: on what ground?", Shape.ONE, choices=NOT_TOLD, when=("answer", NOT_NEEDED)
            ),
            Question("reason", "If no: why is that so?", hint=_NAME_NOBODY, when=("answer", NOT_NEEDED)),
        ),
        (Sort.COMPLAINT, StepKind.DESCRIBE): (
            Question(
                "received", "On which day did it come?", Shape.DAY, "The 30 days run from the day after."
            ),
            Question("channel", "How did it come?", Shape.ONE, choices=CHANNELS),
            Question("who", "Who complains, and how are they reached?", Shape.TEXT, optional=True),
            Question("about", "What is it about?"),
        ),
        (Sort.COMPLAINT, StepKind.ACKNOWLEDGE): (
            Question("on", "On which day were they told that it came, and will be looked into?", Shape.DAY),
        ),
        (Sort.COMPLAINT, StepKind.ACT): (Question("done", "What was done about it?"),),
        (Sort.COMPLAINT, StepKind.OUTCOME): (
            Question("on", "On which day were they told the outcome?", Shape.DAY),
            Question("outcome", "What did it come to?", Shape.ONE, choices=OUTCOMES),
            Question("told", "What were they told?"),
        ),
        (Sort.INCIDENT, StepKind.NOTE): (Question("note", "What is there to add?", hint=_NAME_NOBODY),),
        (Sort.COMPLAINT, StepKind.NOTE): (Question("note", "What is there to add?"),),
        **{(sort, StepKind.CLOSE): () for sort in Sort},
        (Sort.INCIDENT, StepKind.REOPEN): (Question("why", "Why is it opened again?", hint=_NAME_NOBODY),),
        (Sort.COMPLAINT, StepKind.REOPEN): (Question("why", "Why is it opened again?"),),
    }
)
"""The questions of every step that has a form."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a step says: facts in the clear, and texts to be sealed."""

    facts: Facts
    texts: Mapping[str, str]


def read(
    sort: Sort, kind: StepKind, typed: Typed, *, now: datetime, before: Dossier | None = None
) -> Answers:
    """Return what was answered.

    Args:
        now: aware instant.
        before: the dossier as it was; absent: it is opened.

    Raises: FaultyAnswerError, the first that is missing or cannot be kept.
    """
    facts: dict[str, str] = {}
    texts: dict[str, str] = {}
    for question in FORMS[sort, kind]:
        if question.when is not None and facts.get(question.when[0]) != question.when[1]:
            continue
        value = typed.get(question.name, "")
        if not value:
            if not question.optional:
                raise FaultyAnswerError(element(question), _MISSING[question.shape])
            continue
        if question.shape.is_sealed:
            texts[question.name] = _text(question, value)
        else:
            facts[question.name] = _fact(question, value, now=now)
    if texts:
        facts[GIVEN] = " ".join(sorted(texts))
    _check(kind, facts, before)
    return Answers(facts, texts)


def element(question: Question) -> str:
    """Return the id of the element that an error of a question leads to."""
    return f"{question.name}-day" if question.shape in {Shape.DAY, Shape.INSTANT} else question.name


def answered(
    sort: Sort, kind: StepKind, facts: Facts, texts: Mapping[str, str] | None
) -> Iterator[tuple[str, str]]:
    """Yield what a step says as pairs of a question's words and the answer in words; texts that are not there are not told.

    Args:
        facts: days and instants among them are told as they are kept.
    """
    for question in FORMS.get((sort, kind), ()):
        value = (
            (texts or {}).get(question.name, "") if question.shape.is_sealed else facts.get(question.name, "")
        )
        if value:
            said = (
                [question.choices.get(code, code) for code in value.split()] if question.choices else [value]
            )
            yield question.words, "; ".join(said)


_MISSING: Final[Mapping[Shape, str]] = MappingProxyType(
    {
        Shape.AREA: "Answer this.",
        Shape.COUNT: "Enter a number.",
        Shape.DAY: "Enter a day, for example 27 3 2026.",
        Shape.INSTANT: "Enter a day and a time, for example 27 3 2026 and 14:05.",
        Shape.ONE: "Choose one.",
        Shape.SEVERAL: "Choose one or more.",
        Shape.TEXT: "Answer this.",
    }
)
_FUTURE: Final = "This has not come yet: enter when it was."


def _text(question: Question, value: object) -> str:
    text = str(value)
    if len(text) > LONGEST:
        raise FaultyAnswerError(question.name, f"Say it in {LONGEST} characters at most.")
    if any(not symbol.isprintable() and symbol not in "\n\t" for symbol in text):
        raise FaultyAnswerError(question.name, "A character here cannot be kept. Type it again.")
    return text


def _fact(question: Question, value: object, *, now: datetime) -> str:
    """A fact as it is kept.

    Raises: FaultyAnswerError, it is none of what was to choose from, or lies in the future.
    """
    if isinstance(value, date):  # an instant is one, too
        happened = _london(value) if isinstance(value, datetime) else value
        if happened > _london(now) or (isinstance(value, datetime) and value > now):
            raise FaultyAnswerError(element(question), _FUTURE)
        return value.isoformat()
    if question.shape is Shape.COUNT:
        count = str(value)
        if count.isascii() and count.isdigit() and len(count) <= _LONGEST_COUNT:
            return str(int(count))
    codes = {value} if isinstance(value, str) else set(value) if isinstance(value, Sequence) else set()
    if codes and codes <= question.choices.keys():
        return " ".join(code for code in question.choices if code in codes)
    raise FaultyAnswerError(element(question), _MISSING[question.shape])


def _check(kind: StepKind, facts: Facts, before: Dossier | None) -> None:
    """Let pass what fits to what was said before.

    Raises: FaultyAnswerError.
    """
    if before is None:
        return
    if kind is StepKind.COMMISSIONER and "told_at" in facts:
        told_at = datetime.fromisoformat(facts["told_at"])
        if told_at < before.aware_at:
            raise FaultyAnswerError(
                "told_at-day", "The council was not aware of it yet. Enter when it was notified."
            )
        if told_at >= notify_by(before.aware_at) and "delay" not in facts.get(GIVEN, "").split():
            raise FaultyAnswerError("delay", "It was later than 72 hours: say why.")
    if kind is StepKind.PEOPLE and date.fromisoformat(facts.get("told_on", "9999-12-31")) < _london(
        before.aware_at
    ):
        raise FaultyAnswerError(
            "told_on-day", "The council was not aware of it yet. Enter when they were told."
        )
    if "on" in facts and date.fromisoformat(facts["on"]) < before.received_on:
        raise FaultyAnswerError("on-day", "It had not come yet. Enter the day on which they were told.")


def _london(at: datetime) -> date:
    return at.astimezone(LONDON).date()
