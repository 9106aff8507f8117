"""What one person's decisions add up to, and whether that permits a release. Pure: no clock, no I/O.

INVARIANTS
- Default deny: nothing is granted before a ``give``, and never more than the last one names.
- Deny overrides: exclusions and closures win over whatever was given, whatever their order.
- A ``give`` states the whole of what is agreed: it replaces the earlier give and the closures on top of it, but
  a parent's does not reach past what the child said for themself.
- An act that closes is in effect at once and for good; its own dates, if any, count for nothing.
- Whose authority nobody can tell yet, holds; who has none, is noted.
- A dispute stays until it is resolved or the young person answers.
- Validity is half-open, ``valid_from <= now < valid_until``; birthdays and ends need no job to take effect.

Sources: GDPR Art. 7(1), 7(3); Gillick [1986] AC 112; Family Law Reform Act 1969 s.8; Children Act 1989 s.2(7).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from consent_registry.birthdays import UNKNOWN_BIRTHDAYS, Birthdays
from consent_registry.errors import InvalidDecisionError
from consent_registry.model import (
    ALL,
    CHANGE_IN_RELATIONSHIP,
    EVERYONE,
    NOTHING_DECIDED,
    Act,
    Authority,
    Capacity,
    Closure,
    ConsentDecision,
    ConsentResult,
    Exit,
    Given,
    Granted,
    NotGranted,
    Reason,
    Standing,
    SubjectId,
)


class State(StrEnum):
    """How far one agreement, or what stands of one person, is. Drafts stay with the council's case system."""

    ACTIVE = "active"
    DISPUTED = "disputed"
    ENTERED_IN_ERROR = "entered_in_error"
    EXPIRED = "expired"
    HELD = "held"
    INVALIDATED = "invalidated"
    LAPSED_AT_16 = "lapsed_16"
    LAPSED_AT_18 = "lapsed_18"
    LAPSED_PR_CHANGE = "lapsed_pr_change"
    NOTED = "noted"
    """It changed nothing: whoever spoke may not decide, or the child's own answer governs."""
    REFUSED = "refused"
    REQUESTED = "requested"
    """Nobody has answered yet."""
    SCHEDULED = "scheduled"
    """Agreed, for a time that has not come."""
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


_EXIT_OF: Final[Mapping[Act, Exit]] = {
    Act.ENTER_IN_ERROR: Exit.ENTERED_IN_ERROR,
    Act.HOLD: Exit.HELD,
    Act.INVALIDATE: Exit.INVALIDATED,
    Act.REFUSE: Exit.REFUSED,
    Act.WITHDRAW: Exit.WITHDRAWN,
}
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_OBJECTIONS: Final = frozenset({Act.REFUSE, Act.WITHDRAW})
_RUNNING: Final = frozenset({State.ACTIVE, State.SCHEDULED})
_BACK_TO_THE_START: Final = frozenset({Exit.ENTERED_IN_ERROR, Exit.INVALIDATED})


def in_effect_at(decision: ConsentDecision) -> datetime:
    """The instant from which a decision counts: an act that closes at once, a give not before its beginning."""
    if not decision.act.opens or decision.valid_from is None:
        return decision.recorded_at
    return max(decision.valid_from, decision.recorded_at)


def fold(history: Iterable[ConsentDecision]) -> Standing:
    """Add up the decisions of one person, oldest first; an empty history stands for nothing decided."""
    standing = NOTHING_DECIDED
    for decision in history:
        standing = follow(standing, decision)
    return standing


def follow(standing: Standing, decision: ConsentDecision) -> Standing:
    """The standing after one more decision; the same one, where it is only noted."""
    if is_noted(standing, decision):
        return standing
    if decision.act.opens:
        return _opened(standing, decision)
    if is_dispute(standing, decision):
        return replace(
            standing,
            given=None,
            closed_by=Exit.DISPUTED,
            dispute=decision.decision_id,
            objector=decision.speaker,
        )
    return _closed(standing, decision)


def is_noted(standing: Standing, decision: ConsentDecision) -> bool:
    """True when a decision changes nothing.

    Its speaker may not decide; or the child's own answer governs; or it is one parent's yes against another's no,
    without a resolution.
    """
    opens, established = decision.act.opens, decision.authority is Authority.ESTABLISHED
    if decision.authority is Authority.NONE or (opens and not established):
        return True
    if _capacity(decision) is not Capacity.PARENTAL_RESPONSIBILITY:
        return False
    if child_governs(standing, now=decision.recorded_at, act=decision.act):
        return True
    return opens and not decision.resolves and is_contested(standing, speaker=decision.speaker)


