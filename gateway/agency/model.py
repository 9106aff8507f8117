"""How an agency stands: what there is of it, how far it has come, and what is next. No I/O.

INVARIANTS
- A step is done because of what is there, never because somebody said so.
- Of two things to see to, the one that stops the agency first comes first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Final

from agencies.model import KINDS_WITHOUT_CASES
from agencies.register import Agency, AgencyState, Agreement, AttestationState
from consent_registry.birthdays import LONDON
from gateway.agency.upcoming import Ending, Upcoming
from gateway.calendar import said_day
from gateway.oauth.contact import Contact
from gateway.oauth.model import ClientId, Scope, Thumbprint
from gateway.oauth.registration import DESK_PREFIX
from gateway.settings import Settings

_WEEK: Final = 7


class SystemState(StrEnum):
    """How far a client may be served, as the register of clients has it."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class SystemKey:
    """One key of a client.

    Attributes:
        effective: somebody approved it; otherwise it waits.
        added_at: absent: before it was written down.
        ends_on: first day on which it opens nothing; absent: it has no end.
        used_at: when it last got a token; absent: it never did, as far as is on record.
    """

    thumbprint: Thumbprint
    effective: bool
    added_at: datetime | None
    ends_on: date | None
    used_at: datetime | None

    def is_over(self, today: date) -> bool:
        """True from the day on which it opens nothing."""
        return self.ends_on is not None and self.ends_on <= today


