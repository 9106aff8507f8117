"""The log's promise to include one entry soon, where a referral could not wait for the log.

INVARIANTS
- It is signed under a key name of its own and has a form that no checkpoint has: neither passes for the other.
- It proves nothing but itself: once ``include_by`` has passed, only a proof of inclusion does.
"""

from dataclasses import dataclass
from typing import Final

from extract_client.errors import NoteError
from extract_client.log.encoding import decode_base64, encode_base64, parse_decimal
from extract_client.log.merkle import HASH_BYTES, Hash
from extract_client.log.note import VerifierKey, open_note

TITLE: Final = "Promise to include one entry, version 1"
KEY_SUFFIX: Final = "/promise"
_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised.

    Attributes:
        origin: of the log.
        leaf: hash of the entry.
        include_by: seconds since 1970: a checkpoint signed later has the entry in its tree.
    """

    origin: str
    leaf: Hash
    include_by: int

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{TITLE}\n{self.origin}\n{encode_base64(self.leaf)}\n{self.include_by}\n"

    @classmethod
    def parse(cls, text: str) -> "Promise":
        """Return the promise that a note's text states.

        Raises: NoteError.
        """
        lines = text.split("\n")
        if len(lines) != _LINES or lines[0] != TITLE or lines[-1]:
            raise NoteError("This is not a promise to include an entry.")
        try:
            leaf, include_by = decode_base64(lines[2]), parse_decimal(lines[3])
        except ValueError as error:
            raise NoteError("The promise is malformed.") from error
        if len(leaf) != HASH_BYTES or not lines[1]:
            raise NoteError("The promise is malformed.")
        return cls(lines[1], leaf, include_by)


def open_promise(note: str, *, key: VerifierKey) -> Promise:
    """Return the promise that the log's promise key signed.

    Args:
        key: named after the log's origin and ``KEY_SUFFIX``.

    Raises: NoteError, also for a promise of another log.
    """
    promise = Promise.parse(open_note(note, [key]).text)
    if key.name != promise.origin + KEY_SUFFIX:
        raise NoteError("The promise is of another log.")
    return promise
