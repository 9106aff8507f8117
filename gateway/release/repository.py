"""The one read of the release path: a whole batch, one statement, one snapshot.

INVARIANTS
- Every item of a batch costs the same single statement, whether its case exists or not.
- Everything a decision rests on comes from this snapshot, with the version of every gate involved.
- Sealed values come back sealed; of an item that is then refused nothing is opened but days of birth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, text

from agencies.errors import ProfileError
from agencies.model import AgencyCode, AgencyKind, Profile, Stage
from agencies.profile_text import parse_profile
from consent_registry.birthdays import UNKNOWN_BIRTHDAYS, Birthdays, birthdays_of
from consent_registry.model import NOTHING_DECIDED, Standing
from gateway.cases.model import Shield, StoredPart
from gateway.cases.sealing import open_births
from gateway.database import Prepared
from gateway.keyring import NULL_FAMILY, FamilyKeys
from gateway.release.model import AgencyFacts, CaseFacts, Facts, PersonFacts, ReleaseRequest

SnapshotRow: TypeAlias = Any  # a named tuple of the columns of the statement below
"""What the one statement says of one item, not yet read."""

_READ: Final = Prepared(
    """
WITH clock AS MATERIALIZED (
    SELECT statement_timestamp() AS now, (statement_timestamp() AT TIME ZONE 'Europe/London')::date AS today
)
SELECT clock.now,
       (SELECT q.witnessed_at FROM gateway.log_quorum q ORDER BY q.size DESC LIMIT 1) AS witnessed_at,
       a.agency_code, a.kind AS agency_kind, a.state AS agency_state, ag.version AS agency_version,
       (SELECT max(g.valid_until)::timestamp AT TIME ZONE 'Europe/London' FROM agencies.agreement g
         WHERE g.agency_code = a.agency_code AND g.valid_from <= today AND today < g.valid_until) AS agreement_until,
       pv.document AS profile_document,
       (SELECT coalesce(json_agg(json_build_array(v.version, v.document) ORDER BY v.version), '[]')
          FROM agencies.profile_version v WHERE v.agency_code = a.agency_code AND v.version <> ep.version
           AND to_jsonb(v.version) IN (SELECT s.body #> ARRAY['given', 'profiles_shown', a.agency_code]
                                         FROM consent_registry.standing s WHERE s.family_id = c.family_id)
       ) AS shown_documents,
       (SELECT o.state FROM gateway.oauth_client o WHERE o.client_id = asked.client_id
           AND o.agency_code = a.agency_code) AS client_state,
       EXISTS (SELECT FROM agencies.practitioner w WHERE w.agency_code = a.agency_code
           AND w.practitioner_id = asked.practitioner_id AND w.active_from <= today
           AND (w.active_until IS NULL OR today < w.active_until)) AS practitioner_active,
       reserved.wrapped AS reserved_wrapped,
       c.case_id, c.family_id, c.threshold_level, c.status, c.seals, c.hosted_by, fg.version AS family_version,
       fk.wrapped AS family_wrapped,
       (SELECT max(m.closes_at) FROM gateway.agenda_item i
          JOIN gateway.panel_meeting m USING (meeting_id) JOIN gateway.panel_member b USING (meeting_id)
         WHERE i.case_id = c.case_id AND b.agency_code = a.agency_code
           AND m.opens_at <= clock.now AND clock.now < m.closes_at) AS panel_until,
       offered.*, conflicts.*, folk.*, kept.*, said.*,
       ARRAY(SELECT w.worker FROM gateway.case_worker w WHERE w.case_id = c.case_id
           AND w.from_date <= today AND (w.to_date IS NULL OR today < w.to_date)) AS workers,
       ARRAY(SELECT r.agency_code FROM agencies.agency r WHERE r.kind = 'refuge') AS refuges,
       (SELECT coalesce(json_object_agg(s.stage, encode(s.cuts_sealed, 'hex')), '{}')
          FROM gateway.pack_sign_off s WHERE s.case_id = c.case_id
           AND s.case_version = c.version AND s.agency_code = a.agency_code
           AND s.profile_version = ep.version AND s.withdrawn_at IS NULL) AS signed_off
  FROM unnest(CAST(:agencies AS text[]), CAST(:refs AS uuid[]), CAST(:clients AS text[]), CAST(:practitioners AS text[]))
       WITH ORDINALITY AS asked(agency_code, ref, client_id, practitioner_id, position)
 CROSS JOIN clock
  JOIN gateway.family_key reserved ON reserved.family_id = :null_family
  LEFT JOIN agencies.agency a ON a.agency_code = asked.agency_code
  LEFT JOIN gateway.agency_gate ag ON ag.agency_code = a.agency_code
  LEFT JOIN agencies.effective_profile ep ON ep.agency_code = a.agency_code AND ep.effective_from <= clock.now
  LEFT JOIN agencies.profile_version pv ON pv.agency_code = a.agency_code AND pv.version = ep.version
  LEFT JOIN gateway.pairwise cr ON cr.agency_code = a.agency_code AND cr.ref = asked.ref
  LEFT JOIN gateway.case_record c ON c.case_id = cr.thing_id
  LEFT JOIN gateway.family_key fk ON fk.family_id = c.family_id
  LEFT JOIN gateway.family_gate fg ON fg.family_id = c.family_id
 CROSS JOIN LATERAL (
       SELECT count(*) > 0 AS has_offer, CASE WHEN bool_and(f.ended_on IS NOT NULL)
              THEN max(f.ended_on)::timestamp AT TIME ZONE 'Europe/London' END AS offer_until
         FROM gateway.offer f WHERE f.case_id = c.case_id AND f.agency_code = a.agency_code
          AND f.accepted_on <= today AND (f.ended_on IS NULL OR today < f.ended_on)) offered
 CROSS JOIN LATERAL (
       SELECT count(*) > 0 AS has_conflicts, coalesce(bool_or(k.agency_code = a.agency_code
              AND k.practitioner_id IN ('', asked.practitioner_id)), false) AS in_conflict
         FROM gateway.case_conflict k WHERE k.case_id = c.case_id) conflicts
 CROSS JOIN LATERAL (
       SELECT coalesce(json_agg(json_build_array(p.person_id, p.role, p.shield, pr.ref, s.body)
                       ORDER BY p.person_id), '[]') AS people,
              coalesce(array_agg(p.born ORDER BY p.person_id), '{}') AS births
         FROM gateway.case_person p
         LEFT JOIN gateway.pairwise pr ON pr.agency_code = a.agency_code
              AND pr.thing_id = p.person_id AND pr.family_id = p.family_id
         LEFT JOIN consent_registry.subject u ON u.family_id = p.family_id AND u.person_id = p.person_id
         LEFT JOIN consent_registry.standing s ON s.subject_id = u.subject_id
        WHERE p.case_id = c.case_id) folk
 CROSS JOIN LATERAL (
       SELECT coalesce(array_agg(k.person_id), '{}') AS key_people, coalesce(array_agg(k.wrapped), '{}') AS keys
         FROM gateway.person_key k WHERE k.family_id = c.family_id) kept
 CROSS JOIN LATERAL (
       SELECT coalesce(json_agg(json_build_array(q.part_id, q.version, q.about) ORDER BY q.part_id), '[]')
              AS part_rows, coalesce(array_agg(q.sealed ORDER BY q.part_id), '{}') AS part_seals
         FROM gateway.case_part q WHERE q.case_id = c.case_id) said
 ORDER BY asked.position
