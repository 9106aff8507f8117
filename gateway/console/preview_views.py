"""The officer's preview of a profile: what an agency would be told of an invented family, or of a real one.

INVARIANTS
- It is told by the functions of a release, under the version or the draft that is named.
- Of a real family nothing is shown before it is on record that this officer looked, and its reference stands in no address.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Flask, Response, request

from agencies import repository as agencies
from agencies.model import AgencyKind, Profile, Stage
from agencies.register import Agency
from gateway.agency.drafting import draft_of
from gateway.agency.previewing import preview_family
from gateway.cases.errors import UnknownCaseError
from gateway.console import pages, preview_page
from gateway.console.consent_form import Form
from gateway.console.editor_views import agency_of
from gateway.console.profile_views import PROFILES
from gateway.console.profile_words import STAGE_WORDS, read_profile
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.release.example import Situation, asking, example
from gateway.release.explanation import explain_facts
from gateway.release.preview import Preview
from gateway.release.service import ITEM_FAULTS
from gateway.wiring import Wiring

DRAFT: Final = "draft"
_LONGEST: Final = 128
"""The longest reference that is looked for."""

_NAMED: Final = "named-worker"
_ANYBODY: Final = "anybody"
_SITUATIONS: Final[Mapping[Situation, str]] = {
    Situation.AGREED: "An invented family: everybody agreed",
    Situation.CHILD_REFUSED: "An invented family: the older child said no",
    Situation.SHELTERED: "An invented family: they live in a refuge",
}
_DAMAGED: Final = (
    "A part of this family's record cannot be read, and nothing is released from it. Tell the operator."
)
_NO_FAMILY: Final = "There is no such case, or you may not look at it."


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("previews", __name__)

    @blueprint.get("/console/profiles/<code>/preview")
    def preview(code: str) -> Response:
        agency = agency_of(wiring, code)
        asked = _asked(wiring, agency, _arguments())
        if isinstance(asked, dict):
            return _page(wiring, agency, error=asked)
        found = example(
            asked.candidate,
            kind=agency.kind,
            situation=asked.situation,
            stage=asked.stage,
            extract_days=wiring.settings.extract_days,
            named_worker=asked.named_worker,
        )
        return _page(wiring, agency, asked=asked, found=found)

    @blueprint.post("/console/profiles/<code>/preview")
    def family(code: str) -> Response:
        agency = agency_of(wiring, code)
        asked = _asked(wiring, agency, Form({name: tuple(each) for name, each in request.form.lists()}))
        if isinstance(asked, dict):
            return _page(wiring, agency, error=asked)
        return _family_page(wiring, agency, asked)

    app.register_blueprint(blueprint)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is previewed, and how."""

    version: str
    candidate: Profile
    situation: Situation
    stage: Stage
    named_worker: bool


def _arguments() -> Form:
    return Form({name: tuple(request.args.getlist(name)) for name in request.args})


def _asked(wiring: Wiring, agency: Agency, form: Form) -> _Asked | dict[str, str]:
    """What was asked for, what is left out as it is shown first; or what is wrong with it."""
    profiles = _profiles(wiring, agency)
    version = form.one("version") or next(iter(profiles), "")
    situation, stage = form.one("family") or Situation.AGREED, form.one("stage") or Stage.PANEL
    who = form.one("who") or _ANYBODY
    if not profiles:
        raise Problem(NOT_FOUND)
    if version not in profiles:
        return _wrong("version", "Choose a version, or the draft.")
    if situation not in set(Situation):
        return _wrong("family", "Choose a family.")
    if stage not in set(Stage):
        return _wrong("stage", "Choose a stage.")
    if who not in {_ANYBODY, _NAMED}:
        return _wrong("who", "Choose who asks.")
    named = who == _NAMED and agency.kind is AgencyKind.EARLY_HELP
    return _Asked(version, profiles[version], Situation(situation), Stage(stage), named)


def _profiles(wiring: Wiring, agency: Agency) -> dict[str, Profile]:
    """What can be previewed: the draft, the version that releases now, and the others from the newest on."""
    with wiring.engine.connect() as connection:
        draft = draft_of(connection, agency.code)
        effective = agencies.effective_version(connection, agency.code)
        newest = agencies.latest_version(connection, agency.code) or 0
        order = dict.fromkeys(each for each in (effective, *range(newest, 0, -1)) if each is not None)
        stored = {
            str(version): read_profile(agencies.profile_document(connection, agency.code, version=version))
            for version in order
        }
    found = {DRAFT: None if draft is None else draft.profile, **stored}
    return {version: profile for version, profile in found.items() if profile is not None}


def _wrong(field: str, sentence: str) -> dict[str, str]:
    return {"field": field, "sentence": sentence}


def _family_page(wiring: Wiring, agency: Agency, asked: _Asked) -> Response:
    reference = request.form.get("reference", "").strip()
    if not reference or len(reference) > _LONGEST or not reference.isprintable():
        error = _wrong("reference", "Enter the council's reference of the case.")
        return _page(wiring, agency, asked=asked, error=error)
    try:
        found = preview_family(
            wiring,
            current_staff(),
            asked.candidate,
            source_ref=reference,
            stage=asked.stage,
            named_worker=asked.named_worker,
        )
    except UnknownCaseError:
        return _page(wiring, agency, asked=asked, error=_wrong("reference", _NO_FAMILY))
    except ITEM_FAULTS:
        return _page(wiring, agency, asked=asked, error=_wrong("reference", _DAMAGED))
    return _page(wiring, agency, asked=asked, found=found, real=True)


def _page(
    wiring: Wiring,
    agency: Agency,
    *,
    asked: _Asked | None = None,
    found: Preview | None = None,
    error: dict[str, str] | None = None,
    real: bool = False,
) -> Response:
    """The page of what would be told; without it, of what can be asked for."""
    shown = None
    if found is not None and asked is not None:
        caller = asking(agency.code, asked.stage, named_worker=asked.named_worker)
        days = wiring.settings.extract_days
        lines = explain_facts(found.facts, caller=caller, extract_days=days, histories={})
        shown = preview_page.shown(found, lines)
    profiles = _profiles(wiring, agency)
    return pages.render(
        wiring.settings,
        "preview.html",
        title=f"What {agency.name} would be told",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        agency=agency,
        back=f"{PROFILES}/{agency.code}",
        address=f"{PROFILES}/{agency.code}/preview",
        asked=asked,
        real=real,
        stage=None if asked is None else STAGE_WORDS[asked.stage],
        version="" if asked is None else asked.version,
        who=_NAMED if asked is not None and asked.named_worker else _ANYBODY,
        versions=[
            {"value": each, "words": "The draft" if each == DRAFT else f"Version {each}"} for each in profiles
        ],
        families=[{"value": each.value, "words": words} for each, words in _SITUATIONS.items()],
        stages=[{"value": each.value, "words": STAGE_WORDS[each].capitalize()} for each in Stage],
        workers=_workers(agency),
        shown=shown,
        document="" if shown is None else json.dumps(shown.record, indent=2, ensure_ascii=False),
    )


def _workers(agency: Agency) -> Sequence[Mapping[str, str]]:
    """Who asks, where that makes a difference."""
    if agency.kind is not AgencyKind.EARLY_HELP:
        return ()
    return (
        {"value": _ANYBODY, "words": "A practitioner who does not work with the family"},
        {"value": _NAMED, "words": "A named worker of the family"},
    )
