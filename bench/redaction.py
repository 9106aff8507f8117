"""How much of what is planted in free text the redactor finds, and how much else it takes: sentences from a fixed seed.

INVARIANTS
- The generator knows nothing of the redactor's rules: it writes as people write, and marks what it planted.
- A value counts as found when every letter and digit of it was cut; a cut is right as far as it lies in what was planted.
- Below the least figures the program ends with 1: free text does not go out on less.
"""

import json
import random
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import click
from faker import Faker

from gateway.release.redaction import KnownValue, Redactor, ValueKind

SEED: Final = 20_261_128
LEAST: Final = {"known": 0.995, "shielded": 1.0, "pattern": 0.995, "precision": 0.98}
SENTENCES_PER_FAMILY: Final = 40
FROM_FAKER, WITHOUT_ANY, OF_THE_CASE, MISTYPED = 0.4, 0.4, 0.85, 0.15
"""How often a name is Faker's, a sentence has nothing planted, what is planted is known, and a word is mistyped."""
_NO_DIGIT: Final = 10
"""A check of ten is none: the number is not issued."""

_GIVEN: Final = [
    "Adebayo",
    "Ngozi",
    "Temitope",
    "Hodan",
    "Abdirahman",
    "Ayaan",
    "Zofia",
    "Łukasz",
    "Małgorzata",
    "Nguyễn",
    "Thảo",
    "Minh",
    "Kavitha",
    "Arul",
    "Yusuf",
    "Fatima",
    "Noor",
    "Zoë",
    "Siân",
    "Seán",
    "Aoife",
    "Callum",
    "Jean-Luc",
    "Mary-Ann",
    "Grace",
    "Mark",
    "Will",
    "Hope",
    "Rose",
    "April",
    "Dean",
    "Jack",
    "Amira",
    "Kwame",
    "Efua",
    "Dilnoza",
    "Ravi",
    "Priya",
    "Chloé",
    "Björn",
    "Ömer",
    "Şeyma",
    "Iain",
    "Niamh",
    "Tariq",
    "Leila",
    "Oluwaseun",
]
_FAMILY: Final = [
    "Okonkwo",
    "Adeyemi-Cole",
    "O'Sullivan",
    "D'Souza",
    "Warsame",
    "Kowalczyk",
    "Wiśniewska",
    "Tran",
    "Balasubramaniam",
    "al-Hassan",
    "Haddad",
    "Müller",
    "Smith-Jones",
    "Young",
    "Long",
    "Brown",
    "Green",
    "Hill",
    "Shah",
    "Begum",
    "Mensah",
    "Y\u0131lmaz",
    "García",
    "MacDonald",
    "McKenzie",
    "Fernández",
    "Ahmed",
    "O'Connor",
    "Çelik",
    "Petrova",
    "van-Dijk",
    "Achebe",
    "Rahman",
    "Townsend",
]
_SCHOOLS: Final = (
    "Larkmoor Primary School",
    "St Brannock's Academy",
    "Hallowfield Nursery",
    "Quenby Secondary School",
    "The Tarn Infant School",
    "Our Lady of Ferring Catholic Primary School",
)
_STREETS: Final = (
    "Vanbrough",
    "Ferrow",
    "Loxley Green",
    "Marchbank",
    "Old Tilling",
    "St Ebba's",
    "Dunmere",
    "Kettle",
)
_KINDS_OF_STREET: Final = (
    ("Road", "Rd"),
    ("Street", "St"),
    ("Avenue", "Ave"),
    ("Close", "Cl"),
    ("Gardens", "Gdns"),
)
_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_LOOK_ALIKE: Final = str.maketrans("aeopcxy", "\u0430\u0435\u043e\u0440\u0441\u0445\u0443")  # Cyrillic
_TYPOS: Final = (("their", "thier"), ("because", "becuase"), ("school", "shcool"), ("with", "wiht"))

