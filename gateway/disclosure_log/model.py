"""What can be entered into the log. Pure.

INVARIANT: a kind that is not listed cannot be recorded.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class EntryKind(StrEnum):
    """Every kind of entry: ``noun.verb``. The kind stays in the sealed internal part."""

    AGENCY_ACTIVATE = "agency.activate"
    AGENCY_ONBOARD = "agency.onboard"
    AGENCY_REINSTATE = "agency.reinstate"
    AGENCY_SUSPEND = "agency.suspend"
    APPROVAL_PROPOSE = "approval.propose"
    APPROVAL_REJECT = "approval.reject"
    CASE_CLOSE = "case.close"
    CASE_ERASE = "case.erase"
    CASE_FIND = "case.find"
    CASE_IMPORT = "case.import"
    CASE_LIST = "case.list"
    CASE_OPEN = "case.open"
    CASE_REPLACE = "case.replace"
    CASE_SHIELD = "case.shield"
    CASE_VIEW = "case.view"
    CERTIFICATE_ISSUE = "certificate.issue"
    CERTIFICATE_REVOKE = "certificate.revoke"
    CLIENT_ADD_KEY = "client.add_key"
    CLIENT_APPROVE = "client.approve"
    CLIENT_PROPOSE = "client.propose"
    CLIENT_REGISTER = "client.register"
    CLIENT_REMOVE_KEY = "client.remove_key"
    CLIENT_REVOKE = "client.revoke"
    CLIENT_SUSPEND = "client.suspend"
    COMPLAINT_OPEN = "complaint.open"
    COMPLAINT_RECORD = "complaint.record"
    COMPLAINT_VIEW = "complaint.view"
    CONSENT_ENTER_IN_ERROR = "consent.enter_in_error"
    CONSENT_EXPLAIN = "consent.explain"
    CONSENT_GIVE = "consent.give"
    CONSENT_HOLD = "consent.hold"
    CONSENT_INVALIDATE = "consent.invalidate"
    CONSENT_REFUSE = "consent.refuse"
    CONSENT_WITHDRAW = "consent.withdraw"
    DESTINATION_REPLACE = "destination.replace"
    DISCLOSURE_VIEW = "disclosure.view"
    EXTRACT_REFUSE = "extract.refuse"
    EXTRACT_RELEASE = "extract.release"
    INCIDENT_OPEN = "incident.open"
    INCIDENT_RECORD = "incident.record"
    INCIDENT_VIEW = "incident.view"
    KEY_ROTATE = "key.rotate"
    LOG_COVER = "log.cover"
    LOG_RESTORE = "log.restore"
    LOG_ROTATE_KEY = "log.rotate_key"
    OFFER_ACCEPT = "offer.accept"
    PACK_PREVIEW = "pack.preview"
    PACK_SIGN_OFF = "pack.sign_off"
    PACK_WITHDRAW = "pack.withdraw"
    PANEL_LIST = "panel.list"
    PRACTITIONER_ATTEST = "practitioner.attest"
    PRACTITIONER_END = "practitioner.end"
    PRACTITIONER_REPLACE = "practitioner.replace"
    PROFILE_ADOPT = "profile.adopt"
    PROFILE_PREVIEW = "profile.preview"
    PROFILE_SIMULATE = "profile.simulate"
    PROFILE_STORE = "profile.store"
    RECALL_ANSWER = "recall.answer"
    REFERRAL_ACKNOWLEDGE = "referral.acknowledge"
    REFERRAL_COMPLETE = "referral.complete"
    REFERRAL_CONSIDER = "referral.consider"
    REFERRAL_DECIDE = "referral.decide"
    REFERRAL_FETCH = "referral.fetch"
    REFERRAL_OFFER = "referral.offer"
    REFERRAL_PICKUP = "referral.pickup"
    REFERRAL_REVIEW = "referral.review"
    REFERRAL_SEND = "referral.send"
    REFERRAL_TELL = "referral.tell"
    REFERRAL_VIEW = "referral.view"
    REFERRAL_VISIBILITY = "referral.visibility"
    SAMPLE_ANSWER = "sample.answer"
    SAMPLE_DRAW = "sample.draw"
    SAMPLE_SETTLE = "sample.settle"
    STATEMENT_AUDIT = "statement.audit"
    STATEMENT_MAKE = "statement.make"


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """One entry on its way into the log, with the gate versions it was decided on.

    Attributes:
        family_version: gate version the decision read; absent: not checked (refusals, acts).
        extract_id: the extract this entry releases; absent: none.
    """

    entry_id: UUID
    body: bytes
    sealed: bytes
    family_id: UUID
    family_version: int | None = None
    agency: str | None = None
    agency_version: int | None = None
    extract_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a batch landed.

    Attributes:
        first: leaf index of the first entry written.
        size: entries in the log afterwards.
        moved: positions (from 0) whose gate had moved; these were not written.
        root: of the tree afterwards, as the database says.
        between: hashes of the leaves from the size the caller knew up to ``first``, 32 bytes each; absent: it named
            none, or it knows too little, or more than there is.
    """

    first: int
    size: int
    moved: tuple[int, ...]
    root: bytes
    between: bytes | None
