"""What a load balancer and somebody at 3 a.m. are told."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extract_client.log.note import COSIGNATURE, VerifierKey
from gateway.app import build_app
from gateway.database import autocommit, open_engine
from gateway.disclosure_log.mark import MarkFile
from gateway.log_signer import LogSigner
from gateway.settings import SettingsError
from gateway.wiring import Wiring


def ready(wiring: Wiring) -> tuple[int, dict[str, Any]]:
    answer = build_app(wiring).test_client().get("/readyz", base_url=wiring.settings.issuer)
    document: dict[str, Any] = answer.get_json()
    return answer.status_code, document


def test_a_log_without_a_witness_says_so(wiring: Wiring) -> None:
    status, document = ready(wiring)
    assert (200, "ready", True) == (status, document["status"], document["log"]["releases"])
    assert document["log"]["witnesses"].startswith("No witness confirms the disclosure log")


def rolled_back(wiring: Wiring) -> None:
    MarkFile(wiring.settings.state_dir).advance(7, bytes(32))


def contradicted(wiring: Wiring) -> None:
    wiring.log.contradict()


@pytest.mark.parametrize("spoil", [rolled_back, contradicted])
def test_a_log_that_is_not_served_leaves_the_node_ready_and_says_why(
    wiring: Wiring, spoil: Callable[[Wiring], None]
) -> None:
    """A balancer that took the node away would stop withdrawals, too."""
    spoil(wiring)
    status, document = ready(wiring)
    assert (200, {"database": True}, False) == (status, document["parts"], document["log"]["releases"])
    assert document["log"]["why"].strip()


def policy_of(wiring: Wiring, *, address: str = "https://witness.test", quorum: str = "one") -> str:
    witness = VerifierKey(
        "witness.test", COSIGNATURE, Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    )
    return f"log {wiring.log.vkeys[0]}\nwitness one {witness} {address}\nquorum {quorum}\n"


def test_a_policy_that_nobody_has_met_yet_stops_releases(wiring: Wiring, tmp_path: Path) -> None:
    (tmp_path / "policy").write_text(policy_of(wiring))
    settings = dataclasses.replace(wiring.settings, witness_policy_file=tmp_path / "policy")
    assert not ready(dataclasses.replace(wiring, log=LogSigner.load(settings)))[1]["log"]["releases"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"quorum": "none"}, "no quorum"),
        ({"address": "http://witness.test"}, "too few"),
        ({"quorum": "two"}, "Line 3"),
    ],
)
def test_a_policy_that_could_never_hold_keeps_the_gateway_from_starting(
    wiring: Wiring, tmp_path: Path, changes: dict[str, str], why: str
) -> None:
    (tmp_path / "policy").write_text(policy_of(wiring, **changes))
    settings = dataclasses.replace(wiring.settings, witness_policy_file=tmp_path / "policy")
    with pytest.raises(SettingsError, match=why):
        LogSigner.load(settings)


def test_without_a_database_the_node_is_not_ready(wiring: Wiring) -> None:
    gone = wiring.settings.database_url.rpartition("/")[0] + "/nowhere"
    engine = open_engine(gone)
    status, document = ready(dataclasses.replace(wiring, engine=engine, autocommit=autocommit(engine)))
    engine.dispose()
    assert (503, "not ready", {"releases": False}) == (status, document["status"], document["log"])
