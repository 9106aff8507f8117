"""Families with a name: the situations in which such a gateway goes wrong, each as a world.

Named cases are judged by hand in ``test_decision_cases.py``, by the oracle, and against every mutant.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from tests.release.oracle import Row, World
from tests.release.values import Mint, Setting
from tests.release.worlds import (
    AGENCIES,
    DAY,
    LONDON,
    NAMED_ONLY,
    NOON,
    TICK,
    close,
    day_of,
    full_rows,
    give,
    item,
    plain_world,
)

REFUGE_PLACES = ("source", "provider", "owner", "attendee", "action")


def asked_by(agency: str, *, named: bool = False, verified: bool = True, **changes: Any) -> World:
    """The plain family, asked about by a practitioner of this agency."""
    world = plain_world(agency, workers=["w1"] if named else [], **changes)
    world["caller"]["practitioner"]["verified"] = verified
    return world


def deciding(world: World, **histories: list[dict[str, Any]]) -> World:
    """Other decisions of these people."""
    return world | {"histories": world["histories"] | histories}


def without_consent(world: World, *people: str) -> World:
    """These people never decided anything."""
    return deciding(world, **{person: [] for person in people})


def narrowed(world: World, person: str, **changes: object) -> World:
    """This person's agreement with another scope or another time."""
    agency = world["caller"]["agency"]
    return deciding(world, **{person: [give(agency, world["now"], **changes)]})


def shielding(world: World, person: str, shield: str = "restricted") -> World:
    """One person of the family is shielded."""
    people = [each | ({"shield": shield} if each["id"] == person else {}) for each in world["people"]]
    return world | {"people": people}


def housed(world: World, refuge: str) -> World:
    """The family is in this refuge, and shielded; the refuge's rows give everything."""
    rows = [*full_rows(), *(row | {"when": "hosting_refuge"} for row in full_rows())]
    return shielding(world | {"profile": rows, "hosting": refuge}, "mum", "refuge")


def own_service(world: World, *, provider: str | None = None) -> World:
    """A service of the asking agency, or of another."""
    service = {"agency": provider or world["caller"]["agency"]}
    made_of = made(world, "services_now", ["amy"], value=service)
    made_of["value"].pop("worker", None)
    return with_items(world | {"profile": full_rows()}, made_of, made(world, "language", ["amy"]))


def conflicting(world: World, agency: str, practitioner: str | None = None) -> World:
    """Somebody has an interest in the family."""
    return world | {"conflicts": [{"agency": agency, "practitioner": practitioner}]}


def with_items(world: World, *items: dict[str, Any]) -> World:
    """The same family with a record of these items alone."""
    return world | {"items": list(items)}


def made(world: World, name: str, about: list[str], **changes: Any) -> dict[str, Any]:
    """One item of a field; ``value`` changes members of its value, the rest members of the item."""
    pair = (about[0], about[-1]) if about else ("", "")
    mint = Mint(day_of(world), count=500 + len(world["issued"]), issued=world["issued"])
    plain = item(name, about, Setting(mint, 0b1011, ("early-help", "health"), pair), world["people"])
    value = plain["value"] | changes.pop("value", {})
    return plain | {"value": value} | changes


def refuge_at(world: World, place: str) -> World:
    """A refuge's involvement, told in one of the five places in which an item names an agency."""
    items = {
        "source": made(world, "help_wanted", ["amy"], source_agency="refuge"),
        "provider": made(world, "services_now", ["amy"], value={"agency": "refuge"}),
        "owner": made(world, "plan", ["amy"], value={"owner": "refuge"}),
        "attendee": made(world, "minutes", ["amy"], value={"attendees": ["early-help", "refuge"]}),
        "action": made(world, "minutes", ["amy"], value=_action("refuge")),
    }
    return with_items(world | {"profile": full_rows()}, items[place], made(world, "language", ["mum"]))


def _action(owner: str) -> dict[str, Any]:
    return {"actions": [{"owner": owner, "action": "home_visit", "due": "2031-12-24"}]}


