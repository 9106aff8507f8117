"""What is drawn, who may be asked about it, who answers, and what is left of it after an erasure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from time import monotonic, sleep
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine, Row, text

from certs.envelope import unseal
from gateway.cases.errors import ErasureRefusedError
from gateway.cases.service import erase_family
from gateway.cli import gateway
from gateway.database import open_engine
from gateway.disclosure_log.receipt import receipt_again
from gateway.disclosure_log.service import act
from gateway.sampling import repository, service
from gateway.sampling.errors import NotAskedError, NothingReleasedError
from gateway.sampling.model import Access, Answer, Channel, Outcome, State, Told
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import finish, open_tasks
from tests.gateway.sampling.scene import (
    asking,
    draw,
    noted,
    officer,
    pull,
    with_sampling,
    world_of,
)
from tests.support.pages import Somebody
from tests.support.prepared import made_once
from tests.support.rooms import environment
from tests.support.throwaway import Database
from tests.support.world import World

LETTER: Final = Told("Ivy Iglead, information governance", Channel.LETTER, date(2026, 11, 28))


prepared, database, wiring, world = made_once(world_of)


@pytest.fixture
def dana(world: World) -> Somebody:
    return officer(world)


@pytest.fixture
def owner(database: Database) -> Iterator[Engine]:
    engine = open_engine(database.owner_url)
    yield engine
    engine.dispose()


def later() -> datetime:
    """A day of next month on which samples of this one are due."""
    return (datetime.now(UTC).replace(day=1) + timedelta(days=32)).replace(day=5)


def count(world: World, what: str) -> int:
    with world.wiring.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one())


# --- Drawing ------------------------------------------------------------------------------------------------


def test_a_sample_asks_about_the_agencys_own_releases_alone(world: World, dana: Somebody) -> None:
    """Refusals, another agency's extracts and looks of staff are nothing that it could confirm."""
    own = {pull(world, "EH-1"), pull(world, "EH-2", practitioner="charity-2")}
    pull(world, "EH-1", code="camhs")
    world.release("charity", "EH-3", purpose="P2")
    found = draw(world, dana)
    assert 2 == len(found)
    assert {
        (world.case_ref("charity", "EH-1"), "charity-1", "P1"),
        (world.case_ref("charity", "EH-2"), "charity-2", "P1"),
    } == {(each.case_ref, each.practitioner, each.purpose) for each in found}
    assert all(receipt_again(world.wiring, agency="charity", extract_id=each) for each in own)


def test_what_was_drawn_is_on_record_and_is_drawn_again(world: World, dana: Somebody) -> None:
    for source_ref in ("EH-1", "EH-2", "EH-3") * 2:
        pull(world, source_ref)
    found = draw(world, dana, wanted=4)
    (entry,) = noted(world, "sample.draw")
    sample = found[0].sample
    assert 4 == len(found)
    assert (str(sample.id), 6, 4, sample.seed.hex(), "dana", "charity") == (
        entry["sample"],
        entry["population"],
        entry["wanted"],
        entry["seed"],
        entry["actor"],
        # the agency of an entry stands beside it
        sample.agency,
    )
    pull(world, "EH-1")
    assert (0, "The same accesses are") == checked(world, sample.id)


def test_the_command_draws_and_asks(world: World) -> None:
    pull(world, "EH-1")
    assert (1, "Error: There is no") == ran(world, "draw", "nobody")
    assert (1, "Error: It received nothing") == ran(world, "draw", "camhs")
    assert (2, "Error: Invalid value for") == ran(world, "draw", "charity", "--count", "51")
    status, sample_id = ran(world, "draw", "charity", "--count", "1")
    assert (0, 1) == (status, count(world, f"gateway.access_sample WHERE sample_id = '{UUID(sample_id)}'"))
    assert (0, "The same accesses are") == checked(world, UUID(sample_id))


def checked(world: World, sample_id: UUID) -> tuple[int, str]:
    """How ``gateway sample check`` ends, and the first words of its last line."""
    return ran(world, "check", str(sample_id))


