"""One frame for every page, the pages of faults among them, and the headers that pages are sent with.

INVARIANTS
- A page runs no script and shows no style but our own files; nothing inline, nothing from elsewhere.
- A fault of a page is a page, with one plain sentence and nothing of what was asked.
- Everything that stands in a page is escaped.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import quote
from uuid import UUID

from flask import Response, g, redirect, request
from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.wrappers import Response as AnyResponse

from agencies.repository import all_agencies
from gateway.calendar import said_day
from gateway.console import referral_form, words
from gateway.console.consent_form import Form
from gateway.ids import read_id
from gateway.oauth.access import ROUTES, Staff
from gateway.problems import NOT_FOUND, Problem
from gateway.settings import Settings
from gateway.staff.model import Role, SignedIn
from gateway.wiring import Wiring

HOME: Final = "/console"
SIGN_IN: Final = "/console/sign-in"
EMERGENCY: Final = "/console/emergency"
"""What is there when nothing else is: it needs no database."""
_PREFIXES: Final = ("/console", "/desk", "/pickup")
_STYLE: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_OURS: Final = re.compile(r"/(console|desk)(/[A-Za-z0-9._-]+){0,8}", re.ASCII)

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self';"
            " base-uri 'none'; frame-ancestors 'none'"
        ),
        # With "no-referrer" a browser says "Origin: null" with its own forms, and they could not be told apart.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
)

COMPILED: Final = ("govuk-frontend.min.css", "moj-frontend.min.css")
"""What the build of the package put there, of GOV.UK and of the Ministry of Justice; see ``tools/stylesheets.py``."""

_FALLBACK, _OWN, _BRAND = "base.css", "app.css", "brand.css"
_FOLDER: Final = Path(__file__).with_name("assets")
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
ASSETS: Final[Mapping[str, tuple[bytes, str]]] = MappingProxyType(
    {
        path.name: (path.read_bytes(), _TYPES[path.suffix])
        for path in sorted([*_FOLDER.iterdir(), *_FOLDER.glob("built/*")])
        if path.suffix in _TYPES
    }
)
"""Every file that a page may load, with its media type; the council's own sheet is made beside them."""

_MENU: Final = (
    ("console.home", "/console", "Your work"),
    ("families.own", "/console/families", "Families"),
    ("referrals.own", "/console/referrals", "Your referrals"),
    ("referrals.review_queue", "/console/referrals/review", "Referrals to look at"),
    ("meetings.meetings", "/console/meetings", "Panel meetings"),
    ("disclosures.explorer", "/console/disclosures", "Who got what"),
    ("samples.samples", "/console/samples", "What agencies confirm"),
    ("incidents.listed", "/console/incidents", "Incidents"),
    ("complaints.listed", "/console/complaints", "Complaints"),
    ("profiles.matrix", "/console/profiles", "Who may be told what"),
    ("agencies.agencies", "/console/agencies", "Agencies"),
    ("approvals.approvals", "/console/approvals", "What takes two people"),
    ("processing.record", "/console/record-of-processing", "Record of processing"),
    ("desk.home", "/desk", "Your desk"),
    ("sign_in.sessions", "/console/sessions", "Where you are signed in"),
)
"""What the menu leads to: endpoint, address and words; each is shown to the roles that its endpoint is for."""

_TITLES: Final[Mapping[int, str]] = MappingProxyType(
    {
        HTTPStatus.FORBIDDEN: "You cannot see this page",
        HTTPStatus.NOT_FOUND: "Page not found",
        HTTPStatus.TOO_MANY_REQUESTS: "Too many requests",
        HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong",
        HTTPStatus.SERVICE_UNAVAILABLE: "The service is not available",
    }
)
_SENTENCES: Final[Mapping[int, str]] = MappingProxyType(
    {
        HTTPStatus.FORBIDDEN: "It is for other roles than yours, or the form was opened in another session.",
        HTTPStatus.NOT_FOUND: "If you typed the address, check it. If you followed a link, the page may be gone.",
        HTTPStatus.TOO_MANY_REQUESTS: "Wait a moment, then try again.",
        HTTPStatus.INTERNAL_SERVER_ERROR: "Nothing was changed. Try again later; tell the operator the number below.",
        HTTPStatus.SERVICE_UNAVAILABLE: "Nothing was changed. Try again in a minute.",
    }
)
_SIGNED_OUT: Final = "You were signed out"
_WRITTEN_AT_LENGTH: Final = frozenset({"referrals.complete", "referrals.refer"})
"""Forms of which nothing that was typed may be lost: where nobody is signed in any more it is shown, to be copied."""
_OTHER_TITLE, _OTHER_SENTENCE = "This did not work", "Nothing was changed. Go back, and try again."