def at_meeting(agency: str, *attendees: str, **changes: Any) -> World:
    """One meeting, and an action of the asking agency in its minutes."""
    world = asked_by(agency, **changes)
    value = {"attendees": list(attendees)} | _action(agency)
    return with_items(world, made(world, "minutes", ["amy", "ben"], value=value))


def sensitive_service(world: World, **changes: object) -> World:
    """An ordinary service and one marked sensitive, with this profile row for sensitive services."""
    rows = [row for row in full_rows() if row["field"] != "sensitive_services"]
    row = {"field": "sensitive_services", "panel": "F", "service": "F", "when": "always", **changes}
    value = {"service_type": "hiv", "sensitive": True}
    items = [made(world, "services_now", ["amy"]), made(world, "services_now", ["amy"], value=value)]
    return with_items(world | {"profile": [*rows, row]}, *items)


def midnight_in_london(day: date) -> datetime:
    """The instant at which an agreement that ends on this day ends."""
    return datetime.combine(day, time.min, tzinfo=LONDON)


def agreement_ending(day: date, *, now: datetime) -> World:
    """An agreement with this last day, as the snapshot tells it at ``now``."""
    end = midnight_in_london(day)
    world = plain_world()
    world["histories"] = {name: [give("camhs", now)] for name in ("mum", "amy", "ben", "gran")}
    agency = world["agency"] | {"agreement_until": end if now < end else None}
    return world | {"now": now, "agency": agency, "panel_until": now + 9 * DAY}


def undated_action() -> World:
    """Two minutes: an older one that has nothing for this agency, and one that has."""
    world = asked_by("youth", purpose="P2")
    nothing = made(world, "minutes", ["amy"], as_of="2011-01-01", kind="allegation", value=_action("health"))
    return with_items(world, nothing, made(world, "minutes", ["amy"], value=_action("youth")))


def abuse_with_another_protected() -> World:
    """A stored item of domestic abuse that names somebody to protect, which does not go with that field."""
    world = without_consent(asked_by("health"), "mum")
    return with_items(
        world, made(world, "domestic_abuse", ["mum"], protects="gran"), made(world, "language", ["amy"])
    )


def offences_of_two() -> World:
    """Offences of a child who agreed and of a risk person who was never asked."""
    world = asked_by("camhs") | {"profile": full_rows()}
    return with_items(
        world,
        *(
            made(world, "offences", [person], value={"date": f"2017-0{n}-09"})
            for n, person in ((1, "amy"), (2, "dad"))
        ),
    )


def two_conditions() -> World:
    """A named worker whose agency was at the meeting, with a stricter row for each of the two."""
    world = at_meeting("early-help", "early-help", named=True)
    rows = [row for row in full_rows() if row["field"] != "minutes"]
    minutes = {"field": "minutes", "panel": "F", "service": "F"}
    conditional = [minutes | {"when": "always"}, minutes | {"when": "named_worker", "panel": "G1"}]
    return world | {"profile": [*rows, *conditional, minutes | {"when": "attended"}]}


def _agency(**changes: Any) -> dict[str, Any]:
    agency: dict[str, Any] = plain_world()["agency"]
    return agency | changes


def _callers() -> dict[str, World]:
    """Every kind, at each stage, and practitioners of every sort."""
    camhs, full = asked_by("camhs"), {"profile": full_rows()}
    return {
        **{f"plain, {agency}": asked_by(agency) for agency in AGENCIES},
        **{f"service, {agency}": asked_by(agency, purpose="P2") for agency in AGENCIES},
        "named worker": asked_by("early-help", named=True),
        "named worker, asserted": asked_by("early-help", named=True, verified=False),
        "named worker of another kind, shield": shielding(asked_by("camhs", named=True), "amy"),
        "asserted, all allowed": asked_by("camhs", verified=False) | full,
        "all allowed": camhs | full,
    }


