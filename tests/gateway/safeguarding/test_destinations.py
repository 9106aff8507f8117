"""Destinations as data: what a file may say, whose client receives, and what is on record of a change."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from agencies.model import AgencyCode
from certs.envelope import unseal
from certs.jwk import new_es256_key, public_part
from gateway.cli import gateway
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.errors import NotAppendedError
from gateway.oauth import service as oauth
from gateway.oauth.errors import RegistrationError
from gateway.oauth.model import COUNCIL_SCOPES, DESTINATION_SCOPES, ClientId, Scope
from gateway.safeguarding import destinations, repository
from gateway.safeguarding.destinations import MAX_BYTES, read_destinations, replace_destinations
from gateway.safeguarding.errors import DestinationsError
from gateway.safeguarding.model import Destination, Function
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import caseworker, refer
from tests.gateway.safeguarding.test_fetching import Place
from tests.support.prepared import made_once
from tests.support.rooms import environment
from tests.support.world import World, small_family

HUB = """
[[destination]]
code = "hub"
name = "Safeguarding hub"
function = "safeguarding_hub"
phone = "020 7946 0000"
"""
POLICE = """
[[destination]]
code = "police"
name = "Police"
function = "police_101"
phone = "101"
"""


def prepare(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("police")
    made.import_families({**small_family("EH-1"), "workers": [{"id": "ada", "from": "2026-01-01"}]})
    return made


prepared, database, wiring, world = made_once(prepare)


def client_of(world: World, *scopes: str, approved: bool = True) -> str:
    """A further client of the police."""
    agency = AgencyCode("police")
    key = public_part(new_es256_key())
    client = oauth.register_client(world.wiring, agency=agency, scopes=scopes, keys=[key], actor="test")
    if approved:
        oauth.approve_synthetic(world.wiring, agency=agency, actor="test")
    return client


def run(wiring: Wiring, *arguments: str) -> Result:
    return CliRunner().invoke(gateway, ["safeguarding", "destinations", *arguments], env=environment(wiring))


def put(world: World, folder: Path, *parts: str) -> Result:
    file = folder / "destinations.toml"
    file.write_text("".join(parts))
    return run(world.wiring, str(file))


def newest_entry(wiring: Wiring) -> dict[str, Any]:
    """The newest entry of nobody's family, opened."""
    with wiring.engine.connect() as connection:
        keys = wiring.keyring.reserved(connection)
        row = connection.execute(
            text(
                "SELECT entry_id, body, sealed FROM gateway.log_entry JOIN gateway.log_payload USING (entry_id)"
                " ORDER BY leaf_index DESC LIMIT 1"
            )
        ).one()
    aad = row.entry_id.bytes + bytes.fromhex(json.loads(row.body)["c"])
    found: dict[str, Any] = json.loads(unseal(keys.data_key, row.sealed, aad=aad))["i"]
    return found


def test_a_file_is_what_there_is_from_then_on(world: World, tmp_path: Path) -> None:
    client = client_of(world, "referral:read", "referral:write")
    done = put(world, tmp_path, HUB, POLICE, f'client_id = "{client}"\n')
    assert (0, "2 in effect.\n") == (done.exit_code, done.stdout)
    listed = run(world.wiring, "--list")
    assert [
        f"police\tpolice_101\t101\t{client}\tPolice",
        "hub\tsafeguarding_hub\t020 7946 0000\t-\tSafeguarding hub",
    ] == listed.stdout.splitlines()
    entry = newest_entry(world.wiring)
    assert ("destination.replace", {"hub": "", "police": client}) == (entry["kind"], entry["destinations"])
    assert entry["actor"].startswith("cli:")


def test_whoever_is_left_out_receives_nothing_from_the_next_request_on(world: World, tmp_path: Path) -> None:
    client = client_of(world, "referral:read")
    put(world, tmp_path, HUB, POLICE, f'client_id = "{client}"\n')
    sent = refer(world, caseworker(world), more={"destination": "police"})
    place = Place(world.wiring, client)
    assert (1, 200) == (len(place.listed()), place.fetch(sent.id).status_code)
    for parts in ((HUB,), (HUB, POLICE)):
        put(world, tmp_path, *parts)
        assert ([], 404) == (place.listed(), place.fetch(sent.id).status_code)
    put(world, tmp_path, HUB, POLICE, f'client_id = "{client}"\n')
    assert (1, 200) == (len(place.listed()), place.fetch(sent.id).status_code)


def test_a_destination_that_was_taken_away_cannot_be_chosen(world: World, tmp_path: Path) -> None:
    put(world, tmp_path, HUB, POLICE)
    put(world, tmp_path, POLICE)
    assert ["police"] == [each.code for each in destinations.destinations(world.wiring)]


UNFIT: dict[str, tuple[tuple[str, ...], str]] = {
    "reads extracts": (("extract:read", "panel:read"), "may do more than receive referrals"),
    "reads no referrals": (("log:read",), "may not read referrals"),
    "only answers": (("referral:write",), "may not read referrals"),
}


@pytest.mark.parametrize(("scopes", "sentence"), UNFIT.values(), ids=UNFIT.keys())
def test_a_client_that_is_not_for_referrals_is_refused(
    world: World, tmp_path: Path, scopes: tuple[str, ...], sentence: str
) -> None:
    put(world, tmp_path, HUB)
    refused = put(world, tmp_path, POLICE, f'client_id = "{client_of(world, *scopes)}"\n')
    assert 1 == refused.exit_code
    assert f"The client of police {sentence}" in refused.stderr
    assert ["hub"] == [each.code for each in destinations.destinations(world.wiring)]


