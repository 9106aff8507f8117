"""The register of agencies in PostgreSQL: functions over the caller's connection and transaction.

INVARIANTS
- A profile version is stored once, byte for byte, and never changed: the role has no grant to.
- No stored document is unreadable: it was parsed before it was written.
- A practitioner's row is never deleted, as decisions name practitioners; an attestation is never changed.
- Every writer here needs the agency's gate moved in the same transaction; the database refuses a
  commit that forgot, so call these inside an act.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, Row, Select, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql

from agencies.errors import ProfileError, ProfileVersionError, UnknownAgencyError
from agencies.model import AgencyCode, AgencyKind, Profile, Purpose
from agencies.profile_text import parse_profile
from agencies.register import (
    Agency,
    AgencyState,
    Agreement,
    Attestation,
    Practitioner,
    PractitionerPolicy,
)
from agencies.tables import (
    AGENCY,
    AGREEMENT,
    ATTESTATION,
    EFFECTIVE_PROFILE,
    PRACTITIONER,
    PROFILE_VERSION,
)


class StoredProfile(NamedTuple):
    """The outcome of storing a profile version; ``added`` is false for the replay of a stored one."""

    profile: Profile
    sha256: bytes
    added: bool


def today(connection: Connection) -> date:
    """Return the database's date in Europe/London, where dates turn."""
    day: date = connection.execute(text("SELECT (now() AT TIME ZONE 'Europe/London')::date")).scalar_one()
    return day


def add_agency(connection: Connection, agency: Agency) -> None:
    """Store a new agency."""
    connection.execute(
        insert(AGENCY).values(
            agency_code=agency.code,
            kind=agency.kind,
            name=agency.name,
            practitioner_policy=agency.practitioner_policy,
            state=agency.state,
        )
    )


def set_state(connection: Connection, agency_code: AgencyCode, *, state: AgencyState) -> bool:
    """Put an agency into a state; return whether that changed anything.

    Raises: UnknownAgencyError.
    """
    changed = connection.execute(
        update(AGENCY).where(AGENCY.c.agency_code == agency_code, AGENCY.c.state != state).values(state=state)
    )
    if changed.rowcount == 0 and agency(connection, agency_code) is None:
        raise UnknownAgencyError("There is no such agency.")
    return changed.rowcount > 0


def set_purposes(connection: Connection, agency_code: AgencyCode, *, purposes: Collection[Purpose]) -> None:
    """Say for which purposes an agency may ask for extracts; tokens for any other end at once."""
    connection.execute(
        update(AGENCY).where(AGENCY.c.agency_code == agency_code).values(purposes=sorted(map(str, purposes)))
    )


def purposes(connection: Connection, agency_code: AgencyCode) -> tuple[Purpose, ...]:
    """Return the purposes for which an agency may ask for extracts; none for an unknown one."""
    found = connection.execute(select(AGENCY.c.purposes).where(AGENCY.c.agency_code == agency_code))
    return tuple(Purpose(one) for one in found.scalar_one_or_none() or ())


def agency(connection: Connection, agency_code: AgencyCode) -> Agency | None:
    """Return one agency, whatever its state; absent when there is none of this code."""
    row = connection.execute(select(AGENCY).where(AGENCY.c.agency_code == agency_code)).one_or_none()
    return None if row is None else _agency(row)


def all_agencies(connection: Connection) -> tuple[Agency, ...]:
    """Return every agency, whatever its state, by code."""
    return _agencies(connection, select(AGENCY))


def active_agencies(connection: Connection) -> tuple[Agency, ...]:
    """Return the agencies that take part now, by code."""
    return _agencies(connection, select(AGENCY).where(AGENCY.c.state == AgencyState.ACTIVE))


def add_agreement(connection: Connection, agency_code: AgencyCode, *, agreement: Agreement) -> None:
    """Store one more agreement of an agency; earlier ones stay."""
    connection.execute(
        insert(AGREEMENT).values(
            agreement_id=uuid4(),
            agency_code=agency_code,
            reference=agreement.reference,
            assessment=agreement.assessment,
            valid_from=agreement.valid_from,
            valid_until=agreement.valid_until,
        )
    )


