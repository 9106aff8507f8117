"""Pickups: one document, one named person, one code, three tries; and the page that they are taken on."""

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway.app import build_app
from gateway.console.referral_page import ANSWER_WORDS, KIND_WORDS, document_sections
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.repository import database_now
from gateway.safeguarding import pickup, repository, service
from gateway.safeguarding.document import TOLD
from gateway.safeguarding.errors import SafeguardingError, UnknownReferralError
from gateway.safeguarding.model import Answers, Kind, Referral
from gateway.safeguarding.pickup import LENGTH, LIFETIME, SIGNS, TRIES, Offer, Taken, offer, take
from gateway.safeguarding.sealing import Written
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import REST, SIX, caseworker, refer, world_of
from tests.gateway.safeguarding.test_fetching import restricted
from tests.support.pages import Somebody, words
from tests.support.served import everything_logged
from tests.support.world import World

PERSON = "Sergeant Zqxpickup"
WRONG = SIGNS[0] * LENGTH


@dataclass
class Scene:
    """A referral that was sent, and whoever sent it."""

    wiring: Wiring
    world: World
    ada: Somebody
    sent: Referral

    def offer(self, person: str = PERSON) -> Offer:
        made = offer(self.wiring, self.ada.who, self.sent.id, person)
        assert WRONG != made.code
        return made

    def fetches(self) -> list[repository.Fetch]:
        with self.wiring.engine.connect() as connection:
            return repository.fetches(connection, self.sent.id)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        found = restricted(self.wiring, self.world.family_id("EH-1"))
        return [each for each in found if each["kind"] == kind]


@pytest.fixture
def scene(wiring: Wiring) -> Scene:
    world = world_of(wiring)
    ada = caseworker(world)
    return Scene(wiring, world, ada, refer(world, ada))


def test_the_right_code_gives_the_newest_document_once(scene: Scene) -> None:
    service.complete(scene.wiring, scene.ada.who, scene.sent.id, REST)
    made = scene.offer()
    taken = take(scene.wiring, made.pickup_id, made.code)
    assert taken is not None
    assert (2, PERSON) == (json.loads(taken.document.body)["number"], taken.person)
    assert taken.document.proof is not None
    assert take(scene.wiring, made.pickup_id, made.code) is None
    assert 1 == _tries(scene.wiring, made.pickup_id)  # what was taken is tried no more


def test_a_code_can_be_typed_as_it_was_heard(scene: Scene) -> None:
    made = scene.offer()
    typed = f" {made.code[:5].lower()}-{made.code[5:].lower()} "
    assert take(scene.wiring, made.pickup_id, typed) is not None


def test_codes_are_ten_signs_that_no_two_of_sound_alike(scene: Scene) -> None:
    codes = [scene.offer().code for _ in range(5)]
    assert 5 == len(set(codes))
    assert all(re.fullmatch(f"[{SIGNS}]{{10}}", code) for code in codes)
    assert len(SIGNS) ** LENGTH >= 2**40
    assert set("01AEHIJLNOSUV").isdisjoint(SIGNS)


def test_three_tries_are_all_there_are(scene: Scene) -> None:
    made = scene.offer()
    assert [None] * TRIES == [take(scene.wiring, made.pickup_id, WRONG) for _ in range(TRIES)]
    assert take(scene.wiring, made.pickup_id, made.code) is None
    another = scene.offer()
    assert [None] * (TRIES - 1) == [take(scene.wiring, another.pickup_id, WRONG) for _ in range(TRIES - 1)]
    assert take(scene.wiring, another.pickup_id, another.code) is not None


def test_a_code_opens_its_own_pickup_only(scene: Scene) -> None:
    made, another = scene.offer(), scene.offer()
    assert take(scene.wiring, another.pickup_id, made.code) is None


def test_what_no_code_can_be_is_no_try(scene: Scene) -> None:
    made = scene.offer()
    for typed in ("", "x", "O" * LENGTH, "\x00", "é" * LENGTH, SIGNS * 1000, made.code + "2"):
        assert take(scene.wiring, made.pickup_id, typed) is None
    assert take(scene.wiring, made.pickup_id, made.code) is not None


