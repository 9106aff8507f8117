"""The people of a family as a drawing: where each stands, and who is tied to whom. Pure.

INVARIANT: everything that the drawing shows, the description says, and the table beside it as well.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from gateway.calendar import said_day
from gateway.cases.model import Role
from gateway.cases.people import FamilyRecord, PersonOfFamily

_WIDTH: Final = 176
_HEIGHT: Final = 60
_GAP: Final = 24
_ROWS: Final = (Role.ADULT, Role.CHILD, Role.OTHER)
_ROW_GAP: Final = 64
_MARGIN: Final = 2
_MOST_CHARS: Final = 20


@dataclass(frozen=True, slots=True)
class Box:
    """One person: the box's left upper corner, and two lines of words."""

    x: int
    y: int
    name: str
    words: str
    role: Role


@dataclass(frozen=True, slots=True)
class Tie:
    """A line from a holder of parental responsibility to a child."""

    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole: boxes of one size, and the lines behind them."""

    width: int
    height: int
    box_width: int
    box_height: int
    boxes: tuple[Box, ...]
    ties: tuple[Tie, ...]
    description: str


def draw(record: FamilyRecord, *, today: date) -> Drawing:
    """Return the drawing of a family: adults above, children below, others last."""
    rows = [[each for each in record.people if each.role is role] for role in _ROWS]
    filled = [row for row in rows if row]
    widest = max((len(row) for row in filled), default=1)
    width = widest * _WIDTH + (widest - 1) * _GAP + 2 * _MARGIN
    boxes: dict[UUID, Box] = {}
    for number, row in enumerate(filled):
        left = (width - len(row) * _WIDTH - (len(row) - 1) * _GAP) // 2
        for place, person in enumerate(row):
            boxes[person.person_id] = Box(
                left + place * (_WIDTH + _GAP),
                _MARGIN + number * (_HEIGHT + _ROW_GAP),
                _short(person.name),
                words_of(person, today=today),
                person.role,
            )
    held = [
        (each.member, each.to)
        for each in record.members.relations
        if each.pr_basis not in {None, "none"} and each.member in boxes and each.to in boxes
    ]
    ties = tuple(_tie(boxes[holder], boxes[child]) for holder, child in held)
    height = len(filled) * _HEIGHT + max(len(filled) - 1, 0) * _ROW_GAP + 2 * _MARGIN
    return Drawing(
        width, height, _WIDTH, _HEIGHT, tuple(boxes.values()), ties, _description(record, held, today=today)
    )


def words_of(person: PersonOfFamily, *, today: date) -> str:
    """What a person is, and how old."""
    what = {Role.ADULT: "adult", Role.CHILD: "child", Role.OTHER: "other"}[person.role]
    age = person.age(today)
    if age is not None:
        return f"{what}, {age}"
    return what if person.born is None else f"{what}, expected {said_day(person.born)}"


def _tie(above: Box, below: Box) -> Tie:
    middle = _WIDTH // 2
    upper, lower = (above, below) if above.y <= below.y else (below, above)
    return Tie(upper.x + middle, upper.y + _HEIGHT, lower.x + middle, lower.y)


def _short(name: str) -> str:
    return name if len(name) <= _MOST_CHARS else name[: _MOST_CHARS - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _description(record: FamilyRecord, held: list[tuple[UUID, UUID]], *, today: date) -> str:
    names = {each.person_id: each.name for each in record.people}
    people = "; ".join(f"{each.name}, {words_of(each, today=today)}" for each in record.people)
    lines = [f"{names[holder]} holds parental responsibility for {names[child]}." for holder, child in held]
    return " ".join([f"{people}.", *lines])
