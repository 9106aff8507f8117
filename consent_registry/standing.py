"""What one person's decisions add up to, and whether that permits a release. Pure: no clock, no I/O.

INVARIANTS
- Default deny: nothing is granted before a ``give``, and never more than the last one names.
- Deny overrides: exclusions and closures win over whatever was given, whatever their order.
- A ``give`` states the whole of what is agreed: it replaces the earlier give and the closures on top of it, but
  a parent's does not reach past what the child said for themself.
- An act that closes is in effect at once and for good; its own dates, if any, count for nothing.
- Whose authority nobody can tell yet, holds; who has none, is noted.
- Nobody's no is undone by somebody else's yes: it takes theirs, the data subject's own answer, or a resolution.
- A dispute stays until it is resolved or the young person answers; whoever only may be them does not settle it.
- The data subject's own yes governs until it ends, is undone or they answer again, whoever holds or closes it meanwhile.
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
    CASE_CLOSED,
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
    Objection,
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
_EXIT_BY_REASON: Final[Mapping[str, Exit]] = {
    CASE_CLOSED: Exit.EXPIRED,
    CHANGE_IN_RELATIONSHIP: Exit.LAPSED_PR_CHANGE,
}
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_OBJECTIONS: Final = frozenset({Act.REFUSE, Act.WITHDRAW})
_STOPS: Final = _OBJECTIONS | {Act.HOLD}
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
    """The standing after one more decision; what is only noted changes nothing but what is known of objections."""
    known = _objected(standing, decision)
    if is_noted(standing, decision):
        return known
    if decision.act.opens:
        return _opened(known, decision)
    if is_dispute(standing, decision):
        return replace(
            known,
            given=None,
            closures=_own(known),
            closed_by=Exit.DISPUTED,
            dispute=decision.decision_id,
        )
    return _closed(known, decision)


def is_noted(standing: Standing, decision: ConsentDecision) -> bool:
    """True when a decision changes nothing that is shared.

    Its speaker may not decide; or the data subject's own answer governs; or it is a yes for them against somebody
    else's no, without a resolution. No resolution lets a parent answer over the child; a representative it does.
    """
    opens, established = decision.act.opens, decision.authority is Authority.ESTABLISHED
    if decision.authority is Authority.NONE or (opens and not established):
        return True
    capacity = _capacity(decision)
    if capacity is None or capacity.is_own:
        return False
    governed = child_governs(standing, now=decision.recorded_at, act=decision.act)
    if capacity is Capacity.PARENTAL_RESPONSIBILITY and governed:
        return True
    contested = governed or is_contested(standing, speaker=decision.speaker)
    return opens and not decision.resolves and contested


def is_contested(standing: Standing, *, speaker: SubjectId | None) -> bool:
    """True when a yes for somebody meets a dispute, or the no of somebody else to everything."""
    others = _of_others(standing, speaker=speaker)
    return standing.dispute is not None or any(each.scope.is_whole for each in others)


def child_governs(standing: Standing, *, now: datetime, act: Act) -> bool:
    """True when the data subject's own answer stands, so that a parent's ``act`` changes nothing.

    Their yes stands against a parent's yes or objection until it ends; where somebody else closed it, against a
    parent's yes all the same. Their whole no stands against a parent's yes. A part that they closed stands too, and a
    parent's yes leaves it closed (``follow``).
    """
    given = standing.given
    if given is not None and given.capacity.is_own and now < given.valid_until:
        return act.opens or act in _OBJECTIONS
    answered = standing.answered_until is not None and now < standing.answered_until
    return act.opens and (answered or any(each.scope.is_whole for each in _own(standing)))


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
    if decision.reason in _EXIT_BY_REASON:
        return _EXIT_BY_REASON[decision.reason]
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


def narrowed(before: Standing, after: Standing, *, now: datetime) -> frozenset[str]:
    """The agencies to whom a new yes lets less go than the one before it did at ``now``.

    A yes that begins later is judged by what it will let go; no birthday is asked.
    """
    if before.given is None or after.given is None:
        return frozenset()
    then = max(now, after.given.valid_from)
    pairs = {
        (agency, purpose) for agency in before.given.scope.agencies for purpose in before.given.scope.purposes
    }
    lost = set()
    for agency, purpose in pairs:
        had = evaluate(before, agency=agency, purpose=purpose, now=now)
        has = evaluate(after, agency=agency, purpose=purpose, now=then)
        if isinstance(had, Granted) and not (isinstance(has, Granted) and _is_no_less(has, had)):
            lost.add(agency)
    return frozenset(lost)


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
    if capacity.is_own:
        return Standing(given=given)
    if decision.resolves:
        parental = capacity is Capacity.PARENTAL_RESPONSIBILITY
        return Standing(given=given, closures=_own(standing) if parental else ())
    others = _of_others(standing, speaker=decision.speaker)
    theirs = tuple(Closure(each.exit, each.scope) for each in others)
    return Standing(given=given, closures=_own(standing) + theirs, objections=others)


def _closed(standing: Standing, decision: ConsentDecision) -> Standing:
    own = decision.capacity is not None and decision.capacity.is_own
    closure = Closure(exit_of(decision), decision.scope, own=own)
    if decision.scope.is_whole:
        left = standing
        # A part says nothing of what the parents disagree about, and whoever only may be the child does not settle it.
        if own and decision.authority is Authority.ESTABLISHED:
            left = replace(left, dispute=None, objections=())
        return replace(
            left,
            given=None,
            closures=(*_own(standing), closure) if own else _own(standing),
            closed_by=closure.exit,
            answered_until=_answered_until(standing, decision),
        )
    if standing.given is None and not own:
        return standing
    return replace(standing, closures=(*standing.closures, closure))


def _objected(standing: Standing, decision: ConsentDecision) -> Standing:
    """The standing that knows of one more objection, where somebody spoke for the data subject who may do so."""
    if decision.act not in _STOPS or decision.authority is Authority.NONE:
        return standing
    if decision.capacity is None or decision.capacity.is_own:
        return standing
    objection = Objection(decision.speaker, exit_of(decision), decision.scope)
    return replace(standing, objections=(*standing.objections, objection))


def _is_no_less(has: Granted, had: Granted) -> bool:
    """True when everything that was granted still is."""
    return (
        has.categories - has.closed_categories >= had.categories - had.closed_categories
        and has.fields - has.closed_fields >= had.fields - had.closed_fields
        and has.closed_fields <= had.closed_fields
    )


def _own(standing: Standing) -> tuple[Closure, ...]:
    """What the data subject closed for themself."""
    return tuple(each for each in standing.closures if each.own)


def _of_others(standing: Standing, *, speaker: SubjectId | None) -> tuple[Objection, ...]:
    """The objections of everybody but one speaker; of one whom nobody can name, everybody's."""
    return tuple(each for each in standing.objections if each.speaker is None or each.speaker != speaker)


def _answered_until(standing: Standing, decision: ConsentDecision) -> datetime | None:
    """Until when the data subject's own yes governs over a parent's, after an act that closed all of it.

    Absent: there is none, they answered again, the case was closed, or it was undone by somebody who is no parent.
    """
    capacity = decision.capacity
    ended = exit_of(decision) in _BACK_TO_THE_START | {Exit.EXPIRED}
    undone = ended and capacity is not Capacity.PARENTAL_RESPONSIBILITY
    if undone or (capacity is not None and capacity.is_own):
        return None
    given = standing.given
    return given.valid_until if given is not None and given.capacity.is_own else standing.answered_until


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
