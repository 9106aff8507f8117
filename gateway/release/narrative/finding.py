"""Where a form of a known value stands in a text, and whether it stands there as itself. Pure.

INVARIANTS
- A form begins and ends where words do. How its words are set apart is judged piece by piece.
- What is judged by its neighbours says which runs those are: once they are cut, it is judged again.
- A walk takes no more steps than the longest form has letters, from each place where a word begins.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from gateway.release.narrative.known import BOUND, COMMON, Case, Form, ValueKind
from gateway.release.narrative.reading import SKELETON, Gap, Reading
from gateway.release.narrative.words import (
    BEFORE_A_MONTH,
    COMPOUNDS,
    GRAMMAR,
    MONTHS,
    ORDINALS,
    ORDINARY_NEXT,
    VERBAL,
)

_LEAST_SPACED: Final = 3
"""Letters of a word that may be set apart at all."""
_LEAST_BROKEN: Final = 5
"""Letters of a word that a space may break once; fewer are too often two words."""
_LEAST_LOOSELY: Final = 4
_LEAST_INSIDE: Final = 8
"""Letters of a form that is itself within a longer word."""
_PLURALS: Final = ("s", "es")
_LENGTHS_OF_A_YEAR_OR_DAY: Final = frozenset({1, 2, 4})
_JOINING: Final = frozenset({Gap.MARK, Gap.HYPHEN})
_PARTING: Final = frozenset({Gap.COMMA, Gap.STOP})
_SAME_LINE_OR_NEXT: Final = frozenset({Gap.SPACE, Gap.BREAK})
_BEGINNING: Final = frozenset({Gap.EDGE, Gap.STOP, Gap.BREAK})


class Hit(NamedTuple):
    """A row of letters that may be a form: from ``start`` to before ``end``."""

    form: Form
    start: int
    end: int


@dataclass(slots=True)
class Node:
    """A place in the tree of all forms: what may follow, and the forms that end here."""

    after: dict[str, "Node"] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)


def plant(root: Node, form: Form) -> None:
    """Put a form into a tree, once."""
    node = root
    for letter in form.letters.translate(SKELETON):
        node = node.after.setdefault(letter, Node())
    if form not in node.forms:
        node.forms.append(form)


def walk(root: Node, reading: Reading) -> list[Hit]:
    """Return every row of letters that begins where a word does and has the skeleton of a form."""
    hits = []
    for start in sorted(reading.edges):
        node: Node | None = root
        for place in range(start, len(reading.skeleton)):
            node = node.after.get(reading.skeleton[place]) if node else None
            if node is None:
                break
            hits += [Hit(form, start, place + 1) for form in node.forms]
    return hits


def is_spelt(reading: Reading, hit: Hit) -> bool:
    """True when the letters are the form's, or signs that are taken for them, fewer than half of them digits for letters.

    A small l is taken for a capital I only where one may stand, or "all" would be "Ali". An initial is itself: "May I".
    """
    form, start, end = hit
    initials = {left for left, right in pairwise((*form.starts, len(form.letters))) if right - left == 1}
    swaps = 0
    for place, (low, known) in enumerate(zip(reading.lower[start:end], form.letters, strict=True)):
        if low == known:
            continue
        seen = reading.letters[start + place]
        if low.isdigit() is not known.isdigit():
            swaps += 1
        elif place in initials or not (seen == "I" or (seen == "l" and place in form.starts)):
            return False
    return swaps * 2 < len(form.letters)


def is_whole(reading: Reading, hit: Hit) -> bool:
    """True when a word ends where the form does, or after the s of "the Smiths"; "has" is not two of "Ha"."""
    form, start, end = hit
    if end in reading.edges:
        return True
    ends = [end + len(ending) for ending in _PLURALS if reading.lower.startswith(ending, end)]
    return form.kind is ValueKind.NAME and any(
        stop in reading.edges and reading.lower[start:stop] not in COMMON for stop in ends
    )


def joints_hold(reading: Reading, hit: Hit) -> bool:
    """True when nothing between the form's pieces takes them apart.

    A name is one within a sentence, except for the full stop of an initial. Anything else may run over commas.
    """
    form, start, end = hit
    for run in range(reading.runs[start] + 1, reading.runs[end - 1] + 1):
        gap, place = reading.gaps[run], reading.firsts[run] - start
        after_initial = gap is Gap.STOP and place - 1 in form.starts
        parts = form.kind is ValueKind.NAME and gap in _PARTING and not after_initial
        if gap is Gap.WALL or (parts and place in form.starts):
            return False
    return True


def words_hold(reading: Reading, hit: Hit, *, loosely: bool = False) -> bool:
    """True when each piece of the form is one word, though it may be set apart.

    By signs ("S.a.rah"), at the end of a line, letter by letter ("S a r a h"), or by a space where what it makes are not
    words themselves: "Sa rah", but not "has an" for Hasan. A number may be set apart anywhere.

    Args:
        loosely: for the last gate: shorter words, and across sentences.
    """
    form, start, end = hit
    runs = range(reading.runs[start] + 1, reading.runs[end - 1] + 1)
    gaps = {reading.firsts[run] - start: reading.gaps[run] for run in runs}
    for begin, stop in pairwise((*form.starts, len(form.letters))):
        inside = [place for place in gaps if begin < place < stop]
        word, kinds = form.letters[begin:stop], {gaps[place] for place in inside}
        pieces = {word[left - begin : right - begin] for left, right in pairwise((begin, *inside, stop))}
        spaced = len(word) >= _LEAST_SPACED and (len(inside) == len(word) - 1 or kinds <= _JOINING)
        broken = len(word) >= (_LEAST_LOOSELY if loosely else _LEAST_BROKEN) and not pieces <= COMMON
        apart = bool(kinds & _PARTING) and not loosely
        if inside and not (spaced or (broken and not apart) or any(map(str.isdigit, word))):
            return False
    return True


def is_everyday(reading: Reading, hit: Hit) -> bool:
    """True when what stands here may be an everyday word: it is spelt like one, and without any disguise.

    Of a shielded value only words that no text can do without: a gap for each "will" would tell the name.
    """
    form, start, end = hit
    run = reading.runs[start]
    opens, closes = reading.bounds[run]
    is_disguised = (
        reading.runs[end - 1] != run
        or reading.lower[start:end] != form.letters
        or not reading.text[opens:closes].isascii()
    )
    open_to_doubt = not form.shielded or form.letters in BOUND
    return form.case is Case.PROPER and open_to_doubt and not is_disguised


def has_capitals(reading: Reading, hit: Hit) -> bool:
    """True when each piece has the capital that the form needs."""
    form, start, _ = hit
    capitals = (reading.letters[start + place].isupper() for place in form.starts)
    return form.case is not Case.CAPITALS or all(capitals)


def ordinary_neighbours(reading: Reading, hit: Hit) -> list[int]:
    """Return the runs beside an everyday word with a capital that make it one: "Will the", "White British", "in May".

    A capital at the beginning of a sentence says nothing; there the next word decides.
    """
    word, run = hit.form.letters, reading.runs[hit.start]
    before, after = (
        reading.lower[reading.firsts[each] : reading.firsts[each + 1]]
        if 0 <= each < len(reading.gaps)
        else ""
        for each in (run - 1, run + 1)
    )
    if not after or reading.gaps[run + 1] not in _SAME_LINE_OR_NEXT:
        after = ""
    found = []
    begins = reading.near[run] in _BEGINNING
    is_ordinary = after not in VERBAL if word in GRAMMAR else after in ORDINARY_NEXT
    if after and ((begins and is_ordinary) or (word, after) in COMPOUNDS):
        found.append(run + 1)
    if word in MONTHS:
        if after.isdigit() and len(after) in _LENGTHS_OF_A_YEAR_OR_DAY:
            found.append(run + 1)
        if reading.gaps[run] in _SAME_LINE_OR_NEXT and (
            before[:1].isdigit() or before in BEFORE_A_MONTH or before in ORDINALS
        ):
            found.append(run - 1)
    return found


def is_recognised(reading: Reading, hit: Hit) -> bool:
    """True when a reader would see the form here, whatever stands between its pieces.

    Also within a longer word: where the form is long, or where the rest is words ("mumsarah").
    """
    form, start, end = hit
    first, last = reading.runs[start], reading.runs[end - 1]
    if Gap.WALL in reading.gaps[first + 1 : last + 1]:
        return False
    left = reading.lower[reading.firsts[first] : start]
    right = reading.lower[end : reading.firsts[last + 1]]
    is_plural = (
        form.kind is ValueKind.NAME and right in _PLURALS and reading.lower[start:end] + right not in COMMON
    )
    if start in reading.edges and (end in reading.edges or is_plural):
        return True
    among_words = (not left or left in COMMON) and (not right or right in COMMON or is_plural)
    return len(form.letters) >= (_LEAST_LOOSELY if among_words else _LEAST_INSIDE)
