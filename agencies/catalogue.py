"""The field catalogue: all 37 fields in order, and the consent categories that cover them.

INVARIANT: every field has an id, a shape and a ladder, and is in one consent category or in none.
INVARIANT: a field in no category is never covered by one: NAMED_ONLY must be named in the consent, F01 always
    goes, F36 is outside consent.

Pure: standard library only, no clock, no I/O.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from agencies.ladders import LADDERS, Ladder
from agencies.model import FieldId, FieldName, Subject
from agencies.shapes import SHAPES, ValueShape


class Classification(StrEnum):
    """What kind of data a field holds, by the strictest part of it."""

    ORDINARY = "O"
    QUASI_IDENTIFIER = "Q"
    DIRECT_IDENTIFIER = "I"
    MIXED = "mixed"
    """Coded parts and narrative of several kinds."""
    SENSITIVE = "X"
    """Sensitive in practice, no legal class of its own."""
    SPECIAL_CATEGORY = "S9"
    """UK GDPR Article 9."""
    CRIMINAL = "S10"
    """UK GDPR Article 10, allegations included."""


class ThirdParty(StrEnum):
    """Whose agreement a field about another person needs."""

    NONE = "none"
    """Everyone whom an item is about."""
    FLAG_EXCEPTION = "flag_exception"
    """The same, but the G1 flag needs only the adult being protected."""
    LEAD_DECISION = "lead_decision"
    """No agreement; the safeguarding lead's reasoned decision."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the catalogue.

    Attributes:
        category: the consent category that covers it, or None.
        value: the members of one of its values.
        ladder: what each level tells.
        narrative: the members that are free text.
        locating: the members that say where somebody is cared for or taught.
    """

    id: FieldId
    name: FieldName
    subject: Subject
    category: str | None
    classification: Classification
    description: str
    value: ValueShape
    ladder: Ladder
    narrative: frozenset[str]
    locating: frozenset[str]
    third_party: ThirdParty

    @property
    def words(self) -> str:
        """The description as it stands within a sentence: an abbreviation keeps its capitals."""
        said = self.description
        return said if said[1].isupper() else said[0].lower() + said[1:]


_CASE_FIELDS = frozenset({"F01", "F14", "F15", *(f"F{number}" for number in range(24, 37))})
_THIRD_PARTY: Mapping[str, ThirdParty] = MappingProxyType(
    {
        "F15": ThirdParty.FLAG_EXCEPTION,
        "F27": ThirdParty.FLAG_EXCEPTION,
        "F36": ThirdParty.LEAD_DECISION,
    }
)
_CATEGORY_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "name": "F02 F05",
        "birth": "F03 F04 F06",
        "address": "F07",
        "contact": "F08",
        "ethnicity": "F09",
        "nhs_number": "F11",
        "pupil_number": "F12 F13 F23",
        "relationships": "F14",
        "health": "F16 F17 F18",
        "financial": "F24 F25",
        "history": "F28",
        "assessments": "F29 F30 F31 F32 F35",
        "needs": "F10 F20 F21 F22",
        "services": "F33 F34",
    }
)
_CATEGORY_OF: Mapping[str, str] = MappingProxyType(
    {field_id: category for category, ids in _CATEGORY_FIELDS.items() for field_id in ids.split()}
)
_DESCRIPTIONS: Mapping[str, tuple[str, Classification]] = MappingProxyType(
    {
        "case_ref": ("The case's reference, different for each agency", Classification.ORDINARY),
        "child_name": ("A child's names", Classification.DIRECT_IDENTIFIER),
        "child_dob": ("A child's date of birth, or the expected date", Classification.DIRECT_IDENTIFIER),
        "child_sex": ("A child's sex, and gender where the child wishes", Classification.QUASI_IDENTIFIER),
        "adult_name": ("An adult's names", Classification.DIRECT_IDENTIFIER),
        "adult_dob": ("An adult's date of birth", Classification.DIRECT_IDENTIFIER),
        "address": ("Where a person lives", Classification.DIRECT_IDENTIFIER),
        "contact": ("How to reach a person safely", Classification.DIRECT_IDENTIFIER),
        "ethnicity": ("A person's ethnic group", Classification.SPECIAL_CATEGORY),
        "language": ("Language, interpreter and access needs", Classification.ORDINARY),
        "nhs_number": ("NHS number, and whether it was verified", Classification.DIRECT_IDENTIFIER),
        "pupil_number": ("Unique pupil number", Classification.DIRECT_IDENTIFIER),
        "school": ("School or setting", Classification.QUASI_IDENTIFIER),
        "household": ("Who is related to whom and who lives together", Classification.QUASI_IDENTIFIER),
        "risk_person": ("A person who may be a risk to the family", Classification.SENSITIVE),
        "child_health": ("A child's physical health", Classification.SPECIAL_CATEGORY),
        "child_mental_health": ("A child's mental and emotional health", Classification.SPECIAL_CATEGORY),
        "adult_health": ("An adult's health and its effect on parenting", Classification.SPECIAL_CATEGORY),
        "sensitive_services": ("A sensitive service that a person uses", Classification.SPECIAL_CATEGORY),
        "disability": ("Diagnoses, disability and adjustments", Classification.SPECIAL_CATEGORY),
        "sen": ("Special educational needs and provision", Classification.SPECIAL_CATEGORY),
        "ehcp": ("Education, health and care plan", Classification.SPECIAL_CATEGORY),
        "attendance": ("School attendance, suspensions and exclusions", Classification.SENSITIVE),
        "finance": ("Money matters that the request is about", Classification.SENSITIVE),
        "housing": ("Housing situation", Classification.SENSITIVE),
        "domestic_abuse": ("Domestic abuse, as the survivor agrees to tell it", Classification.CRIMINAL),
        "offences": ("Offences and allegations", Classification.CRIMINAL),
        "history": ("Dated events that matter to the request", Classification.SENSITIVE),
        "assessment": ("Needs and strengths found in the assessment", Classification.MIXED),
        "plan": ("Goals and actions of the plan", Classification.MIXED),
        "review": ("Outcomes of reviews and of closure", Classification.MIXED),
        "minutes": ("Minutes of a team around the family meeting", Classification.MIXED),
        "services_now": ("Services that help the family now", Classification.SENSITIVE),
        "services_past": ("Services that helped the family before", Classification.SENSITIVE),
        "help_wanted": ("What the family asks for, in their own words too", Classification.MIXED),
        "worker_safety": ("What a worker must know before a visit", Classification.SENSITIVE),
        "immigration": ("Immigration status and recourse to public funds", Classification.SENSITIVE),
    }
)


def _fields() -> Iterator[Field]:
    """The catalogue's entries, numbered in the order of the shapes."""
    for number, (name, shape) in enumerate(SHAPES.items(), start=1):
        field_id = f"F{number:02d}"
        description, classification = _DESCRIPTIONS[name]
        yield Field(
            id=FieldId(field_id),
            name=name,
            subject=Subject.CASE if field_id in _CASE_FIELDS else Subject.PERSON,
            category=_CATEGORY_OF.get(field_id),
            classification=classification,
            description=description,
            value=shape,
            ladder=LADDERS[name],
            narrative=shape.narrative,
            locating=shape.locating,
            third_party=_THIRD_PARTY.get(field_id, ThirdParty.NONE),
        )


FIELDS: Mapping[FieldName, Field] = MappingProxyType({entry.name: entry for entry in _fields()})
"""All 37 fields by name, F01 to F37."""

CATEGORIES: Mapping[str, tuple[FieldName, ...]] = MappingProxyType(
    {
        category: tuple(entry.name for entry in FIELDS.values() if entry.category == category)
        for category in _CATEGORY_FIELDS
    }
)
"""The 14 consent categories and the fields that each covers."""

ALWAYS_RELEASED = FieldName("case_ref")
"""F01: the recipient's own pseudonym goes with every extract."""

OUTSIDE_CONSENT: frozenset[FieldName] = frozenset({FieldName("worker_safety")})
"""F36: released by the lead's decision, not by consent."""

SHIELDED_FIELDS: frozenset[FieldName] = frozenset(map(FieldName, ("address", "contact", "school")))
"""What tells where somebody is: a shield takes it from everyone but those who know it anyway."""

NAMED_ONLY: frozenset[FieldName] = frozenset(
    entry.name
    for entry in FIELDS.values()
    if entry.category is None and entry.name != ALWAYS_RELEASED and entry.name not in OUTSIDE_CONSENT
)
"""F15, F19, F26, F27 and F37: a consent covers them only by name."""
