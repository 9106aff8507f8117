"""Incidents and complaints in the words of the pages. Pure.

INVARIANT: every sort, step, need and kind of entry that is shown has words.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.dossiers.model import Dossier, Need, Sort, StepKind

ADDRESS: Final[Mapping[Sort, str]] = MappingProxyType(
    {Sort.COMPLAINT: "/console/complaints", Sort.INCIDENT: "/console/incidents"}
)
SORT_WORDS: Final[Mapping[Sort, str]] = MappingProxyType(
    {Sort.COMPLAINT: "Complaint", Sort.INCIDENT: "Incident"}
)
LIST_WORDS: Final[Mapping[Sort, str]] = MappingProxyType(
    {Sort.COMPLAINT: "Complaints", Sort.INCIDENT: "Incidents"}
)
NEW_WORDS: Final[Mapping[Sort, str]] = MappingProxyType(
    {Sort.COMPLAINT: "Record a complaint", Sort.INCIDENT: "Record an incident"}
)
CLOCK_WORDS: Final[Mapping[Sort, str]] = MappingProxyType(
    {
        Sort.COMPLAINT: "to tell them that it came: 30 days of the calendar after the day it came, to the next working day",
        Sort.INCIDENT: "to notify the Commissioner: 72 hours from becoming aware, day and night",
    }
)
NEED_WORDS: Final[Mapping[Need, str]] = MappingProxyType(
    {
        Need.ACKNOWLEDGE: "whether they were told that it came",
        Need.ACT: "what was done about it",
        Need.COMMISSIONER: "whether the Commissioner is notified",
        Need.CONSEQUENCES: "what is likely to come of it",
        Need.MEASURES: "what is done about it",
        Need.OUTCOME: "the outcome",
        Need.PEOPLE: "whether the people concerned are told",
    }
)
STEP_WORDS: Final[Mapping[StepKind, str]] = MappingProxyType(
    {
        StepKind.ACKNOWLEDGE: "They were told that it came",
        StepKind.ACT: "Something was done about it",
        StepKind.CLOSE: "It was closed",
        StepKind.COMMISSIONER: "Notifying the Commissioner was settled",
        StepKind.DESCRIBE: "It was described",
        StepKind.LINK: "A release was linked",
        StepKind.NOTE: "Something was added",
        StepKind.OUTCOME: "They were told the outcome",
        StepKind.PEOPLE: "Telling the people concerned was settled",
        StepKind.REOPEN: "It was opened again",
        StepKind.UNLINK: "A release was linked no more",
    }
)
"""What happened."""
FORM_WORDS: Final[Mapping[StepKind, str]] = MappingProxyType(
    {
        StepKind.ACKNOWLEDGE: "Say that they were told that it came",
        StepKind.ACT: "Say what was done",
        StepKind.CLOSE: "Close it",
        StepKind.COMMISSIONER: "Notify the Commissioner, or say why not",
        StepKind.DESCRIBE: "Describe it",
        StepKind.NOTE: "Add a note",
        StepKind.OUTCOME: "Say what the outcome is",
        StepKind.PEOPLE: "Tell the people concerned, or say why not",
        StepKind.REOPEN: "Open it again",
    }
)
"""What a form is for."""


def name_of(dossier: Dossier) -> str:
    """What a dossier is called: it tells of nobody."""
    return f"{SORT_WORDS[dossier.sort]} {str(dossier.id)[:8]}"
