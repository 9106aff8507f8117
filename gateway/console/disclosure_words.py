"""The words of the disclosure explorer, and its file for a spreadsheet. Pure.

INVARIANTS
- Every kind that is shown has words, and every standing of a proof.
- A cell of the file is never the beginning of a formula (OWASP, CSV Injection).
"""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC
from types import MappingProxyType
from typing import Final

from gateway.console.profile_matrix import harmless
from gateway.disclosure_log.exploring import Disclosure, Sort
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.proving import Standing

UNREADABLE: Final = "An entry that cannot be read"
SORT_WORDS: Final[Mapping[Sort, str]] = MappingProxyType(
    {
        Sort.RELEASE: "Releases",
        Sort.REFUSAL: "Refusals",
        Sort.WITHDRAWAL: "Withdrawals",
        Sort.CONSENT: "Other decisions of families",
        Sort.RECALL: "Answers to recalls",
        Sort.PREVIEW: "Previews of the officer",
        Sort.PACK: "What was read or signed off for an agency",
    }
)
KIND_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        EntryKind.CONSENT_ENTER_IN_ERROR: "A decision was found to be a mistake",
        EntryKind.CONSENT_GIVE: "A yes was recorded",
        EntryKind.CONSENT_HOLD: "Sharing was put on hold",
        EntryKind.CONSENT_INVALIDATE: "An agreement was found invalid",
        EntryKind.CONSENT_REFUSE: "A no was recorded",
        EntryKind.CONSENT_WITHDRAW: "Sharing was stopped",
        EntryKind.EXTRACT_REFUSE: "An extract was refused",
        EntryKind.EXTRACT_RELEASE: "An extract was released",
        EntryKind.PACK_PREVIEW: "What an agency will see was read",
        EntryKind.PACK_SIGN_OFF: "Free text was signed off",
        EntryKind.PACK_WITHDRAW: "A sign-off was taken back",
        EntryKind.PROFILE_PREVIEW: "What an agency would be told was looked at",
        EntryKind.RECALL_ANSWER: "A recall was answered",
    }
)
STANDING_COLOURS: Final[Mapping[Standing, str]] = MappingProxyType(
    {Standing.NOT_PROVED: "red", Standing.NOT_YET: "grey", Standing.PROVED: "green"}
)
STANDING_WORDS: Final[Mapping[Standing, str]] = MappingProxyType(
    {
        Standing.NOT_PROVED: "The entry is not what the signed log has at its place. Tell the operator, and change nothing.",
        Standing.NOT_YET: "The entry is newer than the newest signed checkpoint. Look again in a minute.",
        Standing.PROVED: "The signature, the entry's place in the log, and what it says were checked just now.",
    }
)
_HEADS: Final = ("minute", "entry", "kind", "agency", "practitioner", "purpose", "reasons")


def title_of(line: Disclosure) -> str:
    """What happened."""
    return KIND_WORDS.get(line.kind, UNREADABLE)


def to_csv(lines: Iterable[Disclosure], *, more: bool) -> str:
    """Return lines as comma-separated values (RFC 4180).

    Args:
        more: there are others, which the last line says.
    """
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(_HEADS)
    for line in lines:
        told = (line.kind, line.agency, line.practitioner, line.purpose, " ".join(line.reasons))
        writer.writerow(
            [line.minute.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ"), line.leaf_index, *map(harmless, told)]
        )
    if more:
        writer.writerow(["There is more: choose fewer days."])
    return written.getvalue()
