"""A fresh proof of who it is counts for one action on one record, of the one who was asked, in that session, once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import text

from gateway.disclosure_log.repository import database_now
from gateway.staff import federation, repository, service
from gateway.staff.errors import LastPasskeyError, ProviderAnswerError, SignInError
from gateway.staff.federation import Proven
from gateway.staff.id_token import Identity
from gateway.staff.model import STEPPED_UP, Method, Role, SignedIn
from gateway.wiring import Wiring
from tests.support.authenticator import Authenticator
from tests.support.pages import Somebody, hidden, title

ACT, RECORD = "profile.approve", "camhs/2"


class Member:
    """Somebody with a device, signed in."""

    def __init__(self, wiring: Wiring, username: str) -> None:
        self.wiring = wiring
        self.device = Authenticator(wiring.settings.public_url)
        code = service.invite(wiring, username=username, roles=[Role.CASEWORKER], invited_by="test")
        offered = service.offer_enrolment(wiring, code).options
        self.secret = service.enrol(wiring, code, self.device.make(offered))

    @property
    def who(self) -> SignedIn:
        found = service.admit(self.wiring, self.secret)
        assert found is not None
        return found

    def offer(self, action: str = ACT, record: str = RECORD) -> str:
        return service.offer_step_up(self.wiring, self.who, action=action, record=record).options

    def prove(self, credential: str, action: str = ACT, record: str = RECORD) -> str:
        return service.step_up(self.wiring, self.who, action=action, record=record, credential=credential)


@pytest.fixture
def ada(wiring: Wiring) -> Member:
    return Member(wiring, "ada")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    def passes(by: timedelta) -> None:
        monkeypatch.setattr(service, "database_now", lambda connection: database_now(connection) + by)

    return passes


def test_a_proof_lets_one_go_on_with_a_new_cookie(wiring: Wiring, ada: Member) -> None:
    renewed = ada.prove(ada.device.sign(ada.offer()))
    assert service.admit(wiring, ada.secret) is None
    again = service.admit(wiring, renewed)
    assert again is not None
    assert ("ada", Method.PASSKEY) == (again.username, again.session.method)


WRONG: Final[dict[str, Callable[[Member, Member], tuple[str, str, str]]]] = {
    "another action": lambda ada, _: (ada.device.sign(ada.offer()), "key.change", RECORD),
    "another record": lambda ada, _: (ada.device.sign(ada.offer()), ACT, "camhs/3"),
    "another member's device": lambda ada, ben: (ben.device.sign(ada.offer()), ACT, RECORD),
    "what another member was asked": lambda ada, ben: (ada.device.sign(ben.offer()), ACT, RECORD),
    "what a sign-in asked": lambda ada, _: (
        ada.device.sign(service.offer_sign_in(ada.wiring)),
        ACT,
        RECORD,
    ),
    "a device that verified nobody": lambda ada, _: (
        replace(ada.device, verifies=False).sign(ada.offer()),
        ACT,
        RECORD,
    ),
    "another origin": lambda ada, _: (
        replace(ada.device, origin="https://evil.example").sign(ada.offer()),
        ACT,
        RECORD,
    ),
    "a click": lambda ada, _: (
        service.offer_step_up(ada.wiring, ada.who, action=ACT, record=RECORD).clicked,
        ACT,
        RECORD,
    ),
    "nonsense": lambda *_: ("{", ACT, RECORD),
    "no challenge": lambda *_: ('{"response": {"clientDataJSON": "e30"}}', ACT, RECORD),
    "too long": lambda *_: ("x" * 20_000, ACT, RECORD),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_any_other_proof_lets_nobody_go_on(wiring: Wiring, ada: Member, wrong: Any) -> None:
    credential, action, record = wrong(ada, Member(wiring, "ben"))
    with pytest.raises(SignInError):
        ada.prove(credential, action, record)
    assert service.admit(wiring, ada.secret) is not None


def test_a_proof_is_used_up_whether_it_was_good_or_not(ada: Member) -> None:
    signed = ada.device.sign(ada.offer())
    with pytest.raises(SignInError):
        ada.prove(signed, "key.change")
    with pytest.raises(SignInError):
        ada.prove(signed)
    good = ada.device.sign(ada.offer())
    ada.secret = ada.prove(good)
    with pytest.raises(SignInError):
        ada.prove(good)


def test_a_proof_of_another_session_is_none(wiring: Wiring, ada: Member) -> None:
    asked = ada.offer()
    elsewhere = service.sign_in(wiring, ada.device.sign(service.offer_sign_in(wiring)))
    ada.secret = elsewhere
    with pytest.raises(SignInError):
        ada.prove(ada.device.sign(asked))


def test_a_proof_is_too_late_after_five_minutes(ada: Member, later: Callable[[timedelta], None]) -> None:
    signed = ada.device.sign(ada.offer())
    later(STEPPED_UP)
    with pytest.raises(SignInError):
        ada.prove(signed)


def test_another_passkey_is_made_once_it_was_offered(wiring: Wiring, ada: Member) -> None:
    second = Authenticator(ada.device.origin)
    offered = service.offer_passkey(wiring, ada.who)
    service.add_passkey(wiring, ada.who, second.make(offered))
    assert 2 == len(service.own_passkeys(wiring, ada.who))
    with pytest.raises(SignInError):
        service.add_passkey(wiring, ada.who, Authenticator(ada.device.origin).make(offered))
    ada.secret = service.sign_in(wiring, second.sign(service.offer_sign_in(wiring)))
    assert "ada" == ada.who.username


def test_a_passkey_that_an_invitation_or_another_session_was_offered_is_not_made(
    wiring: Wiring, ada: Member
) -> None:
    code = service.invite(wiring, username="ben", roles=[Role.CASEWORKER], invited_by="test")
    theirs = service.offer_enrolment(wiring, code).options
    ben = Member(wiring, "cyd")
    for offered in (theirs, service.offer_passkey(wiring, ben.who)):
        with pytest.raises(SignInError):
            service.add_passkey(wiring, ada.who, Authenticator(ada.device.origin).make(offered))
    assert 1 == len(service.own_passkeys(wiring, ada.who))


def test_a_removed_passkey_opens_nothing_and_ends_the_other_sessions(wiring: Wiring, ada: Member) -> None:
    lost = Authenticator(ada.device.origin)
    service.add_passkey(wiring, ada.who, lost.make(service.offer_passkey(wiring, ada.who)))
    elsewhere = service.sign_in(wiring, lost.sign(service.offer_sign_in(wiring)))
    assert service.remove_passkey(wiring, ada.who, lost.credential_id)
    assert not service.remove_passkey(wiring, ada.who, lost.credential_id)
    assert service.admit(wiring, elsewhere) is None
    assert "ada" == ada.who.username
    with pytest.raises(SignInError):
        service.sign_in(wiring, lost.sign(service.offer_sign_in(wiring)))


def test_nobody_removes_their_last_passkey_or_somebody_elses(wiring: Wiring, ada: Member) -> None:
    ben = Member(wiring, "ben")
    with pytest.raises(LastPasskeyError):
        service.remove_passkey(wiring, ada.who, ada.device.credential_id)
    assert not service.remove_passkey(wiring, ada.who, ben.device.credential_id)
    assert 1 == len(service.own_passkeys(wiring, ben.who))


def elsewhere(wiring: Wiring, who: SignedIn) -> bytes:
    with wiring.engine.begin() as connection:
        repository.add_identity(
            connection,
            issuer="https://idp",
            subject=who.username,
            staff_id=who.staff_id,
            now=database_now(connection),
        )
        return service.ask_elsewhere(connection, who, action=ACT, record=RECORD)


def came_back(subject: str, purpose: bytes | None) -> Proven:
    return Proven(Identity("https://idp", subject), "/console", purpose=purpose)


def test_a_proof_at_the_provider_counts_once_for_its_action(wiring: Wiring, ada: Member) -> None:
    purpose = elsewhere(wiring, ada.who)
    assert service.proved_elsewhere(wiring, ada.who, action=ACT, record=RECORD) is None
    federation.finish_step_up(wiring, came_back("ada", purpose))
    assert service.proved_elsewhere(wiring, ada.who, action=ACT, record="camhs/3") is None
    assert service.proved_elsewhere(wiring, ada.who, action="key.change", record=RECORD) is None
    renewed = service.proved_elsewhere(wiring, ada.who, action=ACT, record=RECORD)
    assert renewed is not None
    assert service.admit(wiring, ada.secret) is None
    ada.secret = renewed
    assert service.proved_elsewhere(wiring, ada.who, action=ACT, record=RECORD) is None


def test_a_proof_at_the_provider_that_was_not_asked_for_is_none(wiring: Wiring, ada: Member) -> None:
    purpose = elsewhere(wiring, ada.who)
    elsewhere(wiring, Member(wiring, "ben").who)
    for proven in (
        came_back("ben", purpose),
        came_back("nobody", purpose),
        came_back("ada", b"x" * 32),
        came_back("ada", None),
    ):
        with pytest.raises(ProviderAnswerError):
            federation.finish_step_up(wiring, proven)
    assert service.proved_elsewhere(wiring, ada.who, action=ACT, record=RECORD) is None


def test_a_proof_at_the_provider_is_over_after_five_minutes(
    wiring: Wiring, ada: Member, later: Callable[[timedelta], None]
) -> None:
    federation.finish_step_up(wiring, came_back("ada", elsewhere(wiring, ada.who)))
    later(STEPPED_UP)
    assert service.proved_elsewhere(wiring, ada.who, action=ACT, record=RECORD) is None


def test_in_the_demo_a_click_proves_for_the_action_that_it_was_asked_for(wiring: Wiring) -> None:
    ada = Somebody(wiring, Role.CASEWORKER)
    asked = ada.send("/console/passkeys/add")
    assert "Confirm that it is you" == title(asked.text)
    clicked = hidden(asked.text)
    before = ada.who.session.id
    made = ada.send("/console/passkeys/add", clicked)
    assert ("Make another passkey", before) == (title(made.text), ada.who.session.id)
    assert "Error: Confirm that it is you" == title(ada.send("/console/passkeys/add", clicked).text)


def test_where_people_are_real_a_click_proves_nothing(wiring: Wiring) -> None:
    ada = Somebody(wiring, Role.CASEWORKER)
    real = replace(wiring, settings=replace(wiring.settings, synthetic_people=False))
    clicked = service.offer_step_up(wiring, ada.who, action=ACT, record=RECORD).clicked
    with pytest.raises(SignInError):
        service.step_up(real, ada.who, action=ACT, record=RECORD, credential=clicked)


def test_what_is_over_is_forgotten(wiring: Wiring, ada: Member, later: Callable[[timedelta], None]) -> None:
    ada.offer()
    later(STEPPED_UP + timedelta(seconds=1))
    ada.offer()
    with wiring.engine.connect() as connection:
        assert 1 == connection.execute(text("SELECT count(*) FROM gateway.staff_step_up")).scalar_one()
