"""The operator's commands about agencies and profiles."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from agencies import repository
from agencies.model import AgencyCode, AgencyKind, Profile
from agencies.profile_text import format_profile, template, template_text
from gateway.agency.commands import agency, profile
from gateway.wiring import Wiring
from tests.support.agencies import onboard
from tests.support.rooms import environment


def run(group: click.Group, arguments: Sequence[str], *, wiring: Wiring | None = None) -> Result:
    return CliRunner().invoke(group, arguments, env=None if wiring is None else environment(wiring))


def exported(wiring: Wiring) -> bytes:
    result = run(profile, ["export", "camhs"], wiring=wiring)
    assert 0 == result.exit_code
    return result.stdout_bytes


def test_agencies_are_listed_with_their_state(wiring: Wiring) -> None:
    onboard(wiring, "housing", active=False)
    onboard(wiring, "camhs")
    expected = "camhs\tcamhs\tactive\tAgency camhs\nhousing\thousing\tproposed\tAgency housing\n"
    assert expected == run(agency, ["list"], wiring=wiring).output


def test_suspending_by_command_takes_effect(wiring: Wiring) -> None:
    onboard(wiring, "camhs")
    assert "Suspended.\n" == run(agency, ["suspend", "camhs"], wiring=wiring).output
    with wiring.engine.connect() as connection:
        assert () == repository.active_agencies(connection)
    assert 0 == run(agency, ["suspend", "camhs"], wiring=wiring).exit_code


def test_suspending_an_unknown_agency_fails(wiring: Wiring) -> None:
    result = run(agency, ["suspend", "nobody"], wiring=wiring)
    assert (1, "Error: There is no such agency.\n") == (result.exit_code, result.output)


def test_export_and_import_round_trip(wiring: Wiring, tmp_path: Path) -> None:
    """What leaves by export and comes back by import is the same text, byte for byte, and not effective."""
    onboard(wiring, "camhs")
    first = exported(wiring)
    file = tmp_path / "profile.toml"
    file.write_bytes(b"# by hand\r\n" + first.replace(b"version = 1\n", b"version = 2\r\n", 1))
    result = run(profile, ["import", str(file)], wiring=wiring)
    assert "Version 2 of camhs is stored; it is not effective.\n" == result.output
    again = run(profile, ["export", "camhs", "--version", "2"], wiring=wiring)
    assert file.read_bytes() == again.stdout_bytes
    assert first == exported(wiring)


def test_the_exported_profile_is_the_imported_one(wiring: Wiring, tmp_path: Path) -> None:
    """An unchanged export is a replay, not a new version."""
    onboard(wiring, "camhs")
    file = tmp_path / "profile.toml"
    file.write_bytes(exported(wiring))
    assert 0 == run(profile, ["import", str(file)], wiring=wiring).exit_code
    with wiring.engine.connect() as connection:
        assert 1 == repository.latest_version(connection, AgencyCode("camhs"))


def test_exporting_what_does_not_exist_fails(wiring: Wiring) -> None:
    onboard(wiring, "camhs")
    for arguments in (["export", "nobody"], ["export", "camhs", "--version", "2"]):
        assert 1 == run(profile, arguments, wiring=wiring).exit_code


@pytest.mark.parametrize("kind", AgencyKind)
def test_every_template_passes_the_check(kind: AgencyKind, tmp_path: Path) -> None:
    """Needs no settings and no database: a profile is checked where it is written, once it says what it rests on."""
    file = tmp_path / "profile.toml"
    file.write_text(format_profile(own(kind)), encoding="utf-8")
    result = run(profile, ["check", str(file)])
    assert 0 == result.exit_code
    assert result.output.startswith(f"A profile of {kind}, version 1, ")


def own(kind: AgencyKind) -> Profile:
    """A template as onboarding copies it."""
    return replace(template(kind), agreement="DSA-1", assessment="DPIA-1", review_on=date(2098, 1, 1))


def test_what_no_profile_may_say_is_printed_with_its_counterexample(tmp_path: Path) -> None:
    """All of it at once, so that nobody mends one to be told the next."""
    file = tmp_path / "profile.toml"
    text = format_profile(replace(own(AgencyKind.YOUTH), agreement="", review_on=date(2020, 1, 1)))
    file.write_text(text.replace('"pupil_number"\npanel = "W"', '"pupil_number"\npanel = "F"'))
    result = run(profile, ["check", str(file)])
    assert 1 == result.exit_code
    assert [
        "A youth service would be told at the panel: unique pupil number (in full).",
        "A youth service would be told at the panel: unique pupil number (in full), a child's names (in part).",
        "The profile names no data sharing agreement.",
        "The profile was to be reviewed on 2020-01-01.",
    ] == result.stdout.splitlines()[::2]
    assert ["pupil-number", "number-with-a-name", "agreement", "review"] == [
        line.strip().partition(":")[0] for line in result.stdout.splitlines()[1::2]
    ]
    assert "Error: No such profile can become effective.\n" == result.stderr


def test_what_no_profile_may_say_is_not_imported(wiring: Wiring, tmp_path: Path) -> None:
    """A draft that can never be approved would wait for ever, and look as if it could."""
    onboard(wiring, "camhs")
    file = tmp_path / "profile.toml"
    text = exported(wiring).decode().replace("version = 1\n", "version = 2\n", 1)
    file.write_text(text.replace('"contact"\npanel = "W"', '"contact"\npanel = "F"'))
    result = run(profile, ["import", str(file)], wiring=wiring)
    assert 1 == result.exit_code
    assert "would be told at the panel: how to reach a person safely (in full)." in result.output
    assert 1 == run(profile, ["export", "camhs", "--version", "2"], wiring=wiring).exit_code


def test_a_profile_of_another_kind_is_not_imported(wiring: Wiring, tmp_path: Path) -> None:
    """Else a charity's version 2 that calls itself early help would be held to nothing of a charity's."""
    onboard(wiring, "charity")
    file = tmp_path / "profile.toml"
    other = replace(own(AgencyKind.EARLY_HELP), agency=AgencyCode("charity"), version=2)
    file.write_text(format_profile(other), encoding="utf-8")
    result = run(profile, ["import", str(file)], wiring=wiring)
    assert (1, "Error: header: key based_on_kind is not the kind of this agency\n") == (
        result.exit_code,
        result.output,
    )


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        pytest.param('when = "always"', 'when = "full_moon"', "row 1: key when", id="unknown condition"),
        pytest.param('field = "case_ref"', 'field = "shoe_size"', "row 1: key field", id="unknown field"),
        pytest.param("\npanel =", "\nlevel =", "row 1: unknown key level", id="unknown key"),
    ],
)
def test_a_rule_that_cannot_be_enforced_names_its_row(
    tmp_path: Path, before: str, after: str, named: str
) -> None:
    """A rule that the gateway would ignore is worse than none: somebody believes in it."""
    file = tmp_path / "profile.toml"
    text = template_text(AgencyKind.CAMHS)
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    result = run(profile, ["check", str(file)])
    assert 1 == result.exit_code
    assert named in result.output


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "profile.toml"
    file.write_bytes(b"\xff\xfe")
    result = run(profile, ["check", str(file)])
    assert (1, "Error: The file is not text in UTF-8.\n") == (result.exit_code, result.output)


def test_what_a_version_changes_is_printed_widest_first(wiring: Wiring, tmp_path: Path) -> None:
    onboard(wiring, "camhs")
    text = exported(wiring).decode().replace("version = 1\n", "version = 2\n", 1)
    text = text.replace('field = "child_dob"\npanel = "F"', 'field = "child_dob"\npanel = "W"')
    text = text.replace('field = "ethnicity"\npanel = "G1"', 'field = "ethnicity"\npanel = "F"')
    file = tmp_path / "profile.toml"
    file.write_text(text)
    assert 0 == run(profile, ["import", str(file)], wiring=wiring).exit_code
    expected = "wider\tethnicity\tpanel\talways\tG1\tF\nnarrower\tchild_dob\tpanel\talways\tF\tW\n"
    assert expected == run(profile, ["diff", "camhs", "2"], wiring=wiring).output
    back = run(profile, ["diff", "camhs", "1", "--from", "2"], wiring=wiring).output
    assert "wider\tchild_dob\tpanel\talways\tW\tF\nnarrower\tethnicity\tpanel\talways\tF\tG1\n" == back
    assert "" == run(profile, ["diff", "camhs", "1"], wiring=wiring).output


@pytest.mark.parametrize("arguments", [["camhs", "9"], ["nobody", "1"], ["camhs", "1", "--from", "9"]])
def test_of_what_there_is_not_there_is_no_difference(wiring: Wiring, arguments: list[str]) -> None:
    onboard(wiring, "camhs")
    result = run(profile, ["diff", *arguments], wiring=wiring)
    assert (1, "Error: There is no such agency or profile version.\n") == (result.exit_code, result.output)
