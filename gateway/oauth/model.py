"""What a token may carry and what it is bound to, the entry each scope needs, and who a client is. No I/O.

INVARIANTS
- The twelve scopes are a closed list; a scope belongs to exactly one kind of entry.
- A token never mixes kinds: a case is always touched by a named person for one stated reason.

Sources: RFC 6749 section 3.3, RFC 7800, RFC 8705, RFC 9396, RFC 9449.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType

from agencies.model import AgencyCode, Purpose
from certs.certificate import PresentedCertificate

ClientId = NewType("ClientId", str)
"""``ag_`` (a system of an agency) or ``co_`` (the council's own) and random characters."""

Thumbprint = NewType("Thumbprint", str)
"""SHA-256 thumbprint, base64url: of a public key (RFC 7638) or of a certificate (RFC 8705 section 3.1)."""


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

CLOSING_SCOPES: Final = frozenset({Scope.CONSENT_REPORT_WITHDRAWAL, Scope.CONSENT_WRITE})
"""What a family withdraws by: whoever asks for a token with one of these is never told to wait."""

DESTINATION_SCOPES: Final = frozenset({Scope.REFERRAL_READ, Scope.REFERRAL_WRITE})
"""What the destination of safeguarding referrals may do, with a client of its own."""

BESIDE_REFERRALS: Final = frozenset({Scope.LOG_READ})
"""What else such a client may do: nothing that tells of a case."""


class NameKind(StrEnum):
    """Where in a certificate the name stands that identifies a client (RFC 8705 section 2.1.2)."""

    SUBJECT = "subject_dn"
    DNS = "san_dns"
    URI = "san_uri"
    ADDRESS = "san_ip"
    EMAIL = "san_email"


@dataclass(frozen=True, slots=True)
class CertificateName:
    """How a client's certificate is recognised, whichever one it renews to.

    Attributes:
        issuer: RFC 4514 name of the authority: of several trusted ones, no other may vouch for this client.
    """

    kind: NameKind
    value: str
    issuer: str

    def is_of(self, certificate: PresentedCertificate) -> bool:
        """Tell whether a certificate, verified before, is one of this client."""
        return certificate.issuer == self.issuer and self.value in _NAMES[self.kind](certificate)


_NAMES: Final[Mapping[NameKind, Callable[[PresentedCertificate], Collection[str]]]] = MappingProxyType(
    {
        NameKind.SUBJECT: lambda certificate: (certificate.subject,),
        NameKind.DNS: lambda certificate: certificate.dns,
        NameKind.URI: lambda certificate: certificate.uris,
        NameKind.ADDRESS: lambda certificate: certificate.addresses,
        NameKind.EMAIL: lambda certificate: certificate.emails,
    }
)


class AuthenticationMethod(StrEnum):
    """How a client proves who it is; there is no third way (FAPI 2.0 section 5.3.2.1 (6))."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    TLS_CLIENT_AUTH = "tls_client_auth"


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client whose agency has an agreement in date.

    Attributes:
        agency: absent for the council's own case system.
        keys: public keys (JWK members) by thumbprint, the proposed ones included.
        proposed_keys: those of them that nobody approved yet: they prove who the client is, and give nothing.
        certificate: how its certificate is recognised; absent: it cannot come by certificate alone.
        purposes: what its agency may ask for extracts for.
        effective: agency and client were approved; otherwise it can prove who it is, and gets nothing.
    """

    client_id: ClientId
    agency: AgencyCode | None
    scopes: frozenset[Scope]
    keys: Mapping[Thumbprint, Mapping[str, str]]
    proposed_keys: frozenset[Thumbprint]
    certificate: CertificateName | None
    purposes: frozenset[Purpose]
    effective: bool


class ConfirmationMethod(StrEnum):
    """What a token is bound to: the member of ``cnf`` that says so (RFC 7800)."""

    CERTIFICATE = "x5t#S256"
    """A client certificate, RFC 8705 section 3.1."""
    PROOF_KEY = "jkt"
    """The key of DPoP proofs, RFC 9449 section 6.1."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The one thing that whoever uses a token must hold."""

    method: ConfirmationMethod
    thumbprint: Thumbprint

    @property
    def token_type(self) -> str:
        """The scheme under which the token is presented (RFC 9449 section 5, RFC 6750 section 2.1)."""
        return "DPoP" if self.method is ConfirmationMethod.PROOF_KEY else "Bearer"


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
