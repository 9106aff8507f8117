"""What is sealed of a referral: what was written, and what went; under the key of the family, bound to referral and part.

INVARIANT: a document that does not open keeps no other back.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import structlog
from sqlalchemy import Connection

from certs.envelope import seal, unseal
from certs.errors import EnvelopeError
from gateway.keyring import FamilyKeys, KeyErasedError
from gateway.safeguarding import repository
from gateway.safeguarding.errors import UnknownReferralError
from gateway.safeguarding.model import Answers, Exemption, Kind
from gateway.safeguarding.repository import Stored
from gateway.wiring import Wiring

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote: their answers, and what they chose of the record.

    Attributes:
        items: keys of choices; absent: whatever is selected beforehand.
        hidden_from: usernames of colleagues who must not learn of it.
        tell_on: when telling the family is looked at again.
        note_id: of the emergency page, which this referral is made of; absent: it is made of none.
    """

    kind: Kind
    answers: Answers
    items: frozenset[str] | None = None
    hidden_from: frozenset[str] = frozenset()
    tell_on: date | None = None
    note_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why a referral is left out of a person's statement, and who decided so."""

    by: str
    exemption: Exemption
    reason: str


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """One document as it went."""

    number: int
    entry_id: UUID
    body: bytes
    sha256: str
    sent_at: datetime
    proof: str | None


def keys_of(wiring: Wiring, connection: Connection, family_id: UUID) -> FamilyKeys:
    """Return the keys of a family.

    Raises: UnknownReferralError, it was erased.
    """
    try:
        return wiring.keyring.family(connection, family_id)
    except KeyErasedError as error:
        raise UnknownReferralError("the family was erased") from error


def seal_written(keys: FamilyKeys, referral_id: UUID, written: Written) -> bytes:
    """Return what somebody wrote, sealed."""
    said = {
        "answers": {name: list(a) if isinstance(a, tuple) else a for name, a in written.answers.items()},
        "items": None if written.items is None else sorted(written.items),
    }
    return seal(keys.data_key, json.dumps(said).encode(), aad=part_of(referral_id, "answers"))


def open_written(keys: FamilyKeys, stored: Stored) -> Written:
    """Return what somebody wrote."""
    referral = stored.referral
    said = json.loads(unseal(keys.data_key, stored.sealed, aad=part_of(referral.id, "answers")))
    answers: Mapping[str, str | list[str]] = said["answers"]
    return Written(
        referral.kind,
        {name: tuple(a) if isinstance(a, list) else a for name, a in answers.items()},
        None if said["items"] is None else frozenset(said["items"]),
        referral.hidden_from,
        referral.tell_on,
    )


def seal_withheld(keys: FamilyKeys, referral_id: UUID, withheld: Withheld) -> bytes:
    """Return why a referral is left out of a statement, sealed."""
    said = {"by": withheld.by, "exemption": withheld.exemption.value, "reason": withheld.reason}
    return seal(keys.data_key, json.dumps(said).encode(), aad=part_of(referral_id, "visibility"))


def open_withheld(keys: FamilyKeys, stored: Stored) -> Withheld | None:
    """Return why a referral is left out of a statement; absent: it is not."""
    if stored.visibility_sealed is None:
        return None
    part = part_of(stored.referral.id, "visibility")
    said = json.loads(unseal(keys.data_key, stored.visibility_sealed, aad=part))
    return Withheld(said["by"], Exemption(said["exemption"]), said["reason"])


def open_documents(connection: Connection, keys: FamilyKeys, referral_id: UUID) -> list[OpenDocument]:
    """Return what went of a referral, in order; a document that does not open is logged, and left out."""
    found = []
    for each in repository.documents(connection, referral_id):
        try:
            body = unseal(keys.data_key, each.sealed, aad=part_of(referral_id, str(each.number)))
        except EnvelopeError:
            _log.error("referral.damaged", referral=str(referral_id), number=each.number)
            continue
        found.append(OpenDocument(each.number, each.entry_id, body, each.sha256, each.sent_at, each.proof))
    return found


def reference_of(wiring: Wiring, connection: Connection, stored: Stored) -> str | None:
    """Return the reference that the destination gave; absent: none that is known."""
    written = open_written(keys_of(wiring, connection, stored.referral.family_id), stored)
    said = written.answers.get("reference")
    return said if isinstance(said, str) else None


def part_of(referral_id: UUID, part: str) -> bytes:
    """Return what binds a sealed part to its referral."""
    return b"referral:" + referral_id.bytes + part.encode()
