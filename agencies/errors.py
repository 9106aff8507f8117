"""Errors of the agencies package, divided by who is at fault.

INVARIANT: no message ever holds a value that was read: reasons are stable sentences, places are row
numbers, member names of our own catalogue, and JSON pointers.
"""


class AgenciesError(Exception):
    """Base of everything this package raises."""


class IdentifierError(AgenciesError):
    """The caller's text is no valid identifier of the kind asked for.

    Attributes:
        reason: stable sentence, never the text itself.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProfileError(AgenciesError):
    """A sharing profile's text is wrong; the message names the row and the key."""


class UnsoundProfileError(AgenciesError):
    """A profile says what none ever may; the message is the first counterexample and the invariant it breaks."""


class UnknownFieldError(AgenciesError):
    """The calling code named a field that the catalogue does not have."""


class PurposeNotServedError(AgenciesError):
    """The purpose is known but no stage serves it: nothing may be released for it."""


class UnknownAgencyError(AgenciesError):
    """The caller named an agency, or a profile version of one, that does not exist."""


class UnknownPractitionerError(AgenciesError):
    """The caller named a practitioner whom the agency's register does not have."""


class PractitionerFileError(AgenciesError):
    """A list of practitioners is wrong; the message is one sentence that names the row and the column."""


class AttestationError(AgenciesError):
    """A confirmation of a list cannot be stored as asked; the message is one sentence for whoever asked."""


class OnboardingError(AgenciesError):
    """An agency cannot be onboarded as asked; the message is one sentence for whoever asked."""


class ProfileVersionError(AgenciesError):
    """A profile version cannot be stored: its number is taken or is not the next one."""


class SecondPersonError(AgenciesError):
    """Only synthetic data may skip the second person who approves an agency and its profile."""
