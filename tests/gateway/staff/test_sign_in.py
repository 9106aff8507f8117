"""Invitations, passkeys and sessions: what lets somebody in, and everything that must not."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.disclosure_log.repository import database_now
from gateway.staff import passkeys, repository, service
from gateway.staff.errors import InvitationError, SignInError, UnknownMemberError
from gateway.staff.model import ABSOLUTE, AT_ONCE, IDLE, INVITED, Method, Role, SignedIn
from gateway.wiring import Wiring
from tests.support.authenticator import Authenticator

WHO, ROLES = "ada", [Role.CASEWORKER]


@pytest.fixture
def device(wiring: Wiring) -> Authenticator:
    return Authenticator(wiring.settings.public_url)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets time pass for the staff room."""

    def passes(by: timedelta) -> None:
        monkeypatch.setattr(service, "database_now", lambda connection: database_now(connection) + by)

    return passes


def invited(wiring: Wiring, username: str = WHO) -> str:
    return service.invite(wiring, username=username, roles=ROLES, invited_by="cli:test")


def enrolled(wiring: Wiring, device: Authenticator, username: str = WHO) -> str:
    code = invited(wiring, username)
    return service.enrol(wiring, code, device.make(service.offer_enrolment(wiring, code).options))


def signed_in(wiring: Wiring, device: Authenticator) -> str:
    return service.sign_in(wiring, device.sign(service.offer_sign_in(wiring)))


def admitted(wiring: Wiring, secret: str) -> SignedIn:
    who = service.admit(wiring, secret)
    assert who is not None
    return who


def stored(wiring: Wiring) -> list[int]:
    """How many passkeys and sessions there are."""
    with wiring.engine.connect() as connection:
        return [
            connection.execute(text(f"SELECT count(*) FROM gateway.staff_{table}")).scalar_one()
            for table in ("passkey", "session")
        ]


def test_a_code_makes_one_passkey_and_signs_in(wiring: Wiring, device: Authenticator) -> None:
    code = invited(wiring)
    offered = service.offer_enrolment(wiring, code)
    assert WHO == offered.username
    assert "required" == json.loads(offered.options)["authenticatorSelection"]["userVerification"]
    who = admitted(wiring, service.enrol(wiring, code, device.make(offered.options)))
    assert (WHO, frozenset(ROLES), Method.PASSKEY) == (who.username, who.roles, who.session.method)
    with pytest.raises(InvitationError):
        service.offer_enrolment(wiring, code)
    with pytest.raises(InvitationError):
        service.enrol(wiring, code, Authenticator(device.origin).make(offered.options))


def test_a_passkey_signs_in_again_and_again(wiring: Wiring, device: Authenticator) -> None:
    enrolled(wiring, device)
    options = json.loads(service.offer_sign_in(wiring))
    assert ("required", []) == (options["userVerification"], options.get("allowCredentials", []))
    secrets = {signed_in(wiring, device) for _ in range(2)}
    assert 2 == len(secrets)
    assert {WHO} == {admitted(wiring, secret).username for secret in secrets}


def test_nothing_that_opens_a_door_is_stored(wiring: Wiring, device: Authenticator) -> None:
    code = invited(wiring)
    secret = service.enrol(wiring, code, device.make(service.offer_enrolment(wiring, code).options))
    with wiring.engine.connect() as connection:
        for table in ("invitation", "session"):
            rows = connection.execute(text(f"SELECT s::text FROM gateway.staff_{table} s")).scalars().all()
            assert not [row for row in rows if code in row or secret in row]


