"""PostgreSQL is really stopped, and somebody has to act: the emergency page, and what becomes of what was typed there."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import text
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from gateway.app import build_app
from gateway.cli import gateway
from gateway.disclosure_log.repository import database_now
from gateway.migrations import upgrade
from gateway.oauth.access import SESSION_COOKIE
from gateway.ops import demo_sign_in
from gateway.ops.embedded import ADMINISTRATOR, EmbeddedPostgres
from gateway.ops.worker import JOBS, run_job
from gateway.safeguarding import ticket
from gateway.safeguarding.drafts import Draft, Opening, drafts_of, open_notes, take_draft, take_in
from gateway.safeguarding.notes import Answers, Opener, new_note_key
from gateway.safeguarding.spool import KeptNote, Spool
from gateway.settings import EmergencySettings, Telephone, environ_of
from gateway.staff import service
from gateway.staff.model import Role
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import open_tasks
from gateway.wiring import Wiring
from tests.faults.masters import stopped
from tests.support.authenticator import Authenticator
from tests.support.node import Ports, environment_of, running, settled
from tests.support.pages import filled, words
from tests.support.process import wired
from tests.support.served import everything_logged
from tests.support.throwaway import Database

PAGE: Final = "/console/emergency"
RING: Final = "Ring now. Nothing has been sent."
NUMBERS: Final = (Telephone("Police", "999"), Telephone("Out of hours", "020 7946 0001"))
TYPED: Final = {
    "children": "Zelda Quixotic, 7, at her aunt's",
    "destination": "Children's social care",
    "feared": "Bruises on both arms, seen today",
    "immediate_danger": "yes",
    "why_without_agreement": "Asking would put her at more risk",
    "caller_number": "020 7946 0999",
}


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server of this module's own: it is stopped while others need theirs."""
    with (
        TemporaryDirectory(prefix="gateway-tests-") as folder,
        EmbeddedPostgres.start(Path(folder) / "database", durable=False) as running_server,
    ):
        running_server.create_database("emergency")
        upgrade(running_server.url("gateway_owner", "emergency"))
        yield running_server


@pytest.fixture
def opener(tmp_path: Path) -> Opener:
    """Whoever has the private half; its file, and the public one, lie in a folder beside."""
    private, public = new_note_key()
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "private.jwk").write_text(json.dumps(private))
    (tmp_path / "public.jwk").write_text(json.dumps(public))
    return Opener.load(tmp_path / "away" / "private.jwk")


@pytest.fixture
def parts(server: EmbeddedPostgres, opener: Opener, tmp_path: Path) -> Iterator[Wiring]:
    """A gateway whose page keeps what is typed, over an empty database."""
    del opener
    names = ("gateway_owner", "gateway_app", "gateway_eraser", ADMINISTRATOR)
    urls = [server.url(name, "emergency") for name in names]
    server.create_database("once", template="emergency")
    (tmp_path / "notes").mkdir()
    with wired(Database("once", *(url.replace("/emergency?", "/once?") for url in urls)), tmp_path) as plain:
        emergency = EmergencySettings(NUMBERS, tmp_path / "public.jwk", tmp_path / "notes")
        yield replace(plain, settings=replace(plain.settings, emergency=emergency))
    _drop(server)


