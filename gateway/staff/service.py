"""Inviting members of staff, signing them in and out.

INVARIANTS
- What a browser holds is random, 256 bits, and never stored: only its SHA-256.
- A sign-in begins a new session; the cookie of before opens nothing more.
- Whoever acts no more, or as somebody else, has no session from that commit on.
- Why somebody could not sign in is told to nobody.
- A proof of who it is counts for one action on one record, by the one who was asked in this session, once.
"""

import hashlib
import json
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
from gateway.staff.errors import InvitationError, LastPasskeyError, SignInError, UnknownMemberError
from gateway.staff.model import (
    INVITED,
    NOWHERE,
    STEPPED_UP,
    Belonging,
    Ending,
    Method,
    Role,
    Session,
    SignedIn,
    form_token_of,
    known_roles,
)
from gateway.staff.passkeys import LIFETIME, Ceremony, RelyingParty
from gateway.staff.repository import OwnPasskey, StaffMember
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

SECRET_CHARS: Final = 43
"""Length of a secret: 256 bits, base64url."""

_MAKE_PASSKEY: Final = "passkey.make"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Whose passkey is to be made, and what the browser is asked for that (JSON)."""

    username: str
    options: str


@dataclass(frozen=True, slots=True)
class ProofOffer:
    """What proves somebody once more.

    Attributes:
        options: what their browser is asked to sign (JSON).
        clicked: what a click in the demo sends instead of a signature; it proves nothing anywhere else.
    """

    options: str
    clicked: str


def invite(
    wiring: Wiring,
    *,
    username: str,
    roles: Iterable[Role],
    invited_by: str,
    belonging: Belonging = NOWHERE,
    break_glass: bool = False,
) -> str:
    """Let somebody act with exactly these roles, and return the one-time code with which they first sign in.

    True afterwards: whoever was a member before has no session, and keeps their passkeys and identities.

    Args:
        break_glass: the account is sealed: it signs in with a passkey even where a provider is set, and every use
            is an alarm.
    """
    code = secrets.token_urlsafe(32)
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        member = repository.ensure_member(
            connection,
            username=username,
            roles=[role.value for role in roles],
            belonging=belonging,
            break_glass=break_glass,
        )
        repository.end_sessions(connection, member.id, ending=Ending.DISABLED, now=now)
        repository.add_invitation(
            connection,
            digest=digest_of(code),
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
        member = repository.invited(connection, digest_of(code), now=now)
        if member is None or not may_use_passkey(wiring, member):
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
        member = repository.invited(connection, digest_of(code), now=now)
        if member is None or not may_use_passkey(wiring, member):
            raise InvitationError
        challenge = _used_challenge(wiring, connection, credential, Ceremony.ENROL, now=now)
        made = passkeys.read_enrolment(credential, party=_party(wiring), challenge=challenge)
        if not repository.add_passkey(connection, member.id, made):
            raise SignInError
        repository.use_invitation(connection, digest_of(code), now=now)
        return begin(connection, member, Method.PASSKEY, now=now)


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
        if member is None or not may_use_passkey(wiring, member):
            raise SignInError
        return begin(connection, member, Method.PASSKEY, now=now)


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
        return begin(connection, member, Method.DEMO, now=database_now(connection))


def admit(wiring: Wiring, secret: str) -> SignedIn | None:
    """Return who holds a session, and count this as a request of theirs; absent: it does not stand."""
    if len(secret) != SECRET_CHARS:
        return None
    with wiring.autocommit.connect() as connection:
        row = repository.see_session(connection, digest_of(secret), now=database_now(connection))
    if row is None:
        return None
    session = repository.session_of(row)
    roles = known_roles(row.roles)
    belonging = repository.belonging_of(row)
    return SignedIn(session, row.staff_id, row.username, roles, form_token_of(secret), belonging)


def offer_step_up(wiring: Wiring, who: SignedIn, *, action: str, record: str) -> ProofOffer:
    """Return what a browser is asked to sign, so that whoever asks proves for this action that it is them.

    The challenge is the hash of a fresh nonce, the action, the record and the member.
    """
    nonce = secrets.token_bytes(32)
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        challenge = _step_up_challenge(nonce, who, action=action, record=record)
        repository.add_step_up(
            connection,
            digest=hashlib.sha256(challenge).digest(),
            session_id=who.session.id,
            action=action,
            record=record,
            now=now,
            expires_at=now + STEPPED_UP,
        )
        known = repository.passkeys_of(connection, who.staff_id)
    options = passkeys.sign_in_options(_party(wiring), challenge=challenge, known=known)
    return ProofOffer(options, passkeys.unsigned(challenge))


def step_up(wiring: Wiring, who: SignedIn, *, action: str, record: str, credential: str) -> str:
    """Let whoever asks go on with an action that they proved themself for; return their session's new secret.

    In the demo, where nobody is real, whoever signed in by a click proves themself by one.
    Raises: SignInError, also where another member, another action or another record was proved, or it was used.
    """
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        challenge = passkeys.signed_challenge(credential)
        asked = repository.take_step_up(
            connection,
            digest=hashlib.sha256(challenge).digest(),
            session_id=who.session.id,
            action=action,
            record=record,
            now=now,
        )
        proved = asked and _has_proved(wiring, connection, who, credential, challenge=challenge, now=now)
        secret = secrets.token_urlsafe(32)
        if proved:
            repository.renew_session(connection, who.session.id, digest=digest_of(secret))
    if not proved:  # after the commit: what was tried in vain is used up as well
        raise SignInError
    return secret


def ask_elsewhere(connection: Connection, who: SignedIn, *, action: str, record: str) -> bytes:
    """Remember that whoever asks is to prove themself for an action at the provider; return what names it there."""
    challenge = _step_up_challenge(secrets.token_bytes(32), who, action=action, record=record)
    digest = hashlib.sha256(challenge).digest()
    now = database_now(connection)
    repository.add_step_up(
        connection,
        digest=digest,
        session_id=who.session.id,
        action=action,
        record=record,
        now=now,
        expires_at=now + STEPPED_UP,
    )
    return digest


def proved_elsewhere(wiring: Wiring, who: SignedIn, *, action: str, record: str) -> str | None:
    """Let whoever asks go on with an action that they proved themself for at the provider, once.

    Returns: their session's new secret; absent: they did not, or it is over.
    """
    secret = secrets.token_urlsafe(32)
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        if not repository.take_proved(
            connection, session_id=who.session.id, action=action, record=record, now=now
        ):
            return None
        repository.renew_session(connection, who.session.id, digest=digest_of(secret))
    return secret


def own_passkeys(wiring: Wiring, who: SignedIn) -> list[OwnPasskey]:
    """Return the passkeys of whoever asks, the oldest first."""
    with wiring.engine.connect() as connection:
        return repository.own_passkeys(connection, who.staff_id)


def offer_passkey(wiring: Wiring, who: SignedIn) -> str:
    """Return what the browser of whoever asks makes another passkey by (JSON); they have proved themself before."""
    challenge = secrets.token_bytes(32)
    with wiring.engine.begin() as connection:
        now = database_now(connection)
        repository.add_step_up(
            connection,
            digest=hashlib.sha256(challenge).digest(),
            session_id=who.session.id,
            action=_MAKE_PASSKEY,
            record=str(who.staff_id),
            now=now,
            expires_at=now + STEPPED_UP,
        )
        known = repository.passkeys_of(connection, who.staff_id)
    return passkeys.enrolment_options(
        _party(wiring), staff_id=who.staff_id, username=who.username, known=known, challenge=challenge
    )


def add_passkey(wiring: Wiring, who: SignedIn, credential: str) -> None:
    """Store the passkey that whoever asks was offered to make.

    Raises: SignInError. Nothing was stored.
    """
    challenge = passkeys.signed_challenge(credential)
    with wiring.engine.begin() as connection:
        offered = repository.take_step_up(
            connection,
            digest=hashlib.sha256(challenge).digest(),
            session_id=who.session.id,
            action=_MAKE_PASSKEY,
            record=str(who.staff_id),
            now=database_now(connection),
        )
        if not offered:
            raise SignInError
        made = passkeys.read_enrolment(credential, party=_party(wiring), challenge=challenge)
        if not repository.add_passkey(connection, who.staff_id, made):
            raise SignInError


def remove_passkey(wiring: Wiring, who: SignedIn, credential_id: bytes) -> bool:
    """Delete a passkey of whoever asks, and end their other sessions; whether they had it.

    Raises: LastPasskeyError: nobody locks themself out.
    """
    with wiring.engine.begin() as connection:
        repository.hold_member_by_id(connection, who.staff_id)
        own = repository.passkeys_of(connection, who.staff_id)
        if credential_id not in own:
            return False
        if len(own) == 1:
            raise LastPasskeyError
        repository.remove_passkey(connection, credential_id, staff_id=who.staff_id)
        now = database_now(connection)
        for each in repository.sessions_of(connection, who.staff_id, now=now):
            if each.id != who.session.id:
                repository.end_session(
                    connection, each.id, staff_id=who.staff_id, ending=Ending.ENDED, now=now
                )
    return True


def sessions(wiring: Wiring, who: SignedIn) -> list[Session]:
    """Return the sessions of whoever asks, the newest first."""
    with wiring.engine.connect() as connection:
        return repository.sessions_of(connection, who.staff_id, now=database_now(connection))


def sessions_of(wiring: Wiring, username: str) -> list[Session]:
    """Return the sessions of a member, the newest first; for the operator.

    Raises: UnknownMemberError.
    """
    with wiring.engine.begin() as connection:
        member = repository.hold_member(connection, username)
        if member is None:
            raise UnknownMemberError
        return repository.sessions_of(connection, member.id, now=database_now(connection))


def end_sessions(wiring: Wiring, username: str) -> bool:
    """End every session of a member, who may sign in again; whether there was one.

    Raises: UnknownMemberError.
    """
    with wiring.engine.begin() as connection:
        member = repository.hold_member(connection, username)
        if member is None:
            raise UnknownMemberError
        return repository.end_sessions(
            connection, member.id, ending=Ending.ENDED, now=database_now(connection)
        )


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


def may_use_passkey(wiring: Wiring, member: StaffMember) -> bool:
    """True where there is no provider, and for whom it does not know where there is one."""
    return wiring.settings.provider is None or member.is_outside


def begin(connection: Connection, member: StaffMember, method: Method, *, now: datetime) -> str:
    """Begin a session of somebody who proved who they are, and return its secret.

    The member's row has to be held. True afterwards: the data protection officer has a task for each use of a sealed
    account.
    """
    secret = secrets.token_urlsafe(32)
    repository.add_session(connection, digest=digest_of(secret), staff_id=member.id, method=method, now=now)
    if member.break_glass:
        occasion = f"{now:%Y%m%dT%H%M%S.%f}"
        raise_task(
            connection, kind=TaskKind.STAFF_BREAK_GLASS, due=now, about=member.username, occasion=occasion
        )
        _log.error("staff.break_glass", staff=str(member.id), method=method.value)
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


def _has_proved(
    wiring: Wiring,
    connection: Connection,
    who: SignedIn,
    credential: str,
    *,
    challenge: bytes,
    now: datetime,
) -> bool:
    """Whether a challenge was signed with a passkey of whoever asks; in the demo, whether they clicked."""
    if who.session.method is Method.DEMO:
        return wiring.settings.synthetic_people
    try:
        stored = repository.hold_passkey(connection, passkeys.credential_id_of(credential))
        if stored is None or stored.staff_id != who.staff_id:
            return False
        count = passkeys.check_signature(
            credential, party=_party(wiring), challenge=challenge, passkey=stored
        )
    except SignInError:
        return False
    repository.use_passkey(connection, stored.credential_id, sign_count=count, now=now)
    return True


def _step_up_challenge(nonce: bytes, who: SignedIn, *, action: str, record: str) -> bytes:
    named = json.dumps([nonce.hex(), action, record, str(who.staff_id)])
    return hashlib.sha256(named.encode()).digest()


def _party(wiring: Wiring) -> RelyingParty:
    return RelyingParty(wiring.settings.public_url, wiring.settings.council_name)


def digest_of(secret: str) -> bytes:
    """Return what is stored of something that opens a door."""
    return hashlib.sha256(secret.encode()).digest()
