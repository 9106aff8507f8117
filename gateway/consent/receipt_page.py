"""The receipt as paper: one self-contained HTML page in plain English.

INVARIANTS
- The page asks for nothing from anywhere and runs nothing; black on white, nothing is said by colour.
- It speaks to ``you`` or of ``your child`` and names no person but the member of staff who wrote it down.
- The same receipt gives the same bytes, at any time.

Sources: UK GDPR Art. 12(1); Accessible Information Standard (DCB1605), large print; WCAG 2.2, 1.3.1, 1.4.6, 3.1.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from agencies.register import Agency
from consent_registry.birthdays import LONDON
from consent_registry.model import EVERYONE, TALK_TO_ME_FIRST, Capacity
from consent_registry.receipt import Account, Share, Told
from consent_registry.schemas import KIND_PREFIX
from gateway.calendar import said_day
from gateway.consent.receipt_words import (
    CATEGORY_WORDS,
    EVERY_AGENCY,
    EVERY_KIND_OF_DATA,
    EVERY_PURPOSE,
    words_of_data,
    words_of_kind,
    words_of_purpose,
)

_WHOM: Final[Mapping[Capacity, str]] = {
    Capacity.COMPETENT_CHILD: "you",
    Capacity.PARENTAL_RESPONSIBILITY: "your child",
    Capacity.REPRESENTATIVE: "the person you speak for",
    Capacity.SELF: "you",
}
_ORDER: Final = tuple(CATEGORY_WORDS)
_TEMPLATE: Final = Environment(
    loader=PackageLoader("gateway.consent"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
).get_template("receipt.html")


@dataclass(frozen=True, slots=True)
class Page:
    """What the page says beside the account.

    Attributes:
        council: its name.
        agencies: every agency there is, by code.
        of_child: the person is a child of the case; counts where nobody's capacity says it.
        stands: the account is of what stands, not of one decision.
        worker: the member of staff who wrote it down; absent: they are not named.
        until_age: at which what a parent agreed ends.
        number: the receipt's id.
    """

    council: str
    agencies: Mapping[str, Agency]
    of_child: bool
    stands: bool
    worker: str | None
    until_age: int
    number: str


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the table, in words."""

    services: Sequence[str]
    data: Sequence[str]
    without: Sequence[str]
    purposes: Sequence[str]


def render(account: Account, page: Page, *, large_print: bool) -> str:
    """Return the page.

    Raises: KeyError, a code has no words.
    """
    decision = account.decision
    capacity = None if decision is None else decision.capacity
    opens = decision is not None and decision.act.opens
    return _TEMPLATE.render(
        large_print=large_print,
        council=page.council,
        told=account.told.value,
        stands=page.stands,
        partial=account.is_partial,
        talk_first=decision is not None and decision.reason == TALK_TO_ME_FIRST,
        whom=_whom(capacity, of_child=page.of_child),
        since=_since(account),
        rows=[_row(share, page.agencies) for share in account.shares],
        left_out=_services(decision.scope.exclude, page.agencies) if account.shares and decision else [],
        starts=_day(decision.valid_from) if decision else "",
        ends=_last_day(decision.valid_until) if decision else "",
        until_age=page.until_age if capacity is Capacity.PARENTAL_RESPONSIBILITY and page.of_child else 0,
        written_on=_day(decision.recorded_at) if decision else "",
        worker=page.worker,
        notice=decision.notice if decision and opens else None,
        number=page.number,
    )


def _whom(capacity: Capacity | None, *, of_child: bool) -> str:
    """Whom the paper is about, as it says it to its reader."""
    if capacity is None:
        return "your child" if of_child else "you"
    return _WHOM[capacity]


def _since(account: Account) -> str:
    return _last_day(account.since) if account.told is Told.ENDED else _day(account.since)


def _row(share: Share, agencies: Mapping[str, Agency]) -> _Row:
    return _Row(
        services=_services(share.agencies, agencies),
        data=_data(share.categories | share.fields) or [EVERY_KIND_OF_DATA],
        without=_data(share.without),
        purposes=[words_of_purpose(code) for code in sorted(share.purposes)] or [EVERY_PURPOSE],
    )


def _services(codes: frozenset[str], agencies: Mapping[str, Agency]) -> list[str]:
    """The names of agencies, and words for kinds, which stand for their agencies."""
    if EVERYONE in codes:
        return [EVERY_AGENCY]
    kinds = {code.removeprefix(KIND_PREFIX) for code in codes if code.startswith(KIND_PREFIX)}
    named = [agencies[code] for code in codes if not code.startswith(KIND_PREFIX)]
    names = sorted(agency.name for agency in named if agency.kind not in kinds)
    return names + sorted(map(words_of_kind, kinds))


def _data(codes: frozenset[str]) -> list[str]:
    """Words for categories in the catalogue's order, then for fields."""
    categories = [code for code in _ORDER if code in codes]
    return [words_of_data(code) for code in [*categories, *sorted(codes - {*categories})]]


def _day(at: datetime | None) -> str:
    """A day in London as people write it; empty without an instant."""
    return "" if at is None else said_day(at.astimezone(LONDON))


def _last_day(end: datetime | None) -> str:
    """The last day before an end, which is outside."""
    return "" if end is None else _day(end - timedelta(microseconds=1))
