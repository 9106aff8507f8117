"""The panel routes: an agency's own meetings, and the cases it would be permitted now.

INVARIANTS
- Another agency's meeting, one that does not exist, and any meeting asked for by commissioners, the police or
  the council's own client are one and the same 404.
- A case that would be refused is absent; the rest come in random order, so no place tells of a gap.
- A pack is one batch of the one release path: everything in it is on record, under one checkpoint, before its first byte.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from flask import Response
from flask_smorest import Api, Blueprint
from sqlalchemy import Connection

from agencies import repository as register_of_agencies
from agencies.model import AgencyCode, JsonObject
from gateway.caller import Caller
from gateway.ids import read_id
from gateway.oauth.access import current_caller
from gateway.panel import repository
from gateway.panel.model import Meeting, agency_refusal
from gateway.panel.schemas import MeetingsSchema, MeetingWithCasesSchema
from gateway.problems import UNAVAILABLE, Problem, absent
from gateway.release.model import Released, ReleaseRequest, Unavailable
from gateway.release.service import permitted, release
from gateway.wiring import Wiring

NDJSON: Final = "application/x-ndjson"
RETRY_AFTER_SECONDS: Final = "1"


def register(api: Api, wiring: Wiring) -> None:
    """Add the routes under ``/v1/panels`` to an API."""
    blueprint = Blueprint("panel", __name__, description="This agency's panel meetings.")

    @blueprint.get("/v1/panels")
    @blueprint.response(200, MeetingsSchema)
    def meetings() -> JsonObject | Response:
        """List the meetings of which this agency is a member, the latest first."""
        found = agency_meetings(wiring, current_caller())
        return absent() if found is None else {"panels": [_rendered(one) for one in found]}

    @blueprint.get("/v1/panels/<string:meeting_id>")
    @blueprint.response(200, MeetingWithCasesSchema)
    def meeting(meeting_id: str) -> JsonObject | Response:
        """Show one meeting with the cases that this agency would now be permitted, in random order."""
        found = agency_meeting(wiring, current_caller(), meeting_id=read_id(meeting_id))
        if found is None:
            return absent()
        one, refs = found
        return {**_rendered(one), "cases": [{"case_ref": str(ref)} for ref in refs]}

    @blueprint.get("/v1/panels/<string:meeting_id>/extracts")
    @blueprint.doc(
        summary="Pull the extracts of one meeting",
        description="One line for each case that this agency may have now, in random order. The purpose comes from"
        " the access token. Each is on record before the first line leaves, and so is each refusal, of which there is no line.",
        responses={
            "200": {
                "description": "Extracts, one JSON object per line; each as the route of one case gives it.",
                "content": {NDJSON: {"schema": {"type": "string"}}},
            }
        },
    )
    def extracts(meeting_id: str) -> Response:
        found = agency_pack(wiring, current_caller(), meeting_id=read_id(meeting_id))
        if found is None:
            return absent()
        return Response(b"".join(each.body + b"\n" for each in found), content_type=NDJSON)

    api.register_blueprint(blueprint)


def agency_pack(wiring: Wiring, caller: Caller, *, meeting_id: UUID | None) -> list[Released] | None:
    """Release every case of a meeting that the caller's agency may have now: one batch, one checkpoint; shuffled.

    Returns: absent when there is no such meeting for this caller.
    Raises: Problem: 503, nothing could be recorded, so nothing leaves.
    """
    listed = _listed(wiring, caller, meeting_id)
    if listed is None:
        return None
    _, refs = listed
    outcomes = release(wiring, [ReleaseRequest(caller, ref) for ref in refs]) if refs else []
    released = [each for each in outcomes if isinstance(each, Released)]
    if not released and any(isinstance(each, Unavailable) for each in outcomes):
        raise Problem(UNAVAILABLE, headers={"Retry-After": RETRY_AFTER_SECONDS})
    secrets.SystemRandom().shuffle(released)
    return released


def agency_meetings(wiring: Wiring, caller: Caller) -> Sequence[Meeting] | None:
    """Return the meetings of the caller's agency; absent when its kind has none."""
    with wiring.engine.connect() as connection:
        agency = _admitted(connection, caller)
        return None if agency is None else repository.meetings_of(connection, agency)


def agency_meeting(
    wiring: Wiring, caller: Caller, *, meeting_id: UUID | None
) -> tuple[Meeting, list[UUID]] | None:
    """Return one meeting of the caller's agency with its own references of the permitted cases, shuffled.

    Returns: absent when there is no such meeting for this caller.
    """
    found = _listed(wiring, caller, meeting_id)
    if found is None:
        return None
    meeting, listed = found
    refs = list(permitted(wiring, caller=caller, case_refs=listed)) if listed else []
    secrets.SystemRandom().shuffle(refs)
    return meeting, refs


def _listed(wiring: Wiring, caller: Caller, meeting_id: UUID | None) -> tuple[Meeting, Sequence[UUID]] | None:
    """A meeting of the caller's agency, with its own references of every case on the agenda, permitted or not."""
    with wiring.engine.connect() as connection:
        agency = _admitted(connection, caller)
        if agency is None or meeting_id is None:
            return None
        meeting = repository.meeting_of(connection, agency, meeting_id=meeting_id)
        if meeting is None:
            return None
        return meeting, repository.listed_refs(connection, agency, meeting_id=meeting_id)


def _admitted(connection: Connection, caller: Caller) -> AgencyCode | None:
    """The caller's agency if its kind takes part in panels."""
    if caller.agency is None:
        return None
    agency = register_of_agencies.agency(connection, caller.agency)
    return caller.agency if agency is not None and agency_refusal(agency.kind) is None else None


def _rendered(meeting: Meeting) -> JsonObject:
    return {
        "id": str(meeting.meeting_id),
        "title": meeting.title,
        "held_on": meeting.held_on.isoformat(),
        "opens_at": _instant(meeting.opens_at),
        "closes_at": _instant(meeting.closes_at),
    }


def _instant(at: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
