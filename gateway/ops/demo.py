"""The demo: a council that does not exist, on the real parts, in one folder.

INVARIANTS
- Everything lives under one folder that the demo made itself; any other folder is refused untouched.
- The database is embedded and made by the demo; servers bind to loopback only.
- Private keys are 0600 in a 0700 folder that is no parent of the database's.
- The world is made by the same functions as a real one: acts, imports, decisions; nothing is inserted
  behind their backs.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from agencies.model import AgencyCode, Mark
from agencies.profile_text import format_profile, parse_profile
from agencies.register import Practitioner
from agencies.repository import profile_document
from certs.authority import Issued, create_authority, issue_server
from certs.envelope import FileKek
from certs.jwk import new_es256_key, public_part
from certs.private_file import write_private
from certs.signing_request import new_signing_request
from gateway.agency import desk
from gateway.agency import service as agency_service
from gateway.agency.application import Application
from gateway.agency.onboarding import onboard
from gateway.cases import synthetic
from gateway.cases.repository import today as london_today
from gateway.cases.service import Outcome
from gateway.consent.service import decide, standing_version
from gateway.disclosure_log.statement import create_statement_key
from gateway.keyring import ensure_reserved
from gateway.log_signer import create_log_key
from gateway.migrations import upgrade
from gateway.oauth import service as oauth_service
from gateway.oauth.certificates import COUNCIL, publish_list, store_authority
from gateway.oauth.keys import ensure_signing_key
from gateway.ops.demo_report import describe
from gateway.ops.demo_world import (
    AGENCIES,
    AGENCY_SCOPES,
    COUNCIL_NAME,
    COUNCIL_SCOPES,
    DESK_USERS,
    DESTINATIONS,
    EMERGENCY_NUMBERS,
    GENERATED_FAMILIES,
    MEETING_REF,
    NEXT_MARKS,
    NEXT_PROFILE,
    NOT_LISTED,
    OFFERS,
    OFFICER_CONTACT,
    PANEL_MEMBERS,
    RECEIVED_BY,
    RECORDED_BY,
    REFERRAL_SCOPES,
    STAFF,
    WORKERS,
    DemoAgency,
)
from gateway.ops.embedded import EmbeddedPostgres
from gateway.panel.service import import_panel_file
from gateway.recall.service import import_cases
from gateway.safeguarding.destinations import replace_destinations
from gateway.safeguarding.notes import new_note_key
from gateway.settings import ClientCertificates, EmergencySettings, Settings, environ_of
from gateway.staff.model import Belonging, Role
from gateway.staff.repository import ensure_member
from gateway.wiring import Wiring, wire

ACTOR: Final = "cli:demo"
SEED: Final = 20261122
MARKER: Final = ".early-help-gateway-demo"
DATABASE: Final = "gateway_demo"

Progress = Callable[[str], None]
"""Told the next step in words."""


class DemoError(Exception):
    """The demo cannot start; the message is one plain sentence."""


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """Where one demo lives and listens."""

    folder: Path
    port: int
    mtls_port: int

    @property
    def keys(self) -> Path:
        """The folder of every private key."""
        return self.folder / "keys"

    @property
    def state(self) -> Path:
        """The folder of what the gateway remembers outside the database."""
        return self.folder / "state"

    @property
    def spool(self) -> Path:
        """The folder of what is written down while the database is away."""
        return self.folder / "notes"

    @property
    def note_key_file(self) -> Path:
        """The public key to which that is sealed; a council keeps the private one elsewhere."""
        return self.folder / "notes.jwk"

    @property
    def base_url(self) -> str:
        """What clients call it."""
        return f"https://localhost:{self.port}"

    @property
    def mtls_base_url(self) -> str:
        """What clients that come by certificate call it."""
        return f"https://localhost:{self.mtls_port}"

    @property
    def crl_file(self) -> Path:
        """The revocation list of client certificates."""
        return self.folder / "ca.crl"

    @property
    def origin(self) -> str:
        """The disclosure log's origin."""
        return f"localhost:{self.port}/log/1"


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """A demo that was made: how to serve it, and what ``demo.json`` says of it."""

    environ: Mapping[str, str]
    document: Mapping[str, Any]


def prepare_folder(place: DemoPlace) -> None:
    """Leave an empty demo folder, and nothing of an earlier demo in it.

    Raises: DemoError, the folder holds something that no demo made.
    """
    marker = place.folder / MARKER
    if place.folder.exists() and any(place.folder.iterdir()):
        if not marker.is_file():
            raise DemoError(
                f"{place.folder} was not made by the demo; choose another place with GATEWAY_VAR."
            )
        for entry in place.folder.iterdir():
            if entry != marker:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    place.folder.mkdir(parents=True, exist_ok=True)
    marker.touch()
    place.keys.mkdir(mode=0o700)


