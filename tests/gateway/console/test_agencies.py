"""Agencies' pages: what is next for each, how far each has come, and stopping one so that nothing of it works any more."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import text

from agencies import repository as register_of
from agencies.model import AgencyCode
from agencies.register import AgencyState
from certs.jwk import new_es256_key, public_part
from gateway.agency import desk, service
from gateway.agency.approval import Matter
from gateway.disclosure_log.reading import newest
from gateway.oauth import service as oauth
from gateway.oauth.keys import ensure_signing_key
from gateway.oauth.model import ClientId, Scope
from gateway.release.model import Released
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.gateway.oauth.partner import Partner
from tests.support.agencies import onboard
from tests.support.pages import Somebody, app_of, filled, hidden, title, words
from tests.support.world import Member, World, household

CAMHS: Final = AgencyCode("camhs")
HOME: Final = "/console/agencies"
PAGE: Final = f"{HOME}/camhs"


@dataclass
class Scene:
    """A council with camhs and a charity, their systems, and who looks after them."""

    world: World
    dana: Somebody
    eli: Somebody
    camhs: Partner
    charity: Partner

    @property
    def wiring(self) -> Wiring:
        return self.world.wiring

    @property
    def system(self) -> str:
        """The page of camhs's first system."""
        return f"{PAGE}/systems/{self.camhs.client_id}"

    def state(self, code: AgencyCode = CAMHS) -> AgencyState:
        with self.wiring.engine.connect() as connection:
            found = register_of.agency(connection, code)
        assert found is not None
        return found.state

    def approve(self, matter: Matter) -> None:
        """Let the second person approve what waits about camhs."""
        page = self.eli.get(f"/console/approvals/{matter}/camhs/0")
        address = "/console/approvals/" + page.partition('action="/console/approvals/')[2].partition('"')[0]
        asked = self.eli.send(address, hidden(page))
        assert HTTPStatus.SEE_OTHER == self.eli.send(address, hidden(asked.text)).status_code


def partner(wiring: Wiring, member: Member) -> Partner:
    http = app_of(wiring).test_client()
    key = ECKey.import_key(dict(member.key))
    return Partner(http, wiring.settings.issuer, member.client_id, key)


def details(code: str) -> str:
    return json.dumps([{"type": "case_extract", "purpose": "P1", "practitioner": {"id": f"{code}-1"}}])


def token(of: Partner, code: str = "camhs") -> str:
    return of.token(authorization_details=details(code))


def works(of: Partner, held: str) -> bool:
    """Whether a token opens what any token opens."""
    status = of.get("/v1/me", held).status_code
    assert status in {HTTPStatus.OK, HTTPStatus.UNAUTHORIZED}
    return status == HTTPStatus.OK


@pytest.fixture
def scene(wiring: Wiring) -> Scene:
    world = World(wiring)
    with wiring.engine.begin() as connection:
        ensure_signing_key(connection, wiring.keyring)
    camhs, charity = (partner(wiring, world.join(code)) for code in ("camhs", "charity"))
    return Scene(
        world,
        Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username="dana"),
        Somebody(wiring, Role.SECOND_APPROVER, username="eli"),
        camhs,
        charity,
    )


def kinds(wiring: Wiring, count: int) -> list[str]:
    """What was entered into the log last."""
    with wiring.engine.connect() as connection:
        return [line.kind for line in newest(connection, keyring=wiring.keyring, count=count)]


def second_system(scene: Scene) -> Partner:
    """One more system of camhs, effective."""
    key = new_es256_key()
    client_id = oauth.register_client(
        scene.wiring, agency=CAMHS, scopes=[Scope.EXTRACT_READ], keys=[public_part(key)], actor="test"
    )
    oauth.approve_synthetic(scene.wiring, agency=CAMHS, actor="test")
    return replace(scene.camhs, client_id=client_id, key=ECKey.import_key(dict(key)))


