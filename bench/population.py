"""The council that the bench of releases asks about: made once through the gateway's own services, then kept.

Some families are generated, imported, and say yes; all others are copies of those under keys of their own. What is
made lies in one folder and is used again by later runs, each of which works on a database of its own copied from it.

INVARIANTS
- Every family is listed before the panel, agreed to by everyone who can agree, and its free text is signed off.
- A folder is used again only by the same sources, and while its meetings admit: else it is made again.
- Private keys lie in a folder that only its owner may enter, and that is no parent of the database's.
"""

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import text

from agencies.model import AgencyCode, AgencyKind
from bench.copies import copy_families, read_template
from certs.envelope import FileKek
from certs.private_file import write_private
from consent_registry.errors import ConsentRegistryError
from gateway.cases.synthetic import generate
from gateway.keyring import ensure_reserved
from gateway.log_signer import create_log_key
from gateway.migrations import upgrade
from gateway.oauth.keys import ensure_signing_key
from gateway.ops.embedded import ADMINISTRATOR, EmbeddedPostgres
from gateway.release.service import permitted
from gateway.settings import ClientCertificates, Settings
from gateway.wiring import Wiring, wire
from tests.support.world import World

ROOT: Final = Path(__file__).resolve().parents[1]
AGENCIES: Final = tuple(
    kind.value for kind in AgencyKind if kind not in {AgencyKind.COMMISSIONING, AgencyKind.POLICE}
)
"""One of each kind that may receive extracts."""
PACK: Final = 50
"""Cases of the meeting whose pack is pulled."""
PACK_MEETING: Final = "BENCH-PACK"

_SEED: Final = 20261128
_DATABASE: Final = "gateway_bench"
_ORIGIN: Final = "localhost/log/1"
_PUBLIC_URL: Final = "https://localhost:8443"
_NO_LIMIT: Final = 1_000_000
_BATCH: Final = 50
_USABLE: Final = timedelta(days=7)  # the meeting is in three, and admits for at least five more
_PAIRS_OF_AGENCY: Final = 500
_SOURCES: Final = ("gateway/migrations", "gateway/cases", "gateway/release", "consent_registry", "agencies", "bench/population.py",
                   "bench/copies.py", "bench/histories.py", "tests/support/world.py")  # fmt: skip

_FLOOR: Final = """
CREATE SCHEMA bench AUTHORIZATION gateway_owner;
CREATE TABLE bench.record (id bigint PRIMARY KEY, body jsonb NOT NULL);
CREATE TABLE bench.read_log (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    agency text NOT NULL,
    record bigint NOT NULL
);
ALTER TABLE bench.record OWNER TO gateway_owner;
ALTER TABLE bench.read_log OWNER TO gateway_owner;
GRANT USAGE ON SCHEMA bench TO gateway_app;
GRANT SELECT ON bench.record TO gateway_app;
GRANT INSERT ON bench.read_log TO gateway_app;
"""

Progress = Callable[[str, int], "Iterator[None]"]
"""Yields so many times, and shows how far it is."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many families there are.

    Attributes:
        imported: that many are generated and imported.
        families: in all.
    """

    imported: int
    families: int


@dataclass(frozen=True, slots=True)
class Population:
    """A council that is there.

    Attributes:
        settings: of a process over the run's own database.
        members: client id and private key (JWK) of each agency.
        pairs: what may be asked for: agency and its own reference of a case.
        hot: of one family the reference by each agency, the council's own one, and one person.
        template: the database that runs copy.
    """

    server: EmbeddedPostgres
    settings: Settings
    members: Mapping[str, Mapping[str, Any]]
    pairs: Sequence[tuple[str, str]]
    hot: Mapping[str, Any]
    records: int
    vkey: str
    template: str
    size: Size
    day: date


