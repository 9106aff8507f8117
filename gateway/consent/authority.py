"""Who may decide for whom, as far as the council knows. Pure: the record comes in as values.

INVARIANTS
- Nobody who says stop is refused: whose right cannot be told yet is unknown, and unknown is a hold.
- Only what the record states, or what was evidenced before, makes somebody's right established.
- Whoever is stated to hold no parental responsibility is noted, and has no veto.

Sources: Gillick [1986] AC 112; Family Law Reform Act 1969 s.8; Children Act 1989 s.2(7), s.3; Mental Capacity Act
2005 s.4, 9, 16.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from consent_registry.birthdays import EIGHTEEN, SIXTEEN, birthday
from consent_registry.errors import Fault
from consent_registry.model import Authority, Capacity
from gateway.cases.model import Role
from gateway.consent.family import NO_RESPONSIBILITY, Family, Member

CARE_ORDER = "care_order_LA"
"""The basis on which the authority itself holds parental responsibility: its speaker is nobody of the family."""

_SPEAKER, _CAPACITY = "/given_by/person", "/given_by/capacity"


@dataclass(frozen=True, slots=True)
class Speech:
    """Who speaks for whom, as what.

    Attributes:
        subject: our id of the data subject.
        speaker: our id of who speaks; absent: nobody of the case.
        basis: of parental responsibility, as evidenced with the decision.
        known_before: a yes of this speaker, in this capacity, was evidenced before.
    """

    subject: UUID
    speaker: UUID | None
    capacity: Capacity
    basis: str | None = None
    known_before: bool = False


def authority_to_close(speech: Speech, family: Family, *, today: date) -> Authority:
    """Whether somebody may stop what is shared; unknown where nobody can tell yet."""
    stated = family.parental.get((speech.speaker, speech.subject)) if speech.speaker else None
    match speech.capacity:
        case Capacity.SELF | Capacity.COMPETENT_CHILD:
            decides = speech.speaker == speech.subject and (
                speech.capacity is Capacity.COMPETENT_CHILD
                or not _is_under(SIXTEEN, family.members.get(speech.subject), today=today)
            )
            return Authority.ESTABLISHED if decides else Authority.UNKNOWN
        case Capacity.PARENTAL_RESPONSIBILITY | Capacity.REPRESENTATIVE:
            if stated == NO_RESPONSIBILITY:
                return Authority.NONE
            held = stated is not None and speech.capacity is Capacity.PARENTAL_RESPONSIBILITY
            return Authority.ESTABLISHED if held or speech.known_before else Authority.UNKNOWN


def faults_of_a_yes(
    speech: Speech, family: Family, *, today: date, lapse_at_sixteen: bool
) -> Iterator[Fault]:
    """Yield why somebody may not agree for the data subject; nothing: they may.

    Args:
        lapse_at_sixteen: the council's policy that from 16 on only the young person's own answer counts.
    """
    subject = family.members.get(speech.subject)
    if subject is None or subject.risk_person:
        yield Fault("/person", "This person is not asked.")
        return
    yield from _speaker_faults(speech, family)
    parental = speech.capacity is Capacity.PARENTAL_RESPONSIBILITY
    young, minor = (_is_under(years, subject, today=today) for years in (SIXTEEN, EIGHTEEN))
    misfits = {
        "Under 16 a child answers as competent_child, with the assessment recorded.": (
            speech.capacity is Capacity.SELF and young
        ),
        "From 16 on a person answers for themself.": speech.capacity is Capacity.COMPETENT_CHILD
        and not young,
        "Nobody represents a child under 16: who holds parental responsibility agrees.": (
            speech.capacity is Capacity.REPRESENTATIVE and young
        ),
        "Nobody holds parental responsibility for an adult.": parental and not minor,
        "From 16 on the young person decides.": parental and minor and not young and lapse_at_sixteen,
    }
    yield from (Fault(_CAPACITY, sentence) for sentence, misfit in misfits.items() if misfit)


def _speaker_faults(speech: Speech, family: Family) -> Iterator[Fault]:
    """Why this person cannot agree for somebody else, or cannot be asked at all."""
    speaker = family.members.get(speech.speaker) if speech.speaker else None
    if speaker is None or speech.speaker is None:
        if (speech.capacity, speech.basis) != (Capacity.PARENTAL_RESPONSIBILITY, CARE_ORDER):
            yield Fault(_SPEAKER, "Not a person of this case.")
        return
    if speaker.risk_person:
        yield Fault(_SPEAKER, "This person is not asked.")
    if speaker.role is Role.CHILD and not speech.capacity.is_own:
        yield Fault(_SPEAKER, "A child does not agree for somebody else.")
    stated = family.parental.get((speech.speaker, speech.subject))
    if speech.capacity is Capacity.PARENTAL_RESPONSIBILITY and stated == NO_RESPONSIBILITY:
        yield Fault(_SPEAKER, "The record says that this person holds no parental responsibility.")


def _is_under(years: int, member: Member | None, *, today: date) -> bool:
    """Whether somebody is younger than this; of unknown birth, whoever is a child of the case is."""
    if member is None or member.born is None:
        return member is None or member.role is Role.CHILD
    return today < birthday(member.born, years)
