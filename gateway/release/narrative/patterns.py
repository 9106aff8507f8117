"""What is personal by its shape alone, and dates as they are written. Pure.

INVARIANTS
- A shape looks at nothing beyond its own signs but the next one on each side: what is cut elsewhere never makes another.
- Every repetition is bounded, and every place of a text is tried at most once per shape.
- A number with a check digit or letter is one only where that is right.

Sources: NHS Data Dictionary (Modulus 11), DfE unique pupil numbers guide, HMRC national insurance manual, BS 7666.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.release.narrative.reading import Reading
from gateway.release.narrative.words import MONTHS, ORDINALS

_APART: Final = r"[\s.\-/_]{0,3}"
_NHS_APART: Final = r"[\s.\-/_]{1,3}"
_UPN_LETTERS: Final = "ABCDEFGHJKLMNPQRTUVWXYZ"
_ALONE: Final = r"(?<![^\W_])"
_ENDS: Final = r"(?![^\W_])"
_NINO: Final = (
    r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]" rf"(?:{_APART}\d){{6}}{_APART}[A-D]"
)
_AREA: Final = r"0(?:1\d|2[0-9]|3[0347]|5[56]|7\d|8[047])"
_HOST: Final = r"[\w-]{1,63}"
_AT: Final = r"(?:\s{1,2}at\s{1,2}|\s{0,2}[(\[<{]\s?(?:at|@)\s?[)\]>}]\s{0,2}|\s{0,2}@\s{0,2})"
_DOT: Final = r"(?:\s{1,2}dot\s{1,2}|\s{0,2}[(\[<{]\s?(?:dot|\.)\s?[)\]>}]\s{0,2})"
_TLD: Final = r"(?:com|org|net|edu|gov|info|co|ac|nhs|sch|uk|eu|io|me)"

_DISTRICT: Final = r"GIR|[A-PR-UWYZ](?:[0-9]{1,2}|[A-HK-Y][0-9][0-9ABEHMNPRV-Y]?|[0-9][A-HJKPS-UW])"
_ORDINAL: Final = rf"(?-i:1st|2nd|3rd|[0-9]th){_ENDS}"
POSTCODE: Final = re.compile(
    rf"{_ALONE}(?P<district>ZZ99(?=[\s.\-]{{0,3}}3[VW]Z)|{_DISTRICT})[\s.\-]{{0,3}}"
    rf"(?P<inward>(?!{_ORDINAL})[0-9](?:[ABD-HJLNP-UW-Z]{{2}}|(?<=3)[VW]Z)){_ENDS}",
    re.IGNORECASE,
)
"""A United Kingdom postcode; "Y6 4th" is a school year and an ordinal."""


def _nhs_number(text: str) -> bool:
    """True when the Modulus 11 check digit is right; ten times one digit was never issued."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    weighted = sum(weight * digit for weight, digit in zip(range(10, 1, -1), digits, strict=False))
    return len(set(digits)) > 1 and (11 - weighted % 11) % 11 == digits[9]


def _upn(text: str) -> bool:
    """True when the check letter is right."""
    signs = [sign for sign in text.upper() if sign.isalnum()]
    values = [int(sign) if sign.isdigit() else _UPN_LETTERS.find(sign) for sign in signs]
    weighted = sum(place * value for place, value in enumerate(values[1:], start=2))
    return min(values) >= 0 and weighted % 23 == values[0]


def _by_shape(_text: str) -> bool:
    """True: nothing of it can be checked."""
    return True


PATTERNS: Final[tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...]] = tuple(
    (f"pattern:{name}", re.compile(expression, re.IGNORECASE), is_sound)
    for name, expression, is_sound in (
        ("nhs_number", rf"(?<!\d)(?=(\d{{3}}{_APART}\d{{3}}{_APART}\d{{4}}(?!\d)))", _nhs_number),
        ("nhs_number", rf"(?<!\d)(?=(\d{{5}}{_NHS_APART}\d{{5}}(?!\d)))", _nhs_number),
        ("nhs_number", rf"(?<!\d)(?=(\d(?:{_NHS_APART}\d){{9}}(?!\d)))", _nhs_number),
        ("upn", rf"{_ALONE}(?=([A-HJ-NP-RT-Z](?:{_APART}\d){{11}}{_APART}[\dA-HJ-NP-RT-Z]{_ENDS}))", _upn),
        ("national_insurance_number", rf"{_ALONE}(?=({_NINO}{_ENDS}))", _by_shape),
        ("postcode", rf"(?=({POSTCODE.pattern}))", _by_shape),
        ("phone", rf"(?<![\d+])(?=(\(?{_AREA}(?:[\s().\-]{{0,3}}\d){{7,8}}(?!\d)))", _by_shape),
        ("phone", r"(?<![\d+])(?=(0(?:[\s.\-]{1,3}\d){9,10}(?!\d)))", _by_shape),
        ("phone", r"(?<![\d+])(?=((?:\+|0{0,2}44)\s?\(?\d(?:[\s().\-]{0,3}\d){8,14}(?!\d)))", _by_shape),
        ("email", r"(?<![\w.+'-])(?=([\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}))", _by_shape),
        (
            "email",
            rf"(?<![\w.+-])(?=([\w.+-]{{1,64}}{_AT}{_HOST}(?:{_DOT}{_HOST}){{1,6}}{_ENDS}))",
            _by_shape,
        ),
        (
            "email",
            rf"(?<![\w.+-])(?=([\w.+-]{{1,64}}{_AT}{_HOST}(?:\.{_HOST}){{0,4}}\s?\.\s?{_TLD}{_ENDS}))",
            _by_shape,
        ),
    )
)
"""Rule, expression (what it found is group 1) and check of each shape."""