@contextmanager
def populated(place: Path, size: Size, *, steps: Progress, lasting: bool = False) -> Iterator[Population]:
    """Yield the council of this size in its folder, made now if it is not there or not usable any more.

    Args:
        lasting: usable as long as a meeting admits, whatever became of the sources: it takes hours to make again.

    Raises: gateway.ops.embedded.EmbeddedPostgresError.
    """
    stamp = _stamp(size)
    file = place / "population.json"
    known = json.loads(file.read_text()) if file.is_file() else {}
    made_on = datetime.fromisoformat(known["made_on"]) if known else datetime.min.replace(tzinfo=UTC)
    same = known.get("stamp") == stamp or (lasting and bool(known))
    usable = same and datetime.now(UTC) - made_on < _USABLE
    if not usable:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        (place / "keys").mkdir(mode=0o700)
        FileKek.create(place / "keys" / "kek.hex")
        create_log_key(place / "keys" / "log.key", origin=_ORIGIN)
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres.start(place / "postgres", durable=True))
        settings = _settings(place, server)
        if not usable:
            known = {
                "stamp": stamp,
                "made_on": datetime.now(UTC).isoformat(),
                **_make(server, settings, size, steps=steps),
            }
            write_private(file, json.dumps(known).encode())
        yield Population(
            server,
            settings,
            known["members"],
            [(agency, ref) for agency, ref in known["pairs"]],
            known["hot"],
            known["records"],
            known["vkey"],
            _DATABASE,
            size,
            date.fromisoformat(known["day"]),
        )


def _stamp(size: Size) -> str:
    digest = hashlib.sha256(repr(size).encode())
    for source in _SOURCES:
        path = ROOT / source
        for each in [path] if path.is_file() else sorted(path.rglob("*.*")):
            if each.suffix in {".py", ".sql", ".toml"}:
                digest.update(each.read_bytes())
    return digest.hexdigest()


def _settings(place: Path, server: EmbeddedPostgres) -> Settings:
    state = place / "state"
    state.mkdir(exist_ok=True)
    return Settings(
        database_url=server.url("gateway_app", _DATABASE),
        public_url=_PUBLIC_URL,
        kek_file=place / "keys" / "kek.hex",
        log_origin=_ORIGIN,
        log_key_file=place / "keys" / "log.key",
        state_dir=state,
        council_name="Testshire",
        synthetic_people=True,
        mtls_url="https://localhost:8444",
        client_certificates=ClientCertificates.TLS,
        client_requests_per_minute=_NO_LIMIT,
        practitioner_requests_per_minute=_NO_LIMIT,
        absences_per_hour=_NO_LIMIT,
    )


def _make(server: EmbeddedPostgres, settings: Settings, size: Size, *, steps: Progress) -> dict[str, Any]:
    server.create_database(_DATABASE)
    upgrade(server.url("gateway_owner", _DATABASE))
    wiring = wire(settings)
    try:
        with wiring.engine.begin() as connection:
            ensure_reserved(connection, wiring.keyring)
            ensure_signing_key(connection, wiring.keyring)
        world = World(wiring)
        for code in AGENCIES:
            world.join(code)
        families = _families(size.imported, today=world.today)
        _import(world, families, steps=steps)
        _agree(world, families, steps=steps)
        listed = [family["source_ref"] for family in families]
        world.list_cases(*listed[:PACK], ref=PACK_MEETING)
        world.list_cases(*listed[PACK:] or listed, ref="BENCH-MAIN")
        for family in families:
            world.sign_off(family["source_ref"], stages=["panel"], with_cuts=True)
        _copy(world, families, size, steps=steps)
        _records(server, families, count=size.families)
        return {
            "members": {
                code: {"client_id": member.client_id, "key": dict(member.key), "practitioner": member.practitioner}
                for code, member in world.members.items()
            },
            "pairs": _pairs(world),
            "hot": _hot(world, families),
            "records": size.families,
            "vkey": wiring.log.vkeys[0],
            "day": world.today.isoformat(),
        }  # fmt: skip
    finally:
        wiring.engine.dispose()


def _families(count: int, *, today: date) -> list[dict[str, Any]]:
    """Generated families as a panel takes them: open, at level 2."""
    made = generate(count, seed=_SEED, today=today, agencies=AGENCIES)
    return [{**family, "status": "open", "threshold_level": 2} for family in made]


