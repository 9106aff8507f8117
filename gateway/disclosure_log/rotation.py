"""Changing the log's signing key: two keys sign side by side until everyone knows the new one.

1. The new key signs beside the old one (GATEWAY_LOG_NEXT_KEY_FILE), on every node; the change is recorded.
2. Partners and witnesses get the new verifier key: with either key they check every checkpoint, receipts included.
3. The new key takes the old one's place (GATEWAY_LOG_KEY_FILE), on every node; the change is recorded.

INVARIANT: receipts of before still verify with the old verifier key; nothing is signed again.
A key in wrong hands is not rotated: the log is closed, and another one opened under a new origin.

Source: C2SP signed-note (signatures by unknown keys are ignored).
"""

from gateway.disclosure_log.publishing import publish_head, start
from gateway.disclosure_log.service import act
from gateway.wiring import Wiring


def record_rotation(wiring: Wiring, *, actor: str) -> str:
    """Record which keys sign the log from now on, and publish a checkpoint that they signed; return its note.

    True afterwards: a node that has any one of these keys finds the newest checkpoint signed by it.
    Raises: NotAppendedError, LogNotServedError, LogContradictionError.
    """
    if wiring.log.known is None:
        start(wiring)
    with act(wiring) as change:
        change.record(kind="log.rotate_key", actor=actor, internal={"vkeys": wiring.log.vkeys})
    return publish_head(wiring).note
