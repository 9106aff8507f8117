"""Rows of the case room: what is asked of the database, and nothing else.

CONTRACT: every function runs in the transaction of the connection it is given and commits nothing. Writers
are called inside ``disclosure_log.service.act`` with the family's gate moved. Order of locks: gates (the act),
then ``hold_agencies``, then ``hold_people``; all are released by the commit. Nothing readable here without
a key is a fact about a person.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from agencies.model import AgencyCode
from certs.blind_index import blind_index
from gateway.cases.model import CaseDocument, CaseIdentity, Seal, Shield, StoredPart
from gateway.keyring import Keyring

PERSON_REF: Final = "person_ref"
SOURCE_REF: Final = "source_ref"
EVERYBODY: Final = ""
"""The practitioner of a conflict that is the whole agency's."""

_CLEAR_CASE: Final = (
    text("DELETE FROM gateway.case_part WHERE case_id = :case"),
    text("DELETE FROM gateway.case_person WHERE case_id = :case"),
    text("DELETE FROM gateway.case_worker WHERE case_id = :case"),
)
_AGENCIES_LOCK: Final = 0x45484701  # of this room alone; any constant that no other advisory lock uses


def case_by_source_ref(connection: Connection, *, keyring: Keyring, source_ref: str) -> CaseIdentity | None:
    """Return the case that the council's system knows by ``source_ref``; absent when there is none."""
    token = blind_index(keyring.index_key(connection), kind=SOURCE_REF, value=source_ref)
    row = connection.execute(
        text("SELECT case_id, family_id FROM gateway.case_record WHERE source_ref_index = :token"),
        {"token": token},
    ).one_or_none()
    return None if row is None else CaseIdentity(row.case_id, row.family_id)


def person_in_case(
    connection: Connection, *, keyring: Keyring, family_id: UUID, person_ref: str
) -> UUID | None:
    """Return our id of the person whom the council's system knows by ``person_ref``, if of this family."""
    token = blind_index(keyring.index_key(connection), kind=PERSON_REF, value=person_ref)
    found: UUID | None = connection.execute(
        text(
            "SELECT p.person_id FROM gateway.person p JOIN gateway.case_person c USING (person_id)"
            " WHERE p.source_ref_index = :token AND c.family_id = :family"
        ),
        {"token": token, "family": family_id},
    ).scalar_one_or_none()
    return found


def today(connection: Connection) -> date:
    """Return the database's date in Europe/London, where dates turn."""
    day: date = connection.execute(text("SELECT (now() AT TIME ZONE 'Europe/London')::date")).scalar_one()
    return day


def hold_agencies(connection: Connection, *, alone: bool) -> None:
    """Wait until no case is stored while an agency is onboarded, so that no pairwise id is missed.

    Args:
        alone: true for onboarding, which excludes everyone; false for storing cases side by side.
    """
    function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    connection.execute(text(f"SELECT {function}(:lock)"), {"lock": _AGENCIES_LOCK})


def hold_people(connection: Connection, tokens: Iterable[bytes]) -> None:
    """Hold these people (by the index of the council's id) against other families' writers and erasure."""
    locks = sorted(int.from_bytes(token[:8], "big", signed=True) for token in set(tokens))
    connection.execute(
        text("SELECT pg_advisory_xact_lock(lock) FROM unnest(CAST(:locks AS bigint[])) AS lock"),
        {"locks": locks},
    )


def ensure_people(connection: Connection, tokens: Mapping[str, bytes]) -> dict[str, UUID]:
    """Return our id of each person, new where the person was not known, by the council's id."""
    connection.execute(
        text(
            "INSERT INTO gateway.person (person_id, source_ref_index)"
            " SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:tokens AS bytea[]))"
            " ON CONFLICT (source_ref_index) DO NOTHING"
        ),
        {"ids": [uuid4() for _ in tokens], "tokens": list(tokens.values())},
    )
    rows = connection.execute(
        text(
            "SELECT source_ref_index, person_id FROM gateway.person"
            " WHERE source_ref_index = ANY (CAST(:tokens AS bytea[]))"
        ),
        {"tokens": list(tokens.values())},
    )
    ids = {bytes(row.source_ref_index): row.person_id for row in rows}
    return {person: ids[token] for person, token in tokens.items()}


def person_keys(
    connection: Connection, people: Sequence[UUID], *, prefer: UUID
) -> dict[UUID, tuple[UUID, bytes]]:
    """Return one sealed key row per person who has any: (family, sealed key), of ``prefer`` where it has one."""
    rows = connection.execute(
        text(
            "SELECT DISTINCT ON (person_id) person_id, family_id, wrapped FROM gateway.person_key"
            " WHERE person_id = ANY (CAST(:people AS uuid[]))"
            " ORDER BY person_id, family_id <> :prefer, family_id"
        ),
        {"people": list(people), "prefer": prefer},
    )
    return {row.person_id: (row.family_id, row.wrapped) for row in rows}


