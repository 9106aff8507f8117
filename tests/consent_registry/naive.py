"""The rules of consent written a second time, naively: every question is answered by reading the whole history again.

Imports nothing of the product. A history is a list of plain dictionaries, oldest first; see ``histories.py``. There is
no standing here, nothing is folded and nothing is kept: what counts, what stands and what is disputed are each asked
of the decisions before a place.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

Decision = Mapping[str, Any]
OWN = ("self", "competent_child")
PARENT = "parental_responsibility"
OBJECTIONS = ("withdraw", "refuse")
STOPS = (*OBJECTIONS, "hold")
FOR_SOMEBODY = (PARENT, "representative")
EXITS = {
    "withdraw": "withdrawn",
    "refuse": "refused",
    "hold": "held",
    "invalidate": "invalidated",
    "enter_in_error": "entered_in_error",
}


class Reading:
    """One history, read over and over; what counts is remembered, for no other reason than speed."""

    def __init__(self, history: Sequence[Decision]) -> None:
        self.history = history
        self._counted: dict[int, bool] = {}

    def gives(self, place: int) -> bool:
        return bool(self.history[place]["act"] == "give")

    def speaks(self, place: int) -> str | None:
        """As what somebody spoke; a yes of which nobody knows is a parent's."""
        said: str | None = self.history[place]["capacity"]
        return PARENT if said is None and self.gives(place) else said

    def is_whole(self, place: int) -> bool:
        narrowed = any(self.history[place][name] for name in ("exclude", "categories", "fields", "purposes"))
        agencies = self.history[place]["agencies"]
        return not narrowed and (not agencies or "*" in agencies)

    def counts(self, place: int) -> bool:
        """Whether a decision changed anything when it was recorded."""
        if place not in self._counted:
            self._counted[place] = self._counts(place)
        return self._counted[place]

    def _counts(self, place: int) -> bool:  # noqa: PLR0911 - one return for each rule
        decision = self.history[place]
        if decision["authority"] == "none":
            return False
        if self.gives(place) and decision["authority"] == "unknown":
            return False
        if not self.gives(place):
            standing = self.standing_yes(place)
            return not (
                self.speaks(place) == PARENT
                and decision["act"] in OBJECTIONS
                and standing is not None
                and self.speaks(standing) in OWN
                and decision["recorded_at"] < self.history[standing]["valid_until"]
            )
        if self.speaks(place) in OWN:
            return True
        child_answered = self.child_said_no(place) or self.child_said_yes(place, now=decision["recorded_at"])
        if child_answered and self.speaks(place) == PARENT:
            return False
        if decision["resolves"]:
            return True
        return not (
            child_answered
            or self.is_disputed(place)
            or any(
                self.is_whole(objection) and not self.same_speaker(objection, place)
                for objection in self.objections(place)
            )
        )

    def same_speaker(self, one: int, other: int) -> bool:
        """Whether two decisions are known to be the same person's."""
        speaker = self.history[one]["speaker"]
        return speaker is not None and bool(speaker == self.history[other]["speaker"])

    def closes_all(self, place: int) -> bool:
        return (
            not self.gives(place)
            and self.counts(place)
            and (self.is_whole(place) or self.begins_dispute(place))
        )

    def standing_yes(self, end: int) -> int | None:
        """The yes that stands just before a place."""
        for place in range(end - 1, -1, -1):
            if self.closes_all(place):
                return None
            if self.gives(place) and self.counts(place):
                return place
        return None

    def begins_dispute(self, place: int) -> bool:
        decision = self.history[place]
        if decision["act"] not in OBJECTIONS or decision["authority"] != "established":
            return False
        if self.speaks(place) != PARENT or not self.counts(place):
            return False
        standing = self.standing_yes(place)
        return (
            standing is not None
            and self.speaks(standing) == PARENT
            and decision["recorded_at"] < self.history[standing]["valid_until"]
            and decision["speaker"] != self.history[standing]["speaker"]
        )

    def is_disputed(self, end: int) -> bool:
        """Whether a dispute is open just before a place."""
        for place in range(end - 1, -1, -1):
            if self.begins_dispute(place):
                return True
            if not self.counts(place):
                continue
            if self.gives(place) and (self.speaks(place) in OWN or self.history[place]["resolves"]):
                return False
            if self.child_refuses_all(place):
                return False
        return False

    def child_refuses_all(self, place: int) -> bool:
        """Whether it is known to be the data subject who says no to everything."""
        return (
            not self.gives(place)
            and self.speaks(place) in OWN
            and self.history[place]["authority"] == "established"
            and self.is_whole(place)
        )

    def objections(self, end: int) -> list[int]:
        """The noes of others that nothing has undone just before a place, those that were only noted too."""
        return [
            place
            for place in range(end)
            if self.history[place]["act"] in STOPS
            and self.speaks(place) in FOR_SOMEBODY
            and self.history[place]["authority"] != "none"
            and not any(self.undoes(later, place) for later in range(place + 1, end))
        ]

    def undoes(self, later: int, objection: int) -> bool:
        if not self.counts(later):
            return False
        return self.child_refuses_all(later) or (
            self.gives(later)
            and (
                self.speaks(later) in OWN
                or bool(self.history[later]["resolves"])
                or self.same_speaker(objection, later)
            )
        )

    def child_said_yes(self, end: int, *, now: datetime) -> bool:
        """Whether the data subject's own yes, held or not, is still their answer just before a place."""
        yeses = [place for place in range(end) if self.gives(place) and self.counts(place)]
        if not yeses or self.speaks(yeses[-1]) not in OWN or now >= self.history[yeses[-1]]["valid_until"]:
            return False
        since = [place for place in range(yeses[-1] + 1, end) if self.closes_all(place)]
        return not any(
            self.speaks(place) in OWN
            or (
                self.exit(place) in ("invalidated", "entered_in_error", "expired")
                and self.speaks(place) != PARENT
            )
            for place in since
        )

    def child_said_no(self, end: int) -> bool:
        """Whether the data subject's own no to everything stands just before a place."""
        for place in range(end - 1, -1, -1):
            if not self.counts(place):
                continue
            if self.replaces_the_childs(place):
                return False
            if not self.gives(place) and self.speaks(place) in OWN and self.is_whole(place):
                return True
        return False

    def replaces_the_childs(self, place: int) -> bool:
        """Whether a yes is the data subject's own, or a representative's over what they said by a resolution."""
        return self.gives(place) and (
            self.speaks(place) in OWN
            or (self.speaks(place) != PARENT and bool(self.history[place]["resolves"]))
        )

    def exit(self, place: int) -> str:
        decision = self.history[place]
        if self.begins_dispute(place):
            return "disputed"
        if decision["authority"] == "unknown":
            return "held"
        if decision["reason"] == "change_in_relationship":
            return "lapsed_pr_change"
        if decision["reason"] == "case_closed":
            return "expired"
        return EXITS[decision["act"]]


