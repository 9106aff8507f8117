"""Signing in at the council's own provider: beginning, finishing, linking who comes back to a member, signing out.

INVARIANTS
- A login belongs to the browser that began it, lasts ten minutes, and is used up by the first answer, good or bad.
- Somebody is known by issuer and subject; what else the provider says of them, roles included, changes nothing.
- An identity is linked to one member, once, by a one-time code that it uses up.
- A fresh proof for an action signs nobody in, and is one of the subject that was asked for.
- The provider is never spoken to inside a transaction.

Sources: OpenID Connect Core 1.0 section 3.1.2.7, RFC 9700 sections 2.1 and 4.7, Back-Channel Logout 1.0 section 2.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from gateway.disclosure_log.repository import database_now
from gateway.staff import oidc, repository, service
from gateway.staff.errors import InvitationError, ProviderAnswerError, UnknownIdentityError
from gateway.staff.id_token import LOGOUT_AGE, SKEW, Expected, Identity, check_claims, check_logout
from gateway.staff.model import Ending, Method, SignedIn
from gateway.staff.oidc import Parameters, Question
from gateway.staff.provider import Provider
from gateway.staff.repository import StaffMember
from gateway.wiring import Wiring

LIFETIME: Final = timedelta(minutes=10)
"""How long a login may take."""
_LOGOUT: Final = b"logout token 1:"


@dataclass(frozen=True, slots=True)
class StepUp:
    """A fresh proof of who somebody is, for one action.

    Attributes:
        subject: theirs at the provider; another one's proof is refused.
        purpose: what the proof is for, as a digest; it comes back with the proof, 64 bytes at most.
        max_age: seconds since they signed in there; 0: they have to do it now.
    """

    subject: str
    purpose: bytes
    max_age: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that began.

    Attributes:
        url: where the browser goes.
        browser: the secret of this browser's cookie.
    """

    url: str
    browser: str


@dataclass(frozen=True, slots=True)
class Offer:
    """Whom a one-time code is for, and the login that links them."""

    username: str
    begun: Begun


@dataclass(frozen=True, slots=True)
class Proven:
    """Who came back from the provider.

    Attributes:
        wanted: the page they wanted.
        invitation: digest of the one-time code that they began with, if they did.
        purpose: what a fresh proof is for; None: it is for signing in.
    """

    identity: Identity
    wanted: str
    invitation: bytes | None = None
    purpose: bytes | None = None


def start_login(
    wiring: Wiring,
    provider: Provider,
    *,
    wanted: str,
    invitation: bytes | None = None,
    step_up: StepUp | None = None,
) -> Begun:
    """Begin a login and return where the browser goes.

    Args:
        wanted: the page to show afterwards.
        invitation: digest of a one-time code whose member is to be linked.
        step_up: ask for a fresh proof instead of signing in.

    Raises: ProviderAwayError; ProviderAnswerError.
    """
    metadata = provider.metadata()
    state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        login = {
            "digest": service.digest_of(state),
            "browser": service.digest_of(browser),
            "nonce": nonce,
            "verifier": verifier,
            "wanted": wanted,
            "invitation": invitation,
            "subject": None if step_up is None else step_up.subject,
            "max_age": None if step_up is None else step_up.max_age,
            "purpose": None if step_up is None else step_up.purpose,
            "begun_at": now,
            "expires_at": now + LIFETIME,
        }
        repository.add_login(connection, login, now=now)
    question = Question(
        client_id=provider.settings.client_id,
        redirect_uri=provider.redirect_uri,
        state=state,
        nonce=nonce,
        verifier=verifier,
        max_age=None if step_up is None else step_up.max_age,
        acr=None if step_up is None else provider.settings.acr,
    )
    return Begun(oidc.authorization_url(metadata, question), browser)


def start_step_up(
    wiring: Wiring, provider: Provider, who: SignedIn, *, action: str, record: str, wanted: str
) -> Begun:
    """Begin a fresh proof of who somebody is, for one action on one record, by whom the provider knows them as.

    Args:
        wanted: the page to show afterwards.

    Raises: ProviderAnswerError, it does not know them; ProviderAwayError.
    """
    with wiring.engine.begin() as connection:
        subject = repository.subject_of(connection, who.staff_id, issuer=provider.settings.issuer)
        if subject is None:
            raise ProviderAnswerError("the member is not known at the provider")
        purpose = service.ask_elsewhere(connection, who, action=action, record=record)
    return start_login(wiring, provider, wanted=wanted, step_up=StepUp(subject, purpose))


def finish_step_up(wiring: Wiring, proven: Proven) -> None:
    """Let whoever came back go on with what they proved themself for.

    Raises: ProviderAnswerError, it was asked of nobody, of somebody else, or is over.
    """
    if proven.purpose is None:
        raise ProviderAnswerError("signing in proves nothing for an action")
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        member = repository.linked_member(
            connection, issuer=proven.identity.issuer, subject=proven.identity.subject
        )
        if member is None or not repository.prove_step_up(
            connection, digest=proven.purpose, staff_id=member.id, now=now
        ):
            raise ProviderAnswerError("the proof was asked of nobody, or is over")


