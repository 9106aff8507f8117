"""What people come for, from the first click to the last: by keyboard, without JavaScript, at the same time, and counted."""

import json
import re
import subprocess
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opened
from tests.browser.places import CASEWORKER, CHAIR, DESK, to_check
from tests.browser.test_sign_in import staff
from tests.support.browser import NARROW, Watched, with_authenticator
from tests.support.demo import PROGRAMS, Demo

pytestmark = pytest.mark.browser

COUNTED: Final = """() => {
  const counts = { clicks: 0, fields: 0, ...JSON.parse(sessionStorage.getItem("counts") || "{}") };
  const keep = () => sessionStorage.setItem("counts", JSON.stringify(counts));
  addEventListener("click", event => {
    if (event.isTrusted && event.target.closest("a, button")) { counts.clicks += 1; keep(); }
  }, true);
  addEventListener("change", event => { if (event.isTrusted) { counts.fields += 1; keep(); } }, true);
}"""


REFUSED: Final = 1
"""How a command of a partner ends that is let in nowhere."""


class Counted:
    """A page on which every click and every field that is filled in is counted, and every page that is shown."""

    def __init__(self, watched: Watched) -> None:
        self.page = watched.page
        self.shown: list[str] = []
        self.page.add_init_script(f"({COUNTED})()")
        self.page.on("domcontentloaded", lambda each: self.shown.append(each.url))

    def begin(self) -> None:
        """Count from here."""
        self.page.evaluate("sessionStorage.removeItem('counts')")
        self.page.reload()
        self.shown.clear()

    def so_far(self) -> dict[str, int]:
        found: dict[str, int] = self.page.evaluate("JSON.parse(sessionStorage.getItem('counts') || '{}')")
        return {"pages": len(self.shown), **found}


def pulled(demo: Demo, label: str) -> int:
    """How a charity's pull of a case ends now: with 0, or with why not."""
    command = [
        str(PROGRAMS / "extract-client"),
        "pull",
        *("--config", str(demo.folder / "demo.json"), "--agency", "charity", "--case", label),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own
    return done.returncode


def pulls(demo: Demo, label: str) -> bool:
    """Whether a charity is told anything of a case now."""
    status = pulled(demo, label)
    assert status in {0, 4}
    return status == 0


def family_page(watched: Watched, demo: Demo, label: str) -> Page:
    """The page of a labelled family, found by the council's reference."""
    reference = next(case["source_ref"] for case in demo.document["cases"] if case["label"] == label)
    watched.sign_in(CASEWORKER)
    page = watched.open("/console/families/find")
    page.get_by_label("Reference of the case").fill(reference)
    page.get_by_role("button", name="Find").press("Enter")
    page.get_by_role("link", name="Open this family").press("Enter")
    page.get_by_role("heading", name="Who got what").wait_for()
    return page


def test_to_stop_takes_no_more_than_to_agree(opened: Opened, known: dict[str, str], say: Any) -> None:
    """The least of each: one adult for themself, to everything; everybody, everything."""
    watched = opened()
    counted, page = Counted(watched), watched.page
    watched.sign_in(CASEWORKER)
    watched.open(f"/console/families/{known['spare']}")
    counted.begin()
    page.get_by_role("link", name="Record a yes").click()
    to_check(page)
    page.get_by_role("button", name="Record this yes").click()
    page.wait_for_url("**/recorded/*")
    agreeing = counted.so_far()
    page.get_by_role("link", name="Back to the family").click()
    counted.begin()
    page.get_by_role("link", name="Record a no").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Stop it now").click()
    page.wait_for_url("**/recorded/*")
    stopping = counted.so_far()
    say(f"agreeing {json.dumps(agreeing)}, stopping {json.dumps(stopping)}")
    assert {"pages": 6, "clicks": 6, "fields": 5} == agreeing
    assert {"pages": 3, "clicks": 3, "fields": 0} == stopping
    assert all(stopping[name] <= agreeing[name] for name in agreeing)


def test_by_keyboard_alone_and_without_javascript_a_family_stops(opened: Opened, demo: Demo) -> None:
    assert pulls(demo, "adopted") or pulls(demo, "parent_under_18")
    watched = opened(java_script_enabled=False, viewport=NARROW)
    page = family_page(watched, demo, "parent_under_18")
    page.get_by_role("link", name="Record a no, or stop sharing").press("Enter")
    page.get_by_role("button", name="Continue").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check what will stop")
    page.get_by_role("button", name="Stop it now").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("It is recorded, and in effect")
    assert not pulls(demo, "parent_under_18")
    page.get_by_role("link", name="Print").first.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sharing information about")
    assert "stopped" in page.get_by_role("main").inner_text()


def test_two_at_once_and_nobodys_work_is_lost(opened: Opened, demo: Demo) -> None:
    first, second = opened(), opened()
    pages = [family_page(each, demo, "no_consent") for each in (first, second)]
    for page in pages:
        page.get_by_role("link", name="Record a yes").click()
        to_check(page)
    pages[0].get_by_role("button", name="Record this yes").click()
    expect(pages[0].get_by_role("heading", level=1)).to_have_text("Sharing is agreed")
    pages[1].get_by_role("button", name="Record this yes").click()
    expect(pages[1].get_by_role("heading", name="Recorded since you began")).to_be_visible()
    expect(pages[1].get_by_role("alert")).to_be_focused()
    assert pages[1].title().startswith("Error: Check what was said")
    expect(pages[1].get_by_text("They signed a form")).to_be_visible()
    assert [] == second.violations()
    pages[1].get_by_role("button", name="Record this yes").click()
    expect(pages[1].get_by_role("heading", level=1)).to_have_text("Sharing is agreed")
    second.faults = [fault for fault in second.faults if "422" not in fault]  # Chromium says it aloud


def test_a_small_agency_reads_prints_and_answers(opened: Opened, demo: Demo, known: dict[str, str]) -> None:
    watched = opened()
    watched.sign_in(DESK)
    page = watched.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Open Door Trust")
    case = next(case for case in demo.document["cases"] if case["label"] == "offer_accepted")
    watched.open(f"/desk/cases/{case['refs']['charity']}")
    page.get_by_label("Give the help that was agreed").check()
    page.get_by_role("button", name="Read the extract").press("Enter")
    page.get_by_role("heading", name="How to handle it").wait_for()
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(page.get_by_role("heading", name="How to handle it")).to_be_visible()
    page.emulate_media(media="screen")
    page.get_by_role("link", name="See its receipt").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Receipt")
    watched.open("/desk/recalls")
    page.locator(f"a[href$='{known['recall']}']").press("Enter")
    page.get_by_label("We deleted every copy").check()
    page.get_by_role("button", name="Answer").press("Enter")
    page.wait_for_url("**/desk/recalls")
    expect(page.get_by_text("We deleted every copy").first).to_be_visible()


def test_a_coordinator_holds_a_meeting(opened: Opened, known: dict[str, str]) -> None:
    watched = opened(java_script_enabled=False)
    watched.sign_in(CHAIR)
    page = watched.open("/console/meetings")
    page.get_by_role("link", name="Hold a meeting").press("Enter")
    page.get_by_role("button", name="Hold this meeting").press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_label("What it is called").fill("Second panel")
    for label, value in (("Day", "9"), ("Month", "12"), ("Year", "2099")):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Open Door Trust").check()
    page.get_by_role("button", name="Hold this meeting").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Second panel")
    page.get_by_label("Add a case").fill(known["reference"])
    page.get_by_role("button", name="Add").press("Enter")
    expect(page.get_by_text("ready", exact=True)).to_be_visible()
    page.get_by_role("link", name="Change").press("Enter")
    page.get_by_label("Youth Service").check()
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_text("Open Door Trust, Youth Service")).to_be_visible()
    page.get_by_role("button", name="Take off").press("Enter")
    expect(page.get_by_text("No case is listed yet.")).to_be_visible()
    watched.faults = [fault for fault in watched.faults if "422" not in fault]  # Chromium says it aloud


