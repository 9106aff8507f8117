"""Cut what a recipient is not told out of free text: a case's own values, and what looks like an identifier. Pure.

INVARIANTS
- Whatever is cut becomes the same noun, so that what was there cannot be told from it.
- The same text and values give the same result, and a cut says which rule made it, never what was cut.
- Cutting twice changes nothing, and more values to withhold never let more of a text through.
- Of a text without such a value or identifier not a byte changes.

What it cannot catch is written down in ``docs/redaction.md``: descriptions, nicknames, misspellings.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import islice, pairwise, product
from typing import Final

from agencies.errors import IdentifierError
from agencies.identifiers import nhs_number, upn
from gateway.release.folding import Folded, Token, bare, fold, readings, tokens_of
from gateway.release.ordinary import (
    MODAL,
    MONTHS,
    ORDINALS,
    ORDINARY,
    PARTICLES,
    PLACE_WORDS,
    PRONOUNS,
    STREETS,
)

NOUN: Final = "[detail]"
"""What stands for whatever was cut."""

_LEAST: Final = 2
_MOST_SPELLINGS: Final = 64
_GAP: Final = re.compile(r"[\s,.'\-/()_&]{0,4}")
"""What may stand between the words of one value."""
_BETWEEN_CUTS: Final = re.compile(r"[ \t.'\u2019\-]{0,2}")
_SPELT: Final = re.compile(r"(?<![^\W_])[^\W\d_](?:[ .\-_*·|/]{1,3}[^\W\d_](?![^\W_])){2,}")
"""A word whose letters stand apart."""
_NUMBER: Final = re.compile(r"(?<![\w+])(?:\+|00)?\(?\d(?:[ \t.()\-/]{0,3}\d){5,17}(?!\w)")
_NHS: Final = re.compile(r"(?<![\w+])\d{3}([ \-.]?)\d{3}\1?\d{4}(?!\w)")
_UPN: Final = re.compile(r"(?<!\w)[a-z](?:[ \-./]?\d){11}[ \-./]?[a-z\d](?!\w)")
_NINO: Final = re.compile(
    r"(?<!\w)(?!bg|gb|kn|nk|nt|tn|zz)[a-ceghj-pr-tw-z][a-ceghj-npr-tw-z](?:[ \-.]{0,2}\d{2}){3}[ \-.]{0,2}[a-d](?!\w)"
)
_POSTCODE: Final = re.compile(
    r"(?<!\w)(?:gir|[a-pr-uwyz](?:\d{1,2}|[a-hk-y]\d[\dabehmnprv-y]?|\d[a-hjkps-uw]))[ \-.]{0,3}\d[abd-hjlnp-uw-z]{2}(?!\w)"
)
_EMAIL: Final = re.compile(
    r"(?<!\w)[\w.+\-]{1,64}(?:\s?@\s?|\s?[(\[]at[)\]]\s?|\sat\s)[a-z\d\-]+(?:(?:\s?\.\s?|\s?[(\[]dot[)\]]\s?|\sdot\s)[a-z\d\-]+)+"
)
_WRITTEN_EMAIL: Final = re.compile(r"@|[(\[]at[)\]]|\sdot\s")
_NUMERIC_DATE: Final = re.compile(
    r"(?<![\w/.\-])(?:(?P<y>\d{4})\s?[./\-]\s?(?P<m>\d{1,2})\s?[./\-]\s?(?P<d>\d{1,2})"
    r"|(?P<d2>\d{1,2})\s?[./\-\s]\s?(?P<m2>\d{1,2})\s?[./\-\s]\s?'?(?P<y2>\d{4}|\d{2})"
    r"|(?P<d3>\d{1,2})/(?P<m3>\d{1,2}))(?![\w/])"
)
_DAY: Final = r"(?:\d{1,2}(?:\s?(?:st|nd|rd|th))?|" + "|".join(sorted(ORDINALS, key=len, reverse=True)) + ")"
_MONTH: Final = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\.?"
_YEAR: Final = r"(?:'?\d{2}(?!\d)|\d{4})"
_WORDED_DATE: Final = re.compile(
    rf"(?<!\w)(?:(?P<d>{_DAY})(?:\s+day)?(?:\s+of)?[\s\-]*(?P<m>{_MONTH})(?:[\s,\-]+(?P<y>{_YEAR}))?"
    rf"|(?P<m2>{_MONTH})[\s\-]+(?:the\s+)?(?P<d2>{_DAY})(?:(?:\s*,\s*|\s+)(?P<y2>{_YEAR}))?"
    rf"|(?P<m3>{_MONTH})[\s,\-]+(?:of\s+)?(?P<y3>\d{{4}}))(?!\w)"
)


class ValueKind(StrEnum):
    """What sort of value is known."""

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
    """One value of the case's record.

    Attributes:
        text: of a name the whole or a part, of a date ISO 8601, of an address one line or the postcode.
        shielded: it must not survive in any form.
    """

    kind: ValueKind
    text: str
    shielded: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of the original text that was cut: from ``start`` up to, not including, ``end``, and by which rule."""

    start: int
    end: int
    rule: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """A text as it may go, and what was cut from it."""

    text: str
    cuts: tuple[Cut, ...]


