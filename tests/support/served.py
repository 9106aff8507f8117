"""The whole application over one database: real routes, real tokens, everything said and logged kept."""

import io
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from gateway.app import build_app, configure_logging
from gateway.oauth.keys import ensure_signing_key
from gateway.wiring import Wiring
from tests.gateway.oauth.partner import Partner
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database
from tests.support.world import World

FRESH_SECONDS = 200
"""A token lives 300 s; an older one than this is not used again."""


@dataclass
class Served:
    """An application, the council behind it, and a partner's system for each of its agencies."""

    wiring: Wiring
    app: Flask
    world: World
    database: Database
    _partners: dict[str, Partner] = field(default_factory=dict)
    _tokens: dict[tuple[str, str, str | None], tuple[float, str]] = field(default_factory=dict)

    @property
    def http(self) -> FlaskClient:
        return self.app.test_client()

    def partner(self, agency: str) -> Partner:
        """The one system of an agency, with its registered key and a DPoP key of its own."""
        if agency not in self._partners:
            member = self.world.members[agency]
            key = ECKey.import_key(cast("dict[str, Any]", dict(member.key)))
            self._partners[agency] = Partner(self.http, self.wiring.settings.issuer, member.client_id, key)
        return self._partners[agency]

    def token(self, agency: str, *, purpose: str = "P1", practitioner: str | None = None) -> str:
        """A token for extracts, as old as ``FRESH_SECONDS`` at most."""
        wanted = (agency, purpose, practitioner)
        since, token = self._tokens.get(wanted, (0.0, ""))
        if time.monotonic() - since > FRESH_SECONDS or not token:
            token = self.partner(agency).token(
                authorization_details=authorization(
                    purpose=purpose, practitioner=practitioner or self.world.members[agency].practitioner
                )
            )
            self._tokens[wanted] = (time.monotonic(), token)
        return token

    def pull(
        self,
        agency: str,
        case_ref: object,
        *,
        purpose: str = "P1",
        practitioner: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> TestResponse:
        """Ask for one extract as this agency does."""
        token = self.token(agency, purpose=purpose, practitioner=practitioner)
        return self.partner(agency).get(f"/v1/cases/{case_ref}/extract", token, headers=list(headers))


def authorization(*, purpose: str, practitioner: str) -> str:
    """The authorization details of a token for extracts."""
    return f'[{{"type":"case_extract","purpose":"{purpose}","practitioner":{{"id":"{practitioner}"}}}}]'


@contextmanager
def served(cluster: Cluster, template: Database, folder: Path) -> Iterator[Served]:
    """Yield an application over a database of its own."""
    with new_database(cluster, template=template.name) as database, wired(database, folder) as wiring:
        with wiring.engine.begin() as connection:
            ensure_signing_key(connection, wiring.keyring)
        yield Served(wiring, build_app(wiring), World(wiring), database)


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """Yield what is logged meanwhile, structlog's lines and the standard library's from DEBUG on, as written.

    SQLAlchemy alone stays at its default: its statement echo shows sealed parameters and is never on.
    """
    written = io.StringIO()
    root, before = logging.getLogger(), structlog.get_config()
    handler, level = logging.StreamHandler(written), root.level
    sqlalchemy = logging.getLogger("sqlalchemy")
    quiet = sqlalchemy.level
    configure_logging()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written), cache_logger_on_first_use=False)
    sqlalchemy.setLevel(logging.WARNING)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield written
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        sqlalchemy.setLevel(quiet)
        structlog.configure(**before)


@pytest.fixture(scope="module")
def gateway(
    cluster: Cluster, template_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The whole application over a database of one module, whose tests disturb nobody else's family."""
    with served(cluster, template_database, tmp_path_factory.mktemp("kek")) as made:
        yield made
