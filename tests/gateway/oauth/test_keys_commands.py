"""The operator's commands about keys and certificates, and what they do to clients that are connected."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from sqlalchemy import text

from certs.certificate import read_certificate
from certs.errors import EnvelopeError
from certs.revocation import list_expiry
from certs.signing_request import new_signing_request
from gateway.cli import gateway
from gateway.oauth import service
from gateway.oauth.certificates import issue, publish_list, refresh_list
from gateway.oauth.errors import RegistrationError
from gateway.oauth.keys import key_states, sweep_retired_keys
from gateway.oauth.model import CertificateName, ClientId, NameKind
from gateway.wiring import Wiring
from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import header_of
from tests.support.rooms import environment


def run(wiring: Wiring, *arguments: str, more: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(gateway, arguments, env=environment(wiring) | (more or {}))


def states(wiring: Wiring) -> Sequence[str]:
    with wiring.engine.connect() as connection:
        return sorted(key.state for key in key_states(connection))


def grow_old(council: Council, *, seconds: int) -> None:
    """Let every key have changed so long ago."""
    with council.wiring.engine.begin() as connection:
        connection.execute(
            text("UPDATE gateway.oauth_signing_key SET changed_at = now() - make_interval(secs => :s)"),
            {"s": seconds},
        )


def test_a_rotation_waits_until_every_cache_knows_the_next_key(own_council: Council) -> None:
    result = run(own_council.wiring, "keys", "rotate")
    assert 1 == result.exit_code
    assert "five minutes" in result.output
    assert ["active", "next"] == states(own_council.wiring)


def test_a_rotation_by_command_ends_no_token(own_council: Council) -> None:
    wiring, partner = own_council.wiring, own_council.partner()
    token = partner.token()
    grow_old(own_council, seconds=301)
    assert 0 == run(wiring, "keys", "rotate").exit_code
    assert ["active", "next", "retired"] == states(wiring)
    assert header_of(token)["kid"] != header_of(partner.token())["kid"]
    assert 200 == partner.get("/v1/me", token).status_code
    listed = run(wiring, "keys", "list").output.splitlines()
    assert ["active", "next", "retired"] == sorted(line.split("\t")[0] for line in listed)


def test_a_retired_key_has_no_private_half_and_is_gone_after_its_last_token(own_council: Council) -> None:
    """What no longer signs can no longer be stolen."""
    wiring = own_council.wiring
    grow_old(own_council, seconds=301)
    run(wiring, "keys", "rotate")
    with wiring.engine.begin() as connection:
        kept = connection.scalars(
            text("SELECT sealed FROM gateway.oauth_signing_key WHERE state = 'retired'")
        ).all()
        assert [None] == kept
        now = datetime.now(UTC)
        assert 0 == sweep_retired_keys(connection, now=now + timedelta(seconds=599))
        assert 1 == sweep_retired_keys(connection, now=now + timedelta(seconds=601))
    assert ["active", "gone", "next"] == states(wiring)


def test_a_stolen_key_is_gone_at_once_and_its_tokens_with_it(own_council: Council) -> None:
    """Three in the morning: one command, no waiting for caches, and the thief's tokens are paper."""
    wiring, partner = own_council.wiring, own_council.partner()
    token = partner.token()
    assert 200 == partner.get("/v1/me", token).status_code
    assert 0 == run(wiring, "keys", "rotate", "--stolen").exit_code
    assert ["active", "gone", "next"] == states(wiring)
    assert 401 == partner.get("/v1/me", token).status_code
    published = partner.http.get("/.well-known/jwks.json").get_json()["keys"]
    assert header_of(token)["kid"] not in {key["kid"] for key in published}
    assert 200 == partner.get("/v1/me", partner.token()).status_code


def issued(council: Council, *, agency: str = "camhs") -> tuple[ClientId, bytes]:
    """A client that came with a signing request, and its certificate."""
    assert 0 == run(council.wiring, "keys", "authority").exit_code
    partner = council.partner(agency)
    council.change(
        agency,
        "UPDATE gateway.oauth_client SET state = 'proposed' WHERE client_id = :c",
        c=partner.client_id,
    )
    client_id = ClientId(partner.client_id)
    certificate = service.issue_certificate(
        council.wiring,
        client_id=client_id,
        request=new_signing_request("x")[1],
        now=datetime.now(UTC),
        actor="test",
    )
    return client_id, certificate.pem


def test_the_authority_is_made_once_and_its_key_lies_sealed(own_council: Council) -> None:
    wiring = own_council.wiring
    first, again = (run(wiring, "keys", "authority").stdout_bytes for _ in range(2))
    assert first == again
    assert x509.load_pem_x509_certificate(first)
    with wiring.engine.connect() as connection:
        sealed = connection.scalar(text("SELECT sealed FROM gateway.certificate_authority"))
    assert b"PRIVATE KEY" not in bytes(sealed or b"")