def add_person_keys(connection: Connection, family_id: UUID, sealed: Mapping[UUID, bytes]) -> None:
    """Store the keys of people who are new to this family, sealed under its data key."""
    connection.execute(
        text(
            "INSERT INTO gateway.person_key (family_id, person_id, wrapped)"
            " SELECT :family, * FROM unnest(CAST(:people AS uuid[]), CAST(:sealed AS bytea[]))"
        ),
        {"family": family_id, "people": list(sealed), "sealed": list(sealed.values())},
    )


def strongest_shields(connection: Connection, people: Sequence[UUID]) -> dict[UUID, Shield]:
    """Return the strictest shield that each person has in any family; people without a row are absent."""
    rows = connection.execute(
        text(
            "SELECT person_id, shield FROM gateway.case_person WHERE person_id = ANY (CAST(:people AS uuid[]))"
        ),
        {"people": list(people)},
    )
    shields: dict[UUID, Shield] = {}
    for row in rows:
        held = shields.get(row.person_id, Shield.NONE)
        shields[row.person_id] = max(held, Shield(row.shield), key=lambda shield: shield.strength)
    return shields


def shields_of(connection: Connection, case_id: UUID) -> dict[UUID, Shield]:
    """Return how strictly each person of a case is shielded."""
    rows = connection.execute(
        text("SELECT person_id, shield FROM gateway.case_person WHERE case_id = :case"), {"case": case_id}
    )
    return {row.person_id: Shield(row.shield) for row in rows}


def held_less_strictly(
    connection: Connection, wanted: Mapping[bytes, Shield]
) -> dict[UUID, tuple[UUID, Shield]]:
    """Return the known people whom some family shields less than wanted: by person, one such family and the level.

    Args:
        wanted: the level, by the blind index of the council's id of the person.
    """
    rows = connection.execute(
        text(
            "SELECT p.source_ref_index, c.person_id, c.family_id, c.shield"
            " FROM gateway.person p JOIN gateway.case_person c USING (person_id)"
            " WHERE p.source_ref_index = ANY (CAST(:tokens AS bytea[]))"
        ),
        {"tokens": list(wanted)},
    )
    return {
        row.person_id: (row.family_id, level)
        for row in rows
        for level in [wanted[bytes(row.source_ref_index)]]
        if Shield(row.shield).strength < level.strength
    }


def add_case(
    connection: Connection, identity: CaseIdentity, *, source_ref_index: bytes, document: CaseDocument
) -> None:
    """Store a new case's state as version 1."""
    connection.execute(
        text(
            "INSERT INTO gateway.case_record"
            " (case_id, family_id, source_ref_index, threshold_level, status, version, seals, hosted_by)"
            " VALUES (:case, :family, :token, :level, :status, 1, CAST(:seals AS text[]), :hosted_by)"
        ),
        {
            "case": identity.case_id,
            "family": identity.family_id,
            "token": source_ref_index,
            **_state(document),
        },
    )


def replace_case(connection: Connection, case_id: UUID, *, document: CaseDocument) -> int:
    """Replace a case's state, take out everything said in it, and return its new version.

    Seals are only added, and conflicts stay.
    """
    version: int = connection.execute(
        text(
            "UPDATE gateway.case_record SET threshold_level = :level, status = :status, version = version + 1,"
            " hosted_by = :hosted_by,"
            " seals = ARRAY(SELECT DISTINCT s FROM unnest(seals || CAST(:seals AS text[])) AS s ORDER BY s)"
            " WHERE case_id = :case RETURNING version"
        ),
        {"case": case_id, **_state(document)},
    ).scalar_one()
    for clear in _CLEAR_CASE:
        connection.execute(clear, {"case": case_id})
    return version


def add_members(
    connection: Connection,
    identity: CaseIdentity,
    *,
    document: CaseDocument,
    ids: Mapping[str, UUID],
    shields: Mapping[UUID, Shield],
    births: Mapping[UUID, bytes],
) -> None:
    """Store who is in the case, with their sealed day of birth where it is known, who works on it, and who must not."""
    family = {"case": identity.case_id, "family": identity.family_id}
    connection.execute(
        text(
            "INSERT INTO gateway.case_person (case_id, family_id, person_id, role, risk_person, shield, born)"
            " VALUES (:case, :family, :person, :role, :risk, :shield, :born)"
        ),
        [
            {
                **family,
                "person": ids[person.id],
                "role": str(person.role),
                "risk": person.risk_person,
                "shield": str(shields[ids[person.id]]),
                "born": births.get(ids[person.id]),
            }
            for person in document.people
        ],
    )
    if document.workers:
        connection.execute(
            text(
                "INSERT INTO gateway.case_worker (case_id, family_id, worker, from_date, to_date)"
                " VALUES (:case, :family, :worker, :from, :to)"
            ),
            [{**family, "worker": w.id, "from": w.from_date, "to": w.to_date} for w in document.workers],
        )
    if document.conflicts:
        connection.execute(
            text(
                "INSERT INTO gateway.case_conflict (case_id, family_id, agency_code, practitioner_id)"
                " VALUES (:case, :family, :agency, :practitioner) ON CONFLICT DO NOTHING"
            ),
            [
                {**family, "agency": each.agency, "practitioner": each.practitioner or EVERYBODY}
                for each in document.conflicts
            ],
        )


