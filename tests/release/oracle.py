"""What may leave, written a second time from the rules alone. Imports nothing of the product.

INVARIANTS
- A world is plain data: text, numbers, instants, lists and mappings; see ``worlds.py`` for its members.
- Consent is judged on each person's history of decisions, never on a folded standing.
- ``verdict`` knows every rule of who may see what; it knows nothing of how a value is generalised.

Rules, as they are tried:
  nobody of kind commissioning or police; purposes P1 to P3 only, for a named practitioner; agency, client and
  registered practitioner active, agreement and profile in force; an open case of level 2; a seal leaves only
  verified early help; P1 needs a panel, P2 and P3 an offer; at least one person agrees. Then, item by item, the
  lowest of: the profile's row, the shield of any person of the family, the practitioner's being registered, the
  silence about refuges, the agreement of everybody concerned, and F19 for what is marked sensitive.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

World: TypeAlias = dict[str, Any]
Item: TypeAlias = Mapping[str, Any]
Row: TypeAlias = dict[str, str]

REFUSED = "refused"
LEVELS = ("W", "G2", "G1", "F")

_CATALOGUE = """
F01 case_ref case -                  F02 child_name person name             F03 child_dob person birth
F04 child_sex person birth           F05 adult_name person name             F06 adult_dob person birth
F07 address person address           F08 contact person contact             F09 ethnicity person ethnicity
F10 language person needs            F11 nhs_number person nhs_number       F12 pupil_number person pupil_number
F13 school person pupil_number       F14 household case relationships       F15 risk_person case -
F16 child_health person health       F17 child_mental_health person health  F18 adult_health person health
F19 sensitive_services person -      F20 disability person needs            F21 sen person needs
F22 ehcp person needs                F23 attendance person pupil_number     F24 finance case financial
F25 housing case financial           F26 domestic_abuse case -              F27 offences case -
F28 history case history             F29 assessment case assessments        F30 plan case assessments
F31 review case assessments          F32 minutes case assessments           F33 services_now case services
F34 services_past case services      F35 help_wanted case assessments       F36 worker_safety case -
F37 immigration person -
"""
_CELLS = _CATALOGUE.split()
NAMES = dict(zip(_CELLS[0::4], _CELLS[1::4], strict=True))
SUBJECTS = dict(zip(_CELLS[1::4], _CELLS[2::4], strict=True))
CATEGORIES = dict(zip(_CELLS[1::4], _CELLS[3::4], strict=True))

SHIELDED = {"address", "contact", "school"}
REGISTERED_ONLY = {"risk_person", "sensitive_services", "domestic_abuse", "offences"}
FLAGS_FOR_THE_PROTECTED = {"risk_person", "offences"}

NARRATIVE = {
    ("contact", "safe_times"),
    ("ethnicity", "self_defined"),
    ("risk_person", "detail"),
    ("ehcp", "summary"),
    ("finance", "relevance"),
    ("help_wanted", "summary"),
    ("help_wanted", "voice"),
    ("worker_safety", "note"),
    *((field, "text") for field in ("plan", "review", "minutes")),
    *(
        (field, "statement")
        for field in (
            "child_health",
            "child_mental_health",
            "adult_health",
            "sensitive_services",
            "domestic_abuse",
            "history",
            "assessment",
        )
    ),
}
NEVER = {("worker_safety", "authorised_by"), ("worker_safety", "reason"), ("household", "pr_basis")}
TOLD_AT_G1 = {("address", "ward"), ("history", "date")}
"""What a first generalisation still tells word for word."""
TOLD_AT_G1_TO_ITS_OWNER = {("plan", "due"), ("minutes", "actions")}


def verdict(world: World) -> str | dict[int, str]:
    """``refused``, or by position of each item the highest level at which anything of it may leave."""
    if _is_refused(world):
        return REFUSED
    return {place: _item_level(world, item) for place, item in enumerate(world["items"])}


def last_use(world: World) -> datetime:
    """The earliest of every end that a permitted extract is bound to."""
    ends: list[datetime] = [
        world["agency"]["agreement_until"],
        world["now"] + timedelta(days=world["extract_days"]),
    ]
    ends += [given["valid_until"] for given in _agreements(world).values()]
    if world["purpose"] == "P1":
        ends.append(world["panel_until"])
    elif world["offer_until"] is not None:
        ends.append(world["offer_until"])
    return min(ends)


def may_carry(world: World, item: Item, level: str, member: str, owner: str | None) -> bool:
    """True when the text of one member may appear in an extract at this level.

    Args:
        owner: the agency to whom an action belongs, where the member is part of one.
    """
    place = (item["field"], member)
    if level == "F":
        return place not in NEVER and (place not in NARRATIVE or _kind(world) == "early-help")
    mine = owner == world["caller"]["agency"]
    return level == "G1" and (place in TOLD_AT_G1 or (mine and place in TOLD_AT_G1_TO_ITS_OWNER))


def hidden_refuges(world: World) -> set[str]:
    """The refuges of whose involvement this caller must not learn anything."""
    if _is_named_worker(world):
        return set()
    return {code for code, kind in world["agencies"].items() if kind == "refuge"} - {
        world["caller"]["agency"]
    }


def template_rows(kind: str) -> list[Row]:
    """The default profile of a kind: the matrix, and the rows that need a condition."""
    rows = [_row(NAMES[number], mark) for number, mark in matrix()[kind].items()]
    if kind == "early-help":
        for row in [row for row in rows if row["field"] in {"sensitive_services", "domestic_abuse"}]:
            rows.append({**row, "when": "named_worker"})
            row |= {"panel": "W", "service": "W"}
    if kind == "refuge":
        rows += [{**row, "when": "hosting_refuge"} for row in rows if row["field"] in SHIELDED]
    minutes = next(row for row in rows if row["field"] == "minutes")
    if {"W", "G1"} >= {minutes["panel"], minutes["service"]} and minutes["service"] == "G1":
        rows.append(_row("minutes", "G1") | {"when": "attended"})
    return rows


def matrix() -> dict[str, dict[str, str]]:
    """The matrix as transcribed: mark by kind and field number."""
    text = Path(__file__).with_name("matrix.txt").read_text(encoding="utf-8")
    head, *lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {kind: {line[0]: line[column] for line in lines} for column, kind in enumerate(head) if column}


def _row(field: str, mark: str) -> Row:
    panel, _, service = mark.partition(">")
    return {"field": field, "panel": panel, "service": service or panel, "when": "always"}


# --- May this agency ask about this case at all? ------------------------------------------------------------


def _is_refused(world: World) -> bool:
    entitled = world["panel_until"] is not None if world["purpose"] == "P1" else world["offer"]
    return (
        _kind(world) in {"commissioning", "police"}
        or world["purpose"] not in {"P1", "P2", "P3"}
        or world["caller"]["practitioner"] is None
        or not _is_in_force(world)
        or world["status"] != "open"
        or world["level"] != 2
        or (bool(world["seals"]) and not (_kind(world) == "early-help" and _is_registered(world)))
        or not entitled
        or not _agreements(world)
    )


def _is_in_force(world: World) -> bool:
    agency = world["agency"]
    return (
        agency["state"] == "active"
        and agency["client_state"] == "active"
        and agency["agreement_until"] is not None
        and world["profile"] is not None
        and (agency["practitioner_active"] or not _is_registered(world))
    )


def _kind(world: World) -> str:
    return str(world["agencies"][world["caller"]["agency"]])


def _is_registered(world: World) -> bool:
    return bool((world["caller"]["practitioner"] or {}).get("verified"))


def _is_named_worker(world: World) -> bool:
    practitioner = world["caller"]["practitioner"]
    return _kind(world) == "early-help" and _is_registered(world) and practitioner["id"] in world["workers"]


# --- Consent --------------------------------------------------------------------------------------------------


def _agreements(world: World) -> dict[str, dict[str, Any]]:
    """By person, the give on which something may leave to this agency, for this purpose, now."""
    found = {}
    for person in world["people"]:
        give, closers = _last_give(world, person["id"])
        if give and _reaches(world, give) and all(act["categories"] or act["fields"] for act in closers):
            found[person["id"]] = {**give, "closers": closers}
    return found


def _last_give(world: World, person: str) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """A person's last give, and what closed for this agency and purpose since."""
    give: dict[str, Any] | None = None
    closers: list[dict[str, Any]] = []
    for act in world["histories"].get(person, []):
        if act["act"] == "give":
            give, closers = act, []
        elif _closes(world, act):
            closers.append(act)
    return give, closers


