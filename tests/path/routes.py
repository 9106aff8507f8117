"""Every route of the application, asked by those who may call it, and what every answer is held to."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from agencies.model import AgencyCode
from gateway.console.pages import is_page
from gateway.oauth import service as oauth
from gateway.oauth.access import ANY_CALLER, PUBLIC, ROUTES, SESSION_COOKIE, Staff, scopes_of
from gateway.oauth.nonce import offer_nonce
from gateway.oauth.registration import approve_synthetic, register_client
from gateway.problems import KINDS, MEDIA_TYPE, TYPE_PREFIX
from gateway.staff import service as staff
from gateway.staff.model import Role
from tests.canary.corpus import squeeze
from tests.gateway.oauth.partner import Partner, new_key
from tests.support.served import Served, authorization, everything_logged
from tests.support.world import household

CANARY = "Zqxcanaryk"
LONGEST_SECONDS = 3.0
FRESH_SECONDS = 60
"""As long a token or a session is used: both end while all routes are tried on a busy machine."""
JSON = "application/json"
PROBLEM_TYPES = {TYPE_PREFIX + kind.slug for kind in KINDS}
OAUTH_ERRORS = {
    *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
    *("unsupported_grant_type", "invalid_scope", "invalid_target", "invalid_authorization_details"),
    *("invalid_dpop_proof", "temporarily_unavailable"),
}


@dataclass
class Routes:
    """The application, the partners who may call its routes, and what each of them shows, with the time it is from."""

    gateway: Served
    partners: dict[str, Partner]
    shown: dict[str, tuple[str, float]] = field(default_factory=dict)

    def every(self) -> Iterator[tuple[str, str, str]]:
        """Endpoint, method and rule of every route."""
        for rule in self.gateway.app.url_map.iter_rules():
            for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
                yield rule.endpoint, method, rule.rule

    def ask(
        self,
        endpoint: str,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        content_type: str = "",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
    ) -> TestResponse:
        """Send a request as one who may make it, unless it should be anonymous."""
        access = ROUTES.get(endpoint, PUBLIC)
        scope = max(scopes_of(access)) if scopes_of(access) else str(getattr(access, "value", ""))
        scope = "" if anonymous else scope
        sent = {"Content-Type": content_type} if content_type else {}
        if isinstance(access, Staff) and not anonymous:
            sent["Cookie"] = f"{SESSION_COOKIE}={self.session()}"
        if is_page(path):
            sent["Origin"] = self.gateway.wiring.settings.public_url
        token = self.token(scope) if scope not in {"", "public", "client"} else None
        if token is not None:
            partner = self.partner(scope)
            sent["Authorization"] = f"DPoP {token}"
            sent["DPoP"] = partner.proof(method, partner.issuer + path, token=token)
        sent.update(headers or {})
        issuer = self.gateway.wiring.settings.issuer
        answer = self.gateway.http.open(path + query, method=method, data=body, headers=sent, base_url=issuer)
        if (
            method == "POST"
            and staff.admit(self.gateway.wiring, self.shown.get("session", ("", 0.0))[0]) is None
        ):
            self.shown.pop("session", None)  # it was signed out
        return answer

    def session(self) -> str:
        """The cookie of somebody with every role."""
        return self._fresh("session", self._sign_in)

    def _sign_in(self) -> str:
        wiring = self.gateway.wiring
        staff.invite(wiring, username="everybody", roles=Role, invited_by="test")
        return staff.sign_in_by_click(wiring, "everybody")

    def _fresh(self, name: str, make: Callable[[], str]) -> str:
        """What is shown under this name, made again when it is not fresh any more."""
        shown, since = self.shown.get(name, ("", 0.0))
        if not shown or time.monotonic() - since > FRESH_SECONDS:
            shown = make()
            self.shown[name] = shown, time.monotonic()
        return shown

    def token(self, scope: str) -> str:
        """A token of the scope that a route asks for."""
        scope = "extract:read" if scope == ANY_CALLER.value else scope
        details: Any = {
            "extract:read": authorization(purpose="P1", practitioner="camhs-1"),
            **dict.fromkeys(
                ("panel:read", "recall:write", "referral:read", "referral:write"),
                '[{"type":"case_action","practitioner":{"id":"camhs-1"}}]',
            ),
        }.get(scope, ...)
        return self._fresh(
            scope, lambda: self.partner(scope).token(scope=scope, authorization_details=details)
        )

    def partner(self, scope: str) -> Partner:
        """Whose client has the scope; its next proof has a nonce, as the policy for referrals wants it."""
        found = self.partners[_owner(scope)]
        found.nonce = offer_nonce(self.gateway.wiring, now=datetime.now(UTC))
        return found


def _owner(scope: str) -> str:
    if scope in {"referral:read", "referral:write"}:
        return "hub"
    return "council" if scope in {"consent:write", "case:write"} else "camhs"


@pytest.fixture(scope="module")
def routes(gateway: Served) -> Routes:
    gateway.world.join("camhs")
    household(gateway.world, "EH-1")
    key = new_key()
    with gateway.wiring.engine.begin() as connection:
        client = register_client(
            connection, agency=None, scopes=["consent:write", "case:write"], keys=[key.as_dict(private=False)]
        )
        approve_synthetic(connection, None, synthetic=True)
    council = Partner(gateway.http, gateway.wiring.settings.issuer, client, key)
    return Routes(gateway, {"camhs": gateway.partner("camhs"), "council": council, "hub": _hub(gateway)})


def _hub(gateway: Served) -> Partner:
    """A client of its own that receives referrals."""
    key, agency = new_key(), AgencyCode("camhs")
    client = oauth.register_client(
        gateway.wiring,
        agency=agency,
        scopes=["referral:read", "referral:write"],
        keys=[key.as_dict(private=False)],
        actor="test",
    )
    oauth.approve_synthetic(gateway.wiring, agency=agency, actor="test")
    return Partner(gateway.http, gateway.wiring.settings.issuer, client, key)


def path_of(rule: str, text: str = CANARY) -> str:
    """The rule's path with this text for each of its parameters."""
    return re.sub(r"<[^>]*>", lambda _: quote(text, safe=""), rule)


