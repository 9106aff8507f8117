"""The demo's council as data: who takes part, who works there, what is on the agenda.

INVARIANT: nobody here exists; names of organisations are invented, people come from the generator.
"""

from dataclasses import dataclass
from typing import Final

from agencies.model import AgencyKind
from agencies.register import PractitionerPolicy
from gateway.safeguarding.model import Destination, Function
from gateway.settings import Telephone

COUNCIL_NAME: Final = "Lewisham (demo)"
OFFICER_CONTACT: Final = "Data protection officer (demo), dpo@council.example"
MEETING_REF: Final = "DEMO-MEETING-1"
EMERGENCY_NUMBERS: Final = (
    Telephone("Police", "999"),
    Telephone("Children\N{RIGHT SINGLE QUOTATION MARK}s social care", "020 7946 0000"),
    Telephone("Out of hours", "020 7946 0001"),
)
"""Numbers of Ofcom's range for drama: nobody answers."""
COUNCIL_SCOPES: Final = ("consent:write",)
AGENCY_SCOPES: Final = ("consent:report-withdrawal", "extract:read", "log:read", "panel:read", "recall:write")


@dataclass(frozen=True, slots=True)
class DemoAgency:
    """One agency of the demo; ``practitioners`` are how many named humans it registers."""

    code: str
    kind: AgencyKind
    name: str
    policy: PractitionerPolicy = PractitionerPolicy.REGISTERED

    @property
    def practitioner_ids(self) -> tuple[str, ...]:
        """The ids of its practitioners."""
        return (f"{self.code}-1", f"{self.code}-2")


AGENCIES: Final = (
    DemoAgency("early-help", AgencyKind.EARLY_HELP, "Early Help Team"),
    DemoAgency("childrens-centres", AgencyKind.CHILDRENS_CENTRES, "Riverside Children's Centre"),
    DemoAgency("health", AgencyKind.HEALTH, "Community Health Service"),
    DemoAgency("camhs", AgencyKind.CAMHS, "Child and Adolescent Mental Health Service"),
    DemoAgency("family-support", AgencyKind.FAMILY_SUPPORT, "Commissioned Family Support"),
    DemoAgency("education", AgencyKind.EDUCATION, "Attendance and Inclusion"),
    DemoAgency("primary-school", AgencyKind.EDUCATION, "Hilltop Primary School"),
    DemoAgency("housing", AgencyKind.HOUSING, "Housing Needs"),
    DemoAgency("refuge", AgencyKind.REFUGE, "Harbour Refuge"),
    DemoAgency("voluntary", AgencyKind.VOLUNTARY, "Neighbours Together", PractitionerPolicy.ASSERTED),
    DemoAgency("charity", AgencyKind.CHARITY, "Open Door Trust", PractitionerPolicy.ASSERTED),
    DemoAgency("youth", AgencyKind.YOUTH, "Youth Service"),
    DemoAgency("social-care", AgencyKind.SOCIAL_CARE, "Children's Social Care"),
    DemoAgency("commissioning", AgencyKind.COMMISSIONING, "Joint Commissioning"),
    DemoAgency("police", AgencyKind.POLICE, "Police"),
)
"""One of each kind, and a second of education."""

PANEL_MEMBERS: Final = tuple(
    agency.code for agency in AGENCIES if agency.kind not in {AgencyKind.COMMISSIONING, AgencyKind.POLICE}
)

REFERRAL_SCOPES: Final = ("referral:read", "referral:write")
DESTINATIONS: Final = (
    Destination("hub", "Safeguarding Hub (demo)", Function.SAFEGUARDING_HUB, "020 7946 0101"),
    Destination("out-of-hours", "Emergency Duty Team (demo)", Function.OUT_OF_HOURS, "020 7946 0102"),
    Destination("police", "Police, not an emergency", Function.POLICE_101, "101"),
    Destination("police-999", "Police, emergency", Function.POLICE_999, "999"),
)
"""Where the demo's staff refer to."""
RECEIVED_BY: Final = {"hub": "social-care", "police": "police"}
"""The agency of the client of those destinations that have one: a client of its own, beside the one for extracts."""


@dataclass(frozen=True, slots=True)
class DemoMember:
    """One member of the demo's staff."""

    username: str
    roles: tuple[str, ...]
    team: str | None = None


STAFF: Final = (
    DemoMember("amara.caseworker", ("caseworker",), "north"),
    DemoMember("ben.safeguarding", ("safeguarding lead",)),
    DemoMember("chidi.coordinator", ("panel coordinator",)),
    DemoMember("dana.dpo", ("data protection officer",)),
    DemoMember("eli.approver", ("second approver",)),
    DemoMember("farah.auditor", ("auditor",)),
    DemoMember("gwen.operator", ("operator",)),
    DemoMember("hana.manager", ("manager",), "north"),
    DemoMember("ines.caseworker", ("caseworker",), "north"),
    DemoMember("joe.caseworker", ("caseworker",), "south"),
)
"""Who works for the council."""

DESK_USERS: Final = (
    ("kofi.desk", "charity", "charity-1"),
    ("lena.desk", "family-support", "family-support-1"),
)
"""Username, agency and practitioner of those who use a desk."""

NEXT_PROFILE: Final = "youth"
NEXT_MARKS: Final = {"attendance": "F", "language": "W"}
"""The agency whose profile has a second version that waits for two people, and what it changes at the panel."""

RECORDED_BY: Final = STAFF[0].username
WORKERS: Final = tuple(member.username for member in STAFF if member.roles == ("caseworker",))
"""Who works with families: with the labelled ones the first, with the generated ones all of them in turn."""

NOT_LISTED: Final = frozenset({"no_consent"})
"""Labels of families without a standing yes: no panel may list them."""

OFFERS: Final = (
    ("offer_accepted", "camhs", "counselling"),
    ("offer_accepted", "charity", "practical-support"),
)
"""Label, agency and service of each accepted offer."""

GENERATED_FAMILIES: Final = 24
"""Families beside the labelled ones, so that lists look like a real week."""
