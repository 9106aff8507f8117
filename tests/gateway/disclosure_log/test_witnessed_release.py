"""What witnesses change for a partner: when releases stop, which checkpoint is shown, and the receipt upgraded."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extract_client.errors import NotWitnessedError
from extract_client.log.receipt import verify_receipt
from extract_client.log.witness import Witness
from gateway.app import build_app
from gateway.disclosure_log import witness_repository
from gateway.disclosure_log.publishing import publish_head, start
from gateway.disclosure_log.reading import log_size
from gateway.disclosure_log.receipt import receipt_again
from gateway.disclosure_log.service import act
from gateway.disclosure_log.witnessing import collect
from gateway.log_signer import LogSigner
from gateway.release.model import Outcome, Refused, Released, Unavailable
from gateway.wiring import Wiring
from tests.support.witnesses import listening, port_of
from tests.support.world import World, household


@pytest.fixture
def world(wiring: Wiring, tmp_path: Path) -> Iterator[World]:
    """A council whose log has one witness, which listens, and has not been asked yet."""
    (tmp_path / "witness").mkdir()
    witness = Witness(
        "witness.test",
        key=Ed25519PrivateKey.generate(),
        logs=[signer.verifier for signer in wiring.log.signers],
        folder=tmp_path / "witness",
    )
    with listening(witness) as server:
        policy = tmp_path / "policy"
        policy.write_text(
            f"log {wiring.log.vkeys[0]}\n"
            f"witness one {witness.verifier} http://127.0.0.1:{port_of(server)}\n"
            "quorum one\n"
        )
        settings = dataclasses.replace(wiring.settings, witness_policy_file=policy)
        made = World(dataclasses.replace(wiring, settings=settings, log=LogSigner.load(settings)))
        made.join("camhs")
        household(made, "EH-1")
        yield made


def now() -> datetime:
    return datetime.now(UTC)


def pull(world: World) -> Outcome:
    return world.release("camhs", "EH-1")


def witnessed(world: World) -> None:
    """The worker's round: the newest checkpoint is cosigned."""
    publish_head(world.wiring)
    assert 1 == collect(world.wiring, now())


def age_quorum(world: World, age: timedelta) -> None:
    """The witness was heard of for the last time so long ago, on a checkpoint that is the newest witnessed."""
    start(world.wiring)
    with act(world.wiring) as change:
        change.record(kind="log.cover", actor="test")
    size = publish_head(world.wiring).frontier.size
    with world.wiring.engine.begin() as connection:
        witness_repository.record_quorum(connection, size=size, at=now() - age)


def test_nothing_is_released_before_the_first_quorum(world: World) -> None:
    """And nothing is recorded of it: there was neither a release nor a refusal."""
    start(world.wiring)
    before = size(world)
    assert isinstance(pull(world), Unavailable)
    assert before == size(world)
    witnessed(world)
    assert isinstance(pull(world), Released)


def size(world: World) -> int:
    with world.wiring.engine.connect() as connection:
        return log_size(connection)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, Released), (121, Released), (895, Released), (905, Unavailable)]
)
def test_releases_stop_once_nobody_has_confirmed_the_log_for_fifteen_minutes(
    world: World, seconds: int, expected: type[Outcome]
) -> None:
    age_quorum(world, timedelta(seconds=seconds))
    assert isinstance(pull(world), expected)


def test_refusals_and_withdrawals_go_on_without_the_witness(world: World) -> None:
    """Closing acts need nobody; and a refusal tells nothing that would have to wait."""
    age_quorum(world, timedelta(hours=1))
    for who in ("mum", "ada", "ben"):
        world.withdraw("EH-1", f"EH-1-{who}")
    before = size(world)
    assert isinstance(pull(world), Refused)
    assert before + 1 == size(world)


def test_a_receipt_is_upgraded_to_the_witnessed_one(world: World) -> None:
    """The first one proves inclusion to who trusts the log's key; the later one, to who asks for the witness, too."""
    witnessed(world)
    outcome = pull(world)
    assert isinstance(outcome, Released)
    policy, origin = world.wiring.log.policy, world.wiring.log.origin
    assert policy is not None
    extract = json.loads(outcome.body)
    with pytest.raises(NotWitnessedError):
        verify_receipt(extract["receipt"], policy=policy, origin=origin, extract=extract)
    again = receipt_again(world.wiring, agency="camhs", extract_id=outcome.extract_id)
    assert again is not None
    with pytest.raises(NotWitnessedError):  # the witness has not seen this entry yet
        verify_receipt(again, policy=policy, origin=origin, extract=extract)
    witnessed(world)
    upgraded = receipt_again(world.wiring, agency="camhs", extract_id=outcome.extract_id)
    assert upgraded is not None
    verified = verify_receipt(upgraded, policy=policy, origin=origin, extract=extract)
    assert ("one",) == verified.witnessed


def test_the_checkpoint_shown_is_the_newest_that_the_quorum_signed(world: World) -> None:
    http = build_app(world.wiring).test_client()

    def shown() -> tuple[int, str]:
        answer = http.get("/log/checkpoint", base_url=world.wiring.settings.issuer)
        return answer.status_code, answer.get_data(as_text=True)

    start(world.wiring)
    assert 404 == shown()[0]
    witnessed(world)
    status, note = shown()
    assert 200 == status
    assert world.wiring.log.policy is not None
    assert ("one",) == world.wiring.log.policy.check(note, origin=world.wiring.log.origin).witnessed
    with act(world.wiring) as change:
        change.record(kind="log.cover", actor="test")
    publish_head(world.wiring)
    assert (200, note) == shown()
