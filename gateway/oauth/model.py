"""What a token may carry: scopes, the entry each of them needs, and who a client is. No I/O.

INVARIANTS
- The twelve scopes are a closed list; a scope belongs to exactly one kind of entry.
- A token never mixes kinds: a case is always touched by a named person for one stated reason.

Sources: RFC 6749 section 3.3, RFC 9396.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType

from agencies.model import AgencyCode, Purpose

ClientId = NewType("ClientId", str)
"""``ag_`` (a system of an agency) or ``co_`` (the council's own) and random characters."""

Thumbprint = NewType("Thumbprint", str)
"""RFC 7638 SHA-256 thumbprint of a public key, base64url."""


class Scope(StrEnum):
    """What a token lets its bearer do, ``noun:verb``."""

    AGGREGATE_READ = "aggregate:read"
    CASE_WRITE = "case:write"
    CHANGES_READ = "changes:read"
    CONSENT_REPORT_WITHDRAWAL = "consent:report-withdrawal"
    CONSENT_WRITE = "consent:write"
    EXTRACT_READ = "extract:read"
    LOG_READ = "log:read"
    OFFER_WRITE = "offer:write"
    PANEL_READ = "panel:read"
    RECALL_WRITE = "recall:write"
    REFERRAL_READ = "referral:read"
    REFERRAL_WRITE = "referral:write"


class Entry(StrEnum):
    """The kind of authorization details (RFC 9396) that a scope needs."""

    CASE_ACTION = "case_action"
    """A practitioner acts on a case."""
    CASE_EXTRACT = "case_extract"
    """A practitioner asks for extracts, for one purpose."""
    NONE = "none"
    """A system acts, no person and no single case."""


ENTRY_TYPES: Final = (Entry.CASE_ACTION, Entry.CASE_EXTRACT)
"""The types that may appear in a request, and in the metadata."""

ENTRY_OF: Final[Mapping[Scope, Entry]] = MappingProxyType(
    {
        Scope.AGGREGATE_READ: Entry.NONE,
        Scope.CASE_WRITE: Entry.NONE,
        Scope.CHANGES_READ: Entry.NONE,
        Scope.CONSENT_REPORT_WITHDRAWAL: Entry.CASE_ACTION,
        Scope.CONSENT_WRITE: Entry.NONE,
        Scope.EXTRACT_READ: Entry.CASE_EXTRACT,
        Scope.LOG_READ: Entry.NONE,
        Scope.OFFER_WRITE: Entry.CASE_ACTION,
        Scope.PANEL_READ: Entry.CASE_ACTION,
        Scope.RECALL_WRITE: Entry.CASE_ACTION,
        Scope.REFERRAL_READ: Entry.CASE_ACTION,
        Scope.REFERRAL_WRITE: Entry.CASE_ACTION,
    }
)

COUNCIL_SCOPES: Final = frozenset({Scope.CASE_WRITE, Scope.CONSENT_WRITE})
"""What the council's own case system may do, and no agency."""

DESTINATION_SCOPES: Final = frozenset({Scope.REFERRAL_READ, Scope.REFERRAL_WRITE})
"""What the destination of safeguarding referrals may do, with a client that may never read extracts."""


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client that may be served now: active, its agency active, its agreement in date.

    Attributes:
        agency: absent for the council's own case system.
        keys: the active public keys (JWK members) by thumbprint.
    """

    client_id: ClientId
    agency: AgencyCode | None
    scopes: frozenset[Scope]
    keys: Mapping[Thumbprint, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class AuthorizationEntry:
    """The one entry of a token that touches cases.

    Attributes:
        purpose: present exactly when ``type`` is ``case_extract``.
        practitioner: the id as the agency writes it.
    """

    type: Entry
    practitioner: str
    purpose: Purpose | None

    def to_json(self) -> dict[str, object]:
        """Return the entry as it stands in tokens and token responses."""
        purpose = {} if self.purpose is None else {"purpose": str(self.purpose)}
        return {"type": str(self.type), **purpose, "practitioner": {"id": self.practitioner}}
