"""The partner guide is followed to the letter, from an empty folder to the first extract and the second key.

What it prints, names and numbers is what the gateway says.
"""

import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agencies.practitioner_file import read_practitioners
from certs.authority import LEAF_LIFETIME
from gateway import problems
from gateway.oauth import assertion, dpop, keys, nonce
from gateway.oauth.claims import FUTURE_SECONDS
from gateway.oauth.errors import RequestRefusedError
from gateway.oauth.model import ClientId
from gateway.settings import Settings
from tests.clients.guide import EXAMPLES, GUIDE, Done, Reader, blocks, commands, machine, table
from tests.clients.npm import PACKAGES, link_packages, run
from tests.clients.site import Site, identity
from tests.support.node import ROOT

AGENCY = "open-door"
CASE = "F-2"
DISTRIBUTION = ROOT / "extract_client"


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The partner's program as the one file that the council sends."""
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    done = run(build, folder=DISTRIBUTION, variables=os.environ)
    assert done.returncode == 0, done.stderr
    (wheel,) = place.iterdir()
    return wheel


@dataclass
class Followed:
    """What came of following the guide.

    Attributes:
        checks: each connection test, as the guide prints it and as it came.
        extracts: by the program that pulled it.
        too_early: what the client with the certificate was told before anybody had approved it.
        verified: what checking the saved extract printed.
        recalls: what must not be used any more, at that time.
        status: what the saved extract is.
    """

    reader: Reader
    client_id: ClientId
    by_certificate: ClientId
    checks: list[Done]
    extracts: dict[str, dict[str, Any]]
    me: dict[str, Any]
    too_early: dict[str, Any]
    verified: str
    recalls: dict[str, Any]
    status: str


@pytest.fixture(scope="module")
def followed(
    gateway_node: Site, installed: Path, distribution: Path, tmp_path_factory: pytest.TempPathFactory
) -> Followed:
    """A charity and the council, in turns: the charity does what the guide says, the council what its commands do."""
    _require("curl", "openssl")
    folder, council = tmp_path_factory.mktemp("partner"), gateway_node.council
    shutil.copy(gateway_node.authority, folder / "council-ca.pem")
    link_packages(folder, installed=installed)
    for language, name in (("csv", "people.csv"), ("python", "pull_extract.py"), ("js", "pull_extract.mjs")):
        (folder / name).write_text(blocks(language)[0])
    reader = Reader(folder, machine(folder, distribution=distribution))
    checks, extracts = [], {}

    reader.go_on()  # makes a key
    client_id = council.onboard(_application(folder))
    reader.given |= {"GATEWAY_URL": gateway_node.issuer, "CLIENT_ID": client_id}
    reader.go_on()
    checks += reader.go_on()
    council.activate(AGENCY)
    checks += reader.go_on()

    reader.given["CASE_REF"] = council.list_family(CASE, agency=AGENCY)
    _, me, pulled = reader.go_on()
    extracts["extract-client"] = json.loads(pulled.printed)
    reader.go_on()  # saves one
    (reader.given["LOG_KEY"],) = council.wiring.log.vkeys
    _, verified = reader.go_on()
    reader.go_on()  # watches the log
    reader.given["EXTRACT_ID"] = json.loads((folder / "extract.json").read_text())["extract_id"]
    (recalls,) = reader.go_on()
    _, status = reader.go_on()
    for program in ("python", "node"):
        _, pulled = reader.go_on()
        extracts[program] = json.loads(pulled.printed)

    reader.go_on()  # asks for a certificate
    by_certificate, certificate = council.onboard_request(AGENCY, (folder / "client.csr").read_bytes())
    (folder / "client.pem").write_bytes(certificate)
    reader.given |= {"CLIENT_ID": by_certificate, "MTLS_URL": gateway_node.mutual_url}
    reader.go_on()
    reader.type(next(commands(blocks("console")[-2])).line)
    too_early = json.loads((folder / "token.json").read_text())
    council.approve(AGENCY)
    _, pulled, _ = reader.go_on()
    extracts["curl"] = json.loads(pulled.printed)

    (folder / "next").mkdir()
    reader.follow(blocks("console")[0], folder=folder / "next")
    council.add_keys(client_id, _public_keys(folder / "next"))
    checks += reader.follow(blocks("console")[-1], CLIENT_ID=client_id)
    council.approve(AGENCY)
    checks += reader.go_on(CLIENT_ID=client_id)
    return Followed(
        reader,
        client_id,
        by_certificate,
        checks,
        extracts,
        json.loads(me.printed),
        too_early,
        verified.printed,
        json.loads(recalls.printed),
        status.printed,
    )