def build_world(place: DemoPlace, server: EmbeddedPostgres, *, progress: Progress) -> DemoWorld:
    """Make the demo's council: certificates, database, agencies, families, decisions, a panel."""
    progress("Making keys and certificates")
    authority = _certificates(place)
    vkey = _keys(place)

    progress("Making the database")
    server.create_database(DATABASE)
    admin_url, app_url = (server.url(role, DATABASE) for role in ("gateway_owner", "gateway_app"))
    upgrade(admin_url)
    settings = _settings(place, app_url)
    wiring = wire(settings)
    try:
        today = _council_itself(wiring, authority)

        progress("Bringing in the agencies")
        partners = _partners(wiring, place, today=today)

        progress("Importing families")
        labelled = synthetic.labelled_families(today)
        _import(wiring, _families(labelled, today=today))

        progress("Recording consent decisions")
        later = _decide(wiring, labelled)

        progress("Putting the cases before a panel")
        _list_cases(wiring, labelled, today=today)
        for document in later:
            decide(wiring, document, actor=ACTOR)
        cases = describe(wiring, labelled)
    finally:
        wiring.engine.dispose()

    environ = _environ(place, settings)
    _write_environ(place, environ)
    document = {
        "schema": 1,
        "base_url": place.base_url,
        "mtls_base_url": place.mtls_base_url,
        "issuer": settings.issuer,
        "resource": settings.resource,
        "ca_file": str(place.folder / "ca.pem"),
        "database_url": app_url,
        "admin_database_url": admin_url,
        **partners,
        "cases": cases,
        "staff": [
            *({"username": member.username, "roles": list(member.roles)} for member in STAFF),
            *({"username": username, "roles": [Role.DESK_USER.value]} for username, _, _ in DESK_USERS),
        ],
        "log": {"origin": place.origin, "vkey": vkey},
    }
    return DemoWorld(environ, document)


def _keys(place: DemoPlace) -> str:
    """Make every key that a council keeps outside its database; return the log's verifier key."""
    FileKek.create(place.keys / "kek.hex")
    vkey = create_log_key(place.keys / "log.key", origin=place.origin)
    create_log_key(place.keys / "promise.key", origin=f"{place.origin}/promise")
    create_statement_key(place.keys / "statement.key", origin=place.origin)
    for folder in (place.state, place.spool):
        folder.mkdir(mode=0o700)
    private, public = new_note_key()
    write_private(place.keys / "notes.jwk", json.dumps(private).encode())
    place.note_key_file.write_text(json.dumps(public))
    return vkey


def _council_itself(wiring: Wiring, authority: Issued) -> date:
    """Store the council's own keys, its authority and its staff; return the day it is in London."""
    with wiring.engine.begin() as connection:
        ensure_reserved(connection, wiring.keyring)
        ensure_signing_key(connection, wiring.keyring)
        store_authority(connection, wiring.keyring, authority)
        for member in STAFF:
            ensure_member(
                connection,
                username=member.username,
                roles=member.roles,
                belonging=Belonging(team=member.team),
            )
        return london_today(connection)


def _partners(wiring: Wiring, place: DemoPlace, *, today: date) -> dict[str, Any]:
    """Bring in agencies, the council's own client, destinations and desks; return how the document names them."""
    found = {
        "agencies": {agency.code: _agency(wiring, place, agency, today=today) for agency in AGENCIES},
        "council": _council(wiring, place),
        "destinations": _destinations(wiring, place),
    }
    for username, agency, practitioner in DESK_USERS:
        desk.invite(
            wiring,
            agency=AgencyCode(agency),
            practitioner=practitioner,
            username=username,
            invited_by=ACTOR,
        )
    publish_list(wiring, now=datetime.now(UTC))
    _next_profile(wiring)
    return found


def write_document(place: DemoPlace, world: DemoWorld) -> Path:
    """Write ``demo.json``: it exists only while the demo answers."""
    path = place.folder / "demo.json"
    write_private(path, json.dumps(world.document, indent=2).encode())
    return path


def _certificates(place: DemoPlace) -> Issued:
    now = datetime.now(UTC)
    authority = create_authority("Early Help Gateway demo CA", now=now)
    (place.folder / "ca.pem").write_bytes(authority.certificate_pem)
    server = issue_server(
        authority, names=["localhost"], addresses=[ip_address("127.0.0.1"), ip_address("::1")], now=now
    )
    write_private(place.keys / "server.key", server.key_pem)
    (place.keys / "server.pem").write_bytes(server.certificate_pem)
    return authority


