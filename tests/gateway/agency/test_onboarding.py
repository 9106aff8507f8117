"""Bringing an agency in: from a data file or step by step, whole or not at all, and ending in proposed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import text

from agencies import repository
from agencies.model import AgencyCode
from certs.authority import create_authority, issue_client
from certs.certificate import read_certificate
from certs.jwk import new_es256_key, public_part
from certs.signing_request import new_signing_request
from gateway.agency import onboarding, service
from gateway.agency.application import EXAMPLE, read_application
from gateway.agency.errors import ApplicationError
from gateway.cli import gateway
from gateway.oauth.certificates import ensure_authority
from gateway.oauth.errors import RegistrationError
from gateway.oauth.keys import ensure_signing_key
from gateway.wiring import Wiring
from tests.gateway.oauth.conftest import build_app
from tests.gateway.oauth.partner import Partner
from tests.support.rooms import environment

CODE = AgencyCode("open-door")
PEOPLE = "id,name,role,active_from,active_until\nworker-1,Ada Example,advisor,2026-01-01,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example and the files that it names."""
    (tmp_path / "open-door.jwk").write_text(json.dumps(key := new_es256_key()))
    (tmp_path / "open-door.jwks.json").write_text(json.dumps({"keys": [public_part(key)]}))
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "open-door.toml").write_text(EXAMPLE)
    return tmp_path


def run(arguments: list[str], wiring: Wiring, *, answers: str | None = None) -> Result:
    return CliRunner().invoke(gateway, arguments, env=environment(wiring), input=answers)


def changed(folder: Path, old: str, new: str) -> Path:
    """The data file with one thing changed."""
    file = folder / "open-door.toml"
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new, 1))
    return file


def in_force(folder: Path) -> str:
    """The example with an agreement that has begun."""
    return str(changed(folder, "valid_from = 2026-12-01", "valid_from = 2026-01-01"))


def rows(wiring: Wiring, statement: str) -> list[tuple[Any, ...]]:
    with wiring.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def nothing_stored(wiring: Wiring) -> bool:
    tables = ("agencies.agency", "agencies.practitioner", "gateway.oauth_client", "gateway.log_entry")
    return all(rows(wiring, f"SELECT 1 FROM {table}") == [] for table in tables)


def partner_of(wiring: Wiring, folder: Path) -> Partner:
    """The agency's own system, after it was brought in."""
    with wiring.engine.begin() as connection:
        ensure_signing_key(connection, wiring.keyring)
    ((client_id,),) = rows(wiring, "SELECT client_id FROM gateway.oauth_client")
    key = ECKey.import_key(json.loads((folder / "open-door.jwk").read_text()))
    return Partner(build_app(wiring).test_client(), wiring.settings.issuer, client_id, key)


def test_the_example_brings_an_agency_in_as_proposed(wiring: Wiring, folder: Path) -> None:
    """Everything is there, and nothing of it is effective: no second person has looked yet."""
    result = run(["agency", "onboard", str(folder / "open-door.toml")], wiring)
    assert 0 == result.exit_code, result.output
    with wiring.engine.connect() as connection:
        assert repository.effective_version(connection, CODE) is None
        assert 1 == repository.latest_version(connection, CODE)
    assert [("proposed",)] == rows(wiring, "SELECT state FROM agencies.agency")
    assert [("proposed",)] == rows(wiring, "SELECT state FROM gateway.oauth_client")
    assert [("proposed",)] == rows(wiring, "SELECT state FROM gateway.oauth_client_key")
    lines = result.output.splitlines()
    steps, (test,) = lines[:7], lines[7:]
    expected = ["open", "open", "done", "open", "done", "open", "open"]
    assert [f"[{each}]" for each in expected] == [line[:6] for line in steps]
    assert "a second person's approval" in steps[1]
    assert "extract-client check" in test


