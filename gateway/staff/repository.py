"""Reads and writes of the members of staff; each works in the caller's transaction and commits nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.staff.model import ABSOLUTE, AT_ONCE, IDLE, NOWHERE, Belonging, Ending, Method, Session
from gateway.staff.passkeys import NewPasskey, StoredPasskey
from gateway.staff.tables import CHALLENGE, IDENTITY, INVITATION, LOGIN, PASSKEY, SESSION, STAFF, STEP_UP


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A member of the council's staff who may act now."""

    id: UUID
    username: str
    roles: frozenset[str]
    belonging: Belonging = NOWHERE
    break_glass: bool = False

    @property
    def is_outside(self) -> bool:
        """True for whom the council's provider never signs in: people of other agencies, and sealed accounts."""
        return self.break_glass or self.belonging.agency is not None


@dataclass(frozen=True, slots=True)
class OwnPasskey:
    """A passkey as its owner sees it in a list."""

    credential_id: bytes
    added_at: datetime
    used_at: datetime | None


def ensure_member(
    connection: Connection,
    *,
    username: str,
    roles: Iterable[str],
    belonging: Belonging = NOWHERE,
    break_glass: bool = False,
) -> StaffMember:
    """Make this member active with exactly these roles and this belonging, new or known before.

    Args:
        username: lower case, as signed in with; the database refuses any other form.
        break_glass: the account is sealed, for when the provider is away.
    """
    values = {
        "roles": sorted(set(roles)),
        "active": True,
        "team": belonging.team,
        "agency_code": belonging.agency,
        "practitioner_id": belonging.practitioner,
        "break_glass": break_glass,
    }
    statement = insert(STAFF).values(username=username, **values)
    stored = statement.on_conflict_do_update(index_elements=["username"], set_=values)
    row = connection.execute(stored.returning(STAFF.c.id)).one()
    return StaffMember(row.id, username, frozenset(roles), belonging, break_glass)


def active_member(connection: Connection, username: str) -> StaffMember | None:
    """The active member of this username; one who left is absent like one who never was."""
    return _member(connection, select(STAFF).where(STAFF.c.username == username, STAFF.c.active))


def deactivate(connection: Connection, username: str) -> bool:
    """Let this member act no more; whether that changed anything."""
    left = update(STAFF).where(STAFF.c.username == username, STAFF.c.active).values(active=False)
    return connection.execute(left).rowcount > 0


def members(connection: Connection) -> Sequence[tuple[StaffMember, bool]]:
    """Everybody there ever was, by username, and whether they may act."""
    rows = connection.execute(select(STAFF).order_by(STAFF.c.username))
    return [(_member_of(row), row.active) for row in rows]


def hold_member(connection: Connection, username: str) -> StaffMember | None:
    """The active member of this username, their row held until the commit; absent: there is none."""
    wanted = select(STAFF).where(STAFF.c.username == username, STAFF.c.active)
    return _member(connection, wanted.with_for_update())


def hold_member_by_id(connection: Connection, staff_id: UUID) -> StaffMember | None:
    """The active member of this id, their row held until the commit; absent: there is none."""
    return _member(connection, select(STAFF).where(STAFF.c.id == staff_id, STAFF.c.active).with_for_update())


def add_invitation(
    connection: Connection, *, digest: bytes, staff_id: UUID, invited_by: str, expires_at: datetime
) -> None:
    """Store a one-time code by its digest."""
    connection.execute(
        insert(INVITATION).values(
            digest=digest, staff_id=staff_id, invited_by=invited_by, expires_at=expires_at
        )
    )


def invited(connection: Connection, digest: bytes, *, now: datetime) -> StaffMember | None:
    """Whom a code that can still be used is for, the code held until the commit; absent: there is none such."""
    wanted = (
        select(STAFF)
        .join_from(INVITATION, STAFF, STAFF.c.id == INVITATION.c.staff_id)
        .where(
            INVITATION.c.digest == digest,
            INVITATION.c.used_at.is_(None),
            INVITATION.c.expires_at > now,
            STAFF.c.active,
        )
        .with_for_update(of=INVITATION)
    )
    return _member(connection, wanted)


