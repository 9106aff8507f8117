"""A family every leaf of whose record is a canary, and the places of all of them.

INVARIANTS
- Every text, number, day and identifier of every item is issued once (``mint``): finding it proves where it is from.
- Values are built from the shapes, so a member that a shape gains is in the corpus the same day.
- Codes of closed lists, languages, flags and the few codes of real agencies are no canaries.
- Narrative carries other people's canaries too: recased, re-spaced, and cut over two narratives.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count
from typing import Any

from agencies import identifiers, shapes
from agencies.model import FieldName
from agencies.shapes import SHAPES, Member
from tests.canary.mint import Mint, halves, recased, respaced

PEOPLE = {"mum": "adult", "gran": "adult", "ada": "child", "ben": "child", "cay": "child", "dad": "other"}
OF_CHILDREN = {
    *("child_name", "child_dob", "child_sex", "pupil_number", "school"),
    *("child_health", "child_mental_health", "sen", "ehcp", "attendance"),
}
OF_ADULTS = {"adult_name", "adult_dob", "adult_health"}
OF_PERSON = {
    *OF_CHILDREN,
    *OF_ADULTS,
    *(
        "address",
        "contact",
        "ethnicity",
        "language",
        "nhs_number",
        "sensitive_services",
        "disability",
        "immigration",
    ),
}
ABOUTS = {
    "household": [["mum", "ada"], ["mum", "ben"], ["gran", "cay"], ["ada", "ben"], ["dad", "ada"]],
    "risk_person": [["dad"]],
    "domestic_abuse": [["mum"], ["gran"]],
    "offences": [["dad"], ["gran"], ["ada"]],
}
ABOUTS_OF_CASE: list[list[str]] = [
    ["mum"],
    ["ada"],
    ["ben"],
    ["ada", "ben"],
    ["mum", "ada", "ben", "cay"],
    ["gran"],
    ["dad"],
    [],
]
_WORD = re.compile("zqx[a-z]{6}k")
AS_OF = "as_of"
COPIES = 2
"""Items of one field about the same people."""
BIRTH = frozenset({"child_dob", "adult_dob"})
"""Fields of which a person has one item."""


class Sort(StrEnum):
    """How a canary is looked for."""

    WORDS = "words"
    """Anywhere, capitals, spaces and punctuation aside."""
    DIGITS = "digits"
    """In any run of digits, whatever separates them."""
    COUNT = "count"
    """As a number of its own: it is too small for anything else."""


@dataclass(frozen=True)
class Leaf:
    """One canary: the item it is in, its place there, and the forms in which it is looked for.

    Attributes:
        member: the member of the value that it is in.
        name: the name it has itself, another one where the member is a list of objects.
        owner: the agency to whom the action belongs that it is part of.
        forms: what is looked for; of a narrative only its own word, for it repeats other people's.
    """

    item: int
    member: str
    name: str
    owner: str | None
    text: str
    sort: Sort
    forms: tuple[str, ...]


@dataclass
class Family:
    """One family as the council sends it, and all of its canaries.

    Attributes:
        never: what no extract may carry at all: who knows it, whose id it is, why it was decided.
    """

    document: dict[str, Any]
    leaves: list[Leaf] = field(default_factory=list)
    never: list[str] = field(default_factory=list)

    @property
    def source_ref(self) -> str:
        return str(self.document["source_ref"])

    @property
    def items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.document["items"]
        return items

    def person(self, name: str) -> str:
        """The council's id of one of ``PEOPLE``."""
        return f"{self.source_ref}-{name}"


