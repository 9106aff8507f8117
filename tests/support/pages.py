"""Somebody of the staff at the pages, without a browser."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.app import build_app
from gateway.oauth.access import SESSION_COOKIE
from gateway.staff import service
from gateway.staff.model import NOWHERE, Belonging, Role, SignedIn
from gateway.wiring import Wiring

Form = Mapping[str, str | Sequence[str]]


_BUILT: list[tuple[Wiring, Flask]] = []


def app_of(wiring: Wiring) -> Flask:
    """The application over a process's parts, built once for all who ask about the same: that takes a fifth of a second."""
    if not _BUILT or _BUILT[0][0] is not wiring:
        _BUILT[:] = [(wiring, build_app(wiring))]
    return _BUILT[0][1]


class Somebody:
    """A member of staff who is signed in, and what they see."""

    def __init__(
        self, wiring: Wiring, *roles: Role, username: str = "ada", belonging: Belonging = NOWHERE
    ) -> None:
        service.invite(wiring, username=username, roles=roles, invited_by="test", belonging=belonging)
        self.wiring = wiring
        self.own = wiring.settings.public_url
        self.host = urlsplit(self.own).hostname or ""
        self.http: FlaskClient = app_of(wiring).test_client()
        self.become(service.sign_in_by_click(wiring, username))

    def become(self, secret: str) -> None:
        """Use this session from now on."""
        self.http.set_cookie(SESSION_COOKIE, secret, domain=self.host, secure=True)
        who = service.admit(self.wiring, secret)
        assert who is not None
        self.who: SignedIn = who

    def ask(self, path: str) -> TestResponse:
        return self.http.get(path, base_url=self.own)

    def get(self, path: str) -> str:
        return self.ask(path).text

    def send(self, path: str, form: Form | None = None, **data: str | Sequence[str]) -> TestResponse:
        """Send a form, and return what comes back without following it."""
        headers = {"Origin": self.own}
        filled = {**(form or {}), **data, "form_token": self.who.form_token}
        answer = self.http.post(path, base_url=self.own, headers=headers, data=filled)
        cookie = self.http.get_cookie(SESSION_COOKIE, domain=self.host)
        if cookie is not None:
            renewed = service.admit(self.wiring, cookie.value)
            self.who = replace(self.who, form_token=renewed.form_token) if renewed else self.who
        return answer

    def post(self, path: str, **data: str | Sequence[str]) -> int:
        return self.send(path, data).status_code


def hidden(page: str) -> dict[str, list[str]]:
    """The hidden fields of a page's last form but the one of signing out, by name."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)"[^>]*? value="([^"]*)">', page):
        if name != "form_token":
            found.setdefault(name, []).append(unescape(value))
    return found


class _Fields(HTMLParser):
    """What a browser would send of one form, as the page has it."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action, self.inside, self.select, self.first = action, False, "", ""
        self.sent: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = found.get("action") == self.action and found.get("method") == "post"
        elif self.inside and tag == "input":
            chosen = found.get("type") not in {"radio", "checkbox"} or "checked" in found
            if chosen and found["name"] != "form_token":
                self.sent.setdefault(found["name"], []).append(found.get("value", ""))
        elif self.inside and tag == "select":
            self.select, self.first = found["name"], ""
        elif self.inside and tag == "option" and self.select:
            self.first = self.first or found["value"]
            if "selected" in found:
                self.sent[self.select] = [found["value"]]

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self.select:
            self.sent.setdefault(self.select, [self.first])
            self.select = ""
        elif tag == "form":
            self.inside = False


def filled(page: str, action: str) -> dict[str, list[str]]:
    """What a browser would send of the form with this address, as the page has it, without its token."""
    fields = _Fields(action)
    fields.feed(page)
    assert fields.sent, f"no form leads to {action}"
    return fields.sent


def words(page: str) -> str:
    """What a page says, without its markup."""
    main = page[page.index("<main") : page.index("</main>")]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def title(page: str) -> str:
    """A page's title in the browser."""
    found = re.search(r"<title>(.*?)</title>", page)
    assert found is not None
    return unescape(found[1]).partition(" \N{EN DASH} ")[0]
