"""Worlds to ask about: a family, its record, what everybody decided, and who asks. Plain data.

INVARIANT: a world is made from one stream of numbers, so that hypothesis can shrink it and a seed can repeat it.
INVARIANT: its items are such as the case room accepts (``test_oracle`` checks it); its facts may be anything.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from tests.release.oracle import CATEGORIES, EFFECTIVE, LEVELS, NAMES, Item, Row, World, matrix, template_rows
from tests.release.values import Mint, Setting, value_of

LONDON = ZoneInfo("Europe/London")
EXTRACT_DAYS = 30
KINDS = tuple(matrix())
AGENCIES = {kind: kind for kind in KINDS} | {"refuge-two": "refuge", "school-two": "education"}
FIELDS = [name for name in NAMES.values() if name != "case_ref"]
GROUPS = sorted(set(CATEGORIES.values()) - {"-"})
NAMED_ONLY = [name for name in FIELDS if CATEGORIES[name] == "-"]
CHILD_FIELDS = {"child_health", "child_mental_health", "pupil_number", "school", "sen", "ehcp", "attendance"}
CHILD_FIELDS |= {"child_name", "child_dob", "child_sex"}
ADULT_FIELDS = {"adult_name", "adult_dob", "adult_health"}
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
INSTANTS = (
    NOON,
    datetime(2026, 7, 1, 23, 30, tzinfo=UTC),
    datetime(2027, 3, 1, 0, 0, tzinfo=UTC),
    datetime(2026, 2, 28, 23, 59, tzinfo=UTC),
)
RECORDED = datetime(2026, 1, 1, tzinfo=UTC)
SPEAKERS = ("one", "one", "one", "other", "other", None)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)

_T = TypeVar("_T")


class Numbers(Protocol):
    """A stream of whole numbers; 0 is always the plainest."""

    def number(self, most: int) -> int:
        """A whole number from 0 to ``most``."""


class Seeded:
    """The stream of one seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - a repeatable world, not a secret

    def number(self, most: int) -> int:
        """A whole number from 0 to ``most``."""
        return self._random.randint(0, most)


def pick(numbers: Numbers, choices: Sequence[_T]) -> _T:
    """One of the choices."""
    return choices[numbers.number(len(choices) - 1)]


def happens(numbers: Numbers, percent: int) -> bool:
    """True so often."""
    return numbers.number(99) >= 100 - percent


def some(numbers: Numbers, choices: Sequence[_T]) -> list[_T]:
    """Any subset."""
    pattern = numbers.number(2 ** len(choices) - 1)
    return [choice for place, choice in enumerate(choices) if pattern >> place & 1]


def any_world(numbers: Numbers) -> World:
    """A world; about half of them permit something."""
    now = pick(numbers, INSTANTS)
    mint = Mint(now.astimezone(LONDON).date())
    code = pick(numbers, [*AGENCIES, *["early-help"] * 5, "refuge", "health", "camhs"])
    purpose = pick(numbers, ["P1", "P1", "P1", "P2", "P2", "P3", "P1", "P2", "P3", "P1", "P4"])
    people = _people(numbers, now.astimezone(LONDON).date())
    return {
        "now": now,
        "extract_days": EXTRACT_DAYS,
        "agencies": AGENCIES,
        "caller": {"agency": code, "practitioner": _practitioner(numbers)},
        "agency": {
            "state": "suspended" if happens(numbers, 3) else "active",
            "client_state": pick(numbers, ["revoked", None]) if happens(numbers, 3) else "active",
            "agreement_until": None if happens(numbers, 3) else now + pick(numbers, (200 * DAY, DAY, TICK)),
            "practitioner_active": not happens(numbers, 4),
        },
        "purpose": purpose,
        "profile": None if happens(numbers, 2) else _profile(numbers, AGENCIES[code]),
        "shown": {2: _profile(numbers, AGENCIES[code]), 3: template_rows(AGENCIES[code])},
        "lapse_at_sixteen": not happens(numbers, 25),
        "panel_until": None if happens(numbers, 20) else now + pick(numbers, (9 * DAY, DAY, TICK)),
        "offer": not happens(numbers, 20),
        "offer_until": now + pick(numbers, (8 * DAY, DAY, TICK)) if happens(numbers, 20) else None,
        "level": pick(numbers, (1, 3, 4)) if happens(numbers, 4) else 2,
        "status": "closed" if happens(numbers, 4) else "open",
        "seals": ["conflict", "adoption", "party_restriction"][numbers.number(2) :]
        if happens(numbers, 10)
        else [],
        "workers": ["w1", "w2"] if happens(numbers, 50) else ["w2"],
        "people": people,
        "histories": {person["id"]: _history(numbers, code, now) for person in people},
        "items": [item for name in FIELDS for item in _items(numbers, name, people, mint, code)],
        "issued": mint.issued,
        "signed": some(numbers, ("panel", "service")),
        "conflicts": _conflicts(numbers, code),
        "hosting": pick(numbers, ("refuge", "refuge", "refuge-two", code)) if happens(numbers, 30) else None,
    }