_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("gateway.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"due": words.due, "instant": words.instant, "said_day": said_day}


def is_page(path: str) -> bool:
    """True for an address that a browser shows: it is answered with pages, whatever happens."""
    return any(path == prefix or path.startswith(prefix + "/") for prefix in _PREFIXES)


def named_id(text: str) -> UUID:
    """Return the id that an address names.

    Raises: Problem: 404.
    """
    known = read_id(text)
    if known is None:
        raise Problem(NOT_FOUND)
    return known


def safe_next(wanted: str | None) -> str:
    """Where to go after signing in: a page of ours, or home for anything else."""
    return wanted if wanted is not None and _OURS.fullmatch(wanted) else HOME


def render(
    settings: Settings,
    template: str,
    *,
    title: str,
    status: int = HTTPStatus.OK,
    error: Mapping[str, str] | None = None,
    **values: object,
) -> Response:
    """Return one page in the frame.

    Args:
        title: what the page is called, in its heading and in the browser's title.
        error: what is wrong with what was sent: ``field``, the id of the element, and ``sentence``.
    """
    who = g.get("signed_in")
    signed_in = who if isinstance(who, SignedIn) else None
    page = _ENVIRONMENT.get_template(template).render(
        title=title,
        council=settings.council_name,
        synthetic=settings.synthetic_people,
        signed_in=signed_in,
        assets=ASSET_PATHS,
        sheets=sheets(settings.brand_colour),
        here=request.path,
        menu=() if signed_in is None else menu_of(signed_in.roles),
        error=error,
        **values,
    )
    return Response(page, status=status, mimetype="text/html")


def menu_of(roles: frozenset[Role]) -> tuple[tuple[str, str], ...]:
    """Return the addresses and words of the menu for somebody with these roles; a desk is all the work of its user."""
    return tuple(
        (address, said)
        for endpoint, address, said in _MENU
        if isinstance(row := ROUTES[endpoint], Staff)
        and not row.roles.isdisjoint(roles)
        and not (address == HOME and roles == {Role.DESK_USER})
    )


def agency_names(wiring: Wiring) -> dict[str, str]:
    """Return every agency's name by its code, in the order of the names."""
    with wiring.engine.connect() as connection:
        found = all_agencies(connection)
    return {str(each.code): each.name for each in sorted(found, key=lambda each: each.name.casefold())}


def answer(problem: Problem, settings: Settings) -> AnyResponse:
    """Return the page of a fault; for somebody who is not signed in, the way to the page where one does."""
    status = problem.kind.status
    typed = (
        referral_form.typed_text(Form(dict(request.form.lists())))
        if status == HTTPStatus.UNAUTHORIZED and request.endpoint in _WRITTEN_AT_LENGTH
        else ()
    )
    if typed:
        return render(
            settings,
            "signed_out.html",
            title=_SIGNED_OUT,
            status=status,
            typed=typed,
            sign_in=SIGN_IN,
            emergency=EMERGENCY,
        )
    if status == HTTPStatus.UNAUTHORIZED:
        wanted = safe_next(request.path) if request.method == "GET" else HOME
        return redirect(f"{SIGN_IN}?next={quote(wanted)}", HTTPStatus.SEE_OTHER)
    page = render(
        settings,
        "fault.html",
        title=_TITLES.get(status, _OTHER_TITLE),
        status=status,
        sentence=_SENTENCES.get(status, _OTHER_SENTENCE),
        number=g.get("request_id", ""),
        emergency=EMERGENCY if _is_ours_to_mend(status, request.path) else None,
    )
    page.headers.extend(problem.headers or {})
    return page


def _is_ours_to_mend(status: int, path: str) -> bool:
    """True where the gateway, or its database, failed somebody of the council."""
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR and (path == HOME or path.startswith(f"{HOME}/"))


def is_styled() -> bool:
    """True when the compiled stylesheets are there; without them the pages have a plain one of ours."""
    return all(name in ASSETS for name in COMPILED)


def sheets(colour: str) -> tuple[str, ...]:
    """The addresses of a page's stylesheets for a council's colour; what a later one says holds."""
    first = COMPILED if is_styled() else (_FALLBACK,)
    return (
        *(ASSET_PATHS[name] for name in first),
        _address(_BRAND, brand_sheet(colour)),
        ASSET_PATHS[_OWN],
    )


def asset(address: str, *, colour: str) -> tuple[bytes, str] | None:
    """The file that is served at an address, with its media type; absent: nothing is."""
    name = address.rpartition("/")[2]
    if name == _BRAND:
        content, kind = brand_sheet(colour), _TYPES[".css"]
        return (content, kind) if address == _address(_BRAND, content) else None
    return ASSETS[name] if ASSET_PATHS.get(name) == address else None


@cache
def brand_sheet(colour: str) -> bytes:
    """The stylesheet that says the council's colour, and the tints of it that lie under words and between parts."""
    return (
        ":root {\n"
        f"  --govuk-brand-colour: {colour};\n"
        f"  --govuk-surface-background-colour: {_tint(colour, 0.05)};\n"
        f"  --govuk-template-background-colour: {_tint(colour, 0.05)};\n"
        f"  --govuk-surface-border-colour: {_tint(colour, 0.4)};\n"
        "}\n"
    ).encode()


def _tint(colour: str, share: float) -> str:
    """White with a share of a colour in it."""
    mixed = [round(255 - (255 - int(colour[at : at + 2], 16)) * share) for at in (1, 3, 5)]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _address(name: str, content: bytes) -> str:
    return f"/console/assets/{hashlib.sha256(content).hexdigest()[:16]}/{name}"


ASSET_PATHS: Final[Mapping[str, str]] = MappingProxyType(
    {name: _address(name, content) for name, (content, _) in ASSETS.items()}
)
"""Where each file is served: a changed file has another address, so browsers keep one for ever."""


def paper(page: bytes) -> Response:
    """Return a paper as it is printed: a page of its own, whose one style is allowed by its hash."""
    style = _STYLE.search(page)
    digest = base64.b64encode(hashlib.sha256(style[1] if style else b"").digest()).decode()
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    return response
