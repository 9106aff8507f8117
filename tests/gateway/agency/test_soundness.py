"""What no profile may say becomes effective by no way, and what becomes effective is in the log to the last byte."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from agencies import repository as agencies
from agencies.errors import ProfileError, UnsoundProfileError
from agencies.model import AgencyCode, AgencyKind
from agencies.profile_text import parse_profile
from agencies.register import PractitionerPolicy
from gateway.agency import approval, service, soundness
from gateway.agency.application import Application
from gateway.agency.approval import Matter, Subject
from gateway.agency.errors import ApprovalError
from gateway.agency.onboarding import onboard as bring_in
from gateway.disclosure_log.reading import entries_between, log_size, open_entry
from gateway.disclosure_log.service import act
from gateway.staff import service as staff
from gateway.staff.model import Role, SignedIn
from gateway.wiring import Wiring
from tests.support.agencies import onboard

CAMHS: Final = AgencyCode("camhs")
SECOND: Final = Subject(Matter.PROFILE, CAMHS, 2)
WORDS: Final = r"would be told at the panel: how to reach a person safely \(in full\)\. At the panel only"


def member(wiring: Wiring, username: str, role: Role) -> SignedIn:
    staff.invite(wiring, username=username, roles=[role], invited_by="test")
    found = staff.admit(wiring, staff.sign_in_by_click(wiring, username))
    assert found is not None
    return found


@pytest.fixture
def dana(wiring: Wiring) -> SignedIn:
    return member(wiring, "dana", Role.DATA_PROTECTION_OFFICER)


@pytest.fixture
def eli(wiring: Wiring) -> SignedIn:
    return member(wiring, "eli", Role.SECOND_APPROVER)


def following(wiring: Wiring, *, contact: str = "W") -> str:
    """The text of camhs's version 2, with this mark for the contact at the panel."""
    with wiring.engine.connect() as connection:
        document = agencies.profile_document(connection, CAMHS, version=1)
    assert document is not None
    text = document.replace("version = 1\n", "version = 2\n", 1)
    return text.replace('"contact"\npanel = "W"', f'"contact"\npanel = "{contact}"')


def smuggle(wiring: Wiring, document: str) -> None:
    """Store a version without the check, as an earlier release of the gateway with fewer invariants would have."""
    with act(wiring, agencies=(CAMHS,)) as change:
        agencies.add_profile_version(change.connection, document=document)
        change.record(kind="profile.store", actor="test", agency=CAMHS)


def state(wiring: Wiring) -> tuple[int | None, int | None, int, int]:
    """Effective version, newest version, what waits, size of the log."""
    with wiring.engine.connect() as connection:
        return (
            agencies.effective_version(connection, CAMHS),
            agencies.latest_version(connection, CAMHS),
            len(approval.waiting(connection)),
            log_size(connection),
        )


def last_entry(wiring: Wiring) -> dict[str, Any]:
    """The internal part of the newest entry."""
    with wiring.engine.connect() as connection:
        size = log_size(connection)
        (row,) = entries_between(connection, first=size - 1, end=size)
        entry = open_entry(connection, keyring=wiring.keyring, row=row)
    assert entry is not None
    return dict(entry.internal)


def test_it_is_not_stored(wiring: Wiring) -> None:
    onboard(wiring, CAMHS)
    before = state(wiring)
    with pytest.raises(UnsoundProfileError, match=WORDS):
        service.store_profile(wiring, document=following(wiring, contact="F"), actor="test")
    assert before == state(wiring)


def test_it_is_not_proposed(wiring: Wiring, dana: SignedIn) -> None:
    onboard(wiring, CAMHS)
    smuggle(wiring, following(wiring, contact="F"))
    before = state(wiring)
    with pytest.raises(ApprovalError, match=WORDS):
        approval.propose(wiring, dana, SECOND)
    assert before == state(wiring)


