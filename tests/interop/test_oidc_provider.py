"""oidc-provider, which others wrote and certified, signs members of staff in at a real gateway, and out again."""

import http.cookiejar
import json
import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import unescape
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from certs.authority import create_authority, issue_server
from certs.private_file import write_private
from gateway.app import build_app
from gateway.settings import ProviderSettings
from gateway.staff import federation, service
from gateway.staff.errors import ProviderAnswerError
from gateway.staff.federation import StepUp
from gateway.staff.model import Role
from gateway.staff.provider import CALLBACK, Provider
from gateway.wiring import Wiring
from tests.clients.npm import PROGRAMS, UnreachableRegistryError, install, link_packages
from tests.gateway.oauth.partner import new_key
from tests.support.node import ROOT, Node, Ports, environment_of, running, settled
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database

PACKAGES: Final = Path(__file__).with_name("oidc_provider")
BUILDS: Final = ROOT / "build" / "interop"
SECRET: Final = "a secret with spaces & signs: %+"


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but to addresses that it should stop at.

    Attributes:
        stop: part of such an address; None: none.
        at: where it stopped.
    """

    stop: str | None = None
    at: str = ""

    def redirect_request(self, *details: Any) -> urllib.request.Request | None:
        address: str = details[-1]
        if self.stop is not None and self.stop in address:
            self.at = address
            return None
        return super().redirect_request(*details)


class Surfer:
    """A browser without a screen: keeps cookies, follows redirects, and is somebody at the provider."""

    def __init__(self, authorities: Path, subject: str) -> None:
        context = ssl.create_default_context(cafile=authorities)
        self.subject = subject
        self._redirects = Redirects()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            self._redirects,
        )

    def open(self, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, address and text of where one ends up."""
        parts = urlsplit(url)
        headers = {"X-Subject": self.subject, "X-Acr": "gold", "Origin": f"{parts.scheme}://{parts.netloc}"}
        data = None if form is None else urlencode(form).encode()
        request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - https, ours
        try:
            with self._opener.open(request) as answer:
                return answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.url, error.read().decode()

    def returned(self, address: str) -> dict[str, str]:
        """What the provider sends this browser back with; the gateway is not asked."""
        self._redirects.stop = CALLBACK
        answered = self.open(address)
        assert self._redirects.at, answered
        return {name: values[0] for name, values in parse_qs(urlsplit(self._redirects.at).query).items()}


@dataclass
class Site:
    """A gateway and the provider of its council."""

    node: Node
    wiring: Wiring
    issuer: str
    folder: Path
    authorities: Path

    @property
    def own(self) -> str:
        return self.node.ports.public_url

    def surfer(self, subject: str) -> Surfer:
        return Surfer(self.authorities, subject)

    def link(self, username: str, *, subject: str) -> Surfer:
        """Sign somebody in for the first time."""
        surfer = self.surfer(subject)
        status, address, text = surfer.open(f"{self.own}/console/invitation", {"code": self.code(username)})
        assert 200 == status, text
        status, address, text = surfer.open(way_in(text))
        assert (200, f"{self.own}/console") == (status, address), text + self.node.log
        return surfer

    def code(self, username: str) -> str:
        return service.invite(self.wiring, username=username, roles=[Role.CASEWORKER], invited_by="cli:test")

    def in_process(self, client_id: str, **changes: Any) -> Wiring:
        """A gateway like the node's, in this process, that is another client of the provider."""
        named = ProviderSettings(
            issuer=self.issuer, client_id=client_id, ca_file=self.folder / "provider-ca.pem", **changes
        )
        return replace(self.wiring, settings=replace(self.wiring.settings, provider=named))


def way_in(page: str) -> str:
    """Where the button of a page leads."""
    (address,) = re.findall(r'<a class="govuk-button" href="(https://[^"]*)"', page)
    return unescape(address)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def provider_running(folder: Path, options: dict[str, Any], authority: Path) -> Iterator[None]:
    """The provider, until the block is left."""
    place = folder / "provider"
    place.mkdir()
    try:
        link_packages(place, installed=install(BUILDS, packages=PACKAGES))
    except UnreachableRegistryError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    (place / "provider.mjs").write_bytes((PACKAGES / "provider.mjs").read_bytes())
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [str(PROGRAMS / "node"), "provider.mjs", json.dumps(options)],
            cwd=place,
            env={"PATH": os.defpath, "NODE_EXTRA_CA_CERTS": str(authority)},
            stdout=log,
            stderr=log,
            start_new_session=True,  # the wheel's node is a program that starts another one
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


