"""Finding people by what is known of them, and what agencies call them."""

from gateway.cases import repository
from gateway.cases.search import Found, IndexKind, name_and_birth
from gateway.wiring import Wiring
from tests.gateway.cases.documents import family
from tests.gateway.cases.stored import add_agency, found, identity_of, load, person_of, rows


def test_a_person_is_found_by_name_with_birth_and_by_numbers(wiring: Wiring) -> None:
    load(wiring, family())
    ada = [Found(identity_of(wiring).family_id, person_of(wiring, "P-ADA"))]
    by_name = name_and_birth(" ADA", "canary  byron", "2015-04-09")
    assert found(wiring, IndexKind.NAME_DOB, by_name) == ada
    assert found(wiring, IndexKind.NHS_NUMBER, "9990000018") == ada
    assert found(wiring, IndexKind.PUPIL_NUMBER, "x209999926001") == ada


def test_a_name_without_its_birth_finds_nobody(wiring: Wiring) -> None:
    """Names alone are for browsing, which does not exist."""
    load(wiring, family())
    assert found(wiring, IndexKind.NAME_DOB, name_and_birth("Ada", "CANARY Byron", "2015-04-08")) == []
    assert found(wiring, IndexKind.PUPIL_NUMBER, "9990000018") == []


def test_a_person_who_left_is_no_longer_found(wiring: Wiring) -> None:
    load(wiring, family())
    without = family()
    without["items"] = without["items"][6:]
    load(wiring, without)
    assert found(wiring, IndexKind.NHS_NUMBER, "9990000018") == []


def test_references_are_found_in_any_case_and_only_in_their_own_family(wiring: Wiring) -> None:
    load(wiring, family(), family("EH-1002", child="P-EVE"))
    assert identity_of(wiring, "eh-1001") == identity_of(wiring)
    with wiring.engine.connect() as connection:
        elsewhere = repository.person_in_case(
            connection,
            keyring=wiring.keyring,
            family_id=identity_of(wiring).family_id,
            person_ref="P-EVE",
        )
        nothing = repository.case_by_source_ref(connection, keyring=wiring.keyring, source_ref="EH-9")
    assert (elsewhere, nothing) == (None, None)


def test_every_agency_has_an_id_of_its_own_for_the_case_and_everyone_in_it(wiring: Wiring) -> None:
    add_agency(wiring, "one")
    load(wiring, family())
    add_agency(wiring, "two", mint=True)
    load(wiring, family())
    pairs = rows(wiring, "SELECT agency_code, thing_id, ref FROM gateway.pairwise")
    things = {identity_of(wiring).case_id, *(person_of(wiring, each["id"]) for each in family()["people"])}
    for code in ("one", "two"):
        assert {row.thing_id for row in pairs if row.agency_code == code} == things
    assert len({row.ref for row in pairs}) == len(pairs) == 10
