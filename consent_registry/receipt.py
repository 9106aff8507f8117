"""What a person is told about what they decided, and the same as a machine reads it. Pure: no clock, no I/O.

INVARIANTS
- What is kept off paper leaves no trace: with it and without it the receipt is the same.
- A receipt of one decision says what was decided then, and stays the same for ever.
- A receipt of what stands is what ``evaluate`` answers, agency by agency and purpose by purpose.
- No birthday, no other person and no number of decisions is in a receipt.

Sources: ISO/IEC TS 27560:2023 6.3.4 (processing), 6.3.5 (data), 6.3.6 (parties), 6.3.7 (event); names of fields as the
W3C community group's guide "Consent Records and Receipts as per ISO/IEC TS 27560 using DPV" (consent-27560) gives them,
states by the Data Privacy Vocabulary. Written after them; no conformance is claimed.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from consent_registry.birthdays import UNKNOWN_BIRTHDAYS, Birthdays
from consent_registry.model import (
    EVERYONE,
    NOTHING_DECIDED,
    Act,
    Authority,
    Capacity,
    ConsentDecision,
    DecisionId,
    Exit,
    Granted,
    JsonObject,
    Purpose,
    Scope,
    Standing,
    SubjectId,
)
from consent_registry.standing import State, evaluate, exit_of, fold, follow, is_noted, state_of

SCHEMA_VERSION: Final = "urn:early-help-gateway:consent-receipt:1"
CONTROLLER: Final = "controller:council"
"""The id of the council among the parties of a receipt; no agency code holds a colon."""
EVERYTHING: Final = "all"
"""Stands for every agency, every kind of data or every purpose in a receipt of an act that closes."""

_WITHDRAWAL: Final = "Tell your lead professional or the Early Help Team. No form and no reason is needed."
_JURISDICTION: Final = "GB-ENG"
_IN_THE_NOTICE: Final = ("party_address", "privacy_rights", "retention_period", "storage_locations")
"""Fields of 27560 that the privacy notice answers, and a receipt does not repeat."""


class Told(StrEnum):
    """What a receipt has to say."""

    AGREED = "agreed"
    ENDED = "ended"
    """What was agreed reached its end."""
    HELD = "held"
    NOTED = "noted"
    """What was said changed nothing."""
    NOTHING = "nothing"
    """There is nothing to list."""
    OUTGROWN = "outgrown"
    """What a parent agreed ended on a birthday."""
    STOPPED = "stopped"


_TOLD: Final[Mapping[State, Told]] = {
    State.ACTIVE: Told.AGREED,
    # A dispute would tell one parent of the other.
    State.DISPUTED: Told.STOPPED,
    State.ENTERED_IN_ERROR: Told.STOPPED,
    State.EXPIRED: Told.ENDED,
    State.HELD: Told.HELD,
    State.INVALIDATED: Told.STOPPED,
    State.LAPSED_AT_16: Told.OUTGROWN,
    State.LAPSED_AT_18: Told.OUTGROWN,
    State.LAPSED_PR_CHANGE: Told.STOPPED,
    State.REFUSED: Told.STOPPED,
    State.REQUESTED: Told.NOTHING,
    State.SCHEDULED: Told.AGREED,
    State.WITHDRAWN: Told.STOPPED,
}
_TOLD_OF: Final[Mapping[Exit, Told]] = {Exit.EXPIRED: Told.ENDED, Exit.HELD: Told.HELD}
"""What a receipt says of an act that closes; of every other end, that it was stopped."""
_STATUS: Final[Mapping[Told, str]] = {
    Told.AGREED: "dpv:ConsentGiven",
    Told.ENDED: "dpv:ConsentExpired",
    Told.HELD: "dpv:ConsentStatusInvalidForProcessing",
    Told.NOTED: "dpv:ConsentUnknown",
    Told.NOTHING: "dpv:ConsentUnknown",
    Told.OUTGROWN: "dpv:ConsentExpired",
    Told.STOPPED: "dpv:ConsentRevoked",
}
_SAID: Final[Mapping[Act, str]] = {Act.REFUSE: "dpv:ConsentRefused", Act.WITHDRAW: "dpv:ConsentWithdrawn"}
"""The states of acts by which somebody spoke; why a worker closed something is told by word of mouth."""


@dataclass(frozen=True, slots=True)
class OffPaper:
    """What a receipt does not tell.

    Attributes:
        agencies: codes, and kinds as a decision names them.
        categories: of the field catalogue.
        fields: of the field catalogue, those of ``categories`` among them.
    """

    agencies: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Share:
    """Agencies that receive the same for the same purposes, or receive it no more.

    Attributes:
        agencies: codes; ``EVERYONE`` only of an act that closes, kinds too.
        purposes: of an act that closes empty: every purpose.
        categories, fields: of an act that closes both empty: everything.
        without: fields of these categories that were closed by name.
    """

    agencies: frozenset[str]
    purposes: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Account:
    """What one receipt tells of one person, whatever it then looks like.

    Attributes:
        since: the aware instant of what is told; absent: there is none to tell.
        decision: what it rests on, as far as it is told; absent: nothing.
        shares: in a stable order.
    """

    told: Told
    since: datetime | None = None
    decision: ConsentDecision | None = None
    shares: tuple[Share, ...] = ()

    @property
    def is_partial(self) -> bool:
        """True for an act that closed a part and left another."""
        decision = self.decision
        return decision is not None and not decision.act.opens and not decision.scope.is_whole


@dataclass(frozen=True, slots=True)
class Party:
    """One agency as a receipt names it, and on what legal basis it receives; absent where no profile says."""

    code: str
    name: str
    article6: str = ""
    article9: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a receipt needs to know of the field catalogue.

    Attributes:
        category_of: the category of every field; absent: it is covered by name only.
        special: categories and fields of special category data (UK GDPR Art. 9).
        sensitive: categories and fields that are sensitive, by law or in practice.
    """

    category_of: Mapping[str, str | None] = field(default_factory=dict)
    special: frozenset[str] = frozenset()
    sensitive: frozenset[str] = frozenset()


