"""The documents that the page on consent shows are documents that this gateway reads."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from agencies.catalogue import NAMED_ONLY
from consent_registry.model import Act
from gateway.consent.schemas import read_decision
from gateway.tasks.model import TaskKind

PAGE: Final = (Path(__file__).parents[3] / "docs" / "consent.md").read_text("utf-8")
DOCUMENTS: Final[list[dict[str, Any]]] = [
    json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["decision_id"][-2:])
def test_every_document_on_the_page_is_read(document: dict[str, Any]) -> None:
    """Whoever copies it and puts in their own names has a document that is taken."""
    assert document == read_decision(document).received


def test_the_page_shows_a_stop_a_parent_a_child_and_a_resolution() -> None:
    stop, parent, child, resolution = DOCUMENTS
    assert {"decision_id", "source_ref", "person", "act", "recorded_by"} == stop.keys()
    assert [Act.GIVE] * 3 == [Act(each["act"]) for each in (parent, child, resolution)]
    capacities = [each["given_by"]["capacity"] for each in (parent, child, resolution)]
    assert ["parental_responsibility", "competent_child", "parental_responsibility"] == capacities
    assert [False, False, True] == ["resolution" in each["evidence"] for each in (parent, child, resolution)]
    assert stop.keys() < parent.keys()


def test_every_act_is_on_the_page() -> None:
    assert [] == [act for act in Act if f"`{act}`" not in PAGE]


def test_every_reminder_is_on_the_page() -> None:
    reminders = [TaskKind.CONSENT_EXPIRING, TaskKind.CONSENT_LAPSING]
    assert [] == [kind for kind in reminders if f"`{kind}`" not in PAGE]


def test_everything_that_is_off_paper_is_on_the_page() -> None:
    words = {
        "sensitive_services": "sensitive services",
        "domestic_abuse": "domestic abuse",
        "risk_person": "a person who is a risk",
        "offences": "offences",
        "immigration": "immigration",
    }
    assert set(NAMED_ONLY) == words.keys()
    off_paper = " ".join(PAGE.split("**Off every receipt**")[1].split())
    assert [] == [phrase for phrase in words.values() if phrase not in off_paper]


def test_it_is_short_enough_to_be_read() -> None:
    assert len(PAGE.splitlines()) < 160