class Redactor:
    """What one recipient is not told of one case, made ready for many texts."""

    def __init__(self, withheld: Iterable[KnownValue], *, told: Iterable[KnownValue] = ()) -> None:
        """Make it ready.

        Args:
            withheld: what is cut.
            told: what the recipient has anyway: it is not cut, unless it is shielded.
        """
        values, known = list(withheld), list(told)
        told_names = {part for each in known if each.kind is ValueKind.NAME for part in _parts(each.text)}
        self._told = {_plain(each) for each in known}
        self._words: set[str] = set()
        self._phrases: dict[str, set[tuple[tuple[str, ...], ValueKind]]] = {}
        self._initials: set[tuple[str, str]] = set()
        self._dates: set[tuple[int, int, int]] = set()
        self._plain: dict[str, ValueKind] = {}
        self._acronyms: set[str] = set()
        for each in values:
            if _plain(each) in self._told and not each.shielded:
                continue
            if each.kind is ValueKind.NAME:
                self._add_name(each.text, told_names if not each.shielded else set())
            elif each.kind is ValueKind.DATE:
                self._dates.add(_date_of(each.text))
            elif each.kind is ValueKind.ADDRESS:
                self._add_address(each)
            elif each.kind in {ValueKind.PLACE, ValueKind.TEXT}:
                self._add_place(each)
            else:
                self._plain[_plain(each)] = each.kind
        self._shielded = {
            bare("".join(part))
            for each in values
            if each.shielded
            for words in _spellings([token.text for token in tokens_of(fold(each.text).text)])
            for part in (words, _street(words) if each.kind is ValueKind.ADDRESS else ())
        } - {""}

    def redact(self, text: str) -> Redaction:
        """Return a text without what is withheld."""
        folded = fold(text)
        spoken = [found.span() for found in re.finditer(re.escape(NOUN), text)]
        found = [
            Cut(*folded.span(cut.start, cut.end), cut.rule)
            for cut in self._found(folded)
            if cut.start < cut.end
        ]
        free = [cut for cut in found if not any(cut.start < end and start < cut.end for start, end in spoken)]
        cuts = _merged(sorted(free, key=lambda cut: (cut.start, -cut.end, cut.rule)), text)
        left, at = [], 0
        for cut in cuts:
            left += [text[at : cut.start], NOUN]
            at = cut.end
        return Redaction("".join([*left, text[at:]]), cuts)

    def survives(self, text: str) -> bool:
        """True when a shielded value can still be recognised, however its letters and digits are set apart or drawn."""
        squeezed = bare(text)
        words = [bare(token.text) for token in tokens_of(fold(text).text)]
        runs = {"".join(words[at : at + length]) for at in range(len(words)) for length in (1, 2, 3)}
        return any(value in (squeezed if len(value) > _SHORT else runs) for value in self._shielded)

    def _found(self, folded: Folded) -> Iterator[Cut]:
        """Every piece of the folded text that must go, by its places there."""
        tokens = tokens_of(folded.text)
        yield from self._in_words(folded, tokens)
        yield from self._in_phrases(folded, tokens)
        yield from self._spelt(folded)
        yield from self._in_dates(folded)
        yield from self._in_numbers(folded)
        yield from self._patterns(folded)

    def _in_words(self, folded: Folded, tokens: Sequence[Token]) -> Iterator[Cut]:
        """Parts of names, and a name's initial before or behind them."""
        for place, token in enumerate(tokens):
            word = next((each for each in readings(token.text) if each in self._words), None)
            if word is None or (word in ORDINARY and not _is_meant(folded, tokens, place)):
                continue
            yield self._with_initial(folded, tokens, place, place)

    def _with_initial(self, folded: Folded, tokens: Sequence[Token], first: int, last: int) -> Cut:
        """The cut of the words of a name, and of the given name's initial before or behind them."""
        start, end = tokens[first].start, tokens[last].end
        before = tokens[first - 1] if first else None
        after = tokens[last + 1] if last + 1 < len(tokens) else None
        name = tokens[first].text
        if (
            before
            and (before.text, name) in self._initials
            and folded.text[before.end : start].strip() in {"", "."}
        ):
            start = before.start
        if after and (after.text, name) in self._initials and folded.text[end : after.start].strip() == ",":
            end = after.end
        return Cut(start, end, "known:name")

    def _in_phrases(self, folded: Folded, tokens: Sequence[Token]) -> Iterator[Cut]:
        """Values of several words, whatever stands between them."""
        for place, token in enumerate(tokens):
            written = folded.original[slice(*folded.span(token.start, token.end))]
            if written in self._acronyms:
                yield Cut(token.start, token.end, "known:place")
            for first in readings(token.text):
                for words, kind in self._phrases.get(first, ()):
                    last = _matched(folded.text, tokens, place, words)
                    if last is not None and (
                        len(words) > 1 or words[0] not in ORDINARY or _is_meant(folded, tokens, place)
                    ):
                        cut = self._with_initial(folded, tokens, place, last)
                        yield (
                            cut
                            if kind is ValueKind.NAME
                            else Cut(token.start, tokens[last].end, f"known:{kind}")
                        )

    def _spelt(self, folded: Folded) -> Iterator[Cut]:
        """Words whose letters stand apart."""
        known = self._words | {"".join(words) for group in self._phrases.values() for words, _ in group}
        for found in _SPELT.finditer(folded.text):
            letters = "".join(sign for sign in found[0] if sign.isalpha())
            if any(len(word) > _LEAST and word in letters for word in known):
                yield Cut(*found.span(), "known:name")

    def _in_dates(self, folded: Folded) -> Iterator[Cut]:
        """A known day in any usual form; without its year, where day and month are those of one."""
        for pattern in (_NUMERIC_DATE, _WORDED_DATE) if self._dates else ():
            for found in pattern.finditer(folded.text):
                parts = {name[0]: held for name, held in found.groupdict().items() if held}
                if any(_is_day(parts, day) for day in self._dates):
                    yield Cut(*found.span(), "known:date")

    def _in_numbers(self, folded: Folded) -> Iterator[Cut]:
        """Known numbers with anything usual between their digits, and known addresses of e-mail."""
        for found in _NUMBER.finditer(folded.text):
            digits = _national("".join(sign for sign in found[0] if sign.isdigit() or sign == "+"))
            if digits in self._plain:
                yield Cut(*found.span(), f"known:{self._plain[digits]}")
        for pattern in (_UPN, _EMAIL):
            for found in pattern.finditer(folded.text):
                plain = _email(found[0]) if pattern is _EMAIL else re.sub(r"[ \-./]", "", found[0])
                if plain in self._plain:
                    yield Cut(*found.span(), f"known:{self._plain[plain]}")

    def _patterns(self, folded: Folded) -> Iterator[Cut]:
        """What looks like an identifier, known or not, unless the recipient is told it anyway."""
        for rule, pattern in _PATTERNS.items():
            for found in pattern.finditer(folded.text):
                if _holds(rule, found[0]) and _normal(rule, found[0]) not in self._told:
                    yield Cut(*found.span(), f"pattern:{rule}")

    def _add_name(self, name: str, told: set[str]) -> None:
        words = [token.text for token in tokens_of(fold(name).text)]
        self._words |= _parts(name) - told
        for first in range(len(words) - 1):
            if not told.issuperset(words[first:]):
                self._add_phrase(words[first:], ValueKind.NAME)
        self._initials |= {(words[0][0], word) for word in words[1:] if words[-1] not in told}

    def _add_address(self, value: KnownValue) -> None:
        """A line, its street alone, and of a shielded postcode the district."""
        words = [token.text for token in tokens_of(fold(value.text).text)]
        if len(words) == 1 and not value.shielded and words[0].isalpha():
            return  # a town alone: nobody lives at it
        for spelling in _spellings(words):
            self._add_phrase(spelling, value.kind)
            street = _street(spelling)
            if street and (street[-1] in STREETS or value.shielded):
                self._add_phrase(street, value.kind)
        if value.shielded and _POSTCODE.fullmatch(fold(value.text).text):
            self._add_phrase(["".join(words)[:-3]], value.kind)

    def _add_place(self, value: KnownValue) -> None:
        """A name, and the same without what kind of place it is."""
        words = [token.text for token in tokens_of(fold(value.text).text)]
        for spelling in _spellings(words):
            self._add_phrase(spelling, value.kind)
        core = list(words)
        while value.kind is ValueKind.PLACE and core and core[-1] in PLACE_WORDS:
            core.pop()
            self._add_phrase(core, value.kind)
        if value.kind is ValueKind.PLACE and len(words) > _LEAST:
            self._acronyms.add("".join(word[0] for word in words).upper())

    def _add_phrase(self, words: Sequence[str], kind: ValueKind) -> None:
        if words and not (len(words) == 1 and len(words[0]) < _LEAST):
            self._phrases.setdefault(words[0], set()).add((tuple(words), kind))
            if len(words) > 1:
                joined = "".join(words)
                self._phrases.setdefault(joined, set()).add(((joined,), kind))