def test_the_connection_test_says_that_it_works_and_gives_nothing(wiring: Wiring, folder: Path) -> None:
    """The agency sees that its key, its clock and its address are right, days before anybody approves it."""
    run(["agency", "onboard", str(folder / "open-door.toml")], wiring)
    partner = partner_of(wiring, folder)
    answer = partner.ask()
    assert (400, "unauthorized_client") == (answer.status_code, answer.get_json()["error"])
    assert "The connection works" in answer.get_json()["error_description"]
    assert "access_token" not in answer.get_json()
    status = run(["agency", "status", CODE], wiring).output
    assert "[done] Connection tested: A system of it proved who it is." in status
    assert "extract-client check" not in status
    stranger = replace(partner, key=ECKey.generate_key("P-256"))
    assert "invalid_client" == stranger.ask().get_json()["error"]


def test_what_was_approved_is_served(wiring: Wiring, folder: Path) -> None:
    """The control of all the refusals: the same client, once it is effective."""
    run(["agency", "onboard", in_force(folder)], wiring)
    service.activate_synthetic(wiring, code=CODE, actor="test")
    partner = partner_of(wiring, folder)
    assert 200 == partner.get("/v1/me", partner.token()).status_code
    lines = run(["agency", "status", CODE], wiring).output.splitlines()
    assert ["[open] First meeting: It is a member of none yet."] == [
        each for each in lines if "open]" in each
    ]


def test_only_synthetic_data_skips_the_second_person(wiring: Wiring, folder: Path) -> None:
    from agencies.errors import SecondPersonError  # noqa: PLC0415 - beside its one use

    run(["agency", "onboard", str(folder / "open-door.toml")], wiring)
    real = replace(wiring, settings=replace(wiring.settings, synthetic_people=False))
    with pytest.raises(SecondPersonError):
        service.activate_synthetic(real, code=CODE, actor="test")
    assert [("proposed",)] == rows(wiring, "SELECT state FROM gateway.oauth_client_key")


def test_a_key_added_later_waits_for_its_approval(wiring: Wiring, folder: Path) -> None:
    """Rotation at the partner: the old key works on, the new one proves itself and gives nothing yet."""
    run(["agency", "onboard", in_force(folder)], wiring)
    service.activate_synthetic(wiring, code=CODE, actor="test")
    partner = partner_of(wiring, folder)
    key = new_es256_key()
    (folder / "new.jwks.json").write_text(json.dumps({"keys": [public_part(key)]}))
    added = run(["agency", "client", "add-keys", partner.client_id, str(folder / "new.jwks.json")], wiring)
    assert f"Proposed: {key['kid']}\n" == added.output
    fresh = replace(partner, key=ECKey.import_key(dict(key)))
    assert "unauthorized_client" == fresh.ask().get_json()["error"]
    assert 200 == partner.ask().status_code


def test_a_key_is_taken_away_and_a_client_ended_by_command(wiring: Wiring, folder: Path) -> None:
    run(["agency", "onboard", in_force(folder)], wiring)
    service.activate_synthetic(wiring, code=CODE, actor="test")
    partner = partner_of(wiring, folder)
    token = partner.token()
    removal = ["agency", "client", "remove-key", partner.client_id, partner.key.thumbprint()]
    assert ["Removed.\n", "It was removed before, or was never there.\n"] == [
        run(removal, wiring).output for _ in range(2)
    ]
    assert 401 == partner.get("/v1/me", token).status_code
    end = ["agency", "client", "revoke", partner.client_id]
    assert ["Revoked.\n", "It was revoked before.\n"] == [run(end, wiring).output for _ in range(2)]
    missing = run(["agency", "client", "revoke", "ag_nobody-nobody-nobody"], wiring)
    assert (1, "Error: There is no such client.\n") == (missing.exit_code, missing.output)


