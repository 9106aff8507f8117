"""Every page of staff: who sees it, where it is, and what has to be done to get there."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Page
from sqlalchemy import text

from certs.jwk import new_es256_key, public_part
from gateway.console.pages import SIGN_IN
from gateway.database import open_engine
from gateway.oauth.access import SESSION_COOKIE
from gateway.safeguarding.ticket import COOKIE as TICKET_COOKIE
from tests.support.browser import Watched
from tests.support.demo import PROGRAMS, Demo

CASEWORKER, LEAD, CHAIR, DESK = "amara.caseworker", "ben.safeguarding", "chidi.coordinator", "kofi.desk"
STRANGER: Final = "joe.caseworker"


_SESSIONS: Final[dict[tuple[str, str | None], Any]] = {}
"""The cookie of whoever signed in, by gateway and name."""


def _stay(_page: Page) -> None:
    """The page is there at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """One page.

    Attributes:
        who: who looks at it; absent: nobody is signed in.
        path: with the names of ``known`` in braces.
        go: what is done on the page at ``path`` to get there.
        framed: it is a page in the frame, and no paper.
    """

    who: str | None
    path: str
    go: Callable[[Page], None] = _stay
    framed: bool = True

    def open(self, watched: Watched, known: Mapping[str, str]) -> Page:
        """Sign in, go there, and return the page; whoever signed in before is still who they are."""
        session = _SESSIONS.get((watched.base_url, self.who))
        if session is not None:
            watched.page.context.add_cookies([session])
        page = watched.open(self.path.format(**known))
        if self.who and urlsplit(page.url).path == SIGN_IN:
            watched.sign_in(self.who)
            (cookie,) = [each for each in page.context.cookies() if each["name"] == SESSION_COOKIE]
            _SESSIONS[watched.base_url, self.who] = cookie
            page = watched.open(self.path.format(**known))
        self.go(page)
        page.wait_for_load_state()
        return page


def known_places(demo: Demo) -> dict[str, str]:
    """What addresses of the running demo are made of; an extract is pulled, and a copy called back."""
    cases: dict[str, Any] = {case["label"]: case for case in demo.document["cases"]}
    engine = open_engine(demo.document["database_url"])
    with engine.connect() as connection:
        plain = connection.execute(
            text(
                "SELECT c.family_id, c.case_id, (SELECT p.person_id FROM gateway.case_person p"
                " WHERE p.case_id = c.case_id AND NOT p.risk_person AND p.role = 'adult' LIMIT 1) AS adult"
                " FROM gateway.case_record c JOIN gateway.pairwise w ON w.thing_id = c.case_id WHERE w.ref = :ref"
            ),
            {"ref": cases["plain"]["refs"]["charity"]},
        ).one()
        spare = connection.execute(
            text(
                "SELECT c.family_id FROM gateway.case_record c JOIN gateway.case_worker w USING (case_id)"
                " WHERE w.worker = :who AND c.case_id NOT IN (SELECT case_id FROM gateway.agenda_item) LIMIT 1"
            ),
            {"who": CASEWORKER},
        ).scalar_one()
        meeting = connection.execute(text("SELECT meeting_id FROM gateway.panel_meeting")).scalars().first()
        _pull(demo, "siblings_differ")
        _pull(demo, "plain", agency="youth")  # what its waiting version would have changed
        _pull(demo, "plain", practitioner="charity-2")  # for whoever is at the desk to confirm
        sample = _gateway(demo, "sample", "draw", "charity").strip()
        _withdraw(demo, cases["siblings_differ"]["source_ref"])
        recall = connection.execute(
            text("SELECT recall_id, extracts FROM gateway.recall WHERE agency_code = 'charity' LIMIT 1")
        ).one()
    engine.dispose()
    return {
        "family": str(plain.family_id),
        "adult": str(plain.adult),
        "case": str(plain.case_id),
        "reference": cases["plain"]["source_ref"],
        "spare": str(spare),
        "meeting": str(meeting),
        "desk_case": cases["plain"]["refs"]["charity"],
        "recall": str(recall.recall_id),
        "sample": sample,
        "extract": str(recall.extracts[0]),
    }


def _pull(demo: Demo, label: str, *, agency: str = "charity", practitioner: str | None = None) -> None:
    config = str(demo.folder / "demo.json")
    who = () if practitioner is None else ("--practitioner", practitioner)
    _run("extract-client", "pull", "--config", config, "--agency", agency, "--case", label, *who)