def test_a_passkey_is_added_and_removed_with_a_fresh_proof(opened: Opened, demo: Demo) -> None:
    code = staff(demo, "invite", "una.worker", "--role", "caseworker").splitlines()[-1]
    watched = opened()
    page = watched.open("/console/invitation")
    with_authenticator(page.context, page)
    page.get_by_label("One-time code").fill(code)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Make a passkey and sign in").click()
    page.wait_for_url("**/console")
    watched.open("/console/passkeys")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    assert [] == watched.violations()
    page.get_by_role("button", name="Confirm with your passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Make another passkey")
    take_away = with_authenticator(page.context, page, transport="usb")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your passkeys")
    expect(page.get_by_role("button", name="Remove")).to_have_count(2)
    take_away()
    page.get_by_role("button", name="Remove").last.click()
    page.get_by_role("button", name="Confirm with your passkey").click()
    expect(page.get_by_role("button", name="Remove")).to_have_count(1)
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Confirm with your passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("It is your only passkey")
    expect(page.get_by_role("button", name="Remove")).to_have_count(1)
    watched.faults = [fault for fault in watched.faults if "422" not in fault]  # Chromium says it aloud


def test_two_people_make_a_profile_release(opened: Opened) -> None:
    officer, second = opened(java_script_enabled=False), opened(java_script_enabled=False)
    officer.sign_in("dana.dpo")
    page = officer.open("/console/approvals")
    page.get_by_role("link", name="Youth Service, version 2").press("Enter")
    if page.get_by_role("button", name="Propose").count():
        page.get_by_role("button", name="Propose").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("What takes two people")
    second.sign_in("eli.approver")
    page = second.open("/console/approvals")
    page.get_by_role("link", name="Youth Service, version 2").press("Enter")
    rows = page.get_by_role("row").all_inner_texts()
    assert rows[1].endswith("wider")
    assert rows[-1].endswith("narrower")
    page.get_by_role("button", name="Approve exactly this").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    page.get_by_role("button", name="It is me").press("Enter")
    expect(page.get_by_text("Everything that is stored is effective.")).to_be_visible()