def agreements(connection: Connection, agency_code: AgencyCode) -> tuple[Agreement, ...]:
    """Return the agreements of an agency, the one that ends last first."""
    rows = connection.execute(
        select(AGREEMENT)
        .where(AGREEMENT.c.agency_code == agency_code)
        .order_by(AGREEMENT.c.valid_until.desc(), AGREEMENT.c.agreement_id)
    )
    return tuple(Agreement(row.reference, row.assessment, row.valid_from, row.valid_until) for row in rows)


def add_practitioner(connection: Connection, agency_code: AgencyCode, *, practitioner: Practitioner) -> None:
    """Store a practitioner, or replace what is known about one of the same id."""
    store_practitioners(connection, agency_code, practitioners=[practitioner])


def store_practitioners(
    connection: Connection, agency_code: AgencyCode, *, practitioners: Iterable[Practitioner]
) -> None:
    """Store practitioners, each in place of what was known about one of the same id; others stay as they are."""
    rows = [
        {
            "agency_code": agency_code,
            "practitioner_id": one.id,
            "name": one.name,
            "role": one.role,
            "active_from": one.active_from,
            "active_until": one.active_until,
        }
        for one in practitioners
    ]
    if not rows:
        return
    adding = postgresql.insert(PRACTITIONER)
    replaced = {name: adding.excluded[name] for name in ("name", "role", "active_from", "active_until")}
    connection.execute(
        adding.on_conflict_do_update(index_elements=["agency_code", "practitioner_id"], set_=replaced), rows
    )


def practitioners(
    connection: Connection, agency_code: AgencyCode, *, active_on: date | None = None
) -> tuple[Practitioner, ...]:
    """Return the practitioners of an agency by id.

    Args:
        active_on: only those active on this day; absent: all, leavers too.
    """
    query = select(PRACTITIONER).where(PRACTITIONER.c.agency_code == agency_code)
    if active_on is not None:
        query = query.where(
            PRACTITIONER.c.active_from <= active_on,
            or_(PRACTITIONER.c.active_until.is_(None), PRACTITIONER.c.active_until > active_on),
        )
    rows: Sequence[Row[tuple[object, ...]]] = connection.execute(
        query.order_by(PRACTITIONER.c.practitioner_id)
    ).all()
    return tuple(_practitioner(row) for row in rows)


def practitioner(
    connection: Connection, agency_code: AgencyCode, *, practitioner_id: str
) -> Practitioner | None:
    """Return one practitioner of an agency, a leaver too; absent when the list never had one of this id."""
    row = connection.execute(
        select(PRACTITIONER).where(
            PRACTITIONER.c.agency_code == agency_code, PRACTITIONER.c.practitioner_id == practitioner_id
        )
    ).one_or_none()
    return None if row is None else _practitioner(row)


def add_attestation(connection: Connection, agency_code: AgencyCode, *, attestation: Attestation) -> None:
    """Store one more confirmation of an agency's list; earlier ones stay."""
    connection.execute(
        insert(ATTESTATION).values(
            attestation_id=attestation.id,
            agency_code=agency_code,
            attested_on=attestation.attested_on,
            attested_by=attestation.attested_by,
            practitioners=attestation.practitioners,
            register_sha256=attestation.register_sha256,
        )
    )


def attestations(connection: Connection, agency_code: AgencyCode) -> tuple[Attestation, ...]:
    """Return the confirmations of an agency's list, the newest day first."""
    rows = connection.execute(
        select(ATTESTATION)
        .where(ATTESTATION.c.agency_code == agency_code)
        .order_by(ATTESTATION.c.attested_on.desc(), ATTESTATION.c.attestation_id)
    )
    return tuple(
        Attestation(
            row.attestation_id, row.attested_on, row.attested_by, row.practitioners, row.register_sha256
        )
        for row in rows
    )


def last_attested_on(connection: Connection, agency_code: AgencyCode) -> date | None:
    """Return the day on which an agency's list was last confirmed; absent when it never was."""
    day: date | None = connection.execute(
        select(func.max(ATTESTATION.c.attested_on)).where(ATTESTATION.c.agency_code == agency_code)
    ).scalar_one()
    return day


