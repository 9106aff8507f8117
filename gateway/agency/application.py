"""What somebody says of an agency that should be brought in: one data file, read strictly.

INVARIANTS
- An unknown key, a missing one, a wrong type or value refuses the whole file, naming the key and never its value.
- A client, where there is one, has one of: a key set of its own, a signing request for our authority, a certificate of its own PKI.
- What the file names beside it (keys, request, certificate, list of practitioners) is read when it is.

The form is TOML, format 1; ``EXAMPLE`` is one, and what ``gateway agency onboard --example`` prints.
"""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from agencies.errors import PractitionerFileError
from agencies.model import AgencyCode, AgencyKind, Purpose
from agencies.practitioner_file import read_practitioners
from agencies.register import Practitioner, PractitionerPolicy
from gateway.agency.errors import ApplicationError
from gateway.oauth.key_set import read_key_set
from gateway.oauth.model import NameKind, Scope

FORMAT: Final = 1
MAX_FILE_BYTES: Final = 2 * 1024 * 1024

EXAMPLE: Final = """\
format = 1
code = "open-door"             # 2 to 40 of a-z, 0-9 and single hyphens
kind = "charity"               # one of the 14 kinds
name = "Open Door Trust"
practitioners = "registered"   # or "asserted": the agency itself vouches for its people
register = "people.csv"        # id,name,role,active_from,active_until
purposes = ["P1", "P2", "P3"]  # what it may ask for extracts for

[agreement]
reference = "DSA-2026-14"
assessment = "DPIA-2026-3"
valid_from = 2026-12-01
valid_until = 2027-12-01
review_on = 2027-09-01

[client]                       # leave it out for an agency without a system of its own
scopes = ["extract:read", "panel:read"]
keys = "open-door.jwks.json"   # its public keys; or, in place of keys:
# request = "open-door.csr"    # a signing request, answered with a certificate of the council's authority
# certificate = "own.pem"      # a certificate of its own PKI, with
# authorities = "own-ca.pem"   #   the authority that issued it,
# name_kind = "san_dns"        #   where its name stands: subject_dn, san_dns, san_uri, san_ip or san_email
# name = "api.open-door.example"
"""
"""A whole file; the files that it names are not part of it."""

_REQUIRED: Final = frozenset({"format", "code", "kind", "name", "practitioners", "agreement"})
_OPTIONAL: Final = frozenset({"client", "register", "purposes"})
_AGREEMENT: Final = frozenset({"reference", "assessment", "valid_from", "valid_until", "review_on"})
SERVED_PURPOSES: Final = (Purpose.P1, Purpose.P2, Purpose.P3)
"""What an agency may ask for unless its application says less."""


_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ForeignCertificate:
    """A certificate of the agency's own PKI and the one name in it that will stand for the client."""

    certificate: bytes
    authorities: bytes
    name_kind: NameKind
    name: str


@dataclass(frozen=True, slots=True)
class ClientApplication:
    """The agency's system, as it applies: exactly one of keys, request and certificate is there."""

    scopes: tuple[Scope, ...]
    keys: tuple[Mapping[str, object], ...] = ()
    request: bytes | None = None
    certificate: ForeignCertificate | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """An agency that wants to take part.

    Attributes:
        client: absent: it has no system of its own.
    """

    code: AgencyCode
    kind: AgencyKind
    name: str
    policy: PractitionerPolicy
    agreement: str
    assessment: str
    valid_from: date
    valid_until: date
    review_on: date
    purposes: tuple[Purpose, ...] = SERVED_PURPOSES
    client: ClientApplication | None = None
    practitioners: tuple[Practitioner, ...] = field(default=())


def read_application(path: Path) -> Application:
    """Return what a data file and the files beside it say.

    Raises: ApplicationError, naming the key at fault; gateway.oauth.errors.RegistrationError, its key set.
    """
    table = _Table(_toml(path), place="", folder=path.parent)
    table.check(required=_REQUIRED, optional=_OPTIONAL)
    if table.value("format") != FORMAT:
        raise ApplicationError("format is 1: no other is known.")
    agreement = table.table("agreement")
    agreement.check(required=_AGREEMENT)
    return Application(
        code=AgencyCode(table.text("code")),
        kind=table.choice("kind", AgencyKind),
        name=table.text("name"),
        policy=table.choice("practitioners", PractitionerPolicy),
        purposes=_purposes(table),
        agreement=agreement.text("reference"),
        assessment=agreement.text("assessment"),
        valid_from=agreement.day("valid_from"),
        valid_until=agreement.day("valid_until"),
        review_on=agreement.day("review_on"),
        client=_client(table.table("client")) if "client" in table.members else None,
        practitioners=_practitioners(table),
    )


