"""How far a request goes through our code: modules, nested frames, calls, and statements to PostgreSQL.

Measured on real extracts over HTTP from the view on; what Flask calls before and after it is not counted. A
profile's document is compiled once per process, so each agency asks once before it is measured.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from uuid import uuid4

import pytest

from agencies.model import AgencyKind
from gateway.release.model import Released, ReleaseRequest
from gateway.release.service import release
from tests.canary.corpus import PEOPLE, Family, build
from tests.path.recorder import Recording, recorded
from tests.support.measures import leave, measures
from tests.support.served import Served
from tests.support.statements import statements
from tests.support.world import household

MOST_MODULES = 22
MOST_FRAMES = 5
MOST_MODULES_WITH_NARRATIVE = 30
MOST_FRAMES_WITH_NARRATIVE = 10
"""Where free text goes, redaction is a path of its own: tell, redact, find, and the words it reads."""
MOST_STATEMENTS = 4
BATCHES = (1, 10, 50)
KINDS = [kind.value for kind in AgencyKind if kind not in {AgencyKind.COMMISSIONING, AgencyKind.POLICE}]


@dataclass(frozen=True)
class Measured:
    """What every extract that was measured ran through, by agency and case."""

    recordings: Mapping[tuple[str, str], Recording]
    queries: Mapping[int, int]

    @property
    def plain(self) -> list[Recording]:
        """Those without free text."""
        return [each for each in self.recordings.values() if not _has_narrative(each)]

    @property
    def deepest(self) -> tuple[str, ...]:
        return max((each.deepest for each in self.plain), key=len)

    @property
    def widest(self) -> list[str]:
        return max((each.modules for each in self.plain), key=len)

    @property
    def modules_on_stack(self) -> int:
        """Distinct modules on any one stack: those of its longest chain."""
        return len({name.partition(":")[0] for name in self.deepest})


@pytest.fixture(scope="module")
def whole_family(gateway: Served) -> Family:
    """A family with items in every field, and one of three people; each kind of agency may ask about both."""
    world = gateway.world
    for kind in KINDS:
        world.join(kind)
    household(world, "EH-1")
    family = build(0, sources=["refuge"], workers=["early-help-1"])
    world.import_families(family.document)
    for person in PEOPLE:
        if person != "dad":
            world.give(family.source_ref, family.person(person))
    world.list_cases(family.source_ref, ref="M-whole")
    world.sign_off(family.source_ref, "early-help")
    return family


@pytest.fixture(scope="module")
def measured(gateway: Served, whole_family: Family) -> Measured:
    """Measure, and leave the figures for ``make metrics``."""
    view = entry_of(gateway)
    asked = [(kind, "EH-1") for kind in KINDS]
    asked += [(kind, whole_family.source_ref) for kind in ("early-help", "camhs")]
    recordings = {}
    for kind, source_ref in asked:
        case_ref = gateway.world.case_ref(kind, source_ref)
        gateway.pull(kind, case_ref)
        with recorded(view) as recording:
            assert 200 == gateway.pull(kind, case_ref).status_code
        recordings[kind, source_ref] = recording
    found = Measured(recordings, {size: queries_of(gateway, size) for size in BATCHES})
    leave(figures_of(found))
    return found


def _has_narrative(recording: Recording) -> bool:
    return any("redaction" in module for module in recording.modules)


def entry_of(gateway: Served) -> CodeType:
    """The code of the extract view, under what flask-smorest wraps around it."""
    view = inspect.unwrap(gateway.app.view_functions["release.extract"])
    code: CodeType = view.__code__
    return code


def queries_of(gateway: Served, size: int) -> int:
    """Statements behind one batch, every second item of it unknown."""
    world = gateway.world
    known = world.case_ref("camhs", "EH-1")
    caller = world.caller("camhs")
    batch = [ReleaseRequest(caller, uuid4() if place % 2 else known) for place in range(size)]
    with statements() as sent:
        outcomes = release(gateway.wiring, batch)
    assert (size + 1) // 2 == sum(isinstance(outcome, Released) for outcome in outcomes)
    return len(sent)


def figures_of(found: Measured) -> dict[str, str | int]:
    calls = found.recordings["camhs", "EH-1"].total
    return {
        "path_modules": len(found.widest),
        "path_on_stack": f"{len(found.deepest)} frames of {found.modules_on_stack} modules",
        "path_calls": f"{calls} (three people, seven items)",
        "path_queries": ", ".join(f"{count} for {size}" for size, count in found.queries.items()),
    }


def test_the_path_touches_few_modules(measured: Measured) -> None:
    """The widest of all extracts measured."""
    assert len(measured.widest) <= MOST_MODULES, "\n".join(measured.widest)


def test_the_path_is_no_deeper_than_view_release_step_and_leaf(measured: Measured) -> None:
    """The deepest of all extracts measured, every frame of ours counted."""
    assert len(measured.deepest) <= MOST_FRAMES, "\n".join(measured.deepest)


def test_an_extract_with_free_text_goes_through_redaction_besides(measured: Measured) -> None:
    narrative = [each for each in measured.recordings.values() if _has_narrative(each)]
    assert narrative
    for each in narrative:
        assert len(each.modules) <= MOST_MODULES_WITH_NARRATIVE, "\n".join(each.modules)
        assert len(each.deepest) <= MOST_FRAMES_WITH_NARRATIVE, "\n".join(each.deepest)


@pytest.mark.parametrize("size", BATCHES)
def test_a_batch_of_any_size_costs_the_same_few_statements(measured: Measured, size: int) -> None:
    assert measured.queries[size] == measured.queries[1]
    assert measured.queries[size] <= MOST_STATEMENTS


def test_one_request_costs_the_check_of_its_token_and_a_batch_of_one(
    gateway: Served, measured: Measured
) -> None:
    """Over HTTP; one statement uses up the proof and reads everything that may have been revoked, one counts."""
    case_ref = gateway.world.case_ref("camhs", "EH-1")
    with statements() as sent:
        assert 200 == gateway.pull("camhs", case_ref).status_code
    assert 2 + measured.queries[1] == len(sent)
    assert "gateway.oauth_replay" in sent[0]
    assert "gateway.rate_bucket" in sent[1]


def test_the_figures_are_said_and_left_for_the_metrics(
    measured: Measured, say: Callable[[str], None]
) -> None:
    left = measures()
    say(
        f"path: {left['path_modules']} modules, {left['path_on_stack']}, {left['path_calls']} calls,"
        f" statements {left['path_queries']}"
    )
    assert len(measured.widest) == left["path_modules"]
    assert {"path_on_stack", "path_calls", "path_queries"} <= left.keys()
