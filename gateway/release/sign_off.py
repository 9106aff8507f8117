"""Who read what one agency will be told of a family, and let its free text go.

INVARIANTS
- A sign-off holds for one version of the case, one of the profile, one agency and one stage; anything else takes another.
- Only who works with the family, or whose team does, signs; and only what is still what they were shown.
- Nothing is shown before its entry is committed. Taking a sign-off back never fails for being late.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from agencies.model import AgencyCode, Purpose, Stage
from gateway.caller import PractitionerClaim
from gateway.cases.errors import UnknownCaseError
from gateway.cases.lookup import case_of_worker
from gateway.cases.model import CaseIdentity
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.release.decision import item_level
from gateway.release.model import Facts, Permit, ReleaseRequest
from gateway.release.preview import (
    NAMED_WORKER,
    Preview,
    as_named_worker,
    in_good_standing,
    preview,
    somebody_of,
)
from gateway.release.repository import reference_of
from gateway.release.signed_cuts import Places, basis_of, places_of, seal_cuts
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring

_PURPOSE = {Stage.PANEL: Purpose.P1, Stage.SERVICE: Purpose.P2}
_VERSIONS = text(
    "SELECT c.version AS case_version, e.version AS profile_version FROM gateway.case_record c"
    " LEFT JOIN agencies.effective_profile e ON e.agency_code = :agency AND e.effective_from <= now()"
    " WHERE c.case_id = :case"
)
_CURRENT = text(
    "SELECT s.agency_code, s.stage, s.signed_by, s.signed_at, s.read_back FROM gateway.pack_sign_off s"
    " JOIN gateway.case_record c ON c.case_id = s.case_id AND c.version = s.case_version"
    " JOIN agencies.effective_profile e ON e.agency_code = s.agency_code AND e.version = s.profile_version"
    " WHERE s.case_id = :case AND s.withdrawn_at IS NULL"
)
_SIGN = text(
    "INSERT INTO gateway.pack_sign_off"
    " (case_id, family_id, case_version, agency_code, profile_version, stage, signed_by, signed_at, read_back, cuts_sealed)"
    " VALUES (:case, :family, :case_version, :agency, :profile_version, :stage, :by, :now, :read_back, :cuts)"
    " ON CONFLICT DO NOTHING"
)
_WITHDRAW = text(
    "UPDATE gateway.pack_sign_off SET withdrawn_at = :now"
    " WHERE case_id = :case AND agency_code = :agency AND stage = :stage AND withdrawn_at IS NULL"
)


class NotSignedError(Exception):
    """It could not be signed; the text is one sentence for whoever wanted to."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What a sign-off holds for; the profile's is absent while none is effective."""

    case: int
    profile: int | None


@dataclass(frozen=True, slots=True)
class SignOff:
    """A sign-off that holds."""

    by: str
    at: datetime
    read_back: bool


@dataclass(frozen=True, slots=True)
class Pack:
    """What one agency would be told at one stage, once it is entitled and its free text signed off."""

    preview: Preview
    versions: Versions
    sign_off: SignOff | None
    is_entitled: bool


def sign_offs(connection: Connection, case_id: UUID) -> Mapping[tuple[AgencyCode, Stage], SignOff]:
    """Return the sign-offs of a case that hold, by agency and stage."""
    return {
        (AgencyCode(row.agency_code), Stage(row.stage)): SignOff(row.signed_by, row.signed_at, row.read_back)
        for row in connection.execute(_CURRENT, {"case": case_id})
    }


def look(wiring: Wiring, who: SignedIn, family_id: UUID, *, agency: AgencyCode, stage: Stage) -> Pack:
    """Return what an agency would be told; that somebody looked is on record first.

    Raises: UnknownCaseError, the family is not theirs or the agency has no name for its case.
    """
    with act(wiring, closes=True) as change:
        identity = _case(change.connection, who, family_id)
        change.record(
            kind="pack.preview",
            actor=who.username,
            family_id=family_id,
            internal={"agency": agency, "stage": stage.value},
        )
    with wiring.autocommit.connect() as connection:
        request = _request(connection, identity, agency=agency, stage=stage)
        now = preview(wiring, connection, request, supposing=in_good_standing)
        shown = preview(wiring, connection, request, supposing=_when_it_goes)
        case = now.facts.case
        return Pack(
            shown,
            _versions(connection, identity, agency),
            sign_offs(connection, identity.case_id).get((agency, stage)),
            is_entitled=case is not None
            and (case.panel_until is not None if stage is Stage.PANEL else case.has_offer),
        )


