"""Importing a panel file: whole or not at all, under moved gates, and only with a standing yes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from agencies.model import AgencyKind
from consent_registry.model import Closure, Exit, Scope
from gateway.disclosure_log.service import Change
from gateway.panel import service
from gateway.panel.errors import PanelFileError, PanelMovedError
from gateway.panel.service import Imported, import_panel_file
from gateway.wiring import Wiring
from tests.gateway.panel.stage import (
    NOW,
    add_family,
    agree,
    gate,
    meeting,
    offer,
    panel_file,
    rows,
    withdraw,
)
from tests.support.agencies import onboard


@pytest.fixture
def family(wiring: Wiring) -> UUID:
    """CAMHS, housing, commissioning and the police; one open Level 2 family whose child said yes to CAMHS."""
    for code in ("camhs", "housing", "commissioning", "police"):
        onboard(wiring, code)
    made = add_family(wiring, "EH-1")
    agree(wiring, made)
    return made


def put(wiring: Wiring, data: bytes) -> Imported:
    return import_panel_file(wiring, data, actor="test")


def faults(wiring: Wiring, data: bytes) -> list[tuple[str, str]]:
    with pytest.raises(PanelFileError) as raised:
        put(wiring, data)
    return [(fault.pointer, fault.reason) for fault in raised.value.faults]


def agenda(wiring: Wiring) -> set[UUID]:
    with wiring.engine.connect() as connection:
        return set(connection.execute(text("SELECT family_id FROM gateway.agenda_item")).scalars())


def test_a_meeting_gives_its_members_a_window_on_its_cases(wiring: Wiring, family: UUID) -> None:
    """The agenda is the entitlement; it opens and closes on working days in London."""
    assert Imported(1, 1) == put(wiring, panel_file(meeting(held_on="2026-10-21"), offers=[offer()]))
    with wiring.engine.connect() as connection:
        stored = connection.execute(text("SELECT * FROM gateway.panel_meeting")).one()
        members = connection.execute(text("SELECT agency_code FROM gateway.panel_member")).scalars().all()
    assert ("North panel", date(2026, 10, 21)) == (stored.title, stored.held_on)
    assert datetime(2026, 10, 11, 23, tzinfo=UTC) == stored.opens_at
    assert datetime(2026, 10, 29, tzinfo=UTC) == stored.closes_at
    assert ["camhs"] == members
    assert {family} == agenda(wiring)
    assert 1 == rows(wiring, "offer")


def test_listing_moves_the_gate_and_leaves_an_entry_of_the_family(wiring: Wiring, family: UUID) -> None:
    """A release decided before the listing is decided again, and the family's statement can show it."""
    version, entries = gate(wiring, family), rows(wiring, "log_entry")
    put(wiring, panel_file(meeting()))
    assert gate(wiring, family) > version
    assert entries + 1 == rows(wiring, "log_entry")


def test_a_moved_meeting_loses_its_old_window_members_and_agenda(wiring: Wiring, family: UUID) -> None:
    """A case that was taken off must stop at once: its family's gate moves although it is not in the file."""
    other = add_family(wiring, "EH-2")
    agree(wiring, other, agencies=["housing"])
    put(wiring, panel_file(meeting()))
    versions = gate(wiring, family), gate(wiring, other)
    entries = rows(wiring, "log_entry")
    put(wiring, panel_file(meeting(members=["housing"], agenda=["EH-2"], held_on="2026-10-21")))
    assert {other} == agenda(wiring)
    assert gate(wiring, family) > versions[0]
    assert gate(wiring, other) > versions[1]
    assert entries + 2 == rows(wiring, "log_entry")
    with wiring.engine.connect() as connection:
        assert ["housing"] == connection.execute(
            text("SELECT agency_code FROM gateway.panel_member")
        ).scalars().all()
        assert (
            date(2026, 10, 21)
            == connection.execute(text("SELECT held_on FROM gateway.panel_meeting")).scalar_one()
        )


def test_a_meeting_can_be_emptied(wiring: Wiring, family: UUID) -> None:
    """A cancelled meeting entitles nobody; taking the last case off moves its gate."""
    put(wiring, panel_file(meeting()))
    version = gate(wiring, family)
    put(wiring, panel_file(meeting(members=[], agenda=[])))
    assert set() == agenda(wiring)
    assert gate(wiring, family) > version


def test_a_meeting_without_cases_can_be_stored(wiring: Wiring, family: UUID) -> None:
    """The year's meetings are known before their agendas; such a change is nobody's, but it is an entry."""
    entries, version = rows(wiring, "log_entry"), gate(wiring, family)
    assert Imported(1, 0) == put(wiring, panel_file(meeting(agenda=[])))
    assert (entries + 1, version) == (rows(wiring, "log_entry"), gate(wiring, family))


