"""The words of consent as values: decisions, what they are about, and what stands. Pure, no clock.

Invariants:
- For an act that opens an empty list means nothing; for an act that closes it means everything.
- A standing is written in codes, random ids and instants only, and what cannot be read grants nothing.

Source: GDPR Art. 4(11), 7(1), 7(3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NewType, TypeAlias
from uuid import UUID

from consent_registry.errors import InvalidDecisionError, StoredStandingError

DecisionId = NewType("DecisionId", UUID)
SubjectId = NewType("SubjectId", UUID)

EVERYONE: Final = "*"  # no agency code can be this
ALL: Final = frozenset({EVERYONE})
NOT_ASKED: Final = "not_asked"
"""The reason of whoever was not asked for one; nobody who closes anything needs another."""

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


class Capacity(StrEnum):
    """As what somebody speaks for the data subject."""

    COMPETENT_CHILD = "competent_child"
    PARENTAL_RESPONSIBILITY = "parental_responsibility"
    REPRESENTATIVE = "representative"
    SELF = "self"

    @property
    def is_own(self) -> bool:
        """True when the data subject speaks: nobody else's answer stands against it."""
        return self in (Capacity.COMPETENT_CHILD, Capacity.SELF)


class Authority(StrEnum):
    """Whether the one who spoke may decide, as far as the council knew when it was recorded."""

    ESTABLISHED = "established"
    NONE = "none"
    """They may not: what they said is noted and changes nothing."""
    UNKNOWN = "unknown"
    """Nobody can tell yet: an act that closes is a hold."""


class Exit(StrEnum):
    """How an agreement, or a part of it, ended by what somebody said."""

    DISPUTED = "disputed"
    ENTERED_IN_ERROR = "entered_in_error"
    EXPIRED = "expired"
    HELD = "held"
    INVALIDATED = "invalidated"
    LAPSED_PR_CHANGE = "lapsed_pr_change"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Reason(StrEnum):
    """Why consent does not permit a release; for the log, never for a recipient."""

    AGENCY_EXCLUDED = "agency_excluded"
    AGENCY_NOT_COVERED = "agency_not_covered"
    DISPUTED = "disputed"
    ENTERED_IN_ERROR = "entered_in_error"
    EXPIRED = "expired"
    HELD = "held"
    INVALIDATED = "invalidated"
    LAPSED_AT_16 = "lapsed_16"
    LAPSED_AT_18 = "lapsed_18"
    LAPSED_PR_CHANGE = "lapsed_pr_change"
    NOT_YET_VALID = "not_yet_valid"
    NO_DECISION = "no_decision"
    PROFILE_NOT_SHOWN = "profile_not_shown"
    PURPOSE_NOT_COVERED = "purpose_not_covered"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


CHANGE_IN_RELATIONSHIP: Final = "change_in_relationship"
"""The reason code of an act by which a parental responsibility, and what was agreed on it, ended."""
CASE_CLOSED: Final = "case_closed"
"""The reason code of the end of what was agreed because the case was closed: it has expired, whatever its date."""
TALK_TO_ME_FIRST: Final = "talk_to_me_first"
"""The reason of a hold by which somebody says neither yes nor no, and wants to be asked before anything is shared."""
OTHER: Final = "other"
"""The reason of whoever gave one that is not listed; what they said stays in the sealed document."""
REASONS: Final = frozenset(
    {
        CASE_CLOSED,
        CHANGE_IN_RELATIONSHIP,
        NOT_ASKED,
        OTHER,
        TALK_TO_ME_FIRST,
        "coercion",
        "court_order",
        "end_date_reached",
        "identity_not_verified",
        "lacks_capacity",
        "mind_changed",
        "not_informed",
        "not_needed",
        "safeguarding",
        "suspended_pending_review",
        "wrong_person",
    }
)
"""Every reason that is kept in the clear."""