def _families() -> dict[str, World]:
    """Who of a family agreed, and whom a flag protects."""
    camhs, full = asked_by("camhs"), {"profile": full_rows()}
    return {
        "siblings differ": without_consent(asked_by("charity"), "ben"),
        "siblings differ, all allowed": without_consent(camhs | full, "ben"),
        "only the risk person agrees": deciding(
            without_consent(camhs, "mum", "gran", "amy", "ben"), dad=[give("camhs", NOON)]
        ),
        "the risk person agrees": deciding(camhs | full, dad=[give("camhs", NOON)]),
        "the risk person refuses": deciding(asked_by("health"), dad=[close("refuse")]),
        "the protected adult does not agree": without_consent(camhs | full, "mum"),
        "nobody agrees": without_consent(camhs, "mum", "gran", "amy", "ben"),
        "protects on a field that has none": abuse_with_another_protected(),
    }


def _states() -> dict[str, World]:
    """What closes a case, an agency or a stage."""
    camhs = asked_by("camhs")
    return {
        "an interest of the agency": conflicting(asked_by("camhs"), "camhs"),
        "an interest of early help": conflicting(asked_by("early-help", named=True), "early-help"),
        "an interest of the practitioner": conflicting(asked_by("camhs"), "camhs", "w1"),
        "an interest of a colleague": conflicting(asked_by("camhs"), "camhs", "w2"),
        "an interest of another agency": conflicting(asked_by("camhs"), "youth"),
        "an interest of another, asserted": conflicting(asked_by("camhs", verified=False), "youth"),
        **{
            f"sealed: {seal}": camhs | {"seals": [seal]}
            for seal in ("conflict", "adoption", "party_restriction")
        },
        "sealed, early help": asked_by("early-help") | {"seals": ["adoption"]},
        "sealed, early help asserted": asked_by("early-help", verified=False) | {"seals": ["adoption"]},
        "closed": camhs | {"status": "closed"},
        **{f"level {level}": camhs | {"level": level} for level in (1, 3, 4)},
        "no agreement": camhs | {"agency": _agency(agreement_until=None)},
        "agreement ends first": camhs | {"agency": _agency(agreement_until=NOON + DAY)},
        "panel ends first": camhs | {"panel_until": NOON + DAY},
        "consent ends first": narrowed(camhs, "gran", valid_until=NOON + TICK),
        "suspended": camhs | {"agency": _agency(state="suspended")},
        "client revoked": camhs | {"agency": _agency(client_state="revoked")},
        "practitioner left": camhs | {"agency": _agency(practitioner_active=False)},
        "no profile": camhs | {"profile": None},
        "no practitioner": camhs | {"caller": {"agency": "camhs", "practitioner": None}},
        "purpose not served": camhs | {"purpose": "P4"},
        "panel without offer": camhs | {"offer": False},
        "panel with offer only": camhs | {"panel_until": None},
        "service without offer": asked_by("camhs", purpose="P2", offer=False),
        "service with offer only": asked_by("camhs", purpose="P3", panel_until=None),
    }


def _scopes() -> dict[str, World]:
    """When, to whom and to what people agreed, and what they closed since."""
    camhs, full = asked_by("camhs"), {"profile": full_rows()}
    return {
        "consent ended this instant": _all(camhs, valid_until=NOON),
        "consent ends next instant": _all(camhs, valid_until=NOON + TICK),
        "consent begins this instant": _all(camhs, valid_from=NOON),
        "consent begins next instant": _all(camhs, valid_from=NOON + TICK),
        "consent for another agency": _all(camhs, agencies=["health"]),
        "consent for another purpose": _all(asked_by("camhs", purpose="P2"), purposes=["P1"]),
        "agency excluded": _all(camhs, exclude=["camhs"]),
        "everybody, in an act that opens": _all(camhs, agencies=["*"]),
        "nothing named": _all(camhs | full, fields=[]),
        "nothing but what must be named": _all(camhs | full, categories=[]),
        **{f"{act}, whole": _then(camhs, close(act)) for act in ("withdraw", "refuse", "hold")},
        "category closed": _then(
            _all(camhs | full, fields=[*NAMED_ONLY, "address"]), close(categories=["address"])
        ),
        "field closed": _then(camhs | full, close(fields=["household", "risk_person"])),
        "closed for another agency": _then(camhs, close(agencies=["health"])),
        "closed for this agency": _then(camhs, close(agencies=["camhs"])),
        "closed for all but this agency": _then(camhs, close(exclude=["camhs"])),
        "closed for another purpose": _then(camhs, close(purposes=["P2"])),
        "closed for this purpose": _then(camhs, close(purposes=["P1"])),
        "given again": _then(camhs, close(), give("camhs", NOON)),
        "given again after a part": _then(camhs, close(categories=["name", "birth"]), give("camhs", NOON)),
        "offences of two people": offences_of_two(),
        "two conditions hold": two_conditions(),
        "rows missing": camhs | {"profile": full_rows()[:9]},
    }


