"""Absence says nothing: every reason for which a case is not released has one answer, at one price.

A partner who asks about a case learns nothing from a refusal: not whether the case exists, not whose it is, not
that a family said no. So all refusals are one constant 404, behind which the same statements ran.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway.cases.service import close_case, erase_family
from gateway.database import open_engine
from gateway.disclosure_log.reading import newest
from gateway.keyring import NULL_FAMILY
from gateway.problems import NOT_FOUND_BODY
from tests.support.served import Served
from tests.support.statements import statements
from tests.support.world import World, household, small_family

VARIES = {"x-request-id", "date"}
MEMBERS = ["camhs", "health"]


@dataclass(frozen=True)
class Absence:
    """One question that must not be answered.

    Attributes:
        prepare: brings the family ``source_ref`` about and returns what is asked for.
        recorded_under_nobody: there is no family to record the refusal under.
    """

    prepare: Callable[[Served, str], object]
    agency: str = "camhs"
    purpose: str = "P1"
    recorded_under_nobody: bool = False


def own_ref(gateway: Served, ref: str, *, agency: str = "camhs") -> UUID:
    return gateway.world.case_ref(agency, ref)


def listed(world: World, ref: str, *, members: list[str] | None = None) -> None:
    """A family who all said yes, before a panel."""
    household(world, ref, listed=False)
    world.list_cases(ref, members=members or MEMBERS, ref=f"M-{ref}")


def others_ref(gateway: Served, ref: str) -> object:
    listed(gateway.world, ref)
    return own_ref(gateway, ref, agency="health")


def not_listed(gateway: Served, ref: str) -> object:
    household(gateway.world, ref, listed=False)
    return own_ref(gateway, ref)


def listed_elsewhere(gateway: Served, ref: str) -> object:
    listed(gateway.world, ref, members=["health"])
    return own_ref(gateway, ref)


def offer_elsewhere(gateway: Served, ref: str) -> object:
    listed(gateway.world, ref)
    gateway.world.accept_offer(ref, "health")
    return own_ref(gateway, ref)


def nobody_decided(gateway: Served, ref: str) -> object:
    gateway.world.import_families(small_family(ref))
    gateway.world.accept_offer(ref, "camhs")
    return own_ref(gateway, ref)


def yes_to_another(gateway: Served, ref: str) -> object:
    gateway.world.import_families(small_family(ref))
    for person in small_family(ref)["people"]:
        gateway.world.give(ref, person["id"], agencies=["health"])
    gateway.world.list_cases(ref, members=MEMBERS, ref=f"M-{ref}")
    return own_ref(gateway, ref)


def after(act: str, **scope: object) -> Callable[[Served, str], object]:
    """Everybody said yes, then everybody said this."""

    def prepare(gateway: Served, ref: str) -> object:
        listed(gateway.world, ref)
        for person in small_family(ref)["people"]:
            gateway.world.decide(ref, person["id"], act, **scope)
        return own_ref(gateway, ref)

    return prepare


def expired(gateway: Served, ref: str) -> object:
    listed(gateway.world, ref)
    for person in small_family(ref)["people"]:
        gateway.world.expire(ref, person["id"])
    return own_ref(gateway, ref)


def closed(gateway: Served, ref: str) -> object:
    listed(gateway.world, ref)
    close_case(gateway.wiring, family_id=gateway.world.family_id(ref), actor="test")
    return own_ref(gateway, ref)


def imported_again(**changes: object) -> Callable[[Served, str], object]:
    """Listed first; then the council's case system sent the case with these changes."""

    def prepare(gateway: Served, ref: str) -> object:
        listed(gateway.world, ref)
        gateway.world.import_families({**small_family(ref), **changes})
        return own_ref(gateway, ref)

    return prepare


def known_to(agency: str) -> Callable[[Served, str], object]:
    def prepare(gateway: Served, ref: str) -> object:
        listed(gateway.world, ref)
        return own_ref(gateway, ref, agency=agency)

    return prepare


