"""The forms in which a known value may be written: what has to be found in a text. Pure.

INVARIANTS
- A form is pieces of folded letters; how they may be set apart and written is judged where they are found.
- More forms cut more: a form that is also an ordinary turn of phrase says that it needs capitals.
- A value without two letters or digits has no form.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum, auto
from itertools import chain, combinations, permutations, product
from typing import Final, TypeAlias

from gateway.release.narrative.reading import Gap, Reading
from gateway.release.narrative.words import (
    ACRONYMS,
    EVERYDAY,
    GRAMMAR,
    MONTHS,
    ORDINALS,
    SCHOOL_WORDS,
    TITLES,
)


class ValueKind(StrEnum):
    """What a known value is, and so in which forms it is looked for."""

    NAME = "name"
    DATE = "date"
    ADDRESS = "address"
    PLACE = "place"
    PHONE = "phone"
    EMAIL = "email"
    IDENTIFIER = "identifier"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A value that a case holds.

    Attributes:
        kind: NAME is a person's; PLACE a school, a setting or anything else with a name; IDENTIFIER an NHS number, a
            unique pupil number or another number of a register; TEXT any other value, looked for as it stands.
        text: a whole name, given names first, or a single part of one; a date in ISO 8601; an address in one line, or a
            postcode.
        shielded: whether it must not survive in any form.
    """

    kind: ValueKind
    text: str
    shielded: bool = False


class Case(Enum):
    """How a form has to be written to be itself and not an ordinary word."""

    ANY = auto()
    CAPITALS = auto()
    """Each piece begins with a capital."""
    PROPER = auto()
    """One everyday word, used as a name."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which a known value may be written.

    Attributes:
        letters: its letters and digits, folded and in lower case.
        starts: where its pieces begin in ``letters``.
        kind: of the value.
        case: how it has to be written.
        shielded: of the value.
    """

    letters: str
    starts: tuple[int, ...]
    kind: ValueKind
    case: Case
    shielded: bool


Pieces: TypeAlias = tuple[str, ...]
Found: TypeAlias = Iterator[tuple[Pieces, Case]]


@dataclass(frozen=True, slots=True)
class Building:
    """A street or a building of an address.

    Attributes:
        doors: what may stand before its name: the number, and a dwelling within the house with it.
        own: its name, without what kind of street or building it is.
        kinds: the forms of that kind; none where the name has no such end.
        is_locality: whether it is a town or a part of one.
    """

    doors: tuple[Pieces, ...]
    own: Pieces
    kinds: tuple[str, ...]
    is_locality: bool


@dataclass(frozen=True, slots=True)
class Source:
    """One spelling of a known value, taken apart.

    Attributes:
        words: each in its pieces, see ``words_of``.
        buildings: what it names if it is an address.
        day: the date that it is.
        is_told: whether the recipient is told it.
    """

    reading: Reading
    words: Sequence[Pieces]
    buildings: Sequence[Building]
    day: date | None
    shielded: bool
    is_told: bool


COMMON: Final = GRAMMAR | EVERYDAY | MONTHS.keys()
"""Words that a text uses as words."""
BOUND: Final = GRAMMAR | MONTHS.keys() | {"will", "may", "said"}
"""Words that a text cannot do without: where one of them is a name, only its use as a name is cut."""

_TITLES: Final = frozenset((title,) for title in TITLES)
_UMLAUTS: Final = str.maketrans(
    {"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00e5": "aa", "\u00f8": "oe"}
    | {"\u00c4": "Ae", "\u00d6": "Oe", "\u00dc": "Ue", "\u00c5": "Aa", "\u00d8": "Oe"}
)
SAINT: Final = ("st", "saint")
_NUMBER: Final = re.compile(r"[0-9]")
_PIECE: Final = re.compile(r"[^\W_]+")
_COUNTRY: Final = re.compile(r"(?:0{0,2}44)?0?")
_AREA: Final = re.compile(r"2[0-9](?=[0-9]{8}\Z)|1[0-9]{3}(?=[0-9]{6}\Z)")
_DIGITS_OF_A_DATE: Final = ("%d%m%Y", "%Y%m%d", "%d%m%y")
_LEAST_LOCAL: Final = 5
_LEAST_NATIONAL: Final = 6
_LEAST_ACRONYM: Final = 3
_LONGEST_END: Final = 5
"""Generic words at the end of a place's name, counted from the last, that are left out in any combination."""


def spellings(text: str) -> list[str]:
    """The ways to write a text in other letters: capitals may look like other signs than small letters do."""
    if text.isascii():
        return [text]
    return list(dict.fromkeys([text, text.lower(), text.upper(), text.translate(_UMLAUTS)]))


def day_of(value: KnownValue) -> date | None:
    """The day that a value is; absent where it is no date in ISO 8601."""
    try:
        return date.fromisoformat(value.text) if value.kind is ValueKind.DATE else None
    except ValueError:
        return None


def words_of(reading: Reading) -> list[Pieces]:
    """The words of a value, each in the pieces that a hyphen or an apostrophe makes of it; "King's" is one piece."""
    words: list[Pieces] = []
    for run, gap in enumerate(reading.gaps):
        piece = reading.lower[reading.firsts[run] : reading.firsts[run + 1]]
        if gap is Gap.MARK and piece == "s":
            words[-1] = (*words[-1][:-1], f"{words[-1][-1]}s")
        elif gap is Gap.MARK:
            words[-1] = (*words[-1], piece)
        else:
            words.append((piece,))
    return words