def _withdraw(demo: Demo, source_ref: str) -> None:
    _gateway(demo, "consent", "withdraw", source_ref, "--everyone", "--recorded-by", CASEWORKER)


def _gateway(demo: Demo, *arguments: str) -> str:
    return _run("gateway", "--env-file", str(demo.folder / "gateway.env"), *arguments)


def _run(program: str, *arguments: str) -> str:
    command = [str(PROGRAMS / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own
    assert done.returncode == 0, done.stderr
    return done.stdout


def go_on(page: Page) -> None:
    """Send the page's form; the page that comes has loaded, for a click returns before that."""
    with page.expect_event("load"):
        page.get_by_role("button", name="Continue").click()


def _to_about(page: Page) -> None:
    page.get_by_role("radio").first.check()
    go_on(page)


def _to_what(page: Page) -> None:
    _to_about(page)
    page.get_by_role("checkbox").first.check()
    go_on(page)


def _to_choose(page: Page) -> None:
    _to_what(page)
    page.get_by_label("Sharing with some services").check()
    go_on(page)


def _to_how(page: Page) -> None:
    _to_what(page)
    page.get_by_label("Sharing with every service").check()
    go_on(page)


def to_check(page: Page) -> None:
    """As far as the check of a yes of the first adult for themself."""
    _to_how(page)
    page.get_by_label("They signed a form").check()
    page.get_by_label("Yes", exact=True).check()
    go_on(page)


def _to_fault(page: Page) -> None:
    go_on(page)
    page.get_by_role("alert").wait_for()


def _to_recorded(page: Page) -> None:
    go_on(page)
    page.get_by_role("button", name="Stop it now").click()
    page.wait_for_url("**/recorded/*")


def _to_found(page: Page) -> None:
    page.get_by_label("Reference of the case").fill("EH-nobody")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("status").wait_for()


def _to_extract(page: Page) -> None:
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Read the extract").click()
    page.get_by_role("link", name="See its receipt").wait_for()


def _to_proof(page: Page) -> None:
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("button", name="It is me").wait_for()


def _to_making(page: Page) -> None:
    _to_proof(page)
    page.get_by_role("button", name="It is me").click()
    page.wait_for_url("**/add")
    page.get_by_text("Your device asks for").wait_for()


FAMILY: Final = "/console/families/{family}"


def _to_proposed(page: Page) -> None:
    if page.get_by_role("button", name="Propose").count():
        page.get_by_role("button", name="Propose").click()
        page.wait_for_url("**/approvals")


def _to_draft(page: Page) -> None:
    if page.get_by_role("button", name="Begin a draft").count():
        page.get_by_role("radio").first.check()
        page.get_by_role("button", name="Begin a draft").click()
        page.get_by_role("button", name="Discard the draft").wait_for()


def _to_part(name: str) -> Callable[[Page], None]:
    """To a page of the draft, which is begun if it is not there."""

    def go(page: Page) -> None:
        _to_draft(page)
        page.get_by_role("link", name=name).click()
        page.wait_for_url("**/edit/*")

    return go


def _to_refused_draft(page: Page) -> None:
    _to_part("Home address")(page)
    page.get_by_label("Why").first.fill("")
    page.get_by_role("button", name="Save in the draft").click()
    page.get_by_role("alert").wait_for()


def _to_family(page: Page) -> None:
    page.get_by_label("Reference of the case").fill("EH-D1")
    page.get_by_role("button", name="Look at this family").click()
    page.get_by_text("of the family that you named").wait_for()


def _to_emergency(page: Page) -> None:
    """To the emergency page, with a ticket of this shift; whoever's session was kept signs in again for one."""
    if all(each["name"] != TICKET_COOKIE for each in page.context.cookies()):
        page.goto(f"{_origin(page)}/console/demo")
        page.get_by_role("button", name=CASEWORKER).click()
        page.wait_for_url("**/console")
    page.goto(f"{_origin(page)}/console/emergency")
    page.get_by_role("button", name="Seal and keep it").wait_for()


def _to_kept(page: Page) -> None:
    _to_emergency(page)
    for label in ("Which children", "Whom you ring", "What you fear", "Why you do not", "Your number"):
        page.get_by_label(label).fill("020 7946 0999")
    page.get_by_label("Yes", exact=True).check()
    page.get_by_role("button", name="Seal and keep it").click()
    page.get_by_role("status").wait_for()


def _to_refused_note(page: Page) -> None:
    _to_emergency(page)
    page.get_by_role("button", name="Seal and keep it").click()
    page.get_by_role("alert").wait_for()


def _origin(page: Page) -> str:
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}"


def fill_referral(page: Page) -> None:
    """Answer what cannot wait of a referral without agreement."""
    page.locator("#people").check()
    page.locator("#destination").check()
    page.get_by_label("What do you fear has happened").fill("He was hit with a belt.")
    page.locator("#danger").check()
    page.locator("#without").check()
    page.get_by_label("On what number can you be called back?").fill("020 7946 0123")


def _to_referral(page: Page) -> None:
    fill_referral(page)
    page.get_by_role("button", name="Send it now").click()
    page.wait_for_url("**/console/referrals/*")


def _to_referral_document(page: Page) -> None:
    _to_referral(page)
    page.get_by_role("link", name="read or print").first.click()
    page.wait_for_url("**/documents/1")


def _to_code(page: Page) -> None:
    _to_referral(page)
    page.get_by_label("Who takes the document?").fill("PC Plum")
    page.get_by_role("button", name="Make a code").click()
    page.wait_for_url("**/pickup")


def _to_referrals(page: Page) -> None:
    _to_referral(page)
    page.get_by_role("link", name="Your referrals", exact=True).click()
    page.wait_for_url("**/console/referrals")


def _to_review(page: Page) -> None:
    page.locator("table th a").first.click()
    page.wait_for_url("**/console/referrals/*-*")


def _to_refused_referral(page: Page) -> None:
    page.get_by_role("button", name="Send it now").click()
    page.get_by_role("alert").wait_for()


REFER: Final = f"{FAMILY}/refer"
EDIT: Final = "/console/profiles/early-help/edit"
PROFILE: Final = "/console/approvals/profile/youth/2"


def _to_refused_draw(page: Page) -> None:
    page.get_by_label("Of how many days, up to now?").fill("0")
    page.get_by_role("button", name="Draw and ask").click()
    page.get_by_role("alert").wait_for()


def _to_refused_letter(page: Page) -> None:
    page.get_by_role("button", name="Enter the answers").click()
    page.get_by_role("alert").wait_for()


def _to_refused_answer(page: Page) -> None:
    page.get_by_role("button", name="Answer").click()
    page.get_by_role("alert").wait_for()


def _to_entry(page: Page) -> None:
    page.locator("table a").first.click()


def _to_refused_code(page: Page) -> None:
    page.get_by_label("Code").fill("2222222222")
    page.get_by_role("button", name="Show it").click()


def _to_incident(page: Page) -> None:
    for name, said in {
        "aware-day": "1",
        "aware-month": "6",
        "aware-year": "2026",
        "aware-time": "09:30",
    }.items():
        page.locator(f"#{name}").fill(said)
    page.locator("#breach").check()
    page.get_by_label("How many people").fill("12")
    page.get_by_label("What happened?").fill("A list went to the wrong place.")
    page.get_by_role("button", name="Record it").click()
    page.wait_for_url("**/console/incidents/*-*-*")


def _to_linked(page: Page) -> None:
    """To an incident with a release, which is linked from the release's own page."""
    _to_incident(page)
    number = page.url.rpartition("/")[2][:8]
    page.goto(f"{_origin(page)}/console/disclosures?kind=release")
    _to_entry(page)
    page.get_by_role("button", name=f"Link it to: Incident {number}").click()
    page.wait_for_url("**/console/incidents/*-*-*")


def _to_commissioner(page: Page) -> None:
    _to_incident(page)
    page.get_by_role("link", name="Notify the Commissioner").click()
    page.wait_for_url("**/commissioner")


def _to_complaint(page: Page) -> None:
    for name, said in {"received-day": "1", "received-month": "6", "received-year": "2026"}.items():
        page.locator(f"#{name}").fill(said)
    page.locator("#channel").check()
    page.get_by_label("What is it about?").fill("They say that we told too much.")
    page.get_by_label("The council's reference").fill("EH-D1")
    page.get_by_role("button", name="Record it").click()
    page.wait_for_url("**/console/complaints/*-*-*")


def _to_outcome(page: Page) -> None:
    _to_complaint(page)
    page.get_by_role("link", name="Say what the outcome is").click()
    page.wait_for_url("**/outcome")


def _to_refused_incident(page: Page) -> None:
    page.get_by_role("button", name="Record it").click()
    page.get_by_role("alert").wait_for()


def _to_system(page: Page) -> None:
    page.locator("#systems table a").first.click()
    page.wait_for_url("**/systems/*")


def _to_stopping(page: Page) -> None:
    _to_system(page)
    page.get_by_role("link", name="Suspend this system").click()
    page.wait_for_url("**/suspend")


def _to_replacing(page: Page) -> None:
    _to_system(page)
    page.get_by_role("link", name="Replace a key").click()
    page.wait_for_url("**/key")


def _to_checked_key(page: Page) -> None:
    _to_replacing(page)
    page.get_by_label("The new public key").fill(json.dumps(public_part(new_es256_key())))
    go_on(page)
    page.get_by_role("button", name="Replace the key").wait_for()


def _to_refused_key(page: Page) -> None:
    _to_replacing(page)
    go_on(page)
    page.get_by_role("alert").wait_for()


def _to_stopped(page: Page) -> None:
    """To a system that is suspended; whoever comes later finds it so."""
    page.locator("#systems table a").first.click()
    page.wait_for_url("**/systems/*")
    if page.get_by_role("link", name="Suspend this system").count():
        page.get_by_role("link", name="Suspend this system").click()
        page.get_by_role("button", name="Suspend it now").click()
        page.wait_for_url("**/systems/*")


def _to_letting_in(page: Page) -> None:
    _to_stopped(page)
    page.get_by_role("link", name="Let it in again").click()
    page.wait_for_url("**/let-in")


CHARITY: Final = "/console/agencies/charity"
PICKUP: Final = "/pickup/00000000-0000-4000-8000-000000000001"
"""One that waits for nobody: until a code is right, each looks like any other."""
PAGES: Final[Mapping[str, Place]] = {
    "agencies.agencies": Place("dana.dpo", "/console/agencies"),
    "agencies.agency": Place("dana.dpo", CHARITY),
    "agencies.practitioners": Place("dana.dpo", f"{CHARITY}/practitioners"),
    "agencies.suspending": Place("dana.dpo", f"{CHARITY}/suspend"),
    "approvals.approvals": Place("eli.approver", "/console/approvals"),
    "approvals.subject": Place("dana.dpo", PROFILE),
    "approvals.subject, proposed": Place("dana.dpo", PROFILE, _to_proposed),
    "approvals.subject, to decide": Place("eli.approver", PROFILE),
    "complaints.dossier": Place("dana.dpo", "/console/complaints/new", _to_complaint),
    "complaints.form": Place("dana.dpo", "/console/complaints/new", _to_outcome),
    "complaints.listed": Place("dana.dpo", "/console/complaints"),
    "complaints.new": Place("dana.dpo", "/console/complaints/new"),
    "consents.agree": Place(CASEWORKER, f"{FAMILY}/agree"),
    "consents.agreeing, about": Place(CASEWORKER, f"{FAMILY}/agree", _to_about),
    "consents.agreeing, what": Place(CASEWORKER, f"{FAMILY}/agree", _to_what),
    "consents.agreeing, choose": Place(CASEWORKER, f"{FAMILY}/agree", _to_choose),
    "consents.agreeing, how": Place(CASEWORKER, f"{FAMILY}/agree", _to_how),
    "consents.agreeing, check": Place(CASEWORKER, f"{FAMILY}/agree", to_check),
    "consents.receipt": Place(CASEWORKER, f"{FAMILY}/receipts/{{adult}}", framed=False),
    "consents.recorded": Place(CASEWORKER, "/console/families/{spare}/stop", _to_recorded),
    "consents.stop": Place(CASEWORKER, f"{FAMILY}/stop"),
    "consents.stopping": Place(CASEWORKER, f"{FAMILY}/stop", go_on),
    "console.accessibility": Place(None, "/console/accessibility"),
    "console.home": Place(CASEWORKER, "/console"),
    "console.tasks": Place(CASEWORKER, "/console/tasks/consent.stopped"),
    "demo.people": Place(None, "/console/demo"),
    "desk.case": Place(DESK, "/desk/cases/{desk_case}"),
    "desk.extract": Place(DESK, "/desk/cases/{desk_case}", _to_extract),
    "desk.home": Place(DESK, "/desk"),
    "desk.recall": Place(DESK, "/desk/recalls/{recall}"),
    "desk.recall_list": Place(DESK, "/desk/recalls"),
    "desk.receipt": Place(DESK, "/desk/receipts/{extract}"),
    "desk_samples.questions": Place(DESK, "/desk/samples"),
    "disclosures.entry": Place("dana.dpo", "/console/disclosures?kind=release", _to_entry),
    "disclosures.explorer": Place("dana.dpo", "/console/disclosures"),
    "disclosures.weeks": Place("dana.dpo", "/console/disclosures/weeks"),
    "editor.basis": Place("dana.dpo", EDIT, _to_part("Agreement, assessment")),
    "editor.check": Place("dana.dpo", EDIT, _to_part("Check and save")),
    "editor.draft": Place("dana.dpo", EDIT, _to_draft),
    "editor.draft, to begin": Place("dana.dpo", "/console/profiles/education/edit"),
    "editor.section": Place("dana.dpo", EDIT, _to_part("Only by name")),
    "emergency.form": Place(None, "/console/emergency"),
    "emergency.form, with a ticket": Place(CASEWORKER, "/console", _to_emergency),
    "emergency.note": Place(CASEWORKER, "/console", _to_kept),
    "families.family": Place(CASEWORKER, FAMILY),
    "families.find": Place(CASEWORKER, "/console/families/find", _to_found),
    "families.own": Place(CASEWORKER, "/console/families"),
    "families.reason": Place(STRANGER, FAMILY),
    "families.search": Place(CASEWORKER, "/console/families/find"),
    "families.team": Place(CASEWORKER, "/console/families/team"),
    "impacts.impact": Place("dana.dpo", "/console/profiles/youth/versions/2/impact"),
    "incidents.dossier": Place("dana.dpo", "/console/incidents/new", _to_linked),
    "incidents.form": Place("dana.dpo", "/console/incidents/new", _to_commissioner),
    "incidents.listed": Place("dana.dpo", "/console/incidents"),
    "incidents.new": Place("dana.dpo", "/console/incidents/new"),
    "meetings.agenda": Place(CHAIR, "/console/meetings/{meeting}"),
    "meetings.meetings": Place(CHAIR, "/console/meetings"),
    "meetings.members": Place(CHAIR, "/console/meetings/{meeting}/members"),
    "meetings.new": Place(CHAIR, "/console/meetings/new"),
    "meetings.offer": Place(CHAIR, "/console/meetings/{meeting}/cases/{case}/offer"),
    "packs.pack": Place(CASEWORKER, f"{FAMILY}/packs/camhs/panel"),
    "packs.packs": Place(CASEWORKER, f"{FAMILY}/packs"),
    "passkeys.add, asked": Place(LEAD, "/console/passkeys", _to_proof),
    "passkeys.add": Place(LEAD, "/console/passkeys", _to_making),
    "passkeys.own": Place(LEAD, "/console/passkeys"),
    "previews.family": Place("dana.dpo", "/console/profiles/housing/preview", _to_family),
    "previews.preview": Place("dana.dpo", "/console/profiles/early-help/preview?family=sheltered"),
    "processing.record": Place("dana.dpo", "/console/record-of-processing"),
    "profiles.matrix": Place("dana.dpo", "/console/profiles"),
    "pickup.form": Place(None, PICKUP),
    "profiles.profile": Place("dana.dpo", "/console/profiles/housing"),
    "referrals.begin": Place(CASEWORKER, REFER),
    "referrals.document": Place(CASEWORKER, f"{REFER}/protection", _to_referral_document),
    "referrals.form": Place(CASEWORKER, f"{REFER}/protection"),
    "referrals.form, agreed": Place(CASEWORKER, f"{REFER}/agreed"),
    "referrals.form, considered": Place(CASEWORKER, f"{REFER}/considered"),
    "referrals.offer": Place(CASEWORKER, f"{REFER}/protection", _to_code),
    "referrals.own": Place(CASEWORKER, f"{REFER}/protection", _to_referrals),
    "referrals.referral": Place(CASEWORKER, f"{REFER}/protection", _to_referral),
    "referrals.referral, to review": Place(LEAD, "/console/referrals/review", _to_review),
    "referrals.review_queue": Place(LEAD, "/console/referrals/review"),
    "samples.sample": Place("dana.dpo", "/console/samples/{sample}"),
    "samples.samples": Place("dana.dpo", "/console/samples"),
    "samples.waiting": Place("dana.dpo", "/console/samples/waiting/denied"),
    "systems.letting_in": Place("dana.dpo", "/console/agencies/commissioning", _to_letting_in),
    "systems.replacing": Place("dana.dpo", CHARITY, _to_replacing),
    "systems.replacing, to check": Place("dana.dpo", CHARITY, _to_checked_key),
    "systems.suspending": Place("dana.dpo", CHARITY, _to_stopping),
    "systems.system": Place("dana.dpo", CHARITY, _to_system),
    "systems.system, stopped": Place("dana.dpo", "/console/agencies/commissioning", _to_stopped),
    "today.recalls": Place("dana.dpo", "/console/today/recalls"),
    "today.worklist": Place("dana.dpo", "/console/today/review/60"),
    "sign_in.form": Place(None, "/console/sign-in"),
    "sign_in.invitation": Place(None, "/console/invitation"),
    "sign_in.sessions": Place("dana.dpo", "/console/sessions"),
    "statements.statement": Place(CASEWORKER, f"{FAMILY}/statement/{{adult}}", framed=False),
    "statements.statement, aloud": Place(CASEWORKER, f"{FAMILY}/statement/{{adult}}?aloud", framed=False),
}
"""By endpoint, and by what is done there where it shows more than one page."""
FAULTS: Final[Mapping[str, Place]] = {
    "emergency.note, at fault": Place(CASEWORKER, "/console", _to_refused_note),
    "consents.agreeing, at fault": Place(CASEWORKER, f"{FAMILY}/agree", _to_fault),
    "desk_samples.confirm, at fault": Place(DESK, "/desk/samples", _to_refused_answer),
    "samples.draw, at fault": Place("dana.dpo", "/console/samples", _to_refused_draw),
    "samples.enter, at fault": Place("dana.dpo", "/console/samples/{sample}", _to_refused_letter),
    "disclosures.explorer, at fault": Place("dana.dpo", "/console/disclosures?from-day=31&from-month=2"),
    "incidents.begin, at fault": Place("dana.dpo", "/console/incidents/new", _to_refused_incident),
    "editor.change, at fault": Place("dana.dpo", EDIT, _to_refused_draft),
    "referrals.refer, at fault": Place(CASEWORKER, f"{REFER}/protection", _to_refused_referral),
    "systems.replace_key, at fault": Place("dana.dpo", CHARITY, _to_refused_key),
    "pickup.code, at fault": Place(None, PICKUP, _to_refused_code),
}
"""Pages that say what is wrong."""
ACTS: Final = {
    "agencies.suspend",
    "approvals.approve",
    "approvals.propose",
    "approvals.reject",
    "complaints.begin",
    "complaints.link",
    "complaints.take",
    "complaints.unlink",
    "console.asset",
    "console.task_done",
    "demo.click",
    "desk.answer",
    "desk_samples.confirm",
    "disclosures.file",
    "disclosures.remove",
    "disclosures.save",
    "editor.begin",
    "editor.change",
    "editor.change_basis",
    "editor.discard",
    "editor.save",
    "families.open_family",
    "impacts.file",
    "incidents.begin",
    "incidents.link",
    "incidents.take",
    "incidents.unlink",
    "meetings.accept",
    "meetings.add_case",
    "meetings.hold",
    "meetings.invite",
    "meetings.remove_case",
    "oidc.callback",
    "oidc.start",
    "packs.sign",
    "packs.withdraw",
    "passkeys.made",
    "passkeys.remove",
    "pickup.code",
    "processing.file",
    "profiles.file",
    "referrals.complete",
    "referrals.refer",
    "referrals.review",
    "referrals.send",
    "referrals.told",
    "referrals.visibility",
    "referrals.word",
    "samples.draw",
    "samples.enter",
    "samples.settle",
    "sign_in.end_session",
    "sign_in.passkey",
    "sign_in.sign_out",
    "sign_in.use_invitation",
    "systems.let_in",
    "systems.replace_key",
    "systems.suspend",
}
"""What answers a form, or is no page."""