def erased(gateway: Served, ref: str) -> object:
    listed(gateway.world, ref)
    case_ref = own_ref(gateway, ref)
    eraser = open_engine(gateway.database.eraser_url)
    erase_family(
        eraser,
        wiring=gateway.wiring,
        family_id=gateway.world.family_id(ref),
        requested_by="test",
        approved_by="other",
    )
    eraser.dispose()
    return case_ref


ABSENCES: Mapping[str, Absence] = {
    "unknown ref": Absence(lambda *_: uuid4(), recorded_under_nobody=True),
    "no ref at all": Absence(lambda *_: "not-a-ref", recorded_under_nobody=True),
    "half a ref": Absence(lambda *_: str(uuid4())[:-1], recorded_under_nobody=True),
    "the nil ref": Absence(lambda *_: UUID(int=0), recorded_under_nobody=True),
    "another agency's ref": Absence(others_ref, recorded_under_nobody=True),
    "not listed": Absence(not_listed),
    "listed, not a member": Absence(listed_elsewhere),
    "offer to another agency": Absence(offer_elsewhere, purpose="P2"),
    "offer to another agency, tracking": Absence(offer_elsewhere, purpose="P3"),
    "nobody decided": Absence(nobody_decided, purpose="P2"),
    "yes to another agency": Absence(yes_to_another),
    "withdrawn": Absence(after("withdraw")),
    "withdrawn from this agency": Absence(after("withdraw", agencies=["camhs"])),
    "refused": Absence(after("refuse")),
    "held": Absence(after("hold")),
    "invalidated": Absence(after("invalidate")),
    "expired": Absence(expired),
    "closed": Absence(closed),
    "level 3": Absence(imported_again(threshold_level=3)),
    "level 1": Absence(imported_again(threshold_level=1)),
    "closed by the case system": Absence(imported_again(status="closed")),
    "nothing in the record": Absence(imported_again(items=[])),
    "party restriction": Absence(imported_again(seals=["party_restriction"])),
    "conflict": Absence(imported_again(seals=["conflict"])),
    "adoption": Absence(imported_again(seals=["adoption"])),
    "an interest of the agency": Absence(imported_again(conflicts=[{"agency": "camhs"}])),
    "an interest of the practitioner": Absence(
        imported_again(conflicts=[{"agency": "camhs", "practitioner": "camhs-1"}])
    ),
    "commissioning": Absence(known_to("commissioning"), agency="commissioning"),
    "police": Absence(known_to("police"), agency="police"),
    "police after an offer": Absence(known_to("police"), agency="police", purpose="P2"),
    "erased": Absence(erased, recorded_under_nobody=True),
}


@dataclass
class Asked:
    """What came of one question."""

    answer: TestResponse
    sent: list[str]
    kinds: list[str]
    families: list[UUID] = field(default_factory=list)


@pytest.fixture(scope="module")
def council(gateway: Served) -> Served:
    for kind in ("camhs", "health", "commissioning", "police"):
        gateway.world.join(kind)
        gateway.token(kind)
    return gateway


@pytest.fixture(scope="module")
def answers(council: Served) -> Mapping[str, Asked]:
    """Every question asked once; each family was brought about before."""
    made = {}
    for place, (name, absence) in enumerate(ABSENCES.items()):
        case_ref = absence.prepare(council, f"AB-{place}")
        council.pull(absence.agency, uuid4(), purpose=absence.purpose)  # its token, and our key to check it
        before = log_size(council)
        with statements() as sent:
            answer = council.pull(absence.agency, case_ref, purpose=absence.purpose)
        made[name] = Asked(answer, sent, *entries_since(council, before))
    return made


def log_size(gateway: Served) -> int:
    with gateway.wiring.engine.connect() as connection:
        size: int = connection.execute(text("SELECT count(*) FROM gateway.log_entry")).scalar_one()
    return size