def sign(
    wiring: Wiring,
    who: SignedIn,
    family_id: UUID,
    *,
    agency: AgencyCode,
    stage: Stage,
    shown: Versions,
    read_back: bool,
) -> None:
    """Let the free text of what an agency is told at a stage go.

    Args:
        shown: the versions that were looked at.
        read_back: the family heard it.

    Raises: UnknownCaseError; NotSignedError, something changed since it was shown. Nothing was stored.
    """
    with act(wiring, families=(family_id,)) as change:
        connection = change.connection
        identity = _case(connection, who, family_id)
        if shown.profile is None or shown != _versions(connection, identity, agency):
            raise NotSignedError("Something changed since you read it. Read it again, then sign.")
        stored = connection.execute(
            _SIGN,
            {
                "case": identity.case_id,
                "family": family_id,
                "case_version": shown.case,
                "agency": agency,
                "profile_version": shown.profile,
                "stage": stage.value,
                "by": who.username,
                "now": database_now(connection),
                "read_back": read_back,
                "cuts": cuts_now(wiring, connection, identity, agency=agency, stage=stage),
            },
        ).rowcount
        if not stored:
            change.nothing_changed()
            return
        change.record(
            kind="pack.sign_off",
            actor=who.username,
            family_id=family_id,
            internal={
                "agency": agency,
                "case_version": shown.case,
                "profile_version": shown.profile,
                "read_back": read_back,
                "stage": stage.value,
            },
        )


def withdraw(wiring: Wiring, who: SignedIn, family_id: UUID, *, agency: AgencyCode, stage: Stage) -> None:
    """Take a sign-off back: from now on the agency's free text stays here; a second time changes nothing.

    Raises: UnknownCaseError.
    """
    with act(wiring, families=(family_id,), closes=True) as change:
        identity = _case(change.connection, who, family_id)
        ended = change.connection.execute(
            _WITHDRAW,
            {
                "case": identity.case_id,
                "agency": agency,
                "stage": stage.value,
                "now": database_now(change.connection),
            },
        ).rowcount
        if not ended:
            change.nothing_changed()
            return
        change.record(
            kind="pack.withdraw",
            actor=who.username,
            family_id=family_id,
            internal={"agency": agency, "stage": stage.value},
        )


def _case(connection: Connection, who: SignedIn, family_id: UUID) -> CaseIdentity:
    identity = case_of_worker(connection, who, family_id, now=database_now(connection))
    if identity is None:
        raise UnknownCaseError("it is not theirs to read for an agency")
    return identity


def _request(
    connection: Connection, identity: CaseIdentity, *, agency: AgencyCode, stage: Stage
) -> ReleaseRequest:
    reference = reference_of(connection, agency, identity.case_id)
    if reference is None:
        raise UnknownCaseError("the agency has no name for this case")
    return ReleaseRequest(replace(somebody_of(agency), purpose=_PURPOSE[stage]), reference)


def shown_when_signed(
    wiring: Wiring, connection: Connection, identity: CaseIdentity, *, agency: AgencyCode, stage: Stage
) -> Iterator[Preview]:
    """Yield what would be told once it is signed off: to somebody of the agency, and to whoever of it works on the case.

    Raises: UnknownCaseError, the agency has no name for the case; what ``preview`` raises.
    """
    request = _request(connection, identity, agency=agency, stage=stage)
    worker = replace(request.caller, practitioner=PractitionerClaim(NAMED_WORKER, verified=True))
    for each in (request, replace(request, caller=worker)):
        yield preview(wiring, connection, each, supposing=_when_it_goes)


def cuts_now(
    wiring: Wiring, connection: Connection, identity: CaseIdentity, *, agency: AgencyCode, stage: Stage
) -> bytes | None:
    """Return where the free text is cut that would now go, sealed; absent: none would, or each release must look for itself.

    Raises: UnknownCaseError, the agency has no name for the case; what ``preview`` raises.
    """
    cuts: dict[str, tuple[Places, ...]] = {}
    for shown in shown_when_signed(wiring, connection, identity, agency=agency, stage=stage):
        permit = shown.decision
        if isinstance(permit, Permit) and not permit.shielded:
            levels = (item_level(permit, item) for item in shown.items)
            cuts[basis_of(permit, levels, parts=shown.parts)] = places_of(shown.told)
    keys = wiring.keyring.family(connection, identity.family_id)
    return seal_cuts(cuts, keys, agency=agency, stage=stage) if cuts else None


def _versions(connection: Connection, identity: CaseIdentity, agency: AgencyCode) -> Versions:
    row = connection.execute(_VERSIONS, {"case": identity.case_id, "agency": agency}).one()
    return Versions(row.case_version, row.profile_version)


def _when_it_goes(facts: Facts) -> Facts:
    """The facts, as if the agency were entitled to the case and what it is told were signed off."""
    standing = as_named_worker(in_good_standing(facts))
    if standing.case is None:
        return standing
    case = replace(
        standing.case,
        panel_until=standing.case.panel_until or facts.now + timedelta(days=1),
        has_offer=True,
        signed_off=frozenset(Stage),
    )
    return replace(standing, case=case)
