"""The officer's draft as a form: its sections, what each page asks, and the profile that the answers come to. Pure.

INVARIANTS
- A page changes the rows of its own fields; every other row stays as it is, in its place.
- A page that is sent back as it came changes nothing, whatever marks the rows have.
- What a page did not ask, or asked only for other kinds, is refused whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from agencies.catalogue import (
    ALWAYS_RELEASED,
    CATEGORIES,
    FIELDS,
    NAMED_ONLY,
    OUTSIDE_CONSENT,
    SHIELDED_FIELDS,
)
from agencies.model import (
    KINDS_WITHOUT_CASES,
    AgencyKind,
    Condition,
    FieldName,
    Mark,
    Profile,
    ProfileRow,
    Stage,
)
from agencies.register import is_shown_line
from agencies.rungs import rungs, told_at
from gateway.consent.receipt_words import CATEGORY_WORDS
from gateway.console.consent_form import Form, Wrong, typed_date
from gateway.console.profile_words import LEVEL_WORDS, STAGE_WORDS, WHEN_WORDS

BY_NAME: Final = "by-name"
ALWAYS: Final = "always"
AS_ABOVE: Final = "as-above"
"""Of a condition: that what is told without it is told with it, too."""

SECTIONS: Final[Mapping[str, tuple[FieldName, ...]]] = {
    **CATEGORIES,
    BY_NAME: tuple(name for name in FIELDS if name in NAMED_ONLY),
    ALWAYS: tuple(name for name in FIELDS if name == ALWAYS_RELEASED or name in OUTSIDE_CONSENT),
}
"""The fields of each page; every field is on one."""

ARTICLES_6: Final[Mapping[str, str]] = {
    "6(1)(a)": "consent",
    "6(1)(b)": "contract",
    "6(1)(c)": "legal obligation",
    "6(1)(d)": "vital interests",
    "6(1)(e)": "public task",
    "6(1)(f)": "legitimate interests",
}
ARTICLES_9: Final[Mapping[str, str]] = {
    "": "None: it gives no special category data",
    "9(2)(a)": "explicit consent",
    "9(2)(b)": "employment and social protection law",
    "9(2)(c)": "vital interests",
    "9(2)(d)": "not-for-profit bodies",
    "9(2)(e)": "made public by the person",
    "9(2)(f)": "legal claims",
    "9(2)(g)": "substantial public interest",
    "9(2)(h)": "health or social care",
    "9(2)(i)": "public health",
    "9(2)(j)": "archiving, research and statistics",
}
"""UK GDPR Article 6(1) and Article 9(2)."""

_SECTION_WORDS: Final = {BY_NAME: "Only by name", ALWAYS: "Whatever was agreed"}
_COUNTED: Final = {
    AgencyKind.COMMISSIONING: (Mark.A, "Only counted, with other families"),
    AgencyKind.POLICE: (Mark.B, "Only in a safeguarding referral"),
}
_REASON_RULE: Final = "Say why in one line of up to 200 characters; it must not begin with =, +, - or @."
_LINE_RULE: Final = "Enter its reference in one line of up to 200 characters."
_NOT_ASKED: Final = "The form says something that this page does not ask. Nothing was saved."


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a question, as the components take it."""

    value: str
    words: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a page asks of one field, of one row.

    Attributes:
        id: begins the names of its elements.
        heading: the field in words; of a row that counts under a condition, the condition.
        choices: for each stage the same.
        marks: by stage, the answer that is chosen; empty: none is.
    """

    id: str
    when: Condition
    heading: str
    choices: tuple[Choice, ...]
    marks: Mapping[Stage, str]
    reason: str

    @property
    def stages(self) -> Sequence[tuple[str, str, str]]:
        """Per stage the name of its element, its words, and what is chosen."""
        return [(f"{self.id}-{stage}", STAGE_WORDS[stage].capitalize(), self.marks[stage]) for stage in Stage]

    @property
    def stands(self) -> bool:
        """Whether there is such a row; one without a condition always counts as one."""
        return self.when is Condition.ALWAYS or any(mark != AS_ABOVE for mark in self.marks.values())


@dataclass(frozen=True, slots=True)
class Asked:
    """One field and everything that a page asks of it."""

    field: FieldName
    words: str
    always: Question
    under: tuple[Question, ...]


def section_words(section: str) -> str:
    """What a section is called."""
    named = _SECTION_WORDS.get(section) or CATEGORY_WORDS[section]
    return named[0].upper() + named[1:]


def questions(profile: Profile, section: str, *, kind: AgencyKind, form: Form | None = None) -> list[Asked]:
    """Return what a section's page asks.

    Args:
        form: what was typed, which is shown in place of what the profile says.
    """
    found = []
    for field in SECTIONS[section]:
        rows = {row.when: row for row in profile.rows if row.field == field}
        always, *under = (
            _question(field, when, rows.get(when), kind=kind, form=form)
            for when in (Condition.ALWAYS, *_conditions(field, kind))
        )
        found.append(Asked(field, FIELDS[field].description, always, tuple(under)))
    return found


def narrowed(profile: Profile, section: str) -> Profile:
    """The profile of nothing but a section's fields."""
    return replace(profile, rows=tuple(row for row in profile.rows if row.field in SECTIONS[section]))


