"""Rotating the signing key while partners work: two nodes, real processes, and not one request that fails."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import text

from gateway.oauth.service import rotate_signing_key
from tests.gateway.oauth.conftest import Council, settle
from tests.gateway.oauth.partner import header_of, new_key
from tests.support.door import Door
from tests.support.node import Ports, environment_of, running, settled
from tests.support.process import wired
from tests.support.throwaway import Database

CLIENTS = 6
ROTATIONS = 5
TOKENS_BETWEEN = 12
"""Tokens that the partners get, all together, before the next rotation."""


@dataclass
class Nodes:
    """Two gateways over one database, called by one address."""

    council: Council
    doors: tuple[Door, Door]


@pytest.fixture
def nodes(database: Database, tmp_path: Path) -> Iterator[Nodes]:
    ports = Ports.free()
    with ExitStack() as stack:
        parts = stack.enter_context(wired(database, tmp_path))
        council = settle(replace(parts, settings=settled(parts.settings, "native", ports)))
        environ = environment_of(council.wiring.settings)
        opened = []
        for number, place in enumerate((ports, Ports.free())):
            folder = tmp_path / f"node{number}"
            folder.mkdir()
            node = stack.enter_context(running("native", folder, ports=place, environ=environ))
            opened.append(node.public())
        yield Nodes(council, (opened[0], opened[1]))


def test_no_request_fails_while_the_signing_key_is_rotated(nodes: Nodes) -> None:
    """A token of the key before is good at both nodes, and so is one of the key that signs since a moment ago."""
    stop = Event()
    statuses: list[int] = []
    kids: set[str] = set()

    def work(number: int) -> None:
        known = nodes.council.partner()
        here, there = nodes.doors if number % 2 else reversed(nodes.doors)
        partner = replace(known, http=here, proof_key=new_key())
        while not stop.is_set():
            answer = partner.ask()
            statuses.append(answer.status_code)
            if answer.status_code != 200:
                continue
            token = answer.get_json()["access_token"]
            kids.add(header_of(token)["kid"])
            used = [replace(partner, http=node).get("/v1/me", token) for node in (here, there)]
            statuses.extend(answer.status_code for answer in used)

    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [pool.submit(work, number) for number in range(CLIENTS)]
        try:
            for _ in range(ROTATIONS):
                seen = len(statuses)
                while len(statuses) < seen + 3 * TOKENS_BETWEEN and not any(one.done() for one in working):
                    stop.wait(0.01)
                _let_the_next_key_be_known(nodes.council)
                rotate_signing_key(nodes.council.wiring, now=datetime.now(UTC), actor="test")
        finally:
            stop.set()
        for one in working:
            one.result()
    assert {200} == set(statuses)
    assert len(kids) >= ROTATIONS
    assert len(statuses) >= 3 * TOKENS_BETWEEN * ROTATIONS


def _let_the_next_key_be_known(council: Council) -> None:
    """Let the next key have been published for longer than caches live; the one in use stays as young as it is."""
    with council.wiring.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.oauth_signing_key SET changed_at = changed_at - interval '301 s'"
                " WHERE state = 'next'"
            )
        )