def use_invitation(connection: Connection, digest: bytes, *, now: datetime) -> None:
    """Say that a code was used."""
    connection.execute(update(INVITATION).where(INVITATION.c.digest == digest).values(used_at=now))


def burn_challenge(connection: Connection, digest: bytes, *, expires_at: datetime, now: datetime) -> bool:
    """Use a challenge up; whether it was fresh. What is over is forgotten with it."""
    connection.execute(delete(CHALLENGE).where(CHALLENGE.c.expires_at < now))
    burnt = insert(CHALLENGE).values(digest=digest, expires_at=expires_at).on_conflict_do_nothing()
    return connection.execute(burnt.returning(CHALLENGE.c.digest)).one_or_none() is not None


def add_passkey(connection: Connection, staff_id: UUID, passkey: NewPasskey) -> bool:
    """Store a member's passkey; whether it was new."""
    values = {
        "credential_id": passkey.credential_id,
        "staff_id": staff_id,
        "public_key": passkey.public_key,
        "sign_count": passkey.sign_count,
    }
    added = insert(PASSKEY).values(values).on_conflict_do_nothing().returning(PASSKEY.c.staff_id)
    return connection.execute(added).one_or_none() is not None


def passkeys_of(connection: Connection, staff_id: UUID) -> list[bytes]:
    """The ids of a member's passkeys."""
    wanted = select(PASSKEY.c.credential_id).where(PASSKEY.c.staff_id == staff_id)
    return list(connection.execute(wanted).scalars())


def own_passkeys(connection: Connection, staff_id: UUID) -> list[OwnPasskey]:
    """A member's passkeys, the oldest first."""
    wanted = select(PASSKEY).where(PASSKEY.c.staff_id == staff_id).order_by(PASSKEY.c.added_at)
    return [OwnPasskey(row.credential_id, row.added_at, row.used_at) for row in connection.execute(wanted)]


def remove_passkey(connection: Connection, credential_id: bytes, *, staff_id: UUID) -> bool:
    """Delete a member's passkey; whether they had it. The member's row has to be held."""
    mine = (PASSKEY.c.credential_id == credential_id) & (PASSKEY.c.staff_id == staff_id)
    return connection.execute(delete(PASSKEY).where(mine)).rowcount > 0


def hold_passkey(connection: Connection, credential_id: bytes) -> StoredPasskey | None:
    """The passkey of an active member, held until the commit."""
    wanted = (
        select(PASSKEY)
        .join_from(PASSKEY, STAFF, STAFF.c.id == PASSKEY.c.staff_id)
        .where(PASSKEY.c.credential_id == credential_id, STAFF.c.active)
        .with_for_update(of=PASSKEY)
    )
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    return StoredPasskey(row.credential_id, row.staff_id, row.public_key, row.sign_count)


def use_passkey(connection: Connection, credential_id: bytes, *, sign_count: int, now: datetime) -> None:
    """Store the count that a passkey signed with."""
    mine = PASSKEY.c.credential_id == credential_id
    connection.execute(update(PASSKEY).where(mine).values(sign_count=sign_count, used_at=now))


def add_identity(connection: Connection, *, issuer: str, subject: str, staff_id: UUID, now: datetime) -> UUID:
    """Link an identity at a provider to a member, unless it is linked; return whose it is then."""
    values = {"issuer": issuer, "subject": subject, "staff_id": staff_id, "linked_at": now}
    connection.execute(insert(IDENTITY).values(values).on_conflict_do_nothing())
    linked = select(IDENTITY.c.staff_id).where(IDENTITY.c.issuer == issuer, IDENTITY.c.subject == subject)
    found: UUID = connection.execute(linked).scalar_one()
    return found


