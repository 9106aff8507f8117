"""Signing in at a provider: what lets somebody in, and every answer that must not."""

import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway.app import build_app
from gateway.console.oidc_views import COOKIE
from gateway.disclosure_log.repository import database_now
from gateway.oauth.access import SESSION_COOKIE
from gateway.safeguarding.ticket import COOKIE as TICKET_COOKIE
from gateway.settings import AssertionAudience, Settings, SettingsError
from gateway.staff import federation, provider_http, service
from gateway.staff.errors import InvitationError, ProviderAnswerError, SignInError, UnknownIdentityError
from gateway.staff.federation import LIFETIME, StepUp
from gateway.staff.id_token import Identity
from gateway.staff.model import Belonging, Method, Role, SignedIn
from gateway.staff.provider import AWAY_SECONDS, FRESH_SECONDS, KEYS_AGAIN_SECONDS, Provider
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import open_tasks
from gateway.wiring import Wiring
from tests.gateway.oauth.partner import claims_of, header_of, new_key, part, sign, sign_hmac
from tests.support.authenticator import Authenticator
from tests.support.fake_provider import METADATA, FakeProvider, Raw, fake_provider
from tests.support.process import wired
from tests.support.served import everything_logged
from tests.support.throwaway import Cluster, Database, new_database

WHO = "ada"
CALLBACK = "/console/oidc/callback"
LOGOUT = "/console/oidc/back-channel-logout"
REFUSED = "That did not work. Try again."
AWAY = "The place where you sign in does not answer. Try again in a minute."
Lie = Callable[[FakeProvider], Any]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[FakeProvider]:
    with fake_provider(tmp_path) as provider:
        yield provider


@dataclass
class Browser:
    """A member of staff's browser, at a gateway with a provider."""

    wiring: Wiring
    there: FakeProvider
    http: FlaskClient

    @property
    def own(self) -> str:
        return self.wiring.settings.public_url

    def get(self, path: str, query: Any = None, **headers: str) -> TestResponse:
        return self.http.get(path, query_string=query, base_url=self.own, headers=headers)

    def post(self, path: str, **form: str) -> TestResponse:
        return self.http.post(path, base_url=self.own, headers={"Origin": self.own}, data=form)

    def start(self, wanted: str = "/console") -> dict[str, str]:
        """Go to the provider and sign in there; what one is sent back with."""
        answer = self.get("/console/oidc", {"next": wanted})
        assert HTTPStatus.SEE_OTHER == answer.status_code
        return self.there.authorize(answer.headers["Location"])

    def sign_in(self, **changes: str) -> TestResponse:
        return self.get(CALLBACK, {**self.start(), **changes})

    def link(self, username: str = WHO) -> TestResponse:
        """Use a one-time code."""
        page = self.post("/console/invitation", code=invited(self.wiring, username))
        return self.get(CALLBACK, self.there.authorize(way_in(page)))

    def other(self) -> "Browser":
        return replace(self, http=self.http.application.test_client())

    def secret(self) -> str:
        cookie = self.http.get_cookie(SESSION_COOKIE, domain=urlsplit(self.own).hostname or "")
        return "" if cookie is None else cookie.value

    def who(self) -> SignedIn | None:
        return service.admit(self.wiring, self.secret())


@pytest.fixture
def parts(wiring: Wiring, there: FakeProvider, tmp_path: Path) -> Wiring:
    """A gateway with a provider."""
    provider = there.settings(tmp_path / "secret")
    return replace(wiring, settings=replace(wiring.settings, provider=provider))


@pytest.fixture
def browser(parts: Wiring, there: FakeProvider) -> Browser:
    return Browser(parts, there, build_app(parts).test_client())


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets time pass for logins."""

    def passes(by: timedelta) -> None:
        monkeypatch.setattr(federation, "database_now", lambda connection: database_now(connection) + by)

    return passes


@pytest.fixture(scope="module")
def town(
    cluster: Cluster, template_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """A browser of somebody who was linked, at a gateway and a provider of the whole module."""
    folder = tmp_path_factory.mktemp("town")
    with (
        fake_provider(folder) as there,
        new_database(cluster, template=template_database.name) as database,
        wired(database, folder) as plain,
    ):
        provider = there.settings(folder / "secret")
        parts = replace(plain, settings=replace(plain.settings, provider=provider))
        browser = Browser(parts, there, build_app(parts).test_client())
        browser.link()
        yield browser


@pytest.fixture
def fresh(town: Browser) -> Browser:
    """A browser of the module's gateway, begun anew; the provider is honest."""
    town.there.be_honest()
    return replace(town, http=build_app(town.wiring).test_client())


def invited(wiring: Wiring, username: str = WHO, **changes: Any) -> str:
    return service.invite(
        wiring, username=username, roles=[Role.CASEWORKER], invited_by="cli:test", **changes
    )


def way_in(page: TestResponse) -> str:
    """Where the button of a page leads."""
    assert HTTPStatus.OK == page.status_code, page.text
    (address,) = [line for line in page.text.split('href="') if line.startswith("https://localhost")]
    return address.split('"')[0].replace("&amp;", "&")


def rows(wiring: Wiring, table: str) -> list[str]:
    with wiring.engine.connect() as connection:
        return list(connection.execute(text(f"SELECT s::text FROM gateway.staff_{table} s")).scalars())


