"""Pickups: the newest document of a referral, for one named person, against a code that is told by phone.

INVARIANTS
- The code is stored as a keyed hash only, and the key is erased with the family's.
- A try is counted, and committed, before anything is compared; three are all there are, however many come at once.
- Unknown, expired, used, tried too often and wrong are one answer.
- A document is shown once, and only after its entry and its row are committed.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import Connection

from certs.envelope import seal, unseal
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.keyring import FamilyKeys, KeyErasedError
from gateway.safeguarding import pickup_repository, repository
from gateway.safeguarding.entries import note
from gateway.safeguarding.errors import SafeguardingError, UnknownReferralError
from gateway.safeguarding.model import Referral, State
from gateway.safeguarding.pickup_repository import StoredPickup
from gateway.safeguarding.sealing import OpenDocument, open_documents
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring

SIGNS: Final = "23456789FKMRWXYZ"
"""What a code is made of: no two sound or look alike."""
LENGTH: Final = 10
TRIES: Final = 3
LIFETIME: Final = timedelta(hours=24)
LONGEST_NAME: Final = 200

_ACTOR: Final = "pickup"
_CODE: Final = re.compile(f"[{SIGNS}]{{{LENGTH}}}", re.ASCII)
_BETWEEN: Final = re.compile(r"[\s-]+")
_LONGEST_TYPED: Final = 40


class Offer(NamedTuple):
    """What is told: the address has the id, and the code is said on the phone."""

    pickup_id: UUID
    code: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A document in somebody's hands.

    Attributes:
        person: for whom it waited.
    """

    document: OpenDocument
    person: str


def offer(wiring: Wiring, who: SignedIn, referral_id: UUID, person: str) -> Offer:
    """Let one person take the newest document of one's own referral, once, within a day.

    Args:
        person: their name, as they said it on the phone.

    Raises: UnknownReferralError; SafeguardingError, there is no name.
    """
    name = " ".join(person.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise SafeguardingError("Enter the name of whoever takes it.")
    pickup_id, code = uuid4(), "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
    with act(wiring, closes=True) as change:
        referral = _own(change.connection, who, referral_id)
        keys = _keys(wiring, change.connection, referral.family_id)
        number = len(repository.documents(change.connection, referral_id))
        pickup_repository.add(
            change.connection,
            pickup_id,
            referral_id=referral_id,
            number=number,
            sealed=seal(keys.data_key, name.encode(), aad=_aad(pickup_id)),
            code_hash=_hash(keys, pickup_id, code),
            expires_at=database_now(change.connection) + LIFETIME,
        )
        note(
            change,
            who.username,
            referral,
            EntryKind.REFERRAL_OFFER,
            number=number,
            pickup=str(pickup_id),
        )
    return Offer(pickup_id, code)


def take(wiring: Wiring, pickup_id: UUID, code: str) -> Taken | None:
    """Return the document that waits under a code; absent: there is none, or not by this code, or no more.

    Args:
        code: as it was typed: small letters, spaces and hyphens do no harm, and what no code can be is no try.

    True afterwards, where it is returned: one entry and one row say so, and it waits no more.
    """
    typed = _BETWEEN.sub("", code[:_LONGEST_TYPED]).upper()
    if not _CODE.fullmatch(typed):
        return None
    with wiring.engine.begin() as connection:
        found = pickup_repository.count_try(connection, pickup_id, most=TRIES, now=database_now(connection))
        keys = None if found is None else _keys_if_any(wiring, connection, found.family_id)
    if found is None or keys is None:
        return None
    if not hmac.compare_digest(found.code_hash, _hash(keys, pickup_id, typed)):
        return None
    return _taken(wiring, pickup_id, found, keys)


def _taken(wiring: Wiring, pickup_id: UUID, found: StoredPickup, keys: FamilyKeys) -> Taken | None:
    """Put on record that a document is taken, and return it; absent: somebody was faster."""
    with act(wiring, closes=True) as change:
        connection = change.connection
        now = database_now(connection)
        if not pickup_repository.use(connection, pickup_id, now=now):
            change.nothing_changed()
            return None
        referral = repository.referral(connection, found.referral_id)
        documents = open_documents(connection, keys, referral.id)
        repository.add_fetch(
            connection, referral.id, number=found.number, client=None, practitioner=None, now=now
        )
        note(
            change,
            _ACTOR,
            referral,
            EntryKind.REFERRAL_PICKUP,
            number=found.number,
            pickup=str(pickup_id),
        )
    (document,) = (each for each in documents if each.number == found.number)
    return Taken(document, unseal(keys.data_key, found.sealed, aad=_aad(pickup_id)).decode())


def _own(connection: Connection, who: SignedIn, referral_id: UUID) -> Referral:
    """A referral of somebody's own that went to a destination.

    Raises: UnknownReferralError.
    """
    stored = repository.one(connection, who, referral_id)
    if stored is None or stored.referral.author_id != who.staff_id:
        raise UnknownReferralError("it is not theirs")
    if stored.referral.state in {State.DRAFT, State.RECORDED}:
        raise UnknownReferralError("it went nowhere")
    return stored.referral


def _keys(wiring: Wiring, connection: Connection, family_id: UUID) -> FamilyKeys:
    found = _keys_if_any(wiring, connection, family_id)
    if found is None:
        raise UnknownReferralError("the family was erased")
    return found


def _keys_if_any(wiring: Wiring, connection: Connection, family_id: UUID) -> FamilyKeys | None:
    try:
        return wiring.keyring.family(connection, family_id)
    except KeyErasedError:
        return None


def _hash(keys: FamilyKeys, pickup_id: UUID, code: str) -> bytes:
    """Under a key of its own: without the family's key nobody can try codes on a copy of the database."""
    key = hmac.digest(keys.data_key, b"referral pickup code", hashlib.sha256)
    return hmac.digest(key, pickup_id.bytes + code.encode(), hashlib.sha256)


def _aad(pickup_id: UUID) -> bytes:
    return b"referral pickup:" + pickup_id.bytes
