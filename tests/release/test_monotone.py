"""Less agreed, more flagged, a narrower profile: of no item is more released than before; and asking twice says the same.

Levels are compared item by item. A field is told at the lowest level of its items, so a field can rise when an item that
lowered it goes; no item of it is then told more than it is by itself.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agencies.model import Level
from gateway.release.model import Permit
from tests.release.oracle import LEVELS, World
from tests.release.product import SHIPPED, ask, caller_of, facts_of, item_of
from tests.release.strategies import worlds

_SETTINGS = settings(
    max_examples=120,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def levels(world: World) -> list[Level]:
    """The level of each item; withheld, every one, after a refusal."""
    decision = SHIPPED.decision.decide(
        facts_of(world), caller=caller_of(world), extract_days=world["extract_days"]
    )
    if not isinstance(decision, Permit):
        return [Level.W] * len(world["items"])
    return [SHIPPED.decision.item_level(decision, item) for item in map(item_of, world["items"])]


def never_agreed(world: World, place: int) -> World:
    """One person never decided anything."""
    person = world["people"][place % len(world["people"])]["id"]
    return world | {"histories": world["histories"] | {person: []}}


def shielded(world: World, place: int) -> World:
    """One person's address is protected."""
    chosen = place % len(world["people"])
    people = [
        each | ({"shield": "refuge"} if at == chosen else {}) for at, each in enumerate(world["people"])
    ]
    return world | {"people": people}


def conflicted(world: World, place: int) -> World:
    """Somebody has an interest in the family."""
    agency = world["caller"]["agency"] if place % 2 else "youth"
    return world | {"conflicts": [*world.get("conflicts", []), {"agency": agency, "practitioner": None}]}


def sealed(world: World, place: int) -> World:
    """The case is sealed."""
    return world | {"seals": [*world["seals"], ("conflict", "adoption", "party_restriction")[place % 3]]}


def narrowed(world: World, place: int) -> World:
    """One row gives a step less at both stages."""
    rows: list[Mapping[str, Any]] = world["profile"] or []
    if not rows:
        return world
    chosen = place % len(rows)
    return world | {
        "profile": [
            {**row, **{stage: _lower(row[stage]) for stage in ("panel", "service")}} if at == chosen else row
            for at, row in enumerate(rows)
        ]
    }


def _lower(mark: str) -> str:
    return LEVELS[max(0, LEVELS.index(mark) - 1)] if mark in LEVELS else mark


def unregistered(world: World, _place: int) -> World:
    """No register knows who asks."""
    practitioner = world["caller"]["practitioner"]
    changed = practitioner and practitioner | {"verified": False}
    return world | {"caller": world["caller"] | {"practitioner": changed}}


def unsigned(world: World, _place: int) -> World:
    """Nobody signed off the free text."""
    return world | {"signed": []}


def comparable(world: World, change: Callable[[World, int], World]) -> World:
    """What a world has to be for a change to ask for less of it, and for nothing else.

    A named worker's row may give less than the one for everybody; who left is refused where a register knows it. Under a
    shield what would tell in full where somebody is cared for is withheld whole, and told in part where that is its row.
    """
    if change is unregistered:
        return {"workers": [], "agency": world["agency"] and world["agency"] | {"practitioner_active": True}}
    if change is narrowed:
        return {"people": [each | {"shield": "none"} for each in world["people"]]}
    return {}


@pytest.mark.parametrize(
    "change", [never_agreed, shielded, conflicted, sealed, narrowed, unregistered, unsigned]
)
def test_less_agreed_or_more_flagged_never_releases_more_of_anything(
    change: Callable[[World, int], World],
) -> None:
    @_SETTINGS
    @given(worlds(), st.integers(0, 1_000))
    def holds(world: World, place: int) -> None:
        world |= comparable(world, change)
        before, after = levels(world), levels(change(world, place))
        assert all(now <= then for then, now in zip(before, after, strict=True))

    holds()


def test_asking_twice_says_the_same() -> None:
    """Nothing is kept from one question to the next, and nothing hangs on the order of a set."""

    @_SETTINGS
    @given(worlds())
    def holds(world: World) -> None:
        first, again = ask(world), ask(world)
        assert first.decision == again.decision
        assert first.record == again.record

    holds()