_WITH_ONE: Final = (
    "{} was quieter than last week.",
    "Home visit: {} present throughout.",
    "I spoke to {} on the phone.",
    "Mum says that {} will not go to bed before eleven.",
    "{} told the school nurse that mornings are hard.",
    'She said, "Please do not tell {} about this."',
    "T/C from HV re {} - no concerns.",
    "Worried about {}, and said so twice.",
    "We agreed (with {} in the room) to meet again.",
    "attended with {}; left early",
    "The appointment at the clinic was missed because {} had a cold.",
    "- {}: see the plan",
    "Since the move, {} has slept better.",
    "Referrer knows {} well.",
    "According to {}, things have been calmer since half-term.",
    "No reply from {} since Tuesday",
    "Thank you for seeing {}.",
    "Is {} aware of this?",
    "Grandparents help out; {} less so.",
    "{} (aged 9) draws when upset.",
)
_WHERE: Final = (
    "They live at {} now.",
    "Moved to {} in the spring.",
    "Post should go to {} only.",
    "was seen near {} on Friday",
    "Collected from {} by an aunt.",
    "The flat at {} is damp.",
    "Do not visit {} after dark.",
    "address given as {}",
)
_WHEN: Final = (
    "Born {}.",
    "DOB {} as per birth certificate",
    "Date of birth: {}, checked.",
    "The birthday on {} was a good day.",
    "({}), eldest of three",
)
_NUMBERS: Final = (
    "Rang {} twice, no answer.",
    "Contact is {} in the evenings.",
    "Number on file: {}.",
    "see {} for details",
    "Quote {} in any letter.",
)
_WITHOUT: Final = (
    "Attendance was 86% in the spring term of 2025, up from 71%.",
    "Mum will mark the calendar, and may ask for help.",
    "Hope this finds you well; we long for a brighter year.",
    "Rent arrears of £1,240.50, of which £300 was paid on Monday.",
    "A brown coat, a green bag and a rose were left behind.",
    "Year 4, table 3, 2 of 5 targets met.",
    "Dad works at the hill farm until late in the summer.",
    "The Early Help Team will review the plan in 6 weeks.",
    "They were told about the food bank and Citizens Advice.",
    "Sleep: 9.30 pm to 6.15 am, most nights.",
    "Age 7, weight on the 50th centile.",
    "It was a grace period of 14 days; she is young and keen.",
    "Will you be there? May I come, too?",
    "Lewisham Council wrote to all families in September 2024.",
    "Section 17, paragraph 12.3, was read out.",
    "He scored 12/20, then 15/20.",
    "Jack-in-the-box and a dean of studies: nothing to report.",
    "Ring 101, or 999 in an emergency.",
    "She just needs space, quiet and small steps.",
    "The school nurse, a health visitor and a youth worker met.",
)


@dataclass(frozen=True, slots=True)
class Plant:
    """One value in a sentence: where it stands, what it is, whether it is known, and how it is disguised."""

    start: int
    end: int
    kind: str
    group: str
    disguise: str


@dataclass(frozen=True, slots=True)
class Family:
    """What is withheld of one family."""

    values: tuple[KnownValue, ...]
    names: tuple[str, ...]
    born: tuple[date, ...]
    streets: tuple[tuple[str, str, tuple[str, str]], ...]
    postcode: str
    school: str
    phone: str
    email: str
    nhs: str
    upn: str
    shielded: bool


