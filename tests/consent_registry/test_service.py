"""Recording decisions in a real database: the standing is the fold, a replay answers the same."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from certs.envelope import new_key, unseal
from certs.errors import EnvelopeError
from consent_registry import repository
from consent_registry.errors import ConflictingReplayError
from consent_registry.model import ALL, Act, Capacity, Granted, NotGranted, Reason, Scope, SubjectId
from consent_registry.schemas import Vocabulary, load_decision
from consent_registry.service import Recorded, Sealing, Spoken, decision_aad, default_end, record
from consent_registry.standing import evaluate, fold
from gateway.wiring import Wiring

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
KNOWN = Vocabulary(frozenset({"name"}), frozenset({"child_name"}))
GIVE: dict[str, Any] = {
    "source_ref": "EH-0001",
    "person": "P-17",
    "act": "give",
    "recorded_by": "ada",
    "given_by": {"person": "P-17", "capacity": "self"},
    "agencies": ["camhs"],
    "categories": ["name"],
    "purposes": ["P1"],
    "method": "signed_form",
    "notice": {"id": "families", "version": 3, "language": "en"},
    "profiles_shown": {"camhs": 3},
}
WITHDRAW = {name: GIVE[name] for name in ("source_ref", "person", "recorded_by")} | {"act": "withdraw"}
FAMILY, PERSON = uuid4(), uuid4()
KEY = new_key()


@pytest.fixture
def connection(wiring: Wiring) -> Iterator[Connection]:
    """A transaction that has moved the family's gate, as the gateway's acts do; rolled back after."""
    with wiring.engine.connect() as opened, opened.begin() as transaction:
        move_gate(opened)
        yield opened
        transaction.rollback()


def move_gate(connection: Connection) -> None:
    connection.execute(text("SELECT gateway.move_gates(ARRAY[:f]::uuid[], '{}')"), {"f": FAMILY})


def say(
    connection: Connection,
    document: dict[str, Any],
    *,
    decision_id: UUID | None = None,
    now: datetime = NOW,
    person_id: UUID = PERSON,
    expected: int | None = None,
) -> Recorded:
    sent = document | {"decision_id": str(decision_id or uuid4())}
    request = load_decision(sent, vocabulary=KNOWN)
    scope = Scope(
        agencies=frozenset(request.agencies) if request.act.opens else ALL,
        categories=request.categories,
        fields=request.fields,
        purposes=request.purposes,
    )
    return record(
        connection,
        family_id=FAMILY,
        person_id=person_id,
        decision=request,
        scope=scope,
        sealing=Sealing.under(KEY),
        verified=True,
        now=now,
        via="test",
        spoken=Spoken(capacity=Capacity.SELF),
        expected=version_of(connection, person_id) if expected is None else expected,
    )


def version_of(connection: Connection, person_id: UUID) -> int:
    stored = repository.read_standing(connection, subject(connection, person_id))
    return 0 if stored is None else stored[0]


def subject(connection: Connection, person_id: UUID = PERSON) -> SubjectId:
    return repository.ensure_subject(connection, family_id=FAMILY, person_id=person_id)


def count(connection: Connection) -> int:
    total: int = connection.execute(text("SELECT count(*) FROM consent_registry.decision")).scalar_one()
    return total


def answer(connection: Connection, *, now: datetime = NOW) -> Granted | NotGranted:
    stored = repository.read_standing(connection, subject(connection))
    assert stored is not None
    return evaluate(stored[1], agency="camhs", purpose="P1", now=now)


def test_the_standing_is_the_fold_of_the_history_after_every_decision(connection: Connection) -> None:
    for version, document in enumerate([WITHDRAW, GIVE, GIVE, WITHDRAW, GIVE], start=1):
        recorded = say(connection, document)
        history = repository.read_history(connection, subject(connection))
        assert (version, fold(history)) == repository.read_standing(connection, subject(connection))
        assert recorded.standing_version == version


def test_a_give_is_in_effect_and_lasts_six_months_unless_it_says_otherwise(connection: Connection) -> None:
    say(connection, GIVE)
    result = answer(connection)
    assert isinstance(result, Granted)
    assert result.valid_until == datetime(2027, 4, 1, tzinfo=UTC) - timedelta(hours=1)


def test_a_give_for_later_is_in_effect_later(connection: Connection) -> None:
    recorded = say(connection, GIVE | {"valid_from": "2026-11-01"})
    assert recorded.in_effect_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert answer(connection) == NotGranted(Reason.NOT_YET_VALID)


def test_a_give_dated_back_is_in_effect_from_its_recording(connection: Connection) -> None:
    assert say(connection, GIVE | {"valid_from": "2026-01-01"}).in_effect_at == NOW


def test_a_withdrawal_is_in_effect_at_once(connection: Connection) -> None:
    say(connection, GIVE)
    recorded = say(connection, WITHDRAW | {"valid_from": "2026-12-01"})
    assert recorded.in_effect_at == NOW
    assert answer(connection) == NotGranted(Reason.WITHDRAWN)


@pytest.mark.parametrize("document", [GIVE, WITHDRAW], ids=["give", "withdraw"])
def test_a_replay_writes_nothing_and_answers_the_same(
    connection: Connection, document: dict[str, Any]
) -> None:
    """A case system that lost the answer asks again, later, after other things happened."""
    decision_id = uuid4()
    first = say(connection, document, decision_id=decision_id)
    say(connection, GIVE)
    again = say(connection, document, decision_id=decision_id, now=NOW + timedelta(days=3))
    assert again == Recorded(first.decision_id, first.in_effect_at, first.standing_version, effect=None)
    assert count(connection) == 2


def test_a_replay_may_order_its_members_differently(connection: Connection) -> None:
    decision_id = uuid4()
    say(connection, GIVE, decision_id=decision_id)
    assert say(connection, dict(reversed(GIVE.items())), decision_id=decision_id).replay


@pytest.mark.parametrize(
    "change", [{"agencies": ["camhs", "met"]}, {"person": "P-18"}], ids=["scope", "person"]
)
def test_a_give_under_a_used_id_is_refused(connection: Connection, change: dict[str, Any]) -> None:
    """Otherwise a wider agreement could hide behind the receipt of a narrower one."""
    decision_id = uuid4()
    say(connection, GIVE, decision_id=decision_id)
    other = GIVE | change | {"given_by": {"person": change.get("person", "P-17"), "capacity": "self"}}
    with pytest.raises(ConflictingReplayError):
        say(connection, other, decision_id=decision_id)
    assert count(connection) == 1


def test_a_withdrawal_under_a_used_id_still_closes(connection: Connection) -> None:
    """A client that reuses the id of the give must not keep the data flowing."""
    decision_id = uuid4()
    say(connection, GIVE, decision_id=decision_id)
    closed = say(connection, WITHDRAW, decision_id=decision_id)
    assert not closed.replay
    assert answer(connection) == NotGranted(Reason.WITHDRAWN)
    assert say(connection, WITHDRAW, decision_id=decision_id).replay
    assert count(connection) == 2


def test_each_person_has_a_standing_of_their_own(connection: Connection) -> None:
    sibling = uuid4()
    say(connection, GIVE)
    say(connection, GIVE, person_id=sibling)
    say(connection, WITHDRAW)
    standings = repository.family_standings(connection, FAMILY)
    assert standings.keys() == {PERSON, sibling}
    assert standings[PERSON].given is None
    assert standings[sibling].given is not None


def test_the_document_is_sealed_to_its_row(connection: Connection) -> None:
    first, second = say(connection, GIVE), say(connection, WITHDRAW)
    query = text("SELECT sealed FROM consent_registry.decision WHERE decision_id = :d")
    sealed = connection.execute(query, {"d": first.decision_id}).scalar_one()
    opened = json.loads(unseal(KEY, sealed, aad=decision_aad(subject(connection), first.decision_id)))
    assert opened == {
        "received": GIVE | {"decision_id": str(first.decision_id)},
        "recorded_by_verified": True,
    }
    with pytest.raises(EnvelopeError):
        unseal(KEY, sealed, aad=decision_aad(subject(connection), second.decision_id))


def test_clear_columns_name_nobody(connection: Connection) -> None:
    """Backups of append-only rows outlive an erasure; only what is sealed dies with the key."""
    say(connection, GIVE)
    say(connection, WITHDRAW | {"person": "P-17", "recorded_by": "wendy", "reason": "OTHER"})
    rows = connection.execute(text("SELECT row_to_json(d)::text FROM consent_registry.decision d")).scalars()
    clear = "".join(rows)
    assert "P-17" not in clear
    assert "EH-0001" not in clear
    assert "wendy" not in clear  # no hexadecimal text, such as a sealed value, can spell it
    assert str(PERSON) not in clear
    assert str(FAMILY) not in clear


def test_a_decision_whose_family_gate_stood_still_is_refused_at_commit(wiring: Wiring) -> None:
    """A release decided before the withdrawal would otherwise not notice it."""
    with pytest.raises(IntegrityError), wiring.engine.begin() as forgetful:
        say(forgetful, GIVE)


def test_a_stored_decision_cannot_be_changed_or_removed(wiring: Wiring) -> None:
    with wiring.engine.begin() as opened:
        move_gate(opened)
        say(opened, GIVE)
    for statement in (
        "UPDATE consent_registry.decision SET act = 'give'",
        "DELETE FROM consent_registry.decision",
    ):
        with pytest.raises(Exception, match="permission denied"), wiring.engine.begin() as hostile:
            hostile.execute(text(statement))


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (datetime(2026, 8, 31, 9, tzinfo=UTC), datetime(2027, 2, 28, tzinfo=UTC)),
        (datetime(2027, 8, 31, 9, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(2026, 6, 30, 23, 30, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2026, 12, 15, tzinfo=UTC), datetime(2027, 6, 14, 23, tzinfo=UTC)),
    ],
    ids=["short month", "leap year", "already tomorrow in London", "over the year into summer"],
)
def test_six_months_end_at_midnight_in_london(start: datetime, expected: datetime) -> None:
    assert expected == default_end(start)


def test_only_a_give_opens() -> None:
    assert [Act.GIVE] == [act for act in Act if act.opens]