def ran(world: World, *arguments: str) -> tuple[int, str]:
    """How a command of samples ends, and the first words of its last line."""
    run = CliRunner().invoke(gateway, ["sample", *arguments], env=environment(world.wiring))
    last = run.output.strip().splitlines()[-1]
    return run.exit_code, " ".join(last.split()[:4])


def test_a_sample_that_somebody_swapped_is_not_drawn_again(
    world: World, dana: Somebody, owner: Engine
) -> None:
    """An access taken out of a sample, and another in its place, is what the seed on record is there to show."""
    for source_ref in ("EH-1", "EH-2", "EH-3") * 2:
        pull(world, source_ref)
    (access,) = draw(world, dana, wanted=1)
    with owner.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.sampled_access SET (entry_id, family_id) = (SELECT t.entry_id, t.family_id"
                " FROM gateway.log_trace t WHERE t.extract_id IS NOT NULL AND t.entry_id <> sampled_access.entry_id"
                " LIMIT 1)"
            )
        )
    assert (1, "Other accesses are drawn:") == checked(world, access.sample.id)
    assert (1, "Error: There is no") == checked(world, uuid4())


def test_the_worker_draws_once_for_each_period_and_agency(world: World) -> None:
    pull(world, "EH-1")
    assert 2 == service.draw_due(world.wiring, later())
    assert 0 == service.draw_due(world.wiring, later())
    drawn = noted(world, "sample.draw")
    assert [1, 0] == sorted((each["population"] for each in drawn), reverse=True)
    assert {"worker"} == {each["actor"] for each in drawn}
    assert 1 == count(world, "gateway.sampled_access")


def test_the_worker_asks_for_as_many_as_the_council_wants(world: World) -> None:
    world = with_sampling(world, size=2)
    for source_ref in ("EH-1", "EH-2", "EH-3"):
        pull(world, source_ref)
    assert 0 == service.draw_due(asking(world.wiring, size=0), later())
    service.draw_due(world.wiring, later())
    assert 2 == count(world, "gateway.sampled_access")


def test_what_is_not_over_yet_is_no_sample_of_the_worker(world: World) -> None:
    pull(world, "EH-1")
    service.draw_due(world.wiring, datetime.now(UTC))
    assert 0 == count(world, "gateway.sampled_access")


def test_an_agency_that_received_nothing_is_asked_nothing(world: World) -> None:
    pull(world, "EH-1", code="camhs")
    with pytest.raises(NothingReleasedError):
        service.draw_by_hand(world.wiring, "charity", days=31, wanted=5, by="dana")
    assert (0, []) == (count(world, "gateway.access_sample"), noted(world, "sample.draw"))


# --- What is restricted -------------------------------------------------------------------------------------


def restrict(
    world: World, source_ref: str, *, kind: str = "extract.release", restricted: bool = True
) -> None:
    """An entry of the kind of a release under the restricted tag, as no release of an agency has it."""
    with act(world.wiring) as change:
        change.record(
            kind=kind,
            actor="test",
            family_id=world.family_id(source_ref),
            agency="charity",
            restricted=restricted,
            internal={"agency": "charity", "practitioner": "hidden-1"},
        )


@pytest.mark.parametrize(("kind", "restricted"), [("extract.release", True), ("extract.refuse", False)])
def test_what_is_no_ordinary_release_is_never_drawn(
    world: World, dana: Somebody, owner: Engine, kind: str, *, restricted: bool
) -> None:
    """Even where it looked like a release in everything that is not sealed."""
    pull(world, "EH-1")
    restrict(world, "EH-2", kind=kind, restricted=restricted)
    with owner.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.log_trace SET extract_id = gen_random_uuid() WHERE extract_id IS NULL AND entry_id ="
                " (SELECT entry_id FROM gateway.log_entry ORDER BY leaf_index DESC LIMIT 1)"
            )
        )
    assert [world.family_id("EH-1")] == [each.family_id for each in draw(world, dana)]