def _records() -> dict[str, World]:
    """Shields, and items that rules single out."""
    camhs, full = asked_by("camhs"), {"profile": full_rows()}
    return {
        **{f"{person} is shielded": shielding(camhs | full, person) for person in ("mum", "amy", "gran")},
        "in a refuge": shielding(asked_by("refuge") | full, "mum", "refuge"),
        "asked by the refuge they are in": housed(asked_by("refuge"), "refuge"),
        "asked by the refuge they are in, asserted": housed(asked_by("refuge", verified=False), "refuge"),
        "asked by another refuge": housed(asked_by("refuge"), "refuge-two"),
        "asked by what is no refuge": housed(asked_by("camhs"), "camhs"),
        "shielded, one's own part": shielding(own_service(camhs), "amy"),
        "shielded, another's part": shielding(own_service(camhs, provider="health"), "amy"),
        "shielded, who found it": shielding(
            with_items(
                camhs | full,
                made(camhs, "disability", ["amy"], value={"by": "A clinic near them"}),
                made(camhs, "language", ["amy"]),
            ),
            "amy",
        ),
        "shielded, early help": shielding(asked_by("early-help") | full, "amy"),
        "shielded, named worker": shielding(asked_by("early-help", named=True) | full, "amy"),
        "shielded, named worker asserted": shielding(
            asked_by("early-help", named=True, verified=False), "amy"
        ),
        "untagged": with_items(
            camhs | full,
            *(made(camhs, name, []) for name in ("help_wanted", "offences", "worker_safety")),
            made(camhs, "language", ["amy"]),
        ),
        "visits without a decision": with_items(
            camhs | full,
            made(camhs, "worker_safety", ["dad"], value={"reason": ""}),
            made(camhs, "sen", ["amy"]),
        ),
        "visits": with_items(camhs | full, made(camhs, "worker_safety", ["dad"])),
        "no reference": camhs
        | {"people": [p | {"ref": None if p["id"] == "amy" else p["ref"]} for p in camhs["people"]]},
        "undated action": undated_action(),
        "attended": at_meeting("youth", "youth", "early-help"),
        "not attended": at_meeting("youth", "early-help"),
    }


def _refuges_and_sensitive_services() -> dict[str, World]:
    """What most recipients must not learn to exist."""
    worlds = {}
    askers = [asked_by(agency) for agency in ("health", "refuge", "refuge-two", "early-help")]
    askers.append(asked_by("early-help", named=True))
    camhs = asked_by("camhs")
    for place in REFUGE_PLACES:
        for asking in askers:
            name = f"refuge as {place}, {asking['caller']['agency']} {'named' if asking['workers'] else ''}"
            worlds[name] = refuge_at(asking, place)
    for mark in ("F", "G1", "G2", "W"):
        worlds[f"sensitive at {mark}"] = sensitive_service(camhs, panel=mark)
    worlds["sensitive, not named"] = narrowed(sensitive_service(camhs), "amy", fields=[])
    worlds["sensitive, asserted"] = sensitive_service(asked_by("camhs", verified=False))
    return worlds


