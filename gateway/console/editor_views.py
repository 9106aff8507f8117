"""The officer's editor of a sharing profile: a draft, section by section, saved as a version that two people decide about.

INVARIANTS
- A page changes the draft that it showed, or nothing: what it showed travels with the form.
- Beside each section stands what the saved draft would tell of an invented family, by the functions of a release.
- Nothing here releases anything: what is saved is proposed on another page, and approved by somebody else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, Final, ParamSpec

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies import repository as agencies
from agencies.model import AgencyCode, Condition, Profile, Stage
from agencies.register import Agency
from gateway.agency import drafting
from gateway.agency.drafting import Draft, Start
from gateway.agency.errors import DraftError, DraftMovedError
from gateway.console import pages, preview_page, profile_form
from gateway.console.approval_views import APPROVALS
from gateway.console.consent_form import Form, Wrong
from gateway.console.profile_form import SECTIONS, Basis, section_words
from gateway.console.profile_views import PROFILES
from gateway.console.profile_words import STAGE_WORDS, changes, other_changes, read_profile
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.release.example import Situation, asking, example
from gateway.release.explanation import explain_facts
from gateway.wiring import Wiring

DRAFT: Final = "draft"
"""The hidden field that says which draft a page showed."""

_TOP: Final = "draft"
_OUR_FIELDS: Final = frozenset({"form_token", DRAFT})
_AS_NOW: Final = {"status": "As now", "colour": ""}
_CHANGED: Final = {"status": "Changed", "colour": "yellow"}
_REASONS: Final = {"status": "Other reasons", "colour": "yellow"}
_DIRECTIONS: Final = {
    frozenset({True}): {"status": "Wider", "colour": "red"},
    frozenset({False}): {"status": "Narrower", "colour": "green"},
    frozenset({True, False}): {"status": "Wider and narrower", "colour": "red"},
}
"""What a section comes to against what releases now, by whether something becomes wider, and narrower."""

_VIEWS: Final = (
    (Condition.ALWAYS, "", Situation.AGREED),
    (Condition.NAMED_WORKER, ", to a named worker", Situation.AGREED),
    (Condition.HOSTING_REFUGE, ", of a family that it houses", Situation.SHELTERED),
)
"""What is shown beside a section, each where there is a row for it; who attended is part of the invented family."""

_START_WORDS: Final[Mapping[Start, str]] = {
    Start.EFFECTIVE: "The version that releases now",
    Start.NEWEST: "The newest version",
    Start.TEMPLATE: "The template for its kind of agency",
}


P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class _Shown:
    """A draft that can be read, and what it is compared with.

    Attributes:
        version: the number under which it would be saved.
        effective: the profile that releases now, as far as there is one.
    """

    draft: Draft
    profile: Profile
    version: int
    effective: Profile | None

    @property
    def says_nothing_new(self) -> bool:
        """Whether it says what the version that releases now says, to the last reason."""
        said = self.effective
        return said is not None and replace(self.profile, version=said.version) == said


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("editor", __name__)

    @blueprint.get("/console/profiles/<code>/edit")
    def draft(code: str) -> Response:
        return _draft_page(wiring, agency_of(wiring, code))

    @blueprint.post("/console/profiles/<code>/edit")
    def begin(code: str) -> AnyResponse:
        return _begun(wiring, agency_of(wiring, code))

    @blueprint.post("/console/profiles/<code>/discard")
    def discard(code: str) -> AnyResponse:
        return _discarded(wiring, agency_of(wiring, code))

    @blueprint.get("/console/profiles/<code>/edit/basis")
    @_of_draft(wiring)
    def basis(agency: Agency, shown: _Shown) -> AnyResponse:
        return _basis_page(wiring, agency, shown)

    @blueprint.post("/console/profiles/<code>/edit/basis")
    @_of_draft(wiring)
    def change_basis(agency: Agency, shown: _Shown) -> AnyResponse:
        return _basis_changed(wiring, agency, shown)

    @blueprint.get("/console/profiles/<code>/edit/check")
    @_of_draft(wiring)
    def check(agency: Agency, shown: _Shown) -> AnyResponse:
        return _check_page(wiring, agency, shown)

    @blueprint.post("/console/profiles/<code>/edit/check")
    def save(code: str) -> AnyResponse:
        return _saved(wiring, agency_of(wiring, code))

    @blueprint.get("/console/profiles/<code>/edit/<section>")
    @_of_draft(wiring)
    def section(agency: Agency, shown: _Shown, section: str) -> AnyResponse:
        return _section_page(wiring, agency, shown, _known(section))

    @blueprint.post("/console/profiles/<code>/edit/<section>")
    @_of_draft(wiring)
    def change(agency: Agency, shown: _Shown, section: str) -> AnyResponse:
        return _section_changed(wiring, agency, shown, _known(section))

    app.register_blueprint(blueprint)


def agency_of(wiring: Wiring, code: str) -> Agency:
    """The agency that an address names.

    Raises: Problem: 404.
    """
    # The database cannot even be asked for some texts that no code is.
    if code.isascii() and code.isprintable():
        with wiring.engine.connect() as connection:
            found = agencies.agency(connection, AgencyCode(code))
        if found is not None:
            return found
    raise Problem(NOT_FOUND)


def edit_address(code: str) -> str:
    """Where the draft of an agency's next profile is."""
    return f"{PROFILES}/{code}/edit"


