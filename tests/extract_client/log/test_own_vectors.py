"""What partners hold today must verify in ten years: our own roots, notes, proofs and a receipt, to the byte."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from extract_client.log.merkle import Frontier, consistency_proof, inclusion_proof, range_reader
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from tests.extract_client.log.made import EXTRACT, LOG, ORIGIN, POLICY, WITNESS, receipt, signed_head
from tests.extract_client.log.reference import leaves

FILE = Path(__file__).parent / "vectors" / "own.json"
SIZES = (1, 2, 255, 256, 257, 1000)


def document() -> dict[str, Any]:
    """The vectors as this version of the code makes them."""
    return {
        "origin": ORIGIN,
        "log": str(LOG.verifier),
        "witness": str(WITNESS),
        "policy": POLICY,
        "entries": "entry number n, from 0, is the ASCII text 'entry <n>'",
        "trees": [_tree(size, before) for before, size in zip((1, *SIZES), SIZES, strict=False)],
        "extract": EXTRACT,
        "receipt": receipt(),
    }


def write() -> None:
    """Replace the file; for a deliberate change of format only."""
    FILE.write_text(json.dumps(document(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def _tree(size: int, before: int) -> dict[str, Any]:
    frontier = Frontier().grown(leaves(size))
    read = range_reader(Frontier(), leaves(size))
    return {
        "size": size,
        "root": frontier.root.hex(),
        "note": signed_head(size, frontier.root),
        "last_entry_included": _lines(inclusion_proof(size - 1, size=size, read=read)),
        "consistent_with": before,
        "consistency": _lines(consistency_proof(before, second=size, read=read)),
    }


def _lines(hashes: list[bytes]) -> list[str]:
    return [base64.b64encode(node).decode() for node in hashes]


STORED = json.loads(FILE.read_text("utf-8"))


def test_the_formats_are_what_they_were() -> None:
    assert STORED == document()


@pytest.mark.parametrize("tree", STORED["trees"], ids=lambda tree: str(tree["size"]))
def test_a_stored_note_still_meets_its_policy(tree: dict[str, Any]) -> None:
    checked = Policy.parse(STORED["policy"]).check(tree["note"], origin=STORED["origin"])
    assert (tree["size"], tree["root"]) == (checked.checkpoint.size, checked.checkpoint.root.hex())
    assert ("w",) == checked.witnessed


def test_a_stored_receipt_still_proves_its_extract() -> None:
    proved = verify_receipt(
        STORED["receipt"],
        policy=Policy.parse(STORED["policy"]),
        origin=STORED["origin"],
        extract=STORED["extract"],
    )
    assert (5, 9) == (proved.index, proved.size)