def _drop(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url(ADMINISTRATOR, "postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE once WITH (FORCE)")


class Browser:
    """A browser, and whoever signs in with it."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.own = wiring.settings.public_url
        app = build_app(wiring)
        demo_sign_in.register(app, wiring)
        self.http: FlaskClient = app.test_client()

    def sign_in(self, *roles: Role, username: str = "ada.worker") -> UUID:
        service.invite(self.wiring, username=username, roles=roles, invited_by="test")
        answer = self.post("/console/demo", username=username)
        assert HTTPStatus.SEE_OTHER == answer.status_code
        who = service.admit(self.wiring, self.cookie(SESSION_COOKIE))
        assert who is not None
        return who.staff_id

    def cookie(self, name: str) -> str:
        found = self.http.get_cookie(name, domain=urlsplit(self.own).hostname or "")
        return "" if found is None else found.value

    def hold(self, presented: str) -> None:
        """Hold this as the ticket."""
        self.http.set_cookie(ticket.COOKIE, presented, domain=urlsplit(self.own).hostname or "", secure=True)

    def get(self, path: str = PAGE) -> TestResponse:
        return self.http.get(path, base_url=self.own)

    def post(self, path: str = PAGE, **form: Any) -> TestResponse:
        """Send a form as a browser does; bytes go out as they are."""
        headers = {"Origin": self.own, "Content-Type": "application/x-www-form-urlencoded"}
        return self.http.post(path, base_url=self.own, headers=headers, data=urlencode(form))

    def form(self) -> dict[str, str]:
        """The page's form, filled in."""
        page = self.get().text
        hidden = dict(re.findall(r'<input type="hidden" name="(note|form_token)" value="([^"]+)">', page))
        assert {"note", "form_token"} == hidden.keys()
        return {**hidden, **TYPED}


@pytest.fixture
def browser(parts: Wiring) -> Browser:
    return Browser(parts)


def files(wiring: Wiring) -> list[Path]:
    folder = wiring.settings.emergency.spool
    assert folder is not None
    return sorted(folder.iterdir())


def rows(wiring: Wiring) -> list[Any]:
    with wiring.engine.connect() as connection:
        return list(connection.execute(text("SELECT * FROM gateway.emergency_note ORDER BY typed_at")))


def tasks(wiring: Wiring) -> list[tuple[TaskKind, str, UUID | None]]:
    with wiring.engine.connect() as connection:
        return [(task.kind, task.about, task.ref) for task in open_tasks(connection)]


def now_of(wiring: Wiring) -> datetime:
    with wiring.engine.connect() as connection:
        return database_now(connection)


def taken_in(wiring: Wiring) -> int:
    return take_in(wiring, now_of(wiring))


def drafts(wiring: Wiring, staff_id: UUID) -> list[Draft]:
    with wiring.engine.connect() as connection:
        return drafts_of(connection, wiring, staff_id)


def take(wiring: Wiring, note_id: UUID, staff_id: UUID) -> bool:
    with wiring.engine.begin() as connection:
        return take_draft(connection, note_id, staff_id)


def has_form(page: TestResponse) -> bool:
    return "<textarea" in page.text or "<form" in page.text


def shows_again(page: TestResponse, typed: Mapping[str, str] = TYPED) -> bool:
    """True when everything that was typed stands in the form of the page."""
    sent = filled(page.text, PAGE)
    areas = dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL))
    shown = {name: unescape(areas[name]) if name in areas else sent.get(name, [""])[0] for name in typed}
    return shown == dict(typed)


def test_the_whole_way(server: EmbeddedPostgres, browser: Browser, opener: Opener) -> None:
    """Signed in, the database stops, somebody writes; it is back, and their note is offered once with both times."""
    wiring, ada = browser.wiring, browser.sign_in(Role.CASEWORKER)
    before = datetime.now(UTC)
    with stopped(server):
        fault = browser.get("/console/families")
        assert HTTPStatus.SERVICE_UNAVAILABLE == fault.status_code
        assert f'href="{PAGE}"' in fault.text
        page = browser.get()
        assert HTTPStatus.OK == page.status_code
        assert words(page.text).startswith(RING)
        assert 'href="tel:02079460001"' in page.text
        form = browser.form()
        answers = [browser.post(**form) for _ in range(2)]
        assert [HTTPStatus.OK] * 2 == [answer.status_code for answer in answers]
        assert "was not sent" in words(answers[0].text)
        assert 1 == len(files(wiring))
    after = datetime.now(UTC)
    assert 1 == taken_in(wiring)
    assert [] == files(wiring)
    (row,) = rows(wiring)
    assert [(TaskKind.EMERGENCY_NOTE, "ada.worker", row.note_id)] == tasks(wiring)
    assert [] == drafts(wiring, ada)
    assert Opening(opened=1, failed=0) == open_notes(wiring, opener)
    (draft,) = drafts(wiring, ada)
    assert Answers(**{**TYPED, "immediate_danger": True}) == draft.answers  # type: ignore[arg-type]
    assert before <= draft.typed_at <= after <= draft.received_at
    assert [True, False] == [take(wiring, draft.note_id, ada) for _ in range(2)]
    assert [] == drafts(wiring, ada)
    assert [] == tasks(wiring)


