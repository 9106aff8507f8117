"""Receipts once more: the proof that an extract is on record, for its recipient alone (c2sp.org/tlog-proof@v1).

INVARIANTS
- A receipt opens the recipient part of its entry, and of nothing else anything.
- It is given to the agency that received the extract; to every other one there is no such extract. That of a
  referral's document goes with the document, to whoever may have it.
- A later one differs by a newer checkpoint, with the witnesses' signatures where there are some, and by nothing else.
"""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from certs.envelope import unseal
from extract_client.log.merkle import inclusion_proof
from extract_client.log.opening import pack_opening
from extract_client.log.promise import TITLE
from extract_client.log.proof import LogProof
from gateway.disclosure_log import repository
from gateway.disclosure_log.canonical import canonical
from gateway.disclosure_log.entry import commitment_of
from gateway.keyring import KeyErasedError
from gateway.wiring import Wiring

_ENTRY = (
    "SELECT e.leaf_index, e.entry_id, e.body, p.sealed, t.family_id FROM gateway.log_trace t"
    " JOIN gateway.log_entry e USING (entry_id) JOIN gateway.log_payload p USING (entry_id)"
)
_RELEASED = text(_ENTRY + " WHERE t.extract_id = :extract AND t.agency_code = :agency")
_ENTERED = text(_ENTRY + " WHERE t.entry_id = :entry")


def receipt_again(wiring: Wiring, *, agency: str, extract_id: UUID) -> str | None:
    """Return the receipt of an extract that this agency received, under the newest checkpoint it can have.

    That is the newest witnessed one that includes it, else the newest published one.
    Returns: nothing for another agency's extract, for none at all, and for one of a family that was erased.
    """
    with wiring.autocommit.connect() as connection:
        row = connection.execute(_RELEASED, {"extract": extract_id, "agency": agency}).one_or_none()
        return None if row is None else _receipt(wiring, connection, row)


def receipt_of(wiring: Wiring, entry_id: UUID) -> str | None:
    """Return the receipt of one entry, in place of a promise; who may have it is decided by whoever calls.

    Returns: nothing while the entry is in no published tree, and for one of a family that was erased.
    """
    with wiring.autocommit.connect() as connection:
        row = connection.execute(_ENTERED, {"entry": entry_id}).one_or_none()
        return None if row is None else _receipt(wiring, connection, row)


def proof_under(
    wiring: Wiring, connection: Connection, row: Row[Any], checkpoint: repository.StoredCheckpoint
) -> str:
    """Return the proof that the tree of a checkpoint has an entry, in the form of a receipt.

    Args:
        row: leaf_index, entry_id, body, sealed and family_id of the entry, which is older than the checkpoint.

    Raises: KeyErasedError, its family was erased; certs.errors.EnvelopeError; LookupError, the tree has a hole.
    """
    return _proof(connection, row.leaf_index, checkpoint, extra=_disclosure(wiring, connection, row))


def is_promise(proof: str) -> bool:
    """True for what only promises a receipt."""
    return proof.startswith(TITLE)


def _receipt(wiring: Wiring, connection: Connection, row: Row[Any]) -> str | None:
    try:
        extra = _disclosure(wiring, connection, row)
    except KeyErasedError:
        return None
    checkpoint = repository.newest_witnessed(connection)
    if checkpoint is None or checkpoint.size <= row.leaf_index:
        checkpoint = repository.newest_checkpoint(connection)
    if checkpoint is None or checkpoint.size <= row.leaf_index:  # prepared, and never delivered
        return None
    return _proof(connection, row.leaf_index, checkpoint, extra=extra)


def _proof(
    connection: Connection, index: int, checkpoint: repository.StoredCheckpoint, *, extra: bytes
) -> str:
    read = repository.hash_reader(connection, size=checkpoint.size)
    hashes = inclusion_proof(index, size=checkpoint.size, read=read)
    return str(LogProof(index, tuple(hashes), checkpoint.note, extra))


def _disclosure(wiring: Wiring, connection: Connection, row: Row[Any]) -> bytes:
    keys = wiring.keyring.family(connection, row.family_id)
    commitment = bytes.fromhex(json.loads(row.body)["c"])
    opening = json.loads(unseal(keys.data_key, row.sealed, aad=row.entry_id.bytes + commitment))
    return pack_opening(
        recipient_salt=bytes.fromhex(opening["sr"]),
        internal_commitment=commitment_of(opening["i"], salt=bytes.fromhex(opening["si"])),
        body=row.body,
        recipient=canonical(opening["r"]),
    )
