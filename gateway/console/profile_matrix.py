"""What every agency may be told, as a table, as sentences and as a file for a spreadsheet. Pure.

INVARIANTS
- It is read from the profiles that are effective, by the function that a release asks.
- A cell of the file is never the beginning of a formula (OWASP, CSV Injection).
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agencies.catalogue import FIELDS
from agencies.model import Condition, FieldName, Level, Profile, Stage

_NOTHING: Final = frozenset[Condition]()
_FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")
SHORT: Final[Mapping[Level, str]] = {
    Level.W: "never",
    Level.G2: "broad",
    Level.G1: "part",
    Level.F: "full",
}
_SAID: Final[Mapping[Level, str]] = {Level.G2: "in broad terms", Level.G1: "in part", Level.F: "in full"}


@dataclass(frozen=True, slots=True)
class AgencyProfile:
    """One agency and the profile that is effective for it; absent: none is."""

    code: str
    name: str
    profile: Profile | None

    def level(self, field: FieldName, stage: Stage) -> Level:
        """What it may be told of a field without any further condition."""
        if self.profile is None:
            return Level.W
        return self.profile.level(field, stage=stage, conditions=_NOTHING)


def sentences(agency: AgencyProfile) -> list[str]:
    """Return what an agency is told, field by field, and last what it never sees, in words."""
    told, never = [], []
    for name, field in FIELDS.items():
        panel, service = (agency.level(name, stage) for stage in (Stage.PANEL, Stage.SERVICE))
        words = field.words
        if max(panel, service) is Level.W:
            never.append(words)
        elif panel == service:
            told.append(f"{agency.name} sees {words}, {_SAID[panel]}.")
        elif panel is Level.W:
            told.append(f"{agency.name} sees {words} only while it helps, {_SAID[service]}.")
        elif service is Level.W:
            told.append(f"{agency.name} sees {words} only at the panel, {_SAID[panel]}.")
        else:
            told.append(
                f"{agency.name} sees {words}, at the panel {_SAID[panel]}, while it helps {_SAID[service]}."
            )
    return [*told, *(f"{agency.name} never sees {words}." for words in never)]


def cells(agencies: Sequence[AgencyProfile]) -> list[tuple[str, list[str]]]:
    """Return per field its words, and agency by agency what it is told at the panel and while it helps."""
    return [
        (
            field.description,
            [
                SHORT[panel] if panel == service else f"{SHORT[panel]} / {SHORT[service]}"
                for each in agencies
                for panel, service in [(each.level(name, Stage.PANEL), each.level(name, Stage.SERVICE))]
            ],
        )
        for name, field in FIELDS.items()
    ]


def to_csv(agencies: Sequence[AgencyProfile]) -> str:
    """Return the table as comma-separated values (RFC 4180), one line for each field and stage."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["field", "stage", *(harmless(each.code) for each in agencies)])
    for name in FIELDS:
        for stage in Stage:
            writer.writerow([name, stage, *(each.level(name, stage).name for each in agencies)])
    return written.getvalue()


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text
