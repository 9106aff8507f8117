"""What each step of a field's ladder tells, in words, and which steps a field has. Pure.

INVARIANT: every step that a ladder has besides withholding has words here, and no other has.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agencies.catalogue import FIELDS
from agencies.model import FieldName, Level

_ANY: Final = "Only that there is something"
_IMPACT: Final = "What it affects, not what it is"
_OWN_ACTION: Final = "The shared goal, and this agency's own actions"

_WORDS: Final[Mapping[str, Mapping[Level, str]]] = {
    "child_name": {Level.G1: "Initials"},
    "child_dob": {Level.G1: "Age in years", Level.G2: "An age band"},
    "adult_name": {Level.G1: "What they are in the family, such as mother"},
    "adult_dob": {Level.G1: "An age band"},
    "address": {Level.G1: "The ward", Level.G2: "The postcode district"},
    "contact": {Level.G1: "That contact goes through the lead practitioner, and whether it is safe"},
    "ethnicity": {Level.G1: "One of five groups"},
    "nhs_number": {Level.G1: "Whether it was verified"},
    "pupil_number": {Level.G1: "Whether the child is on a school's roll"},
    "school": {Level.G1: "The phase, such as primary"},
    "household": {
        Level.G1: "Relationships with ages and sexes, no names",
        Level.G2: "How many children and adults",
    },
    "risk_person": {Level.G1: "That there is a safety plan, and to ask early help"},
    "child_health": {Level.G1: _IMPACT, Level.G2: _ANY},
    "child_mental_health": {Level.G1: _IMPACT, Level.G2: _ANY},
    "adult_health": {Level.G1: _IMPACT, Level.G2: _ANY},
    "disability": {Level.G1: "The adjustments to make", Level.G2: _ANY},
    "sen": {Level.G1: "The broad area of need and the kind of provision", Level.G2: _ANY},
    "ehcp": {
        Level.G1: "That there is one, the month of its review and the sections for this agency",
        Level.G2: _ANY,
    },
    "attendance": {
        Level.G1: "A band, with suspensions and exclusions",
        Level.G2: "Only that it is a concern",
    },
    "finance": {Level.G1: "The kinds of money matters", Level.G2: _ANY},
    "housing": {Level.G1: "The kinds of problems", Level.G2: _ANY},
    "domestic_abuse": {Level.G1: "That specialist safety advice is available"},
    "offences": {Level.G1: "That risk advice applies"},
    "history": {
        Level.G1: "Headlines with their dates",
        Level.G2: "Whether there was early help before, and the year",
    },
    "assessment": {
        Level.G1: "Needs and strengths as codes",
        Level.G2: "Needs of the domains that concern this agency",
    },
    "plan": {Level.G1: _OWN_ACTION},
    "review": {Level.G1: "The outcome"},
    "minutes": {Level.G1: "This agency's own actions"},
    "services_now": {Level.G1: "The kind of service, never a sensitive one"},
    "services_past": {Level.G1: "The kind of service and the year, never a sensitive one"},
    "help_wanted": {Level.G1: "Needs as codes"},
    "worker_safety": {Level.G1: "That there is advice, and to ask early help"},
    "immigration": {Level.G1: "That advice about public funds is needed"},
}
_FULL: Final = "All that is recorded"
_FULL_WITH_TEXT: Final = "All that is recorded; free text only as far as it may leave"


def rungs(field: FieldName) -> Mapping[Level, str]:
    """Return what each step that a field has tells, the fullest first; one that it lacks is told by the next lower.

    Raises: KeyError, there is no such field.
    """
    ladder = FIELDS[field].ladder.rungs
    words = {**_WORDS.get(field, {}), Level.F: _FULL_WITH_TEXT if FIELDS[field].narrative else _FULL}
    lower = {Level.F: Level.G1, Level.G1: Level.G2, Level.G2: Level.W}
    own = (each for each in lower if ladder[each] is not None and ladder[each] != ladder[lower[each]])
    return MappingProxyType({each: words[each] for each in own})


def told_at(field: FieldName, level: Level) -> Level:
    """Return the step that a level comes to for a field: the highest that it has and that is not higher."""
    return max((each for each in rungs(field) if each <= level), default=Level.W)
