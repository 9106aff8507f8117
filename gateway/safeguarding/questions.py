"""The questions of a referral: which cannot wait, which are open yet, and reading what was answered. Pure.

INVARIANTS
- Six answers at most are ever needed before something goes: ``EMERGENCY``. Everything else can follow.
- A question that an answer makes pointless is not open.
- An answer that cannot be read is a fault of its own question; nothing that was typed stands in a fault's sentence.

Sources: Data Protection Act 2018 schedule 1 paragraph 18 (which limb applies, and to whom); Information sharing advice
for practitioners 2024, golden rules 2 to 7.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from gateway.safeguarding.errors import Fault, FaultyAnswersError
from gateway.safeguarding.model import Answers, Kind

LONGEST: Final = 10_000
"""Characters of one answer."""
MOST: Final = 50
"""Choices of one answer."""

YES, NO = "yes", "no"
YES_NO: Final[Mapping[str, str]] = MappingProxyType({YES: "Yes", NO: "No"})
LIMBS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cannot_be_given": "They cannot agree: nobody there can",
        "not_reasonable": "We cannot reasonably be expected to ask them",
        "would_prejudice": "Asking would put somebody at more risk",
    }
)
PROTECTED: Final[Mapping[str, str]] = MappingProxyType(
    {"under_18": "A child or young person under 18", "adult_at_risk": "An adult at risk"}
)
HARMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "physical": "Physical abuse",
        "emotional": "Emotional abuse",
        "sexual": "Sexual abuse",
        "neglect": "Neglect",
        "domestic_abuse": "Domestic abuse in the home",
        "exploitation": "Exploitation, criminal or sexual",
        "genital_mutilation": "Female genital mutilation",
        "radicalisation": "Being drawn into terrorism",
        "unborn": "Risk to an unborn child",
        "by_professional": "Somebody who works with children",
        "adult_at_risk": "Harm to an adult at risk",
        "other": "Something else",
    }
)
CERTAINTIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fact": "Seen or heard by me, or recorded as a fact",
        "family_report": "Told by the family",
        "allegation": "Alleged by somebody",
        "opinion": "My professional opinion",
    }
)
NOT_TOLD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "risk": "Telling them would put somebody at risk",
        "enquiry": "It would prejudice the enquiry",
        "not_yet": "There was no time yet",
    }
)
BASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "6(1)(e)": "Public task: safeguarding children",
        "6(1)(c)": "Legal obligation",
        "6(1)(d)": "Vital interests: a life is at risk",
    }
)

_PHONE: Final = re.compile(r"(?=(?:[^0-9]*[0-9]){3})[A-Za-z0-9 ()+.,/#-]{3,60}", re.ASCII)
"""Three digits at least, and whatever somebody writes with them: an extension, a name."""
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", re.ASCII)
_HASHES: Final = re.compile(r"[0-9a-f]{64}(\s+[0-9a-f]{64}){0,19}", re.ASCII)
FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Before and after which nothing happens that a referral is about: a slip of the pen."""

_ANY: Final = frozenset(Kind)
_SENT: Final = frozenset({Kind.AGREED, Kind.DUTY, Kind.PROTECTION})
_PROTECTION: Final = frozenset({Kind.PROTECTION})