def _client(table: "_Table") -> ClientApplication:
    given = [name for name in ("keys", "request", "certificate") if name in table.members]
    if len(given) != 1:
        raise ApplicationError("client has exactly one of keys, request and certificate.")
    own_pki = frozenset({"certificate", "authorities", "name_kind", "name"})
    table.check(required={"scopes"} | (own_pki if given == ["certificate"] else set(given)))
    scopes = tuple(table.choices("scopes", Scope))
    match given[0]:
        case "keys":
            return ClientApplication(scopes, keys=read_key_set(table.path("keys")))
        case "request":
            return ClientApplication(scopes, request=table.file("request"))
        case _:
            foreign = ForeignCertificate(
                certificate=table.file("certificate"),
                authorities=table.file("authorities"),
                name_kind=table.choice("name_kind", NameKind),
                name=table.text("name"),
            )
            return ClientApplication(scopes, certificate=foreign)


def _purposes(table: "_Table") -> tuple[Purpose, ...]:
    if "purposes" not in table.members:
        return SERVED_PURPOSES
    purposes = tuple(table.choices("purposes", Purpose))
    if not set(purposes) <= set(SERVED_PURPOSES):
        raise ApplicationError("purposes are P1, P2 and P3: no other is served.")
    return purposes


def _practitioners(table: "_Table") -> tuple[Practitioner, ...]:
    if "register" not in table.members:
        return ()
    try:
        return read_practitioners(table.file("register"))
    except PractitionerFileError as error:
        raise ApplicationError(f"register: {error}") from error


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of the file; every reader names the key it could not read."""

    members: Mapping[str, object]
    place: str
    folder: Path

    def check(self, *, required: Collection[str], optional: Collection[str] = ()) -> None:
        missing = sorted(set(required) - self.members.keys())
        if missing:
            raise ApplicationError(f"{self.place}{missing[0]} is missing.")
        if self.members.keys() - set(required) - set(optional):
            known = ", ".join(sorted({*required, *optional}))
            raise ApplicationError(
                f"{self.place or 'The file '}has a key that is not known; known are: {known}."
            )

    def value(self, key: str) -> object:
        return self.members[key]

    def text(self, key: str) -> str:
        value = self.members[key]
        if not isinstance(value, str):
            raise ApplicationError(f"{self.place}{key} is text.")
        return value

    def day(self, key: str) -> date:
        value = self.members[key]
        if not isinstance(value, date) or isinstance(value, datetime):
            raise ApplicationError(f"{self.place}{key} is a date, written 2026-12-31 without quotes.")
        return value

    def choice(self, key: str, choices: type[_Choice]) -> _Choice:
        return self._one_of(self.text(key), key, choices)

    def choices(self, key: str, choices: type[_Choice]) -> Sequence[_Choice]:
        values = self.members[key]
        if not isinstance(values, list) or len(set(map(str, values))) != len(values) or not values:
            raise ApplicationError(f"{self.place}{key} is a list without repetition.")
        return [self._one_of(value, key, choices) for value in values]

    def table(self, key: str) -> "_Table":
        value = self.members[key]
        if not isinstance(value, dict):
            raise ApplicationError(f"{key} is a table.")
        return _Table(value, place=f"{key}.", folder=self.folder)

    def path(self, key: str) -> Path:
        return self.folder / self.text(key)

    def file(self, key: str) -> bytes:
        return _read(self.path(key), what=self.place + key)

    def _one_of(self, value: object, key: str, choices: type[_Choice]) -> _Choice:
        for choice in choices:
            if choice.value == value:
                return choice
        raise ApplicationError(f"{self.place}{key} is one of: {', '.join(choices)}.")


def _toml(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(_read(path, what="The data file").decode("utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML
        raise ApplicationError("The data file is not TOML.") from error


def _read(path: Path, *, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ApplicationError(f"{what} names a file that cannot be read.") from error
    if len(data) > MAX_FILE_BYTES:
        raise ApplicationError(f"{what} names a file of more than 2 MB.")
    return data
