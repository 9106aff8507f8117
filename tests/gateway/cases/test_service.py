"""Importing, shielding and closing over the real database."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from agencies.values import Fault
from gateway.cases import service
from gateway.cases.errors import CaseFileError, UnknownCaseError
from gateway.cases.model import Shield
from gateway.cases.service import ImportRow, Outcome
from gateway.wiring import Wiring
from tests.gateway.cases.documents import family, file_of
from tests.gateway.cases.stored import (
    entries_in_log,
    identity_of,
    load,
    opened,
    ordered,
    person_key,
    person_of,
    rows,
    translated,
)


def test_importing_again_replaces_the_case(wiring: Wiring) -> None:
    load(wiring, family())
    before = (identity_of(wiring), person_of(wiring, "P-ADA"))
    changed = family()
    changed |= {"status": "closed", "threshold_level": 3, "workers": []}
    changed["people"].pop(2)
    changed["items"] = changed["items"][:2]
    assert load(wiring, changed).rows == (ImportRow(0, Outcome.REPLACED),)
    assert (identity_of(wiring), person_of(wiring, "P-ADA")) == before
    assert ordered(opened(wiring)) == ordered(translated(wiring, changed))
    state = rows(wiring, "SELECT threshold_level, status, version FROM gateway.case_record")
    assert [tuple(row) for row in state] == [(3, "closed", 2)]
    assert rows(wiring, "SELECT FROM gateway.case_worker") == []
    assert len(rows(wiring, "SELECT FROM gateway.case_person")) == 3


def test_importing_again_moves_the_gate(wiring: Wiring) -> None:
    """A release decided on the old content must not pass."""
    load(wiring, family())
    gate = "SELECT version FROM gateway.family_gate WHERE family_id = :family"
    before = rows(wiring, gate, family=identity_of(wiring).family_id)[0].version
    load(wiring, family())
    assert rows(wiring, gate, family=identity_of(wiring).family_id)[0].version > before


def test_importing_again_never_lifts_a_shield_or_a_seal(wiring: Wiring) -> None:
    """The nightly file knows nothing of tonight's move to a refuge."""
    raw = family()
    raw["seals"] = ["adoption"]
    load(wiring, raw)
    service.shield(
        wiring,
        family_id=identity_of(wiring).family_id,
        person_id=person_of(wiring, "P-MUM"),
        level=Shield.REFUGE,
        actor="test",
    )
    again = family()
    again["seals"] = ["conflict"]
    load(wiring, again)
    assert rows(wiring, "SELECT seals FROM gateway.case_record")[0].seals == ["adoption", "conflict"]
    shields = rows(wiring, "SELECT person_id, shield FROM gateway.case_person WHERE shield <> 'none'")
    assert [tuple(row) for row in shields] == [(person_of(wiring, "P-MUM"), "refuge")]


def test_a_faulty_family_changes_nothing_and_the_others_are_stored(wiring: Wiring) -> None:
    load(wiring, family())
    before = opened(wiring)
    faulty = family()
    faulty["items"][0]["value"]["given"] = 7
    faulty["items"] = faulty["items"][:1]
    report = load(wiring, faulty, family("EH-1002"))
    assert report.rows == (
        ImportRow(0, Outcome.REFUSED, (Fault("/families/0/items/0/value/given", "must be text"),)),
        ImportRow(1, Outcome.IMPORTED),
    )
    assert (report.count(Outcome.REFUSED), report.count(Outcome.IMPORTED)) == (1, 1)
    assert opened(wiring) == before


def test_a_family_given_twice_in_one_file_is_refused_the_second_time(wiring: Wiring) -> None:
    report = load(wiring, family(), family("eh-1001"))
    assert report.rows[1].faults == (Fault("/families/1/source_ref", "was given before in this file"),)


def test_a_file_that_is_none_stores_nothing(wiring: Wiring) -> None:
    with pytest.raises(CaseFileError):
        service.import_cases(wiring, b"[]", actor="test")
    assert rows(wiring, "SELECT FROM gateway.case_record") == []


def test_progress_is_told_after_each_family(wiring: Wiring) -> None:
    told: list[tuple[int, int]] = []
    service.import_cases(
        wiring,
        file_of(family(), family("EH-1002")),
        actor="test",
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 2), (2, 2)]


