"""A referral at the pages: written by a caseworker, chased, reviewed by a lead and by an officer."""

import re
from uuid import UUID

import pytest

from gateway.safeguarding.model import State
from gateway.staff.model import Role
from tests.gateway.safeguarding.refer import REST, SIX, caseworker, children_of, refer, world_of
from tests.support.pages import Somebody, filled, words
from tests.support.prepared import made_once
from tests.support.world import World

prepared, database, wiring, world = made_once(world_of)


def form_of(world: World, kind: str = "protection") -> str:
    return f"/console/families/{world.family_id('EH-1')}/refer/{kind}"


def number_in(location: str | None) -> UUID:
    assert location is not None
    return UUID(location.rpartition("/")[2])


def sent_by(world: World, ada: Somebody, **more: str) -> str:
    """Where the page of a referral is that was sent from the form, with the six."""
    form = form_of(world)
    page = filled(ada.get(form), form)
    answered = {**page, "people": [*children_of(world, ada)], **SIX, "go": "now", **more}
    answer = ada.send(form, answered)
    assert answer.status_code == 303, words(answer.text)
    return answer.headers["Location"]


def test_the_emergency_takes_one_page_and_six_answers(world: World) -> None:
    """The body a browser sends may hold no more than six answers, and whoever asks is asked for nothing else."""
    ada = caseworker(world)
    answer = ada.send(form_of(world), {"people": [*children_of(world, ada)], **SIX, "go": "now"})
    assert answer.status_code == 303
    page = words(ada.get(answer.headers["Location"]))
    assert "emergency" in page
    assert "Answer what was left open" in page


@pytest.mark.parametrize("without", ["people", *SIX])
def test_one_of_the_six_that_is_missing_is_asked_for_and_nothing_typed_is_lost(
    world: World, without: str
) -> None:
    ada = caseworker(world)
    six = {"people": [*children_of(world, ada)], **SIX, without: ""}
    answer = ada.send(form_of(world), {**six, "go": "now"})
    assert answer.status_code == 422
    kept = SIX["fear"] if without != "fear" else SIX["number"]
    assert kept in answer.text


def test_everything_open_is_asked_for_afterwards(world: World) -> None:
    ada = caseworker(world)
    page = ada.get(sent_by(world, ada))
    for name in REST:
        assert re.search(rf'name="{name}(-day)?"', page), name


def test_without_an_emergency_whoever_sends_proves_that_it_is_them(world: World) -> None:
    ada = caseworker(world)
    form = form_of(world)
    whole = {
        **filled(ada.get(form), form),
        "people": [*children_of(world, ada)],
        **SIX,
        **{name: [*said] if isinstance(said, tuple) else said for name, said in REST.items()},
        "concern_at-day": "27",
        "concern_at-month": "11",
        "concern_at-year": "2026",
        "concern_at-time": "14:05",
        "called_at-day": "27",
        "called_at-month": "11",
        "called_at-year": "2026",
        "called_at-time": "14:20",
        "go": "all",
    }
    asked = ada.send(form, whole)
    assert asked.status_code == 200
    assert "Confirm that it is you" in asked.text
    sent = ada.send(form, filled(asked.text, form))
    assert sent.status_code == 303
    page = words(ada.get(sent.headers["Location"]))
    assert "emergency" not in page
    assert "27 November 2026 at 2:20pm" in page


def test_a_draft_is_said_to_be_one_and_can_be_changed(world: World) -> None:
    ada = caseworker(world)
    form = form_of(world)
    kept = ada.send(form, {"fear": "He was hit.", "go": "keep"})
    address = kept.headers["Location"]
    assert "NOTHING HAS BEEN SENT" in ada.get(address)
    again = ada.get(f"{form}?draft={number_in(address)}")
    assert "He was hit." in again
    changed = filled(again, form)
    assert [str(number_in(address))] == changed["referral"]
    assert 303 == ada.post(form, **{**changed, "people": [*children_of(world, ada)], **SIX, "go": "now"})
    assert "NOTHING HAS BEEN SENT" not in ada.get(address)