def _shown(wiring: Wiring, agency: Agency) -> _Shown | None:
    """An agency's draft; absent: there is none that can be read."""
    with wiring.engine.connect() as connection:
        draft = drafting.draft_of(connection, agency.code)
        if draft is None or draft.profile is None:
            return None
        effective = agencies.effective_version(connection, agency.code)
        document = (
            None
            if effective is None
            else agencies.profile_document(connection, agency.code, version=effective)
        )
        version = drafting.next_version(connection, agency.code)
    return _Shown(draft, draft.profile, version, read_profile(document))


def _of_draft(
    wiring: Wiring,
) -> Callable[[Callable[Concatenate[Agency, _Shown, P], AnyResponse]], Callable[..., AnyResponse]]:
    """A page of an agency's draft: without one that can be read, it is the page on which one is begun."""

    def page_of(view: Callable[Concatenate[Agency, _Shown, P], AnyResponse]) -> Callable[..., AnyResponse]:
        @wraps(view)
        def answered(code: str, *args: P.args, **kwargs: P.kwargs) -> AnyResponse:
            agency = agency_of(wiring, code)
            shown = _shown(wiring, agency)
            return _elsewhere(agency) if shown is None else view(agency, shown, *args, **kwargs)

        return answered

    return page_of


def _known(section: str) -> str:
    """The section that an address names.

    Raises: Problem: 404.
    """
    if section not in SECTIONS:
        raise Problem(NOT_FOUND)
    return section


def _elsewhere(agency: Agency) -> AnyResponse:
    """To the page on which a draft is begun."""
    return redirect(edit_address(agency.code), HTTPStatus.SEE_OTHER)


def _typed() -> Form:
    """What was answered on a page of the editor."""
    return Form({name: tuple(values) for name, values in request.form.lists() if name not in _OUR_FIELDS})


def _wrong(field: str, sentence: str) -> dict[str, str]:
    return {"field": field, "sentence": sentence}


def _status(error: dict[str, str] | None) -> int:
    return HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY


def _moved(left: _Shown) -> dict[str, str]:
    """That somebody else was there first."""
    sentence = f"{left.draft.editor} changed the draft since this page was shown. Nothing of yours was saved."
    return _wrong(_TOP, sentence)


def _check_shown(shown: _Shown, digest: str) -> None:
    """Go on where a page showed the draft as it is now: a fault is mended on what was shown.

    Raises: DraftMovedError.
    """
    if shown.draft.digest != digest:
        raise DraftMovedError


# --- The draft, and its sections ------------------------------------------------------------------------------


def _draft_page(wiring: Wiring, agency: Agency, *, error: dict[str, str] | None = None) -> Response:
    with wiring.engine.connect() as connection:
        draft = drafting.draft_of(connection, agency.code)
        points = drafting.starting_points(connection, agency)
    shown = _shown(wiring, agency)
    return pages.render(
        wiring.settings,
        "draft.html",
        title=f"Change what {agency.name} may be told",
        status=_status(error),
        error=error,
        agency=agency,
        address=edit_address(agency.code),
        draft=draft,
        starts=[
            {
                "value": start.value,
                "words": _START_WORDS[start],
                "hint": "" if point.version is None else f"Version {point.version}",
            }
            for start, point in points.items()
        ],
        tasks=[] if shown is None else _tasks(shown, agency),
        version=None if shown is None else shown.version,
        began=_began(draft),
        overtaken=shown is not None
        and shown.draft.started_from is not None
        and shown.draft.started_from < shown.version - 1,
    )


def _began(draft: Draft | None) -> str:
    if draft is None:
        return ""
    return "the template" if draft.started_from is None else f"version {draft.started_from}"