def add_parts(connection: Connection, family_id: UUID, parts: Sequence[StoredPart]) -> None:
    """Store sealed parts."""
    if parts:
        connection.execute(
            text(
                "INSERT INTO gateway.case_part (part_id, case_id, family_id, about, version, sealed)"
                " VALUES (:part, :case, :family, CAST(:about AS uuid[]), :version, :sealed)"
            ),
            [
                {
                    "part": part.part_id,
                    "case": part.case_id,
                    "family": family_id,
                    "about": list(part.about),
                    "version": part.version,
                    "sealed": part.sealed,
                }
                for part in parts
            ],
        )


def stored_parts(connection: Connection, *cases: UUID) -> list[StoredPart]:
    """Return the sealed parts of these cases."""
    rows = connection.execute(
        text(
            "SELECT part_id, case_id, about, version, sealed FROM gateway.case_part"
            " WHERE case_id = ANY (CAST(:cases AS uuid[]))"
        ),
        {"cases": list(cases)},
    )
    return [StoredPart(row.part_id, row.case_id, tuple(row.about), row.version, row.sealed) for row in rows]


def family_person_keys(connection: Connection, family_id: UUID) -> dict[UUID, bytes]:
    """Return the sealed key row of every person of a family."""
    return person_keys_of(connection, [family_id])[family_id]


def person_keys_of(connection: Connection, families: Collection[UUID]) -> dict[UUID, dict[UUID, bytes]]:
    """Return by family the sealed key row of each of its people: whoever is in two families has a key in each."""
    found: dict[UUID, dict[UUID, bytes]] = {family: {} for family in families}
    rows = connection.execute(
        text(
            "SELECT family_id, person_id, wrapped FROM gateway.person_key"
            " WHERE family_id = ANY (CAST(:families AS uuid[]))"
        ),
        {"families": list(families)},
    )
    for row in rows:
        found[row.family_id][row.person_id] = row.wrapped
    return found


def replace_index(connection: Connection, family_id: UUID, tokens: Iterable[tuple[UUID, bytes]]) -> None:
    """Make these the family's blind index rows: (person, token)."""
    connection.execute(
        text("DELETE FROM gateway.blind_index WHERE family_id = :family"), {"family": family_id}
    )
    rows = list(tokens)
    connection.execute(
        text(
            "INSERT INTO gateway.blind_index (token, family_id, person_id)"
            " SELECT t.token, :family, t.person"
            " FROM unnest(CAST(:tokens AS bytea[]), CAST(:people AS uuid[])) AS t(token, person)"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "family": family_id,
            "tokens": [token for _, token in rows],
            "people": [person for person, _ in rows],
        },
    )


def people_by_token(connection: Connection, token: bytes) -> list[tuple[UUID, UUID]]:
    """Return (family, person) of every row under one blind index token."""
    rows = connection.execute(
        text(
            "SELECT family_id, person_id FROM gateway.blind_index WHERE token = :token"
            " ORDER BY family_id, person_id"
        ),
        {"token": token},
    )
    return [(row.family_id, row.person_id) for row in rows]


def mint_for_case(connection: Connection, identity: CaseIdentity, people: Iterable[UUID]) -> None:
    """Give every agency a random id of its own for this case and for each of these people of it."""
    connection.execute(
        text(
            "INSERT INTO gateway.pairwise (agency_code, thing_id, family_id)"
            " SELECT a.agency_code, t.thing, :family"
            " FROM agencies.agency a CROSS JOIN unnest(CAST(:things AS uuid[])) AS t(thing)"
            " ON CONFLICT (agency_code, thing_id, family_id) DO NOTHING"
        ),
        {"family": identity.family_id, "things": [identity.case_id, *people]},
    )


def mint_for_agency(connection: Connection, agency_code: AgencyCode) -> None:
    """Give one agency a random id of its own for every case and every person of a case.

    Called in the transaction that onboards the agency, after its row was added; waits for cases being stored.
    """
    hold_agencies(connection, alone=True)
    connection.execute(
        text(
            "INSERT INTO gateway.pairwise (agency_code, thing_id, family_id)"
            " SELECT :agency, c.case_id, c.family_id FROM gateway.case_record c"
            " UNION ALL SELECT :agency, p.person_id, p.family_id FROM gateway.case_person p"
            " ON CONFLICT (agency_code, thing_id, family_id) DO NOTHING"
        ),
        {"agency": agency_code},
    )


def _state(document: CaseDocument) -> dict[str, object]:
    return {
        "level": document.threshold_level,
        "status": str(document.status),
        "seals": sorted(str(Seal(each)) for each in document.seals),
        "hosted_by": document.hosting_refuge,
    }