"""
)
_REF = text("SELECT ref FROM gateway.pairwise WHERE agency_code = :agency AND thing_id = :case")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One item's facts, the gates they stand on, and the sealed record.

    Attributes:
        family_id: the reserved null family for an unknown ref.
        family_wrapped: that family's keys, wrapped.
        people: everyone in the case, none for an unknown ref.
        births: the sealed day of birth of each whose record says it.
        cuts: by stage what its sign-off keeps of where free text is cut, sealed.
        witnessed_at: when a checkpoint last met the witness policy; absent: never.
    """

    facts: Facts
    family_id: UUID
    family_wrapped: bytes
    family_version: int | None
    agency_version: int | None
    people: tuple[PersonFacts, ...]
    births: dict[UUID, bytes]
    person_keys: dict[UUID, bytes]
    parts: tuple[StoredPart, ...]
    cuts: Mapping[Stage, bytes]
    witnessed_at: datetime | None

    def facts_with(self, birthdays: Mapping[UUID, Birthdays]) -> Facts:
        """The facts, once days of birth were opened; whoever is not named has no birthday that counts."""
        case = self.facts.case
        if case is None:
            return self.facts
        people = tuple(
            replace(person, birthdays=birthdays.get(UUID(person.person_id), UNKNOWN_BIRTHDAYS))
            for person in case.people
        )
        return replace(self.facts, case=replace(case, people=people))

    def facts_under(self, keys: FamilyKeys, *, lapse_at_sixteen: bool) -> Facts:
        """The facts with the days of birth that these keys open; for whoever is not on the release path.

        Raises: UnreadablePartError, a day that should open does not.
        """
        born = open_births(keys, self.person_keys, self.births)
        return self.facts_with(
            {person: birthdays_of(day, lapse_at_sixteen=lapse_at_sixteen) for person, day in born.items()}
        )