def offer_link(wiring: Wiring, provider: Provider, code: str) -> Offer | None:
    """Return whom a one-time code is for, and the login by which they are known from then on.

    None: the provider does not know them (a sealed account, somebody of an agency), and the code makes a passkey.
    Raises: InvitationError; ProviderAwayError; ProviderAnswerError.
    """
    digest = service.digest_of(code)
    with wiring.engine.begin() as connection:
        member = repository.invited(connection, digest, now=database_now(connection))
    if member is None:
        raise InvitationError
    if member.is_outside:
        return None
    return Offer(member.username, start_login(wiring, provider, wanted="/console", invitation=digest))


def finish_login(wiring: Wiring, provider: Provider, parameters: Parameters, *, browser: str) -> Proven:
    """Return who came back from the provider. True afterwards: the login is used up, whatever is raised.

    Args:
        parameters: of the request that the browser was sent back with.
        browser: its cookie.

    Raises: ProviderAnswerError; ProviderAwayError.
    """
    state = oidc.read_state(parameters)
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        login = repository.take_login(connection, service.digest_of(state))
    if login is None or login.expires_at <= now:
        raise ProviderAnswerError("the state is of no login that is under way")
    if not secrets.compare_digest(login.browser, service.digest_of(browser)):
        raise ProviderAnswerError("the answer came to another browser")
    code = oidc.read_code(parameters, issuer=provider.settings.issuer, metadata=provider.metadata())
    token = provider.id_token(code, verifier=login.verifier, now=now)
    claims = provider.claims(token, types=oidc.ID_TOKEN_TYPES)
    with wiring.autocommit.connect() as connection:
        now = database_now(connection)  # the provider took its time
    expected = Expected(
        issuer=provider.settings.issuer,
        client_id=provider.settings.client_id,
        nonce=login.nonce,
        begun_at=login.begun_at,
        now=now,
        max_age=login.max_age,
        subject=login.subject,
        acr=None if login.subject is None else provider.settings.acr,
    )
    return Proven(check_claims(claims, expected), login.wanted, login.invitation, login.purpose)


def sign_in(wiring: Wiring, proven: Proven) -> str:
    """Sign in whoever came back, linked first if they began with a one-time code; return the session's secret.

    Raises: UnknownIdentityError, they are nobody here; InvitationError, the code was used meanwhile;
        ProviderAnswerError. Nothing was linked then.
    """
    if proven.purpose is not None:
        raise ProviderAnswerError("a proof for an action signs nobody in")
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        if proven.invitation is not None:
            member = _linked(connection, proven.identity, proven.invitation, now=now)
        else:
            found = repository.linked_member(
                connection, issuer=proven.identity.issuer, subject=proven.identity.subject
            )
            if found is None:
                raise UnknownIdentityError
            member = found
        if member.is_outside:
            raise ProviderAnswerError(
                "somebody of an agency, or a sealed account, signs in with a passkey only"
            )
        return service.begin(connection, member, Method.OIDC, now=now)


def sign_out(wiring: Wiring, provider: Provider, logout_token: str) -> None:
    """End every session of whom the provider signed out; a word that was used before is refused.

    Raises: ProviderAnswerError; ProviderAwayError. Nothing was ended.
    """
    claims = provider.claims(logout_token, types=oidc.LOGOUT_TYPES)
    settings = provider.settings
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        logout = check_logout(claims, issuer=settings.issuer, client_id=settings.client_id, now=now)
        used = hashlib.sha256(_LOGOUT + settings.issuer.encode() + b"\n" + logout.jti.encode()).digest()
        if not repository.burn_challenge(connection, used, expires_at=now + LOGOUT_AGE + 2 * SKEW, now=now):
            raise ProviderAnswerError("the logout token was used before")
        member = repository.linked_member(
            connection, issuer=logout.identity.issuer, subject=logout.identity.subject
        )
        if member is not None:
            repository.end_sessions(connection, member.id, ending=Ending.PROVIDER, now=now)


def _linked(connection: Connection, identity: Identity, invitation: bytes, *, now: datetime) -> StaffMember:
    """Return whom a one-time code is for, linked to an identity, the code used up.

    Raises: InvitationError; ProviderAnswerError, the identity is somebody else's.
    """
    invited = repository.invited(connection, invitation, now=now)
    member = None if invited is None else repository.hold_member_by_id(connection, invited.id)
    if member is None:
        raise InvitationError
    owner = repository.add_identity(
        connection, issuer=identity.issuer, subject=identity.subject, staff_id=member.id, now=now
    )
    if owner != member.id:
        raise ProviderAnswerError("the identity is linked to somebody else")
    repository.use_invitation(connection, invitation, now=now)
    return member
