"""Agencies that take part, for tests of the rooms."""

from datetime import date

from agencies.model import AgencyCode, AgencyKind
from agencies.register import Practitioner
from gateway.agency import service
from gateway.wiring import Wiring


def onboard(wiring: Wiring, code: str, *, kind: AgencyKind | None = None, active: bool = True) -> AgencyCode:
    """Onboard an agency (of the kind that its code names), with one practitioner, and make it effective."""
    agency = AgencyCode(code)
    service.onboard(
        wiring,
        code=agency,
        kind=kind or AgencyKind(code),
        name=f"Agency {code}",
        agreement=f"DSA {code}",
        assessment=f"DPIA {code}",
        review_on=date(2098, 1, 1),
        valid_from=date(2020, 1, 1),
        valid_until=date(2099, 1, 1),
        practitioners=[Practitioner("worker.one", "Worker One", "worker", date(2020, 1, 1))],
        actor="test",
    )
    if active:
        service.activate_synthetic(wiring, code=agency, actor="test")
    return agency