def read(connection: Connection, batch: Sequence[ReleaseRequest]) -> Sequence[SnapshotRow]:
    """Return one row per item, in the batch's order; one round trip."""
    return _READ.rows(
        connection,
        {
            "agencies": [request.caller.agency for request in batch],
            "refs": [request.case_ref for request in batch],
            "clients": [request.caller.client_id for request in batch],
            "practitioners": [p.id if (p := request.caller.practitioner) else None for request in batch],
            "null_family": NULL_FAMILY,
        },
    )


def reference_of(connection: Connection, agency: AgencyCode, case_id: UUID) -> UUID | None:
    """Return what an agency calls a case; absent: it has no name for it."""
    found: UUID | None = connection.execute(_REF, {"agency": agency, "case": case_id}).scalar_one_or_none()
    return found


def snapshot_of(row: SnapshotRow) -> Snapshot:
    """Return what one row says, item by item so that one unreadable row fails nobody else.

    Raises: ProfileError, StoredStandingError, ValueError: a stored value is not one of ours.
    """
    known = row.case_id is not None and row.family_wrapped is not None
    people = tuple(
        PersonFacts(
            person_id=person_id,
            ref=ref,
            role=role,
            shield=Shield(shield),
            standing=NOTHING_DECIDED if standing is None else Standing.from_json(standing),
            birthdays=UNKNOWN_BIRTHDAYS,
        )
        for person_id, role, shield, ref, standing in row.people
    )
    return Snapshot(
        facts=Facts(now=row.now, agency=_agency(row), case=_case(row, people) if known else None),
        family_id=row.family_id if known else NULL_FAMILY,
        family_wrapped=row.family_wrapped if known else row.reserved_wrapped,
        family_version=row.family_version,
        agency_version=row.agency_version,
        people=people,
        births={
            UUID(person.person_id): sealed
            for person, sealed in zip(people, row.births, strict=True)
            if sealed is not None
        },
        person_keys=dict(zip(row.key_people, row.keys, strict=True)),
        parts=tuple(
            StoredPart(UUID(part_id), row.case_id, tuple(map(UUID, about)), version, sealed)
            for (part_id, version, about), sealed in zip(row.part_rows, row.part_seals, strict=True)
        ),
        cuts={
            Stage(stage): bytes.fromhex(cuts) for stage, cuts in row.signed_off.items() if cuts is not None
        },
        witnessed_at=row.witnessed_at,
    )


def _agency(row: SnapshotRow) -> AgencyFacts | None:
    if row.agency_code is None:
        return None
    document = row.profile_document
    return AgencyFacts(
        code=AgencyCode(row.agency_code),
        kind=AgencyKind(row.agency_kind),
        state=row.agency_state,
        agreement_until=row.agreement_until,
        profile=None if document is None else _compiled(document),
        client_state=row.client_state,
        practitioner_active=row.practitioner_active,
        shown={
            version: profile
            for version, document in row.shown_documents
            if (profile := _as_shown(document)) is not None
        },
    )


def _case(row: SnapshotRow, people: tuple[PersonFacts, ...]) -> CaseFacts:
    return CaseFacts(
        threshold_level=row.threshold_level,
        status=row.status,
        seals=frozenset(row.seals),
        people=people,
        panel_until=row.panel_until,
        has_offer=row.has_offer,
        offer_until=row.offer_until,
        named_workers=frozenset(row.workers),
        refuges=frozenset(row.refuges),
        hosting_refuge=row.hosted_by,
        in_conflict=row.in_conflict,
        has_conflicts=row.has_conflicts,
        signed_off=frozenset(map(Stage, row.signed_off)),
    )


@lru_cache(maxsize=256)
def _compiled(document: str) -> Profile:
    """The profile of an immutable document: the text is the key, so a new version is another one."""
    return parse_profile(document)


@lru_cache(maxsize=256)
def _as_shown(document: str) -> Profile | None:
    """The profile of a version that was shown; absent where it cannot be read: nobody can tell what was shown."""
    try:
        return _compiled(document)
    except ProfileError:
        return None
