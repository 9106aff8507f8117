"""The proof that an entry is in the log, as one text to keep (c2sp.org/tlog-proof@v1). Pure.

INVARIANT: parsing checks the form only; who relies on a proof verifies its note and its hashes.
"""

from dataclasses import dataclass
from typing import Final

from extract_client.errors import ProofError
from extract_client.log.encoding import decode_base64, encode_base64, parse_decimal
from extract_client.log.merkle import HASH_BYTES, Hash

HEADER: Final = "c2sp.org/tlog-proof@v1"
_EXTRA: Final = "extra "
_INDEX: Final = "index "


@dataclass(frozen=True, slots=True)
class LogProof:
    """An inclusion proof with the checkpoint that it leads to.

    Attributes:
        index: leaf index of the entry.
        hashes: inclusion proof, the leaf's sibling first.
        checkpoint: the whole signed note.
        extra: what the application adds; nothing vouches for it. Empty: the proof has none.
    """

    index: int
    hashes: tuple[Hash, ...]
    checkpoint: str
    extra: bytes = b""

    def __str__(self) -> str:
        lines = [HEADER]
        if self.extra:
            lines.append(_EXTRA + encode_base64(self.extra))
        lines.append(f"{_INDEX}{self.index}")
        lines.extend(encode_base64(node) for node in self.hashes)
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> "LogProof":
        """Return the proof whose text is exactly ``text``.

        Raises: ProofError.
        """
        head, _, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if lines.pop(0) != HEADER or not checkpoint:
            raise ProofError(f"This is not a proof of the form {HEADER}.")
        try:
            extra = decode_base64(lines.pop(0).removeprefix(_EXTRA)) if lines[0].startswith(_EXTRA) else b""
            index = _index(lines.pop(0))
            hashes = tuple(decode_base64(line) for line in lines)
        except (ValueError, IndexError) as error:
            raise ProofError("A line of the proof is not written as it must be.") from error
        if any(len(node) != HASH_BYTES for node in hashes):
            raise ProofError("A hash of the proof is not 32 bytes long.")
        proof = cls(index, hashes, checkpoint, extra)
        if str(proof) != text:  # an empty line for the extra data
            raise ProofError("The proof is not written as it must be.")
        return proof


def _index(line: str) -> int:
    if not line.startswith(_INDEX):
        raise ValueError("the index is missing")
    return parse_decimal(line.removeprefix(_INDEX))
