"""Sharing profiles as TOML text: reading, writing, and the shipped templates of the 14 kinds.

INVARIANT: reading is strict: an unknown key, field, mark, kind or condition, a missing key, a wrong type and
    two rows for one field and condition each refuse the whole text, naming row and key.
INVARIANT: so does a rule that could never be enforced: a condition that this kind of agency or this field never meets,
    a condition without the ``always`` row that it replaces, and a mark of aggregates or referrals under a condition.
INVARIANT: a text that was written here reads back to an equal profile, and writing that gives the same bytes.
INVARIANT: no error repeats a value of the text.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from typing import Final, TypeVar

from agencies.catalogue import SHIELDED_FIELDS
from agencies.errors import ProfileError
from agencies.model import (
    KINDS_WITHOUT_CASES,
    AgencyCode,
    AgencyKind,
    Condition,
    FieldName,
    Mark,
    Profile,
    ProfileRow,
)
from agencies.shapes import SHAPES

FORMAT: Final = 1
"""The only format of profile text that is read or written."""

_HEADER_KEYS = (
    "format",
    "agency",
    "based_on_kind",
    "version",
    "agreement",
    "assessment",
    "review_on",
    "article6",
    "article9",
)
_ROW_KEYS = ("field", "panel", "service", "when", "reason")
_AGENCY = re.compile(r"[a-z][a-z0-9-]{1,39}")
# UK GDPR Article 6(1)(a) to (f) and Article 9(2)(a) to (j).
_ARTICLE_6 = re.compile(r"6\(1\)\([a-f]\)")
_ARTICLE_9 = re.compile(r"9\(2\)\([a-j]\)|")
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}

_EVERY_FIELD = frozenset(SHAPES)
_MET_BY: Mapping[Condition, tuple[frozenset[AgencyKind], frozenset[FieldName]]] = {
    Condition.ALWAYS: (frozenset(AgencyKind), _EVERY_FIELD),
    Condition.NAMED_WORKER: (frozenset({AgencyKind.EARLY_HELP}), _EVERY_FIELD),
    # Only an item that records a meeting says who attended one.
    Condition.ATTENDED: (frozenset(AgencyKind) - KINDS_WITHOUT_CASES, frozenset({FieldName("minutes")})),
    Condition.HOSTING_REFUGE: (frozenset({AgencyKind.REFUGE}), SHIELDED_FIELDS),
}
"""The kinds of agency that can ever meet a condition, and the fields for which it means anything."""

_Choice = TypeVar("_Choice", bound=StrEnum)


@lru_cache(maxsize=256)
def parse_profile(text: str) -> Profile:
    """The profile that a text describes; kept, since it follows from the text and never changes.

    Raises: ProfileError, naming the row (the first is row 1) and the key at fault.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise ProfileError("the text is not TOML") from None
    _check_keys(table, (*_HEADER_KEYS, "row"), "header")
    rows = table["row"]
    if not isinstance(rows, list):
        raise ProfileError("header: key row must be a list of tables")
    agency = AgencyCode(_matching(table, "agency", _AGENCY))
    kind = _choice(table, "based_on_kind", AgencyKind, "header")
    return Profile(
        agency=agency,
        based_on_kind=kind,
        version=_version(table),
        agreement=_text(table, "agreement", "header"),
        assessment=_text(table, "assessment", "header"),
        review_on=_day(table),
        article6=_matching(table, "article6", _ARTICLE_6),
        article9=_matching(table, "article9", _ARTICLE_9),
        rows=_rows(rows, kind=kind),
    )


def format_profile(profile: Profile) -> str:
    """A profile's text, in the one layout that the templates have."""
    lines = [
        f"format = {FORMAT}",
        f"agency = {_quoted(profile.agency)}",
        f"based_on_kind = {_quoted(profile.based_on_kind)}",
        f"version = {profile.version}",
        f"agreement = {_quoted(profile.agreement)}",
        f"assessment = {_quoted(profile.assessment)}",
        f"review_on = {profile.review_on.isoformat()}",
        f"article6 = {_quoted(profile.article6)}",
        f"article9 = {_quoted(profile.article9)}",
    ]
    for row in profile.rows:
        lines += [
            "",
            "[[row]]",
            f"field = {_quoted(row.field)}",
            f"panel = {_quoted(row.panel)}",
            f"service = {_quoted(row.service)}",
            f"when = {_quoted(row.when)}",
            f"reason = {_quoted(row.reason)}",
        ]
    return "\n".join(lines) + "\n"


