"""A-12: JSON that is nested thousands of levels deep, no object, no JSON, or that says a thing twice.

Expected: 400 ``invalid_client`` for an assertion, ``invalid_dpop_proof`` (401 at the API) for a proof, 401
``invalid_token`` for a token, 400 ``invalid_authorization_details`` for those; never a fault of ours.
"""

import json
from collections.abc import Callable, Mapping

import pytest

from tests.adversarial.attackers import EVERY_WAY, TARGETS, Attack, assert_refused, outcome
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import part, sign

DEEP = 2_500


def _payload(data: bytes) -> Attack:
    """Rightly signed, so that whatever reads it afterwards is reached, too."""
    return lambda honest: sign(honest.header, data, honest.key)


def _header(data: bytes) -> Attack:
    return lambda honest: f"{part(data)}.{part(honest.claims)}.{'A' * 86}"


def _claims(change: Callable[[str], str]) -> Attack:
    return lambda honest: honest.written(claims=change(json.dumps(dict(honest.claims))))


def _more(members: str) -> Attack:
    """More members behind those that are there."""
    return _claims(lambda text: f"{text[:-1]}, {members}}}")


def _more_header(members: str) -> Attack:
    return lambda honest: honest.written(header=f"{json.dumps(dict(honest.header))[:-1]}, {members}}}")


PAYLOADS: Mapping[str, Attack] = {
    "opened only": _payload(b"[" * DEEP),
    "lists": _payload(b"[" * DEEP + b"]" * DEEP),
    "objects": _payload(b'{"sub":' * 500 + b"1" + b"}" * 500),
    "nine levels": _payload(b'{"sub":' + b"[" * 9 + b"]" * 9 + b"}"),
    "text": _payload(b'"text"'),
    "list": _payload(b"[]"),
    "null": _payload(b"null"),
    "empty object": _payload(b"{}"),
    "no JSON": _payload(b"\xff\xfe"),
    "a byte order mark": _claims(lambda text: "\ufeff" + text),
    "number without end": _payload(b'{"sub": ' + b"9" * 3_000 + b"}"),
    "NaN": _more('"x": NaN'),
    "Infinity": _more('"x": -Infinity'),
    "half a character": _more('"x": "\\ud800"'),
    "zero character": _more('"x": "\\u0000"'),
    "a member twice": _more('"jti": "x"'),
    "a member twice, escaped": _more('"j\\u0074i": "x"'),
    "a strange member twice": _more('"x": 1, "x": 1'),
    "a member twice, further down": _more('"x": {"y": 1, "y": 2}'),
    "comma at the end": _claims(lambda text: text[:-1] + ",}"),
    "something after it": _claims(lambda text: text + "{}"),
    "comment": _claims(lambda text: text + "//"),
}
HEADERS: Mapping[str, Attack] = {
    "nested header": _header(b"[" * 2_900),
    "header is a list": _header(b"[]"),
    "header is text": _header(b'"ES256"'),
    "header is no JSON": _header(b"\x00"),
    "two algorithms": _more_header('"alg": "ES256"'),
    "two types": _more_header('"typ": "x", "typ": "JWT"'),
}


@pytest.mark.parametrize("target", TARGETS)
def test_odd_json_is_refused(door: DoorPlace, target: str) -> None:
    assert_refused(TARGETS[target](door), {**PAYLOADS, **HEADERS})


DETAILS: Mapping[str, str] = {
    "opened only": "[" * DEEP,
    "lists": "[" * DEEP + "]" * DEEP,
    "objects": '[{"type":' * 500 + "1" + "}]" * 500,
    "a type twice": '[{"type":"case_extract","type":"case_action"}]',
    "NaN": "[NaN]",
    "half a character": '["\\ud800"]',
    "long": "x" * 5_000,
    "null": "null",
}


@pytest.mark.parametrize("way", EVERY_WAY)
def test_odd_authorization_details_are_refused(door: DoorPlace, way: str) -> None:
    partner = EVERY_WAY[way](door)
    answers = {name: outcome(partner.ask(authorization_details=text)) for name, text in DETAILS.items()}
    assert dict.fromkeys(DETAILS, (400, "invalid_authorization_details")) == answers
    assert 200 == partner.ask().status_code
