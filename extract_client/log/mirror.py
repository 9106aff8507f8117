"""A copy of a log in files that any C2SP reader can serve: for checking, and for the log's own recovery.

INVARIANT: the copy is vouched for up to its own checkpoint, which is written last; what lies beyond is written again.

Source: c2sp.org/tlog-tiles.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from extract_client.errors import ConfigurationError, ExtractClientError
from extract_client.log.merkle import HashReader
from extract_client.log.state import replace_file
from extract_client.log.tiles import TILE_HEIGHT, TILE_WIDTH, bundles_of, tiles_of

_CHECKPOINT: Final = "checkpoint"


@dataclass(frozen=True, slots=True)
class Mirror:
    """The copy of one log."""

    path: Path

    def checkpoint(self) -> str | None:
        """Return the checkpoint up to which the copy is whole; absent: there is no copy.

        Raises: ConfigurationError.
        """
        try:
            return (self.path / _CHECKPOINT).read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"The mirror in {self.path} cannot be read.") from error

    def read(self, path: str) -> bytes | None:
        """Return a tile or bundle of the copy; absent: it does not have it."""
        try:
            return (self.path / path).read_bytes()
        except OSError:
            return None

    def keep(self, path: str, data: bytes) -> None:
        """Write one tile or bundle, unless it is there already with these bytes."""
        if self.read(path) != data:
            replace_file(self.path / path, data)

    def finish(self, note: str, *, start: int, size: int, read: HashReader) -> None:
        """Add the upper tiles, let the copy stand for this checkpoint, then drop partial pieces that were replaced.

        Args:
            start: how many entries it had before; the bundles and lowest tiles since then were kept already.
            read: the tree's hashes, proved.
        """
        written = [bundle.path for bundle in bundles_of(size) if bundle.index >= start // TILE_WIDTH]
        for tile in tiles_of(size):
            if tile.index < (start >> TILE_HEIGHT * tile.level) // TILE_WIDTH:
                continue
            written.append(tile.path)
            if tile.level:
                first = tile.index * TILE_WIDTH
                hashes = [read(TILE_HEIGHT * tile.level, at) for at in range(first, first + tile.width)]
                self.keep(tile.path, b"".join(hashes))
        replace_file(self.path / _CHECKPOINT, note.encode())
        for path in written:
            self._drop_older(path)

    def first_difference(self, fetch: Callable[[str], bytes], *, size: int) -> dict[str, bytes]:
        """Return the first bundle that differs from the served one, both as files of evidence; nothing if none does.

        Args:
            fetch: returns what the log serves under a path.
            size: entries of the copy.
        """
        for bundle in bundles_of(size):
            kept = self.read(bundle.path)
            if kept is None:
                continue
            try:
                served = fetch(bundle.path)
            except ExtractClientError:
                return {f"mirror/{bundle.path}": kept}
            if served != kept:
                return {f"mirror/{bundle.path}": kept, f"fetched/{bundle.path}": served}
        return {}

    def _drop_older(self, path: str) -> None:
        whole, partial, width = path.partition(".p/")
        older = self.path / f"{whole}.p"
        if not partial:
            shutil.rmtree(older, ignore_errors=True)
            return
        if not older.is_dir():  # a round that was killed had come further: the whole piece is there
            return
        for file in older.iterdir():
            if file.name != width:
                file.unlink()
