"""Whatever happened, in any order: log, receipts, statements and explorer tell of the same releases.

Each release is one entry of the log, one receipt that verifies, one line of the statement of each person it was about,
and one row of the officer's explorer; none of them tells of one that the others do not. What is expected is kept by the
test itself, from what it asked for and from the bytes of the extracts that came.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from consent_registry.errors import ContestedError
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from gateway.cases.lookup import record_of
from gateway.cases.service import erase_family
from gateway.disclosure_log import service as log
from gateway.disclosure_log.reading import log_size, open_under
from gateway.disclosure_log.receipt import receipt_again
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.statement import parse_statement, statement_text
from gateway.release.model import Released
from gateway.rights.audit import check_statement
from gateway.rights.model import mark_of
from gateway.safeguarding import repository
from gateway.staff.model import Role
from gateway.tasks.repository import finish, open_tasks
from gateway.wiring import Wiring
from tests.gateway.rights.scene import with_key
from tests.gateway.safeguarding.refer import HUB, POLICE, refer
from tests.support.pages import Somebody
from tests.support.prepared import made_once
from tests.support.world import World, item, small_family

FAMILIES: Final = ("EH-1", "EH-2", "EH-3")
GONE: Final = "EH-2"
"""The family that is erased in the end: nothing stands against it."""
AGENCIES: Final = ("camhs", "charity", "education")
STEPS: Final = 14
EXPLORER: Final = "/console/disclosures?kind=release"
ROW: Final = re.compile(r'href="/console/disclosures/(\d+)">.*?</tr>', re.DOTALL)
CELL: Final = re.compile(r'<td class="govuk-table__cell">([^<]*)</td>')
OLDER: Final = re.compile(r'href="([^"]+)">Older entries')
GOT: Final = "It got"
ENTRIES: Final = text(
    "SELECT leaf_index, entry_id, body, sealed FROM gateway.log_entry LEFT JOIN gateway.log_payload USING (entry_id)"
    " ORDER BY leaf_index"
)


def family(source_ref: str) -> dict[str, Any]:
    """A mother, a father and two children; ada works with them."""
    made, dad = small_family(source_ref), f"{source_ref}-dad"
    made["people"].append({"id": dad, "role": "adult"})
    made["items"].append(
        item("adult_name", [dad], {"type": "legal", "given": "Dadgiven", "family": "Shelleyname"})
    )
    made["workers"] = [{"id": "ada", "from": "2026-01-01"}]
    return made


def people_of(source_ref: str) -> tuple[str, ...]:
    return tuple(f"{source_ref}-{who}" for who in ("mum", "dad", "ada", "ben"))


@dataclass(frozen=True)
class Given:
    """A release, as the test saw it."""

    source_ref: str
    agency: str
    purpose: str
    extract_id: UUID
    body: bytes
    people: tuple[str, ...]


@dataclass(frozen=True)
class Logged:
    """A release, as the log has it."""

    leaf_index: int
    entry_id: UUID
    source_ref: str
    agency: str
    purpose: str
    practitioner: str


class History:
    """What happened to some families, and what the test knows of it."""

    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random
        self.ada = Somebody(world.wiring, Role.CASEWORKER, username="ada")
        self.dana = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
        self.given: list[Given] = []
        self.erased: set[str] = set()

    def happen(self) -> None:
        """One thing, to one of the families."""
        source_ref = self.random.choice([each for each in FAMILIES if each not in self.erased])
        person = self.random.choice(people_of(source_ref))
        match self.random.choice(
            ("give", "give", "withdraw", "pull", "pull", "pull", "refuse", "look", "refer")
        ):
            case "give":
                self._give(source_ref, person)
            case "withdraw":
                self.world.withdraw(source_ref, person)
            case "pull":
                self._pull(source_ref, self.random.choice(AGENCIES), purpose=self.random.choice(("P1", "P2")))
            case "refuse":
                self._pull(source_ref, "housing", purpose="P1")
            case "look":
                self.statement(source_ref, person)
            case _ if source_ref == "EH-1":
                refer(self.world, self.ada)
            case _:
                self._shield_like(source_ref)

    def _give(self, source_ref: str, person: str) -> None:
        try:
            self.world.give(source_ref, person)
        except ContestedError:  # somebody said no for the child before: nothing is recorded
            return

    def _pull(self, source_ref: str, agency: str, *, purpose: str) -> None:
        outcome = self.world.release(agency, source_ref, purpose=purpose)
        if isinstance(outcome, Released):
            about = tuple(
                person
                for person in people_of(source_ref)
                if fields_about(self.world, source_ref, agency, outcome.body, person)
            )
            self.given.append(Given(source_ref, agency, purpose, outcome.extract_id, outcome.body, about))

    def _shield_like(self, source_ref: str) -> None:
        """An entry under the restricted tag that says of itself what a release to everybody says."""
        people = [str(self.world.person_id(source_ref, each)) for each in people_of(source_ref)]
        with log.act(self.world.wiring) as change:
            change.record(
                kind="extract.release",
                actor="test",
                family_id=self.world.family_id(source_ref),
                agency="camhs",
                restricted=True,
                internal={
                    "agency": "camhs",
                    "fields": dict.fromkeys(people, "F02"),
                    "people": people,
                    "practitioner": "hidden-1",
                },
            )

    def erase(self, eraser: Engine) -> None:
        """Everything of one family, at the end."""
        with self.world.wiring.engine.begin() as connection:
            for task in open_tasks(connection):
                finish(connection, task.id, actor="test", now=datetime.now(UTC))
        erase_family(
            eraser,
            wiring=self.world.wiring,
            family_id=self.world.family_id(GONE),
            requested_by="dana.dpo",
            approved_by="ola.officer",
        )
        self.erased.add(GONE)

    @property
    def families(self) -> list[str]:
        """Those that are there."""
        return [each for each in FAMILIES if each not in self.erased]

    @property
    def expected(self) -> list[Given]:
        """The releases of families that are there, in their order."""
        return [each for each in self.given if each.source_ref not in self.erased]

    # ---- what each of the accounts says ----

    def logged(self) -> dict[UUID, Logged]:
        """Every release under a family's ordinary tag in the whole log, whatever the gateway's maps say, by extract."""
        found: list[tuple[UUID, Logged]] = []
        with self.world.wiring.engine.connect() as connection:
            rows = connection.execute(ENTRIES).all()
            for source_ref in self.families:
                keys = self.world.wiring.keyring.family(connection, self.world.family_id(source_ref))
                for row in rows:
                    entry = open_under(keys, row)
                    if entry is not None and entry.internal["kind"] == "extract.release":
                        told, who = entry.recipient, entry.internal["practitioner"]
                        logged = Logged(
                            row.leaf_index, row.entry_id, source_ref, told["agency"], told["purpose"], who
                        )
                        found.append((UUID(told["extract_id"]), logged))
        assert len(found) == len(dict(found)), "an extract has two entries"
        return dict(found)

    def explored(self) -> list[tuple[int, str, str, str]]:
        """Every row of the explorer, page by page: place, agency, practitioner, purpose."""
        rows: list[tuple[int, str, str, str]] = []
        following: str | None = EXPLORER
        while following is not None:
            page = self.dana.get(following)
            for row in ROW.finditer(page):
                _, agency, practitioner, purpose, _ = CELL.findall(row[0])
                rows.append((int(row[1]), agency, practitioner, purpose))
            older = OLDER.search(page)
            following = None if older is None else older[1].replace("&amp;", "&")
        return rows

    def statement(self, source_ref: str, person: str) -> str:
        """What is signed of a person's statement."""
        world = self.world
        path = (
            f"/console/families/{world.family_id(source_ref)}/statement/{world.person_id(source_ref, person)}"
        )
        answer = self.ada.ask(f"{path}?download")
        assert 200 == answer.status_code, answer.text
        return answer.text.split("\n\n")[0].rstrip("\n") + "\n"


