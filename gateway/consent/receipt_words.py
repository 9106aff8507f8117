"""The plain words of a receipt: for kinds of information, purposes and kinds of agency. Pure.

INVARIANTS
- Every category, every field that a consent must name, every purpose and every kind has words of its own; a code
  without words is refused, so that a new one cannot reach paper as a code.
- Each phrase can stand in a list on its own, and says nothing of anybody.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agencies.catalogue import CATEGORIES, FIELDS, Classification
from agencies.model import AgencyKind, FieldName, Purpose
from consent_registry.receipt import Catalogue

CATEGORY_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "names",
        "birth": "date of birth, age and sex",
        "address": "home address",
        "contact": "phone number and email",
        "ethnicity": "ethnic group",
        "nhs_number": "NHS number",
        "pupil_number": "pupil number, school and days at school",
        "relationships": "who is in the family and who lives together",
        "health": "health of body and mind",
        "financial": "money and housing",
        "history": "what happened before",
        "assessments": "what help is wanted, what we found, the plan and notes of meetings",
        "needs": "language, disability and learning needs",
        "services": "services that help now or helped before",
    }
)
"""The 14 consent categories."""

FIELD_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "risk_person": "that somebody may be a danger",
        "sensitive_services": "help with drugs, drink, mental or sexual health, or abuse",
        "domestic_abuse": "abuse at home",
        "offences": "crimes, or what somebody is said to have done",
        "immigration": "the right to stay here and to get public money",
    }
)
"""The fields that a consent covers only by name."""

PURPOSE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "P1": "to talk about who can help",
        "P2": "to give the help that was agreed",
        "P3": "to see how the help is going",
        "P4": "to ask the housing team for help with a home",
        "P5": "to check how good our work is, with no names",
        "P6": "to tell whoever asked for help how it went",
    }
)

KIND_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "early-help": "every early help team",
        "childrens-centres": "every children's centre",
        "health": "every health service",
        "camhs": "every mental health service for children",
        "family-support": "every family support team",
        "education": "every school and education service",
        "housing": "every housing service",
        "refuge": "every refuge",
        "voluntary": "every voluntary group",
        "charity": "every charity",
        "youth": "every youth service",
        "social-care": "every social care team",
        "commissioning": "every team that pays for services",
        "police": "the police",
    }
)
EVERY_AGENCY: Final = "every service"
EVERY_KIND_OF_DATA: Final = "all information"
EVERY_PURPOSE: Final = "for any reason"

_SENSITIVE: Final = frozenset(
    {
        Classification.CRIMINAL,
        Classification.MIXED,
        Classification.SENSITIVE,
        Classification.SPECIAL_CATEGORY,
    }
)


def words_of_data(code: str) -> str:
    """Return the words for a category, or for a field that was named.

    Raises: KeyError, there are none.
    """
    if code in CATEGORIES:
        return CATEGORY_WORDS[code]
    field = FIELDS[FieldName(code)]
    if field.category is None:
        return FIELD_WORDS[code]
    return field.words


def words_of_purpose(code: str) -> str:
    """Return the words for a purpose.

    Raises: KeyError, there are none.
    """
    return PURPOSE_WORDS[Purpose(code).value]


def words_of_kind(code: str) -> str:
    """Return the words for every agency of a kind.

    Raises: KeyError, there are none.
    """
    return KIND_WORDS[AgencyKind(code).value]


def receipt_catalogue() -> Catalogue:
    """Return the field catalogue as a receipt needs it."""
    return Catalogue(
        category_of={name: field.category for name, field in FIELDS.items()},
        special=_marked(frozenset({Classification.SPECIAL_CATEGORY})),
        sensitive=_marked(_SENSITIVE),
    )


def _marked(classes: frozenset[Classification]) -> frozenset[str]:
    """The fields of these classes, and the categories that hold one."""
    fields = {name for name, field in FIELDS.items() if field.classification in classes}
    return frozenset(
        {
            *fields,
            *(category for category, names in CATEGORIES.items() if not fields.isdisjoint(names)),
        }
    )
