"""The extract as the contract shapes it, and what the log commits to about it. Pure.

INVARIANTS
- A refusal has no recipient part: nothing of it is ever opened to anyone outside.
- The recipient part commits to the extract without its receipt, in canonical form.
- Nothing leaves without a receipt, and the receipt is the last member.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from agencies.catalogue import FIELDS, ThirdParty
from agencies.model import JsonObject, Level
from gateway.disclosure_log.canonical import Canonical, assembled, canonical
from gateway.disclosure_log.model import EntryKind
from gateway.release.model import (
    Decision,
    Permit,
    RefusalReason,
    Refuse,
    Released,
    ReleaseRequest,
    Told,
)

HANDLING = (
    "Use only for the purpose and the practitioner named in the request.",
    "Do not share onward; ask the Early Help Team instead.",
    "Delete this extract and every copy at the time in use_until.",
)
"""What every recipient agreed to, in words a person can act on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one decision comes to: bytes that may leave, or none, and the two parts of its entry.

    Attributes:
        body: the extract without its receipt; absent for a refusal.
        recipient: opened in the recipient's receipt.
        internal: never given to a recipient.
    """

    body: bytes | None
    internal: Mapping[str, Canonical]
    recipient: Mapping[str, Canonical] = field(default_factory=dict)


def answer_of(
    request: ReleaseRequest,
    decision: Decision,
    told: Told,
    *,
    extract_id: UUID,
    now: datetime,
) -> Answer:
    """Return the answer to one request: an extract when it is permitted and there is something to tell.

    Args:
        told: the minimised record, empty where nothing is told; everybody whom an item is about is recorded.
        extract_id: fresh; unused for a refusal.
        now: the snapshot's instant.
    """
    caller, record = request.caller, told.record
    purpose = caller.purpose.value if caller.purpose else ""
    common: dict[str, Canonical] = {
        "actor": caller.client_id,
        "agency": caller.agency or "",
        "time": now.isoformat(timespec="milliseconds"),
        **({"practitioner": caller.practitioner.id} if caller.practitioner else {}),
        **({"kept_back": sorted(set(told.kept_back))} if told.kept_back else {}),
    }
    if isinstance(decision, Refuse) or not record:
        nothing = RefusalReason.SHIELD_SURVIVED if told.survived else RefusalReason.NOTHING_TO_RELEASE
        reasons = decision.reasons if isinstance(decision, Refuse) else (nothing,)
        refusal = {"kind": str(EntryKind.EXTRACT_REFUSE), "reasons": [reason.value for reason in reasons]}
        return Answer(body=None, internal={**common, **refusal, "purpose": purpose})
    heading = {
        **_heading(decision),
        "extract_id": str(extract_id),
        "case_ref": str(request.case_ref),
        "purpose": purpose,
        "issued_at": _instant(now),
        "use_until": _instant(decision.use_until),
    }
    encoded = canonical(record)
    body = assembled({**{name: canonical(value) for name, value in heading.items()}, "record": encoded})
    return Answer(
        body=body,
        internal={
            **common,
            "decisions": sorted(map(str, decision.decisions)),
            "fields": _fields_of(told),
            "kind": str(EntryKind.EXTRACT_RELEASE),
            "people": sorted({person for each in told.items for person in each.item.about}),
            "record_sha256": record_sha256(encoded),
            "stage": decision.stage.value,
            "use_until": _instant(decision.use_until),
        },
        recipient={
            "agency": decision.profile.agency,
            "case_ref": str(request.case_ref),
            "extract_id": str(extract_id),
            "extract_sha256": hashlib.sha256(body).hexdigest(),
            "profile_version": decision.profile.version,
            "purpose": purpose,
            "time": _instant(now),
        },
    )


def record_sha256(encoded: bytes) -> str:
    """Return what tells whether two extracts say the same of a family: the hash of the record alone, in hex.

    Args:
        encoded: the record, by ``canonical``.
    """
    return hashlib.sha256(assembled({"record": encoded})).hexdigest()


def _fields_of(told: Told) -> dict[str, Canonical]:
    """Whose fields were told, by person, as the catalogue numbers them: codes only, for that person's own statement.

    The flag that somebody may be a danger counts as told of the adult whom it protects, whose agreement it needed, and
    of nobody else.
    """
    found: dict[str, set[str]] = {}
    for each in told.items:
        item, catalogued = each.item, FIELDS[each.item.field]
        flag = catalogued.third_party is ThirdParty.FLAG_EXCEPTION and each.level is Level.G1
        for person in (item.protects,) if flag and item.protects is not None else item.about:
            found.setdefault(person, set()).add(str(catalogued.id))
    return {person: " ".join(sorted(ids)) for person, ids in sorted(found.items())}


def with_receipt(released: Released, receipt: str) -> Released:
    """Return the release as it leaves, with ``receipt`` as the last member of the extract."""
    return replace(released, body=released.body[:-1] + b',"receipt":' + json.dumps(receipt).encode() + b"}")


def _heading(permit: Permit) -> JsonObject:
    """What an extract says of its recipient, and the legal bases (UK GDPR articles 6 and 9)."""
    profile = permit.profile
    article9: JsonObject = {"article9": profile.article9} if profile.article9 else {}
    return {
        "agency": profile.agency,
        "stage": permit.stage.value,
        "profile": {"version": profile.version},
        "basis": {"article6": profile.article6, **article9},
        "handling": list(HANDLING),
    }


def _instant(at: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