def _settings(place: DemoPlace, app_url: str) -> Settings:
    return Settings(
        database_url=app_url,
        public_url=place.base_url,
        kek_file=place.keys / "kek.hex",
        log_origin=place.origin,
        log_key_file=place.keys / "log.key",
        promise_key_file=place.keys / "promise.key",
        statement_key_file=place.keys / "statement.key",
        state_dir=place.state,
        council_name=COUNCIL_NAME,
        data_protection_contact=OFFICER_CONTACT,
        synthetic_people=True,
        mtls_url=place.mtls_base_url,
        client_certificates=ClientCertificates.TLS,
        client_crl_file=place.crl_file,
        emergency=EmergencySettings(
            numbers=EMERGENCY_NUMBERS, key_file=place.note_key_file, spool=place.spool
        ),
    )


def _agency(wiring: Wiring, place: DemoPlace, agency: DemoAgency, *, today: date) -> dict[str, Any]:
    """Onboard one agency, register its client, and make both active (synthetic data only)."""
    application = Application(
        code=AgencyCode(agency.code),
        kind=agency.kind,
        name=agency.name,
        agreement=f"DSA-{agency.code}",
        assessment="DPIA-demo-1",
        review_on=today + timedelta(days=365),
        valid_from=today - timedelta(days=30),
        valid_until=today + timedelta(days=335),
        policy=agency.policy,
        practitioners=tuple(
            Practitioner(
                id=worker,
                name=f"Demo worker {worker}",
                role="practitioner",
                active_from=today - timedelta(days=30),
            )
            for worker in agency.practitioner_ids
        ),
    )
    onboard(wiring, application, now=datetime.now(UTC), actor=ACTOR)
    client = _client(wiring, place, agency.code, agency=AgencyCode(agency.code), scopes=AGENCY_SCOPES)
    agency_service.activate_synthetic(wiring, code=AgencyCode(agency.code), actor=ACTOR)
    practitioners = [{"id": worker} for worker in agency.practitioner_ids]
    return {"kind": str(agency.kind), **client, "practitioners": practitioners}


def _next_profile(wiring: Wiring) -> None:
    """Store a second version of one agency's profile, for an officer to propose and somebody else to approve."""
    with wiring.engine.connect() as connection:
        document = profile_document(connection, AgencyCode(NEXT_PROFILE), version=1)
    if document is None:
        raise DemoError("The demo's own agency is missing; this is a fault of the demo.")
    profile = parse_profile(document)
    rows = tuple(
        replace(row, panel=Mark(NEXT_MARKS[row.field])) if row.field in NEXT_MARKS else row
        for row in profile.rows
    )
    following = replace(profile, version=2, rows=rows)
    agency_service.store_profile(wiring, document=format_profile(following), actor=ACTOR)


def _council(wiring: Wiring, place: DemoPlace) -> dict[str, Any]:
    client = _client(wiring, place, COUNCIL, agency=None, scopes=COUNCIL_SCOPES)
    oauth_service.approve_synthetic(wiring, agency=None, actor=ACTOR)
    return {"kind": "council", **client, "practitioners": []}


def _destinations(wiring: Wiring, place: DemoPlace) -> dict[str, Any]:
    """Say where referrals go, and return how to be each destination that has a client."""
    clients: dict[str, Any] = {}
    for code, of in RECEIVED_BY.items():
        agency = AgencyCode(of)
        clients[code] = _keyed(wiring, place, f"destination-{code}", agency=agency, scopes=REFERRAL_SCOPES)
        oauth_service.approve_synthetic(wiring, agency=agency, actor=ACTOR)
    named = [
        replace(each, client_id=clients[each.code]["client_id"]) if each.code in clients else each
        for each in DESTINATIONS
    ]
    replace_destinations(wiring, named, actor=ACTOR)
    return clients


def _client(
    wiring: Wiring,
    place: DemoPlace,
    name: str,
    *,
    agency: AgencyCode | None,
    scopes: Sequence[str],
) -> dict[str, Any]:
    """Register one client with a fresh key, and a certificate of the demo's authority for another."""
    client = _keyed(wiring, place, name, agency=agency, scopes=scopes)
    certificate_key_file, certificate_file = place.keys / f"{name}.key", place.keys / f"{name}.pem"
    private, signing_request = new_signing_request(name)
    write_private(certificate_key_file, private)
    issued = oauth_service.issue_certificate(
        wiring, client_id=client["client_id"], request=signing_request, now=datetime.now(UTC), actor=ACTOR
    )
    certificate_file.write_bytes(issued.pem)
    return {
        **client,
        "certificate_file": str(certificate_file),
        "certificate_key_file": str(certificate_key_file),
    }


def _keyed(
    wiring: Wiring,
    place: DemoPlace,
    name: str,
    *,
    agency: AgencyCode | None,
    scopes: Sequence[str],
) -> dict[str, Any]:
    """Register one client with a fresh key."""
    key = new_es256_key()
    key_file = place.keys / f"{name}.jwk"
    write_private(key_file, json.dumps(key).encode())
    client_id = oauth_service.register_client(
        wiring, agency=agency, scopes=scopes, keys=[public_part(key)], actor=ACTOR
    )
    return {"client_id": client_id, "key_file": str(key_file), "scopes": list(scopes)}


