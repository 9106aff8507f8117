"""A family of two parents and two children, the services around it, and the papers that each of them gets."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from gateway.caller import Caller
from gateway.disclosure_log.statement import create_statement_key, parse_statement
from gateway.recall.model import Answer, Ground
from gateway.recall.repository import recalls_of
from gateway.recall.service import answer_recall
from gateway.release.model import Released
from gateway.safeguarding import repository, service
from gateway.safeguarding.model import Answers, Kind, Referral
from gateway.safeguarding.sealing import Written
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import HUB, POLICE, SIX
from tests.support.pages import Somebody
from tests.support.world import World, item, small_family

REF = "EH-1"
MUM, DAD, ADA, BEN, RISK = (f"{REF}-{who}" for who in ("mum", "dad", "ada", "ben", "risk"))
SERVICES = ("camhs", "charity", "education", "refuge")


def with_key(wiring: Wiring, folder: Path) -> Wiring:
    """The same parts, with a key that signs statements."""
    file = folder / "statement.key"
    create_statement_key(file, origin=wiring.settings.log_origin)
    return dataclasses.replace(wiring, settings=dataclasses.replace(wiring.settings, statement_key_file=file))


def family() -> dict[str, Any]:
    """Two parents, two children, and somebody who is a risk; ada works with them."""
    made = small_family(REF)
    made["people"] += [{"id": DAD, "role": "adult"}, {"id": RISK, "role": "other", "risk_person": True}]
    made["workers"] = [{"id": "ada", "from": "2026-01-01"}]
    made["items"] += [
        item("adult_name", [DAD], {"type": "legal", "given": "Dadgiven", "family": "Shelleyname"}),
    ]
    return made


def world_of(wiring: Wiring) -> World:
    """The family, every service, and where referrals go."""
    world = World(wiring)
    for code in SERVICES:
        world.join(code)
    world.import_families(family())
    with wiring.engine.begin() as connection:
        repository.put_destinations(connection, (HUB, POLICE))
    return world


def worker(world: World, *roles: Role, username: str = "ada") -> Somebody:
    """Who works with the family, if nobody else is named."""
    return Somebody(world.wiring, *(roles or (Role.CASEWORKER,)), username=username)


def address(world: World, person: str = MUM) -> str:
    """Where the statement of a person is."""
    return f"/console/families/{world.family_id(REF)}/statement/{world.person_id(REF, person)}"


def file_of(world: World, who: Somebody, person: str = MUM, *, aloud: bool = False) -> bytes:
    """The file that belongs to a paper."""
    answer = who.ask(f"{address(world, person)}?download{'&aloud' if aloud else ''}")
    assert 200 == answer.status_code, answer.text
    return bytes(answer.data)


def text_of(note: bytes) -> str:
    """What is signed of a file."""
    return note.decode().split("\n\n")[0].rstrip("\n") + "\n"


def body_of(world: World, who: Somebody, person: str = MUM, *, aloud: bool = False) -> Mapping[str, Any]:
    """What a statement says."""
    return parse_statement(text_of(file_of(world, who, person, aloud=aloud)))


def lines_of(
    world: World, who: Somebody, person: str = MUM, *, aloud: bool = False
) -> Sequence[Mapping[str, Any]]:
    """The lines of a statement."""
    found: Sequence[Mapping[str, Any]] = body_of(world, who, person, aloud=aloud)["lines"]
    return found


def agreed(world: World, who: Somebody, *, hidden_from: frozenset[str] = frozenset()) -> Referral:
    """A referral about both children to which the family agreed, sent."""
    referral_id, family_id = uuid4(), world.family_id(REF)
    children = tuple(str(world.person_id(REF, child)) for child in (ADA, BEN))
    answers: Answers = {**SIX, "agreed_by": "Their mother", "people": children}
    service.write(
        world.wiring, who.who, family_id, referral_id, Written(Kind.AGREED, answers, hidden_from=hidden_from)
    )
    return service.send(world.wiring, who.who, referral_id, emergency=True)


def answer_all(world: World, agency: str, answer: Answer, ground: Ground | None = None) -> int:
    """Let an agency answer each of its recalls; return how many there were."""
    caller: Caller = world.caller(agency)
    with world.wiring.engine.connect() as connection:
        waiting = [each for each in recalls_of(connection, agency) if each.answer is None]
    for recall in waiting:
        answer_recall(world.wiring, recall.recall_id, answer=answer, ground=ground, caller=caller)
    return len(waiting)


def released(world: World, agency: str) -> bytes:
    """The extract that an agency gets; the family is put on the panel's list for the first."""
    with world.wiring.engine.connect() as connection:
        listed = connection.execute(text("SELECT EXISTS (SELECT FROM gateway.agenda_item)")).scalar_one()
    if not listed:
        world.list_cases(REF)
    outcome = world.release(agency, REF)
    assert isinstance(outcome, Released), outcome
    return outcome.body


def told_fields(world: World, agency: str, body: bytes, person: str) -> set[str]:
    """The fields that an extract tells of one person, by reading the extract and the imported family.

    A field of the case has one item in that family at most: it is about whom that item is about.
    """
    record = json.loads(body)["record"]
    ref = str(world.person_ref(agency, REF, person))
    found = {name for each in record.get("people", []) if each["person"] == ref for name in each["fields"]}
    about = {
        each["field"]
        for each in world.families[REF]["items"]
        if person in each["about"] and each["field"] in record.get("case", {})
    }
    return found | about