_SHORT: Final = 5
"""A value of so few signs at most is recognised as one to three whole words; within a word it may be chance."""

_PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    "nhs_number": _NHS,
    "upn": _UPN,
    "nino": _NINO,
    "postcode": _POSTCODE,
    "phone": _NUMBER,
    "email": _EMAIL,
}


def _parts(name: str) -> set[str]:
    """The parts of a name that are cut on their own; a particle is none, and both halves of a double name are."""
    words = [token.text for token in tokens_of(fold(name).text)]
    joined = {"".join(pair) for pair in pairwise(words) if len(pair[0]) < _LEAST}
    return {word for word in words if len(word) >= _LEAST and word not in PARTICLES} | joined


def _is_meant(folded: Folded, tokens: Sequence[Token], place: int) -> bool:
    """True where an everyday word that is also a name is the name: it has a capital that no sentence gave it.

    A sentence's first word is taken for the name, too, unless it is a verb before its pronoun ("Will you").
    """
    token = tokens[place]
    if not folded.is_capital(token.start):
        return False
    before = folded.text[: token.start].rstrip(" \t\"'([*-")
    if before and before[-1] not in ".!?:;\n":
        return True
    if len(token.text) <= _LEAST:
        return False
    after = tokens[place + 1].text if place + 1 < len(tokens) else ""
    return not (token.text in MODAL and after in PRONOUNS)