def test_a_signing_request_is_answered_with_a_certificate(wiring: Wiring, folder: Path) -> None:
    """The agency keeps its key; the certificate says what the register says, whatever was asked for."""
    with wiring.engine.begin() as connection:
        ensure_authority(connection, wiring.keyring, name="Test CA", now=datetime.now(UTC))
    _, request = new_signing_request("somebody else entirely")
    (folder / "open-door.csr").write_bytes(request)
    file = changed(folder, 'keys = "open-door.jwks.json"', 'request = "open-door.csr"')
    result = run(["agency", "onboard", str(file)], wiring)
    assert 0 == result.exit_code, result.output
    presented = read_certificate((folder / "open-door.pem").read_bytes())
    ((client_id, kind, value, issuer),) = rows(
        wiring,
        "SELECT client_id, certificate_name_kind, certificate_name, certificate_issuer FROM gateway.oauth_client",
    )
    assert ("san_uri", presented.issuer) == (kind, issuer)
    assert value == f"urn:early-help-gateway:client:{client_id}"
    assert value in presented.uris
    assert "CN=open-door" == presented.subject
    assert [(presented.thumbprint, "active")] == rows(
        wiring, "SELECT thumbprint, state FROM gateway.client_certificate"
    )


def test_a_signing_request_needs_an_authority(wiring: Wiring, folder: Path) -> None:
    (folder / "open-door.csr").write_bytes(new_signing_request("x")[1])
    file = changed(folder, 'keys = "open-door.jwks.json"', 'request = "open-door.csr"')
    result = run(["agency", "onboard", str(file)], wiring)
    expected = "Error: There is no certificate authority: run gateway keys authority first.\n"
    assert (1, expected) == (result.exit_code, result.output)
    assert nothing_stored(wiring)


def _own_pki(folder: Path, *, name: str) -> Path:
    authority = create_authority("Partner CA", now=datetime.now(UTC))
    issued = issue_client(authority, agency="open-door", now=datetime.now(UTC))
    (folder / "own.pem").write_bytes(issued.certificate_pem)
    (folder / "own-ca.pem").write_bytes(authority.certificate_pem)
    return changed(
        folder,
        'keys = "open-door.jwks.json"',
        f'certificate = "own.pem"\nauthorities = "own-ca.pem"\nname_kind = "san_uri"\nname = "{name}"\n#',
    )


def test_a_certificate_of_the_agencys_own_pki_is_checked_and_known_by_name_and_issuer(
    wiring: Wiring, folder: Path
) -> None:
    name = "urn:early-help-gateway:agency:open-door"
    result = run(["agency", "onboard", str(_own_pki(folder, name=name))], wiring)
    assert 0 == result.exit_code, result.output
    assert [("san_uri", name, "CN=Partner CA")] == rows(
        wiring, "SELECT certificate_name_kind, certificate_name, certificate_issuer FROM gateway.oauth_client"
    )


def test_a_name_that_is_not_in_the_certificate_is_refused(wiring: Wiring, folder: Path) -> None:
    result = run(["agency", "onboard", str(_own_pki(folder, name="urn:other"))], wiring)
    assert 1 == result.exit_code
    assert "client.name" in result.output
    assert nothing_stored(wiring)


def test_a_certificate_of_another_authority_is_refused(wiring: Wiring, folder: Path) -> None:
    file = _own_pki(folder, name="urn:early-help-gateway:agency:open-door")
    rogue = create_authority("Partner CA", now=datetime.now(UTC))
    (folder / "own-ca.pem").write_bytes(rogue.certificate_pem)
    result = run(["agency", "onboard", str(file)], wiring)
    assert 1 == result.exit_code
    assert "client.certificate" in result.output
    assert nothing_stored(wiring)