def is_contested(standing: Standing, *, speaker: SubjectId | None) -> bool:
    """True when a parent's yes meets a dispute, or another parent's no: somebody has to resolve it first."""
    return standing.dispute is not None or standing.objector not in (None, speaker)


def child_governs(standing: Standing, *, now: datetime, act: Act) -> bool:
    """True when the data subject's own answer stands, so that a parent's ``act`` changes nothing.

    Their yes stands against a parent's yes or objection until it ends; their whole no stands against a parent's
    yes. A part that they closed stands too, and a parent's yes leaves it closed (``follow``).
    """
    given = standing.given
    if given is not None and given.capacity.is_own and now < given.valid_until:
        return act.opens or act in _OBJECTIONS
    return act.opens and any(each.own and each.scope.is_whole for each in standing.closures)


def is_dispute(standing: Standing, decision: ConsentDecision) -> bool:
    """True when one holder of parental responsibility objects to another's standing yes."""
    given = standing.given
    return (
        given is not None
        and decision.act in _OBJECTIONS
        and decision.authority is Authority.ESTABLISHED
        and decision.capacity is Capacity.PARENTAL_RESPONSIBILITY
        and given.capacity is Capacity.PARENTAL_RESPONSIBILITY
        and decision.recorded_at < given.valid_until
        and decision.speaker != given.speaker
    )


def exit_of(decision: ConsentDecision) -> Exit:
    """How an act that closes ends what it is about."""
    if decision.authority is Authority.UNKNOWN:
        return Exit.HELD
    if decision.reason == CHANGE_IN_RELATIONSHIP:
        return Exit.LAPSED_PR_CHANGE
    return _EXIT_OF[decision.act]


def state_of(standing: Standing, *, now: datetime, birthdays: Birthdays = UNKNOWN_BIRTHDAYS) -> State:
    """How far what stands of one person is at ``now``, whichever agency might ask."""
    given = standing.given
    if standing.dispute is not None:
        return State.DISPUTED
    if given is None:
        return State.REQUESTED if standing.closed_by is None else State(standing.closed_by.value)
    lapsed = _lapse(given, now=now, birthdays=birthdays)
    if lapsed is not None:
        return State(lapsed.value)
    if now < given.valid_from:
        return State.SCHEDULED
    return State.EXPIRED if now >= given.valid_until else State.ACTIVE


def states(
    history: Iterable[ConsentDecision], *, now: datetime, birthdays: Birthdays = UNKNOWN_BIRTHDAYS
) -> list[State]:
    """The state at ``now`` of each decision of one person, in the history's order.

    A give is what became of it; an act that closes is how it closed, or noted; an agreement that was found invalid
    was so from its beginning.
    """
    standing, found, latest = NOTHING_DECIDED, list[State](), -1
    for decision in history:
        then = state_of(standing, now=decision.recorded_at, birthdays=birthdays)
        after = follow(standing, decision)
        if is_noted(standing, decision):
            found.append(State.NOTED)
        elif decision.act.opens:
            if then in _RUNNING:
                found[latest] = State.SUPERSEDED
            elif standing.given is not None:
                found[latest] = then
            latest = len(found)
            found.append(State.ACTIVE)
        else:
            ended = Exit.DISPUTED if is_dispute(standing, decision) else exit_of(decision)
            whole = after.given is None and latest >= 0
            undone = ended in _BACK_TO_THE_START and decision.scope.is_whole
            if whole and (then in _RUNNING or undone):
                found[latest] = State(ended.value)
            elif whole and standing.given is not None:
                found[latest] = then
            found.append(State(ended.value))
        standing = after
    if standing.given is not None:
        found[latest] = state_of(standing, now=now, birthdays=birthdays)
    return found