def test_a_client_that_is_none_or_not_active_is_refused(world: World, tmp_path: Path) -> None:
    proposed = client_of(world, "referral:read", approved=False)
    ended = client_of(world, "referral:read")
    oauth.revoke_client(world.wiring, client_id=ClientId(ended), actor="test")
    waiting = client_of(world, "referral:read", approved=False)
    for client in (ended, waiting, "ag_nobody0123456789ab", "x"):
        refused = put(world, tmp_path, POLICE, f'client_id = "{client}"\n')
        assert (1, True) == (refused.exit_code, "is not an active one" in refused.stderr), client
        assert client == "x" or client not in refused.stderr
    assert 0 == put(world, tmp_path, POLICE, f'client_id = "{proposed}"\n').exit_code


def test_a_client_older_than_the_rule_is_refused_too(world: World, tmp_path: Path) -> None:
    """Whatever a row says: a client that reads extracts receives no referral."""
    client = client_of(world, "referral:read")
    with world.wiring.engine.begin() as connection:
        connection.execute(text("SELECT gateway.move_gates('{}', '{police}')"))
        connection.execute(
            text("UPDATE gateway.oauth_client SET scopes = scopes || '{extract:read}' WHERE client_id = :c"),
            {"c": client},
        )
    assert 1 == put(world, tmp_path, POLICE, f'client_id = "{client}"\n').exit_code


def test_a_client_for_referrals_can_be_registered_for_nothing_else(world: World) -> None:
    """Beside the log, which tells of nobody."""
    for scope in set(Scope) - DESTINATION_SCOPES - {Scope.LOG_READ}:
        for own in DESTINATION_SCOPES:
            with pytest.raises(RegistrationError):
                client_of(world, own, scope)
    assert COUNCIL_SCOPES.isdisjoint(DESTINATION_SCOPES)
    assert client_of(world, "referral:read", "referral:write", "log:read")


def test_a_destination_is_taken_away_though_the_log_is_away(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, tmp_path, HUB, POLICE)

    def away(*_given: object, **_more: object) -> None:
        raise NotAppendedError

    monkeypatch.setattr(log, "append", away)
    assert 0 == put(world, tmp_path, HUB).exit_code
    assert ["hub"] == [each.code for each in destinations.destinations(world.wiring)]


FAULTY: dict[str, tuple[str, str]] = {
    "no TOML": ("[[destination", "not TOML"),
    "nothing": ("", "tables [[destination]]"),
    "none": ("destination = []", "tables [[destination]]"),
    "something else": (HUB + "\n[more]\n", "tables [[destination]]"),
    "no table": ("destination = [1]", "Destination 1 is no table"),
    "no phone": (HUB.replace('phone = "020 7946 0000"', ""), "Destination 1 has no phone"),
    "a member more": (HUB + 'town = "Ada"\n', "Destination 1 has a member that none has"),
    "another function": (HUB.replace("safeguarding_hub", "Ada"), "The function of hub"),
    "no function": (HUB.replace('"safeguarding_hub"', "1"), "The function of hub"),
    "no code": (HUB.replace('"hub"', '"Ada B"'), "The code of destination 1"),
    "a short code": (HUB.replace('"hub"', '"h"'), "The code of destination 1"),
    "an empty name": (HUB.replace("Safeguarding hub", " "), "The name of hub"),
    "a name of two lines": (HUB.replace("Safeguarding hub", "a\\nAda"), "The name of hub"),
    "a long name": (HUB.replace("Safeguarding hub", "a" * 101), "The name of hub"),
    "no text": (HUB.replace('"020 7946 0000"', "101"), "The phone of hub"),
    "twice": (HUB + HUB, "Two destinations have one code"),
    "one client": (HUB + 'client_id = "c"\n' + POLICE + 'client_id = "c"\n', "one client"),
    "huge": ("#" * (MAX_BYTES + 1), "too large"),
}


@pytest.mark.parametrize(("file", "sentence"), FAULTY.values(), ids=FAULTY.keys())
def test_a_faulty_file_is_refused_in_one_sentence(file: str, sentence: str) -> None:
    with pytest.raises(DestinationsError) as refused:
        read_destinations(file.encode())
    assert sentence in str(refused.value)
    assert "Ada" not in str(refused.value)


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(DestinationsError):
        read_destinations(b"\xff\xfe")


def test_a_refused_file_changes_nothing(world: World, tmp_path: Path) -> None:
    put(world, tmp_path, HUB)
    refused = put(world, tmp_path, POLICE, POLICE)
    assert (1, True) == (refused.exit_code, refused.stderr.endswith("Nothing was changed.\n"))
    assert ["hub"] == [each.code for each in destinations.destinations(world.wiring)]


def test_the_command_takes_a_file_or_lists(world: World, tmp_path: Path) -> None:
    file = tmp_path / "destinations.toml"
    file.write_text(HUB)
    assert 2 == run(world.wiring).exit_code
    assert 2 == run(world.wiring, str(file), "--list").exit_code


def test_the_example_is_a_file(world: World) -> None:
    shown = run(world.wiring, "--example")
    assert ["hub", "out-of-hours"] == [each.code for each in read_destinations(shown.stdout.encode())]


def test_two_clients_change_places_in_one_step(world: World) -> None:
    """A client belongs to one destination; that is no reason to need two files."""
    first, second = client_of(world, "referral:read"), client_of(world, "referral:read")

    def both(hub: str, police: str) -> list[Destination]:
        return [
            Destination("hub", "Hub", Function.SAFEGUARDING_HUB, "1", hub),
            Destination("police", "Police", Function.POLICE_101, "101", police),
        ]

    replace_destinations(world.wiring, both(first, second), actor="test")
    replace_destinations(world.wiring, both(second, first), actor="test")
    with world.wiring.engine.connect() as connection:
        found = {each.code: each.client_id for each in repository.destinations(connection)}
    assert {"hub": second, "police": first} == found
