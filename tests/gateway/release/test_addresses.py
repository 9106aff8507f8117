"""An address taken apart: its parts, the buildings they name, and the forms in which those may be written."""

from collections.abc import Sequence
from typing import Final

import pytest

from gateway.release.narrative.addresses import building_forms, buildings_of, segments_of
from gateway.release.narrative.known import Building, Source
from gateway.release.narrative.reading import read

ROAD: Final = ("road", "rd")

SEGMENTS: Final[dict[str, list[str]]] = {
    "12 Canary Road, SE6 4RU": ["12 canary road"],
    "SE6 4RU 12 Canary Road": ["12 canary road"],
    "12 Canary Road SE6 4RU London": ["12 canary road london"],
    "12 Canary Road SE6 4RU5": ["12 canary road", "se6", "4ru5"],
    "12 Canary Road Catford": ["12 canary road catford"],
    "Rose Cottage 3 High Street": ["rose cottage", "3 high street"],
    "Rose Cottage. High Street": ["rose cottage", "high street"],
    "Oak Avenue\nLewisham": ["oak avenue", "lewisham"],
    "Flat 2 7 Canary Road": ["flat 2", "7 canary road"],
    "Flat B 7 Canary Road": ["flat b", "7 canary road"],
    "7 Flat 2": ["7 flat 2"],
    "St James's Road": ["st jamess road"],
    "12 St. James Road": ["12 st james road"],
    "3 High St. Rushey": ["3 high st rushey"],
    "12 Rose. James Road": ["12 rose", "james road"],
    "12 St, James Road": ["12 st", "james road"],
    "St James'T Road": ["st james t road"],
    "Canary s Road": ["canary s road"],
}


@pytest.mark.parametrize("address", SEGMENTS)
def test_parts_begin_at_a_comma_and_at_a_number_that_is_no_flats(address: str) -> None:
    assert SEGMENTS[address] == [" ".join(each) for each in segments_of(read(address))]


def street(own: str, *doors: str, kinds: tuple[str, ...] = ROAD) -> Building:
    return Building(tuple((door,) for door in doors), tuple(own.split()), kinds, is_locality=False)


def locality(own: str) -> Building:
    return Building((), tuple(own.split()), (), is_locality=True)


COURT: Final = ("court", "ct", "crt")
CLOSE: Final = ("close", "cl")
GROVE: Final = ("grove", "gr", "grv")
STREET: Final = ("street", "st", "str")
BUILDINGS: Final[dict[str, list[Building]]] = {
    "12 Canary Road": [street("canary", "12")],
    "7 Canary Road Rushey Green": [street("canary", "7"), locality("rushey green")],
    "7 Canary Road, Catford": [street("canary", "7"), locality("catford")],
    "The Grove": [street("the", kinds=GROVE)],
    "Avenue Road": [street("avenue")],
    "Catford": [street("catford", kinds=())],
    "7 Catford": [street("catford", "7", kinds=())],
    "Park Road Court": [street("park"), locality("court"), street("park road", kinds=COURT)],
    "5 The Street Grove Close": [
        street("the", "5", kinds=STREET),
        locality("grove close"),
        street("the street grove", "5", kinds=CLOSE),
    ],
    "Catford, 7 Rushey": [street("catford", kinds=()), street("rushey", "7", kinds=())],
}


def by_name(buildings: Sequence[Building]) -> list[Building]:
    return sorted(buildings, key=lambda each: each.own)


@pytest.mark.parametrize("address", BUILDINGS)
def test_a_name_ends_at_its_first_and_its_last_kind_of_street_and_what_follows_is_a_place(
    address: str,
) -> None:
    assert by_name(BUILDINGS[address]) == by_name(buildings_of(segments_of(read(address))))


def forms(address: str, *, shielded: bool) -> set[str]:
    """Every form in which an address is looked for."""
    reading = read(address)
    source = Source(reading, (), buildings_of(segments_of(reading)), None, shielded, is_told=False)
    return {" ".join(pieces) for pieces, _ in building_forms(source)}


def test_a_street_goes_by_its_name_alone_where_that_is_told_apart_or_shielded() -> None:
    numbered = {"3 high street", "3 high st", "3 high str"}
    alone = {"high street", "high st", "high str"}
    assert numbered == forms("3 High Street", shielded=False)
    assert numbered | alone == forms("3 High Street", shielded=True)
    assert {"3 canary road", "3 canary rd", "3 canary", "canary road", "canary rd"} == forms(
        "3 Canary Road", shielded=False
    )


def test_a_town_is_looked_for_only_where_the_address_is_shielded_and_never_a_city_that_is_everywhere() -> (
    None
):
    assert "rushey" in forms("3 High Street, Rushey", shielded=True)
    assert "rushey" not in forms("3 High Street, Rushey", shielded=False)
    assert "london" not in forms("3 High Street, London", shielded=True)


def test_a_house_of_one_word_is_no_word_to_be_looked_for_without_its_number() -> None:
    assert {"3 canary"} == forms("3 Canary", shielded=True)
    assert {"3 st anne road", "3 saint anne road", "3 st anne rd", "3 saint anne rd"} <= forms(
        "3 St Anne Road", shielded=False
    )
