"""What a panel file must look like: every fault has a place and a stable reason, and repeats nothing."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.panel.errors import PanelFileError
from gateway.panel.model import MeetingRow, OfferRow, PanelFile
from gateway.panel.schemas import MAX_FILE_BYTES, read_panel_file
from tests.gateway.panel.stage import meeting, offer, panel_file


def faults(data: bytes) -> list[tuple[str, str]]:
    with pytest.raises(PanelFileError) as raised:
        read_panel_file(data)
    return [(fault.pointer, fault.reason) for fault in raised.value.faults]


def test_a_panel_file_is_read() -> None:
    """Refs, dates, members, agenda and offers arrive as values."""
    data = panel_file(meeting(held_on="2026-10-21"), offers=[offer(ended_on="2026-03-01")])
    expected = PanelFile(
        meetings=(MeetingRow("M-1", "North panel", date(2026, 10, 21), ("camhs",), ("EH-1",)),),  # type: ignore[arg-type]
        offers=(
            OfferRow("O-1", "EH-1", "camhs", "Parenting course", date(2026, 1, 5), date(2026, 3, 1)),  # type: ignore[arg-type]
        ),
    )
    assert expected == read_panel_file(data)


def test_meetings_and_offers_may_each_be_left_out() -> None:
    assert PanelFile((), ()) == read_panel_file(b'{"format": 1}')


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"[]", [("", "not_an_object")], id="no object"),
        pytest.param(b'{"format": 2}', [("/format", "unknown_format")], id="another format"),
        pytest.param(b'{"format": true}', [("/format", "unknown_format")], id="true is not 1"),
        pytest.param(b"{}", [("/format", "required")], id="no format"),
        pytest.param(panel_file(canary=1), [("", "unknown_member")], id="a member we do not know"),
        pytest.param(
            panel_file(meeting(canary="x")), [("/meetings/0", "unknown_member")], id="and inside a meeting"
        ),
        pytest.param(
            panel_file(meeting(canary="x", canary2="y")),
            [("/meetings/0", "unknown_member")],
            id="two of them are one fault",
        ),
        pytest.param(
            panel_file({"ref": "M-1"}),
            [(f"/meetings/0/{name}", "required") for name in ("title", "held_on", "members", "agenda")],
            id="every missing member",
        ),
        pytest.param(panel_file(meeting(ref="")), [("/meetings/0/ref", "malformed")], id="an empty ref"),
        pytest.param(
            panel_file(meeting(ref="a b")), [("/meetings/0/ref", "malformed")], id="a ref with a space"
        ),
        pytest.param(
            panel_file(meeting(ref="a\n")), [("/meetings/0/ref", "malformed")], id="a ref with a line end"
        ),
        pytest.param(
            panel_file(meeting(title=7)), [("/meetings/0/title", "not_text")], id="a title that is a number"
        ),
        pytest.param(
            panel_file(meeting(title="  ")), [("/meetings/0/title", "malformed")], id="a blank title"
        ),
        pytest.param(panel_file(meeting(title=None)), [("/meetings/0/title", "null")], id="null"),
        pytest.param(
            panel_file(meeting(held_on="2026-02-30")),
            [("/meetings/0/held_on", "not_a_date")],
            id="no such day",
        ),
        pytest.param(
            panel_file(meeting(held_on="20261021")),
            [("/meetings/0/held_on", "not_a_date")],
            id="another date form",
        ),
        pytest.param(
            panel_file(meeting(held_on="0001-01-01")),
            [("/meetings/0/held_on", "date_out_of_range")],
            id="a year that has no calendar",
        ),
        pytest.param(
            panel_file(meeting(members="camhs")),
            [("/meetings/0/members", "not_a_list")],
            id="members as text",
        ),
        pytest.param(
            panel_file(meeting(members=["camhs", "All"])),
            [("/meetings/0/members/1", "malformed")],
            id="no code",
        ),
        pytest.param(
            panel_file(meeting(agenda=["EH-1", "EH-1"])),
            [("/meetings/0/agenda/1", "duplicate")],
            id="a case twice",
        ),
        pytest.param(
            panel_file(meeting(members=["camhs", "camhs"])),
            [("/meetings/0/members/1", "duplicate")],
            id="a member twice",
        ),
        pytest.param(
            panel_file(meeting(), meeting()), [("/meetings/1/ref", "duplicate")], id="a meeting twice"
        ),
        pytest.param(
            panel_file(offers=[offer(), offer()]), [("/offers/1/ref", "duplicate")], id="an offer twice"
        ),
        pytest.param(
            panel_file(offers=[offer(ended_on="2026-01-04")]),
            [("/offers/0/ended_on", "ends_before_it_begins")],
            id="an offer that ends before it begins",
        ),
        pytest.param(
            panel_file(offers=[offer(ended_on=None)]),
            [("/offers/0/ended_on", "null")],
            id="an end that is null",
        ),
    ],
)
def test_a_fault_has_a_place_and_a_stable_reason(data: bytes, expected: list[tuple[str, str]]) -> None:
    """The sender finds every fault at once, by pointer."""
    assert expected == faults(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half a document"),
        pytest.param(b'{"format": 1, "format": 1}', id="a member twice"),
        pytest.param(b" " * (MAX_FILE_BYTES + 1), id="too long"),
        pytest.param(b'{"format": NaN}', id="not a number"),
    ],
)
def test_what_is_not_json_is_one_fault_of_the_whole(data: bytes) -> None:
    found = faults(data)
    assert [""] == [pointer for pointer, _ in found]


def test_no_fault_repeats_what_stood_there() -> None:
    """A panel file is made by hand: a name typed into the wrong cell must not reach a screen or a log."""
    canary = "CANARY Byron"
    rows: list[dict[str, Any]] = [
        meeting(ref=canary, held_on=canary, members=[canary], agenda=canary, **{canary: canary}),
        {canary: {canary: canary}},
    ]
    data = panel_file(*rows, offers=[offer(agency=canary, accepted_on=canary, ended_on=canary)])
    assert "CANARY" not in str(faults(data))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
_ROWS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("ref", "title", "held_on", "members", "agenda", "agency", "service"), _JSON),
)


@given(meetings=_JSON | st.lists(_ROWS, max_size=3), offers=_JSON | st.lists(_ROWS, max_size=3))
def test_whatever_arrives_the_answer_is_a_file_or_its_faults(meetings: object, offers: object) -> None:
    """No bytes of a stranger end in another exception."""
    data = json.dumps({"format": 1, "meetings": meetings, "offers": offers}).encode()
    try:
        found: object = read_panel_file(data)
    except PanelFileError as error:
        found = error.faults
    assert found
