"""The pages of signing in at a provider, looked at in Chromium over the real provider and a real gateway."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.interop.test_oidc_provider import Site, site
from tests.support.browser import NARROW, Watched, chromium, profile, require_chromium

__all__ = ["site"]


@pytest.fixture(scope="module")
def browser(site: Site, playwright: Playwright) -> Iterator[Browser]:
    require_chromium()
    ours, theirs = site.node.certificates.server.certificate, site.folder / "provider.pem"
    with chromium(playwright, ours, theirs) as running:
        yield running


def whole(watched: Watched, heading: str) -> None:
    """The page is what it should be, and axe finds nothing in it."""
    expect(watched.page.get_by_role("heading", level=1)).to_have_text(heading)
    assert [] == watched.violations()
    assert not watched.scrolls_sideways()


def test_from_the_first_code_to_a_fresh_proof(site: Site, browser: Browser) -> None:
    headers = {"X-Subject": "subject-20", "X-Acr": "gold"}
    with profile(browser, viewport=NARROW, extra_http_headers=headers) as own:
        _walk(site, own.new_page())


def _walk(site: Site, page: Page) -> None:
    watched = Watched(page, site.own)
    watched.open("/console/oidc?next=/console")
    whole(watched, "You are not signed in")
    expect(page.get_by_text("You are not known here.")).to_be_visible()
    watched.open("/console/invitation")
    page.get_by_label("One-time code").fill(site.code("kim"))
    page.get_by_role("button", name="Continue").press("Enter")
    page.get_by_role("link", name="Testshire account").wait_for()
    assert [] == watched.violations()
    page.get_by_role("link", name="Testshire account").press("Enter")
    whole(watched, "Your work")
    page.get_by_role("button", name="Sign out").press("Enter")
    whole(watched, "Sign in")
    page.get_by_role("link", name="Sign in with Testshire account").press("Enter")
    whole(watched, "Your work")
    watched.open("/console/passkeys")
    page.get_by_role("button", name="Add a passkey").press("Enter")
    whole(watched, "Confirm that it is you")
    page.get_by_role("link", name="Confirm with Testshire account").press("Enter")
    whole(watched, "Your passkeys")
    page.get_by_role("button", name="Add a passkey").press("Enter")
    whole(watched, "Make another passkey")
    # Going to the provider is going elsewhere, and being refused is said aloud; nothing else may be.
    allowed = (
        f"elsewhere: {site.issuer}/",
        "error: Failed to load resource: the server responded with a status of 422",
    )
    assert [] == [fault for fault in watched.faults if not fault.startswith(allowed)]