def _reaches(world: World, give: Mapping[str, Any]) -> bool:
    agency = world["caller"]["agency"]
    return (
        agency in give["agencies"]
        and agency not in give["exclude"]
        and world["purpose"] in give["purposes"]
        and give["valid_from"] <= world["now"] < give["valid_until"]
    )


def _closes(world: World, act: Mapping[str, Any]) -> bool:
    agency = world["caller"]["agency"]
    everybody = not act["agencies"] or "*" in act["agencies"]
    return (
        (everybody or agency in act["agencies"])
        and agency not in act["exclude"]
        and (not act["purposes"] or world["purpose"] in act["purposes"])
    )


def _agrees(world: World, person: str | None, field: str) -> bool:
    """True when this person's agreement reaches this field."""
    give = _agreements(world).get(person or "")
    if give is None:
        return False
    category = CATEGORIES[field]
    if any(field in act["fields"] or category in act["categories"] for act in give["closers"]):
        return False
    return field in give["fields"] or category in give["categories"]


# --- Item by item -------------------------------------------------------------------------------------------


def _item_level(world: World, item: Item) -> str:
    field = item["field"]
    if field == "case_ref" or not item["about"]:
        return "W"
    if field in REGISTERED_ONLY and not _is_registered(world):
        return "W"
    shielded = any(person["shield"] != "none" for person in world["people"])
    if field in SHIELDED and shielded and not _is_named_worker(world):
        return "W"
    if hidden_refuges(world) & set(_agencies_of(item)):
        return "W"
    limits = [_row_level(world, field, item), _agreed(world, item)]
    if item["value"].get("sensitive") is True:
        limits.append(_sensitive(world, item))
    return min(limits, key=LEVELS.index)


