"""One person's consent receipt, of one decision or of what stands: read, and told as paper or JSON.

INVARIANTS
- Only the person's own decisions are read, and of the case who they are in it: no release, no referral, no record.
- A refuge, what is covered by name only, and for somebody shielded whatever tells where they are, is in no form of the
  receipt unless the person asked for it on the decision that it tells of, for themself, alone and safe.
- An unknown case, an unknown person, somebody listed as a risk and an erased family are one error.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, select, text

from agencies.catalogue import ALWAYS_RELEASED, CATEGORIES, FIELDS, NAMED_ONLY, OUTSIDE_CONSENT
from agencies.errors import ProfileError
from agencies.model import AgencyCode, AgencyKind, FieldName
from agencies.profile_text import parse_profile
from agencies.register import Agency
from agencies.repository import all_agencies, profile_document
from certs.envelope import unseal
from consent_registry.birthdays import EIGHTEEN, SIXTEEN, UNKNOWN_BIRTHDAYS, Birthdays, birthdays_of
from consent_registry.model import ConsentDecision, DecisionId, JsonObject, SubjectId
from consent_registry.receipt import (
    Account,
    OffPaper,
    Party,
    account_of_decision,
    account_of_standing,
    is_own_wish,
    receipt_fields,
)
from consent_registry.repository import find_subject, read_history
from consent_registry.schemas import KIND_PREFIX
from consent_registry.service import decision_aad
from consent_registry.tables import DECISION
from gateway.cases.errors import UnknownCaseError
from gateway.cases.model import CaseIdentity, Role, Seal, Shield
from gateway.cases.repository import case_by_source_ref, person_in_case, strongest_shields
from gateway.cases.sealing import open_births
from gateway.consent.receipt_page import Page, render
from gateway.consent.receipt_words import receipt_catalogue
from gateway.disclosure_log.repository import database_now
from gateway.keyring import FamilyKeys, KeyErasedError
from gateway.settings import Settings
from gateway.wiring import Wiring

WHEREABOUTS_FIELDS: Final = frozenset(map(FieldName, ("address", "contact", "school")))
"""What tells where somebody is; for somebody shielded the categories that hold one of them stay off paper."""
WHEREABOUTS_KINDS: Final = frozenset({AgencyKind.CHILDRENS_CENTRES, AgencyKind.EDUCATION})
"""Kinds whose agencies are places where a child goes; for somebody shielded they stay off paper."""

_PERSON: Final = text(
    "SELECT p.role, p.risk_person, p.born, k.wrapped, c.seals FROM gateway.case_person p"
    " JOIN gateway.case_record c ON c.case_id = p.case_id"
    " LEFT JOIN gateway.person_key k ON k.family_id = p.family_id AND k.person_id = p.person_id"
    " WHERE p.case_id = :case AND p.person_id = :person"
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt, ready to be told.

    Attributes:
        fields: the machine-readable form.
    """

    fields: JsonObject
    _account: Account
    _page: Page

    def to_html(self, *, large_print: bool = False) -> bytes:
        """The receipt as a page to print."""
        return render(self._account, self._page, large_print=large_print).encode()

    def to_json(self) -> bytes:
        """The receipt as JSON with the fields of ISO/IEC TS 27560."""
        return json.dumps(self.fields, indent=2, ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class _Person:
    """Who the receipt is for, as far as the case says it."""

    person_id: UUID
    role: Role
    birthdays: Birthdays
    shielded: bool
    worker_unnamed: bool


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What of one sealed document a receipt needs."""

    shows_sensitive: bool = False
    worker: str | None = None


def receipt_of(wiring: Wiring, *, source_ref: str, person: str, decision_id: UUID | None = None) -> Receipt:
    """The receipt of one person of a case.

    Args:
        source_ref, person: as the council's system names them.
        decision_id: of one decision; absent: of what stands now.
    Raises: UnknownCaseError, also where there is no such decision or nothing of it is for paper.
    """
    with wiring.engine.connect() as connection:
        identity = case_by_source_ref(connection, keyring=wiring.keyring, source_ref=source_ref)
        if identity is None:
            raise UnknownCaseError("there is no such case")
        person_id = person_in_case(
            connection, keyring=wiring.keyring, family_id=identity.family_id, person_ref=person
        )
        if person_id is None:
            raise UnknownCaseError("there is no such person in the case")
        return _receipt_for(wiring, connection, identity, person_id, decision_id=decision_id)


def receipt_for(
    wiring: Wiring, identity: CaseIdentity, person_id: UUID, *, decision_id: UUID | None = None
) -> Receipt:
    """The receipt of one person of a case, both by our own ids; otherwise as ``receipt_of``."""
    with wiring.engine.connect() as connection:
        return _receipt_for(wiring, connection, identity, person_id, decision_id=decision_id)


def _receipt_for(
    wiring: Wiring,
    connection: Connection,
    identity: CaseIdentity,
    person_id: UUID,
    *,
    decision_id: UUID | None,
) -> Receipt:
    try:
        keys = wiring.keyring.family(connection, identity.family_id)
    except KeyErasedError as error:
        raise UnknownCaseError("the family was erased") from error
    found = _person(connection, identity, person_id, keys=keys, settings=wiring.settings)
    return _receipt(wiring, connection, identity, found, keys=keys, decision_id=decision_id)


def _receipt(
    wiring: Wiring,
    connection: Connection,
    identity: CaseIdentity,
    person: _Person,
    *,
    keys: FamilyKeys,
    decision_id: UUID | None,
) -> Receipt:
    subject = find_subject(connection, family_id=identity.family_id, person_id=person.person_id)
    history = [] if subject is None else read_history(connection, subject)
    agencies = {str(agency.code): agency for agency in all_agencies(connection)}
    asked_on = _asked_on(history, decision_id)
    shows = (
        subject is not None
        and asked_on is not None
        and is_own_wish(asked_on, subject_id=subject)
        and _sealed(connection, asked_on, subject=subject, keys=keys).shows_sensitive
    )
    off = off_paper(agencies, shielded=person.shielded, shows_sensitive=shows)
    catalogue = receipt_catalogue()
    if decision_id is None:
        account: Account | None = account_of_standing(
            history,
            now=database_now(connection),
            off=off,
            catalogue=catalogue,
            birthdays=person.birthdays,
        )
    else:
        account = account_of_decision(history, DecisionId(decision_id), off=off, catalogue=catalogue)
    if account is None:
        raise UnknownCaseError("there is nothing to tell of such a decision")
    fields = receipt_fields(
        account,
        owner=person.person_id,
        subject_id=subject,
        controller=wiring.settings.council_name,
        parties=_parties(connection, account, agencies),
        catalogue=catalogue,
    )
    worker = None
    if subject is not None and account.decision is not None and not person.worker_unnamed:
        worker = _sealed(connection, account.decision, subject=subject, keys=keys).worker
    page = Page(
        council=wiring.settings.council_name,
        agencies=agencies,
        of_child=person.role is Role.CHILD,
        stands=decision_id is None,
        worker=worker,
        until_age=SIXTEEN if wiring.settings.lapse_at_sixteen else EIGHTEEN,
        number=str(fields["receipt_id"]),
    )
    return Receipt(fields, account, page)


def off_paper(agencies: Mapping[str, Agency], *, shielded: bool, shows_sensitive: bool) -> OffPaper:
    """What stays off a receipt.

    Args:
        agencies: every agency there is, by code.
        shielded: the person's whereabouts are protected.
        shows_sensitive: the person asked for everything; what no consent covers is still not told.
    """
    outside = frozenset({ALWAYS_RELEASED, *OUTSIDE_CONSENT})
    if shows_sensitive:
        return OffPaper(fields=outside)
    kinds, fields, categories = {AgencyKind.REFUGE}, {*outside, *NAMED_ONLY}, set[str]()
    if shielded:
        kinds |= WHEREABOUTS_KINDS
        categories = {str(FIELDS[name].category) for name in WHEREABOUTS_FIELDS}
        fields |= {name for category in categories for name in CATEGORIES[category]}
    codes = {code for code, agency in agencies.items() if agency.kind in kinds}
    return OffPaper(
        frozenset({*codes, *(f"{KIND_PREFIX}{kind}" for kind in kinds)}),
        frozenset(categories),
        frozenset(fields),
    )


def _asked_on(history: list[ConsentDecision], decision_id: UUID | None) -> ConsentDecision | None:
    """The decision on which the person may have asked for everything: the one told of, else the newest."""
    if decision_id is None:
        return history[-1] if history else None
    return next((each for each in history if each.decision_id == decision_id), None)


def _person(
    connection: Connection, identity: CaseIdentity, person_id: UUID, *, keys: FamilyKeys, settings: Settings
) -> _Person:
    """Who somebody is in the case.

    Raises: UnknownCaseError, they are not in it, or nobody to be written to.
    """
    row = connection.execute(_PERSON, {"case": identity.case_id, "person": person_id}).one_or_none()
    if row is None or row.risk_person:
        raise UnknownCaseError("there is nobody of the case to be told")
    birthdays = UNKNOWN_BIRTHDAYS
    if row.born is not None and row.wrapped is not None:
        born = open_births(keys, {person_id: row.wrapped}, {person_id: row.born})
        birthdays = birthdays_of(born[person_id], lapse_at_sixteen=settings.lapse_at_sixteen)
    shield = strongest_shields(connection, [person_id])[person_id]
    shielded = shield is not Shield.NONE
    restricted = Seal.PARTY_RESTRICTION in row.seals
    return _Person(person_id, Role(row.role), birthdays, shielded, shielded or restricted)


def _sealed(
    connection: Connection, decision: ConsentDecision, *, subject: SubjectId, keys: FamilyKeys
) -> _Sealed:
    """What the document of a decision says of its receipt; of a document in any other form: nothing."""
    sealed = connection.execute(
        select(DECISION.c.sealed).where(DECISION.c.decision_id == decision.decision_id)
    ).scalar_one()
    document = json.loads(unseal(keys.data_key, sealed, aad=decision_aad(subject, decision.decision_id)))
    received = _member(document, "received")
    wish = _member(_member(received, "evidence"), "receipt")
    worker = received.get("recorded_by") if document.get("recorded_by_verified") is True else None
    return _Sealed(
        shows_sensitive=wish.get("shows_sensitive") is True and received.get("alone_and_safe") == "yes",
        worker=worker if isinstance(worker, str) else None,
    )


def _member(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside another; an empty one for anything else."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _parties(connection: Connection, account: Account, agencies: Mapping[str, Agency]) -> list[Party]:
    """The agencies of an account, with the legal basis that the profile shown to the person states."""
    decision = account.decision
    if decision is None:
        return []
    named = {code for share in account.shares for code in share.agencies} | decision.scope.exclude
    parties = []
    for code in sorted(named & agencies.keys()):
        version = decision.profiles_shown.get(code)
        document = (
            None if version is None else profile_document(connection, AgencyCode(code), version=version)
        )
        try:
            profile = None if document is None else parse_profile(document)
        except ProfileError:  # written by another version of the program: the receipt leaves the basis out
            profile = None
        basis = ("", "") if profile is None else (profile.article6, profile.article9)
        parties.append(Party(code, agencies[code].name, *basis))
    return parties
