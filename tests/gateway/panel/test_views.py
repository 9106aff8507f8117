"""The panel routes tell an agency of its own meetings, and of a case only what it would be given now."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from agencies.model import AgencyCode
from gateway.agency.service import suspend
from gateway.caller import Caller, PractitionerClaim
from gateway.panel import views
from gateway.panel.service import import_panel_file
from gateway.problems import NOT_FOUND_BODY
from gateway.wiring import Wiring
from tests.gateway.panel.stage import add_family, agree, meeting, panel_file, withdraw
from tests.support.agencies import onboard
from tests.support.rooms import room_client

AGENCIES = ("camhs", "housing", "commissioning", "police")


@pytest.fixture
def families(wiring: Wiring) -> dict[str, UUID]:
    """Four agencies with a client each, and three families that said yes to CAMHS and housing."""
    for code in AGENCIES:
        onboard(wiring, code)
        add_client(wiring, code)
    made = {ref: add_family(wiring, ref) for ref in ("EH-1", "EH-2", "EH-3")}
    for family in made.values():
        agree(wiring, family, agencies=["camhs", "housing"])
    return made


def add_client(wiring: Wiring, code: str) -> None:
    with wiring.engine.begin() as connection:
        connection.execute(
            text("SELECT gateway.move_gates('{}', ARRAY[CAST(:code AS text)])"), {"code": code}
        )
        connection.execute(
            text("INSERT INTO gateway.oauth_client VALUES (:id, :code, '{panel:read}', 'active')"),
            {"id": client_id(code), "code": code},
        )


def client_id(code: str | None) -> str:
    return f"ag_{code or 'council':0<16}"


def client(wiring: Wiring, code: str | None) -> FlaskClient:
    caller = Caller(
        client_id=client_id(code),
        agency=None if code is None else AgencyCode(code),
        scopes=frozenset({"panel:read"}),
        purpose=None,
        practitioner=PractitionerClaim("worker.one", verified=True),
    )
    return room_client(wiring, caller, register=views.register)


def listed(wiring: Wiring, code: str | None) -> list[dict[str, Any]]:
    answer = client(wiring, code).get("/v1/panels")
    assert 200 == answer.status_code
    panels: list[dict[str, Any]] = answer.get_json()["panels"]
    return panels


def cases(wiring: Wiring, code: str) -> list[str]:
    """The references of the agency's only meeting, as answered."""
    (one,) = listed(wiring, code)
    answer = client(wiring, code).get(f"/v1/panels/{one['id']}")
    assert 200 == answer.status_code
    assert one == {name: value for name, value in answer.get_json().items() if name != "cases"}
    return [case["case_ref"] for case in answer.get_json()["cases"]]


def refs(wiring: Wiring, code: str, *families: UUID) -> set[str]:
    """What the agency knows these families' cases under."""
    with wiring.engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT w.ref FROM gateway.pairwise w JOIN gateway.case_record c ON c.case_id = w.thing_id"
                " WHERE w.agency_code = :code AND c.family_id = ANY(:families)"
            ),
            {"code": code, "families": list(families)},
        ).scalars()
        return {str(ref) for ref in found}


def test_an_agency_sees_its_own_meetings(wiring: Wiring, families: dict[str, UUID]) -> None:
    """The latest first, the window in UTC, and nothing of other agencies' meetings."""
    assert 3 == len(families)
    data = panel_file(
        meeting("M-1", held_on="2026-03-25", title="March"),
        meeting("M-2", held_on="2026-10-21", title="October"),
        meeting("M-3", members=["housing"]),
    )
    import_panel_file(wiring, data, actor="test")
    october, march = listed(wiring, "camhs")
    assert str(UUID(october.pop("id"))) != str(UUID(march.pop("id")))
    expected = {
        "title": "October",
        "held_on": "2026-10-21",
        "opens_at": "2026-10-11T23:00:00Z",
        "closes_at": "2026-10-29T00:00:00Z",
    }
    assert expected == october
    assert "March" == march["title"]