def test_a_family_with_a_referral_is_drawn_like_any_other(world: World, dana: Somebody) -> None:
    """Left out, or in, for it: either would tell."""
    pull(world, "EH-1")
    pull(world, "EH-2")
    restrict(world, "EH-2")
    assert {world.family_id("EH-1"), world.family_id("EH-2")} == {
        each.family_id for each in draw(world, dana)
    }


def seal_case(world: World, source_ref: str) -> None:
    with act(world.wiring, families=(world.family_id(source_ref),)) as change:
        change.connection.execute(
            text("UPDATE gateway.case_record SET seals = '{adoption}' WHERE family_id = :family"),
            {"family": world.family_id(source_ref)},
        )
        change.record(kind="case.replace", actor="test", family_id=world.family_id(source_ref))


def conflict(world: World, source_ref: str, agency: str, practitioner: str) -> None:
    with act(world.wiring, families=(world.family_id(source_ref),)) as change:
        change.connection.execute(
            text(
                "INSERT INTO gateway.case_conflict (case_id, family_id, agency_code, practitioner_id)"
                " SELECT case_id, family_id, :agency, :practitioner FROM gateway.case_record"
                " WHERE family_id = :family"
            ),
            {"family": world.family_id(source_ref), "agency": agency, "practitioner": practitioner},
        )
        change.record(kind="case.replace", actor="test", family_id=world.family_id(source_ref))


def test_a_sealed_family_is_not_drawn_and_not_shown(world: World, dana: Somebody) -> None:
    pull(world, "EH-1")
    pull(world, "EH-2")
    seal_case(world, "EH-2")
    assert [world.family_id("EH-1")] == [each.family_id for each in draw(world, dana)]
    assert (1, {"EH-1"}) == (count(world, "gateway.sampled_access"), asked(world, "charity-2"))
    seal_case(world, "EH-1")
    assert () == service.for_officer(world.wiring, dana.who)


def test_whoever_has_an_interest_in_a_family_is_not_asked_about_it(world: World, dana: Somebody) -> None:
    pull(world, "EH-1")
    pull(world, "EH-2")
    draw(world, dana)
    conflict(world, "EH-1", "charity", "charity-2")
    assert {"EH-2"} == asked(world, "charity-2")
    assert {"EH-1", "EH-2"} == asked(world, "charity-1")
    conflict(world, "EH-2", "charity", "")
    assert set() == asked(world, "charity-2")
    assert [world.family_id("EH-1")] == [each.family_id for each in draw(world, dana)]


def asked(world: World, practitioner: str) -> set[str]:
    refs = {world.case_ref("charity", each): each for each in ("EH-1", "EH-2", "EH-3")}
    found = service.for_desk(world.wiring, "charity", practitioner=practitioner)
    return {refs[each.case_ref] for each in found if each.case_ref is not None}


# --- Answering ----------------------------------------------------------------------------------------------


def answer(world: World, who: Somebody, answers: dict[UUID, Answer], practitioner: str = "charity-2") -> None:
    service.answer_at_desk(world.wiring, who.who, "charity", answers, practitioner=practitioner)


def one(world: World, dana: Somebody) -> Access:
    pull(world, "EH-1")
    (access,) = draw(world, dana)
    return access


def now(world: World, dana: Somebody, access: Access) -> Access:
    """An access as it is now."""
    found = service.for_officer(world.wiring, dana.who, sample_id=access.sample.id)
    return next(each for each in found if each.id == access.id)


def test_an_answer_stands_and_is_on_record(world: World, dana: Somebody) -> None:
    access = one(world, dana)
    answer(world, dana, {access.id: Answer.NO})
    with pytest.raises(NotAskedError):
        answer(world, dana, {access.id: Answer.YES})
    with pytest.raises(NotAskedError):
        service.enter(world.wiring, dana.who, access.sample.id, {access.id: Answer.YES}, LETTER)
    (entry,) = noted(world, "sample.answer")
    assert (Answer.NO, "no", "desk", "charity-2", str(access.id)) == (
        now(world, dana, access).answer,
        entry["answer"],
        entry["channel"],
        entry["practitioner"],
        entry["access"],
    )


