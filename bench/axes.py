"""What grows, one at a time: cases, entries of the log, agencies, what families decided.

INVARIANTS
- What grows, grows by the functions that the gateway has for it, with everything that follows in the tables which a
  release reads; only people's further decisions are stored without what follows from them elsewhere.
- How much there is says where to go on.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import click
from sqlalchemy import text

from agencies.model import AgencyCode, AgencyKind
from agencies.register import AgencyState
from agencies.repository import all_agencies
from bench.copies import Template, copy_families, read_template
from bench.entries import write_log
from bench.histories import ACTOR, agreed_to_all, carry_on, histories_of, lengthen
from bench.population import AGENCIES, Population, families_of
from gateway.agency.service import activate_synthetic
from gateway.cases.repository import case_by_source_ref
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.panel.coordinating import invite_members, open_meetings
from gateway.wiring import Wiring
from tests.support.world import World

_BATCH: Final = 50

_WITHOUT_ALL: Final = text(
    "SELECT c.case_id, c.family_id FROM gateway.case_record c WHERE (SELECT count(*) FROM gateway.pack_sign_off s"
    " WHERE s.case_id = c.case_id AND s.stage = 'panel') < (SELECT count(*) FROM agencies.effective_profile)"
    " ORDER BY c.case_id"
)
_SIGN_OFF: Final = text(
    "INSERT INTO gateway.pack_sign_off (case_id, family_id, case_version, agency_code, profile_version, stage,"
    " signed_by, signed_at, read_back) SELECT c.case_id, c.family_id, c.version, e.agency_code, e.version, 'panel',"
    " :actor, now(), true FROM gateway.case_record c, agencies.effective_profile e WHERE c.case_id = :case"
    " ON CONFLICT DO NOTHING"
)
_PROFILES: Final = text("SELECT agency_code, version FROM agencies.effective_profile")


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that grows.

    Attributes:
        words: what a size counts.
        first: the smallest size.
        grow: lets there be as much, out of less.
        count: SQL: how much there is.
    """

    name: str
    words: str
    first: int
    grow: Callable[[Wiring, Population, int], None]
    count: str


def sizes_to(largest: int, *, first: int) -> list[int]:
    """Ten times as much again and again, from the first size to the largest."""
    sizes = []
    while first < largest:
        sizes.append(first)
        first *= 10
    return [*sizes, largest]


def add_families(wiring: Wiring, population: Population, cases: int) -> None:
    """Copy families until there are as many cases."""
    with wiring.engine.connect() as connection:
        there: int = connection.execute(text("SELECT count(*) FROM gateway.case_record")).scalar_one()
    if there >= cases:
        return
    templates = list(_templates(wiring, population))
    with click.progressbar(length=cases - there, label=f"adding {cases:,} cases", file=sys.stderr) as bar:
        while there < cases:
            numbers = range(there, min(there + _BATCH, cases))
            copies = [(number, templates[number % len(templates)]) for number in numbers]
            copy_families(wiring, copies, meeting="BENCH-MAIN")
            there += len(copies)
            bar.update(len(copies))


def _templates(wiring: Wiring, population: Population) -> Iterator[Template]:
    for raw in families_of(population):
        with wiring.engine.connect() as connection:
            identity = case_by_source_ref(connection, keyring=wiring.keyring, source_ref=raw["source_ref"])
        if identity is not None:
            yield read_template(
                wiring,
                raw,
                family_id=identity.family_id,
                today=population.day,
                agencies=[*map(AgencyCode, AGENCIES)],
            )


def _add_agencies(wiring: Wiring, _population: Population, agencies: int) -> None:
    """Bring in agencies of every kind in turn: every family says yes to all of them, every meeting has a seat for each."""
    with wiring.engine.connect() as connection:
        known = all_agencies(connection)
    for each in known:
        if each.state is AgencyState.PROPOSED:  # whatever stopped before came between its two acts
            activate_synthetic(wiring, code=each.code, actor=ACTOR)
    world, there = World(wiring), len(known)
    with click.progressbar(
        range(there, agencies), label=f"adding {agencies:,} agencies", file=sys.stderr
    ) as bar:
        for number in bar:
            kind = AgencyKind(AGENCIES[number % len(AGENCIES)])
            world.join(f"{kind}-{number + 1}", kind)
    _let_all_agree(wiring)
    with wiring.engine.connect() as connection:
        everyone = [each.code for each in all_agencies(connection)]
    for meeting in open_meetings(wiring):
        invite_members(wiring, meeting.meeting_id, everyone, actor=ACTOR)


def _let_all_agree(wiring: Wiring) -> None:
    """Let every family that has agreed to some agencies agree to all there are, and its free text be signed off."""
    with wiring.engine.connect() as connection:
        profiles: Mapping[str, int] = {row.agency_code: row.version for row in connection.execute(_PROFILES)}
        cases: list[tuple[UUID, UUID]] = [
            (row.case_id, row.family_id) for row in connection.execute(_WITHOUT_ALL)
        ]
    label = f"agreeing to {len(profiles):,} agencies"
    with click.progressbar(cases, label=label, file=sys.stderr) as bar:
        for case_id, family_id in bar:
            with act(wiring, families=(family_id,)) as change:
                now = database_now(change.connection)
                keys = wiring.keyring.family(change.connection, family_id)
                for subject, history in histories_of(change.connection, family_id).items():
                    yes = agreed_to_all(history[-1], profiles=profiles, now=now)
                    carry_on(change, keys, subject, history, [yes])
                change.connection.execute(_SIGN_OFF, {"case": case_id, "actor": ACTOR})
                change.record(kind="pack.sign_off", actor=ACTOR, family_id=family_id)


def _add_decisions(wiring: Wiring, _population: Population, decisions: int) -> None:
    lengthen(wiring, decisions)


AXES: Final[Mapping[str, Axis]] = {
    axis.name: axis
    for axis in (
        Axis("cases", "cases", 1_000, add_families, "SELECT count(*) FROM gateway.case_record"),
        Axis("entries", "entries of the log", 1_000, write_log, "SELECT size FROM gateway.log_head"),
        Axis("agencies", "agencies", 13, _add_agencies, "SELECT count(*) FROM agencies.agency"),
        Axis(
            "consents",
            "decisions of a family",
            5,
            _add_decisions,
            "SELECT coalesce(min(decided), 0) FROM (SELECT count(*) AS decided FROM consent_registry.subject s"
            " JOIN consent_registry.decision d USING (subject_id) GROUP BY s.family_id) families",
        ),
    )
}