def _import(world: World, families: Sequence[dict[str, Any]], *, steps: Progress) -> None:
    for family, _ in zip(families, steps("importing families", len(families)), strict=True):
        world.import_families(family)


def _agree(world: World, families: Sequence[dict[str, Any]], *, steps: Progress) -> None:
    """Let everyone say yes who may; of whoever may not, nothing is released."""
    for family, _ in zip(families, steps("recording consent", len(families)), strict=True):
        for person in family["people"]:
            with suppress(ConsentRegistryError):
                world.give(family["source_ref"], person["id"])


def _copy(world: World, families: Sequence[dict[str, Any]], size: Size, *, steps: Progress) -> None:
    missing = size.families - len(families)
    if missing <= 0:
        return
    templates = [
        read_template(
            world.wiring,
            raw,
            family_id=world.family_id(raw["source_ref"]),
            today=world.today,
            agencies=[*map(AgencyCode, AGENCIES)],
        )
        for raw in families
    ]
    numbers = [range(first, min(first + _BATCH, missing)) for first in range(0, missing, _BATCH)]
    for batch, _ in zip(numbers, steps("copying families", len(numbers)), strict=True):
        copies = [(number, templates[number % len(templates)]) for number in batch]
        copy_families(world.wiring, copies, meeting="BENCH-MAIN")


def _records(server: EmbeddedPostgres, families: Sequence[dict[str, Any]], *, count: int) -> None:
    """What the floor reads: the same records in the open, one row each."""
    with psycopg.connect(server.url(ADMINISTRATOR, _DATABASE)) as connection:
        connection.execute(_FLOOR)
        bodies = [json.dumps(family) for family in families]
        with connection.cursor().copy("COPY bench.record (id, body) FROM STDIN") as rows:
            for number in range(count):
                rows.write_row((number, bodies[number % len(bodies)]))
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _pairs(world: World) -> list[tuple[str, str]]:
    """Random cases of each agency that it would be permitted."""
    chance = random.Random(_SEED)
    pairs: list[tuple[str, str]] = []
    for agency in AGENCIES:
        with world.wiring.engine.connect() as connection:
            refs = sorted(
                connection.execute(
                    text(
                        "SELECT p.ref FROM gateway.pairwise p JOIN gateway.case_record c ON c.case_id = p.thing_id"
                        " WHERE p.agency_code = :agency"
                    ),
                    {"agency": agency},
                ).scalars()
            )
        asked = chance.sample(refs, min(len(refs), _PAIRS_OF_AGENCY))
        pairs += [(agency, str(ref)) for ref in _permitted(world.wiring, world, agency, asked)]
    return pairs


def _permitted(wiring: Wiring, world: World, agency: str, asked: Sequence[UUID]) -> Iterator[UUID]:
    for first in range(0, len(asked), _BATCH):
        batch = asked[first : first + _BATCH]
        yield from permitted(wiring, caller=world.caller(agency), case_refs=batch)


def _hot(world: World, families: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One imported family that several agencies may ask about while one of its people decides again and again."""
    for family in families:
        source_ref = family["source_ref"]
        refs = {agency: world.case_ref(agency, source_ref) for agency in AGENCIES}
        open_to = {
            agency: str(ref)
            for agency, ref in refs.items()
            if permitted(world.wiring, caller=world.caller(agency), case_refs=[ref])
        }
        if len(open_to) > len(AGENCIES) // 2:
            people = [each["id"] for each in family["people"]]
            return {
                "source_ref": source_ref,
                "refs": open_to,
                "people": people,
                "yes": {each: world.yes(source_ref, each) for each in people},
            }
    raise LookupError("no generated family is open to most agencies")


def own_database(population: Population, name: str) -> Settings:
    """Make a database of the run's own, copied from the prepared one, and return settings over it."""
    with psycopg.connect(population.server.url(ADMINISTRATOR, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
    population.server.create_database(name, template=population.template)
    return replace(population.settings, database_url=population.server.url("gateway_app", name))


def families_of(population: Population) -> list[dict[str, Any]]:
    """The families that were imported, as they were: the same day makes the same ones."""
    return _families(population.size.imported, today=population.day)
