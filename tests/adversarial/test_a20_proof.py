"""A-20: a DPoP proof that is missing, doubled, of another kind, key, method, address, token or time.

Expected: 400 ``invalid_dpop_proof`` at the token endpoint, 401 at the API. A good proof by another key than the token's
is 401 ``invalid_token`` there. That a proof is good once is A-16.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from tests.adversarial.attackers import (
    DP,
    DP_AT_API,
    IT,
    ME,
    PASSED,
    PROOFS,
    Attack,
    Honest,
    api_proof_of,
    assert_refused,
    outcome,
    with_certificate,
    with_proofs,
)
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import encode, new_key, sign, without


def _claims(**changes: Any) -> Attack:
    return lambda honest: honest.changed(**changes)


def _header(**members: Any) -> Attack:
    return lambda honest: honest.changed(members)


def _jwk(**members: Any) -> Attack:
    """The right key, with something else in it; ``...`` leaves a member out."""
    return lambda honest: honest.changed({"jwk": without({**honest.header["jwk"], **members})})


def _address(change: Callable[[str], Any]) -> Attack:
    return lambda honest: honest.changed(htu=change(honest.claims["htu"]))


def _made(ago: float) -> Attack:
    return lambda honest: honest.changed(iat=int(time.time() - ago))


def _with_key(make: Callable[[], Any], algorithm: str) -> Attack:
    """Another key, which it brings along as it should."""

    def attack(honest: Honest) -> str:
        key = make()
        header = {**honest.header, "alg": algorithm, "jwk": key.as_dict(private=False)}
        return sign(header, honest.claims, key)

    return attack


@cache
def _rsa(bits: int) -> RSAKey:
    return RSAKey.generate_key(bits)


def _off_the_curve(honest: Honest) -> str:
    x, y = (encode(bytes(31) + bytes([number])) for number in (1, 1))
    return honest.changed({"jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}})


KEYS: Mapping[str, Attack] = {
    "no key": _header(jwk=...),
    "null": _header(jwk=None),
    "text": _header(jwk="key"),
    "list": _header(jwk=[]),
    "empty": _header(jwk={}),
    "private": lambda honest: honest.changed({"jwk": honest.key.as_dict(private=True)}),
    "a private member": _jwk(d="AAAA"),
    "symmetric": _header(jwk={"kty": "oct", "k": "c2VjcmV0"}),
    "for encryption": _jwk(use="enc"),
    "without y": _jwk(y=...),
    "without a curve": _jwk(crv=...),
    "called another curve": _jwk(crv="P-384"),
    "called RSA": _jwk(kty="RSA"),
    "y is a number": _jwk(y=1),
    "another's": lambda honest: honest.changed({"jwk": new_key().as_dict(private=False)}),
    "off the curve": _off_the_curve,
    "of another curve": _with_key(lambda: ECKey.generate_key("P-384"), "ES384"),
    "RSA of 1024 bits": _with_key(lambda: _rsa(1024), "PS256"),
    "RSA of 2048 bits with PKCS #1": _with_key(lambda: _rsa(2048), "RS256"),
}
METHODS_AND_ADDRESSES: Mapping[str, Attack] = {
    "no method": _claims(htm=...),
    "another method": _claims(htm="DELETE"),
    "method in lower case": lambda honest: honest.changed(htm=honest.claims["htm"].lower()),
    "method with a blank": lambda honest: honest.changed(htm=honest.claims["htm"] + " "),
    "method is a list": lambda honest: honest.changed(htm=[honest.claims["htm"]]),
    "every method": _claims(htm="*"),
    "no address": _claims(htu=...),
    "address is a list": _address(lambda url: [url]),
    "empty address": _claims(htu=""),
    "another host": _claims(htu="https://evil.example/oauth/token"),
    "our host below another": _address(lambda url: url.replace("://localhost", "://localhost.evil.example")),
    "our host as a user": _address(lambda url: url.replace("://localhost", "://localhost@evil.example")),
    "a user of ours": _address(lambda url: url.replace("://", "://a@")),
    "another path": _address(lambda url: url + "/other"),
    "a slash more": _address(lambda url: url + "/"),
    "no path": _address(lambda url: "/".join(url.split("/")[:3])),
    "an encoded slash": _address(lambda url: "%2F".join(url.rsplit("/", 1))),
    "a detour": _address(lambda url: "/x/../".join(url.rsplit("/", 1))),
    "no port": _address(lambda url: "https://localhost/" + url.split("/", 3)[3]),
    "another port": _address(lambda url: "https://localhost:1/" + url.split("/", 3)[3]),
    "another name of the host": _address(lambda url: url.replace("://localhost", "://127.0.0.1")),
    "without TLS": _address(lambda url: url.replace("https:", "http:")),
    "another scheme": _address(lambda url: url.replace("https:", "wss:")),
    "relative": _address(lambda url: "/" + url.split("/", 3)[3]),
    "without a scheme": _address(lambda url: url.removeprefix("https:")),
    "blank before": _address(lambda url: " " + url),
    "blank behind": _address(lambda url: url + " "),
    "line end inside": _address(lambda url: url.replace("://", "://\n")),
    "tabulator inside": _address(lambda url: url + "\t"),
    "zero character": _address(lambda url: url + "\x00"),
}
TIMES_AND_NAMES: Mapping[str, Attack] = {
    "no iat": _claims(iat=...),
    "iat as text": lambda honest: honest.changed(iat=str(honest.claims["iat"])),
    "iat is null": _claims(iat=None),
    "iat is true": _claims(iat=True),
    "iat of 500 digits": _claims(iat=10**500),
    "an hour old": _made(3_600),
    "62 seconds old": _made(62),
    "33 seconds ahead": _made(-33),
    "an hour ahead": _made(-3_600),
    "no jti": _claims(jti=...),
    "empty jti": _claims(jti=""),
    "jti is a number": _claims(jti=7),
    "jti of 129 characters": _claims(jti="x" * 129),
}
TEXTS: Mapping[str, Attack] = {
    "nothing": lambda _: " ",
    "garbage": lambda _: "garbage",
    "two in one header": lambda honest: f"{honest.compact},{honest.compact}",
    "two with a blank between": lambda honest: f"{honest.compact}, {honest.compact}",
    "a blank inside": lambda honest: honest.compact.replace(".", " .", 1),
    "quoted": lambda honest: f'"{honest.compact}"',
    "with a scheme": lambda honest: f"DPoP {honest.compact}",
}
ATTACKS: Mapping[str, Attack] = {**KEYS, **METHODS_AND_ADDRESSES, **TIMES_AND_NAMES, **TEXTS}


@pytest.mark.filterwarnings("ignore:.*2048")
@pytest.mark.parametrize("target", PROOFS)
def test_a_bad_proof_is_refused(door: DoorPlace, target: str) -> None:
    """Beside a valid certificate, too: who sends a proof is held to it."""
    assert_refused(PROOFS[target](door), ATTACKS)


def test_a_request_without_a_proof_is_refused(door: DoorPlace) -> None:
    partner = with_proofs(door)
    token = partner.token()
    assertion = partner.assertion()
    assert DP == outcome(partner.ask(client_assertion=assertion, proof=None))
    assert DP_AT_API == outcome(partner.get(ME, token, proof=None))
    assert PASSED == outcome(partner.ask(client_assertion=assertion))
    assert PASSED == outcome(partner.get(ME, token))


@pytest.mark.parametrize("second", ["another", "the same", "empty"])
def test_two_proofs_are_refused(door: DoorPlace, second: str) -> None:
    """Two headers: which one was checked, which one was meant?"""
    partner = with_proofs(door)
    token = partner.token()

    def pair(proof: str, other: str) -> list[str]:
        return [proof, {"another": other, "the same": proof, "empty": ""}[second]]

    proofs = pair(partner.proof(), partner.proof())
    assert DP == outcome(partner.ask(proof=proofs))
    url = partner.issuer + ME
    one, other = pair(*(partner.proof("GET", url, token=token) for _ in range(2)))
    assert DP_AT_API == outcome(partner.get(ME, token, proof=one, headers=[("DPoP", other)]))
    assert PASSED == outcome(partner.ask(proof=proofs[0]))
    assert PASSED == outcome(partner.get(ME, token, proof=one))


def test_a_proof_names_its_token(door: DoorPlace) -> None:
    """``ath``: a proof that was made for one token goes with no other, not even one of the same key."""
    partner = with_proofs(door)
    other = partner.proof("GET", partner.issuer + ME, token=partner.token())
    honest = api_proof_of(partner)
    attacks: dict[str, Attack] = {
        "absent": _claims(ath=...),
        "null": _claims(ath=None),
        "empty": _claims(ath=""),
        "another": _claims(ath="x" * 43),
        "of the empty text": _claims(ath="47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
        "in a list": lambda honest: honest.changed(ath=[honest.claims["ath"]]),
        "padded": lambda honest: honest.changed(ath=honest.claims["ath"] + "="),
        "proof for another token": lambda _: other,
        "proof for a token request": lambda _: partner.proof(),
    }
    assert_refused(honest, attacks)


def test_a_good_proof_of_another_key_moves_no_token(door: DoorPlace) -> None:
    """The stolen token: a thief has a key of their own, and the token names another."""
    partner = with_proofs(door)
    token = partner.token()
    thief = replace(partner, proof_key=new_key())
    assert IT == outcome(thief.get(ME, token))
    assert PASSED == outcome(partner.get(ME, token))


def test_a_bad_proof_is_not_made_good_by_a_certificate(door: DoorPlace) -> None:
    """The token would be bound to the certificate then, which is not what was asked for."""
    partner = with_certificate(door)
    answers = [outcome(partner.ask(proof=proof)) for proof in (partner.proof(htm="GET"), "garbage")]
    assert [DP, DP] == answers
    answer = partner.ask(proof=partner.proof())
    assert "DPoP" == answer.get_json()["token_type"]
