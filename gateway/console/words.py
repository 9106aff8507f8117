"""The words that pages use for codes. Pure.

INVARIANT: every kind of task and every role has words; a new one without any is a fault that a test finds.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Final

from agencies.model import Stage
from consent_registry.birthdays import LONDON
from consent_registry.model import Reason
from consent_registry.service import Effect
from consent_registry.standing import State
from gateway.calendar import said_day
from gateway.cases.lookup import OpeningReason, Reach
from gateway.consent.overview import SERVED, Cell
from gateway.panel.model import Refusal
from gateway.recall.model import Answer, Ground, RecallState
from gateway.release.explanation import Rule
from gateway.release.model import RefusalReason
from gateway.staff.model import Method
from gateway.tasks.model import TaskKind

_NOON: Final = 12

TASK_WORDS: Final[Mapping[TaskKind, str]] = MappingProxyType(
    {
        TaskKind.AGREEMENT_EXPIRING: "Sharing agreements that end soon",
        TaskKind.APPROVAL_WAITING: "Agencies, keys and profiles that wait for a second person",
        TaskKind.ATTESTATION_DUE: "Agencies that have to confirm their list of practitioners",
        TaskKind.ATTESTATION_OVERDUE: "Agencies that did not confirm their list of practitioners",
        TaskKind.CASE_OPENED: "Families opened by somebody outside their team",
        TaskKind.CERTIFICATE_EXPIRING: "Certificates that end soon",
        TaskKind.CONSENT_DISPUTE: "Parents who disagree",
        TaskKind.CONSENT_EXPIRING: "Agreements of families that end soon",
        TaskKind.CONSENT_FOLLOW_UP: "Agreements by word of mouth to confirm in writing",
        TaskKind.CONSENT_GIVING: "Unusually many agreements from one system",
        TaskKind.CONSENT_HELD: "Stops that nobody could make out",
        TaskKind.CONSENT_INVALIDATED: "Agreements that were found invalid",
        TaskKind.CONSENT_LAPSING: "Young people who turn 16 or 18 and have to be asked",
        TaskKind.CONSENT_NOT_ALONE: "People who were not alone and safe when they were asked",
        TaskKind.CONSENT_NOTED: "Objections that changed nothing",
        TaskKind.CONSENT_RECONSENT: "Families to ask again, because a profile became wider",
        TaskKind.CONSENT_RECORDER: "Stops recorded by somebody unknown",
        TaskKind.CONSENT_REPORTS: "Unusually many withdrawals reported by one agency",
        TaskKind.CONSENT_STOPPED: "Families who stopped sharing",
        TaskKind.EMERGENCY_NOTE: "Notes of emergencies, written while no record could be read",
        TaskKind.KEY_EXPIRING: "Systems whose last key ends soon",
        TaskKind.LOG_FORKED: "The disclosure log shows two histories",
        TaskKind.LOG_PROMISE_BROKEN: "The disclosure log broke a promise",
        TaskKind.LOG_ROLLED_BACK: "The disclosure log is shorter than it was",
        TaskKind.PULLING_FAMILY: "One family asked for unusually often",
        TaskKind.PULLING_HOURS: "Extracts pulled outside working hours",
        TaskKind.PULLING_VOLUME: "Unusually many requests by one practitioner",
        TaskKind.RECALL_FAILED: "Copies that could not be called back",
        TaskKind.RECALL_NOT_RECEIVED: "Agencies that say they never had a copy",
        TaskKind.RECALL_OVERDUE: "Agencies that did not answer a recall",
        TaskKind.RELEASE_KEPT_BACK: "Shielded families whose whereabouts stand in free text",
        TaskKind.STAFF_BREAK_GLASS: "Sealed accounts that were used",
    }
)
"""A worklist, as its heading."""

STAGE_WORDS: Final[Mapping[Stage, str]] = MappingProxyType(
    {Stage.PANEL: "at the panel", Stage.SERVICE: "while it helps"}
)
RULE_WORDS: Final[Mapping[Rule, str]] = MappingProxyType(
    {
        Rule.CLAMP: "what was shown when they agreed gave no more",
        Rule.CONSENT: "nobody agreed to it",
        Rule.PROFILE: "its profile gives no more",
        Rule.REFUSED: "nothing of the case goes to it",
        Rule.SHIELD: "the family's address is protected",
        Rule.SOMEBODY_ELSE: "it is about somebody who did not agree, or would tell of what is protected",
        Rule.UNVERIFIED: "who asks is on no register",
    }
)
"""Why an agency is told no more of a field."""
REFUSED_WORDS: Final[Mapping[RefusalReason, str]] = MappingProxyType(
    {
        RefusalReason.AGENCY_INACTIVE: "The agency does not take part now.",
        RefusalReason.CALLER_NOT_SERVED: "Its kind of agency gets no cases.",
        RefusalReason.CASE_STATE: "The case is closed, or not at Level 2.",
        RefusalReason.CLIENT_REVOKED: "Its system was turned off.",
        RefusalReason.CONFLICT: "Somebody there has an interest in the family.",
        RefusalReason.NOTHING_TO_RELEASE: "Nothing of the record is for it.",
        RefusalReason.NOT_ENTITLED: "The case is not before it.",
        RefusalReason.NO_AGREEMENT: "Its data sharing agreement is not in force.",
        RefusalReason.NO_CONSENT: "Nobody agreed to it.",
        RefusalReason.NO_PROFILE: "It has no effective profile.",
        RefusalReason.PRACTITIONER_INACTIVE: "Who asks is not active.",
        RefusalReason.RESTRICTED: "The case is sealed.",
        RefusalReason.SHIELD_SURVIVED: "Where a shielded family is could still be read in it.",
        RefusalReason.UNKNOWN_REF: "It has no name for the case.",
    }
)
"""Why nothing goes to an agency."""

METHOD_WORDS: Final[Mapping[Method, str]] = MappingProxyType(
    {Method.DEMO: "one click, in the demo", Method.OIDC: "council account", Method.PASSKEY: "passkey"}
)


REACH_WORDS: Final[Mapping[Reach, str]] = MappingProxyType(
    {
        Reach.OPENED: "opened with a reason",
        Reach.OTHER: "another team's",
        Reach.OWN: "yours",
        Reach.TEAM: "your team's",
    }
)
OPENING_WORDS: Final[Mapping[OpeningReason, str]] = MappingProxyType(
    {
        OpeningReason.COVER: "I cover for whoever works with them",
        OpeningReason.DUTY: "I am on duty, and they need an answer today",
        OpeningReason.REQUEST: "The family asked for it",
        OpeningReason.SAFEGUARDING: "Somebody may be at risk",
        OpeningReason.SUPERVISION: "I supervise this work",
        OpeningReason.TRANSFER: "The case is coming to me",
    }
)
RELATIONSHIP_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "MOTHER": "mother",
        "FATHER": "father",
        "PARENT": "parent",
        "STEP_PARENT": "step-parent",
        "ADOPTIVE_PARENT": "adoptive parent",
        "FOSTER_CARER": "foster carer",
        "GRANDPARENT": "grandparent",
        "KINSHIP_CARER": "kinship carer",
        "GUARDIAN": "guardian",
        "SIBLING": "sister or brother",
        "HALF_SIBLING": "half-sister or half-brother",
        "STEP_SIBLING": "step-sister or step-brother",
        "TWIN": "twin",
        "PARTNER_OF_PARENT": "partner of a parent",
        "OTHER_HOUSEHOLD": "lives with them",
        "NETWORK": "friend or relative",
    }
)
STATE_WORDS: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.ACTIVE: "Agreed",
        State.DISPUTED: "Parents disagree",
        State.ENTERED_IN_ERROR: "A mistake",
        State.EXPIRED: "Ended",
        State.HELD: "On hold",
        State.INVALIDATED: "Not valid",
        State.LAPSED_AT_16: "Ended at 16",
        State.LAPSED_AT_18: "Ended at 18",
        State.LAPSED_PR_CHANGE: "Ended with parental responsibility",
        State.NOTED: "Noted",
        State.REFUSED: "Said no",
        State.REQUESTED: "Not asked",
        State.SCHEDULED: "Agreed for later",
        State.SUPERSEDED: "Replaced",
        State.WITHDRAWN: "Stopped",
    }
)
STATE_COLOURS: Final[Mapping[State, str]] = MappingProxyType(
    {
        state: "green"
        if state is State.ACTIVE
        else "red"
        if state in {State.DISPUTED, State.HELD, State.REFUSED, State.WITHDRAWN}
        else "yellow"
        if state in {State.EXPIRED, State.LAPSED_AT_16, State.LAPSED_AT_18, State.LAPSED_PR_CHANGE}
        else "grey"
        for state in State
    }
)
REASON_WORDS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.AGENCY_EXCLUDED: "Left out",
        Reason.AGENCY_NOT_COVERED: "Not agreed",
        Reason.DISPUTED: "Parents disagree",
        Reason.ENTERED_IN_ERROR: "A mistake",
        Reason.EXPIRED: "Ended",
        Reason.HELD: "On hold",
        Reason.INVALIDATED: "Not valid",
        Reason.LAPSED_AT_16: "Ended at 16",
        Reason.LAPSED_AT_18: "Ended at 18",
        Reason.LAPSED_PR_CHANGE: "Ended",
        Reason.NOT_YET_VALID: "Agreed for later",
        Reason.NO_DECISION: "Not asked",
        Reason.PROFILE_NOT_SHOWN: "Not shown to them",
        Reason.PURPOSE_NOT_COVERED: "Not agreed",
        Reason.REFUSED: "Said no",
        Reason.WITHDRAWN: "Stopped",
    }
)
EFFECT_WORDS: Final[Mapping[Effect, str]] = MappingProxyType(
    {
        Effect.CLOSED: "stopped",
        Effect.DISPUTED: "stopped, because parents disagree; a manager has to settle it",
        Effect.HELD: "on hold, until it is known who may decide",
        Effect.NOTED: "noted, and nothing changes: somebody else decides here",
        Effect.OPENED: "agreed",
    }
)


ANSWER_WORDS: Final[Mapping[Answer, str]] = MappingProxyType(
    {
        Answer.DELETED: "We deleted every copy",
        Answer.RETURNED: "We gave every copy back",
        Answer.STOPPED: "We stopped using them",
        Answer.RETAINED: "We have to keep them",
        Answer.NOT_RECEIVED: "We never received them",
    }
)
GROUND_WORDS: Final[Mapping[Ground, str]] = MappingProxyType(
    {
        Ground.STATUTORY_DUTY: "A law tells us to",
        Ground.OWN_RECORD: "They are part of our own record of our work",
        Ground.SAFEGUARDING: "To protect a child or an adult",
        Ground.LEGAL_CLAIM: "For a claim before a court",
    }
)
RECALL_WORDS: Final[Mapping[RecallState, str]] = MappingProxyType(
    {RecallState.ANSWERED: "answered", RecallState.ENDED: "done", RecallState.OPEN: "to answer"}
)


REFUSAL_WORDS: Final[Mapping[Refusal, str]] = MappingProxyType(
    {
        Refusal.DUPLICATE: "It is named twice.",
        Refusal.ENDS_BEFORE_IT_BEGINS: "It ends before it begins.",
        Refusal.KIND_NOT_ADMITTED: "Commissioners and the police are at no panel and give no help.",
        Refusal.MOVED: "Somebody changed the meeting meanwhile. Look at it, then try again.",
        Refusal.NOT_OPEN_LEVEL_2: "Only open cases at Level 2 go to the panel.",
        Refusal.NO_STANDING_YES: "Nobody in the family agrees to share with a member of this meeting.",
        Refusal.REF_IN_USE: "The reference is used for something else.",
        Refusal.UNKNOWN_AGENCY: "There is no such service.",
        Refusal.UNKNOWN_CASE: "There is no such case.",
        Refusal.UNKNOWN_MEETING: "There is no such meeting, or it is over.",
    }
)


def cell_words(cell: Cell) -> dict[str, str]:
    """What one agency may be told of one person, in a word, a colour for it, and a line more."""
    if not cell.purposes:
        reason = cell.reason or Reason.NO_DECISION
        stopped = reason in {Reason.DISPUTED, Reason.HELD, Reason.REFUSED, Reason.WITHDRAWN}
        return {"words": REASON_WORDS[reason], "colour": "red" if stopped else "grey", "more": ""}
    until = "" if cell.until is None else f"until {_last_day(cell.until)}"
    kinds = f"{len(cell.data)} {'kind' if len(cell.data) == 1 else 'kinds'} of information"
    whole = len(cell.purposes) == len(SERVED)
    return {
        "words": "Agreed" if whole else "Agreed in part",
        "colour": "green" if whole else "yellow",
        "more": ", ".join(filter(None, (kinds, until))),
    }


def day(at: datetime) -> str:
    """A day in London: "4 June 2025"."""
    return said_day(at.astimezone(LONDON))


def _last_day(end: datetime) -> str:
    """The last day before an end, which is outside."""
    return day(end - timedelta(microseconds=1))


def instant(at: datetime) -> str:
    """An instant in London as it is said: "4 June 2025 at 9:30am"."""
    local = at.astimezone(LONDON)
    half = "am" if local.hour < _NOON else "pm"
    return f"{said_day(local)} at {local.hour % _NOON or _NOON}:{local:%M}{half}"


def due(at: datetime) -> str:
    """When something has to be done: an instant, and for midnight the end of the day before it."""
    local = at.astimezone(LONDON)
    if local.time() != time():
        return instant(at)
    last = local.date() - timedelta(days=1)
    return f"the end of {said_day(last)}"
