"""``GET /v1/me``: what this agency may see, and why.

INVARIANT: nothing here depends on a case; it is the agency's own agreement and profile.
"""

from collections.abc import Sequence
from datetime import date

from flask_smorest import Api, Blueprint
from sqlalchemy import Connection

from agencies import repository
from agencies.catalogue import FIELDS
from agencies.model import KINDS_WITHOUT_CASES, JsonObject, Profile, ProfileRow, Purpose
from agencies.register import Agency, AgencyState, Agreement
from gateway.agency.schemas import MeSchema
from gateway.caller import Caller
from gateway.cases.repository import today
from gateway.oauth.access import current_caller
from gateway.wiring import Wiring

EXTRACT_PURPOSES = (Purpose.P1, Purpose.P2, Purpose.P3)
"""The purposes that a request for an extract may name."""


def register(api: Api, wiring: Wiring) -> None:
    """Add the route ``/v1/me`` to an API."""
    blueprint = Blueprint("me", __name__, description="What this agency may see, and why.")

    @blueprint.get("/v1/me")
    @blueprint.response(200, MeSchema)
    def me() -> JsonObject:
        """Tell the caller who it is here, what its agency may see, for which purposes, and why."""
        with wiring.engine.connect() as connection:
            return describe(connection, current_caller())

    api.register_blueprint(blueprint)


def describe(connection: Connection, caller: Caller) -> JsonObject:
    """Return what a caller is told about itself; a part that does not exist is absent."""
    described: JsonObject = {"client_id": caller.client_id, "scopes": [*sorted(caller.scopes)]}
    agency = None if caller.agency is None else repository.agency(connection, caller.agency)
    if agency is None:
        return described
    described["agency"] = {"code": agency.code, "kind": agency.kind, "name": agency.name}
    may_ask = repository.purposes(connection, agency.code)
    described["purposes"] = [*_purposes(agency, caller, may_ask=may_ask)]
    agreement = _agreement(connection, agency, today=today(connection))
    if agreement is not None:
        described["agreement"] = {
            "reference": agreement.reference,
            "valid_from": agreement.valid_from.isoformat(),
            "valid_until": agreement.valid_until.isoformat(),
        }
    profile = repository.effective_profile(connection, agency.code)
    if profile is not None:
        described["profile"] = _profile(profile)
    return described


def _purposes(agency: Agency, caller: Caller, *, may_ask: Sequence[Purpose]) -> tuple[Purpose, ...]:
    served = (
        agency.state is AgencyState.ACTIVE
        and agency.kind not in KINDS_WITHOUT_CASES
        and "extract:read" in caller.scopes
    )
    return tuple(one for one in EXTRACT_PURPOSES if served and one in may_ask)


def _agreement(connection: Connection, agency: Agency, *, today: date) -> Agreement | None:
    """The agreement that has begun and ends last, over or not: an expired one explains the refusals."""
    begun = (one for one in repository.agreements(connection, agency.code) if one.valid_from <= today)
    return next(begun, None)


def _profile(profile: Profile) -> JsonObject:
    article9: JsonObject = {"article9": profile.article9} if profile.article9 else {}
    return {
        "version": profile.version,
        "article6": profile.article6,
        **article9,
        "review_on": profile.review_on.isoformat(),
        "fields_": [_row(row) for row in profile.rows],
    }


def _row(row: ProfileRow) -> JsonObject:
    field = FIELDS[row.field]
    category: JsonObject = {} if field.category is None else {"category": field.category}
    return {
        "field": row.field,
        "subject": field.subject,
        **category,
        "panel": row.panel,
        "service": row.service,
        "when": row.when,
        "reason": row.reason,
    }