def on_paper(decision: ConsentDecision, off: OffPaper) -> ConsentDecision | None:
    """The decision as far as it is told; absent where nothing of it is.

    An emptied list of an act that closes would mean everything: such an act is not told at all.
    """
    scope = decision.scope
    told = Scope(
        agencies=scope.agencies - off.agencies,
        exclude=scope.exclude - off.agencies,
        categories=scope.categories - off.categories,
        fields=scope.fields - off.fields,
        purposes=scope.purposes,
    )
    lost_agencies = scope.agencies and not told.agencies
    lost_data = (scope.categories or scope.fields) and not (told.categories or told.fields)
    if lost_agencies or lost_data:
        return None
    shown = {code: version for code, version in decision.profiles_shown.items() if code not in off.agencies}
    return replace(decision, scope=told, profiles_shown=shown)


def is_own_wish(decision: ConsentDecision, *, subject_id: SubjectId) -> bool:
    """True when the data subject spoke for themself, not as a child, and may."""
    return (
        decision.capacity is Capacity.SELF
        and decision.speaker == subject_id
        and decision.authority is Authority.ESTABLISHED
    )


def account_of_decision(
    history: Sequence[ConsentDecision], decision_id: DecisionId, *, off: OffPaper, catalogue: Catalogue
) -> Account | None:
    """What to tell of one decision, now and ever after; absent where there is nothing to tell of it.

    Args:
        history: every decision of the person, oldest first.
    """
    before = NOTHING_DECIDED
    for each in history:
        told = on_paper(each, off)
        if told is None:
            continue
        if each.decision_id == decision_id:
            return _account_of(told, before=before, catalogue=catalogue)
        before = follow(before, told)
    return None


