"""Whoever can pass off another tree as this one has rewritten the log."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract_client.errors import ProofError
from extract_client.log.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    range_reader,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from extract_client.log.tiles import Tile, tile_reader
from tests.extract_client.log.reference import leaves, path, proof, tile_data, tree_hash

VECTORS = json.loads((Path(__file__).parent / "vectors" / "merkle.json").read_text("utf-8"))
DUMMY_ROOTS = {
    "additional/sizes are equal (zero) and proof is empty",
    "additional/sizes are equal (one) and proof is empty",
}
"""Accepted upstream; their roots are 12 bytes long, and no tree has such a root."""

CT_LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
CT_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)

LEAVES = leaves(600)
SIZES = st.integers(1, len(LEAVES)) | st.sampled_from([1, 2, 3, 4, 255, 256, 257, 511, 512, 513])


@st.composite
def trees(draw: st.DrawFn) -> tuple[int, int]:
    """A size, and another that is not larger."""
    size = draw(SIZES)
    return size, draw(st.integers(1, size))


def _flipped(node: bytes, bit: int) -> bytes:
    return (int.from_bytes(node, "big") ^ 1 << bit).to_bytes(len(node), "big")


def _decoded(case: dict[str, Any]) -> dict[str, Any]:
    hashes = {name: base64.b64decode(value) for name, value in case.items() if name in {"leaf", "root"}}
    roots = {name: base64.b64decode(value) for name, value in case.items() if name.endswith("_root")}
    return {**case, **hashes, **roots, "proof": [base64.b64decode(node) for node in case["proof"]]}


def test_the_roots_of_certificate_transparency_s_eight_leaves() -> None:
    frontier = Frontier()
    for leaf, root in zip(CT_LEAVES, CT_ROOTS, strict=True):
        frontier = frontier.grown([leaf_hash(bytes.fromhex(leaf))])
        assert root == frontier.root.hex()


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: case["name"])
def test_inclusion_vectors_of_transparency_dev(case: dict[str, Any]) -> None:
    given = _decoded(case)
    arguments = {name: given[name] for name in ("index", "size", "root", "proof")}
    if given["valid"]:
        verify_inclusion(given["leaf"], **arguments)
    else:
        with pytest.raises(ProofError):
            verify_inclusion(given["leaf"], **arguments)


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: case["name"])
def test_consistency_vectors_of_transparency_dev(case: dict[str, Any]) -> None:
    given = _decoded(case)
    arguments = {name: given[name] for name in ("first", "first_root", "second", "second_root", "proof")}
    if given["valid"] and given["name"] not in DUMMY_ROOTS:
        verify_consistency(**arguments)
    else:
        with pytest.raises(ProofError):
            verify_consistency(**arguments)


def test_the_vectors_are_all_there() -> None:
    """A vector that is lost proves nothing any more."""
    assert (98, 98) == (len(VECTORS["inclusion"]), len(VECTORS["consistency"]))


@settings(deadline=None, max_examples=60)
@given(trees(), st.lists(st.integers(0, 64), max_size=20))
def test_a_tree_does_not_depend_on_how_its_leaves_were_batched(
    tree: tuple[int, int], batches: list[int]
) -> None:
    size, first = tree
    frontier = Frontier().grown(LEAVES[:first])
    at = first
    for batch in [*batches, size]:
        frontier = frontier.grown(LEAVES[at : min(size, at + batch)])
        at = min(size, at + batch)
    assert Frontier().grown(LEAVES[:size]) == frontier
    assert tree_hash(LEAVES[:size]) == frontier.root
    assert frontier == Frontier.parse(size, b"".join(frontier.peaks))


@pytest.mark.parametrize("size", [0, 1, 2, 6])
def test_a_frontier_has_a_peak_per_bit_of_its_size(size: int) -> None:
    """Else a truncated row of the database would be grown into a tree that nobody has."""
    peaks = b"".join(Frontier().grown(LEAVES[:size]).peaks)
    for wrong in (peaks + bytes(32), peaks + b"x", peaks[1:] or b"x", peaks[32:] or b"x"):
        with pytest.raises(ValueError, match="one peak"):
            Frontier.parse(size, wrong)
    with pytest.raises(ValueError, match="one peak"):
        Frontier.parse(-1, peaks)


def test_the_empty_tree() -> None:
    assert EMPTY_ROOT == Frontier().root == Frontier.parse(0, b"").root
    assert EMPTY_ROOT == tree_root(0, range_reader(Frontier(), []))
    with pytest.raises(ValueError, match="negative"):
        tree_root(-1, range_reader(Frontier(), []))


@settings(deadline=None, max_examples=60)
@given(trees(), st.data())
def test_proofs_are_those_of_the_definition_from_tiles_and_from_the_frontier(
    tree: tuple[int, int], data: st.DataObject
) -> None:
    """The gateway proves from the frontier, a partner from tiles: the very same hashes."""
    size, known = tree
    tiled = tile_reader(size, lambda tile: tile_data(LEAVES[:size], tile))
    ranged = range_reader(Frontier().grown(LEAVES[:known]), LEAVES[known:size])
    root = tree_hash(LEAVES[:size])
    assert root == tree_root(size, tiled) == tree_root(size, ranged)
    assert Frontier().grown(LEAVES[:known]) == Frontier.of(known, tiled)

    index = data.draw(st.integers(0, size - 1))
    expected = path(index, LEAVES[:size])
    assert expected == inclusion_proof(index, size=size, read=tiled)
    if index >= known:
        assert expected == inclusion_proof(index, size=size, read=ranged)
    verify_inclusion(LEAVES[index], index=index, size=size, root=root, proof=expected)

    expected = proof(known, LEAVES[:size])
    assert expected == consistency_proof(known, second=size, read=tiled)
    assert expected == consistency_proof(known, second=size, read=ranged)
    verify_consistency(
        first=known, first_root=tree_hash(LEAVES[:known]), second=size, second_root=root, proof=expected
    )


def _variants(hashes: Sequence[bytes], bit: int) -> list[list[bytes]]:
    """The hashes with one flipped bit, one too many or one too few, at every place."""
    places = range(len(hashes))
    return [
        *([*hashes[:at], _flipped(hashes[at], bit), *hashes[at + 1 :]] for at in places),
        *([*hashes[:at], *hashes[at + 1 :]] for at in places),
        *([*hashes[:at], LEAVES[-1], *hashes[at:]] for at in range(len(hashes) + 1)),
        *([*hashes[:at], hashes[at], *hashes[at:]] for at in places),
        *([*hashes[:at], hashes[at] + b"x", *hashes[at + 1 :]] for at in places),
        *([*hashes[:at], hashes[at][:-1], *hashes[at + 1 :]] for at in places),
    ]


@settings(deadline=None, max_examples=60)
@given(trees(), st.integers(0, 255))
def test_an_inclusion_proof_with_any_hash_changed_is_refused(tree: tuple[int, int], bit: int) -> None:
    size, position = tree
    index = position - 1
    root, leaf, hashes = tree_hash(LEAVES[:size]), LEAVES[index], path(index, LEAVES[:size])
    for wrong in _variants(hashes, bit):
        with pytest.raises(ProofError):
            verify_inclusion(leaf, index=index, size=size, root=root, proof=wrong)
    for other_leaf, other_root in ((_flipped(leaf, bit), root), (leaf, _flipped(root, bit))):
        with pytest.raises(ProofError):
            verify_inclusion(other_leaf, index=index, size=size, root=other_root, proof=hashes)
    for other in {*range(-1, min(size, 8)), size - 1, size, index ^ 1, index + size} - {index}:
        with pytest.raises(ProofError):
            verify_inclusion(leaf, index=other, size=size, root=root, proof=hashes)


@settings(deadline=None, max_examples=60)
@given(trees(), st.integers(0, 255))
def test_a_consistency_proof_with_any_hash_changed_is_refused(tree: tuple[int, int], bit: int) -> None:
    second, first = tree
    roots = tree_hash(LEAVES[:first]), tree_hash(LEAVES[:second])
    hashes = proof(first, LEAVES[:second])
    wrong_roots = [(_flipped(roots[0], bit), roots[1]), (roots[0], _flipped(roots[1], bit))]
    cases = [(roots, wrong) for wrong in _variants(hashes, bit)] + [(wrong, hashes) for wrong in wrong_roots]
    for (first_root, second_root), given_proof in cases:
        with pytest.raises(ProofError):
            verify_consistency(
                first=first, first_root=first_root, second=second, second_root=second_root, proof=given_proof
            )


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 2), (2, 3), (3, 4), (6, 8), (6, 7), (4, 8)])
def test_a_proof_may_not_climb_beyond_the_tree(first: int, second: int) -> None:
    """Roots made for it would make a longer proof come out right: of a tree that has not this size."""
    beyond = LEAVES[-1]
    hashes = proof(first, LEAVES[:second])
    roots = [node_hash(beyond, tree_hash(LEAVES[:size])) for size in (first, second)]
    with pytest.raises(ProofError):
        verify_consistency(
            first=first, first_root=roots[0], second=second, second_root=roots[1], proof=[*hashes, beyond]
        )
    audit = path(first - 1, LEAVES[:second])
    with pytest.raises(ProofError):
        verify_inclusion(
            LEAVES[first - 1], index=first - 1, size=second, root=roots[1], proof=[*audit, beyond]
        )


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1), (-1, 1), (2, 1)])
def test_nothing_is_consistent_with_no_tree_at_all(first: int, second: int) -> None:
    """A log that says "you saw nothing before" must not pass as one that only grew."""
    with pytest.raises(ProofError):
        verify_consistency(
            first=first, first_root=EMPTY_ROOT, second=second, second_root=EMPTY_ROOT, proof=[]
        )
    with pytest.raises(ValueError, match="consistency"):
        consistency_proof(first, second=second, read=range_reader(Frontier(), LEAVES[:2]))


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (0, 0), (1, 1), (7, 3)])
def test_no_proof_is_made_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_proof(index, size=size, read=range_reader(Frontier(), LEAVES[:8]))


@pytest.mark.parametrize(("level", "index"), [(0, 0), (0, 5), (1, 1), (0, 14), (2, 3), (3, 1), (4, 0)])
def test_a_reader_says_what_it_does_not_know(level: int, index: int) -> None:
    """A wrong hash in its place would be signed or sent as a proof."""
    read = range_reader(Frontier().grown(LEAVES[:6]), LEAVES[6:14])
    with pytest.raises(LookupError):
        read(level, index)


def test_each_tile_is_fetched_once_and_only_where_needed() -> None:
    size = 257 * 256 + 3
    many = leaves(size)
    fetched: list[Tile] = []

    def fetch(tile: Tile) -> bytes:
        fetched.append(tile)
        return tile_data(many, tile)

    read = tile_reader(size, fetch)
    frontier = Frontier().grown(many)
    for index in (0, 1, size - 1, 256 * 256):
        hashes = inclusion_proof(index, size=size, read=read)
        verify_inclusion(many[index], index=index, size=size, root=frontier.root, proof=hashes)
    assert frontier.root == tree_root(size, read)
    assert {Tile(0, 0), Tile(0, 256), Tile(0, 257, 3), Tile(1, 0), Tile(1, 1, 1), Tile(2, 0, 1)} == set(
        fetched
    )
    assert len(set(fetched)) == len(fetched)
    with pytest.raises(LookupError):
        read(2, size >> 2)
    with pytest.raises(LookupError):
        read(0, -1)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + bytes(32), lambda _: b""])
def test_a_tile_of_the_wrong_length_is_refused(change: Any) -> None:
    read = tile_reader(300, lambda tile: change(tile_data(LEAVES[:300], tile)))
    with pytest.raises(ProofError):
        read(0, 0)
