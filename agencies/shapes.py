"""The shape of every field's value, as data.

INVARIANT: all 37 fields have a shape; the shape of ``case_ref`` has no members because the gateway issues it.
INVARIANT: a member says here, and nowhere else, that it is narrative (free text, released only after review),
    that it names an agency (kinds ``Agency``, ``Agencies``) or a person (kind ``PersonId``), that it says where somebody
    is cared for or taught, or that it is never released.

Pure: standard library only, no clock, no I/O.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from agencies import codes, identifiers
from agencies.model import FieldName


@dataclass(frozen=True, slots=True)
class Text:
    """Unicode text with something besides spaces; at most ``most`` characters."""

    most: int


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of texts, at least ``least`` and at most ``most`` of them."""

    each: Text
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Code:
    """One code of a closed list."""

    allowed: codes.CodeList


@dataclass(frozen=True, slots=True)
class Codes:
    """Distinct codes of a closed list, at least ``least``."""

    allowed: codes.CodeList
    least: int = 1


@dataclass(frozen=True, slots=True)
class Day:
    """An ISO 8601 date from 1900 on; ``past`` forbids days after today."""

    past: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number from 0 to ``most``; money counts pence."""

    most: int


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True)
class NhsNumber:
    """See ``identifiers.nhs_number``; which range is right depends on the deployment."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """Text that ``normalise`` accepts; it raises IdentifierError on any other."""

    normalise: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Language:
    """A BCP 47 tag of language, script, region and variants."""


@dataclass(frozen=True, slots=True)
class Agency:
    """The code of an agency."""


@dataclass(frozen=True, slots=True)
class Agencies:
    """Distinct agency codes, at least one."""


@dataclass(frozen=True, slots=True)
class PersonId:
    """The case document's id of a person: never released as it stands."""


@dataclass(frozen=True, slots=True)
class Objects:
    """A list of objects, at least one, each with these members."""

    members: Mapping[str, "Member"]


Kind: TypeAlias = (
    Text
    | Texts
    | Code
    | Codes
    | Day
    | Count
    | Flag
    | NhsNumber
    | Identifier
    | Language
    | Agency
    | Agencies
    | PersonId
    | Objects
)


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a value.

    Attributes:
        narrative: free text, left out of every extract unless narrative is allowed.
        released: False for what stays inside the council whatever the level.
        locates: says where somebody is cared for or taught, so that it never leaves under an address shield.
    """

    kind: Kind
    required: bool = True
    narrative: bool = False
    released: bool = True
    locates: bool = False


@dataclass(frozen=True, slots=True)
class ValueShape:
    """The members of one field's value, by name, in their written order."""

    members: Mapping[str, Member]

    @property
    def narrative(self) -> frozenset[str]:
        """Names of the members that are narrative."""
        return frozenset(name for name, member in self.members.items() if member.narrative)

    @property
    def locating(self) -> frozenset[str]:
        """Names of the members that say where somebody is cared for or taught."""
        return frozenset(name for name, member in self.members.items() if member.locates)


NAME_PART = Text(most=70)
LABEL = Text(most=200)
NARRATIVE = Text(most=4000)
SUMMARY = Text(most=600)
PENCE = Count(most=100_000_000)
SESSIONS = Count(most=1000)


def _shape(**members: Member) -> ValueShape:
    return ValueShape(MappingProxyType(members))


def _need(kind: Kind) -> Member:
    return Member(kind)


def _may(kind: Kind) -> Member:
    return Member(kind, required=False)


def _narrative(kind: Kind = NARRATIVE, *, required: bool = False) -> Member:
    return Member(kind, required=required, narrative=True)


_NAME = _shape(type=_need(Code(codes.NAME_TYPES)), given=_need(NAME_PART), family=_need(NAME_PART))
_BIRTH = _shape(date=_need(Day()), certainty=_need(Code(codes.DATE_CERTAINTIES)))
_ACTION = MappingProxyType(
    {"owner": _need(Agency()), "action": _need(Code(codes.ACTIONS)), "due": _may(Day())}
)
# "from" is a keyword of the language, so these shapes are written as mappings.
_PERIOD_OF_SCHOOL: dict[str, Member] = {"from": _need(Day(past=True)), "to": _need(Day(past=True))}
_SERVICE: Mapping[str, Member] = {
    "service_type": _need(Code(codes.SERVICE_TYPES)),
    "agency": _need(Agency()),
    "worker": Member(LABEL, required=False, locates=True),
    "from": _need(Day(past=True)),
    "to": _may(Day()),
    "sensitive": _may(Flag()),
}


def _health(impacts: codes.CodeList) -> ValueShape:
    return _shape(
        impact=_need(Codes(impacts)),
        snomed=_may(Identifier(identifiers.snomed)),
        statement=_narrative(),
    )


