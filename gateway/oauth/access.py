"""Who may call which route: one table, one guard in front of every view.

INVARIANTS
- A route without a row is refused to everyone, so a forgotten row never opens anything.
- A token stands in the Authorization header, under the scheme of what it is bound to: ``DPoP`` with one proof of
  its key for this method and address, or ``Bearer`` on a connection with the certificate it names.
- Rights are those of this moment: client, keys, certificate, token, agency, agreement and practitioner are read
  on every request.
- A missing scope is 403, and too many requests are 429, before the view runs, the same whatever the request
  asked about.

- A page is for a signed-in member of staff with one of its roles, as the database has them now. What a page sends
  comes from this origin and carries its session's token. What a provider signs comes from no page, and proves itself.

Sources: RFC 9449 section 7, RFC 8705 section 3, RFC 6750 section 3, RFC 9728 section 5.1, FAPI 2.0 section 5.3.4.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never
from urllib.parse import quote

from flask import Flask, Request, Response, g, request
from werkzeug.wrappers import Response as AnyResponse

from agencies.model import AgencyCode
from certs.certificate import PresentedCertificate
from gateway.caller import Caller, PractitionerClaim
from gateway.oauth.client_certificate import presented_certificate
from gateway.oauth.dpop import Proof, verify_proof
from gateway.oauth.errors import (
    CallerAbsentError,
    ForgedCertificateError,
    InvalidProofError,
    InvalidTokenError,
    UseNonceError,
)
from gateway.oauth.jose import CLIENT_ALGORITHMS
from gateway.oauth.model import Confirmation, ConfirmationMethod, Scope
from gateway.oauth.nonce import check_nonce, offer_nonce
from gateway.oauth.rate_limit import absence_bucket, client_bucket, count_absence, practitioner_bucket, take
from gateway.oauth.rate_limit import headers as limit_headers
from gateway.oauth.repository import TokenStanding, token_standing
from gateway.oauth.token_reader import TokenReader
from gateway.oauth.tokens import VerifiedToken
from gateway.problems import (
    FORBIDDEN,
    INVALID_REQUEST,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    Problem,
    problem_response,
)
from gateway.staff import service as staff
from gateway.staff.model import Role, SignedIn
from gateway.wiring import Wiring

RESOURCE_METADATA_PATH: Final = "/.well-known/oauth-protected-resource/v1"


class Open(Enum):
    """Access that does not depend on a scope."""

    ANY_CALLER = "any caller"
    """Whoever has a token, whatever it is for."""
    CLIENT = "client"
    """The route authenticates the client itself, without a token."""
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Staff:
    """A page for members of staff with one of these roles."""

    roles: frozenset[Role]


ANYBODY: Final = Staff(frozenset(Role))
"""Every member of staff who has any listed role."""
APPROVERS: Final = Staff(frozenset({Role.SECOND_APPROVER}))
OFFICERS: Final = Staff(frozenset({Role.DATA_PROTECTION_OFFICER}))
TWO_PEOPLE: Final = Staff(frozenset({Role.DATA_PROTECTION_OFFICER, Role.SECOND_APPROVER}))
WHO_OVERSEE: Final = Staff(
    frozenset({Role.AUDITOR, Role.DATA_PROTECTION_OFFICER, Role.MANAGER, Role.SECOND_APPROVER})
)
WHO_AUDIT: Final = Staff(frozenset({Role.AUDITOR, Role.DATA_PROTECTION_OFFICER}))
"""Who reads the disclosure log; whoever audits reads it only."""
WHO_ACCOUNT: Final = Staff(frozenset({Role.AUDITOR, Role.DATA_PROTECTION_OFFICER, Role.SECOND_APPROVER}))
"""Who reads the record of processing."""
COORDINATORS: Final = Staff(frozenset({Role.PANEL_COORDINATOR}))
DESK_USERS: Final = Staff(frozenset({Role.DESK_USER}))
WITH_FAMILIES: Final = Staff(frozenset({Role.CASEWORKER, Role.MANAGER, Role.SAFEGUARDING_LEAD}))
"""Who works with families: any of them records a stop."""
WHO_REFER: Final = WITH_FAMILIES
"""Who refers: whoever works with families, and nothing keeps them from it."""
OVERSEERS: Final = Staff(frozenset({Role.DATA_PROTECTION_OFFICER, Role.SAFEGUARDING_LEAD}))
"""For whom every referral exists."""
WHO_KNOW: Final = Staff(WITH_FAMILIES.roles | OVERSEERS.roles)
"""For whom a referral may exist; each page makes sure of it."""
WHO_ASK: Final = Staff(frozenset({Role.CASEWORKER, Role.MANAGER}))
"""Who asks families for a yes."""
WHO_ADMIT: Final = Staff(TWO_PEOPLE.roles | {Role.OPERATOR})
"""Who looks after the agencies and their systems, and may stop one at once."""
ANY_CALLER: Final = Open.ANY_CALLER
CLIENT: Final = Open.CLIENT
PUBLIC: Final = Open.PUBLIC

Access: TypeAlias = Scope | Open | Staff | frozenset[Scope]
"""One scope, one of several, the roles of staff, or what depends on neither."""

ROUTES: Final[Mapping[str, Access]] = MappingProxyType(
    {
        "consent.decisions": frozenset({Scope.CONSENT_REPORT_WITHDRAWAL, Scope.CONSENT_WRITE}),
        "consent.receipt": Scope.CONSENT_WRITE,
        "consent.standing": Scope.CONSENT_WRITE,
        "agencies.agencies": WHO_ADMIT,
        "agencies.agency": WHO_ADMIT,
        "agencies.practitioners": TWO_PEOPLE,
        "agencies.suspend": WHO_ADMIT,
        "agencies.suspending": WHO_ADMIT,
        "approvals.approvals": TWO_PEOPLE,
        "approvals.approve": APPROVERS,
        "approvals.propose": OFFICERS,
        "approvals.reject": TWO_PEOPLE,
        "approvals.subject": TWO_PEOPLE,
        "complaints.begin": OFFICERS,
        "complaints.dossier": WHO_AUDIT,
        "complaints.form": OFFICERS,
        "complaints.link": OFFICERS,
        "complaints.listed": WHO_AUDIT,
        "complaints.new": OFFICERS,
        "complaints.take": OFFICERS,
        "complaints.unlink": OFFICERS,
        "consents.agree": WHO_ASK,
        "consents.agreeing": WHO_ASK,
        "consents.receipt": WITH_FAMILIES,
        "consents.recorded": WITH_FAMILIES,
        "consents.stop": WITH_FAMILIES,
        "consents.stopping": WITH_FAMILIES,
        "console.accessibility": PUBLIC,
        "console.asset": PUBLIC,
        "console.home": ANYBODY,
        "console.task_done": ANYBODY,
        "console.tasks": ANYBODY,
        "demo.click": PUBLIC,
        "demo.people": PUBLIC,
        "desk.answer": DESK_USERS,
        "desk.case": DESK_USERS,
        "desk.extract": DESK_USERS,
        "desk.home": DESK_USERS,
        "desk.recall": DESK_USERS,
        "desk.recall_list": DESK_USERS,
        "desk.receipt": DESK_USERS,
        "desk_samples.confirm": DESK_USERS,
        "desk_samples.questions": DESK_USERS,
        "disclosures.entry": WHO_AUDIT,
        "disclosures.explorer": WHO_AUDIT,
        "disclosures.file": WHO_AUDIT,
        "disclosures.remove": OFFICERS,
        "disclosures.save": OFFICERS,
        "disclosures.weeks": WHO_AUDIT,
        "packs.pack": WITH_FAMILIES,
        "packs.packs": WITH_FAMILIES,
        "packs.sign": WITH_FAMILIES,
        "packs.withdraw": WITH_FAMILIES,
        "editor.basis": OFFICERS,
        "editor.begin": OFFICERS,
        "editor.change": OFFICERS,
        "editor.change_basis": OFFICERS,
        "editor.check": OFFICERS,
        "editor.discard": OFFICERS,
        "editor.draft": OFFICERS,
        "editor.save": OFFICERS,
        "editor.section": OFFICERS,
        "emergency.form": PUBLIC,
        "emergency.note": PUBLIC,
        "families.family": WITH_FAMILIES,
        "families.find": WITH_FAMILIES,
        "families.open_family": WITH_FAMILIES,
        "families.own": WITH_FAMILIES,
        "families.reason": WITH_FAMILIES,
        "families.search": WITH_FAMILIES,
        "families.team": WITH_FAMILIES,
        "health.healthz": PUBLIC,
        "health.readyz": PUBLIC,
        "impacts.file": TWO_PEOPLE,
        "impacts.impact": TWO_PEOPLE,
        "incidents.begin": OFFICERS,
        "incidents.dossier": WHO_AUDIT,
        "incidents.form": OFFICERS,
        "incidents.link": OFFICERS,
        "incidents.listed": WHO_AUDIT,
        "incidents.new": OFFICERS,
        "incidents.take": OFFICERS,
        "incidents.unlink": OFFICERS,
        "log.checkpoint": PUBLIC,
        "log.entries": Scope.LOG_READ,
        "log.tile": Scope.LOG_READ,
        "me.me": ANY_CALLER,
        "meetings.accept": COORDINATORS,
        "meetings.add_case": COORDINATORS,
        "meetings.agenda": COORDINATORS,
        "meetings.hold": COORDINATORS,
        "meetings.invite": COORDINATORS,
        "meetings.meetings": COORDINATORS,
        "meetings.members": COORDINATORS,
        "meetings.new": COORDINATORS,
        "meetings.offer": COORDINATORS,
        "meetings.remove_case": COORDINATORS,
        "oauth.authorization_server": PUBLIC,
        "oauth.introspect": CLIENT,
        "oauth.jwks": PUBLIC,
        "oauth.openid_configuration": PUBLIC,
        "oauth.protected_resource": PUBLIC,
        "oauth.revoke": CLIENT,
        "oauth.token": CLIENT,
        "oidc.callback": PUBLIC,
        "oidc.start": PUBLIC,
        "oidc_logout.logout": PUBLIC,
        "openapi.document": PUBLIC,
        "panel.extracts": Scope.EXTRACT_READ,
        "panel.meeting": Scope.PANEL_READ,
        "panel.meetings": Scope.PANEL_READ,
        "passkeys.add": ANYBODY,
        "passkeys.made": ANYBODY,
        "passkeys.own": ANYBODY,
        "passkeys.remove": ANYBODY,
        "pickup.code": PUBLIC,
        "pickup.form": PUBLIC,
        "previews.family": OFFICERS,
        "previews.preview": OFFICERS,
        "processing.file": WHO_ACCOUNT,
        "processing.record": WHO_ACCOUNT,
        "profiles.file": WHO_OVERSEE,
        "profiles.matrix": WHO_OVERSEE,
        "profiles.profile": WHO_OVERSEE,
        "recall.answer": Scope.RECALL_WRITE,
        "recall.extract_status": Scope.EXTRACT_READ,
        "recall.recalls": Scope.RECALL_WRITE,
        "referrals.begin": WHO_REFER,
        "referrals.complete": WHO_REFER,
        "referrals.document": WHO_KNOW,
        "referrals.form": WHO_REFER,
        "referrals.offer": WHO_REFER,
        "referrals.own": WHO_REFER,
        "referrals.refer": WHO_REFER,
        "referrals.referral": WHO_KNOW,
        "referrals.review": OVERSEERS,
        "referrals.review_queue": OVERSEERS,
        "referrals.send": WHO_REFER,
        "referrals.told": WHO_KNOW,
        "referrals.visibility": OFFICERS,
        "referrals.word": WHO_KNOW,
        "release.extract": Scope.EXTRACT_READ,
        "release.receipt": Scope.EXTRACT_READ,
        "safeguarding.acknowledge": Scope.REFERRAL_WRITE,
        "safeguarding.decide": Scope.REFERRAL_WRITE,
        "safeguarding.referral": Scope.REFERRAL_READ,
        "safeguarding.referrals": Scope.REFERRAL_READ,
        "samples.draw": OFFICERS,
        "samples.enter": OFFICERS,
        "samples.sample": OFFICERS,
        "samples.samples": OFFICERS,
        "samples.settle": OFFICERS,
        "samples.waiting": OFFICERS,
        "sign_in.end_session": ANYBODY,
        "sign_in.form": PUBLIC,
        "sign_in.invitation": PUBLIC,
        "sign_in.passkey": PUBLIC,
        "sign_in.sessions": ANYBODY,
        "sign_in.sign_out": ANYBODY,
        "sign_in.use_invitation": PUBLIC,
        "systems.let_in": OFFICERS,
        "systems.letting_in": OFFICERS,
        "systems.replace_key": OFFICERS,
        "systems.replacing": OFFICERS,
        "systems.suspend": WHO_ADMIT,
        "systems.suspending": WHO_ADMIT,
        "systems.system": WHO_ADMIT,
        "today.recalls": OFFICERS,
        "today.worklist": OFFICERS,
        "statements.statement": WITH_FAMILIES,
    }
)
"""Every endpoint, by its Flask name."""

CASE_ROUTES: Final = frozenset(
    {
        "recall.answer",
        "recall.extract_status",
        "release.extract",
        "release.receipt",
        "safeguarding.acknowledge",
        "safeguarding.decide",
        "safeguarding.referral",
    }
)
"""Endpoints whose 404 stands for a case, or an extract or a referral of one: a client may get so many of them."""

UNLIMITED: Final = frozenset({"consent.decisions"})
"""Endpoints that are not counted: a withdrawal must never be told to wait."""

SESSION_COOKIE: Final = "__Host-staff"
_PAGES: Final = (
    "agencies.",
    "approvals.",
    "complaints.",
    "consents.",
    "console.",
    "demo.",
    "desk.",
    "desk_samples.",
    "disclosures.",
    "editor.",
    "emergency.",
    "families.",
    "packs.",
    "impacts.",
    "incidents.",
    "meetings.",
    "oidc.",
    "passkeys.",
    "pickup.",
    "previews.",
    "processing.",
    "profiles.",
    "referrals.",
    "samples.",
    "sign_in.",
    "systems.",
    "today.",
    "statements.",
)
"""What the endpoints of pages begin with: a form that comes to one is a page of ours, or refused."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_AUTHORIZATION: Final = re.compile(r"(?i:(dpop|bearer)) ([A-Za-z0-9._-]{1,8192})", re.ASCII)
_ALGORITHMS: Final = f'algs="{" ".join(CLIENT_ALGORITHMS)}"'
_PATH_SAFE: Final = "/:@!$&'()*+,;=~"


