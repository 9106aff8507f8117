"""The answers of a consent journey: what each page asks, what is wrong with it, and the decisions it comes to. Pure.

INVARIANTS
- Nothing is ticked beforehand that lets data out: silence is no (UK GDPR recital 32).
- An act that closes asks for nothing; what is left out of it means everything.
- The answers travel in the form itself, so a page left open loses nobody's work; they are checked whole at the end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from agencies.catalogue import CATEGORIES
from agencies.codes import PR_BASES
from consent_registry.birthdays import EIGHTEEN, SIXTEEN, birthday
from consent_registry.model import TALK_TO_ME_FIRST, Act, Capacity
from gateway.cases.model import Role
from gateway.cases.people import FamilyRecord, PersonOfFamily
from gateway.consent.family import NO_RESPONSIBILITY
from gateway.consent.receipt_words import FIELD_WORDS
from gateway.ids import read_id
from gateway.strict_json import JsonValue

SERVED: Final = ("P1", "P2", "P3")
INTERPRETED: Final = "interpreter_mediated"
_YEAR_DIGITS: Final = 4
METHODS: Final[Mapping[str, str]] = {
    "signed_form": "They signed a form",
    "recorded_verbal": "They said it, and I write it down now",
    "electronic_form": "They filled in a form on a screen",
    INTERPRETED: "Through an interpreter",
}
AUTHORITIES: Final[Mapping[str, str]] = {
    "lasting_power_of_attorney": "Lasting power of attorney",
    "deputy": "Deputy of the court",
    "independent_advocate": "Independent advocate",
    "best_interests": "Best interests decision",
}
BASES: Final[Mapping[str, str]] = {
    "birth_mother": "Birth mother",
    "married_father": "Father, married to the mother",
    "birth_registered_father": "Father, on the birth certificate",
    "pr_agreement": "Parental responsibility agreement",
    "pr_order": "Parental responsibility order",
    "child_arrangements_order": "Child arrangements order",
    "guardian": "Guardian",
    "special_guardian": "Special guardian",
    "step_parent_s4A": "Step-parent, by agreement or order",
    "adopter": "Adopter",
    "second_parent_HFEA": "Second parent at birth",
    "care_order_LA": "The council, by a care order",
}


class Page(StrEnum):
    """The pages of giving, in their order."""

    SPEAKER = "speaker"
    ABOUT = "about"
    WHAT = "what"
    CHOOSE = "choose"
    HOW = "how"
    CHECK = "check"


class What(StrEnum):
    """What somebody agrees to, as they are asked (the presets)."""

    CHOSEN = "chosen"
    PANEL = "panel"
    TALK_FIRST = "talk"


class Stop(StrEnum):
    """What somebody says who agrees to nothing, or to nothing any more."""

    REFUSE = "refuse"
    TALK_FIRST = "talk"
    WITHDRAW = "withdraw"

    @property
    def act(self) -> Act:
        """The act that it is recorded as."""
        return {Stop.REFUSE: Act.REFUSE, Stop.TALK_FIRST: Act.HOLD}.get(self, Act.WITHDRAW)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with an answer: ``field`` is the id of its element, ``sentence`` says what to do."""

    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """One person's decision as the form makes it: whose, by whom, and the document."""

    person_id: UUID
    speaker_id: UUID | None
    document: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Background:
    """What the form is filled in before: nothing that anybody typed.

    Attributes:
        shown: by agency, the version of its profile that is effective, hence shown.
        notice: id and version of the council's notice.
    """

    record: FamilyRecord
    today: date
    lapse_at_sixteen: bool
    username: str
    shown: Mapping[str, int]
    notice: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed so far: every field with its values; unknown fields stay where they are."""

    fields: Mapping[str, Sequence[str]]

    def one(self, name: str) -> str:
        """The value of a field, empty where there is none."""
        values = self.fields.get(name, ())
        return values[0].strip() if values else ""

    def many(self, name: str) -> tuple[str, ...]:
        """The values of a field."""
        return tuple(self.fields.get(name, ()))

    @property
    def id(self) -> UUID | None:
        """What tells this journey from another: the same one sent twice is recorded once."""
        return read_id(self.one("form"))

    def versions(self) -> Mapping[UUID, int]:
        """By person, the version of the standing that this form was begun on."""
        found = {}
        for name in self.fields:
            person, value = read_id(name.removeprefix("version-")), self.one(name)
            if name.startswith("version-") and person and value.isascii() and value.isdigit():
                found[person] = int(value[:9])
        return found

    @property
    def speaker(self) -> UUID | None:
        """Who speaks."""
        return read_id(self.one("speaker"))

    @property
    def about(self) -> tuple[UUID, ...]:
        """Whose information it is about, each once."""
        return tuple(dict.fromkeys(filter(None, map(read_id, self.many("about")))))


def decision_id(form_id: UUID, person_id: UUID) -> UUID:
    """The id of the decision that one form makes for one person."""
    return uuid5(form_id, str(person_id))


def speakers(record: FamilyRecord) -> list[PersonOfFamily]:
    """Who can be asked: nobody who is listed as a risk."""
    return [each for each in record.people if not each.risk_person]


def subjects(background: Background, speaker_id: UUID) -> list[PersonOfFamily]:
    """For whom somebody may be able to speak: themself first."""
    record = background.record
    speaker = record.person(speaker_id)
    if speaker is None or speaker.risk_person:
        return []
    if speaker.role is Role.CHILD:
        return [speaker]
    others = [
        each
        for each in record.people
        if not each.risk_person
        and each.person_id != speaker_id
        and not (each.role is Role.CHILD and _decides_alone(background, each))
        and record.members.parental.get((speaker_id, each.person_id)) != NO_RESPONSIBILITY
    ]
    return [speaker, *others]


def capacity(background: Background, speaker_id: UUID, person: PersonOfFamily) -> Capacity:
    """As what somebody speaks for a person."""
    child = person.role is Role.CHILD
    if person.person_id == speaker_id:
        young = child and not _is_over(SIXTEEN, person, background.today)
        return Capacity.COMPETENT_CHILD if young else Capacity.SELF
    return Capacity.PARENTAL_RESPONSIBILITY if child else Capacity.REPRESENTATIVE


def capacities(background: Background, form: Form) -> frozenset[Capacity]:
    """As what whoever speaks would speak for those whom it is about: what has to be evidenced."""
    speaker = form.speaker
    if speaker is None:
        return frozenset()
    people = [background.record.person(each) for each in form.about]
    return frozenset(capacity(background, speaker, each) for each in people if each is not None)


def next_page(page: Page, form: Form) -> Page:
    """The page after this one."""
    order = [*pages_of(form), Page.CHECK]
    return order[min(order.index(page) + 1, len(order) - 1)] if page in order else Page.HOW


def faults(page: Page, form: Form, background: Background) -> Iterator[Wrong]:
    """Yield what is wrong with the answers of one page."""
    match page:
        case Page.SPEAKER:
            if form.speaker not in {each.person_id for each in speakers(background.record)}:
                yield Wrong("speaker", "Choose who is speaking.")
        case Page.ABOUT:
            yield from _about_faults(form, background)
        case Page.WHAT:
            if form.one("what") not in set(What):
                yield Wrong("what", "Choose what they agree to.")
        case Page.CHOOSE:
            yield from _choice_faults(form)
        case Page.HOW:
            yield from _how_faults(form, background)
        case Page.CHECK:
            for each in pages_of(form):
                yield from faults(each, form, background)


def pages_of(form: Form) -> list[Page]:
    """The pages that were asked of this form, in their order, without the check of them all."""
    chosen = form.one("what") == What.CHOSEN
    return [each for each in Page if each is not Page.CHECK and (chosen or each is not Page.CHOOSE)]


def yeses(form: Form, background: Background) -> list[Spoken]:
    """Return the decisions of a form of which nothing is wrong: one for everybody whom it is about."""
    form_id, speaker = form.id, form.speaker
    if form_id is None or speaker is None:
        return []
    found = []
    for person_id in form.about:
        person = background.record.person(person_id)
        if person is None:
            continue
        kind = capacity(background, speaker, person)
        document: dict[str, JsonValue] = {
            **_core(form_id, person_id, background, act=Act.GIVE),
            "given_by": {"person": str(speaker), "capacity": kind.value},
            "agencies": list(_agencies(form, background)),
            "categories": [*sorted(_categories(form))],
            "fields": [*sorted(_named(form))],
            "purposes": list(_purposes(form)),
            "method": form.one("method"),
            "notice": {
                "id": background.notice[0],
                "version": background.notice[1],
                "language": form.one("language"),
            },
            "profiles_shown": {code: background.shown[code] for code in sorted(_agencies(form, background))},
            "evidence": _evidence(form, background, kind),
        }
        if form.one("alone"):
            document["alone_and_safe"] = form.one("alone")
        ends = typed_date(form, "until")
        if isinstance(ends, date):
            document["valid_until"] = ends.isoformat()
        found.append(Spoken(person_id, speaker, document))
    return found


def noes(form: Form, background: Background, *, everyone: Sequence[UUID]) -> list[Spoken]:
    """Return the decisions of a form that closes; whatever it leaves out, or names in vain, means everything.

    Args:
        everyone: in the family, or who ever decided in it.
    """
    form_id = form.id
    if form_id is None:
        return []
    named = [each for each in everyone if each in form.about]
    agencies = [each for each in form.many("agencies") if each in background.shown]
    stop = Stop(form.one("said")) if form.one("said") in set(Stop) else Stop.WITHDRAW
    speaker = form.speaker
    found = []
    for person_id in named or everyone:
        document = _core(form_id, person_id, background, act=stop.act)
        if agencies:
            document["agencies"] = [*agencies]
        if stop is Stop.TALK_FIRST:
            document["reason"] = TALK_TO_ME_FIRST
        person = background.record.person(person_id)
        if speaker is not None and person is not None:
            kind = capacity(background, speaker, person)
            document["given_by"] = {"person": str(speaker), "capacity": kind.value}
        found.append(Spoken(person_id, speaker, document))
    return found


def talks_first(form: Form) -> Form:
    """The form of a stop that somebody asks for who was asked for a yes: talk to me first."""
    kept = {name: values for name, values in form.fields.items() if name in {"form", "speaker", "about"}}
    return Form({**kept, "said": (Stop.TALK_FIRST.value,)})


def typed_date(form: Form, name: str) -> date | str | None:
    """The date that was typed; absent: none was; a text: what is wrong with it, the part to mend first."""
    parts = [form.one(f"{name}-{part}") for part in ("day", "month", "year")]
    if not any(parts):
        return None
    for part, typed in zip(("day", "month", "year"), parts, strict=True):
        if not (typed.isascii() and typed.isdigit() and len(typed) <= _YEAR_DIGITS):
            return part
    day, month, year = map(int, parts)
    try:
        return date(year, month, day)
    except ValueError:
        return "day"


def _core(form_id: UUID, person_id: UUID, background: Background, *, act: Act) -> dict[str, JsonValue]:
    """What every decision says: the case and the person by our own ids."""
    return {
        "decision_id": str(decision_id(form_id, person_id)),
        "case_ref": str(background.record.identity.case_id),
        "person": str(person_id),
        "act": act.value,
        "recorded_by": background.username,
    }


def _agencies(form: Form, background: Background) -> tuple[str, ...]:
    chosen = form.many("agencies") if form.one("what") == What.CHOSEN else background.shown
    return tuple(sorted({each for each in chosen if each in background.shown}))


def _categories(form: Form) -> frozenset[str]:
    if form.one("what") != What.CHOSEN:
        return frozenset(CATEGORIES)
    return frozenset(form.many("data")) & frozenset(CATEGORIES)


def _named(form: Form) -> frozenset[str]:
    """The fields that only a name covers: never by a preset."""
    return (
        frozenset(form.many("named")) & FIELD_WORDS.keys() if form.one("what") == What.CHOSEN else frozenset()
    )


def _purposes(form: Form) -> tuple[str, ...]:
    chosen = form.many("purposes") if form.one("what") == What.CHOSEN else SERVED
    return tuple(each for each in SERVED if each in chosen)


def _about_faults(form: Form, background: Background) -> Iterator[Wrong]:
    speaker = form.speaker
    known = set() if speaker is None else {each.person_id for each in subjects(background, speaker)}
    if not form.about or not known.issuperset(form.about):
        yield Wrong("about", "Choose whose information this is about.")


def _choice_faults(form: Form) -> Iterator[Wrong]:
    if not form.many("agencies"):
        yield Wrong("agencies", "Choose at least one service.")
    if not _categories(form) and not _named(form):
        yield Wrong("data", "Choose at least one kind of information.")
    if not _purposes(form):
        yield Wrong("purposes", "Choose what it may be used for.")


def _how_faults(form: Form, background: Background) -> Iterator[Wrong]:
    if form.one("method") not in METHODS:
        yield Wrong("method", "Choose how they agreed.")
    if not form.one("alone") and background.record.members.needs_care:
        yield Wrong("alone", "Say whether they were alone and safe.")
    if form.one("method") == INTERPRETED and not form.one("interpreter"):
        yield Wrong("interpreter", "Enter who interpreted; nobody of the family may.")
    if not form.one("language"):
        yield Wrong("language", "Enter the language of the notice, for example en.")
    yield from _evidence_faults(capacities(background, form), form)
    ends = typed_date(form, "until")
    if isinstance(ends, str):
        yield Wrong(f"until-{ends}", "Enter a date that exists, or leave it empty.")


def _evidence_faults(kinds: Iterable[Capacity], form: Form) -> Iterator[Wrong]:
    if Capacity.PARENTAL_RESPONSIBILITY in kinds:
        if form.one("basis") not in BASES or form.one("basis") not in PR_BASES:
            yield Wrong("basis", "Choose on what they hold parental responsibility.")
        if not form.one("seen"):
            yield Wrong("seen", "Enter what you saw of it.")
    if Capacity.COMPETENT_CHILD in kinds and not form.one("competence"):
        yield Wrong("competence", "Enter why the child can decide this.")
    if Capacity.REPRESENTATIVE in kinds:
        if form.one("authority") not in AUTHORITIES:
            yield Wrong("authority", "Choose by what authority they decide for an adult.")
        if not form.one("authority-seen"):
            yield Wrong("authority-seen", "Enter what you saw of it.")


def _evidence(form: Form, background: Background, kind: Capacity) -> dict[str, JsonValue]:
    evidence: dict[str, JsonValue] = {}
    if kind is Capacity.PARENTAL_RESPONSIBILITY:
        evidence["parental_responsibility"] = {"basis": form.one("basis"), "seen": form.one("seen")}
    elif kind is Capacity.COMPETENT_CHILD:
        evidence["competence"] = {
            "assessor": background.username,
            "assessed_on": background.today.isoformat(),
            "reasons": form.one("competence"),
        }
    elif kind is Capacity.REPRESENTATIVE:
        evidence["representative"] = {
            "authority": form.one("authority"),
            "seen": form.one("authority-seen"),
        }
    if form.one("method") == INTERPRETED:
        evidence["interpreter"] = {"id": form.one("interpreter"), "relative": False}
    return evidence


def _decides_alone(background: Background, person: PersonOfFamily) -> bool:
    years = SIXTEEN if background.lapse_at_sixteen else EIGHTEEN
    return _is_over(years, person, background.today)


def _is_over(years: int, person: PersonOfFamily, today: date) -> bool:
    return person.born is not None and birthday(person.born, years) <= today