def _row_level(world: World, field: str, item: Item) -> str:
    """The mark of the row that counts; a row whose condition holds takes the place of ``always``."""
    holding = {"named_worker"} if _is_named_worker(world) else set()
    if world["caller"]["agency"] in item["value"].get("attendees", []):
        holding.add("attended")
    rows = [row for row in world["profile"] if row["field"] == field]
    chosen = [row for row in rows if row["when"] in holding] or [
        row for row in rows if row["when"] == "always"
    ]
    stage = "panel" if world["purpose"] == "P1" else "service"
    marks = [row[stage] if row[stage] in LEVELS else "W" for row in chosen]
    return min(marks, key=LEVELS.index, default="W")


def _agreed(world: World, item: Item) -> str:
    """How much of it everybody concerned agreed to."""
    field = item["field"]
    if field == "worker_safety":
        return "F" if item["value"].get("authorised_by") and item["value"].get("reason") else "W"
    if all(_agrees(world, person, field) for person in item["about"]):
        return "F"
    if field in FLAGS_FOR_THE_PROTECTED and _agrees(world, item.get("protects"), field):
        return "G1"
    return "W"


def _sensitive(world: World, item: Item) -> str:
    """What F19 allows of a service marked sensitive; F19 is told in full or not at all."""
    allowed = (
        _is_registered(world)
        and _row_level(world, "sensitive_services", item) == "F"
        and all(_agrees(world, person, "sensitive_services") for person in item["about"])
    )
    return "F" if allowed else "W"


def _agencies_of(item: Item) -> Iterator[str]:
    """Every agency that an item names: who knows it, who provides, owns, attended."""
    value = item["value"]
    yield item["source_agency"]
    yield from (value[name] for name in ("agency", "owner") if name in value)
    yield from value.get("attendees", [])
    yield from (action["owner"] for action in value.get("actions", []))