def _begun(wiring: Wiring, agency: Agency) -> AnyResponse:
    chosen = request.form.get("start", "")
    if chosen not in set(Start):
        return _draft_page(wiring, agency, error=_wrong("start", "Choose what to begin with."))
    try:
        drafting.begin(wiring, current_staff(), agency, Start(chosen))
    except DraftMovedError as error:
        return _draft_page(wiring, agency, error=_wrong(_TOP, str(error)))
    except DraftError as error:
        return _draft_page(wiring, agency, error=_wrong("start", str(error)))
    return _elsewhere(agency)


def _discarded(wiring: Wiring, agency: Agency) -> AnyResponse:
    try:
        drafting.discard(wiring, agency.code, digest=request.form.get(DRAFT, ""))
    except DraftMovedError as error:
        return _draft_page(wiring, agency, error=_wrong(_TOP, f"{error} Nothing was discarded."))
    return _elsewhere(agency)


def _tasks(shown: _Shown, agency: Agency) -> list[Mapping[str, str]]:
    """Every section, and what changes there against what releases now."""
    address = edit_address(agency.code)
    found = [
        {"words": section_words(section), "address": f"{address}/{section}", **_section_tag(shown, section)}
        for section in SECTIONS
    ]
    rests = {"words": "Agreement, assessment, legal basis and review", "address": f"{address}/basis"}
    same = shown.effective is not None and Basis.of(shown.effective) == Basis.of(shown.profile)
    return [*found, {**rests, **(_AS_NOW if same else _CHANGED)}]


def _section_tag(shown: _Shown, section: str) -> Mapping[str, str]:
    """Whether something of a section becomes wider or narrower, or is only said for another reason."""
    old = None if shown.effective is None else profile_form.narrowed(shown.effective, section)
    new = profile_form.narrowed(shown.profile, section)
    found = frozenset(bool(each["wider"]) for each in changes(old, new))
    if found:
        return _DIRECTIONS[found]
    return _AS_NOW if old is not None and old.rows == new.rows else _REASONS


def _section_page(
    wiring: Wiring,
    agency: Agency,
    shown: _Shown,
    section: str,
    *,
    error: dict[str, str] | None = None,
    form: Form | None = None,
    chosen: list[dict[str, object]] | None = None,
) -> Response:
    return pages.render(
        wiring.settings,
        "draft_section.html",
        title=section_words(section),
        status=_status(error),
        error=error,
        agency=agency,
        back=edit_address(agency.code),
        address=f"{edit_address(agency.code)}/{section}",
        digest=shown.draft.digest,
        asked=profile_form.questions(shown.profile, section, kind=agency.kind, form=form),
        chosen=chosen or [],
        previews=_previews(wiring, agency, shown.profile, section),
        preview_address=f"{PROFILES}/{agency.code}/preview",
    )


def _previews(wiring: Wiring, agency: Agency, profile: Profile, section: str) -> list[dict[str, object]]:
    """What the saved draft would tell of a section's fields, stage by stage, and where a condition tells it otherwise."""
    fields, days = frozenset(SECTIONS[section]), wiring.settings.extract_days
    used = profile_form.conditions_used(profile, section)
    found: list[dict[str, object]] = []
    for when, more, situation in _VIEWS:
        named_worker = when is Condition.NAMED_WORKER
        for stage in Stage if when in used or when is Condition.ALWAYS else ():
            preview = example(
                profile,
                kind=agency.kind,
                situation=situation,
                stage=stage,
                extract_days=days,
                named_worker=named_worker,
            )
            caller = asking(agency.code, stage, named_worker=named_worker)
            lines = explain_facts(preview.facts, caller=caller, extract_days=days, histories={})
            shown = preview_page.shown(preview, lines, only=fields)
            found.append({"heading": f"{STAGE_WORDS[stage].capitalize()}{more}", "shown": shown})
    return found


def _section_changed(wiring: Wiring, agency: Agency, shown: _Shown, section: str) -> AnyResponse:
    form, digest = _typed(), request.form.get(DRAFT, "")
    typed = profile_form.edited(shown.profile, section, kind=agency.kind, form=form)
    try:
        if isinstance(typed, Wrong):
            _check_shown(shown, digest)
            error = _wrong(typed.field, typed.sentence)
            return _section_page(wiring, agency, shown, section, error=error, form=form)
        drafting.change(wiring, current_staff(), agency.code, typed, digest=digest)
    except DraftMovedError:
        left = _shown(wiring, agency)
        if left is None:
            return _elsewhere(agency)
        chosen = changes(left.profile, typed) if isinstance(typed, Profile) else []
        return _section_page(wiring, agency, left, section, error=_moved(left), chosen=chosen)
    except DraftError as fault:
        return _section_page(wiring, agency, shown, section, error=_wrong(_TOP, str(fault)), form=form)
    return redirect(f"{edit_address(agency.code)}/{section}", HTTPStatus.SEE_OTHER)


