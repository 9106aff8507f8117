"""A council with four clients, over one real database per module, behind a real Flask application."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, Response, jsonify
from joserfc.jwk import Key
from sqlalchemy import text

from agencies.model import AgencyCode
from gateway.oauth import access, views
from gateway.oauth.access import current_caller
from gateway.oauth.keys import ensure_signing_key
from gateway.oauth.registration import approve_synthetic, register_client
from gateway.oauth.token_reader import TokenReader
from gateway.problems import absent
from gateway.wiring import Wiring
from tests.gateway.oauth.partner import Partner, new_key
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database


@dataclass
class Council:
    """The application under test and the partners registered with it."""

    wiring: Wiring
    app: Flask
    partners: dict[str, Partner] = field(default_factory=dict)

    def partner(self, name: str = "camhs") -> Partner:
        """Return a partner with a fresh DPoP key and a fresh connection."""
        known = self.partners[name]
        return Partner(self.app.test_client(), known.issuer, known.client_id, known.key, known.algorithm)

    def change(self, agency: str, statement: str, **values: object) -> None:
        """Change a guarded row, its agency's gate moved in the same transaction."""
        with self.wiring.engine.begin() as connection:
            connection.execute(text("SELECT gateway.move_gates('{}', ARRAY[:a])"), {"a": agency})
            connection.execute(text(statement), values)

    def register(self, agency: str | None, scopes: list[str], key: Key, algorithm: str = "ES256") -> Partner:
        with self.wiring.engine.begin() as connection:
            if agency is not None:
                connection.execute(text("SELECT gateway.move_gates('{}', ARRAY[:a])"), {"a": agency})
            code = None if agency is None else AgencyCode(agency)
            client_id = register_client(
                connection, agency=code, scopes=scopes, keys=[key.as_dict(private=False)]
            )
            approve_synthetic(connection, code, synthetic=True)
        return Partner(self.app.test_client(), self.wiring.settings.issuer, client_id, key, algorithm)


def build_app(wiring: Wiring) -> Flask:
    """An application with the room under test and a few routes of others, faults not caught."""
    app = Flask(__name__, static_folder=None)
    app.testing = True
    reader = TokenReader(wiring)
    access.register(app, wiring, reader=reader)
    views.register(app, wiring, reader=reader)

    def who(case_ref: str = "") -> Response:
        if case_ref.startswith("absent"):
            return absent()
        caller = current_caller()
        return jsonify(
            client_id=caller.client_id,
            agency=caller.agency,
            scopes=sorted(caller.scopes),
            purpose=caller.purpose,
            practitioner=caller.practitioner and [caller.practitioner.id, caller.practitioner.verified],
        )

    app.add_url_rule("/v1/me", "me.me", who)
    app.add_url_rule("/v1/cases/<case_ref>/extract", "release.extract", who)
    app.add_url_rule("/v1/panels", "panel.meetings", who)
    app.add_url_rule("/v1/consent-decisions", "consent.decisions", who, methods=["POST"])
    app.add_url_rule("/forgotten", "forgotten", who)
    app.add_url_rule("/healthz", "health.healthz", lambda: "ok")
    return app


AGENCIES = {"camhs": "registered", "charity": "asserted", "police": "registered"}
ALL_CASE_SCOPES = [
    "aggregate:read",
    "changes:read",
    "consent:report-withdrawal",
    "extract:read",
    "log:read",
    "offer:write",
    "panel:read",
    "recall:write",
]


def _settle(council: Council) -> None:
    today = datetime.now(UTC).date()
    for agency, policy in AGENCIES.items():
        council.change(
            agency,
            "INSERT INTO agencies.agency VALUES (:code, :code, :code, :policy, 'active')",
            code=agency,
            policy=policy,
        )
        council.change(
            agency,
            "INSERT INTO agencies.agreement VALUES (gen_random_uuid(), :code, 'DSA-1', 'DPIA-1', :start, :end)",
            code=agency,
            start=today - timedelta(days=30),
            end=today + timedelta(days=300),
        )
        council.change(
            agency,
            "INSERT INTO agencies.attestation VALUES (gen_random_uuid(), :code, :today, 'test', 1, '\\x00')",
            code=agency,
            today=today,
        )
        council.change(
            agency,
            "INSERT INTO agencies.practitioner VALUES (:code, 'worker-1', 'A Worker', 'practitioner', :start)",
            code=agency,
            start=today - timedelta(days=30),
        )
    for name, scopes, algorithm in (
        ("camhs", ALL_CASE_SCOPES, "ES256"),
        ("charity", ALL_CASE_SCOPES, "PS256"),
        ("police", ["referral:read", "referral:write"], "Ed25519"),
        ("council", ["case:write", "consent:write"], "ES256"),
    ):
        agency_or_none = name if name in AGENCIES else None
        council.partners[name] = council.register(agency_or_none, scopes, new_key(algorithm), algorithm)


def settle(wiring: Wiring) -> Council:
    """Build the application and register its partners."""
    with wiring.engine.begin() as connection:
        ensure_signing_key(connection, wiring.keyring)
    council = Council(wiring, build_app(wiring))
    _settle(council)
    return council


@pytest.fixture(scope="module")
def module_database(cluster: Cluster, template_database: Database) -> Iterator[Database]:
    """One database for a module whose tests do not disturb each other."""
    with new_database(cluster, template=template_database.name) as copy:
        yield copy


@pytest.fixture(scope="module")
def council(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    """A settled council for reading tests: nobody is suspended, no key changes."""
    with wired(module_database, tmp_path_factory.mktemp("kek")) as wiring:
        yield settle(wiring)


@pytest.fixture
def own_council(wiring: Wiring) -> Council:
    """A settled council of this test alone, for tests that change who may do what."""
    return settle(wiring)


@pytest.fixture
def partner(council: Council) -> Partner:
    return council.partner()


@pytest.fixture
def asking(council: Council) -> Callable[[str], Partner]:
    return council.partner