def evaluate(
    standing: Standing,
    *,
    agency: str,
    purpose: str,
    now: datetime,
    birthdays: Birthdays = UNKNOWN_BIRTHDAYS,
) -> ConsentResult:
    """Decide whether one person's standing permits a release to one agency for one purpose.

    Args:
        standing: the fold of every decision of that person.
        agency: the code of the agency that would receive.
        purpose: P1 to P6.
        now: aware instant of the database.
        birthdays: of that person.
    Returns: ``Granted`` with what is covered, or ``NotGranted`` with the first reason found.
    Source: GDPR Art. 7(1) and 7(3).
    """
    given = standing.given
    if standing.dispute is not None:
        return NotGranted(Reason.DISPUTED)
    if given is None:
        closed_by = standing.closed_by
        return NotGranted(Reason.NO_DECISION if closed_by is None else Reason(closed_by.value))
    lapses = birthdays if given.capacity is Capacity.PARENTAL_RESPONSIBILITY else UNKNOWN_BIRTHDAYS
    eighteenth, sixteenth = lapses.eighteenth or _NEVER, lapses.sixteenth or _NEVER
    outside = (
        (Reason.LAPSED_AT_18, now >= eighteenth),
        (Reason.LAPSED_AT_16, now >= sixteenth),
        (Reason.AGENCY_EXCLUDED, agency in given.scope.exclude),
        (Reason.AGENCY_NOT_COVERED, agency not in given.scope.agencies),
        (Reason.PROFILE_NOT_SHOWN, agency not in given.profiles_shown),
        (Reason.PURPOSE_NOT_COVERED, purpose not in given.scope.purposes),
        (Reason.NOT_YET_VALID, now < given.valid_from),
        (Reason.EXPIRED, now >= given.valid_until),
    )
    for reason, applies in outside:
        if applies:
            return NotGranted(reason)
    closed_categories, closed_fields = frozenset[str](), frozenset[str]()
    for closure in standing.closures:
        scope = closure.scope
        touches = (
            agency not in scope.exclude,
            not {EVERYONE, agency}.isdisjoint(scope.agencies or ALL),
            purpose in (scope.purposes or {purpose}),
        )
        if not all(touches):
            continue
        if not scope.categories | scope.fields:
            return NotGranted(Reason(closure.exit.value))
        closed_categories |= scope.categories
        closed_fields |= scope.fields
    return Granted(
        given.decision_id,
        min(given.valid_until, sixteenth, eighteenth),
        categories=given.scope.categories,
        fields=given.scope.fields,
        closed_categories=closed_categories,
        closed_fields=closed_fields,
        profile_shown=given.profiles_shown[agency],
    )


def evaluate_consent(
    history: Iterable[ConsentDecision], *, purpose: str, recipient: str, now: datetime
) -> ConsentResult:
    """Decide on the decisions themselves: ``evaluate`` of their ``fold``; no decision is ``NotGranted``."""
    return evaluate(fold(history), agency=recipient, purpose=purpose, now=now)


def _opened(standing: Standing, decision: ConsentDecision) -> Standing:
    if decision.valid_from is None or decision.valid_until is None:
        raise InvalidDecisionError("an act that opens has no validity")
    capacity = _capacity(decision) or Capacity.PARENTAL_RESPONSIBILITY
    given = Given(
        decision.decision_id,
        decision.scope,
        decision.valid_from,
        decision.valid_until,
        capacity=capacity,
        speaker=decision.speaker,
        profiles_shown=decision.profiles_shown,
    )
    if capacity is not Capacity.PARENTAL_RESPONSIBILITY:
        return Standing(given=given)
    return Standing(given=given, closures=tuple(each for each in standing.closures if each.own))


def _closed(standing: Standing, decision: ConsentDecision) -> Standing:
    own = decision.capacity is not None and decision.capacity.is_own
    closure = Closure(exit_of(decision), decision.scope, own=own)
    left = standing
    if own and decision.scope.is_whole:  # a part says nothing of what the parents disagree about
        left = replace(left, dispute=None, objector=None)
    elif _objects(decision):
        left = replace(left, objector=decision.speaker)
    if decision.scope.is_whole:
        kept = tuple(each for each in left.closures if each.own)
        closures = (*kept, closure) if own else kept
        return replace(left, given=None, closures=closures, closed_by=closure.exit)
    if standing.given is None and not own:
        return standing
    return replace(left, closures=(*left.closures, closure))


def _objects(decision: ConsentDecision) -> bool:
    """True for the no of somebody known to hold parental responsibility, to all of it."""
    return (
        decision.act in _OBJECTIONS
        and decision.capacity is Capacity.PARENTAL_RESPONSIBILITY
        and decision.authority is Authority.ESTABLISHED
        and decision.scope.is_whole
    )


def _capacity(decision: ConsentDecision) -> Capacity | None:
    """As what somebody spoke; a yes of which nobody knows counts as a parent's, which lapses."""
    if decision.capacity is None and decision.act.opens:
        return Capacity.PARENTAL_RESPONSIBILITY
    return decision.capacity


def _lapse(given: Given, *, now: datetime, birthdays: Birthdays) -> Reason | None:
    """Why what a parent agreed ended by the child's age; absent: it did not."""
    if given.capacity is not Capacity.PARENTAL_RESPONSIBILITY:
        return None
    if birthdays.eighteenth is not None and now >= birthdays.eighteenth:
        return Reason.LAPSED_AT_18
    if birthdays.sixteenth is not None and now >= birthdays.sixteenth:
        return Reason.LAPSED_AT_16
    return None