LIES: dict[str, Callable[[Authenticator], Any]] = {
    "another origin": lambda device: setattr(device, "origin", "https://evil.example"),
    "another host": lambda device: setattr(device, "host", "evil.example"),
    "nobody verified": lambda device: setattr(device, "verifies", False),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_passkey_made_otherwise_is_not_taken(wiring: Wiring, device: Authenticator, lie: Any) -> None:
    code = invited(wiring)
    offered = service.offer_enrolment(wiring, code).options
    lie(device)
    with pytest.raises(SignInError):
        service.enrol(wiring, code, device.make(offered))
    assert [0, 0] == stored(wiring)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_signature_made_otherwise_does_not_sign_in(wiring: Wiring, device: Authenticator, lie: Any) -> None:
    enrolled(wiring, device)
    lie(device)
    with pytest.raises(SignInError):
        signed_in(wiring, device)
    assert [1, 1] == stored(wiring)


def test_a_challenge_is_used_once(wiring: Wiring, device: Authenticator) -> None:
    enrolled(wiring, device)
    answer = device.sign(service.offer_sign_in(wiring))
    service.sign_in(wiring, answer)
    with pytest.raises(SignInError):
        service.sign_in(wiring, answer)


def test_a_challenge_is_for_one_purpose(wiring: Wiring, device: Authenticator) -> None:
    enrolled(wiring, device)
    code = invited(wiring, "ben")
    other = json.loads(service.offer_enrolment(wiring, code).options)["challenge"]
    with pytest.raises(SignInError):
        service.sign_in(wiring, device.sign(service.offer_sign_in(wiring), challenge=other))


@pytest.mark.parametrize(
    "by", [timedelta(minutes=5, seconds=2), timedelta(seconds=-5)], ids=["old", "to come"]
)
def test_a_challenge_lasts_five_minutes(
    wiring: Wiring, device: Authenticator, later: Callable[[timedelta], None], by: timedelta
) -> None:
    enrolled(wiring, device)
    answer = device.sign(service.offer_sign_in(wiring))
    later(by)
    with pytest.raises(SignInError):
        service.sign_in(wiring, answer)


def test_a_challenge_of_somebody_elses_making_is_none(wiring: Wiring, device: Authenticator) -> None:
    enrolled(wiring, device)
    for challenge in ("", "AAAA", "A" * 54, "é"):
        with pytest.raises(SignInError):
            service.sign_in(wiring, device.sign(service.offer_sign_in(wiring), challenge=challenge))


def test_a_copied_passkey_is_found_out(wiring: Wiring, device: Authenticator) -> None:
    enrolled(wiring, device)
    device.count = 5
    signed_in(wiring, device)
    for count in (5, 4):
        device.count = count
        with pytest.raises(SignInError):
            signed_in(wiring, device)
    device.count = 6
    signed_in(wiring, device)


def test_another_key_under_the_same_name_does_not_sign_in(wiring: Wiring, device: Authenticator) -> None:
    enrolled(wiring, device)
    thief = Authenticator(device.origin, credential_id=device.credential_id)
    with pytest.raises(SignInError):
        signed_in(wiring, thief)
    with pytest.raises(SignInError):
        signed_in(wiring, Authenticator(device.origin))


def test_a_passkey_belongs_to_one_member(wiring: Wiring, device: Authenticator) -> None:
    enrolled(wiring, device)
    with pytest.raises(SignInError):
        enrolled(wiring, device, "ben")
    assert WHO == admitted(wiring, signed_in(wiring, device)).username


NONSENSE = [
    "",
    "x",
    "[]",
    "null",
    "{}",
    '{"response":{}}',
    '{"response":{"clientDataJSON":1}}',
    "[" * 9999,
    "9" * 20_000,
]


@pytest.mark.parametrize("answer", NONSENSE, ids=lambda answer: answer[:12])
def test_nonsense_is_not_taken(wiring: Wiring, answer: str) -> None:
    with pytest.raises(SignInError):
        service.sign_in(wiring, answer)
    with pytest.raises(SignInError):
        service.enrol(wiring, invited(wiring), answer)
    assert [0, 0] == stored(wiring)


def test_a_member_who_left_signs_in_no_more(wiring: Wiring, device: Authenticator) -> None:
    secret = enrolled(wiring, device)
    code = invited(wiring)
    service.disable(wiring, username=WHO)
    assert service.admit(wiring, secret) is None
    with pytest.raises(SignInError):
        signed_in(wiring, device)
    with pytest.raises(InvitationError):
        service.offer_enrolment(wiring, code)
    with pytest.raises(UnknownMemberError):
        service.disable(wiring, username=WHO)


def test_other_roles_end_every_session(wiring: Wiring, device: Authenticator) -> None:
    secret = enrolled(wiring, device)
    service.invite(wiring, username=WHO, roles=[Role.AUDITOR], invited_by="cli:test")
    assert service.admit(wiring, secret) is None
    assert frozenset({Role.AUDITOR}) == admitted(wiring, signed_in(wiring, device)).roles


def test_a_role_that_is_not_listed_is_nothing(wiring: Wiring, device: Authenticator) -> None:
    secret = enrolled(wiring, device)
    with wiring.engine.begin() as connection:
        repository.ensure_member(connection, username=WHO, roles=["god", "caseworker"])
    assert frozenset({Role.CASEWORKER}) == admitted(wiring, secret).roles


TICK = timedelta(seconds=1)


@pytest.mark.parametrize(("after", "stands"), [(IDLE - TICK, True), (IDLE, False)], ids=["within", "idle"])
def test_a_session_that_nobody_uses_ends(
    wiring: Wiring, device: Authenticator, later: Callable[[timedelta], None], after: timedelta, stands: bool
) -> None:
    secret = enrolled(wiring, device)
    later(after)
    assert stands is (service.admit(wiring, secret) is not None)


def test_no_session_lasts_longer_than_a_working_day(
    wiring: Wiring, device: Authenticator, later: Callable[[timedelta], None]
) -> None:
    secret, after = enrolled(wiring, device), timedelta()
    while after < ABSOLUTE - IDLE:
        after += IDLE - TICK
        later(after)
        assert service.admit(wiring, secret) is not None
    later(ABSOLUTE)
    assert service.admit(wiring, secret) is None


def test_the_oldest_of_too_many_sessions_ends(wiring: Wiring, device: Authenticator) -> None:
    secrets = [enrolled(wiring, device), *(signed_in(wiring, device) for _ in range(AT_ONCE))]
    assert [False, True, True] == [service.admit(wiring, secret) is not None for secret in secrets]


def test_one_ends_ones_own_sessions_and_nobody_elses(wiring: Wiring, device: Authenticator) -> None:
    enrolled(wiring, device)
    ben = Authenticator(device.origin)
    his = admitted(wiring, enrolled(wiring, ben, "ben"))
    secrets = [signed_in(wiring, device) for _ in range(2)]
    other, mine = (admitted(wiring, secret) for secret in secrets)
    assert [mine.session.id, other.session.id] == [each.id for each in service.sessions(wiring, mine)]
    assert not service.end_session(wiring, mine, his.session.id)
    assert service.end_session(wiring, mine, other.session.id)
    assert not service.end_session(wiring, mine, other.session.id)
    assert service.admit(wiring, secrets[0]) is None
    assert service.end_session(wiring, mine, mine.session.id)
    assert [] == service.sessions(wiring, mine)
    assert [his.session.id] == [each.id for each in service.sessions(wiring, his)]


@pytest.mark.parametrize("secret", ["", "x", "A" * 43, "é" * 43], ids=["none", "short", "unknown", "odd"])
def test_what_was_never_given_is_no_session(wiring: Wiring, secret: str) -> None:
    assert service.admit(wiring, secret) is None


def test_a_code_can_be_used_for_three_days(wiring: Wiring, later: Callable[[timedelta], None]) -> None:
    code = invited(wiring)
    later(INVITED - TICK)
    assert WHO == service.offer_enrolment(wiring, code).username
    later(INVITED + TICK)
    with pytest.raises(InvitationError):
        service.offer_enrolment(wiring, code)


def test_nobody_is_signed_in_by_a_click_where_people_may_be_real(wiring: Wiring) -> None:
    invited(wiring)
    real = replace(wiring, settings=replace(wiring.settings, synthetic_people=False))
    with pytest.raises(SignInError):
        service.sign_in_by_click(real, WHO)
    with pytest.raises(SignInError):
        service.sign_in_by_click(wiring, "nobody")
    assert Method.DEMO is admitted(wiring, service.sign_in_by_click(wiring, WHO)).session.method


def test_a_challenge_is_not_made_twice() -> None:
    now = datetime.now().astimezone()
    made = {passkeys.new_challenge(b"key", passkeys.Ceremony.SIGN_IN, now=now) for _ in range(100)}
    assert 100 == len(made)