def test_of_two_answers_at_once_one_is_stored(world: World, dana: Somebody) -> None:
    """Both saw the question open; the second is not stored over the first."""
    access = one(world, dana)
    stored = []
    for said in (Answer.NO, Answer.YES):
        with world.wiring.engine.begin() as connection:
            at = datetime.now(UTC)
            keyring = world.wiring.keyring
            stored.append(repository.put_answer(connection, keyring, access, answer=said, by="test", now=at))
    assert ([True, False], Answer.NO) == (stored, now(world, dana, access).answer)


def test_nobody_confirms_an_access_of_their_own(world: World, dana: Somebody) -> None:
    access = one(world, dana)
    with pytest.raises(NotAskedError):
        answer(world, dana, {access.id: Answer.YES}, practitioner="charity-1")
    assert now(world, dana, access).answer is None


def test_another_agency_answers_nothing(world: World, dana: Somebody) -> None:
    access = one(world, dana)
    with pytest.raises(NotAskedError):
        service.answer_at_desk(
            world.wiring, dana.who, "camhs", {access.id: Answer.YES}, practitioner="camhs-1"
        )
    assert now(world, dana, access).answer is None


def test_one_bad_answer_of_several_stores_none(world: World, dana: Somebody) -> None:
    access = one(world, dana)
    with pytest.raises(NotAskedError):
        answer(world, dana, {access.id: Answer.YES, uuid4(): Answer.YES})
    assert (None, []) == (now(world, dana, access).answer, noted(world, "sample.answer"))


def test_a_letter_says_who_said_it_and_when(world: World, dana: Somebody) -> None:
    access = one(world, dana)
    service.enter(world.wiring, dana.who, access.sample.id, {access.id: Answer.CANNOT_TELL}, LETTER)
    found = now(world, dana, access)
    assert (Answer.CANNOT_TELL, LETTER, "dana") == (found.answer, found.told, found.answered_by)
    (entry,) = noted(world, "sample.answer")
    assert "letter" == entry["channel"]
    assert not [each for each in entry.values() if "Ivy" in str(each)]


def test_who_said_it_lies_sealed_under_the_familys_key(world: World, dana: Somebody) -> None:
    access = one(world, dana)
    service.enter(world.wiring, dana.who, access.sample.id, {access.id: Answer.YES}, LETTER)
    with world.wiring.engine.connect() as connection:
        sealed = connection.execute(text("SELECT sealed FROM gateway.sampled_access")).scalar_one()
        keys = world.wiring.keyring.family(connection, access.family_id)
    assert b"Ivy" not in sealed
    opened = unseal(keys.data_key, sealed, aad=b"sampled access:" + access.id.bytes)
    assert LETTER.by.encode() == opened


# --- Clocks and what is the officer's -----------------------------------------------------------------------


LATENESS: Final = {
    "asked": (14, 14, State.ASKED, 0),
    "on its last day": (0, 1, State.ASKED, 0),
    "reminded": (-1, 2, State.REMINDED, 0),
    "escalated": (-3, 3, State.ESCALATED, 1),
}


@pytest.mark.parametrize(("days", "more", "state", "waits"), list(LATENESS.values()), ids=list(LATENESS))
def test_silence_is_the_officers_from_its_day_on(
    world: World, days: int, more: int, state: State, waits: int
) -> None:
    """No job has run: it follows from the row and the day."""
    world = with_sampling(world, answer_days=days, escalate_days=more)
    dana = officer(world)
    access = one(world, dana)
    assert state is access.state(today=world.today)
    assert waits == len(service.with_officer(world.wiring, dana.who))


