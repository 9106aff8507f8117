"""Where free text was cut when somebody signed it off, so that a release need not look for it again.

Places alone are kept, and not one word of a text. They hold for exactly what they were found on: the same record, the same
levels, the same rules; on anything else the redactor looks again, and comes to the same where nothing that counts changed.

INVARIANT: where a recipient must not learn where a family is, nothing is taken from here: every text is searched each time.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from agencies import catalogue
from agencies.model import AgencyCode, Level, Stage
from certs.envelope import seal, unseal
from gateway.cases.model import StoredPart
from gateway.keyring import FamilyKeys
from gateway.release import free_text, redaction
from gateway.release.model import Permit, Told
from gateway.release.narrative import __file__ as _narrative

Places = tuple[tuple[int, int], ...]
"""From where to where one text was cut, in their order."""


def _rules() -> bytes:
    """The SHA-256 of everything that decides what is cut, as it runs here: another release of the gateway looks again."""
    files = [Path(str(module.__file__)) for module in (catalogue, free_text, redaction)]
    files += sorted(Path(_narrative).parent.glob("*.py"))
    return hashlib.sha256(b"".join(hashlib.sha256(each.read_bytes()).digest() for each in files)).digest()


_RULES: Final = _rules()


SignedCuts = Mapping[str, tuple[Places, ...]]
"""By what it rests on (``basis_of``): where each text that goes is cut, in their order."""


def basis_of(permit: Permit, levels: Iterable[Level], *, parts: Iterable[StoredPart]) -> str:
    """Return what the cuts of a record rest on, in hex.

    Rules, recipient, the refuges it must not hear of, the sealed parts and each item's level.

    Args:
        levels: of every item, in the order in which the parts hold them.
        parts: as they are stored.
    """
    named = "\0".join([permit.profile.agency, *sorted(permit.hidden_agencies)])
    digest = hashlib.sha256(_RULES + named.encode() + b"\0\0" + bytes(levels))
    for part in parts:
        digest.update(hashlib.sha256(part.sealed).digest())
    return digest.hexdigest()


def places_in(
    signed: Mapping[Stage, bytes],
    keys: FamilyKeys,
    permit: Permit,
    levels: Iterable[Level],
    *,
    parts: Sequence[StoredPart],
) -> Iterator[Places] | None:
    """Return where each text is cut, in their order; absent where that must be looked for.

    Args:
        signed: by stage what its sign-off keeps.

    Raises: EnvelopeError, ValueError: what is kept is damaged.
    """
    sealed = signed.get(permit.stage)
    if sealed is None or permit.shielded:
        return None
    kept = open_cuts(sealed, keys, agency=permit.profile.agency, stage=permit.stage)
    texts = kept.get(basis_of(permit, levels, parts=parts))
    return None if texts is None else iter(texts)


def places_of(told: Told) -> tuple[Places, ...]:
    """Return where the texts of what is told were cut."""
    return tuple(tuple((cut.start, cut.end) for cut in each.cuts) for each in told.redacted)


def seal_cuts(cuts: SignedCuts, keys: FamilyKeys, *, agency: AgencyCode, stage: Stage) -> bytes:
    """Return the cuts, sealed under the family's key and bound to agency and stage."""
    return seal(keys.data_key, json.dumps(cuts).encode(), aad=_aad(keys, agency, stage))


def open_cuts(sealed: bytes, keys: FamilyKeys, *, agency: AgencyCode, stage: Stage) -> SignedCuts:
    """Return the cuts that were kept.

    Raises: EnvelopeError, ValueError: they are damaged.
    """
    said = json.loads(unseal(keys.data_key, sealed, aad=_aad(keys, agency, stage)))
    return {basis: tuple(map(_places, texts)) for basis, texts in said.items()}


def _places(text: Iterable[tuple[int, int]]) -> Places:
    return tuple((start, end) for start, end in text)


def _aad(keys: FamilyKeys, agency: AgencyCode, stage: Stage) -> bytes:
    return b"sign-off:" + keys.family_id.bytes + f"{agency}:{stage.value}".encode()
