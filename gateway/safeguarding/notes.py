"""What is written down in an emergency: six answers, sealed at once to a key that no node has.

INVARIANTS
- A note needs all six answers; what is wrong with one is said by its field and a sentence, never by its value.
- A sealed note opens with the private key alone; who wrote it and when stand inside, and are compared.
- The same form with the same answers is the same note; with other answers it is another, so nothing typed is lost.

Sources: RFC 7516 (JWE, compact), RFC 7518 sections 4.6 (ECDH-ES+A256KW) and 5.3 (A256GCM).
"""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self
from uuid import UUID, uuid5

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from certs.errors import JwkError
from certs.jwk import Jwk, public_part
from gateway.settings import EmergencySettings, SettingsError

_ALGORITHM: Final = "ECDH-ES+A256KW"
_CONTENT: Final = "A256GCM"
_CURVE: Final = "P-256"
_DIRECTIONS: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""What makes a text read otherwise than it is stored (Unicode Standard Annex 9)."""
_DAMAGED: Final = "\N{REPLACEMENT CHARACTER}"
_LEAST_DIGITS: Final = 3  # an extension of the council's own exchange

DANGER: Final[Mapping[str, bool]] = {"yes": True, "no": False}


class NoteError(Exception):
    """Base of what goes wrong with a note; none carries what somebody typed."""


class WrongAnswerError(NoteError):
    """An answer cannot be kept as it is; whoever typed it is told.

    Attributes:
        field: the id of its element.
        sentence: what to do.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(field)
        self.field = field
        self.sentence = sentence


class NoteKeyError(NoteError):
    """A file does not hold the key that it should; the operator's fault. The message ends a sentence."""


class DamagedNoteError(NoteError):
    """A note does not open: another key, or not what was sealed; which of them is not told."""


class NotKeptError(NoteError):
    """A note is not on disk: the disk is full, read-only or gone."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The six answers that an emergency referral needs.

    Attributes:
        children: who they are, and where, as far as is known.
        destination: whom the caseworker rang, or rings.
        feared: what is feared, from whom it is known, fact or opinion.
        immediate_danger: a child is in immediate danger.
        why_without_agreement: why the family was not asked to agree first.
        caller_number: on which the caseworker can be called back.
    """

    children: str
    destination: str
    feared: str
    immediate_danger: bool
    why_without_agreement: str
    caller_number: str


LONGEST: Final[Mapping[str, int]] = {
    "children": 2000,
    "destination": 200,
    "feared": 5000,
    "why_without_agreement": 2000,
    "caller_number": 40,
}
"""Characters of an answer at most: together, in any script, what the library seals (64 KB)."""

_MISSING: Final[Mapping[str, str]] = {
    "children": "Say which children it is about.",
    "destination": "Say whom you ring, or rang.",
    "feared": "Say what you fear.",
    "immediate_danger": "Say whether a child is in immediate danger.",
    "why_without_agreement": "Say why you do not ask the family to agree first.",
    "caller_number": "Say on which number you can be called back.",
}
_DIGITS: Final = "Enter a telephone number with its digits."
_UNREADABLE: Final = f"A character here cannot be kept; where it was you see {_DAMAGED}. Type it again."


@dataclass(frozen=True, slots=True)
class Note:
    """One note: whose, when they sent it, and what it says."""

    note_id: UUID
    staff_id: UUID
    typed_at: datetime
    answers: Answers


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom notes are sealed: the public half of a key that is kept elsewhere."""

    key: ECKey

    @classmethod
    def load(cls, settings: EmergencySettings) -> Self | None:
        """Return the recipient that the settings name; absent: they name none.

        Raises: SettingsError, the file holds no public key, or a private one.
        """
        if settings.key_file is None:
            return None
        try:
            key = _read_key(settings.key_file)
        except NoteKeyError as error:
            raise SettingsError(f"The gateway cannot start: GATEWAY_EMERGENCY_KEY_FILE: {error}.") from error
        if key.is_private:
            raise SettingsError(
                "The gateway cannot start: GATEWAY_EMERGENCY_KEY_FILE holds the private key; put the public one"
                " there, and keep the private one away from here."
            )
        return cls(key)


@dataclass(frozen=True, slots=True)
class Opener:
    """Who reads notes: the private half of the key, which is here for as long as a command runs."""

    key: ECKey = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the key in a file.

        Raises: NoteKeyError.
        """
        key = _read_key(path)
        if not key.is_private:
            raise NoteKeyError("it holds the public key, which opens nothing")
        return cls(key)

    def open(self, sealed: bytes) -> Note:
        """Return what a note says.

        Raises: DamagedNoteError, it was sealed to another key, or is not what was sealed.
        """
        try:
            opened = jwe.decrypt_compact(sealed, self.key, algorithms=[_ALGORITHM, _CONTENT])
            inside = json.loads(opened.plaintext or b"")
            return Note(
                UUID(inside["note"]),
                UUID(inside["staff"]),
                datetime.fromisoformat(inside["typed_at"]),
                Answers(**inside["answers"]),
            )
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise DamagedNoteError from error