def test_what_was_typed_is_nowhere_once_it_was_taken(browser: Browser, opener: Opener) -> None:
    """The referral holds it from then on, under its family's key; here is only that there was a note."""
    wiring, ada = browser.wiring, browser.sign_in(Role.CASEWORKER)
    browser.post(**browser.form())
    taken_in(wiring)
    open_notes(wiring, opener)
    (draft,) = drafts(wiring, ada)
    with wiring.engine.connect() as connection, connection.begin() as change:
        assert take_draft(connection, draft.note_id, ada)
        change.rollback()
    assert [draft] == drafts(wiring, ada), "the caller's transaction decides"
    take(wiring, draft.note_id, ada)
    (row,) = rows(wiring)
    assert (None, None) == (row.sealed, row.draft)
    assert None is not row.taken_at


def test_nobody_else_has_somebodys_draft(browser: Browser, opener: Opener) -> None:
    wiring, ada = browser.wiring, browser.sign_in(Role.CASEWORKER)
    browser.post(**browser.form())
    ben = browser.sign_in(Role.MANAGER, username="ben.manager")
    taken_in(wiring)
    open_notes(wiring, opener)
    (draft,) = drafts(wiring, ada)
    assert [] == drafts(wiring, ben)
    assert not take(wiring, draft.note_id, ben)
    assert not take(wiring, uuid4(), ada)
    assert [draft] == drafts(wiring, ada)


def test_a_draft_of_another_row_does_not_open(browser: Browser, opener: Opener) -> None:
    """Who can write to the database moves nobody's words under another name; the others are offered all the same."""
    wiring, ada = browser.wiring, browser.sign_in(Role.CASEWORKER)
    for _ in range(2):
        browser.post(**browser.form())
    taken_in(wiring)
    open_notes(wiring, opener)
    first, second = drafts(wiring, ada)
    with wiring.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.emergency_note SET draft ="
                " (SELECT draft FROM gateway.emergency_note WHERE note_id = :other) WHERE note_id = :note"
            ),
            {"note": first.note_id, "other": second.note_id},
        )
    assert [second] == drafts(wiring, ada)


def test_a_note_of_another_row_is_not_opened(browser: Browser, opener: Opener) -> None:
    """What stands beside a sealed note is believed only if it stands inside, too."""
    wiring, ada = browser.wiring, browser.sign_in(Role.CASEWORKER)
    browser.post(**browser.form())
    (file,) = files(wiring)
    content = json.loads(file.read_text())
    other = str(uuid4())
    lies: list[tuple[str, dict[str, str]]] = [
        (str(uuid4()), {}),
        (file.stem, {"staff": other}),
        (str(uuid4()), {"typed_at": "2026-01-01T00:00:00+00:00"}),
    ]
    for name, changes in lies:
        changed = {**content, **changes, "note": name}
        file.with_name(f"{name}.note").write_text(json.dumps(changed))
    assert 3 == taken_in(wiring)
    assert Opening(opened=0, failed=3) == open_notes(wiring, opener)
    assert [] == [*drafts(wiring, ada), *drafts(wiring, UUID(other))]


KILLED: Final = """
import os, signal, sys
from gateway.commands import command_wiring
from gateway.disclosure_log.repository import database_now
from gateway.safeguarding import drafts
from gateway.safeguarding.spool import Spool
Spool.forget = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with command_wiring() as wiring:
    with wiring.engine.connect() as connection:
        now = database_now(connection)
    drafts.take_in(wiring, now)
"""
"""Takes notes in, and is killed between the commit and the end of the file."""


def test_killed_after_the_commit_it_is_taken_in_once(browser: Browser) -> None:
    wiring = browser.wiring
    browser.sign_in(Role.CASEWORKER)
    browser.post(**browser.form())
    environ = {**os.environ, **environ_of(wiring.settings)}
    done = subprocess.run([sys.executable, "-c", KILLED], env=environ, check=False)  # noqa: S603 - our own words
    assert -signal.SIGKILL == done.returncode
    assert (1, 1, 1) == (len(files(wiring)), len(rows(wiring)), len(tasks(wiring)))
    assert 0 == taken_in(wiring)
    assert (0, 1, 1) == (len(files(wiring)), len(rows(wiring)), len(tasks(wiring)))