def scopes_of(access: Access) -> frozenset[Scope]:
    """The scopes of which a caller needs one; none where access does not depend on a scope."""
    if isinstance(access, frozenset):
        return access
    return frozenset({access}) if isinstance(access, Scope) else frozenset()


def register(
    app: Flask,
    wiring: Wiring,
    *,
    reader: TokenReader,
    answer: Callable[[Problem], AnyResponse] = problem_response,
) -> None:
    """Put the guard in front of every view of the application, whenever they are added.

    Args:
        answer: what a refusal is answered with.
    """
    resource_server = ResourceServer(wiring, reader)

    @app.before_request
    def check_access() -> AnyResponse | None:
        if request.endpoint is None:  # no such route or method: the answer says just that
            return None
        try:
            resource_server.admit(request, now=datetime.now(UTC))
        except Problem as problem:
            return answer(problem)
        return None

    @app.after_request
    def tell_limits(response: Response) -> Response:
        response.headers.extend(resource_server.told_after(request, response))
        return response


def current_caller() -> Caller:
    """Return who is asking.

    Raises: CallerAbsentError, the route is public.
    """
    caller = g.get("caller")
    if not isinstance(caller, Caller):
        raise CallerAbsentError
    return caller


def current_staff() -> SignedIn:
    """Return the member of staff who is asking.

    Raises: CallerAbsentError, the route is no page of staff.
    """
    who = g.get("signed_in")
    if not isinstance(who, SignedIn):
        raise CallerAbsentError
    return who