Day: TypeAlias = tuple[int, int, int | None]
"""Day of the month, month, and the year of four digits or of two, absent where none is written."""


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """One way to read a few runs of a text as a date.

    Attributes:
        day: what it is read as.
        opens: where it begins in the plain text.
        closes: where it ends in the plain text.
        unless: places in the plain text of what makes it another date, or a score, while it stands.
        is_score: whether it is a fraction, if nothing says that it is a day: "3/4".
    """

    day: Day
    opens: int
    closes: int
    unless: tuple[int, ...] = ()
    is_score: bool = False


_BETWEEN: Final = r"[\s./\-_,\\|]{1,4}"
_LOOSE: Final = r"[\s,.\-/_]{0,3}"
_SUFFIX: Final = r"(?:\s?(?:st|nd|rd|th))?"
_NO_LETTER: Final = r"(?![^\W\d_])"
_MONTH: Final = rf"(?P<month>{'|'.join(sorted(MONTHS, key=len, reverse=True))}){_NO_LETTER}\.?"
_WORDS: Final = "|".join(
    word.replace("twenty", r"twenty[\s-]?").replace("thirty", r"thirty[\s-]?")
    for word in reversed(list(ORDINALS))
)
_DAY: Final = rf"(?:(?P<day>\d{{1,2}}){_SUFFIX}|(?P<word>{_WORDS})(?![^\W\d_]))"
_WITH_YEAR: Final = tuple(
    re.compile(rf"(?<!\d)(?=(?P<all>{expression}(?!\d)))")
    for expression in (
        rf"(?P<day>\d{{1,2}}){_BETWEEN}(?P<month>\d{{1,2}}){_BETWEEN}'?(?P<year>\d{{4}}|\d{{2}})",
        rf"(?P<year>\d{{4}}){_BETWEEN}(?P<month>\d{{1,2}}){_BETWEEN}(?P<day>\d{{1,2}})",
    )
)
_DAY_AND_MONTH: Final = re.compile(
    r"(?<!\d)(?=(?P<all>(?P<day>\d{1,2})\s?/\s?(?P<month>\d{1,2})(?!\d))"
    r"(?:\s?[/.\-]\s?(?P<year>'?(?:\d{4}|\d{2})(?![\d/])))?)"
)
_SPOKEN: Final = tuple(
    re.compile(
        rf"(?=(?P<all>{expression})(?P<dated>{_LOOSE}(?P<year>'?(?:\d{{4}}|\d{{2}}))(?!\d))?)", re.IGNORECASE
    )
    for expression in (
        rf"(?<![^\W_]){_DAY}(?:\s?(?:-|to|and|or|&)\s?\d{{1,2}}{_SUFFIX})?{_LOOSE}(?:day\s)?(?:of{_LOOSE})?{_MONTH}",
        rf"(?<![^\W\d_]){_MONTH}{_APART}(?:the\s)?{_DAY}(?!\d)",
    )
)
_SAID_TO_BE_A_DAY: Final = re.compile(r"\b(?:on|born|dob|birthday|date)\W{0,3}\Z", re.IGNORECASE)
_A_YEAR: Final = re.compile(r"(?:19|20)\d\d|'\d\d")
_SCORED: Final = re.compile(
    r"\b(achieved|attended|got|missed|rated|rating|scored?|scores|scoring)\W{1,3}\Z", re.IGNORECASE
)
_OUT_OF: Final = re.compile(
    r"\s(of|out|sessions?|marks|times|lessons|days|weeks|appointments)\b", re.IGNORECASE
)
_NEAR: Final = 14
"""Signs before a number within which the word stands that says what it is."""
_FRACTIONS: Final = frozenset({"1/2", "1/3", "2/3", "1/4", "3/4", "24/7"})


def numeric_dates(reading: Reading) -> list[WrittenDate]:
    """Return what may be read as dates in figures: day first, or year first; with a stroke also without a year."""
    plain = reading.plain
    dates = [
        WrittenDate((int(found["day"]), int(found["month"]), int(found["year"])), *found.span("all"))
        for expression in _WITH_YEAR
        for found in expression.finditer(plain)
    ]
    for found in _DAY_AND_MONTH.finditer(plain):
        opens, closes = found.span("all")
        day, month = int(found["day"]), int(found["month"])
        others = [found.end("year") - 1] if found["year"] else []
        if opens and plain[opens - 1] in "/.-" and plain[opens - 2 : opens - 1].isdigit():
            others.append(opens - 2)
        said = _SAID_TO_BE_A_DAY.search(plain, max(0, opens - _NEAR), opens)
        beside = (_SCORED.search(plain, max(0, opens - _NEAR), opens), _OUT_OF.match(plain, closes))
        others += [word.start(1) for word in beside if word and not said]
        is_score = found["all"] in _FRACTIONS and not said
        dates.append(WrittenDate((day, month, None), opens, closes, tuple(others), is_score))
    return dates


def spoken_dates(reading: Reading) -> list[WrittenDate]:
    """Return what may be read as dates with the month in letters, with the year that follows and without it."""
    dates = []
    for expression in _SPOKEN:
        for found in expression.finditer(reading.plain):
            opens, closes = found.span("all")
            word = re.sub(r"[\s-]", "", found["word"] or "").lower()
            day = int(found["day"] or ORDINALS[word])
            month = MONTHS[found["month"].lower()]
            others = (found.end("year") - 1,) if found["year"] and _A_YEAR.fullmatch(found["year"]) else ()
            dates.append(WrittenDate((day, month, None), opens, closes, others))
            if found["year"]:
                year = int(found["year"].strip("'"))
                dates.append(WrittenDate((day, month, year), opens, found.end("dated")))
    return dates