def test_a_form_sent_again_after_its_draft_was_taken_is_no_second(browser: Browser, opener: Opener) -> None:
    """A browser that was left open sends its form once more the next day."""
    wiring, ada = browser.wiring, browser.sign_in(Role.CASEWORKER)
    form = browser.form()
    browser.post(**form)
    taken_in(wiring)
    open_notes(wiring, opener)
    (draft,) = drafts(wiring, ada)
    take(wiring, draft.note_id, ada)
    browser.post(**form)
    assert 0 == taken_in(wiring)
    open_notes(wiring, opener)
    assert [] == [*drafts(wiring, ada), *tasks(wiring), *files(wiring)]


def test_a_form_sent_again_with_more_in_it_is_kept_too(browser: Browser, opener: Opener) -> None:
    wiring, ada = browser.wiring, browser.sign_in(Role.CASEWORKER)
    form = browser.form()
    browser.post(**form)
    browser.post(**{**form, "feared": "And a burn"})
    assert 2 == taken_in(wiring)
    open_notes(wiring, opener)
    assert [TYPED["feared"], "And a burn"] == [draft.answers.feared for draft in drafts(wiring, ada)]


def test_the_database_goes_again_while_notes_are_taken_in(server: EmbeddedPostgres, browser: Browser) -> None:
    """Nothing is lost with it, and nothing is there twice."""
    wiring = browser.wiring
    browser.sign_in(Role.CASEWORKER)
    for _ in range(2):
        browser.post(**browser.form())
    now = now_of(wiring)
    with stopped(server):
        with pytest.raises(Exception, match="connection"):
            take_in(wiring, now)
        assert 2 == len(files(wiring))
    assert (2, 0) == (taken_in(wiring), taken_in(wiring))


def test_a_file_that_is_no_note_keeps_no_other_waiting(browser: Browser) -> None:
    wiring = browser.wiring
    browser.sign_in(Role.CASEWORKER)
    browser.post(**browser.form())
    stray = files(wiring)[0].with_name(f"{UUID(int=0)}.note")
    stray.write_text("Zelda")
    with capture_logs() as logs:
        assert 1 == taken_in(wiring)
    assert ["emergency.unreadable_file"] == [line["event"] for line in logs]
    assert "Zelda" not in repr(logs)
    assert [stray] == files(wiring)


@pytest.mark.parametrize("role", [Role.CASEWORKER, Role.MANAGER, Role.SAFEGUARDING_LEAD])
def test_the_lead_is_told_and_no_other_role(browser: Browser, role: Role) -> None:
    """A task is seen by everybody of its role: a caseworker's would tell their colleagues."""
    browser.sign_in(role)
    browser.post(**browser.form())
    taken_in(browser.wiring)
    assert [TaskKind.EMERGENCY_NOTE] == [kind for kind, _, _ in tasks(browser.wiring)]


def test_an_author_whom_the_database_does_not_know_loses_no_note(browser: Browser) -> None:
    """A database that was restored from before they came has no row of them; the lead is told all the same."""
    wiring = browser.wiring
    assert wiring.settings.emergency.spool is not None
    note = KeptNote(uuid4(), uuid4(), datetime.now(UTC), b"x")
    Spool(wiring.settings.emergency.spool).keep(note)
    assert 1 == taken_in(wiring)
    assert [(TaskKind.EMERGENCY_NOTE, "", note.note_id)] == tasks(wiring)


def test_the_worker_takes_notes_in_every_minute(browser: Browser) -> None:
    browser.sign_in(Role.CASEWORKER)
    browser.post(**browser.form())
    (job,) = [each for each in JOBS if each.run is take_in]
    run = run_job(browser.wiring, job)
    assert ("* * * * *", 1, None) == (job.cron, run.count, run.fault)


