"""Reading a receipt as a family's printer and their screen reader would."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

VOID: Final = frozenset({"meta", "br", "hr", "img", "link", "input", "source", "base"})
_SENTENCE: Final = re.compile(r"[.:?!]+(?:\s|$)")
_WORD: Final = re.compile(r"[A-Za-z']+")
_VOWELS: Final = re.compile(r"[aeiouy]+")


@dataclass
class Element:
    """One element with what stands in it."""

    name: str
    attributes: dict[str, str | None]
    text: str = ""


class Paper(HTMLParser):
    """A page, element by element; a tag that is not closed in its place is a fault of the page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.declaration = ""
        self._open: list[Element] = []
        self.feed(page)
        self.close()
        assert [] == [element.name for element in self._open]

    def handle_decl(self, decl: str) -> None:
        self.declaration = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self._open.pop().name

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, *names: str) -> list[Element]:
        return [element for element in self.elements if element.name in names]

    def words(self, *names: str) -> list[str]:
        """The text of these elements, white space folded."""
        return [" ".join(element.text.split()) for element in self.all(*names)]

    @property
    def said(self) -> str:
        """Everything that is read out."""
        (body,) = self.words("body")
        return body

    @property
    def style(self) -> str:
        (style,) = self.all("style")
        return style.text


@dataclass(frozen=True)
class Ease:
    """How easily sentences are read."""

    longest: int
    grade: float
    sentences: list[str] = field(default_factory=list)


def ease_of(paragraphs: list[str]) -> Ease:
    """The longest sentence in words, and the Flesch-Kincaid grade of all of them (J. P. Kincaid and others, 1975)."""
    sentences = [part for text in paragraphs for part in _SENTENCE.split(text) if _WORD.search(part)]
    counts = [len(_WORD.findall(sentence)) for sentence in sentences]
    words = [word for sentence in sentences for word in _WORD.findall(sentence)]
    syllables = sum(map(_syllables, words))
    grade = 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59
    return Ease(max(counts), grade, sentences)


def _syllables(word: str) -> int:
    low = word.lower()
    found = len(_VOWELS.findall(low))
    silent = low.endswith("e") and not low.endswith("le")
    return max(1, found - silent)
