"""Whatever a stranger sends, the answer is a refusal: never a fault of ours, and never more than was signed.

Searches over the readers of assertions, proofs, tokens, forms, certificates and paths, in one process and over one
database. The application does not catch exceptions here, so a fault ends the test. Each search has a short form, the
same on every run, and one for ``make test-long`` that goes on where chance leads.
"""

import base64
import json
import string
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import quote, quote_from_bytes, urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from certs.authority import create_authority, issue_client
from gateway.disclosure_log.service import act
from gateway.oauth.model import CertificateName, ClientId, NameKind
from gateway.oauth.registration import approve_synthetic, register_client
from gateway.settings import ClientCertificates
from gateway.wiring import Wiring
from tests.adversarial.attackers import (
    CAMHS,
    IC,
    IT,
    ME,
    PASSED,
    Honest,
    Outcome,
    api_proof_of,
    assertion_of,
    outcome,
    proof_of,
    token_of,
)
from tests.gateway.oauth.conftest import Council, settle
from tests.gateway.oauth.partner import FORM, Partner, encode, new_key, part
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database

FEW, MANY = 40, 1_500
MTLS_URL = "https://gateway.test:8444"


@dataclass(frozen=True)
class Place:
    """The application, and a client that comes by certificate alone, for which nginx speaks.

    Attributes:
        certificate: of that client, PEM.
    """

    council: Council
    by_certificate: Partner
    certificate: bytes

    @property
    def wiring(self) -> Wiring:
        return self.council.wiring

    def partner(self) -> Partner:
        """A client that signs, from an address that is not nginx's."""
        return self.council.partner()

    def bound_token(self) -> str:
        """A token that is bound to the certificate."""
        partner = self.by_certificate
        told = [("X-SSL-Client-Verify", "SUCCESS"), ("X-SSL-Client-Cert", quote(self.certificate, safe=""))]
        asked = partner.post("/oauth/token", data=partner.form(), content_type=FORM, headers=told)
        token: str = asked.get_json()["access_token"]
        return token


@pytest.fixture(scope="module")
def place(
    cluster: Cluster, template_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """An application that believes nginx on its socket, and nobody else."""
    folder = tmp_path_factory.mktemp("parsers")
    with new_database(cluster, template=template_database.name) as database, wired(database, folder) as parts:
        behind_nginx = replace(
            parts.settings, mtls_url=MTLS_URL, client_certificates=ClientCertificates.PROXY
        )
        council = settle(replace(parts, settings=behind_nginx))
        client_id, pem = _registered(council.wiring)
        http = council.app.test_client()
        http.environ_base["REMOTE_ADDR"] = ""  # what gunicorn says of its unix socket
        partner = Partner(
            http,
            council.wiring.settings.issuer,
            client_id,
            new_key(),
            by_certificate=True,
            method="tls_client_auth",
        )
        yield Place(council, partner, pem)


def _registered(wiring: Wiring) -> tuple[ClientId, bytes]:
    """A client of an agency that is recognised by its subject, and a certificate with it."""
    authority = create_authority("Test authority", now=datetime.now(UTC))
    issued = issue_client(authority, agency=CAMHS, now=datetime.now(UTC))
    name = CertificateName(NameKind.SUBJECT, f"CN={CAMHS}", "CN=Test authority")
    with act(wiring, agencies=(CAMHS,)) as change:
        client_id = register_client(
            change.connection, agency=CAMHS, scopes=["extract:read"], certificate=name
        )
        approve_synthetic(change.connection, CAMHS, synthetic=True)
        change.record(kind="client.register", actor="test", agency=CAMHS)
    return client_id, issued.certificate_pem


Search = Callable[[Place, int], None]


def search(**drawn: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Search]:
    """Make a test of what holds at a place: few examples, or many where ``long`` tests run."""

    def decorate(holds: Callable[..., None]) -> Search:
        @pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
        def test(place: Place, examples: int) -> None:
            @settings(
                max_examples=examples,
                deadline=None,
                derandomize=examples == FEW,
                database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            )
            @given(**drawn)
            def looking(**found: Any) -> None:
                holds(place, **found)

            looking()

        test.__name__, test.__doc__ = holds.__name__, holds.__doc__
        return test

    return decorate


# --- What is drawn ------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
near_now = st.integers(-4_000, 4_000).map(lambda by: int(time.time()) + by)
header_text = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=200
)
BASE64URL = string.ascii_letters + string.digits + "-_"

