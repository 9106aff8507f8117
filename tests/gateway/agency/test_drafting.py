"""Drafts of profiles: of two at once one is told, and what is written is what the parser reads."""

from dataclasses import replace
from typing import Final

import pytest
from sqlalchemy import text

from agencies import repository as register
from agencies.errors import ProfileError
from agencies.model import AgencyCode
from gateway.agency import drafting, repository
from gateway.agency.drafting import Draft, Start
from gateway.agency.errors import DraftError, DraftMovedError
from gateway.staff import service as staff
from gateway.staff.model import Role, SignedIn
from gateway.wiring import Wiring
from tests.support.world import World

CAMHS: Final = AgencyCode("camhs")


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("camhs")
    return made


def member(wiring: Wiring, username: str) -> SignedIn:
    staff.invite(wiring, username=username, roles=[Role.DATA_PROTECTION_OFFICER], invited_by="test")
    found = staff.admit(wiring, staff.sign_in_by_click(wiring, username))
    assert found is not None
    return found


def begun(world: World, who: SignedIn) -> Draft:
    with world.wiring.engine.connect() as connection:
        agency = register.agency(connection, CAMHS)
    assert agency is not None
    drafting.begin(world.wiring, who, agency, Start.EFFECTIVE)
    return found(world)


def found(world: World) -> Draft:
    with world.wiring.engine.connect() as connection:
        draft = drafting.draft_of(connection, CAMHS)
    assert draft is not None
    return draft


def test_between_reading_and_writing_nobody_is_overwritten(world: World) -> None:
    """The page's digest is compared before; this is the statement that holds where two get past that at once."""
    who = member(world.wiring, "dana")
    shown = begun(world, who).document
    with world.wiring.engine.begin() as connection:
        for document, done in ((shown + "# one\n", True), (shown + "# two\n", False)):
            assert done is repository.edit_draft(
                connection, CAMHS, shown=shown, document=document, staff_id=who.staff_id
            )
        assert not repository.discard_draft(connection, CAMHS, shown=shown)
    assert shown + "# one\n" == found(world).document


def test_whoever_changes_a_draft_is_an_author_once(world: World) -> None:
    dana, ben, ola = (member(world.wiring, name) for name in ("dana", "ben", "ola"))
    draft = begun(world, dana)
    assert draft.profile is not None
    for number, who in enumerate((dana, ben, ben)):
        changed = replace(draft.profile, agreement=f"DSA-{number}")
        drafting.change(world.wiring, who, CAMHS, changed, digest=found(world).digest)
    left = found(world)
    assert left.profile is not None
    drafting.change(world.wiring, ola, CAMHS, left.profile, digest=left.digest)  # nothing of it is new
    assert (frozenset({dana.staff_id, ben.staff_id}), "ben") == (found(world).authors, found(world).editor)
    drafting.save(world.wiring, dana, CAMHS, version=2, digest=left.digest)
    with world.wiring.engine.connect() as connection:
        wrote = connection.execute(text("SELECT staff_id FROM gateway.profile_author WHERE version = 2"))
        assert {dana.staff_id, ben.staff_id} == set(wrote.scalars())


def test_what_the_parser_does_not_read_is_never_a_draft(world: World) -> None:
    who = member(world.wiring, "dana")
    draft = begun(world, who)
    assert draft.profile is not None
    for wrong in (
        replace(draft.profile, article6="6(1)(z)"),
        replace(draft.profile, rows=draft.profile.rows * 2),
        replace(draft.profile, agency=AgencyCode("housing")),
    ):
        with pytest.raises(DraftError):
            drafting.change(world.wiring, who, CAMHS, wrong, digest=draft.digest)
    assert draft == found(world)


def test_what_the_register_refuses_keeps_the_draft(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever sentence it refuses with is the one that is said."""

    def refuse(*_: object, **__: object) -> None:
        raise ProfileError("It would tell the police of a family.")

    who = member(world.wiring, "dana")
    draft = begun(world, who)
    monkeypatch.setattr(drafting, "store_profile", refuse)
    with pytest.raises(DraftError, match="It would tell the police"):
        drafting.save(world.wiring, who, CAMHS, version=2, digest=draft.digest)
    assert draft == found(world)


def test_a_draft_is_begun_once(world: World) -> None:
    who = member(world.wiring, "dana")
    draft = begun(world, who)
    with pytest.raises(DraftMovedError):
        begun(world, who)
    assert draft == found(world)
