"""An invented family to look at a sharing profile with: what a release would tell of it, without any record or entry.

INVARIANTS
- Nobody in it exists: it is a file of the package, read and checked as an import is, and never stored.
- It is decided and told by the functions of a release; nothing but the facts is made up.
- Nobody in it grows older: what a profile tells of it changes only with the profile.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final
from uuid import UUID

from agencies.catalogue import CATEGORIES, NAMED_ONLY
from agencies.model import AgencyCode, AgencyKind, JsonValue, Profile, Purpose, Stage
from consent_registry.birthdays import UNKNOWN_BIRTHDAYS, birthdays_of
from consent_registry.model import (
    NOTHING_DECIDED,
    Act,
    Capacity,
    ConsentDecision,
    DecisionId,
    Scope,
    Standing,
    SubjectId,
)
from consent_registry.standing import fold
from gateway.caller import Caller, PractitionerClaim
from gateway.cases.model import CaseDocument, CaseItem, Shield
from gateway.cases.model import Role as CaseRole
from gateway.cases.schemas import read_family
from gateway.release.decision import decide
from gateway.release.model import (
    NOTHING,
    AgencyFacts,
    CaseFacts,
    Facts,
    Item,
    Permit,
    PersonFacts,
)
from gateway.release.preview import NAMED_WORKER, Preview, somebody_of, tell

NOW: Final = datetime(2026, 11, 10, 12, tzinfo=UTC)
"""The instant at which the family is looked at."""

PURPOSES: Final[Mapping[Stage, Purpose]] = {Stage.PANEL: Purpose.P1, Stage.SERVICE: Purpose.P2}
"""What an agency asks for at each stage; tracking is told what helping is told."""

_OLDER_CHILD: Final = 2
"""Her place among the people of the file, from 1; the first is the parent who speaks for the children."""

_REFUSAL: Final = DecisionId(UUID(int=1_000))
_BORN: Final = frozenset({"child_dob", "adult_dob"})
_ASKING: Final = "asking-agency"
"""What the file calls whoever asks."""

_AGENCY_MEMBERS: Final = frozenset({"agency", "attendees", "owner"})
"""The members of a value that name agencies."""


class Situation(StrEnum):
    """How things stand with the family."""

    AGREED = "agreed"
    """Everybody who is asked agreed to everything."""
    CHILD_REFUSED = "child-refused"
    """The older child, who understands what it is about, said no."""
    SHELTERED = "sheltered"
    """They live in a refuge, and everybody agreed."""


def example(
    candidate: Profile,
    *,
    kind: AgencyKind,
    situation: Situation,
    stage: Stage,
    extract_days: int,
    named_worker: bool = False,
) -> Preview:
    """Return what an agency would be told of the family, as if this profile version were effective and had been shown.

    Args:
        kind: the agency's own.
        named_worker: whether who asks is a named worker of the case.
    """
    document = _document()
    facts = _facts(document, candidate, kind=kind, situation=situation)
    caller = asking(candidate.agency, stage, named_worker=named_worker)
    decision = decide(facts, caller=caller, extract_days=extract_days)
    if not isinstance(decision, Permit):
        return Preview(caller, facts, decision, (), NOTHING)
    items = tuple(_item(each, candidate, kind=kind) for each in document.items)
    return Preview(caller, facts, decision, items, tell(decision, items, facts=facts))


def asking(agency: AgencyCode, stage: Stage, *, named_worker: bool) -> Caller:
    """A practitioner of an agency who asks at a stage."""
    caller = replace(somebody_of(agency), purpose=PURPOSES[stage])
    if not named_worker:
        return caller
    return replace(caller, practitioner=PractitionerClaim(NAMED_WORKER, verified=True))


@cache
def _document() -> CaseDocument:
    """The family, checked whole."""
    text = resources.files("gateway.release").joinpath("example_family.json").read_text(encoding="utf-8")
    return read_family(json.loads(text), today=NOW.date(), synthetic=True)


def _facts(document: CaseDocument, candidate: Profile, *, kind: AgencyKind, situation: Situation) -> Facts:
    sheltered = situation is Situation.SHELTERED
    born = {
        item.about[0]: date.fromisoformat(str(item.value["date"]))
        for item in document.items
        if item.field in _BORN
    }
    people = tuple(
        PersonFacts(
            person_id=person.id,
            ref=str(UUID(int=number)),
            role=person.role,
            shield=Shield.REFUGE if sheltered and not person.risk_person else Shield.NONE,
            standing=NOTHING_DECIDED
            if person.risk_person
            else _standing(candidate, number, role=person.role, situation=situation),
            birthdays=birthdays_of(born[person.id], lapse_at_sixteen=True)
            if person.id in born
            else UNKNOWN_BIRTHDAYS,
        )
        for number, person in enumerate(document.people, start=1)
    )
    refuge = candidate.agency if kind is AgencyKind.REFUGE else AgencyKind.REFUGE.value
    return Facts(
        now=NOW,
        agency=AgencyFacts(
            code=candidate.agency,
            kind=kind,
            state="active",
            agreement_until=NOW + timedelta(days=365),
            profile=candidate,
            client_state="active",
            practitioner_active=True,
            shown={candidate.version: candidate},
        ),
        case=CaseFacts(
            threshold_level=document.threshold_level,
            status=document.status,
            seals=frozenset(),
            people=people,
            panel_until=NOW + timedelta(days=7),
            has_offer=True,
            named_workers=frozenset({NAMED_WORKER}),
            refuges=frozenset({refuge}),
            hosting_refuge=refuge if sheltered else None,
            signed_off=frozenset(Stage),
        ),
    )


def _standing(candidate: Profile, number: int, *, role: CaseRole, situation: Situation) -> Standing:
    """What one person decided: yes to everything; of the older child perhaps no since."""
    own, parent = SubjectId(UUID(int=number)), SubjectId(UUID(int=1))
    child = role is CaseRole.CHILD
    history = [
        ConsentDecision(
            decision_id=DecisionId(UUID(int=number)),
            sequence=1,
            act=Act.GIVE,
            scope=Scope(
                agencies=frozenset({candidate.agency}),
                categories=frozenset(CATEGORIES),
                fields=frozenset(NAMED_ONLY),
                purposes=frozenset(map(str, PURPOSES.values())),
            ),
            valid_from=NOW - timedelta(days=30),
            valid_until=NOW + timedelta(days=150),
            recorded_at=NOW - timedelta(days=30),
            profiles_shown={candidate.agency: candidate.version},
            speaker=parent if child else own,
            capacity=Capacity.PARENTAL_RESPONSIBILITY if child else Capacity.SELF,
        )
    ]
    if situation is Situation.CHILD_REFUSED and number == _OLDER_CHILD:
        history.append(
            ConsentDecision(
                decision_id=_REFUSAL,
                sequence=2,
                act=Act.REFUSE,
                scope=Scope(),
                valid_from=None,
                valid_until=None,
                recorded_at=NOW - timedelta(days=1),
                speaker=own,
                capacity=Capacity.COMPETENT_CHILD,
            )
        )
    return fold(history)


def _item(item: CaseItem, candidate: Profile, *, kind: AgencyKind) -> Item:
    """One item as a record holds it; what the file says of a kind's agency is said of the candidate's."""
    value = {name: _named(name, held, candidate, kind=kind) for name, held in item.value.items()}
    return Item(
        field=item.field,
        about=item.about,
        source_agency=_code(item.source_agency, candidate, kind=kind),
        as_of=item.as_of.isoformat(),
        kind=item.kind,
        value=value,
        protects=item.protects,
    )


def _named(name: str, held: object, candidate: Profile, *, kind: AgencyKind) -> JsonValue:
    """A member of a value with the candidate's agency in place of its kind's."""
    if isinstance(held, str) and name in _AGENCY_MEMBERS:
        return _code(held, candidate, kind=kind)
    if isinstance(held, list):
        named = [_named(name, each, candidate, kind=kind) for each in held]
        return list(dict.fromkeys(named)) if name in _AGENCY_MEMBERS else named
    if isinstance(held, Mapping):
        return {inner: _named(inner, each, candidate, kind=kind) for inner, each in held.items()}
    if isinstance(held, str | int):
        return held
    raise TypeError("a checked value has a member of no known kind")


def _code(code: str, candidate: Profile, *, kind: AgencyKind) -> str:
    return candidate.agency if code in {kind, _ASKING} else code
