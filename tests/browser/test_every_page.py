"""Every page of staff, looked at: by axe, at 320 pixels, in forced colours, without JavaScript, by keyboard."""

from collections.abc import Mapping
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from gateway.oauth.access import ROUTES, Staff
from tests.browser.conftest import Opened
from tests.browser.places import ACTS, FAULTS, PAGES, Place
from tests.support.browser import NARROW

Known = Mapping[str, str]

pages = pytest.mark.parametrize("place", PAGES.values(), ids=PAGES.keys())

_TABBABLE: Final = """() => {
  const groups = new Set();
  const all = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const again = each => each.type === "radio" && (groups.has(each.name) || !groups.add(each.name));
  return [...document.querySelectorAll(all)].filter(each => each.checkVisibility() && !again(each)).length;
}"""
_FOCUSED: Final = """() => {
  const focused = document.activeElement;
  const label = focused.matches("[type=radio], [type=checkbox]") && focused.nextElementSibling;
  const styles = [getComputedStyle(focused), ...(label ? [getComputedStyle(label, "::before")] : [])];
  const place = [...document.querySelectorAll("*")].indexOf(focused);
  return [place, focused.outerHTML, styles.some(s => s.outlineStyle !== "none" || s.boxShadow !== "none")];
}"""


def test_every_page_is_looked_at() -> None:
    """A page that is in no browser test is one that nobody has seen."""
    staff = {name for name, access in ROUTES.items() if isinstance(access, Staff)}
    public = {
        name
        for name in ROUTES
        if name.startswith(("console.", "demo.", "emergency.", "oidc.", "pickup.", "sign_in."))
    }
    looked_at = {name.partition(",")[0] for name in PAGES}
    assert looked_at | ACTS == staff | public
    assert looked_at.isdisjoint(ACTS)


@pytest.mark.browser
@pages
def test_a_page_is_for_everybody(opened: Opened, known: Known, place: Place) -> None:
    """One look at each: by keyboard, to axe, in forced colours, and at 320 pixels; opening it takes longest."""
    watched = opened()
    page = place.open(watched, known)
    the_keyboard_reaches_everything_and_shows_where_it_is(page, framed=place.framed)
    assert [] == watched.violations()
    assert 1 == page.get_by_role("heading", level=1).count()
    heading = page.get_by_role("heading", level=1).inner_text()
    if place.framed:
        assert page.title().startswith(f"{heading} \N{EN DASH} Early Help Gateway")
    page.emulate_media(forced_colors="active")
    assert [] == watched.violations(looks_alone=True), "in forced colours"
    for button in page.get_by_role("button").all():
        assert "0px" != button.evaluate("each => getComputedStyle(each).borderTopWidth")
    page.emulate_media(forced_colors="none")
    page.set_viewport_size(NARROW)
    assert not watched.scrolls_sideways()
    assert [] == watched.violations(looks_alone=True), "at 320 pixels"


def the_keyboard_reaches_everything_and_shows_where_it_is(page: Page, *, framed: bool) -> None:
    """Every link, button and field, a group of radios once, the skip link first, each with an outline."""
    count = page.evaluate(_TABBABLE)
    reached = []
    for _ in range(count):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(_FOCUSED))
    assert count == len({place for place, _, _ in reached})
    if framed:
        assert 'class="govuk-skip-link"' in reached[0][1]
    assert [] == [html for _, html, shown in reached if not shown]


@pytest.mark.browser
@pages
def test_without_javascript_the_page_is_whole(opened: Opened, known: Known, place: Place) -> None:
    watched = opened(java_script_enabled=False)
    page = place.open(watched, known)
    assert 1 == page.get_by_role("heading", level=1).count()
    assert page.get_by_role("main").inner_text().strip()


@pytest.mark.browser
@pytest.mark.parametrize("place", FAULTS.values(), ids=FAULTS.keys())
def test_what_is_wrong_is_said_first_and_leads_to_where_it_is(
    opened: Opened, known: Known, place: Place
) -> None:
    watched = opened(java_script_enabled=False)
    page = place.open(watched, known)
    assert page.title().startswith("Error: ")
    expect(page.get_by_role("alert")).to_be_focused()
    link = page.get_by_role("alert").get_by_role("link")
    target = (link.get_attribute("href") or "").removeprefix("#")
    link.press("Enter")
    expect(page.locator(f"[id='{target}']")).to_be_focused()
    watched.faults = [fault for fault in watched.faults if "422" not in fault]  # Chromium says it aloud