def _conflicts(numbers: Numbers, code: str) -> list[dict[str, Any]]:
    """Mostly nobody; or somebody else's interest, this agency's or this practitioner's."""
    if not happens(numbers, 6):
        return []
    return [
        {
            "agency": pick(numbers, ("youth", "charity", code)),
            "practitioner": pick(numbers, ("w9", "w1", None)),
        }
    ]


def _people(numbers: Numbers, today: date) -> list[dict[str, Any]]:
    roles = [
        "adult",
        "child",
        *(pick(numbers, ("child", "other", "adult")) for _ in range(numbers.number(4))),
    ]
    shields = ["none"] * len(roles)
    if happens(numbers, 25):
        shields[numbers.number(len(roles) - 1)] = pick(numbers, ("restricted", "refuge"))
    return [
        {
            "id": f"internal-{place}",
            "ref": None if happens(numbers, 2) else f"pairwise-{place}",
            "role": role,
            "shield": shields[place],
            "risk": role == "other" and happens(numbers, 80),
            "born": _born(numbers, today),
        }
        for place, role in enumerate(roles)
    ]


def _born(numbers: Numbers, today: date) -> date | None:
    """A day of birth: nobody knows it, or a 16th or 18th birthday is about now."""
    if happens(numbers, 50):
        return pick(numbers, (None, date(1985, 5, 5), date(2008, 2, 29), date(2019, 1, 1)))
    age = pick(numbers, (16, 18))
    return today.replace(year=today.year - age) + pick(numbers, (DAY, 0 * DAY, -DAY, 3 * DAY))


def _practitioner(numbers: Numbers) -> dict[str, Any] | None:
    if happens(numbers, 3):
        return None
    return {"id": "w3" if happens(numbers, 30) else "w1", "verified": not happens(numbers, 25)}


def _profile(numbers: Numbers, kind: str) -> list[Row]:
    """The kind's own template, or any levels at all."""
    if happens(numbers, 40):
        return template_rows(kind)
    return [row for name in NAMES.values() for row in _rows(numbers, name)]


def _rows(numbers: Numbers, name: str) -> list[Row]:
    """One ``always`` row mostly, and rows that need a condition, more often where such rows ship."""
    always, conditional = numbers.number(1023), numbers.number(4095)
    rows = [] if always % 16 == 15 else [_row(name, always, "always")]
    often = name in {"sensitive_services", "domestic_abuse", "minutes", "address", "contact", "school"}
    for place, when in enumerate(("named_worker", "attended", "hosting_refuge")):
        if conditional >> 2 * place & 3 >= (2 if often else 3) and (often or conditional % 7 == 6):
            rows.append(_row(name, conditional >> 6, when))
    return rows


def _row(name: str, bits: int, when: str) -> Row:
    marks = ("F", "F", "G1", "G1", "G2", "W", "A", "B")
    return {"field": name, "panel": marks[bits & 7], "service": marks[bits >> 3 & 7], "when": when}


# --- What people decided ------------------------------------------------------------------------------------


_SPOKEN: dict[str, Any] = {
    "speaker": None,
    "capacity": None,
    "authority": "established",
    "resolves": False,
    "recorded_at": RECORDED,
}
"""Who spoke, as what, and when it was recorded: nobody asked."""


def give(code: str, now: datetime, **changes: object) -> dict[str, Any]:
    """An agreement to everything, for this agency and all that is served."""
    return {
        "act": "give",
        "agencies": [code],
        "exclude": [],
        "categories": GROUPS,
        "fields": NAMED_ONLY,
        "purposes": ["P1", "P2", "P3"],
        "valid_from": now - 30 * DAY,
        "valid_until": now + 60 * DAY,
        "shown": {code: EFFECTIVE},
        **_SPOKEN,
        "capacity": "self",
        **changes,
    }


def close(act: str = "withdraw", **changes: object) -> dict[str, Any]:
    """An act that closes everything."""
    scope: dict[str, Any] = {name: [] for name in ("agencies", "exclude", "categories", "fields", "purposes")}
    return {"act": act, **scope, "valid_from": None, "valid_until": None, **_SPOKEN, **changes}


