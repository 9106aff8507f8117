"""Police and social care's hub are told of a case by referrals, and by no other route, whatever their clients may do.

Every route that the application has is asked by every kind of their clients, with every token that one can get. A route
that nobody has ruled on here fails the test.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, combinations
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import text
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from agencies.model import AgencyCode
from gateway.oauth import registration
from gateway.oauth import service as oauth
from gateway.oauth.access import CLIENT, PUBLIC, ROUTES, Staff
from gateway.oauth.errors import RegistrationError
from gateway.oauth.model import COUNCIL_SCOPES, DESTINATION_SCOPES, ENTRY_OF, Entry, Scope
from gateway.oauth.nonce import offer_nonce
from gateway.release.model import Released
from gateway.safeguarding import repository
from gateway.safeguarding.model import Destination, Function
from gateway.staff.model import Role
from tests.gateway.oauth.partner import Partner, new_key
from tests.gateway.safeguarding.refer import refer
from tests.support.pages import Somebody
from tests.support.served import Served
from tests.support.world import small_family

SOURCE: Final = "EH-1"
ABOUT_A_CASE: Final = (
    "Shelleyname",
    "Adagiven",
    "Bengiven",
    "Canary Road",
    "SE6 4RU",
    "Calmer mornings",
    SOURCE,
)
TOLD: Final = {"hub": "Zqxhubfear", "police": "Zqxpolicefear"}
"""What each referral says, and nothing else does."""

REFERRALS: Final = frozenset({"safeguarding.referral"})
"""What tells a destination of a case."""
EXTRACTS: Final = frozenset({"release.extract"})
"""What tells others of one, so that the search is known to find it."""

KNOWN: Final[Mapping[str, str]] = {
    "consent.decisions": "a decision's id, or that there is nothing",
    "consent.receipt": "for the council's own client",
    "consent.standing": "for the council's own client",
    "console.accessibility": "a page about pages",
    "console.asset": "files of pages",
    "emergency.form": "whom to ring",
    "emergency.note": "that a note was taken down",
    "health.healthz": "whether it is there",
    "health.readyz": "whether it can serve",
    "log.checkpoint": "hashes",
    "log.entries": "hashes",
    "log.tile": "hashes",
    "me.me": "what a profile says",
    "oauth.authorization_server": "metadata",
    "oauth.introspect": "one's own tokens",
    "oauth.jwks": "public keys",
    "oauth.openid_configuration": "metadata",
    "oauth.protected_resource": "metadata",
    "oauth.revoke": "one's own tokens",
    "oauth.token": "tokens",
    "oidc.callback": "signing in",
    "oidc.start": "signing in",
    "oidc_logout.logout": "signing out",
    "openapi.document": "what routes there are",
    "panel.extracts": "cases",
    "panel.meeting": "references of cases, none for who gets no case",
    "panel.meetings": "when a panel meets",
    "pickup.code": "a document of a referral, against its code",
    "pickup.form": "a form",
    "recall.answer": "a recall",
    "recall.extract_status": "whether a copy is current",
    "recall.recalls": "which copies are called back",
    "release.extract": "a case",
    "release.receipt": "a hash of an extract",
    "safeguarding.acknowledge": "how far a referral is",
    "safeguarding.decide": "how far a referral is",
    "safeguarding.referral": "a referral",
    "safeguarding.referrals": "which referrals there are",
    "sign_in.form": "signing in",
    "sign_in.invitation": "signing in",
    "sign_in.passkey": "signing in",
    "sign_in.use_invitation": "signing in",
}
"""Every route that is no page of staff, and what it tells; a page of staff shows nothing to any client."""
LAST: Final = frozenset({"consent.decisions"})
"""What would stop everything that is tried afterwards."""


@dataclass
class Kind:
    """One kind of client.

    Attributes:
        scopes: all that can be registered together.
        arguments: what it puts into addresses: the most telling that it, or anybody, knows.
    """

    agency: str
    scopes: frozenset[Scope]
    partner: Partner
    arguments: Mapping[str, list[str]]
    told: set[str] = field(default_factory=set)


@dataclass
class Scene:
    """The application, every kind of client, and what must not be read."""

    gateway: Served
    kinds: dict[str, Kind]
    markers: tuple[str, ...]

    def tokens(self, kind: Kind) -> Iterator[str]:
        """Every token that this client gets: each scope alone, and all of one kind of entry together."""
        for scopes in _together(kind.scopes):
            for details in _details(
                ENTRY_OF[min(scopes)], self.gateway.world.members[kind.agency].practitioner
            ):
                self._fresh(kind)
                answer = kind.partner.ask(scope=" ".join(sorted(scopes)), authorization_details=details)
                if answer.status_code == 200:
                    yield answer.get_json()["access_token"]

    def ask(self, kind: Kind, rule: Rule, method: str, token: str) -> Iterator[TestResponse]:
        """Ask one route, with each of what this client could name."""
        for values in _values(rule, kind.arguments):
            path = str(rule.build(values, append_unknown=False)[1])  # type: ignore[index]
            self._fresh(kind)
            headers = {
                "Authorization": f"DPoP {token}",
                "DPoP": kind.partner.proof(method, kind.partner.issuer + path, token=token),
                "Origin": kind.partner.issuer,
            }
            body = json.dumps(_body(rule.endpoint, kind)).encode() if method != "GET" else b""
            yield self.gateway.http.open(
                path,
                method=method,
                headers=headers,
                data=body,
                content_type="application/json",
                base_url=kind.partner.issuer,
            )

    def _fresh(self, kind: Kind) -> None:
        kind.partner.nonce = offer_nonce(self.gateway.wiring, now=datetime.now(UTC))


def _together(scopes: frozenset[Scope]) -> Iterator[frozenset[Scope]]:
    for scope in sorted(scopes):
        yield frozenset({scope})
    for entry in Entry:
        same = frozenset(scope for scope in scopes if ENTRY_OF[scope] is entry)
        if len(same) > 1:
            yield same


def _details(entry: Entry, practitioner: str) -> list[Any]:
    acting = {"practitioner": {"id": practitioner}}
    match entry:
        case Entry.NONE:
            return [...]
        case Entry.CASE_ACTION:
            return [json.dumps([{"type": "case_action", **acting}])]
        case Entry.CASE_EXTRACT:
            return [
                json.dumps([{"type": "case_extract", "purpose": purpose, **acting}])
                for purpose in ("P1", "P2", "P3")
            ]


def _values(rule: Rule, arguments: Mapping[str, list[str]]) -> Iterator[dict[str, str]]:
    names = sorted(rule.arguments)
    page = isinstance(ROUTES.get(rule.endpoint), Staff)
    for number in range(max([1, *(len(arguments.get(name, [])) for name in names)])):
        values = {}
        for name in names:
            known = arguments.get(name, [str(uuid4())]) if page else arguments[name]
            values[name] = known[number % len(known)]
        yield values


def _body(endpoint: str, kind: Kind) -> dict[str, Any]:
    if endpoint == "safeguarding.decide":
        return {"outcome": "advice"}
    if endpoint == "recall.answer":
        return {"answer": "not_received"}
    if endpoint == "consent.decisions":
        return {
            "decision_id": str(uuid4()),
            "case_ref": kind.arguments["case_ref"][0],
            "person": str(uuid4()),
            "act": "withdraw",
            "recorded_by": "somebody",
        }
    return {}


def _maximal() -> tuple[frozenset[Scope], frozenset[Scope]]:
    """All that a client of an agency can be registered for: with referrals, and without."""
    rest = frozenset(Scope) - COUNCIL_SCOPES - DESTINATION_SCOPES
    return frozenset({*DESTINATION_SCOPES, Scope.LOG_READ}), rest


def _register(gateway: Served, agency: str, scopes: frozenset[Scope]) -> Partner:
    key = new_key()
    client = oauth.register_client(
        gateway.wiring,
        agency=AgencyCode(agency),
        scopes=scopes,
        keys=[key.as_dict(private=False)],
        actor="test",
    )
    oauth.approve_synthetic(gateway.wiring, agency=AgencyCode(agency), actor="test")
    return Partner(gateway.http, gateway.wiring.settings.issuer, client, key)


@pytest.fixture(scope="module")
def scene(gateway: Served) -> Scene:
    """A family that agreed to everything, before a panel, and referred twice."""
    world = gateway.world
    for code in ("camhs", "police", "social-care"):
        world.join(code)
    family = small_family(SOURCE)
    world.import_families({**family, "workers": [{"id": "ada", "from": "2026-01-01"}]})
    for person in family["people"]:
        world.give(SOURCE, person["id"])
    world.list_cases(SOURCE, members=["camhs", "social-care"])  # the police can be no member
    extracts = [
        each.extract_id
        for each in (world.release("camhs", SOURCE), world.release("social-care", SOURCE))
        if isinstance(each, Released)
    ]
    assert extracts
    receives, rest = _maximal()
    partners = {
        "police": _register(gateway, "police", rest),
        "police's referrals": _register(gateway, "police", receives),
        "hub": _register(gateway, "social-care", receives),
        "camhs": _register(gateway, "camhs", rest),
    }
    with gateway.wiring.engine.begin() as connection:
        repository.put_destinations(
            connection,
            [
                Destination("hub", "Hub", Function.SAFEGUARDING_HUB, "1", partners["hub"].client_id),
                Destination(
                    "police", "Police", Function.POLICE_101, "101", partners["police's referrals"].client_id
                ),
            ],
        )
        meeting = connection.execute(text("SELECT meeting_id FROM gateway.panel_meeting")).scalars().first()
    ada = Somebody(gateway.wiring, Role.CASEWORKER)
    referrals = {
        code: str(refer(world, ada, more={"destination": code, "fear": said}).id)
        for code, said in TOLD.items()
    }
    refs = {code: str(world.case_ref(code, SOURCE)) for code in world.members}

    def kind(name: str, agency: str, scopes: frozenset[Scope]) -> Kind:
        return Kind(
            agency,
            scopes,
            partners[name],
            {
                "case_ref": [refs[agency], *refs.values()],
                "extract_id": [str(each) for each in extracts],
                "level": ["0", "1"],
                "meeting_id": [str(meeting)],
                "person": [family["people"][0]["id"]],
                "pickup_id": [str(uuid4())],
                "recall_id": [str(uuid4())],
                "referral_id": list(referrals.values()),
                "rest": ["000", "000.p/1"],
                "source_ref": [SOURCE],
                "digest": ["x"],
                "name": ["base.css"],
            },
        )

    kinds = {
        "police": kind("police", "police", rest),
        "police's referrals": kind("police's referrals", "police", receives),
        "hub": kind("hub", "social-care", receives),
        "camhs": kind("camhs", "camhs", rest),
    }
    markers = (*ABOUT_A_CASE, *TOLD.values(), *refs.values(), *(str(each) for each in extracts))
    found = Scene(gateway, kinds, markers)
    _ask_everything(found)
    return found


def _ask_everything(scene: Scene) -> None:
    """Ask every route as every kind, and keep which of them told something of a case."""
    rules = sorted(scene.gateway.app.url_map.iter_rules(), key=lambda rule: rule.endpoint in LAST)
    held = {name: list(scene.tokens(kind)) for name, kind in scene.kinds.items()}
    for rule in rules:
        page = isinstance(ROUTES.get(rule.endpoint), Staff)
        for name, kind in scene.kinds.items():
            for token in held[name][:1] if page else held[name]:
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    for answer in scene.ask(kind, rule, method, token):
                        said = answer.get_data().decode("utf-8", "replace") + repr(list(answer.headers))
                        said = said.replace(
                            answer.request.path, ""
                        )  # signing in leads back to what was asked
                        if any(marker in said for marker in scene.markers):
                            kind.told.add(rule.endpoint)
                        foreign = [told for code, told in TOLD.items() if not name.startswith(code)]
                        assert not any(told in said for told in foreign), (name, rule)
                        assert not page or answer.status_code in {302, 303, 400, 403}, (name, rule)


def test_every_route_that_a_client_can_ask_is_ruled_on(scene: Scene) -> None:
    """A new one tells of a case until somebody has said here that it does not."""
    served = {rule.endpoint for rule in scene.gateway.app.url_map.iter_rules()}
    assert {each for each in served if not isinstance(ROUTES.get(each), Staff)} == set(KNOWN)


def test_every_kind_of_client_got_its_tokens(scene: Scene) -> None:
    """So that what is refused is refused for what it asks, and not for want of a token."""
    for kind in scene.kinds.values():
        tokens = list(scene.tokens(kind))
        assert len(tokens) >= len(kind.scopes)


@pytest.mark.parametrize("name", ["police's referrals", "hub"])
def test_a_destination_is_told_of_a_case_by_referrals_alone(scene: Scene, name: str) -> None:
    assert REFERRALS == scene.kinds[name].told


def test_the_police_are_told_of_no_case_by_any_other_client(scene: Scene) -> None:
    assert set() == scene.kinds["police"].told


def test_the_search_finds_what_an_agency_of_the_panel_is_told(scene: Scene) -> None:
    """The same family, the same routes, the same search: an agency that may see it does."""
    assert EXTRACTS <= scene.kinds["camhs"].told
    assert REFERRALS.isdisjoint(scene.kinds["camhs"].told)


def test_no_other_combination_of_scopes_can_be_registered(scene: Scene) -> None:
    """Every set of scopes that any client can have is part of one that was tried."""
    del scene
    tried = _maximal()
    for scopes in chain.from_iterable(combinations(Scope, size) for size in range(1, len(Scope) + 1)):
        try:
            registration._checked_scopes(scopes, AgencyCode("police"))
        except RegistrationError:
            continue
        assert any(set(scopes) <= each for each in tried), scopes


def test_what_needs_no_token_needs_none_by_intent() -> None:
    """Whoever opens a route to everybody has to say so in this list, too."""
    open_to_all = {name for name, access in ROUTES.items() if access in {PUBLIC, CLIENT}}
    assert open_to_all - {"demo.click", "demo.people"} <= set(KNOWN)