def _matched(text: str, tokens: Sequence[Token], place: int, words: Sequence[str]) -> int | None:
    """The place of the token that ends these words, which begin at ``place``; absent: they do not stand there."""
    for offset, word in enumerate(words):
        at = place + offset
        if at >= len(tokens) or word not in {*readings(tokens[at].text)}:
            return None
        if offset and not _GAP.fullmatch(text, tokens[at - 1].end, tokens[at].start):
            return None
    return place + len(words) - 1


def _spellings(words: Sequence[str]) -> list[list[str]]:
    """The words of a line in every way of writing a kind of street and a genitive."""
    whole: list[str] = []
    for word in words:
        if word == "s" and whole:
            whole[-1] += word  # St John's Road, St Johns Road
        else:
            whole.append(word)
    ways = (product(*((word, *STREETS.get(word, ())) for word in each)) for each in (words, whole))
    return [list(way) for each in ways for way in islice(each, _MOST_SPELLINGS)]


def _street(words: Sequence[str]) -> list[str]:
    """The words of a line without its numbers, where several are left."""
    street = [word for word in words if word.isalpha()]
    return street if len(street) > 1 else []


def _date_of(text: str) -> tuple[int, int, int]:
    day = date.fromisoformat(text)
    return day.year, day.month, day.day