def account_of_standing(
    history: Sequence[ConsentDecision],
    *,
    now: datetime,
    off: OffPaper,
    catalogue: Catalogue,
    birthdays: Birthdays = UNKNOWN_BIRTHDAYS,
) -> Account:
    """What to tell of what stands at ``now``.

    Args:
        history: every decision of the person, oldest first.
    """
    standing = fold(history)
    told = _TOLD[state_of(standing, now=now, birthdays=birthdays)]
    given = standing.given
    if given is None:
        ending = _ending(history)
        if ending is None:
            return Account(Told.NOTHING)
        decision = on_paper(ending, off)
        # All of it ended, however little was asked for: a dispute closes everything.
        whole = None if decision is None else replace(decision, scope=Scope())
        return Account(told, ending.recorded_at, whole)
    # At its beginning: a birthday or an end would empty what is only to be told as ended.
    shares = _shares(standing, at=given.valid_from, off=off, catalogue=catalogue)
    giving = next(each for each in history if each.decision_id == given.decision_id)
    decision = on_paper(giving, off)
    if not shares or decision is None:
        return Account(Told.NOTHING)
    match told:
        case Told.AGREED:
            return Account(told, giving.recorded_at, decision, shares)
        case Told.ENDED:
            return Account(told, given.valid_until, decision)
        case _:  # a date would be the birthday
            return Account(told, None, decision)


def receipt_fields(
    account: Account,
    *,
    owner: UUID,
    subject_id: SubjectId | None,
    controller: str,
    parties: Iterable[Party],
    catalogue: Catalogue,
) -> JsonObject:
    """The receipt as JSON, with the fields of ISO/IEC TS 27560.

    Args:
        owner: the random id of the person; only the receipt's id is made of it.
        subject_id: the random id under which the person's decisions are kept.
        controller: the council's name.
        parties: every agency of the account, by any order.
    Returns: of a person of whom there is nothing to list the two fields that every receipt has: version and id.
    """
    body: JsonObject = {}
    if account.told is not Told.NOTHING:
        body = _body(account, controller=controller, parties=parties, catalogue=catalogue)
        if subject_id is not None:
            body["pii_principal_id"] = str(subject_id)
    content = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return {"schema_version": SCHEMA_VERSION, "receipt_id": str(uuid5(owner, content)), **body}


def _account_of(decision: ConsentDecision, *, before: Standing, catalogue: Catalogue) -> Account | None:
    if is_noted(before, decision):
        return Account(Told.NOTED, decision.recorded_at, decision)
    if not decision.act.opens:
        told = _TOLD_OF.get(exit_of(decision), Told.STOPPED)
        scope = decision.scope
        stopped = Share(
            scope.agencies or frozenset({EVERYONE}), scope.purposes, scope.categories, scope.fields
        )
        return Account(told, decision.recorded_at, decision, (stopped,))
    shares = _shares(
        follow(NOTHING_DECIDED, decision),
        at=decision.valid_from or decision.recorded_at,
        off=OffPaper(),
        catalogue=catalogue,
    )
    return Account(Told.AGREED, decision.recorded_at, decision, shares) if shares else None


def _ending(history: Iterable[ConsentDecision]) -> ConsentDecision | None:
    """The decision since which nothing is given, as it stands."""
    standing, ending = NOTHING_DECIDED, None
    for each in history:
        after = follow(standing, each)
        if after.given is not None:
            ending = None
        elif standing.given is not None or after.closed_by is not standing.closed_by:
            ending = each
        standing = after
    return ending


def _shares(standing: Standing, *, at: datetime, off: OffPaper, catalogue: Catalogue) -> tuple[Share, ...]:
    """What each agency may receive at an instant, agencies that receive the same together."""
    if standing.given is None:
        return ()
    alike: dict[frozenset[Share], set[str]] = defaultdict(set)
    for agency in standing.given.scope.agencies - off.agencies:
        purposes: dict[Share, set[str]] = defaultdict(set)
        for purpose in Purpose:
            result = evaluate(standing, agency=agency, purpose=purpose, now=at)
            if isinstance(result, Granted) and (covered := _covered(result, off, catalogue)) is not None:
                purposes[covered].add(purpose.value)
        receives = frozenset(replace(what, purposes=frozenset(codes)) for what, codes in purposes.items())
        if receives:
            alike[receives].add(agency)
    shares = (
        replace(share, agencies=frozenset(codes)) for receives, codes in alike.items() for share in receives
    )
    return tuple(sorted(shares, key=lambda share: (sorted(share.agencies), sorted(share.purposes))))


def _covered(granted: Granted, off: OffPaper, catalogue: Catalogue) -> Share | None:
    """The data that is covered, as far as it is told; absent where none is."""
    categories = granted.categories - granted.closed_categories - off.categories
    elsewhere = categories | granted.closed_categories
    fields = frozenset(
        name
        for name in granted.fields - granted.closed_fields - off.fields
        if catalogue.category_of.get(name) not in elsewhere
    )
    without = frozenset(
        name for name in granted.closed_fields - off.fields if catalogue.category_of.get(name) in categories
    )
    if not categories and not fields:
        return None
    return Share(frozenset(), categories=categories, fields=fields, without=without)