def assert_refused(
    browser: Browser, answer: TestResponse, sentence: str = REFUSED, status: int = 422
) -> None:
    """One plain page, no session, nothing of what came."""
    assert (status, "text/html; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])
    assert f'<p class="govuk-body">{sentence}</p>' in answer.text
    assert "canary" not in answer.text.lower()
    assert not any(SESSION_COOKIE in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    assert browser.who() is None


def test_a_code_links_who_comes_back_and_from_then_on_they_are_known(browser: Browser) -> None:
    answer = browser.link()
    assert (303, "/console") == (answer.status_code, answer.headers["Location"])
    who = browser.who()
    assert who is not None
    assert (WHO, frozenset({Role.CASEWORKER}), Method.OIDC) == (who.username, who.roles, who.session.method)
    assert any(TICKET_COOKIE in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    again = browser.other()
    answer = again.get(CALLBACK, again.start("/console/sessions"))
    assert (303, "/console/sessions") == (answer.status_code, answer.headers["Location"])
    other = again.who()
    assert other is not None
    assert (WHO, False) == (other.username, other.session.id == who.session.id)
    assert "council account" in again.get("/console/sessions").text


def test_a_code_is_used_up_by_linking(browser: Browser) -> None:
    code = invited(browser.wiring)
    first, second = (way_in(browser.post("/console/invitation", code=code)) for _ in range(2))
    assert HTTPStatus.SEE_OTHER == browser.get(CALLBACK, browser.there.authorize(second)).status_code
    assert "It works once" in browser.post("/console/invitation", code=code).text
    assert REFUSED in browser.other().get(CALLBACK, browser.there.authorize(first)).text
    assert 1 == len(rows(browser.wiring, "identity"))


def test_a_code_that_was_used_meanwhile_links_nobody(browser: Browser) -> None:
    code = invited(browser.wiring)
    address = way_in(browser.post("/console/invitation", code=code))
    with browser.wiring.engine.begin() as connection:
        connection.execute(text("UPDATE gateway.staff_invitation SET used_at = now()"))
    answer = browser.get(CALLBACK, browser.there.authorize(address))
    assert_refused(
        browser, answer, "The one-time code works once, and for three days. Ask the operator for a new one."
    )
    assert [] == rows(browser.wiring, "identity")


def test_what_is_asked_of_the_provider(browser: Browser) -> None:
    address = browser.get("/console/oidc").headers["Location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert address.startswith(f"{browser.there.url}/authorize?")
    assert {
        "response_type": "code",
        "scope": "openid",
        "client_id": "gateway",
        "redirect_uri": f"{browser.own}{CALLBACK}",
        "code_challenge_method": "S256",
    } == {name: asked[name] for name in asked.keys() - {"state", "nonce", "code_challenge"}}
    assert [43] * 3 == [len(asked[name]) for name in ("state", "nonce", "code_challenge")]
    (row,) = rows(browser.wiring, "login")
    assert asked["state"] not in row


def test_the_browser_is_bound_by_a_cookie_that_is_no_scripts(browser: Browser) -> None:
    (cookie,) = browser.get("/console/oidc").headers.getlist("Set-Cookie")
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= set(cookie.split("; "))
    secret = cookie.split(";")[0].removeprefix(f"{COOKIE}=")
    assert not [row for row in rows(browser.wiring, "login") if secret in row]


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{part({**header, 'alg': 'none'})}.{part(claims)}."


def unsigned_as_listed(there: FakeProvider) -> None:
    there.signs = unsigned
    there.metadata = {"id_token_signing_alg_values_supported": ["none"]}


def by_hmac(secret: bytes) -> Lie:
    return lambda there: setattr(
        there, "signs", lambda header, claims: sign_hmac({**header, "alg": "HS256"}, claims, secret)
    )


def by_another_key(there: FakeProvider) -> None:
    there.key = new_key("ES256")


def by_an_unknown_key(there: FakeProvider) -> None:
    there.key = new_key("ES256")
    there.header = {"kid": "k2"}


def with_the_key_inside(there: FakeProvider) -> None:
    there.key = new_key("ES256")
    there.header = {"kid": "k2", "jwk": there.jwk(key_id="k2")}


def by_an_encryption_key(there: FakeProvider) -> None:
    there.published = [there.jwk(use="enc")]


def by_a_key_for_another_algorithm(there: FakeProvider) -> None:
    there.published = [there.jwk(alg="ES384")]


def by_a_short_key(there: FakeProvider) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library only warns
        there.key = RSAKey.import_key(SHORT)
    there.published = [there.jwk(alg="RS256")]
    there.header = {"alg": "RS256"}


def claim(**changes: Any) -> Lie:
    return lambda there: there.claims.update(changes)


def header(**changes: Any) -> Lie:
    return lambda there: there.header.update(changes)


def token(value: Any) -> Lie:
    return lambda there: there.token_answer.update(id_token=value)


def raw(path: str, **answer: Any) -> Lie:
    return lambda there: there.raw.update({path: Raw(**answer)})


def warped(path: str, *, pad: int = 0, **changes: Any) -> Lie:
    """The honest answer, and something about it is not."""
    return lambda there: there.warps.update(
        {path: lambda honest: replace(honest, body=honest.body + b" " * pad, **changes)}
    )


def metadata(**changes: Any) -> Lie:
    return lambda there: there.metadata.update(changes)


def short_key() -> dict[str, Any]:
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - for this key alone

    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the lie
    numbers = key.private_numbers()

    def text_of(number: int) -> str:
        return part(number.to_bytes((number.bit_length() + 7) // 8, "big"))

    public = {"kty": "RSA", "n": text_of(numbers.public_numbers.n), "e": "AQAB"}
    secret = {
        "d": numbers.d,
        "p": numbers.p,
        "q": numbers.q,
        "dp": numbers.dmp1,
        "dq": numbers.dmq1,
        "qi": numbers.iqmp,
    }
    return public | {name: text_of(number) for name, number in secret.items()}


SHORT = short_key()

TOKENS: dict[str, Lie] = {
    "unsigned": lambda there: setattr(there, "signs", unsigned),
    "unsigned, and listed as fine": unsigned_as_listed,
    "HMAC of the client id": by_hmac(b"gateway"),
    "HMAC of the secret": by_hmac(b"a-secret-that-is-long"),
    "another key's signature": by_another_key,
    "an unknown key": by_an_unknown_key,
    "a key that the token brings": with_the_key_inside,
    "a key for encryption": by_an_encryption_key,
    "a key for another algorithm": by_a_key_for_another_algorithm,
    "a short key": by_a_short_key,
    "no key at all": lambda there: there.published.clear(),
    "a critical extension": header(crit=["exp"]),
    "a critical extension that changes nothing": header(crit=["b64"], b64=True),
    "a critical member that every token has": header(crit=["alg"]),
    "an unencoded payload": header(b64=False),
    "a kid that is no text": header(kid=1),
    "another type": header(typ="at+jwt"),
    "a logout token's type": header(typ="logout+jwt"),
    "another audience": claim(aud="other"),
    "another audience, and azp ours": claim(aud="other", azp="gateway"),
    "one audience more": claim(aud=["gateway", "other"]),
    "one audience more, and azp ours": claim(aud=["gateway", "other"], azp="gateway"),
    "no audience": claim(aud=...),
    "another issuer": claim(iss="https://evil.example"),
    "its issuer with a slash": lambda there: there.claims.update(iss=there.url + "/"),
    "no issuer": claim(iss=...),
    "azp another": claim(azp="other"),
    "azp null": claim(azp=None),
    "no nonce": claim(nonce=...),
    "another nonce": claim(nonce="canary"),
    "over": claim(exp=1),
    "no end": claim(exp=...),
    "an end that is no number": claim(exp="4102444800"),
    "an end that is true": claim(exp=True),
    "made in the future": claim(iat=4_102_444_800),
    "made long ago": claim(iat=1_500_000_000),
    "never made": claim(iat=...),
    "to come": claim(nbf=4_102_444_800),
    "of nobody": claim(sub=...),
    "of an empty subject": claim(sub=""),
    "of a subject that is no text": claim(sub=7),
    "of a subject that is too long": claim(sub="x" * 256),
    "an event": claim(events={}),
    "no ID token": token(...),
    "an ID token that is no text": token(7),
    "an ID token that is no JWS": token("canary"),
    "an ID token that is too long": token("a." * 40_000),
    "an ID token of five parts": token("a.b.c.d.e"),
    "two members of one name": raw("/token", body=b'{"id_token":"canary","id_token":"b"}'),
    "an answer that is no JSON": raw("/token", body=b"canary"),
    "an answer that is no object": raw("/token", body=b"[]"),
    "an answer that says it is a page": warped("/token", kind="text/html"),
    "an answer that is too long": warped("/token", pad=300_000),
    "an answer that says something else": warped("/token", status=202),
    "a refusal": raw("/token", status=400, body=b'{"error":"invalid_grant"}'),
    "a redirect": warped("/token", status=302, location="/elsewhere"),
}


@pytest.mark.parametrize("lie", TOKENS.values(), ids=TOKENS.keys())
def test_a_token_that_is_not_as_it_must_be_signs_nobody_in(fresh: Browser, lie: Lie) -> None:
    """And used its login up."""
    logins, sessions = rows(fresh.wiring, "login"), rows(fresh.wiring, "session")
    lie(fresh.there)
    assert_refused(fresh, fresh.sign_in())
    assert (logins, sessions) == (rows(fresh.wiring, "login"), rows(fresh.wiring, "session"))


def test_honest_tokens_of_every_algorithm_sign_in(browser: Browser, there: FakeProvider) -> None:
    """So the refusals above are about the lies; a clock may be a minute off, and an audience a list."""
    browser.link()
    assert HTTPStatus.SEE_OTHER == browser.sign_in().status_code
    there.claims = {"aud": ["gateway"], "azp": "gateway", "roles": ["operator"]}
    assert HTTPStatus.SEE_OTHER == browser.sign_in().status_code
    for algorithm in ("PS256", "RS256"):
        there.key = new_key(algorithm)
        there.published = [there.jwk(use="enc", key_id="e"), there.jwk(key_id=algorithm, alg=...)]
        there.header = {"alg": algorithm, "kid": algorithm}
        fresh = Browser(browser.wiring, there, build_app(browser.wiring).test_client())
        assert HTTPStatus.SEE_OTHER == fresh.sign_in().status_code
        who = fresh.who()
        assert who is not None
        assert frozenset({Role.CASEWORKER}) == who.roles


CALLBACKS: dict[str, dict[str, Any]] = {  # in parentheses: beside the honest one
    "another provider's": {"iss": "https://evil.example"},
    "of no provider": {"iss": None},
    "of two providers": {"iss": ("https://evil.example",)},
    "an error": {"error": "canary", "error_description": "canary", "code": None},
    "an error beside another": {"error": ["access_denied", "canary"], "code": None},
    "an error with a code": {"error": "access_denied"},
    "no code": {"code": None},
    "another code": {"code": "canary"},
    "two codes": {"code": ("canary",)},
    "a code that is too long": {"code": "canary" * 2000},
    "no state": {"state": None},
    "another state": {"state": "canary"},
    "two states": {"state": ("canary",)},
    "a state with half a character": {"state": "\x00\udcff".encode("utf-8", "surrogateescape")},
}


@pytest.mark.parametrize("changes", CALLBACKS.values(), ids=CALLBACKS.keys())
def test_an_answer_that_may_be_another_ones_is_refused(fresh: Browser, changes: dict[str, Any]) -> None:
    honest = fresh.start()
    twice = {name: [honest[name], *value] for name, value in changes.items() if isinstance(value, tuple)}
    sent = {name: value for name, value in {**honest, **changes, **twice}.items() if value is not None}
    assert_refused(fresh, fresh.get(CALLBACK, sent))


def test_a_code_of_a_mix_up_is_not_sent_on(browser: Browser, there: FakeProvider) -> None:
    browser.sign_in(iss="https://evil.example")
    assert [] == there.forms


def test_a_provider_that_never_says_who_it_is_need_not(browser: Browser, there: FakeProvider) -> None:
    there.metadata = {"authorization_response_iss_parameter_supported": ...}
    browser.link()
    sent = browser.start()
    del sent["iss"]
    assert HTTPStatus.SEE_OTHER == browser.get(CALLBACK, sent).status_code


def test_a_state_is_used_once(browser: Browser) -> None:
    browser.link()
    assert browser.http.get_cookie(COOKIE, domain="gateway.test") is None
    sent = browser.start()
    kept = browser.http.get_cookie(COOKIE, domain="gateway.test")
    assert kept is not None
    assert HTTPStatus.SEE_OTHER == browser.get(CALLBACK, sent).status_code
    before = rows(browser.wiring, "session")
    browser.http.set_cookie(COOKIE, kept.value, domain="gateway.test", secure=True)
    assert REFUSED in browser.get(CALLBACK, sent).text
    assert before == rows(browser.wiring, "session")


def test_a_state_is_used_up_by_a_wrong_answer_too(browser: Browser, there: FakeProvider) -> None:
    browser.link()
    sent = browser.start()
    kept = browser.http.get_cookie(COOKIE, domain="gateway.test")
    assert kept is not None
    assert REFUSED in browser.get(CALLBACK, {**sent, "code": "x"}).text
    browser.http.set_cookie(COOKIE, kept.value, domain="gateway.test", secure=True)
    assert REFUSED in browser.get(CALLBACK, sent).text
    assert 2 == len(there.forms), "the link's, and the wrong code's"


@pytest.mark.parametrize("cookie", [None, "x", "A" * 43, "é"], ids=["none", "short", "another", "odd"])
def test_a_login_of_another_browser_is_refused(browser: Browser, cookie: str | None) -> None:
    """Somebody who is made to open an attacker's answer would otherwise work in the attacker's name."""
    sent, victim = browser.start(), browser.other()
    if cookie is not None:
        victim.http.set_cookie(COOKIE, cookie, domain="gateway.test", secure=True)
    assert_refused(victim, victim.get(CALLBACK, sent))
    assert_refused(browser, browser.get(CALLBACK, sent))


def test_a_login_lasts_ten_minutes(browser: Browser, later: Callable[[timedelta], None]) -> None:
    browser.link()
    for passes, sent_on in ((LIFETIME - timedelta(seconds=2), 2), (LIFETIME, 2)):
        sent = browser.start()
        later(passes)
        browser.get(CALLBACK, sent)
        later(timedelta())
        assert sent_on == len(browser.there.forms), "a code that comes too late is not sent on"


def test_logins_that_are_over_are_forgotten(browser: Browser, later: Callable[[timedelta], None]) -> None:
    browser.start()
    later(LIFETIME + timedelta(seconds=1))
    browser.start()
    assert 1 == len(rows(browser.wiring, "login"))


DESCRIPTIONS: dict[str, Lie] = {
    "another issuer": metadata(issuer="https://evil.example"),
    "no issuer": metadata(issuer=...),
    "its issuer with a slash": lambda there: metadata(issuer=there.url + "/")(there),
    "an address without TLS": metadata(token_endpoint="http://localhost/token"),
    "an address that is no text": metadata(jwks_uri=7),
    "an address that is none": metadata(authorization_endpoint="https://[canary"),
    "an address with a user": metadata(token_endpoint="https://user@localhost/token"),
    "no address": metadata(authorization_endpoint=...),
    "no PKCE": metadata(code_challenge_methods_supported=["plain"]),
    "a redirect": warped(METADATA, status=302, location="/keys"),
    "an answer that is too long": warped(METADATA, pad=300_000),
    "an answer that is no JSON": raw(METADATA, body=b"canary"),
    "an answer that is deep": raw(METADATA, body=b"[" * 100_000),
    "an answer that is no object": raw(METADATA, body=b"7"),
    "an answer that says it is a page": warped(METADATA, kind="text/html"),
    "nothing there": raw(METADATA, status=404),
    "keys that are none": raw("/keys", body=b'{"keys":7}'),
    "keys elsewhere": warped("/keys", status=307, location="/other"),
    "too many keys": raw("/keys", body=json.dumps({"keys": [{}] * 65}).encode()),
}


@pytest.mark.parametrize("lie", DESCRIPTIONS.values(), ids=DESCRIPTIONS.keys())
def test_a_provider_that_describes_itself_otherwise_is_not_gone_to(fresh: Browser, lie: Lie) -> None:
    logins, code = rows(fresh.wiring, "login"), invited(fresh.wiring, "ben")
    lie(fresh.there)
    assert_refused(fresh, fresh.get("/console/oidc"))
    assert_refused(fresh, fresh.post("/console/invitation", code=code), AWAY, 503)
    assert logins == rows(fresh.wiring, "login")
    assert set(fresh.there.asked) <= {METADATA, "/keys"}


def test_a_provider_that_is_away_is_said_and_left_alone_for_a_moment(
    browser: Browser, there: FakeProvider
) -> None:
    there.raw = {METADATA: Raw(503)}
    for _ in range(3):
        assert_refused(browser, browser.get("/console/oidc"), AWAY, 503)
    assert [METADATA] == there.asked


def test_a_provider_that_never_ends_its_answer_is_cut_off(
    browser: Browser, there: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte would begin the socket's own patience anew."""
    monkeypatch.setattr(provider_http, "EXCHANGE_SECONDS", 0.3)
    there.raw = {METADATA: Raw(body=b"{" + b" " * 1000, drips=0.05)}
    begun = time.monotonic()
    assert_refused(browser, browser.get("/console/oidc"), AWAY, 503)
    assert time.monotonic() - begun < 5


def test_a_provider_whose_certificate_nobody_vouches_for_is_not_spoken_to(
    parts: Wiring, there: FakeProvider
) -> None:
    named = parts.settings.provider
    assert named is not None
    trusting = replace(parts, settings=replace(parts.settings, provider=replace(named, ca_file=None)))
    browser = Browser(trusting, there, build_app(trusting).test_client())
    assert_refused(browser, browser.get("/console/oidc"), AWAY, 503)
    assert [] == there.asked


@dataclass
class Clock:
    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clocked(parts: Wiring) -> tuple[Provider, Clock]:
    provider, clock = Provider.load(parts.settings), Clock()
    assert provider is not None
    provider.clock = clock
    return provider, clock


def test_metadata_and_keys_are_a_day_old_at_most(
    clocked: tuple[Provider, Clock], there: FakeProvider
) -> None:
    provider, clock = clocked
    for after, reads in ((0.0, 1), (FRESH_SECONDS - 1.0, 1), (1.0, 2)):
        clock.at += after
        provider.metadata()
        assert [METADATA, "/keys"] * reads == there.asked
    clock.at += FRESH_SECONDS
    there.metadata = {"issuer": "https://evil.example"}
    with pytest.raises(ProviderAnswerError, match="another issuer"):
        provider.metadata()
    there.metadata = {}
    clock.at += AWAY_SECONDS
    provider.metadata()


def test_an_unknown_key_makes_us_read_the_keys_again_once_a_minute(
    clocked: tuple[Provider, Clock], there: FakeProvider
) -> None:
    provider, clock = clocked
    provider.metadata()
    there.key = new_key("ES256")
    there.published.append(there.jwk(key_id="k2"))
    there.header = {"kid": "k2"}
    rotated = there.logout_token(header={"kid": "k2"})
    with pytest.raises(ProviderAnswerError, match="do not know"):
        provider.claims(rotated, types=("logout+jwt",))
    clock.at += KEYS_AGAIN_SECONDS
    assert there.subject == provider.claims(rotated, types=("logout+jwt",))["sub"]
    strange = there.logout_token(header={"kid": "k3"})
    for _ in range(5):
        with pytest.raises(ProviderAnswerError, match="do not know"):
            provider.claims(strange, types=("logout+jwt",))
    assert 2 == there.asked.count("/keys")


def test_a_token_without_a_kid_is_of_the_only_key(
    clocked: tuple[Provider, Clock], there: FakeProvider
) -> None:
    provider, clock = clocked
    unnamed = there.logout_token(header={"kid": ...})
    assert there.subject == provider.claims(unnamed, types=("logout+jwt",))["sub"]
    there.published.append(there.jwk(new_key("ES256"), key_id="k2"))
    clock.at += FRESH_SECONDS
    with pytest.raises(ProviderAnswerError, match="which key"):
        provider.claims(unnamed, types=("logout+jwt",))


def test_the_council_may_pin_fewer_algorithms(parts: Wiring, there: FakeProvider) -> None:
    named = parts.settings.provider
    assert named is not None
    provider = Provider.load(replace(parts.settings, provider=replace(named, algorithms=("PS256",))))
    assert provider is not None
    with pytest.raises(ProviderAnswerError, match="not on our list"):
        provider.claims(there.logout_token(), types=("logout+jwt",))


UNKNOWN = "You are not known here. Ask the operator for a one-time code."


def test_whoever_was_not_invited_is_nobody_here(browser: Browser, there: FakeProvider) -> None:
    """Not even with the address of somebody who is."""
    browser.link()
    there.subject, there.claims = "u-2", {"email": "canary@testshire.example", "preferred_username": WHO}
    stranger = browser.other()
    answer = stranger.sign_in()
    assert (None, 422, True) == (stranger.who(), answer.status_code, UNKNOWN in answer.text)
    assert "canary" not in answer.text


def test_the_same_subject_of_another_provider_is_somebody_else(browser: Browser) -> None:
    browser.link()
    proven = federation.Proven(Identity("https://other.example", "u-1"), "/console")
    with pytest.raises(UnknownIdentityError):
        federation.sign_in(browser.wiring, proven)
    assert federation.sign_in(browser.wiring, replace(proven, identity=Identity(browser.there.url, "u-1")))


def test_an_identity_belongs_to_one_member(browser: Browser) -> None:
    browser.link()
    before, thief = rows(browser.wiring, "session"), browser.other()
    assert REFUSED in thief.link("ben").text
    assert (None, before, 1) == (
        thief.who(),
        rows(browser.wiring, "session"),
        len(rows(browser.wiring, "identity")),
    )
    with browser.wiring.engine.connect() as connection:
        unused = connection.execute(
            text(
                "SELECT count(*) FROM gateway.staff_invitation JOIN gateway.staff ON id = staff_id"
                " WHERE used_at IS NULL AND username = 'ben'"
            )
        )
        assert 1 == unused.scalar_one()


def test_a_member_who_left_is_nobody_here(browser: Browser) -> None:
    browser.link()
    service.disable(browser.wiring, username=WHO)
    assert browser.who() is None
    answer = browser.other().sign_in()
    assert (422, True) == (answer.status_code, UNKNOWN in answer.text)


def test_another_sites_link_begins_nothing(browser: Browser) -> None:
    for site in ("cross-site", "same-site"):
        answer = browser.get("/console/oidc", {"next": "/console/sessions"}, **{"Sec-Fetch-Site": site})
        assert "/console/sign-in?next=/console/sessions" == answer.headers["Location"]
    assert [] == rows(browser.wiring, "login")
    page = browser.get("/console/sign-in", {"next": "/console/sessions"})
    assert 'href="/console/oidc?next=/console/sessions"' in page.text
    assert "Sign in with Testshire account" in page.text


def test_after_signing_in_one_is_here(browser: Browser) -> None:
    browser.link()
    answer = browser.get(CALLBACK, browser.start("https://evil.example/console"))
    assert "/console" == answer.headers["Location"]


def test_without_a_provider_there_is_no_such_page(wiring: Wiring) -> None:
    http, own = build_app(wiring).test_client(), wiring.settings.public_url
    assert [404] * 3 == [
        http.get("/console/oidc", base_url=own).status_code,
        http.get(CALLBACK, base_url=own).status_code,
        http.post(LOGOUT, base_url=own).status_code,
    ]
    assert "/console/oidc" not in http.get("/console/sign-in", base_url=own).text


def test_nothing_that_opens_a_door_is_logged(browser: Browser, there: FakeProvider) -> None:
    with everything_logged() as written:
        browser.link()
        sent = browser.start()
        browser.get(CALLBACK, sent)
        there.claims = {"nonce": "canary"}
        refused = browser.start()
        browser.get(CALLBACK, refused)
    said = written.getvalue()
    assert '"reason": "the nonce is not ours"' in said
    secrets = [*sent.values(), *refused.values(), browser.secret(), there.secret, "canary", there.subject]
    secrets += [form[name] for form, _ in there.forms for name in ("code", "code_verifier")]
    assert [] == [each for each in secrets if each != there.url and each in said]


def test_a_secret_authenticates_by_the_header(browser: Browser, there: FakeProvider) -> None:
    browser.link()
    ((form, authorization),) = there.forms
    assert "Basic Z2F0ZXdheTphLXNlY3JldC10aGF0LWlzLWxvbmc=" == authorization
    assert {"grant_type", "code", "redirect_uri", "code_verifier"} == form.keys()


@pytest.mark.parametrize("algorithm", ["ES256", "PS256"])
@pytest.mark.parametrize("audience", ["issuer", "token_endpoint"])
def test_a_key_authenticates_by_an_assertion(
    parts: Wiring, there: FakeProvider, tmp_path: Path, algorithm: str, audience: str
) -> None:
    key, file = new_key(algorithm), tmp_path / "client.jwk"
    file.write_text(json.dumps({**key.as_dict(private=True), "kid": "ours", "x5t#S256": "thumb"}))
    named = there.settings(
        tmp_path / "secret",
        client_secret_file=None,
        client_key_file=file,
        assertion_audience=AssertionAudience(audience),
    )
    keyed = replace(parts, settings=replace(parts.settings, provider=named))
    Browser(keyed, there, build_app(keyed).test_client()).link()
    ((form, authorization),) = there.forms
    assertion = form["client_assertion"]
    assert ("", there.client_id) == (authorization, form["client_id"])
    assert {"alg": algorithm, "typ": "JWT", "kid": "ours", "x5t#S256": "thumb"} == header_of(assertion)
    claims = claims_of(assertion)
    expected = {"issuer": there.url, "token_endpoint": f"{there.url}/token"}[audience]
    assert ("gateway", "gateway", expected, 60) == (
        claims["iss"],
        claims["sub"],
        claims["aud"],
        claims["exp"] - claims["iat"],
    )


FILES = {
    "no JSON": b"x",
    "no key": b"{}",
    "public": json.dumps(new_key().as_dict(private=False)).encode(),
    "symmetric": b'{"kty":"oct","k":"AAAA"}',
    "too short": json.dumps(SHORT).encode(),
    "on another curve": b'{"kty":"EC","crv":"P-384","x":"AA","y":"AA","d":"AA"}',
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_a_file_that_holds_no_key_of_ours_stops_the_start(
    parts: Wiring, there: FakeProvider, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "client.jwk"
    file.write_bytes(content)
    named = there.settings(tmp_path / "secret", client_secret_file=None, client_key_file=file)
    with pytest.raises(SettingsError, match="GATEWAY_OIDC_CLIENT_KEY_FILE"):
        Provider.load(replace(parts.settings, provider=named))


@pytest.mark.parametrize("name", ["OIDC_CA_FILE", "OIDC_CLIENT_SECRET_FILE"])
def test_a_file_that_holds_nothing_stops_the_start(
    parts: Wiring, there: FakeProvider, tmp_path: Path, name: str
) -> None:
    empty = tmp_path / "empty"
    named = there.settings(tmp_path / "secret", **{name.removeprefix("OIDC_").lower(): empty})
    empty.write_bytes(b"")
    settings: Settings = replace(parts.settings, provider=named)
    with pytest.raises(SettingsError, match=f"GATEWAY_{name}"):
        Provider.load(settings)


@pytest.fixture
def device(wiring: Wiring) -> Authenticator:
    return Authenticator(wiring.settings.public_url)


def test_with_a_provider_passkeys_are_for_sealed_accounts_alone(
    wiring: Wiring, parts: Wiring, device: Authenticator
) -> None:
    """A passkey that somebody made before does not sign in any more, nor does a code make one."""
    code = invited(wiring)
    offered = service.offer_enrolment(wiring, code).options
    with pytest.raises(InvitationError):
        service.offer_enrolment(parts, code)
    with pytest.raises(InvitationError):
        service.enrol(parts, code, device.make(offered))
    service.enrol(wiring, code, device.make(offered))
    with pytest.raises(SignInError):
        service.sign_in(parts, device.sign(service.offer_sign_in(parts)))
    assert 1 == len(rows(wiring, "session"))


def test_every_use_of_a_sealed_account_is_an_alarm(browser: Browser, device: Authenticator) -> None:
    wiring = browser.wiring
    code = invited(wiring, "sealed", break_glass=True)
    page = browser.post("/console/invitation", code=code)
    assert "Make your passkey" in page.text
    with everything_logged() as written:
        service.enrol(wiring, code, device.make(service.offer_enrolment(wiring, code).options))
        service.sign_in(wiring, device.sign(service.offer_sign_in(wiring)))
    lines = [json.loads(line) for line in written.getvalue().splitlines() if line.startswith("{")]
    assert ["error"] * 2 == [line["level"] for line in lines if line["event"] == "staff.break_glass"]
    with wiring.engine.connect() as connection:
        tasks = open_tasks(connection)
    assert [(TaskKind.STAFF_BREAK_GLASS, "sealed")] * 2 == [(task.kind, task.about) for task in tasks]
    service.invite(wiring, username="sealed", roles=[Role.OPERATOR], invited_by="cli:test")
    with pytest.raises(SignInError):
        service.sign_in(wiring, device.sign(service.offer_sign_in(wiring)))


def test_somebody_of_an_agency_has_a_passkey_whatever_the_provider(
    browser: Browser, device: Authenticator
) -> None:
    """No alarm, and no way in by the provider, who might know somebody of the same name."""
    wiring = browser.wiring
    desk = Belonging(agency="charity", practitioner="charity-1")
    code = service.invite(
        wiring, username="kofi", roles=[Role.DESK_USER], invited_by="cli:test", belonging=desk
    )
    assert "Make your passkey" in browser.post("/console/invitation", code=code).text
    service.enrol(wiring, code, device.make(service.offer_enrolment(wiring, code).options))
    secret = service.sign_in(wiring, device.sign(service.offer_sign_in(wiring)))
    who = service.admit(wiring, secret)
    assert who is not None
    assert ("kofi", desk) == (who.username, who.belonging)
    with wiring.engine.connect() as connection:
        assert not open_tasks(connection)


def test_a_sealed_account_does_not_sign_in_at_the_provider(browser: Browser) -> None:
    browser.link()
    invited(browser.wiring, break_glass=True)
    fresh = browser.other()
    assert (True, None) == (REFUSED in fresh.sign_in().text, fresh.who())


def log_out(browser: Browser, *tokens: str) -> tuple[int, str]:
    """The provider's own request: no cookie, no origin, no form token."""
    http = browser.http.application.test_client()
    answer = http.post(LOGOUT, base_url=browser.own, data={"logout_token": list(tokens)})
    assert "no-store" == answer.headers["Cache-Control"]
    return answer.status_code, answer.text


def test_the_provider_ends_every_session_of_whom_it_signed_out(browser: Browser) -> None:
    browser.link()
    other = browser.other()
    other.sign_in()
    ben = browser.other()
    browser.there.subject = "u-2"
    ben.link("ben")
    browser.there.subject = "u-1"
    assert (200, "") == log_out(browser, browser.there.logout_token())
    assert (None, None) == (browser.who(), other.who())
    assert ben.who() is not None
    assert 2 == sum("provider" in row for row in rows(browser.wiring, "session"))


def test_a_logout_of_somebody_unknown_ends_nothing(browser: Browser) -> None:
    browser.link()
    assert (200, "") == log_out(browser, browser.there.logout_token(sub="u-9"))
    assert browser.who() is not None


def test_a_logout_token_is_used_once(browser: Browser) -> None:
    token = browser.there.logout_token()
    browser.link()
    assert (200, "") == log_out(browser, token)
    browser.sign_in()
    assert 400 == log_out(browser, token)[0]
    assert browser.who() is not None


LOGOUTS: dict[str, Callable[[FakeProvider], list[str]]] = {
    "none": lambda _: [],
    "two": lambda there: [there.logout_token(), there.logout_token()],
    "nonsense": lambda _: ["x"],
    "too long": lambda _: ["a" * 100_000],
    "unsigned": lambda there: [unsigned({"typ": "logout+jwt"}, claims_of(there.logout_token()))],
    "HMAC": lambda there: [sign_hmac({"alg": "HS256"}, claims_of(there.logout_token()), b"gateway")],
    "another key": lambda there: [
        sign({"alg": "ES256", "kid": "k1"}, claims_of(there.logout_token()), new_key())
    ],
    "another type": lambda there: [there.logout_token(header={"typ": "at+jwt"})],
    "an ID token": lambda there: [there.logout_token(events=..., nonce="n")],
    "a nonce": lambda there: [there.logout_token(nonce="n")],
    "no event": lambda there: [there.logout_token(events={})],
    "an event that is no object": lambda there: [
        there.logout_token(events={"http://schemas.openid.net/event/backchannel-logout": True})
    ],
    "events that are none": lambda there: [there.logout_token(events="logout")],
    "no jti": lambda there: [there.logout_token(jti=...)],
    "a jti that is too long": lambda there: [there.logout_token(jti="j" * 256)],
    "old": lambda there: [there.logout_token(iat=1_500_000_000)],
    "to come": lambda there: [there.logout_token(iat=4_102_444_800)],
    "never made": lambda there: [there.logout_token(iat=...)],
    "over": lambda there: [there.logout_token(exp=1_500_000_000)],
    "another audience": lambda there: [there.logout_token(aud="other")],
    "one audience more": lambda there: [there.logout_token(aud=["gateway", "other"])],
    "another issuer": lambda there: [there.logout_token(iss="https://evil.example")],
    "a session alone": lambda there: [there.logout_token(sub=..., sid="s-1")],
}


@pytest.mark.parametrize("made", LOGOUTS.values(), ids=LOGOUTS.keys())
def test_a_word_that_is_not_the_providers_ends_nothing(
    fresh: Browser, made: Callable[[FakeProvider], list[str]]
) -> None:
    fresh.sign_in()
    assert (400, '{"error":"invalid_request"}\n') == log_out(fresh, *made(fresh.there))
    assert fresh.who() is not None


PURPOSE = b"p" * 64


def stepped(
    parts: Wiring, there: FakeProvider, provider: Provider, *, subject: str = "u-1", max_age: int = 0
) -> federation.Proven:
    """Prove freshly who one is."""
    asked = StepUp(subject=subject, purpose=PURPOSE, max_age=max_age)
    begun = federation.start_login(parts, provider, wanted="/console", step_up=asked)
    query = parse_qs(urlsplit(begun.url).query)
    assert ([str(max_age)], ["login"] if max_age == 0 else None) == (query["max_age"], query.get("prompt"))
    back = {name: [value] for name, value in there.authorize(begun.url).items()}
    return federation.finish_login(parts, provider, back, browser=begun.browser)


def test_a_fresh_proof_comes_back_with_its_purpose_and_signs_nobody_in(
    parts: Wiring, there: FakeProvider, clocked: tuple[Provider, Clock]
) -> None:
    for max_age in (0, 300):
        proven = stepped(parts, there, clocked[0], max_age=max_age)
        assert ("u-1", PURPOSE) == (proven.identity.subject, proven.purpose)
        with pytest.raises(ProviderAnswerError, match="signs nobody in"):
            federation.sign_in(parts, proven)


PROOFS: dict[str, tuple[Lie, str]] = {
    "no auth_time": (claim(auth_time=...), "auth_time"),
    "an old auth_time": (claim(auth_time=1_500_000_000), "auth_time"),
    "an auth_time to come": (claim(auth_time=4_102_444_800), "auth_time"),
    "an auth_time that is no number": (claim(auth_time="now"), "auth_time"),
    "somebody else": (lambda there: setattr(there, "subject", "u-2"), "sub"),
    "no acr": (claim(acr=...), "acr"),
    "another acr": (claim(acr="silver", acrs=["c2"]), "acr"),
    "an acr that is a list": (claim(acr=["gold"]), "acr"),
}


@pytest.mark.parametrize(("lie", "reason"), PROOFS.values(), ids=PROOFS.keys())
def test_a_proof_that_is_not_fresh_or_another_ones_is_none(
    parts: Wiring, there: FakeProvider, tmp_path: Path, lie: Lie, reason: str
) -> None:
    named = there.settings(tmp_path / "secret", acr="gold")
    provider = Provider.load(replace(parts.settings, provider=named))
    assert provider is not None
    there.claims = {"acr": "gold"}
    assert "u-1" == stepped(parts, there, provider).identity.subject
    there.claims = {"acrs": ["gold"]}
    assert "u-1" == stepped(parts, there, provider).identity.subject
    there.claims = {"acr": "gold"}
    lie(there)
    with pytest.raises(ProviderAnswerError, match=reason):
        stepped(parts, there, provider)
