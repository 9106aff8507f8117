"""The demo as a newcomer meets it: started by its command, its printed lines pasted, the README's lines run."""

import json
import os
import re
import shlex
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from agencies.model import AgencyKind
from extract_client.client import ExtractClient
from tests.support.demo import PROGRAMS, ROOT, Demo, free_port, running_demo

LABELS = [
    "plain",
    "siblings_differ",
    "two_parents_disagree",
    "shielded",
    "withdrawn",
    "no_consent",
    "offer_accepted",
    "adopted",
    "parent_under_18",
]
NOT_AVAILABLE = 4


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("place") / "demo") as running:
        yield running


def run(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - lines of our own documentation
        shlex.split(line), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def printed_lines(demo: Demo) -> list[str]:
    return [line.strip() for line in demo.printed.splitlines() if line.startswith("   ")]


def readme_lines(demo: Demo) -> list[str]:
    """The README's lines after ``make demo``, with the places of this demo in place of the usual ones."""
    text = (ROOT / "README.md").read_text()
    lines = re.findall(r"^\$ (\.venv/bin/.*)$", text, flags=re.MULTILINE)
    return [
        line.replace(".venv/bin/", f"{shown(PROGRAMS)}/").replace("var/demo/", f"{shown(demo.folder)}/")
        for line in lines
    ]


def shown(path: Path) -> str:
    """A path as the demo prints it: from here where it lies below."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def test_the_demo_describes_itself(demo: Demo) -> None:
    document = demo.document
    assert document["schema"] == 1
    assert document["issuer"] == document["base_url"]
    assert document["resource"] == document["base_url"] + "/v1"
    assert document["mtls_base_url"] != document["base_url"]
    assert {*AgencyKind} == {agency["kind"] for agency in document["agencies"].values()}
    assert [a["kind"] for a in document["agencies"].values()].count("education") == 2
    assert sorted(LABELS) == sorted(case["label"] for case in document["cases"])
    for case in document["cases"]:
        assert set(document["agencies"]) == set(case["refs"])
        assert len(set(case["refs"].values())) == len(case["refs"])
    assert document["council"]["scopes"] == ["consent:write"]
    assert {"hub", "police"} == set(document["destinations"])
    others = {entry["client_id"] for entry in document["agencies"].values()}
    for entry in document["destinations"].values():
        assert {"client_id", "key_file", "scopes"} == set(entry)
        assert ["referral:read", "referral:write"] == entry["scopes"]
        assert entry["client_id"] not in others
    assert document["log"]["vkey"].startswith(document["log"]["origin"] + "+")


def test_private_keys_are_the_owners_alone(demo: Demo) -> None:
    """The embedded server, as root, opens the parents of its data: the keys must not be below them."""
    entries = [*demo.document["agencies"].values(), demo.document["council"]]
    files = [Path(entry[name]) for entry in entries for name in ("key_file", "certificate_key_file")]
    files += [Path(entry["key_file"]) for entry in demo.document["destinations"].values()]
    for file in [*files, demo.folder / "keys" / "kek.hex", demo.folder / "keys" / "log.key"]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not (demo.folder / "keys" / "database").exists()


def test_the_databases_of_the_demo_are_the_roles_they_say(demo: Demo) -> None:
    wanted = {"database_url": "gateway_app", "admin_database_url": "gateway_owner"}
    for name, role in wanted.items():
        with psycopg.connect(demo.document[name]) as connection:
            row = connection.execute(
                "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
        assert (role, False) == row


def test_the_demo_refers_to_a_hub_and_to_the_police_and_rings_the_rest(demo: Demo) -> None:
    listed = run(
        f"{PROGRAMS / 'gateway'} --env-file {shlex.quote(str(demo.folder / 'gateway.env'))} safeguarding destinations --list"
    )
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    clients = {code: client for code, _, _, client, _ in rows}
    known = {code: entry["client_id"] for code, entry in demo.document["destinations"].items()}
    assert {**known, "out-of-hours": "-", "police-999": "-"} == clients


@pytest.mark.parametrize("code", ["hub", "police"])
def test_a_destination_of_the_demo_asks_for_its_referrals(demo: Demo, code: str) -> None:
    """With a token of its own over the wire; nothing was sent to it yet."""
    document = demo.document
    client = ExtractClient.open(
        document["base_url"],
        client_id=document["destinations"][code]["client_id"],
        key_file=Path(document["destinations"][code]["key_file"]),
        ca_file=Path(document["ca_file"]),
    )
    agency = {"hub": "social-care", "police": "police"}[code]
    practitioner = document["agencies"][agency]["practitioners"][0]["id"]
    assert {"referrals": []} == client.referrals(practitioner=practitioner)


@pytest.mark.parametrize("label", ["withdrawn", "no_consent", "adopted"])
def test_a_case_that_may_not_be_seen_is_not_available(demo: Demo, label: str) -> None:
    config = shlex.quote(str(demo.folder / "demo.json"))
    answer = run(f"{PROGRAMS / 'extract-client'} pull --config {config} --agency camhs --case {label}")
    assert (NOT_AVAILABLE, "") == (answer.returncode, answer.stdout)


@pytest.mark.parametrize("kind", ["police", "commissioning"])
def test_police_and_commissioning_get_no_case(demo: Demo, kind: str) -> None:
    config = shlex.quote(str(demo.folder / "demo.json"))
    answer = run(f"{PROGRAMS / 'extract-client'} pull --config {config} --agency {kind} --case plain")
    assert (NOT_AVAILABLE, "") == (answer.returncode, answer.stdout)


def test_pasting_the_printed_lines_shows_the_main_job(demo: Demo) -> None:
    """The last test of this module: it withdraws. The README's lines are the printed ones."""
    lines = printed_lines(demo)
    assert lines == readme_lines(demo)
    answers = [run(line) for line in lines]
    camhs, charity, _, again, record, verified, watched = answers
    assert [0, 0, 0, NOT_AVAILABLE, 0, 0, 0] == [answer.returncode for answer in answers], [
        answer.stderr for answer in answers
    ]
    assert [True, True] == [answer.stderr.startswith("On record: entry ") for answer in (camhs, charity)]
    assert "entries" in verified.stdout.lower()
    assert watched.stdout.strip()
    full, less = json.loads(camhs.stdout), json.loads(charity.stdout)
    assert full["case_ref"] != less["case_ref"]
    names = [
        p["fields"]["child_name"]["value"][0]["given"]
        for p in full["record"]["people"]
        if p["role"] == "child"
    ]
    assert names
    assert not any(name in charity.stdout for name in names)
    assert again.stdout == ""
    kinds = re.findall(r"(extract\.release|consent\.withdraw|extract\.refuse)", record.stdout)
    assert {"extract.release", "consent.withdraw"} <= set(kinds)
    assert kinds[-1] == "extract.refuse"


def test_the_demo_refuses_a_folder_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    environ = {
        **os.environ,
        "GATEWAY_VAR": str(tmp_path),
        "GATEWAY_PORT": str(free_port()),
        "GATEWAY_MTLS_PORT": str(free_port()),
    }
    answer = subprocess.run(  # noqa: S603 - our own command line, no shell
        [str(PROGRAMS / "gateway"), "demo"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode != 0
    assert "GATEWAY_VAR" in answer.stderr
    assert ["letters"] == [path.name for path in tmp_path.iterdir()]


def test_the_demo_refuses_a_database_of_somebody_elses(tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "GATEWAY_VAR": str(tmp_path / "demo"),
        "GATEWAY_DATABASE_URL": "postgresql://x@localhost/y",
    }
    answer = subprocess.run(  # noqa: S603 - our own command line, no shell
        [str(PROGRAMS / "gateway"), "demo"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode != 0
    assert "GATEWAY_DATABASE_URL" in answer.stderr
    assert not (tmp_path / "demo").exists()