BAD: Mapping[str, tuple[str, str, str]] = {
    "no TOML": ("format = 1", "format =", "TOML"),
    "unknown format": ("format = 1", "format = 2", "format"),
    "unknown key": ("format = 1", "format = 1\ncolour = 1", "not known"),
    "unknown kind": ('kind = "charity"', 'kind = "army"', "kind"),
    "code in capitals": ('code = "open-door"', 'code = "Open"', "code"),
    "reserved code": ('code = "open-door"', 'code = "council"', "reserved"),
    "kind is a number": ('kind = "charity"', "kind = 3", "kind is text"),
    "date as text": ("valid_from = 2026-12-01", 'valid_from = "2026-12-01"', "agreement.valid_from"),
    "ends before it begins": ("valid_until = 2027-12-01", "valid_until = 2026-11-01", "must end"),
    "unknown scope": ('"panel:read"', '"everything"', "client.scopes"),
    "council's scope": ('"panel:read"', '"consent:write"', "council"),
    "scope twice": ('"panel:read"', '"extract:read"', "repetition"),
    "purpose that is not served": ('"P3"]', '"P4"]', "P1, P2 and P3"),
    "client without scopes": ('scopes = ["extract:read", "panel:read"]', "", "client.scopes"),
    "no credentials": ('keys = "open-door.jwks.json"', "", "exactly one"),
    "two credentials": ('keys = "open-door.jwks.json"', 'keys = "a"\nrequest = "b"', "exactly one"),
    "file that is not there": ('"people.csv"', '"nowhere.csv"', "register"),
    "key file that is no JSON": ('"open-door.jwks.json"', '"people.csv"', "JSON"),
}


@pytest.mark.parametrize(("old", "new", "said"), BAD.values(), ids=BAD)
def test_a_wrong_application_is_one_sentence_and_stores_nothing(
    wiring: Wiring, folder: Path, old: str, new: str, said: str
) -> None:
    result = run(["agency", "onboard", str(changed(folder, old, new))], wiring)
    assert 1 == result.exit_code
    assert result.output.startswith("Error: ")
    assert 1 == len(result.output.splitlines())
    assert said in result.output
    assert nothing_stored(wiring)


@pytest.mark.filterwarnings("ignore:.*2048")
@pytest.mark.parametrize(
    "key",
    [
        new_es256_key,
        lambda: {"kty": "oct", "k": "AAAA"},
        lambda: RSAKey.generate_key(1024).as_dict(private=False),
        lambda: ECKey.generate_key("P-384").as_dict(private=False),
        lambda: {**public_part(new_es256_key()), "x": "AAAA"},
        lambda: {**public_part(new_es256_key()), "use": "enc"},
        dict,
    ],
    ids=["private", "symmetric", "weak", "another curve", "off its curve", "for encryption", "empty"],
)
def test_a_key_that_is_not_sound_is_refused_at_the_door(
    wiring: Wiring, folder: Path, key: Callable[[], dict[str, Any]]
) -> None:
    """Sanitised here: no later verification would notice."""
    (folder / "open-door.jwks.json").write_text(json.dumps({"keys": [key()]}))
    result = run(["agency", "onboard", str(folder / "open-door.toml")], wiring)
    assert 1 == result.exit_code
    assert "/keys" in result.output
    assert nothing_stored(wiring)


def test_a_key_of_another_client_is_refused(wiring: Wiring, folder: Path) -> None:
    """A key that two agencies hold proves neither of them."""
    run(["agency", "onboard", str(folder / "open-door.toml")], wiring)
    again = read_application(changed(folder, 'code = "open-door"', 'code = "second-door"'))
    with pytest.raises(RegistrationError, match="registered before"):
        onboarding.onboard(wiring, again, now=datetime.now(UTC), actor="test")
    assert [("open-door",)] == rows(wiring, "SELECT agency_code FROM agencies.agency")