def conditions_used(profile: Profile, section: str) -> frozenset[Condition]:
    """The conditions under which a section's fields are told otherwise than without any."""
    return frozenset(row.when for row in narrowed(profile, section).rows) - {Condition.ALWAYS}


def edited(profile: Profile, section: str, *, kind: AgencyKind, form: Form) -> Profile | Wrong:
    """Return the profile with what a section's page was answered, or the first answer that is wrong."""
    asked = questions(profile, section, kind=kind)
    known = {
        name
        for each in asked
        for question in (each.always, *each.under)
        for name in (*(name for name, _, _ in question.stages), f"{question.id}-reason")
    }
    if form.fields.keys() - known or any(len(form.many(name)) > 1 for name in known):
        return Wrong(f"{asked[0].always.id}-{Stage.PANEL}", _NOT_ASKED)
    rows: dict[tuple[FieldName, Condition], ProfileRow | None] = {}
    for each in asked:
        marks: Mapping[Stage, Mark] = {}
        for question in (each.always, *each.under):
            old = next((r for r in profile.rows if (r.field, r.when) == (each.field, question.when)), None)
            answer = _answer(each.field, question, old, form=form, above=marks)
            if isinstance(answer, Wrong):
                return answer
            rows[each.field, question.when] = answer
            if answer is not None and question.when is Condition.ALWAYS:
                marks = {stage: answer.mark(stage) for stage in Stage}
    return replace(profile, rows=tuple(_placed(profile.rows, rows)))


@dataclass(frozen=True, slots=True)
class Basis:
    """What a profile rests on, as the form says it."""

    agreement: str
    assessment: str
    article6: str
    article9: str
    review: Mapping[str, str]

    @classmethod
    def of(cls, profile: Profile, form: Form | None = None) -> "Basis":
        """What was typed, or what the profile says."""
        if form is not None:
            return cls(
                form.one("agreement"),
                form.one("assessment"),
                form.one("article6"),
                form.one("article9"),
                {part: form.one(f"review-{part}") for part in ("day", "month", "year")},
            )
        day = profile.review_on
        review = {"day": str(day.day), "month": str(day.month), "year": str(day.year)}
        return cls(profile.agreement, profile.assessment, profile.article6, profile.article9, review)


_BASIS_NAMES: Final = frozenset(
    {"agreement", "assessment", "article6", "article9", "review-day", "review-month", "review-year"}
)


def rested(profile: Profile, *, form: Form, today: date) -> Profile | Wrong:
    """Return the profile on what was typed that it rests on, or the first answer that is wrong."""
    if form.fields.keys() - _BASIS_NAMES or any(len(form.many(name)) > 1 for name in _BASIS_NAMES):
        return Wrong("agreement", _NOT_ASKED)
    basis = Basis.of(profile, form)
    if wrong := _wrong_basis(basis, profile):
        return wrong
    day = typed_date(form, "review")
    if not isinstance(day, date):
        return Wrong(f"review-{day or 'day'}", "Enter the day of the next review, for example 27 3 2028.")
    if day <= today and day != profile.review_on:
        return Wrong("review-year", "The next review has to be after today.")
    return replace(
        profile,
        agreement=_kept(basis.agreement, profile.agreement),
        assessment=_kept(basis.assessment, profile.assessment),
        article6=basis.article6,
        article9=basis.article9,
        review_on=day,
    )


def _wrong_basis(basis: Basis, profile: Profile) -> Wrong | None:
    """The first answer that is wrong, of those besides the date."""
    references = (
        ("agreement", basis.agreement, profile.agreement),
        ("assessment", basis.assessment, profile.assessment),
    )
    for name, typed, said in references:
        if not typed or not (is_shown_line(typed) or typed == said.strip()):
            return Wrong(name, _LINE_RULE)
    if basis.article6 not in ARTICLES_6:
        return Wrong("article6", "Choose the legal basis.")
    if basis.article9 not in ARTICLES_9:
        return Wrong("article9", "Choose the condition for special category data, or that there is none.")
    return None