@pytest.fixture(scope="module")
def site(
    cluster: Cluster, template_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder, ports, port = tmp_path_factory.mktemp("oidc"), Ports.free(), free_port()
    issuer, callback = f"https://localhost:{port}", ports.public_url + CALLBACK
    authority = create_authority("A provider's authority", now=datetime.now(UTC))
    server = issue_server(authority, names=["localhost"], now=datetime.now(UTC))
    (folder / "provider-ca.pem").write_bytes(authority.certificate_pem)
    (folder / "provider.pem").write_bytes(server.certificate_pem)
    write_private(folder / "provider.key", server.key_pem)
    (folder / "secret").write_text(SECRET)
    key = new_key("PS256")
    (folder / "client.jwk").write_text(json.dumps({**key.as_dict(private=True), "kid": "ours"}))
    signing = {algorithm: new_key(algorithm) for algorithm in ("RS256", "ES256")}
    common = {
        "redirect_uris": [callback],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
        "backchannel_logout_uri": f"{ports.public_url}/console/oidc/back-channel-logout",
    }
    by_key = {
        "client_id": "by-key",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "PS256",
        "id_token_signed_response_alg": "PS256",
        "jwks": {"keys": [{**key.as_dict(private=False), "kid": "ours", "use": "sig"}]},
    }
    by_secret = {
        "client_secret": SECRET,
        "token_endpoint_auth_method": "client_secret_basic",
    }
    options = {
        "issuer": issuer,
        "port": port,
        "certificate": str(folder / "provider.pem"),
        "certificate_key": str(folder / "provider.key"),
        "cookie_key": secrets.token_hex(),
        "clients": [
            common | by_key,
            common | by_secret | {"client_id": "by-secret", "id_token_signed_response_alg": "ES256"},
            common | by_secret | {"client_id": "by secret/2", "id_token_signed_response_alg": "RS256"},
        ],
        "jwks": {
            "keys": [
                {**each.as_dict(private=True), "kid": name, "use": "sig"} for name, each in signing.items()
            ]
        },
    }
    with new_database(cluster, template=template_database.name) as database, wired(database, folder) as parts:
        wiring = replace(parts, settings=settled(parts.settings, "native", ports))
        environ = environment_of(wiring.settings) | {
            "GATEWAY_OIDC_ISSUER": issuer,
            "GATEWAY_OIDC_CLIENT_ID": "by-key",
            "GATEWAY_OIDC_CLIENT_KEY_FILE": str(folder / "client.jwk"),
            "GATEWAY_OIDC_CA_FILE": str(folder / "provider-ca.pem"),
            "GATEWAY_OIDC_NAME": "Testshire account",
        }
        with running("native", folder, ports=ports, environ=environ) as node:
            ours = node.certificates.authority_file
            authorities = folder / "authorities.pem"
            authorities.write_bytes(ours.read_bytes() + authority.certificate_pem)
            with provider_running(folder, options, ours):
                made = Site(node, wiring, issuer, folder, authorities)
                node.wait(lambda: _answers(made), "The provider did not come up")
                yield made


def _answers(site: Site) -> bool:
    try:
        answered = site.surfer("").open(f"{site.issuer}/.well-known/openid-configuration")
    except OSError:
        return False
    return answered[0] == HTTPStatus.OK


def test_somebody_is_linked_by_a_code_and_signs_in_from_then_on(site: Site) -> None:
    """At two workers of a real gateway, authenticated by a key (private_key_jwt), with a token in PS256."""
    first = site.link("ada", subject="subject-1")
    assert "Signed in as ada" in first.open(f"{site.own}/console/sessions")[2]
    again = site.surfer("subject-1")
    status, address, text = again.open(f"{site.own}/console/oidc?next=/console/sessions")
    assert (200, f"{site.own}/console/sessions") == (status, address)
    assert "Signed in as ada" in text
    assert "council account" in text


def test_somebody_whom_nobody_invited_is_told_so(site: Site) -> None:
    stranger = site.surfer("stranger")
    status, _, text = stranger.open(f"{site.own}/console/oidc")
    assert (422, True) == (status, "You are not known here." in text)
    assert stranger.open(f"{site.own}/console")[1].startswith(f"{site.own}/console/sign-in")


def test_the_provider_signs_somebody_out_everywhere(site: Site) -> None:
    """Its back channel comes from no browser; somebody else's sessions stay."""
    ada, ben = site.link("carol", subject="subject-3"), site.link("ben", subject="subject-4")
    page = ada.open(f"{site.issuer}/session/end")[2]
    (xsrf,) = re.findall(r'name="xsrf" value="([^"]*)"', page)
    assert f"{site.own}/console/sessions" == ada.open(f"{site.own}/console/sessions")[1]
    ada.open(f"{site.issuer}/session/end/confirm", {"xsrf": xsrf, "logout": "yes"})
    site.node.wait(
        lambda: "/console/sign-in" in ada.open(f"{site.own}/console/sessions")[1],
        "Nobody was signed out: " + (site.folder / "provider.log").read_text(),
    )
    assert f"{site.own}/console/sessions" == ben.open(f"{site.own}/console/sessions")[1]


@pytest.mark.parametrize("client_id", ["by-secret", "by secret/2"])
def test_a_secret_of_any_characters_authenticates(site: Site, client_id: str) -> None:
    """RFC 6749 section 2.3.1, with tokens in ES256 and RS256."""
    parts = site.in_process(client_id, client_secret_file=site.folder / "secret")
    http, own = build_app(parts).test_client(), site.own
    code = site.code("dan")
    page = http.post("/console/invitation", base_url=own, headers={"Origin": own}, data={"code": code})
    back = site.surfer(f"dan-{client_id}").returned(way_in(page.text))
    answer = http.get(CALLBACK, base_url=own, query_string=back)
    assert (303, "/console") == (answer.status_code, answer.headers["Location"])


WRONG: Final[dict[str, bytes]] = {"another secret": b"another secret", "another key": b""}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_client_that_is_not_the_registered_one_signs_nobody_in(
    site: Site, tmp_path: Path, wrong: str
) -> None:
    (tmp_path / "secret").write_bytes(WRONG[wrong])
    (tmp_path / "key").write_text(json.dumps({**new_key("PS256").as_dict(private=True), "kid": "ours"}))
    parts = (
        site.in_process("by-key", client_key_file=tmp_path / "key")
        if wrong == "another key"
        else site.in_process("by-secret", client_secret_file=tmp_path / "secret")
    )
    provider = Provider.load(parts.settings)
    assert provider is not None
    begun = federation.start_login(parts, provider, wanted="/console")
    back = {name: [value] for name, value in site.surfer("subject-1").returned(begun.url).items()}
    with pytest.raises(ProviderAnswerError, match="status 401"):
        federation.finish_login(parts, provider, back, browser=begun.browser)


@pytest.mark.parametrize("max_age", [0, 300])
def test_a_fresh_proof_of_the_same_person_for_one_action(site: Site, max_age: int) -> None:
    """Asked at a provider where they are signed in already; another person's is refused."""
    parts = site.in_process("by-secret", client_secret_file=site.folder / "secret", acr="gold")
    provider = Provider.load(parts.settings)
    assert provider is not None
    ada = site.surfer("subject-7")
    ada.open(f"{site.own}/console/oidc")
    asked = StepUp(subject="subject-7", purpose=b"hash of the action", max_age=max_age)

    def proven(surfer: Surfer) -> federation.Proven:
        begun = federation.start_login(parts, provider, wanted="/console", step_up=asked)
        back = {name: [value] for name, value in surfer.returned(begun.url).items()}
        return federation.finish_login(parts, provider, back, browser=begun.browser)

    proof = proven(ada)
    assert (asked.subject, asked.purpose) == (proof.identity.subject, proof.purpose)
    with pytest.raises(ProviderAnswerError, match="somebody else"):
        proven(site.surfer("subject-8"))


def test_the_lock_pins_every_package_and_names_no_registry() -> None:
    lock = json.loads((PACKAGES / "package-lock.json").read_text())
    locked = {name: entry for name, entry in lock["packages"].items() if name}
    assert locked
    assert all(entry["integrity"].startswith("sha512-") for entry in locked.values())
    assert not any("resolved" in entry for entry in locked.values())


def test_a_dangerous_act_takes_a_fresh_proof_at_the_provider(site: Site) -> None:
    """By the pages: the act leads there and back, is done once, and takes another proof the next time."""
    surfer = site.link("hal", subject="subject-8")

    def add() -> str:
        _, _, page = surfer.open(f"{site.own}/console/passkeys")
        (token,) = set(re.findall(r'name="form_token" value="([0-9a-f]{64})"', page))
        return surfer.open(f"{site.own}/console/passkeys/add", {"form_token": token})[2]

    asked = add()
    assert "Confirm with Testshire account" in asked
    (there,) = re.findall(rf'<a href="({re.escape(site.issuer)}/[^"]*)"', asked)
    assert "max_age=0" in there
    assert "prompt=login" in there
    status, address, _ = surfer.open(unescape(there))
    assert (200, f"{site.own}/console/passkeys") == (status, address)
    assert "Make another passkey" in add()
    assert "Confirm with Testshire account" in add()
    assert surfer.open(unescape(there))[0] >= HTTPStatus.BAD_REQUEST


def test_somebody_elses_proof_at_the_provider_lets_nobody_go_on(site: Site) -> None:
    surfer = site.link("jim", subject="subject-9")
    _, _, page = surfer.open(f"{site.own}/console/passkeys")
    (token,) = set(re.findall(r'name="form_token" value="([0-9a-f]{64})"', page))
    asked = surfer.open(f"{site.own}/console/passkeys/add", {"form_token": token})[2]
    (there,) = re.findall(rf'<a href="({re.escape(site.issuer)}/[^"]*)"', asked)
    status, _, text = site.surfer("subject-10").open(unescape(there))
    assert (HTTPStatus.UNPROCESSABLE_ENTITY, True) == (status, "That did not work." in text)
    again = surfer.open(f"{site.own}/console/passkeys/add", {"form_token": token})[2]
    assert "Confirm with Testshire account" in again