def check(answer: TestResponse, logged: str, *, seconds: float, sent: object) -> None:
    """Hold one answer to the contract: in time, of the contract's kinds, and silent about what was sent.

    A page says its own address where it sends somebody to sign in: they come back to it.
    """
    page = is_page(answer.request.path)
    assert seconds < LONGEST_SECONDS, sent
    assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, (sent, answer.get_data())
    if page and answer.status_code == HTTPStatus.SEE_OTHER:
        assert re.fullmatch(r"/console[\w/.?=-]*", answer.headers["Location"]), sent
        return
    said = answer.get_data() + repr(list(answer.headers)).encode()
    assert squeeze(CANARY) not in squeeze(said.decode("utf-8", "replace")), sent
    assert squeeze(CANARY) not in squeeze(logged), sent
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        if page:
            assert "text/html" == answer.mimetype, sent
        else:
            _check_refusal(answer, sent)


def _check_refusal(answer: TestResponse, sent: object) -> None:
    document = json.loads(answer.get_data())
    if "error" in document:
        assert document["error"] in OAUTH_ERRORS, sent
        return
    assert MEDIA_TYPE == answer.mimetype, sent
    assert document["type"] in PROBLEM_TYPES, sent
    assert answer.status_code == document["status"], sent
    assert (
        {"type", "title", "status", "detail"}
        <= document.keys()
        <= {"type", "title", "status", "detail", "errors"}
    )


def tried(routes: Routes, endpoint: str, method: str, path: str, **request: Any) -> TestResponse:
    """Ask, and hold the answer to the contract."""
    with everything_logged() as logged:
        begun = time.monotonic()
        answer = routes.ask(endpoint, method, path, **request)
        seconds = time.monotonic() - begun
    brief = {name: value if len(repr(value)) < 200 else "long" for name, value in request.items()}
    check(answer, logged.getvalue(), seconds=seconds, sent=(method, path[:100], brief))
    return answer
