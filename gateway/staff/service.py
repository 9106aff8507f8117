"""Inviting members of staff, signing them in and out.

INVARIANTS
- What a browser holds is random, 256 bits, and never stored: only its SHA-256.
- A sign-in begins a new session; the cookie of before opens nothing more.
- Whoever acts no more, or as somebody else, has no session from that commit on.
- Why somebody could not sign in is told to nobody.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection

from gateway.disclosure_log.repository import database_now
from gateway.staff import passkeys, repository
from gateway.staff.errors import InvitationError, SignInError, UnknownMemberError
from gateway.staff.model import INVITED, Ending, Method, Role, Session, SignedIn, form_token_of, known_roles
from gateway.staff.passkeys import LIFETIME, Ceremony, RelyingParty
from gateway.staff.repository import StaffMember
from gateway.wiring import Wiring

SECRET_CHARS: Final = 43
"""Length of a secret: 256 bits, base64url."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Whose passkey is to be made, and what the browser is asked for that (JSON)."""

    username: str
    options: str


def invite(wiring: Wiring, *, username: str, roles: Iterable[Role], invited_by: str) -> str:
    """Let somebody act with exactly these roles, and return the one-time code with which they make a passkey.

    True afterwards: whoever was a member before has no session, and keeps their passkeys.
    """
    code = secrets.token_urlsafe(32)
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        member = repository.ensure_member(connection, username=username, roles=[role.value for role in roles])
        repository.end_sessions(connection, member.id, ending=Ending.DISABLED, now=now)
        repository.add_invitation(
            connection,
            digest=_digest(code),
            staff_id=member.id,
            invited_by=invited_by,
            expires_at=now + INVITED,
        )
    return code


def disable(wiring: Wiring, *, username: str) -> None:
    """Let a member act no more, and end their sessions.

    Raises: UnknownMemberError, there is no such active member.
    """
    with wiring.engine.begin() as connection:
        member = repository.hold_member(connection, username)
        if member is None:
            raise UnknownMemberError
        repository.deactivate(connection, username)
        repository.end_sessions(connection, member.id, ending=Ending.DISABLED, now=database_now(connection))


def offer_enrolment(wiring: Wiring, code: str) -> Enrolment:
    """Return whose passkey a one-time code makes, and what the browser is asked for it.

    Raises: InvitationError.
    """
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        member = repository.invited(connection, _digest(code), now=now)
        if member is None:
            raise InvitationError
        options = passkeys.enrolment_options(
            _party(wiring),
            staff_id=member.id,
            username=member.username,
            known=repository.passkeys_of(connection, member.id),
            challenge=_challenge(wiring, connection, Ceremony.ENROL, now=now),
        )
    return Enrolment(member.username, options)


def enrol(wiring: Wiring, code: str, credential: str) -> str:
    """Store the passkey that a browser made by a one-time code, and sign in with it; return the session's secret.

    Raises: InvitationError; SignInError. Nothing was stored.
    """
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        member = repository.invited(connection, _digest(code), now=now)
        if member is None:
            raise InvitationError
        challenge = _used_challenge(wiring, connection, credential, Ceremony.ENROL, now=now)
        made = passkeys.read_enrolment(credential, party=_party(wiring), challenge=challenge)
        if not repository.add_passkey(connection, member.id, made):
            raise SignInError
        repository.use_invitation(connection, _digest(code), now=now)
        return _begin(connection, member, Method.PASSKEY, now=now)


def offer_sign_in(wiring: Wiring) -> str:
    """Return what a browser is asked to sign with a passkey (JSON); no account is named."""
    with wiring.engine.connect() as connection:
        now = database_now(connection)
        challenge = _challenge(wiring, connection, Ceremony.SIGN_IN, now=now)
    return passkeys.sign_in_options(_party(wiring), challenge=challenge)


def sign_in(wiring: Wiring, credential: str) -> str:
    """Sign in whoever signed with their passkey; return the session's secret.

    Raises: SignInError.
    """
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        challenge = _used_challenge(wiring, connection, credential, Ceremony.SIGN_IN, now=now)
        stored = repository.hold_passkey(connection, passkeys.credential_id_of(credential))
        if stored is None:
            raise SignInError
        count = passkeys.check_signature(
            credential, party=_party(wiring), challenge=challenge, passkey=stored
        )
        repository.use_passkey(connection, stored.credential_id, sign_count=count, now=now)
        member = repository.hold_member_by_id(connection, stored.staff_id)
        if member is None:
            raise SignInError
        return _begin(connection, member, Method.PASSKEY, now=now)


def sign_in_by_click(wiring: Wiring, username: str) -> str:
    """Sign in a person of the demo, who does not exist; return the session's secret.

    Raises: SignInError, there is no such member, or the people here may be real.
    """
    if not wiring.settings.synthetic_people:
        raise SignInError
    with wiring.engine.begin() as connection:
        member = repository.hold_member(connection, username)
        if member is None:
            raise SignInError
        return _begin(connection, member, Method.DEMO, now=database_now(connection))


def admit(wiring: Wiring, secret: str) -> SignedIn | None:
    """Return who holds a session, and count this as a request of theirs; absent: it does not stand."""
    if len(secret) != SECRET_CHARS:
        return None
    with wiring.autocommit.connect() as connection:
        row = repository.see_session(connection, _digest(secret), now=database_now(connection))
    if row is None:
        return None
    session = repository.session_of(row)
    roles = known_roles(row.roles)
    return SignedIn(session, row.staff_id, row.username, roles, form_token_of(secret))


def sessions(wiring: Wiring, who: SignedIn) -> list[Session]:
    """Return the sessions of whoever asks, the newest first."""
    with wiring.engine.connect() as connection:
        return repository.sessions_of(connection, who.staff_id, now=database_now(connection))


def end_session(wiring: Wiring, who: SignedIn, session_id: UUID) -> bool:
    """End a session of whoever asks; whether it stood."""
    own = session_id == who.session.id
    with wiring.engine.begin() as connection:
        return repository.end_session(
            connection,
            session_id,
            staff_id=who.staff_id,
            ending=Ending.SIGNED_OUT if own else Ending.ENDED,
            now=database_now(connection),
        )


def _begin(connection: Connection, member: StaffMember, method: Method, *, now: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    repository.add_session(connection, digest=_digest(secret), staff_id=member.id, method=method, now=now)
    _log.info("staff.signed_in", staff=str(member.id), method=method.value)
    return secret


def _challenge(wiring: Wiring, connection: Connection, ceremony: Ceremony, *, now: datetime) -> bytes:
    return passkeys.new_challenge(wiring.keyring.nonce_key(connection), ceremony, now=now)


def _used_challenge(
    wiring: Wiring, connection: Connection, credential: str, ceremony: Ceremony, *, now: datetime
) -> bytes:
    """The challenge that an answer signs, used up with this transaction.

    Raises: SignInError.
    """
    key = wiring.keyring.nonce_key(connection)
    challenge = passkeys.challenge_of(credential, key=key, ceremony=ceremony, now=now)
    digest = hashlib.sha256(challenge).digest()
    if not repository.burn_challenge(connection, digest, expires_at=now + LIFETIME, now=now):
        raise SignInError
    return challenge


def _party(wiring: Wiring) -> RelyingParty:
    return RelyingParty(wiring.settings.public_url, wiring.settings.council_name)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