def _is_instant(value: str) -> bool:
    if not _INSTANT.fullmatch(value):
        return False
    try:
        return FIRST_YEAR <= datetime.fromisoformat(value).year <= LAST_YEAR
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        words: as it is asked.
        kinds: of referral that ask it.
        choices: what can be answered, with its words; empty: free text.
        several: more than one answer.
        form: whether free text looks as it has to; absent: anything does.
        when: it is asked where that question has that answer; absent: always.
        optional: it may stay unanswered.
    """

    name: str
    words: str
    kinds: frozenset[Kind] = _SENT
    choices: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    several: bool = False
    form: Callable[[str], object] | None = None
    when: tuple[str, str] | None = None
    optional: bool = False
    hint: str = ""

    def is_asked(self, kind: Kind, answers: Answers) -> bool:
        """True where a referral of this kind, with these answers, has to answer it."""
        return kind in self.kinds and (self.when is None or answers.get(self.when[0]) == self.when[1])


QUESTIONS: Final[tuple[Question, ...]] = (
    Question("people", "Which children is it about?", kinds=_ANY, several=True),
    Question("destination", "Who has to know?"),
    Question("fear", "What do you fear has happened, or will happen?", kinds=_ANY),
    Question("danger", "Is somebody in danger now?", kinds=_ANY, choices=YES_NO),
    Question(
        "without",
        "Why not with the family's agreement?",
        kinds=_PROTECTION,
        choices=LIMBS,
    ),
    Question("number", "On what number can you be called back?", form=_PHONE.fullmatch),
    Question("agreed_by", "Who agreed, and when?", kinds=frozenset({Kind.AGREED})),
    Question("significant", "Do you suspect significant harm?", kinds=_PROTECTION, choices=YES_NO),
    Question(
        "public_interest",
        "What makes sharing more important than their confidence?",
        kinds=_PROTECTION,
        when=("significant", NO),
    ),
    Question("harm", "What kind of harm?", kinds=_ANY, choices=HARMS, several=True),
    Question("known", "What do you know?", kinds=_ANY),
    Question("source", "How do you know it, and from whom?", kinds=_ANY),
    Question("certainty", "What is that?", kinds=_ANY, choices=CERTAINTIES),
    Question("protects", "Who is protected?", kinds=_PROTECTION, choices=PROTECTED),
    Question(
        "why_items",
        "Why do they need what you chose, and nothing else?",
        hint="Say why for everything that you added.",
    ),
    Question("asked", "Did you ask the family to agree?", kinds=_PROTECTION, choices=YES_NO),
    Question("told", "Does the family know of this referral?", kinds=_PROTECTION, choices=YES_NO),
    Question("told_by", "Who told them, and when?", kinds=_PROTECTION, when=("told", YES)),
    Question(
        "told_why_not",
        "Why were they not told?",
        kinds=_PROTECTION,
        choices=NOT_TOLD,
        when=("told", NO),
    ),
    Question("wishes", "What does the child say and want?", kinds=_ANY),
    Question("advice", "Whose advice did you take, and what was it?", kinds=_ANY),
    Question("decider", "Who decided?", kinds=_ANY),
    Question("concern_at", "When did you begin to be worried?", kinds=_ANY, form=_is_instant),
    Question("called_at", "When did you ring them?", form=_is_instant),
    Question("recipient", "To whom did you speak?"),
    Question("reference", "What reference did they give you?", optional=True),
    Question(
        "attachments",
        "Fingerprints of what you sent along (SHA-256)",
        form=_HASHES.fullmatch,
        optional=True,
    ),
    Question("never_learn", "Who must never learn of this?", kinds=_ANY, optional=True),
    Question("basis", "On what legal basis?", kinds=_PROTECTION, choices=BASES),
    Question(
        "why_not",
        "Why was nothing shared?",
        kinds=frozenset({Kind.CONSIDERED}),
    ),
    Question(
        "instead",
        "What happens instead, and when is it looked at again?",
        kinds=frozenset({Kind.CONSIDERED}),
    ),
    Question(
        "relevance", "How is it relevant to the child's safety or welfare?", kinds=frozenset({Kind.DUTY})
    ),
    Question("facilitates", "Which function of theirs does it help?", kinds=frozenset({Kind.DUTY})),
    Question(
        "detriment",
        "Would telling them do the child more harm than good?",
        kinds=frozenset({Kind.DUTY}),
        choices=YES_NO,
    ),
    Question("detriment_why", "Why do you think so?", kinds=frozenset({Kind.DUTY})),
)
"""Every question, in the order in which it is asked."""

BY_NAME: Final[Mapping[str, Question]] = MappingProxyType({each.name: each for each in QUESTIONS})

EMERGENCY: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {
        Kind.AGREED: ("people", "destination", "fear", "danger", "agreed_by", "number"),
        Kind.PROTECTION: ("people", "destination", "fear", "danger", "without", "number"),
        Kind.CONSIDERED: ("people", "fear", "why_not"),
        Kind.DUTY: ("people", "destination", "relevance", "facilitates", "detriment", "decider"),
    }
)
"""Without which nothing is sent or recorded: six at most."""


def read_answers(sent: Mapping[str, Sequence[str]], *, needed: Collection[str] | None = None) -> Answers:
    """Return what was answered; unknown names are left out, and so is whatever is empty.

    Args:
        sent: every value of each field.
        needed: the questions whose faults count, in a hurry: any other answer that cannot be read is as if it had not
            been given, and is asked for again. Absent: all.

    Raises: FaultyAnswersError, an answer is too long, of another form, or not one of its choices.
    """
    answers: dict[str, str | tuple[str, ...]] = {}
    faults: list[Fault] = []
    for question in QUESTIONS:
        values = [value.strip() for value in sent.get(question.name, ()) if value.strip()]
        if not values:
            continue
        if not question.several:
            values = values[:1]
        if len(values) > MOST or any(len(value) > LONGEST or not _is_text(value) for value in values):
            faults.append(Fault(question.name, "Make this shorter, and leave out signs that are no text."))
        elif question.choices and not set(values) <= question.choices.keys():
            faults.append(Fault(question.name, "Choose one of the answers."))
        elif question.form is not None and not question.form(values[0]):
            faults.append(Fault(question.name, _FORMS[question.name]))
        else:
            answers[question.name] = tuple(values) if question.several else values[0]
    faults = [fault for fault in faults if needed is None or fault.question in needed]
    if faults:
        raise FaultyAnswersError(faults)
    return answers


_FORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "attachments": "Enter 64 hexadecimal digits for each file, with spaces between.",
        "called_at": "Enter a day and a time, for example 27 3 2026 and 14:05.",
        "concern_at": "Enter a day and a time, for example 27 3 2026 and 14:05.",
        "number": "Enter a phone number.",
    }
)


def missing(kind: Kind, answers: Answers) -> list[str]:
    """Return the questions without which a referral of this kind cannot go, and that are not answered."""
    return [name for name in EMERGENCY[kind] if not answers.get(name)]


def open_questions(kind: Kind, answers: Answers) -> list[str]:
    """Return every question that still has to be answered, in their order."""
    return [
        question.name
        for question in QUESTIONS
        if not question.optional and question.is_asked(kind, answers) and not answers.get(question.name)
    ]


def still_to_ask(kind: Kind, answers: Answers) -> list[str]:
    """Return every question that is open, and those that another open one may yet call for; in their order."""
    left = open_questions(kind, answers)
    return [
        question.name
        for question in QUESTIONS
        if question.name in left
        or (kind in question.kinds and question.when is not None and question.when[0] in left)
    ]


def check_complete(kind: Kind, answers: Answers) -> None:
    """Let pass what may go without anything that follows.

    Raises: FaultyAnswersError, naming each question that is open.
    """
    faults = [Fault(name, f"Answer: {BY_NAME[name].words}") for name in open_questions(kind, answers)]
    if faults:
        raise FaultyAnswersError(faults)


def check_enough(kind: Kind, answers: Answers) -> None:
    """Let pass what may go now.

    Raises: FaultyAnswersError, naming each answer that cannot wait.
    """
    faults = [Fault(name, f"Answer: {BY_NAME[name].words}") for name in missing(kind, answers)]
    if faults:
        raise FaultyAnswersError(faults)


def instant_of(answers: Answers, name: str) -> datetime | None:
    """Return the instant that was answered, aware; absent: it was not."""
    said = answers.get(name)
    return datetime.fromisoformat(said).astimezone(UTC) if isinstance(said, str) else None


def _is_text(value: str) -> bool:
    """Nothing that a database, a page or a printer stumbles over."""
    return all(sign.isprintable() or sign in "\n\r\t" for sign in value)