def test_an_empty_file_changes_nothing(wiring: Wiring) -> None:
    assert Imported(0, 0) == put(wiring, panel_file())


@pytest.mark.parametrize(("level", "status"), [(1, "open"), (3, "open"), (4, "open"), (2, "closed")])
@pytest.mark.usefixtures("family")
def test_only_an_open_level_2_case_is_listed(wiring: Wiring, level: int, status: str) -> None:
    """Level 1 needs no panel, Level 3 and 4 are social care's, and a closed case is over."""
    agree(wiring, add_family(wiring, "EH-2", level=level, status=status))
    assert [("/meetings/0/agenda/1", "not_open_level_2")] == faults(
        wiring, panel_file(meeting(agenda=["EH-1", "EH-2"]))
    )
    assert set() == agenda(wiring)


_CLOSED_FOR_CAMHS = Closure(Exit.WITHDRAWN, Scope(agencies=frozenset({"camhs"})))


@pytest.mark.parametrize(
    "decide",
    [
        pytest.param(lambda *_: None, id="nobody was asked"),
        pytest.param(withdraw, id="withdrawn"),
        pytest.param(
            lambda wiring, one: agree(wiring, one, purposes=["P2"]), id="yes to service delivery only"
        ),
        pytest.param(lambda wiring, one: agree(wiring, one, agencies=["housing"]), id="yes to no member"),
        pytest.param(
            lambda wiring, one: agree(wiring, one, ends=NOW - timedelta(hours=1)), id="the yes has ended"
        ),
        pytest.param(
            lambda wiring, one: agree(wiring, one, closures=(_CLOSED_FOR_CAMHS,)),
            id="withdrawn from this member",
        ),
        pytest.param(lambda wiring, one: agree(wiring, one, role="other"), id="the yes of a risk person"),
    ],
)
@pytest.mark.usefixtures("family")
def test_no_case_is_listed_without_a_standing_yes(
    wiring: Wiring, decide: Callable[[Wiring, UUID], None]
) -> None:
    """Even that a family is known to early help is told to a panel only if somebody in it agreed."""
    decide(wiring, add_family(wiring, "EH-2"))
    assert [("/meetings/0/agenda/0", "no_standing_yes")] == faults(
        wiring, panel_file(meeting(agenda=["EH-2"]))
    )


@pytest.mark.parametrize(
    ("years", "policy", "listed"),
    [(16, True, False), (16, False, True), (18, False, False), (15, True, True)],
)
def test_a_parents_yes_that_lapsed_on_a_birthday_lists_no_case(
    wiring: Wiring, family: UUID, years: int, policy: bool, listed: bool
) -> None:
    """The young person's own answer is asked for first."""
    day = date(NOW.year - years, 1, 1)
    add_family(wiring, "EH-1", born=day.isoformat())
    settings = replace(wiring.settings, lapse_at_sixteen=policy)
    judged = replace(wiring, settings=settings)
    if listed:
        put(judged, panel_file(meeting()))
        assert {family} == agenda(wiring)
    else:
        assert [("/meetings/0/agenda/0", "no_standing_yes")] == faults(judged, panel_file(meeting()))


def test_one_persons_yes_is_enough_to_be_listed(wiring: Wiring, family: UUID) -> None:
    """Who refused stays out of every extract; that is the release path's work, not the agenda's."""
    withdraw(wiring, family)
    agree(wiring, family, role="adult")
    put(wiring, panel_file(meeting()))
    assert {family} == agenda(wiring)