def test_suspending_an_agency_ends_the_tokens_that_the_page_counted(scene: Scene) -> None:
    """A count that misses one would promise too little; a token that goes on, too much."""
    other = second_system(scene)
    held = [(scene.camhs, token(scene.camhs)), (scene.camhs, token(scene.camhs)), (other, token(other))]
    ended = token(scene.camhs)
    scene.camhs.about("/oauth/revoke", ended)
    strangers = token(scene.charity, "charity")
    page = scene.dana.get(f"{PAGE}/suspend")
    assert "3 tokens that are good now end at once." in words(page)
    assert all(works(*each) for each in held)
    answer = scene.dana.send(f"{PAGE}/suspend")
    assert (HTTPStatus.SEE_OTHER, PAGE) == (answer.status_code, answer.headers["Location"])
    assert not any(works(*each) for each in held)
    assert "invalid_client" == scene.camhs.ask().get_json()["error"]
    assert works(scene.charity, strangers)
    said = words(scene.dana.get(PAGE))
    assert said.startswith("The camhs Suspended CAMHS. Next: Suspended.")
    assert "Suspend this agency" not in said
    assert HTTPStatus.NOT_FOUND == scene.dana.ask(f"{PAGE}/suspend").status_code


def test_the_copies_that_stay_out_there_are_counted(scene: Scene) -> None:
    """What was released and may still be in use; of a family that is absent for whoever looks, nothing is counted."""
    household(scene.world, "EH-1")
    assert "It was released no extract that may still be in use." in words(scene.dana.get(f"{PAGE}/suspend"))
    assert isinstance(scene.world.release("camhs", "EH-1"), Released)
    assert isinstance(scene.world.release("camhs", "EH-1"), Released)
    said = "It was released 2 extracts in the last 30 days, each of which may be used until the time in it."
    assert said in words(scene.dana.get(f"{PAGE}/suspend"))
    scene.world.import_families({**scene.world.families["EH-1"], "seals": ["conflict"]})
    assert "It was released no extract" in words(scene.dana.get(f"{PAGE}/suspend"))


def test_a_suspended_agency_takes_part_again_by_two_people(scene: Scene) -> None:
    held = token(scene.camhs)
    service.suspend(scene.wiring, code=CAMHS, actor="test")
    there = "/console/approvals/reinstatement/camhs/0"
    assert f'href="{there}"' in scene.dana.get(PAGE)
    assert HTTPStatus.SEE_OTHER == scene.dana.post(there)
    assert AgencyState.SUSPENDED is scene.state()
    assert "Suspended; waits for a second person" in words(scene.dana.get(HOME))
    scene.approve(Matter.REINSTATEMENT)
    assert AgencyState.ACTIVE is scene.state()
    assert works(scene.camhs, token(scene.camhs))
    assert not works(scene.camhs, held)
    assert HTTPStatus.NOT_FOUND == scene.dana.ask(there).status_code


def test_a_reinstated_agency_has_the_profile_that_it_had(scene: Scene) -> None:
    """Approving an agency makes version 1 effective; letting it in again must not."""
    with scene.wiring.engine.connect() as connection:
        document = register_of.profile_document(connection, CAMHS, version=1) or ""
    service.store_profile(
        scene.wiring, document=document.replace("version = 1", "version = 2", 1), actor="test"
    )
    service.adopt_synthetic(scene.wiring, code=CAMHS, version=2, actor="test")
    service.suspend(scene.wiring, code=CAMHS, actor="test")
    scene.dana.post("/console/approvals/reinstatement/camhs/0")
    scene.approve(Matter.REINSTATEMENT)
    with scene.wiring.engine.connect() as connection:
        assert 2 == register_of.effective_version(connection, CAMHS)


def test_what_never_took_part_is_only_proposed_again(wiring: Wiring, scene: Scene) -> None:
    code = onboard(wiring, "youth", active=False)
    service.suspend(wiring, code=code, actor="test")
    scene.dana.post("/console/approvals/reinstatement/youth/0")
    page = scene.eli.get("/console/approvals/reinstatement/youth/0")
    address = "/console/approvals/" + page.partition('action="/console/approvals/')[2].partition('"')[0]
    asked = scene.eli.send(address, hidden(page))
    scene.eli.send(address, hidden(asked.text))
    assert AgencyState.PROPOSED is scene.state(code)


def test_an_agency_that_was_suspended_while_it_waited_is_refused_in_a_sentence(
    wiring: Wiring, scene: Scene
) -> None:
    code = onboard(wiring, "youth", active=False)
    scene.dana.post("/console/approvals/agency/youth/0")
    page = scene.eli.get("/console/approvals/agency/youth/0")
    service.suspend(wiring, code=code, actor="test")
    address = "/console/approvals/" + page.partition('action="/console/approvals/')[2].partition('"')[0]
    asked = scene.eli.send(address, hidden(page))
    answer = scene.eli.send(address, hidden(asked.text))
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert AgencyState.SUSPENDED is scene.state(code)


