"""The words of referrals: kinds, states, clocks, outcomes and findings. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.safeguarding.clocks import Counted, DutyKind
from gateway.safeguarding.model import Exemption, Finding, Kind, Outcome, Reviewer, State, Visibility
from gateway.safeguarding.patterns import PatternKind

KIND_WORDS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.AGREED: "Agreed with the family",
        Kind.CONSIDERED: "Considered, not shared",
        Kind.DUTY: "Duty to share",
        Kind.PROTECTION: "Without agreement",
    }
)
STATE_WORDS: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.ACKNOWLEDGED: "arrived",
        State.DECIDED: "decided",
        State.DRAFT: "NOT SENT",
        State.RECORDED: "recorded",
        State.SENT: "sent",
    }
)
STATE_COLOURS: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.ACKNOWLEDGED: "teal",
        State.DECIDED: "green",
        State.DRAFT: "red",
        State.RECORDED: "grey",
        State.SENT: "yellow",
    }
)
DUTY_WORDS: Final[Mapping[DutyKind, str]] = MappingProxyType(
    {
        DutyKind.ACKNOWLEDGEMENT: "Ring them: did it arrive?",
        DutyKind.COMPLETE: "Answer what was left open",
        DutyKind.DECISION: "Ring them: what did they decide?",
        DutyKind.ESCALATE: "No word yet: take it to whoever is above them",
        DutyKind.LEAD_REVIEW: "The safeguarding lead looks at it",
        DutyKind.OFFICER_REVIEW: "The data protection officer looks at it",
        DutyKind.OUTCOME: "Ask what came of what they decided",
        DutyKind.SEND: "Send it, or discard it",
        DutyKind.TELL: "Can the family be told now?",
        DutyKind.VISIBILITY: "Decide whether it is in the family's statement",
    }
)
COUNTED_WORDS: Final[Mapping[Counted, str]] = MappingProxyType(
    {
        Counted.DAYS: "every day counts",
        Counted.HOURS: "hours, day and night",
        Counted.WORKING_DAYS: "working days of England and Wales",
    }
)
OUTCOME_WORDS: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        Outcome.ADVICE: "Advice",
        Outcome.EARLY_HELP: "Early help goes on",
        Outcome.IMMEDIATE_PROTECTION: "Immediate protection (sections 44 and 46)",
        Outcome.NO_FURTHER_ACTION: "No further action",
        Outcome.SECTION_17: "Assessment as a child in need (section 17)",
        Outcome.STRATEGY_DISCUSSION: "Strategy discussion and enquiry (section 47)",
    }
)
FINDING_WORDS: Final[Mapping[Finding, str]] = MappingProxyType(
    {
        Finding.NOT_NECESSARY: "It was not necessary",
        Finding.PROPORTIONATE: "Necessary, proportionate and in time",
        Finding.TOO_LATE: "Too late",
        Finding.TOO_LITTLE: "Too little was told",
        Finding.TOO_MUCH: "Too much was told",
    }
)
REVIEWER_WORDS: Final[Mapping[Reviewer, str]] = MappingProxyType(
    {Reviewer.LEAD: "safeguarding lead", Reviewer.OFFICER: "data protection officer"}
)
VISIBILITY_WORDS: Final[Mapping[Visibility, str]] = MappingProxyType(
    {
        Visibility.PENDING: "not decided: it stays out until somebody does",
        Visibility.SHOW: "it may be seen",
        Visibility.WITHHOLD: "it is left out",
    }
)
EXEMPTION_WORDS: Final[Mapping[Exemption, str]] = MappingProxyType(
    {
        Exemption.CHILD_ABUSE: "Child abuse data (schedule 3 paragraph 21)",
        Exemption.CRIME: "Crime (schedule 2 paragraph 2)",
        Exemption.EDUCATION: "Education data (schedule 3 paragraph 19)",
        Exemption.HEALTH: "Health data: a health professional's opinion (schedule 3 paragraph 5)",
        Exemption.OTHERS_DATA: "It is about somebody else (schedule 2 paragraph 16)",
        Exemption.SOCIAL_WORK: "Social work data: serious harm (schedule 3 paragraph 11)",
    }
)
PATTERN_WORDS: Final[Mapping[PatternKind, str]] = MappingProxyType(
    {
        PatternKind.AUTHOR: "{about} sent {count} this week, many more than before.",
        PatternKind.DESTINATION: "{about} got {count} this week, and none in the weeks before.",
        PatternKind.VOLUME: "{count} were sent this week, many more than before.",
    }
)
