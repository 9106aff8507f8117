"""The lag gate: what the age of the newest quorum means."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extract_client.log.note import COSIGNATURE, NoteSigner, VerifierKey
from extract_client.log.policy import Policy
from gateway.disclosure_log.lag import Lag, WitnessLag, lag_of

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LOG = NoteSigner("log.test/1", Ed25519PrivateKey.from_private_bytes(bytes(32))).verifier
WITNESS = VerifierKey("witness.test/w1", COSIGNATURE, LOG.public)
WITNESSED = Policy.parse(f"log {LOG}\nwitness w1 {WITNESS}\nquorum w1\n")


def lag(witnessed_at: datetime | None, *, policy: Policy | None = WITNESSED) -> Lag:
    return lag_of(policy, witnessed_at=witnessed_at, now=NOW, warn_seconds=120, stop_seconds=900)


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (timedelta(0), WitnessLag.OK),
        (timedelta(seconds=120), WitnessLag.OK),
        (timedelta(seconds=120, microseconds=1), WitnessLag.WARN),
        (timedelta(seconds=900), WitnessLag.WARN),
        (timedelta(seconds=900, microseconds=1), WitnessLag.STOP),
        (timedelta(days=400), WitnessLag.STOP),
    ],
)
def test_the_age_of_the_newest_quorum_decides(age: timedelta, state: WitnessLag) -> None:
    assert Lag(state, int(age.total_seconds())) == lag(NOW - age)


def test_a_quorum_that_was_never_met_stops_releases() -> None:
    assert Lag(WitnessLag.STOP) == lag(None)
    assert lag(None).stops


def test_a_quorum_recorded_while_this_process_read_the_time_is_of_no_age() -> None:
    assert Lag(WitnessLag.OK, 0) == lag(NOW + timedelta(seconds=2))


@pytest.mark.parametrize("policy", [None, Policy.for_log(str(LOG))], ids=["no policy", "no witness"])
@pytest.mark.parametrize("witnessed_at", [None, NOW - timedelta(days=1)])
def test_without_a_witness_the_gate_is_off_and_says_so(
    policy: Policy | None, witnessed_at: datetime | None
) -> None:
    found = lag(witnessed_at, policy=policy)
    assert Lag(WitnessLag.OFF) == found
    assert not found.stops
    assert "No witness" in found.sentence


def test_only_stop_stops() -> None:
    assert [WitnessLag.STOP] == [state for state in WitnessLag if Lag(state).stops]
