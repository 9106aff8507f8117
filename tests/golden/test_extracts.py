"""What each kind of agency is told of one fixed family, at the panel and while it helps: read the files beside this.

They change on purpose only: after a change that is meant, ``GOLDEN=write`` in the environment writes them anew, and
whoever reviews the change reads what every agency will be told otherwise.
"""

import json
import os
from pathlib import Path

import pytest

from agencies.catalogue import FIELDS
from agencies.model import KINDS_WITHOUT_CASES, AgencyKind
from agencies.values import check_value
from gateway.release.model import Refuse
from tests.golden.family import NOW, items, world_of
from tests.release.comparison import faults
from tests.release.oracle import verdict
from tests.release.product import ask, item_of

EXTRACTS = Path(__file__).with_name("extracts")
ASKED = [(kind, stage) for kind in AgencyKind for stage in ("panel", "service")]


@pytest.mark.parametrize(("kind", "stage"), ASKED, ids=str)
def test_each_kind_is_told_what_it_was(kind: AgencyKind, stage: str) -> None:
    """A rule that shifts shows here as words, agency by agency."""
    answer = ask(world_of(kind, stage))
    path = EXTRACTS / f"{kind}-{stage}.json"
    if kind in KINDS_WITHOUT_CASES:
        assert isinstance(answer.decision, Refuse)
        assert not path.exists()
        return
    told = json.dumps(answer.record, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(told, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == told


@pytest.mark.parametrize(("kind", "stage"), ASKED, ids=str)
def test_each_kind_is_told_what_the_rules_say(kind: AgencyKind, stage: str) -> None:
    """A file written anew without reading it is still held against the rules."""
    world = world_of(kind, stage)
    assert [] == faults(world, ask(world), verdict(world))


def test_the_family_is_one_that_the_case_room_accepts_and_has_every_field() -> None:
    for each in map(item_of, items()):
        assert [] == check_value(each.field, each.value, today=NOW.date(), synthetic=True), each.field
    assert {name for name in FIELDS if name != "case_ref"} == {each["field"] for each in items()}


def test_there_is_no_file_that_nobody_reads() -> None:
    wanted = {f"{kind}-{stage}.json" for kind, stage in ASKED if kind not in KINDS_WITHOUT_CASES}
    assert wanted == {path.name for path in EXTRACTS.iterdir()}
