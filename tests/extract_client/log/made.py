"""A log made by hand, step by step as the formats say: fixed keys, entries of no family, nothing at random."""

import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import leaf_hash
from extract_client.log.note import (
    COSIGNATURE,
    NoteSigner,
    VerifierKey,
    add_lines,
    cosignature_line,
    sign_note,
)
from extract_client.log.opening import pack_opening
from extract_client.log.proof import LogProof
from tests.extract_client.log.reference import leaves, path, tree_hash

ORIGIN = "gateway.example/log/1"
LOG = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(bytes([3]) * 32)
WITNESS = VerifierKey("witness.example/w", COSIGNATURE, WITNESS_KEY.public_key().public_bytes_raw())
SEEN_AT = 1_790_000_000
MINUTE = 1_790_000_040 // 60 * 60

POLICY = f"log {LOG.verifier}\nwitness w {WITNESS}\nquorum w\n"

EXTRACT: dict[str, Any] = {
    "agency": "camhs",
    "extract_id": "3f6f1c0e-7a52-4d0f-9d5b-2f6f0b6f9d11",
    "record": {"people": [{"person": "p1", "fields": {"child_name": {"level": "F", "value": ["Zoë"]}}}]},
}
RECIPIENT_SALT, INTERNAL_SALT = bytes([5]) * 32, bytes([6]) * 32


def compact(value: object) -> bytes:
    """Canonical JSON, written a second time."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def recipient_part() -> dict[str, Any]:
    """What the entry says to the recipient of ``EXTRACT``."""
    return {
        "agency": "camhs",
        "extract_sha256": hashlib.sha256(compact(EXTRACT)).hexdigest(),
        "purpose": "P1",
    }


def entry_body(recipient: bytes, **changes: object) -> bytes:
    """The entry that commits to this recipient part, with members changed."""
    c_r = hmac.digest(RECIPIENT_SALT, recipient, "sha256")
    members: dict[str, object] = {
        "c": hashlib.sha256(c_r + internal_commitment()).hexdigest(),
        "f": "0" * 32,
        "id": "9d1f7c52-5d0c-4a4e-8a52-0f7a1d8d2c11",
        "l": hashlib.sha256(ORIGIN.encode()).hexdigest()[:8],
        "t": MINUTE,
        "v": 1,
    }
    return compact({**members, **changes})


def internal_commitment() -> bytes:
    """Hides what the entry says to nobody outside."""
    return hmac.digest(INTERNAL_SALT, b'{"kind":"extract.release"}', "sha256")


def signed_head(size: int, root: bytes, *, origin: str = ORIGIN, cosigned: bool = True) -> str:
    """The checkpoint of a tree."""
    text = Checkpoint(origin, size, root).text
    note = sign_note(text, [LOG])
    line = cosignature_line(text, name=WITNESS.name, key=WITNESS_KEY, time=SEEN_AT)
    return add_lines(note, [line]) if cosigned else note


def receipt(
    *,
    recipient: bytes | None = None,
    body: bytes | None = None,
    size: int = 9,
    index: int = 5,
    cosigned: bool = True,
) -> str:
    """A receipt of the log whose entry number ``index`` is this body."""
    recipient = compact(recipient_part()) if recipient is None else recipient
    body = entry_body(recipient) if body is None else body
    hashes = leaves(size)
    hashes[index] = leaf_hash(body)
    opening = pack_opening(
        recipient_salt=RECIPIENT_SALT,
        internal_commitment=internal_commitment(),
        body=body,
        recipient=recipient,
    )
    note = signed_head(size, tree_hash(hashes), cosigned=cosigned)
    return str(LogProof(index, tuple(path(index, hashes)), note, opening))
