"""For whom a referral exists, and that for everybody else nothing at all is different."""

import re
from collections.abc import Iterator, Mapping
from uuid import uuid4

import pytest
from sqlalchemy import text

from gateway.console import family_views
from gateway.disclosure_log.reading import newest, of_family
from gateway.safeguarding import following, service
from gateway.safeguarding.model import Kind, Outcome, Referral
from gateway.safeguarding.sealing import Written
from gateway.staff.model import Belonging, Role
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import REST, SIX, caseworker, children_of, refer, world_of
from tests.support.pages import Somebody
from tests.support.prepared import made_once
from tests.support.world import World

PATHS = (
    "/console",
    "/console/approvals",
    "/console/families",
    "/console/families/find",
    "/console/families/team",
    "/console/families/{family}",
    "/console/families/{family}/packs",
    "/console/families/{family}/receipts/{mother}",
    "/console/families/{family}/refer",
    "/console/meetings",
    "/console/profiles",
    "/console/referrals",
    "/console/referrals/review",
    "/console/referrals/{referral}",
    "/console/sessions",
    "/console/tasks/case.opened",
    "/console/tasks/consent.stopped",
    "/desk",
    "/desk/recalls",
)
OTHERS: Mapping[str, tuple[Role, ...]] = {
    "colleague": (Role.CASEWORKER,),
    "teammate": (Role.CASEWORKER,),
    "manager": (Role.MANAGER,),
    "chair": (Role.PANEL_COORDINATOR,),
    "auditor": (Role.AUDITOR,),
    "approver": (Role.SECOND_APPROVER,),
    "operator": (Role.OPERATOR,),
    "desk": (Role.DESK_USER,),
}
"""Everybody for whom there is no referral."""
_CHANGES = re.compile(
    r'name="(?:form_token|form|referral)" value="[^"]*"|<time[^>]*>[^<]*</time>|/console/referrals/[0-9a-f-]{36}'
    r"|<td[^>]*>[^<]*(?:am|pm)[^<]*</td>|<code>[0-9a-f]+</code>|\b[0-9a-f]{32}\b"
)
_ITEM = '<div class="moj-timeline__item">'


def prepare(wiring: Wiring) -> World:
    made = world_of(wiring)
    made.join("camhs")
    for person in made.families["EH-1"]["people"]:
        made.give("EH-1", person["id"])
    made.list_cases("EH-1", members=["camhs"], ref="M-1")
    return made


prepared, database, wiring, world = made_once(prepare)


@pytest.fixture
def others(world: World) -> Mapping[str, Somebody]:
    found = {}
    for name, roles in OTHERS.items():
        belonging = Belonging(team="north") if name in {"teammate", "manager"} else Belonging()
        if name == "desk":
            belonging = Belonging(agency="camhs", practitioner="camhs-1")
        found[name] = Somebody(world.wiring, *roles, username=name, belonging=belonging)
    return found


def seen(world: World, who: Somebody, referral_id: object) -> Iterator[tuple[str, int, str]]:
    """Every page as somebody sees it, without what is new each time."""
    known = {
        "family": world.family_id("EH-1"),
        "mother": world.person_id("EH-1", "EH-1-mum"),
        "referral": referral_id,
    }
    for path in PATHS:
        answer = who.ask(path.format(**known))
        # That somebody looked at a page is a line of the history, of each look.
        kept = [each for each in answer.text.split(_ITEM) if "looked at</h2>" not in each]
        page = _CHANGES.sub("", _ITEM.join(kept)).replace(str(referral_id), "")
        yield path, answer.status_code, page


def everything(world: World, ada: Somebody) -> list[Referral]:
    """Every kind of referral, and everything that is done to one."""
    wiring, family = world.wiring, world.family_id("EH-1")
    made = [refer(world, ada), refer(world, ada, emergency=False)]
    made[0] = service.complete(wiring, ada.who, made[0].id, REST)
    following.acknowledge(wiring, ada.who, made[0].id)
    following.decide(wiring, ada.who, made[0].id, outcome=Outcome.ADVICE, reference="x")
    for kind, answers in (
        (Kind.AGREED, {**SIX, "agreed_by": "Their mother"}),
        (Kind.CONSIDERED, {"fear": "A bruise.", "why_not": "He fell."}),
    ):
        referral_id = uuid4()
        people = children_of(world, ada)
        service.write(wiring, ada.who, family, referral_id, Written(kind, {**answers, "people": people}))
        made.append(service.send(wiring, ada.who, referral_id, emergency=True))
    return made