@dataclass(frozen=True, slots=True)
class SystemCertificate:
    """One certificate of a client that was not revoked."""

    thumbprint: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class System:
    """A client of an agency: a system of its own, or its desk.

    Attributes:
        keys: those that were not removed.
        named: it is recognised by the name in a certificate, whichever one it renews to.
    """

    client_id: ClientId
    state: SystemState
    scopes: tuple[Scope, ...]
    keys: tuple[SystemKey, ...]
    certificates: tuple[SystemCertificate, ...]
    named: bool
    contact: Contact

    @property
    def is_desk(self) -> bool:
        """True for what signed-in people use: no key and no certificate opens it."""
        return self.client_id.startswith(DESK_PREFIX)

    def can_prove_itself(self, today: date) -> bool:
        """True while there is something effective by which it can come."""
        return (
            self.is_desk or self.named or any(key.effective and not key.is_over(today) for key in self.keys)
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything of one agency that says how it stands.

    Attributes:
        effective: the profile version that releases, to be reviewed by ``review_on``; absent: none does.
        newest: the newest stored version.
        practitioners: how many are on its list today or later.
        attestation: of a registered list; absent: the agency vouches for its people.
        lapses_on: first day on which the list is not believed any more; absent: it was never confirmed.
        systems: those that were not revoked.
        first_meeting: the day of the first meeting that it is a member of; absent: there is none.
        waits: something of it waits for a second person.
        coming: what ends or is to be looked at within 60 days, or is over.
    """

    agency: Agency
    agreements: tuple[Agreement, ...]
    effective: int | None
    newest: int | None
    review_on: date | None
    practitioners: int
    attestation: AttestationState | None
    lapses_on: date | None
    systems: tuple[System, ...]
    first_meeting: date | None
    waits: bool
    coming: tuple[Upcoming, ...]

    @property
    def alive(self) -> int:
        """Tokens that are good now: none, unless the agency takes part."""
        return sum(tokens_alive(self.agency, each) for each in self.systems)


def tokens_alive(agency: Agency, system: System) -> int:
    """Return how many tokens of a client are good now and would end with it."""
    served = agency.state is AgencyState.ACTIVE and system.state is SystemState.ACTIVE
    return system.contact.alive if served else 0


class StepState(StrEnum):
    """How far one step is."""

    DONE = "Done"
    NOT_NEEDED = "Not needed"
    TO_DO = "To do"
    WAITS = "Waits"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of bringing an agency in.

    Attributes:
        what: what is there once it is done.
        more: how it is now, as a sentence.
        lacks: what is missing, in a few words; empty where nothing is.
    """

    what: str
    state: StepState
    more: str
    lacks: str = ""


def steps(standing: Standing, *, today: date) -> tuple[Step, ...]:
    """Return how far an agency has come, in the order in which it is brought in.

    Args:
        today: in London.
    """
    return (
        _agreement(standing, today),
        _profile(standing),
        _system(standing),
        _key(standing, today),
        _practitioners(standing),
        _connection(standing),
        _meeting(standing),
    )


def _agreement(standing: Standing, today: date) -> Step:
    what = "Agreement in force"
    for each in standing.agreements:
        if each.valid_from <= today < each.valid_until:
            return Step(what, StepState.DONE, f"{each.reference}, until {said_day(each.valid_until)}.")
    coming = [each for each in standing.agreements if today < each.valid_from]
    if coming:
        first = min(coming, key=lambda each: each.valid_from)
        begins = f"{first.reference} begins on {said_day(first.valid_from)}."
        return Step(what, StepState.WAITS, begins, f"Agreement begins on {said_day(first.valid_from)}")
    return Step(what, StepState.TO_DO, "None is in force.", "No agreement is in force")


def _profile(standing: Standing) -> Step:
    what = "Sharing profile effective"
    if standing.effective is not None:
        review = f", to be reviewed by {said_day(standing.review_on)}" if standing.review_on else ""
        return Step(what, StepState.DONE, f"Version {standing.effective}{review}.")
    if standing.newest is None:
        return Step(what, StepState.TO_DO, "None is stored.", "No sharing profile is stored")
    more = f"Version {standing.newest} waits for the officer's proposal and a second person's approval."
    lacks = "Waits for a second person" if standing.waits else "To be proposed to a second person"
    return Step(what, StepState.WAITS, more, lacks)


def _system(standing: Standing) -> Step:
    what = "System or desk registered"
    own = [each for each in standing.systems if not each.is_desk]
    if not standing.systems:
        more = "There is neither: it can receive nothing."
        return Step(what, StepState.TO_DO, more, "No system and no desk is registered")
    desk = " and a desk" if len(own) < len(standing.systems) else ""
    counted = f"{counted_of(len(own), 'system')}{desk}" if own else "A desk, and no system of its own"
    return Step(what, StepState.DONE, f"{counted}.")


def _key(standing: Standing, today: date) -> Step:
    what = "Key known and effective"
    if not standing.systems:
        return Step(
            what, StepState.TO_DO, "There is no system to have one.", "No system and no desk is registered"
        )
    served = [each for each in standing.systems if each.state is SystemState.ACTIVE]
    if any(each.can_prove_itself(today) for each in served):
        return Step(what, StepState.DONE, "It can prove who it is.")
    if any(each.state is SystemState.PROPOSED for each in standing.systems) or any(
        not key.effective for each in standing.systems for key in each.keys
    ):
        more = "Nothing of it was approved by a second person yet."
        return Step(what, StepState.WAITS, more, "Waits for a second person")
    if served:
        return Step(what, StepState.TO_DO, "No key is effective.", "No key is effective")
    return Step(what, StepState.TO_DO, "Every system is suspended.", "Every system is suspended")


def _practitioners(standing: Standing) -> Step:
    what = "Practitioners known"
    counted = f"{standing.practitioners} on the list"
    if standing.attestation is None:
        return Step(what, StepState.DONE, f"The agency vouches for them itself; {counted}.")
    if not standing.practitioners:
        return Step(what, StepState.TO_DO, "Nobody is on the list.", "Nobody is on the list of practitioners")
    if standing.attestation is AttestationState.LAPSED:
        more = f"{counted}, which nobody confirmed: none of them may act."
        return Step(what, StepState.TO_DO, more, "List of practitioners is not confirmed")
    due = f", to be confirmed by {said_day(standing.lapses_on)}" if standing.lapses_on else ""
    return Step(what, StepState.DONE, f"{counted}{due}.")


def _connection(standing: Standing) -> Step:
    what = "Connection tested"
    own = [each for each in standing.systems if not each.is_desk]
    if not own:
        return Step(what, StepState.NOT_NEEDED, "It has no system of its own.")
    if any(each.contact.connected for each in own):
        return Step(what, StepState.DONE, "A system of it proved who it is.")
    return Step(what, StepState.TO_DO, "No system of it has connected.", "Has never connected")


def _meeting(standing: Standing) -> Step:
    what = "First meeting"
    if standing.agency.kind in KINDS_WITHOUT_CASES:
        return Step(what, StepState.NOT_NEEDED, "Its kind is at no panel.")
    if standing.first_meeting is None:
        return Step(what, StepState.TO_DO, "It is a member of none yet.", "Member of no meeting yet")
    return Step(what, StepState.DONE, f"On {said_day(standing.first_meeting)}.")


class Urgency(IntEnum):
    """How soon somebody has to see to an agency."""

    OVER = 0
    """Something is over, and the agency gets nothing, or less, because of it."""
    WEEK = 1
    """Something ends within 7 days."""
    SUSPENDED = 2
    WAITS = 3
    """A second person has to decide."""
    SOON = 4
    """Something ends within 60 days."""
    TO_DO = 5
    """A step is open."""
    NOTHING = 6
    ENDED = 7


@dataclass(frozen=True, slots=True, order=True)
class Next:
    """What is next for an agency; they sort with the most urgent first.

    Attributes:
        day: the day that it is about; the last day there is where it is about none.
        place: of the step that is open, from 0.
    """

    urgency: Urgency
    words: str = field(compare=False)
    day: date = date.max
    place: int = 0


def next_of(standing: Standing, *, now: datetime) -> Next:
    """Return the most urgent thing to see to of an agency.

    Args:
        now: aware instant.
    """
    if standing.agency.state is AgencyState.ENDED:
        return Next(Urgency.ENDED, "Takes part no more")
    return min(_to_see_to(standing, now=now), default=Next(Urgency.NOTHING, "Nothing"))


def _to_see_to(standing: Standing, *, now: datetime) -> Iterator[Next]:
    today = now.astimezone(LONDON).date()
    if standing.agency.state is AgencyState.SUSPENDED:
        yield Next(
            Urgency.SUSPENDED, "Suspended; waits for a second person" if standing.waits else "Suspended"
        )
        return
    takes_part = standing.agency.state is AgencyState.ACTIVE
    if takes_part:
        yield from (_end(each, now=now) for each in standing.coming)
    if takes_part and standing.attestation is AttestationState.DUE and standing.lapses_on:
        words = f"List of practitioners to confirm by {said_day(standing.lapses_on)}"
        yield Next(Urgency.WEEK, words, standing.lapses_on)
    if standing.waits:
        yield Next(Urgency.WAITS, "Waits for a second person")
    for place, step in enumerate(steps(standing, today=today)):
        if step.lacks and not (standing.waits and step.state is StepState.WAITS):
            stops = takes_part and place in _STOPPING
            yield Next(Urgency.OVER if stops else Urgency.TO_DO, step.lacks, place=place)


_STOPPING: Final = frozenset({0, 1, 4})
"""Steps without which an agency that takes part is released nothing: agreement, profile, practitioners."""
_ENDING_WORDS: Final = {
    Ending.AGREEMENT: "Agreement",
    Ending.CERTIFICATE: "Certificate",
    Ending.KEY: "Last key of a system",
    Ending.REVIEW: "Profile",
}


def _end(each: Upcoming, *, now: datetime) -> Next:
    end = each.at.astimezone(LONDON).date()
    left = (end - now.astimezone(LONDON).date()).days
    urgency = Urgency.OVER if each.notice == 0 else Urgency.WEEK if each.notice <= _WEEK else Urgency.SOON
    return Next(urgency, ending_words(each, left=left), end)


def ending_words(each: Upcoming, *, left: int) -> str:
    """What ends and in how many days, as it is said: "Agreement ends in 23 days"."""
    subject = _ENDING_WORDS[each.ending]
    review = each.ending is Ending.REVIEW
    if each.notice == 0:
        return f"{subject} was to be reviewed by now" if review else f"{subject} has ended"
    when = "today" if left == 0 else f"in {counted_of(left, 'day')}"
    return f"{subject} is to be reviewed {when}" if review else f"{subject} ends {when}"


def how_to_test(settings: Settings, system: System) -> str:
    """What the agency does to see whether a system of it gets through, as it is told."""
    if system.keys:
        return (
            f"extract-client check --base-url {settings.public_url} --client-id {system.client_id}"
            " --key-file KEY --practitioner ID"
        )
    return (
        f"Ask for a token with the certificate at {settings.mtls_url or settings.public_url}:"
        " a token, or the answer unauthorized_client, says that it works."
    )


def counted_of(count: int, noun: str) -> str:
    """A count with its noun: "1 day", "2 days"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
