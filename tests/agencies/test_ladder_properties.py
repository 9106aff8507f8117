"""Whatever the value: a generalised level tells nothing that is personal, and no level tells a stray form."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agencies import shapes
from agencies.ladders import LadderContext, LadderItem
from agencies.model import AgencyCode, AgencyKind, FieldName, JsonObject, JsonValue, Level
from agencies.shapes import SHAPES
from agencies.values import check_value
from tests.support.ladders import generalise

TODAY = date(2026, 11, 22)
PEOPLE = ("p-one", "p-two", "p-three")
# A mark that no code, flag or label of a result can hold.
MARK = "\u2603"
TEXT = st.text(st.characters(categories=["L", "Zs"]), max_size=20).map(lambda text: f"{MARK}{text}{MARK}")
DAYS = st.dates(TODAY - timedelta(days=9000), TODAY).map(date.isoformat)
IDENTIFIERS = {
    "snomed": st.just("195967001"),
    "postcode": st.sampled_from(["SE6 4RU", "ZZ99 3VZ", "E1 6AN"]),
    "uprn": st.just("100020999"),
    "ward": st.just("E05013714"),
    "upn": st.just("X209999926001"),
    "urn": st.just("100999"),
}

AGENCIES = st.sampled_from(["camhs", "athena"])
SIMPLE: dict[type, st.SearchStrategy[JsonValue]] = {
    shapes.Text: TEXT,
    shapes.Day: DAYS,
    shapes.Count: st.integers(0, 1000),
    shapes.Flag: st.booleans(),
    shapes.NhsNumber: st.sampled_from(["9990000018", "999 000 0026"]),
    shapes.Language: st.sampled_from(["en", "ig", "zh-Hant-HK"]),
    shapes.Agency: AGENCIES,
    shapes.Agencies: st.lists(AGENCIES, min_size=1, unique=True),
    shapes.PersonId: st.sampled_from(PEOPLE),
}


def of_kind(kind: shapes.Kind) -> st.SearchStrategy[JsonValue]:
    """Values of one member, every free text marked."""
    match kind:
        case shapes.Texts(_, least):
            return st.lists(TEXT, min_size=least, max_size=3)
        case shapes.Codes(allowed, least):
            return st.lists(st.sampled_from(allowed), min_size=least, max_size=4, unique=True)
        case shapes.Code(allowed):
            return st.sampled_from(allowed)
        case shapes.Identifier(normalise):
            return IDENTIFIERS[normalise.__name__]
        case shapes.Objects(members):
            return st.lists(objects(members), min_size=1, max_size=3)
        case _:
            return SIMPLE[type(kind)]


def objects(members: Mapping[str, shapes.Member]) -> st.SearchStrategy[JsonObject]:
    required = {name: of_kind(member.kind) for name, member in members.items() if member.required}
    optional = {name: of_kind(member.kind) for name, member in members.items() if not member.required}
    return st.fixed_dictionaries(required, optional=optional)


ITEMS = st.sampled_from([name for name in SHAPES if SHAPES[name].members]).flatmap(
    lambda name: st.tuples(st.just(name), st.lists(objects(SHAPES[name].members), max_size=4))
)
CONTEXTS = st.builds(
    LadderContext,
    agency=st.just(AgencyCode("camhs")),
    kind=st.sampled_from(AgencyKind),
    refs=st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(["r1", "r2"])),
    roles=st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(["child", "adult", "other"])),
    months=st.dictionaries(st.sampled_from(PEOPLE), st.integers(-9, 1500)),
    birth=st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from([7, "14 months", "5-10"])),
    sex=st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(["female", "male"])),
    narrative_allowed=st.booleans(),
)


def tell(field: FieldName, level: Level, values: list[JsonObject], context: LadderContext) -> list[JsonValue]:
    items = [LadderItem(value=value, about=("p-one",)) for value in values]
    return generalise(field, level=level, items=items, context=context)


def leaves(value: object) -> Iterator[object]:
    """Every value inside a result, lists and objects themselves included when empty."""
    if isinstance(value, dict) and value:
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


@given(given_items=ITEMS, context=CONTEXTS, level=st.sampled_from([Level.W, Level.G2, Level.G1]))
def test_generalised_result_holds_no_free_text_and_no_identifier(
    given_items: tuple[FieldName, list[JsonObject]], context: LadderContext, level: Level
) -> None:
    """A name, an address line, a statement, a number: none passes a generalisation, whatever it is."""
    field, values = given_items
    told = json.dumps(tell(field, level, values, context), ensure_ascii=False)
    secrets = (
        MARK,
        "999000",
        "999 000",
        "X2099",
        "100020999",
        "100999",
        "195967001",
        "4RU",
        "6AN",
        "athena",
        "p-",
    )
    assert [] == [secret for secret in secrets if secret in told]


@given(given_items=ITEMS, context=CONTEXTS, level=st.sampled_from([Level.G2, Level.G1]))
def test_date_survives_generalisation_only_where_the_ladder_says_so(
    given_items: tuple[FieldName, list[JsonObject]], context: LadderContext, level: Level
) -> None:
    """Dated headlines and the recipient's own due dates; every other day is coarsened or gone."""
    field, values = given_items
    dated = {"history", "plan", "minutes"} if level is Level.G1 else set()
    days = {part for value in values for part in leaves(value) if isinstance(part, str) and part[4:5] == "-"}
    told = set(map(str, leaves(tell(field, level, values, context))))
    assert field in dated or not days & told


@given(given_items=ITEMS, context=CONTEXTS, level=st.sampled_from(Level))
def test_result_has_no_null_no_float_and_nothing_empty(
    given_items: tuple[FieldName, list[JsonObject]], context: LadderContext, level: Level
) -> None:
    """An empty or a null member says that something was taken away."""
    field, values = given_items
    for result in tell(field, level, values, context):
        assert isinstance(result, dict)
        assert [] == [part for part in leaves(result) if not isinstance(part, str | int)]


@given(given_items=ITEMS, context=CONTEXTS, level=st.sampled_from(Level))
def test_result_never_repeats_itself(
    given_items: tuple[FieldName, list[JsonObject]], context: LadderContext, level: Level
) -> None:
    field, values = given_items
    told = [json.dumps(result, sort_keys=True) for result in tell(field, level, values, context)]
    assert list(dict.fromkeys(told)) == told


@given(given_items=ITEMS, context=CONTEXTS)
def test_lower_level_tells_no_more_results(
    given_items: tuple[FieldName, list[JsonObject]], context: LadderContext
) -> None:
    """Each step down merges or drops; none invents an item. (At F a value of narrative alone goes first.)"""
    field, values = given_items
    open_context = LadderContext(
        **{name: getattr(context, name) for name in LadderContext.__slots__} | {"narrative_allowed": True}
    )
    counts = [len(tell(field, level, values, open_context)) for level in sorted(Level)]
    assert [] == [pair for pair in pairwise(counts) if pair[0] > pair[1]]


@given(given_items=ITEMS)
def test_generated_values_have_sound_members(given_items: tuple[FieldName, list[JsonObject]]) -> None:
    """The generator makes what intake takes; only rules between members may still object."""
    field, values = given_items
    between = {"child_dob", "address", "contact", "pupil_number", "school", "household", "attendance"}
    between |= {"services_now", "services_past", "adult_dob"}
    for value in values:
        assert field in between or [] == check_value(field, value, today=TODAY, synthetic=True)
