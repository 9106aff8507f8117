"""What a database superuser can do to the log: to single rows, and to everything that is derived from them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection

from extract_client.log.canonical import canonical
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Frontier, leaf_hash
from extract_client.log.note import NoteSigner, sign_note
from gateway.database import autocommit, open_engine


@dataclass
class Superuser:
    """One connection that no trigger and no grant holds back."""

    connection: Connection

    def run(self, statement: str, *values: object) -> list[Any]:
        result = self.connection.exec_driver_sql(statement, values)
        return list(result) if result.returns_rows else []

    @property
    def size(self) -> int:
        ((size,),) = self.run("SELECT count(*) FROM gateway.log_entry")
        return int(size)

    def entry(self, index: int) -> Any:
        (row,) = self.run("SELECT * FROM gateway.log_entry WHERE leaf_index = %s", index)
        return row

    def change(self, index: int, **members: str | int) -> None:
        """Write other members into an entry's body; its row keeps its stored hash."""
        body = canonical({**json.loads(self.entry(index).body), **members})
        self.run("UPDATE gateway.log_entry SET body = %s WHERE leaf_index = %s", body, index)

    def drop(self, index: int) -> None:
        """Take an entry out with its payload and trace, and close the gap."""
        entry = self.entry(index).entry_id
        for table in ("log_payload", "log_trace", "log_entry"):
            self.run(f"DELETE FROM gateway.{table} WHERE entry_id = %s", entry)
        self._shift(index, by=-1)

    def insert(self, index: int) -> None:
        """Put an entry of the superuser's own among the others."""
        like = self.entry(index)
        self._shift(index, by=1)
        made = uuid4()
        body = canonical({**json.loads(like.body), "id": str(made)})
        row = (index, made, body, leaf_hash(body))
        self.run("INSERT INTO gateway.log_entry VALUES (%s, %s, %s, %s)", *row)

    def swap(self, one: int, other: int) -> None:
        """Let two entries change places."""
        move = "UPDATE gateway.log_entry SET leaf_index = %s WHERE leaf_index = %s"
        for to, place in ((-1, one), (one, other), (other, -1)):
            self.run(move, to, place)

    def truncate(self, size: int) -> None:
        """Forget every entry from ``size`` on, and all that was published of them."""
        gone = "SELECT entry_id FROM gateway.log_entry WHERE leaf_index >= %s"
        for table in ("log_payload", "log_trace"):
            self.run(f"DELETE FROM gateway.{table} WHERE entry_id IN ({gone})", size)
        self.run("DELETE FROM gateway.log_checkpoint WHERE size > %s", size)
        self.run("DELETE FROM gateway.log_entry WHERE leaf_index >= %s", size)

    def derive(self) -> None:
        """Make hashes, tiles and head fit the bodies again, with the gateway's own function."""
        self.run("UPDATE gateway.log_entry SET leaf_hash = sha256('\\x00'::bytea || body)")
        self.run("DELETE FROM gateway.log_tile")
        self.run(
            "UPDATE gateway.log_head h SET size = %s, (peaks, root) ="
            " (SELECT g.p_peaks, g.o_root FROM gateway.grow_log(0, %s, '') g)",
            self.size,
            self.size,
        )

    def sign(self, signer: NoteSigner) -> None:
        """Publish everything anew under the log's own key: every size that was published, and the newest."""
        leaves = [
            bytes(row.leaf_hash)
            for row in self.run("SELECT leaf_hash FROM gateway.log_entry ORDER BY leaf_index")
        ]
        sizes = {row.size for row in self.run("SELECT size FROM gateway.log_checkpoint")}
        self.run("DELETE FROM gateway.log_checkpoint")
        for size in {*sizes, len(leaves)}:
            if size <= len(leaves):
                root = Frontier().grown(leaves[:size]).root
                note = sign_note(Checkpoint(signer.name, size, root).text, [signer])
                self.run(
                    "INSERT INTO gateway.log_checkpoint (size, root, note) VALUES (%s, %s, %s)",
                    size,
                    root,
                    note,
                )

    def entries_of(self, family: UUID) -> Sequence[UUID]:
        return [
            row.entry_id
            for row in self.run("SELECT entry_id FROM gateway.log_trace WHERE family_id = %s", family)
        ]

    def _shift(self, index: int, *, by: int) -> None:
        # By way of negative numbers: two rows never have one index meanwhile.
        self.run("UPDATE gateway.log_entry SET leaf_index = -leaf_index - 1 WHERE leaf_index >= %s", index)
        self.run("UPDATE gateway.log_entry SET leaf_index = -leaf_index - 1 + %s WHERE leaf_index < 0", by)


@contextmanager
def superuser(url: str, *, lasting: bool = True) -> Iterator[Superuser]:
    """Yield a superuser's connection on which triggers, foreign keys among them, do not fire.

    Args:
        lasting: false: what is done is seen on this connection only, and undone at its end.
    """
    engine = open_engine(url)
    with (autocommit(engine) if lasting else engine).connect() as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        yield Superuser(connection)
        if not lasting:
            connection.rollback()
    engine.dispose()
