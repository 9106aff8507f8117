"""The words of samples of past accesses, for the officer's pages and the agency's. Pure.

INVARIANT: an access is told of by its agency's own reference, its practitioner, its purpose and its minute.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.consent.receipt_words import PURPOSE_WORDS
from gateway.sampling.model import Access, Answer, Channel, Outcome, State

_REF_CHARS: Final = 8
UNREADABLE: Final = "An access whose entry cannot be read"

ACCESS_ANSWER_WORDS: Final[Mapping[Answer, str]] = MappingProxyType(
    {
        Answer.YES: "Yes, all of it is right",
        Answer.NO: "No, something of it is not right",
        Answer.CANNOT_TELL: "We cannot tell",
    }
)
ANSWER_CHOICES: Final = tuple(
    {"value": each.value, "words": said} for each, said in ACCESS_ANSWER_WORDS.items()
)
CHANNEL_WORDS: Final[Mapping[Channel, str]] = MappingProxyType(
    {
        Channel.DESK: "At its desk",
        Channel.LETTER: "Letter",
        Channel.EMAIL: "Email",
        Channel.TELEPHONE: "Telephone call",
        Channel.MEETING: "Meeting",
    }
)
OUTCOME_WORDS: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        Outcome.EXPLAINED: "It was in order after all",
        Outcome.PUT_RIGHT: "The agency put it right",
        Outcome.INCIDENT: "It is dealt with as an incident",
    }
)
STATE_WORDS: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.ANSWERED: "answered",
        State.ASKED: "asked",
        State.REMINDED: "reminded",
        State.ESCALATED: "no answer",
    }
)
STATE_COLOURS: Final[Mapping[State, str]] = MappingProxyType(
    {State.ANSWERED: "green", State.ASKED: "", State.REMINDED: "yellow", State.ESCALATED: "red"}
)


def question(access: Access) -> dict[str, object]:
    """An access as its agency is asked about it."""
    ref = access.case_ref
    return {
        "name": f"answer-{access.id}",
        "id": str(access.id),
        "case": UNREADABLE if ref is None else f"Case {str(ref)[:_REF_CHARS]}",
        "ref": "" if ref is None else str(ref),
        "practitioner": access.practitioner,
        "purpose": PURPOSE_WORDS.get(access.purpose, access.purpose),
        "minute": access.minute,
    }