def _body(account: Account, *, controller: str, parties: Iterable[Party], catalogue: Catalogue) -> JsonObject:
    event: JsonObject = {"event_type": _event_type(account), "event_state": _event_state(account)}
    body: JsonObject = {"event": event}
    if account.since is not None:
        event["event_time"] = _instant(account.since)
    decision = account.decision
    if decision is None:
        return body
    body["record_id"] = str(decision.decision_id)
    if decision.capacity is not None:
        event["entity_id"] = decision.capacity.value
    if decision.act.opens and decision.valid_from is not None and decision.valid_until is not None:
        starts, ends = decision.valid_from, decision.valid_until
        event["validity_duration"] = {"from": _instant(starts), "until": _instant(ends)}
    processing: JsonObject = {
        "jurisdiction": _JURISDICTION,
        "pii_controllers": [CONTROLLER],
        "withdrawal_method": _WITHDRAWAL,
        "described_in_notice": list(_IN_THE_NOTICE),
    }
    if decision.notice is not None:
        notice = decision.notice
        processing |= {
            "privacy_notice": {"id": notice.id, "version": notice.version},
            "language": notice.language,
        }
    known = {party.code: party for party in parties}
    if account.shares:
        processing |= {
            "purposes": _listed(share.purposes for share in account.shares),
            "pii_information": _information(account.shares, catalogue),
            "recipient_third_parties": [
                _recipient(code, share, known.get(code), decision)
                for share in account.shares
                for code in sorted(share.agencies)
            ],
        }
        if decision.scope.exclude:
            processing["recipient_exclusions"] = sorted(decision.scope.exclude)
    named = {code for share in account.shares for code in share.agencies} | decision.scope.exclude
    body["pii_processing"] = processing
    body["party_identification"] = [
        {"party_id": CONTROLLER, "party_name": controller, "party_role": "controller"},
        *(
            {"party_id": code, "party_name": known[code].name, "party_role": "recipient"}
            for code in sorted(named & known.keys())
        ),
    ]
    return body


def _event_type(account: Account) -> str:
    """What happened, in one word: what was said, or that sharing was stopped or held."""
    decision = account.decision
    if account.told is Told.HELD:
        return "hold"
    if decision is None:
        return "stop"
    if decision.act not in _SAID and (account.told is Told.STOPPED or not decision.act.opens):
        return "stop"
    return decision.act.value


def _event_state(account: Account) -> str:
    said = None if account.decision is None else _SAID.get(account.decision.act)
    return said if said is not None and account.told is Told.STOPPED else _STATUS[account.told]


def _listed(codes: Iterable[frozenset[str]]) -> list[str]:
    """All codes of several lists, sorted; ``EVERYTHING`` where an empty one means that."""
    lists = list(codes)
    return sorted(frozenset[str]().union(*lists)) if all(lists) else [EVERYTHING]


def _information(shares: Iterable[Share], catalogue: Catalogue) -> list[JsonObject]:
    return [
        {
            "pii_type": name,
            "sensitive_pii_category": name == EVERYTHING or name in catalogue.sensitive,
            "special_pii_category": name == EVERYTHING or name in catalogue.special,
        }
        for name in _listed(share.categories | share.fields for share in shares)
    ]


def _recipient(code: str, share: Share, party: Party | None, decision: ConsentDecision) -> JsonObject:
    recipient: JsonObject = {
        "party_id": EVERYTHING if code == EVERYONE else code,
        "purposes": _listed([share.purposes]),
        "pii_types": _listed([share.categories | share.fields]),
    }
    if share.without:
        recipient["pii_types_excluded"] = sorted(share.without)
    if decision.act.opens and code in decision.profiles_shown:
        recipient["profile_version"] = decision.profiles_shown[code]
    if decision.act.opens and party is not None and party.article6:
        basis = {"article6": party.article6, "article9": party.article9}
        recipient["lawful_basis"] = {name: text for name, text in basis.items() if text}
    return recipient


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