def test_by_its_commands(browser: Browser, tmp_path: Path) -> None:
    """As an operator does it, with a key pair of its own; nothing of a note is printed."""
    wiring, ada = browser.wiring, browser.sign_in(Role.CASEWORKER)
    out = tmp_path / "away" / "made.jwk"

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(gateway, ["safeguarding", *arguments], env=environ_of(wiring.settings))
        return done.exit_code, done.output

    code, public = run("note-key", str(out))
    assert (0, 0o600) == (code, out.stat().st_mode & 0o777)
    assert "d" not in json.loads(public)
    code, said = run("note-key", str(out))
    assert (1, True) == (code, "never overwritten" in said)
    browser.post(**browser.form())
    (tmp_path / "public.jwk").write_text(public)
    other = Browser(wiring)
    other.hold(browser.cookie(ticket.COOKIE))
    other.post(**other.form())
    assert (0, "2 taken in.\n") == run("take-in")
    code, said = run("open-notes", "--key", str(out))
    assert (1, True) == (code, "1 opened.\n" in said and "1 do not open with this key" in said)
    code, said = run("open-notes", "--key", str(tmp_path / "away" / "private.jwk"))
    assert (0, "1 opened.\n") == (code, said)
    assert 2 == len(drafts(wiring, ada))
    code, said = run("open-notes", "--key", str(tmp_path / "public.jwk"))
    assert (1, True) == (code, "opens nothing" in said)


def test_without_a_ticket_there_are_the_numbers(browser: Browser) -> None:
    page = browser.get()
    assert (HTTPStatus.OK, False) == (page.status_code, has_form(page))
    assert words(page.text).startswith(RING)
    assert "Out of hours: 020 7946 0001" in words(page.text)


def tickets(wiring: Wiring) -> dict[str, str]:
    """Tickets that are none, by what is wrong with them."""
    keys = wiring.keyring.node_keys(ticket.LABEL)
    now, ada = datetime.now(UTC), uuid4()
    later = now + timedelta(hours=1)
    good = ticket.issue(keys, staff_id=ada, username="ada.worker", not_after=later)
    ben = ticket.issue(keys, staff_id=uuid4(), username="ben.worker", not_after=later)
    return {
        "forged": ticket.issue([b"\0" * 32], staff_id=ada, username="ada.worker", not_after=later),
        "expired": ticket.issue(keys, staff_id=ada, username="ada.worker", not_after=now),
        "another name": good.replace("~ada.worker~", "~ben.worker~"),
        "another's code": good.rpartition("~")[0] + "~" + ben.rpartition("~")[2],
        "of another label": ticket.issue(
            wiring.keyring.node_keys(b"x"), staff_id=ada, username="ada.worker", not_after=later
        ),
    }


def test_a_ticket_that_is_none_gets_no_form_and_keeps_nothing(browser: Browser) -> None:
    browser.sign_in(Role.CASEWORKER)
    good, form = browser.cookie(ticket.COOKIE), browser.form()
    for wrong, presented in tickets(browser.wiring).items():
        browser.hold(presented)
        assert not has_form(browser.get()), wrong
        answer = browser.post(**form)
        assert (HTTPStatus.UNPROCESSABLE_ENTITY, False) == (answer.status_code, has_form(answer)), wrong
    browser.hold(good)
    for token in ("", "0" * 64, "é", "\x00"):
        answer = browser.post(**{**form, "form_token": token})
        assert (HTTPStatus.UNPROCESSABLE_ENTITY, False) == (answer.status_code, has_form(answer)), token
    assert [] == files(browser.wiring)
    browser.post(**form)
    assert 1 == len(files(browser.wiring))


def test_a_form_of_another_persons_shift_keeps_nothing(browser: Browser) -> None:
    """Two share a computer: what one had opened is not written down under the other's name, and is not lost."""
    browser.sign_in(Role.CASEWORKER)
    form = browser.form()
    browser.sign_in(Role.CASEWORKER, username="ben.worker")
    answer = browser.post(**form)
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert TYPED["feared"] in words(answer.text)
    assert [] == files(browser.wiring)


