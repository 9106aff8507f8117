"""What tests of stored cases share: loading, finding, opening, and looking at rows."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from agencies.model import AgencyCode
from gateway.cases import repository, service
from gateway.cases.model import CaseIdentity, StoredPart
from gateway.cases.sealing import open_items, open_person_key
from gateway.cases.search import Found, IndexKind, find_people
from gateway.cases.service import ImportReport
from gateway.database import open_engine
from gateway.disclosure_log.service import act
from gateway.wiring import Wiring
from tests.gateway.cases.documents import family, file_of
from tests.support.throwaway import Database


def load(wiring: Wiring, *families: dict[str, Any]) -> ImportReport:
    return service.import_cases(wiring, file_of(*families), actor="test")


def identity_of(wiring: Wiring, source_ref: str = "EH-1001") -> CaseIdentity:
    with wiring.engine.connect() as connection:
        found = repository.case_by_source_ref(connection, keyring=wiring.keyring, source_ref=source_ref)
    assert found is not None
    return found


def person_of(wiring: Wiring, person: str, source_ref: str = "EH-1001") -> UUID:
    with wiring.engine.connect() as connection:
        found = repository.person_in_case(
            connection,
            keyring=wiring.keyring,
            family_id=identity_of(wiring, source_ref).family_id,
            person_ref=person,
        )
    assert found is not None
    return found


def opened(wiring: Wiring, source_ref: str = "EH-1001") -> list[dict[str, Any]]:
    identity = identity_of(wiring, source_ref)
    with wiring.engine.connect() as connection:
        keys = wiring.keyring.family(connection, identity.family_id)
        people = repository.family_person_keys(connection, identity.family_id)
        parts = repository.stored_parts(connection, identity.case_id)
    return open_items(keys, people, parts)


def translated(wiring: Wiring, raw: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of a document with our ids in place of the council's."""
    ids = {person["id"]: str(person_of(wiring, person["id"], raw["source_ref"])) for person in raw["people"]}
    items = []
    for each in raw["items"]:
        value = dict(each["value"])
        if each["field"] == "household":
            value |= {"member": ids[value["member"]], "to": ids[value["to"]]}
        changed = {**each, "about": [ids[person] for person in each["about"]], "value": value}
        if "protects" in each:
            changed["protects"] = ids[each["protects"]]
        items.append(changed)
    return items


def ordered(items: list[dict[str, Any]]) -> list[str]:
    return sorted(str(sorted(each.items(), key=lambda pair: pair[0])) for each in items)


def rows(wiring: Wiring, statement: str, **values: object) -> list[Any]:
    with wiring.engine.connect() as connection:
        return list(connection.execute(text(statement), values))


def entries_in_log(wiring: Wiring) -> int:
    return int(rows(wiring, "SELECT count(*) FROM gateway.log_entry")[0][0])


def everything_stored(database: Database) -> bytes:
    """Every row of every table but the migrations' own, as text with bytea in the clear."""
    engine = open_engine(database.owner_url)
    held = b""
    with engine.connect() as connection:
        tables = connection.execute(
            text(
                "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
                " WHERE schemaname IN ('gateway', 'agencies', 'consent_registry')"
            )
        ).scalars()
        for table in tables.all():
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                for value in row:
                    held += bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    held += b"\n"
    engine.dispose()
    return held


def sealed_case(wiring: Wiring) -> tuple[Any, dict[UUID, bytes], list[StoredPart]]:
    load(wiring, family())
    identity = identity_of(wiring)
    with wiring.engine.connect() as connection:
        return (
            wiring.keyring.family(connection, identity.family_id),
            repository.family_person_keys(connection, identity.family_id),
            repository.stored_parts(connection, identity.case_id),
        )


def found(wiring: Wiring, kind: IndexKind, value: str) -> list[Found]:
    with wiring.engine.connect() as connection:
        return find_people(connection, keyring=wiring.keyring, kind=kind, value=value)


def add_agency(wiring: Wiring, code: str, *, mint: bool = False) -> None:
    with act(wiring, agencies=(code,)) as change:
        change.connection.execute(
            text(
                "INSERT INTO agencies.agency (agency_code, kind, name, state) VALUES (:c, 'health', 'x', 'active')"
            ),
            {"c": code},
        )
        if mint:
            repository.mint_for_agency(change.connection, AgencyCode(code))
        change.record(kind="agency.onboard", agency=code, actor="test")


def person_key(wiring: Wiring, person: str, source_ref: str = "EH-1001") -> bytes:
    """The open key of one person, from one family's row."""
    family_id, person_id = identity_of(wiring, source_ref).family_id, person_of(wiring, person, source_ref)
    with wiring.engine.connect() as connection:
        sealed = repository.family_person_keys(connection, family_id)[person_id]
        return open_person_key(wiring.keyring.family(connection, family_id), person_id, sealed)