def state(history: Sequence[Decision], *, now: datetime, sixteen: datetime | None, eighteen: datetime) -> str:  # noqa: PLR0911 - one return for each rule
    """How far what stands is, whichever agency asks."""
    reading, end = Reading(history), len(history)
    if reading.is_disputed(end):
        return "disputed"
    standing = reading.standing_yes(end)
    if standing is None:
        closing = [place for place in range(end) if reading.closes_all(place)]
        yeses = [place for place in range(end) if reading.gives(place) and reading.counts(place)]
        if closing and (not yeses or closing[-1] > yeses[-1]):
            return reading.exit(closing[-1])
        return "requested"
    given = history[standing]
    if reading.speaks(standing) == PARENT and now >= eighteen:
        return "lapsed_18"
    if reading.speaks(standing) == PARENT and sixteen is not None and now >= sixteen:
        return "lapsed_16"
    if now < given["valid_from"]:
        return "scheduled"
    return "expired" if now >= given["valid_until"] else "active"


def refusal(  # noqa: PLR0911 - one return for each rule
    history: Sequence[Decision],
    *,
    agency: str,
    purpose: str,
    now: datetime,
    sixteen: datetime | None,
    eighteen: datetime,
) -> str | None:
    """The first reason why nothing may go to one agency for one purpose; None: something may."""
    stands = state(history, now=now, sixteen=sixteen, eighteen=eighteen)
    if stands == "requested":
        return "no_decision"
    reading, end = Reading(history), len(history)
    standing = reading.standing_yes(end)
    if standing is None or stands not in ("active", "scheduled", "expired"):
        return stands
    given = history[standing]
    if agency in given["exclude"]:
        return "agency_excluded"
    if agency not in given["agencies"]:
        return "agency_not_covered"
    if agency not in given["profiles_shown"]:
        return "profile_not_shown"
    if purpose not in given["purposes"]:
        return "purpose_not_covered"
    if stands != "active":
        return {"scheduled": "not_yet_valid", "expired": "expired"}[stands]
    for place in range(end):
        closing = history[place]
        everything = not closing["categories"] and not closing["fields"]
        if (
            everything
            and _still_closes(reading, place, standing=standing)
            and _reaches(closing, agency=agency, purpose=purpose)
        ):
            return reading.exit(place)
    return None


