"""Small case documents for tests. Every personal value holds the word CANARY or is listed in CANARIES."""

import json
from datetime import date
from typing import Any

TODAY = date(2026, 11, 22)
CANARIES = ("CANARY", "2015-04-09", "9990000018", "2019-02-28", "EH-1001", "P-MUM", "P-ADA", "P-BEN", "P-DAN")


def item(field: str, about: list[str], value: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One item with ordinary surroundings."""
    return {
        "field": field,
        "about": about,
        "source_agency": "early-help",
        "as_of": "2026-10-01",
        "kind": "fact",
        "value": value,
        **more,
    }


def family(source_ref: str = "EH-1001", *, child: str = "P-ADA") -> dict[str, Any]:
    """A mother, two children and a father who is a risk to her."""
    return {
        "source_ref": source_ref,
        "threshold_level": 2,
        "status": "open",
        "seals": [],
        "people": [
            {"id": "P-MUM", "role": "adult"},
            {"id": child, "role": "child"},
            {"id": "P-BEN", "role": "child"},
            {"id": "P-DAN", "role": "other", "risk_person": True},
        ],
        "workers": [
            {"id": "lead.worker", "from": "2026-09-01"},
            {"id": "h.visitor", "from": "2026-09-01", "to": "2026-10-01"},
        ],
        "items": [
            item("child_name", [child], {"type": "legal", "given": "Ada", "family": "CANARY Byron"}),
            item("child_dob", [child], {"date": "2015-04-09", "certainty": "exact"}),
            item("nhs_number", [child], {"number": "9990000018", "verified": True}),
            item("pupil_number", [child], {"upn": "X209999926001", "status": "permanent"}),
            item("child_name", ["P-BEN"], {"type": "legal", "given": "Ben", "family": "CANARY Byron"}),
            item("child_dob", ["P-BEN"], {"date": "2019-02-28", "certainty": "exact"}),
            item(
                "household",
                [child, "P-MUM"],
                {"member": child, "relationship": "MOTHER", "to": "P-MUM", "resident": "full"},
            ),
            item(
                "help_wanted",
                ["P-MUM", child],
                {"needs": ["routines"], "summary": "CANARY wants calmer mornings."},
                kind="family_report",
            ),
            item(
                "risk_person",
                ["P-DAN"],
                {"basis": "court_order", "name": "CANARY Dan"},
                kind="allegation",
                protects="P-MUM",
            ),
            item("housing", [], {"tenure": "council", "issues": [], "homeless_within_56_days": False}),
        ],
    }


def file_of(*families: dict[str, Any]) -> bytes:
    """An import file."""
    return json.dumps({"format": 1, "families": list(families)}).encode()
