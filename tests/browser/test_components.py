"""Every component that a page may be made of, on one page that only this test has."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Final

import pytest
from playwright.sync_api import Page, Route, expect

from gateway.console import pages
from tests.browser.conftest import Opened
from tests.support.browser import NARROW, Watched

pytestmark = pytest.mark.browser

ADDRESS: Final = "/console/components"
TEMPLATE: Final = """{% extends "frame.html" %}
{% block before %}{{ c.back_link("/console") }}{% endblock %}
{% block heading %}{% endblock %}
{% block content %}
{{ c.panel("It is done", "Your number is 12") }}
{% call c.identity_bar("The Okafor family") %}{{ c.badge("shielded", "red") }} {{ c.tag("open", "green") }}{% endcall %}
{{ c.sub_navigation([("/console/components", "Sharing"), ("/console/other", "History")], here) }}
{{ c.notice("Important", "Two agencies were asked to stop.") }}
{{ c.warning_text("Nothing is asked twice.") }}
{{ c.inset_text("Nothing has been sent.") }}
<h2 class="govuk-heading-m">What to do</h2>
{{ c.task_list([{"words": "Who was asked", "address": "/console/1", "status": "Done"},
  {"words": "Which agencies", "address": "/console/2", "status": "To do", "colour": "blue", "hint": "All of them"},
  {"words": "Check your answers", "status": "Cannot start yet"}]) }}
{{ c.summary_list([{"key": "Name", "value": "Ada", "change": "/console/3"},
  {"key": "Born", "value": c.tag("4 June 2012"), "change": "/console/4", "change_words": "Correct"},
  {"key": "Number", "value": 12}]) }}
{{ c.table("fields", "What is shared", ["Field", "Open Door", "Housing"],
  [["Name", c.tag("shared", "green"), c.tag("never", "red")], ["Born", "year only", "never"]]) }}
<form method="post" action="/console/components" novalidate>
{{ c.radios("told", "Was the family told?", answers, "yes", error, "Say no if you do not know.") }}
{{ c.checkboxes("agencies", "Which agencies?", agencies, ["housing"], error) }}
{{ c.date_input("born", "When were they born?", {"day": "4", "month": "", "year": "2012"}, error, "For example, 4 6 2012") }}
{{ c.select("method", "How did they say it?", agencies, "housing", error) }}
{{ c.textarea("why", "Why?", "Because <b>", error, "In one sentence.") }}
{% call c.fieldset("Who they are") %}
{{ c.text_input("given", "Given name", error, "As they spell it.", value="Ada", width="20") }}
{{ c.text_input("age", "Age", error, width="2", inputmode="numeric") }}
{% endcall %}
{{ c.button("Continue") }} {{ c.button("Stop sharing", "warning") }} {{ c.button_link("Start again", "/console", "secondary") }}
</form>
{% call c.details("Why we ask") %}The law says so.{% endcall %}
{{ c.timeline([{"title": "Sharing stopped", "byline": "amara.caseworker", "at": at, "body": "By word of mouth."},
  {"title": "Sharing began", "byline": "", "at": at, "body": ""}]) }}
{% endblock %}
"""
FIELDS: Final = {
    "told": "told",
    "agencies": "agencies",
    "born-day": "born",
    "born-year": "born",
    "method": "method",
    "why": "why",
    "given": "given",
}
"""By what an error names: the field that shows it."""


def page_of(error: str | None) -> str:
    choices = [{"value": "yes", "words": "Yes"}, {"value": "no", "words": "No", "hint": "Or nobody knows"}]
    agencies = [SimpleNamespace(value=each, words=each.title()) for each in ("door", "housing", "school")]
    return pages._ENVIRONMENT.from_string(TEMPLATE).render(
        title="Components",
        council="Testshire",
        synthetic=True,
        signed_in=None,
        assets=pages.ASSET_PATHS,
        sheets=pages.sheets("#14365c"),
        here=ADDRESS,
        error={"field": error, "sentence": "Say it again."} if error else None,
        answers=choices,
        agencies=agencies,
        at=datetime(2026, 6, 4, 8, 30, tzinfo=UTC),
    )


def open_components(watched: Watched, error: str | None = None) -> Page:
    """The page, sent with the headers of every other page."""

    def answer(route: Route) -> None:
        route.fulfill(body=page_of(error), content_type="text/html", headers=dict(pages.HEADERS))

    watched.page.route(watched.base_url + ADDRESS, answer)
    return watched.open(ADDRESS)


@pytest.mark.parametrize("error", [None, "told"])
def test_axe_finds_nothing_in_any_component(opened: Opened, error: str | None) -> None:
    watched = opened()
    open_components(watched, error)
    assert [] == watched.violations()


@pytest.mark.browser
def test_no_component_scrolls_sideways_at_320_pixels(opened: Opened) -> None:
    watched = opened(viewport=NARROW)
    open_components(watched, "agencies")
    assert not watched.scrolls_sideways()
    assert [] == watched.violations()


@pytest.mark.browser
def test_every_component_is_seen_in_forced_colours(opened: Opened) -> None:
    watched = opened(forced_colors="active")
    page = open_components(watched, "why")
    assert [] == watched.violations()
    for button in page.get_by_role("button").all():
        assert "0px" != button.evaluate("each => getComputedStyle(each).borderTopWidth")


@pytest.mark.browser
@pytest.mark.parametrize(("field", "name"), FIELDS.items())
def test_the_summary_leads_to_the_field_which_says_what_is_wrong(
    opened: Opened, field: str, name: str
) -> None:
    """Without JavaScript; and no other field says it."""
    page = open_components(opened(java_script_enabled=False), field)
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("link", name="Say it again.").press("Enter")
    expect(page.locator(f"#{field}")).to_be_focused()
    assert [f"{name}-error"] == [
        each.get_attribute("id") for each in page.locator(".govuk-error-message").all()
    ]


def test_what_is_hidden_is_not_seen(opened: Opened) -> None:
    """A class that says how something is displayed wins over the attribute that hides it."""
    page = opened().open("/console/sign-in")
    expect(page.locator("#passkey-fault")).to_be_hidden()
    expect(page.locator("#passkey-help")).to_be_hidden()
