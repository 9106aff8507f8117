"""What takes two people: nothing is effective by one alone, and what is approved is exactly what was proposed."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from agencies import repository as agencies
from agencies.model import AgencyCode, AgencyKind
from agencies.profile_text import format_profile, parse_profile
from agencies.register import AgencyState, PractitionerPolicy
from certs.jwk import new_es256_key, public_part
from gateway.agency import approval, desk, repository, service
from gateway.agency.application import Application, ClientApplication
from gateway.agency.approval import Approval, Matter, Subject
from gateway.agency.errors import ApprovalError
from gateway.agency.onboarding import onboard
from gateway.app import build_app
from gateway.cli import gateway
from gateway.oauth import service as oauth
from gateway.oauth.model import Scope
from gateway.release.model import Refused, Released
from gateway.staff import service as staff
from gateway.staff.model import Role, SignedIn
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import open_tasks
from gateway.wiring import Wiring
from tests.support.world import World, household

CAMHS, DOOR = AgencyCode("camhs"), AgencyCode("open-door")
SOURCE: Final = "EH-1"


def member(wiring: Wiring, username: str, *roles: Role) -> SignedIn:
    staff.invite(wiring, username=username, roles=roles, invited_by="test")
    found = staff.admit(wiring, staff.sign_in_by_click(wiring, username))
    assert found is not None
    return found


@pytest.fixture
def dana(wiring: Wiring) -> SignedIn:
    return member(wiring, "dana", Role.DATA_PROTECTION_OFFICER)


@pytest.fixture
def eli(wiring: Wiring) -> SignedIn:
    return member(wiring, "eli", Role.SECOND_APPROVER)


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("camhs")
    household(made, SOURCE)
    return made


def waiting(wiring: Wiring) -> list[Approval]:
    with wiring.engine.connect() as connection:
        return approval.waiting(connection)


def candidates(wiring: Wiring) -> list[Subject]:
    with wiring.engine.connect() as connection:
        return approval.candidates(connection)


def version(wiring: Wiring) -> int | None:
    with wiring.engine.connect() as connection:
        return agencies.effective_version(connection, CAMHS)


def store_next(wiring: Wiring) -> Subject:
    """Store a version of camhs that gives nothing of a child's date of birth any more."""
    with wiring.engine.connect() as connection:
        newest = agencies.latest_version(connection, CAMHS) or 0
        document = agencies.profile_document(connection, CAMHS, version=newest)
    assert document is not None
    profile = parse_profile(document)
    changed = format_profile(replace(profile, version=newest + 1))
    changed = changed.replace('field = "child_dob"\npanel = "F"', 'field = "child_dob"\npanel = "W"')
    service.store_profile(wiring, document=changed, actor="test")
    return Subject(Matter.PROFILE, CAMHS, newest + 1)


def proposed(wiring: Wiring, who: SignedIn, subject: Subject) -> Approval:
    made = approval.propose(wiring, who, subject)
    return next(each for each in waiting(wiring) if each.id == made)


def test_a_profile_version_releases_once_a_second_person_approved_it(
    world: World, dana: SignedIn, eli: SignedIn
) -> None:
    subject = store_next(world.wiring)
    assert [subject] == candidates(world.wiring)
    asked = proposed(world.wiring, dana, subject)
    assert (1, []) == (version(world.wiring), candidates(world.wiring))
    with world.wiring.engine.connect() as connection:
        assert [TaskKind.APPROVAL_WAITING] == [task.kind for task in open_tasks(connection)]
    approval.approve(world.wiring, eli, asked.id, digest=asked.digest)
    assert (2, []) == (version(world.wiring), waiting(world.wiring))
    with world.wiring.engine.connect() as connection:
        assert not [task for task in open_tasks(connection) if task.kind is TaskKind.APPROVAL_WAITING]
    released = world.release("camhs", SOURCE)
    assert isinstance(released, Released)
    assert b"Adagiven" in released.body
    assert b"2015-04-09" not in released.body


