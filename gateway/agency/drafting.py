"""The officer's draft of an agency's next profile version: begun, changed, saved or discarded.

INVARIANTS
- A draft releases nothing; saving it stores a version that two people still have to make effective.
- What is changed, saved or discarded is what was shown: of two people who change it at once, the second is told.
- Every text of a draft is one that the parser reads.
- Whoever wrote at it is an author of the version that it becomes, and never approves that.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection

from agencies import repository as register
from agencies.errors import AgenciesError, ProfileError
from agencies.model import AgencyCode, Profile
from agencies.profile_text import format_profile, parse_profile, template
from agencies.register import Agency
from gateway.agency import repository
from gateway.agency.errors import DraftError, DraftMovedError
from gateway.agency.service import store_profile
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring


class Start(StrEnum):
    """What a draft begins as."""

    EFFECTIVE = "effective"
    NEWEST = "newest"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """What a draft can begin as.

    Attributes:
        version: absent: it is the template of the agency's kind.
    """

    profile: Profile
    version: int | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A profile that is being written.

    Attributes:
        document: its text.
        profile: what it says; absent: this program cannot read it any more, and it can only be discarded.
        started_from: the version that it began as; absent: the template of the agency's kind.
        editor: who changed it last, at ``edited_at``.
    """

    document: str
    profile: Profile | None
    started_from: int | None
    authors: frozenset[UUID]
    editor: str
    edited_at: datetime

    @property
    def digest(self) -> str:
        """What tells whether it is still what was shown."""
        return hashlib.sha256(self.document.encode()).hexdigest()


def draft_of(connection: Connection, code: AgencyCode) -> Draft | None:
    """Return an agency's draft; absent: nobody writes one."""
    row = repository.draft(connection, code)
    if row is None:
        return None
    return Draft(
        document=row.document,
        profile=_read(row.document),
        started_from=row.started_from,
        authors=frozenset(row.authors),
        editor=row.editor,
        edited_at=row.edited_at,
    )


def next_version(connection: Connection, code: AgencyCode) -> int:
    """Return the number of the version that would be stored next."""
    return (register.latest_version(connection, code) or 0) + 1


def starting_points(connection: Connection, agency: Agency) -> Mapping[Start, StartingPoint]:
    """Return what a draft of an agency's next version can begin as; what cannot be read is left out.

    The newest version is there where it is another than the effective one. The template takes what its agency is held
    to, agreement, assessment and review date, from the newest version.
    """
    effective = register.effective_version(connection, agency.code)
    newest = register.latest_version(connection, agency.code)
    found = {
        start: StartingPoint(profile, version)
        for start, version in ((Start.EFFECTIVE, effective), (Start.NEWEST, newest))
        if version is not None and not (start is Start.NEWEST and newest == effective)
        if (profile := _stored(connection, agency.code, version)) is not None
    }
    own = template(agency.kind)
    last = found.get(Start.NEWEST, found.get(Start.EFFECTIVE))
    if last is not None:
        own = replace(
            own,
            agreement=last.profile.agreement,
            assessment=last.profile.assessment,
            review_on=last.profile.review_on,
        )
    found[Start.TEMPLATE] = StartingPoint(replace(own, agency=agency.code), None)
    return found


def begin(wiring: Wiring, who: SignedIn, agency: Agency, start: Start) -> None:
    """Begin a draft of an agency's next version.

    Raises: DraftError, there is nothing of it to begin with; DraftMovedError, there is a draft already.
    """
    with wiring.engine.begin() as connection:
        point = starting_points(connection, agency).get(start)
        if point is None:
            raise DraftError("There is no such version to begin with.")
        profile = replace(point.profile, version=next_version(connection, agency.code))
        if not repository.begin_draft(
            connection,
            agency.code,
            document=_written(profile),
            started_from=point.version,
            staff_id=who.staff_id,
        ):
            raise DraftMovedError("Somebody began a draft meanwhile.")


def change(wiring: Wiring, who: SignedIn, code: AgencyCode, profile: Profile, *, digest: str) -> None:
    """Put a profile in the place of the draft that was shown; one that says the same changes nothing.

    Raises: DraftError, it is no profile that can be enforced, or another agency's; DraftMovedError.
    """
    if profile.agency != code:
        raise DraftError("It is another agency's profile.")
    with wiring.engine.begin() as connection:
        shown = _shown(connection, code, digest=digest)
        document = _written(profile)
        if document != shown.document and not repository.edit_draft(
            connection, code, shown=shown.document, document=document, staff_id=who.staff_id
        ):
            raise DraftMovedError(_MOVED)


def discard(wiring: Wiring, code: AgencyCode, *, digest: str) -> None:
    """Delete the draft that was shown.

    Raises: DraftMovedError.
    """
    with wiring.engine.begin() as connection:
        shown = _shown(connection, code, digest=digest)
        if not repository.discard_draft(connection, code, shown=shown.document):
            raise DraftMovedError(_MOVED)


def save(wiring: Wiring, who: SignedIn, code: AgencyCode, *, version: int, digest: str) -> Profile:
    """Store the draft that was shown as a version, not effective, and delete it; a replay stores nothing twice.

    Args:
        version: the number under which it was shown.

    Raises: DraftMovedError; DraftError, the register does not take it, in its own sentence.
    """
    with wiring.engine.connect() as connection:
        shown = _shown(connection, code, digest=digest)
    if shown.profile is None:
        raise DraftError("This program cannot read the draft any more.")
    document = _written(replace(shown.profile, version=version))
    try:
        stored = store_profile(wiring, document=document, actor=who.username, authors=shown.authors)
    except AgenciesError as error:
        raise DraftError(str(error)) from error
    with wiring.engine.begin() as connection:
        # Whoever changed it meanwhile keeps what they wrote, as a draft of the version after this one.
        repository.discard_draft(connection, code, shown=shown.document)
    return stored


_MOVED = "Somebody changed the draft since this page was shown."


def _shown(connection: Connection, code: AgencyCode, *, digest: str) -> Draft:
    found = draft_of(connection, code)
    if found is None or found.digest != digest:
        raise DraftMovedError(_MOVED)
    return found


def _written(profile: Profile) -> str:
    """A profile's text, which the parser reads.

    Raises: DraftError, it does not.
    """
    document = format_profile(profile)
    try:
        parse_profile(document)
    except ProfileError as error:
        raise DraftError(str(error)) from error
    return document


def _stored(connection: Connection, code: AgencyCode, version: int) -> Profile | None:
    document = register.profile_document(connection, code, version=version)
    return None if document is None else _read(document)


def _read(document: str) -> Profile | None:
    try:
        return parse_profile(document)
    except ProfileError:
        return None
