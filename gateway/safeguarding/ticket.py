"""The ticket of one shift: who may write on the emergency page while nothing can be read. No I/O.

INVARIANTS
- A ticket opens that page's form and nothing else: nothing but this module reads it, and it is no session.
- It is made when somebody signs in, says who they are, and ends with their shift whatever else happens.
- Every node checks it without a database, by a key that a node has anyway; nobody else makes one.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from gateway.staff.model import Role

COOKIE: Final = "__Host-emergency"
LABEL: Final = b"emergency ticket 1"
"""Of the keys that tickets are made with (``Keyring.node_keys``)."""
HOLDERS: Final = frozenset({Role.CASEWORKER, Role.MANAGER, Role.SAFEGUARDING_LEAD})
"""Who is given one: whoever works with families."""

_FORM: Final = b"emergency form 1:"
_TICKET: Final = re.compile(
    r"(?P<said>(?P<staff>[0-9a-f]{32})~(?P<until>[0-9]{1,10})~(?P<username>[a-z][a-z0-9.-]{1,63}))~(?P<code>[0-9a-f]{64})",
    re.ASCII,
)


class TicketError(Exception):
    """There is no ticket, it is none of ours, or the shift is over; which of them is told to nobody."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whose shift it is.

    Attributes:
        not_after: aware instant at which it is over.
        form_token: what every form under this ticket carries; nobody finds it without the ticket.
    """

    staff_id: UUID
    username: str
    not_after: datetime
    form_token: str


def issue(keys: Sequence[bytes], *, staff_id: UUID, username: str, not_after: datetime) -> str:
    """Return the ticket of a shift, as the cookie holds it.

    Args:
        keys: of every node, the present one first.
        not_after: aware instant; whole seconds count.
    """
    said = f"{staff_id.hex}~{int(not_after.timestamp())}~{username}"
    return f"{said}~{_code(keys[0], said)}"


def check(keys: Sequence[bytes], presented: str, *, now: datetime) -> Ticket:
    """Return whose shift a ticket is for.

    Args:
        keys: of every node; a ticket of any of them is good.
        now: aware instant.

    Raises: TicketError.
    """
    parts = _TICKET.fullmatch(presented)
    if parts is None:
        raise TicketError
    good = [hmac.compare_digest(_code(key, parts["said"]), parts["code"]) for key in keys]
    if not any(good):
        raise TicketError
    not_after = datetime.fromtimestamp(int(parts["until"]), UTC)
    if now >= not_after:
        raise TicketError
    token = hmac.digest(presented.encode(), _FORM, hashlib.sha256).hex()
    return Ticket(UUID(parts["staff"]), parts["username"], not_after, token)


def check_form(ticket: Ticket, sent: str) -> None:
    """Let a form pass that was shown under this ticket.

    Raises: TicketError, it was shown under another one, or under none.
    """
    if not hmac.compare_digest(sent.encode(errors="replace"), ticket.form_token.encode()):
        raise TicketError


def _code(key: bytes, said: str) -> str:
    return hmac.digest(key, said.encode(), hashlib.sha256).hex()
