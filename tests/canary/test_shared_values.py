"""What a family shares leaves only through a member who permits it, once, and under that member.

A surname, an address and a school are the same text in several people's items. Whether the text may leave is not
a question about the text: each copy is somebody's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.world import item

SHARED = ("surname", "address", "school")
ONLY_TOGETHER = "Zqxtogether"
"""What is said of both children at once."""


@dataclass(frozen=True)
class Sharing:
    """Who says yes, who is shielded, and through whom each shared text may then be told to a health service."""

    yes: Sequence[str]
    shielded: str = ""
    surname: Sequence[str] = ()
    address: Sequence[str] = ()
    school: Sequence[str] = ()
    together: bool = False


SHARINGS = {
    "both children": Sharing(
        yes=("ada", "ben"),
        surname=("ada", "ben"),
        address=("ada", "ben"),
        school=("ada", "ben"),
        together=True,
    ),
    "one child": Sharing(yes=("ada",), surname=("ada",), address=("ada",), school=("ada",)),
    "the other child": Sharing(yes=("ben",), surname=("ben",), address=("ben",), school=("ben",)),
    "the mother alone": Sharing(yes=("mum",), surname=("mum",), address=("mum",)),
    "one child and the mother": Sharing(
        yes=("ada", "mum"), surname=("ada", "mum"), address=("ada", "mum"), school=("ada",)
    ),
    "everybody, one child shielded": Sharing(
        yes=("mum", "ada", "ben"), shielded="ben", surname=("mum", "ada", "ben"), together=True
    ),
    "one child, the silent one shielded": Sharing(yes=("ada",), shielded="ben", surname=("ada",)),
}


def texts(ref: str) -> dict[str, str]:
    """The shared texts of one family."""
    return {name: f"Zqx{name}{ref}" for name in SHARED}


def family(ref: str, *, shielded: str) -> dict[str, Any]:
    """A mother and two children of one surname, at one address, at one school."""
    shared, mum, ada, ben = texts(ref), f"{ref}-mum", f"{ref}-ada", f"{ref}-ben"
    place = {"lines": [shared["address"]], "postcode": "SE6 4RU"}
    school = {"name": shared["school"], "urn": "100999", "phase": "primary"}

    def name(given: str) -> dict[str, str]:
        return {"type": "legal", "given": f"Given{given}{ref}", "family": shared["surname"]}

    return {
        "source_ref": ref,
        "threshold_level": 2,
        "status": "open",
        "seals": [],
        "people": [
            {"id": person, "role": role} | ({"shield": "restricted"} if person == f"{ref}-{shielded}" else {})
            for person, role in ((mum, "adult"), (ada, "child"), (ben, "child"))
        ],
        "workers": [],
        "items": [
            item("adult_name", [mum], name("mum")),
            item("child_name", [ada], name("ada")),
            item("child_name", [ben], name("ben")),
            *(item("address", [each], place) for each in (mum, ada, ben)),
            *(item("school", [each], school) for each in (ada, ben)),
            item(
                "services_now",
                [ada, ben],
                {"service_type": "gp", "agency": ONLY_TOGETHER.lower(), "from": "2026-01-01"},
            ),
            item(
                "household",
                [ada, ben],
                {"member": ada, "relationship": "TWIN", "to": ben, "resident": "full"},
            ),
        ],
    }


@pytest.fixture(scope="module")
def told(gateway: Served) -> Mapping[str, tuple[str, dict[str, Any]]]:
    """For each sharing the bytes that a health service with an accepted offer gets, and the same as a record."""
    world = gateway.world
    world.join("health")
    answers = {}
    for place, (name, sharing) in enumerate(SHARINGS.items()):
        ref = f"SV{place}"
        world.import_families(family(ref, shielded=sharing.shielded))
        for person in sharing.yes:
            world.give(ref, f"{ref}-{person}")
        world.accept_offer(ref, "health")
        answer = gateway.pull("health", world.case_ref("health", ref), purpose="P2")
        assert 200 == answer.status_code
        answers[name] = answer.get_data(as_text=True), answer.get_json()["record"]
    return answers


def ref_of(name: str) -> str:
    return f"SV{list(SHARINGS).index(name)}"


@pytest.mark.parametrize("name", SHARINGS)
@pytest.mark.parametrize("text", SHARED)
def test_a_shared_text_leaves_once_for_each_who_permits_it(
    gateway: Served, told: Mapping[str, tuple[str, dict[str, Any]]], name: str, text: str
) -> None:
    body, record = told[name]
    ref, shared = ref_of(name), texts(ref_of(name))[text]
    permitting: Sequence[str] = getattr(SHARINGS[name], text)
    assert len(permitting) == body.count(shared)
    under = {person["person"] for person in record["people"] if shared in str(person["fields"])}
    assert {str(gateway.world.person_ref("health", ref, f"{ref}-{each}")) for each in permitting} == under


@pytest.mark.parametrize("name", SHARINGS)
def test_nobody_appears_who_does_not_agree(
    gateway: Served, told: Mapping[str, tuple[str, dict[str, Any]]], name: str
) -> None:
    """Neither by given name nor by the id of the person."""
    body, ref = told[name][0], ref_of(name)
    for person in ("mum", "ada", "ben"):
        agreed = person in SHARINGS[name].yes
        assert agreed is (f"Given{person}{ref}" in body)
        assert agreed is (str(gateway.world.person_ref("health", ref, f"{ref}-{person}")) in body)


@pytest.mark.parametrize("name", SHARINGS)
def test_what_is_said_of_two_needs_both(told: Mapping[str, tuple[str, dict[str, Any]]], name: str) -> None:
    """A service that says where both of them go is nobody's while one of them is shielded."""
    body, sharing = told[name][0], SHARINGS[name]
    assert (sharing.together and not sharing.shielded) is (ONLY_TOGETHER.lower() in body)
    assert SHARINGS[name].together is ("TWIN" in body)
