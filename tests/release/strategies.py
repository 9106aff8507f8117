"""Worlds as hypothesis draws them: from one string of bytes, which it can make smaller when it found a fault."""

from hypothesis import strategies as st

from tests.release.oracle import World
from tests.release.worlds import any_world

_BYTES = 1_200
"""More than any world takes; what is not there reads as zero, the plainest choice."""


class _Drawn:
    """A stream of numbers out of bytes."""

    def __init__(self, drawn: bytes) -> None:
        self._drawn = drawn
        self._place = 0

    def number(self, most: int) -> int:
        """A whole number from 0 to ``most``."""
        size = 1 + most.bit_length() // 8
        taken = self._drawn[self._place : self._place + size]
        self._place += size
        return int.from_bytes(taken, "little") % (most + 1)


def _world(drawn: bytes) -> World:
    return any_world(_Drawn(drawn))


def worlds() -> st.SearchStrategy[World]:
    """Any world."""
    return st.binary(min_size=_BYTES, max_size=_BYTES).map(_world)