def family(chance: random.Random, faker: Faker, *, shielded: bool) -> Family:
    """Invent a family; NHS numbers are of the test range, telephone numbers of Ofcom's for drama."""
    names = tuple(
        f"{faker.first_name()} {faker.last_name()}"
        if chance.random() < FROM_FAKER
        else f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}"
        for _ in range(4)
    )
    born = tuple(date(1980, 1, 1) + timedelta(days=chance.randrange(15_000)) for _ in range(3))
    streets = tuple(
        (str(chance.randrange(1, 180)), chance.choice(_STREETS), chance.choice(_KINDS_OF_STREET))
        for _ in range(2)
    )
    postcode = f"{chance.choice(('SE', 'BR', 'CR'))}{chance.randrange(1, 29)} {chance.randrange(1, 9)}{chance.choice('ABDEF')}{chance.choice('GHJLN')}"
    phone = f"+442079460{chance.randrange(1000):03d}"
    email = f"{faker.user_name()}@example.org"
    made = Family(
        (),
        names,
        born,
        streets,
        postcode,
        chance.choice(_SCHOOLS),
        phone,
        email,
        nhs(chance),
        upn(chance),
        shielded,
    )
    values = [
        *(KnownValue(ValueKind.NAME, each) for each in names),
        *(KnownValue(ValueKind.DATE, each.isoformat()) for each in born),
        *(
            KnownValue(ValueKind.ADDRESS, f"{n} {street} {kind}", shielded)
            for n, street, (kind, _) in streets
        ),
        KnownValue(ValueKind.ADDRESS, postcode, shielded),
        KnownValue(ValueKind.PLACE, made.school, shielded),
        KnownValue(ValueKind.PHONE, phone, shielded),
        KnownValue(ValueKind.EMAIL, email, shielded),
        KnownValue(ValueKind.IDENTIFIER, made.nhs),
        KnownValue(ValueKind.IDENTIFIER, made.upn),
    ]
    return Family(
        tuple(values), names, born, streets, postcode, made.school, phone, email, made.nhs, made.upn, shielded
    )


def nhs(chance: random.Random) -> str:
    """A valid number of the range 999, which nobody has."""
    while True:
        body = f"999{chance.randrange(1_000_000):06d}"
        check = (
            11 - sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True)) % 11
        )
        if check != _NO_DIGIT:
            return body + str(check % 11)


def upn(chance: random.Random) -> str:
    """A valid pupil number of no school."""
    body = f"209{chance.randrange(1000, 9999)}{chance.randrange(10, 26)}{chance.randrange(1000):03d}"
    total = sum(int(digit) * place for place, digit in enumerate(body, start=2))
    return "ABCDEFGHJKLMNPQRTUVWXYZ"[total % 23] + body


