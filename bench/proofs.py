"""Proving and verifying: proofs cut from the database's tiles, checked as a partner checks them.

INVARIANTS
- Every proof is made by a reader of its own: no tile that another proof fetched is at hand.
- Trees of every size take turns, so that a machine that is busy for a while slows them all.
- Every proof that is timed is verified, against the root that the database says; one that fails ends the run.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from time import perf_counter
from typing import Final

from sqlalchemy import Connection

from bench.appends import quantiles
from extract_client.log.merkle import (
    consistency_proof,
    inclusion_proof,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from extract_client.log.tiles import Tile, tile_reader
from gateway.disclosure_log import repository

_ROOTS: Final = 100
"""Roots per sample: one alone is as short as the clock's step."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """One proof, made and verified: how long, how many hashes, how many tiles were read for it."""

    proving: float
    verifying: float
    hashes: int
    tiles: int


class _Tiles:
    """Fetches tiles from the database and counts them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.count = 0

    def __call__(self, wanted: Tile) -> bytes:
        self.count += 1
        return repository.tile(self._connection, wanted) or b""


def measure_proofs(
    connections: Sequence[Connection], *, samples: int, chance: random.Random, step: Callable[[int], None]
) -> list[dict[str, float]]:
    """Return what proofs of each log's present tree cost: of random leaves, and from random earlier trees.

    Args:
        connections: one per log, in autocommit as the release path has them.
        samples: proofs of each kind, of each log.
        step: told of each sample.
    """
    trees = [_Tree(connection) for connection in connections]
    for _ in range(samples):
        for tree in trees:
            tree.sample(chance)
            step(1)
    return [tree.figures() for tree in trees]


class _Tree:
    """One log's present tree, and what was measured of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._frontier = repository.read_head(connection)
        self._known = repository.hash_reader(connection, size=self._frontier.size)
        self._inclusion: list[_Sample] = []
        self._consistency: list[_Sample] = []
        self._roots: list[float] = []

    def sample(self, chance: random.Random) -> None:
        """Make and verify one proof of each kind, and compute the root."""
        size = self._frontier.size
        self._inclusion.append(self._prove_inclusion(chance.randrange(size)))
        self._consistency.append(self._prove_consistency(chance.randrange(1, size)))
        started = perf_counter()
        for _ in range(_ROOTS):
            _ = self._frontier.root
        self._roots.append((perf_counter() - started) / _ROOTS)

    def figures(self) -> dict[str, float]:
        """What all samples together say."""
        return {
            **_figures("inclusion", self._inclusion),
            **_figures("consistency", self._consistency),
            "root_us": median(self._roots) * 1e6,
        }

    def _prove_inclusion(self, index: int) -> _Sample:
        size, root, leaf = self._frontier.size, self._frontier.root, self._known(0, index)
        started = perf_counter()
        proof = inclusion_proof(index, size=size, read=repository.hash_reader(self._connection, size=size))
        proving = perf_counter() - started
        started = perf_counter()
        verify_inclusion(leaf, index=index, size=size, root=root, proof=proof)
        verifying = perf_counter() - started
        fetch = _Tiles(self._connection)
        inclusion_proof(index, size=size, read=tile_reader(size, fetch))
        return _Sample(proving, verifying, len(proof), fetch.count)

    def _prove_consistency(self, first: int) -> _Sample:
        size, root, first_root = self._frontier.size, self._frontier.root, tree_root(first, self._known)
        started = perf_counter()
        proof = consistency_proof(
            first, second=size, read=repository.hash_reader(self._connection, size=size)
        )
        proving = perf_counter() - started
        started = perf_counter()
        verify_consistency(first=first, first_root=first_root, second=size, second_root=root, proof=proof)
        verifying = perf_counter() - started
        fetch = _Tiles(self._connection)
        consistency_proof(first, second=size, read=tile_reader(size, fetch))
        return _Sample(proving, verifying, len(proof), fetch.count)


def _figures(name: str, samples: Sequence[_Sample]) -> dict[str, float]:
    return {
        **quantiles(f"{name}_proof", [each.proving for each in samples], unit="ms"),
        **quantiles(f"verify_{name}", [each.verifying for each in samples], unit="us"),
        f"{name}_hashes": fmean(each.hashes for each in samples),
        f"{name}_tiles": fmean(each.tiles for each in samples),
    }
