"""Who may call which route: one table, one guard in front of every view.

INVARIANTS
- A route without a row is refused to everyone, so a forgotten row never opens anything.
- A token is a DPoP token in the Authorization header, with one proof of its key for this method and address.
- Rights are those of this moment: client, keys, agency, agreement and practitioner are read on every request.
- A missing scope is 403 before the view runs, the same whatever the request asked about.

Sources: RFC 9449 section 7, RFC 6750 section 3, RFC 9728 section 5.1, FAPI 2.0 section 5.3.4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeAlias
from urllib.parse import quote

from flask import Flask, Request, Response, g, request
from joserfc.jwk import ECKey

from agencies.model import AgencyCode
from gateway.caller import Caller, PractitionerClaim
from gateway.oauth import keys
from gateway.oauth.dpop import Proof, verify_proof
from gateway.oauth.errors import CallerAbsentError, InvalidProofError, InvalidTokenError
from gateway.oauth.jose import CLIENT_ALGORITHMS
from gateway.oauth.model import Scope
from gateway.oauth.replay import Kind, Use
from gateway.oauth.repository import RequestStanding, request_standing
from gateway.oauth.tokens import SignatureMemory, VerifiedToken, verify_token
from gateway.problems import FORBIDDEN, INVALID_REQUEST, UNAUTHORIZED, Problem, problem_response
from gateway.wiring import Wiring

RESOURCE_METADATA_PATH: Final = "/.well-known/oauth-protected-resource/v1"


class Open(Enum):
    """Access that does not depend on a scope."""

    ANY_TOKEN = "any token"  # noqa: S105 - a name
    PUBLIC = "public"


ANY_TOKEN: Final = Open.ANY_TOKEN
PUBLIC: Final = Open.PUBLIC

Access: TypeAlias = Scope | Open

ROUTES: Final[Mapping[str, Access]] = MappingProxyType(
    {
        "consent.decisions": Scope.CONSENT_WRITE,
        "health.healthz": PUBLIC,
        "health.readyz": PUBLIC,
        "me.me": ANY_TOKEN,
        "oauth.authorization_server": PUBLIC,
        "oauth.jwks": PUBLIC,
        "oauth.openid_configuration": PUBLIC,
        "oauth.protected_resource": PUBLIC,
        "oauth.token": PUBLIC,
        "openapi.document": PUBLIC,
        "panel.meeting": Scope.PANEL_READ,
        "panel.meetings": Scope.PANEL_READ,
        "release.extract": Scope.EXTRACT_READ,
    }
)
"""Every endpoint, by its Flask name."""

_AUTHORIZATION: Final = re.compile(r"(?i:dpop) ([A-Za-z0-9._-]{1,8192})", re.ASCII)
_ALGORITHMS: Final = f'algs="{" ".join(CLIENT_ALGORITHMS)}"'
_PATH_SAFE: Final = "/:@!$&'()*+,;=~"


def register(app: Flask, wiring: Wiring) -> None:
    """Put the guard in front of every view of the application, whenever they are added."""
    resource_server = ResourceServer(wiring)

    @app.before_request
    def check_access() -> Response | None:
        if request.endpoint is None:  # no such route or method: the answer says just that
            return None
        try:
            resource_server.admit(request, now=datetime.now(UTC))
        except Problem as problem:
            return problem_response(problem)
        return None


def current_caller() -> Caller:
    """Return who is asking.

    Raises: CallerAbsentError, the route is public.
    """
    caller = g.get("caller")
    if not isinstance(caller, Caller):
        raise CallerAbsentError
    return caller


@dataclass(frozen=True, slots=True)
class ResourceServer:
    """Admits requests to the protected resource; one per process.

    Attributes:
        memory: tokens whose signature verified before.
        keys: our public keys by kid; a kid is a thumbprint, so an entry can never become wrong, and
            whether the key is still published is asked of the database on every request.
    """

    wiring: Wiring
    memory: SignatureMemory = field(default_factory=SignatureMemory)
    keys: dict[str, ECKey] = field(default_factory=dict)

    def admit(self, incoming: Request, *, now: datetime) -> None:
        """Let a request through to its view, its caller in ``flask.g``, or refuse it.

        Raises: Problem: 400, 401 or 403.
        """
        access = ROUTES.get(incoming.endpoint or "")
        if access is None:
            raise Problem(FORBIDDEN, detail="This route is open to nobody.")
        if access is PUBLIC:
            return
        caller = self.authenticate(incoming, now=now)
        if isinstance(access, Scope) and access not in caller.scopes:
            raise Problem(FORBIDDEN, headers=self._challenge(f'error="insufficient_scope", scope="{access}"'))
        g.caller = caller

    def authenticate(self, incoming: Request, *, now: datetime) -> Caller:
        """Return the caller that the token and its proof stand for.

        1. One token, in the header. 2. Its signature, issuer, audience and time. 3. One proof, by the key
        the token is bound to. 4. In one statement: the proof was never used, and everything that could
        have been revoked since is as it was.

        Raises: Problem: 400 or 401.
        """
        token = self._token(incoming)
        try:
            verified = self._verified(token, now=now)
            proof = verify_proof(
                incoming.headers.get("DPoP"),
                method=incoming.method,
                address=self.wiring.settings.public_url + quote(incoming.path, safe=_PATH_SAFE),
                now=now,
                token=token,
            )
            return _caller(verified, self._standing(verified, proof, now=now))
        except InvalidProofError as error:
            raise self._unauthorized('error="invalid_dpop_proof"') from error
        except InvalidTokenError as error:
            raise self._unauthorized('error="invalid_token"') from error

    def _token(self, incoming: Request) -> str:
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
        return matched[1]

    def _verified(self, token: str, *, now: datetime) -> VerifiedToken:
        settings = self.wiring.settings
        return verify_token(
            token,
            key_of=self._key,
            memory=self.memory,
            issuer=settings.issuer,
            resource=settings.resource,
            now=now,
        )

    def _key(self, kid: str) -> ECKey | None:
        if kid not in self.keys:
            with self.wiring.autocommit.connect() as connection:
                found = keys.public_key(connection, kid)
            if found is None:
                return None
            self.keys[kid] = found
        return self.keys[kid]

    def _standing(self, verified: VerifiedToken, proof: Proof, *, now: datetime) -> RequestStanding:
        """Use the proof, which is by the token's key, and return today's standing.

        Raises: InvalidProofError, InvalidTokenError.
        """
        grant = verified.grant
        if proof.key != grant.proof_key:
            raise InvalidTokenError
        with self.wiring.autocommit.connect() as connection:
            standing = request_standing(
                connection,
                proof=Use(Kind.PROOF, proof.key, proof.jti, proof.expires, proof.address),
                client_id=grant.client_id,
                client_key=grant.client_key,
                signing_key=verified.signing_key,
                practitioner=None if grant.entry is None else grant.entry.practitioner,
                now=now,
            )
        if standing is None or not standing.served:
            raise InvalidTokenError
        if grant.entry is not None and not standing.practitioner.may_act:
            raise InvalidTokenError
        if not standing.fresh:
            raise InvalidProofError("The DPoP proof was used before.")
        return standing

    def _unauthorized(self, error: str = "") -> Problem:
        return Problem(UNAUTHORIZED, headers=self._challenge(error))

    def _challenge(self, error: str) -> dict[str, str]:
        metadata = f'resource_metadata="{self.wiring.settings.public_url}{RESOURCE_METADATA_PATH}"'
        return {"WWW-Authenticate": "DPoP " + ", ".join(filter(None, (error, _ALGORITHMS, metadata)))}


def _caller(verified: VerifiedToken, standing: RequestStanding) -> Caller:
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