def spoken(day: date) -> Iterator[tuple[str, str]]:
    """A day in the forms that people write, with what each is called."""
    month, ending = (
        _MONTHS[day.month - 1],
        {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"},
    )
    yield "slashes", f"{day.day:02d}/{day.month:02d}/{day.year}"
    yield "short", f"{day.day}.{day.month}.{day.year % 100:02d}"
    yield "hyphens", f"{day.day:02d}-{day.month:02d}-{day.year}"
    yield "iso", day.isoformat()
    yield "words", f"{day.day} {month} {day.year}"
    yield "ordinal", f"{day.day}{ending.get(day.day, 'th')} of {month} {day.year}"
    yield "month first", f"{month} {day.day}, {day.year}"
    yield "short month", f"{day.day} {month[:3]} '{day.year % 100:02d}"
    yield "no year", f"{day.day}{ending.get(day.day, 'th')} of {month}"


def disguised(chance: random.Random, text: str) -> tuple[str, str]:
    """A text as somebody may have typed it."""
    ways: dict[str, Callable[[str], str]] = {
        "plain": str,
        "capitals": str.upper,
        "small": str.lower,
        "accents left out": lambda t: "".join(
            s for s in unicodedata.normalize("NFD", t) if not unicodedata.combining(s)
        ),
        "look-alikes": lambda t: t.translate(_LOOK_ALIKE),
        "zero width": lambda t: t[:2] + "\u200b" + t[2:],
        "soft hyphen": lambda t: t[:3] + "\u00ad" + t[3:],
        "other apostrophe": lambda t: t.replace("'", "\u2019"),
        "line break": lambda t: t.replace(" ", "\n", 1),
        "double space": lambda t: t.replace(" ", "  ", 1),
    }
    name = chance.choice(("plain", "plain", *ways))
    return name, ways[name](text)


def a_name(chance: random.Random, of: Family) -> tuple[str, str, str]:
    """A name or a part of it: disguise, text, and the sentence around it."""
    whole, around = chance.choice(of.names), chance.choice(_WITH_ONE)
    given, _, last = whole.rpartition(" ")
    form = chance.choice(("whole", "given", "initial", "letters"))
    if form == "letters" and given.isascii() and given.isalpha():
        return "letters apart", " ".join(given), around
    if form == "initial":
        return (
            "initial",
            last,
            around.replace("{}", f"{given[0]}. {{}}"),
        )  # it tells what a generalisation tells
    how, text = disguised(chance, given if form == "given" else whole)
    return (
        how,
        whole.lower() if how == "small" else text,
        around,
    )  # a small "mark" alone is no name to anybody


def written(chance: random.Random, of: Family) -> tuple[str, str, str, str]:
    """Something of the case to plant: kind, disguise, the text, and the sentence around it."""
    number, street, (kind, short) = chance.choice(of.streets)
    local = of.phone.removeprefix("+44")
    forms: dict[str, tuple[tuple[str, str], ...]] = {
        "date": tuple(spoken(chance.choice(of.born))),
        "address": (
            ("line", f"{number} {street} {kind}"),
            ("short", f"{number} {street} {short}"),
            ("comma", f"{number}, {street} {kind}"),
            ("small", f"{number} {street} {kind}".lower()),
            ("postcode", of.postcode),
            ("postcode, no space", of.postcode.replace(" ", "")),
            ("postcode, small", of.postcode.lower()),
        ),
        "place": (disguised(chance, of.school.removeprefix("The ")),),
        "phone": (
            ("plain", f"0{local}"),
            ("groups", f"0{local[:2]} {local[2:6]} {local[6:]}"),
            ("+44", f"+44 {local[:2]} {local[2:6]} {local[6:]}"),
            ("brackets", f"(0{local[:2]}) {local[2:6]} {local[6:]}"),
            ("hyphens", f"0{local[:2]}-{local[2:6]}-{local[6:]}"),
        ),
        "number": (
            ("e-mail", of.email),
            ("e-mail in words", of.email.replace("@", " at ").replace(".org", " dot org")),
            ("NHS number", f"{of.nhs[:3]} {of.nhs[3:6]} {of.nhs[6:]}"),
            ("NHS number, plain", of.nhs),
            ("pupil number", of.upn),
        ),
    }
    chosen = chance.choice(("name", "name", "name", *forms))
    if chosen == "name":
        return (chosen, *a_name(chance, of))
    how, text = chance.choice(forms[chosen])
    return (
        chosen,
        how,
        text,
        chance.choice({"date": _WHEN, "address": _WHERE, "place": _WHERE}.get(chosen, _NUMBERS)),
    )


def stranger(chance: random.Random) -> tuple[str, str, str, str]:
    """A number that is on nobody's record here, and is one by its shape."""
    number = nhs(chance)
    how, text = chance.choice(
        (
            ("NHS number", f"{number[:3]} {number[3:6]} {number[6:]}"),
            ("NHS number, hyphens", f"{number[:3]}-{number[3:6]}-{number[6:]}"),
            ("pupil number", upn(chance)),
            (
                "National Insurance number",
                f"AB {chance.randrange(10, 99)} {chance.randrange(10, 99)} {chance.randrange(10, 99)} C",
            ),
            ("postcode", f"SW1{chance.choice('AEPV')} {chance.randrange(1, 9)}AA"),
            ("phone", f"07700 900{chance.randrange(1000):03d}"),
            ("e-mail", f"someone{chance.randrange(99)}@example.net"),
        )
    )
    return "pattern", how, text, chance.choice(_NUMBERS)


def sentence(chance: random.Random, of: Family) -> tuple[str, list[Plant]]:
    """A sentence, with what is planted in it; as many have nothing."""
    if chance.random() < WITHOUT_ANY:
        return chance.choice(_WITHOUT), []
    known = chance.random() < OF_THE_CASE
    kind, how, text, around = written(chance, of) if known else stranger(chance)
    before, _, after = around.partition("{}")
    if chance.random() < MISTYPED:
        wrong, right = chance.choice(_TYPOS)
        after = after.replace(wrong, right)
    group = "pattern"
    if known:
        secret = (of.shielded and kind in {"address", "place", "phone"}) or (
            of.shielded and how.startswith("e-mail")
        )
        group = "shielded" if secret else "known"
    start = len(before)
    return before + text + after, [Plant(start, start + len(text), kind, group, how)]


@dataclass(frozen=True, slots=True)
class Figures:
    """What was planted and found; shares are of values, precision is of letters and digits."""

    sentences: int
    planted: dict[str, int]
    recall: dict[str, float]
    precision: float
    missed: list[dict[str, str | int]]
    examples: list[str]


def measure(sentences: int, step: Callable[[int], None]) -> Figures:
    """Redact so many sentences and count."""
    chance, faker = random.Random(SEED), Faker("en_GB")
    Faker.seed(SEED)
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    missed: Counter[tuple[str, str, str]] = Counter()
    right = cut = 0
    examples: list[str] = []
    for place in range(sentences):
        if place % SENTENCES_PER_FAMILY == 0:
            of = family(chance, faker, shielded=place // SENTENCES_PER_FAMILY % 3 == 0)
            redactor = Redactor(of.values)
        text, plants = sentence(chance, of)
        redaction = redactor.redact(text)
        gone = {at for each in redaction.cuts for at in range(each.start, each.end) if text[at].isalnum()}
        wanted = {at for each in plants for at in range(each.start, each.end) if text[at].isalnum()}
        right, cut = right + len(gone & wanted), cut + len(gone)
        for each in plants:
            planted[each.group] += 1
            if {at for at in range(each.start, each.end) if text[at].isalnum()} <= gone:
                found[each.group] += 1
            else:
                missed[each.group, each.kind, each.disguise] += 1
                examples.append(f"missed: {text!r} -> {redaction.text!r}")
        if gone - wanted:
            examples.append(f"taken: {text!r} -> {redaction.text!r}")
        step(1)
    return Figures(
        sentences,
        dict(planted),
        {group: found[group] / planted[group] for group in sorted(planted)},
        right / cut if cut else 1.0,
        [{"group": g, "kind": k, "disguise": d, "times": n} for (g, k, d), n in missed.most_common(10)],
        examples[:20],
    )


@click.command()
@click.option("--sentences", default=6_000, show_default=True, type=click.IntRange(min=100))
@click.option(
    "--json", "report", type=click.Path(dir_okay=False, path_type=Path), help="Every figure as data, too."
)
def main(sentences: int, report: Path | None) -> None:
    """Plant values in sentences, redact them, and say what was found."""
    with click.progressbar(length=sentences, label="redacting", file=sys.stderr) as bar:
        figures = measure(sentences, bar.update)
    if report is not None:
        report.write_text(json.dumps(asdict(figures), indent=2, ensure_ascii=False), encoding="utf-8")
    click.echo(f"{sentences} sentences, {sum(figures.planted.values())} values planted")
    for group, share in figures.recall.items():
        click.echo(f"recall, {group:9} {share:.4f}  (of {figures.planted[group]}; at least {LEAST[group]})")
    click.echo(
        f"precision        {figures.precision:.4f}  (of the letters and digits cut; at least {LEAST['precision']})"
    )
    for each in figures.missed:
        click.echo(f"missed {each['times']} times: {each['group']}, {each['kind']}, {each['disguise']}")
    for line in figures.examples:
        click.echo(line)
    shares = {**figures.recall, "precision": figures.precision}
    below = [group for group, share in shares.items() if share < LEAST[group]]
    if below:
        click.echo(f"Below the least: {', '.join(below)}.", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
