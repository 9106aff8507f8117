"""The partner's client after a withdrawal: what is recalled, what is answered, and whether a copy may be used."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from extract_client import cli
from extract_client.client import ExtractClient
from extract_client.errors import NotAvailableError, RefusedError, UnexpectedAnswerError
from extract_client.status import TYPE, verified_status
from extract_client.transport import Answer
from tests.support.served import Served, gateway
from tests.support.world import household

__all__ = ["gateway"]

SOURCE, WORKER = "EH-1", "camhs-1"


@dataclass
class Carried:
    """Carries requests into the application."""

    gateway: Served

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        answer = self.gateway.http.open(
            url.removeprefix(self.gateway.wiring.settings.issuer),
            method=method,
            headers=dict(headers),
            data=body,
            base_url=self.gateway.wiring.settings.issuer,
        )
        return Answer(
            answer.status_code, answer.mimetype or "", answer.data, answer.headers.get("DPoP-Nonce")
        )


@pytest.fixture(scope="module")
def camhs(gateway: Served) -> ExtractClient:
    member = gateway.world.join("camhs")
    household(gateway.world, SOURCE)
    key = ECKey.import_key(cast("dict[str, Any]", dict(member.key)))
    return ExtractClient(gateway.wiring.settings.issuer, member.client_id, key, Carried(gateway))


def test_a_recall_is_seen_answered_and_ended(gateway: Served, camhs: ExtractClient) -> None:
    ref = str(gateway.world.case_ref("camhs", SOURCE))
    extract = camhs.pull(ref, purpose="P1", practitioner=WORKER)["extract_id"]
    assert "current" == camhs.status(extract, purpose="P1", practitioner=WORKER)
    assert [] == camhs.recalls(practitioner=WORKER)["recalls"]
    for person in ("mum", "ada", "ben"):
        gateway.world.withdraw(SOURCE, f"{SOURCE}-{person}")
    assert "neither" == camhs.status(extract, purpose="P1", practitioner=WORKER)
    (recall,) = camhs.recalls(practitioner=WORKER)["recalls"]
    assert [extract] == recall["extracts"]
    one = recall["recall_id"]
    with pytest.raises(RefusedError):
        camhs.answer_recall(one, "retained", ground=None, practitioner=WORKER)
    kept = camhs.answer_recall(one, "retained", ground="own_record", practitioner=WORKER)
    gone = camhs.answer_recall(one, "deleted", ground=None, practitioner=WORKER)
    assert ("answered", "ended") == (kept["state"], gone["state"])


def test_what_is_not_ones_own_is_not_available(camhs: ExtractClient) -> None:
    with pytest.raises(NotAvailableError):
        camhs.status(str(uuid4()), purpose="P1", practitioner=WORKER)
    with pytest.raises(NotAvailableError):
        camhs.answer_recall(str(uuid4()), "deleted", ground=None, practitioner=WORKER)


def test_a_copy_is_asked_about_for_the_purpose_it_was_pulled_for(
    gateway: Served, camhs: ExtractClient
) -> None:
    source = "EH-2"
    household(gateway.world, source)
    gateway.world.accept_offer(source, "camhs")
    ref = str(gateway.world.case_ref("camhs", source))
    extract = camhs.pull(ref, purpose="P2", practitioner=WORKER)["extract_id"]
    assert "current" == camhs.status(extract, purpose="P2", practitioner=WORKER)
    with pytest.raises(NotAvailableError):
        camhs.status(extract, purpose="P1", practitioner=WORKER)


@pytest.mark.parametrize(("found", "expected"), [("current", 0), ("permitted", 0), ("neither", 4)])
def test_the_command_tells_a_script_whether_to_stop(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: str, expected: int
) -> None:
    """A nightly job looks at the exit status alone."""
    asked: dict[str, str] = {}

    class Stub:
        def status(self, extract_id: str, *, purpose: str, practitioner: str) -> str:
            asked.update(extract=extract_id, purpose=purpose, practitioner=practitioner)
            return found

    monkeypatch.setattr(cli, "_open", lambda _access: Stub())
    access = ["--base-url", "https://gateway.test", "--client-id", "ag_1", "--key-file", "k"]
    line = ["status", EXTRACT, *access, "--practitioner", WORKER, "--purpose", "P2"]
    assert (expected, f"{found}\n") == (cli.main(line), capsys.readouterr().out)
    assert {"extract": EXTRACT, "purpose": "P2", "practitioner": WORKER} == asked


KEY, OTHER = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("one", "other"))
PUBLIC = [dict(key.as_dict(private=False)) for key in (KEY, OTHER)]
EXTRACT = "9f1c6f0e-6f0d-4f39-9a55-0d3c4c7e9a51"


def signed(
    *, key: ECKey = KEY, kind: str = TYPE, kid: str = "one", algorithm: str = "ES256", **changes: object
) -> dict[str, Any]:
    claims = {
        "iss": "https://gateway.test",
        "aud": "ag_1",
        "sub": EXTRACT,
        "status": "current",
        "exp": time.time() + 300,
        **changes,
    }
    header = {"alg": algorithm, "typ": kind, "kid": kid}
    return {"status": "current", "signature": jws.serialize_compact(header, json.dumps(claims), key)}


def check(answer: Mapping[str, Any]) -> str:
    return verified_status(
        answer,
        keys=PUBLIC,
        issuer="https://gateway.test",
        client_id="ag_1",
        extract_id=EXTRACT,
        now=time.time(),
    )


def test_a_good_answer_is_believed() -> None:
    assert "current" == check(signed())


BAD: dict[str, dict[str, Any]] = {
    "of another copy": signed(sub=str(uuid4())),
    "to another client": signed(aud="ag_2"),
    "by another gateway": signed(iss="https://other.test"),
    "of yesterday": signed(exp=time.time() - 1),
    "another word": signed(status="neither"),
    "a token": signed(kind="at+jwt"),
    "another key": signed(key=OTHER),
    "a key nobody knows": signed(kid="third"),
    "no signature": {"status": "current"},
    "not signed": {"status": "current", "signature": "e30.e30."},
    "no text": {"status": "current", "signature": None},
    "letters": {"status": "current", "signature": "é"},
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD.keys())
def test_any_other_is_not(answer: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedAnswerError):
        check(answer)


def test_keys_that_are_none_prove_nothing() -> None:
    lists: list[Any] = [["one", None], [{"kid": "one"}], []]
    for some in lists:
        with pytest.raises(UnexpectedAnswerError):
            verified_status(
                signed(),
                keys=some,
                issuer="https://gateway.test",
                client_id="ag_1",
                extract_id=EXTRACT,
                now=time.time(),
            )
