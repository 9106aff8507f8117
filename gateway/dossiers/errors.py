"""Faults of the room; each text is one sentence for whoever acts, with nothing of what was typed."""


class DossierError(Exception):
    """Nothing was changed."""


class UnknownDossierError(DossierError):
    """For whoever asks there is no such dossier."""


class FaultyAnswerError(DossierError):
    """An answer is missing, or cannot be kept as it is.

    Attributes:
        field: the id of its element.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
