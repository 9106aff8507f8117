"""golang.org/x/mod/sumdb verifies what a real gateway serves: its log, and the receipts of the extracts that it gave."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from agencies.model import AgencyCode
from certs.jwk import new_es256_key, public_part
from extract_client.log.merkle import consistency_proof
from extract_client.log.note import VerifierKey
from extract_client.log.proof import LogProof
from extract_client.log.tiles import TILE_WIDTH, bundles_of, tile_reader, tiles_of
from gateway.disclosure_log.service import act
from gateway.oauth import service as oauth_service
from tests.gateway.oauth.partner import Partner
from tests.interop.log_folder import LogFolder
from tests.interop.oracle import FaultFoundError, Oracle
from tests.support.served import Served, gateway
from tests.support.world import small_family

__all__ = ["gateway"]

SOURCE = "EH-1"
ASKING = ("camhs", "charity")
Fetch = Callable[[str], bytes]


@pytest.fixture(scope="module")
def council(gateway: Served) -> Served:
    """A gateway with a family that agreed to both agencies."""
    world = gateway.world
    for agency in ASKING:
        world.join(agency)
    world.import_families(small_family(SOURCE))
    for person in small_family(SOURCE)["people"]:
        world.give(SOURCE, person["id"])
    world.list_cases(SOURCE)
    return gateway


@pytest.fixture(scope="module")
def fetch(council: Served) -> Fetch:
    """Reads a path of the log as an agency's monitor does."""
    key: Any = new_es256_key()
    agency, wiring = AgencyCode(ASKING[0]), council.wiring
    client_id = oauth_service.register_client(
        wiring, agency=agency, scopes=["log:read"], keys=[public_part(key)], actor="test"
    )
    oauth_service.approve_synthetic(wiring, agency=agency, actor="test")
    monitor = Partner(council.http, wiring.settings.issuer, client_id, ECKey.import_key(key))
    token = monitor.token(scope="log:read", authorization_details=...)

    def fetched(path: str) -> bytes:
        answer = monitor.get(f"/log/{path}", token)
        assert 200 == answer.status_code, path
        return answer.get_data()

    return fetched


@pytest.fixture(scope="module")
def receipts(council: Served) -> list[str]:
    """The receipts of extracts on both sides of the log's first full tile, and one that was asked for again."""
    early = [pull(council, agency) for agency in ASKING]
    with act(council.wiring, agencies=ASKING) as change:
        for _ in range(TILE_WIDTH):
            change.record(kind="agency.activate", actor="test")
    late = [pull(council, agency) for agency in ASKING]
    again = council.partner(ASKING[0]).get(f"/v1/receipts/{early[0]['extract_id']}", council.token(ASKING[0]))
    assert 200 == again.status_code
    return [*(extract["receipt"] for extract in early + late), again.text]


def pull(council: Served, agency: str) -> dict[str, Any]:
    answer = council.pull(agency, council.world.case_ref(agency, SOURCE))
    assert 200 == answer.status_code
    extract: dict[str, Any] = answer.get_json()
    return extract


@pytest.fixture(scope="module")
def served_log(
    council: Served, fetch: Fetch, receipts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> LogFolder:
    """Everything that is served of the trees that the receipts lead to. Nobody writes to it."""
    wiring, folder = council.wiring, tmp_path_factory.mktemp("served")
    keys = [VerifierKey.parse(vkey) for vkey in wiring.log.vkeys]
    log = LogFolder.new(folder, origin=wiring.settings.log_origin, keys=keys)
    for number, receipt in enumerate(receipts):
        log.put(f"proofs/{number}", receipt)
    notes = notes_of(receipts)
    for size, note in notes.items():
        log.put(f"checkpoints/{size:06}", note)
        for path in [part.path for part in tiles_of(size)] + [part.path for part in bundles_of(size)]:
            log.put(path, fetch(path))
        read = tile_reader(size, lambda tile: (folder / tile.path).read_bytes())
        for first in (smaller for smaller in notes if smaller < size):
            log.put_consistency(first, size, consistency_proof(first, second=size, read=read))
    return log


def test_go_verifies_the_log_and_the_receipts_of_a_gateway(
    served_log: LogFolder, receipts: list[str], oracle: Oracle
) -> None:
    """Each tree that a receipt leads to is served whole, begins with the one before, and has the entry that the
    receipt opens.
    """
    sizes = sorted(notes_of(receipts))
    assert sizes[0] < TILE_WIDTH < sizes[-1]
    expected = {
        "sizes": sizes,
        "cosignatures": 0,
        "unknown": 0,
        "tiles": served_log.count("tile/**/*"),
        "entries": sum(sizes),
        "inclusion": len(receipts),
        "consistency": len(sizes) * (len(sizes) - 1) // 2,
        "openings": len(receipts),
    }
    assert expected == oracle.verify(served_log.path)


def test_the_newest_tree_is_shown_and_a_receipt_asked_for_again_leads_to_it(
    fetch: Fetch, receipts: list[str]
) -> None:
    notes = notes_of(receipts)
    newest = notes[max(notes)]
    assert (newest, newest) == (fetch("checkpoint").decode(), LogProof.parse(receipts[-1]).checkpoint)


NOT_OPENED = "does not open the entry's commitment"
OPENED = {
    "recipient's salt": (0, NOT_OPENED),
    "internal commitment": (32, NOT_OPENED),
    "entry": (70, "not about this entry"),
    "recipient part": (-2, NOT_OPENED),
}
"""A byte of each part of what a receipt opens, and why it must be right."""


@pytest.mark.parametrize("part", OPENED)
def test_a_receipt_opens_nothing_else(
    tmp_path: Path, served_log: LogFolder, receipts: list[str], oracle: Oracle, part: str
) -> None:
    """The tree proves nothing of the opening: the commitment in the entry does, computed here by Go."""
    position, reason = OPENED[part]
    proof = LogProof.parse(receipts[0])
    extra = bytearray(proof.extra)
    extra[position] ^= 1
    shutil.copytree(served_log.path, tmp_path / "log")
    LogFolder(tmp_path / "log").put("proofs/0", str(replace(proof, extra=bytes(extra))))
    with pytest.raises(FaultFoundError, match=reason):
        oracle.verify(tmp_path / "log")


def notes_of(receipts: list[str]) -> dict[int, str]:
    """The checkpoints that receipts lead to, by size."""
    return {size_of(note): note for note in (LogProof.parse(receipt).checkpoint for receipt in receipts)}


def size_of(note: str) -> int:
    """The tree size that a checkpoint states; nothing is verified here."""
    return int(note.split("\n")[1])
