"""Rules between the members of one value, and the fault that both kinds of check report.

INVARIANT: a rule sees only values whose members are sound one by one, and never repeats them in a fault.

Pure: standard library only; the day is passed in.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import TypeAlias

from agencies import ages, codes, identifiers
from agencies.errors import IdentifierError
from agencies.model import FieldName

_LONGEST_PREGNANCY = timedelta(days=300)
_OLDEST_CHILD = 25
_OLDEST_ADULT = 120


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a value.

    Attributes:
        pointer: RFC 6901 pointer relative to the value; "" is the value itself.
        reason: stable sentence, without any part of the value.
    """

    pointer: str
    reason: str


Rule: TypeAlias = Callable[[Mapping[str, object], date], Iterator[Fault]]
"""Takes a sound value and the day in Europe/London."""


def identifier_fault(normalise: Callable[[str], str], value: str) -> str | None:
    """Why a normaliser refuses a text; None when it does not."""
    try:
        normalise(value)
    except IdentifierError as error:
        return error.reason
    return None


def _birth_rule(oldest: int, *, unborn: bool) -> Rule:
    """A date of birth is not in the future, an expected one at most 300 days away; nobody is too old."""

    def rule(value: Mapping[str, object], today: date) -> Iterator[Fault]:
        born = ages.iso_day(value["date"])
        if born is None:
            return
        expected = value["certainty"] == "expected"
        if expected and not unborn:
            yield Fault("/certainty", "only a child's birth can be expected")
        elif expected and born > today + _LONGEST_PREGNANCY:
            yield Fault("/date", "an expected birth is at most 300 days away")
        elif not expected and born > today:
            yield Fault("/date", "must not be after today")
        if ages.whole_years(born, today=today) > oldest:
            yield Fault("/date", f"must be at most {oldest} years ago")

    return rule


def _address_rule(value: Mapping[str, object], _today: date) -> Iterator[Fault]:
    pseudo = identifiers.postcode(str(value["postcode"])) in identifiers.PSEUDO_POSTCODES
    if not pseudo and not value["lines"]:
        yield Fault("/lines", "must have at least one line unless the postcode is a pseudo-code")
    if pseudo and ("uprn" in value or "ward" in value):
        yield Fault("/postcode", "a pseudo-code goes with neither a UPRN nor a ward")


def _contact_rule(value: Mapping[str, object], _today: date) -> Iterator[Fault]:
    normalise = identifiers.phone if value["kind"] == "phone" else identifiers.email
    if reason := identifier_fault(normalise, str(value["value"])):
        yield Fault("/value", reason)


def _pupil_rule(value: Mapping[str, object], _today: date) -> Iterator[Fault]:
    temporary = identifiers.upn_is_temporary(identifiers.upn(str(value["upn"])))
    if value["status"] != "former" and temporary is not (value["status"] == "temporary"):
        yield Fault("/status", "does not go with the form of the UPN: a temporary one ends in a letter")


def _school_rule(value: Mapping[str, object], _today: date) -> Iterator[Fault]:
    at_school = value["phase"] in codes.PHASES_WITH_SCHOOL
    for name in ("name", "urn"):
        if at_school and name not in value:
            yield Fault(f"/{name}", "is required at this phase")
        if not at_school and name in value:
            yield Fault(f"/{name}", "does not go with this phase")


def _household_rule(value: Mapping[str, object], _today: date) -> Iterator[Fault]:
    if value["member"] == value["to"]:
        yield Fault("/to", "must be another person than the member")


def _attendance_rule(value: Mapping[str, object], today: date) -> Iterator[Fault]:
    if int(str(value["attended"])) > int(str(value["possible"])):
        yield Fault("/attended", "must not exceed the possible sessions")
    yield from _period_rule(value, today)


def _period_rule(value: Mapping[str, object], _today: date) -> Iterator[Fault]:
    if "to" in value and str(value["to"]) < str(value["from"]):
        yield Fault("/to", "must not be before the start")


def _service_rule(value: Mapping[str, object], today: date) -> Iterator[Fault]:
    if value["service_type"] in codes.SENSITIVE_SERVICE_TYPES and value.get("sensitive") is not True:
        yield Fault("/sensitive", "must be true for this type of service")
    yield from _period_rule(value, today)


RULES: Mapping[FieldName, Rule] = MappingProxyType(
    {
        FieldName("child_dob"): _birth_rule(_OLDEST_CHILD, unborn=True),
        FieldName("adult_dob"): _birth_rule(_OLDEST_ADULT, unborn=False),
        FieldName("address"): _address_rule,
        FieldName("contact"): _contact_rule,
        FieldName("pupil_number"): _pupil_rule,
        FieldName("school"): _school_rule,
        FieldName("household"): _household_rule,
        FieldName("attendance"): _attendance_rule,
        FieldName("services_now"): _service_rule,
        FieldName("services_past"): _service_rule,
    }
)
