"""``GET /v1/me`` explains an agency's own profile and nothing else."""

import pytest

from agencies import repository
from agencies.catalogue import FIELDS
from agencies.model import AgencyCode, AgencyKind
from gateway.agency import service, views
from gateway.caller import Caller
from gateway.wiring import Wiring
from tests.support.agencies import onboard
from tests.support.rooms import room_client


def caller(
    agency: str | None, *, scopes: frozenset[str] = frozenset({"panel:read", "extract:read"})
) -> Caller:
    code = None if agency is None else AgencyCode(agency)
    return Caller(
        client_id="ag_0000000000000000", agency=code, scopes=scopes, purpose=None, practitioner=None
    )


def me(wiring: Wiring, asking: Caller) -> dict[str, object]:
    answer = room_client(wiring, asking, register=views.register).get("/v1/me")
    assert 200 == answer.status_code
    body: dict[str, object] = answer.get_json()
    return body


def test_an_agency_sees_its_agreement_and_every_row_of_its_profile(wiring: Wiring) -> None:
    """A partner that knows why it gets a field, and why not, asks for no more than it needs."""
    onboard(wiring, "camhs")
    body = me(wiring, caller("camhs"))
    profile = body.pop("profile")
    expected = {
        "client_id": "ag_0000000000000000",
        "scopes": ["extract:read", "panel:read"],
        "agency": {"code": "camhs", "kind": "camhs", "name": "Agency camhs"},
        "purposes": ["P1", "P2", "P3"],
        "agreement": {"reference": "DSA camhs", "valid_from": "2020-01-01", "valid_until": "2099-01-01"},
    }
    assert expected == body
    with wiring.engine.connect() as connection:
        stored = repository.effective_profile(connection, AgencyCode("camhs"))
    assert stored is not None
    assert isinstance(profile, dict)
    assert (1, stored.article6, "2098-01-01") == (
        profile["version"],
        profile["article6"],
        profile["review_on"],
    )
    rows = profile["fields"]
    assert [(row.field, row.panel, row.service, row.when, row.reason) for row in stored.rows] == [
        (row["field"], row["panel"], row["service"], row["when"], row["reason"]) for row in rows
    ]
    assert set(FIELDS) == {row["field"] for row in rows}
    assert all(row["subject"] == FIELDS[row["field"]].subject for row in rows)
    assert all(row.get("category") == FIELDS[row["field"]].category for row in rows)
    assert all(None not in row.values() for row in rows)


def test_the_councils_client_has_no_agency(wiring: Wiring) -> None:
    """The case system writes; there is nothing it may receive."""
    expected = {"client_id": "ag_0000000000000000", "scopes": ["case:write"]}
    assert expected == me(wiring, caller(None, scopes=frozenset({"case:write"})))


def test_another_agencys_profile_is_not_told(wiring: Wiring) -> None:
    """Two of one kind have agreements of their own."""
    onboard(wiring, "school-a", kind=AgencyKind.EDUCATION)
    onboard(wiring, "school-b", kind=AgencyKind.EDUCATION)
    body = me(wiring, caller("school-b"))
    assert "school-a" not in str(body)
    assert {"reference": "DSA school-b", "valid_from": "2020-01-01", "valid_until": "2099-01-01"} == body[
        "agreement"
    ]


def test_without_an_effective_profile_none_is_shown(wiring: Wiring) -> None:
    """A proposed version is not what the agency may see."""
    onboard(wiring, "camhs", active=False)
    body = me(wiring, caller("camhs"))
    assert "profile" not in body
    assert [] == body["purposes"]


@pytest.mark.parametrize("kind", [AgencyKind.COMMISSIONING, AgencyKind.POLICE])
def test_kinds_without_cases_have_no_purpose(wiring: Wiring, kind: AgencyKind) -> None:
    """They get 404 on every case route, whatever scope their client was given."""
    onboard(wiring, kind)
    assert [] == me(wiring, caller(kind))["purposes"]


def test_a_client_that_cannot_ask_for_extracts_has_no_purpose(wiring: Wiring) -> None:
    onboard(wiring, "camhs")
    assert [] == me(wiring, caller("camhs", scopes=frozenset({"panel:read"})))["purposes"]


def test_a_suspended_agency_has_no_purpose(wiring: Wiring) -> None:
    onboard(wiring, "camhs")
    service.suspend(wiring, code=AgencyCode("camhs"), actor="test")
    assert [] == me(wiring, caller("camhs"))["purposes"]
