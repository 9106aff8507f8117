"""A-5: an encrypted JWT, a compressed one, or another serialisation where a signed compact one belongs.

Expected: 400 ``invalid_client`` for an assertion, ``invalid_dpop_proof`` (401 at the API) for a proof, 401
``invalid_token`` for a token. Nothing is ever decrypted or unpacked.
"""

import json
import zlib
from collections.abc import Mapping

import pytest

from tests.adversarial.attackers import TARGETS, Attack, Honest, assert_refused
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import encode, part, sign


def _encrypted(algorithm: str, encryption: str) -> Attack:
    """Five parts, as RFC 7516 has them."""

    def attack(honest: Honest) -> str:
        header = {**honest.header, "alg": algorithm, "enc": encryption}
        return ".".join([part(header), "", *map(encode, (b"i" * 12, honest.compact.encode(), b"t" * 16))])

    return attack


def _deflated(honest: Honest) -> str:
    packed = zlib.compress(json.dumps(honest.claims).encode(), wbits=-15)
    return sign({**honest.header, "zip": "DEF"}, packed, honest.key)


def _nested(honest: Honest) -> str:
    return sign({**honest.header, "cty": "JWT"}, honest.compact.encode(), honest.key)


def _as_json(*, flattened: bool) -> Attack:
    """RFC 7515 section 7.2, whose unprotected headers nobody signs."""

    def attack(honest: Honest) -> str:
        protected, payload, signature = honest.compact.split(".")
        signed = {"protected": protected, "signature": signature}
        return json.dumps({"payload": payload, **(signed if flattened else {"signatures": [signed]})})

    return attack


ATTACKS: Mapping[str, Attack] = {
    "encrypted with dir": _encrypted("dir", "A256GCM"),
    "encrypted to a key": _encrypted("ECDH-ES", "A128CBC-HS256"),
    "encrypted with a password": _encrypted("PBES2-HS256+A128KW", "A128GCM"),
    "two parts more": lambda honest: f"{honest.compact}.{encode(b'iv')}.{encode(b'tag')}",
    "four parts": lambda honest: f"{honest.compact}.AAAA",
    "compressed": _deflated,
    "a JWS inside": _nested,
    "as JSON": _as_json(flattened=False),
    "as flattened JSON": _as_json(flattened=True),
}


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_signed_json_is_refused(door: DoorPlace, target: str) -> None:
    assert_refused(TARGETS[target](door), ATTACKS)