def test_the_same_form_sent_twice_is_one_referral(world: World) -> None:
    ada = caseworker(world)
    page = filled(ada.get(form_of(world)), form_of(world))
    answered = {**page, "people": [*children_of(world, ada)], **SIX, "go": "now"}
    first, second = (ada.send(form_of(world), answered) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert 1 == words(ada.get("/console/referrals")).count("Without agreement")


def test_what_was_taken_out_does_not_go_and_what_was_added_does(world: World) -> None:
    ada = caseworker(world)
    form = form_of(world)
    page = ada.get(form)
    offered = re.findall(r'name="items" type="checkbox" value="([0-9a-f]+)"( checked)?', page)
    selected = [key for key, checked in offered if checked]
    assert len(offered) > len(selected) > 0
    sent = sent_by(world, ada, items=selected[0])
    assert ada.ask(sent).status_code == 200


def test_the_lead_reviews_it_the_officer_decides_what_the_family_sees(world: World) -> None:
    ada = caseworker(world)
    ben = Somebody(world.wiring, Role.SAFEGUARDING_LEAD, username="ben")
    dana = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    address = sent_by(world, ada)
    assert "The safeguarding lead looks at it" in words(ben.get("/console/referrals/review"))
    assert 303 == ben.post(
        f"{address}/review", **{"as": "lead", "findings": ["too_late", "too_little"], "note": "x"}
    )
    assert "Too late; Too little was told" in words(ben.get(address))
    assert "The safeguarding lead looks at it" not in words(ben.get("/console/referrals/review"))
    assert 422 == dana.post(f"{address}/visibility", visibility="withhold")
    until = {"until-day": "1", "until-month": "3", "until-year": "2027"}
    grounds = {"visibility": "withhold", "ground": "schedule_3_paragraph_11", **until}
    assert 422 == dana.post(f"{address}/visibility", **grounds)
    assert "it is left out" not in words(dana.get(address))
    assert 303 == dana.post(f"{address}/visibility", **grounds, why="the inquiry would be hampered")
    shown = words(dana.get(address))
    assert "it is left out" in shown
    assert "the inquiry would be hampered" in shown
    assert 303 == dana.post(f"{address}/visibility", visibility="show")
    assert "the inquiry would be hampered" not in words(dana.get(address))


def test_nobody_reviews_their_own(world: World) -> None:
    lead = Somebody(world.wiring, Role.SAFEGUARDING_LEAD, Role.CASEWORKER)
    sent = refer(world, lead)
    assert 422 == lead.post(f"/console/referrals/{sent.id}/review", **{"as": "lead", "findings": "too_late"})


def test_what_they_said_on_the_phone_is_written_down(world: World) -> None:
    ada = caseworker(world)
    address = sent_by(world, ada)
    assert 303 == ada.post(f"{address}/word", outcome="arrived")
    assert "did it arrive" not in words(ada.get(address))
    assert 303 == ada.post(f"{address}/word", outcome="section_17", reference="MASH-7")
    page = words(ada.get(address))
    assert "MASH-7" in page
    assert "Assessment as a child in need" in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"called_at-day": "31", "called_at-month": "2", "called_at-year": "2026"},
        {"called_at": "2026-99-99T99:99:99+00:00"},
        {"tell-on-day": "x"},
        {"certainty": "nonsense"},
        {"known": "x" * 10_001},
    ],
)
def test_in_an_emergency_a_slip_elsewhere_holds_nothing_up(world: World, wrong: dict[str, str]) -> None:
    ada = caseworker(world)
    sent = ada.send(form_of(world), {"people": [*children_of(world, ada)], **SIX, **wrong, "go": "now"})
    assert sent.status_code == 303
    assert "Answer what was left open" in words(ada.get(sent.headers["Location"]))
    assert 422 == ada.post(form_of(world), **SIX, **wrong, people=[*children_of(world, ada)], go="all")