def test_one_system_is_stopped_and_the_other_goes_on(scene: Scene) -> None:
    other = second_system(scene)
    held, others = token(scene.camhs), token(other)
    page = words(scene.dana.get(f"{scene.system}/suspend"))
    assert "1 token that is good now ends at once." in page
    assert HTTPStatus.SEE_OTHER == scene.dana.post(f"{scene.system}/suspend")
    assert (False, True) == (works(scene.camhs, held), works(other, others))
    assert "invalid_client" == scene.camhs.ask().get_json()["error"]
    assert "Suspended" in words(scene.dana.get(scene.system))
    assert ["client.suspend"] == kinds(scene.wiring, 1)


def test_a_stopped_system_is_let_in_again_by_two_people(scene: Scene) -> None:
    held = token(scene.camhs)
    oauth.suspend_client(scene.wiring, client_id=ClientId(scene.camhs.client_id), actor="test")
    page = scene.dana.get(f"{scene.system}/let-in")
    assert "The system waits for a second person" in words(page)
    answer = scene.dana.send(f"{scene.system}/let-in")
    assert "/console/approvals/clients/camhs/0" == answer.headers["Location"]
    assert "unauthorized_client" == scene.camhs.ask().get_json()["error"]
    scene.approve(Matter.CLIENTS)
    assert works(scene.camhs, token(scene.camhs))
    assert not works(scene.camhs, held)
    assert HTTPStatus.NOT_FOUND == scene.dana.ask(f"{scene.system}/let-in").status_code


def test_a_stopped_system_that_was_never_approved_still_is_not(scene: Scene) -> None:
    """Stopped while its agency waits: its connection test must not tell it that all is well."""
    code, key = onboard(scene.wiring, "youth", active=False), new_es256_key()
    client_id = oauth.register_client(
        scene.wiring, agency=code, scopes=[Scope.EXTRACT_READ], keys=[public_part(key)], actor="test"
    )
    waiting = replace(scene.camhs, client_id=client_id, key=ECKey.import_key(dict(key)))
    assert "unauthorized_client" == waiting.ask().get_json()["error"]
    assert HTTPStatus.SEE_OTHER == scene.dana.post(f"{HOME}/youth/systems/{client_id}/suspend")
    assert "invalid_client" == waiting.ask().get_json()["error"]


def test_a_desk_is_stopped_as_a_system_is(scene: Scene) -> None:
    client_id = desk.ensure_desk(scene.wiring, CAMHS, actor="test")
    address = f"{PAGE}/systems/{client_id}"
    said = words(scene.dana.get(address))
    assert "people who sign in" in said
    assert "Replace a key" not in said
    assert HTTPStatus.NOT_FOUND == scene.dana.ask(f"{address}/key").status_code
    assert HTTPStatus.NOT_FOUND == scene.dana.send(f"{address}/key", new_key(scene)).status_code
    assert "Nobody who uses the desk" in words(scene.dana.get(f"{address}/suspend"))


def new_key(scene: Scene, *, last: int = 14, key: object = None) -> dict[str, str]:
    """What is typed to replace a key, with this many days to go for the old one."""
    day = scene.world.today + timedelta(days=last)
    return {
        "key": json.dumps(public_part(new_es256_key()) if key is None else key),
        "last-day": str(day.day),
        "last-month": str(day.month),
        "last-year": str(day.year),
    }


def replace_key(scene: Scene, form: dict[str, str]) -> str:
    """From the form over the check and the proof to the proposal; where it leads."""
    check = scene.dana.send(f"{scene.system}/key", form)
    assert "Check before you replace the key" == title(check.text)
    asked = scene.dana.send(f"{scene.system}/key", filled(check.text, f"{scene.system}/key"))
    assert "Confirm that it is you" == title(asked.text)
    done = scene.dana.send(f"{scene.system}/key", hidden(asked.text))
    return done.headers["Location"]


def keys(scene: Scene) -> list[tuple[str, bool, int | None]]:
    """The keys of camhs's first system, the old one first: state, whether it is the first, days to its end."""
    with scene.wiring.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT state, thumbprint, ends_on FROM gateway.oauth_client_key WHERE client_id = :client"
                " ORDER BY added_at"
            ),
            {"client": scene.camhs.client_id},
        ).all()
    old = scene.camhs.key.thumbprint()
    return [
        (row.state, row.thumbprint == old, row.ends_on and (row.ends_on - scene.world.today).days)
        for row in rows
    ]