def entries_since(gateway: Served, before: int) -> tuple[list[str], list[UUID]]:
    """The kinds of the entries written since, and the families that they are traced to."""
    with gateway.wiring.engine.connect() as connection:
        count = log_size(gateway) - before
        kinds = [line.kind for line in newest(connection, keyring=gateway.wiring.keyring, count=count)]
        families = connection.execute(
            text(
                "SELECT t.family_id FROM gateway.log_entry e JOIN gateway.log_trace t USING (entry_id)"
                " WHERE e.leaf_index >= :before ORDER BY e.leaf_index"
            ),
            {"before": before},
        ).scalars()
        return kinds, list(families)


def headers(answer: TestResponse) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers if name.lower() not in VARIES]


def test_the_case_is_released_where_nothing_stands_against_it(council: Served) -> None:
    """The families of this module would be released but for the one thing that each lacks."""
    listed(council.world, "AB-well")
    assert 200 == council.pull("camhs", own_ref(council, "AB-well")).status_code


@pytest.mark.parametrize("name", ABSENCES)
def test_the_answer_is_the_one_constant(answers: Mapping[str, Asked], name: str) -> None:
    answer = answers[name].answer
    assert (404, NOT_FOUND_BODY) == (answer.status_code, answer.get_data())
    assert headers(answers["unknown ref"].answer) == headers(answer)
    assert "X-Request-ID" in answer.headers


@pytest.mark.parametrize("name", ABSENCES)
def test_the_same_statements_ran(answers: Mapping[str, Asked], name: str) -> None:
    """From the check of the token on; so neither their number nor their text takes another time."""
    assert answers["unknown ref"].sent == answers[name].sent


@pytest.mark.parametrize("name", ABSENCES)
def test_one_refusal_is_recorded(answers: Mapping[str, Asked], council: Served, name: str) -> None:
    """Under its family, or under nobody where there is none for this agency."""
    asked, nobody = answers[name], ABSENCES[name].recorded_under_nobody
    assert ["extract.refuse"] == asked.kinds
    family = NULL_FAMILY if nobody else council.world.family_id(f"AB-{list(ABSENCES).index(name)}")
    assert [family] == asked.families


@pytest.mark.parametrize("condition", ["If-None-Match", "If-Match", "If-Modified-Since", "If-Range"])
def test_a_conditional_request_tells_nothing(council: Served, condition: str) -> None:
    """No answer has an ETag to compare, present or absent, and a condition changes neither."""
    value = "Thu, 01 Jan 2099 00:00:00 GMT" if condition == "If-Modified-Since" else "*"
    present = (
        council.world.case_ref("camhs", "AB-present") if "AB-present" in council.world.families else None
    )
    if present is None:
        listed(council.world, "AB-present")
        present = own_ref(council, "AB-present")
    there = council.pull("camhs", present, headers=[(condition, value)])
    missing = council.pull("camhs", uuid4(), headers=[(condition, value)])
    assert (200, 404) == (there.status_code, missing.status_code)
    assert missing.get_data() == NOT_FOUND_BODY
    for answer in (there, missing):
        assert not {"etag", "last-modified"} & {name.lower() for name, _ in answer.headers}


def test_a_missing_scope_is_403_before_anybody_looks(council: Served) -> None:
    """The same for a case that exists and one that does not, and not a statement of the release."""
    listed(council.world, "AB-scope")
    partner = council.partner("camhs")
    token = partner.token(
        scope="panel:read",
        authorization_details='[{"type":"case_action","practitioner":{"id":"camhs-1"}}]',
    )
    partner.get(f"/v1/cases/{uuid4()}/extract", token)  # for our key to check it
    before, found = log_size(council), []
    for case_ref in (own_ref(council, "AB-scope"), uuid4(), "not-a-ref"):
        with statements() as sent:
            answer = partner.get(f"/v1/cases/{case_ref}/extract", token)
        found.append((answer.status_code, answer.get_data(), headers(answer), sent))
    assert 403 == found[0][0]
    assert found[1:] == found[:1] * 2
    assert before == log_size(council)
    assert not any("case_record" in statement or "append" in statement for statement in found[0][3])
    assert 1 == len(found[0][3])