@dataclass(frozen=True, slots=True)
class ResourceServer:
    """Admits requests to the protected resource; one per process."""

    wiring: Wiring
    reader: TokenReader

    def admit(self, incoming: Request, *, now: datetime) -> None:
        """Let a request through to its view, its caller in ``flask.g``, or refuse it.

        Raises: Problem: 400, 401, 403 or 429.
        """
        endpoint = incoming.endpoint or ""
        access = ROUTES.get(endpoint)
        if access is None:
            raise Problem(FORBIDDEN, detail="This route is open to nobody.")
        if endpoint.startswith(_PAGES):
            self._check_origin(incoming)
        if access in {PUBLIC, CLIENT}:
            return
        if isinstance(access, Staff):
            g.signed_in = self._signed_in(incoming, access)
            return
        caller = self.authenticate(incoming, access=access, now=now)
        needed = scopes_of(access)
        if needed and needed.isdisjoint(caller.scopes):
            named = " ".join(sorted(needed))
            raise Problem(FORBIDDEN, headers=self._challenge(f'error="insufficient_scope", scope="{named}"'))
        if endpoint not in UNLIMITED:
            self._count(caller, is_case=endpoint in CASE_ROUTES)
        g.caller = caller

    def authenticate(self, incoming: Request, *, access: Access, now: datetime) -> Caller:
        """Return the caller that the token, and what it is bound to, stand for.

        1. One token, in the header. 2. Its signature, issuer, audience and time. 3. What it is bound to: one
        proof by its key, or the connection's certificate. 4. In one statement: the proof was never used, and
        everything that could have been revoked since is as it was.

        Args:
            access: what the route asks for; it decides whether the proof needs a nonce.

        Raises: Problem: 400 or 401.
        """
        scheme, token = self._token(incoming)
        try:
            certificate = presented_certificate(incoming, self.wiring.settings, now=now)
            verified = self.reader.read(token, now=now)
            confirmation = verified.grant.confirmation
            _check_scheme(scheme, confirmation)
            proof = None
            if confirmation.method is ConfirmationMethod.PROOF_KEY:
                proof = self._proof(incoming, token, access=access, now=now)
            _check_holder(confirmation, proof, certificate)
            return _caller(verified, self._standing(verified, proof, certificate, now=now))
        except UseNonceError as error:
            nonce = {"DPoP-Nonce": offer_nonce(self.wiring, now=now)}
            raise self._unauthorized(f'error="{error.code}"', more=nonce) from error
        except InvalidProofError as error:
            raise self._unauthorized(f'error="{error.code}"') from error
        except (InvalidTokenError, ForgedCertificateError) as error:
            raise self._unauthorized('error="invalid_token"', scheme=scheme) from error

    def told_after(self, incoming: Request, response: Response) -> dict[str, str]:
        """Count an absence of a case, and return what the answer says about the caller's limits."""
        if (
            "caller" in g
            and incoming.endpoint in CASE_ROUTES
            and response.status_code == HTTPStatus.NOT_FOUND
        ):
            count_absence(self.wiring, g.caller.client_id)
        told: dict[str, str] = g.get("limits", {})
        return told

    def _check_origin(self, incoming: Request) -> None:
        """Let a form pass that a page of ours sent.

        Raises: Problem: 403.
        """
        own = incoming.headers.get("Origin") == self.wiring.settings.public_url
        if incoming.method not in _READING and not own:
            raise Problem(FORBIDDEN)

    def _signed_in(self, incoming: Request, access: Staff) -> SignedIn:
        """Return who is asking, with the roles they have now.

        Raises: Problem: 401, nobody is signed in; 403, a role is missing, or the form is of no page of this session.
        """
        who = staff.admit(self.wiring, incoming.cookies.get(SESSION_COOKIE, ""))
        if who is None:
            raise Problem(UNAUTHORIZED)
        token = incoming.form.get("form_token", "") if incoming.method not in _READING else who.form_token
        if access.roles.isdisjoint(who.roles) or not hmac.compare_digest(
            token.encode(), who.form_token.encode()
        ):
            raise Problem(FORBIDDEN)
        return who

    def _token(self, incoming: Request) -> tuple[str, str]:
        if "access_token" in incoming.args:
            raise Problem(
                INVALID_REQUEST,
                detail="A token travels in the Authorization header only.",
                headers=self._challenge('error="invalid_request"'),
            )
        authorization = incoming.headers.get("Authorization")
        if authorization is None:
            raise self._unauthorized()
        # A second header, or a second scheme, arrives as a comma that no token contains.
        matched = _AUTHORIZATION.fullmatch(authorization)
        if matched is None:
            raise self._unauthorized('error="invalid_token"')
        return matched[1], matched[2]

    def _proof(self, incoming: Request, token: str, *, access: Access, now: datetime) -> Proof:
        path = quote(incoming.path, safe=_PATH_SAFE)
        proof = verify_proof(
            incoming.headers.get("DPoP"),
            method=incoming.method,
            addresses=[base + path for base in self.wiring.settings.base_urls],
            now=now,
            token=token,
        )
        check_nonce(self.wiring, proof.nonce, scopes=scopes_of(access), now=now)
        return proof

    def _standing(
        self,
        verified: VerifiedToken,
        proof: Proof | None,
        certificate: PresentedCertificate | None,
        *,
        now: datetime,
    ) -> TokenStanding:
        """Use the proof and return today's standing of the token.

        Raises: InvalidProofError, InvalidTokenError.
        """
        grant = verified.grant
        with self.wiring.autocommit.connect() as connection:
            standing = token_standing(
                connection,
                verified,
                proof=None if proof is None else proof.use,
                certificate=certificate,
                believed_days=self.wiring.settings.register_believed_days,
                now=now,
            )
        if standing is None or not standing.served:
            raise InvalidTokenError
        if grant.client_key is None and not _is_of_client(standing, certificate):
            raise InvalidTokenError
        if grant.entry is not None and not standing.practitioner.may_act:
            raise InvalidTokenError
        if not standing.fresh:
            raise InvalidProofError("The DPoP proof was used before.")
        return standing

    def _count(self, caller: Caller, *, is_case: bool) -> None:
        """Count the request for its client and its practitioner, in one statement.

        Raises: Problem: 429.
        """
        settings = self.wiring.settings
        buckets = [client_bucket(settings, caller.client_id)]
        if caller.practitioner is not None:
            buckets.append(practitioner_bucket(settings, caller.client_id, caller.practitioner.id))
        if is_case:
            buckets.append(absence_bucket(settings, caller.client_id, needs=1, costs=0))
        with self.wiring.autocommit.connect() as connection:
            levels = take(connection, buckets)
        g.limits = limit_headers(levels)
        refused = [level.next_in for level in levels if not level.allowed]
        if refused:
            raise Problem(TOO_MANY_REQUESTS, headers={"Retry-After": str(max(1, *refused))})

    def _unauthorized(
        self, error: str = "", *, scheme: str = "DPoP", more: Mapping[str, str] | None = None
    ) -> Problem:
        return Problem(UNAUTHORIZED, headers={**self._challenge(error, scheme=scheme), **(more or {})})

    def _challenge(self, error: str, *, scheme: str = "DPoP") -> dict[str, str]:
        metadata = f'resource_metadata="{self.wiring.settings.public_url}{RESOURCE_METADATA_PATH}"'
        bearer = scheme.lower() == "bearer"
        parts = filter(None, (error, "" if bearer else _ALGORITHMS, metadata))
        return {"WWW-Authenticate": ("Bearer " if bearer else "DPoP ") + ", ".join(parts)}


