"""What is left of an erased family: nothing that opens."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from consent_registry.model import Exit, Objection, Scope, Standing
from gateway.cases import erasure, repository, service
from gateway.cases.errors import UnknownCaseError
from gateway.cases.model import Shield
from gateway.cases.sealing import open_items
from gateway.cases.search import IndexKind
from gateway.cases.service import Outcome
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.service import act
from gateway.keyring import KeyErasedError
from gateway.wiring import Wiring
from tests.gateway.cases.documents import family
from tests.gateway.cases.stored import (
    add_agency,
    entries_in_log,
    found,
    identity_of,
    load,
    opened,
    person_of,
    rows,
    sealed_case,
)


def test_of_an_erased_family_nothing_opens_and_nothing_is_left(wiring: Wiring, eraser: Engine) -> None:
    add_agency(wiring, "one")
    keys, people, parts = sealed_case(wiring)
    identity = identity_of(wiring)
    entries = entries_in_log(wiring)
    service.erase_family(
        eraser, wiring=wiring, family_id=identity.family_id, requested_by="test", approved_by="other"
    )
    with wiring.engine.connect() as connection:
        with pytest.raises(KeyErasedError):
            wiring.keyring.family(connection, identity.family_id)
        assert repository.stored_parts(connection, identity.case_id) == []
        assert repository.case_by_source_ref(connection, keyring=wiring.keyring, source_ref="EH-1001") is None
    for table in ("person", "person_key", "case_person", "case_worker", "blind_index", "pairwise"):
        assert rows(wiring, f"SELECT FROM gateway.{table}") == [], table
    trace = "SELECT FROM gateway.log_trace WHERE family_id = :family"
    assert rows(wiring, trace, family=identity.family_id) == []
    assert found(wiring, IndexKind.NHS_NUMBER, "9990000018") == []
    assert entries_in_log(wiring) == entries + 1, "the erasure itself is an entry"
    # A copy of the rows kept elsewhere opens only for whoever also kept the keys.
    assert open_items(keys, {}, parts) == [
        each for each in open_items(keys, people, parts) if not each["about"]
    ]


def test_erasing_one_family_leaves_a_shared_person_to_the_other(wiring: Wiring, eraser: Engine) -> None:
    load(wiring, family(), family("EH-1002", child="P-EVE"))
    service.erase_family(
        eraser,
        wiring=wiring,
        family_id=identity_of(wiring).family_id,
        requested_by="test",
        approved_by="other",
    )
    assert len(opened(wiring, "EH-1002")) == len(family()["items"])
    assert len(rows(wiring, "SELECT FROM gateway.person")) == 4


def test_the_erasures_entry_opens_with_the_reserved_key(wiring: Wiring, eraser: Engine) -> None:
    """The family's own key is gone: an entry under it could never be read."""
    load(wiring, family())
    service.erase_family(
        eraser,
        wiring=wiring,
        family_id=identity_of(wiring).family_id,
        requested_by="test",
        approved_by="other",
    )
    last = rows(
        wiring,
        "SELECT t.family_id FROM gateway.log_entry e JOIN gateway.log_trace t USING (entry_id)"
        " ORDER BY e.leaf_index DESC LIMIT 1",
    )
    assert [row.family_id for row in last] == [UUID(int=0)]


def test_an_erased_family_can_be_imported_again_under_new_ids(wiring: Wiring, eraser: Engine) -> None:
    load(wiring, family())
    before = (identity_of(wiring), person_of(wiring, "P-ADA"))
    service.erase_family(
        eraser, wiring=wiring, family_id=before[0].family_id, requested_by="test", approved_by="other"
    )
    assert load(wiring, family()).rows[0].outcome is Outcome.IMPORTED
    assert identity_of(wiring) != before[0]
    assert person_of(wiring, "P-ADA") != before[1]


def test_an_unknown_family_cannot_be_erased(wiring: Wiring, eraser: Engine) -> None:
    with pytest.raises(UnknownCaseError):
        service.erase_family(
            eraser, wiring=wiring, family_id=uuid4(), requested_by="test", approved_by="other"
        )


def test_the_reserved_family_cannot_be_erased(wiring: Wiring, eraser: Engine) -> None:
    """Its key seals what belongs to nobody, for ever."""
    with pytest.raises(IntegrityError):
        service.erase_family(
            eraser, wiring=wiring, family_id=UUID(int=0), requested_by="test", approved_by="other"
        )


def test_traces_of_entries_that_had_been_waiting_go_too(wiring: Wiring, eraser: Engine) -> None:
    """An entry deferred by a shield joins the log with the erasure's own append, after the rows were deleted."""
    load(wiring, family())
    family_id = identity_of(wiring).family_id
    mum = person_of(wiring, "P-MUM")
    with wiring.engine.connect() as stuck, stuck.begin():
        log.append(stuck, [])
        service.shield(wiring, family_id=family_id, person_id=mum, level=Shield.REFUGE, actor="test")
    assert len(rows(wiring, "SELECT FROM gateway.log_deferred")) == 1
    service.erase_family(eraser, wiring=wiring, family_id=family_id, requested_by="test", approved_by="other")
    assert rows(wiring, "SELECT FROM gateway.log_deferred") == []
    assert rows(wiring, "SELECT FROM gateway.log_trace WHERE family_id = :family", family=family_id) == []


def test_what_the_family_decided_leads_to_nobody_any_more(wiring: Wiring, eraser: Engine) -> None:
    """Decisions are evidence and stay, under a random subject; the row that says whose they are goes."""
    load(wiring, family())
    family_id = identity_of(wiring).family_id
    with act(wiring, families=(family_id,)) as change:
        values = {"s": uuid4(), "f": family_id, "p": person_of(wiring, "P-MUM")}
        change.connection.execute(
            text(
                "INSERT INTO consent_registry.subject (subject_id, family_id, person_id) VALUES (:s, :f, :p)"
            ),
            values,
        )
        change.connection.execute(
            text(
                "INSERT INTO consent_registry.standing (subject_id, family_id, version, body) VALUES (:s, :f, 1, '{}')"
            ),
            values,
        )
        change.record(kind="consent.give", family_id=family_id, actor="test")
    service.erase_family(eraser, wiring=wiring, family_id=family_id, requested_by="test", approved_by="other")
    assert rows(wiring, "SELECT FROM consent_registry.subject") == []
    assert rows(wiring, "SELECT FROM consent_registry.standing") == []


WAITING: dict[str, tuple[Standing, bool]] = {
    "nothing": (Standing(), False),
    "held": (Standing(closed_by=Exit.HELD), True),
    "withdrawn": (Standing(closed_by=Exit.WITHDRAWN), False),
    "a stop that nobody could make out, before any yes": (
        Standing(closed_by=Exit.WITHDRAWN, objections=(Objection(None, Exit.HELD, Scope()),)),
        True,
    ),
    "a no": (Standing(objections=(Objection(None, Exit.WITHDRAWN, Scope()),)), False),
}


@pytest.mark.parametrize(("standing", "waits"), WAITING.values(), ids=WAITING.keys())
def test_whatever_waits_for_an_answer_stands_against_an_erasure(standing: Standing, waits: bool) -> None:
    assert waits is erasure._held(standing)