def test_a_meeting_imported_again_after_a_withdrawal_is_refused(wiring: Wiring, family: UUID) -> None:
    """The yes must stand at every import; what was listed is refused at release anyway."""
    put(wiring, panel_file(meeting()))
    withdraw(wiring, family)
    assert [("/meetings/0/agenda/0", "no_standing_yes")] == faults(wiring, panel_file(meeting()))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"members": ["camhs", "nobody"]}, [("/meetings/0/members/1", "unknown_agency")], id="nobody"
        ),
        pytest.param(
            {"members": ["camhs", "police"]}, [("/meetings/0/members/1", "kind_not_admitted")], id="police"
        ),
        pytest.param(
            {"members": ["commissioning", "camhs"]},
            [("/meetings/0/members/0", "kind_not_admitted")],
            id="commissioning",
        ),
        pytest.param(
            {"agenda": ["EH-1", "EH-9"]}, [("/meetings/0/agenda/1", "unknown_case")], id="no such case"
        ),
    ],
)
@pytest.mark.usefixtures("family")
def test_members_and_cases_must_be_known_and_admitted(
    wiring: Wiring, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Commissioners see counts and the police see referrals; neither ever sits at the table."""
    assert expected == faults(wiring, panel_file(meeting(**changes)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"agency": "nobody"}, [("/offers/0/agency", "unknown_agency")], id="unknown agency"),
        pytest.param({"agency": "police"}, [("/offers/0/agency", "kind_not_admitted")], id="police"),
        pytest.param({"source_ref": "EH-9"}, [("/offers/0/source_ref", "unknown_case")], id="unknown case"),
    ],
)
@pytest.mark.usefixtures("family")
def test_an_offer_needs_a_known_case_and_an_admitted_agency(
    wiring: Wiring, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert expected == faults(wiring, panel_file(offers=[offer(**changes)]))


def test_an_offer_can_end_and_never_change_hands(wiring: Wiring, family: UUID) -> None:
    """The same ref with another agency or case would move an entitlement without anybody's acceptance."""
    add_family(wiring, "EH-2")
    put(wiring, panel_file(offers=[offer()]))
    version = gate(wiring, family)
    put(wiring, panel_file(offers=[offer(ended_on="2026-03-01")]))
    assert gate(wiring, family) > version
    expected = [("/offers/0/ref", "ref_in_use")]
    assert expected == faults(wiring, panel_file(offers=[offer(agency="housing")]))
    assert expected == faults(wiring, panel_file(offers=[offer(source_ref="EH-2")]))
    with wiring.engine.connect() as connection:
        stored = connection.execute(text("SELECT agency_code, ended_on FROM gateway.offer")).one()
    assert ("camhs", date(2026, 3, 1)) == tuple(stored)


@pytest.mark.usefixtures("family")
def test_an_offer_of_a_refuge_is_tagged_as_restricted(wiring: Wiring) -> None:
    """That a family was offered a refuge is a secret even among those who may list its entries."""
    onboard(wiring, "home", kind=AgencyKind.REFUGE)
    tags: list[bool] = []
    original = Change.record

    def noted(change: Change, **given: Any) -> None:
        tags.append(bool(given.get("restricted")))
        original(change, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Change, "record", noted)
        put(wiring, panel_file(offers=[offer(), offer("O-2", agency="home")]))
    assert [False, True] == tags


def test_a_faulty_file_changes_nothing_at_all(wiring: Wiring, family: UUID) -> None:
    """Half an agenda would be believed whole: no row, no gate, no entry, and every fault told at once."""
    put(wiring, panel_file(meeting()))
    before = gate(wiring, family), rows(wiring, "log_entry"), rows(wiring, "agency_gate"), agenda(wiring)
    data = panel_file(
        meeting(members=["camhs", "housing"]),
        meeting("M-2", members=["nobody"], agenda=["EH-9"]),
        offers=[offer(), offer("O-2", agency="police")],
    )
    assert [
        ("/meetings/1/members/0", "unknown_agency"),
        ("/meetings/1/agenda/0", "unknown_case"),
        ("/offers/1/agency", "kind_not_admitted"),
    ] == faults(wiring, data)
    after = gate(wiring, family), rows(wiring, "log_entry"), rows(wiring, "agency_gate"), agenda(wiring)
    assert before == after
    assert (1, 1, 0) == tuple(rows(wiring, table) for table in ("panel_meeting", "panel_member", "offer"))


def test_a_withdrawal_between_reading_and_storing_is_seen(
    wiring: Wiring, family: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are judged again under the moved gates: a yes that was there a moment ago is not enough."""
    _after_first_read(monkeypatch, lambda: withdraw(wiring, family))
    assert [("/meetings/0/agenda/0", "no_standing_yes")] == faults(wiring, panel_file(meeting()))
    assert set() == agenda(wiring)


def test_a_meeting_that_grew_meanwhile_is_tried_again(
    wiring: Wiring, family: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The family that somebody else just listed is taken off with its gate moved, not left behind."""
    other = add_family(wiring, "EH-2")
    agree(wiring, other)
    _after_first_read(monkeypatch, lambda: put(wiring, panel_file(meeting(agenda=["EH-2"]))))
    version = gate(wiring, other)
    assert Imported(1, 0) == put(wiring, panel_file(meeting()))
    assert {family} == agenda(wiring)
    assert version + 2 == gate(wiring, other)


@pytest.mark.usefixtures("family")
def test_a_meeting_that_never_rests_is_given_up(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Better a plain answer than a loop; nothing was stored."""
    monkeypatch.setattr(service, "_stored", lambda *_, **__: False)
    with pytest.raises(PanelMovedError):
        put(wiring, panel_file(meeting()))
    assert set() == agenda(wiring)


def _after_first_read(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen between the first reading of the rows and the act."""
    original, pending = service._read, [happens]

    def read(*given: Any) -> Any:
        known = original(*given)
        if pending:
            pending.pop()()
        return known

    monkeypatch.setattr(service, "_read", read)
