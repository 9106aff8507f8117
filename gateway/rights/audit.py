"""Comparing a statement, line by line, with what a family's ordinary tag key finds in the log.

INVARIANTS
- What the key finds is found in the public bodies of the log alone: a row that somebody removed from the gateway's own
  maps hides nothing.
- Every line that a statement should have had when it was made is compared; one that is missing, changed or invented is a
  finding, and so is a statement that nobody recorded.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from gateway.cases.people import FamilyRecord
from gateway.disclosure_log.reading import sealed_of_family, tagged
from gateway.disclosure_log.statement import parse_statement
from gateway.rights import repository
from gateway.rights.lines import line_of, statement_body
from gateway.rights.model import View, mark_of, subject_of
from gateway.rights.service import Rebuilt, rebuild
from gateway.wiring import Wiring

_SHORT: Final = 16


def check_statement(
    wiring: Wiring, record: FamilyRecord, person_id: UUID, text: str, *, tag_key: bytes | None = None
) -> list[str]:
    """Return a sentence for each thing that is wrong with a statement; none: it is what the log has.

    Args:
        text: what was signed.
        tag_key: the family's ordinary one, as the auditor holds it; absent: the gateway's own.

    Raises: NoteError, it is no statement; UnknownPersonError; KeyErasedError.
    """
    body = parse_statement(text)
    with wiring.engine.connect() as connection:
        keys = wiring.keyring.family(connection, record.identity.family_id)
        found = {mark_of(row.entry_id): row.leaf_index for row in tagged(connection, tag_key or keys.tag_key)}
        known = {mark_of(row.entry_id) for row in sealed_of_family(connection, keys.family_id)}
        made = repository.made_at(connection, keys, sha256=hashlib.sha256(text.encode()).hexdigest())
        rebuilt = rebuild(
            wiring,
            connection,
            record,
            person_id,
            view=View(body["view"]),
            made_on=date.fromisoformat(body["made_on"]),
        )
    return [
        *_faults_of_the_statement(body, person_id, made=made),
        *(
            f"The tag key finds entry {mark[:_SHORT]}, number {leaf} of the log, which the gateway does not list."
            for mark, leaf in found.items()
            if mark not in known
        ),
        *_dropped(body, rebuilt, found, made=made),
        *_told_otherwise(body, rebuilt),
    ]


def _faults_of_the_statement(body: Mapping[str, Any], person_id: UUID, *, made: int | None) -> Iterator[str]:
    if body["subject"] != subject_of(person_id):
        yield "The statement is another person's."
    if made is None:
        yield "No entry says that this statement was made."
    numbers = [line["n"] for line in body["lines"]]
    if numbers != list(range(1, len(numbers) + 1)):
        yield "The lines are not numbered one after the other."


def _dropped(
    body: Mapping[str, Any], rebuilt: Rebuilt, found: Mapping[str, int], *, made: int | None
) -> Iterator[str]:
    """A sentence for each line that the statement should have had when it was made."""
    told = {line["entry"] for line in body["lines"]}
    for event in rebuilt.events:
        mark, line = mark_of(event.entry_id), line_of(event, rebuilt.paper)
        leaf = found.get(mark)
        if line is None or event.restricted or mark in told:
            continue
        if leaf is None:
            yield f"The tag key does not find entry {mark[:_SHORT]}, which the gateway lists."
        elif made is None or leaf < made:
            yield f"A line is missing: entry {mark[:_SHORT]}, number {leaf} of the log, of {line.on}."


def _told_otherwise(body: Mapping[str, Any], rebuilt: Rebuilt) -> Iterator[str]:
    """A sentence for each line that says what is not on record."""
    again: Any = statement_body(rebuilt.events, rebuilt.paper, damaged=rebuilt.damaged)["lines"]
    expected = {line["entry"]: {**line, "n": 0} for line in again}
    for line in body["lines"]:
        entry = str(line["entry"])
        if entry not in expected:
            yield f"Line {line['n']} is of no entry that it could be of: {entry[:_SHORT]}."
        elif {**line, "n": 0} != expected[entry]:
            yield f"Line {line['n']} says something else than its entry: {entry[:_SHORT]}."
