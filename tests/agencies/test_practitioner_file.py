"""Lists of practitioners as CSV: what is read, what is refused and where, and the one text of a list."""

import csv
import re
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agencies.errors import PractitionerFileError
from agencies.practitioner_file import (
    COLUMNS,
    MAX_BYTES,
    MAX_PRACTITIONERS,
    format_practitioners,
    read_practitioners,
)
from agencies.register import Practitioner, is_practitioner_id, is_shown_line

HEADER = "id,name,role,active_from,active_until\n"
ADA = Practitioner("ada.1", "Ada Okafor", "nurse", date(2026, 1, 5))
BEN = Practitioner("ben@clinic", 'Ben "B" Ó Briain', "lead, north", date(2026, 1, 5), date(2027, 1, 5))
TEXT = 'ada.1,Ada Okafor,nurse,2026-01-05,\nben@clinic,"Ben ""B"" Ó Briain","lead, north",2026-01-05,2027-01-05\n'


def parse(text: str) -> tuple[Practitioner, ...]:
    return read_practitioners(text.encode())


def fault(data: bytes) -> str:
    with pytest.raises(PractitionerFileError) as refused:
        read_practitioners(data)
    return str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(HEADER + TEXT, id="as a text editor saves it"),
        pytest.param("\ufeff" + HEADER + TEXT, id="with a byte order mark"),
        pytest.param((HEADER + TEXT).replace("\n", "\r\n"), id="with the line ends of Windows"),
        pytest.param((HEADER + TEXT).rstrip("\n"), id="without a last line end"),
        pytest.param("\n" + HEADER + "\n" + TEXT + "\r\n\n", id="with empty lines"),
        pytest.param((HEADER + TEXT).replace("id,name", '"id","name"'), id="with a quoted header"),
    ],
)
def test_a_list_is_read_however_a_spreadsheet_saved_it(text: str) -> None:
    """The people who keep these lists have Excel, not a CSV library."""
    assert (ADA, BEN) == parse(text)


def test_a_list_may_have_nobody() -> None:
    """The last worker of a small agency leaves, too."""
    assert () == parse(HEADER)


def test_someone_may_come_and_leave_on_one_day() -> None:
    """The interval is empty, so this person is active at no time; a list that says so is no slip."""
    (one,) = parse(HEADER + "a,A,r,2026-01-05,2026-01-05\n")
    assert not one.is_current(date(2026, 1, 5))