def test_a_key_is_replaced_by_two_people_and_the_old_one_ends_on_its_day(scene: Scene) -> None:
    key = new_es256_key()
    form = new_key(scene, key={"keys": [public_part(key)]}, last=3)
    check = words(scene.dana.send(f"{scene.system}/key", form).text)
    day = scene.world.today + timedelta(days=3)
    assert f"The key {key['kid']} is added to The camhs: {scene.camhs.client_id}." in check
    ends = f"The key {scene.camhs.key.thumbprint()} opens nothing after {day.day} {day:%B %Y}"
    assert ends in check
    assert [("active", True, None)] == keys(scene)
    assert "/console/approvals/clients/camhs/0" == replace_key(scene, form)
    assert [("active", True, 4), ("proposed", False, None)] == keys(scene)
    fresh = replace(scene.camhs, key=ECKey.import_key(dict(key)))
    assert "unauthorized_client" == fresh.ask().get_json()["error"]
    assert works(scene.camhs, old := token(scene.camhs))
    assert {"/console/today/key/7": "1"} == on_today(scene, "key/7")
    scene.approve(Matter.CLIENTS)
    assert {} == on_today(scene, "key/7")
    assert works(fresh, new := token(fresh))
    end_today(scene)
    assert (False, True) == (works(scene.camhs, old), works(fresh, new))
    assert "invalid_client" == scene.camhs.ask().get_json()["error"]
    said = words(scene.dana.get(scene.system))
    assert "over" in said
    assert "effective" in said
    assert "1 token that is good now ends at once." in words(scene.dana.get(f"{scene.system}/suspend"))


def on_today(scene: Scene, which: str) -> dict[str, str]:
    found = re.findall(r'href="(/console/today/[^"]+)">(\d+) within', scene.dana.get("/console"))
    return {address: count for address, count in found if address.endswith(which)}


def end_today(scene: Scene) -> None:
    """Let the day come on which the old key ends."""
    with scene.wiring.engine.begin() as connection:
        connection.execute(text("SELECT gateway.move_gates('{}', ARRAY['camhs'])"))
        connection.execute(
            text("UPDATE gateway.oauth_client_key SET ends_on = :today WHERE thumbprint = :old"),
            {"today": scene.world.today, "old": scene.camhs.key.thumbprint()},
        )


def test_what_was_proved_for_one_key_replaces_it_by_no_other(scene: Scene) -> None:
    first = scene.dana.send(f"{scene.system}/key", new_key(scene))
    asked = scene.dana.send(f"{scene.system}/key", filled(first.text, f"{scene.system}/key"))
    proved = hidden(asked.text)
    other = scene.dana.send(f"{scene.system}/key", {**proved, "key": new_key(scene)["key"]})
    assert "Error: Confirm that it is you" == title(other.text)
    later = scene.dana.send(f"{scene.system}/key", {**proved, "last-year": "2027"})
    assert later.status_code in {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.OK}
    assert [("active", True, None)] == keys(scene)


PRIVATE: Final = new_es256_key()
WRONG: Final[dict[str, Callable[[Scene], dict[str, str]]]] = {
    "nothing": lambda scene: {**new_key(scene), "key": ""},
    "no JSON": lambda scene: {**new_key(scene), "key": "ssh-rsa AAAA"},
    "deep": lambda scene: {**new_key(scene), "key": "[" * 5000},
    "half a character": lambda scene: {**new_key(scene), "key": '"\\ud800'},
    "a list": lambda scene: new_key(scene, key=[]),
    "no key": lambda scene: new_key(scene, key={"keys": []}),
    "two": lambda scene: new_key(scene, key={"keys": [public_part(new_es256_key()) for _ in range(2)]}),
    "a private one": lambda scene: new_key(scene, key=PRIVATE),
    "a symmetric one": lambda scene: new_key(scene, key={"kty": "oct", "k": "AAAA"}),
    "one that is there": lambda scene: new_key(
        scene, key=public_part(scene.camhs.key.as_dict(private=False))
    ),
    "a day that is over": lambda scene: new_key(scene, last=-1),
    "a day far away": lambda scene: new_key(scene, last=400),
    "no day": lambda scene: {**new_key(scene), "last-day": "", "last-month": "", "last-year": ""},
    "no such day": lambda scene: {**new_key(scene), "last-day": "31", "last-month": "2"},
}


