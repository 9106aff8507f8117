"""Finding a referral for whoever asks; for everybody for whom it does not exist, each of these says so alike."""

from uuid import UUID

from sqlalchemy import Connection

from gateway.safeguarding import repository
from gateway.safeguarding.errors import UnknownReferralError
from gateway.safeguarding.model import State
from gateway.safeguarding.repository import Stored
from gateway.staff.model import SignedIn


def mine(connection: Connection, who: SignedIn, referral_id: UUID) -> Stored:
    """Return a referral of somebody's own.

    Raises: UnknownReferralError.
    """
    stored = repository.one(connection, who, referral_id)
    if stored is None or stored.referral.author_id != who.staff_id:
        raise UnknownReferralError("it is not theirs")
    return stored


def settled(connection: Connection, who: SignedIn, referral_id: UUID, *, hold: bool = False) -> Stored:
    """Return a referral that exists for somebody and is no draft.

    Args:
        hold: keep others from changing it until the commit.

    Raises: UnknownReferralError.
    """
    stored = repository.one(connection, who, referral_id, hold=hold)
    if stored is None or stored.referral.state is State.DRAFT:
        raise UnknownReferralError("there is none for them")
    return stored


def sent(connection: Connection, who: SignedIn, referral_id: UUID, *, hold: bool = False) -> Stored:
    """Return a referral that exists for somebody and went to a destination.

    Args:
        hold: keep others from changing it until the commit.

    Raises: UnknownReferralError.
    """
    stored = settled(connection, who, referral_id, hold=hold)
    if stored.referral.state is State.RECORDED:
        raise UnknownReferralError("it went nowhere")
    return stored
