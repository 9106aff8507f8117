"""Attacks on DPoP proofs, at the token endpoint (400) and at the API (401), as named cases (A-20).

Each case changes one thing of a proof that would be accepted.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.oauth.dpop import normalise, verify_proof
from gateway.oauth.errors import InvalidProofError
from tests.gateway.oauth.partner import Partner, new_key, part, sign, sign_hmac

Attack = Callable[[Partner, "Made"], str]
Made = Callable[..., str]


def _made_with_rsa_1024(partner: Partner, _: Made) -> str:
    weak = RSAKey.generate_key(1024)
    claims = {"htm": "POST", "htu": partner.token_url, "iat": int(time.time()), "jti": "weak"}
    return sign({"typ": "dpop+jwt", "alg": "PS256", "jwk": weak.as_dict(private=False)}, claims, weak)


def _made_with_another_curve(partner: Partner, _: Made) -> str:
    other = ECKey.generate_key("P-384")
    claims = {"htm": "POST", "htu": partner.token_url, "iat": int(time.time()), "jti": "curve"}
    return sign({"typ": "dpop+jwt", "alg": "ES384", "jwk": other.as_dict(private=False)}, claims, other)


def _symmetric(_partner: Partner, made: Made) -> str:
    secret = OctKey.generate_key(256)
    payload = made().split(".")[1]
    header = {"typ": "dpop+jwt", "alg": "HS256", "jwk": secret.as_dict(private=True)}
    return sign_hmac(header, payload, b"secret")


def _signature_of_another(_partner: Partner, made: Made) -> str:
    first, second = made(), made()
    return first.rpartition(".")[0] + "." + second.rpartition(".")[2]


ATTACKS: Mapping[str, Attack] = {
    "empty": lambda _p, _m: " ",
    "two in one header": lambda _p, m: f"{m()},{m()}",
    "a space inside": lambda _p, m: m().replace(".", " .", 1),
    "alg none": lambda _p, m: f"{part({'typ': 'dpop+jwt', 'alg': 'none'})}.{m().split('.')[1]}.",
    "bad typ": lambda _p, m: m(header={"typ": "jwt"}),
    "no typ": lambda _p, m: m(header={"typ": ...}),
    "no jwk": lambda _p, m: m(header={"jwk": ...}),
    "jwk is text": lambda _p, m: m(header={"jwk": "key"}),
    "private jwk": lambda p, m: m(header={"jwk": p.proof_key.as_dict(private=True)}),
    "symmetric jwk": _symmetric,
    "jwk of another key": lambda _p, m: m(header={"jwk": new_key().as_dict(private=False)}),
    "RSA of 1024 bits": _made_with_rsa_1024,
    "another curve": _made_with_another_curve,
    "signature of another proof": _signature_of_another,
    "critical header": lambda _p, m: m(header={"crit": ["x"], "x": 1}),
    "no htm": lambda _p, m: m(htm=...),
    "another method": lambda _p, m: m(htm="DELETE"),
    "method in lower case": lambda _p, m: m(htm="post"),
    "no htu": lambda _p, m: m(htu=...),
    "htu is a list": lambda p, m: m(htu=[p.token_url]),
    "another host": lambda _p, m: m(htu="https://evil.example/oauth/token"),
    "another path": lambda p, m: m(htu=p.issuer + "/oauth/other"),
    "no port": lambda _p, m: m(htu="https://gateway.test/oauth/token"),
    "http": lambda p, m: m(htu=p.token_url.replace("https", "http")),
    "user in the address": lambda p, m: m(htu=p.token_url.replace("https://", "https://a@")),
    "no iat": lambda _p, m: m(iat=...),
    "iat as text": lambda _p, m: m(iat=str(int(time.time()))),
    "an hour old": lambda _p, m: m(iat=int(time.time()) - 3600),
    "62 seconds old": lambda _p, m: m(iat=int(time.time()) - 62),
    "an hour ahead": lambda _p, m: m(iat=int(time.time()) + 3600),
    "33 seconds ahead": lambda _p, m: m(iat=int(time.time()) + 33),
    "iat of 500 digits": lambda _p, m: m(iat=10**500),
    "no jti": lambda _p, m: m(jti=...),
    "empty jti": lambda _p, m: m(jti=""),
    "jti of 129 characters": lambda _p, m: m(jti="x" * 129),
    "a client assertion": lambda p, _m: p.assertion(),
}


@pytest.mark.filterwarnings("ignore:.*2048")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_on_a_proof_gets_no_token(partner: Partner, attack: Attack) -> None:
    answer = partner.ask(proof=attack(partner, partner.proof))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.filterwarnings("ignore:.*2048")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_on_a_proof_opens_no_resource(partner: Partner, attack: Attack) -> None:
    token = partner.token()
    url = partner.issuer + "/v1/me"

    def made(**changes: object) -> str:
        header = changes.pop("header", None)
        return partner.proof("GET", url, token=token, header=header, **changes)

    answer = partner.get("/v1/me", token, proof=attack(partner, made))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('DPoP error="invalid_dpop_proof", algs=')


@pytest.mark.parametrize(
    "changes", [{"ath": ...}, {"ath": "x"}, {"ath": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"}]
)
def test_a_proof_for_another_token_is_refused(partner: Partner, changes: dict[str, object]) -> None:
    token = partner.token()
    proof = partner.proof("GET", partner.issuer + "/v1/me", token=token, **changes)
    assert partner.get("/v1/me", token, proof=proof).status_code == 401


def test_a_request_without_a_proof_is_refused(partner: Partner) -> None:
    assert partner.ask(proof=None).get_json()["error"] == "invalid_dpop_proof"
    assert partner.get("/v1/me", partner.token(), proof=None).status_code == 401


def test_two_proofs_are_refused(partner: Partner) -> None:
    """Two headers: which one was checked, which one was meant?"""
    answer = partner.ask(proof=[partner.proof(), partner.proof()])
    assert answer.get_json()["error"] == "invalid_dpop_proof"


def test_a_proof_is_good_once(partner: Partner) -> None:
    token = partner.token()
    proof = partner.proof("GET", partner.issuer + "/v1/me", token=token)
    assert [partner.get("/v1/me", token, proof=proof).status_code for _ in range(2)] == [200, 401]


def test_a_proof_of_another_key_does_not_move_a_token(partner: Partner) -> None:
    """The stolen token: a thief has a key of their own, and the token names another."""
    token = partner.token()
    thief = replace(partner, proof_key=new_key())
    answer = thief.get("/v1/me", token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('DPoP error="invalid_token"')


def test_a_proof_for_another_host_is_refused_whatever_the_host_header_says(partner: Partner) -> None:
    """A-22: a proof captured by a look-alike must not work here, even if the request claims to be there."""
    token = partner.token()
    evil = "https://evil.example"
    proof = partner.proof("GET", f"{evil}/v1/me", token=token)
    assert partner.get("/v1/me", token, proof=proof, base_url=evil).status_code == 401
    assert (
        partner.ask(
            proof=partner.proof(htu=f"{evil}/oauth/token"), headers={"Host": "evil.example"}
        ).status_code
        == 400
    )


def test_forwarded_headers_change_nothing(partner: Partner) -> None:
    token = partner.token()
    proof = partner.proof("GET", "https://evil.example/v1/me", token=token)
    forwarded = [("X-Forwarded-Host", "evil.example"), ("Forwarded", "host=evil.example")]
    assert partner.get("/v1/me", token, proof=proof, headers=forwarded).status_code == 401


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("HTTPS://GATEWAY.test:8443/v1/me", "https://gateway.test:8443/v1/me"),
        ("https://gateway.test:443/v1/me", "https://gateway.test/v1/me"),
        ("https://gateway.test/v1/me?a=b#c", "https://gateway.test/v1/me"),
        ("https://gateway.test/v1/%6de", "https://gateway.test/v1/me"),
        ("https://gateway.test", "https://gateway.test/"),
    ],
)
def test_spellings_of_one_address_are_one_address(sent: str, meant: str) -> None:
    """RFC 9449 section 4.3: compared after normalisation, without query and fragment."""
    assert normalise(sent) == normalise(meant) != ""


@pytest.mark.parametrize(
    "sent",
    [
        "",
        None,
        1,
        ["https://a/"],
        "https://",
        "http://a/",
        "https://a:x/",
        "https://[/",
        "https://a/b%2Fc",
        "https://é/",
    ],
)
def test_what_is_no_address_equals_none(sent: object) -> None:
    assert normalise(sent) == ""


def test_the_window_of_a_proof_is_closed_at_both_ends(partner: Partner) -> None:
    """Exactly 60 s back and 30 s ahead are accepted, a second more is not; time enters as a value."""
    issued = 1_800_000_000
    proof = partner.proof(iat=issued)

    def accepted(moment: int) -> bool:
        try:
            verify_proof(
                proof, method="POST", addresses=[partner.token_url], now=datetime.fromtimestamp(moment, UTC)
            )
        except InvalidProofError:
            return False
        return True

    offsets = {offset: accepted(issued + offset) for offset in (-31, -30, 60, 61)}
    assert offsets == {-31: False, -30: True, 60: True, 61: False}