TARGETS: Mapping[str, Callable[[Place], Honest]] = {
    "assertion": lambda place: assertion_of(place.partner()),
    "proof for a token": lambda place: proof_of(place.partner()),
    "proof for the API": lambda place: api_proof_of(place.partner()),
    "token": lambda place: token_of(place.partner(), place.wiring),
}
targets = st.sampled_from(sorted(TARGETS))


@pytest.mark.parametrize("target", TARGETS)
def test_the_honest_originals_pass(place: Place, target: str) -> None:
    """The control of every search: what it changes was good."""
    honest = TARGETS[target](place)
    assert PASSED == outcome(honest.send(honest.compact))


def _assert_refused(honest: Honest, forged: str) -> None:
    assert honest.refusal == outcome(honest.send(forged)), forged


# --- A valid JWS, changed -----------------------------------------------------------------------------------------------


@search(target=targets, segment=st.integers(0, 2), at=st.integers(0, 1 << 14))
def test_every_bit_of_a_jws_counts(place: Place, target: str, segment: int, at: int) -> None:
    """One bit of what a segment says, written in base64url as before."""
    honest = TARGETS[target](place)
    segments = honest.compact.split(".")
    data = bytearray(_decoded(segments[segment]))
    data[at // 8 % len(data)] ^= 1 << at % 8
    segments[segment] = encode(bytes(data))
    _assert_refused(honest, ".".join(segments))


@search(
    target=targets,
    at=st.integers(0, 1 << 14),
    removed=st.integers(0, 2),
    put=st.text(st.sampled_from(BASE64URL + ".=+/ \t\r\n%,;\"'~\x00é"), max_size=2),
)
def test_every_character_of_a_jws_counts(place: Place, target: str, at: int, removed: int, put: str) -> None:
    """Characters taken out, put in or exchanged: those that mean nothing to base64, too."""
    honest = TARGETS[target](place)
    compact = honest.compact
    at %= len(compact) + 1
    forged = compact[:at] + put + compact[at + removed :]
    # An HTTP field value has no line ends, and none of it is kept at its ends (RFC 9110 section 5.5).
    travels = target == "assertion" or not set(forged) & set("\r\n\x00")
    assume(travels and forged.strip() != compact)
    _assert_refused(honest, forged)


def _decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


VARIANTS: Mapping[str, Callable[[str], str]] = {
    "padded": lambda segment: segment + "=" * (-len(segment) % 4 or 4),
    "other alphabet": lambda segment: segment.replace("-", "+").replace("_", "/"),
    "blank in it": lambda segment: f"{segment[:4]} {segment[4:]}",
    "line end in it": lambda segment: f"{segment[:4]}\n{segment[4:]}",
    "last character": lambda segment: segment[:-1] + BASE64URL[BASE64URL.index(segment[-1]) ^ 1],
    "percent": lambda segment: "".join(f"%{ord(character):02x}" for character in segment),
    "capitals exchanged": str.swapcase,
    "twice encoded": lambda segment: encode(segment.encode()),
    "reversed": lambda segment: segment[::-1],
}


@search(
    target=targets, segments=st.sets(st.integers(0, 2), min_size=1), variant=st.sampled_from(sorted(VARIANTS))
)
def test_there_is_one_spelling_of_base64(place: Place, target: str, segments: set[int], variant: str) -> None:
    """In each segment; most decoders take more than one."""
    honest = TARGETS[target](place)
    compact = honest.compact
    spelt = compact.split(".")
    for segment in segments:
        spelt[segment] = VARIANTS[variant](spelt[segment])
    forged = ".".join(spelt)
    assume(forged != compact)
    assume(target == "assertion" or "\n" not in forged)
    _assert_refused(honest, forged)


@search(
    target=targets,
    sources=st.tuples(targets, targets, targets),
)
def test_segments_of_several_make_no_jws(place: Place, target: str, sources: tuple[str, str, str]) -> None:
    """Header, claims and signature of three genuine ones, of the same kind or not."""
    honest = TARGETS[target](place)
    made = [TARGETS[source](place).compact.split(".") for source in sources]
    forged = ".".join(one[segment] for segment, one in enumerate(made))
    _assert_refused(honest, forged)


# --- Rightly signed, and saying something else ----------------------------------------------------------------------------


def _spelt(value: Any, chance: Random) -> str:
    """The same JSON in another spelling: order, white space, escapes, numbers."""

    def blank() -> str:
        return "".join(chance.choices(" \t\r\n", k=chance.randrange(3)))

    if isinstance(value, Mapping):
        members = chance.sample(sorted(value.items()), len(value))
        spelt = (f"{blank()}{_spelt(n, chance)}{blank()}:{blank()}{_spelt(v, chance)}" for n, v in members)
        return "{" + ",".join(spelt) + blank() + "}"
    if isinstance(value, list):
        return "[" + ",".join(blank() + _spelt(one, chance) for one in value) + blank() + "]"
    if isinstance(value, str):
        escaped = (f"\\u{ord(one):04x}" if chance.random() < 1 / 2 else one for one in value)
        return '"' + "".join(escaped) + '"'
    number = int(value)
    return chance.choice([f"{number}", f"{number}.0", f"{number}e0", f"{number * 10}e-1"])


@search(target=targets, seed=st.integers(0, 1 << 32))
def test_another_spelling_of_the_same_is_the_same(place: Place, target: str, seed: int) -> None:
    """Accepted when it is signed, and no more than any other text when it has the signature of the first spelling."""
    honest = TARGETS[target](place)
    chance = Random(seed)  # noqa: S311 - of spellings
    header, claims = _spelt(honest.header, chance), _spelt(honest.claims, chance)
    signed = honest.written(header=header, claims=claims)
    head, body, signature = honest.compact.split(".")
    respelt = signed.rpartition(".")[0]
    if respelt != f"{head}.{body}":
        _assert_refused(honest, f"{respelt}.{signature}")
    assert PASSED == outcome(honest.send(signed))


@search(
    target=targets,
    where=st.sampled_from(["header", "claims"]),
    seed=st.integers(0, 1 << 32),
    value=json_values | st.just(...),
)
def test_nothing_is_said_twice(place: Place, target: str, where: str, seed: int, value: object) -> None:
    """Rightly signed, with one of its members once more: with another value, with the same, or its name escaped."""
    honest = TARGETS[target](place)
    members: Mapping[str, Any] = getattr(honest, where)
    chance = Random(seed)  # noqa: S311 - of members and places
    name = chance.choice(sorted(members))
    again = f"{_spelt(name, chance)}:{json.dumps(members[name] if value is ... else value)}"
    written = [f"{json.dumps(one)}:{json.dumps(members[one])}" for one in members]
    written.insert(chance.randrange(len(written) + 1), again)
    _assert_refused(honest, honest.written(**{where: "{" + ",".join(written) + "}"}))


CLAIMS = ("iss", "sub", "aud", "exp", "iat", "nbf", "jti", "htm", "htu", "ath", "client_id", "cnf", "scope")
NEVER: Mapping[str, frozenset[str]] = {
    "assertion": frozenset({"iss", "sub", "aud"}),
    "proof for a token": frozenset({"htm", "htu"}),
    "proof for the API": frozenset({"htm", "htu", "ath"}),
    "token": frozenset({"iss", "sub", "aud", "client_id", "cnf", "scope"}),
}
"""Claims that are good with one value, which is not drawn."""


def _may_pass(target: str, name: str, value: object) -> bool:
    """Whether a claim with this value may be accepted."""
    now = time.time()
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in NEVER[target]:
        return False
    if name == "jti":
        return isinstance(value, str) and 0 < len(value) <= 128
    if name == "exp" and target in {"assertion", "token"}:
        return (
            number and now - 1 < float(str(value)) and (target == "token" or float(str(value)) <= now + 301)
        )
    if name == "iat" or (name == "nbf" and target == "assertion"):
        earliest = now - 61 if target.startswith("proof") else -float("inf")
        return number and earliest <= float(str(value)) <= now + 31
    return True


@search(target=targets, name=st.sampled_from(CLAIMS), value=json_values | near_now)
def test_any_json_in_a_claim_is_answered(place: Place, target: str, name: str, value: object) -> None:
    """Rightly signed, so every check behind the signature is reached; only what may pass does."""
    honest = TARGETS[target](place)
    answer = outcome(honest.send(honest.changed(**{name: value})))
    allowed = {honest.refusal, PASSED} if _may_pass(target, name, value) else {honest.refusal}
    assert answer in allowed


HARMLESS = frozenset({"jku", "x5u", "x5c", "x5t", "zip", "cty", "enc", "epk", "p2c"})
"""What is ignored, whatever it says: nothing is fetched, unpacked or derived."""


@search(
    target=targets,
    name=st.sampled_from([*sorted(HARMLESS), "typ", "kid", "jwk", "crit", "b64"]),
    value=json_values,
)
def test_any_json_in_a_header_member_is_answered(place: Place, target: str, name: str, value: object) -> None:
    """Rightly signed, too."""
    honest = TARGETS[target](place)
    answer = outcome(honest.send(honest.changed({name: value})))
    ignored = (
        name in HARMLESS
        or (name == "jwk" and not target.startswith("proof"))
        or (name == "kid" and target.startswith("proof") and isinstance(value, str | None))
        or (name in {"typ", "kid"} and target == "assertion" and value is None)
        or (name == "typ" and target == "assertion" and isinstance(value, str) and value.lower() == "jwt")
    )
    assert answer in ({honest.refusal, PASSED} if ignored else {honest.refusal})


@search(
    target=targets, algorithm=json_values | st.sampled_from(["none", "HS256", "RS256", "ES384", "Ed25519"])
)
def test_any_json_as_the_algorithm_is_refused(place: Place, target: str, algorithm: object) -> None:
    honest = TARGETS[target](place)
    assume(algorithm != "ES256")
    forged = f"{part({**honest.header, 'alg': algorithm})}.{honest.compact.partition('.')[2]}"
    _assert_refused(honest, forged)


@search(target=targets, header=json_values, claims=json_values, signature=st.binary(max_size=80))
def test_random_json_in_a_jws_is_refused(
    place: Place, target: str, header: object, claims: object, signature: bytes
) -> None:
    """Well-formed parts, any content."""
    honest = TARGETS[target](place)
    _assert_refused(honest, f"{part(header)}.{part(claims)}.{encode(signature)}")
    signed = honest.written(claims=json.dumps(claims))
    _assert_refused(honest, signed)


# --- Forms, headers, paths --------------------------------------------------------------------------------------------------

PARAMETERS = (
    "grant_type",
    "client_assertion_type",
    "client_assertion",
    "client_id",
    "scope",
    "resource",
    "authorization_details",
)
OPTIONAL = frozenset({"client_id", "resource"})
"""Parameters that may be absent, and so empty (RFC 6749 section 3.2)."""


@search(name=st.sampled_from(PARAMETERS), value=st.binary(max_size=300))
def test_random_bytes_in_a_parameter_are_refused(place: Place, name: str, value: bytes) -> None:
    partner = place.partner()
    body = urlencode(partner.form(**{name: ...})) + f"&{name}={quote_from_bytes(value)}"
    expected = 200 if name in OPTIONAL and not value else 400
    assert expected == partner.ask(body=body).status_code


@search(body=st.binary(max_size=400), content_type=st.just(FORM) | header_text)
def test_random_bytes_as_a_body_are_refused(place: Place, body: bytes, content_type: str) -> None:
    assert 400 == place.partner().ask(body=body, content_type=content_type).status_code


@search(at=st.integers(0, 1 << 14))
def test_every_bit_of_a_form_is_answered(place: Place, at: int) -> None:
    """A form is not signed, so another purpose in it is another request; but there is always an answer."""
    partner = place.partner()
    body = bytearray(urlencode(partner.form()).encode())
    body[at // 8 % len(body)] ^= 1 << at % 8
    assert partner.ask(body=bytes(body)).status_code in {200, 400}


@search(value=header_text)
def test_random_text_in_a_header_is_refused(place: Place, value: str) -> None:
    partner = place.partner()
    token = partner.token()
    proof = partner.proof("GET", partner.issuer + ME, token=token)
    answers = (
        partner.ask(proof=value or None),
        partner.get(ME, token, proof=value or None),
        partner.http.get(ME, headers={"Authorization": value, "DPoP": proof}),
        partner.http.get(ME, headers={"Authorization": f"DPoP {value}", "DPoP": proof}),
        partner.http.get(ME, headers={"Authorization": f"Bearer {value}", "DPoP": proof}),
    )
    assert [400, 401, 401, 401, 401] == [answer.status_code for answer in answers]


@search(path=st.text(max_size=30))
def test_any_path_is_answered(place: Place, path: str) -> None:
    partner = place.partner()
    token = partner.token()
    target = "/v1/cases/" + quote_from_bytes(path.encode("utf-8", "surrogatepass"), safe="") + "/extract"
    assert partner.get(target, token).status_code in {200, 308, 400, 401, 404, 405}


# --- Introspection and revocation --------------------------------------------------------------------------------------------

ASK, END = "/oauth/introspect", "/oauth/revoke"


@search(token=st.binary(max_size=300) | header_text.map(str.encode), hint=st.binary(max_size=30))
def test_a_random_token_is_not_active_and_its_end_is_done(place: Place, token: bytes, hint: bytes) -> None:
    partner = place.partner()
    for path, answered in ((ASK, {"active": False}), (END, None)):
        sent = {**partner.credentials(), "token_type_hint": hint}
        body = f"{urlencode(sent)}&token={quote_from_bytes(token)}"
        answer = partner.post(path, data=body, content_type=FORM)
        if answer.status_code == 200:
            assert answered == answer.get_json(silent=True)
        else:  # empty, or no UTF-8
            assert (400, "invalid_request") == outcome(answer)


@search(at=st.integers(0, 1 << 14), put=st.text(st.sampled_from(BASE64URL), min_size=1, max_size=1))
def test_a_token_that_is_almost_right_is_not_active_and_ends_nothing(place: Place, at: int, put: str) -> None:
    """Or whoever saw a token in a log could end it without holding what it is bound to."""
    partner = place.partner()
    token = partner.token()
    at %= len(token)
    forged = token[:at] + put + token[at + 1 :]
    assume(forged != token)
    assert {"active": False} == partner.about(ASK, forged).get_json()
    assert 200 == partner.about(END, forged).status_code
    assert PASSED == outcome(partner.get(ME, token))


@search(name=st.sampled_from([*PARAMETERS[1:4], "token"]), value=st.binary(max_size=300))
def test_random_bytes_in_a_question_are_refused(place: Place, name: str, value: bytes) -> None:
    partner = place.partner()
    token = partner.token()
    sent = {**partner.credentials(), "token": token, "client_id": partner.client_id}
    del sent[name]
    for path in (ASK, END):
        body = f"{urlencode(sent)}&{name}={quote_from_bytes(value)}"
        answer = partner.post(path, data=body, content_type=FORM)
        assert answer.status_code in ({200, 400} if name == "token" or not value else {400})
    assert PASSED == outcome(partner.get(ME, token))


# --- Certificates, as nginx tells them -------------------------------------------------------------------------------------------


def _asked(place: Place, verdict: str, told: str) -> tuple[Outcome, Outcome]:
    """What a client gets that comes by certificate alone, for itself and for a token that it has."""
    partner = place.by_certificate
    headers = [("X-SSL-Client-Verify", verdict), ("X-SSL-Client-Cert", told)]
    asked = partner.post("/oauth/token", data=partner.form(), content_type=FORM, headers=headers)
    return outcome(asked), outcome(partner.get(ME, place.bound_token(), headers=headers))


def test_what_nginx_says_of_a_certificate_is_believed(place: Place) -> None:
    """The control of the next ones."""
    assert (PASSED, PASSED) == _asked(place, "SUCCESS", quote(place.certificate, safe=""))


@search(verdict=header_text.filter(lambda text: text.strip() != "SUCCESS"))
def test_any_other_verdict_is_none(place: Place, verdict: str) -> None:
    """Also the good one with something behind it, and what nginx says of a certificate that it did not verify."""
    assert (IC, IT) == _asked(place, verdict, quote(place.certificate, safe=""))
    assert (IC, IT) == _asked(place, f"SUCCESS{verdict or ':'}", quote(place.certificate, safe=""))


@search(told=header_text | st.binary(max_size=400).map(quote_from_bytes))
def test_a_certificate_that_is_none_is_refused(place: Place, told: str) -> None:
    assert (IC, IT) == _asked(place, "SUCCESS", told)


@search(at=st.integers(0, 1 << 14))
def test_every_bit_of_a_certificate_counts(place: Place, at: int) -> None:
    """The token is bound to all of it. Whether it is genuine is nginx's word, and whose it is, is in it."""
    der = bytearray(_der(place.certificate))
    der[at // 8 % len(der)] ^= 1 << at % 8
    pem = _pem(bytes(der))
    asked, served = _asked(place, "SUCCESS", quote(pem, safe=""))
    assert asked in {IC, PASSED}
    assert IT == served


@search(
    at=st.integers(0, 1 << 14),
    removed=st.integers(0, 3),
    put=st.text(st.characters(max_codepoint=255), max_size=3),
)
def test_every_spelling_of_a_certificate_is_that_certificate_or_none(
    place: Place, at: int, removed: int, put: str
) -> None:
    text = place.certificate.decode()
    at %= len(text)
    told = (text[:at] + put + text[at + removed :]).encode()
    asked, served = _asked(place, "SUCCESS", quote(told, safe=""))
    assert (asked, served) in {(IC, IT), (PASSED, IT), (PASSED, PASSED)}
    if served == PASSED:
        assert _der(place.certificate) == _der(told)


@search(
    address=st.sampled_from(["127.0.0.1", "192.0.2.1", "::1", "10.0.0.1", "unix:", " "]), junk=header_text
)
def test_nobody_else_says_anything_of_a_certificate(place: Place, address: str, junk: str) -> None:
    """From any other address the same words are a forgery."""
    partner = place.by_certificate
    stranger = place.council.app.test_client()
    stranger.environ_base["REMOTE_ADDR"] = address
    for name in ("X-SSL-Client-Verify", "X-SSL-Client-Cert", "Client-Cert", "Client-Cert-Chain"):
        headers = [(name, junk)]
        asked = stranger.post("/oauth/token", data=partner.form(), content_type=FORM, headers=headers)
        assert IC == outcome(asked)
        served = stranger.get(ME, headers=[*headers, ("Authorization", f"Bearer {place.bound_token()}")])
        assert IT == outcome(served)


def _der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def _pem(der: bytes) -> bytes:
    """Any bytes, dressed as a certificate."""
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
