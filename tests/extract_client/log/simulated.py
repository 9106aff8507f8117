"""A log that keeps everything in memory, signs with a real key, and rewrites its history when a test says so."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extract_client.errors import NotAvailableError
from extract_client.log.canonical import canonical
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Frontier, HashReader, inclusion_proof, leaf_hash, range_reader
from extract_client.log.note import (
    COSIGNATURE,
    NoteSigner,
    VerifierKey,
    add_lines,
    cosignature_line,
    sign_note,
)
from extract_client.log.policy import Policy
from extract_client.log.proof import LogProof
from extract_client.log.receipt import extract_hash, pack_opening
from extract_client.log.tiles import TILE_WIDTH, encode_bundle, parse_bundle_path, parse_tile_path

ORIGIN = "gateway.test/log/1"
NOON = 1_795_780_800
"""A whole minute."""


def body(*, minute: int = NOON, commitment: bytes = bytes(32), **changed: str | int) -> bytes:
    """An entry as the gateway makes it, or with members of the test's own."""
    members: dict[str, str | int] = {
        "c": commitment.hex(),
        "f": "0" * 32,
        "id": str(uuid4()),
        "l": hashlib.sha256(ORIGIN.encode()).hexdigest()[:8],
        "t": minute,
        "v": 1,
    }
    return canonical({**members, **changed})


@dataclass
class SimulatedLog:
    """A log source: every tile and bundle of the bodies it has, every checkpoint signed on request.

    Attributes:
        published: how many of the bodies the checkpoint covers; absent: all.
        lines: cosignatures that are shown with the checkpoint.
        altered: what is served instead, by path.
        asked: every path that was read.
        tree: of the bodies, where it is made once for many reads.
    """

    bodies: list[bytes] = field(default_factory=list)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    published: int | None = None
    lines: list[str] = field(default_factory=list)
    altered: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tree: HashReader | None = None

    @classmethod
    def of(cls, size: int) -> "SimulatedLog":
        return cls([body() for _ in range(size)])

    @property
    def signer(self) -> NoteSigner:
        return NoteSigner(ORIGIN, self.key)

    @property
    def policy(self) -> Policy:
        return Policy.for_log(str(self.signer.verifier))

    def grow(self, count: int, *, minute: int = NOON) -> None:
        self.bodies += [body(minute=minute) for _ in range(count)]

    def head(self, size: int | None = None) -> Checkpoint:
        leaves = [leaf_hash(each) for each in self.bodies[:size]]
        return Checkpoint(ORIGIN, len(leaves), Frontier().grown(leaves).root)

    def note(self, size: int | None = None) -> str:
        return sign_note(self.head(size).text, [self.signer])

    def checkpoint(self) -> bytes:
        return add_lines(self.note(self.published), self.lines).encode()

    def resource(self, path: str) -> bytes:
        self.asked.append(path)
        if path in self.altered:
            return self.altered[path]
        _, level, rest = path.split("/", 2)
        wanted = parse_bundle_path(rest) if level == "entries" else parse_tile_path(level, rest)
        start = wanted.index * TILE_WIDTH
        shift = 0 if level == "entries" else 8 * int(level)
        if start + wanted.width > len(self.bodies) >> shift:
            raise NotAvailableError("Not available: there is nothing here.", code="absent")
        if level == "entries":
            return encode_bundle(self.bodies[start : start + wanted.width])
        read = self.reader()
        return b"".join(read(shift, index) for index in range(start, start + wanted.width))

    def reader(self) -> HashReader:
        return self.tree or range_reader(Frontier(), [leaf_hash(each) for each in self.bodies])

    def receipt(self, extract: dict[str, Any], *, minute: int = NOON, named: str = "extract_sha256") -> str:
        """Add the entry of an extract, or what else is ``named``, and return its receipt."""
        recipient, salt, internal = {named: extract_hash(extract)}, bytes(range(32)), bytes(32)
        opened = canonical(recipient)
        c_r = hmac.digest(salt, opened, hashlib.sha256)
        entry = body(minute=minute, commitment=hashlib.sha256(c_r + internal).digest())
        self.bodies.append(entry)
        index, size = len(self.bodies) - 1, len(self.bodies)
        extra = pack_opening(recipient_salt=salt, internal_commitment=internal, body=entry, recipient=opened)
        proof = inclusion_proof(index, size=size, read=self.reader())
        return str(LogProof(index, tuple(proof), self.note(), extra))


@dataclass
class SimulatedWitness:
    """A witness's key, and what it shows."""

    name: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, COSIGNATURE, self.key.public_key().public_bytes_raw())

    def line(self, checkpoint: Checkpoint, *, time: int) -> str:
        return cosignature_line(checkpoint.text, name=self.name, key=self.key, time=time)


def policy_of(log: SimulatedLog, witnesses: Sequence[SimulatedWitness], *, quorum: int) -> Policy:
    """A policy with an address for each witness, its name in it."""
    lines = [f"log {log.signer.verifier}"]
    lines += [f"witness {each.name} {each.verifier} http://{each.name}/" for each in witnesses]
    names = " ".join(each.name for each in witnesses)
    return Policy.parse("\n".join([*lines, f"group all {quorum} {names}", "quorum all", ""]))