def _conditions(field: FieldName, kind: AgencyKind) -> tuple[Condition, ...]:
    """The conditions that an agency of a kind can meet, of those that mean anything for a field."""
    can = {
        Condition.NAMED_WORKER: kind is AgencyKind.EARLY_HELP,
        Condition.ATTENDED: kind not in KINDS_WITHOUT_CASES and "attendees" in FIELDS[field].value.members,
        Condition.HOSTING_REFUGE: kind is AgencyKind.REFUGE and field in SHIELDED_FIELDS,
    }
    return tuple(when for when, holds in can.items() if holds)


def _question(
    field: FieldName, when: Condition, row: ProfileRow | None, *, kind: AgencyKind, form: Form | None
) -> Question:
    always = when is Condition.ALWAYS
    id_ = field if always else f"{field}-{when}"
    offered = _choices(field, kind)
    if form is not None:
        marks = {stage: form.one(f"{id_}-{stage}") for stage in Stage}
    elif row is not None:
        marks = {stage: _shown(field, row.mark(stage), offered) for stage in Stage}
    else:
        marks = dict.fromkeys(Stage, Mark.W.value if always else AS_ABOVE)
    said = row.reason if row is not None else ""
    return Question(
        id=id_,
        when=when,
        heading=FIELDS[field].description if always else WHEN_WORDS[when].capitalize(),
        choices=offered if always else (Choice(AS_ABOVE, "As above"), *offered),
        marks=marks,
        reason=said if form is None else form.one(f"{id_}-reason"),
    )


def _choices(field: FieldName, kind: AgencyKind) -> tuple[Choice, ...]:
    """What can be told of a field to an agency of a kind, the most first."""
    never = Choice(Mark.W.value, LEVEL_WORDS[Mark.W.level].capitalize())
    if kind in KINDS_WITHOUT_CASES:
        mark, words = _COUNTED[kind]
        return Choice(mark.value, words), never
    told = (Choice(level.name, LEVEL_WORDS[level].capitalize(), hint) for level, hint in rungs(field).items())
    return *told, never


def _shown(field: FieldName, mark: Mark, offered: Sequence[Choice]) -> str:
    """The answer that a mark is shown as: itself, or the step that it comes to, or never."""
    values = {each.value for each in offered}
    reached = told_at(field, mark.level).name
    return mark.value if mark.value in values else reached if reached in values else Mark.W.value


def _answer(
    field: FieldName,
    question: Question,
    old: ProfileRow | None,
    *,
    form: Form,
    above: Mapping[Stage, Mark],
) -> ProfileRow | Wrong | None:
    """The row that a question was answered with; none: it is as above."""
    values = {each.value for each in question.choices}
    typed = {stage: form.one(f"{question.id}-{stage}") for stage in Stage}
    for stage, chosen in typed.items():
        if chosen not in values:
            return Wrong(f"{question.id}-{stage}", f"Choose what is told {STAGE_WORDS[stage]}.")
    if set(typed.values()) == {AS_ABOVE}:
        return None
    reason = form.one(f"{question.id}-reason")
    said = "" if old is None else old.reason
    if not reason or not (is_shown_line(reason) or reason == said.strip()):
        return Wrong(f"{question.id}-reason", _REASON_RULE)
    marks = {
        stage: above[stage]
        if chosen == AS_ABOVE
        else old.mark(stage)
        if old is not None and chosen == question.marks[stage]
        else Mark(chosen)
        for stage, chosen in typed.items()
    }
    return ProfileRow(
        field, marks[Stage.PANEL], marks[Stage.SERVICE], question.when, reason=_kept(reason, said)
    )


def _kept(typed: str, said: str) -> str:
    """What was typed; what was said before, where only the space around it differs."""
    return said if typed == said.strip() else typed


def _placed(
    rows: Sequence[ProfileRow], changed: Mapping[tuple[FieldName, Condition], ProfileRow | None]
) -> Iterator[ProfileRow]:
    """The rows with those that changed in their places; a new one follows its field's last, or comes last of all."""
    last = {row.field: place for place, row in enumerate(rows)}
    stored = {(row.field, row.when) for row in rows}
    new = [row for key, row in changed.items() if key not in stored and row is not None]
    for place, row in enumerate(rows):
        stays = changed.get((row.field, row.when), row)
        if stays is not None:
            yield stays
        if last[row.field] == place:
            yield from (each for each in new if each.field == row.field)
    yield from (each for each in new if each.field not in last)