def linked_member(connection: Connection, *, issuer: str, subject: str) -> StaffMember | None:
    """The active member whose identity this is, their row held until the commit; absent: there is none."""
    wanted = (
        select(STAFF)
        .join_from(IDENTITY, STAFF, STAFF.c.id == IDENTITY.c.staff_id)
        .where(IDENTITY.c.issuer == issuer, IDENTITY.c.subject == subject, STAFF.c.active)
        .with_for_update(of=STAFF)
    )
    return _member(connection, wanted)


def add_login(connection: Connection, login: Mapping[str, object], *, now: datetime) -> None:
    """Store a login that begins, by its columns. What is over is forgotten with it."""
    connection.execute(delete(LOGIN).where(LOGIN.c.expires_at < now))
    connection.execute(insert(LOGIN).values(dict(login)))


def take_login(connection: Connection, digest: bytes) -> Row[Any] | None:
    """The login of a state, used up with this transaction; absent: there is none, or no longer."""
    taken = delete(LOGIN).where(LOGIN.c.digest == digest).returning(LOGIN)
    return connection.execute(taken).one_or_none()


def add_session(
    connection: Connection, *, digest: bytes, staff_id: UUID, method: Method, now: datetime
) -> None:
    """Begin a session; of the member's others the newest stay, so that there are ``AT_ONCE``.

    The member's row has to be held: two sign-ins at once would each miss the other's.
    """
    others = _standing(now).where(SESSION.c.staff_id == staff_id).order_by(SESSION.c.began_at.desc())
    surplus = list(connection.execute(others.with_only_columns(SESSION.c.session_id)).scalars())[
        AT_ONCE - 1 :
    ]
    _end(connection, SESSION.c.session_id.in_(surplus), ending=Ending.REPLACED, now=now)
    connection.execute(
        insert(SESSION).values(
            digest=digest,
            staff_id=staff_id,
            method=method.value,
            began_at=now,
            seen_at=now,
            ends_at=now + ABSOLUTE,
        )
    )


def see_session(connection: Connection, digest: bytes, *, now: datetime) -> Row[Any] | None:
    """The session of this cookie with its member, seen now; absent: it ended, or its member acts no more."""
    seen = (
        update(SESSION)
        .where(
            SESSION.c.digest == digest,
            *_stands(now),
            STAFF.c.id == SESSION.c.staff_id,
            STAFF.c.active,
        )
        .values(seen_at=func.greatest(SESSION.c.seen_at, now))
        .returning(
            SESSION,
            STAFF.c.username,
            STAFF.c.roles,
            STAFF.c.team,
            STAFF.c.agency_code,
            STAFF.c.practitioner_id,
        )
    )
    return connection.execute(seen).one_or_none()


def renew_session(connection: Connection, session_id: UUID, *, digest: bytes) -> None:
    """Let a session be opened by another cookie; the one of before opens nothing more."""
    mine = SESSION.c.session_id == session_id
    connection.execute(update(SESSION).where(mine).values(digest=digest))


