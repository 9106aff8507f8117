"""What clients hold, compared with the log and the database, three ways.

INVARIANTS
- Receipts and payloads are read from their definitions; of the gateway only the family's key and the opening of what
  is sealed under it are used.
- What the bytes of a delivery alone decide is found out once; what the log decides, at each check.

Sources: RFC 6962 section 2.1.1; c2sp.org/tlog-proof.
"""

import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from certs.envelope import unseal
from certs.errors import EnvelopeError
from tests.faults.checker import (
    CheckedLog,
    CheckFailedError,
    LogKey,
    canonical,
    leaf_hash,
    node_hash,
    require,
    signed_tree,
)

HEADER = "c2sp.org/tlog-proof@v1"
RECEIPT = b',"receipt":'
OPENING = 66
"""Bytes of a receipt's extra data before the entry's body: two hashes and its length."""

OpenFamily = Callable[[UUID, bytes], bytes]
"""Returns the data key in a family's wrapped row."""


class Delivery(NamedTuple):
    """What a client received, as it came."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Balance:
    """What clients, log and database agree on.

    Attributes:
        delivered: extracts that clients hold; each is in the log and in the database.
        undelivered: releases in log and database that no client holds: prepared, and never delivered.
    """

    entries: int
    checkpoints: int
    delivered: int
    undelivered: int


def check_deliveries(
    log: CheckedLog, deliveries: Sequence[Delivery], *, open_family: OpenFamily, failed: int
) -> Balance:
    """Compare what clients hold with the log and the database, three ways.

    Args:
        failed: requests that ended without an extract; each may have left one release that was not delivered.

    Raises: CheckFailedError.
    """
    held: set[UUID] = set()
    for delivery in deliveries:
        extract = _check_delivery(log, delivery.body, open_family=open_family)
        require(extract not in held, f"extract {extract} was received twice")
        held.add(extract)
    undelivered = log.released.keys() - held
    require(
        len(undelivered) <= failed,
        f"{len(undelivered)} releases reached nobody, and only {failed} requests failed",
    )
    return Balance(log.tree.size, len(log.published), len(held), len(undelivered))


def _check_delivery(log: CheckedLog, body: bytes, *, open_family: OpenFamily) -> UUID:
    """One received extract is in the log where its receipt says, and commits to exactly what was received."""
    receipt = _receipt(body, log.key)
    extract_id, index = receipt.extract_id, receipt.leaf
    require(log.released.get(extract_id) == index, f"extract {extract_id} is not on record at leaf {index}")
    require(
        receipt.size in log.published,
        f"the receipt of leaf {index} has a checkpoint that was never published",
    )
    require(receipt.root == log.tree.root(receipt.size), f"the receipt of leaf {index} is of another tree")
    require(receipt.body == log.bodies[index], f"the receipt of leaf {index} opens another entry")
    entry_id, sealed, family_id, wrapped = log.openings[extract_id]
    commitment = bytes.fromhex(json.loads(receipt.body)["c"])
    opening = _opening(open_family(family_id, wrapped), sealed, entry_id.bytes + commitment)
    require(commitment == opening.commitment, f"leaf {index} does not commit to its payload")
    require(receipt.opens == opening.for_recipient, f"receipt and payload of leaf {index} differ")
    require(
        opening.told == hashlib.sha256(receipt.told).hexdigest(),
        f"leaf {index} commits to another extract than was received",
    )
    return extract_id


class _Receipt(NamedTuple):
    """A receipt whose signature is the log's and whose proof leads to the signed root.

    Attributes:
        opens: recipient's salt, internal commitment and recipient part.
        told: the extract without its receipt, as it came.
    """

    extract_id: UUID
    leaf: int
    size: int
    root: bytes
    body: bytes
    opens: bytes
    told: bytes


@lru_cache(maxsize=100_000)
def _receipt(body: bytes, key: LogKey) -> _Receipt:
    """Read the receipt of a received extract; nothing but these bytes and the key decides."""
    extract = json.loads(body)
    head, _, note = extract["receipt"].partition("\n\n")
    header, extra, numbered, *hashes = head.split("\n")
    require(header == HEADER, "a receipt is not a proof of the log")
    index = int(numbered.removeprefix("index "))
    data = b64decode(extra.removeprefix("extra "), validate=True)
    end = OPENING + int.from_bytes(data[OPENING - 2 : OPENING], "big")
    size, root = signed_tree(note, key)
    path = [b64decode(line, validate=True) for line in hashes]
    proved = _root_of(leaf_hash(data[OPENING:end]), index, size=size, path=path)
    require(proved == root, f"the proof of leaf {index} does not lead to the signed root")
    return _Receipt(
        UUID(extract["extract_id"]),
        index,
        size,
        root,
        body=data[OPENING:end],
        opens=data[: OPENING - 2] + data[end:],
        told=body[: body.rindex(RECEIPT)] + b"}",
    )


def _root_of(leaf: bytes, index: int, *, size: int, path: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to, by the recursion that defines the proof (RFC 6962 section 2.1.1)."""
    if size == 1:
        require(not path, "a proof is too long")
        return leaf
    require(bool(path), "a proof is too short")
    split = 1 << (size - 1).bit_length() - 1
    if index < split:
        return node_hash(_root_of(leaf, index, size=split, path=path[:-1]), path[-1])
    return node_hash(path[-1], _root_of(leaf, index - split, size=size - split, path=path[:-1]))


class _Opening(NamedTuple):
    """What a payload holds, and what the entry must commit to."""

    commitment: bytes
    for_recipient: bytes
    told: str


@lru_cache(maxsize=100_000)
def _opening(data_key: bytes, sealed: bytes, aad: bytes) -> _Opening:
    try:
        opening = json.loads(unseal(data_key, sealed, aad=aad))
    except EnvelopeError as error:
        raise CheckFailedError("the payload of a released entry does not open") from error
    salt = bytes.fromhex(opening["sr"])
    recipient = canonical(opening["r"])
    c_r = hmac.digest(salt, recipient, hashlib.sha256)
    c_i = hmac.digest(bytes.fromhex(opening["si"]), canonical(opening["i"]), hashlib.sha256)
    commitment = hashlib.sha256(c_r + c_i).digest()
    return _Opening(commitment, salt + c_i + recipient, opening["r"]["extract_sha256"])