def written(piece: str) -> Pieces:
    """A piece of a place's name as people write it: "St" or "Saint", "St James" or "St James's"."""
    if piece in SAINT:
        return SAINT
    if len(piece) > 1 and piece.endswith("s"):
        return piece, (piece.removesuffix("s") if piece.endswith("ss") else f"{piece}s")
    return (piece,)


def name_forms(source: Source) -> Found:
    """A name: the whole, each word, each part of a double-barrelled one, and any two of those together."""
    names = source.words
    if len(names) > 1 and names[0] in _TITLES:
        names = names[1:]
    whole = sum(names, ())
    if len(names) > 1:
        yield whole, Case.CAPITALS if {*whole} <= GRAMMAR else Case.ANY
    parts = [
        [
            name[start:stop]
            for start, stop in combinations(range(len(name) + 1), 2)
            if sum(map(len, name[start:stop])) > 1
        ]
        for name in names
    ]
    for part in chain.from_iterable(parts):
        yield part, Case.PROPER if "".join(part) in COMMON else Case.ANY
    for some, others in permutations(parts, 2):
        for left, right in product(some, others):
            yield (*left, *right), Case.CAPITALS if {*left, *right} <= GRAMMAR else Case.ANY


def initial_forms(source: Source) -> Found:
    """A name with initials: of the given names before the family name, or of the family name after the first.

    Not where the name is told: another person's initials may be the same.
    """
    names = source.words
    if len(names) > 1 and names[0] in _TITLES:
        names = names[1:]
    if len(names) > 1 and not source.is_told:
        *given, family = names
        initials = tuple(name[0][0] for name in given)
        parts = [family[start:stop] for start, stop in combinations(range(len(family) + 1), 2)]
        for last in (part for part in parts if sum(map(len, part)) > 1):
            for many in range(1, len(initials) + 1):
                ordinary = "".join(last) in COMMON or initials[:many] in {("a",), ("i",)}
                yield (*initials[:many], *last), Case.CAPITALS if ordinary else Case.ANY
        yield (*given[0], family[0][0]), Case.CAPITALS


def place_forms(source: Source) -> Found:
    """A place: its whole name, without its generic end or with some of it, and its initials."""
    named = list(source.words[1:] if source.words[:1] == [("the",)] else source.words)
    core = list(named)
    while core and core[-1][0] in SCHOOL_WORDS:
        core.pop()
    own, end = sum(core, ()), named[len(core) :]
    ends = {sum(some, ()) for many in range(len(end) + 1) for some in combinations(end[-_LONGEST_END:], many)}
    for name in product(*map(written, own)):
        for some in ends if {*name} - {*SAINT} else ():
            ordinary = not some and {*name} <= COMMON
            yield (*name, *some), (Case.PROPER if len(own) == 1 else Case.CAPITALS) if ordinary else Case.ANY
    whole = sum(named, ())
    if not core:
        yield whole, Case.PROPER if len(whole) == 1 else Case.CAPITALS
    for named_by in (named, [word for word in named if word[0] not in GRAMMAR]):
        initials = tuple(word[0][0] for word in named_by)
        if len(initials) >= _LEAST_ACRONYM and "".join(initials) not in ACRONYMS:
            yield initials, Case.CAPITALS


def phone_forms(source: Source) -> Found:
    """A telephone number as it is dialled at home and from abroad, and a landline's without its area."""
    digits = "".join(sign for sign in source.reading.lower if sign.isdigit())
    national = _COUNTRY.sub("", digits, count=1)
    if len(national) < _LEAST_NATIONAL:
        yield (digits,), Case.ANY
        return
    if source.reading.text.strip().startswith("+") and not digits.startswith("44"):
        yield (digits,), Case.ANY
        yield (f"00{digits}",), Case.ANY
        return
    for before in ("0", "44", "0044", "440", "00440", ""):
        yield (before + national,), Case.ANY
    area = _AREA.match(national)
    if area:
        yield (national[area.end() :],), Case.ANY


def email_forms(source: Source) -> Found:
    """An e-mail address, its signs written as signs or as words; its first part where that is distinctive."""
    local, _, domain = source.reading.plain.lower().partition("@")
    own, host = tuple(_PIECE.findall(local)), tuple(_PIECE.findall(domain))
    spoken_host = tuple(_PIECE.findall(domain.replace(".", " dot ")))
    yield (*own, *host), Case.ANY
    if not own or not host:
        return
    yield (*own, "at", *spoken_host), Case.ANY
    yield (*own, "at", *host), Case.ANY
    yield (*_PIECE.findall(local.replace(".", " dot ")), "at", *spoken_host), Case.ANY
    if len("".join(own)) >= _LEAST_LOCAL and (len(own) > 1 or _NUMBER.search(local)):
        yield own, Case.ANY


def date_forms(source: Source) -> Found:
    """A date in digits alone, however they are set apart; of a shielded one with its month in letters as well."""
    day = source.day
    if day is None:
        yield sum(source.words, ()), Case.ANY
        return
    for pattern in _DIGITS_OF_A_DATE:
        yield (day.strftime(pattern),), Case.ANY
    days = {f"{day.day}", f"{day.day:02}", *(each for each, number in ORDINALS.items() if number == day.day)}
    days |= {f"{day.day}{end}" for end in ("st", "nd", "rd", "th")}
    months = [month for month, number in MONTHS.items() if number == day.month]
    for each, month in product(days, months) if source.shielded else ():
        yield (each, month), Case.ANY
        yield (each, "of", month), Case.ANY
        yield (month, each), Case.ANY


def whole_form(source: Source) -> Found:
    """A value as it stands."""
    yield sum(source.words, ()), Case.ANY