def extract(demo: Demo, agency: str, label: str) -> dict[str, Any]:
    """What an agency is told of a case now."""
    command = [
        str(PROGRAMS / "extract-client"),
        "pull",
        *("--config", str(demo.folder / "demo.json"), "--agency", agency, "--case", label),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def levels(told: dict[str, Any], field: str) -> set[str]:
    """How much is told of a field of the people."""
    return {each["fields"][field]["level"] for each in told["record"]["people"] if field in each["fields"]}


def test_a_profile_is_changed_end_to_end_by_two_people(opened: Opened, demo: Demo) -> None:
    """By keyboard and without JavaScript: a draft, what it would tell beside it, a version, two people, an extract."""
    assert {"F"} == levels(extract(demo, "housing", "plain"), "adult_dob")
    officer, second = opened(java_script_enabled=False), opened(java_script_enabled=False)
    officer.sign_in("dana.dpo")
    page = officer.open("/console/profiles")
    page.get_by_role("link", name="Housing Needs").press("Enter")
    page.get_by_role("link", name="Change it").press("Enter")
    page.get_by_label("The version that releases now").press(" ")
    page.get_by_role("button", name="Begin a draft").press("Enter")
    page.get_by_role("link", name="Date of birth, age and sex").press("Enter")
    beside = page.get_by_role("region", name="What the saved draft would tell")
    expect(beside).to_contain_text("1991-05-30")
    adult = page.get_by_role("group", name="An adult's date of birth")
    for stage in ("At the panel", "While it helps"):
        adult.get_by_role("group", name=stage).get_by_label("In part").press(" ")
    adult.get_by_label("Why").fill("An age band is enough to tell who can hold a tenancy")
    page.get_by_role("button", name="Save in the draft").press("Enter")
    expect(beside).not_to_contain_text("1991-05-30")
    expect(beside).to_contain_text("band: 25-64")
    page.get_by_role("link", name="Back to the draft").press("Enter")
    page.get_by_role("link", name="Check and save as version 2").press("Enter")
    expect(page.get_by_role("row").nth(1)).to_contain_text("narrower")
    page.get_by_role("button", name="Save as version 2").press("Enter")
    page.get_by_role("button", name="Propose it to a second person").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("What takes two people")
    assert {"F"} == levels(extract(demo, "housing", "plain"), "adult_dob")
    second.sign_in("eli.approver")
    page = second.open("/console/approvals")
    page.get_by_role("link", name="Housing Needs, version 2").press("Enter")
    page.get_by_role("button", name="Approve exactly this").press("Enter")
    page.get_by_role("button", name="It is me").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("What takes two people")
    told = extract(demo, "housing", "plain")
    assert ({"G1"}, 2) == (levels(told, "adult_dob"), told["profile"]["version"])


def test_the_matrix_prints_in_landscape_with_its_heads_on_every_page(opened: Opened) -> None:
    watched = opened()
    watched.sign_in("dana.dpo")
    page = watched.open("/console/profiles")
    printed = page.pdf(prefer_css_page_size=True)
    boxes = [tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox \[([0-9. ]+)\]", printed)]
    assert len(boxes) > 1
    assert not [box for box in boxes if box[2] <= box[3]]
    page.emulate_media(media="print")
    head = page.locator("thead")
    assert "table-header-group" == head.evaluate("each => getComputedStyle(each).display")
    expect(page.get_by_role("button", name="Show")).to_be_hidden()
    expect(page.get_by_role("link", name="For a spreadsheet")).to_be_hidden()


def test_an_agency_is_stopped_at_once_and_let_in_again_by_two_people(opened: Opened, demo: Demo) -> None:
    """By keyboard and without JavaScript: one officer stops it, and nothing of it works until a second person agreed."""
    told = extract(demo, "charity", "plain")
    officer, second = opened(java_script_enabled=False), opened(java_script_enabled=False)
    officer.sign_in("dana.dpo")
    page = officer.open("/console/agencies")
    page.get_by_role("link", name="Open Door Trust").press("Enter")
    page.get_by_role("link", name="Suspend this agency").press("Enter")
    expect(page.get_by_role("main")).to_contain_text("now end at once")
    page.get_by_role("button", name="Suspend it now").press("Enter")
    expect(page.get_by_role("main")).to_contain_text("Next: Suspended")
    assert pulled(demo, "plain") == REFUSED
    page.get_by_role("link", name="Let it take part again").press("Enter")
    page.get_by_role("button", name="Propose").press("Enter")
    assert pulled(demo, "plain") == REFUSED, "one person is not enough"
    second.sign_in("eli.approver")
    page = second.open("/console/approvals")
    page.get_by_role("link", name="Open Door Trust").press("Enter")
    page.get_by_role("button", name="Approve exactly this").press("Enter")
    page.get_by_role("button", name="It is me").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("What takes two people")
    assert told["record"] == extract(demo, "charity", "plain")["record"]