def fields_about(world: World, source_ref: str, agency: str, body: bytes, person: str) -> set[str]:
    """The fields that an extract tells of one person, by reading the extract and the imported family."""
    record = json.loads(body)["record"]
    ref = str(world.person_ref(agency, source_ref, person))
    found = {name for each in record.get("people", []) if each["person"] == ref for name in each["fields"]}
    about = {
        each["field"]
        for each in world.families[source_ref]["items"]
        if person in each["about"] and each["field"] in record.get("case", {})
    }
    return found | about


def check(history: History) -> None:
    """Hold every account against what happened, and so against each other."""
    logged = history.logged()
    assert [each.extract_id for each in history.expected] == sorted(
        logged, key=lambda each: logged[each].leaf_index
    )
    entries = [logged[each.extract_id] for each in history.expected]
    for given, entry in zip(history.expected, entries, strict=True):
        said = (given.source_ref, given.agency, given.purpose, f"{given.agency}-1")
        assert said == (entry.source_ref, entry.agency, entry.purpose, entry.practitioner)
    check_receipts(history, logged)
    assert history.explored() == [
        (entry.leaf_index, f"The {entry.agency}", entry.practitioner, entry.purpose)
        for entry in reversed(entries)
    ]
    for source_ref in history.families:
        for person in people_of(source_ref):
            check_lines(history, entries, source_ref, person)


def check_receipts(history: History, logged: dict[UUID, Logged]) -> None:
    """Each release has a receipt, with the extract and later, of its own entry; an erased family's is gone."""
    wiring = history.world.wiring
    policy = Policy.for_log(*(str(each.verifier) for each in wiring.log.signers))
    for given in history.given:
        extract = json.loads(given.body)
        again = receipt_again(wiring, agency=given.agency, extract_id=given.extract_id)
        assert (again is None) is (given.source_ref in history.erased)
        verify_receipt(extract["receipt"], policy=policy, origin=wiring.log.origin, extract=extract)
        if again is not None:
            proved = verify_receipt(again, policy=policy, origin=wiring.log.origin, extract=extract)
            assert logged[given.extract_id].leaf_index == proved.index
        for other in set(AGENCIES) - {given.agency}:
            assert receipt_again(wiring, agency=other, extract_id=given.extract_id) is None


