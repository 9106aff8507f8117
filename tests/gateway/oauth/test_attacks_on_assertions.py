"""Attacks on client authentication, as named cases with the one answer each of them gets.

Every case starts from a request that would succeed and changes one thing. The numbers are those of the
attack list of the security design (A-1 to A-24).
"""

import json
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, RSAKey

from gateway.oauth.errors import RegistrationError
from gateway.oauth.registration import register_client
from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import Partner, encode, new_key, part, sign, sign_hmac

Attack = Callable[[Partner], str]


def _public_pem(partner: Partner) -> bytes:
    key: Any = partner.key.public_key
    return bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _jwk_text(partner: Partner) -> bytes:
    return json.dumps(partner.key.as_dict(private=False)).encode()


def _stripped(partner: Partner) -> str:
    return partner.assertion().rpartition(".")[0] + "."


def _no_algorithm(name: str) -> Attack:
    return lambda p: f"{part({'alg': name})}.{part(p.assertion_claims())}."


def _deflated(partner: Partner) -> str:
    packed = zlib.compress(json.dumps(partner.assertion_claims()).encode())
    return sign({"alg": "ES256", "zip": "DEF"}, packed, partner.key)


def _own_key_in(member: str) -> Attack:
    def attack(partner: Partner) -> str:
        intruder = new_key()
        value = intruder.as_dict(private=False) if member == "jwk" else "https://evil.example/keys"
        return sign({"alg": "ES256", member: value}, partner.assertion_claims(), intruder)

    return attack


def _header(**members: Any) -> Attack:
    return lambda p: p.assertion(members)


def _claims(**changes: Any) -> Attack:
    return lambda p: p.assertion(**changes)


def _raw_payload(payload: bytes) -> Attack:
    return lambda p: sign({"alg": "ES256"}, payload, p.key)


def _times(**offsets: float) -> Attack:
    return lambda p: p.assertion(**{name: int(time.time() + by) for name, by in offsets.items()})


def _duplicate_member(partner: Partner) -> str:
    claims = json.dumps(partner.assertion_claims())
    return sign({"alg": "ES256"}, (claims[:-1] + ', "aud": "https://other.example"}').encode(), partner.key)


def _exp_written(text: str) -> Attack:
    def attack(partner: Partner) -> str:
        claims = json.dumps(partner.assertion_claims(exp=0)).replace('"exp": 0', f'"exp": {text}')
        return sign({"alg": "ES256"}, claims.encode(), partner.key)

    return attack