@pytest.mark.parametrize("typed", WRONG.values(), ids=WRONG.keys())
def test_a_key_that_cannot_be_taken_changes_nothing(
    scene: Scene, typed: Callable[[Scene], dict[str, str]]
) -> None:
    answer = scene.dana.send(f"{scene.system}/key", typed(scene))
    if answer.status_code == HTTPStatus.OK:  # known already: found out when it is stored
        asked = scene.dana.send(f"{scene.system}/key", filled(answer.text, f"{scene.system}/key"))
        answer = scene.dana.send(f"{scene.system}/key", hidden(asked.text))
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert "Error: Replace a key" == title(answer.text)
    assert PRIVATE["d"] not in answer.text
    assert [("active", True, None)] == keys(scene)


def test_while_something_waits_no_other_key_comes_beside_it(scene: Scene) -> None:
    """What a second person was asked about would be no more what was proposed."""
    replace_key(scene, new_key(scene))
    answer = scene.dana.send(f"{scene.system}/key", new_key(scene))
    assert "waits for a second person" in words(answer.text)
    assert 2 == len(keys(scene))
    oauth.suspend_client(scene.wiring, client_id=ClientId(scene.camhs.client_id), actor="test")
    refused = scene.dana.send(f"{scene.system}/let-in")
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code


def test_the_key_of_a_suspended_agency_is_approved_with_it(scene: Scene) -> None:
    """After a break-in: stop, take the old key away, replace it, let the agency in again, without a gap."""
    service.suspend(scene.wiring, code=CAMHS, actor="test")
    key = new_es256_key()
    assert scene.system == replace_key(scene, new_key(scene, key=public_part(key)))
    oauth.remove_key(
        scene.wiring,
        client_id=ClientId(scene.camhs.client_id),
        thumbprint=scene.camhs.key.thumbprint(),
        actor="test",
    )
    there = "/console/approvals/reinstatement/camhs/0"
    assert key["kid"] in scene.dana.get(there)
    scene.dana.post(there)
    scene.approve(Matter.REINSTATEMENT)
    fresh = replace(scene.camhs, key=ECKey.import_key(dict(key)))
    assert works(fresh, token(fresh))
    assert "invalid_client" == scene.camhs.ask().get_json()["error"]


def test_the_page_says_what_was_seen_of_a_system(scene: Scene) -> None:
    """So that whoever is on the telephone with the agency knows whether it got through, and why not."""
    said = words(scene.dana.get(scene.system))
    assert "Last token never" in said
    assert "Last refused never" in said
    command = f"extract-client check --base-url {scene.wiring.settings.public_url} --client-id {scene.camhs.client_id}"
    assert command in said
    assert "Has never connected" in words(scene.dana.get(HOME))
    refused = scene.camhs.ask(authorization_details=details("nobody"))
    assert "invalid_authorization_details" == refused.get_json()["error"]
    said = words(scene.dana.get(scene.system))
    assert "Last token never" in said
    assert "a practitioner who may not act" in said
    stranger = replace(scene.camhs, key=ECKey.generate_key("P-256"))
    stranger.ask(scope="no:scope")
    token(scene.camhs)
    said = words(scene.dana.get(scene.system))
    assert "Last token never" not in said
    assert "Tokens good now 1" in said
    assert "a practitioner who may not act" in said
    row = said.partition(scene.camhs.key.thumbprint())[2]
    assert re.match(r" effective \d+ \w+ \d{4} no end \d+ \w+ \d{4} at ", row)


def rows_of(page: str) -> list[str]:
    """The rows of the list, as they are said."""
    body = page[page.index("<tbody") : page.index("</tbody>")]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>") if "<td" in row]


