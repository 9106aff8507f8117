"""Free text of a record: which of its values are cut from it for one recipient, and what is kept back whole."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from agencies.model import AgencyCode, AgencyKind, FieldName, Level, Stage
from agencies.profile_text import template
from consent_registry.birthdays import UNKNOWN_BIRTHDAYS
from consent_registry.model import NOTHING_DECIDED
from gateway.cases.model import Shield
from gateway.release.free_text import redactor_for, tell_with_narrative, texts_of
from gateway.release.minimisation import recipient_context
from gateway.release.model import Item, Permit, PermittedItem, PersonFacts, Told
from gateway.release.redaction import NOUN

NOW: Final = datetime(2026, 11, 28, tzinfo=UTC)
F, G1 = Level.F, Level.G1


def permit(**changes: Any) -> Permit:
    """CAMHS at the panel, and its free text may go; who is given what is not asked here."""
    made = Permit(
        stage=Stage.PANEL,
        profile=replace(template(AgencyKind.CAMHS), agency=AgencyCode("camhs")),
        kind=AgencyKind.CAMHS,
        grants={},
        conditions=frozenset(),
        hidden_agencies=frozenset(),
        shielded=False,
        narrative=True,
        use_until=NOW,
        decisions=frozenset(),
    )
    return replace(made, **changes)


def item(field: str, about: str = "ada", **value: Any) -> Item:
    return Item(FieldName(field), (about,), "early-help", "2026-10-01", "fact", value)


def wish(summary: str, **more: str) -> Item:
    return item("help_wanted", needs=["routines"], summary=summary, **more)


def tell(*levels: tuple[Item, Level], **changes: Any) -> Told:
    """What is told of a record whose items have these levels."""
    given = permit(**changes)
    permitted = [PermittedItem(each, level) for each, level in levels if level > Level.W]
    people = [
        PersonFacts(name, f"ref-{name}", "child", Shield.NONE, NOTHING_DECIDED, UNKNOWN_BIRTHDAYS)
        for name in ("ada", "ben")
    ]
    context = recipient_context(permitted, permit=given, people=people, now=NOW)
    return tell_with_narrative(given, [each for each, _ in levels], permitted, context=context, people=people)


def wishes(told: Told) -> list[Any]:
    """The free text of the wishes as it is told."""
    case: Any = told.record.get("case", {})
    return [value.get("summary") for value in case.get("help_wanted", {}).get("value", [])]


GP: Final = {"service_type": "gp", "from": "2026-01-01"}
NAME: Final = {"type": "legal", "given": "Adagiven", "family": "Shelleyname"}
VALUES: Final[dict[str, tuple[Item, str]]] = {
    "a child's name": (item("child_name", **NAME), "Adagiven Shelleyname"),
    "a given name": (item("child_name", **NAME), "Adagiven"),
    "an adult's family name": (item("adult_name", **NAME), "Shelleyname"),
    "a child's birth": (item("child_dob", date="2015-04-09", certainty="exact"), "9 April 2015"),
    "an adult's birth": (item("adult_dob", date="1985-04-09", certainty="exact"), "9/4/1985"),
    "a house": (item("address", lines=["1 Canary Road"], postcode="SE6 4RU"), "1 Canary Rd"),
    "a second line": (
        item("address", lines=["Flat 2", "7 Canary Road"], postcode="SE6 4RU"),
        "7 Canary Road",
    ),
    "a postcode": (item("address", lines=["1 Canary Road"], postcode="SE6 4RU"), "SE6 4RU"),
    "a property number": (
        item("address", lines=["1 Canary Road"], postcode="SE6 4RU", uprn="7000000019"),
        "7000000019",
    ),
    "who diagnosed": (
        item("disability", need="autism", by="Kaleidoscope Centre", adjustments=[]),
        "Kaleidoscope",
    ),
    "an NHS number": (item("nhs_number", number="999 000 0018", verified=True), "9990000018"),
    "a pupil number": (item("pupil_number", upn="X209999926001", status="permanent"), "x209999926001"),
    "a risk person": (item("risk_person", name="Derek Holloway"), "Holloway"),
    "a school": (item("school", name="Rushey Green Primary School", urn="100999"), "Rushey Green"),
    "a school's number": (item("school", name="Rushey Green", urn="100999"), "100999"),
    "a worker": (item("services_now", **GP, worker="Operation Bluebird"), "operation bluebird"),
    "a former worker": (item("services_past", **GP, worker="Team Falcon"), "Team Falcon"),
    "an e-mail": (
        item("contact", safe_to_use=True, kind="email", value="ada85@example.org"),
        "ada85@example.org",
    ),
    "its own part": (item("contact", safe_to_use=True, kind="email", value="ada85@example.org"), "ada85"),
    "a telephone": (item("contact", safe_to_use=True, kind="phone", value="+44 7700 900123"), "07700 900123"),
    "a mobile": (item("contact", safe_to_use=True, kind="mobile", value="07700900123"), "07700 900 123"),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("level", [Level.W, Level.G2, G1])
def test_what_is_not_told_in_full_is_cut(name: str, level: Level) -> None:
    held, written = VALUES[name]
    told = tell((held, level), (wish(f"About {written}, calm."), F))
    assert [f"About {NOUN}, calm."] == wishes(told)


IN_EITHER_CASE: Final = {
    "an NHS number",
    "a pupil number",
    "a postcode",
    "an e-mail",
    "a telephone",
    "a mobile",
}
"""What is cut by its shape, whoever it belongs to, unless it is told."""


@pytest.mark.parametrize("name", VALUES)
def test_what_is_told_in_full_stays(name: str) -> None:
    held, written = VALUES[name]
    told = tell((held, F), (wish(f"About {written}, calm."), F))
    assert [f"About {written}, calm."] == wishes(told)


@pytest.mark.parametrize("name", sorted(VALUES.keys() - IN_EITHER_CASE))
def test_what_the_record_does_not_hold_stays(name: str) -> None:
    assert [f"About {VALUES[name][1]}, calm."] == wishes(tell((wish(f"About {VALUES[name][1]}, calm."), F)))


@pytest.mark.parametrize("levels", [(F, G1), (G1, F), (F, Level.W)])
def test_of_one_persons_field_the_lowest_item_decides(levels: tuple[Level, Level]) -> None:
    """A field goes at its lowest item's level: told in part, both of its values are cut; a withheld one lowers nothing."""
    one, other = (item("school", name=name, phase="primary") for name in ("Rushey Green", "Sandhurst"))
    told = tell((one, levels[0]), (other, levels[1]), (wish("Rushey Green, then Sandhurst."), F))
    kept = "Rushey Green" if levels[1] is Level.W else NOUN
    assert [f"{kept}, then {NOUN}."] == wishes(told)