@pytest.mark.usefixtures("world")
def test_nobody_approves_what_they_proposed_whatever_they_are(wiring: Wiring) -> None:
    both = member(wiring, "both", Role.DATA_PROTECTION_OFFICER, Role.SECOND_APPROVER)
    asked = proposed(wiring, both, store_next(wiring))
    with pytest.raises(ApprovalError, match="cannot be the one who approves"):
        approval.approve(wiring, both, asked.id, digest=asked.digest)
    assert (1, 1) == (version(wiring), len(waiting(wiring)))
    with pytest.raises(IntegrityError, match="two_people"), wiring.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.approval SET decision = 'approved', decided_by = proposed_by, decided_at = now()"
            )
        )


def test_nobody_approves_what_they_wrote_whoever_proposed_it(
    world: World, dana: SignedIn, eli: SignedIn
) -> None:
    """The database refuses it where the program forgot to."""
    subject = store_next(world.wiring)
    with world.wiring.engine.begin() as connection:
        repository.add_authors(connection, CAMHS, version=subject.version or 0, authors=[eli.staff_id])
    asked = proposed(world.wiring, dana, subject)
    with pytest.raises(ApprovalError, match="Whoever wrote it"):
        approval.approve(world.wiring, eli, asked.id, digest=asked.digest)
    with pytest.raises(IntegrityError, match="does not approve"), world.wiring.engine.begin() as connection:
        repository.decide_approval(
            connection, asked.id, decision="approved", staff_id=eli.staff_id, now=datetime.now(UTC)
        )
    assert (1, 1) == (version(world.wiring), len(waiting(world.wiring)))
    ola = member(world.wiring, "ola", Role.SECOND_APPROVER)
    approval.approve(world.wiring, ola, asked.id, digest=asked.digest)
    assert 2 == version(world.wiring)


def test_no_command_and_no_address_of_the_api_approves(wiring: Wiring) -> None:
    """Two signed-in people do, on one page; whoever adds another way has to say so here."""
    app = build_app(wiring)
    approving = [
        rule.endpoint for rule in app.url_map.iter_rules() if re.search("approv|adopt|effective", rule.rule)
    ]
    assert {
        "approvals.approvals",
        "approvals.approve",
        "approvals.propose",
        "approvals.reject",
        "approvals.subject",
    } == set(approving)
    named = {f"{group} {name}" for group, commands in _commands(gateway) for name in commands}
    assert not [each for each in named if re.search("approve|adopt|activate|effective", each)]
    assert {"diff", "check", "export", "import"} <= set(dict(_commands(gateway))["profile"])


def _commands(group: click.Group) -> list[tuple[str, list[str]]]:
    """Every group of commands with the names in it."""
    return [
        (name, sorted(command.commands))
        for name, command in group.commands.items()
        if isinstance(command, click.Group)
    ]


def test_what_was_not_shown_is_not_approved(world: World, dana: SignedIn, eli: SignedIn) -> None:
    asked = proposed(world.wiring, dana, store_next(world.wiring))
    for digest in ("", "0" * 64, asked.digest[:-1]):
        with pytest.raises(ApprovalError, match="proposed again"):
            approval.approve(world.wiring, eli, asked.id, digest=digest)
    assert 1 == version(world.wiring)


def test_what_is_decided_is_decided_once(world: World, dana: SignedIn, eli: SignedIn) -> None:
    subject = store_next(world.wiring)
    asked = proposed(world.wiring, dana, subject)
    with pytest.raises(ApprovalError):
        approval.propose(world.wiring, dana, subject)
    approval.reject(world.wiring, eli, asked.id)
    for again in (
        lambda: approval.approve(world.wiring, eli, asked.id, digest=asked.digest),
        lambda: approval.reject(world.wiring, eli, asked.id),
    ):
        with pytest.raises(ApprovalError, match="decided meanwhile"):
            again()
    assert (1, [subject]) == (version(world.wiring), candidates(world.wiring))
    own = proposed(world.wiring, dana, subject)
    approval.reject(world.wiring, dana, own.id)
    with world.wiring.engine.connect() as connection:
        decisions = connection.execute(
            text("SELECT decision FROM gateway.approval ORDER BY proposed_at")
        ).scalars()
        assert ["rejected", "withdrawn"] == list(decisions)


