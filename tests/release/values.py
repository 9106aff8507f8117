"""A valid value for every field, each of whose texts, numbers and days occurs nowhere else in its world.

INVARIANT: what a ``Mint`` issues it issues once, so finding it in an extract proves which item it came from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeAlias

from agencies import codes

Value: TypeAlias = dict[str, Any]


@dataclass
class Mint:
    """Issues texts, numbers and days, each once."""

    today: date
    count: int = 0
    issued: set[str] = field(default_factory=set)

    def number(self) -> int:
        """The next whole number, below 1000 in any world."""
        self.count += 1
        return self.count

    def keep(self, token: str) -> str:
        """Remember a token as issued, in the form in which it is searched for."""
        self.issued.add("".join(token.casefold().split()))
        return token

    def text(self, what: str) -> str:
        """Free text."""
        return self.keep(f"{what}  Zq{self.number():04d}xv")

    def past(self, since: int = 2012) -> str:
        """A day in the past."""
        return self.keep((date(since, 1, 1) + timedelta(days=self.number())).isoformat())

    def future(self) -> str:
        """A day to come."""
        return self.keep((date(2031, 1, 1) + timedelta(days=self.number())).isoformat())

    def unborn(self) -> str:
        """A day on which a child is expected."""
        return self.keep((self.today + timedelta(days=1 + self.number() % 290)).isoformat())

    def pence(self) -> int:
        """A sum of money."""
        return int(self.keep(str(30_000_000 + self.number())))

    def digits(self, form: str) -> str:
        """An identifier without a check digit."""
        return self.keep(form.format(self.number()))

    def nhs_number(self, *, spaced: bool) -> str:
        """A number of the synthetic range with its check digit."""
        while True:
            serial = f"999000{self.number():03d}"
            check = (11 - sum(w * int(d) for w, d in zip(range(10, 1, -1), serial, strict=True)) % 11) % 11
            if check < 10:
                number = self.keep(f"{serial}{check}")
                return f"{number[:3]} {number[3:6]} {number[6:]}" if spaced else number

    def upn(self) -> str:
        """A permanent pupil number with its check letter."""
        letters = "ABCDEFGHJKLMNPQRTUVWXYZ"
        body = f"209999926{self.number():03d}"
        return self.keep(letters[sum(p * int(d) for p, d in enumerate(body, start=2)) % 23] + body)

    def postcode(self, *, tight: bool) -> str:
        """A postcode, as written or as badly written."""
        number, letters = self.number(), "ABDEFGHJLN"
        spaced = f"SE{number // 100 + 1} {number // 10 % 10}{letters[number % 10]}Q"
        return self.keep(spaced.replace(" ", "").lower() if tight else spaced)


@dataclass(frozen=True)
class Setting:
    """What a value may refer to: a pattern of bits that says which of its forms is meant, and who is there."""

    mint: Mint
    bits: int
    agencies: Sequence[str]
    pair: tuple[str, str] = ("", "")

    def has(self, bit: int) -> bool:
        """True in half of all patterns."""
        return bool(self.bits >> bit & 1)

    def code(self, allowed: Sequence[str], shift: int = 0) -> str:
        """One of a closed list."""
        return allowed[(self.bits >> shift) % len(allowed)]

    def two(self, allowed: Sequence[str]) -> list[str]:
        """One or two of a closed list."""
        return list(dict.fromkeys([self.code(allowed), self.code(allowed, 3)]))

    def agency(self, shift: int = 0) -> str:
        """An agency that takes part."""
        return self.code(self.agencies, shift)


def value_of(name: str, setting: Setting) -> Value:
    """A valid value of one field; members that are optional are there in half of them."""
    return _BUILDERS[name](setting)


def _name(s: Setting) -> Value:
    return {"type": s.code(codes.NAME_TYPES), "given": s.mint.text("Given"), "family": s.mint.text("Family")}


def _child_dob(s: Setting) -> Value:
    if s.bits % 8 == 0:
        return {"date": s.mint.unborn(), "certainty": "expected"}
    return {"date": s.mint.past((2003, 2015, 2021)[s.bits % 3]), "certainty": "exact"}


def _adult_dob(s: Setting) -> Value:
    return {"date": s.mint.past((1950, 1985, 2004, 2010)[s.bits % 4]), "certainty": "estimated"}


def _child_sex(s: Setting) -> Value:
    return {"sex": s.code(codes.SEXES)} | ({"gender": s.mint.text("Gender")} if s.has(3) else {})


def _address(s: Setting) -> Value:
    if s.bits % 16 == 0:
        return {"lines": [], "postcode": "ZZ99 3VZ"}
    value: Value = {"lines": [s.mint.text("Street")], "postcode": s.mint.postcode(tight=s.has(0))}
    value |= {"uprn": s.mint.digits("2{:09d}")} if s.has(1) else {}
    return value | ({"ward": s.mint.digits("E05{:06d}")} if s.has(2) else {})


def _contact(s: Setting) -> Value:
    phone = s.has(0)
    held = s.mint.digits("+44770090{:04d}") if phone else s.mint.digits("someone{:04d}@example.org")
    value = {"kind": "phone" if phone else "email", "value": held, "safe_to_use": s.has(1)}
    return value | {"do_not_leave_message": s.has(2), "safe_times": s.mint.text("Times")}


def _ethnicity(s: Setting) -> Value:
    return {"code": s.code(codes.ETHNICITIES), "self_defined": s.mint.text("Self")}


def _language(s: Setting) -> Value:
    access = {"access": s.two(codes.ACCESS_NEEDS)} if s.has(1) else {}
    return {"language": s.code(("ig", "en", "pt-BR")), "interpreter": s.has(0)} | access


def _nhs_number(s: Setting) -> Value:
    return {"number": s.mint.nhs_number(spaced=s.has(0)), "verified": s.has(1)}


def _pupil_number(s: Setting) -> Value:
    return {"upn": s.mint.upn(), "status": "former" if s.has(0) else "permanent"}


def _school(s: Setting) -> Value:
    phase = s.code(codes.SCHOOL_PHASES)
    if phase not in codes.PHASES_WITH_SCHOOL:
        return {"phase": phase}
    return {"name": s.mint.text("School"), "urn": s.mint.digits("1{:05d}"), "phase": phase}


def _household(s: Setting) -> Value:
    member, other = s.pair
    value = {"member": member, "relationship": s.code(codes.RELATIONSHIPS), "to": other}
    value["resident"] = s.code(codes.RESIDENCES, 2)
    return value | ({"pr_basis": s.code(codes.PR_BASES)} if s.has(3) else {})


def _risk_person(s: Setting) -> Value:
    value = {"basis": s.code(codes.RISK_BASES), "detail": s.mint.text("Detail")}
    return value | ({"name": s.mint.text("Risk")} if s.has(2) else {})


def _health(impacts: Sequence[str]) -> Callable[[Setting], Value]:
    def build(s: Setting) -> Value:
        value = {"impact": s.two(impacts), "statement": s.mint.text("Health")}
        return value | ({"snomed": s.mint.digits("4{:08d}")} if s.has(1) else {})

    return build


def _sensitive_services(s: Setting) -> Value:
    return {"service": s.code(codes.SENSITIVE_SERVICES), "statement": s.mint.text("Sensitive")}


def _disability(s: Setting) -> Value:
    value: Value = {"need": s.code(codes.DISABILITY_NEEDS), "certainty": s.code(codes.DIAGNOSIS_CERTAINTIES)}
    value["adjustments"] = s.two(codes.ADJUSTMENTS) if s.has(0) else []
    return value | {"by": s.mint.text("Doctor"), "date": s.mint.past()}


def _sen(s: Setting) -> Value:
    return {"type": s.code(codes.SEN_TYPES), "provision": s.code(codes.SEN_PROVISIONS, 2)}


def _ehcp(s: Setting) -> Value:
    sections = s.two(codes.EHCP_SECTIONS)
    return {"sections": sections, "review_on": s.mint.future(), "summary": s.mint.text("Plan")}


def _attendance(s: Setting) -> Value:
    counts = {"possible": 200, "attended": 200 - s.bits % 120, "suspensions": s.bits % 2, "exclusions": 0}
    start, end = s.mint.past(), s.mint.past()
    return counts | {"from": start, "to": end}


def _finance(s: Setting) -> Value:
    value = {"category": s.code(codes.FINANCE_CATEGORIES), "relevance": s.mint.text("Because")}
    return value | ({"pence": s.mint.pence()} if s.has(0) else {})


def _housing(s: Setting) -> Value:
    value: Value = {"tenure": s.code(codes.TENURES), "homeless_within_56_days": s.has(1)}
    value["issues"] = s.two(codes.HOUSING_ISSUES) if s.has(0) else []
    return value | ({"arrears_pence": s.mint.pence()} if s.has(2) else {})


def _domestic_abuse(s: Setting) -> Value:
    return {"marker": s.code(codes.DOMESTIC_ABUSE_MARKERS), "statement": s.mint.text("Abuse")}


def _offences(s: Setting) -> Value:
    value = {"offence": s.code(codes.OFFENCES), "status": s.code(codes.OFFENCE_STATUSES)}
    return value | ({"date": s.mint.past()} if s.has(0) else {})


def _history(s: Setting) -> Value:
    value = {"code": s.code(codes.HISTORY_HEADLINES), "date": s.mint.past()}
    return value | ({"statement": s.mint.text("Story")} if s.has(0) else {})


def _assessment(s: Setting) -> Value:
    value: Value = {
        "domain": s.code(codes.ASSESSMENT_DOMAINS),
        "needs": s.two(codes.NEEDS) if s.has(0) else [],
    }
    value |= {"strengths": s.two(codes.STRENGTHS)} if s.has(1) else {}
    return value | {"statement": s.mint.text("Assessed")}


def _plan(s: Setting) -> Value:
    value = {"goal": s.code(codes.GOALS), "text": s.mint.text("Goal")}
    if s.has(0):
        value |= {"action": s.code(codes.ACTIONS), "owner": s.agency(1), "due": s.mint.future()}
    return value


def _review(s: Setting) -> Value:
    value = {"outcome": s.code(codes.REVIEW_OUTCOMES), "date": s.mint.past(), "text": s.mint.text("Review")}
    return value | ({"reason": s.code(codes.REVIEW_REASONS)} if s.has(0) else {})


def _minutes(s: Setting) -> Value:
    attendees = list(dict.fromkeys([s.agency(), s.agency(2)]))
    value: Value = {"date": s.mint.past(), "attendees": attendees, "text": s.mint.text("Minute")}
    if s.has(1):
        owners = [s.agency(3), s.agency(4)]
        value["actions"] = [
            {"owner": each, "action": s.code(codes.ACTIONS), "due": s.mint.future()} for each in owners
        ]
    return value


def _service(s: Setting) -> Value:
    sensitive = s.bits % 3 == 0
    kinds = codes.SENSITIVE_SERVICE_TYPES if sensitive and s.has(1) else codes.GENERAL_SERVICES
    value = {"service_type": s.code(kinds), "agency": s.agency(), "from": s.mint.past()}
    value |= {"worker": s.mint.text("Worker")} if s.has(2) else {}
    value |= {"to": s.mint.past()} if s.has(3) else {}
    return value | ({"sensitive": sensitive} if sensitive or s.has(4) else {})


def _help_wanted(s: Setting) -> Value:
    return {"needs": s.two(codes.NEEDS), "summary": s.mint.text("Help"), "voice": s.mint.text("Voice")}


def _worker_safety(s: Setting) -> Value:
    value = {"code": s.code(codes.WORKER_SAFETY), "note": s.mint.text("Note"), "review_on": s.mint.future()}
    value |= {"authorised_by": s.mint.text("Lead")} if s.bits % 5 else {}
    return value | ({"reason": s.mint.text("Reason")} if s.bits % 7 else {})


def _immigration(s: Setting) -> Value:
    return {"status": s.code(codes.IMMIGRATION_STATUSES)}


_BUILDERS: dict[str, Callable[[Setting], Value]] = {
    "child_name": _name,
    "child_dob": _child_dob,
    "child_sex": _child_sex,
    "adult_name": _name,
    "adult_dob": _adult_dob,
    "address": _address,
    "contact": _contact,
    "ethnicity": _ethnicity,
    "language": _language,
    "nhs_number": _nhs_number,
    "pupil_number": _pupil_number,
    "school": _school,
    "household": _household,
    "risk_person": _risk_person,
    "child_health": _health(codes.CHILD_HEALTH_IMPACTS),
    "child_mental_health": _health(codes.CHILD_MENTAL_HEALTH_IMPACTS),
    "adult_health": _health(codes.ADULT_HEALTH_IMPACTS),
    "sensitive_services": _sensitive_services,
    "disability": _disability,
    "sen": _sen,
    "ehcp": _ehcp,
    "attendance": _attendance,
    "finance": _finance,
    "housing": _housing,
    "domestic_abuse": _domestic_abuse,
    "offences": _offences,
    "history": _history,
    "assessment": _assessment,
    "plan": _plan,
    "review": _review,
    "minutes": _minutes,
    "services_now": _service,
    "services_past": _service,
    "help_wanted": _help_wanted,
    "worker_safety": _worker_safety,
    "immigration": _immigration,
}