def read_answers(form: Mapping[str, str]) -> Answers:
    """Return the answers of a form.

    Raises: WrongAnswerError, the first that is missing, too long, or holds what cannot be kept.
    """
    texts = {name: plain(form.get(name, "")) for name in LONGEST}
    for name in _MISSING:
        if not (form.get(name) in DANGER if name not in LONGEST else texts[name]):
            raise WrongAnswerError(name, _MISSING[name])
        if name in LONGEST:
            _check_text(name, texts[name])
    return Answers(immediate_danger=DANGER[form["immediate_danger"]], **texts)


def plain(text: str) -> str:
    """Return what was typed, with one kind of line end and nothing around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip(" \n\t")


def showable(text: str) -> str:
    """Return what was typed so that a page can show it: in place of each character that cannot be kept, a mark."""
    return "".join(_DAMAGED if _is_odd(symbol) else symbol for symbol in plain(text))


def note_id_of(form_id: UUID, answers: Answers) -> UUID:
    """Return the id of the note that a form makes: the form's own with these answers, and found by nobody without it."""
    return uuid5(form_id, _json(asdict(answers)))


def seal(note: Note, recipient: Recipient) -> bytes:
    """Return a note that nobody reads but whoever has the private key."""
    header = {"alg": _ALGORITHM, "enc": _CONTENT}
    inside = {
        "note": str(note.note_id),
        "staff": str(note.staff_id),
        "typed_at": note.typed_at.astimezone(UTC).isoformat(),
        "answers": asdict(note.answers),
    }
    sealed = jwe.encrypt_compact(
        header, _json(inside).encode(), recipient.key, algorithms=[_ALGORITHM, _CONTENT]
    )
    return sealed.encode("ascii")


def answers_to_bytes(answers: Answers) -> bytes:
    """Return answers as they are sealed again, once a note was opened."""
    return _json(asdict(answers)).encode()


def answers_from_bytes(data: bytes) -> Answers:
    """Return what ``answers_to_bytes`` was given."""
    return Answers(**json.loads(data))


def new_note_key() -> tuple[Jwk, Jwk]:
    """Return a fresh pair of keys: the private one, which no node has, and the public one, which every node has."""
    key = ECKey.generate_key(_CURVE, private=True)
    members = {name: str(value) for name, value in key.as_dict(private=True).items()}
    private = {**members, "kid": key.thumbprint(), "use": "enc", "alg": _ALGORITHM}
    return private, public_part(private)


def _read_key(path: Path) -> ECKey:
    try:
        document = json.loads(path.read_text("utf-8"))
        public = public_part(document)
        if public.get("crv") != _CURVE or public.get("use", "enc") != "enc":
            raise NoteKeyError("the key is not one for sealing, of the curve P-256")
        key = ECKey.import_key(document)
        _ = key.private_key if "d" in document else key.public_key  # the numbers are checked on first use
    except OSError as error:
        raise NoteKeyError("it cannot be read") from error
    except (JoseError, JwkError, ValueError, TypeError, AttributeError, KeyError):
        # No cause: the reader's own message quotes a part of the file.
        raise NoteKeyError("it does not hold a key as gateway safeguarding note-key makes it") from None
    return key


def _check_text(name: str, text: str) -> None:
    if len(text) > LONGEST[name]:
        raise WrongAnswerError(name, f"Say it in {LONGEST[name]} characters; there are {len(text)}.")
    if any(map(_is_odd, text)):
        raise WrongAnswerError(name, _UNREADABLE)
    if name == "caller_number" and sum(symbol.isdecimal() for symbol in text) < _LEAST_DIGITS:
        raise WrongAnswerError(name, _DIGITS)


def _is_odd(symbol: str) -> bool:
    """True for what no text of ours keeps: control characters, what turns the direction, what was unreadable."""
    return symbol == _DAMAGED or (
        symbol not in "\n\t"
        and (unicodedata.category(symbol) in {"Cc", "Cs"} or unicodedata.bidirectional(symbol) in _DIRECTIONS)
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
