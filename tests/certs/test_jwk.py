"""Key sets of other parties are accepted only when every key is public, strong and meant for signatures."""

import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from certs.errors import JwkError
from certs.jwk import new_es256_key, public_part, sanitise_jwks

RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")


def _public(key: ECKey | OKPKey | RSAKey, **more: object) -> dict[str, Any]:
    return {**key.as_dict(private=False), **more}


def test_a_new_key_signs_es256_and_is_named_by_its_thumbprint() -> None:
    jwk = new_es256_key()
    key = ECKey.import_key(dict(jwk))
    signed = jws.serialize_compact({"alg": "ES256"}, b"x", key)
    verified = jws.deserialize_compact(signed, ECKey.import_key(dict(public_part(jwk))))
    assert verified.payload == b"x"
    assert jwk["kid"] == key.thumbprint()


def test_the_thumbprint_is_the_one_of_rfc_7638() -> None:
    """The RSA key and its thumbprint of RFC 7638 §3.1; `e` and `n` only, so other members do not count."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
        "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8a"
        "wapJzKnqDKgw"
    )
    accepted = sanitise_jwks({"keys": [{"kty": "RSA", "n": modulus, "e": "AQAB"}]})
    assert accepted["keys"][0]["kid"] == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_public_part_holds_no_private_member() -> None:
    jwk = new_es256_key()
    assert {"kty", "crv", "x", "y", "kid", "use", "alg"} == public_part(jwk).keys()
    assert jwk["d"] not in json.dumps(public_part(jwk))


def test_the_public_part_of_a_symmetric_key_is_refused() -> None:
    with pytest.raises(JwkError):
        public_part({"kty": "oct", "k": "c2VjcmV0"})


@pytest.mark.parametrize("key", [EC, RSA, OKPKey.generate_key("Ed25519")], ids=["EC", "RSA", "OKP"])
def test_a_public_key_is_accepted_and_gets_a_kid(key: ECKey | OKPKey | RSAKey) -> None:
    accepted = sanitise_jwks({"keys": [_public(key, x5u="https://elsewhere.test/", note="x")]})
    expected = _public(key) | {"kid": key.thumbprint()}
    assert {"keys": [expected]} == accepted


def test_a_kid_of_its_own_is_kept() -> None:
    accepted = sanitise_jwks({"keys": [_public(EC, kid="2026-10")]})
    assert accepted["keys"][0]["kid"] == "2026-10"


REFUSED: dict[str, tuple[object, str]] = {
    "private EC": (EC.as_dict(private=True), "/keys/0"),
    "private RSA": (RSA.as_dict(private=True), "/keys/0"),
    "symmetric": (OctKey.generate_key(256).as_dict(private=True), "/keys/0"),
    "symmetric, secret left out": ({"kty": "oct"}, "/keys/0/kty"),
    "P-384": (_public(ECKey.generate_key("P-384")), "/keys/0/crv"),
    "X25519": (_public(OKPKey.generate_key("X25519")), "/keys/0/crv"),
    "unknown curve": (_public(EC, crv="P-1"), "/keys/0/crv"),
    "point off the curve": (_public(EC, x=_public(EC)["y"]), "/keys/0"),
    "RSA-1024": (
        {
            "kty": "RSA",
            "e": "AQAB",
            "n": "3M8cLWxBBMYjTmxQ7KSx1D0bU3Yy7i4eDdnUNDmBvOmYDmQ3VYtT0sFsv1MXsf2q5JUhOfGNOGmpXZlxCIZYjWr2o0RM2fJ9Wk4zB_Pv8"
            "mbkqj2YvyJSQr7dNTkW2lhCsKuzTOJZ0f0LyiVmV9YvYv3Qm9zKnLrY5jG9W3b5Q1k",
        },
        "/keys/0/n",
    ),
    "RSA with e=3": (_public(RSA, e="Aw"), "/keys/0/e"),
    "for encryption": (_public(EC, use="enc"), "/keys/0/use"),
    "HS256": (_public(EC, alg="HS256"), "/keys/0/alg"),
    "none": (_public(EC, alg="none"), "/keys/0/alg"),
    "RS256": (_public(RSA, alg="RS256"), "/keys/0/alg"),
    "EC key for PS256": (_public(EC, alg="PS256"), "/keys/0/alg"),
    "kid is an object": (_public(EC, kid={"a": 1}), "/keys/0/kid"),
    "kid is empty": (_public(EC, kid=""), "/keys/0/kid"),
    "x is a number": (_public(EC, x=1), "/keys/0/x"),
    "x is not base64": (_public(EC, x="***"), "/keys/0"),
    "not an object": ("key", "/keys/0"),
}


@pytest.mark.parametrize(("key", "pointer"), REFUSED.values(), ids=REFUSED.keys())
def test_an_unacceptable_key_is_refused_where_it_stands(key: object, pointer: str) -> None:
    """The library imports private, symmetric and weak keys happily; onboarding is where they stop."""
    with pytest.raises(JwkError) as refused:
        sanitise_jwks({"keys": [key]})
    assert pointer == refused.value.pointer


def test_one_bad_key_refuses_the_whole_set() -> None:
    with pytest.raises(JwkError) as refused:
        sanitise_jwks({"keys": [_public(EC), _public(RSA, alg="none")]})
    assert refused.value.pointer == "/keys/1/alg"


@pytest.mark.parametrize(
    "document", [None, [], {}, {"keys": []}, {"keys": {}}, {"keys": [{}] * 17}, "x"], ids=repr
)
def test_what_is_not_a_key_set_is_refused(document: object) -> None:
    with pytest.raises(JwkError) as refused:
        sanitise_jwks(document)
    assert refused.value.pointer == "/keys"


def test_two_keys_with_one_kid_are_refused() -> None:
    """Verification would take the first and fail the other by chance of order."""
    other = ECKey.generate_key("P-256")
    with pytest.raises(JwkError):
        sanitise_jwks({"keys": [_public(EC, kid="a"), _public(other, kid="a")]})


def test_a_refusal_does_not_quote_the_key() -> None:
    private = EC.as_dict(private=True)
    with pytest.raises(JwkError) as refused:
        sanitise_jwks({"keys": [private]})
    assert str(private["d"]) not in str(refused.value)
