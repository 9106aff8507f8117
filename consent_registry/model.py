"""What one person's consent decisions add up to. Pure: values in, values out, no clock.

Invariants:
- Default deny: nothing is granted before a ``give``, and never more than the last one names.
- Deny overrides: exclusions and closures win over whatever was given, whatever their order.
- For an act that opens an empty list means nothing; for an act that closes it means everything.
- A ``give`` states the whole of what is agreed: it replaces the earlier give and the closures on top of it.
- An act that closes is in effect at once and for good; its own dates, if any, count for nothing.
- Validity is half-open, ``valid_from <= now < valid_until``.

Source: GDPR Art. 4(11), 7(1), 7(3).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from operator import itemgetter
from typing import Final, NewType, TypeAlias
from uuid import UUID

from consent_registry.errors import InvalidDecisionError, StoredStandingError

DecisionId = NewType("DecisionId", UUID)
SubjectId = NewType("SubjectId", UUID)

EVERYONE: Final = "*"  # no agency code can be this
ALL: Final = frozenset({EVERYONE})

JsonObject: TypeAlias = dict[str, object]


class Act(StrEnum):
    """What a person, or a worker for their protection, decided."""

    ENTER_IN_ERROR = "enter_in_error"
    GIVE = "give"
    HOLD = "hold"
    INVALIDATE = "invalidate"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"

    @property
    def opens(self) -> bool:
        """True for the one act that can let data out; every other act closes."""
        return self is Act.GIVE


class Purpose(StrEnum):
    """What data may be used for; there is no "any other purpose"."""

    PANEL_DISCUSSION = "P1"
    SERVICE_DELIVERY = "P2"
    TRACKING = "P3"
    DUTY_TO_REFER = "P4"
    EVALUATION = "P5"
    FEEDBACK = "P6"


class Reason(StrEnum):
    """Why consent does not permit a release; for the log, never for a recipient."""

    AGENCY_EXCLUDED = "agency_excluded"
    AGENCY_NOT_COVERED = "agency_not_covered"
    ENTERED_IN_ERROR = "entered_in_error"
    EXPIRED = "expired"
    HELD = "held"
    INVALIDATED = "invalidated"
    NO_DECISION = "no_decision"
    NOT_YET_VALID = "not_yet_valid"
    PURPOSE_NOT_COVERED = "purpose_not_covered"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


_CLOSED: Final[Mapping[Act | None, Reason]] = {
    None: Reason.NO_DECISION,
    Act.ENTER_IN_ERROR: Reason.ENTERED_IN_ERROR,
    Act.HOLD: Reason.HELD,
    Act.INVALIDATE: Reason.INVALIDATED,
    Act.REFUSE: Reason.REFUSED,
    Act.WITHDRAW: Reason.WITHDRAWN,
}

_SCOPE_MEMBERS: Final = ("agencies", "exclude", "categories", "fields", "purposes")


@dataclass(frozen=True, slots=True)
class Scope:
    """What an act is about: agencies, data and purposes.

    Attributes:
        agencies: codes, every kind already resolved; ``ALL`` only for acts that close.
        exclude: codes left out of ``agencies``.
        categories: categories of the field catalogue.
        fields: names of the field catalogue; some fields are reached by name only.
        purposes: codes P1 to P6.
    """

    agencies: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """True when an act that closes leaves nothing standing."""
        narrowed = self.exclude or self.categories or self.fields or self.purposes
        return not narrowed and EVERYONE in (self.agencies or ALL)

    def to_json(self) -> JsonObject:
        """Sorted lists, the empty ones absent."""
        members = (
            ("agencies", self.agencies),
            ("exclude", self.exclude),
            ("categories", self.categories),
            ("fields", self.fields),
            ("purposes", self.purposes),
        )
        return {name: sorted(values) for name, values in members if values}

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> "Scope":
        """Inverse of ``to_json``; raises StoredStandingError, a member is not a list."""
        members = {name: stored.get(name, []) for name in _SCOPE_MEMBERS}
        lists = {name: codes for name, codes in members.items() if isinstance(codes, list)}
        if lists.keys() < members.keys():
            raise StoredStandingError("a stored value is not a list")
        return cls(**{name: frozenset(map(str, codes)) for name, codes in lists.items()})


@dataclass(frozen=True, slots=True)
class Notice:
    """The privacy notice that was shown: which one, which version, in which language (BCP 47)."""

    id: str
    version: str
    language: str


@dataclass(frozen=True, slots=True)
class ConsentDecision:
    """One append-only record of what one person decided.

    Attributes:
        sequence: order of recording; a history is sorted by it.
        valid_from, valid_until: aware instants; a ``give`` has both.
        recorded_at: aware instant of the database.
        profiles_shown: version of the sharing profile shown to the person, by agency code.
    Raises: InvalidDecisionError, a ``give`` without both instants, or an instant without a zone.
    """

    decision_id: DecisionId
    sequence: int
    act: Act
    scope: Scope
    valid_from: datetime | None
    valid_until: datetime | None
    recorded_at: datetime
    notice: Notice | None = None
    profiles_shown: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        instants = (self.valid_from, self.valid_until, self.recorded_at)
        if any(instant is not None and instant.tzinfo is None for instant in instants):
            raise InvalidDecisionError("an instant has no time zone")
        if self.act.opens and (self.valid_from is None or self.valid_until is None):
            raise InvalidDecisionError("an act that opens has no validity")


@dataclass(frozen=True, slots=True)
class Given:
    """The give that stands."""

    decision_id: DecisionId
    scope: Scope
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Closure:
    """An act that closed a part of what stands."""

    act: Act
    scope: Scope


@dataclass(frozen=True, slots=True)
class Standing:
    """What the decisions of one person add up to.

    Attributes:
        given: the give that stands; absent when there was none, or an act closed all of it.
        closures: acts that closed a part of it, in order.
        closed_by: the act that left nothing standing, if one did.
    """

    given: Given | None = None
    closures: tuple[Closure, ...] = ()
    closed_by: Act | None = None

    def to_json(self) -> JsonObject:
        """Codes, ids and instants only, fit for a clear column."""
        body: JsonObject = {}
        if self.given is not None:
            body["given"] = {
                "decision_id": str(self.given.decision_id),
                "scope": self.given.scope.to_json(),
                "valid_from": self.given.valid_from.astimezone(UTC).isoformat(),
                "valid_until": self.given.valid_until.astimezone(UTC).isoformat(),
            }
        if self.closures:
            body["closures"] = [{"act": c.act.value, "scope": c.scope.to_json()} for c in self.closures]
        if self.closed_by is not None:
            body["closed_by"] = self.closed_by.value
        return body

    @classmethod
    def from_json(cls, stored: object) -> "Standing":
        """Inverse of ``to_json``.

        Raises: StoredStandingError, the value is not a standing: nothing may be granted on it.
        """
        if not isinstance(stored, dict):
            raise StoredStandingError("a stored standing is not an object")
        given: Given | None = None
        zones: tuple[object, ...] = ()
        try:
            closed_by = Act(str(stored["closed_by"])) if "closed_by" in stored else None
            opening = [stored["given"]] if "given" in stored else []
            closing = list.copy(stored.get("closures", []))  # refuses what is not a list; list() would not
            scopes = [
                Scope(**{n: frozenset(map(str, list.copy(scope.get(n, [])))) for n in _SCOPE_MEMBERS})
                for scope in map(itemgetter("scope"), closing + opening)
            ]
            # The give's own scope is the last one, so it falls to no closure.
            closures = tuple(map(Closure, [Act(str(row["act"])) for row in closing], scopes))
            if opening:
                row = opening[0]
                starts = datetime.fromisoformat(str(row["valid_from"]))
                ends = datetime.fromisoformat(str(row["valid_until"]))
                given = Given(DecisionId(UUID(str(row["decision_id"]))), scopes[-1], starts, ends)
                zones = (starts.tzinfo, ends.tzinfo)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StoredStandingError("the stored standing cannot be read") from error
        if None in zones:
            raise StoredStandingError("a stored instant has no time zone")
        return cls(given=given, closures=closures, closed_by=closed_by)


@dataclass(frozen=True, slots=True)
class Granted:
    """Consent permits a release to this agency for this purpose, of the fields it covers, until ``valid_until``."""

    decision_id: DecisionId
    valid_until: datetime
    categories: frozenset[str]
    fields: frozenset[str]
    closed_categories: frozenset[str] = frozenset()
    closed_fields: frozenset[str] = frozenset()

    def covers(self, field_name: str, category: str | None) -> bool:
        """True when the field was given, by name or by category, and not closed since.

        A field without a category (``None``) must have been named. A closed category closes its named fields too.
        """
        if field_name in self.closed_fields or category in self.closed_categories:
            return False
        return field_name in self.fields or (category is not None and category in self.categories)


@dataclass(frozen=True, slots=True)
class NotGranted:
    """Consent permits nothing to this agency for this purpose now."""

    reason: Reason


ConsentResult: TypeAlias = Granted | NotGranted

NOTHING_DECIDED: Final = Standing()


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
    """The standing after one more decision."""
    if decision.act.opens:
        return Standing(given=_as_given(decision))
    if decision.scope.is_whole:
        return Standing(closed_by=decision.act)
    if standing.given is None:
        return standing
    closure = Closure(act=decision.act, scope=decision.scope)
    return replace(standing, closures=(*standing.closures, closure))


def evaluate(standing: Standing, *, agency: str, purpose: str, now: datetime) -> ConsentResult:
    """Decide whether one person's standing permits a release to one agency for one purpose.

    Args:
        standing: the fold of every decision of that person.
        agency: the code of the agency that would receive.
        purpose: P1 to P6.
        now: aware instant of the database.
    Returns: ``Granted`` with what is covered, or ``NotGranted`` with the first reason found.
    Source: GDPR Art. 7(1) and 7(3).
    """
    given = standing.given
    if given is None:
        return NotGranted(_CLOSED[standing.closed_by])
    outside = (
        (Reason.AGENCY_EXCLUDED, agency in given.scope.exclude),
        (Reason.AGENCY_NOT_COVERED, agency not in given.scope.agencies),
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
            return NotGranted(_CLOSED[closure.act])
        closed_categories |= scope.categories
        closed_fields |= scope.fields
    return Granted(
        given.decision_id,
        given.valid_until,
        categories=given.scope.categories,
        fields=given.scope.fields,
        closed_categories=closed_categories,
        closed_fields=closed_fields,
    )


def evaluate_consent(
    history: Iterable[ConsentDecision], *, purpose: str, recipient: str, now: datetime
) -> ConsentResult:
    """Decide on the decisions themselves: ``evaluate`` of their ``fold``; no decision is ``NotGranted``."""
    return evaluate(fold(history), agency=recipient, purpose=purpose, now=now)


def _as_given(decision: ConsentDecision) -> Given:
    if decision.valid_from is None or decision.valid_until is None:
        raise InvalidDecisionError("an act that opens has no validity")
    return Given(decision.decision_id, decision.scope, decision.valid_from, decision.valid_until)
