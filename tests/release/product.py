"""Asking the product about a world: plain data in, its decision and its record out.

INVARIANT: nothing is decided here; a world's members become the product's values one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from uuid import UUID, uuid5

import consent_registry.birthdays
import consent_registry.model as consent
import consent_registry.standing
import gateway.release.decision
import gateway.release.free_text
import gateway.release.minimisation
from agencies.model import (
    AgencyCode,
    AgencyKind,
    Condition,
    FieldName,
    JsonObject,
    Level,
    Mark,
    Profile,
    ProfileRow,
    Purpose,
    Stage,
)
from gateway.caller import Caller, PractitionerClaim
from gateway.cases.model import Shield
from gateway.release.model import (
    AgencyFacts,
    CaseFacts,
    Facts,
    Item,
    Permit,
    PermittedItem,
    PersonFacts,
    Refuse,
)
from tests.release.oracle import EFFECTIVE, Act, Row, World
from tests.release.worlds import day_of


@dataclass(frozen=True)
class Product:
    """The modules under test; a mutant has others in their place."""

    decision: ModuleType = gateway.release.decision
    minimisation: ModuleType = gateway.release.minimisation
    narrative: ModuleType = gateway.release.free_text
    standing: ModuleType = consent_registry.standing
    birthdays: ModuleType = consent_registry.birthdays


SHIPPED = Product()


@dataclass(frozen=True)
class Answer:
    """What came out; the record is empty where nothing was permitted."""

    decision: Permit | Refuse
    record: JsonObject


def ask(world: World, product: Product = SHIPPED) -> Answer:
    """Decide and minimise."""
    facts = facts_of(world, product)
    decision = product.decision.decide(facts, caller=caller_of(world), extract_days=world["extract_days"])
    if not isinstance(decision, Permit) or facts.case is None:
        return Answer(decision, {})
    record = [*map(item_of, world["items"])]
    levels = ((item, product.decision.item_level(decision, item)) for item in record)
    permitted = [PermittedItem(item, level) for item, level in levels if level > Level.W]
    people = facts.case.people
    context = product.minimisation.recipient_context(
        permitted, permit=decision, people=people, now=world["now"]
    )
    if decision.narrative:
        told = product.narrative.tell_with_narrative(
            decision, record, permitted, context=context, people=people
        )
        return Answer(decision, told.record)
    return Answer(decision, product.minimisation.minimise(permitted, context=context, people=people))


def caller_of(world: World) -> Caller:
    """Who asks."""
    practitioner = world["caller"]["practitioner"]
    return Caller(
        client_id="client",
        agency=AgencyCode(world["caller"]["agency"]),
        scopes=frozenset({"extract:read"}),
        purpose=Purpose(world["purpose"]),
        practitioner=practitioner and PractitionerClaim(**practitioner),
    )


def facts_of(world: World, product: Product = SHIPPED) -> Facts:
    """Everything the decision rests on."""
    people = tuple(
        PersonFacts(
            person_id=person["id"],
            ref=person["ref"],
            role=person["role"],
            shield=Shield(person["shield"]),
            standing=product.standing.fold(_decisions(world["histories"].get(person["id"], []))),
            birthdays=product.birthdays.birthdays_of(
                person.get("born"), lapse_at_sixteen=world.get("lapse_at_sixteen", True)
            ),
        )
        for person in world["people"]
    )
    case = CaseFacts(
        threshold_level=world["level"],
        status=world["status"],
        seals=frozenset(world["seals"]),
        people=people,
        panel_until=world["panel_until"],
        has_offer=world["offer"],
        offer_until=world["offer_until"],
        named_workers=frozenset(world["workers"]),
        refuges=frozenset(code for code, kind in world["agencies"].items() if kind == "refuge"),
        hosting_refuge=world.get("hosting"),
        in_conflict=_is_in_conflict(world),
        has_conflicts=bool(world.get("conflicts")),
        signed_off=frozenset(map(Stage, world.get("signed", []))),
    )
    return Facts(now=world["now"], agency=_agency(world), case=case)


def _is_in_conflict(world: World) -> bool:
    """What the one statement of the release path asks of the rows."""
    practitioner = (world["caller"]["practitioner"] or {}).get("id")
    return any(
        each["agency"] == world["caller"]["agency"]
        and (each["practitioner"] is None or each["practitioner"] == practitioner)
        for each in world.get("conflicts", [])
    )


def item_of(item: dict[str, Any]) -> Item:
    """One item of the record."""
    return Item(**{**item, "field": FieldName(item["field"]), "about": tuple(item["about"])})


def _agency(world: World) -> AgencyFacts:
    code = AgencyCode(world["caller"]["agency"])
    kind = AgencyKind(world["agencies"][code])
    profile = None if world["profile"] is None else _profile(world, kind, EFFECTIVE, world["profile"])
    shown = {
        version: _profile(world, kind, version, rows) for version, rows in world.get("shown", {}).items()
    }
    return AgencyFacts(code=code, kind=kind, profile=profile, shown=shown, **world["agency"])


def _profile(world: World, kind: AgencyKind, version: int, rows: list[Row]) -> Profile:
    return Profile(
        agency=AgencyCode(world["caller"]["agency"]),
        based_on_kind=kind,
        version=version,
        agreement="a",
        assessment="b",
        review_on=day_of(world),
        article6="6(1)(e)",
        article9="",
        rows=tuple(
            ProfileRow(
                field=FieldName(row["field"]),
                panel=Mark(row["panel"]),
                service=Mark(row["service"]),
                when=Condition(row["when"]),
                reason="x",
            )
            for row in rows
        ),
    )


def _decisions(history: Sequence[Act]) -> list[consent.ConsentDecision]:
    """A history as the registry keeps it; a speaker's name becomes an id."""
    return [
        consent.ConsentDecision(
            decision_id=consent.DecisionId(UUID(int=place)),
            sequence=place,
            act=consent.Act(act["act"]),
            scope=consent.Scope(
                agencies=frozenset(act["agencies"]),
                exclude=frozenset(act["exclude"]),
                categories=frozenset(act["categories"]),
                fields=frozenset(act["fields"]),
                purposes=frozenset(act["purposes"]),
            ),
            valid_from=act["valid_from"],
            valid_until=act["valid_until"],
            recorded_at=act["recorded_at"],
            profiles_shown=act.get("shown", {}),
            speaker=act["speaker"] and consent.SubjectId(uuid5(UUID(int=0), act["speaker"])),
            capacity=act["capacity"] and consent.Capacity(act["capacity"]),
            authority=consent.Authority(act["authority"]),
            resolves=act["resolves"],
        )
        for place, act in enumerate(history)
    ]
