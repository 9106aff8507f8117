"""The log's own routes, and the receipt route, over HTTP with real tokens."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Frontier, leaf_hash, tree_root
from extract_client.log.note import open_note
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from extract_client.log.tiles import Tile, bundles_of, decode_bundle, tile_reader, tiles_of
from gateway.cases import service as cases_service
from gateway.database import open_engine
from gateway.disclosure_log.entry import tag
from gateway.disclosure_log.publishing import publish_head
from gateway.disclosure_log.service import act
from tests.support.served import Served
from tests.support.world import household


@pytest.fixture(scope="module")
def log(gateway: Served) -> Served:
    """A served log of some hundred entries, the newest of them in no checkpoint yet."""
    world = gateway.world
    for code in ("camhs", "charity"):
        world.join(code)
    household(world, "EH-1")
    for _ in range(260):
        with act(world.wiring) as change:
            change.record(kind="log.cover", actor="test")
    publish_head(world.wiring)
    return gateway


def get(log: Served, path: str, *, agency: str = "camhs") -> TestResponse:
    partner = log.partner(agency)
    return partner.get(path, partner.token(scope="log:read", authorization_details=...))


def receipt(log: Served, extract_id: object, *, agency: str = "camhs") -> TestResponse:
    return log.partner(agency).get(f"/v1/receipts/{extract_id}", log.token(agency))


def shown(log: Served) -> Checkpoint:
    answer = log.http.get("/log/checkpoint", base_url=log.wiring.settings.issuer)
    assert (200, "text/plain; charset=utf-8", "no-cache") == (
        answer.status_code,
        answer.content_type,
        answer.headers["Cache-Control"],
    )
    keys = [signer.verifier for signer in log.wiring.log.signers]
    return Checkpoint.parse(open_note(answer.get_data(), keys).text)


def pulled(log: Served, agency: str = "camhs") -> dict[str, Any]:
    answer = log.pull(agency, log.world.case_ref(agency, "EH-1"))
    assert 200 == answer.status_code
    extract: dict[str, Any] = answer.get_json()
    return extract


def test_the_whole_tree_can_be_fetched_and_makes_the_signed_root(log: Served) -> None:
    checkpoint = shown(log)
    bodies = [
        body
        for bundle in bundles_of(checkpoint.size)
        for body in decode_bundle(get(log, f"/log/{bundle.path}").get_data(), width=bundle.width)
    ]
    assert checkpoint.root == Frontier().grown(map(leaf_hash, bodies)).root
    tiles = {tile: get(log, f"/log/{tile.path}").get_data() for tile in tiles_of(checkpoint.size)}
    assert checkpoint.root == tree_root(checkpoint.size, tile_reader(checkpoint.size, tiles.__getitem__))
    assert {0, 1} == {tile.level for tile in tiles}


def test_a_full_tile_may_be_kept_for_ever_by_who_fetched_it(log: Served) -> None:
    answer = get(log, "/log/tile/0/000")
    assert ("application/octet-stream", 8192) == (answer.content_type, len(answer.get_data()))
    assert "private, max-age=31536000, immutable" == answer.headers["Cache-Control"]


def test_every_partial_tile_there_ever_was_is_still_served(log: Served) -> None:
    full = get(log, "/log/tile/0/000").get_data()
    for width in (1, 17, 255):
        assert full[: 32 * width] == get(log, f"/log/{Tile(0, 0, width).path}").get_data()


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/x000/000", "tile/0/00", "tile/00/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
        "tile/64/000", "tile/-1/000", "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/001", "tile/entries/001",
        "tile/9/000.p/1", "tile/entries/000.p/", "tile/0/000/", "tile/63/x999/999", "tile/data/000", "tile/0/%00",
        "tile/0/%D9%A1",
    ],
)  # fmt: skip
def test_a_tile_that_is_not_there_or_not_so_written_is_404(log: Served, path: str) -> None:
    assert 404 == get(log, f"/log/{path}").status_code


def test_what_no_checkpoint_includes_is_not_shown(log: Served) -> None:
    """It may still be lost in a crash, and nobody outside may have seen it then."""
    size = shown(log).size
    with act(log.wiring) as change:
        change.record(kind="log.cover", actor="test")
    assert size == shown(log).size
    tile = Tile(0, size // 256, size % 256 + 1)
    assert 404 == get(log, f"/log/{tile.path}").status_code
    publish_head(log.wiring)
    assert 200 == get(log, f"/log/{tile.path}").status_code


def test_tiles_need_the_scope_for_them(log: Served) -> None:
    for path in ("/log/tile/0/000", "/log/tile/entries/000"):
        assert 403 == log.partner("camhs").get(path, log.token("camhs")).status_code
        assert 401 == log.http.get(path, base_url=log.wiring.settings.issuer).status_code


def test_a_receipt_can_be_had_again_under_a_newer_checkpoint(log: Served) -> None:
    extract = pulled(log)
    with act(log.wiring) as change:
        change.record(kind="log.cover", actor="test")
    publish_head(log.wiring)
    answer = receipt(log, extract["extract_id"])
    assert (200, "text/plain; charset=utf-8") == (answer.status_code, answer.content_type)
    policy, origin = Policy.for_log(*log.wiring.log.vkeys), log.wiring.log.origin
    old = verify_receipt(extract["receipt"], policy=policy, origin=origin, extract=extract)
    new = verify_receipt(answer.get_data(as_text=True), policy=policy, origin=origin, extract=extract)
    assert (old.index, old.body, old.recipient) == (new.index, new.body, new.recipient)
    assert old.size < new.size


@pytest.mark.parametrize("extract_id", [uuid4(), UUID(int=0), "x", "../me", "%00"])
def test_an_extract_that_does_not_exist_has_no_receipt(log: Served, extract_id: object) -> None:
    assert 404 == receipt(log, extract_id).status_code


def test_the_receipt_of_another_agency_is_the_same_absence(log: Served) -> None:
    extract = pulled(log)
    others, nobodys = (
        receipt(log, extract["extract_id"], agency="charity"),
        receipt(log, uuid4(), agency="charity"),
    )
    assert (404, nobodys.get_data()) == (others.status_code, others.get_data())


def test_an_erased_familys_receipts_cannot_be_had_again_and_verify_for_ever(log: Served) -> None:
    world = log.world
    household(world, "EH-9")
    extract = log.pull("camhs", world.case_ref("camhs", "EH-9")).get_json()
    eraser = open_engine(log.database.eraser_url)
    cases_service.erase_family(
        eraser,
        wiring=log.wiring,
        family_id=world.family_id("EH-9"),
        requested_by="amara.caseworker",
        approved_by="dev.officer",
    )
    eraser.dispose()
    assert 404 == receipt(log, extract["extract_id"]).status_code
    verified = verify_receipt(
        extract["receipt"],
        policy=Policy.for_log(*log.wiring.log.vkeys),
        origin=log.wiring.log.origin,
        extract=extract,
    )
    bundle = get(log, f"/log/tile/entries/{verified.index // 256:03d}.p/{verified.index % 256 + 1}")
    assert verified.body == decode_bundle(bundle.get_data(), width=verified.index % 256 + 1)[-1]


@pytest.fixture
def restricted(log: Served) -> None:
    """Entries of the family that only its restricted tag finds."""
    family = log.world.family_id("EH-1")
    for _ in range(3):
        with act(log.wiring, families=[family]) as change:
            change.record(kind="case.shield", actor="test", family_id=family, restricted=True)


def opened(log: Served, extract: dict[str, Any]) -> dict[str, Any]:
    verified = verify_receipt(
        extract["receipt"],
        policy=Policy.for_log(*log.wiring.log.vkeys),
        origin=log.wiring.log.origin,
        extract=extract,
    )
    return {**verified.recipient, "body": json.loads(verified.body)}


CONSTANT = {"purpose", "time", "profile_version", "body.l", "body.t", "body.v"}
"""Parts of an opening that say nothing of the case: what every receipt of that minute has."""


def test_no_opening_of_one_agency_tells_anything_of_anothers(log: Served) -> None:
    first, second = (opened(log, pulled(log, agency)) for agency in ("camhs", "charity"))
    for part in (first, second):
        part.update({f"body.{name}": value for name, value in part.pop("body").items()})
    values = [{str(v) for name, v in part.items() if name not in CONSTANT} for part in (first, second)]
    assert set() == values[0] & values[1]
    assert set(first) == set(second)


def test_an_opening_is_of_the_same_form_with_and_without_restricted_entries(
    log: Served, request: pytest.FixtureRequest
) -> None:
    """Neither names nor lengths tell that something restricted lies before it."""
    before = opened(log, pulled(log))
    request.getfixturevalue("restricted")
    after = opened(log, pulled(log))
    assert list(before) == list(after)
    assert {name: len(str(value)) for name, value in before.items()} == {
        name: len(str(value)) for name, value in after.items()
    }


def test_the_ordinary_tag_key_finds_the_same_with_and_without_restricted_entries(
    log: Served, request: pytest.FixtureRequest
) -> None:
    family = log.world.family_id("EH-1")
    before = found(log, family)
    request.getfixturevalue("restricted")
    assert before == found(log, family)


def found(log: Served, family: UUID) -> list[int]:
    """The leaf indexes that a holder of the family's ordinary tag key lists."""
    with log.wiring.engine.connect() as connection:
        key = log.wiring.keyring.family(connection, family).tag_key
        rows = connection.execute(text("SELECT leaf_index, entry_id, body FROM gateway.log_entry")).all()
    return sorted(row.leaf_index for row in rows if tag(key, row.entry_id) == json.loads(row.body)["f"])
