"""The checkpoint: a log's tree head as the text that is signed (c2sp.org/tlog-checkpoint). Pure.

INVARIANT: exactly three lines; a head has one text, and a text with extension lines is none of ours.
"""

from dataclasses import dataclass
from typing import Final

from extract_client.errors import NoteError
from extract_client.log.encoding import decode_base64, encode_base64, parse_decimal
from extract_client.log.merkle import HASH_BYTES, Hash

_PARTS: Final = 4  # three lines and nothing after the last newline


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head.

    Attributes:
        origin: name of the log; one line.
        size: number of entries.
        root: root of the tree of this size, 32 bytes.
    """

    origin: str
    size: int
    root: Hash

    @property
    def text(self) -> str:
        """The text that is signed: origin, size and root, a line each."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Return the head whose text is exactly ``text``.

        Raises: NoteError.
        """
        parts = text.split("\n")
        if len(parts) != _PARTS or parts[3]:
            raise NoteError("A checkpoint consists of exactly three lines.")
        origin, size, root = parts[:3]
        if not origin:
            raise NoteError("The checkpoint does not name its log.")
        try:
            checkpoint = cls(origin, parse_decimal(size), decode_base64(root))
        except ValueError as error:
            raise NoteError("The checkpoint's size or root is not written as it must be.") from error
        if len(checkpoint.root) != HASH_BYTES:
            raise NoteError("The checkpoint's root is not 32 bytes long.")
        return checkpoint
