"""The rows of the register of agencies as values, and the rules that need nothing else.

INVARIANT: every interval is half-open, and days are those of Europe/London.

Pure: standard library only, no clock, no I/O.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from agencies.model import AgencyCode, AgencyKind

ID_RULE: Final = "must be 1 to 64 of letters, digits, dot, hyphen, underscore and @"
LINE_RULE: Final = "must be one line of 1 to 200 characters with a letter or digit, not begun as a formula is"

_PRACTITIONER_ID = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_LINE_LENGTH = 200
_FORMULA_SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"  # and their full-width forms
# Unicode categories that break a line or steer a terminal, and directions that show text in an order not its own.
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


class AgencyState(StrEnum):
    """How far an agency may take part; only an active one is released to."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


class PractitionerPolicy(StrEnum):
    """Who says which humans act for an agency."""

    REGISTERED = "registered"
    """The agency's list here; an id that is not active on it gets no token."""
    ASSERTED = "asserted"
    """The agency itself; recorded as unverified."""


@dataclass(frozen=True, slots=True)
class Agency:
    """One organisation that takes part."""

    code: AgencyCode
    kind: AgencyKind
    name: str
    practitioner_policy: PractitionerPolicy
    state: AgencyState


@dataclass(frozen=True, slots=True)
class Agreement:
    """One data sharing agreement of an agency; in force while ``valid_from <= today < valid_until``."""

    reference: str
    assessment: str
    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True)
class Practitioner:
    """A named human of an agency; active while ``active_from <= today < active_until``.

    Attributes:
        id: the agency's own id of this person, no personal data by itself.
        active_until: absent while no end is known.
    """

    id: str
    name: str
    role: str
    active_from: date
    active_until: date | None = None

    def is_current(self, today: date) -> bool:
        """True while this person is active today or will be on a later day."""
        return self.active_until is None or max(self.active_from, today) < self.active_until


@dataclass(frozen=True, slots=True)
class RegisterChange:
    """What a new list changed, in people.

    Attributes:
        ended: could act on that day or later before, and cannot any more.
        changed: differ in anything else.
    """

    added: int
    changed: int
    ended: int
    unchanged: int

    @property
    def anything(self) -> bool:
        """True when the list differed from the stored one."""
        return bool(self.added or self.changed or self.ended)


@dataclass(frozen=True, slots=True)
class Attestation:
    """That somebody of an agency confirmed its list of practitioners as it stood.

    Attributes:
        attested_by: who confirmed, as named by whoever recorded it.
        practitioners: how many people were current on that day.
        register_sha256: of the text of that list (``practitioner_file.format_practitioners``).
    """

    id: UUID
    attested_on: date
    attested_by: str
    practitioners: int
    register_sha256: bytes


class AttestationState(StrEnum):
    """How far a list of practitioners is still believed."""

    CURRENT = "current"
    DUE = "due"
    """To be confirmed again, and believed meanwhile."""
    LAPSED = "lapsed"
    """Nobody on it may act until it is confirmed."""


def attestation_state(last: date | None, *, today: date, days: int, grace: int) -> AttestationState:
    """Return how far a list that was last confirmed on a day is believed today.

    Args:
        last: absent: never confirmed, hence lapsed.
        days: current while ``today < last + days``.
        grace: due for this many days after that, and lapsed from then on; may be 0.

    Source: Caldicott Principles 4 and 5 (need to know, awareness of duties); the intervals are the council's.
    """
    if last is None:
        return AttestationState.LAPSED
    age = (today - last).days
    if age < days:
        return AttestationState.CURRENT
    return AttestationState.DUE if age < days + grace else AttestationState.LAPSED


def attestation_due(last: date, *, days: int) -> date:
    """Return the first day on which a list that was confirmed on ``last`` is no longer current."""
    return last + timedelta(days=days)


def is_practitioner_id(text: str) -> bool:
    """True for an id that an agency may give to a person."""
    return _PRACTITIONER_ID.fullmatch(text) is not None


def is_shown_line(text: str) -> bool:
    """True for a name or a role that is safe to show: on a page, in a terminal, in a spreadsheet.

    One line of 1 to 200 characters with a letter or digit among them, no control character, nothing that turns the
    direction of writing, and no beginning at which a spreadsheet would start to calculate.

    Source: OWASP, CSV Injection.
    """
    return (
        len(text) <= _LINE_LENGTH
        and any(symbol.isalnum() for symbol in text)
        and not any(_steers(symbol) for symbol in text)
        and text.lstrip()[0] not in _FORMULA_SIGNS
    )


def _steers(symbol: str) -> bool:
    return unicodedata.category(symbol) in _CONTROLS or unicodedata.bidirectional(symbol) in _DIRECTIONS