def squeeze(text: str) -> str:
    """The normal form: letters and digits alone, no capitals."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())


def build(
    place: int, *, sources: Sequence[str] = (), shielded: str = "", workers: Sequence[str] = ()
) -> Family:
    """Build the family of one place.

    Args:
        sources: real agencies that know, provide, own and attend by turns; none: canaries do.
        shielded: who has a restricted address.
        workers: ids of the case's workers.
    """
    mint = Mint(place)
    family = Family({"source_ref": f"{mint.word()}-{place}"})
    family.never.append(squeeze(family.source_ref))
    family.document |= {
        "threshold_level": 2,
        "status": "open",
        "seals": [],
        "people": [_person(family, name, shielded) for name in PEOPLE],
        "workers": [{"id": worker, "from": "2026-01-01"} for worker in workers],
        "items": [],
    }
    builder = _Builder(family, mint, sources)
    for name in SHAPES:
        for about in _abouts(name):
            for _ in range(1 if name in BIRTH else COPIES):
                builder.add(name, [family.person(each) for each in about])
    return family


def _person(family: Family, name: str, shielded: str) -> dict[str, Any]:
    family.never.append(squeeze(family.person(name)))
    shield = {"shield": "restricted"} if name == shielded else {}
    risk = {"risk_person": True} if name == "dad" else {}
    return {"id": family.person(name), "role": PEOPLE[name], **risk, **shield}


def _abouts(name: str) -> list[list[str]]:
    if name == "case_ref":
        return []
    if name in OF_CHILDREN:
        return [["ada"], ["ben"], ["cay"]]
    if name in OF_ADULTS:
        return [["mum"], ["gran"], ["dad"]]
    if name in OF_PERSON:
        return [[each] for each in PEOPLE]
    return ABOUTS.get(name, ABOUTS_OF_CASE)


@dataclass
class _Builder:
    """Adds items to a family; every second turn takes the other choice."""

    family: Family
    mint: Mint
    sources: Sequence[str]
    _turns: Iterator[int] = field(default_factory=count)
    _spoken: list[str] = field(default_factory=list)
    _kept: str = ""

    def add(self, name: str, about: list[str]) -> None:
        """Add one item of a field about these people."""
        item: dict[str, Any] = {
            "field": name,
            "about": about,
            "source_agency": self._source(),
            "as_of": self.mint.past(),
            "kind": ("fact", "opinion", "family_report", "allegation")[self._turn() % 4],
        }
        place = len(self.family.items)
        item["value"] = self._value(SHAPES[FieldName(name)].members, place, about)
        if name in {"risk_person", "offences"}:
            mum, gran = self.family.person("mum"), self.family.person("gran")
            item["protects"] = gran if about == [mum] else mum
        self._mend(name, item["value"])
        self.family.items.append(item)
        self._keep_leaves(place, item)

    def _turn(self) -> int:
        return next(self._turns)

    def _source(self) -> str:
        if self.sources and self._turn() % 2:
            return self.sources[self._turn() // 2 % len(self.sources)]
        return self._agency()

    def _agency(self) -> str:
        return self.mint.word().lower()

    def _value(self, members: Mapping[str, Member], place: int, about: list[str]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, member in members.items():
            if isinstance(member.kind, shapes.PersonId):
                made[name] = about[0] if name == "member" else about[-1]
            elif isinstance(member.kind, shapes.Objects):
                made[name] = [self._value(member.kind.members, place, about) for _ in range(2)]
            else:
                made[name] = self._narrative() if member.narrative else self._plain(member.kind)
        return made

    def _plain(self, kind: object) -> object:
        """A value of its own, where the kind lets it have one."""
        match kind:
            case shapes.Text():
                return f"{self.mint.word()}-{self.mint.word()} O'Tree"
            case shapes.Texts():
                return [f"{self._turn()} {self.mint.word()} Road", self.mint.word()]
            case shapes.Day(past):
                return self.mint.past() if past else self.mint.future()
            case shapes.Count(most):
                return self.mint.sessions() if most <= 1000 else int(self.mint.digits("300{:05d}"))
            case shapes.NhsNumber() | shapes.Identifier():
                return self._identifier(kind)
        return self._chosen(kind)

    def _chosen(self, kind: object) -> object:
        """A value of a closed list, or of those who take part."""
        turn = self._turn()
        match kind:
            case shapes.Code(allowed):
                return allowed[turn % len(allowed)]
            case shapes.Codes(allowed):
                return list(
                    dict.fromkeys([allowed[turn % len(allowed)], allowed[(turn * 7 + 1) % len(allowed)]])
                )
            case shapes.Flag():
                return turn % 2 == 0
            case shapes.Language():
                return ("ig", "en", "pt-BR")[turn % 3]
            case shapes.Agency():
                return self._source()
            case shapes.Agencies():
                return list(dict.fromkeys([*self.sources[: 1 + turn % 2], self._agency(), self._agency()]))
        raise AssertionError(kind)

    def _identifier(self, kind: shapes.NhsNumber | shapes.Identifier) -> str:
        if isinstance(kind, shapes.NhsNumber):
            return self.mint.nhs_number()
        made: dict[Callable[[str], str], Callable[[], str]] = {
            identifiers.postcode: self.mint.postcode,
            identifiers.upn: self.mint.upn,
            identifiers.uprn: lambda: self.mint.digits("7{:09d}"),
            identifiers.urn: lambda: self.mint.digits("1{:05d}"),
            identifiers.ward: lambda: self.mint.digits("E05{:06d}"),
            identifiers.snomed: lambda: self.mint.digits("4{:08d}"),
        }
        return made[kind.normalise]()

    def _narrative(self) -> str:
        """Free text with a canary of its own, and somebody else's in disguise."""
        own, turn = self.mint.word(), self._turn()
        other = self._kept
        self._kept = ""
        if not other and self._spoken:
            other = self._spoken[turn * 5 % len(self._spoken)]
            if turn % 4 == 0:
                other, self._kept = halves(other)
            elif turn % 4 == 1:
                other = respaced(other)
            elif turn % 4 == 2:
                other = recased(other)
        return f"They told us on {own} that {other} was there; the rest we know from school."

    def _mend(self, name: str, value: dict[str, Any]) -> None:
        """Make members fit each other where a field has a rule between them."""
        if name in BIRTH:
            value |= {
                "certainty": "exact",
                "date": self.mint.born() if name == "child_dob" else self.mint.past(),
            }
        elif name == "contact":
            phone = value["kind"] == "phone"
            value["value"] = (
                self.mint.digits("+44 7700 1{:05d}") if phone else f"{self.mint.word()}@example.org"
            )
        elif name == "pupil_number":
            value["status"] = "permanent"
        elif name == "school":
            value["phase"] = ("primary", "secondary")[self._turn() % 2]
        elif name in {"services_now", "services_past"}:
            value["from"], value["to"] = sorted([value["from"], self.mint.past()])
            value["service_type"], value["sensitive"] = (
                ("substance_use", True) if self._turn() % 3 == 0 else ("gp", False)
            )
        elif name == "attendance":
            value["from"], value["to"] = sorted([value["from"], value["to"]])

    def _keep_leaves(self, place: int, item: dict[str, Any]) -> None:
        family, field_name = self.family, item["field"]
        if item["source_agency"] not in self.sources:
            family.never.append(squeeze(item["source_agency"]))
        members = SHAPES[FieldName(field_name)].members
        day = str(item["as_of"])
        family.leaves.append(Leaf(place, AS_OF, AS_OF, None, day, Sort.DIGITS, forms_of(day, Sort.DIGITS)))
        for leaf in _leaves(members, item["value"], place):
            if leaf.text in self.sources:
                continue
            if not members[leaf.member].released:
                family.never.append(leaf.forms[0])
                continue
            family.leaves.append(leaf)
            narrative = members[leaf.member].narrative
            if not narrative and field_name in {
                "child_name",
                "adult_name",
                "nhs_number",
                "address",
                "contact",
            }:
                self._spoken.append(leaf.text)


