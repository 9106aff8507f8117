"""What can be wrong with an answer to a recall; nothing of it names a case."""


class RecallError(Exception):
    """Base of the errors of this room."""


class UnknownRecallError(RecallError):
    """There is no such recall for this agency."""


class AnswerStandsError(RecallError):
    """The copy was said to be gone before; an answer that says otherwise is not taken."""