def _history(numbers: Numbers, code: str, now: datetime) -> list[dict[str, Any]]:
    """Nothing, one plain yes, or up to five acts of several people, a day apart, the last just now."""
    shape = numbers.number(11)
    acts: list[dict[str, Any]] = []
    if shape < 8:
        acts = [give(code, now, shown=_shown(numbers, code), **_spoken(numbers, yes=True))]
    if shape in {5, 6, 7}:
        acts += [_closing(numbers, code) for _ in range(1 + numbers.number(1))]
    if shape in {6, 7}:
        acts += [give(code, now, shown=_shown(numbers, code), **_spoken(numbers, yes=True))]
    if shape > 8:
        acts = [
            _giving(numbers, code, now) if happens(numbers, 60) else _closing(numbers, code)
            for _ in range(1 + numbers.number(4))
        ]
    return [act | {"recorded_at": now - (len(acts) - place) * DAY} for place, act in enumerate(acts)]


def _spoken(numbers: Numbers, *, yes: bool) -> dict[str, Any]:
    """Who spoke and as what; mostly somebody who may."""
    capacities = ("self", "parental_responsibility", "parental_responsibility", "competent_child")
    spoken: dict[str, Any] = {
        "speaker": pick(numbers, SPEAKERS),
        "capacity": pick(numbers, (*capacities, "parental_responsibility", "representative", None)),
    }
    if happens(numbers, 6):
        spoken["authority"] = pick(numbers, ("unknown", "none"))
    return spoken | ({"resolves": True} if yes and happens(numbers, 20) else {})


def _shown(numbers: Numbers, code: str) -> dict[str, int]:
    """The version that was shown: the effective one, another one, one that is gone, or none."""
    if not happens(numbers, 50):
        return {code: EFFECTIVE}
    return pick(numbers, ({code: 2}, {code: 3}, {code: 2}, {code: 3}, {code: 9}, {}))


def _giving(numbers: Numbers, code: str, now: datetime) -> dict[str, Any]:
    starts = (-30 * DAY, -30 * DAY, -30 * DAY, -DAY, 0 * DAY, TICK, DAY)
    ends = (60 * DAY, 60 * DAY, 60 * DAY, DAY, TICK, 0 * DAY, -TICK, -1.5 * DAY)
    return give(
        code,
        now,
        agencies=pick(numbers, ([code], [code, "police"], [code, "health"], ["health"], [], ["*"])),
        exclude=[code] if happens(numbers, 8) else [],
        categories=some(numbers, GROUPS),
        fields=some(numbers, [*NAMED_ONLY, "address", "household", "plan"]),
        purposes=some(numbers, ["P1", "P2", "P3", "P5"]),
        valid_from=now + pick(numbers, starts),
        valid_until=now + pick(numbers, ends),
        shown=_shown(numbers, code),
        **_spoken(numbers, yes=True),
    )


def _closing(numbers: Numbers, code: str) -> dict[str, Any]:
    act = pick(numbers, ("withdraw", "refuse", "hold", "invalidate", "enter_in_error"))
    if happens(numbers, 25):
        return close(act, agencies=pick(numbers, ([], ["*"])), **_spoken(numbers, yes=False))
    return close(
        act,
        agencies=pick(numbers, ([], ["*"], [code], [code, "health"], ["youth"])),
        exclude=[code] if happens(numbers, 10) else [],
        categories=[pick(numbers, GROUPS)] if happens(numbers, 60) else [],
        fields=[pick(numbers, FIELDS)] if happens(numbers, 40) else [],
        purposes=[pick(numbers, ("P1", "P2", "P3"))] if happens(numbers, 30) else [],
        **_spoken(numbers, yes=False),
    )


# --- The record -----------------------------------------------------------------------------------------------


def _items(
    numbers: Numbers, name: str, people: list[dict[str, Any]], mint: Mint, code: str
) -> list[dict[str, Any]]:
    shape = numbers.number(9)
    count = 2 if shape > 7 or (name in {"household", "services_now"} and shape > 1) else min(shape, 1)
    made = []
    for _ in range(count):
        about = about_of(name, people, numbers)
        if about is not None:
            near = (code, "early-help", code, "refuge", "health", "refuge-two", "camhs", "early-help")
            bits = numbers.number(2**18 - 1)
            setting = Setting(mint, bits & 4095, near, (about[0], about[-1]) if about else ("", ""))
            source = ("early-help", "health", "refuge", "refuge-two", *["early-help"] * 12)[bits >> 12 & 15]
            kind = ("fact", "opinion", "family_report", "allegation")[bits >> 16]
            made.append(item(name, about, setting, people, source=source, kind=kind))
    return made


