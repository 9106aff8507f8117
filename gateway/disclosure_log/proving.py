"""Holding one entry against the published tree, now: the check that a recipient makes of its receipt.

INVARIANT: nothing that is stored is believed: signature, inclusion and commitment are verified as for a stranger.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from certs.errors import EnvelopeError
from extract_client.errors import ExtractClientError
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from gateway.disclosure_log.reading import StoredEntry
from gateway.disclosure_log.receipt import proof_under
from gateway.disclosure_log.repository import newest_checkpoint
from gateway.keyring import KeyErasedError
from gateway.wiring import Wiring


class Standing(StrEnum):
    """What came out."""

    NOT_PROVED = "not proved"
    """It is not what the tree has at its place, or the tree is not what was signed: tell the operator."""
    NOT_YET = "not yet published"
    """It is newer than the newest checkpoint, which will be followed by another."""
    PROVED = "proved"


@dataclass(frozen=True, slots=True)
class Checked:
    """What came out, and of how many entries the newest published tree is."""

    standing: Standing
    size: int


def check_entry(wiring: Wiring, connection: Connection, row: StoredEntry) -> Checked:
    """Verify that the newest published tree has an entry, and that the entry commits to what was opened of it.

    Args:
        row: leaf_index, entry_id, body, sealed and family_id of the entry.
    """
    newest = newest_checkpoint(connection)
    if newest is None or newest.size <= row.leaf_index:
        return Checked(Standing.NOT_YET, 0 if newest is None else newest.size)
    try:
        receipt = proof_under(wiring, connection, row, newest)
        policy = Policy.for_log(*wiring.log.vkeys)
        proved = verify_receipt(receipt, policy=policy, origin=wiring.settings.log_origin)
    except (ExtractClientError, EnvelopeError, KeyErasedError, LookupError, TypeError, ValueError):
        return Checked(Standing.NOT_PROVED, newest.size)
    return Checked(Standing.PROVED if proved.body == row.body else Standing.NOT_PROVED, proved.size)