def test_one_persons_level_is_not_anothers() -> None:
    told = tell(
        (item("school", "ada", name="Rushey Green", phase="primary"), F),
        (item("school", "ben", name="Sandhurst", phase="primary"), G1),
        (wish("Rushey Green, then Sandhurst."), F),
    )
    assert [f"Rushey Green, then {NOUN}."] == wishes(told)


def test_one_fields_level_is_not_anothers() -> None:
    told = tell(
        (item("school", name="Rushey Green", phase="primary"), F),
        (item("nhs_number", number="9990000018", verified=True), G1),
        (wish("Rushey Green, then 9990000018."), F),
    )
    assert [f"Rushey Green, then {NOUN}."] == wishes(told)


def test_every_free_text_of_an_item_is_redacted_and_shown_beside_its_record() -> None:
    """In the order of their names, with what was cut; what is no free text is left as it is."""
    held = wish("Ask Adagiven.", voice="I am Adagiven.")
    told = tell((item("child_name", **NAME), Level.W), (held, F))
    assert [(held, "summary", f"Ask {NOUN}."), (held, "voice", f"I am {NOUN}.")] == [
        (each.item, each.member, each.text) for each in told.redacted
    ]
    assert [["known:name"], ["known:name"]] == [[cut.rule for cut in each.cuts] for each in told.redacted]
    (kept,) = told.items
    assert {"needs": ["routines"], "summary": f"Ask {NOUN}.", "voice": f"I am {NOUN}."} == kept.item.value
    assert (F, held.about, ()) == (kept.level, kept.item.about, tuple(told.kept_back))
    assert [f"Ask {NOUN}."] == wishes(told)
    assert not told.survived


def test_an_item_that_is_told_in_part_has_no_free_text_to_redact() -> None:
    held = wish("Ask Adagiven.")
    told = tell((item("child_name", **NAME), Level.W), (held, G1))
    assert [] == list(told.redacted)
    assert [PermittedItem(held, G1)] == list(told.items)
    assert [None] == wishes(told)


# --- What is shielded ---------------------------------------------------------------------------------------

WHERE: Final = {
    name: VALUES[name] for name in ("a house", "a postcode", "a school", "an e-mail", "a telephone")
}
LOCATES: Final = {
    "who diagnosed": (
        item("disability", need="autism", by="Kaleidoscope Centre", adjustments=[]),
        "Kaleidoscope Centre",
    ),
    "a pupil number": VALUES["a pupil number"],
    "a worker": VALUES["a worker"],
    "a former worker": VALUES["a former worker"],
}


@pytest.mark.parametrize("name", [*WHERE, *LOCATES, "a property number"])
def test_what_says_where_a_shielded_family_is_survives_nowhere(name: str) -> None:
    """Within a longer word no cut finds it: the second reading does, as long as the family is shielded."""
    held, written = {**VALUES, **LOCATES}[name]
    within = "".join(filter(str.isalnum, written))
    for shielded in (True, False):
        redactor = redactor_for(permit(shielded=shielded), [held], [])
        assert shielded is redactor.survives(f"my{within}home") is redactor.survives(written), name


