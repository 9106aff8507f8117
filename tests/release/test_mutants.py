"""A comparison that lets a mistake pass proves nothing: every mutant must be caught, and the product must not be."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import pytest

import agencies.model
from tests.release import oracle
from tests.release.cases import NAMED
from tests.release.comparison import faults
from tests.release.mutants import MUTANTS, PROFILE, Mutant, NoLongerFitsError, broken, wired
from tests.release.oracle import World
from tests.release.product import SHIPPED, Product, ask
from tests.release.worlds import Seeded, any_world
from tests.support.measures import leave

SEEDS = 700
LEAST_MUTANTS = 24
EVERY = 4
"""Of so many mutants one is tried in every run; all of them in the long one."""

Corpus: TypeAlias = list[tuple[str, World, str | Mapping[int, str]]]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """The named cases, then worlds of fixed seeds, each with what the oracle allows."""
    worlds = [*NAMED.items(), *((f"seed {seed}", any_world(Seeded(seed))) for seed in range(SEEDS))]
    return [(name, world, oracle.verdict(world)) for name, world in worlds]


def _caught_by(product: Product, corpus: Corpus) -> Iterator[str]:
    """The worlds in which a product deviates; one that breaks down while it decides was noticed as well."""
    for name, world, allowed in corpus:
        try:
            answer = ask(world, product)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            yield name
            continue
        if faults(world, answer, allowed):
            yield name


def test_the_shipped_product_keeps_the_rules_in_the_whole_corpus(corpus: Corpus) -> None:
    """The same worlds that catch every mutant."""
    assert [] == list(_caught_by(SHIPPED, corpus))


def test_an_unchanged_copy_of_the_product_is_not_caught(corpus: Corpus) -> None:
    """Else it would be the copying that is caught, not the mistake."""
    for module in {mutant.module for mutant in MUTANTS} - {PROFILE}:
        assert [] == list(_caught_by(wired(Mutant("none", module, ())), corpus[: len(NAMED)]))


def _is_caught(mutant: Mutant, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> bool:
    with monkeypatch.context() as patch:
        product = wired(mutant)
        if mutant.module == PROFILE:
            patch.setattr(agencies.model.Profile, "level", broken(mutant).Profile.level)
        return next(_caught_by(product, corpus), None) is not None


@pytest.mark.parametrize("mutant", MUTANTS[::EVERY], ids=lambda mutant: f"{mutant.module}: {mutant.name}")
def test_a_mutant_is_caught(mutant: Mutant, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a mistake that somebody could make in an afternoon."""
    assert _is_caught(mutant, corpus, monkeypatch), "no world of the corpus notices this mistake"


@pytest.mark.long
def test_every_mutant_is_caught(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, say: Callable[[str], None]
) -> None:
    """How many were caught is said aloud, and left."""
    missed = [
        f"{mutant.module}: {mutant.name}" for mutant in MUTANTS if not _is_caught(mutant, corpus, monkeypatch)
    ]
    score = f"{len(MUTANTS) - len(missed)} of {len(MUTANTS)} hand-made mutants"
    say(f"{score} caught")
    leave({"mutation_score": score})
    assert [] == missed


def test_the_mutants_are_many_and_all_different() -> None:
    """Two names for one mistake would count it twice."""
    assert len(MUTANTS) >= LEAST_MUTANTS
    assert len({(mutant.module, mutant.name) for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.module, mutant.replacements) for mutant in MUTANTS}) == len(MUTANTS)


def test_a_mutant_that_no_longer_fits_fails() -> None:
    """A replacement that matches nothing would test the shipped product for ever."""
    gone = Mutant("gone", "decision", (("text that is nowhere", ""),))
    with pytest.raises(NoLongerFitsError):
        broken(gone)
    twice = Mutant("twice", "decision", (("return", "return"),))
    with pytest.raises(NoLongerFitsError):
        broken(twice)
