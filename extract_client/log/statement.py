"""A family's statement as a signed note: who saw what of one person, in words, and who says so.

INVARIANTS
- A statement has one form: its title, one line of canonical JSON, and one signature under a key name of its own, which
  no checkpoint and no promise has.
- Whatever is changed in a note, one byte or a line, is found; the check code on the paper finds a note of other words.

Sources: c2sp.org/signed-note; RFC 4648 section 6.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from extract_client.errors import NoteError
from extract_client.log.canonical import Canonical, NotCanonicalError, canonical
from extract_client.log.note import VerifierKey, open_note

TITLE: Final = "Early Help Gateway statement, version 1"
KEY_SUFFIX: Final = "/statement"
_CODE_DIGITS: Final = 16
_GROUP: Final = 4


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement whose signature holds.

    Attributes:
        text: what was signed.
        body: what it says.
    """

    text: str
    body: Mapping[str, Any]


def statement_text(body: Mapping[str, Canonical]) -> str:
    """Return the one text of a statement, which is signed.

    Raises: NotCanonicalError.
    """
    return f"{TITLE}\n{canonical(body).decode()}\n"


def check_code(text: str) -> str:
    """Return what is printed on the paper: the first 16 base32 digits of the text's SHA-256, in groups of four."""
    digits = base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:_CODE_DIGITS]
    return "-".join(digits[at : at + _GROUP] for at in range(0, _CODE_DIGITS, _GROUP))


def parse_statement(text: str) -> Mapping[str, Any]:
    """Return what the text of a statement says.

    Raises: NoteError, it is none, or it is written in another form.
    """
    title, _, rest = text.partition("\n")
    try:
        body = json.loads(rest)
        one_form = title == TITLE and isinstance(body, dict) and statement_text(body) == text
    except (NotCanonicalError, RecursionError, ValueError):
        one_form = False
    if not one_form:
        raise NoteError("This is not a family's statement.")
    found: Mapping[str, Any] = body
    return found


def open_statement(note: str | bytes, *, key: VerifierKey) -> SignedStatement:
    """Return the statement that a key signed.

    Raises: NoteError, it was changed, somebody else signed it, or it is no statement.
    """
    opened = open_note(note, [key])
    given = note.decode() if isinstance(note, bytes) else note
    # One signature and nothing else: what more there is, nobody vouches for.
    if given.count("\n") != opened.text.count("\n") + 2:
        raise NoteError("There is more in this file than the statement and its signature.")
    return SignedStatement(opened.text, parse_statement(opened.text))
