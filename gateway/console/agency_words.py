"""How an agency, its systems and what is next for it are said. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from agencies.model import AgencyKind
from agencies.register import AgencyState, Agreement, AttestationState
from consent_registry.birthdays import LONDON
from gateway.agency.model import (
    Standing,
    StepState,
    System,
    SystemKey,
    SystemState,
    Urgency,
    counted_of,
    ending_words,
    tokens_alive,
)
from gateway.agency.upcoming import Upcoming
from gateway.calendar import said_day
from gateway.console.words import day, instant
from gateway.oauth.contact import Contact

KINDS: Final[Mapping[AgencyKind, str]] = MappingProxyType(
    {
        AgencyKind.EARLY_HELP: "Early help",
        AgencyKind.CHILDRENS_CENTRES: "Children's centres",
        AgencyKind.HEALTH: "Health",
        AgencyKind.CAMHS: "CAMHS",
        AgencyKind.FAMILY_SUPPORT: "Family support",
        AgencyKind.EDUCATION: "Education",
        AgencyKind.HOUSING: "Housing",
        AgencyKind.REFUGE: "Refuge",
        AgencyKind.VOLUNTARY: "Voluntary service",
        AgencyKind.CHARITY: "Charity",
        AgencyKind.YOUTH: "Youth service",
        AgencyKind.SOCIAL_CARE: "Children's social care",
        AgencyKind.COMMISSIONING: "Commissioning",
        AgencyKind.POLICE: "Police",
    }
)
AGENCY_STATES: Final[Mapping[AgencyState, tuple[str, str]]] = MappingProxyType(
    {
        AgencyState.PROPOSED: ("Proposed", "yellow"),
        AgencyState.ACTIVE: ("Takes part", "green"),
        AgencyState.SUSPENDED: ("Suspended", "red"),
        AgencyState.ENDED: ("Ended", "grey"),
    }
)
"""A word for each state, and a colour for it."""
SYSTEM_STATES: Final[Mapping[SystemState, tuple[str, str]]] = MappingProxyType(
    {
        SystemState.PROPOSED: ("Waits for approval", "yellow"),
        SystemState.ACTIVE: ("Effective", "green"),
        SystemState.SUSPENDED: ("Suspended", "red"),
        SystemState.REVOKED: ("Ended", "grey"),
    }
)
STEP_COLOURS: Final[Mapping[StepState, str]] = MappingProxyType(
    {StepState.DONE: "", StepState.NOT_NEEDED: "", StepState.TO_DO: "blue", StepState.WAITS: "yellow"}
)
"""A step that asks for nothing has plain words, as in the task list of GOV.UK."""
URGENCY_WORDS: Final[Mapping[Urgency, tuple[str, str]]] = MappingProxyType(
    {
        Urgency.OVER: ("Now", "red"),
        Urgency.WEEK: ("This week", "orange"),
        Urgency.SUSPENDED: ("Stopped", "red"),
        Urgency.WAITS: ("Waits", "yellow"),
        Urgency.SOON: ("Within 60 days", "yellow"),
        Urgency.TO_DO: ("To do", "blue"),
        Urgency.NOTHING: ("", ""),
        Urgency.ENDED: ("", ""),
    }
)
LIST_WORDS: Final[Mapping[AttestationState, str]] = MappingProxyType(
    {
        AttestationState.CURRENT: "Confirmed",
        AttestationState.DUE: "To be confirmed again",
        AttestationState.LAPSED: "Not confirmed: nobody on it may act",
    }
)
REFUSED_FOR: Final[Mapping[str, str]] = MappingProxyType(
    {
        "invalid_authorization_details": "it named a purpose that is not the agency's, or a practitioner who may not act",
        "invalid_scope": "it asked for a scope that it does not have",
        "invalid_target": "it asked for a token for another address than this gateway's",
    }
)
"""Why a client that proved who it is got no token (RFC 6749 section 5.2)."""


def tag(words: tuple[str, str]) -> dict[str, str]:
    """A word and its colour, as a page's tag has them."""
    return {"words": words[0], "colour": words[1]}


def how_soon(each: Upcoming) -> str:
    """Which notice is reached: "within 7 days"."""
    return f"within {each.notice} days" if each.notice else "over"


