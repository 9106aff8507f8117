"""What a request asks for: scopes, and the one entry that goes with them. No I/O.

INVARIANTS
- Scopes are granted as asked or refused; nothing is ever narrowed silently, and there is no default scope.
- All scopes of a token need the same kind of entry; the entry is there exactly when they need one.
- An entry has the members of its type and no other; a purpose that no stage serves is refused.

Sources: RFC 9396 sections 2 and 5, RFC 6749 section 3.3, FAPI 2.0 section 5.3.2.1 (14).
"""

import re
from typing import Final

from agencies.errors import PurposeNotServedError
from agencies.model import Purpose, stage_of
from gateway.oauth.errors import InvalidAuthorizationDetailsError, InvalidScopeError
from gateway.oauth.model import ENTRY_OF, AuthorizationEntry, Client, Entry, Scope
from gateway.strict_json import JsonValue, StrictJsonError, parse_json

_MAX_BYTES: Final = 4096
_PRACTITIONER: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}", re.ASCII)
_MEMBERS: Final = {
    Entry.CASE_ACTION: frozenset({"type", "practitioner"}),
    Entry.CASE_EXTRACT: frozenset({"type", "purpose", "practitioner"}),
}


def granted_scopes(requested: str | None, *, client: Client) -> frozenset[Scope]:
    """Return the scopes asked for, all of which the client has and which go together.

    Args:
        requested: the ``scope`` parameter, names separated by single spaces; None: absent.

    Raises: InvalidScopeError.
    """
    if requested is None:
        raise InvalidScopeError("Name the scopes that the token is for.")
    names = requested.split(" ")
    try:
        scopes = frozenset(Scope(name) for name in names)
    except ValueError as error:
        raise InvalidScopeError("A scope is unknown.") from error
    if len(scopes) != len(names):
        raise InvalidScopeError("A scope is named twice.")
    if not scopes <= client.scopes:
        raise InvalidScopeError("A scope is not one of this client.")
    if len({ENTRY_OF[scope] for scope in scopes}) != 1:
        raise InvalidScopeError("These scopes need different authorization details: ask for one token each.")
    return scopes


def read_entry(parameter: str | None, *, scopes: frozenset[Scope]) -> AuthorizationEntry | None:
    """Return the entry that the scopes need; None when they need none.

    Args:
        parameter: the ``authorization_details`` parameter, a JSON array; None: absent.
        scopes: as ``granted_scopes`` returned them, so all of one kind.

    Raises: InvalidAuthorizationDetailsError.
    """
    (kind,) = {ENTRY_OF[scope] for scope in scopes}
    if kind is Entry.NONE:
        if parameter is not None:
            raise InvalidAuthorizationDetailsError("These scopes carry no authorization details.")
        return None
    if parameter is None:
        raise InvalidAuthorizationDetailsError(f"These scopes need one entry of type {kind}.")
    return parse_entry(_only_entry(parameter), kind=kind)


def parse_entry(entry: JsonValue, *, kind: Entry) -> AuthorizationEntry:
    """Return a well-formed entry of the given kind.

    Raises: InvalidAuthorizationDetailsError.
    """
    if not isinstance(entry, dict) or entry.get("type") != kind:
        raise InvalidAuthorizationDetailsError(f"These scopes need one entry of type {kind}.")
    if set(entry) != _MEMBERS[kind]:
        raise InvalidAuthorizationDetailsError(
            f"The members of a {kind} entry are {', '.join(sorted(_MEMBERS[kind]))}."
        )
    purpose = _purpose(entry["purpose"]) if kind is Entry.CASE_EXTRACT else None
    return AuthorizationEntry(type=kind, practitioner=_practitioner(entry["practitioner"]), purpose=purpose)


def _only_entry(parameter: str) -> JsonValue:
    try:
        value = parse_json(parameter.encode("utf-8"), max_bytes=_MAX_BYTES, max_depth=4)
    except StrictJsonError as error:
        raise InvalidAuthorizationDetailsError("The authorization details are not valid JSON.") from error
    if not isinstance(value, list) or len(value) != 1:
        raise InvalidAuthorizationDetailsError("The authorization details are an array of exactly one entry.")
    return value[0]


def _purpose(value: JsonValue) -> Purpose:
    try:
        purpose = Purpose(value if isinstance(value, str) else "")
        stage_of(purpose)
    except (ValueError, PurposeNotServedError) as error:
        raise InvalidAuthorizationDetailsError("The purpose is P1, P2 or P3.") from error
    return purpose


def _practitioner(value: JsonValue) -> str:
    identifier = value.get("id") if isinstance(value, dict) and set(value) == {"id"} else None
    if not isinstance(identifier, str) or _PRACTITIONER.fullmatch(identifier) is None:
        raise InvalidAuthorizationDetailsError("The practitioner is an object with an id and nothing else.")
    return identifier
