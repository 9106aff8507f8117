"""Signing in as people do: a one-time code, a passkey, a click in the demo, and out again."""

import subprocess

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opened
from tests.support.browser import with_authenticator
from tests.support.demo import PROGRAMS, ROOT, Demo

pytestmark = pytest.mark.browser


def staff(demo: Demo, *words: str) -> str:
    """What the operator's command prints."""
    return subprocess.run(  # noqa: S603 - our own command line, no shell
        [str(PROGRAMS / "gateway"), "--env-file", str(demo.folder / "gateway.env"), "staff", *words],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_a_code_makes_a_passkey_that_signs_in_again(demo: Demo, opened: Opened) -> None:
    code = staff(demo, "invite", "ivy.worker", "--role", "caseworker").splitlines()[-1]
    watched = opened()
    page = watched.open("/console/sign-in?next=/console/sessions")
    with_authenticator(page.context, page)
    page.get_by_role("link", name="Make a passkey with the code").click()
    page.get_by_label("One-time code").fill(code)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("ivy.worker")).to_be_visible()
    assert [] == watched.violations()
    page.get_by_role("button", name="Make a passkey and sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your work")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    watched.open("/console/sessions")
    page.get_by_role("button", name="Sign in with your passkey").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Where you are signed in")
    expect(page.get_by_text("passkey", exact=True)).to_be_visible()
    staff(demo, "disable", "ivy.worker")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_role("button", name="Sign in with your passkey").click()
    expect(page.get_by_role("alert").first).to_contain_text("The passkey was not accepted.")
    assert page.title().startswith("Error: Sign in")
    watched.faults = [fault for fault in watched.faults if "422" not in fault]  # Chromium says it aloud


def test_a_device_without_a_passkey_is_told_so(opened: Opened) -> None:
    watched = opened()
    page = watched.open("/console/sign-in")
    with_authenticator(page.context, page)
    page.get_by_role("button", name="Sign in with your passkey").click()
    expect(page.get_by_text("The passkey was not used. Try again.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with your passkey")).to_be_focused()


def test_a_wrong_code_is_said_where_it_is_and_takes_the_focus(opened: Opened) -> None:
    watched = opened(java_script_enabled=False)
    page = watched.open("/console/invitation")
    page.get_by_label("One-time code").fill("nonsense")
    page.get_by_role("button", name="Continue").press("Enter")
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    assert page.title().startswith("Error: Use your one-time code")
    page.get_by_role("link", name="Enter the code as you were given it.").press("Enter")
    expect(page.get_by_label("One-time code")).to_be_focused()
    watched.faults = [fault for fault in watched.faults if "422" not in fault]  # as above


def test_by_keyboard_alone_one_works_and_signs_out(opened: Opened) -> None:
    page = opened(java_script_enabled=False).open("/console/demo")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your work")
    words = page.locator(".app-worklist__words").first.inner_text()
    page.get_by_role("link", name=words).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(words)
    waiting = page.get_by_role("button", name="Done").count()
    page.get_by_role("button", name="Done").first.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your work")
    assert waiting >= 1
    page.get_by_role("button", name="Sign out").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.go_back()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_what_another_session_is_ended_from_here(opened: Opened) -> None:
    here, there = opened(), opened()
    here.sign_in("farah.auditor")
    there.sign_in("farah.auditor")
    page = here.open("/console/sessions")
    page.get_by_role("button", name="End").first.click()
    expect(page.get_by_role("button", name="End")).to_have_count(0)
    expect(there.open("/console").get_by_role("heading", level=1)).to_have_text("Sign in")