def test_for_everybody_else_every_page_is_the_same_with_and_without(
    world: World, others: Mapping[str, Somebody], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each look is a line, too: a short history would lose its oldest while this test looks.
    monkeypatch.setattr(family_views, "_LINES", 10_000)
    ada = caseworker(world)
    made = refer(world, ada)  # so that there is an id to ask for
    before = {name: list(seen(world, who, uuid4())) for name, who in others.items()}
    made_more = everything(world, ada)
    for referral in (made, made_more[-1]):
        for name, who in others.items():
            assert before[name] == list(seen(world, who, referral.id)), name


def test_what_the_ordinary_tag_key_finds_is_the_same(world: World) -> None:
    wiring = world.wiring
    ada = caseworker(world)

    def found() -> list[object]:
        with wiring.engine.connect() as connection:
            keys = wiring.keyring.family(connection, world.family_id("EH-1"))
            entries = [entry for _, entry in of_family(connection, keys, count=1000)]
            kinds = [line.kind for line in newest(connection, keyring=wiring.keyring, count=1000)]
        looks = {"case.view", "case.list", "case.find"}
        listed = [each.internal for each in entries if each and each.internal["kind"] not in looks]
        return [listed, [kind for kind in kinds if kind not in looks]]

    before = found()
    everything(world, ada)
    assert before == found()


def test_restricted_entries_take_no_line_of_the_history(world: World) -> None:
    """A history of the newest lines would be shorter for a family with a referral."""
    wiring, ada = world.wiring, caseworker(world)
    with wiring.engine.connect() as connection:
        keys = wiring.keyring.family(connection, world.family_id("EH-1"))
        before = len(list(of_family(connection, keys, count=3)))
    everything(world, ada)
    with wiring.engine.connect() as connection:
        assert before == 3 == len(list(of_family(connection, keys, count=3)))


@pytest.mark.parametrize("role", [Role.SAFEGUARDING_LEAD, Role.DATA_PROTECTION_OFFICER])
def test_it_exists_for_who_oversees(world: World, role: Role) -> None:
    sent = refer(world, caseworker(world))
    who = Somebody(world.wiring, role, username="overseer")
    assert 200 == who.ask(f"/console/referrals/{sent.id}").status_code
    assert str(sent.id) in who.get("/console/referrals/review")


@pytest.mark.parametrize("role", [Role.SAFEGUARDING_LEAD, Role.DATA_PROTECTION_OFFICER])
def test_it_does_not_exist_for_an_overseer_in_conflict(world: World, role: Role) -> None:
    world.join("early-help")
    world.import_families(
        {
            **world.families["EH-1"],
            "conflicts": [{"agency": "early-help", "practitioner": "overseer"}],
        }
    )
    sent = refer(world, caseworker(world))
    who = Somebody(world.wiring, role, username="overseer")
    assert 404 == who.ask(f"/console/referrals/{sent.id}").status_code
    assert str(sent.id) not in who.get("/console/referrals/review")


def test_it_does_not_exist_for_a_colleague_whom_it_is_about(world: World) -> None:
    ada = caseworker(world)
    ben = Somebody(world.wiring, Role.SAFEGUARDING_LEAD, username="ben")
    cat = Somebody(world.wiring, Role.SAFEGUARDING_LEAD, username="cat")
    referral_id = uuid4()
    written = Written(
        Kind.PROTECTION, {"people": children_of(world, ada), **SIX}, hidden_from=frozenset({"ben"})
    )
    service.write(world.wiring, ada.who, world.family_id("EH-1"), referral_id, written)
    service.send(world.wiring, ada.who, referral_id, emergency=True)
    assert 404 == ben.ask(f"/console/referrals/{referral_id}").status_code
    assert str(referral_id) not in ben.get("/console/referrals/review")
    assert 200 == cat.ask(f"/console/referrals/{referral_id}").status_code


def test_a_draft_exists_for_its_author_alone(world: World) -> None:
    ada = caseworker(world)
    ben = Somebody(world.wiring, Role.SAFEGUARDING_LEAD, username="ben")
    referral_id = uuid4()
    service.write(
        world.wiring, ada.who, world.family_id("EH-1"), referral_id, Written(Kind.PROTECTION, {"fear": "x"})
    )
    assert 404 == ben.ask(f"/console/referrals/{referral_id}").status_code
    assert 200 == ada.ask(f"/console/referrals/{referral_id}").status_code


def test_nobody_sends_completes_or_changes_another_ones(world: World) -> None:
    sent = refer(world, caseworker(world))
    ben = Somebody(world.wiring, Role.SAFEGUARDING_LEAD, Role.CASEWORKER, username="ben")
    assert 404 == ben.post(f"/console/referrals/{sent.id}/send", go="now")
    assert 404 == ben.post(f"/console/referrals/{sent.id}/complete", known="x")
    form = f"/console/families/{world.family_id('EH-1')}/refer/protection"
    ben.post(f"/console/families/{world.family_id('EH-1')}/open", reason="safeguarding")
    assert 303 == ben.post(form, referral=str(sent.id), fear="changed", go="keep")
    opened = service.look(world.wiring, ben.who, sent.id)
    assert SIX["fear"] == opened.written.answers["fear"]


def test_that_somebody_looked_is_on_record_under_the_restricted_tag(world: World) -> None:
    wiring, ada = world.wiring, caseworker(world)
    sent = refer(world, ada)
    with wiring.engine.connect() as connection:
        before = connection.execute(text("SELECT count(*) FROM gateway.log_entry")).scalar_one()
    service.look(wiring, ada.who, sent.id)
    with wiring.engine.connect() as connection:
        after = connection.execute(text("SELECT count(*) FROM gateway.log_entry")).scalar_one()
    assert before + 1 == after


def test_the_pages_that_are_compared_show_the_family(world: World, others: Mapping[str, Somebody]) -> None:
    """Comparing pages that nobody may see would prove nothing."""
    caseworker(world)
    open_to = {
        name
        for name, who in others.items()
        if who.ask(f"/console/families/{world.family_id('EH-1')}").status_code == 200
    }
    assert {"teammate", "manager"} == open_to