def template(kind: AgencyKind) -> Profile:
    """The shipped template of a kind: version 1, its agency is the kind, agreement and assessment are empty.

    Onboarding copies it into the agency's own version 1; a template itself releases nothing.
    """
    return parse_profile(template_text(kind))


def template_text(kind: AgencyKind) -> str:
    """The text of a kind's template, as shipped in agencies/kinds/."""
    return resources.files("agencies").joinpath("kinds", f"{kind}.toml").read_text(encoding="utf-8")


def _rows(tables: list[object], *, kind: AgencyKind) -> tuple[ProfileRow, ...]:
    """Every row in order; two of one field and condition are refused, and what could never be enforced."""
    rows: list[ProfileRow] = []
    seen: set[tuple[FieldName, Condition]] = set()
    for number, table in enumerate(tables, start=1):
        row = _row(table, f"row {number}")
        if (row.field, row.when) in seen:
            raise ProfileError(f"row {number}: keys field and when repeat an earlier row ({row.field})")
        seen.add((row.field, row.when))
        rows.append(row)
    for number, row in enumerate(rows, start=1):
        kinds, fields = _MET_BY[row.when]
        if kind not in kinds or row.field not in fields:
            raise ProfileError(f"row {number}: key when is a condition that is never met here ({row.field})")
        if (row.field, Condition.ALWAYS) not in seen:
            raise ProfileError(f"row {number}: key when has no always row that it replaces ({row.field})")
    return tuple(rows)


def _row(table: object, place: str) -> ProfileRow:
    if not isinstance(table, dict):
        raise ProfileError(f"{place}: must be a table")
    _check_keys(table, _ROW_KEYS, place)
    field = _text(table, "field", place)
    if field not in SHAPES:
        raise ProfileError(f"{place}: key field names no field of the catalogue")
    reason = _text(table, "reason", place)
    if not reason.strip() or "\n" in reason:
        raise ProfileError(f"{place}: key reason must be one line that is not blank")
    row = ProfileRow(
        field=FieldName(field),
        panel=_choice(table, "panel", Mark, place),
        service=_choice(table, "service", Mark, place),
        when=_choice(table, "when", Condition, place),
        reason=reason,
    )
    for key, mark in (("panel", row.panel), ("service", row.service)):
        # An aggregate and a referral ask for no condition.
        if row.when is not Condition.ALWAYS and mark in {Mark.A, Mark.B}:
            raise ProfileError(f"{place}: key {key} is a mark that no condition can give")
    return row


def _check_keys(table: Mapping[str, object], expected: tuple[str, ...], place: str) -> None:
    """Format first, so that a text of another format is told as that; then unknown and missing keys."""
    if "format" in expected and "format" not in table:
        raise ProfileError(f"{place}: key format is missing")
    if "format" in expected and (table["format"] != FORMAT or table["format"] is True):
        raise ProfileError(f"{place}: key format must be {FORMAT}")
    if unknown := sorted(table.keys() - set(expected)):
        known = unknown[0] if re.fullmatch(r"[a-z_0-9]{1,40}", unknown[0]) else "of an odd form"
        raise ProfileError(f"{place}: unknown key {known}")
    if missing := [key for key in expected if key not in table]:
        raise ProfileError(f"{place}: key {missing[0]} is missing")


def _text(table: Mapping[str, object], key: str, place: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise ProfileError(f"{place}: key {key} must be text")
    return value


def _choice(table: Mapping[str, object], key: str, choices: type[_Choice], place: str) -> _Choice:
    value = _text(table, key, place)
    for choice in choices:
        if choice.value == value:
            return choice
    raise ProfileError(f"{place}: key {key} must be one of {', '.join(choices)}")


def _matching(table: Mapping[str, object], key: str, pattern: re.Pattern[str]) -> str:
    value = _text(table, key, "header")
    if not pattern.fullmatch(value):
        raise ProfileError(f"header: key {key} is not of the right form")
    return value


def _version(table: Mapping[str, object]) -> int:
    version = table["version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ProfileError("header: key version must be a whole number from 1")
    return version


def _day(table: Mapping[str, object]) -> date:
    day = table["review_on"]
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ProfileError("header: key review_on must be a date, without a time and without quotes")
    return day


def _quoted(text: str) -> str:
    """A TOML basic string (TOML 1.0, section String)."""
    return '"' + "".join(_escaped(symbol) for symbol in text) + '"'


def _escaped(symbol: str) -> str:
    if symbol in _ESCAPED:
        return _ESCAPED[symbol]
    control = symbol < " " or symbol == "\x7f"
    return f"\\u{ord(symbol):04X}" if control else symbol
