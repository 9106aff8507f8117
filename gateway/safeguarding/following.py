"""What follows after a referral went: the destination's word, telling the family, review, and who may see it.

INVARIANTS
- The first word about a decision stands; a case that is no longer one of early help is not ready for any panel.
- Nobody reviews their own referral.
- Nothing of it waits for the log.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from uuid import UUID

from certs.envelope import seal
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.recall.repository import lapse_listings
from gateway.safeguarding import repository
from gateway.safeguarding.entries import note
from gateway.safeguarding.errors import SafeguardingError
from gateway.safeguarding.lookup import sent, settled
from gateway.safeguarding.model import Exemption, Finding, Outcome, Reviewer, Visibility
from gateway.safeguarding.questions import YES
from gateway.safeguarding.repository import Stored
from gateway.safeguarding.sealing import Withheld, keys_of, open_written, part_of, seal_withheld, seal_written
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring


def acknowledge(wiring: Wiring, who: SignedIn, referral_id: UUID) -> None:
    """Write down that the destination said, on the phone, that it arrived; a second time changes nothing.

    Raises: UnknownReferralError.
    """
    with act(wiring, closes=True) as change:
        referral = sent(change.connection, who, referral_id).referral
        if not repository.acknowledge(change.connection, referral_id, now=database_now(change.connection)):
            change.nothing_changed()
            return
        note(change, who.username, referral, EntryKind.REFERRAL_ACKNOWLEDGE, by="phone")


def decide(wiring: Wiring, who: SignedIn, referral_id: UUID, *, outcome: Outcome, reference: str) -> None:
    """Write down what the destination said, on the phone, that it decided; the first word stands.

    Raises: UnknownReferralError.
    """
    with wiring.engine.connect() as connection:
        family_id = sent(connection, who, referral_id).referral.family_id
    with act(wiring, families=(family_id,), closes=True) as change:
        stored = sent(change.connection, who, referral_id, hold=True)
        if not store_decision(wiring, change, stored, outcome=outcome, reference=reference):
            return
        note(
            change,
            who.username,
            stored.referral,
            EntryKind.REFERRAL_DECIDE,
            by="phone",
            outcome=outcome.value,
        )


def store_decision(
    wiring: Wiring, change: Change, stored: Stored, *, outcome: Outcome, reference: str
) -> bool:
    """Store what was decided and what follows for the case, in an act that moves the family's gate; return whether it is new."""
    connection, referral = change.connection, stored.referral
    keys = keys_of(wiring, connection, referral.family_id)
    written = open_written(keys, stored)
    said = {**written.answers, **({"reference": reference} if reference else {})}
    now = database_now(connection)
    if not repository.decide(
        connection,
        referral.id,
        outcome=outcome,
        sealed=seal_written(keys, referral.id, replace(written, answers=said)),
        now=now,
    ):
        change.nothing_changed()
        return False
    if outcome.stops_panel:
        # Nobody learns why: a case can be not ready for many reasons.
        lapse_listings(connection, referral.family_id, now=now)
    return True


def review(
    wiring: Wiring,
    who: SignedIn,
    referral_id: UUID,
    *,
    reviewer: Reviewer,
    findings: Collection[Finding],
    remark: str,
) -> None:
    """Store what a reviewer found; nobody reviews their own.

    Raises: UnknownReferralError; SafeguardingError.
    """
    with act(wiring, closes=True) as change:
        referral = settled(change.connection, who, referral_id).referral
        if referral.author_id == who.staff_id:
            raise SafeguardingError("Somebody else reviews what you sent.")
        if not findings:
            raise SafeguardingError("Choose what you found.")
        keys = keys_of(wiring, change.connection, referral.family_id)
        repository.add_review(
            change.connection,
            referral_id,
            reviewer=reviewer,
            by=who.username,
            findings=findings,
            sealed=seal(keys.data_key, remark.encode(), aad=part_of(referral_id, "review")),
            now=database_now(change.connection),
        )
        note(
            change,
            who.username,
            referral,
            EntryKind.REFERRAL_REVIEW,
            as_=reviewer.value,
            findings=sorted(each.value for each in findings),
        )


def set_visibility(
    wiring: Wiring,
    who: SignedIn,
    referral_id: UUID,
    *,
    visibility: Visibility,
    exemption: Exemption | None = None,
    until: date | None = None,
    reason: str = "",
) -> None:
    """Decide whether a referral may be seen in a person's statement, until when.

    Raises: UnknownReferralError; SafeguardingError, withholding takes a ground, a reason and a day on which it is looked at again.
    """
    withheld = None
    if visibility is Visibility.WITHHOLD:
        if exemption is None or until is None or not reason:
            raise SafeguardingError(
                "Choose on what ground, say why, and enter a day on which it is looked at again."
            )
        withheld = Withheld(who.username, exemption, reason)
    with act(wiring, closes=True) as change:
        referral = settled(change.connection, who, referral_id).referral
        repository.put_visibility(
            change.connection,
            referral_id,
            visibility=visibility,
            until=None if withheld is None else until,
            sealed=None
            if withheld is None
            else seal_withheld(keys_of(wiring, change.connection, referral.family_id), referral_id, withheld),
        )
        note(
            change,
            who.username,
            referral,
            EntryKind.REFERRAL_VISIBILITY,
            visibility=visibility.value,
            **({} if withheld is None else {"ground": withheld.exemption.value}),
        )


def tell(wiring: Wiring, who: SignedIn, referral_id: UUID, *, told_by: str, tell_on: date | None) -> None:
    """Write down that the family was told, and by whom; or when that is looked at again.

    Args:
        told_by: in words; empty: they were not told yet.

    Raises: UnknownReferralError; SafeguardingError.
    """
    if not told_by and tell_on is None:
        raise SafeguardingError("Enter who told them, or a day on which that is looked at again.")
    with act(wiring, closes=True) as change:
        stored = settled(change.connection, who, referral_id, hold=True)
        referral = stored.referral
        keys = keys_of(wiring, change.connection, referral.family_id)
        written = open_written(keys, stored)
        said = {**written.answers, **({"told": YES, "told_by": told_by} if told_by else {})}
        repository.put_telling(
            change.connection,
            referral_id,
            sealed=seal_written(keys, referral_id, replace(written, answers=said)),
            told=bool(told_by),
            tell_on=None if told_by else tell_on,
        )
        note(change, who.username, referral, EntryKind.REFERRAL_TELL, told=bool(told_by))
