"""The receipt: what a recipient keeps to show, offline, that its extract is in the log.

A receipt is a proof (c2sp.org/tlog-proof@v1) whose extra data open the recipient part of the entry.

INVARIANT: nothing of a receipt is believed before the step that proves it; the extra data are proved by the
commitment in the entry's body, and that by its inclusion.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from extract_client.errors import ProofError
from extract_client.log.canonical import NotCanonicalError, canonical
from extract_client.log.merkle import leaf_hash, verify_inclusion
from extract_client.log.opening import extract_hash, pack_opening, unpack_opening
from extract_client.log.policy import Policy
from extract_client.log.proof import LogProof

__all__ = ["DOCUMENT_HASH", "VerifiedReceipt", "extract_hash", "pack_opening", "verify_receipt"]

DOCUMENT_HASH: Final = "document_sha256"
"""What names a document of a referral."""
_HASHES: Final = ("extract_sha256", DOCUMENT_HASH)
"""What can name the thing that a receipt is for."""
_BODY_MEMBERS: Final = {"c", "f", "id", "l", "t", "v"}
_VERSION: Final = 1
_LOG_ID_HEX: Final = 8


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """What a receipt proves.

    Attributes:
        index: leaf index of the entry.
        size: of the tree that includes it.
        minute: of the entry, seconds since 1970.
        body: the entry's bytes.
        recipient: the part of the entry that is opened to its recipient.
        witnessed: names of the witnesses that cosigned the tree.
    """

    index: int
    size: int
    minute: int
    body: bytes
    recipient: Mapping[str, Any]
    witnessed: tuple[str, ...]


def verify_receipt(
    receipt: str, *, policy: Policy, origin: str, extract: bytes | Mapping[str, Any] | None = None
) -> VerifiedReceipt:
    """Return what the receipt proves.

    Args:
        policy: the keys that are trusted, got another way than the receipt.
        origin: name of the log that must have the entry.
        extract: the extract, or document of a referral, as received, in bytes or read; absent: the receipt is
            checked alone.

    Raises: NoteError, its checkpoint is not the log's; NotWitnessedError; ProofError.
    """
    proof = LogProof.parse(receipt)
    opening = unpack_opening(proof.extra)
    # 1. Signature and 2. quorum: the tree is the one that the log and its witnesses vouch for.
    checked = policy.check(proof.checkpoint, origin=origin)
    head = checked.checkpoint
    # 3. Inclusion: that tree has the entry.
    leaf = leaf_hash(opening.body)
    verify_inclusion(leaf, index=proof.index, size=head.size, root=head.root, proof=proof.hashes)
    # 4. Commitment: the entry is about this recipient part and no other.
    entry = _entry(opening.body, origin=origin)
    c_r = hmac.digest(opening.recipient_salt, opening.recipient, hashlib.sha256)
    if hashlib.sha256(c_r + opening.internal_commitment).hexdigest() != entry["c"]:
        raise ProofError("The entry does not commit to what the receipt opens.")
    recipient = _canonical_object(opening.recipient)
    # 5. The recipient part names the extract that was received, or the document, and nothing else.
    if extract is not None and [_hash_of(extract)] != [
        recipient[each] for each in _HASHES if each in recipient
    ]:
        raise ProofError("The receipt is for another extract than this one.")
    return VerifiedReceipt(
        index=proof.index,
        size=head.size,
        minute=entry["t"],
        body=opening.body,
        recipient=recipient,
        witnessed=checked.witnessed,
    )


def _entry(body: bytes, *, origin: str) -> Mapping[str, Any]:
    """Members of an entry's body of this log."""
    entry = _canonical_object(body)
    if entry.keys() != _BODY_MEMBERS or entry["v"] != _VERSION or type(entry["t"]) is not int:
        raise ProofError("The log's entry is not of a version that is known here.")
    if entry["l"] != hashlib.sha256(origin.encode()).hexdigest()[:_LOG_ID_HEX]:
        raise ProofError("The entry was made for another log.")
    return entry


def _canonical_object(data: bytes) -> Mapping[str, Any]:
    members = _object(data)
    try:
        same = canonical(members) == data
    except NotCanonicalError:
        same = False
    if not same:
        raise ProofError("A part of the entry is not in canonical form.")
    return members


def _hash_of(extract: bytes | Mapping[str, Any]) -> str:
    members = _object(extract) if isinstance(extract, bytes) else extract
    try:
        return extract_hash(members)
    except NotCanonicalError as error:
        raise ProofError("The extract has values that the log cannot commit to.") from error


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        members = json.loads(data.decode(), object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        raise ProofError("What the receipt is about is not JSON that has one meaning.") from error
    if not isinstance(members, dict):
        raise ProofError("What the receipt is about is not a JSON object.")
    return members


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members
