"""Which events are lines of a statement, and the lines in words. Pure.

INVARIANTS
- Default deny: what has no rule here is no line.
- A line depends on its own event and on the paper alone, never on another event: leaving one out changes no other.
- Aloud and plain, nothing of a service that is itself a secret is told: a stop that it reported is a stop like any other.
- Aloud no referral is told, and no field that says something of somebody else.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, assert_never

from agencies.catalogue import ALWAYS_RELEASED, FIELDS, NAMED_ONLY, OUTSIDE_CONSENT, SHIELDED_FIELDS
from agencies.model import FieldName
from agencies.register import Agency
from consent_registry.birthdays import LONDON
from consent_registry.model import EVERYONE, Act
from gateway.calendar import said_day
from gateway.consent.receipt_words import (
    CATEGORY_WORDS,
    EVERY_AGENCY,
    EVERY_KIND_OF_DATA,
    EVERY_PURPOSE,
    words_of_data,
    words_of_purpose,
)
from gateway.disclosure_log.canonical import Canonical
from gateway.recall.model import SENSITIVE_KINDS
from gateway.rights.model import (
    Answered,
    Decided,
    Event,
    Line,
    Paper,
    Referred,
    Released,
    View,
    mark_of,
)
from gateway.rights.words import (
    A_PROTECTING_SERVICE,
    ACT_WORDS,
    AGREED,
    ANSWER_WORDS,
    ASKED,
    CALLED_BACK,
    CAN_AGREE,
    CAN_ASK,
    CAN_COMPLAIN,
    CAN_STOP,
    GOT,
    GROUND_WORDS,
    MAY_USE,
    MAY_USE_NO_MORE,
    NOTED,
    OWN_DECISION,
    PLACELESS,
    REFERRED,
    SOME_INFORMATION,
    basis_words,
)

_ORDER: Final = tuple(CATEGORY_WORDS)
_WHEREABOUTS: Final = frozenset({"address", "contact"})


def statement_body(events: Iterable[Event], paper: Paper, *, damaged: bool) -> Mapping[str, Canonical]:
    """Return what a statement says, in the order in which it happened, numbered from 1.

    Args:
        events: of one person, the oldest first.
        damaged: a part of what is on record does not open: the paper says that something may be missing.
    """
    found = [line for event in events if (line := line_of(event, paper)) is not None]
    return {
        "about": "child" if paper.of_child else "you",
        "council": paper.council,
        "lines": [_numbered(number, line) for number, line in enumerate(found, start=1)],
        "made_on": paper.made_on.isoformat(),
        "subject": paper.subject,
        "view": paper.view.value,
        **({"damaged": True} if damaged else {}),
    }


def line_of(event: Event, paper: Paper) -> Line | None:
    """Return the line of an event; absent: it has none on this paper."""
    match event.what:
        case Released() as what:
            return _released(event, what, paper)
        case Decided() as what:
            return _decided(event, what, paper)
        case Answered() as what:
            return _answered(event, what, paper)
        case Referred() as what:
            return _referred(event, what, paper)
        case _ as never:
            assert_never(never)


def names_of(agencies: Iterable[Agency], *, shielded: bool) -> Mapping[str, str]:
    """Return what each service is called; one that is a place loses its name where the family's place is protected."""
    return {
        str(each.code): PLACELESS.get(each.kind, each.name) if shielded else each.name for each in agencies
    }


def secrets_of(agencies: Iterable[Agency], view: View) -> frozenset[str]:
    """Return the codes of services that are not on a paper."""
    if view is View.WHOLE:
        return frozenset()
    return frozenset(str(each.code) for each in agencies if each.kind in SENSITIVE_KINDS)


def left_out_of(view: View, *, shielded: bool) -> frozenset[str]:
    """Return the categories and fields that are not on a paper."""
    never = {ALWAYS_RELEASED, *OUTSIDE_CONSENT}
    aloud = {*NAMED_ONLY, *_WHEREABOUTS} if view is View.ALOUD else set()
    places = {str(FIELDS[name].category) for name in SHIELDED_FIELDS} if shielded else set()
    return frozenset({*never, *aloud, *places})