@pytest.mark.parametrize("name", ["an adult's birth", "an NHS number", "a risk person", "a child's name"])
def test_what_does_not_say_where_they_are_is_not_shielded(name: str) -> None:
    held, written = VALUES[name]
    assert not redactor_for(permit(shielded=True), [held], []).survives(written)


def test_an_item_in_which_it_survives_is_kept_back_and_the_others_are_told() -> None:
    home = item("address", lines=["1 Canary Road"], postcode="SE6 4RU")
    told = tell(
        (home, Level.W),
        (wish("In myCanaryRoadhome."), F),
        (item("sen", type="SLCN", provision="K"), F),
        shielded=True,
    )
    assert (["help_wanted"], False) == (told.kept_back, told.survived)
    assert ["sen"] == [each.item.field for each in told.items]
    assert "case" not in told.record
    assert ["summary"] == [each.member for each in told.redacted]


def test_an_item_that_is_told_in_part_is_not_kept_back_for_what_it_does_not_tell() -> None:
    home = item("address", lines=["1 Canary Road"], postcode="SE6 4RU")
    told = tell((home, Level.W), (wish("In myCanaryRoadhome."), G1), shielded=True)
    assert [] == told.kept_back
    assert [None] == wishes(told)


def test_where_it_survives_in_no_one_item_nothing_is_told() -> None:
    """What an item tells in part spells a refuge: nothing of the record goes, and it is said which texts were read."""
    told = tell(
        (item("ethnicity", code="A", self_defined="Calm."), F),
        (item("help_wanted", needs=["bexfield-house"]), G1),
        hidden_agencies=frozenset({"bexfield-house"}),
    )
    assert told.survived
    assert ((), {}) == (told.items, told.record)
    assert ["self_defined"] == [each.member for each in told.redacted]
    assert [] == told.kept_back


def test_a_refuge_that_must_not_be_known_is_cut_as_it_is_spoken() -> None:
    told = tell((wish("Bexfield House rang."), F), hidden_agencies=frozenset({"bexfield-house"}))
    assert [f"{NOUN} rang."] == wishes(told)
    kept = tell((wish("At mybexfieldhousehome."), F), hidden_agencies=frozenset({"bexfield-house"}))
    assert ["help_wanted"] == kept.kept_back


def test_a_refuge_named_within_the_recipients_own_name_takes_nothing_of_theirs() -> None:
    """The refuge "bexfield" must not be known to "bexfield-house"; its own name says no more than that."""
    own = replace(permit().profile, agency=AgencyCode("bexfield-house"))
    service = item("services_now", **GP, agency="bexfield-house")
    told = tell((service, F), profile=own, hidden_agencies=frozenset({"bexfield"}))
    assert [] == told.kept_back
    assert "bexfield-house" in str(told.record)
    kept = tell((service, F), profile=own, hidden_agencies=frozenset({"bexfield-hall"}))
    assert [] == kept.kept_back


def tell_as_signed(places: list[list[tuple[int, int]]], *items: Item, **changes: Any) -> Told:
    """What is told of items whose texts are cut where they were when they were signed."""
    given = permit(**changes)
    permitted = [PermittedItem(each, F) for each in items]
    context = recipient_context(permitted, permit=given, people=[], now=NOW)
    return tell_with_narrative(given, items, permitted, context=context, people=[], places=iter(places))


def test_what_was_signed_is_cut_there_and_not_searched_again() -> None:
    """Text by text in their order; a name that no place says stays, and one that is told is cut where a place says so."""
    told = tell_as_signed(
        [[(0, 3)], []], wish("Ada sings."), item("ethnicity", code="A", self_defined="Ada.")
    )
    assert [f"{NOUN} sings.", "Ada."] == [each.text for each in told.redacted]
    assert [()] * 2 == [tuple(each.cuts) for each in told.redacted]
    assert [f"{NOUN} sings."] == wishes(told)


def test_fewer_places_than_texts_tell_nothing() -> None:
    with pytest.raises(ValueError, match=r"^what was signed has fewer texts$"):
        tell_as_signed([[]], wish("Ada sings."), item("ethnicity", code="A", self_defined="Ada."))


def test_a_refuge_is_looked_for_in_what_was_signed() -> None:
    """It may have become one that must not be known since."""
    hidden = frozenset({"bexfield-house"})
    assert ["help_wanted"] == tell_as_signed(
        [[]], wish("Bexfield House rang."), hidden_agencies=hidden
    ).kept_back
    assert [] == tell_as_signed([[]], wish("Canary Hall rang."), hidden_agencies=hidden).kept_back
    own = replace(permit().profile, agency=AgencyCode("bexfield-house"))
    told = tell_as_signed([[]], wish("Bexfield House rang."), profile=own, hidden_agencies=hidden)
    assert [] == told.kept_back


def test_every_text_of_a_value_is_found_and_no_name_of_a_member() -> None:
    value = {"a": "one", "b": [{"c": "two", "d": True}, "three"], "e": 4, "f": {"g": ["four"]}}
    assert {"one", "two", "three", "four"} == set(texts_of(value))  # type: ignore[arg-type]
    assert ["alone"] == list(texts_of("alone"))