def add_profile_version(connection: Connection, *, document: str) -> StoredProfile:
    """Store a profile's text as a new version of its agency; it does not become effective.

    Args:
        document: the TOML; it names the agency and the version, which must be the agency's next.

    Raises: ProfileError, the text is not an enforceable profile of the agency's own kind; UnknownAgencyError;
        ProfileVersionError, the number is taken by another text or is not the next.
    """
    profile = parse_profile(document)
    digest = hashlib.sha256(document.encode()).digest()
    known = agency(connection, profile.agency)
    if known is None:
        raise UnknownAgencyError("There is no such agency.")
    # What a kind may never be told is held to the profile's; a release asks the agency's.
    if profile.based_on_kind is not known.kind:
        raise ProfileError("header: key based_on_kind is not the kind of this agency")
    if profile_document(connection, profile.agency, version=profile.version) == document:
        return StoredProfile(profile, digest, added=False)
    following = (latest_version(connection, profile.agency) or 0) + 1
    if profile.version != following:
        raise ProfileVersionError(f"The agency's next profile version is {following}.")
    connection.execute(
        insert(PROFILE_VERSION).values(
            agency_code=profile.agency, version=profile.version, document=document, sha256=digest
        )
    )
    return StoredProfile(profile, digest, added=True)


def latest_version(connection: Connection, agency_code: AgencyCode) -> int | None:
    """Return the number of the agency's newest stored profile version, effective or not."""
    newest: int | None = connection.execute(
        select(func.max(PROFILE_VERSION.c.version)).where(PROFILE_VERSION.c.agency_code == agency_code)
    ).scalar_one()
    return newest


def profile_document(connection: Connection, agency_code: AgencyCode, *, version: int) -> str | None:
    """Return the text of one profile version, byte for byte as it was stored."""
    document: str | None = connection.execute(
        select(PROFILE_VERSION.c.document).where(
            PROFILE_VERSION.c.agency_code == agency_code, PROFILE_VERSION.c.version == version
        )
    ).scalar_one_or_none()
    return document


def make_effective(connection: Connection, agency_code: AgencyCode, *, version: int, now: datetime) -> None:
    """Make a stored version the one that releases, in place of the one that did.

    Args:
        now: aware instant of the database's clock.

    Raises: UnknownAgencyError, this version is not stored.
    """
    if profile_document(connection, agency_code, version=version) is None:
        raise UnknownAgencyError("There is no such profile version.")
    values = {"version": version, "effective_from": now}
    connection.execute(
        postgresql.insert(EFFECTIVE_PROFILE)
        .values(agency_code=agency_code, **values)
        .on_conflict_do_update(index_elements=["agency_code"], set_=values)
    )


def effective_version(connection: Connection, agency_code: AgencyCode) -> int | None:
    """Return the number of the version that releases now; absent when none was approved."""
    version: int | None = connection.execute(
        select(EFFECTIVE_PROFILE.c.version).where(EFFECTIVE_PROFILE.c.agency_code == agency_code)
    ).scalar_one_or_none()
    return version


def effective_profile(connection: Connection, agency_code: AgencyCode) -> Profile | None:
    """Return the profile that releases now; absent when none was approved.

    Raises: ProfileError, the stored text is no profile of this program version any more.
    """
    document: str | None = connection.execute(
        select(PROFILE_VERSION.c.document)
        .join(
            EFFECTIVE_PROFILE,
            (EFFECTIVE_PROFILE.c.agency_code == PROFILE_VERSION.c.agency_code)
            & (EFFECTIVE_PROFILE.c.version == PROFILE_VERSION.c.version),
        )
        .where(PROFILE_VERSION.c.agency_code == agency_code)
    ).scalar_one_or_none()
    return None if document is None else parse_profile(document)


def _agencies(connection: Connection, query: Select[tuple[object, ...]]) -> tuple[Agency, ...]:
    return tuple(_agency(row) for row in connection.execute(query.order_by(AGENCY.c.agency_code)))


def _agency(row: Row[tuple[object, ...]]) -> Agency:
    return Agency(
        code=AgencyCode(row.agency_code),
        kind=AgencyKind(row.kind),
        name=row.name,
        practitioner_policy=PractitionerPolicy(row.practitioner_policy),
        state=AgencyState(row.state),
    )


def _practitioner(row: Row[tuple[object, ...]]) -> Practitioner:
    return Practitioner(row.practitioner_id, row.name, row.role, row.active_from, row.active_until)
