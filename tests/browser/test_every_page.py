"""Every page of staff, looked at: by axe, at 320 pixels, in forced colours, without JavaScript, by keyboard."""

from typing import Final

import pytest

from gateway.oauth.access import ROUTES
from tests.browser.conftest import Opened
from tests.support.browser import NARROW

PAGES: Final = {
    "console.accessibility": (None, "/console/accessibility"),
    "console.home": ("amara.caseworker", "/console"),
    "console.tasks": ("amara.caseworker", "/console/tasks/consent.stopped"),
    "demo.people": (None, "/console/demo"),
    "sign_in.form": (None, "/console/sign-in"),
    "sign_in.invitation": (None, "/console/invitation"),
    "sign_in.sessions": ("dana.dpo", "/console/sessions"),
}
"""By endpoint: who looks at it, and where it is."""
ACTS: Final = {
    "console.asset",
    "console.task_done",
    "demo.click",
    "oidc.callback",
    "oidc.start",
    "sign_in.end_session",
    "sign_in.passkey",
    "sign_in.sign_out",
    "sign_in.use_invitation",
}
"""What answers a form, or is no page."""

pages = pytest.mark.parametrize(("who", "path"), PAGES.values(), ids=PAGES.keys())


def test_every_page_is_looked_at() -> None:
    """A page that is in no browser test is one that nobody has seen."""
    endpoints = {name for name in ROUTES if name.startswith(("console.", "demo.", "oidc.", "sign_in."))}
    assert PAGES.keys() | ACTS == endpoints
    assert PAGES.keys().isdisjoint(ACTS)


@pages
def test_axe_finds_nothing(opened: Opened, who: str | None, path: str) -> None:
    watched = opened()
    if who:
        watched.sign_in(who)
    page = watched.open(path)
    assert [] == watched.violations()
    assert 1 == page.get_by_role("heading", level=1).count()
    heading = page.get_by_role("heading", level=1).inner_text()
    assert page.title().startswith(f"{heading} \N{EN DASH} Early Help Gateway")


@pytest.mark.browser
@pages
def test_nothing_scrolls_sideways_at_320_pixels(opened: Opened, who: str | None, path: str) -> None:
    watched = opened(viewport=NARROW)
    if who:
        watched.sign_in(who)
    watched.open(path)
    assert not watched.scrolls_sideways()
    assert [] == watched.violations()


@pytest.mark.browser
@pages
def test_forced_colours_leave_everything_to_be_seen(opened: Opened, who: str | None, path: str) -> None:
    watched = opened(forced_colors="active")
    if who:
        watched.sign_in(who)
    page = watched.open(path)
    assert [] == watched.violations()
    for button in page.get_by_role("button").all():
        assert "0px" != button.evaluate("each => getComputedStyle(each).borderTopWidth")


@pytest.mark.browser
@pages
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    opened: Opened, who: str | None, path: str
) -> None:
    """Every link, button and field in the order of the page, the skip link first, each with an outline."""
    watched = opened()
    if who:
        watched.sign_in(who)
    page = watched.open(path)
    everything = "a[href], button:not([hidden]), input:not([type=hidden]), [tabindex='0']"
    count = page.locator(everything).count()
    reached = []
    for _ in range(count):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "() => { const e = document.activeElement, s = getComputedStyle(e);"
                " return [e.outerHTML, s.outlineStyle !== 'none' || s.boxShadow !== 'none']; }"
            )
        )
    assert count == len({html for html, _ in reached})
    assert 'class="govuk-skip-link"' in reached[0][0]
    assert [] == [html for html, shown in reached if not shown]


@pytest.mark.browser
@pages
def test_without_javascript_the_page_is_whole(opened: Opened, who: str | None, path: str) -> None:
    watched = opened(java_script_enabled=False)
    if who:
        watched.sign_in(who)
    page = watched.open(path)
    assert 1 == page.get_by_role("heading", level=1).count()
    assert page.get_by_role("main").inner_text().strip()
