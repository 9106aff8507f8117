"""Looking for canaries in everything that left the process in one request.

INVARIANT: nothing is left out of what is searched but what is random: ids that are issued afresh (UUIDs), hashes
    and signatures; and, where asked for, whole narratives that may be there: they repeat other people's canaries by
    design. A receipt is searched as what it opens.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape

from werkzeug.test import TestResponse

from extract_client.log.opening import unpack_opening
from extract_client.log.proof import LogProof
from tests.canary.corpus import Leaf, Sort, squeeze

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HASH = re.compile(r"\b[0-9a-f]{32}(?:[0-9a-f]{32})?\b")
_DIGITS = re.compile(r"\d[\d\s().+/:-]*")
_COUNT = re.compile(r": (\d{3})(?=[,;<\s])")
"""A number of a list of values as a page says it, in words and as a program would get it."""
_LONG = 8
"""Digits from which on a number is looked for inside longer ones too."""


@dataclass
class Seen:
    """What one request said: to the caller and to the log."""

    text: str
    words: str = field(init=False)
    numbers: set[str] = field(init=False)
    runs: str = field(init=False)
    counts: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.text = _HASH.sub(" ", _UUID.sub(" ", self.text))
        self.words = squeeze(self.text)
        joined = ["".join(filter(str.isdigit, run)) for run in _DIGITS.findall(self.text)]
        self.numbers = {*joined, *re.findall(r"\d+", self.text)}
        self.runs = "|".join(joined)
        self.counts = {int(number) for number in re.findall(r"(?<=:)\d{3}(?=[,}])", self.text)}

    def has(self, leaf: Leaf) -> list[bool]:
        """Whether each form of a leaf occurs."""
        return [self._has(form, leaf.sort) for form in leaf.forms]

    def _has(self, form: str, sort: Sort) -> bool:
        match sort:
            case Sort.WORDS:
                return form in self.words
            case Sort.DIGITS:
                return form in self.numbers or (len(form) >= _LONG and form in self.runs)
            case Sort.COUNT:
                return int(form) in self.counts


def everything(answer: TestResponse, logged: str, *, without: Iterable[str] = ()) -> Seen:
    """All bytes of an answer, its headers, and what was logged meanwhile.

    Args:
        without: texts that are taken out of the body first, each wherever it stands as a whole.
    """
    raw = answer.get_data(as_text=True)
    document = json.loads(raw)
    if "receipt" in document:
        receipt = document.pop("receipt")
        raw = raw.replace(json.dumps(receipt), json.dumps(_opened(receipt)))
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    for text in without:
        body = body.replace(json.dumps(text, ensure_ascii=False), '""')
        raw = raw.replace(json.dumps(text, ensure_ascii=False), '""')
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers)
    return Seen(f"{body}\n{raw}\n{headers}\n{logged}")


def everything_of_page(answer: TestResponse, logged: str, *, without: Iterable[str] = ()) -> Seen:
    """All that a page or a file says, its markup and its headers, and what was logged meanwhile.

    Args:
        without: texts that are taken out of it first, each wherever it stands as a whole.
    """
    page = unescape(answer.get_data(as_text=True))
    for text in without:
        page = page.replace(text, "")
    page = _COUNT.sub(r":\1,", page)
    said = re.sub(r"<[^<>]+>", "", page)
    # How long the page is says nothing that the page does not; by chance it is somebody's number.
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers if name != "Content-Length")
    return Seen(f"{page}\n{said}\n{headers}\n{logged}")


def _opened(receipt: str) -> str:
    """Everything that a receipt says in words: the entry, the recipient part and the checkpoint's head."""
    proof = LogProof.parse(receipt)
    opening = unpack_opening(proof.extra)
    origin, size, _ = proof.checkpoint.split("\n", 2)
    return f"{opening.body.decode()} {opening.recipient.decode()} {proof.index} {origin} {size}"
