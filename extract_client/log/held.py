"""The receipts that an agency holds: files of receipts, and extracts that carry theirs.

INVARIANT: a file is believed for what its receipt proves; its name is for people only.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from extract_client.errors import ConfigurationError, NoteError, ProofError
from extract_client.log.opening import RECEIPT
from extract_client.log.policy import Policy
from extract_client.log.proof import LogProof
from extract_client.log.receipt import VerifiedReceipt, verify_receipt

_SUFFIXES: Final = (".receipt", ".json")


@dataclass(frozen=True, slots=True)
class Carried:
    """What a file holds: a receipt, and the extract that carries it or nothing."""

    text: str
    extract: bytes | None


@dataclass(frozen=True, slots=True)
class Held:
    """A receipt that verifies by itself.

    Attributes:
        name: of its file.
        digest: SHA-256 of the file, in hexadecimal.
        text: the receipt.
        note: its signed checkpoint.
    """

    name: str
    digest: str
    text: str
    note: str
    receipt: VerifiedReceipt


def read_receipt(data: bytes, *, name: str) -> Carried:
    """Return the receipt in the bytes of a file: its text, or an extract in JSON that carries it.

    Args:
        name: of the file, for the message.

    Raises: ConfigurationError.
    """
    try:
        text = data.decode("utf-8")
        if not text.lstrip().startswith("{"):
            return Carried(text, None)
        extract = json.loads(text)
        receipt = extract.get(RECEIPT)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"The file {name} is neither a receipt nor an extract.") from error
    if not isinstance(receipt, str):
        raise ConfigurationError(f"The extract {name} carries no receipt: it must not be used.")
    return Carried(receipt, data)


def read_held(folder: Path, *, policy: Policy, origin: str, known: Collection[str]) -> Iterator[Held | str]:
    """Yield the receipts in a folder that verify, and a sentence for each file that does not.

    Args:
        known: digests of files that are passed over.

    Raises: ConfigurationError, the folder cannot be read.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
    except OSError as error:
        raise ConfigurationError(f"The folder {folder} cannot be read.") from error
    for path in paths:
        try:
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            if digest not in known:
                carried = read_receipt(data, name=path.name)
                receipt = verify_receipt(carried.text, policy=policy, origin=origin, extract=carried.extract)
                note = LogProof.parse(carried.text).checkpoint
                yield Held(path.name, digest, carried.text, note, receipt)
        except OSError:
            yield f"The file {path.name} cannot be read."
        except ConfigurationError as error:
            yield str(error)
        except (NoteError, ProofError) as error:
            yield f"The receipt {path.name} does not verify. {error}"
