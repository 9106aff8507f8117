"""A family's receipt says what was decided and nothing that the paper's finder should not learn."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from agencies.catalogue import CATEGORIES
from agencies.model import AgencyKind
from gateway.cases.errors import UnknownCaseError
from gateway.cases.model import Shield
from gateway.cases.service import erase_family, shield
from gateway.consent.commands import consent
from gateway.consent.receipt import receipt_of
from gateway.consent.receipt_words import CATEGORY_WORDS, FIELD_WORDS
from gateway.consent.views import register
from gateway.database import open_engine
from gateway.oauth.access import ROUTES
from gateway.oauth.model import Scope
from gateway.problems import NOT_FOUND_BODY, Problem, problem_response
from gateway.wiring import Wiring
from tests.gateway.consent.conftest import COUNCIL
from tests.gateway.consent.paper import Paper
from tests.support.prepared import made_once
from tests.support.rooms import environment, room_client
from tests.support.throwaway import Database
from tests.support.world import ALL_CATEGORIES, NAMED_FIELDS, STAFF, World, small_family

REF: Final = "EH-1"
MUM, ADA, BEN, DAN = (f"{REF}-{who}" for who in ("mum", "ada", "ben", "dan"))
CANARIES: Final = (
    "Mary",
    "Shelleyname",
    "Adagiven",
    "Bengiven",
    "2015-04-09",
    "April 2015",
    "Canary Road",
    "SE6",
    REF,
)
ASKED: Final[dict[str, Any]] = {"evidence": {"receipt": {"shows_sensitive": True}}}
FOR_ADA: Final[dict[str, Any]] = {
    "given_by": {"person": MUM, "capacity": "parental_responsibility"},
    "evidence": {"parental_responsibility": {"basis": "birth_mother", "seen": "birth certificate"}},
}
NAMES: Final = {
    "camhs": "The camhs",
    "charity": "The charity",
    "education": "The education",
    "refuge": "The refuge",
}


def prepare(wiring: Wiring) -> World:
    council = World(wiring)
    for code in NAMES:
        council.join(code)
    family = small_family(REF)
    family["people"].append({"id": DAN, "role": "other", "risk_person": True})
    council.import_families(family)
    return council


prepared, database, wiring, world = made_once(prepare)


@pytest.fixture
def http(world: World) -> Iterator[FlaskClient]:
    client = room_client(world.wiring, COUNCIL, register=register)
    client.application.register_error_handler(Problem, problem_response)
    with client:
        yield client


def page_of(world: World, person: str = MUM, *, decision_id: UUID | None = None) -> Paper:
    receipt = receipt_of(world.wiring, source_ref=REF, person=person, decision_id=decision_id)
    return Paper(receipt.to_html().decode())


def get(http: FlaskClient, person: str = MUM, source_ref: str = REF, **asked: str) -> TestResponse:
    return http.get(f"/v1/cases/{source_ref}/people/{person}/consent-receipt", query_string=asked)


def run(world: World, *words: str) -> Result:
    return CliRunner().invoke(consent, ["receipt", *words], env=environment(world.wiring))


def decision_ids(world: World) -> list[UUID]:
    with world.wiring.engine.connect() as connection:
        found = connection.execute(
            text("SELECT decision_id FROM consent_registry.decision ORDER BY sequence")
        )
        return [*found.scalars()]


def protect(world: World, level: Shield) -> None:
    """Protect where the mother is."""
    family_id, person_id = world.family_id(REF), world.person_id(REF, MUM)
    shield(world.wiring, family_id=family_id, person_id=person_id, level=level, actor="test")


def both_forms(world: World, person: str = MUM, *, decision_id: UUID | None = None) -> bytes:
    """Everything that a receipt can be told as."""
    receipt = receipt_of(world.wiring, source_ref=REF, person=person, decision_id=decision_id)
    return receipt.to_html() + receipt.to_html(large_print=True) + receipt.to_json()


# ---- what it tells ----------------------------------------------------------------------------------------


def test_a_yes_is_told_with_services_kinds_of_information_and_purposes(world: World) -> None:
    world.give(REF, MUM, agencies=["camhs", "charity"], categories=["health"], fields=[], purposes=["P1"])
    expected = ["The camhs", "The charity", "health of body and mind", "to talk about who can help"]
    page = page_of(world)
    assert expected == page.words("li")
    assert f"by {STAFF}." in page.said
    assert "the notice “early-help”, version 1, in the language “en”" in page.said


def test_what_stands_is_told_after_a_part_was_stopped(world: World) -> None:
    world.give(REF, MUM, agencies=["camhs", "charity"], categories=["health"], fields=[], purposes=["P1"])
    world.withdraw(REF, MUM, agencies=["camhs"])
    assert ["The charity"] == page_of(world).words("li")[:1]
    given, stopped = decision_ids(world)
    assert ["The camhs", "The charity"] == page_of(world, decision_id=given).words("li")[:2]
    assert "Part of the sharing" in page_of(world, decision_id=stopped).said


def test_a_withdrawal_with_nothing_but_its_core_has_a_receipt(world: World) -> None:
    """The person who says "stop" and nothing else goes home with a paper too."""
    world.give(REF, MUM)
    world.withdraw(REF, MUM)
    said = page_of(world).said
    assert "Sharing of information about you stopped on " in said
    assert "We tell each service that already has this information to stop using it." in said


def test_a_childs_receipt_speaks_of_the_child_and_says_when_a_parents_yes_ends(world: World) -> None:
    world.give(REF, ADA, **FOR_ADA)
    said = page_of(world, ADA).said
    assert "We share information about your child." in said
    assert "It ends sooner if your child turns 16 before then." in said


def test_a_young_person_who_turned_sixteen_is_told_to_be_of_age_and_no_birthday(world: World) -> None:
    world.give(REF, ADA, **FOR_ADA)
    corrected = small_family(REF)
    born = {"date": f"{world.today.year - 17}-01-05", "certainty": "exact"}
    corrected["items"] = [
        {**each, "value": born} if each["about"] == [ADA] and each["field"] == "child_dob" else each
        for each in corrected["items"]
    ]
    world.import_families(corrected)
    said = page_of(world, ADA).said
    assert "It has ended, because your child is now old enough to decide." in said
    assert "January" not in said


def test_a_person_of_whom_nothing_was_decided_has_an_empty_receipt(world: World) -> None:
    assert "There is nothing to list here." in page_of(world, BEN).said


def test_the_same_receipt_twice_is_the_same_bytes(world: World) -> None:
    world.give(REF, MUM)
    assert both_forms(world) == both_forms(world)
    (decision,) = decision_ids(world)
    assert both_forms(world, decision_id=decision) == both_forms(world, decision_id=decision)


def test_nobody_is_named_and_nothing_of_the_record_is_told(world: World) -> None:
    world.give(REF, MUM, **ASKED)
    world.give(REF, ADA, **FOR_ADA)
    told = both_forms(world) + both_forms(world, ADA)
    assert [] == [canary for canary in CANARIES if canary.encode() in told]


def test_a_recorder_nobody_vouches_for_is_not_printed(world: World) -> None:
    """What stands in such a member is anybody's text, for example a refuge's worker."""
    world.give(REF, MUM)
    world.withdraw(REF, MUM, recorded_by="worker.of.the.refuge")
    told = both_forms(world)
    assert b"worker.of.the.refuge" not in told
    assert b"by the Early Help Team." in told


# ---- what stays off paper ---------------------------------------------------------------------------------

SENSITIVE: Final = ("The refuge", *FIELD_WORDS.values())


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        pytest.param({}, False, id="nobody asked"),
        pytest.param(ASKED, True, id="asked, alone and safe"),
        pytest.param({**ASKED, "alone_and_safe": "unknown"}, False, id="nobody knows who was there"),
        pytest.param({"evidence": {"receipt": {"shows_sensitive": False}}}, False, id="said no"),
    ],
)
def test_a_refuge_and_what_is_covered_by_name_only_need_the_persons_own_wish(
    world: World, changes: dict[str, Any], shown: bool
) -> None:
    world.give(REF, MUM, **changes)
    (decision,) = decision_ids(world)
    for page in (page_of(world), page_of(world, decision_id=decision)):
        assert ([*SENSITIVE] if shown else []) == [phrase for phrase in SENSITIVE if phrase in page.said]
    said_as_json = receipt_of(world.wiring, source_ref=REF, person=MUM).to_json().decode()
    codes = ("refuge", *NAMED_FIELDS)
    assert ([*codes] if shown else []) == [code for code in codes if code in said_as_json]


def test_a_parent_cannot_ask_for_it_for_a_child(world: World) -> None:
    evidence = {**FOR_ADA["evidence"], **ASKED["evidence"]}
    world.give(REF, ADA, **{**FOR_ADA, "evidence": evidence})
    assert [] == [phrase for phrase in SENSITIVE if phrase in page_of(world, ADA).said]


def test_a_wish_ends_with_the_next_decision(world: World) -> None:
    """Nobody knows who stands beside the person now."""
    world.give(REF, MUM, **ASKED)
    world.withdraw(REF, MUM, agencies=["charity"])
    assert "The refuge" not in page_of(world).said


def test_with_and_without_a_refuge_the_paper_is_byte_for_byte_the_same(
    world: World, database: Database
) -> None:
    """Whoever finds the paper must not be able to tell that something is missing from it."""
    world.give(REF, MUM, exclude=["kind:youth", "refuge"], agencies=["all"])
    world.give(REF, MUM)
    world.withdraw(REF, MUM, agencies=["kind:refuge", "charity"])
    world.withdraw(REF, MUM, fields=["domestic_abuse"], categories=["history"])
    decisions = [None, *decision_ids(world)]
    papers = [both_forms(world, decision_id=decision) for decision in decisions]
    strip(database)
    assert papers == [both_forms(world, decision_id=decision) for decision in decisions]


def strip(database: Database) -> None:
    """Rewrite what was stored as if the refuge and the named fields had never been spoken of."""
    owner = open_engine(database.owner_url)
    gone = {"refuge", "kind:refuge", *NAMED_FIELDS}
    with owner.begin() as connection:
        stored = connection.execute(text("SELECT decision_id, scope FROM consent_registry.decision")).all()
        for decision_id, scope in stored:
            for member in ("agencies", "exclude", "fields"):
                scope[member] = sorted({*scope.get(member, ())} - gone)
            scope.get("profiles_shown", {}).pop("refuge", None)
            connection.execute(
                text(
                    "UPDATE consent_registry.decision SET scope = CAST(:scope AS jsonb) WHERE decision_id = :id"
                ),
                {"id": decision_id, "scope": json.dumps(scope)},
            )
    owner.dispose()


def test_for_somebody_shielded_nothing_tells_where_they_are(world: World) -> None:
    world.give(REF, MUM, fields=["address", "attendance", "contact", "school"])
    words = [CATEGORY_WORDS[category] for category in ("address", "contact", "pupil_number")]
    assert [*words, "The education"] == [
        phrase for phrase in (*words, "The education") if phrase in page_of(world).said
    ]
    protect(world, Shield.RESTRICTED)
    (decision,) = decision_ids(world)
    told = (both_forms(world) + both_forms(world, decision_id=decision)).lower()
    clues = [b"address", b"contact", b"school", b"phone", b"education", b"pupil", STAFF.encode()]
    assert [] == [clue for clue in clues if clue in told.replace(b"party_address", b"")]
    assert b"The camhs" in both_forms(world)


def test_a_shield_is_the_persons_own(world: World) -> None:
    """Whoever is not shielded must not read from a gap on their own paper that somebody is."""
    world.give(REF, ADA, **FOR_ADA)
    before = both_forms(world, ADA)
    protect(world, Shield.REFUGE)
    assert before == both_forms(world, ADA)


def test_a_worker_is_not_named_where_somebody_must_not_learn_of_them(world: World) -> None:
    world.give(REF, MUM)
    restricted = small_family(REF) | {"seals": ["party_restriction"]}
    world.import_families(restricted)
    assert STAFF not in page_of(world).said


def test_a_yes_to_a_refuge_alone_is_nothing_to_list(world: World) -> None:
    world.give(REF, MUM, agencies=["refuge"])
    (decision,) = decision_ids(world)
    assert "There is nothing to list here." in page_of(world).said
    with pytest.raises(UnknownCaseError):
        receipt_of(world.wiring, source_ref=REF, person=MUM, decision_id=decision)


def test_the_legal_basis_is_that_of_the_profile_that_was_shown(world: World) -> None:
    world.give(REF, MUM, agencies=["camhs"])
    fields: Any = receipt_of(world.wiring, source_ref=REF, person=MUM).fields
    (camhs,) = fields["pii_processing"]["recipient_third_parties"]
    assert {"article6": "6(1)(e)", "article9": "9(2)(h)"} == camhs["lawful_basis"]
    assert 1 == camhs["profile_version"]


# ---- who gets it ------------------------------------------------------------------------------------------


def test_the_case_system_fetches_every_form(world: World, http: FlaskClient) -> None:
    world.give(REF, MUM)
    receipt = receipt_of(world.wiring, source_ref=REF, person=MUM)
    answers = [get(http), get(http, format="html", print="large"), get(http, format="json")]
    assert [200] * 3 == [answer.status_code for answer in answers]
    assert [receipt.to_html(), receipt.to_html(large_print=True), receipt.to_json()] == [
        answer.data for answer in answers
    ]
    assert ["text/html; charset=utf-8"] * 2 + ["application/json"] == [
        answer.content_type for answer in answers
    ]
    (decision,) = decision_ids(world)
    assert str(decision) == json.loads(get(http, format="json", decision=str(decision)).data)["record_id"]


def test_only_the_councils_case_system_may_ask() -> None:
    assert Scope.CONSENT_WRITE is ROUTES["consent.receipt"]


@pytest.mark.parametrize(
    ("person", "source_ref", "decision"),
    [
        pytest.param(MUM, "EH-9", None, id="no such case"),
        pytest.param("EH-2-mum", REF, None, id="person of another case"),
        pytest.param(DAN, REF, None, id="somebody who is a risk"),
        pytest.param(MUM, REF, str(uuid4()), id="no such decision"),
        pytest.param(MUM, REF, "not-an-id", id="no id"),
        pytest.param(BEN, REF, "of mum", id="another person's decision"),
    ],
)
def test_what_there_is_no_receipt_of_is_the_constant_absence(
    world: World, http: FlaskClient, person: str, source_ref: str, decision: str | None
) -> None:
    world.import_families(small_family("EH-2"))
    world.give(REF, MUM)
    asked = {} if decision is None else {"decision": decision}
    if decision == "of mum":
        asked = {"decision": str(decision_ids(world)[0])}
    answer = get(http, person, source_ref, **asked)
    assert (404, NOT_FOUND_BODY) == (answer.status_code, answer.data)


def test_an_erased_family_is_absent(world: World, http: FlaskClient, eraser: Engine) -> None:
    world.give(REF, MUM)
    family_id = world.family_id(REF)
    erase_family(eraser, wiring=world.wiring, family_id=family_id, requested_by="test", approved_by="other")
    assert 404 == get(http).status_code


@pytest.mark.parametrize("asked", [{"format": "pdf"}, {"print": "huge"}])
def test_a_form_that_there_is_not_is_refused(http: FlaskClient, asked: dict[str, str]) -> None:
    answer = get(http, **asked)
    assert (400, "application/problem+json") == (answer.status_code, answer.content_type)


def test_a_command_prints_the_same(world: World) -> None:
    world.give(REF, MUM)
    receipt = receipt_of(world.wiring, source_ref=REF, person=MUM)
    (decision,) = decision_ids(world)
    of_decision = receipt_of(world.wiring, source_ref=REF, person=MUM, decision_id=decision)
    expected = [
        ((), receipt.to_html()),
        (("--large-print",), receipt.to_html(large_print=True)),
        (("--json",), receipt.to_json()),
        (("--decision", str(decision)), of_decision.to_html()),
    ]
    assert [told for _, told in expected] == [
        run(world, REF, MUM, *words).stdout_bytes for words, _ in expected
    ]


def test_a_file_is_for_its_owner_alone(world: World, tmp_path: Path) -> None:
    world.give(REF, MUM)
    file = tmp_path / "receipt.html"
    result = run(world, REF, MUM, "--output", str(file))
    assert (0, "") == (result.exit_code, result.output)
    assert receipt_of(world.wiring, source_ref=REF, person=MUM).to_html() == file.read_bytes()
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        pytest.param(("EH-9", MUM), 1, "Error: There is no such receipt.\n", id="no such case"),
        pytest.param((REF, "nobody"), 1, "Error: There is no such receipt.\n", id="no such person"),
        pytest.param(
            (REF, MUM, "--json", "--large-print"), 2, "Error: JSON has no print size.\n", id="two forms"
        ),
        pytest.param(
            (REF, MUM, "--output", "no/such/folder/paper.html"),
            1,
            "Error: The file cannot be written.\n",
            id="no folder",
        ),
    ],
)
def test_a_command_without_a_receipt_says_so_in_a_sentence(
    world: World, words: tuple[str, ...], status: int, said: str
) -> None:
    result = run(world, *words)
    assert (status, True) == (result.exit_code, result.output.endswith(said))


def test_every_category_is_told(world: World) -> None:
    """What the tests give is what there is."""
    assert set(ALL_CATEGORIES) == set(CATEGORIES)
    assert AgencyKind.REFUGE in AgencyKind
    world.give(REF, MUM)
    said = page_of(world).said
    assert [] == [words for words in CATEGORY_WORDS.values() if words not in said]
