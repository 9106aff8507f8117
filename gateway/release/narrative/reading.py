"""What is written in a text, beneath spacing, accents, look-alike signs and punctuation. Pure.

INVARIANTS
- Every letter of a reading knows its run (an unbroken row of letters and digits), and every run its place in the text.
- Accents, soft hyphens and other signs that nobody sees are read over; a cut at their run takes them with it.
- The neutral noun is a wall: nothing is read across it, and nothing in it is read.
- No step is longer than the text.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto
from itertools import accumulate, pairwise
from typing import Final

NOUN: Final = "[detail]"
"""The one neutral noun that stands for whatever was cut."""

_WALL: Final = "\ue000"  # of the private use area: it means nothing in any text
_UNSEEN: Final = frozenset("\u115f\u1160\u3164\uffa0")  # letters by their category, blank on paper


class Gap(Enum):
    """What stands between two runs."""

    EDGE = auto()
    """The beginning of the text."""
    MARK = auto()
    """Signs without a space: a hyphen, an apostrophe, a full stop."""
    HYPHEN = auto()
    """A hyphen at the end of a line."""
    SPACE = auto()
    """Spaces, perhaps with signs that join: a dash, an apostrophe."""
    BREAK = auto()
    """The end of a line."""
    COMMA = auto()
    """Spaces and punctuation within a sentence."""
    STOP = auto()
    """The end of a sentence or of a paragraph."""
    WALL = auto()
    """Something that was cut."""


_GAP: Final = re.compile(
    rf"(?P<WALL>.*{_WALL})|(?P<MARK>\S+\Z)|(?P<HYPHEN>-[^\S\n]*\n\s*\Z)|(?P<STOP>.*[.!?:\u2022]|.*\n\s*\n)"
    r"|(?P<COMMA>.*[,;()\[\]{}<>|\"\u201c\u201d])|(?P<BREAK>.*\n)|(?P<SPACE>.*)",
    re.DOTALL,
)
_NOT_PLAIN: Final = re.compile(r"[^\x00-\x7f]|`")
_RUN: Final = re.compile(r"[^\W_]+")
_CASELESS: Final = r"[\u0590-\u109f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff]"
_EDGE: Final = re.compile(
    rf"(?<=[a-z])(?=[A-Z])|(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)|(?<={_CASELESS})|(?={_CASELESS})"
)
_NUMERAL: Final = re.compile(r"(?<![^\W_])(?=[oOlI]*[0-9])[0-9oOlI]+(?![^\W_])")
_TO_DIGITS: Final = str.maketrans("oOlI", "0011")
SKELETON: Final = str.maketrans("i0134578", "loleastb")
"""What digits and letters that are taken for each other have in common."""
_ASCII: Final = "".join(map(chr, range(128)))
_SKELETON: Final = _ASCII.lower().translate(SKELETON).encode() + bytes(range(128, 256))
_BETWEEN_RUNS: Final = "".join(_RUN.split(_ASCII)).encode()
"""What of ASCII is in no run of letters and digits."""

_TAKEN_FOR: Final = (
    # Cyrillic capitals: they may look like other Latin letters than their small ones do.
    (
        "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408\u04c0",
        "ABEKMHOPCTYXSIJI",
    ),
    # Cyrillic small letters.
    (
        "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458\u04cf\u04bb\u0501\u051b\u051d\u0475\u04af\u043f\u0433",
        "abekmhopctyxsijlhdqwvynr",
    ),
    # Greek.
    (
        "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
        "ABEZHIKMNOPTYX",
    ),
    (
        "\u03b1\u03b2\u03b3\u03b5\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03c9\u03f2\u03f3\u03c2",
        "abyenikvoptuxwcj\u03c3",
    ),
    # Armenian.
    ("\u0585\u0578\u057d\u0570\u0581\u0566\u0575", "onuhgqj"),
    # Latin letters that Unicode does not take apart.
    (
        "\u0142\u0141\u00f8\u00d8\u0111\u0110\u0127\u0126\u0167\u0166\u00f0\u00d0\u0131\u0237\u0251\u0261\u0269\u0180\u0268\u0275\u0289\u0259\u0138\u014b",
        "lLoOdDhHtTdDijagibiouekn",
    ),
    # Latin small capitals.
    (
        "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22",
        "abcdefghijklmnoprstuvwyz",
    ),
    # Apostrophes, some of them letters by their category.
    ("\u2018\u2019\u02bc\u02bb\u02b9\u02bd\u02c8\u2032`\u00b4", "''''''''''"),
    # Dashes.
    ("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043", "--------"),
)
_LETTERS: Final = {
    **{
        ord(sign): letter
        for signs, letters in _TAKEN_FOR
        for sign, letter in zip(signs, letters, strict=True)
    },
    0xDF: "ss",
    0x1E9E: "SS",
    0xE6: "ae",
    0xC6: "AE",
    0x153: "oe",
    0x152: "OE",
    0xFE: "th",
    0xDE: "Th",
}
"""The Latin letters that a sign is read as."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it is read.

    Attributes:
        text: the text itself.
        plain: the text folded to plain letters; runs of digits and what is taken for digits are digits.
        opens: for each run where it begins in ``plain``.
        closes: for each run where it ends in ``plain``.
        bounds: for each run where it begins and ends in the text.
        gaps: for each run what stands before it.
        near: the same, but only what stands on this side of a wall.
        letters: the folded letters and digits of all runs, one after the other.
        lower: the same in lower case, letter for letter.
        skeleton: the same, digits and letters that are taken for each other made one.
        runs: for each letter the number of its run.
        firsts: for each run the place of its first letter.
        edges: the places of letters where a word may begin, or end just before.
    """

    text: str
    plain: str
    opens: list[int]
    closes: list[int]
    bounds: list[tuple[int, int]]
    gaps: list[Gap]
    near: list[Gap]
    letters: str
    lower: str
    skeleton: str
    runs: list[int]
    firsts: list[int]
    edges: set[int]


def skeleton_of(text: str) -> str | None:
    """Return the skeleton of a reading without the rest of it; absent: the text holds signs that have to be folded first."""
    if not text.isascii():
        return None
    return text.replace(NOUN, "").encode().translate(_SKELETON, _BETWEEN_RUNS).decode()


def read(text: str) -> Reading:
    """Return the reading of a text.

    Words begin and end where runs do, where digits meet letters, where a capital follows a small letter, and anywhere
    in a script without capitals, which may write words without a space.
    """
    # 1. Fold each sign that is not plain; one that holds letters and something else, as "(1)" in one sign, is its letters.
    walled = text.replace(_WALL, " ").replace(NOUN, _WALL * len(NOUN))
    signs: list[str] = []
    places: list[int] = []
    done = 0
    for sign in _NOT_PLAIN.finditer(walled):
        pieces = unicodedata.normalize("NFKD", sign[0].translate(_LETTERS)).translate(_LETTERS)
        seen = [
            str(unicodedata.decimal(piece, piece))
            for piece in pieces
            if unicodedata.category(piece) not in {"Mn", "Mc", "Me", "Cf"} and piece not in _UNSEEN
        ]
        folded = [piece for piece in seen if piece.isalnum()] or seen
        signs += [walled[done : sign.start()], *folded]
        places += [*range(done, sign.start()), *[sign.start()] * len(folded)]
        done = sign.end()
    plain = "".join([*signs, walled[done:]])
    places += range(done, len(text) + 1)

    # 2. Find the runs and what stands before each.
    spans = [run.span() for run in _RUN.finditer(plain)]
    between = [plain[left:right] for (_, left), (right, _) in pairwise([(0, 0), *spans])]
    kinds = {
        gap: Gap[kind.lastgroup]
        for gap in {*between, *(gap.rpartition(_WALL)[2] for gap in between)}
        if (kind := _GAP.match(gap)) and kind.lastgroup
    }
    gaps = [kinds[gap] for gap in between]
    near = [kinds[gap.rpartition(_WALL)[2]] for gap in between]
    if spans and gaps[0] is not Gap.WALL:
        gaps[0] = near[0] = Gap.EDGE

    # 3. Lay their letters end to end.
    words = [plain[opens:closes] for opens, closes in spans]
    letters = "".join(words)
    firsts = list(accumulate(map(len, words), initial=0))
    lower = letters.lower()
    return Reading(
        text=text,
        plain=_NUMERAL.sub(lambda numeral: numeral[0].translate(_TO_DIGITS), plain),
        opens=[opens for opens, _ in spans],
        closes=[closes for _, closes in spans],
        bounds=[(places[opens], places[closes]) for opens, closes in spans],
        gaps=gaps,
        near=near,
        letters=letters,
        lower=lower,
        skeleton=lower.translate(SKELETON),
        runs=[run for run, word in enumerate(words) for _ in word],
        firsts=firsts,
        edges={*firsts, *(edge.start() for edge in _EDGE.finditer(letters))},
    )