def _families(labelled: Mapping[str, dict[str, Any]], *, today: date) -> list[dict[str, Any]]:
    codes = [agency.code for agency in AGENCIES]
    generated = synthetic.generate(GENERATED_FAMILIES, seed=SEED, today=today, agencies=codes)
    since = (today - timedelta(days=30)).isoformat()

    def worked(family: Mapping[str, Any], username: str) -> dict[str, Any]:
        workers = [{"id": each, "from": since} for each in ("early-help-1", username)]
        return {**family, "workers": workers}

    return [
        *(worked(family, WORKERS[0]) for family in labelled.values()),
        *(worked(family, username) for family, username in zip(generated, cycle(WORKERS), strict=False)),
    ]


def _import(wiring: Wiring, families: Sequence[dict[str, Any]]) -> None:
    file = json.dumps({"format": 1, "families": families}).encode()
    report = import_cases(wiring, file, actor=ACTOR)
    if report.count(Outcome.REFUSED):
        raise DemoError("The generated families were refused; this is a fault of the demo.")


def _decide(wiring: Wiring, labelled: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Record what the labelled families decided; return the withdrawals, which come after the listing."""
    later = []
    for label, family in labelled.items():
        for decision in synthetic.labelled_consents(label):
            document = {
                **decision,
                "decision_id": str(uuid4()),
                "source_ref": family["source_ref"],
                "recorded_by": RECORDED_BY,
            }
            if document["act"] == "withdraw":
                later.append(document)
                continue
            shown = _shown(family, decision)
            expected = standing_version(wiring, source_ref=family["source_ref"], person=decision["person"])
            decide(wiring, document | shown, actor=ACTOR, expected=expected)
    return later


def _shown(family: Mapping[str, Any], decision: Mapping[str, Any]) -> dict[str, Any]:
    """What the person was shown: every agency's first profile, and the notice in the language of whoever spoke."""
    if decision["act"] != "give":
        return {}
    speaker = decision["given_by"]["person"]
    languages = [
        item["value"]["language"]
        for item in family["items"]
        if item["field"] == "language" and speaker in item["about"]
    ]
    notice = {**decision["notice"], "language": languages[0]} if languages else decision["notice"]
    return {"profiles_shown": {agency.code: 1 for agency in AGENCIES}, "notice": notice}


def _list_cases(wiring: Wiring, labelled: Mapping[str, dict[str, Any]], *, today: date) -> None:
    """One meeting three days ahead, every labelled family but those that may not be listed; two offers."""
    file = {
        "format": 1,
        "meetings": [
            {
                "ref": MEETING_REF,
                "title": "Early Help Panel",
                "held_on": (today + timedelta(days=3)).isoformat(),
                "members": list(PANEL_MEMBERS),
                "agenda": [f["source_ref"] for label, f in labelled.items() if label not in NOT_LISTED],
            }
        ],
        "offers": [
            {
                "ref": f"DEMO-OFFER-{number}",
                "source_ref": labelled[label]["source_ref"],
                "agency": agency,
                "service": service,
                "accepted_on": today.isoformat(),
            }
            for number, (label, agency, service) in enumerate(OFFERS, start=1)
        ],
    }
    import_panel_file(wiring, json.dumps(file).encode(), actor=ACTOR)


def _environ(place: DemoPlace, settings: Settings) -> dict[str, str]:
    return {
        **environ_of(settings),
        "GATEWAY_BIND": f"127.0.0.1:{place.port}",
        "GATEWAY_TLS_CERTIFICATE_FILE": str(place.keys / "server.pem"),
        "GATEWAY_TLS_KEY_FILE": str(place.keys / "server.key"),
        "GATEWAY_MTLS_BIND": f"127.0.0.1:{place.mtls_port}",
        "GATEWAY_MTLS_URL": place.mtls_base_url,
        "GATEWAY_CLIENT_CERTIFICATES": "tls",
        "GATEWAY_CLIENT_CA_FILE": str(place.folder / "ca.pem"),
        "GATEWAY_CLIENT_CRL_FILE": str(place.crl_file),
        # Wide enough to try things out with a script; a council keeps the limits that are shipped.
        "GATEWAY_CLIENT_REQUESTS_PER_MINUTE": "6000",
        "GATEWAY_PRACTITIONER_REQUESTS_PER_MINUTE": "6000",
        "GATEWAY_ABSENCES_PER_HOUR": "1000",
    }


def _write_environ(place: DemoPlace, environ: Mapping[str, str]) -> None:
    lines = "".join(f"{name}='{value}'\n" for name, value in environ.items())
    write_private(place.folder / "gateway.env", lines.encode())