def check_lines(history: History, entries: Sequence[Logged], source_ref: str, person: str) -> None:
    """A statement has one line for each release that told something of the person, and no other line of one."""
    lines: Any = parse_statement(history.statement(source_ref, person))["lines"]
    expected = [
        (mark_of(entry.entry_id), f"The {entry.agency}")
        for given, entry in zip(history.expected, entries, strict=True)
        if person in given.people
    ]
    told = [(line["entry"], line["who"]) for line in lines if GOT in line["what"]]
    assert sorted(expected) == sorted(told)
    assert [*range(1, len(lines) + 1)] == [line["n"] for line in lines]


def check_restricted(history: History) -> None:
    """What is entered under a restricted tag leaves every byte of statements and explorer as it was."""

    def bytes_of() -> list[str]:
        papers = [
            history.statement(source_ref, person)
            for source_ref in history.families
            for person in people_of(source_ref)[:2]
        ]
        return [*papers, history.dana.get("/console/disclosures"), history.dana.get(EXPLORER)]

    before, size = bytes_of(), size_of(history.world)
    refer(history.world, history.ada)
    for source_ref in history.families:
        history._shield_like(source_ref)
    assert size < size_of(history.world)
    assert before == bytes_of()


def size_of(world: World) -> int:
    with world.wiring.engine.connect() as connection:
        return log_size(connection)


def check_auditor(history: History) -> None:
    """A line that somebody drops from a statement, whichever, is the one finding of whoever holds the tag key."""
    tellable = [each for each in history.expected if each.people]
    if not tellable:
        return
    given = history.random.choice(tellable)
    person = history.random.choice(given.people)
    honest = history.statement(given.source_ref, person)
    assert [] == findings(history.world, given.source_ref, person, honest)
    body = json.loads(json.dumps(parse_statement(honest)))
    dropped = history.random.choice([line for line in body["lines"] if GOT in line["what"]])
    body["lines"].remove(dropped)
    for number, line in enumerate(body["lines"], start=1):
        line["n"] = number
    (finding,) = findings(
        history.world, given.source_ref, person, recorded(history.world, given.source_ref, person, body)
    )
    assert f"A line is missing: entry {dropped['entry'][:16]}" in finding


def findings(world: World, source_ref: str, person: str, statement: str) -> list[str]:
    with world.wiring.engine.connect() as connection:
        keys = world.wiring.keyring.family(connection, world.family_id(source_ref))
        record = record_of(
            world.wiring, connection, world.family_id(source_ref), now=database_now(connection)
        )
    person_id = world.person_id(source_ref, person)
    return check_statement(world.wiring, record, person_id, statement, tag_key=keys.tag_key)


def recorded(world: World, source_ref: str, person: str, body: dict[str, Any]) -> str:
    """A doctored statement, on record like any other."""
    made = statement_text(body)
    with log.act(world.wiring) as change:
        change.record(
            kind="statement.make",
            actor="ada",
            family_id=world.family_id(source_ref),
            internal={
                "person_id": str(world.person_id(source_ref, person)),
                "statement_sha256": hashlib.sha256(made.encode()).hexdigest(),
                "view": body["view"],
            },
        )
    return made


def council(wiring: Wiring) -> World:
    """Three families that agreed in part, four services, a panel with every case."""
    world = World(with_key(wiring, wiring.settings.kek_file.parent))
    for code in (*AGENCIES, "housing"):
        world.join(code)
    world.import_families(*map(family, FAMILIES))
    with wiring.engine.begin() as connection:
        repository.put_destinations(connection, (HUB, POLICE))
    for source_ref in FAMILIES:
        world.give(source_ref, people_of(source_ref)[0])
    world.list_cases(*FAMILIES, members=AGENCIES)
    world.accept_offer("EH-3", "charity")
    return world


prepared, database, wiring, world = made_once(council)


def lived(world: World, seed: int, *, steps: int) -> History:
    """A history that a seed makes; something was released in it, or there would be nothing to compare."""
    history = History(world, Random(seed))  # noqa: S311 - a seed makes a history again
    while len(history.given) < steps // 4:
        for _ in range(steps):
            history.happen()
    return history


@pytest.mark.parametrize("seed", range(3))
def test_every_account_tells_of_the_same_releases(world: World, eraser: Engine, seed: int) -> None:
    history = lived(world, seed, steps=STEPS)
    check(history)
    check_restricted(history)
    check_auditor(history)
    if seed == 0:
        history.erase(eraser)
        check(history)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
def test_every_account_of_a_long_history(world: World, eraser: Engine, seed: int) -> None:
    history = lived(world, seed, steps=4 * STEPS)
    check(history)
    check_restricted(history)
    check_auditor(history)
    history.erase(eraser)
    for _ in range(STEPS):
        history.happen()
    check(history)