def item(
    name: str,
    about: list[str],
    setting: Setting,
    people: Sequence[dict[str, Any]],
    *,
    source: str = "early-help",
    kind: str = "fact",
) -> dict[str, Any]:
    """One item; where its field asks for an adult who is protected, the first who may be."""
    made = {"field": name, "about": about, "value": value_of(name, setting), "kind": kind}
    made |= {"source_agency": source, "as_of": setting.mint.past(2018)}
    if name in {"risk_person", "offences"}:
        made["protects"] = next(p["id"] for p in people if p["role"] == "adult" and p["id"] not in about)
    return made


def about_of(name: str, people: Sequence[dict[str, Any]], numbers: Numbers) -> list[str] | None:
    """People whom an item of this field may be about; None where the family has nobody fit for it."""
    fit = [person["id"] for person in people if _fits(name, person)]
    if name == "offences" and sum(person["role"] == "adult" for person in people) < 2:
        fit = [person["id"] for person in people if person["role"] != "adult"]
    if not fit:
        return None
    if name == "household":
        first = numbers.number(len(fit) - 1)
        other = (first + 1 + numbers.number(len(fit) - 2)) % len(fit)
        return [fit[first], fit[other]]
    if name in {"risk_person", "domestic_abuse", "offences", "immigration"} or not _is_of_case(name):
        return [] if name == "offences" and happens(numbers, 5) else [pick(numbers, fit)]
    if happens(numbers, 5):
        return []
    return some(numbers, fit) or [fit[0]]


def _is_of_case(name: str) -> bool:
    number = next(number for number, each in NAMES.items() if each == name)
    return "F24" <= number <= "F36"


def _fits(name: str, person: dict[str, Any]) -> bool:
    if name in CHILD_FIELDS:
        return bool(person["role"] == "child")
    if name in ADULT_FIELDS:
        return bool(person["role"] != "child")
    if name == "risk_person":
        return bool(person["risk"])
    return not (name == "domestic_abuse" and person["risk"])


# --- A family to tell stories about -----------------------------------------------------------------------------


def plain_world(agency: str = "camhs", *, purpose: str = "P1", **changes: Any) -> World:
    """Mother, two children, grandmother and a risk person; everybody but him agreed to all; one item of each field."""
    now, roles = NOON, {"mum": "adult", "gran": "adult", "amy": "child", "ben": "child", "dad": "other"}
    people = [
        {"id": name, "ref": f"ref-{name}", "role": role, "shield": "none", "risk": name == "dad"}
        for name, role in roles.items()
    ]
    mint = Mint(now.astimezone(LONDON).date())
    world = {
        "now": now,
        "extract_days": EXTRACT_DAYS,
        "agencies": AGENCIES,
        "caller": {"agency": agency, "practitioner": {"id": "w1", "verified": True}},
        "agency": {
            "state": "active",
            "client_state": "active",
            "agreement_until": now + 200 * DAY,
            "practitioner_active": True,
        },
        "purpose": purpose,
        "profile": template_rows(AGENCIES[agency]),
        "panel_until": now + 9 * DAY,
        "offer": True,
        "offer_until": None,
        "level": 2,
        "status": "open",
        "seals": [],
        "signed": ["panel", "service"],
        "workers": [],
        "people": people,
        "histories": {name: [give(agency, now)] for name in roles if name != "dad"},
        "items": [plain_item(name, about, people, mint) for name in FIELDS for about in _plain_about(name)],
        "issued": mint.issued,
    }
    return world | changes


def plain_item(name: str, about: list[str], people: Sequence[dict[str, Any]], mint: Mint) -> dict[str, Any]:
    """An item whose value has nothing special."""
    pair = (about[0], about[-1]) if about else ("", "")
    return item(name, about, Setting(mint, 0b1011, ("early-help", "health"), pair), people)


def _plain_about(name: str) -> list[list[str]]:
    if name == "household":
        return [["mum", "amy"], ["mum", "ben"], ["amy", "ben"], ["gran", "mum"]]
    if name in {"risk_person", "offences"}:
        return [["dad"]]
    if name == "domestic_abuse" or name in ADULT_FIELDS:
        return [["mum"]]
    if name in {"address", "contact", "language"}:
        return [["mum"], ["amy"], ["ben"]]
    if name in CHILD_FIELDS:
        return [["amy"], ["ben"]]
    return [["amy", "ben"]] if _is_of_case(name) else [["amy"]]


def items_of(world: World, name: str) -> list[Item]:
    """The items of one field."""
    return [each for each in world["items"] if each["field"] == name]


def full_rows() -> list[Row]:
    """A profile that withholds nothing."""
    return [
        {"field": name, "panel": LEVELS[-1], "service": LEVELS[-1], "when": "always"}
        for name in NAMES.values()
    ]


def day_of(world: World) -> date:
    """The day in Europe/London."""
    now: datetime = world["now"]
    return now.astimezone(LONDON).date()
