"""Whatever the family, the record, the answers and the caller: nothing leaves but what the rules let out.

The oracle was written from the rules and knows nothing of the product; the two are asked about the same worlds.
"""

import ast
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from agencies.catalogue import FIELDS
from agencies.model import AgencyKind, FieldName
from agencies.profile_text import template
from agencies.values import check_value
from gateway.cases.checks import item_faults
from gateway.cases.model import CaseItem, CasePerson, ItemKind, Role
from gateway.release.model import Permit
from tests.release import oracle
from tests.release.comparison import faults, leaves
from tests.release.oracle import World
from tests.release.product import ask, item_of
from tests.release.strategies import worlds
from tests.release.worlds import Seeded, any_world, day_of

WORLDS = 1_000
LONG = 20_000
LEAST_PERMITTED = 0.25
LEAST_REACHED = 25
_SUPPRESSED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
_PHASES = [Phase.explicit, Phase.generate, Phase.shrink]


def _search(examples: int, seen: Counter[str]) -> None:
    """Hold the product against the oracle in so many worlds, counting what became of them."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=_PHASES,
        suppress_health_check=_SUPPRESSED,
    )
    @given(worlds())
    def keeps_the_rules(world: World) -> None:
        answer = ask(world)
        seen["worlds"] += 1
        seen["permitted"] += isinstance(answer.decision, Permit)
        seen["released"] += bool(answer.record)
        assert [] == faults(world, answer, oracle.verdict(world))

    keeps_the_rules()


def test_the_product_releases_what_the_oracle_allows_and_no_more() -> None:
    """The heart of the gateway: refusals, levels, absence, ids and ends, in worlds nobody thought of."""
    seen: Counter[str] = Counter()
    _search(WORLDS, seen)
    assert seen["worlds"] >= WORLDS
    assert seen["permitted"] / seen["worlds"] >= LEAST_PERMITTED, (
        "too few worlds permit anything to prove much"
    )
    assert seen["released"] / seen["worlds"] >= LEAST_PERMITTED


@pytest.mark.long
def test_the_product_releases_what_the_oracle_allows_in_many_more_worlds() -> None:
    """The same search, as long as a night allows."""
    seen: Counter[str] = Counter()
    _search(LONG, seen)
    assert seen["permitted"] / seen["worlds"] >= LEAST_PERMITTED


def test_seeded_worlds_reach_every_field_and_every_level() -> None:
    """A search that never released some field at some level would say nothing about it."""
    reached: Counter[tuple[str, str]] = Counter()
    for seed in range(600):
        world = any_world(Seeded(seed))
        allowed = oracle.verdict(world)
        assert [] == faults(world, ask(world), allowed)
        if not isinstance(allowed, str):
            reached.update((item["field"], allowed[place]) for place, item in enumerate(world["items"]))
    fields = [name for name in FIELDS if name != "case_ref"]
    missing = [(name, level) for name in fields for level in oracle.LEVELS if not reached[name, level]]
    assert [] == missing


def test_seeded_worlds_reach_what_consent_depends_on() -> None:
    """Clamps, birthdays, disputes and words that do not count must change something, often enough to be seen."""
    reached: Counter[str] = Counter()
    for seed in range(600):
        world = any_world(Seeded(seed))
        allowed = oracle.verdict(world)
        acts = {person: oracle.read(history) for person, history in world["histories"].items()}
        reached["clamped"] += allowed != oracle.verdict(_shown_now(world))
        reached["lapsed"] += allowed != oracle.verdict(
            world | {"people": [person | {"born": None} for person in world["people"]]}
        )
        reached["disputed"] += any(map(oracle.is_disputed, acts.values()))
        reached["noted"] += any(not act["counts"] for read in acts.values() for act in read)
    assert {} == {what: count for what, count in reached.items() if count < LEAST_REACHED}
    assert 4 == len(reached)


def _shown_now(world: World) -> World:
    """The same world, had everybody been shown the effective profile."""
    return world | {
        "histories": {
            person: [act | {"shown": {world["caller"]["agency"]: oracle.EFFECTIVE}} for act in history]
            for person, history in world["histories"].items()
        }
    }


def test_seeded_worlds_hold_items_that_the_case_room_accepts() -> None:
    """A record that could not be stored would prove nothing; every text must be traceable too."""
    for seed in range(60):
        world = any_world(Seeded(seed))
        people = [CasePerson(p["id"], Role(p["role"]), risk_person=p["risk"]) for p in world["people"]]
        traced = Counter(leaf.text for item in world["items"] for leaf in leaves(world, item))
        assert max(traced.values(), default=1) == 1
        for item in world["items"]:
            name = FieldName(item["field"])
            own = [*item_faults(_case_item(item, world), people)]
            own += check_value(name, item["value"], today=day_of(world), synthetic=True)
            incomplete = [fault for fault in own if item["field"] != "worker_safety"]
            assert [] == incomplete


def _case_item(item: oracle.Item, world: World) -> CaseItem:
    held = item_of(dict(item))
    return CaseItem(
        field=held.field,
        about=held.about,
        source_agency=world["caller"]["agency"],
        as_of=day_of(world),
        kind=ItemKind(held.kind),
        value=item["value"],
        protects=held.protects,
    )


def test_the_oracle_imports_nothing_of_the_product() -> None:
    """An oracle that asked the product would agree with every mistake."""
    tree = ast.parse(Path(oracle.__file__).read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported
    assert set() == imported - sys.stdlib_module_names
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert set() == called & {"__import__", "exec", "eval"}


def test_the_oracle_and_the_catalogue_list_the_same_fields() -> None:
    """Two copies of the catalogue: number, name, subject and category of all 37."""
    product = [(f.id, f.name, f.subject, f.category or "-") for f in FIELDS.values()]
    numbers = [
        (number, name, oracle.SUBJECTS[name], oracle.CATEGORIES[name])
        for number, name in oracle.NAMES.items()
    ]
    assert numbers == product


def test_the_oracle_and_the_catalogue_agree_on_what_is_narrative() -> None:
    """A member that stopped being narrative would go to everyone at F."""
    product = {(name, member) for name, field in FIELDS.items() for member in field.narrative}
    internal = {
        (name, member)
        for name, f in FIELDS.items()
        for member, m in f.value.members.items()
        if not m.released
    }
    assert oracle.NARRATIVE == product - internal
    assert oracle.NEVER == internal


@pytest.mark.parametrize("kind", list(AgencyKind))
def test_the_shipped_template_of_a_kind_is_the_matrix(kind: AgencyKind) -> None:
    """What an agency receives by default was agreed cell by cell; a template that strays from it is a disclosure."""
    shipped = Counter((str(r.field), str(r.panel), str(r.service), str(r.when)) for r in template(kind).rows)
    agreed = Counter((r["field"], r["panel"], r["service"], r["when"]) for r in oracle.template_rows(kind))
    assert agreed == shipped


def test_the_matrix_is_whole() -> None:
    """14 kinds, 37 fields, marks of the closed list."""
    matrix = oracle.matrix()
    assert sorted(matrix) == sorted(AgencyKind)
    assert {tuple(oracle.NAMES)} == {tuple(column) for column in matrix.values()}
    marks = {part for column in matrix.values() for mark in column.values() for part in mark.split(">")}
    assert marks == {"F", "G1", "G2", "W", "A", "B"}


def test_only_these_rows_wait_for_a_condition() -> None:
    """Named worker, hosting refuge and attendance are the only three exceptions that ship."""
    exceptions = {
        (kind.value, str(row.field), str(row.when))
        for kind in AgencyKind
        for row in template(kind).rows
        if row.when not in {"always", "attended"}
    }
    assert exceptions == {
        ("early-help", "sensitive_services", "named_worker"),
        ("early-help", "domestic_abuse", "named_worker"),
        ("refuge", "address", "hosting_refuge"),
        ("refuge", "contact", "hosting_refuge"),
        ("refuge", "school", "hosting_refuge"),
    }