def _check_scheme(scheme: str, confirmation: Confirmation) -> None:
    """Let a token pass under the scheme of what it is bound to: the other one would be a downgrade.

    Raises: InvalidTokenError.
    """
    if scheme.lower() != confirmation.token_type.lower():
        raise InvalidTokenError


def _check_holder(
    confirmation: Confirmation, proof: Proof | None, certificate: PresentedCertificate | None
) -> None:
    """Let whoever holds the one thing that the token is bound to pass.

    Raises: InvalidTokenError.
    """
    match confirmation.method:
        case ConfirmationMethod.PROOF_KEY:
            held: str | None = None if proof is None else proof.key
        case ConfirmationMethod.CERTIFICATE:
            held = None if certificate is None else certificate.thumbprint
        case _:
            assert_never(confirmation.method)
    if held != confirmation.thumbprint:
        raise InvalidTokenError


def _is_of_client(standing: TokenStanding, certificate: PresentedCertificate | None) -> bool:
    """True while the certificate of a client that came by it is still how the client is recognised.

    A token that is bound to a proof's key names no certificate: the client's registration alone counts.
    """
    if standing.certificate is None:
        return False
    return certificate is None or standing.certificate.is_of(certificate)


def _caller(verified: VerifiedToken, standing: TokenStanding) -> Caller:
    grant = verified.grant
    entry = grant.entry
    return Caller(
        client_id=grant.client_id,
        agency=None if standing.agency is None else AgencyCode(standing.agency),
        # What the client lost since the token was issued is lost at once.
        scopes=frozenset(str(scope) for scope in grant.scopes & standing.scopes),
        purpose=None if entry is None else entry.purpose,
        practitioner=None
        if entry is None
        else PractitionerClaim(entry.practitioner, verified=standing.practitioner.verified),
    )
