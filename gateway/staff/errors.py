"""What can be wrong with signing in; each says no more than that."""


class StaffError(Exception):
    """The root of this room's errors."""


class InvitationError(StaffError):
    """The one-time code was never given, is over, or was used: which one, nobody is told."""


class LastPasskeyError(StaffError):
    """It is the member's only passkey: without it they could not sign in again."""


class SignInError(StaffError):
    """Who signs in did not prove who they are."""


class ProviderAnswerError(SignInError):
    """What came from the provider, or back by the browser, is not what it must be.

    The message says what, for the operator's log, and holds nothing of what came.
    """


class ProviderAwayError(StaffError):
    """The provider cannot be reached, or did not answer in time."""


class UnknownKeyError(ProviderAnswerError):
    """A token names a key that the provider did not publish when its keys were read last."""


class UnknownIdentityError(StaffError):
    """Somebody proved who they are to the provider, and is nobody here."""


class UnknownMemberError(StaffError):
    """There is no member of staff of this username."""
