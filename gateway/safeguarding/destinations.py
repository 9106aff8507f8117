"""Where referrals go, as data: read from a file of the council's, checked, and put into effect at once.

INVARIANTS
- A file is in effect whole or not at all; what it does not name receives nothing from the next request on.
- A destination's client is an active one that receives referrals and can never read anything else of a case.
- Each fault is one plain sentence that repeats nothing of the file but the code of a destination.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.oauth.model import BESIDE_REFERRALS, DESTINATION_SCOPES, Scope
from gateway.oauth.repository import find_client
from gateway.safeguarding import repository
from gateway.safeguarding.errors import DestinationsError
from gateway.safeguarding.model import Destination, Function
from gateway.wiring import Wiring

MAX_BYTES: Final = 64 * 1024
MOST: Final = 200
"""Destinations of one council."""

EXAMPLE: Final = """\
[[destination]]
code = "hub"
name = "Safeguarding hub"
function = "safeguarding_hub"
phone = "020 7946 0000"
client_id = "ag_as-it-was-registered" # of its own system; without one it takes documents by a code

[[destination]]
code = "out-of-hours"
name = "Emergency duty team"
function = "out_of_hours"
phone = "020 7946 0001"
"""

_CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,39}", re.ASCII)
_LONGEST: Final[Mapping[str, int]] = {"name": 100, "phone": 60, "client_id": 100, "duty_class": 1}
_NEEDED: Final = frozenset({"code", "name", "function", "phone"})
_KNOWN: Final = _NEEDED | {"client_id", "duty_class"}
_DUTY_CLASSES: Final = frozenset({"a", "b", "c"})


def read_destinations(data: bytes) -> list[Destination]:
    """Return the destinations that a file names, in its order.

    Raises: DestinationsError.
    """
    if len(data) > MAX_BYTES:
        raise DestinationsError("The file is too large.")
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise DestinationsError("The file is not TOML.") from error
    rows = document.get("destination")
    if document.keys() != {"destination"} or not isinstance(rows, list) or not 1 <= len(rows) <= MOST:
        raise DestinationsError(f"The file has 1 to {MOST} tables [[destination]], and nothing else.")
    found = [_destination(row, number) for number, row in enumerate(rows, start=1)]
    _check_once([each.code for each in found], "code")
    _check_once([each.client_id for each in found if each.client_id is not None], "client")
    return found


def replace_destinations(wiring: Wiring, wanted: Sequence[Destination], *, actor: str) -> None:
    """Make these the destinations, all of them.

    Args:
        wanted: as ``read_destinations`` returned them.

    True afterwards: they are in effect and on record; no other receives anything from the next request on.
    Raises: DestinationsError, a client is not fit to receive referrals; nothing was changed.
    """
    # It closes, too: what takes a destination away does not wait for the log.
    with act(wiring, closes=True) as change:
        for each in wanted:
            _check_client(change.connection, each)
        repository.put_destinations(change.connection, wanted)
        change.record(
            kind=EntryKind.DESTINATION_REPLACE,
            actor=actor,
            internal={"destinations": {each.code: each.client_id or "" for each in wanted}},
        )


def destinations(wiring: Wiring) -> list[Destination]:
    """Return where referrals can go now, by name."""
    with wiring.engine.connect() as connection:
        return repository.destinations(connection)


def _destination(row: object, number: int) -> Destination:
    if not isinstance(row, dict):
        raise DestinationsError(f"Destination {number} is no table.")
    values: dict[str, object] = row
    missing = sorted(_NEEDED - values.keys())
    if missing:
        raise DestinationsError(f"Destination {number} has no {missing[0]}.")
    if values.keys() - _KNOWN:
        raise DestinationsError(f"Destination {number} has a member that none has.")
    code, function = values["code"], values["function"]
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise DestinationsError(
            f"The code of destination {number} is not 2 to 40 small letters, digits and hyphens."
        )
    if function not in set(Function):
        raise DestinationsError(f"The function of {code} is none of {', '.join(Function)}.")
    lines = {name: _line(values[name], code, name) for name in _LONGEST if name in values}
    duty_class = lines.get("duty_class")
    if (duty_class is not None) is not (function == Function.PARTNER) or not {duty_class} <= {
        *_DUTY_CLASSES,
        None,
    }:
        raise DestinationsError(f"{code}: a partner has a duty_class, a, b or c, and nobody else has one.")
    return Destination(
        code,
        lines["name"],
        Function(str(function)),
        lines["phone"],
        client_id=lines.get("client_id"),
        duty_class=duty_class,
    )


def _line(value: object, code: str, name: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise DestinationsError(f"The {name} of {code} is not a line of text.")
    if len(value) > _LONGEST[name]:
        raise DestinationsError(f"The {name} of {code} is longer than {_LONGEST[name]} characters.")
    return value.strip()


def _check_once(values: Sequence[str], what: str) -> None:
    if len(set(values)) != len(values):
        raise DestinationsError(f"Two destinations have one {what}.")


def _check_client(connection: Connection, destination: Destination) -> None:
    """Let a destination pass whose client, if it has one, receives referrals and nothing else.

    Raises: DestinationsError.
    """
    if destination.client_id is None:
        return
    client = find_client(connection, destination.client_id, now=database_now(connection))
    if client is None or not client.effective:
        raise DestinationsError(f"The client of {destination.code} is not an active one.")
    if not client.scopes <= DESTINATION_SCOPES | BESIDE_REFERRALS:
        raise DestinationsError(
            f"The client of {destination.code} may do more than receive referrals: register one for them alone."
        )
    if Scope.REFERRAL_READ not in client.scopes:
        raise DestinationsError(f"The client of {destination.code} may not read referrals.")