def _is_day(parts: Mapping[str, str], day: tuple[int, int, int]) -> bool:
    """True where what was written is that day: a year of two digits is one of its century, an absent one is any."""
    year, month, number = day
    said = parts["m"].rstrip(".")
    if (MONTHS[said] if said in MONTHS else int(said)) != month:
        return False
    if "y" in parts and parts["y"].lstrip("'") not in {f"{year}", f"{year % 100:02d}"}:
        return False
    if "d" not in parts:
        return True
    written = parts["d"]
    spoken = ORDINALS.get(written)
    return (int(re.sub(r"\D", "", written)) if spoken is None else spoken) == number


def _national(number: str) -> str:
    """The digits of a telephone number after its country's and its area's nought."""
    plain = re.sub(r"\D", "", number)
    if number.startswith(("+", "00")):
        plain = plain.removeprefix("00").removeprefix("44")
    return plain.removeprefix("0")


def _email(written: str) -> str:
    said = re.sub(r"\s?[(\[]at[)\]]\s?|\sat\s|\s?@\s?", "@", written)
    return re.sub(r"\s?[(\[]dot[)\]]\s?|\sdot\s|\s?\.\s?", ".", said).strip(".")


def _plain(value: KnownValue) -> str:
    """One form of a value, for comparing."""
    text = fold(value.text).text
    match value.kind:
        case ValueKind.PHONE:
            return _national(text)
        case ValueKind.EMAIL:
            return _email(text)
        case ValueKind.DATE:
            return text
    return re.sub(r"[\W_]", "", text)


def _normal(rule: str, written: str) -> str:
    """What was found as ``_plain`` has it."""
    if rule == "phone":
        return _national(written)
    return _email(written) if rule == "email" else re.sub(r"[\W_]", "", written)


def _holds(rule: str, written: str) -> bool:
    """True where what was found is what its rule says, by its check digit where it has one."""
    plain = re.sub(r"[\W_]", "", written)
    try:
        if rule == "nhs_number":
            nhs_number(plain, synthetic=plain.startswith("999"))
        elif rule == "upn":
            upn(plain.upper())
    except IdentifierError:
        return False
    if rule == "phone":
        return bool(re.fullmatch(r"(?:(?:\+|00)44\d{9,11}|0\d{9,10})", re.sub(r"[^\d+]", "", written)))
    return rule != "email" or bool(_WRITTEN_EMAIL.search(written))


def _merged(cuts: Sequence[Cut], text: str) -> tuple[Cut, ...]:
    """The cuts in order, those that touch or have no word between them as one, by the first one's rule."""
    merged: list[Cut] = []
    for cut in cuts:
        last = merged[-1] if merged else None
        if last is not None and (cut.start <= last.end or _joins(text[last.end : cut.start])):
            merged[-1] = Cut(last.start, max(last.end, cut.end), last.rule)
        else:
            merged.append(cut)
    return tuple(merged)


def _joins(between: str) -> bool:
    """True where nothing that can be read stands between two cuts; a full stop ends a sentence."""
    return bool(_BETWEEN_CUTS.fullmatch(between)) and ". " not in between
