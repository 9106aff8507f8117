"""What pages look like: the compiled stylesheets, the plain one where they are missing, and the council's colour."""

import dataclasses
import json
import os
import re
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest
from flask.testing import FlaskClient

from gateway import app as application
from gateway.app import build_app
from gateway.console import pages
from gateway.wiring import Wiring

ROOT: Final = Path(__file__).resolve().parents[3]
LOCK: Final = ROOT / "gateway" / "console" / "frontend" / "package-lock.json"
VERSION: Final = "6.3.0"
"""That of govuk-frontend whose markup the components have."""


@pytest.fixture
def compiled() -> None:
    """Where npm was out of reach: skipped loudly, failed where ``CI`` is set."""
    if not pages.is_styled():
        message = "npm was out of reach when the package was installed: python3 dev.py clean, then again"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package as it is built where npm is out of reach."""
    for name in ("ASSETS", "ASSET_PATHS"):
        kept = {key: value for key, value in getattr(pages, name).items() if key not in pages.COMPILED}
        monkeypatch.setattr(pages, name, kept)


def sheets_of(page: str) -> list[str]:
    return re.findall(r'<link rel="stylesheet" href="([^"]+)">', page)


def names(addresses: list[str]) -> list[str]:
    return [address.rpartition("/")[2] for address in addresses]


def page_and_sheets(wiring: Wiring, http: FlaskClient) -> tuple[list[str], list[str]]:
    """The addresses of the sheets of a page, and what is there."""
    own = wiring.settings.public_url
    addresses = sheets_of(http.get("/console/sign-in", base_url=own).text)
    answers = [http.get(address, base_url=own) for address in addresses]
    assert {(HTTPStatus.OK, "text/css; charset=utf-8")} == {
        (answer.status_code, answer.headers["Content-Type"]) for answer in answers
    }
    return addresses, [answer.text for answer in answers]


@pytest.mark.usefixtures("compiled")
def test_a_page_has_the_compiled_sheets_first_and_ours_last(wiring: Wiring) -> None:
    addresses, texts = page_and_sheets(wiring, build_app(wiring).test_client())
    assert [*pages.COMPILED, "brand.css", "app.css"] == names(addresses)
    assert f'--govuk-frontend-version:"{VERSION}"' in texts[0]
    assert ".moj-timeline" in texts[1]


@pytest.mark.usefixtures("compiled")
def test_no_sheet_fetches_a_typeface() -> None:
    """GOV.UK's is for service.gov.uk only; and where Arial is missing, declaring it again does not replace it."""
    found = [name for name, (content, _) in pages.ASSETS.items() if b"@font-face" in content]
    assert [] == found


@pytest.mark.usefixtures("plain")
def test_without_the_compiled_sheets_a_page_has_a_plain_one(wiring: Wiring) -> None:
    addresses, texts = page_and_sheets(wiring, build_app(wiring).test_client())
    assert ["base.css", "brand.css", "app.css"] == names(addresses)
    assert ".govuk-button" in texts[0]


@pytest.mark.usefixtures("plain")
def test_a_process_without_the_compiled_sheets_says_so_once(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(application, "wire", lambda _: wiring)
    application.create_app(wiring.settings)
    said = capsys.readouterr()
    assert 1 == (said.out + said.err).count("pages.unstyled")


@pytest.mark.parametrize("colour", ["#14365c", "#6b1f5c"])
def test_the_councils_colour_is_a_sheet_of_its_own(wiring: Wiring, colour: str) -> None:
    branded = dataclasses.replace(wiring, settings=dataclasses.replace(wiring.settings, brand_colour=colour))
    http = build_app(branded).test_client()
    addresses, texts = page_and_sheets(branded, http)
    at = names(addresses).index("brand.css")
    assert f"--govuk-brand-colour: {colour};" in texts[at]
    elsewhere = addresses[at].replace("/assets/", "/assets/0")
    assert HTTPStatus.NOT_FOUND == http.get(elsewhere, base_url=wiring.settings.public_url).status_code


def test_another_colour_has_another_address() -> None:
    """Browsers keep a sheet for ever."""
    assert set(pages.sheets("#14365c")) ^ set(pages.sheets("#6b1f5c"))


def test_the_lock_has_a_hash_for_every_package_and_names_no_registry() -> None:
    text = LOCK.read_text("utf-8")
    packages = {name: each for name, each in json.loads(text)["packages"].items() if name}
    assert [] == [name for name, each in packages.items() if not each["integrity"].startswith("sha512-")]
    assert "resolved" not in text
    assert (VERSION, "11.1.0") == (
        packages["node_modules/govuk-frontend"]["version"],
        packages["node_modules/@ministryofjustice/frontend"]["version"],
    )


def test_the_notices_name_what_is_carried() -> None:
    text = (ROOT / "NOTICES").read_text("utf-8")
    wanted = json.loads(LOCK.with_name("package.json").read_text("utf-8"))["dependencies"]
    assert [] == [name for name, version in wanted.items() if f"{name} {version}" not in text]
