"""Agencies that take part, for tests of the rooms."""

from datetime import UTC, date, datetime

from agencies.model import AgencyCode, AgencyKind
from agencies.register import Practitioner, PractitionerPolicy
from gateway.agency import onboarding, service
from gateway.agency.application import Application
from gateway.wiring import Wiring


def onboard(wiring: Wiring, code: str, *, kind: AgencyKind | None = None, active: bool = True) -> AgencyCode:
    """Onboard an agency (of the kind that its code names), with one practitioner, and make it effective."""
    agency = AgencyCode(code)
    application = Application(
        code=agency,
        kind=kind or AgencyKind(code),
        name=f"Agency {code}",
        agreement=f"DSA {code}",
        assessment=f"DPIA {code}",
        review_on=date(2098, 1, 1),
        valid_from=date(2020, 1, 1),
        valid_until=date(2099, 1, 1),
        policy=PractitionerPolicy.REGISTERED,
        practitioners=(Practitioner("worker.one", "Worker One", "worker", date(2020, 1, 1)),),
    )
    onboarding.onboard(wiring, application, now=datetime.now(UTC), actor="test")
    if active:
        service.activate_synthetic(wiring, code=agency, actor="test")
    return agency