ATTACKS: Mapping[str, Attack] = {
    "A-1 alg none": _no_algorithm("none"),
    "A-1 alg nOnE": _no_algorithm("nOnE"),
    "A-2 HMAC with the public PEM": lambda p: sign_hmac(
        {"alg": "HS256"}, p.assertion_claims(), _public_pem(p)
    ),
    "A-2 HMAC with the public JWK": lambda p: sign_hmac({"alg": "HS256"}, p.assertion_claims(), _jwk_text(p)),
    "A-4 signature stripped": _stripped,
    "A-4 two parts only": lambda p: p.assertion().rpartition(".")[0],
    "A-5 encrypted instead of signed": lambda p: f"{p.assertion()}.{encode(b'iv')}.{encode(b'tag')}",
    "A-5 compressed": _deflated,
    "A-6 own key in the header": _own_key_in("jwk"),
    "A-7 own key set by address": _own_key_in("jku"),
    "A-7 own certificate by address": _own_key_in("x5u"),
    "A-8 kid walks the file system": _header(kid="../../../../dev/null"),
    "A-8 kid speaks SQL": _header(kid="x' UNION SELECT '{}' --"),
    "A-9 kid is an object": _header(kid={"kid": 1}),
    "A-10 unknown critical header": _header(crit=["unknown"], unknown=1),
    "A-10 unencoded payload": _header(b64=False, crit=["b64"]),
    "A-10 unencoded payload, not called critical": _header(b64=False),
    "A-11 header of 20 kB": _header(padding="x" * 20_000),
    "A-12 nested payload": _raw_payload(b"[" * 3_000 + b"]" * 3_000),
    "A-12 nested object": _raw_payload(b'{"sub":' * 500 + b"1" + b"}" * 500),
    "A-12 nested header": lambda p: f"{part(b'[' * 2_900)}.{part(p.assertion_claims())}.AAAA",
    "A-12 payload is no object": _raw_payload(b'"text"'),
    "A-12 payload is no JSON": _raw_payload(b"\xff\xfe"),
    "A-12 member twice": _duplicate_member,
    "A-12 number without end": _raw_payload(b'{"sub": ' + b"9" * 7_000 + b"}"),
    "A-13 typ of an access token": _header(typ="at+jwt"),
    "A-13 typ of a proof": _header(typ="dpop+jwt"),
    "A-13 typ is no text": _header(typ=1),
    "A-13 an access token": lambda p: p.token(),
    "A-13 a proof": lambda p: p.proof(),
    "A-14 audience as a list": lambda p: p.assertion(aud=[p.issuer]),
    "A-14 audience is the token endpoint": lambda p: p.assertion(aud=p.token_url),
    "A-14 audience with a slash": lambda p: p.assertion(aud=p.issuer + "/"),
    "A-14 audience is another server": _claims(aud="https://evil.example"),
    "A-14 no audience": _claims(aud=...),
    "A-15 issuer is another": _claims(iss="ag_someone-else-000000"),
    "A-15 no issuer": _claims(iss=...),
    "A-15 no subject": _claims(sub=...),
    "A-15 subject is a list": _claims(sub=["a"]),
    "A-15 subject is unknown": _claims(sub="ag_nobody-nobody-nobody"),
    "A-15 subject with half a character": _raw_payload(b'{"sub": "ag_\\ud800"}'),
    "A-15 subject with a zero byte": _raw_payload(b'{"sub": "ag_\\u0000"}'),
    "A-15 no jti": _claims(jti=...),
    "A-15 empty jti": _claims(jti=""),
    "A-15 jti is a number": _claims(jti=7),
    "A-15 jti of 129 characters": _claims(jti="x" * 129),
    "A-15 no exp": _claims(exp=...),
    "A-15 exp in the past": _times(exp=-1),
    "A-15 exp five minutes and more ahead": _times(exp=305),
    "A-15 exp as text": _claims(exp="4102444800"),
    "A-15 exp is true": _claims(exp=True),
    "A-15 exp beyond all numbers": _exp_written("1e999"),
    "A-15 exp of a thousand digits": _exp_written("9" * 1000),
    "A-15 no iat": _claims(iat=...),
    "A-15 iat a minute ahead": _times(iat=61),
    "A-15 nbf a minute ahead": _times(nbf=61),
    "A-15 nbf as text": _claims(nbf="0"),
    "signature of another key": lambda p: replace(p, key=new_key()).assertion(),
    "key of another curve": lambda p: sign(
        {"alg": "ES384"}, p.assertion_claims(), ECKey.generate_key("P-384")
    ),
    "another algorithm named": lambda p: part({"alg": "PS256"}) + "." + p.assertion().partition(".")[2],
    "one bit of the signature": lambda p: p.assertion()[:-4] + "AAAA",
    "empty": lambda _: ".",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_on_an_assertion_is_an_invalid_client(partner: Partner, attack: Attack) -> None:
    answer = partner.ask(client_assertion=attack(partner))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_client")
    assert answer.headers["Cache-Control"] == "no-store"


def test_rsa_keys_sign_with_pss_only(asking: Callable[[str], Partner]) -> None:
    """A-3: PKCS #1 v1.5 with the very same registered key is refused (FAPI 2.0 section 5.4.1)."""
    charity = asking("charity")
    attack = sign({"alg": "RS256"}, charity.assertion_claims(), charity.key)
    assert charity.ask().status_code == 200
    assert charity.ask(client_assertion=attack).get_json()["error"] == "invalid_client"


def test_a_kid_narrows_and_never_widens(partner: Partner) -> None:
    """The registered key is found by its thumbprint; an unknown kid finds nothing."""
    thumbprint = partner.key.thumbprint()
    assert partner.ask(client_assertion=partner.assertion({"kid": thumbprint})).status_code == 200
    assert partner.ask(client_assertion=partner.assertion({"kid": "other"})).status_code == 400


@pytest.mark.parametrize(
    "typ", ["JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt"]
)
def test_the_types_of_an_assertion_are_accepted(partner: Partner, typ: str) -> None:
    assert partner.ask(client_assertion=partner.assertion({"typ": typ})).status_code == 200


def test_the_client_id_of_another_client_is_refused(partner: Partner, council: Council) -> None:
    """A-17: the parameter may repeat the assertion's subject and nothing else."""
    other = council.partners["charity"].client_id
    assert partner.ask(client_id=other).get_json()["error"] == "invalid_client"
    assert partner.ask(client_id=partner.client_id).status_code == 200


@pytest.mark.parametrize(
    "second",
    [
        {"headers": {"Authorization": "Basic YTpi"}},
        {"headers": {"Authorization": "Bearer abc"}},
        {"client_secret": "secret"},
    ],
    ids=["basic", "bearer", "secret"],
)
def test_two_authentication_methods_are_refused(partner: Partner, second: dict[str, Any]) -> None:
    """A-18: a server that picks one of two is a server that can be made to pick the weaker."""
    answer = partner.ask(**second)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"headers": {"Authorization": "Basic YTpi"}},
        {"client_id": "ag_x", "client_secret": "secret"},
        {"client_id": "ag_x"},
    ],
    ids=["none", "basic", "secret", "public"],
)
def test_no_other_authentication_method_exists(partner: Partner, other: dict[str, Any]) -> None:
    answer = partner.ask(client_assertion=..., client_assertion_type=..., **other)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_client")


@pytest.mark.parametrize("kind", [..., "x", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"])
def test_the_type_of_an_assertion_must_be_said(partner: Partner, kind: Any) -> None:
    """RFC 7521 section 4.2: another type is another method, and there is only one here."""
    answer = partner.ask(client_assertion_type=kind)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_client")


def test_a_rival_client_cannot_sign_for_another(partner: Partner, asking: Callable[[str], Partner]) -> None:
    """A registered key authenticates its own client only."""
    rival = replace(asking("council"), client_id=partner.client_id)
    assert rival.ask().get_json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    "jwk",
    [
        pytest.param(lambda: RSAKey.generate_key(1024).as_dict(private=False), id="RSA of 1024 bits"),
        pytest.param(lambda: new_key().as_dict(private=True), id="private"),
        pytest.param(lambda: ECKey.generate_key("P-384").as_dict(private=False), id="another curve"),
        pytest.param(lambda: {"kty": "oct", "k": "AAAA"}, id="symmetric"),
        pytest.param(dict, id="empty"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*2048")
def test_a_weak_or_private_key_is_never_registered(
    council: Council, jwk: Callable[[], dict[str, Any]]
) -> None:
    """The size of a key is checked where it enters, since verification would not notice."""
    with council.wiring.engine.begin() as connection, pytest.raises(RegistrationError):
        register_client(connection, agency=None, scopes=["case:write"], keys=[jwk()])