def yes(speaker: str, **changes: Any) -> dict[str, Any]:
    """A parent's yes to everything, for CAMHS."""
    return give("camhs", NOON, **{"speaker": speaker, "capacity": "parental_responsibility", **changes})


def no(speaker: str, **changes: Any) -> dict[str, Any]:
    """A parent's no to everything, unless narrowed."""
    return close(speaker=speaker, capacity="parental_responsibility", **changes)


def own_yes(**changes: Any) -> dict[str, Any]:
    """The young person's own yes, for CAMHS."""
    return give("camhs", NOON, speaker="amy", capacity="competent_child", **changes)


def own_no(**changes: Any) -> dict[str, Any]:
    """The young person's own no."""
    return close(speaker="amy", capacity="competent_child", **changes)


def speaks_for(act: dict[str, Any]) -> dict[str, Any]:
    """The same, said by somebody who represents her."""
    return act | {"capacity": "representative"}


def amy_is(world: World, *acts: dict[str, Any], **changes: Any) -> World:
    """Amy with this history, and other facts about her."""
    people = [each | (changes if each["id"] == "amy" else {}) for each in world["people"]]
    return deciding(world | {"people": people}, amy=list(acts))


def born_years_before(day: date, years: int, *acts: dict[str, Any], tick: timedelta, **changes: Any) -> World:
    """Amy, so many years old on this day, so long after it began in London."""
    world = asked_by("camhs", profile=full_rows(), now=midnight_in_london(day) + tick, **changes)
    world["panel_until"] = world["now"] + 9 * DAY
    world = _all(world, valid_from=NOON - 300 * DAY)
    return amy_is(world, *acts, born=day.replace(year=day.year - years))


