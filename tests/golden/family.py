"""One family, readable by a person: a mother, her two children, their grandmother, and a father who may be a risk.

Everybody who is asked agreed to everything. Each field of the catalogue is said of somebody, narrative among it.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from agencies.model import AgencyKind
from agencies.profile_text import template
from tests.release.oracle import Row, World
from tests.release.worlds import EXTRACT_DAYS, give

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
PEOPLE = {"kerry": "adult", "leah": "child", "josh": "child", "gareth": "other", "sylvia": "adult"}
RISK = "gareth"
OTHERS = {"early-help": "early-help", "camhs": "camhs", "oak-refuge": "refuge", "school": "education"}


def world_of(kind: AgencyKind, stage: str, *, names: str | None = None) -> World:
    """Ask about the family as an agency of this kind, with the profile that ships for it, at the panel or while it helps.

    Args:
        names: the agency's code; absent: that of its kind.
    """
    code = names or kind.value
    people = [
        {
            "id": name,
            "ref": f"person-{name}",
            "role": role,
            "shield": "none",
            "risk": name == RISK,
            "born": _born(name),
        }
        for name, role in PEOPLE.items()
    ]
    return {
        "now": NOW,
        "extract_days": EXTRACT_DAYS,
        "agencies": OTHERS | {code: kind.value},
        "caller": {"agency": code, "practitioner": {"id": "w1", "verified": True}},
        "agency": {
            "state": "active",
            "client_state": "active",
            "agreement_until": NOW + timedelta(days=200),
            "practitioner_active": True,
        },
        "purpose": "P1" if stage == "panel" else "P2",
        "profile": rows_of(kind),
        "panel_until": NOW + timedelta(days=9),
        "offer": True,
        "offer_until": None,
        "level": 2,
        "status": "open",
        "seals": [],
        "workers": [],
        "people": people,
        "histories": {name: [give(code, NOW)] for name in PEOPLE if name != RISK},
        "items": items(),
        "issued": {},
    }


def rows_of(kind: AgencyKind) -> list[Row]:
    """The rows of the profile that ships for a kind."""
    return [
        {"field": row.field, "panel": row.panel.value, "service": row.service.value, "when": row.when.value}
        for row in template(kind).rows
    ]


def _born(name: str) -> date | None:
    for each in items():
        if each["field"] in {"child_dob", "adult_dob"} and each["about"] == [name]:
            return date.fromisoformat(each["value"]["date"])
    return None


def items() -> list[dict[str, Any]]:
    """Everything that the record says, each of another day."""
    first = date(2026, 8, 1)
    return [
        each | {"as_of": (first + timedelta(days=place)).isoformat()} for place, each in enumerate(_record())
    ]


def _record() -> list[dict[str, Any]]:
    kerry, leah, josh, both = ["kerry"], ["leah"], ["josh"], ["leah", "josh"]
    everybody = ["kerry", "leah", "josh"]
    return [
        said("adult_name", kerry, type="legal", given="Kerry", family="Gould"),
        said("adult_name", kerry, type="former", given="Kerry", family="Ashdown"),
        said("adult_name", ["sylvia"], type="legal", given="Sylvia", family="Ashdown"),
        said("child_name", leah, type="legal", given="Leah", family="Gould"),
        said("child_name", josh, type="legal", given="Joshua", family="Gould"),
        said("child_name", josh, type="known_as", given="Josh", family="Gould"),
        said("child_dob", leah, date="2014-03-27", certainty="exact"),
        said("child_dob", josh, date="2021-07-02", certainty="exact"),
        said("child_sex", leah, sex="female"),
        said("child_sex", josh, sex="male"),
        said("adult_dob", kerry, date="1991-05-30", certainty="exact"),
        said(
            "address",
            kerry,
            lines=["14 Perry Rise", "Flat 3"],
            postcode="SE23 2QL",
            ward="E05013731",
            uprn="100023",
        ),
        said("address", leah, lines=["14 Perry Rise", "Flat 3"], postcode="SE23 2QL", ward="E05013731"),
        said(
            "contact",
            kerry,
            kind="phone",
            value="+442079460018",
            safe_to_use=True,
            do_not_leave_message=True,
            safe_times="Before the school run; never while Gareth visits.",
        ),
        said("ethnicity", leah, code="MIXED_WHITE_BLACK_CARIBBEAN"),
        said("language", kerry, language="en", interpreter=False, access=["large_print"]),
        said("nhs_number", leah, source="camhs", number="9990000018", verified=True),
        said("pupil_number", leah, source="school", upn="X209999926001", status="permanent"),
        said(
            "school", leah, source="school", name="Perrymount Primary School", urn="100699", phase="primary"
        ),
        said(
            "household", ["kerry", "leah"], member="kerry", relationship="MOTHER", to="leah", resident="full"
        ),
        said(
            "household", ["kerry", "josh"], member="kerry", relationship="MOTHER", to="josh", resident="full"
        ),
        said("household", both, member="leah", relationship="SIBLING", to="josh", resident="full"),
        said(
            "household",
            ["sylvia", "kerry"],
            member="sylvia",
            relationship="PARENT",
            to="kerry",
            resident="none",
        ),
        said(
            "risk_person",
            ["gareth"],
            protects="kerry",
            known_as="family_report",
            basis="disclosure_by_adult",
            name="Gareth Pryce",
            detail="Gareth Pryce waited outside Perrymount Primary School twice.",
        ),
        said(
            "child_health",
            leah,
            impact=["attendance", "sleep"],
            snomed="195967001",
            statement="Asthma; Leah's inhaler is at school and at Sylvia Ashdown's.",
        ),
        said(
            "child_mental_health",
            leah,
            known_as="opinion",
            source="camhs",
            impact=["sleep", "managing_feelings"],
            statement="Worries at night since Gareth left; rang 020 7946 0018 for help.",
        ),
        said(
            "adult_health",
            kerry,
            known_as="family_report",
            impact=["routines"],
            statement="Kerry finds mornings hard since starting new tablets.",
        ),
        said(
            "sensitive_services",
            kerry,
            service="domestic_abuse_support",
            statement="Sees Oak Refuge's outreach.",
        ),
        said(
            "disability",
            leah,
            need="autism",
            certainty="suspected",
            adjustments=["visual_timetable", "quiet_space"],
            by="Perrymount's SENCO",
        ),
        said("sen", leah, source="school", type="SLCN", provision="K"),
        said(
            "ehcp",
            leah,
            source="school",
            sections=["B", "F"],
            review_on="2027-03-01",
            summary="Leah needs adults to say less, and to show.",
        ),
        said(
            "attendance",
            leah,
            source="school",
            possible=120,
            attended=104,
            suspensions=0,
            exclusions=0,
            **{"from": "2026-04-20", "to": "2026-10-23"},
        ),
        said(
            "finance",
            kerry,
            category="rent_arrears",
            pence=84_250,
            relevance="Kerry fears losing 14 Perry Rise over £842.50.",
        ),
        said(
            "housing",
            everybody,
            tenure="council",
            issues=["overcrowding"],
            arrears_pence=84_250,
            homeless_within_56_days=False,
        ),
        said("domestic_abuse", kerry, marker="dash_medium", statement="Kerry ended the relationship in May."),
        said(
            "offences",
            ["gareth"],
            protects="kerry",
            known_as="allegation",
            offence="criminal_damage",
            status="alleged",
        ),
        said(
            "history",
            everybody,
            code="early_help_closed",
            date="2023-02-14",
            statement="Early help closed when Leah settled at Perrymount.",
        ),
        said(
            "assessment",
            both,
            known_as="opinion",
            domain="child_development",
            needs=["emotional_wellbeing", "attendance"],
            strengths=["hobbies"],
            statement="Leah draws; Josh copies whatever his sister does.",
        ),
        said(
            "plan",
            everybody,
            goal="emotional_wellbeing",
            action="one_to_one_work",
            owner="camhs",
            due="2027-01-15",
            text="Six sessions with Leah, the first one with Kerry.",
        ),
        said(
            "review",
            everybody,
            outcome="continue",
            reason="progress_made",
            date="2026-09-30",
            text="Leah slept at Sylvia's.",
        ),
        said(
            "minutes",
            everybody,
            date="2026-09-30",
            attendees=["early-help", "camhs", "school"],
            actions=[{"owner": "school", "action": "attendance_plan", "due": "2026-12-01"}],
            text="Kerry said that mornings are calmer when Sylvia stays over.",
        ),
        said(
            "services_now",
            leah,
            source="camhs",
            service_type="camhs",
            agency="camhs",
            **{"from": "2026-09-01"},
        ),
        said(
            "services_now",
            kerry,
            source="oak-refuge",
            service_type="domestic_abuse_support",
            agency="oak-refuge",
            sensitive=True,
            **{"from": "2026-06-01"},
        ),
        said(
            "services_past",
            josh,
            service_type="health_visiting",
            agency="early-help",
            **{"from": "2021-07-10", "to": "2023-07-01"},
        ),
        said(
            "help_wanted",
            everybody,
            known_as="family_report",
            needs=["routines", "emotional_wellbeing"],
            summary="Kerry would like calmer mornings, and somebody for Leah to talk to.",
            voice="Leah: I want to sleep in my own bed. Josh drew a dog.",
        ),
        said(
            "worker_safety",
            everybody,
            code="call_before_visit",
            note="Ring Kerry first; Gareth has come by on Fridays.",
            review_on="2027-02-01",
            authorised_by="Safeguarding lead",
            reason="Reported by Kerry on 12 October 2026.",
        ),
        said("immigration", kerry, status="settled"),
    ]


def said(
    field: str,
    about: list[str],
    *,
    source: str = "early-help",
    known_as: str = "fact",
    protects: str | None = None,
    **value: Any,
) -> dict[str, Any]:
    """One item of the record."""
    made = {"field": field, "about": about, "source_agency": source, "kind": known_as}
    return made | {"value": value} | ({"protects": protects} if protects else {})