def test_it_is_not_approved_although_it_was_proposed(
    wiring: Wiring, dana: SignedIn, eli: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was sound when it was proposed: an invariant came meanwhile, or the day of its review passed."""
    onboard(wiring, CAMHS)
    smuggle(wiring, following(wiring, contact="F"))
    with monkeypatch.context() as earlier:
        earlier.setattr("agencies.invariants.broken", lambda *_, **__: ())
        approval.propose(wiring, dana, SECOND)
    with wiring.engine.connect() as connection:
        (asked,) = approval.waiting(connection)
    before = state(wiring)
    with pytest.raises(ApprovalError, match=WORDS):
        approval.approve(wiring, eli, asked.id, digest=asked.digest)
    assert before == state(wiring)
    approval.reject(wiring, eli, asked.id)
    assert 0 == state(wiring)[2]


def test_what_a_release_would_make_of_it_counts_as_well(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text is sound; the decision is not: no version becomes effective on a gateway that lies."""
    onboard(wiring, CAMHS)
    monkeypatch.setattr("gateway.release.decision.SHIELDED_FIELDS", frozenset({"contact"}))
    monkeypatch.setattr(soundness, "_of_its_releases", soundness._of_its_releases.__wrapped__)
    with pytest.raises(
        UnsoundProfileError, match="would be told at the panel behind a shield: where a person"
    ):
        service.store_profile(wiring, document=following(wiring), actor="test")


def test_it_is_not_adopted_among_synthetic_people_either(wiring: Wiring) -> None:
    onboard(wiring, CAMHS)
    smuggle(wiring, following(wiring, contact="F"))
    before = state(wiring)
    with pytest.raises(UnsoundProfileError, match=WORDS):
        service.adopt_synthetic(wiring, code=CAMHS, version=2, actor="test")
    assert before == state(wiring)


def test_a_text_that_cannot_be_read_any_more_is_not_approved(
    wiring: Wiring, dana: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page shows nothing of it, so nobody can have read what they approve."""
    onboard(wiring, CAMHS)
    smuggle(wiring, following(wiring))

    def unreadable(_text: str) -> None:
        raise ProfileError("row 7: key when is a condition that is never met here (plan)")

    monkeypatch.setattr(soundness, "parse_profile", unreadable)
    with pytest.raises(ApprovalError, match="cannot be read: row 7: key when"):
        approval.propose(wiring, dana, SECOND)
    with wiring.engine.connect() as connection:
        (none,) = soundness.stored_faults(connection, CAMHS, version=9)
    assert "stored" == none.code


def application(review_on: date) -> Application:
    return Application(
        code=CAMHS,
        kind=AgencyKind.CAMHS,
        name="Camhs",
        agreement="DSA-1",
        assessment="DPIA-1",
        review_on=review_on,
        valid_from=date(2020, 1, 1),
        valid_until=date(2099, 1, 1),
        policy=PractitionerPolicy.ASSERTED,
        practitioners=(),
    )


def test_an_agency_whose_review_was_due_is_not_brought_in(wiring: Wiring) -> None:
    with pytest.raises(UnsoundProfileError, match="was to be reviewed on 2020-01-01"):
        bring_in(wiring, application(date(2020, 1, 1)), now=datetime.now(UTC), actor="test")
    assert (None, None, 0, 0) == state(wiring)
    with wiring.engine.connect() as connection:
        assert None is agencies.agency(connection, CAMHS)


LATE: Final[dict[str, Callable[[Wiring, SignedIn], object]]] = {
    "by one alone": lambda wiring, _dana: service.activate_synthetic(wiring, code=CAMHS, actor="test"),
    "by two": lambda wiring, dana: approval.propose(wiring, dana, Subject(Matter.AGENCY, CAMHS)),
}


@pytest.mark.parametrize("way", LATE)
def test_an_agency_whose_review_is_due_meanwhile_is_not_made_effective(
    wiring: Wiring, dana: SignedIn, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    onboard(wiring, CAMHS, active=False)
    before = state(wiring)
    monkeypatch.setattr("agencies.repository.today", lambda _connection: date(2098, 1, 2))
    with pytest.raises((ApprovalError, UnsoundProfileError), match="was to be reviewed on 2098-01-01"):
        LATE[way](wiring, dana)
    assert before == state(wiring)


def sha256(wiring: Wiring, version: int) -> str:
    """The hash of what is stored, as anybody computes it from an export."""
    with wiring.engine.connect() as connection:
        document = agencies.profile_document(connection, CAMHS, version=version)
    assert document is not None
    return hashlib.sha256(document.encode()).hexdigest()


def test_the_log_commits_to_the_exact_text_that_two_people_adopted(
    wiring: Wiring, dana: SignedIn, eli: SignedIn
) -> None:
    """Comments and line ends are part of what was read; a text swapped in the database later is found out."""
    onboard(wiring, CAMHS)
    service.store_profile(wiring, document="# read\r\n" + following(wiring), actor="test")
    approval.propose(wiring, dana, SECOND)
    assert ("approval.propose", sha256(wiring, 2)) == said(wiring)
    with wiring.engine.connect() as connection:
        (asked,) = approval.waiting(connection)
    approval.approve(wiring, eli, asked.id, digest=asked.digest)
    assert ("profile.adopt", sha256(wiring, 2)) == said(wiring)
    assert sha256(wiring, 1) != sha256(wiring, 2)


def test_the_log_commits_to_the_text_of_version_1(wiring: Wiring, dana: SignedIn, eli: SignedIn) -> None:
    onboard(wiring, CAMHS, active=False)
    approval.propose(wiring, dana, Subject(Matter.AGENCY, CAMHS))
    with wiring.engine.connect() as connection:
        (asked,) = approval.waiting(connection)
    approval.approve(wiring, eli, asked.id, digest=asked.digest)
    assert ("agency.activate", sha256(wiring, 1)) == said(wiring)


def test_the_log_commits_to_what_one_alone_adopted_among_synthetic_people(wiring: Wiring) -> None:
    onboard(wiring, CAMHS)
    assert ("agency.activate", sha256(wiring, 1)) == said(wiring)
    service.store_profile(wiring, document=following(wiring), actor="test")
    service.adopt_synthetic(wiring, code=CAMHS, version=2, actor="test")
    assert ("profile.adopt", sha256(wiring, 2)) == said(wiring)


def said(wiring: Wiring) -> tuple[str, str]:
    """Kind and profile hash of the newest entry."""
    entry = last_entry(wiring)
    return entry["kind"], entry["profile_sha256"]


def test_clients_alone_begin_no_profile() -> None:
    assert None is Subject(Matter.CLIENTS, CAMHS).profile_version
    assert (1, 2) == (Subject(Matter.AGENCY, CAMHS).profile_version, SECOND.profile_version)


def test_more_than_one_fault_is_counted(wiring: Wiring) -> None:
    onboard(wiring, CAMHS)
    profile = replace(parse_profile(following(wiring, contact="F")), article9="", review_on=date(2020, 1, 1))
    found = soundness.faults(profile, today=date(2026, 1, 1))
    with pytest.raises(UnsoundProfileError, match=rf"There are {len(found) - 1} more\.$"):
        soundness.refuse(found)
    soundness.refuse(())
