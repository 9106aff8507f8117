"""The log as anybody may check it: checkpoint, tiles and entries (c2sp.org/tlog-tiles).

INVARIANTS
- What is shown was published before: a checkpoint that a flush made durable, and nothing beyond it.
- Entries hold no personal data and do not tell their kind; openings are never here.
- With a witness policy, the checkpoint shown meets it.
"""

from flask import Response
from flask_smorest import Api, Blueprint
from sqlalchemy import Connection

from extract_client.log.tiles import TILE_HEIGHT, TILE_WIDTH, Bundle, Tile, parse_bundle_path, parse_tile_path
from gateway.disclosure_log import repository
from gateway.problems import NOT_FOUND, Problem
from gateway.wiring import Wiring

IMMUTABLE = "private, max-age=31536000, immutable"
"""Of a tile and a bundle: what a path names never changes; whoever may read it needs a token."""

_BYTES = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}


def register(api: Api, wiring: Wiring) -> None:
    """Add the routes under ``/log``."""
    blueprint = Blueprint("log", __name__, description="The disclosure log's tree, for anybody to check.")

    @blueprint.get("/log/checkpoint")
    @blueprint.doc(
        summary="The newest signed checkpoint",
        security=[],
        description="Public. Origin, size and root of the tree, signed (c2sp.org/tlog-checkpoint).",
        responses={
            "200": {
                "description": "A signed note.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
    )
    def checkpoint() -> Response:
        with wiring.autocommit.connect() as connection:
            found = _shown(wiring, connection)
        if found is None:
            raise Problem(NOT_FOUND)
        return Response(
            found.note, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"}
        )

    @blueprint.get("/log/tile/<string:level>/<path:rest>")
    @blueprint.doc(
        summary="One tile of the tree",
        description="Up to 256 hashes (c2sp.org/tlog-tiles).",
        responses={"200": {"description": "Hashes, 32 bytes each.", **_BYTES}},
    )
    def tile(level: str, rest: str) -> Response:
        try:
            wanted = parse_tile_path(level, rest)
        except ValueError as error:
            raise Problem(NOT_FOUND) from error
        with wiring.autocommit.connect() as connection:
            _require_published(connection, wanted)
            return _immutable(repository.tile(connection, wanted))

    @blueprint.get("/log/tile/entries/<path:rest>")
    @blueprint.doc(
        summary="The entries under one tile",
        description="Up to 256 entries, each after its length in two bytes (c2sp.org/tlog-tiles).",
        responses={"200": {"description": "Entries.", **_BYTES}},
    )
    def entries(rest: str) -> Response:
        try:
            wanted = parse_bundle_path(rest)
        except ValueError as error:
            raise Problem(NOT_FOUND) from error
        with wiring.autocommit.connect() as connection:
            _require_published(connection, wanted)
            return _immutable(repository.bundle(connection, wanted))

    api.register_blueprint(blueprint)


def _shown(wiring: Wiring, connection: Connection) -> repository.StoredCheckpoint | None:
    policy = wiring.log.policy
    if policy is not None and policy.has_witnesses:
        return repository.newest_witnessed(connection)
    return repository.newest_checkpoint(connection)


def _require_published(connection: Connection, wanted: Tile | Bundle) -> None:
    """Raises: Problem, the newest published tree has no such tile."""
    newest = repository.newest_checkpoint(connection)
    level = wanted.level if isinstance(wanted, Tile) else 0
    # Shifted down, not up: a path may name a tile beyond every number that the database knows.
    if newest is None or wanted.index * TILE_WIDTH + wanted.width > newest.size >> TILE_HEIGHT * level:
        raise Problem(NOT_FOUND)


def _immutable(data: bytes | None) -> Response:
    if data is None:
        raise Problem(NOT_FOUND)
    return Response(data, content_type="application/octet-stream", headers={"Cache-Control": IMMUTABLE})