def test_writers_at_the_same_time_leave_one_case_and_one_key_for_each_person(wiring: Wiring) -> None:
    """Two workers import overlapping files; neither may fail or make a second identity."""
    files = [family(f"EH-{number % 3}") for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        outcomes = [report.rows[0].outcome for report in pool.map(lambda raw: load(wiring, raw), files)]
    assert outcomes.count(Outcome.IMPORTED) == 3
    assert outcomes.count(Outcome.REPLACED) == 9
    assert len(rows(wiring, "SELECT FROM gateway.person")) == 4
    keys = set()
    for number in range(3):
        assert len(opened(wiring, f"EH-{number}")) == len(family()["items"])
        keys.add(person_key(wiring, "P-MUM", f"EH-{number}"))
    assert len(keys) == 1


def test_a_person_in_two_families_has_one_key_and_two_sealed_copies(wiring: Wiring) -> None:
    """Erasing a person must erase them wherever they are held."""
    load(wiring, family(), family("EH-1002", child="P-EVE"))
    assert person_of(wiring, "P-MUM") == person_of(wiring, "P-MUM", "EH-1002")
    assert person_key(wiring, "P-MUM") == person_key(wiring, "P-MUM", "EH-1002")
    copies = rows(
        wiring,
        "SELECT wrapped FROM gateway.person_key WHERE person_id = :mum",
        mum=person_of(wiring, "P-MUM"),
    )
    assert len({bytes(row.wrapped) for row in copies}) == 2
    assert len(opened(wiring, "EH-1002")) == len(family()["items"])


def test_a_shield_covers_the_person_in_every_family(wiring: Wiring) -> None:
    """The other parent's case holds the same child's address."""
    load(wiring, family(), family("EH-1002"))
    first = identity_of(wiring).family_id
    ada = person_of(wiring, "P-ADA")
    service.shield(wiring, family_id=first, person_id=ada, level=Shield.RESTRICTED, actor="test")
    load(wiring, family("EH-1003"))
    shields = rows(wiring, "SELECT shield FROM gateway.case_person WHERE person_id = :ada", ada=ada)
    assert [row.shield for row in shields] == ["restricted"] * 3


def test_a_weaker_shield_does_not_lower_a_stricter_one(wiring: Wiring) -> None:
    load(wiring, family())
    who: dict[str, Any] = {
        "family_id": identity_of(wiring).family_id,
        "person_id": person_of(wiring, "P-MUM"),
    }
    service.shield(wiring, **who, level=Shield.REFUGE, actor="test")
    entries = entries_in_log(wiring)
    service.shield(wiring, **who, level=Shield.RESTRICTED, actor="test")
    found = rows(wiring, "SELECT shield FROM gateway.case_person WHERE person_id = :p", p=who["person_id"])
    assert [row.shield for row in found] == ["refuge"]
    assert entries_in_log(wiring) == entries, "a replay is no new entry"


def test_a_shield_does_not_wait_for_the_log(wiring: Wiring) -> None:
    """Somebody is moving to a refuge: a stuck log must not hold that up."""
    load(wiring, family())
    who: dict[str, Any] = {
        "family_id": identity_of(wiring).family_id,
        "person_id": person_of(wiring, "P-MUM"),
    }
    with wiring.engine.connect() as stuck, stuck.begin():
        stuck.execute(
            text(
                "SELECT gateway.append('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', NULL, true),"
                " set_config('idle_in_transaction_session_timeout', '0', true)"
            )
        )
        service.shield(wiring, **who, level=Shield.REFUGE, actor="test")
    found = rows(wiring, "SELECT shield FROM gateway.case_person WHERE person_id = :p", p=who["person_id"])
    assert [row.shield for row in found] == ["refuge"]


def test_nobody_else_is_shielded(wiring: Wiring) -> None:
    load(wiring, family(), family("EH-1002", child="P-EVE"))
    with pytest.raises(UnknownCaseError):
        service.shield(
            wiring,
            family_id=identity_of(wiring, "EH-1002").family_id,
            person_id=person_of(wiring, "P-ADA"),
            level=Shield.REFUGE,
            actor="test",
        )
    assert rows(wiring, "SELECT FROM gateway.case_person WHERE shield <> 'none'") == []


def test_closing_a_case_is_recorded_once(wiring: Wiring) -> None:
    load(wiring, family())
    for _ in range(2):
        service.close_case(wiring, family_id=identity_of(wiring).family_id, actor="test")
    assert rows(wiring, "SELECT status FROM gateway.case_record")[0].status == "closed"
    assert entries_in_log(wiring) == 2


def test_an_unknown_case_cannot_be_closed(wiring: Wiring) -> None:
    with pytest.raises(UnknownCaseError):
        service.close_case(wiring, family_id=uuid4(), actor="test")