def _at_once(scene: Scene, made: Offer, codes: Sequence[str]) -> list[Taken | None]:
    barrier = Barrier(len(codes))

    def one(code: str) -> Taken | None:
        barrier.wait()
        return take(scene.wiring, made.pickup_id, code)

    with ThreadPoolExecutor(len(codes)) as threads:
        return list(threads.map(one, codes))


def _tries(wiring: Wiring, pickup_id: UUID) -> int:
    with wiring.engine.connect() as connection:
        found: int = connection.execute(
            text("SELECT tries FROM gateway.referral_pickup WHERE pickup_id = :p"), {"p": pickup_id}
        ).scalar_one()
        return found


def test_many_wrong_codes_at_once_are_three_tries(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come together, no more than three are ever compared."""
    compared: list[bool] = []
    real = pickup._hash

    def counted(*given: Any) -> bytes:
        compared.append(True)
        return real(*given)

    made = scene.offer()
    monkeypatch.setattr(pickup, "_hash", counted)
    assert [None] * 8 == _at_once(scene, made, [WRONG] * 8)
    assert (TRIES, TRIES) == (len(compared), _tries(scene.wiring, made.pickup_id))
    monkeypatch.undo()
    assert take(scene.wiring, made.pickup_id, made.code) is None


def test_the_right_code_at_once_by_many_is_taken_once(scene: Scene) -> None:
    for _ in range(3):
        made = scene.offer()
        found = _at_once(scene, made, [made.code] * 6)
        assert 1 == sum(each is not None for each in found)
    assert 3 == len(scene.fetches()) == len(scene.entries("referral.pickup"))


def test_after_a_day_it_is_over(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    made, last = scene.offer(), scene.offer()
    with scene.wiring.engine.connect() as connection:
        now = database_now(connection)
    monkeypatch.setattr(pickup, "database_now", lambda _: now + LIFETIME - timedelta(minutes=1))
    assert take(scene.wiring, last.pickup_id, last.code) is not None
    monkeypatch.setattr(pickup, "database_now", lambda _: now + LIFETIME)
    assert take(scene.wiring, made.pickup_id, made.code) is None
    assert timedelta(hours=24) == LIFETIME


def test_it_is_on_record_before_it_is_shown(scene: Scene) -> None:
    made = scene.offer()
    (offered,) = scene.entries("referral.offer")
    assert (str(made.pickup_id), "ada", 1) == (offered["pickup"], offered["actor"], offered["number"])
    take(scene.wiring, made.pickup_id, WRONG)
    assert ([], []) == (scene.fetches(), scene.entries("referral.pickup"))
    take(scene.wiring, made.pickup_id, made.code)
    (fetched,) = scene.fetches()
    assert (1, None, None) == (fetched.number, fetched.client, fetched.practitioner)
    (entry,) = scene.entries("referral.pickup")
    assert (str(scene.sent.id), str(made.pickup_id)) == (entry["referral"], entry["pickup"])
    assert PERSON not in json.dumps(restricted(scene.wiring, scene.world.family_id("EH-1")))


def test_what_cannot_be_recorded_is_not_shown(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the document still waits: a fault of ours takes nobody's code away, only a try."""
    made = scene.offer()

    def broken(*_given: object, **_more: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(pickup, "note", broken)
    with pytest.raises(RuntimeError):
        take(scene.wiring, made.pickup_id, made.code)
    monkeypatch.undo()
    assert [] == scene.fetches()
    assert take(scene.wiring, made.pickup_id, made.code) is not None


def test_the_log_keeps_no_pickup_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    made = scene.offer()

    def away(*_given: object, **_more: object) -> None:
        raise NotAppendedError

    monkeypatch.setattr(log, "append", away)
    assert take(scene.wiring, made.pickup_id, made.code) is not None


def test_neither_code_nor_name_lies_in_the_database(scene: Scene) -> None:
    made = scene.offer()
    with scene.wiring.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM gateway.referral_pickup")).one()
    stored = repr(tuple(bytes(each) if isinstance(each, memoryview) else each for each in row))
    assert made.code not in stored
    assert PERSON not in stored


def test_only_its_author_offers_a_referral(scene: Scene) -> None:
    lead = Somebody(scene.wiring, Role.SAFEGUARDING_LEAD, username="lead")
    other = Somebody(scene.wiring, Role.CASEWORKER, username="eve")
    assert service.look(scene.wiring, lead.who, scene.sent.id)
    for who, asked in ((lead, scene.sent.id), (other, scene.sent.id), (scene.ada, uuid4())):
        with pytest.raises(UnknownReferralError):
            offer(scene.wiring, who.who, asked, PERSON)


def test_a_draft_is_offered_to_nobody(scene: Scene) -> None:
    answers: Answers = {**SIX, "people": ()}
    draft = uuid4()
    written = Written(Kind.PROTECTION, answers)
    service.write(scene.wiring, scene.ada.who, scene.world.family_id("EH-1"), draft, written)
    with pytest.raises(UnknownReferralError):
        offer(scene.wiring, scene.ada.who, draft, PERSON)


@pytest.mark.parametrize("person", ["", " ", "x" * 201, "a\x00b"])
def test_it_waits_for_somebody_with_a_name(scene: Scene, person: str) -> None:
    with pytest.raises(SafeguardingError):
        scene.offer(person)


# --- The page ------------------------------------------------------------------------------------------------------


@dataclass
class Browser:
    """Somebody at the page, signed in nowhere."""

    wiring: Wiring
    http: FlaskClient

    def look(self, pickup_id: object) -> TestResponse:
        return self.http.get(f"/pickup/{pickup_id}", base_url=self.wiring.settings.public_url)

    def type(self, pickup_id: object, code: Any) -> TestResponse:
        own = self.wiring.settings.public_url
        return self.http.post(
            f"/pickup/{pickup_id}", base_url=own, headers={"Origin": own}, data={"code": code}
        )


@pytest.fixture
def browser(wiring: Wiring) -> Browser:
    return Browser(wiring, build_app(wiring).test_client())


def test_the_page_is_the_same_whatever_the_address_names(scene: Scene, browser: Browser) -> None:
    made = scene.offer()
    pages = [browser.look(each) for each in (made.pickup_id, uuid4(), "x", "%00")]
    assert [200] * 4 == [each.status_code for each in pages]
    assert 1 == len({each.data for each in pages})


def test_unknown_expired_used_up_and_wrong_are_one_answer(
    scene: Scene, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong, used, up, expired = (scene.offer() for _ in range(4))
    browser.type(used.pickup_id, used.code)
    for _ in range(TRIES):
        browser.type(up.pickup_id, WRONG)
    answers = [
        browser.type(wrong.pickup_id, WRONG),
        browser.type(used.pickup_id, used.code),
        browser.type(up.pickup_id, up.code),
        browser.type(uuid4(), WRONG),
        browser.type("x", WRONG),
        browser.type(wrong.pickup_id, ""),
    ]
    with scene.wiring.engine.connect() as connection:
        later = database_now(connection) + LIFETIME
    monkeypatch.setattr(pickup, "database_now", lambda _: later)
    answers.append(browser.type(expired.pickup_id, expired.code))
    assert {422} == {each.status_code for each in answers}
    assert 1 == len({each.data for each in answers})


def test_the_right_code_shows_the_document_in_plain_words(scene: Scene, browser: Browser) -> None:
    made = scene.offer()
    shown = browser.type(made.pickup_id, made.code)
    assert 200 == shown.status_code
    said = words(shown.text)
    for part in (SIX["fear"], "Asking would put somebody at more risk", "Safeguarding hub", PERSON):
        assert part in said
    assert "would_prejudice" not in said.partition("As it is on record")[0]
    assert "no-store" == shown.headers["Cache-Control"]
    assert "<script" not in shown.text
    assert SIX["fear"] not in browser.type(made.pickup_id, made.code).text


BAD: Sequence[str] = (
    "Zqxtyped",
    "\x00",
    "x" * 100_000,
    "<script>Zqxtyped</script>",
    "'; --",
    "\u202e\ud83d\ude00",
)


@pytest.mark.parametrize("code", BAD, ids=range(len(BAD)))
def test_nothing_typed_is_said_or_logged_and_nothing_breaks(
    scene: Scene, browser: Browser, code: str
) -> None:
    made = scene.offer()
    with everything_logged() as logged:
        for asked in (made.pickup_id, "x", "%ff%00", "a" * 3000):
            answer = browser.type(asked, code.encode("utf-8", "replace"))
            assert 422 == answer.status_code
            assert "Zqxtyped" not in answer.text
    assert "Zqxtyped" not in logged.getvalue()
    assert str(made.pickup_id) not in logged.getvalue()


def test_a_code_is_in_no_line_of_the_log(scene: Scene, browser: Browser) -> None:
    with everything_logged() as logged:
        made = scene.offer()
        browser.type(made.pickup_id, WRONG)
        browser.type(made.pickup_id, made.code)
    assert not {made.code, WRONG, PERSON, str(made.pickup_id)} & set(re.split(r'[\s"/]+', logged.getvalue()))


def test_a_form_of_elsewhere_is_no_try(scene: Scene, browser: Browser) -> None:
    made = scene.offer()
    answer = browser.http.post(
        f"/pickup/{made.pickup_id}",
        base_url=scene.wiring.settings.public_url,
        headers={"Origin": "https://evil.example"},
        data={"code": made.code},
    )
    assert (403, 0) == (answer.status_code, _tries(scene.wiring, made.pickup_id))


# --- A document in words -------------------------------------------------------------------------------------------


def test_everything_in_a_document_is_told_in_words(scene: Scene) -> None:
    """Each value of it stands in a line, in words where there are some."""
    service.complete(scene.wiring, scene.ada.who, scene.sent.id, REST)
    first, second = service.look(scene.wiring, scene.ada.who, scene.sent.id).documents
    for each in (first, second):
        sections = document_sections(each.body)
        said = json.dumps([[line.heading, *line.values] for part in sections for line in part.lines])
        document = json.loads(each.body)
        for answer in ("fear", "number", "known", "source", "wishes", "recipient"):
            assert document["answers"].get(answer, "") in said
        for rule in document["handling"]:
            assert rule in said
        assert str(scene.sent.id) in said
        assert len(document["record"]["people"]) <= len(sections)
    headings = [part.heading for part in document_sections(first.body)]
    assert "How to handle it" == headings[0]
    assert "What follows" in headings
    assert "What follows" not in [part.heading for part in document_sections(second.body)]


def test_the_children_it_is_about_are_called_by_their_names(scene: Scene) -> None:
    (document,) = service.look(scene.wiring, scene.ada.who, scene.sent.id).documents
    (about,) = (
        line
        for part in document_sections(document.body)
        if part.heading == "Which children it is about"
        for line in part.lines
    )
    people = [part.heading for part in document_sections(document.body) if part.heading in about.values]
    assert len(about.values) == len(people) == 2


def test_whatever_can_be_told_has_words() -> None:
    assert set(TOLD) == set(ANSWER_WORDS)
    assert {each.value for each in Kind} - {"considered"} == set(KIND_WORDS)


def test_what_has_no_words_is_shown_by_its_name() -> None:
    body = json.dumps({"answers": {"new_answer": ["a", "b"]}, "kind": "new_kind", "times": {"new_at": "x"}})
    lines = [line for part in document_sections(body.encode()) for line in part.lines]
    assert ("new answer", ("a", "b")) in [(line.heading, line.values) for line in lines]
    assert ("How", ("new kind",)) in [(line.heading, line.values) for line in lines]
    assert ("new at", ("x",)) in [(line.heading, line.values) for line in lines]