def _require(*programs: str) -> None:
    """Skip loudly where a program of the guide is missing; fail where everything must be tested."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        told = f"THE PARTNER GUIDE IS NOT FOLLOWED: apt install {' '.join(missing)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told)


def _application(folder: Path) -> Path:
    """What the council writes down of the charity, around the charity's own files."""
    today = datetime.now(UTC).date()
    file = folder / "application.toml"
    file.write_text(
        f"""
        format = 1
        code = "{AGENCY}"
        kind = "charity"
        name = "Open Door Trust"
        practitioners = "registered"
        register = "people.csv"

        [agreement]
        reference = "DSA-1"
        assessment = "DPIA-1"
        valid_from = {today - timedelta(days=1)}
        valid_until = {today + timedelta(days=365)}
        review_on = {today + timedelta(days=300)}

        [client]
        scopes = ["extract:read", "log:read", "panel:read", "recall:write"]
        keys = "public.jwks.json"
        """
    )
    return file


def _public_keys(folder: Path) -> list[dict[str, str]]:
    keys: list[dict[str, str]] = json.loads((folder / "public.jwks.json").read_text())["keys"]
    return keys


def test_every_line_was_typed(followed: Followed) -> None:
    """A new console block must be followed, too: the fixture fails or this does."""
    assert followed.reader.has_finished


def test_the_connection_test_says_what_the_guide_prints(followed: Followed) -> None:
    """Before the approval and after it; the partner knows by these sentences whose turn it is."""
    before, after = followed.checks[:2]
    assert (before.expected, after.expected) == (before.printed, after.printed)


def test_a_new_key_is_tested_before_the_old_one_goes(followed: Followed) -> None:
    """The last check of the guide, before the council approved the new key and after."""
    (before, after), (proposed, effective) = followed.checks[:2], followed.checks[2:]
    assert (before.printed, after.printed) == (proposed.printed, effective.printed)


def test_a_new_certificate_is_tested_before_it_is_approved(followed: Followed) -> None:
    """Such a client has no connection test but this answer, which proves that the handshake came through."""
    assert "unauthorized_client" == followed.too_early["error"]
    assert followed.too_early["error_description"].startswith("The connection works")


def test_the_saved_extract_is_shown_to_be_on_record(followed: Followed) -> None:
    extract = json.loads((followed.reader.folder / "extract.json").read_text())
    assert f"extract_id: {extract['extract_id']}" in followed.verified
    assert all(line.startswith(("ok: ", "    ")) for line in followed.verified.splitlines())


def test_nothing_is_recalled_and_the_copy_is_current(followed: Followed) -> None:
    assert ({"recalls": []}, "current\n") == (followed.recalls, followed.status)


def test_a_changed_extract_is_not_on_record(followed: Followed) -> None:
    reader = followed.reader
    changed = json.loads((reader.folder / "extract.json").read_text()) | {"use_until": "2036-01-01T00:00:00Z"}
    (reader.folder / "changed.json").write_text(json.dumps(changed))
    refused = reader.type('extract-client verify changed.json --log-key "$LOG_KEY"')
    assert (1, 1) == (refused.returncode, refused.stderr.count("\n"))


def test_every_program_pulls_the_same_extract(followed: Followed) -> None:
    expected = {
        "agency": AGENCY,
        "case_ref": followed.reader.given["CASE_REF"],
        "purpose": "P1",
        "stage": "panel",
    }
    for extract in followed.extracts.values():
        assert expected == identity(extract)
    records = [_in_order(extract["record"]) for extract in followed.extracts.values()]
    assert ["extract-client", "python", "node", "curl"] == list(followed.extracts)
    assert records[1:] == records[:-1]
    assert {"code": AGENCY, "kind": "charity", "name": "Open Door Trust"} == followed.me["agency"]


def _in_order(record: dict[str, Any]) -> dict[str, Any]:
    """People come in random order."""
    return {**record, "people": sorted(record["people"], key=lambda person: str(person["person"]))}


def test_nothing_private_is_readable_by_others(followed: Followed) -> None:
    folder = followed.reader.folder
    for name in ("private.jwk", "client.key", "next/private.jwk"):
        assert 0o600 == stat.S_IMODE((folder / name).stat().st_mode)
    assert not (folder / "token.json").exists()
    sent = (folder / "public.jwks.json").read_text()
    private = json.loads((folder / "private.jwk").read_text())
    assert private["d"] not in sent


def test_a_key_is_never_written_over_by_accident(followed: Followed) -> None:
    """The line is pasted a second time: the registered key must survive it."""
    before = (followed.reader.folder / "private.jwk").read_bytes()
    making = [command.line for command in commands(blocks("console")[0])][-1]
    assert followed.reader.type(making).returncode != 0
    assert before == (followed.reader.folder / "private.jwk").read_bytes()


@pytest.mark.parametrize("program", ["python pull_extract.py", "node pull_extract.mjs"])
def test_an_example_says_what_is_wrong_in_one_line(followed: Followed, program: str) -> None:
    absent = followed.reader.type(program, CLIENT_ID=followed.client_id, CASE_REF=str(uuid4()))
    assert (1, "", "Not available.\n") == (absent.returncode, absent.stdout, absent.stderr)
    refused = followed.reader.type(program, CLIENT_ID=followed.client_id, PRACTITIONER="sam.poole")
    assert (1, "") == (refused.returncode, refused.stdout)
    assert "No token: invalid_authorization_details: The practitioner is not active" in refused.stderr
    assert 1 == refused.stderr.count("\n")


