"""Profiles as text: strict reading, exact writing, and the templates that ship."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agencies.errors import ProfileError
from agencies.model import AgencyKind, Condition, FieldName, Level, Mark, ProfileRow, Stage
from agencies.profile_text import format_profile, parse_profile, template, template_text
from agencies.shapes import SHAPES

MATRIX = Path(__file__).with_name("matrix.txt").read_text(encoding="utf-8")
CAMHS = template_text(AgencyKind.CAMHS)


@pytest.mark.parametrize("kind", AgencyKind)
def test_template_reads_back_byte_for_byte(kind: AgencyKind) -> None:
    """A version's hash is over its text: reading and writing must not change it."""
    assert template_text(kind) == format_profile(parse_profile(template_text(kind)))


@pytest.mark.parametrize("kind", AgencyKind)
def test_template_writes_out_all_fields_in_order(kind: AgencyKind) -> None:
    """A missing row withholds in silence; what ships is on the page."""
    always = [row.field for row in template(kind).rows if row.when is Condition.ALWAYS]
    assert list(SHAPES) == always


@pytest.mark.parametrize("kind", AgencyKind)
def test_template_is_the_kinds_own_and_has_no_agreement(kind: AgencyKind) -> None:
    profile = template(kind)
    assert (str(kind), kind, 1, "", "") == (
        str(profile.agency),
        profile.based_on_kind,
        profile.version,
        profile.agreement,
        profile.assessment,
    )


def matrix_cells() -> list[tuple[AgencyKind, FieldName, Mark, Mark]]:
    header, *lines = MATRIX.splitlines()
    kinds = [AgencyKind(code) for code in header.split()[1:]]
    cells = []
    for line in lines:
        name, *marks = line.split()
        for kind, mark in zip(kinds, marks, strict=True):
            panel, _, service = mark.partition(">")
            cells.append((kind, FieldName(name), Mark(panel), Mark(service or panel)))
    return cells


def test_templates_are_the_agreed_matrix() -> None:
    """518 cells; the two that only named workers see are withheld from the rest of early help."""
    rows = {
        (kind, row.field): (row.panel, row.service)
        for kind in AgencyKind
        for row in template(kind).rows
        if row.when is Condition.ALWAYS
    }
    assert {(kind, name): (panel, service) for kind, name, panel, service in matrix_cells()} == rows


def test_conditions_ship_where_agreed() -> None:
    actual = {
        (str(kind), str(row.when), str(row.field), str(row.panel), str(row.service))
        for kind in AgencyKind
        for row in template(kind).rows
        if row.when is not Condition.ALWAYS
    }
    attended = {
        (str(kind), "attended", "minutes", "G1", "G1")
        for kind in AgencyKind
        if kind not in {AgencyKind.EARLY_HELP, AgencyKind.COMMISSIONING, AgencyKind.POLICE}
    }
    named = {
        ("early-help", "named_worker", field, "F", "F") for field in ("sensitive_services", "domestic_abuse")
    }
    hosting = {
        ("refuge", "hosting_refuge", "address", "G2", "G2"),
        ("refuge", "hosting_refuge", "contact", "W", "F"),
        ("refuge", "hosting_refuge", "school", "G1", "G1"),
    }
    assert attended | named | hosting == actual


@pytest.mark.parametrize("kind", AgencyKind)
@pytest.mark.parametrize("stage", Stage)
def test_no_shipped_condition_lowers_what_always_gives(kind: AgencyKind, stage: Stage) -> None:
    """A condition that took something away would punish the worker who has more reason to see it."""
    profile = template(kind)
    for row in profile.rows:
        always = profile.level(row.field, stage=stage, conditions=frozenset())
        assert row.mark(stage).level >= always


@pytest.mark.parametrize("kind", [AgencyKind.COMMISSIONING, AgencyKind.POLICE])
@pytest.mark.parametrize("stage", Stage)
def test_commissioning_and_police_get_no_field(kind: AgencyKind, stage: Stage) -> None:
    """Aggregates and referrals are other routes: their extract is empty by profile."""
    profile = template(kind)
    levels = {profile.level(name, stage=stage, conditions=frozenset(Condition)) for name in SHAPES}
    assert {Level.W} == levels