def test_a_no_is_the_officers_until_it_is_settled(world: World, dana: Somebody) -> None:
    access = one(world, dana)
    answer(world, dana, {access.id: Answer.NO})
    assert [access.id] == [each.id for each in service.with_officer(world.wiring, dana.who)]
    service.settle(world.wiring, dana.who, access.id, Outcome.INCIDENT)
    assert () == service.with_officer(world.wiring, dana.who)
    with pytest.raises(NotAskedError):
        service.settle(world.wiring, dana.who, access.id, Outcome.EXPLAINED)
    assert Outcome.INCIDENT is now(world, dana, access).outcome
    assert ["incident"] == [each["outcome"] for each in noted(world, "sample.settle")]


@pytest.mark.parametrize("said", [Answer.YES, Answer.CANNOT_TELL])
def test_nothing_but_a_no_is_settled(world: World, dana: Somebody, said: Answer) -> None:
    access = one(world, dana)
    answer(world, dana, {access.id: said})
    with pytest.raises(NotAskedError):
        service.settle(world.wiring, dana.who, access.id, Outcome.EXPLAINED)
    assert () == service.with_officer(world.wiring, dana.who)


# --- Erasure ------------------------------------------------------------------------------------------------


def erase(world: World, eraser: Engine, source_ref: str) -> None:
    with world.wiring.engine.begin() as connection:
        for task in open_tasks(connection):
            if task.kind is TaskKind.CONSENT_STOPPED:
                finish(connection, task.id, actor="test", now=datetime.now(UTC))
    erase_family(
        eraser,
        wiring=world.wiring,
        family_id=world.family_id(source_ref),
        requested_by="dana.dpo",
        approved_by="ola.officer",
    )


def test_an_erased_family_is_in_no_sample(world: World, dana: Somebody, eraser: Engine) -> None:
    for source_ref in ("EH-1", "EH-2", "EH-3"):
        pull(world, source_ref)
    found = draw(world, dana, wanted=2)
    gone = next(each for each in ("EH-1", "EH-2", "EH-3") if world.family_id(each) == found[0].family_id)
    erase(world, eraser, gone)
    left = service.for_officer(world.wiring, dana.who, sample_id=found[0].sample.id)
    assert [found[1].id] == [each.id for each in left]
    assert 1 == count(world, "gateway.sampled_access")
    assert (0, "The same accesses are") == checked(world, found[0].sample.id)
    with pytest.raises(NotAskedError):
        answer(world, dana, {found[0].id: Answer.YES})


def test_what_was_not_confirmed_keeps_the_family_until_it_is_settled(
    world: World, dana: Somebody, eraser: Engine
) -> None:
    """Erasing would take the evidence of what may be a breach."""
    access = one(world, dana)
    answer(world, dana, {access.id: Answer.NO})
    with pytest.raises(ErasureRefusedError):
        erase(world, eraser, "EH-1")
    service.settle(world.wiring, dana.who, access.id, Outcome.PUT_RIGHT)
    erase(world, eraser, "EH-1")
    assert 0 == count(world, "gateway.sampled_access")


def test_a_sample_that_is_drawn_meanwhile_is_erased_with_the_family(
    world: World, eraser: Engine, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn and not committed while the family's rows are deleted, it would lead to a family that is gone."""
    pull(world, "EH-1")
    add_accesses = repository.add_accesses
    erasing = Thread(target=erase, args=(world, eraser, "EH-1"))

    def add_and_wait(connection: Connection, sample_id: UUID, found: Mapping[UUID, Row[Any]]) -> None:
        add_accesses(connection, sample_id, found)
        erasing.start()
        until = monotonic() + 10
        while not is_blocked(owner) and monotonic() < until:
            sleep(0.01)
        assert is_blocked(owner)

    monkeypatch.setattr(repository, "add_accesses", add_and_wait)
    service.draw_by_hand(world.wiring, "charity", days=31, wanted=5, by="dana")
    erasing.join(timeout=10)
    assert 2 == count(world, "gateway.case_record")
    assert 0 == count(world, "gateway.sampled_access")


def is_blocked(owner: Engine) -> bool:
    """True while somebody waits for a lock."""
    with owner.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())