def _released(event: Event, what: Released, paper: Paper) -> Line | None:
    nothing = what.fields is not None and not what.fields
    if nothing or what.agency in paper.secret or what.agency not in paper.names:
        return None
    on = event.minute.astimezone(LONDON).date()
    last = on + timedelta(days=paper.extract_days)
    may = MAY_USE if paper.made_on <= last else MAY_USE_NO_MORE
    return Line(
        mark=mark_of(event.entry_id),
        on=said_day(on),
        who=paper.names[what.agency],
        what=GOT.format(whom=_whom(paper)),
        kinds=_kinds(what.fields or (), paper),
        purposes=(words_of_purpose(what.purpose),),
        basis=" ".join(filter(None, (AGREED, basis_words(what.article6, what.article9)))),
        now=may.format(day=said_day(last)),
    )


def _decided(event: Event, what: Decided, paper: Paper) -> Line | None:
    scope = what.scope
    named = scope.agencies - {EVERYONE}
    if named and named <= paper.secret:
        return None
    data = frozenset(scope.categories | scope.fields)
    may = {Act.GIVE: CAN_STOP, Act.ENTER_IN_ERROR: CAN_ASK}.get(what.act, CAN_AGREE)
    called = _services(what.called_back, paper)
    who = "; ".join(_services(named, paper)) or EVERY_AGENCY
    without = "; ".join(_services(scope.exclude, paper))
    return Line(
        mark=mark_of(event.entry_id),
        on=said_day(event.minute.astimezone(LONDON).date()),
        who=f"{who} (not: {without})" if without else who,
        what=(NOTED if what.noted else ACT_WORDS[what.act]).format(whom=_whom(paper)),
        kinds=(_told(data, paper) or (SOME_INFORMATION,)) if data else (EVERY_KIND_OF_DATA,),
        purposes=tuple(map(words_of_purpose, sorted(scope.purposes))) or (EVERY_PURPOSE,),
        basis=OWN_DECISION,
        now=" ".join(filter(None, (CALLED_BACK.format(services="; ".join(called)) if called else "", may))),
    )


def _answered(event: Event, what: Answered, paper: Paper) -> Line | None:
    if what.agency in paper.secret or what.agency not in paper.names:
        return None
    ground = "" if what.ground is None else GROUND_WORDS[what.ground]
    return Line(
        mark=mark_of(event.entry_id),
        on=said_day(event.minute.astimezone(LONDON).date()),
        who=paper.names[what.agency],
        what=" ".join(filter(None, (ANSWER_WORDS[what.answer], ground))),
        basis=ASKED,
        now=CAN_COMPLAIN,
    )


def _referred(event: Event, what: Referred, paper: Paper) -> Line | None:
    if paper.view is View.ALOUD:
        return None
    return Line(
        mark=mark_of(event.entry_id),
        on=said_day(event.minute.astimezone(LONDON).date()),
        who=A_PROTECTING_SERVICE if paper.shielded else what.destination,
        what=REFERRED.format(whom=_whom(paper)),
        kinds=_kinds(what.fields, paper),
        basis=basis_words(what.article6, what.article9),
        now=CAN_COMPLAIN,
    )


def _whom(paper: Paper) -> str:
    return "your child" if paper.of_child else "you"


def _services(codes: Iterable[str], paper: Paper) -> Sequence[str]:
    """What services are called, each once; those that are not on the paper are in no list of it."""
    return sorted({paper.names[code] for code in codes if code in paper.names and code not in paper.secret})


def _kinds(fields: Iterable[FieldName], paper: Paper) -> tuple[str, ...]:
    """Words for the kinds of information that fields are of, never none."""
    codes = frozenset(str(FIELDS[name].category or name) for name in fields)
    return _told(codes, paper) or (SOME_INFORMATION,)


def _told(codes: frozenset[str], paper: Paper) -> tuple[str, ...]:
    """Words for categories in the catalogue's order, then for fields that have to be named."""
    told = {code for code in codes if code not in paper.left_out}
    fields = sorted(code for code in told if code not in CATEGORY_WORDS)
    # A field that a category covers goes with its category where that is left out.
    fields = [code for code in fields if str(FIELDS[FieldName(code)].category) not in paper.left_out]
    return tuple(words_of_data(code) for code in [*(code for code in _ORDER if code in told), *fields])


def _numbered(number: int, line: Line) -> Mapping[str, Canonical]:
    return {
        "basis": line.basis,
        "entry": line.mark,
        "n": number,
        "now": line.now,
        "on": line.on,
        "what": line.what,
        "who": line.who,
        **({"kinds": list(line.kinds)} if line.kinds else {}),
        **({"purposes": list(line.purposes)} if line.purposes else {}),
    }