def _disagreements() -> dict[str, World]:
    """Parents and a child who do not say the same of the child."""
    camhs, health = asked_by("camhs") | {"profile": full_rows()}, {"categories": ["health"]}
    old = {"valid_until": NOON - 2 * DAY}
    early, late = {"recorded_at": NOON - 5 * DAY}, {"recorded_at": NOON - DAY}
    stories = {
        "one parent agrees": [yes("one")],
        "disputed": [yes("one"), no("other")],
        "disputed in part": [yes("one"), no("other", **health)],
        "disputed, given again": [yes("one"), no("other"), yes("one")],
        "disputed in part, given again": [yes("one"), no("other", **health), yes("one")],
        "disputed, resolved": [yes("one"), no("other"), yes("one", resolves=True)],
        "disputed, the child agrees": [yes("one"), no("other"), own_yes()],
        "disputed, the child closes a part": [yes("one"), no("other"), own_no(**health), yes("one")],
        "held, not disputed": [yes("one"), no("other", **health, authority="unknown")],
        "no right at all": [yes("one"), no("other", authority="none")],
        "a yes of nobody knows whom": [yes("one", authority="unknown")],
        "what had ended is not disputed": [
            yes("one", **old),
            no("other", **health, **late),
            yes("one", **late),
        ],
        "one parent's no, their own yes": [yes("one"), no("one"), yes("one")],
        "one parent's no, another's yes": [yes("one"), no("one"), yes("other")],
        "two parents' noes, the later one's yes": [no("one"), no("other"), yes("other")],
        "two parents' noes, the earlier one's yes": [no("one"), no("other"), yes("one")],
        "a parent's no to a part, another's yes": [no("one", **health), yes("other")],
        "a parent's no to a part, their own yes": [no("one", **health), yes("one")],
        "a parent's no to a part, another's yes twice": [no("one", **health), yes("other"), yes("other")],
        "a no of one with no right at all": [no("one", authority="none"), yes("other")],
        "a part taken back, another's yes": [yes("one"), no("one", **health), yes("other")],
        "a part taken back, another's, their own again": [
            yes("one"),
            no("one", **health),
            yes("other"),
            yes("one"),
        ],
        "a no of a parent with no name": [no("one") | {"speaker": None}, yes("one")],
        "a yes of a parent with no name, too": [
            no("one") | {"speaker": None},
            yes("one") | {"speaker": None},
        ],
        "a hold by one parent, another's yes": [no("one", act="hold"), yes("other")],
        "a stop by one of unknown right, another's yes": [no("one", authority="unknown"), yes("other")],
        "a worker's stop, a parent's yes": [yes("one"), close("hold"), yes("other")],
        "a part stopped by one of no right": [no("one", **health, authority="none"), yes("other")],
        "a parent's record found invalid": [no("one", act="invalidate"), yes("other")],
        "disputed, a representative agrees": [yes("one"), no("other"), speaks_for(yes("one"))],
        "disputed, who may be the child stops it": [
            yes("one"),
            no("other"),
            own_no(authority="unknown"),
            yes("one", resolves=True),
        ],
        "who may be the child stops it, then a parent": [no("one"), own_no(authority="unknown"), own_yes()],
        "one parent's no, resolved": [yes("one"), no("one"), yes("other", resolves=True)],
        "a part closed, given again": [yes("one"), no("one", **health), yes("one")],
        "the child's yes, a parent's no": [own_yes(), no("one")],
        "the child's yes, a parent's hold": [own_yes(), no("one", act="hold")],
        "the child's yes, a parent's wider one": [own_yes(categories=["name"]), yes("one")],
        "the child's yes ended": [own_yes(**old), yes("one", **late)],
        "the child's no, a parent's yes": [own_no(), yes("one")],
        "the child's part, a parent's yes": [yes("one"), own_no(**health), yes("one")],
        "the child's part before any yes": [own_no(**health), yes("one")],
        "the child's yes held, a parent's wider one": [
            own_yes(categories=["name"]),
            close("hold"),
            yes("one"),
        ],
        "the child's yes held twice": [
            own_yes(categories=["name"]),
            close("hold"),
            close("hold"),
            yes("one"),
        ],
        "the child's yes held, ended since": [own_yes(**old), close("hold", **early), yes("one", **late)],
        "the child's yes found invalid": [own_yes(), close("invalidate"), yes("one")],
        "the child's yes called invalid by a parent": [own_yes(), no("one", act="invalidate"), yes("one")],
        "a part of it found invalid": [
            own_yes(categories=["name"]),
            close("invalidate", **health),
            yes("one"),
        ],
        "the child's yes ended, a no meanwhile": [own_yes(**old), no("one", **early), yes("other", **late)],
        "the child's yes ended, a part meanwhile": [
            own_yes(**old),
            no("one", **health, **early),
            yes("other", **late),
        ],
        "the child's yes, a parent's no to a part": [own_yes(), no("one", **health)],
        "the child's no, a representative's yes": [own_no(), speaks_for(yes("one"))],
        "the child's no, a representative's, resolved": [own_no(), speaks_for(yes("one", resolves=True))],
        "the child's part, a representative's yes": [own_no(**health), speaks_for(yes("one"))],
        "the child's part, a representative's, resolved": [
            own_no(**health),
            speaks_for(yes("one", resolves=True)),
        ],
        "the child's part, a parent's, resolved": [own_no(**health), yes("one", resolves=True)],
        "the child's yes, a representative's wider one": [
            own_yes(categories=["name"]),
            speaks_for(yes("one")),
        ],
        "the child's yes, a representative stops it": [own_yes(), speaks_for(no("one"))],
        "a representative's no, a parent's yes": [speaks_for(no("one")), yes("other")],
    }
    return {name: amy_is(camhs, *acts) for name, acts in stories.items()}


