"""What was typed while no record could be read becomes a referral once, with both times."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import text

from certs.envelope import seal
from gateway.safeguarding import service
from gateway.safeguarding.notes import Answers, answers_to_bytes
from gateway.staff.model import Role
from tests.gateway.safeguarding.refer import SIX, caseworker, children_of, world_of
from tests.support.pages import Somebody, filled, words
from tests.support.prepared import made_once
from tests.support.world import World

TYPED = Answers(
    "Adagiven, at home",
    "The hub, by phone",
    "A bruise on her arm",
    True,
    "She is afraid",
    "020 7946 0999",
)
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)


prepared, database, wiring, world = made_once(world_of)


def waiting(world: World, who: Somebody) -> UUID:
    """A note of somebody's that was taken in and opened."""
    note_id = uuid4()
    with world.wiring.engine.begin() as connection:
        key = world.wiring.keyring.note_key(connection)
        aad = b"emergency_note:" + note_id.bytes + who.who.staff_id.bytes
        connection.execute(
            text(
                "INSERT INTO gateway.emergency_note (note_id, staff_id, typed_at, received_at, sealed)"
                " VALUES (:note, :staff, :at, now(), 'x')"
            ),
            {"note": note_id, "staff": who.who.staff_id, "at": AT},
        )
        connection.execute(
            text("UPDATE gateway.emergency_note SET draft = :draft, opened_at = now() WHERE note_id = :note"),
            {"note": note_id, "draft": seal(key, answers_to_bytes(TYPED), aad=aad)},
        )
    return note_id


def test_it_is_offered_to_its_author_and_becomes_one_referral(world: World, tmp_path: Path) -> None:
    del tmp_path
    ada = caseworker(world)
    note_id = waiting(world, ada)
    family = f"/console/families/{world.family_id('EH-1')}/refer"
    assert "NOTHING HAS BEEN SENT" in words(ada.get("/console/referrals"))
    assert TYPED.children in ada.get(family)
    form = filled(ada.get(f"{family}/protection?note={note_id}"), f"{family}/protection")
    assert [str(note_id)] == form["note"]
    whole = {
        **form,
        "fear": TYPED.feared,
        "danger": "yes",
        "destination": "hub",
        "without": SIX["without"],
        "people": [*children_of(world, ada)],
        "go": "now",
    }
    sent = ada.send(f"{family}/protection", whole)
    assert sent.status_code == 303
    referral_id = UUID(sent.headers["Location"].rpartition("/")[2])
    opened = service.look(world.wiring, ada.who, referral_id)
    assert AT == opened.referral.typed_at
    assert opened.referral.recorded_at > AT
    assert b'"typed_at"' in opened.documents[0].body
    assert "NOTHING HAS BEEN SENT" not in words(ada.get("/console/referrals"))
    again = ada.send(f"{family}/protection", {**whole, "referral": str(uuid4()), "fear": "x"})
    second = UUID(again.headers["Location"].rpartition("/")[2])
    assert service.look(world.wiring, ada.who, second).referral.typed_at is None


def test_it_is_offered_to_nobody_else(world: World) -> None:
    ada = caseworker(world)
    note_id = waiting(world, ada)
    ben = Somebody(world.wiring, Role.SAFEGUARDING_LEAD, username="ben")
    assert "NOTHING HAS BEEN SENT" not in ben.get("/console/referrals")
    family = f"/console/families/{world.family_id('EH-1')}"
    ben.post(f"{family}/open", reason="safeguarding")
    assert TYPED.feared not in ben.get(f"{family}/refer/protection?note={note_id}")
    assert TYPED.feared not in ben.get(f"{family}/refer")