ROW = "a,Ada,nurse,2026-01-05,2027-01-05"
REFUSED: dict[str, tuple[str, str]] = {
    "nothing at all": ("", "Row 1: the header's column 1 must be id."),
    "a header with a capital": ("Id,name,role,active_from,active_until\n", "Row 1: the header's column 1 must"),
    "a header with a space": ("id, name,role,active_from,active_until\n", "Row 1: the header's column 2 must"),
    "a header in another order": ("id,role,name,active_from,active_until\n", "Row 1: the header's column 2 must"),
    "a header that is short": ("id,name,role,active_from\n", "Row 1: the header's column 5 must be active_until."),
    "a header that is long": (HEADER.replace("\n", ",phone\n"), "Row 1: nothing may stand after column active_until."),
    "no header": (f"{ROW}\n", "Row 1: the header's column 1 must be id."),
    "a row that is short": (f"{HEADER}{ROW}\nb,Ben,nurse\n", "Row 3: column active_from is missing."),
    "a row that is long": (f"{HEADER}{ROW},x\n", "Row 2: nothing may stand after column active_until."),
    "semicolons": (HEADER + ROW.replace(",", ";"), "Row 2: column name is missing."),
    "an id with a space": (f"{HEADER}a b{ROW[1:]}\n", "Row 2, column id: must be 1 to 64 of letters"),
    "an id of another script": (f"{HEADER}\u0430{ROW[1:]}\n", "Row 2, column id: must be 1 to 64"),
    "no id": (f"{HEADER}{ROW[1:]}\n", "Row 2, column id: must be 1 to 64"),
    "an id too long": (f"{HEADER}{'a' * 65}{ROW[1:]}\n", "Row 2, column id: must be 1 to 64"),
    "an id twice": (f"{HEADER}{ROW}\nb{ROW[1:]}\n{ROW}\n", "Row 4, column id: is the same as in row 2."),
    "an empty line before": (f"{HEADER}\n\n{ROW}\n{ROW}\n", "Row 5, column id: is the same as in row 4."),
    "no name": (HEADER + ROW.replace("Ada", ""), "Row 2, column name: must be one line of 1 to 200 characters"),
    "a blank name": (HEADER + ROW.replace("Ada", "\u200b "), "Row 2, column name: must be one line"),
    "a name too long": (HEADER + ROW.replace("Ada", "A" * 201), "Row 2, column name: must be one line"),
    "a name of two lines": (HEADER + ROW.replace("Ada", '"Ada\nB"'), "Row 2, column name: must be one line"),
    "a name with a terminal's escape": (HEADER + ROW.replace("Ada", "\x1b[2JAda"), "Row 2, column name: must"),
    "a name with a null": (HEADER + ROW.replace("Ada", "A\0da"), "Row 2, column name: must be one line"),
    "a name with a line separator": (HEADER + ROW.replace("Ada", "A\u2028da"), "Row 2, column name: must"),
    "a name that is turned round": (HEADER + ROW.replace("Ada", "\u202eadA"), "Row 2, column name: must"),
    "a name that is a formula": (HEADER + ROW.replace("Ada", "=1+1"), "Row 2, column name: must be one line"),
    "a formula behind a space": (HEADER + ROW.replace("Ada", " @SUM"), "Row 2, column name: must be one line"),
    "a role with a tab": (HEADER + ROW.replace("nurse", "a\tb"), "Row 2, column role: must be one line"),
    "no first day": (HEADER + ROW.replace("2026-01-05", ""), "Row 2, column active_from: must be a date"),
    "a first day as Britons write it": (HEADER + ROW.replace("2026-01-05", "05/01/2026"), "Row 2, column active_from"),
    "a first day without hyphens": (HEADER + ROW.replace("2026-01-05", "20260105"), "Row 2, column active_from"),
    "a first day by week": (HEADER + ROW.replace("2026-01-05", "2026-W01-1"), "Row 2, column active_from"),
    "a first day with a time": (HEADER + ROW.replace("2026-01-05", "2026-01-05T00:00"), "Row 2, column active_from"),
    "a first day in other digits": (HEADER + ROW.replace("2026-01-05", "\uff12\uff10\uff12\uff16-01-05"), "Row 2, column active_from"),
    "a day that does not exist": (HEADER + ROW.replace("2027-01-05", "2027-02-29"), "Row 2, column active_until: must be a"),
    "an end of blanks": (HEADER + ROW.replace("2027-01-05", " "), "Row 2, column active_until: must be a date"),
    "an end before the beginning": (
        HEADER + ROW.replace("2027-01-05", "2026-01-04"),
        "Row 2, column active_until: must not be before active_from.",
    ),
    "a quote that is not closed": (f'{HEADER}{ROW}\nb,"Ben,nurse,2026-01-05,\n', "Row 3: the line cannot be read"),
    "a letter behind a quote": (f'{HEADER}a,"Ada"x,nurse,2026-01-05,\n', "Row 2: the line cannot be read as CSV."),
    "the line ends of old": (f"{HEADER}{ROW}\rb{ROW[1:]}\n", "Row 2: the line cannot be read as CSV."),
    "a value without end": (f"{HEADER}a,{'x' * 200_000},nurse,2026-01-05,\n", "Row 2: the line cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_faulty_list_is_refused_with_its_place(name: str) -> None:
    """Half a list would make leavers of the other half; and whoever must mend it needs the cell."""
    text, sentence = REFUSED[name]
    said = fault(text.encode())
    assert said.startswith(sentence)
    assert said.endswith(".")


def test_bytes_that_are_no_text_are_refused_with_their_row() -> None:
    """What a spreadsheet saves as plain CSV is not UTF-8 as soon as a name has an accent."""
    assert "Row 3: this is not text in UTF-8." == fault((HEADER + TEXT).encode("cp1252"))


@pytest.mark.parametrize("column", range(5))
def test_no_fault_repeats_what_stands_in_the_file(column: int) -> None:
    """A message ends up in tickets and logs; the names of staff have no business there."""
    values = ["a", "Ada", "nurse", "2026-01-05", "2027-01-05"]
    values[column] = "Xanthippe \x07"
    assert "Xanthippe" not in fault(f"{HEADER}{','.join(values)}\n".encode())
    assert "Xanthippe" not in fault(HEADER.replace(COLUMNS[column], "Xanthippe").encode())


def test_the_largest_list_is_read_and_no_larger_one() -> None:
    rows = [f"w{number},A,r,2026-01-05,\n" for number in range(MAX_PRACTITIONERS + 1)]
    assert MAX_PRACTITIONERS == len(parse(HEADER + "".join(rows[:-1])))
    assert "Row 10002: a list has at most 10000 people." == fault((HEADER + "".join(rows)).encode())


def test_a_file_that_is_too_long_is_not_read() -> None:
    """The limit comes before any work."""
    longest = HEADER.encode().ljust(MAX_BYTES, b"\n")
    assert () == read_practitioners(longest)
    assert "The file is longer than 2000000 bytes." == fault(longest + b"\n")


def test_a_list_has_one_text() -> None:
    """Its digest says what was confirmed: the same people in another order are the same list."""
    expected = (
        HEADER + 'ada.1,"Ada Okafor","nurse",2026-01-05,\n'
        'ben@clinic,"Ben ""B"" Ó Briain","lead, north",2026-01-05,2027-01-05\n'
    )
    assert expected == format_practitioners([BEN, ADA]) == format_practitioners([ADA, BEN])
    assert HEADER == format_practitioners([])


SENTENCE = re.compile(
    r"Row [0-9]+, column (id|name|role|active_from|active_until): (must be|must not be|is the same as in row) .*\.|"
    r"Row [0-9]+: (column [a-z_]+ is missing|nothing may stand after column active_until|this is not text in UTF-8|"
    r"the line cannot be read as CSV|the header's column [1-5] must be [a-z_]+)\."
)
SHOWN = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=12).filter(
    is_shown_line
)
PEOPLE = st.builds(
    lambda identity, name, role, days: Practitioner(identity, name, role, *days),
    st.from_regex(r"[A-Za-z0-9._@-]{1,64}", fullmatch=True),
    SHOWN,
    SHOWN,
    st.tuples(st.dates(), st.dates()).map(sorted) | st.tuples(st.dates(), st.none()),
)
LISTS = st.lists(PEOPLE, max_size=5, unique_by=lambda one: one.id)


def check(data: bytes) -> None:
    """A whole and sound list, or one of our sentences."""
    found: tuple[Practitioner, ...] = ()
    said = "Row 1: the line cannot be read as CSV."
    try:
        found = read_practitioners(data)
    except PractitionerFileError as error:
        said = str(error)
    assert SENTENCE.fullmatch(said)
    assert len(found) == len({one.id for one in found})
    assert all(is_practitioner_id(one.id) for one in found)
    assert all(is_shown_line(one.name) and is_shown_line(one.role) for one in found)
    assert all(one.active_until is None or one.active_from <= one.active_until for one in found)


@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf")
@example(b'"')
@example(b"\0")
def test_any_bytes_are_a_list_or_refused(data: bytes) -> None:
    """The file comes from outside: no byte may end the command with a traceback."""
    check(data)
    check(HEADER.encode() + data)


@given(LISTS, st.data())
def test_a_damaged_list_is_a_list_or_refused(people: list[Practitioner], data: st.DataObject) -> None:
    """Close to sound is where a reader goes wrong."""
    sound = format_practitioners(people).encode()
    place = data.draw(st.integers(0, len(sound)))
    damage = data.draw(
        st.binary(max_size=4) | st.sampled_from([b",", b'"', b"\n", b"\r", b"\xe2\x80\xa8", b"\0"])
    )
    check(sound[:place] + damage + sound[place + data.draw(st.integers(0, 4)) :])


@given(LISTS)
def test_what_is_written_reads_back(people: list[Practitioner]) -> None:
    """``list`` prints what ``import`` takes; a quote or a comma in a name must not move a column."""
    text = format_practitioners(people)
    assert sorted(people, key=lambda one: one.id) == list(parse(text))
    assert text == format_practitioners(parse(text))


@given(LISTS)
def test_any_reader_of_csv_reads_the_same(people: list[Practitioner]) -> None:
    """What a partner's own program reads is what was confirmed."""
    rows = list(csv.DictReader(format_practitioners(people).split("\n")))
    assert {(one.id, one.name, one.role) for one in people} == {(r["id"], r["name"], r["role"]) for r in rows}