def test_a_shift_that_ends_meanwhile_loses_nothing_that_was_typed(browser: Browser) -> None:
    browser.sign_in(Role.CASEWORKER)
    form = browser.form()
    browser.hold(tickets(browser.wiring)["expired"])
    answer = browser.post(**{**form, "children": "<b>Zelda</b>\x00"})
    assert "&lt;b&gt;Zelda&lt;/b&gt;\N{REPLACEMENT CHARACTER}" in answer.text
    said = words(answer.text)
    assert said.startswith(RING)
    assert [] == [typed for name, typed in TYPED.items() if name not in {"children", "immediate_danger"} and typed not in said]  # fmt: skip


def test_a_form_from_elsewhere_keeps_nothing(browser: Browser) -> None:
    browser.sign_in(Role.CASEWORKER)
    form = browser.form()
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = browser.http.post(PAGE, base_url=browser.own, headers=headers, data=form)
        assert HTTPStatus.FORBIDDEN == answer.status_code
    assert [] == files(browser.wiring)


WRONG: Final = {
    "missing": ("feared", ""),
    "too long": ("children", "x" * 2001),
    "a null byte": ("feared", "Bruises\x00"),
    "unreadable": ("destination", "caf\ufffd"),
    "turned": ("why_without_agreement", "\u202egnitirw"),
    "no number": ("caller_number", "mine"),
    "no choice": ("immediate_danger", "perhaps"),
    "a choice with a null byte": ("immediate_danger", "yes\x00"),
}


