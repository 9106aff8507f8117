"""What can be wrong with a referral; each text is one sentence for whoever acts, with nothing of what was typed."""

from collections.abc import Sequence
from dataclasses import dataclass


class SafeguardingError(Exception):
    """Nothing was changed."""


class UnknownReferralError(SafeguardingError):
    """For whoever asks there is no such referral."""


class DecisionStandsError(SafeguardingError):
    """The destination decided something else before, and the first word stands."""


class NotSentError(SafeguardingError):
    """The referral did not go; ring."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that is missing or cannot be read.

    Attributes:
        question: its name.
        sentence: what to do.
    """

    question: str
    sentence: str


class FaultyAnswersError(SafeguardingError):
    """Some of what a referral cannot go without is missing, or an answer cannot be read.

    Attributes:
        faults: one for each of them, in the order of the questions.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("answers are missing")
        self.faults = tuple(faults)


class DestinationsError(SafeguardingError):
    """A file of destinations says what none may."""
