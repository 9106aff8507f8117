"""Which tasks there are, and whose they are: lists that an interface and the staff's roles stand on."""

import re

import pytest

from gateway.ops.demo_world import STAFF
from gateway.tasks.model import AUDIENCE_OF, Audience, Facts, TaskKind, check_codes, kinds_for


@pytest.mark.parametrize("closed", [TaskKind, Audience])
def test_names_are_in_alphabetical_order(closed: type[TaskKind] | type[Audience]) -> None:
    """Somebody who adds one sees at once whether it is there already."""
    assert sorted(closed) == list(closed)


def test_every_kind_is_a_noun_and_a_verb() -> None:
    assert [] == [kind for kind in TaskKind if not re.fullmatch(r"[a-z_]+\.[a-z_]+", kind)]


def test_every_kind_is_for_exactly_one_role() -> None:
    """A task for nobody is seen by nobody; one for two is left to the other."""
    assert set(TaskKind) == set(AUDIENCE_OF)
    assert sorted(TaskKind) == sorted(kind for audience in Audience for kind in kinds_for(audience))


def test_the_roles_are_those_of_the_staff() -> None:
    """A role that is spelt otherwise in the register of staff would never see its tasks."""
    assert set(Audience) == {role for member in STAFF for role in member.roles}


@pytest.mark.parametrize(
    ("about", "occasion", "facts"),
    [
        pytest.param(
            "camhs", "2026-10-05:30", {"practitioner": "jo.b@camhs.example", "count": 3}, id="codes"
        ),
        pytest.param("ag_dGhpcyBpcyBhbiBpZA", "", {}, id="a client"),
        pytest.param("", "", {"reference": "DSA-1", "left": 0}, id="nothing in particular"),
    ],
)
def test_codes_and_counts_pass(about: str, occasion: str, facts: Facts) -> None:
    check_codes(about=about, occasion=occasion, facts=facts)


@pytest.mark.parametrize(
    ("about", "occasion", "facts", "part"),
    [
        pytest.param("Mary Shelleyname", "", {}, "about", id="a name"),
        pytest.param("mary@example.org", "", {}, "about", id="an address for mail"),
        pytest.param("a" * 129, "", {}, "about", id="a long text"),
        pytest.param("camhs\n", "", {}, "about", id="two lines"),
        pytest.param("", "on Monday", {}, "occasion", id="words"),
        pytest.param("", "jo.b@camhs.example", {}, "occasion", id="a practitioner as the occasion"),
        pytest.param("", "", {"note": "she said no"}, "note", id="a sentence"),
        pytest.param("", "", {"Mary": 1}, "name of a fact", id="a name as a name"),
        pytest.param("", "", {"": 1}, "name of a fact", id="no name"),
    ],
)
def test_words_about_people_are_refused(about: str, occasion: str, facts: Facts, part: str) -> None:
    """A task is read on a shared screen and kept after its family was erased: it has no room for a sentence."""
    with pytest.raises(ValueError, match=part) as refused:
        check_codes(about=about, occasion=occasion, facts=facts)
    assert "Mary" not in str(refused.value)
