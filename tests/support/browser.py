"""Chromium over the running demo, and everything that a page must never do."""

import base64
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    ViewportSize,
)

from tests.support.demo import Demo

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
NARROW: Final[ViewportSize] = {"width": 320, "height": 640}
WIDE: Final[ViewportSize] = {"width": 1200, "height": 900}
_AXE_LOOKS: Final = [
    "color-contrast",
    "link-in-text-block",
    "scrollable-region-focusable",
    "target-size",
]
_AXE_TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Watched:
    """One page, and what it did that it must not: errors, failed requests, requests elsewhere."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        self.faults: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._asked)
        page.on("requestfailed", self._failed)

    def open(self, path: str) -> Page:
        self.page.goto(self.base_url + path)
        return self.page

    def sign_in(self, username: str) -> Page:
        """Become somebody of the demo, by one click."""
        self.open("/console/demo")
        self.page.get_by_role("button", name=username).click()
        self.page.wait_for_url(re.compile(r"/(console|desk)$"))
        return self.page

    def violations(self, *, looks_alone: bool = False) -> list[str]:
        """What axe finds, one line each.

        Args:
            looks_alone: by the rules that see colours and places alone, for a page whose markup was looked at.
        """
        rules = _AXE_LOOKS if looks_alone else _AXE_TAGS
        options = {"runOnly": rules, "resultTypes": ["violations"]}  # the rest is of no use, and much
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        found = self.page.evaluate("options => axe.run(document, options)", options)
        listed: list[dict[str, Any]] = found["violations"]
        return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in listed]

    def scrolls_sideways(self) -> bool:
        wider: bool = self.page.evaluate(
            "document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth"
        )
        return wider

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left before it had come
            self.faults.append(f"failed: {request.url}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(self.base_url + "/"):
            self.faults.append(f"elsewhere: {request.url}")


def require_chromium() -> None:
    """Skip loudly where there is no Chromium; fail where ``CI`` is set."""
    if CHROMIUM is None:
        message = "Chromium is missing, so no page was looked at; on Debian: apt install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)


@contextmanager
def chromium(playwright: Playwright, *certificates: Path) -> Iterator[Browser]:
    """Yield a browser that trusts these servers' certificates (PEM), and no other untrusted one."""
    assert CHROMIUM is not None
    pins = ",".join(map(_pin, certificates))
    arguments = [f"--ignore-certificate-errors-spki-list={pins}", "--disable-dev-shm-usage"]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
    try:
        yield browser
    finally:
        browser.close()


def server_certificate(demo: Demo) -> Path:
    """The certificate that a demo's server shows."""
    return demo.folder / "keys" / "server.pem"


@contextmanager
def profile(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """Yield a profile that knows nothing of any other.

    Args:
        options: of Playwright's context: ``viewport``, ``java_script_enabled``, ``forced_colors``.
    """
    context = browser.new_context(**{"viewport": WIDE, **options})
    context.set_default_timeout(15_000)
    try:
        yield context
    finally:
        context.close()


def with_authenticator(
    context: BrowserContext, page: Page, *, transport: str = "internal"
) -> Callable[[], None]:
    """Give a page one more device that makes passkeys, with a user who is always verified; return what takes it away."""
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    added = devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": transport,
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )

    def take_away() -> None:
        devtools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": added["authenticatorId"]})

    return take_away


def _pin(certificate: Path) -> str:
    """What Chromium knows a server's key by."""
    public = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    named = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(named).digest()).decode()
