"""What people decide, once and again: stored as a consent is, and what stands is what all of it adds up to.

INVARIANTS
- A standing that is written is the registry's own fold of the whole history, and its version the number of decisions.
- Whoever agreed before agrees afterwards.
- What follows from a decision outside the registry (recalls, tasks) is not made here.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import cycle
from typing import Final, TypeAlias
from uuid import UUID, uuid4

import click
from sqlalchemy import Connection, text

from consent_registry import repository
from consent_registry.model import ALL, NOT_ASKED, Act, ConsentDecision, DecisionId, Scope, SubjectId
from consent_registry.repository import NewDecision
from consent_registry.service import Sealing
from consent_registry.standing import fold
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.keyring import FamilyKeys
from gateway.wiring import Wiring

ACTOR: Final = "bench"

Histories: TypeAlias = Mapping[SubjectId, Sequence[ConsentDecision]]
"""The decisions of each person of a family, oldest first."""

_DECIDED: Final = text(
    "SELECT s.family_id FROM consent_registry.subject s JOIN consent_registry.decision d USING (subject_id)"
    " GROUP BY s.family_id HAVING count(*) < :least ORDER BY s.family_id"
)


def keep(connection: Connection, decision: ConsentDecision, subject: SubjectId, *, sealing: Sealing) -> None:
    """Add one decision to a history; what stands is not written."""
    decision_id = decision.decision_id
    told = {"decision_id": str(decision_id), "act": str(decision.act), **decision.scope.to_json()}
    sealed = sealing.seal(told, subject_id=subject, decision_id=decision_id)
    repository.append_decision(
        connection, NewDecision(decision, subject, ACTOR, sealed, sealing.digest(told))
    )


def histories_of(connection: Connection, family_id: UUID) -> Histories:
    """What everybody of a family decided who has a yes as their last word."""
    read = {
        each: repository.read_history(connection, each)
        for each in repository.subjects_of(connection, family_id)
    }
    return {each: history for each, history in read.items() if history and history[-1].act.opens}


def carry_on(
    change: Change,
    keys: FamilyKeys,
    subject: SubjectId,
    history: Sequence[ConsentDecision],
    further: Sequence[ConsentDecision],
) -> None:
    """Store what one person decided after their history, each with its entry, and what stands now.

    Raises: ValueError, nothing would be agreed any more.
    """
    sealing = Sealing.under(keys.data_key)
    for version, decision in enumerate(further, start=len(history) + 1):
        keep(change.connection, decision, subject, sealing=sealing)
        change.record(
            kind=f"consent.{decision.act.value}",
            family_id=keys.family_id,
            actor=ACTOR,
            internal={"decision_id": str(decision.decision_id), "standing_version": version},
        )
    standing = fold([*history, *further])
    if standing.given is None:
        raise ValueError("nothing would be agreed any more")
    repository.write_standing(
        change.connection,
        subject_id=subject,
        family_id=keys.family_id,
        version=len(history) + len(further),
        standing=standing,
    )


def lengthen(wiring: Wiring, least: int) -> None:
    """Let everyone of a family withdraw and say yes again in turns, until each family that decided did so this often."""
    with wiring.engine.connect() as connection:
        families = list(connection.execute(_DECIDED, {"least": least}).scalars())
    label = f"deciding {least:,} times in each family"
    with click.progressbar(families, label=label, file=sys.stderr) as bar:
        for family_id in bar:
            with act(wiring, families=(family_id,)) as change:
                keys = wiring.keyring.family(change.connection, family_id)
                histories = histories_of(change.connection, family_id)
                for subject, further in _turns(change.connection, histories, least=least).items():
                    carry_on(change, keys, subject, histories[subject], further)


def _turns(
    connection: Connection, histories: Histories, *, least: int
) -> Mapping[SubjectId, Sequence[ConsentDecision]]:
    """What everybody says next, one after the other: a withdrawal and a yes each, and a yes where one is missing."""
    further: dict[SubjectId, list[ConsentDecision]] = {}
    missing = least - sum(len(history) for history in histories.values())
    now = database_now(connection)
    for subject in cycle(histories):
        if missing <= 0:
            break
        yes = replace(histories[subject][-1], recorded_at=now)
        again = replace(yes, decision_id=DecisionId(uuid4()))
        # A no of somebody whom nobody can name is undone by no yes of theirs.
        said = [again] if yes.speaker is None else [_withdrawn(yes), again][-missing:]
        further.setdefault(subject, []).extend(said)
        missing -= len(said)
    return further


def _withdrawn(yes: ConsentDecision) -> ConsentDecision:
    return replace(
        yes,
        decision_id=DecisionId(uuid4()),
        act=Act.WITHDRAW,
        scope=Scope(agencies=ALL),
        valid_from=None,
        valid_until=None,
        reason=NOT_ASKED,
        notice=None,
        profiles_shown={},
    )


def agreed_to_all(yes: ConsentDecision, *, profiles: Mapping[str, int], now: datetime) -> ConsentDecision:
    """The same yes, said now to every agency there is, with the newest profile of each shown.

    Args:
        profiles: the version that releases, by agency.
    """
    return replace(
        yes,
        decision_id=DecisionId(uuid4()),
        recorded_at=now,
        scope=replace(yes.scope, agencies=frozenset(profiles)),
        profiles_shown=profiles,
    )