SHAPES: Mapping[FieldName, ValueShape] = MappingProxyType(
    {
        FieldName("case_ref"): _shape(),
        FieldName("child_name"): _NAME,
        FieldName("child_dob"): _BIRTH,
        FieldName("child_sex"): _shape(sex=_need(Code(codes.SEXES)), gender=_may(NAME_PART)),
        FieldName("adult_name"): _NAME,
        FieldName("adult_dob"): _BIRTH,
        FieldName("address"): _shape(
            lines=_need(Texts(LABEL, least=0, most=7)),
            postcode=_need(Identifier(identifiers.postcode)),
            uprn=_may(Identifier(identifiers.uprn)),
            ward=_may(Identifier(identifiers.ward)),
        ),
        FieldName("contact"): _shape(
            kind=_need(Code(codes.CONTACT_KINDS)),
            value=_need(Text(most=254)),
            safe_to_use=_need(Flag()),
            do_not_leave_message=_may(Flag()),
            safe_times=_narrative(),
        ),
        FieldName("ethnicity"): _shape(code=_need(Code(codes.ETHNICITIES)), self_defined=_narrative()),
        FieldName("language"): _shape(
            language=_need(Language()),
            interpreter=_need(Flag()),
            access=_may(Codes(codes.ACCESS_NEEDS)),
        ),
        FieldName("nhs_number"): _shape(number=_need(NhsNumber()), verified=_need(Flag())),
        FieldName("pupil_number"): _shape(
            upn=Member(Identifier(identifiers.upn), locates=True), status=_need(Code(codes.UPN_STATUSES))
        ),
        FieldName("school"): _shape(
            name=_may(LABEL), urn=_may(Identifier(identifiers.urn)), phase=_need(Code(codes.SCHOOL_PHASES))
        ),
        FieldName("household"): _shape(
            member=_need(PersonId()),
            relationship=_need(Code(codes.RELATIONSHIPS)),
            to=_need(PersonId()),
            resident=_need(Code(codes.RESIDENCES)),
            pr_basis=Member(Code(codes.PR_BASES), required=False, released=False),
        ),
        FieldName("risk_person"): _shape(
            basis=_need(Code(codes.RISK_BASES)), name=_may(LABEL), detail=_narrative()
        ),
        FieldName("child_health"): _health(codes.CHILD_HEALTH_IMPACTS),
        FieldName("child_mental_health"): _health(codes.CHILD_MENTAL_HEALTH_IMPACTS),
        FieldName("adult_health"): _health(codes.ADULT_HEALTH_IMPACTS),
        FieldName("sensitive_services"): _shape(
            service=_need(Code(codes.SENSITIVE_SERVICES)), statement=_narrative()
        ),
        FieldName("disability"): _shape(
            need=_need(Code(codes.DISABILITY_NEEDS)),
            certainty=_need(Code(codes.DIAGNOSIS_CERTAINTIES)),
            adjustments=_need(Codes(codes.ADJUSTMENTS, least=0)),
            by=Member(LABEL, required=False, locates=True),
            date=_may(Day(past=True)),
        ),
        FieldName("sen"): _shape(
            type=_need(Code(codes.SEN_TYPES)), provision=_need(Code(codes.SEN_PROVISIONS))
        ),
        FieldName("ehcp"): _shape(
            sections=_need(Codes(codes.EHCP_SECTIONS)), review_on=_need(Day()), summary=_narrative()
        ),
        FieldName("attendance"): ValueShape(
            MappingProxyType(
                {name: _need(SESSIONS) for name in ("possible", "attended", "suspensions", "exclusions")}
                | _PERIOD_OF_SCHOOL
            )
        ),
        FieldName("finance"): _shape(
            category=_need(Code(codes.FINANCE_CATEGORIES)),
            pence=_may(PENCE),
            relevance=_narrative(required=True),
        ),
        FieldName("housing"): _shape(
            tenure=_need(Code(codes.TENURES)),
            issues=_need(Codes(codes.HOUSING_ISSUES, least=0)),
            arrears_pence=_may(PENCE),
            homeless_within_56_days=_need(Flag()),
        ),
        FieldName("domestic_abuse"): _shape(
            marker=_need(Code(codes.DOMESTIC_ABUSE_MARKERS)), statement=_narrative()
        ),
        FieldName("offences"): _shape(
            offence=_need(Code(codes.OFFENCES)),
            status=_need(Code(codes.OFFENCE_STATUSES)),
            date=_may(Day(past=True)),
        ),
        FieldName("history"): _shape(
            code=_need(Code(codes.HISTORY_HEADLINES)), date=_need(Day(past=True)), statement=_narrative()
        ),
        FieldName("assessment"): _shape(
            domain=_need(Code(codes.ASSESSMENT_DOMAINS)),
            needs=_need(Codes(codes.NEEDS, least=0)),
            strengths=_may(Codes(codes.STRENGTHS)),
            statement=_narrative(),
        ),
        FieldName("plan"): _shape(
            goal=_need(Code(codes.GOALS)),
            action=_may(Code(codes.ACTIONS)),
            owner=_may(Agency()),
            due=_may(Day()),
            text=_narrative(),
        ),
        FieldName("review"): _shape(
            outcome=_need(Code(codes.REVIEW_OUTCOMES)),
            reason=_may(Code(codes.REVIEW_REASONS)),
            date=_need(Day(past=True)),
            text=_narrative(),
        ),
        FieldName("minutes"): _shape(
            date=_need(Day(past=True)),
            attendees=_need(Agencies()),
            actions=_may(Objects(_ACTION)),
            text=_narrative(),
        ),
        FieldName("services_now"): ValueShape(MappingProxyType(_SERVICE)),
        FieldName("services_past"): ValueShape(MappingProxyType(_SERVICE)),
        FieldName("help_wanted"): _shape(
            needs=_need(Codes(codes.NEEDS)), summary=_narrative(SUMMARY), voice=_narrative()
        ),
        FieldName("worker_safety"): _shape(
            code=_need(Code(codes.WORKER_SAFETY)),
            note=_narrative(),
            review_on=_need(Day()),
            authorised_by=Member(LABEL, released=False),
            reason=Member(NARRATIVE, released=False),
        ),
        FieldName("immigration"): _shape(status=_need(Code(codes.IMMIGRATION_STATUSES))),
    }
)
"""The shape of each field, in catalogue order."""
