"""Explaining a decision to the officer, now or for any past instant; that somebody looked is on record first.

INVARIANT: nothing is told before its entry is committed, and no value of the record is told at all.
"""

from dataclasses import dataclass
from datetime import datetime

from agencies.model import AgencyCode, Purpose
from gateway.caller import Caller, PractitionerClaim
from gateway.cases.errors import UnknownCaseError
from gateway.cases.model import CaseIdentity
from gateway.cases.repository import case_by_source_ref
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.release.explanation import Line, explain_facts
from gateway.release.past import facts_at
from gateway.wiring import Wiring

NOBODY = "nobody"
"""The practitioner where none is named: on the register, and no named worker of any case."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every person and field of one case, for one agency and purpose, at one instant.

    Attributes:
        lines: people by our ids, fields in the catalogue's order; empty: the case was not there, or not the agency.
    """

    at: datetime
    lines: tuple[Line, ...]


def explain(
    wiring: Wiring,
    *,
    source_ref: str,
    agency: AgencyCode,
    purpose: Purpose,
    actor: str,
    at: datetime | None = None,
    practitioner: str | None = None,
) -> Explanation:
    """Return per person and field the level, the deciding rule and the decisions behind it.

    Args:
        source_ref: the council's id of the case.
        at: aware instant, not to come; absent: now.
        practitioner: id of a registered practitioner of the agency; absent: somebody who is no named worker.

    Raises: UnknownCaseError; ValueError, the instant is still to come; NotAppendedError. Nothing was told.
    """
    with act(wiring) as change:
        now = database_now(change.connection)
        instant = at or now
        if instant > now:
            raise ValueError("that is still to come")
        identity = case_by_source_ref(change.connection, keyring=wiring.keyring, source_ref=source_ref)
        if identity is None:
            raise UnknownCaseError("there is no such case")
        change.record(
            kind="consent.explain",
            family_id=identity.family_id,
            actor=actor,
            internal={"agency": agency, "purpose": str(purpose), "at": instant.isoformat()},
        )
    return replayed(
        wiring, identity, agency=agency, purpose=purpose, actor=actor, at=instant, practitioner=practitioner
    )


def replayed(
    wiring: Wiring,
    identity: CaseIdentity,
    *,
    agency: AgencyCode,
    purpose: Purpose,
    actor: str,
    at: datetime,
    practitioner: str | None = None,
) -> Explanation:
    """Return what ``explain`` does, to whoever has recorded that they look at it.

    Args:
        actor: who would ask: a client id, or whoever explains.
        at: aware instant, past.
    """
    with wiring.engine.connect() as connection:
        then = facts_at(wiring, connection, identity, agency=agency, at=at)
    caller = Caller(
        client_id=actor,
        agency=agency,
        scopes=frozenset({"extract:read"}),
        purpose=purpose,
        practitioner=PractitionerClaim(practitioner or NOBODY, verified=True),
    )
    lines = explain_facts(
        then.facts,
        caller=caller,
        extract_days=wiring.settings.extract_days,
        histories={
            person: [each.decision_id for each in history] for person, history in then.histories.items()
        },
    )
    return Explanation(at, tuple(lines))
