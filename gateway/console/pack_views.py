"""What each agency will see of a family: read before it goes, signed off by who works with the family, read back to it."""

import json
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies.catalogue import FIELDS
from agencies.model import KINDS_WITHOUT_CASES, AgencyCode, FieldName, Level, Stage
from agencies.register import AgencyState
from agencies.repository import all_agencies
from gateway.cases import lookup
from gateway.cases.lookup import Listed
from gateway.console import pages
from gateway.console.extract_page import sections
from gateway.console.family_views import address_of, fault, for_family, works_with
from gateway.console.words import REFUSED_WORDS, RULE_WORDS, STAGE_WORDS
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.recall.model import SENSITIVE_KINDS
from gateway.release import sign_off
from gateway.release.explanation import Withheld, withheld
from gateway.release.model import Permit, Redacted, Refuse
from gateway.release.sign_off import NotSignedError, Pack, Versions
from gateway.wiring import Wiring

_LONGEST_VERSION: Final = 9


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("packs", __name__)

    @blueprint.get("/console/families/<family_id>/packs")
    @for_family
    def packs(family_id: UUID) -> Response:
        return _list_page(wiring, family_id)

    @blueprint.get("/console/families/<family_id>/packs/<code>/<stage>")
    @for_family
    def pack(family_id: UUID, code: str, stage: str) -> Response:
        return _pack_page(wiring, family_id, code, stage)

    @blueprint.post("/console/families/<family_id>/packs/<code>/<stage>")
    @for_family
    def sign(family_id: UUID, code: str, stage: str) -> AnyResponse:
        agency, at = _named(wiring, family_id, code, stage)
        shown = Versions(_number("case"), _number("profile"))
        read_back = request.form.get("read-back") == "yes"
        try:
            sign_off.sign(
                wiring, current_staff(), family_id, agency=agency, stage=at, shown=shown, read_back=read_back
            )
        except NotSignedError as error:
            return _pack_page(wiring, family_id, code, stage, error=str(error))
        return redirect(f"{address_of(family_id)}/packs", 303)

    @blueprint.post("/console/families/<family_id>/packs/<code>/<stage>/withdraw")
    @for_family
    def withdraw(family_id: UUID, code: str, stage: str) -> AnyResponse:
        agency, at = _named(wiring, family_id, code, stage)
        sign_off.withdraw(wiring, current_staff(), family_id, agency=agency, stage=at)
        return redirect(f"{address_of(family_id)}/packs", 303)

    app.register_blueprint(blueprint)


def _number(name: str) -> int:
    """A version that a form carries; 0, which none is, for anything else."""
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_VERSION else 0


def _agencies(wiring: Wiring, found: Listed) -> Mapping[AgencyCode, str]:
    """The names of those who can be told of a case and of whom whoever looks may know, by code."""
    with wiring.engine.connect() as connection:
        agencies = all_agencies(connection)
    hidden = frozenset() if works_with(found.record) else SENSITIVE_KINDS
    return {
        each.code: each.name
        for each in sorted(agencies, key=lambda each: each.name.casefold())
        if each.kind not in KINDS_WITHOUT_CASES
        and each.kind not in hidden
        and each.state is AgencyState.ACTIVE
    }


def _named(wiring: Wiring, family_id: UUID, code: str, stage: str) -> tuple[AgencyCode, Stage]:
    """What an address names.

    Raises: Problem: 404.
    """
    found = lookup.view(wiring, current_staff(), family_id)
    if stage not in set(Stage) or code not in _agencies(wiring, found):
        raise Problem(NOT_FOUND)
    return AgencyCode(code), Stage(stage)


def _list_page(wiring: Wiring, family_id: UUID) -> Response:
    found = lookup.view(wiring, current_staff(), family_id)
    with wiring.engine.connect() as connection:
        signed = sign_off.sign_offs(connection, found.record.identity.case_id)
    rows = []
    for code, name in _agencies(wiring, found).items():
        stages = []
        for stage in Stage:
            held = signed.get((code, stage))
            stages.append(
                {
                    "address": f"{address_of(family_id)}/packs/{code}/{stage}",
                    "words": STAGE_WORDS[stage],
                    "signed": None if held is None else f"signed by {held.by}",
                }
            )
        rows.append({"agency": name, "stages": stages})
    return pages.render(
        wiring.settings,
        "packs.html",
        title="What each agency will see",
        family=found.record.title,
        back=address_of(family_id),
        rows=rows,
    )


def _pack_page(
    wiring: Wiring, family_id: UUID, code: str, stage: str, *, error: str | None = None
) -> Response:
    agency, at = _named(wiring, family_id, code, stage)
    found = lookup.view(wiring, current_staff(), family_id)
    pack = sign_off.look(wiring, current_staff(), family_id, agency=agency, stage=at)
    told = pack.preview.told
    return pages.render(
        wiring.settings,
        "pack.html",
        title=f"What {_agencies(wiring, found)[agency]} will see {STAGE_WORDS[at]}",
        status=200 if error is None else 422,
        error=None if error is None else fault("sign", error),
        family=found.record.title,
        back=f"{address_of(family_id)}/packs",
        address=f"{address_of(family_id)}/packs/{code}/{stage}",
        entitled=pack.is_entitled,
        refused=_refused(pack),
        sections=sections(told.record),
        raw=json.dumps(told.record, indent=2, ensure_ascii=False, sort_keys=True),
        redacted=[_beside(each) for each in told.redacted],
        kept_back=sorted({FIELDS[name].description for name in told.kept_back}),
        missing=[_missing(each) for each in _withheld(wiring, pack)],
        pack=pack,
    )


def _refused(pack: Pack) -> list[str]:
    """Why nothing goes at all, in words."""
    decision = pack.preview.decision
    return [REFUSED_WORDS[each] for each in decision.reasons] if isinstance(decision, Refuse) else []


def _withheld(wiring: Wiring, pack: Pack) -> Iterable[Withheld]:
    preview = pack.preview
    if not isinstance(preview.decision, Permit):
        return ()
    return withheld(
        preview.decision,
        preview.facts,
        preview.items,
        preview.told,
        caller=preview.caller,
        extract_days=wiring.settings.extract_days,
    )


def _missing(each: Withheld) -> dict[str, str]:
    return {
        "field": FIELDS[FieldName(each.field)].description,
        "level": "not at all" if each.level is Level.W else "only in part",
        "why": RULE_WORDS[each.rule],
    }


def _beside(each: Redacted) -> dict[str, object]:
    """A free text as it is recorded and as it would go."""
    return {
        "field": FIELDS[each.item.field].description,
        "recorded": str(each.item.value[each.member]),
        "goes": each.text,
        "rules": sorted({cut.rule.partition(":")[2].replace("_", " ") for cut in each.cuts}),
    }
