"""What can be wrong with signing in; each says no more than that."""


class StaffError(Exception):
    """The root of this room's errors."""


class InvitationError(StaffError):
    """The one-time code was never given, is over, or was used: which one, nobody is told."""


class LastPasskeyError(StaffError):
    """It is the member's only passkey: without it they could not sign in again."""


class SignInError(StaffError):
    """Who signs in did not prove who they are."""


class UnknownMemberError(StaffError):
    """There is no member of staff of this username."""