NEVER_MET = "row {row}: key when is a condition that is never met here ({field})"
BROKEN: dict[str, tuple[str, str, str]] = {
    "missing format": ("format = 1\n", "", "header: key format is missing"),
    "other format": ("format = 1\n", "format = 2\n", "header: key format must be 1"),
    "true as format": ("format = 1\n", "format = true\n", "header: key format must be 1"),
    "unknown header key": ("version = 1\n", "version = 1\ncolour = 1\n", "header: unknown key colour"),
    "missing header key": ('agreement = ""\n', "", "header: key agreement is missing"),
    "unknown kind": ('kind = "camhs"', 'kind = "camh"', "header: key based_on_kind must be one of"),
    "agency of odd form": (
        'agency = "camhs"',
        'agency = "CAMHS "',
        "header: key agency is not of the right form",
    ),
    "version zero": ("version = 1\n", "version = 0\n", "header: key version must be"),
    "version as text": ("version = 1\n", 'version = "1"\n', "header: key version must be"),
    "review as text": ("2027-09-30", '"2027-09-30"', "header: key review_on must be a date"),
    "review with time": ("2027-09-30", "2027-09-30T00:00:00Z", "header: key review_on must be a date"),
    "odd article 6": ("6(1)(e)", "6(1)(g)", "header: key article6"),
    "odd article 9": ("9(2)(h)", "9(2)", "header: key article9"),
    "unknown field": ('"child_dob"', '"shoe_size"', "row 3: key field names no field"),
    "unknown level": ('panel = "F"', 'panel = "G3"', "row 1: key panel must be one of"),
    "level in small letters": ('service = "F"', 'service = "f"', "row 1: key service must be one of"),
    "unknown condition": ('when = "always"', 'when = "sometimes"', "row 1: key when must be one of"),
    "level of another type": ('panel = "F"', "panel = 3", "row 1: key panel must be text"),
    "missing row key": ('when = "always"\n', "", "row 1: key when is missing"),
    "unknown row key": ('when = "always"\n', 'when = "always"\nunless = "x"\n', "row 1: unknown key unless"),
    "blank reason": ('reason = "Its own pseudonym of the case"', 'reason = " "', "row 1: key reason must be"),
    "two always rows": ('"child_dob"', '"child_name"', "row 3: keys field and when repeat an earlier row"),
    "not TOML": ("[[row]]", "[[row", "the text is not TOML"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_text_is_refused_with_its_place(name: str) -> None:
    """A profile that is half understood would release by accident."""
    old, new, message = BROKEN[name]
    assert old in CAMHS
    with pytest.raises(ProfileError) as refused:
        parse_profile(CAMHS.replace(old, new, 1))
    assert str(refused.value).startswith(message)


UNENFORCEABLE: dict[str, tuple[AgencyKind, str, str]] = {
    "a named worker outside early help": (AgencyKind.CAMHS, "sensitive_services F F named_worker", NEVER_MET),
    "a hosting refuge that is none": (AgencyKind.HOUSING, "address F F hosting_refuge", NEVER_MET),
    "a hosting refuge of what no shield hides": (
        AgencyKind.REFUGE,
        "child_name F F hosting_refuge",
        NEVER_MET,
    ),
    "a meeting of what records none": (AgencyKind.CAMHS, "plan F F attended", NEVER_MET),
    "a meeting of the police": (AgencyKind.POLICE, "minutes F F attended", NEVER_MET),
    "a meeting of commissioning": (AgencyKind.COMMISSIONING, "minutes F F attended", NEVER_MET),
    "an aggregate under a condition": (
        AgencyKind.EARLY_HELP,
        "minutes A F attended",
        "row 40: key panel is a mark that no condition can give",
    ),
    "a referral under a condition": (
        AgencyKind.EARLY_HELP,
        "minutes F B named_worker",
        "row 40: key service is a mark that no condition can give",
    ),
}


@pytest.mark.parametrize("rule", UNENFORCEABLE)
def test_a_rule_that_could_never_be_enforced_is_refused_with_its_row(rule: str) -> None:
    """Somebody would believe in it: the row says more than a release ever does."""
    kind, row, message = UNENFORCEABLE[rule]
    profile = template(kind)
    field, panel, service, when = row.split()
    added = ProfileRow(FieldName(field), Mark(panel), Mark(service), Condition(when), "x")
    text = format_profile(replace(profile, rows=(*profile.rows, added)))
    with pytest.raises(ProfileError) as refused:
        parse_profile(text)
    assert message.format(row=len(profile.rows) + 1, field=field) == str(refused.value)


def test_a_condition_replaces_a_row_that_is_there() -> None:
    """Without an ``always`` row the field looks as if it were given to everybody or to nobody, by taste."""
    camhs = template(AgencyKind.CAMHS)
    rows = tuple(row for row in camhs.rows if (row.field, row.when) != ("minutes", Condition.ALWAYS))
    number = next(n for n, row in enumerate(rows, start=1) if row.field == "minutes")
    with pytest.raises(ProfileError) as refused:
        parse_profile(format_profile(replace(camhs, rows=rows)))
    assert f"row {number}: key when has no always row that it replaces (minutes)" == str(refused.value)


@pytest.mark.parametrize("when", [Condition.NAMED_WORKER, Condition.ATTENDED])
def test_what_can_be_met_is_read_wherever_its_row_stands(when: Condition) -> None:
    """The ``always`` row may come after the one that replaces it."""
    early_help = template(AgencyKind.EARLY_HELP)
    added = ProfileRow(FieldName("minutes"), Mark.W, Mark.F, when, "x")
    profile = replace(early_help, rows=(added, *early_help.rows))
    assert profile == parse_profile(format_profile(profile))


def test_rows_that_are_no_list_are_refused() -> None:
    header = CAMHS.partition("\n[[row]]")[0]
    with pytest.raises(ProfileError, match="key row must be a list of tables"):
        parse_profile(f'{header}\nrow = "all"\n')
    with pytest.raises(ProfileError, match="row 1: must be a table"):
        parse_profile(f"{header}\nrow = [1]\n")


ONE_LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=40)


@given(agreement=st.text(st.characters(exclude_categories=["Cs"]), max_size=40), reason=ONE_LINE)
def test_any_text_survives_writing_and_reading(agreement: str, reason: str) -> None:
    """A quote, a backslash or a control character in a reason must not become another key."""
    first = template(AgencyKind.CAMHS).rows[0]
    profile = replace(
        template(AgencyKind.CAMHS), agreement=agreement, rows=(replace(first, reason=f"x{reason}"),)
    )
    assert profile == parse_profile(format_profile(profile))
