"""Cut from a narrative text what its recipient is not told. Pure.

INVARIANTS
- The same values and the same text give the same answer, and each cut says why; no cut holds what was cut.
- Whatever was cut, one noun stands there. A cut takes whole runs of letters and digits; what stands between stays.
- Redacting twice is redacting once. More withheld values never let more of a text through.
- A shielded value is cut although a told one is like it.
- ``survives`` searches in another way and reads more loosely than ``redact``: it does not repeat its mistakes.

It cannot know what it was not given: a nickname or a former name that is not on record, a misspelling, a description
("her brother in the army"), what a text implies. Whoever signs the text reads it; docs/redaction.md lists the rest.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.release.narrative.addresses import building_forms, buildings_of, postcode_forms, segments_of
from gateway.release.narrative.finding import (
    Hit,
    Node,
    has_capitals,
    is_everyday,
    is_recognised,
    is_spelt,
    is_whole,
    joints_hold,
    ordinary_neighbours,
    plant,
    walk,
    words_hold,
)
from gateway.release.narrative.known import (
    BOUND,
    Case,
    Form,
    Found,
    KnownValue,
    Source,
    ValueKind,
    date_forms,
    day_of,
    email_forms,
    initial_forms,
    name_forms,
    phone_forms,
    place_forms,
    spellings,
    whole_form,
    words_of,
)
from gateway.release.narrative.patterns import PATTERNS, Day, numeric_dates, spoken_dates
from gateway.release.narrative.reading import NOUN, SKELETON, Reading, read, skeleton_of

__all__ = ["NOUN", "Cut", "KnownValue", "Redaction", "Redactor", "ValueKind"]

_LEAST: Final = 2
"""Letters and digits of the shortest form that is looked for."""
_ADJACENT: Final = re.compile(r"[ \t\u00a0-]*")
"""What may stand between two cuts that become one."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What was cut and why; never the value itself.

    Attributes:
        start: place of its first sign in the original text.
        end: place after its last sign.
        rule: ``known:`` and the kind of value, or ``pattern:`` and the shape; of several the one that took the most.
    """

    start: int
    end: int
    rule: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """A text without what was cut, and the cuts in their order."""

    text: str
    cuts: tuple[Cut, ...]


_FORMS: Final[Mapping[ValueKind, tuple[Callable[[Source], Found], ...]]] = MappingProxyType(
    {
        ValueKind.NAME: (name_forms, initial_forms),
        ValueKind.DATE: (date_forms,),
        ValueKind.ADDRESS: (whole_form, building_forms, postcode_forms),
        ValueKind.PLACE: (place_forms,),
        ValueKind.PHONE: (phone_forms,),
        ValueKind.EMAIL: (email_forms,),
        ValueKind.IDENTIFIER: (whole_form,),
        ValueKind.TEXT: (whole_form,),
    }
)
"""What makes the forms of each kind of value."""


_CHECKS: Final = (is_whole, is_spelt, has_capitals, joints_hold, words_hold)


class _Found(NamedTuple):
    """Runs to cut, from the first to the last.

    Attributes:
        beside: runs next to it, each of which makes it something else as long as it stands.
    """

    first: int
    last: int
    rule: str
    shielded: bool
    beside: tuple[int, ...]


class Redactor:
    """What one recipient of one case is not told, ready to be cut from any number of texts."""

    def __init__(self, withheld: Iterable[KnownValue], *, told: Iterable[KnownValue] = ()) -> None:
        self._withheld, self._told = Node(), Node()
        self._days: dict[Day, bool] = {}
        self._told_days: dict[Day, bool] = {}
        guarded: set[Form] = set()
        values = chain(((value, False) for value in withheld), ((value, True) for value in told))
        for value, is_told in values:
            day, shielded = day_of(value), value.shielded and not is_told
            root, days = (self._told, self._told_days) if is_told else (self._withheld, self._days)
            for spelling in spellings(value.text):
                reading = read(spelling)
                is_address = value.kind is ValueKind.ADDRESS
                buildings = buildings_of(segments_of(reading)) if is_address else ()
                source = Source(reading, words_of(reading), buildings, day, shielded, is_told)
                forms = {
                    Form(
                        "".join(pieces),
                        tuple(accumulate(map(len, pieces[:-1]), initial=0)),
                        value.kind,
                        case,
                        shielded,
                    )
                    for make in _FORMS[value.kind]
                    for pieces, case in make(source)
                    if sum(map(len, pieces)) >= _LEAST
                }
                for form in forms:
                    plant(root, form)
                guarded |= forms if shielded else set()
            years = (None, day.year % 100, day.year) if day else ()
            for key in [(day.day, day.month, year) for year in years] if day else ():
                days[key] = shielded or days.get(key, False)
        self._guarded = tuple(
            (form, form.letters.translate(SKELETON))
            for form in guarded
            if form.case is not Case.PROPER or form.letters not in BOUND
        )

    def redact(self, text: str) -> Redaction:
        """Return the text with the noun for everything that is withheld, and what was cut.

        A value that is told stays, and so does what is a part of it, unless it is shielded or withheld as a longer whole.
        """
        reading = read(text)
        opens, closes, firsts = reading.opens, reading.closes, {*reading.firsts}
        dates = [
            (each, bisect_right(closes, each.opens), bisect_left(opens, each.closes) - 1)
            for each in (*numeric_dates(reading), *spoken_dates(reading))
        ]

        # 1. Where does a told value stand, with nothing written onto it?
        stands = [
            range(reading.runs[hit.start], reading.runs[hit.end - 1] + 1)
            for hit in walk(self._told, reading)
            if hit.start in firsts and hit.end in firsts and all(holds(reading, hit) for holds in _CHECKS)
        ]
        stands += [
            range(first, last + 1)
            for each, first, last in dates
            if each.day in self._told_days and (opens[first], closes[last]) == (each.opens, each.closes)
        ]

        # 2. Where does a withheld one, or a number that is personal by its shape?
        hits = [hit for hit in walk(self._withheld, reading) if all(holds(reading, hit) for holds in _CHECKS)]
        everyday = {hit for hit in hits if is_everyday(reading, hit)}
        found = [
            _Found(
                reading.runs[hit.start],
                reading.runs[hit.end - 1],
                f"known:{hit.form.kind}",
                hit.form.shielded,
                tuple(ordinary_neighbours(reading, hit)) if hit in everyday else (),
            )
            for hit in hits
            if hit not in everyday or reading.letters[hit.start].isupper()
        ]
        found += [
            _Found(
                first,
                last,
                "known:date",
                shielded,
                tuple(bisect_right(closes, place) for place in each.unless),
            )
            for each, first, last in dates
            if (shielded := self._days.get(each.day)) is not None and (shielded or not each.is_score)
        ]
        found += [
            _Found(
                bisect_right(closes, shape.start(1)),
                bisect_left(opens, shape.end(1)) - 1,
                rule,
                shielded=False,
                beside=(),
            )
            for rule, expression, is_sound in PATTERNS
            for shape in expression.finditer(reading.plain)
            if is_sound(shape[1])
        ]

        # 3. Cut what nothing speaks against.
        return written(reading, settle(found, stands=stands))

    def survives_in(self, texts: Iterable[str]) -> bool:
        """True when a shielded value survives in one of several texts."""
        if not self._guarded:
            return False
        held = [*texts]
        # All at once first: what is in none of them together is in none of them.
        quick = skeleton_of("\n".join(held))
        if quick is not None and not any(skeleton in quick for _, skeleton in self._guarded):
            return False
        return any(map(self.survives, held))

    def survives(self, text: str) -> bool:
        """True when a shielded value can still be recognised in a text, by a looser reading than ``redact`` has.

        Whatever stands between its pieces, across sentences, and within longer words. A name that no text can do without
        ("Will", "May") is looked for as a part of a whole name alone.
        """
        quick = skeleton_of(text) if self._guarded else ""
        if quick is not None and not any(skeleton in quick for _, skeleton in self._guarded):
            return False
        reading = read(text)
        for form, skeleton in self._guarded:
            start = reading.skeleton.find(skeleton)
            while start >= 0:
                hit = Hit(form, start, start + len(skeleton))
                if (
                    is_recognised(reading, hit)
                    and is_spelt(reading, hit)
                    and has_capitals(reading, hit)
                    and words_hold(reading, hit, loosely=True)
                ):
                    return True
                start = reading.skeleton.find(skeleton, start + 1)
        return False


def settle(found: Sequence[_Found], *, stands: Iterable[range]) -> list[_Found]:
    """Return what is to be cut of what was found.

    A word beside it, or a told value that it is a part of, keeps it as long as nothing of that is cut itself. What is cut
    never keeps anything, so the order does not matter, and where more is found no less is cut.

    Args:
        stands: the runs of each told value.
    """
    covering: dict[int, list[range]] = {}
    for span in stands:
        for run in span:
            covering.setdefault(run, []).append(span)
    keeping = {
        each: [span for span in covering.get(each.first, ()) if each.last in span]
        for each in found
        if not each.shielded
    }
    cut: set[int] = set()
    taken: list[_Found] = []
    # From the end: what keeps a word is mostly the next one, so one round settles a whole row of them.
    waiting = sorted(found, reverse=True)
    while True:
        left = []
        for each in waiting:
            stood_by = any(cut.isdisjoint(span) for span in keeping.get(each, ()))
            if stood_by or not cut.issuperset(each.beside):
                left.append(each)
            else:
                cut.update(range(each.first, each.last + 1))
                taken.append(each)
        if len(left) == len(waiting):
            return taken
        waiting = left


def written(reading: Reading, taken: Sequence[_Found]) -> Redaction:
    """Return the text with one noun for each row of cuts that touch."""
    text, bounds = reading.text, reading.bounds
    rows: list[list[_Found]] = []
    last = -1
    for each in sorted(taken):
        beside = rows and _ADJACENT.fullmatch(text, bounds[last][1], bounds[each.first][0])
        if rows and (each.first <= last or (beside and each.first == last + 1)):
            rows[-1].append(each)
        else:
            rows.append([each])
        last = max(last, each.last)
    cuts = []
    for row in rows:
        start, end = bounds[row[0].first][0], max(bounds[each.last][1] for each in row)
        opens_a_bracket = ")" in text[start:end] and "(" not in text[start:end]
        start -= text[max(start - 1, 0) : start].endswith(("+", "(") if opens_a_bracket else "+")
        widest = max(
            row,
            key=lambda each: (bounds[each.last][1] - bounds[each.first][0], each.rule.startswith("known")),
        )
        cuts.append(Cut(start, end, widest.rule))
    return Redaction(without(text, [(cut.start, cut.end) for cut in cuts]), tuple(cuts))


def without(text: str, places: Sequence[tuple[int, int]]) -> str:
    """Return a text with the noun in each place, given from its first sign to after its last, in their order."""
    ends = [0, *(end for _, end in places)]
    kept = [text[end:start] for end, (start, _) in zip(ends, places, strict=False)]
    return NOUN.join([*kept, text[ends[-1] :]])
