"""Recording what happens to a referral.

INVARIANT: every entry about a referral is under the family's restricted tag.
"""

from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.service import Change
from gateway.safeguarding.model import Referral


def note(change: Change, actor: str, referral: Referral, kind: EntryKind, **internal: Canonical) -> None:
    """Record that somebody did something about a referral.

    Args:
        internal: codes and counts; ``as_`` and the like are written without the stroke.
    """
    change.record(
        kind=kind,
        actor=actor,
        family_id=referral.family_id,
        restricted=True,
        internal={
            "referral": str(referral.id),
            **{name.rstrip("_"): value for name, value in internal.items()},
        },
    )