NOTHING: Final[dict[str, Subject]] = {
    "a version that is effective": Subject(Matter.PROFILE, CAMHS, 1),
    "a version that is not stored": Subject(Matter.PROFILE, CAMHS, 9),
    "an agency that takes part": Subject(Matter.AGENCY, CAMHS),
    "clients of which none waits": Subject(Matter.CLIENTS, CAMHS),
    "an agency that there is not": Subject(Matter.AGENCY, AgencyCode("nobody")),
}


@pytest.mark.parametrize("subject", NOTHING.values(), ids=NOTHING.keys())
def test_there_is_nothing_else_to_propose(world: World, dana: SignedIn, subject: Subject) -> None:
    with pytest.raises(ApprovalError):
        approval.propose(world.wiring, dana, subject)
    assert [] == waiting(world.wiring)


def test_a_proposed_agency_takes_part_by_two_people_with_all_that_it_brought(
    wiring: Wiring, dana: SignedIn, eli: SignedIn
) -> None:
    bring_in(wiring)
    subject = Subject(Matter.AGENCY, DOOR)
    asked = proposed(wiring, dana, subject)
    approval.approve(wiring, eli, asked.id, digest=asked.digest)
    with wiring.engine.connect() as connection:
        found = agencies.agency(connection, DOOR)
        states = connection.execute(
            text(
                "SELECT state FROM gateway.oauth_client WHERE agency_code = :a"
                " UNION ALL SELECT state FROM gateway.oauth_client_key WHERE agency_code = :a"
            ),
            {"a": DOOR},
        ).scalars()
        assert {"active"} == set(states)
        assert 1 == agencies.effective_version(connection, DOOR)
    assert found is not None
    assert AgencyState.ACTIVE is found.state


def bring_in(wiring: Wiring) -> None:
    """Bring in an agency with a client and a key; all of it is proposed."""
    now = datetime.now(UTC)
    application = Application(
        code=DOOR,
        kind=AgencyKind.CHARITY,
        name="Open Door",
        agreement="DSA-1",
        assessment="DPIA-1",
        review_on=now.date() + timedelta(days=300),
        valid_from=now.date(),
        valid_until=now.date() + timedelta(days=300),
        policy=PractitionerPolicy.ASSERTED,
        practitioners=(),
        client=ClientApplication((Scope.EXTRACT_READ,), keys=(public_part(new_es256_key()),)),
    )
    onboard(wiring, application, now=now, actor="test")


CHANGES: Final[dict[str, Callable[[Wiring], Any]]] = {
    "a key more": lambda wiring: oauth.register_client(
        wiring,
        agency=DOOR,
        scopes=[Scope.EXTRACT_READ],
        keys=[public_part(new_es256_key())],
        actor="test",
    ),
    "a desk": lambda wiring: desk.ensure_desk(wiring, DOOR, actor="test"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_changed_since_is_not_approved_with_it(
    wiring: Wiring, dana: SignedIn, eli: SignedIn, change: Callable[[Wiring], Any]
) -> None:
    bring_in(wiring)
    asked = proposed(wiring, dana, Subject(Matter.AGENCY, DOOR))
    change(wiring)
    with pytest.raises(ApprovalError, match="proposed again"):
        approval.approve(wiring, eli, asked.id, digest=asked.digest)


def test_a_later_key_gets_nothing_before_two_people_let_it_in(
    world: World, dana: SignedIn, eli: SignedIn
) -> None:
    desk.ensure_desk(world.wiring, CAMHS, actor="test")
    subject = Subject(Matter.CLIENTS, CAMHS)
    assert [subject] == candidates(world.wiring)
    asked = proposed(world.wiring, dana, subject)
    approval.approve(world.wiring, eli, asked.id, digest=asked.digest)
    assert [] == candidates(world.wiring)
    with world.wiring.engine.connect() as connection:
        states = connection.execute(
            text("SELECT state FROM gateway.oauth_client WHERE client_id LIKE 'dk\\_%'")
        ).scalars()
        assert ["active"] == list(states)


def test_a_suspended_agency_is_not_let_in_again_by_its_profile(
    world: World, dana: SignedIn, eli: SignedIn
) -> None:
    asked = proposed(world.wiring, dana, store_next(world.wiring))
    service.suspend(world.wiring, code=CAMHS, actor="test")
    approval.approve(world.wiring, eli, asked.id, digest=asked.digest)
    assert isinstance(world.release("camhs", SOURCE), Refused)
