"""What can be wrong with a report by a partner; nothing of it names a case or a person."""


class ConsentRoomError(Exception):
    """Base of the errors of this room."""


class NotForPartnersError(ConsentRoomError):
    """A partner sent an act that is the council's alone; the sender's fault, and nothing was stored."""