def test_an_agency_without_meetings_has_an_empty_list(wiring: Wiring, families: dict[str, UUID]) -> None:
    assert 3 == len(families)
    assert [] == listed(wiring, "camhs")


def test_a_member_sees_its_own_references_of_the_permitted_cases(
    wiring: Wiring, families: dict[str, UUID]
) -> None:
    """Two members of one meeting cannot join what they were given by comparing references."""
    row = meeting(members=["camhs", "housing"], agenda=list(families))
    import_panel_file(wiring, panel_file(row), actor="test")
    for code in ("camhs", "housing"):
        assert refs(wiring, code, *families.values()) == set(cases(wiring, code))
    assert set() == set(cases(wiring, "camhs")) & set(cases(wiring, "housing"))


def test_a_withdrawn_case_is_absent_at_once(wiring: Wiring, families: dict[str, UUID]) -> None:
    """Decided when it is asked, not when it was listed; nothing marks the place."""
    import_panel_file(wiring, panel_file(meeting(agenda=list(families))), actor="test")
    withdraw(wiring, families["EH-2"])
    assert refs(wiring, "camhs", families["EH-1"], families["EH-3"]) == set(cases(wiring, "camhs"))


def test_a_meeting_whose_window_is_not_open_has_no_cases(wiring: Wiring, families: dict[str, UUID]) -> None:
    """The meeting itself is known ahead; who is discussed there is not."""
    assert 3 == len(families)
    import_panel_file(wiring, panel_file(meeting(held_on="2199-10-21")), actor="test")
    assert [] == cases(wiring, "camhs")


def test_the_cases_come_in_random_order(
    wiring: Wiring, families: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fixed order would tell from which place a case went missing, or which one was added last."""
    import_panel_file(wiring, panel_file(meeting(agenda=list(families))), actor="test")
    plain = cases(wiring, "camhs")
    assert len(families) == len(plain)
    seen = {tuple(cases(wiring, "camhs")) for _ in range(20)}
    assert len(seen) > 1

    class Backwards:
        def shuffle(self, refs: list[UUID]) -> None:
            refs.sort(reverse=True)

    monkeypatch.setattr("gateway.panel.views.secrets.SystemRandom", Backwards)
    assert sorted(plain, reverse=True) == cases(wiring, "camhs")


@pytest.mark.parametrize("code", ["commissioning", "police", None])
def test_who_takes_no_part_in_panels_gets_the_constant_404(
    wiring: Wiring, families: dict[str, UUID], code: str | None
) -> None:
    """Commissioners, the police and the council's own client: no route here exists for them."""
    assert 3 == len(families)
    import_panel_file(wiring, panel_file(meeting()), actor="test")
    (one,) = listed(wiring, "camhs")
    for path in ("/v1/panels", f"/v1/panels/{one['id']}"):
        answer = client(wiring, code).get(path)
        assert (404, NOT_FOUND_BODY) == (answer.status_code, answer.data)


def test_no_meeting_and_anothers_meeting_are_one_answer(wiring: Wiring, families: dict[str, UUID]) -> None:
    """Otherwise an agency could probe which meetings there are."""
    assert 3 == len(families)
    import_panel_file(wiring, panel_file(meeting()), actor="test")
    (one,) = listed(wiring, "camhs")
    answers = {
        (answer.status_code, answer.data, answer.content_type)
        for name in (one["id"], str(uuid4()), "nonsense", "%00")
        for answer in [client(wiring, "housing").get(f"/v1/panels/{name}")]
    }
    assert {(404, NOT_FOUND_BODY, "application/problem+json")} == answers


def test_a_suspended_agency_is_shown_no_case(wiring: Wiring, families: dict[str, UUID]) -> None:
    """Its token would be refused before; should one slip through, nothing is permitted."""
    assert 3 == len(families)
    import_panel_file(wiring, panel_file(meeting()), actor="test")
    suspend(wiring, code=AgencyCode("camhs"), actor="test")
    assert [] == cases(wiring, "camhs")
