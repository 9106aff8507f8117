"""Who sees which page: every page by every role, and whatever comes from elsewhere."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from gateway.app import build_app
from gateway.oauth.access import PUBLIC, ROUTES, SESSION_COOKIE, Staff
from gateway.ops import demo_sign_in
from gateway.staff import service
from gateway.staff.model import Role
from gateway.wiring import Wiring

SOME_ID: Final = "00000000-0000-4000-8000-000000000001"
WITH_FAMILIES: Final = {Role.CASEWORKER, Role.MANAGER, Role.SAFEGUARDING_LEAD}
WHO_ASK: Final = {Role.CASEWORKER, Role.MANAGER}
COORDINATORS: Final = {Role.PANEL_COORDINATOR}
DESK_USERS: Final = {Role.DESK_USER}
WHO_OVERSEE: Final = {Role.AUDITOR, Role.DATA_PROTECTION_OFFICER, Role.MANAGER, Role.SECOND_APPROVER}
APPROVERS: Final = {Role.SECOND_APPROVER}
OFFICERS: Final = {Role.DATA_PROTECTION_OFFICER}
WHO_ADMIT: Final = {Role.DATA_PROTECTION_OFFICER, Role.OPERATOR, Role.SECOND_APPROVER}
WHO_AUDIT: Final = {Role.AUDITOR, Role.DATA_PROTECTION_OFFICER}
ARGUMENTS: Final = {
    "access_id": SOME_ID,
    "approval_id": SOME_ID,
    "matter": "profile",
    "code": "camhs",
    "client_id": "ag_nobody-nobody-nobody",
    "version": "2",
    "kind": "consent.stopped",
    "task_id": "1",
    "session_id": SOME_ID,
    "family_id": SOME_ID,
    "form_id": SOME_ID,
    "person_id": SOME_ID,
    "leaf_index": "1",
    "meeting_id": SOME_ID,
    "case_id": SOME_ID,
    "case_ref": SOME_ID,
    "extract_id": SOME_ID,
    "recall_id": SOME_ID,
    "referral_id": SOME_ID,
    "number": "1",
    "passkey_id": "AAAA",
    "pickup_id": SOME_ID,
    "days": "60",
    "digest": "x",
    "dossier_id": SOME_ID,
    "ending": "review",
    "section": "name",
    "name": "base.css",
    "stage": "panel",
    "sample_id": SOME_ID,
    "step": "note",
    "view_id": SOME_ID,
    "what": "denied",
}
PAGES: Final = {
    "agencies.agencies": WHO_ADMIT,
    "agencies.agency": WHO_ADMIT,
    "agencies.practitioners": APPROVERS | OFFICERS,
    "agencies.suspend": WHO_ADMIT,
    "agencies.suspending": WHO_ADMIT,
    "approvals.approvals": APPROVERS | OFFICERS,
    "approvals.approve": APPROVERS,
    "approvals.propose": OFFICERS,
    "approvals.reject": APPROVERS | OFFICERS,
    "approvals.subject": APPROVERS | OFFICERS,
    "complaints.begin": OFFICERS,
    "complaints.dossier": WHO_AUDIT,
    "complaints.form": OFFICERS,
    "complaints.link": OFFICERS,
    "complaints.listed": WHO_AUDIT,
    "complaints.new": OFFICERS,
    "complaints.take": OFFICERS,
    "complaints.unlink": OFFICERS,
    "consents.agree": WHO_ASK,
    "consents.agreeing": WHO_ASK,
    "consents.receipt": WITH_FAMILIES,
    "consents.recorded": WITH_FAMILIES,
    "consents.stop": WITH_FAMILIES,
    "consents.stopping": WITH_FAMILIES,
    "console.accessibility": None,
    "console.asset": None,
    "console.home": set(Role),
    "console.tasks": set(Role),
    "console.task_done": set(Role),
    "demo.click": None,
    "demo.people": None,
    "desk.answer": DESK_USERS,
    "desk.case": DESK_USERS,
    "desk.extract": DESK_USERS,
    "desk.home": DESK_USERS,
    "desk.recall": DESK_USERS,
    "desk.recall_list": DESK_USERS,
    "desk.receipt": DESK_USERS,
    "desk_samples.confirm": DESK_USERS,
    "desk_samples.questions": DESK_USERS,
    "disclosures.entry": WHO_AUDIT,
    "disclosures.explorer": WHO_AUDIT,
    "disclosures.file": WHO_AUDIT,
    "disclosures.remove": OFFICERS,
    "disclosures.save": OFFICERS,
    "disclosures.weeks": WHO_AUDIT,
    "packs.pack": WITH_FAMILIES,
    "packs.packs": WITH_FAMILIES,
    "packs.sign": WITH_FAMILIES,
    "packs.withdraw": WITH_FAMILIES,
    "editor.basis": OFFICERS,
    "editor.begin": OFFICERS,
    "editor.change": OFFICERS,
    "editor.change_basis": OFFICERS,
    "editor.check": OFFICERS,
    "editor.discard": OFFICERS,
    "editor.draft": OFFICERS,
    "editor.save": OFFICERS,
    "editor.section": OFFICERS,
    "emergency.form": None,
    "emergency.note": None,
    "families.family": WITH_FAMILIES,
    "families.find": WITH_FAMILIES,
    "families.open_family": WITH_FAMILIES,
    "families.own": WITH_FAMILIES,
    "families.reason": WITH_FAMILIES,
    "families.search": WITH_FAMILIES,
    "families.team": WITH_FAMILIES,
    "impacts.file": APPROVERS | OFFICERS,
    "impacts.impact": APPROVERS | OFFICERS,
    "incidents.begin": OFFICERS,
    "incidents.dossier": WHO_AUDIT,
    "incidents.form": OFFICERS,
    "incidents.link": OFFICERS,
    "incidents.listed": WHO_AUDIT,
    "incidents.new": OFFICERS,
    "incidents.take": OFFICERS,
    "incidents.unlink": OFFICERS,
    "meetings.accept": COORDINATORS,
    "meetings.add_case": COORDINATORS,
    "meetings.agenda": COORDINATORS,
    "meetings.hold": COORDINATORS,
    "meetings.invite": COORDINATORS,
    "meetings.meetings": COORDINATORS,
    "meetings.members": COORDINATORS,
    "meetings.new": COORDINATORS,
    "meetings.offer": COORDINATORS,
    "meetings.remove_case": COORDINATORS,
    "passkeys.add": set(Role),
    "passkeys.made": set(Role),
    "passkeys.own": set(Role),
    "passkeys.remove": set(Role),
    "oidc.callback": None,
    "oidc.start": None,
    "pickup.code": None,
    "pickup.form": None,
    "previews.family": OFFICERS,
    "previews.preview": OFFICERS,
    "processing.file": WHO_AUDIT | APPROVERS,
    "processing.record": WHO_AUDIT | APPROVERS,
    "profiles.file": WHO_OVERSEE,
    "profiles.matrix": WHO_OVERSEE,
    "profiles.profile": WHO_OVERSEE,
    "referrals.begin": WITH_FAMILIES,
    "referrals.complete": WITH_FAMILIES,
    "referrals.document": WITH_FAMILIES | OFFICERS,
    "referrals.form": WITH_FAMILIES,
    "referrals.offer": WITH_FAMILIES,
    "referrals.own": WITH_FAMILIES,
    "referrals.refer": WITH_FAMILIES,
    "referrals.referral": WITH_FAMILIES | OFFICERS,
    "referrals.review": OFFICERS | {Role.SAFEGUARDING_LEAD},
    "referrals.review_queue": OFFICERS | {Role.SAFEGUARDING_LEAD},
    "referrals.send": WITH_FAMILIES,
    "referrals.told": WITH_FAMILIES | OFFICERS,
    "referrals.visibility": OFFICERS,
    "referrals.word": WITH_FAMILIES | OFFICERS,
    "samples.draw": OFFICERS,
    "samples.enter": OFFICERS,
    "samples.sample": OFFICERS,
    "samples.samples": OFFICERS,
    "samples.settle": OFFICERS,
    "samples.waiting": OFFICERS,
    "sign_in.end_session": set(Role),
    "sign_in.form": None,
    "sign_in.invitation": None,
    "sign_in.passkey": None,
    "sign_in.sessions": set(Role),
    "sign_in.sign_out": set(Role),
    "sign_in.use_invitation": None,
    "systems.let_in": OFFICERS,
    "systems.letting_in": OFFICERS,
    "systems.replace_key": OFFICERS,
    "systems.replacing": OFFICERS,
    "systems.suspend": WHO_ADMIT,
    "systems.suspending": WHO_ADMIT,
    "systems.system": WHO_ADMIT,
    "today.recalls": OFFICERS,
    "today.worklist": OFFICERS,
    "statements.statement": WITH_FAMILIES,
}
"""Every page and who may see it; nothing: everybody, signed in or not."""
MACHINES: Final = {"oidc_logout.logout"}
"""What no browser asks for, under an address of the pages: it proves itself by what it says."""


@pytest.fixture
def app(wiring: Wiring) -> Flask:
    made = build_app(wiring)
    demo_sign_in.register(made, wiring)
    return made


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    return app.test_client()


def pages(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every rule of a page, with its method."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(("/console", "/desk", "/pickup")) and rule.endpoint not in MACHINES:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method


def address(rule: Rule) -> str:
    return re.sub(r"<(\w+)>", lambda found: ARGUMENTS[found[1]], rule.rule)


def host_of(wiring: Wiring) -> str:
    return urlsplit(wiring.settings.public_url).hostname or ""


def sign_in(wiring: Wiring, http: FlaskClient, *roles: Role | str) -> str:
    """Sign somebody with these roles in; return what their forms carry."""
    service.invite(wiring, username="ada", roles=[Role(role) for role in roles], invited_by="test")
    secret = service.sign_in_by_click(wiring, "ada")
    http.set_cookie(SESSION_COOKIE, secret, domain=host_of(wiring), secure=True)
    who = service.admit(wiring, secret)
    assert who is not None
    return who.form_token


def ask(wiring: Wiring, http: FlaskClient, rule: Rule, method: str, *, form_token: str = "") -> int:
    answer = http.open(
        address(rule),
        method=method,
        base_url=wiring.settings.public_url,
        headers={"Origin": wiring.settings.public_url},
        data={"form_token": form_token} if method == "POST" else None,
    )
    assert "text/html" in answer.headers["Content-Type"] or answer.status_code < HTTPStatus.BAD_REQUEST
    return answer.status_code


def test_every_page_has_a_row_and_every_row_a_ruling(app: Flask) -> None:
    """A page that nobody ruled on is refused to everyone; here somebody has to say who it is for."""
    assert PAGES.keys() == {rule.endpoint for rule, _ in pages(app)}
    rows = {name: ROUTES[name] for name in PAGES}
    assert PAGES == {
        name: set(row.roles) if isinstance(row, Staff) else None if row is PUBLIC else row
        for name, row in rows.items()
    }


def test_a_page_without_a_row_is_refused(wiring: Wiring, app: Flask, http: FlaskClient) -> None:
    app.add_url_rule("/console/forgotten", "console.forgotten", lambda: "open")
    sign_in(wiring, http, *Role)
    own = wiring.settings.public_url
    assert HTTPStatus.FORBIDDEN == http.get("/console/forgotten", base_url=own).status_code


@pytest.mark.parametrize("role", Role)
def test_every_page_by_every_role(wiring: Wiring, app: Flask, http: FlaskClient, role: Role) -> None:
    for rule, method in pages(app):
        token = sign_in(wiring, http, role)
        status = ask(wiring, http, rule, method, form_token=token)
        allowed = PAGES[rule.endpoint]
        assert (status == HTTPStatus.FORBIDDEN) is (allowed is not None and role not in allowed), rule
        assert status < HTTPStatus.INTERNAL_SERVER_ERROR, rule


def test_whoever_has_no_listed_role_sees_nothing_of_staff(
    wiring: Wiring, app: Flask, http: FlaskClient
) -> None:
    for rule, method in pages(app):
        token = sign_in(wiring, http)
        refused = ask(wiring, http, rule, method, form_token=token) == HTTPStatus.FORBIDDEN
        assert refused is (PAGES[rule.endpoint] is not None), rule


def test_whoever_is_not_signed_in_is_shown_where(wiring: Wiring, app: Flask, http: FlaskClient) -> None:
    for rule, method in pages(app):
        if PAGES[rule.endpoint] is not None:
            assert HTTPStatus.SEE_OTHER == ask(wiring, http, rule, method), rule
    answer = http.get("/console/tasks/consent.stopped", base_url=wiring.settings.public_url)
    assert "/console/sign-in?next=/console/tasks/consent.stopped" == answer.headers["Location"]


def test_a_form_of_elsewhere_changes_nothing(wiring: Wiring, app: Flask, http: FlaskClient) -> None:
    """Another site's page, another session's form, and a request that says nothing of where it is from."""
    token = sign_in(wiring, http, Role.OPERATOR)
    own = wiring.settings.public_url
    tries = [
        ({"Origin": "https://evil.example"}, token),
        ({"Origin": "null"}, token),
        ({}, token),
        ({"Origin": own}, ""),
        ({"Origin": own}, "0" * 64),
        ({"Origin": own}, "é"),
    ]
    for rule, method in pages(app):
        for headers, sent in tries if method == "POST" else []:
            if PAGES[rule.endpoint] is None and headers.get("Origin") == own:
                continue
            answer = http.post(address(rule), base_url=own, headers=headers, data={"form_token": sent})
            assert HTTPStatus.FORBIDDEN == answer.status_code, (rule, headers)
    assert HTTPStatus.OK == http.get("/console", base_url=own).status_code


NEXT: Final = {
    "/console/sessions": "/console/sessions",
    "/desk": "/desk",
    "https://evil.example": "/console",
    "//evil.example": "/console",
    "/\\evil.example": "/console",
    "/console/../v1/me": "/console/../v1/me",
    "/console?x=1": "/console",
    "/v1/me": "/console",
    "": "/console",
}


@pytest.mark.parametrize(("wanted", "expected"), list(NEXT.items()))
def test_after_signing_in_one_is_here(wiring: Wiring, http: FlaskClient, wanted: str, expected: str) -> None:
    page = http.get("/console/sign-in", query_string={"next": wanted}, base_url=wiring.settings.public_url)
    assert f'name="next" value="{expected}"' in page.text


def test_pages_say_what_a_browser_may_load(wiring: Wiring, http: FlaskClient) -> None:
    answer = http.get("/console/sign-in", base_url=wiring.settings.public_url)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
    assert ("same-origin", "no-store", "nosniff") == (
        answer.headers["Referrer-Policy"],
        answer.headers["Cache-Control"],
        answer.headers["X-Content-Type-Options"],
    )
    assert " style=" not in answer.text
    assert not re.findall(r"<script(?! src=)| on\w+=", answer.text)


def test_the_cookie_is_no_scripts_and_no_other_sites(wiring: Wiring, http: FlaskClient) -> None:
    service.invite(wiring, username="ada", roles=[Role.AUDITOR], invited_by="test")
    own = wiring.settings.public_url
    answer = http.post("/console/demo", data={"username": "ada"}, base_url=own, headers={"Origin": own})
    (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith(SESSION_COOKIE)]
    assert cookie.startswith("__Host-staff=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_a_fault_of_a_page_is_a_page(wiring: Wiring, app: Flask, http: FlaskClient) -> None:
    """And one of the API is none."""

    def broken() -> str:
        raise ZeroDivisionError("CANARY")

    app.view_functions["console.accessibility"] = broken
    own = wiring.settings.public_url
    answer = http.get("/console/accessibility", base_url=own)
    assert (500, "text/html; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])
    assert "CANARY" not in answer.text
    assert answer.headers["X-Request-ID"] in answer.text
    assert "text/html" in http.get("/console/nothing", base_url=own).headers["Content-Type"]
    assert "application/problem+json" == http.get("/v1/nothing", base_url=own).headers["Content-Type"]


def test_the_demos_sign_in_is_nowhere_else(wiring: Wiring) -> None:
    plain = build_app(wiring).test_client()
    own = wiring.settings.public_url
    for method in ("GET", "POST"):
        answer = plain.open("/console/demo", method=method, base_url=own, headers={"Origin": own})
        assert HTTPStatus.NOT_FOUND == answer.status_code
    assert "/console/demo" not in plain.get("/console/sign-in", base_url=own).text
