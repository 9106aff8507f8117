"""Changing stored facts as an act does: with the gates of everybody concerned, and an entry."""

from datetime import date, timedelta

from sqlalchemy import text

from gateway.disclosure_log.service import act
from tests.support.world import World, small_family

_YES = (
    "UPDATE consent_registry.standing s SET body = jsonb_set(s.body, CAST(:place AS text[]), CAST(:value AS jsonb))"
    " FROM consent_registry.subject u WHERE u.subject_id = s.subject_id AND u.family_id = :family"
    " AND u.person_id = :person"
)


def change(world: World, statement: str, **values: object) -> None:
    """Change one fact of EH-1 or of an agency."""
    family = world.family_id("EH-1")
    with act(world.wiring, families=(family,), agencies=tuple(world.members)) as changing:
        changing.connection.execute(text(statement), {"family": family, **values})
        changing.record(kind="panel.list", actor="test", family_id=family)


def stands(world: World, person: str, place: str, value: str) -> None:
    """Put a JSON value into the yes of one person of EH-1."""
    names = {"place": f"{{given,{place}}}", "value": value, "person": world.person_id("EH-1", person)}
    change(world, _YES, **names)


def by_a_parent(world: World, person: str) -> None:
    """Let the yes of one person of EH-1 be a parent's."""
    stands(world, person, "capacity", '"parental_responsibility"')


def born(years: int, *, turned: date) -> str:
    """A day of birth, as a document says it, of somebody who became so old on this day."""
    while True:
        try:
            return turned.replace(year=turned.year - years).isoformat()
        except ValueError:
            turned += timedelta(days=1)


def import_born(world: World, person: str, day: str) -> None:
    """Import EH-1 again, with another day of birth for one person."""
    family = small_family("EH-1")
    for item in family["items"]:
        if item["field"] == "child_dob" and item["about"] == [person]:
            item["value"]["date"] = day
    world.import_families(family)