def _birthdays() -> dict[str, World]:
    """A parent's yes as a birthday begins, in winter and in summer; and what no birthday ends."""
    winter, summer, leap = date(2026, 11, 10), date(2026, 7, 2), date(2026, 3, 1)
    begun, before, hour = TICK * 0, -TICK, timedelta(minutes=30)
    longer = {"valid_from": NOON - 300 * DAY, "valid_until": NOON + 60 * DAY}
    policy = {"lapse_at_sixteen": False}
    worlds = {
        f"{years}, {name}": born_years_before(day, years, yes("one", **longer), tick=tick)
        for years in (16, 18)
        for name, day, tick in (
            ("this instant", winter, begun),
            ("the next", winter, before),
            ("half an hour into a summer's day", summer, hour),
        )
    }
    worlds |= {
        "16, by another policy": born_years_before(winter, 16, yes("one"), tick=begun, **policy),
        "18, by another policy": born_years_before(winter, 18, yes("one"), tick=begun, **policy),
        "16, their own yes": born_years_before(winter, 16, own_yes(), tick=begun),
        "16, a yes of nobody knows whom": born_years_before(
            winter, 16, yes("one", capacity=None), tick=begun
        ),
        "16 next week": born_years_before(winter, 16, yes("one"), tick=-7 * DAY),
    }
    leapling = born_years_before(leap, 18, yes("one", **longer), tick=before, **policy)
    return worlds | {
        "18, born on 29 February": amy_is(leapling, yes("one", **longer), born=date(2008, 2, 29))
    }


def _versions() -> dict[str, World]:
    """The effective profile, and what another version gave when it was shown."""
    everything = asked_by("camhs") | {"profile": full_rows()}
    camhs = everything | {"shown": {2: _at("G1"), 3: [], 4: full_rows()}}
    health = asked_by("health") | {"profile": full_rows(), "shown": {2: _at("G1"), 3: _at("W")}}
    minutes = next(row for row in full_rows() if row["field"] == "minutes")
    attended = [minutes | {"panel": "W"}, minutes | {"when": "attended"}]
    met = at_meeting("youth", "youth", "early-help", profile=full_rows())
    sensitive = sensitive_service(asked_by("camhs"))
    return {
        **{
            f"shown {name}": _all(camhs, shown={"camhs": version})
            for name, version in (("less", 2), ("nothing", 3), ("as much", 4), ("what is gone", 9))
        },
        "no profile shown": _all(camhs, shown={}),
        "another agency's profile shown": _all(camhs, shown={"health": 1}),
        "shown more than is effective": _all(
            asked_by("camhs") | {"profile": _at("G2"), "shown": {4: full_rows()}}, shown={"camhs": 4}
        ),
        "siblings were shown different versions": narrowed(camhs, "ben", shown={"camhs": 2}),
        "the protected adult was shown less": narrowed(health, "mum", shown={"health": 2}),
        "the protected adult was shown nothing": narrowed(health, "mum", shown={"health": 3}),
        "the risk person agreed and was shown nothing": deciding(
            camhs, dad=[give("camhs", NOON, shown={"camhs": 3})]
        ),
        "shown what those at a meeting get": _all(met | {"shown": {2: attended}}, shown={"youth": 2}),
        "shown, and was not there": _all(
            at_meeting("youth", "health", profile=full_rows(), shown={2: attended}), shown={"youth": 2}
        ),
        "sensitive services were not shown": narrowed(
            sensitive | {"shown": {2: [row for row in full_rows() if row["field"] != "sensitive_services"]}},
            "amy",
            shown={"camhs": 2},
        ),
    }


def _at(mark: str) -> list[Row]:
    """A profile of one mark."""
    return [row | {"panel": mark, "service": mark} for row in full_rows()]


def _all(world: World, **changes: object) -> World:
    """Everybody who agreed, with another scope or time."""
    for person in world["histories"]:
        world = narrowed(world, person, **changes)
    return world


def _then(world: World, *acts: dict[str, Any]) -> World:
    """What the mother, and both children through her, decided after that."""
    return deciding(world, **{name: [*world["histories"][name], *acts] for name in ("mum", "amy", "ben")})


NAMED = {
    **_callers(),
    **_families(),
    **_states(),
    **_scopes(),
    **_records(),
    **_refuges_and_sensitive_services(),
    **_disagreements(),
    **_birthdays(),
    **_versions(),
}
"""Every case by name."""
