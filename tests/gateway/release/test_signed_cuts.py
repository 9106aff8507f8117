"""What was cut when somebody signed holds for exactly that: then no text is searched again, else each one is."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final, NoReturn
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from agencies.model import AgencyCode, AgencyKind, Level, Stage
from consent_registry.errors import ConsentRegistryError
from gateway.cases.model import StoredPart
from gateway.cases.synthetic import generate
from gateway.keyring import FamilyKeys
from gateway.release import free_text, signed_cuts
from gateway.release.model import Permit, Released, Unavailable
from gateway.release.signed_cuts import basis_of, places_in, seal_cuts
from gateway.wiring import Wiring
from tests.gateway.release.test_free_text import permit
from tests.gateway.release.test_narrative import family
from tests.support.world import World

AGENCIES = ("early-help", "camhs", "housing", "refuge")
WORDS = "Ada and Bengiven, born 28/2/2019, rang 020 7946 0123. The Shelleyname family wants calm."


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    for code in AGENCIES:
        made.join(code)
    return made


@contextmanager
def nothing_is_searched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within it whoever builds what searches a whole record fails."""

    def searched(*_given: object) -> NoReturn:
        raise AssertionError("it was searched again")

    with monkeypatch.context() as patch:
        patch.setattr(free_text, "redactor_for", searched)
        yield


def signed(world: World, document: dict[str, Any], *, silent: tuple[str, ...] = ("EH-1-ben",)) -> str:
    """Import a family, let everybody agree who may and is not silent, list it, and sign it off as the page does."""
    ref: str = document["source_ref"]
    world.import_families(document)
    for person in document["people"]:
        if person["id"] not in silent:
            with suppress(ConsentRegistryError):
                world.give(ref, person["id"])
    world.list_cases(ref, ref=f"M-{ref}")
    world.sign_off(ref, with_cuts=True)
    return ref


def record(world: World, agency: str, ref: str) -> Any:
    """What an agency is told of a family."""
    outcome = world.release(agency, ref)
    return json.loads(outcome.body)["record"] if isinstance(outcome, Released) else type(outcome)


def test_a_release_comes_to_the_same_without_searching(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [kind.value for kind in AgencyKind]
    made = generate(6, seed=7, today=world.today, agencies=kinds)
    refs = [signed(world, {**each, "status": "open", "threshold_level": 2, "seals": []}) for each in made]
    refs.append(signed(world, family(WORDS)))
    searched: list[tuple[str, str]] = []
    real = free_text.redactor_for

    def noted(permit: Any, *given: Any) -> Any:
        searched.append(at)
        assert permit.shielded
        return real(permit, *given)

    for agency in AGENCIES:
        for ref in refs:
            at = agency, ref
            with monkeypatch.context() as patch:
                patch.setattr(free_text, "redactor_for", noted)
                quick = record(world, agency, ref)
            with monkeypatch.context() as patch:
                patch.setattr("gateway.release.service.places_in", lambda *_, **__: None)
                assert record(world, agency, ref) == quick, at
    # A shield's texts are searched each time; most families have none.
    assert len(searched) < len(AGENCIES) * len(refs) // 2
    assert "[detail]" in json.dumps(record(world, "early-help", "EH-1"))


def test_it_is_searched_again_once_a_level_moved(world: World) -> None:
    """Ben is not told of any more after the yes for him was taken back: then his name is cut, which was told."""
    ref = signed(world, family("Bengiven and Mary sing."), silent=())
    before = record(world, "early-help", ref)
    assert "Bengiven and Mary sing." == before["case"]["help_wanted"]["value"][0]["summary"]
    world.decide(ref, "EH-1-ben", "withdraw", **world.spoken_for(ref, "EH-1-ben"))
    after = record(world, "early-help", ref)
    assert "[detail] and Mary sing." == after["case"]["help_wanted"]["value"][0]["summary"]


def test_other_rules_search_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = signed(world, family(WORDS))
    with nothing_is_searched(monkeypatch):
        record(world, "early-help", ref)
        monkeypatch.setattr(signed_cuts, "_RULES", b"another release of the gateway")
        with pytest.raises(AssertionError, match="searched again"):
            world.release("early-help", ref)


def test_under_a_shield_every_text_is_searched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only whoever knows where the family is reads what was signed for them."""
    ref = signed(world, family(WORDS, shield="restricted"))
    assert "1 Canary" not in json.dumps(record(world, "early-help", ref))
    with nothing_is_searched(monkeypatch), pytest.raises(AssertionError, match="searched again"):
        world.release("early-help", ref)


def test_a_refuge_is_not_named_by_what_was_signed_before_it_hid(world: World) -> None:
    """A text that says "refuge" as a part of a word passes the cuts, and is kept back by the guard."""
    ref = signed(world, family("They are in myrefugehome now."))
    assert "help_wanted" not in record(world, "early-help", ref).get("case", {})


PERMIT: Final = permit()
PART: Final = StoredPart(uuid4(), uuid4(), (), 1, b"sealed")
LEVELS: Final = (Level.F, Level.W)


@pytest.mark.parametrize(
    ("given", "levels", "parts"),
    [
        (permit(profile=replace(PERMIT.profile, agency=AgencyCode("housing"))), LEVELS, (PART,)),
        (permit(hidden_agencies=frozenset({"refuge"})), LEVELS, (PART,)),
        (permit(), LEVELS[::-1], (PART,)),
        (permit(), LEVELS, (replace(PART, sealed=b"sealed again"),)),
        (permit(), LEVELS, ()),
    ],
    ids=["another recipient", "a refuge hid", "other levels", "another record", "a part is gone"],
)
def test_cuts_rest_on_all_that_decides_them(
    given: Permit, levels: tuple[Level, ...], parts: tuple[StoredPart, ...]
) -> None:
    assert basis_of(PERMIT, LEVELS, parts=(PART,)) == basis_of(PERMIT, LEVELS, parts=(PART,))
    assert basis_of(PERMIT, LEVELS, parts=(PART,)) != basis_of(given, levels, parts=parts)


def test_no_shielded_recipient_gets_what_was_kept() -> None:
    cuts = {basis_of(PERMIT, LEVELS, parts=(PART,)): (((0, 3),),)}
    keys = FamilyKeys(uuid4(), b"d" * 32, b"t" * 32, b"r" * 32)
    sealed = {PERMIT.stage: seal_cuts(cuts, keys, agency=PERMIT.profile.agency, stage=PERMIT.stage)}
    found = places_in(sealed, keys, PERMIT, LEVELS, parts=(PART,))
    assert found is not None
    assert [((0, 3),)] == list(found)
    assert places_in(sealed, keys, replace(PERMIT, shielded=True), LEVELS, parts=(PART,)) is None
    assert places_in({}, keys, PERMIT, LEVELS, parts=(PART,)) is None


def test_damaged_cuts_release_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another agency's do not open as this one's."""

    def of_another(_wiring: object, connection: Connection, *_given: object, **_more: object) -> bytes:
        keys = world.wiring.keyring.family(connection, world.family_id("EH-1"))
        return seal_cuts({}, keys, agency=AgencyCode("housing"), stage=Stage.PANEL)

    monkeypatch.setattr("tests.support.world.cuts_now", of_another)
    ref = signed(world, family(WORDS))
    assert isinstance(world.release("early-help", ref), Unavailable)
    assert isinstance(world.release("housing", ref), Released)
