"""Who got what of a family, and what was decided, as the lines of its page. Pure.

INVARIANT: a kind of entry that has no words is not shown: a new one has to be ruled on.
INVARIANT: what a service got whose involvement is itself a secret is left to those who work on the case.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from gateway.consent.receipt_words import PURPOSE_WORDS
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import OpenedEntry

DECISIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        EntryKind.CONSENT_ENTER_IN_ERROR: "A decision was found to be a mistake",
        EntryKind.CONSENT_GIVE: "A yes was recorded",
        EntryKind.CONSENT_HOLD: "Sharing was put on hold",
        EntryKind.CONSENT_INVALIDATE: "An agreement was found invalid",
        EntryKind.CONSENT_REFUSE: "A no was recorded",
        EntryKind.CONSENT_WITHDRAW: "Sharing was stopped",
    }
)
LOOKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        EntryKind.CASE_OPEN: "Opened with a reason",
        EntryKind.CASE_VIEW: "The family's pages were looked at",
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what happened, who did it, when, and what more there is to say."""

    title: str
    byline: str
    at: datetime
    body: str


def lines(
    entries: Iterable[tuple[datetime, OpenedEntry | None]],
    *,
    people: Mapping[str, str],
    agencies: Mapping[str, str],
    hidden: frozenset[str],
) -> list[Line]:
    """Return the lines of a family's entries, in their order; looks of one person in one minute are one line.

    Args:
        entries: each with its minute; None: one that does not open, which is said.
        people: names by our id, as text, in the order in which they are told.
        agencies: names by code.
        hidden: codes of agencies that are not shown.
    """
    found: list[Line] = []
    for minute, entry in entries:
        if entry is None:
            line: Line | None = Line("An entry that cannot be read", "", minute, "Tell the operator.")
        elif entry.internal.get("agency") in hidden:
            continue
        else:
            line = _line(minute, entry.internal, entry.recipient, people=people, agencies=agencies)
        if line is not None and (not found or found[-1] != line):
            found.append(line)
    return found


def _line(
    minute: datetime,
    internal: Mapping[str, Any],
    recipient: Mapping[str, Any],
    *,
    people: Mapping[str, str],
    agencies: Mapping[str, str],
) -> Line | None:
    kind, actor = str(internal.get("kind", "")), str(internal.get("actor", ""))
    agency = agencies.get(str(internal.get("agency", "")), "")
    if kind == EntryKind.EXTRACT_RELEASE:
        told = internal.get("people", ())
        about = [name for person, name in people.items() if person in told]
        purpose = PURPOSE_WORDS.get(str(recipient.get("purpose", "")), "")
        body = f"About {_listed(about)}, {purpose}." if about else f"{purpose.capitalize()}."
        return Line(f"{agency} got an extract", str(internal.get("practitioner", "")), minute, body)
    if kind == EntryKind.RECALL_ANSWER:
        answer = str(internal.get("answer", "")).replace("_", " ")
        return Line(f"{agency} answered a recall", str(internal.get("practitioner", "")), minute, answer)
    if kind in DECISIONS:
        name = people.get(str(internal.get("person_id", "")), "")
        by = str(internal.get("recorded_by", internal.get("practitioner", actor)))
        called = len(internal.get("recalls", ()))
        body = f"For {name}." if name else ""
        if called:
            body += f" {called} {'service was' if called == 1 else 'services were'} told to stop using what they had."
        return Line(DECISIONS[kind], by, minute, body.strip())
    if kind == EntryKind.PROFILE_PREVIEW:
        return Line("What a service would be told was looked at", actor, minute, agency)
    if kind in LOOKS:
        return Line(LOOKS[kind], actor, minute, str(internal.get("reason", "")))
    return None


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