@pytest.mark.parametrize(("field", "value"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_told_with_everything_still_in_the_form(
    browser: Browser, field: str, value: str
) -> None:
    browser.sign_in(Role.CASEWORKER)
    form = browser.form()
    answer = browser.post(**{**form, field: value})
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert f'href="#{field}"' in answer.text
    assert "\x00" not in answer.text
    shown = "" if field == "immediate_danger" else re.sub("[\x00\u202e]", "\ufffd", value)
    assert shows_again(answer, {**TYPED, field: shown})
    assert filled(answer.text, PAGE)["note"] == [form["note"]]
    assert [] == files(browser.wiring)


@pytest.mark.parametrize("sent", [b"caf\xe9", b"Zelda \xed\xa0\x80", b"\xff\xfe"])
def test_bytes_that_are_no_text_do_no_harm(browser: Browser, sent: bytes) -> None:
    """Urlencoded, they are kept as they were encoded; in parts, they are shown as what they are: unreadable."""
    browser.sign_in(Role.CASEWORKER)
    form: dict[str, Any] = browser.form()
    assert HTTPStatus.OK == browser.post(**{**form, "feared": sent}).status_code
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in form.items()
    )
    body = parts.encode().replace(TYPED["feared"].encode(), sent) + b"--x--\r\n"
    headers = {"Origin": browser.own, "Content-Type": "multipart/form-data; boundary=x"}
    answer = browser.http.post(PAGE, base_url=browser.own, headers=headers, data=body)
    assert (HTTPStatus.UNPROCESSABLE_ENTITY, True) == (answer.status_code, 'href="#feared"' in answer.text)
    assert 1 == len(files(browser.wiring))


@pytest.mark.parametrize("sent", ["", "1", "\x00", "é", "x" * 5000, "{00000000-0000-0000-0000-000000000000"])
def test_a_form_without_its_id_is_kept_all_the_same(browser: Browser, sent: str) -> None:
    browser.sign_in(Role.CASEWORKER)
    assert HTTPStatus.OK == browser.post(**{**browser.form(), "note": sent}).status_code
    assert 1 == len(files(browser.wiring))


def test_what_cannot_be_written_stays_in_the_form(browser: Browser) -> None:
    """The folder is a file now, as after a wrong mount; nothing that was typed is logged."""
    browser.sign_in(Role.CASEWORKER)
    form, folder = browser.form(), browser.wiring.settings.emergency.spool
    assert folder is not None
    folder.rmdir()
    folder.write_text("")
    with everything_logged() as logged:
        answer = browser.post(**form)
    assert HTTPStatus.SERVICE_UNAVAILABLE == answer.status_code
    assert words(answer.text).startswith("There is a problem It was not kept")
    assert RING in words(answer.text)
    assert shows_again(answer)
    assert "emergency.not_kept" in logged.getvalue()
    assert [] == [typed for typed in TYPED.values() if len(typed) > 3 and typed in logged.getvalue()]
    folder.unlink()
    folder.mkdir()
    assert HTTPStatus.OK == browser.post(**form).status_code


def test_where_nothing_is_set_up_it_says_so(parts: Wiring) -> None:
    """Without a key or a folder there is nothing to type into, under the best of tickets."""
    whole = parts.settings.emergency
    for emergency in (replace(whole, key_file=None), replace(whole, spool=None), EmergencySettings()):
        browser = Browser(replace(parts, settings=replace(parts.settings, emergency=emergency)))
        browser.sign_in(Role.CASEWORKER)
        page = browser.get()
        assert (HTTPStatus.OK, False) == (page.status_code, has_form(page))
        assert "cannot keep what is typed" in words(page.text)
        assert "999" in words(page.text)
        token = ticket.check(
            parts.keyring.node_keys(ticket.LABEL), browser.cookie(ticket.COOKIE), now=datetime.now(UTC)
        ).form_token
        answer = browser.post(**TYPED, form_token=token)
        assert (HTTPStatus.SERVICE_UNAVAILABLE, False) == (answer.status_code, has_form(answer))
        assert TYPED["feared"] in words(answer.text)


@pytest.mark.parametrize("role", Role)
def test_whoever_works_with_families_has_a_ticket(browser: Browser, role: Role) -> None:
    browser.sign_in(Role.CASEWORKER, username="before.them")
    browser.sign_in(role)
    holders = {Role.CASEWORKER, Role.MANAGER, Role.SAFEGUARDING_LEAD}
    assert (role in holders) is bool(browser.cookie(ticket.COOKIE))
    assert (role in holders) is has_form(browser.get())


def test_the_ticket_is_no_scripts_and_no_other_sites(parts: Wiring) -> None:
    """Made by a passkey here; it ends with the shift, and with signing out."""
    browser, device = Browser(parts), Authenticator(parts.settings.public_url)
    code = service.invite(parts, username="ada.worker", roles=[Role.CASEWORKER], invited_by="test")
    credential = device.make(service.offer_enrolment(parts, code).options)
    enrolled = browser.post("/console/invitation", code=code, credential=credential)
    signed = browser.post("/console/sign-in", credential=device.sign(service.offer_sign_in(parts)))
    for answer in (enrolled, signed):
        (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if "emergency" in each]
        assert cookie.startswith("__Host-emergency=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict", "Max-Age=43200"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    assert browser.cookie(ticket.COOKIE)
    who = service.admit(parts, browser.cookie(SESSION_COOKIE))
    assert who is not None
    browser.post("/console/sign-out", form_token=who.form_token)
    assert ("", "") == (browser.cookie(ticket.COOKIE), browser.cookie(SESSION_COOKIE))


def test_a_ticket_opens_nothing_else(browser: Browser) -> None:
    browser.sign_in(Role.CASEWORKER)
    own = browser.cookie(ticket.COOKIE)
    other = Browser(browser.wiring)
    other.hold(own)
    other.http.set_cookie(SESSION_COOKIE, own, domain=urlsplit(other.own).hostname or "", secure=True)
    assert HTTPStatus.SEE_OTHER == other.get("/console").status_code
    assert HTTPStatus.SEE_OTHER == other.get("/console/families").status_code
    assert has_form(other.get())


def test_a_node_that_starts_while_the_database_is_away_has_the_page(
    server: EmbeddedPostgres, browser: Browser, tmp_path: Path
) -> None:
    """The real server, started again in the middle of it all, on the ticket of before."""
    browser.sign_in(Role.CASEWORKER)
    held = browser.cookie(ticket.COOKIE)
    with stopped(server):
        (tmp_path / "node").mkdir()
        ports = Ports.free()
        settings = settled(browser.wiring.settings, "native", ports)
        with running("native", tmp_path / "node", ports=ports, environ=environment_of(settings)) as node:
            door = node.public()
            assert HTTPStatus.SERVICE_UNAVAILABLE == door.get("/console/sign-in").status_code
            page = door.get(PAGE, headers={"Cookie": f"{ticket.COOKIE}={held}"})
            assert HTTPStatus.OK == page.status_code
            assert "<textarea" in page.get_data(as_text=True)