def test_the_renewed_certificate_works_beside_the_last_one(followed: Followed, gateway_node: Site) -> None:
    reader, client_id = followed.reader, followed.by_certificate
    asking, _, using = blocks("console")[-4:-1]
    renewed = reader.folder / "renewed"
    renewed.mkdir()
    shutil.copy(reader.folder / "council-ca.pem", renewed)
    reader.follow(asking, folder=renewed)
    request = (renewed / "client.csr").read_bytes()
    (renewed / "client.pem").write_bytes(gateway_node.council.certify(client_id, request))
    for folder in (renewed, reader.folder):
        reader.follow(using, folder=folder, CLIENT_ID=client_id)


def test_an_old_key_ends_when_it_is_taken_away(followed: Followed, gateway_node: Site) -> None:
    """The last thing that is done with the charity's first key."""
    reader, client_id = followed.reader, followed.client_id
    old = json.loads((reader.folder / "private.jwk").read_text())["kid"]
    gateway_node.council.remove_key(client_id, old)
    (check,) = commands(blocks("console")[2])
    refused = reader.type(check.line, CLIENT_ID=client_id)
    assert (1, "No token: ") == (refused.returncode, refused.stderr[:10])
    reader.follow(blocks("console")[-1], CLIENT_ID=client_id)


def test_the_guide_prints_the_examples_as_they_are() -> None:
    assert [(EXAMPLES / "pull_extract.py").read_text()] == blocks("python")
    assert [(EXAMPLES / "pull_extract.mjs").read_text()] == blocks("js")


def test_the_versions_in_the_guide_are_the_tested_ones(distribution: Path) -> None:
    """Lines that install are not run; a version in them that was never tried would be a guess."""
    lock = json.loads((PACKAGES / "package-lock.json").read_text())["packages"]
    tested = {
        "openid-client": lock["node_modules/openid-client"]["version"],
        "oauth4webapi": lock["node_modules/oauth4webapi"]["version"],
        "requests_oauth2client": version("requests_oauth2client"),
        "Authlib": version("authlib"),
    }
    guide = GUIDE.read_text()
    for name, number in tested.items():
        assert {number} == set(re.findall(rf"{name}(?:@|==| )(\d[\w.]*\d)", guide)), name
    installs = {command.line for block in blocks("console") for command in commands(block)}
    assert f"pip install {distribution.name}" in installs


def test_the_list_of_people_in_the_guide_is_one_that_the_council_can_read() -> None:
    jo, sam = read_practitioners(blocks("csv")[0].encode())
    assert ("jo.bloggs", None, "sam.poole") == (jo.id, jo.active_until, sam.id)
    assert sam.active_until is not None


def _codes(error: type[RequestRefusedError]) -> Iterator[str]:
    yield error.code
    for kind in error.__subclasses__():
        yield from _codes(kind)


def test_no_error_of_the_token_endpoint_is_missing() -> None:
    """And none is explained that there is not: a partner's program may switch on them."""
    explained = [row[0].strip("`") for row in table("error")]
    assert sorted({*_codes(RequestRefusedError), "unsupported_grant_type"}) == sorted(explained)


def test_no_problem_type_is_missing() -> None:
    explained = [(row[0].strip("`"), int(row[1])) for row in table("problem")]
    assert sorted((kind.slug, int(kind.status)) for kind in problems.KINDS) == sorted(explained)
    assert f"`{problems.TYPE_PREFIX}`" in GUIDE.read_text()


def test_the_times_in_the_guide_are_the_gateways() -> None:
    settings = {one.name: one.default for one in fields(Settings)}
    expected = {
        "an access token": f"{settings['token_seconds']} s",
        "a client assertion, from now to its `exp`": f"{assertion.LIFETIME_SECONDS} s",
        "a DPoP proof, from its `iat`": f"{dpop.PAST_SECONDS} s",
        "your clock may be ahead by": f"{FUTURE_SECONDS} s",
        "a nonce": f"{nonce.LIFETIME_SECONDS} s",
        "the gateway's published keys, in a cache": f"{keys.JWKS_SECONDS} s",
        "a certificate of the council's authority": f"{LEAF_LIFETIME.days} days",
    }
    assert expected == {what: " ".join(told.split()[:2]).rstrip(";") for what, told in table("what")}


def test_the_limits_in_the_guide_are_the_gateways() -> None:
    settings = {one.name: one.default for one in fields(Settings)}
    expected = [
        f"{settings['client_requests_per_minute']} a minute",
        f"{settings['practitioner_requests_per_minute']} a minute",
        f"{settings['absences_per_hour']} an hour",
    ]
    assert expected == [row[1] for row in table("of")]