def coming_row(each: Upcoming, *, today: date) -> list[str]:
    """What ends, which, on which day, and how soon."""
    left = (each.at.astimezone(LONDON).date() - today).days
    return [ending_words(each, left=left), each.about or "the agency", day(each.at), how_soon(each)]


def agreement_row(each: Agreement, *, today: date) -> list[str]:
    """An agreement: reference, assessment, first day, the day from which it does not hold, and how it is."""
    if today < each.valid_from:
        now = "not begun"
    elif today < each.valid_until:
        now = f"in force, ends in {counted_of((each.valid_until - today).days, 'day')}"
    else:
        now = "over"
    return [each.reference, each.assessment, said_day(each.valid_from), said_day(each.valid_until), now]


def key_row(key: SystemKey, *, today: date) -> list[str]:
    """A key: thumbprint, how it is, since when, until when, and when it last got a token."""
    effective = "over" if key.is_over(today) else "effective"
    return [
        key.thumbprint,
        effective if key.effective else "waits for approval",
        "before it was written down" if key.added_at is None else day(key.added_at),
        "no end" if key.ends_on is None else f"before {said_day(key.ends_on)}",
        "never" if key.used_at is None else instant(key.used_at),
    ]


def comes_by(system: System) -> str:
    """How a client proves who it is."""
    if system.is_desk:
        return "people who sign in"
    ways = [counted_of(len(system.keys), "key")] if system.keys else []
    return " and ".join([*ways, *(["a certificate"] if system.named else [])])


def system_name(system: System) -> str:
    """What a client is called."""
    return "Its desk" if system.is_desk else system.client_id


def last_token(contact: Contact) -> str:
    """When a client last got a token, as far as is on record."""
    return "never" if contact.issued_at is None else instant(contact.issued_at)


def last_refusal(contact: Contact) -> str:
    """When and why a client that proved who it is last got none."""
    if contact.refused_at is None or contact.error is None:
        return "never"
    return f"{instant(contact.refused_at)}: {REFUSED_FOR.get(contact.error, contact.error)}"


def last_test(contact: Contact) -> str:
    """When a client last proved itself while it, or its key, was not effective."""
    return "never" if contact.tested_at is None else f"{instant(contact.tested_at)}: it proved who it is"


def tokens_words(alive: int) -> str:
    """What becomes of the tokens that are good now."""
    if alive == 0:
        return "It has no token that is good now; none it might still hold is accepted."
    ends = "ends" if alive == 1 else "end"
    return f"{counted_of(alive, 'token')} that {'is' if alive == 1 else 'are'} good now {ends} at once."


def extracts_words(count: int, *, days: int) -> str:
    """What stays with an agency of what it was released."""
    if count == 0:
        return "It was released no extract that may still be in use."
    each = "which" if count == 1 else "each of which"
    return (
        f"It was released {counted_of(count, 'extract')} in the last {days} days,"
        f" {each} may be used until the time in it. None is called back."
    )


def suspending_agency(standing: Standing, *, extracts: int, days: int) -> list[str]:
    """Everything that happens when an agency is suspended.

    Args:
        extracts: that it was released in so many days, as long as one may be used at most.
    """
    systems = [each for each in standing.systems if not each.is_desk]
    desk = (
        ["Nobody who uses its desk is shown a case any more."] if len(systems) < len(standing.systems) else []
    )
    return [
        "From the next request on nothing is released to it, by any way.",
        tokens_words(standing.alive),
        f"{counted_of(len(systems), 'system')} of it can get no new token.",
        *desk,
        extracts_words(extracts, days=days),
        "It takes two people to let it take part again.",
    ]


def suspending_system(standing: Standing, system: System) -> list[str]:
    """Everything that happens when a client is suspended."""
    gets = (
        "Nobody who uses the desk is shown a case any more."
        if system.is_desk
        else "It gets no new token, and nothing by one that it has."
    )
    return [
        gets,
        tokens_words(tokens_alive(standing.agency, system)),
        "Other systems of the agency go on.",
        "Its keys and certificates stay as they are.",
        "It takes two people to let it in again.",
    ]


def instant_or(at: datetime | None, otherwise: str) -> str:
    """An instant as it is said, or what is said where there is none."""
    return otherwise if at is None else instant(at)