def test_a_nested_or_endless_file_is_refused(folder: Path) -> None:
    (folder / "open-door.jwks.json").write_text("[" * 100_000)
    with pytest.raises(RegistrationError):
        read_application(folder / "open-door.toml")
    (folder / "open-door.toml").write_bytes(b"#" * 3_000_000)
    with pytest.raises(ApplicationError, match="2 MB"):
        read_application(folder / "open-door.toml")
    (folder / "open-door.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ApplicationError, match="TOML"):
        read_application(folder / "open-door.toml")


def test_the_walk_asks_for_everything_and_leads_to_the_same_place(
    wiring: Wiring, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers become a data file, so that the next agency can be brought in without questions."""
    monkeypatch.chdir(folder)
    (folder / "open-door.toml").unlink()
    answers = [
        *("open-door", "charity", 'Open "Door" Trust', "2026-12-01", "2027-12-01", "DSA-1", "DPIA-1"),
        *("2027-09-01", "registered", "y", "people.csv", "extract:read panel:read", "keys"),
        "open-door.jwks.json",
    ]
    result = run(["agency", "onboard"], wiring, answers="\n".join(answers) + "\n")
    assert 0 == result.exit_code, result.output
    application = read_application(folder / "open-door.toml")
    assert ('Open "Door" Trust', 1) == (application.name, len(application.practitioners))
    assert [("open-door", "proposed")] == rows(wiring, "SELECT agency_code, state FROM agencies.agency")


def test_the_example_is_printed_and_is_what_is_read(wiring: Wiring) -> None:
    assert EXAMPLE == run(["agency", "onboard", "--example"], wiring).output


def test_an_agency_without_a_system_is_brought_in_too(wiring: Wiring, folder: Path) -> None:
    """A charity that will read extracts on a page has nothing to register."""
    file = folder / "open-door.toml"
    file.write_text(file.read_text().partition("[client]")[0])
    result = run(["agency", "onboard", str(file)], wiring)
    assert 0 == result.exit_code, result.output
    assert "no system of its own" in result.output
    assert [] == rows(wiring, "SELECT 1 FROM gateway.oauth_client")


def test_one_more_system_is_registered_by_command(wiring: Wiring, folder: Path) -> None:
    """By keys or by a signing request, proposed like the first."""
    run(["agency", "onboard", in_force(folder)], wiring)
    service.activate_synthetic(wiring, code=CODE, actor="test")
    run(["keys", "authority"], wiring)
    (folder / "second.jwks.json").write_text(json.dumps({"keys": [public_part(new_es256_key())]}))
    (folder / "third.csr").write_bytes(new_signing_request("x")[1])
    register = ["agency", "client", "register", CODE, "--scope", "extract:read"]
    by_keys = run([*register, "--keys", str(folder / "second.jwks.json")], wiring)
    by_request = run([*register, "--request", str(folder / "third.csr")], wiring)
    assert [0, 0] == [by_keys.exit_code, by_request.exit_code], by_request.output
    client_id, _, pem = by_request.output.partition("\n")
    assert f"urn:early-help-gateway:client:{client_id}" in read_certificate(pem.encode()).uris
    assert [("active", 1), ("proposed", 2)] == rows(
        wiring, "SELECT state, count(*) FROM gateway.oauth_client GROUP BY state ORDER BY state"
    )
    status = run(["agency", "status", CODE], wiring).output
    assert "Ask for a token with the certificate" in status
    wrong = (
        (register, 2, "one of them"),
        ([*register, "--keys", str(folder / "people.csv")], 1, "JSON"),
        (
            [
                "agency",
                "client",
                "register",
                "nobody",
                *register[4:],
                "--keys",
                str(folder / "second.jwks.json"),
            ],
            1,
            "no such agency",
        ),
        ([*register, "--request", str(folder / "people.csv")], 1, "signing request"),
    )
    for arguments, code, said in wrong:
        refused = run(arguments, wiring)
        assert code == refused.exit_code
        assert said in refused.output
    assert [(3,)] == rows(wiring, "SELECT count(*) FROM gateway.oauth_client")


def test_an_unknown_agency_has_no_status(wiring: Wiring) -> None:
    result = run(["agency", "status", "nobody"], wiring)
    assert (1, "Error: There is no such agency.\n") == (result.exit_code, result.output)
