"""A referral's document in words: what a destination was told, as somebody reads it. Pure.

INVARIANT: everything in the document is shown, and nothing else: an answer without words of its own is shown by its name.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from agencies.model import JsonObject, JsonValue
from gateway.console import words
from gateway.console.extract_page import FieldLine, Section, sections
from gateway.safeguarding.questions import BY_NAME
from gateway.safeguarding.schemas import with_proof
from gateway.safeguarding.sealing import OpenDocument

ANSWER_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fear": "What is feared",
        "danger": "Is somebody in danger now?",
        "number": "Call back on",
        "agreed_by": "Who agreed, and when",
        "without": "Why without the family's agreement",
        "harm": "Kind of harm",
        "known": "What is known",
        "source": "How it is known, and from whom",
        "certainty": "What that is",
        "told": "Does the family know of this referral?",
        "told_why_not": "Why the family was not told",
        "wishes": "What the child says and wants",
        "recipient": "Who was spoken to",
        "reference": "Your reference",
        "attachments": "SHA-256 of files sent another way",
        "never_learn": "Who must never learn of this",
        "relevance": "How it is relevant to the child's safety or welfare",
        "facilitates": "Which function of yours it helps",
    }
)
"""Answers as their reader calls them; the questions are worded for whoever was asked."""

KIND_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "agreed": "The family agreed to it",
        "duty": "Under the duty to share (Children Act 2004, section 16LA)",
        "protection": "Without the family's agreement, to protect somebody",
    }
)
_TIMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "concern_at": "The worry began",
        "called_at": "Rung",
        "typed_at": "Typed while no record could be read",
        "recorded_at": "Written down",
        "sent_at": "Sent",
    }
)
_BASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "article6": "UK GDPR article 6",
        "article9": "UK GDPR article 9",
        "schedule1": "Data Protection Act 2018 schedule 1",
    }
)
_UNNAMED: Final = "Somebody of whom nothing else is told"


def document_sections(body: bytes) -> list[Section]:
    """Return a frozen document as headings and lines: how to handle it, what is told, then person by person.

    Args:
        body: as it went, a JSON object.
    """
    document: JsonObject = json.loads(body)
    record = _object(document.get("record"))
    told = sections(record)
    answers = _object(document.get("answers"))
    found = [
        Section("How to handle it", (_line("Rules", _texts(document.get("handling"))),)),
        Section("What you are told", tuple(_answers(answers))),
        Section("Which children it is about", (_line("Children", _about(document, record, told)),)),
        *told,
        Section("What follows", (_line("Not answered yet", _following(document)),)),
        Section("About this referral", tuple(_referral(document))),
        Section("On what basis", tuple(_named(_object(document.get("basis")), _BASES))),
    ]
    return [each for each in map(_without_empty, found) if each.lines]


def in_words(document: OpenDocument) -> dict[str, Any]:
    """What the page of a document shows of it."""
    return {
        "sections": document_sections(document.body),
        "sha256": document.sha256,
        "proof": document.proof or "",
        "raw": with_proof(document).decode(),
    }


def _answers(answers: JsonObject) -> Iterator[FieldLine]:
    ordered = [name for name in ANSWER_WORDS if name in answers]
    for name in [*ordered, *(name for name in answers if name not in ANSWER_WORDS)]:
        choices = BY_NAME[name].choices if name in BY_NAME else {}
        values = [choices.get(each, each) for each in _texts(answers[name])]
        yield _line(ANSWER_WORDS.get(name, _spaced(name)), values)


def _about(document: JsonObject, record: JsonObject, told: list[Section]) -> list[str]:
    """The names of those whom it is about, where they are told."""
    people = record.get("people")
    listed = people if isinstance(people, list) else []
    refs = [str(each.get("person")) for each in listed if isinstance(each, dict)]
    names = dict(zip(refs, (each.heading for each in told), strict=False))
    return [names.get(ref, _UNNAMED) for ref in _texts(document.get("about"))]


def _following(document: JsonObject) -> list[str]:
    return [ANSWER_WORDS.get(name, _spaced(name)) for name in _texts(document.get("follows"))]


def _referral(document: JsonObject) -> Iterator[FieldLine]:
    to = _object(document.get("to"))
    kind = str(document.get("kind", ""))
    yield _line("To", _texts(to.get("name")))
    yield _line("From", _texts(document.get("from")))
    yield _line("By", _texts(document.get("author")))
    yield _line("How", [KIND_WORDS.get(kind, _spaced(kind))])
    times = _object(document.get("times"))
    for name in [*_TIMES, *(name for name in times if name not in _TIMES)]:
        if name in times:
            yield _line(_TIMES.get(name, _spaced(name)), [_instant(str(times[name]))])
    yield _line("Number of the referral", _texts(document.get("referral_id")))
    yield _line("Document", _texts(document.get("number")))


def _named(members: JsonObject, known: Mapping[str, str]) -> Iterator[FieldLine]:
    for name, value in members.items():
        yield _line(known.get(name, _spaced(name)), _texts(value))


def _line(heading: str, values: list[str]) -> FieldLine:
    return FieldLine(heading, "", "", tuple(values))


def _without_empty(section: Section) -> Section:
    return Section(section.heading, tuple(each for each in section.lines if each.values))


def _texts(value: JsonValue | None) -> list[str]:
    if value is None:
        return []
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _object(value: JsonValue | None) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _instant(text: str) -> str:
    try:
        return words.instant(datetime.fromisoformat(text))
    except ValueError:
        return text


def _spaced(name: str) -> str:
    return name.replace("_", " ")