def may_receive(
    history: Sequence[Decision],
    *,
    agency: str,
    purpose: str,
    field: str,
    category: str | None,
    now: datetime,
    sixteen: datetime | None,
    eighteen: datetime,
) -> bool:
    """Whether one field may go to one agency for one purpose."""
    refused = refusal(history, agency=agency, purpose=purpose, now=now, sixteen=sixteen, eighteen=eighteen)
    if refused is not None:
        return False
    reading, end = Reading(history), len(history)
    standing = reading.standing_yes(end)
    assert standing is not None
    given = history[standing]
    if field not in given["fields"] and (category is None or category not in given["categories"]):
        return False
    return not any(
        _reaches(history[place], agency=agency, purpose=purpose)
        and (field in history[place]["fields"] or category in history[place]["categories"])
        for place in range(end)
        if _still_closes(reading, place, standing=standing)
    )


def ends_at(
    history: Sequence[Decision], *, sixteen: datetime | None, eighteen: datetime
) -> tuple[int, datetime]:
    """The place of the yes that stands, and the instant at which nothing may go out on it any more."""
    reading = Reading(history)
    standing = reading.standing_yes(len(history))
    assert standing is not None
    until: datetime = history[standing]["valid_until"]
    if reading.speaks(standing) == PARENT:
        until = min(until, eighteen, eighteen if sixteen is None else sixteen)
    return standing, until


def became(
    history: Sequence[Decision], *, now: datetime, sixteen: datetime | None, eighteen: datetime
) -> list[str]:
    """What became of each decision."""
    reading = Reading(history)
    found = []
    for place in range(len(history)):
        if not reading.counts(place):
            found.append("noted")
        elif reading.gives(place):
            found.append(_became_of_yes(reading, place, now=now, sixteen=sixteen, eighteen=eighteen))
        else:
            found.append(reading.exit(place))
    return found


def _became_of_yes(
    reading: Reading, place: int, *, now: datetime, sixteen: datetime | None, eighteen: datetime
) -> str:
    """An agreement found invalid was so from its beginning; else the first end that it met."""
    history, end = reading.history, len(reading.history)
    later = range(place + 1, end)
    replaced = next((each for each in later if reading.gives(each) and reading.counts(each)), end)
    closed = [each for each in range(place + 1, replaced) if reading.closes_all(each)]
    undone = [each for each in closed if reading.exit(each) in ("invalidated", "entered_in_error")]
    if undone:
        return reading.exit(undone[-1])
    first = closed[0] if closed else replaced
    then = now if first == end else history[first]["recorded_at"]
    alone = state(history[: place + 1], now=then, sixteen=sixteen, eighteen=eighteen)
    if first == end or alone not in ("active", "scheduled"):
        return alone
    return reading.exit(first) if closed else "superseded"


def _still_closes(reading: Reading, place: int, *, standing: int) -> bool:
    """Whether a part that was closed is closed under the yes that stands.

    Later ones are, and of those before it the child's own and the noes of whoever did not say that yes.
    """
    if reading.gives(place):
        return False
    if place > standing:
        return reading.counts(place)
    if place in reading.objections(standing + 1):
        return True
    return (
        reading.counts(place)
        and reading.speaks(place) in OWN
        and not reading.is_whole(place)
        and not any(
            reading.counts(later) and reading.replaces_the_childs(later)
            for later in range(place + 1, standing + 1)
        )
    )


def _reaches(closing: Decision, *, agency: str, purpose: str) -> bool:
    """Whether something that was closed is closed for this agency and purpose."""
    if agency in closing["exclude"]:
        return False
    if closing["agencies"] and not {"*", agency} & set(closing["agencies"]):
        return False
    return not closing["purposes"] or purpose in closing["purposes"]
