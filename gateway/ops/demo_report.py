"""What ``demo.json`` says of the labelled cases: references and people, read back from the database."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from gateway.cases.repository import case_by_source_ref
from gateway.wiring import Wiring


def describe(wiring: Wiring, labelled: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return label, source reference, each agency's own reference, and people of every labelled case."""
    described = []
    with wiring.engine.connect() as connection:
        for label, family in labelled.items():
            found = case_by_source_ref(connection, keyring=wiring.keyring, source_ref=family["source_ref"])
            if found is None:
                raise LookupError("a labelled family was not imported")
            rows = connection.execute(
                text("SELECT agency_code, ref FROM gateway.pairwise WHERE thing_id = :case"),
                {"case": found.case_id},
            )
            described.append(
                {
                    "label": label,
                    "source_ref": family["source_ref"],
                    "refs": {row.agency_code: str(row.ref) for row in rows},
                    "people": [{"id": p["id"], "role": p["role"]} for p in family["people"]],
                }
            )
    return described
