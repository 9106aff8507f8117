"""Asking again when a profile becomes wider than what people were shown.

INVARIANTS
- Nothing is exposed meanwhile: a release is never wider than the version that was shown.
- One task per family and version, in the transaction that makes the version effective.
- Advice for workers' safety and the flag of a risk person are outside consent, and no reason to ask.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from agencies.comparison import widened
from agencies.errors import ProfileError
from agencies.model import AgencyCode, FieldName
from agencies.profile_text import parse_profile
from agencies.repository import profile_document
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task

ASK_WITHIN: Final = timedelta(days=14)
UNCLAMPED: Final = frozenset(map(FieldName, ("risk_person", "worker_safety")))
"""What of these is told as a flag needs nobody's agreement; their detail is asked about with everything else."""

_SHOWN: Final = text(
    "SELECT s.family_id, (s.body -> 'given' -> 'profiles_shown' ->> :agency)::integer AS version"
    " FROM consent_registry.standing s JOIN gateway.case_record c ON c.family_id = s.family_id"
    " WHERE c.status = 'open' AND s.body -> 'given' -> 'profiles_shown' ? :agency"
    " ORDER BY 1, 2 FOR SHARE OF c"
)


def ask_again(connection: Connection, agency: AgencyCode, *, version: int, now: datetime) -> int:
    """Raise a task for every family that was shown a narrower version than this one; return how many are new."""
    document = profile_document(connection, agency, version=version)
    if document is None:
        return 0
    new, raised, wider = parse_profile(document), 0, dict[int, bool]()
    for row in connection.execute(_SHOWN, {"agency": agency}).all():
        if row.version not in wider:
            wider[row.version] = _is_wider(connection, agency, shown=row.version, new_document=document)
        if row.version != new.version and wider[row.version]:
            raised += raise_task(
                connection,
                kind=TaskKind.CONSENT_RECONSENT,
                due=now + ASK_WITHIN,
                about=agency,
                ref=row.family_id,
                facts={"version": version},
                occasion=f"{row.family_id}:{version}",
            )
    return raised


def _is_wider(connection: Connection, agency: AgencyCode, *, shown: int, new_document: str) -> bool:
    """True when the new version gives more than the one that was shown, or nobody can tell any more."""
    document = profile_document(connection, agency, version=shown)
    try:
        old = None if document is None else parse_profile(document)
    except ProfileError:
        old = None
    return old is None or bool(widened(old, parse_profile(new_document)) - UNCLAMPED)