def test_a_certificate_is_listed_revoked_and_on_the_next_list(own_council: Council, tmp_path: Path) -> None:
    wiring = own_council.wiring
    client_id, pem = issued(own_council)
    presented = read_certificate(pem)
    (line,) = run(wiring, "keys", "certificates").output.splitlines()
    state, agency, client, days, thumbprint = line.split("\t")
    assert ("active", "camhs", client_id, presented.thumbprint) == (state, agency, client, thumbprint)
    assert 390 < int(days) < 398
    place = tmp_path / "crl.pem"
    revocation = ("keys", "revoke-certificate", thumbprint, "--reason", "key_compromise")
    more = {"GATEWAY_CLIENT_CRL_FILE": str(place)}
    assert "Revoked.\nThe revocation list is written.\n" == run(wiring, *revocation, more=more).output
    assert "It was revoked before." in run(wiring, *revocation, more=more).output
    found = x509.load_pem_x509_crl(place.read_bytes())
    assert [presented.serial] == [one.serial_number for one in found]
    missing = run(wiring, "keys", "revoke-certificate", "nobody")
    assert (1, "Error: There is no such certificate.\n") == (missing.exit_code, missing.output)


def test_lists_are_numbered_upwards(own_council: Council, tmp_path: Path) -> None:
    """RFC 5280 section 5.2.3: a verifier can tell the newer of two."""
    run(own_council.wiring, "keys", "authority")
    numbers = []
    for turn in range(2):
        file = tmp_path / f"{turn}.pem"
        assert 0 == run(own_council.wiring, "keys", "revocation-list", str(file)).exit_code
        found = x509.load_pem_x509_crl(file.read_bytes()).extensions.get_extension_for_class(x509.CRLNumber)
        numbers.append(found.value.crl_number)
    assert [1, 2] == numbers


def test_a_list_needs_an_authority_and_a_place(own_council: Council, tmp_path: Path) -> None:
    wiring = own_council.wiring
    without = run(wiring, "keys", "revocation-list", str(tmp_path / "x.pem"))
    assert (1, "Error: There is no certificate authority: run gateway keys authority first.\n") == (
        without.exit_code,
        without.output,
    )
    run(wiring, "keys", "authority")
    nowhere = run(wiring, "keys", "revocation-list", str(tmp_path / "nowhere" / "x.pem"))
    assert (1, "Error: The file cannot be written.\n") == (nowhere.exit_code, nowhere.output)


def test_the_worker_renews_a_list_every_day_and_not_every_hour(own_council: Council, tmp_path: Path) -> None:
    """A stale list locks every certificate out; a new one closes every connection that is open."""
    run(own_council.wiring, "keys", "authority")
    place, now = tmp_path / "crl.pem", datetime.now(UTC)
    wiring = replace(own_council.wiring, settings=replace(own_council.wiring.settings, client_crl_file=place))
    assert [1, 0, 0, 1] == [refresh_list(wiring, now + timedelta(hours=hours)) for hours in (0, 1, 23, 25)]
    assert list_expiry(place.read_bytes()) > now + timedelta(days=7, hours=1)
    place.write_bytes(b"broken")
    assert 1 == refresh_list(wiring, now + timedelta(hours=26))
    assert 0 == refresh_list(own_council.wiring, now)


def test_a_list_leaves_out_what_has_expired_anyway(own_council: Council, tmp_path: Path) -> None:
    _, pem = issued(own_council)
    presented = read_certificate(pem)
    service.revoke_certificate(
        own_council.wiring,
        thumbprint=presented.thumbprint,
        reason="superseded",  # type: ignore[arg-type] # stored as its text
        now=datetime.now(UTC),
        actor="test",
    )
    place = tmp_path / "crl.pem"
    publish_list(own_council.wiring, now=presented.not_after, file=place)
    assert [] == list(x509.load_pem_x509_crl(place.read_bytes()))


def test_a_client_that_was_approved_without_a_certificate_gets_none_by_the_back_door(
    own_council: Council,
) -> None:
    """A new way in is a new approval; a renewal under the same name is not."""
    run(own_council.wiring, "keys", "authority")
    client_id = ClientId(own_council.partner("charity").client_id)
    with pytest.raises(RegistrationError, match="approved without"):
        service.issue_certificate(
            own_council.wiring,
            client_id=client_id,
            request=new_signing_request("x")[1],
            now=datetime.now(UTC),
            actor="test",
        )
    renewed, _ = issued(own_council)
    own_council.change(
        "camhs", "UPDATE gateway.oauth_client SET state = 'active' WHERE client_id = :c", c=renewed
    )
    again = service.issue_certificate(
        own_council.wiring,
        client_id=renewed,
        request=new_signing_request("x")[1],
        now=datetime.now(UTC),
        actor="test",
    )
    assert CertificateName(
        NameKind.URI, f"urn:early-help-gateway:client:{renewed}", again.presented.issuer
    ) == (again.name)


def test_an_authority_in_another_row_does_not_open(own_council: Council) -> None:
    """A sealed key moved from elsewhere is no key."""
    run(own_council.wiring, "keys", "authority")
    with own_council.wiring.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.certificate_authority SET sealed ="
                " (SELECT sealed FROM gateway.oauth_signing_key WHERE state = 'active')"
            )
        )
        with pytest.raises(EnvelopeError):
            issue(
                connection,
                own_council.wiring.keyring,
                agency=None,
                client_id=ClientId("co_x"),
                request=new_signing_request("x")[1],
                now=datetime.now(UTC),
            )