def add_step_up(
    connection: Connection,
    *,
    digest: bytes,
    session_id: UUID,
    action: str,
    record: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Remember what somebody was asked to prove themself for; what is over is forgotten with it."""
    connection.execute(delete(STEP_UP).where(STEP_UP.c.expires_at < now))
    connection.execute(
        insert(STEP_UP).values(
            digest=digest, session_id=session_id, action=action, record=record, expires_at=expires_at
        )
    )


def take_step_up(
    connection: Connection, *, digest: bytes, session_id: UUID, action: str, record: str, now: datetime
) -> bool:
    """Use up what somebody was asked to prove themself for; whether it was this, of this session, and is not over."""
    taken = delete(STEP_UP).where(STEP_UP.c.digest == digest).returning(STEP_UP)
    row = connection.execute(taken).one_or_none()
    if row is None or row.expires_at <= now:
        return False
    return (row.session_id, row.action, row.record) == (session_id, action, record)


def prove_step_up(connection: Connection, *, digest: bytes, staff_id: UUID, now: datetime) -> bool:
    """Say that a member proved themself elsewhere; whether that was asked of a session of theirs, and is not over."""
    theirs = select(SESSION.c.session_id).where(SESSION.c.staff_id == staff_id, *_stands(now))
    proved = (
        update(STEP_UP)
        .where(
            STEP_UP.c.digest == digest,
            STEP_UP.c.expires_at > now,
            STEP_UP.c.proved_at.is_(None),
            STEP_UP.c.session_id.in_(theirs),
        )
        .values(proved_at=now)
    )
    return connection.execute(proved).rowcount > 0


def take_proved(connection: Connection, *, session_id: UUID, action: str, record: str, now: datetime) -> bool:
    """Use up what somebody proved elsewhere for this action on this record; whether they had, and it is not over."""
    taken = (
        delete(STEP_UP)
        .where(
            STEP_UP.c.session_id == session_id,
            STEP_UP.c.action == action,
            STEP_UP.c.record == record,
            STEP_UP.c.proved_at.is_not(None),
            STEP_UP.c.expires_at > now,
        )
        .returning(STEP_UP.c.digest)
    )
    return bool(connection.execute(taken).all())


def subject_of(connection: Connection, staff_id: UUID, *, issuer: str) -> str | None:
    """As whom a provider knows a member; absent: it does not."""
    known = select(IDENTITY.c.subject).where(IDENTITY.c.staff_id == staff_id, IDENTITY.c.issuer == issuer)
    found: str | None = connection.execute(
        known.order_by(IDENTITY.c.linked_at.desc()).limit(1)
    ).scalar_one_or_none()
    return found


def sessions_of(connection: Connection, staff_id: UUID, *, now: datetime) -> list[Session]:
    """A member's sessions that stand, the newest first."""
    mine = _standing(now).where(SESSION.c.staff_id == staff_id).order_by(SESSION.c.began_at.desc())
    return [session_of(row) for row in connection.execute(mine)]


def end_session(
    connection: Connection, session_id: UUID, *, staff_id: UUID, ending: Ending, now: datetime
) -> bool:
    """End one session of a member; whether it stood."""
    return _end(
        connection,
        SESSION.c.session_id == session_id,
        SESSION.c.staff_id == staff_id,
        ending=ending,
        now=now,
    )


def end_sessions(connection: Connection, staff_id: UUID, *, ending: Ending, now: datetime) -> bool:
    """End every session of a member; whether there was one."""
    return _end(connection, SESSION.c.staff_id == staff_id, ending=ending, now=now)


def session_of(row: Row[Any]) -> Session:
    """One row as a value."""
    return Session(row.session_id, Method(row.method), row.began_at, row.seen_at, row.ends_at)


def _member(connection: Connection, wanted: Select[Any]) -> StaffMember | None:
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _member_of(row)


def _member_of(row: Row[Any]) -> StaffMember:
    return StaffMember(row.id, row.username, frozenset(row.roles), belonging_of(row), row.break_glass)


def belonging_of(row: Row[Any]) -> Belonging:
    """With whom a member of a row works."""
    return Belonging(row.team, row.agency_code, row.practitioner_id)


def _stands(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return SESSION.c.ended_at.is_(None), SESSION.c.seen_at > now - IDLE, SESSION.c.ends_at > now


def _standing(now: datetime) -> Select[Any]:
    return select(SESSION).where(*_stands(now))


def _end(connection: Connection, *which: ColumnElement[bool], ending: Ending, now: datetime) -> bool:
    ended = update(SESSION).where(SESSION.c.ended_at.is_(None), *which)
    return connection.execute(ended.values(ended_at=now, ending=ending.value)).rowcount > 0
