"""Reading a text as a person reads it: one form for every way of writing a letter, and where each stood. Pure.

INVARIANT: every sign of the folded text knows the place in the original that it came from, in order.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_LETTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Latin letters that no decomposition takes apart.
        **dict(zip("øłđıħŧæœßþð", ("o", "l", "d", "i", "h", "t", "ae", "oe", "ss", "th", "d"), strict=True)),
        # Cyrillic and Greek letters that are drawn like Latin ones.
        **dict(zip("авсԁеһіјкмнорԛѕтухԝуԍ", "abcdehijkmhopqstyxwyg", strict=True)),
        **dict(zip("αβεηικνορτυχ", "abenikvoptux", strict=True)),
    }
)
_SIGNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys("\u2018\u2019\u02bc\u0060\u00b4\u2032\uff07\u02bb", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    }
)
"""Every apostrophe and dash as the plain one."""
_AS_LETTERS: Final[dict[int, str]] = {ord(a): b for a, b in zip("0134578@$!|", "oieastbasil", strict=True)}
_WITH_L: Final[dict[int, str]] = {**_AS_LETTERS, ord("1"): "l", ord("!"): "l"}
"""Digits and signs as the letters that they look like; a 1 is an i or an l."""
_TOKEN: Final = re.compile(r"[^\W_](?:[^\W_]|[@$!|](?=[^\W_]))*")
_BROKEN: Final = re.compile(r"(?<=[^\W\d_])-[ \t]*\r?\n[ \t]*(?=[^\W\d_])")


@dataclass(frozen=True, slots=True)
class Token:
    """One word or number of a folded text; ``start`` and ``end`` are places in it."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in small Latin letters without marks, and for each of its signs the place in the original."""

    text: str
    places: Sequence[int]
    original: str

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The places in the original of a piece of the folded text, with the marks that belong to its last letter."""
        last = self.places[end - 1] + 1
        while last < len(self.original) and is_mark(self.original[last]):
            last += 1
        return self.places[start], last

    def is_capital(self, place: int) -> bool:
        """True where the original has a capital."""
        return self.original[self.places[place]].isupper()


def fold(text: str) -> Folded:
    """Return a text as it is read: no capitals, accents, look-alikes, invisible signs or words broken by a line."""
    hidden = {place for found in _BROKEN.finditer(text) for place in range(*found.span())}
    signs: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        if place in hidden or is_mark(sign):
            continue
        for part in unicodedata.normalize("NFKD", sign).casefold():
            for plain in _LETTERS.get(part, _SIGNS.get(part, part)):
                if not is_mark(plain):
                    signs.append(plain)
                    places.append(place)
    return Folded("".join(signs), places, text)


def is_mark(sign: str) -> bool:
    """True for a sign that has no width of its own: an accent, a joiner, a soft hyphen."""
    return unicodedata.category(sign) in {"Mn", "Me", "Cf"}


def tokens_of(folded: str) -> list[Token]:
    """Return the words and numbers of a folded text, in order."""
    return [Token(found[0], *found.span()) for found in _TOKEN.finditer(folded)]


def readings(token: str) -> Iterator[str]:
    """Yield the words that a token can be read as: itself, and with digits for the letters that they look like."""
    yield token
    if not token.isalpha() and any(sign.isalpha() for sign in token):
        yield token.translate(_AS_LETTERS)
        yield token.translate(_WITH_L)


def bare(text: str) -> str:
    """Return what is left of a text when nothing but the shape of its letters and digits counts."""
    folded = fold(text).text.translate(_WITH_L).replace("i", "l")
    return "".join(sign for sign in folded if sign.isalnum())