def test_the_list_begins_with_what_is_most_urgent(scene: Scene) -> None:
    world = scene.world
    for code in ("health", "housing", "youth"):
        world.join(code)
    token(scene.charity, "charity")
    service.suspend(scene.wiring, code=AgencyCode("housing"), actor="test")
    today = world.today
    for code, days in (("youth", 23), ("health", 5)):
        with scene.wiring.engine.begin() as connection:
            connection.execute(text("SELECT gateway.move_gates('{}', ARRAY[:code])"), {"code": code})
            connection.execute(
                text("UPDATE agencies.agreement SET valid_until = :day WHERE agency_code = :code"),
                {"day": today + timedelta(days=days), "code": code},
            )
    found = rows_of(scene.dana.get(HOME))
    assert [
        "The health Health Takes part Agreement ends in 5 days This week",
        "The housing Housing Suspended Suspended Stopped",
        "The youth Youth service Takes part Agreement ends in 23 days Within 60 days",
        "The camhs CAMHS Takes part Has never connected To do",
        "The charity Charity Takes part Member of no meeting yet To do",
    ] == found
    assert "Agreement ends in 23 days" in words(scene.dana.get(f"{HOME}/youth"))
    assert "in force, ends in 23 days" in words(scene.dana.get(f"{HOME}/youth"))


def test_no_step_is_done_that_is_not(scene: Scene) -> None:
    world = scene.world
    said = words(scene.dana.get(PAGE))
    assert "Connection tested No system of it has connected. To do" in said
    assert "First meeting It is a member of none yet. To do" in said
    token(scene.camhs)
    world.import_families()
    world.list_cases(members=["camhs"])
    said = words(scene.dana.get(PAGE))
    for done in (
        "Agreement in force DSA-camhs, until",
        "Sharing profile effective Version 1, to be reviewed by",
        "System or desk registered 1 system. Done",
        "Key known and effective It can prove who it is. Done",
        "Practitioners known 1 on the list, to be confirmed by",
        "Connection tested A system of it proved who it is. Done",
    ):
        assert done in said
    assert re.search(r"First meeting On \d+ \w+ \d{4}\. Done", said)
    with scene.wiring.engine.begin() as connection:
        connection.execute(text("SELECT gateway.move_gates('{}', ARRAY['camhs'])"))
        connection.execute(
            text("UPDATE agencies.agreement SET valid_until = current_date WHERE agency_code = 'camhs'")
        )
        connection.execute(
            text("UPDATE gateway.oauth_client_key SET ends_on = current_date WHERE agency_code = 'camhs'")
        )
    said = words(scene.dana.get(PAGE))
    assert "Agreement in force None is in force. To do" in said
    assert "Key known and effective No key is effective. To do" in said
    assert "The camhs CAMHS Takes part Agreement has ended Now" == rows_of(scene.dana.get(HOME))[0]


def test_the_operator_sees_and_stops_and_sees_nobody(scene: Scene) -> None:
    ola = Somebody(scene.wiring, Role.OPERATOR, username="ola")
    assert "The camhs" in words(ola.get(HOME))
    page = ola.get(PAGE)
    assert "/practitioners" not in page
    assert "/console/profiles" not in page
    assert "Replace a key" not in ola.get(scene.system)
    for path in (f"{PAGE}/practitioners", f"{scene.system}/key", f"{scene.system}/let-in"):
        assert HTTPStatus.FORBIDDEN == ola.ask(path).status_code
    assert "Test Worker" in words(scene.dana.get(f"{PAGE}/practitioners"))
    assert "Test Worker" not in "".join(ola.get(path) for path in (HOME, PAGE, scene.system))
    assert HTTPStatus.SEE_OTHER == ola.post(f"{PAGE}/suspend")
    assert AgencyState.SUSPENDED is scene.state()
    assert "approvals" not in ola.get(PAGE)


def test_the_page_says_how_the_logs_witnesses_stand(scene: Scene) -> None:
    said = words(scene.dana.get(PAGE))
    assert "No witness confirms the disclosure log" in said
    assert "Last confirmed Never Releases They go on." in said


@pytest.mark.parametrize(
    "path", ["nobody", "camhs/systems/ag_nobody-nobody-nobody", "camhs/systems/x/key", "%00"]
)
def test_what_there_is_not_is_not_found(scene: Scene, path: str) -> None:
    assert HTTPStatus.NOT_FOUND == scene.dana.ask(f"{HOME}/{path}").status_code


def test_a_system_of_another_agency_is_not_found_here(scene: Scene) -> None:
    address = f"{PAGE}/systems/{scene.charity.client_id}/suspend"
    assert HTTPStatus.NOT_FOUND == scene.dana.send(address).status_code
    assert works(scene.charity, token(scene.charity, "charity"))