_ANSWER: Final = {False: False, True: True}  # anything else raises
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
        reason: a code, ``not_asked`` when nobody gave one.
        profiles_shown: version of the sharing profile shown to the person, by agency code.
        speaker: the random id of who spoke; absent: it was not said, or nobody of the case.
        capacity: as what they spoke; absent: it was not said.
        resolves: a ``give`` that ends a dispute, by a recorded resolution.
    Raises: InvalidDecisionError, a ``give`` without both instants, or an instant without a zone.
    """

    decision_id: DecisionId
    sequence: int
    act: Act
    scope: Scope
    valid_from: datetime | None
    valid_until: datetime | None
    recorded_at: datetime
    reason: str = NOT_ASKED
    notice: Notice | None = None
    profiles_shown: Mapping[str, int] = field(default_factory=dict)
    speaker: SubjectId | None = None
    capacity: Capacity | None = None
    authority: Authority = Authority.ESTABLISHED
    resolves: bool = False

    def __post_init__(self) -> None:
        instants = (self.valid_from, self.valid_until, self.recorded_at)
        if any(instant is not None and instant.tzinfo is None for instant in instants):
            raise InvalidDecisionError("an instant has no time zone")
        if self.act.opens and (self.valid_from is None or self.valid_until is None):
            raise InvalidDecisionError("an act that opens has no validity")


@dataclass(frozen=True, slots=True)
class Given:
    """The give that stands.

    Attributes:
        capacity: as what its speaker spoke; one that is not known counts as parental responsibility, which lapses.
        profiles_shown: the profile version shown to the person, by agency; nothing goes to any other agency.
    """

    decision_id: DecisionId
    scope: Scope
    valid_from: datetime
    valid_until: datetime
    capacity: Capacity = Capacity.PARENTAL_RESPONSIBILITY
    speaker: SubjectId | None = None
    profiles_shown: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Closure:
    """An act that closed a part of what stands.

    Attributes:
        own: the data subject said so: a parent's later yes does not reach past it.
    """

    exit: Exit
    scope: Scope
    own: bool = False


@dataclass(frozen=True, slots=True)
class Objection:
    """What somebody who may speak for the data subject said no to.

    Attributes:
        speaker: the random id of who objects; absent: one whom nobody can name.
    """

    speaker: SubjectId | None
    exit: Exit
    scope: Scope


@dataclass(frozen=True, slots=True)
class Standing:
    """What the decisions of one person add up to.

    Attributes:
        given: the give that stands; absent when there was none, or an act closed all of it.
        closures: acts that closed a part of it, in order, and what the data subject closed before it.
        closed_by: how all of it ended, if it did.
        dispute: the objection that somebody has to resolve before anything is shared.
        objections: what others said no to for them, in order: only a yes of the same speaker, the data subject's own
            answer or a resolution undoes one.
        answered_until: aware instant until which the data subject's own yes, closed by somebody else, still governs
            over a parent's.
    """

    given: Given | None = None
    closures: tuple[Closure, ...] = ()
    closed_by: Exit | None = None
    dispute: DecisionId | None = None
    objections: tuple[Objection, ...] = ()
    answered_until: datetime | None = None

    def to_json(self) -> JsonObject:
        """Codes, ids and instants only, fit for a clear column."""
        body: JsonObject = {}
        if self.given is not None:
            body["given"] = _given_to_json(self.given)
        if self.closures:
            body["closures"] = [
                {
                    "exit": each.exit.value,
                    "scope": each.scope.to_json(),
                    **({"own": True} if each.own else {}),
                }
                for each in self.closures
            ]
        if self.closed_by is not None:
            body["closed_by"] = self.closed_by.value
        if self.dispute is not None:
            body["dispute"] = str(self.dispute)
        if self.objections:
            body["objections"] = [
                {
                    "exit": each.exit.value,
                    "scope": each.scope.to_json(),
                    **({} if each.speaker is None else {"speaker": str(each.speaker)}),
                }
                for each in self.objections
            ]
        if self.answered_until is not None:
            body["answered_until"] = self.answered_until.astimezone(UTC).isoformat()
        return body

    @classmethod
    def from_json(cls, stored: object) -> "Standing":
        """Inverse of ``to_json``.

        Raises: StoredStandingError, the value is not a standing: nothing may be granted on it.
        """
        if not isinstance(stored, dict):
            raise StoredStandingError("a stored standing is not an object")
        # No helpers: a release reads standings, and nothing of ours is called below a step of it but leaves.
        try:
            # list.copy refuses what is not a list; list() would take a text apart.
            closures: list[Any] = list.copy(stored.get("closures", []))
            objections: list[Any] = list.copy(stored.get("objections", []))
            scopes = [
                Scope(
                    **{
                        name: frozenset(map(str, list.copy(part["scope"].get(name, []))))
                        for name in _SCOPE_MEMBERS
                    }
                )
                for part in [*closures, *objections, *([stored["given"]] if "given" in stored else [])]
            ]
            given: Given | None = None
            if "given" in stored:
                body = stored["given"]
                given = Given(
                    DecisionId(UUID(body["decision_id"])),
                    scopes.pop(),
                    datetime.fromisoformat(body["valid_from"]),
                    datetime.fromisoformat(body["valid_until"]),
                    capacity=Capacity(body.get("capacity", Capacity.PARENTAL_RESPONSIBILITY)),
                    speaker=SubjectId(UUID(body["speaker"])) if "speaker" in body else None,
                    profiles_shown=dict.copy(body.get("profiles_shown", {})),
                )
                if None in (given.valid_from.tzinfo, given.valid_until.tzinfo):
                    raise StoredStandingError("a stored instant has no time zone")
                if not all(type(version) is int for version in given.profiles_shown.values()):
                    raise StoredStandingError("a stored version is not a number")
            answered_until: datetime | None = None
            if "answered_until" in stored:
                answered_until = datetime.fromisoformat(stored["answered_until"])
                if answered_until.tzinfo is None:
                    raise StoredStandingError("a stored instant has no time zone")
            return cls(
                given=given,
                closures=tuple(
                    Closure(Exit(part["exit"]), scope, own=_ANSWER[part.get("own", False)])
                    for part, scope in zip(closures, scopes[: len(closures)], strict=True)
                ),
                closed_by=Exit(stored["closed_by"]) if "closed_by" in stored else None,
                dispute=DecisionId(UUID(stored["dispute"])) if "dispute" in stored else None,
                objections=tuple(
                    Objection(
                        SubjectId(UUID(part["speaker"])) if "speaker" in part else None,
                        Exit(part["exit"]),
                        scope,
                    )
                    for part, scope in zip(objections, scopes[len(closures) :], strict=True)
                ),
                answered_until=answered_until,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StoredStandingError("the stored standing cannot be read") from error


def _given_to_json(given: Given) -> JsonObject:
    body: JsonObject = {
        "decision_id": str(given.decision_id),
        "scope": given.scope.to_json(),
        "valid_from": given.valid_from.astimezone(UTC).isoformat(),
        "valid_until": given.valid_until.astimezone(UTC).isoformat(),
        "capacity": given.capacity.value,
        "profiles_shown": dict(given.profiles_shown),
    }
    return body if given.speaker is None else {**body, "speaker": str(given.speaker)}


@dataclass(frozen=True, slots=True)
class Granted:
    """Consent permits a release to this agency for this purpose, of the fields it covers, until ``valid_until``.

    Attributes:
        valid_until: aware instant: the agreement's end, or the birthday on which it lapses.
        profile_shown: version of the agency's profile that was shown: no release is wider than it.
    """

    decision_id: DecisionId
    valid_until: datetime
    categories: frozenset[str]
    fields: frozenset[str]
    closed_categories: frozenset[str] = frozenset()
    closed_fields: frozenset[str] = frozenset()
    profile_shown: int = 0

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