_NO_CANARIES = shapes.Code | shapes.Codes | shapes.Flag | shapes.Language | shapes.PersonId


def _leaves(members: Mapping[str, Member], value: Mapping[str, Any], place: int) -> Iterator[Leaf]:
    for name, held in value.items():
        kind = members[name].kind
        if isinstance(kind, shapes.Objects):
            inner = (leaf for entry in held for leaf in _leaves(kind.members, entry, place))
            yield from (replace(leaf, member=name) for leaf in inner)
        elif not isinstance(kind, _NO_CANARIES):
            for each in held if isinstance(held, list) else [held]:
                text, sort = str(each), sort_of(kind, each)
                forms = forms_of(text, sort)
                forms = forms[:1] if members[name].narrative else forms
                yield Leaf(place, name, name, value.get("owner"), text, sort, forms)


def sort_of(kind: object, value: object) -> Sort:
    """How a leaf of this kind is looked for."""
    if isinstance(kind, shapes.Count):
        return Sort.COUNT if kind.most <= 1000 else Sort.DIGITS
    return Sort.WORDS if any(sign.isalpha() for sign in str(value)) else Sort.DIGITS


def forms_of(text: str, sort: Sort) -> tuple[str, ...]:
    """The forms in which a leaf is looked for: each of its words, or all of it."""
    if sort is Sort.DIGITS:
        return ("".join(sign for sign in text if sign.isdigit()),)
    normal = squeeze(text)
    return tuple(_WORD.findall(normal)) or (normal,)
