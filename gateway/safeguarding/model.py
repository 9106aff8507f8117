"""The words of safeguarding as values: kinds of referral, where it goes, its state, and what a review may find. Pure.

INVARIANTS
- A referral is of one kind for good: an agreed one never turns into one without agreement, or the other way round.
- What is sent is frozen; what comes later is a further document of the same referral.
- The time of the concern, of the call, of the record and of the sending are kept beside each other.

Sources: Children Act 1989 sections 17, 44, 46, 47; Data Protection Act 2018 schedule 1 paragraph 18; Working Together
to Safeguard Children 2023, chapter 3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, TypeAlias
from uuid import UUID

Answers: TypeAlias = Mapping[str, str | tuple[str, ...]]
"""What was answered, by the name of the question."""


class Kind(StrEnum):
    """Why something is told, or why it was not."""

    AGREED = "agreed"
    """The family agreed to this referral."""
    CONSIDERED = "considered"
    """It was thought about, and nothing was shared."""
    DUTY = "duty"
    """The duty to share of Children Act 2004 section 16LA, where the council has switched it on."""
    PROTECTION = "protection"
    """Without agreement: significant harm is suspected, or the public interest outweighs confidentiality."""


class Function(StrEnum):
    """What a destination is."""

    ADULT_SAFEGUARDING = "adult_safeguarding"
    DESIGNATED_OFFICER = "designated_officer"
    OTHER_HUB = "other_hub"
    """Children's social care of the council where the child is."""
    OUT_OF_HOURS = "out_of_hours"
    PARTNER = "partner"
    """An agency to which the duty to share applies."""
    POLICE_101 = "police_101"
    POLICE_999 = "police_999"
    SAFEGUARDING_HUB = "safeguarding_hub"


class State(StrEnum):
    """How far a referral is."""

    DRAFT = "draft"
    """Written down, and not sent."""
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    DECIDED = "decided"
    RECORDED = "recorded"
    """It was considered, and nothing was shared: there is nobody to wait for."""


class Outcome(StrEnum):
    """What the destination decided; the gateway stores it and infers nothing."""

    ADVICE = "advice"
    EARLY_HELP = "early_help"
    IMMEDIATE_PROTECTION = "immediate_protection"
    NO_FURTHER_ACTION = "no_further_action"
    SECTION_17 = "section_17"
    STRATEGY_DISCUSSION = "strategy_discussion"

    @property
    def stops_panel(self) -> bool:
        """True where the case is no longer one of early help until somebody says so."""
        return self in {Outcome.IMMEDIATE_PROTECTION, Outcome.SECTION_17, Outcome.STRATEGY_DISCUSSION}


class Finding(StrEnum):
    """What a review may find; both ways, and several at once."""

    PROPORTIONATE = "proportionate"
    NOT_NECESSARY = "not_necessary"
    TOO_LATE = "too_late"
    TOO_LITTLE = "too_little"
    TOO_MUCH = "too_much"


class Reviewer(StrEnum):
    """In which part somebody reviews."""

    LEAD = "lead"
    OFFICER = "officer"


class Visibility(StrEnum):
    """Whether a person may see the referral in their statement; decided for each request anew."""

    PENDING = "pending"
    SHOW = "show"
    WITHHOLD = "withhold"


class Exemption(StrEnum):
    """On what a referral is left out of a statement (Data Protection Act 2018)."""

    CHILD_ABUSE = "schedule_3_paragraph_21"
    CRIME = "schedule_2_paragraph_2"
    EDUCATION = "schedule_3_paragraph_19"
    HEALTH = "schedule_3_paragraph_5"
    OTHERS_DATA = "schedule_2_paragraph_16"
    SOCIAL_WORK = "schedule_3_paragraph_11"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where referrals go.

    Attributes:
        code: 2 to 40 small letters, digits and hyphens.
        phone: what to ring first, in words for a person.
        client_id: of its own system; absent: it gets a signed document.
        duty_class: a, b or c, the class of agency under Children Act 2004 section 16LA; absent: it is told by referrals.
    """

    code: str
    name: str
    function: Function
    phone: str
    client_id: str | None = None
    duty_class: str | None = None


@dataclass(frozen=True, slots=True)
class DutyToShare:
    """What has to be so before anything is told under the duty to share; switched off, unless a council says so.

    Attributes:
        notice: id and version of the notice that told families of it; absent: it is off.
        classes: of agencies for which it is on.
    """

    notice: str = ""
    classes: frozenset[str] = frozenset()

    def covers(self, destination: Destination) -> bool:
        """True where something may be told to a destination under the duty."""
        return bool(self.notice) and destination.duty_class in self.classes


OFF: Final = DutyToShare()


def reachable(
    destinations: Iterable[Destination], kind: Kind, *, duty: DutyToShare = OFF
) -> list[Destination]:
    """Return where a referral of a kind can go: no kind ever reaches the destinations of another."""
    if kind is Kind.DUTY:
        return [each for each in destinations if duty.covers(each)]
    return [each for each in destinations if each.duty_class is None]


@dataclass(frozen=True, slots=True)
class Referral:
    """One referral, or one decision not to share, as its row says it; nothing personal.

    Attributes:
        destination: a code; absent where nothing was shared.
        emergency: it went with the six answers that cannot wait.
        concern_at: when somebody began to be worried, as they say; ``called_at`` when they rang.
        recorded_at: when it was first written down here.
        typed_at: when it was typed on the emergency page; absent: it was not.
        told: whether the family was told; absent: nobody said yet.
        tell_on: until when the family must not be told, and when that is looked at again.
        hidden_from: usernames of staff who must not learn of it: the concern may be a colleague.
        sampled: the officer looks at it, too.
        visible_until: when a decision to withhold it is looked at again.
    """

    id: UUID
    family_id: UUID
    case_id: UUID
    author_id: UUID
    author: str
    kind: Kind
    state: State
    destination: str | None
    emergency: bool
    recorded_at: datetime
    typed_at: datetime | None = None
    concern_at: datetime | None = None
    called_at: datetime | None = None
    sent_at: datetime | None = None
    completed_at: datetime | None = None
    acknowledged_at: datetime | None = None
    decided_at: datetime | None = None
    outcome: Outcome | None = None
    told: bool | None = None
    tell_on: date | None = None
    hidden_from: frozenset[str] = frozenset()
    sampled: bool = False
    visibility: Visibility = Visibility.PENDING
    visible_until: date | None = None
    reviewed: frozenset[Reviewer] = frozenset()