def test_whoever_was_signed_out_meanwhile_loses_nothing_and_is_told_to_ring(world: World) -> None:
    ada = caseworker(world)
    people = [*children_of(world, ada)]
    ada.post("/console/sign-out")
    page = ada.http.post(
        form_of(world),
        base_url=ada.own,
        headers={"Origin": ada.own},
        data={"people": people, **SIX, "go": "now"},
    )
    assert page.status_code == 401
    assert SIX["fear"] in page.text
    assert "NOTHING HAS BEEN SENT" in words(page.text)
    elsewhere = ada.http.post(form_of(world), base_url=ada.own, data=SIX)
    assert elsewhere.status_code == 403
    assert SIX["fear"] not in elsewhere.text


@pytest.mark.parametrize(
    ("at", "sent"),
    [
        ("word", {"outcome": "nonsense"}),
        ("word", {"outcome": "advice", "reference": "x" * 65}),
        ("told", {}),
        ("told", {"tell-on-day": "1", "tell-on-month": "1", "tell-on-year": "1"}),
        ("told", {"tell-on-day": "31", "tell-on-month": "2", "tell-on-year": "2027"}),
        ("complete", {"certainty": "nonsense"}),
        ("complete", {"called_at-day": "1", "called_at-time": "25:00"}),
        ("complete", {"known": "x" * 10_001}),
        ("complete", {"known": "\x00"}),
    ],
)
def test_what_cannot_be_read_changes_nothing(world: World, at: str, sent: dict[str, str]) -> None:
    ada = caseworker(world)
    address = sent_by(world, ada)
    before = words(ada.get(address))
    assert 422 == ada.post(f"{address}/{at}", **sent)
    assert before == words(ada.get(address))


@pytest.mark.parametrize("path", ["nonsense", "00000000-0000-4000-8000-000000000001"])
def test_a_referral_that_is_not_there_is_not_found(world: World, path: str) -> None:
    ada = caseworker(world)
    address = f"/console/referrals/{path}"
    statuses = {ada.ask(address).status_code} | {
        ada.post(f"{address}/{act}", outcome="arrived", told_by="x", go="now")
        for act in ("send", "complete", "word", "told")
    }
    assert statuses == {404}


def test_its_document_can_be_printed_with_its_proof(world: World) -> None:
    ada = caseworker(world)
    address = sent_by(world, ada)
    page = ada.get(f"{address}/documents/1")
    assert SIX["fear"] in page
    assert "Canary Road" in page
    assert "c2sp.org/tlog-proof@v1" in page
    assert {404} == {ada.ask(f"{address}/documents/{number}").status_code for number in ("0", "2", "x")}


def test_a_named_person_takes_it_with_a_code_told_by_phone(world: World) -> None:
    ada = caseworker(world)
    address = sent_by(world, ada)
    assert 422 == ada.post(f"{address}/pickup", person=" ")
    page = words(ada.send(f"{address}/pickup", person="PC Plum").text)
    code, where = re.search(r"Code ([A-Z0-9]{10})", page), re.search(r"/pickup/[0-9a-f-]{36}", page)
    assert code is not None
    assert where is not None
    taken = ada.http.post(where[0], base_url=ada.own, headers={"Origin": ada.own}, data={"code": code[1]})
    assert SIX["fear"] in taken.text
    assert "a code told by phone" in words(ada.get(address))


def test_considered_and_not_shared_has_a_page(world: World) -> None:
    ada = caseworker(world)
    sent = {"people": [*children_of(world, ada)], "fear": "A bruise.", "why_not": "He fell.", "go": "now"}
    answer = ada.send(form_of(world, "considered"), sent)
    assert answer.status_code == 303
    assert "He fell." in ada.get(answer.headers["Location"])
    assert "Considered, not shared" in words(ada.get("/console/referrals"))


def test_an_agreed_referral_needs_no_reason_why_not(world: World) -> None:
    ada = caseworker(world)
    six = {name: said for name, said in SIX.items() if name != "without"}
    sent = {"people": [*children_of(world, ada)], **six, "agreed_by": "Their mother, today", "go": "now"}
    answer = ada.send(form_of(world, "agreed"), sent)
    assert answer.status_code == 303
    assert "Agreed with the family" in ada.get(answer.headers["Location"])
    assert State.SENT.value in words(ada.get("/console/referrals"))