# --- What it rests on -----------------------------------------------------------------------------------------


def _basis_page(
    wiring: Wiring,
    agency: Agency,
    shown: _Shown,
    *,
    error: dict[str, str] | None = None,
    form: Form | None = None,
    chosen: Sequence[str] = (),
) -> Response:
    with wiring.engine.connect() as connection:
        agreements = agencies.agreements(connection, agency.code)
    return pages.render(
        wiring.settings,
        "draft_basis.html",
        title="What the profile rests on",
        status=_status(error),
        error=error,
        agency=agency,
        back=edit_address(agency.code),
        address=f"{edit_address(agency.code)}/basis",
        digest=shown.draft.digest,
        basis=Basis.of(shown.profile, form),
        chosen=chosen,
        agreements=agreements,
        articles6=[
            {"value": value, "words": f"Article {value}, {words}"}
            for value, words in profile_form.ARTICLES_6.items()
        ],
        articles9=[
            {"value": value, "words": f"Article {value}, {words}" if value else words}
            for value, words in profile_form.ARTICLES_9.items()
        ],
    )


def _basis_changed(wiring: Wiring, agency: Agency, shown: _Shown) -> AnyResponse:
    form, digest = _typed(), request.form.get(DRAFT, "")
    with wiring.engine.connect() as connection:
        today = agencies.today(connection)
    typed = profile_form.rested(shown.profile, form=form, today=today)
    try:
        if isinstance(typed, Wrong):
            _check_shown(shown, digest)
            error = _wrong(typed.field, typed.sentence)
            return _basis_page(wiring, agency, shown, error=error, form=form)
        drafting.change(wiring, current_staff(), agency.code, typed, digest=digest)
    except DraftMovedError:
        left = _shown(wiring, agency)
        if left is None:
            return _elsewhere(agency)
        chosen = list(other_changes(left.profile, typed)) if isinstance(typed, Profile) else []
        return _basis_page(wiring, agency, left, error=_moved(left), chosen=chosen)
    except DraftError as fault:
        return _basis_page(wiring, agency, shown, error=_wrong(_TOP, str(fault)), form=form)
    return redirect(edit_address(agency.code), HTTPStatus.SEE_OTHER)


# --- Checking and saving --------------------------------------------------------------------------------------


def _check_page(
    wiring: Wiring, agency: Agency, shown: _Shown, *, error: dict[str, str] | None = None
) -> Response:
    return pages.render(
        wiring.settings,
        "draft_check.html",
        title=f"Check and save as version {shown.version}",
        status=_status(error),
        error=error,
        agency=agency,
        back=edit_address(agency.code),
        address=f"{edit_address(agency.code)}/check",
        digest=shown.draft.digest,
        version=shown.version,
        effective=shown.effective,
        changes=changes(shown.effective, shown.profile),
        others=list(other_changes(shown.effective, shown.profile)),
        nothing=shown.says_nothing_new,
    )


def _saved(wiring: Wiring, agency: Agency) -> AnyResponse:
    number = request.form.get("version", "")
    version = int(number) if number.isascii() and number.isdigit() and len(number) < len("1000000") else 0
    digest = request.form.get(DRAFT, "")
    shown = _shown(wiring, agency)
    if shown is not None and shown.says_nothing_new:
        return _check_page(wiring, agency, shown, error=_wrong(_TOP, "There is nothing to save."))
    try:
        drafting.save(wiring, current_staff(), agency.code, version=version, digest=digest)
    except DraftError as error:
        left = _shown(wiring, agency)
        if left is not None:
            return _check_page(wiring, agency, left, error=_wrong("save", f"{error} Nothing was saved."))
        if not _is_stored(wiring, agency, version):
            return _elsewhere(agency)
        # The form was sent twice, and saved the first time.
    return redirect(f"{APPROVALS}/profile/{agency.code}/{version}", HTTPStatus.SEE_OTHER)


def _is_stored(wiring: Wiring, agency: Agency, version: int) -> bool:
    with wiring.engine.connect() as connection:
        return agencies.profile_document(connection, agency.code, version=version) is not None
