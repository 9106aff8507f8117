"""Many families out of few: the same people again under ids and keys of their own.

A copy is stored by the functions that an import and a consent use, many families in one act; it decided once. Nothing sealed is
taken over: every part, day of birth and decision is sealed again under the copy's keys.

INVARIANT: no two families share a key, an id, or a reference.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert

from agencies.model import AgencyCode, Level, Stage
from bench.histories import ACTOR, keep
from certs.blind_index import blind_index
from certs.envelope import new_key
from consent_registry import repository as consents
from consent_registry.model import ConsentDecision, DecisionId, SubjectId
from consent_registry.service import Sealing
from consent_registry.standing import fold
from consent_registry.tables import SUBJECT
from gateway.cases import repository
from gateway.cases.model import CaseDocument, CaseIdentity
from gateway.cases.schemas import read_family
from gateway.cases.sealing import seal_born, seal_parts, seal_person_key
from gateway.disclosure_log.service import Change, act
from gateway.release.decision import item_level
from gateway.release.model import Permit
from gateway.release.sign_off import shown_when_signed
from gateway.release.signed_cuts import Places, basis_of, places_of, seal_cuts
from gateway.strict_json import JsonValue
from gateway.wiring import Wiring

_LIST = text(
    "INSERT INTO gateway.agenda_item (meeting_id, case_id, family_id)"
    " SELECT meeting_id, :case, :family FROM gateway.panel_meeting WHERE source_ref = :meeting"
)
_SIGN_OFF = text(
    "INSERT INTO gateway.pack_sign_off (case_id, family_id, case_version, agency_code, profile_version, stage,"
    " signed_by, signed_at, read_back, cuts_sealed) SELECT :case, :family, 1, e.agency_code, e.version, 'panel', :actor,"
    " now(), true, u.cuts FROM unnest(CAST(:agencies AS text[]), CAST(:cuts AS bytea[])) AS u(agency_code, cuts)"
    " JOIN agencies.effective_profile e USING (agency_code)"
)


@dataclass(frozen=True, slots=True)
class Signed:
    """What one recipient is told of a template's free text.

    Attributes:
        items: by whom they are about, the level of each item of such a part and where its texts are cut, in their order.
    """

    permit: Permit
    items: Mapping[frozenset[str], Sequence[tuple[Level, tuple[Places, ...]]]]


@dataclass(frozen=True, slots=True)
class Template:
    """A family that was imported, agreed and was signed off.

    Attributes:
        consents: what each decided, by the council's id of the person.
        subjects: the person of each random id under which decisions are kept.
        signed: by agency, who of it reads what.
    """

    document: CaseDocument
    consents: Mapping[str, ConsentDecision]
    subjects: Mapping[SubjectId, str]
    signed: Mapping[AgencyCode, Sequence[Signed]]


def read_template(
    wiring: Wiring, raw: JsonValue, *, family_id: UUID, today: date, agencies: Collection[AgencyCode]
) -> Template:
    """Read what was agreed of an imported family and signed off, to be told of its copies."""
    document = read_family(raw, today=today, synthetic=True)
    said: dict[str, ConsentDecision] = {}
    subjects: dict[SubjectId, str] = {}
    people: dict[str, str] = {}
    with wiring.engine.connect() as connection:
        for person in document.people:
            person_id = repository.person_in_case(
                connection, keyring=wiring.keyring, family_id=family_id, person_ref=person.id
            )
            if person_id is None:
                continue
            people[str(person_id)] = person.id
            subject = consents.find_subject(connection, family_id=family_id, person_id=person_id)
            history = () if subject is None else consents.read_history(connection, subject)
            if subject is not None and history:
                said[person.id] = history[-1]
                subjects[subject] = person.id
        identity = repository.case_by_source_ref(
            connection, keyring=wiring.keyring, source_ref=document.source_ref
        )
        if identity is None:
            raise LookupError("the template was not imported")
        signed = {agency: [*_signed(wiring, connection, identity, agency, people)] for agency in agencies}
    return Template(document, said, subjects, signed)


def _signed(
    wiring: Wiring,
    connection: Connection,
    identity: CaseIdentity,
    agency: AgencyCode,
    people: Mapping[str, str],
) -> Iterator[Signed]:
    for shown in shown_when_signed(wiring, connection, identity, agency=agency, stage=Stage.PANEL):
        permit = shown.decision
        if not isinstance(permit, Permit) or permit.shielded:
            continue
        cuts: dict[int, list[Places]] = {}
        for redacted, places in zip(shown.told.redacted, places_of(shown.told), strict=True):
            cuts.setdefault(id(redacted.item), []).append(places)
        items: dict[frozenset[str], list[tuple[Level, tuple[Places, ...]]]] = {}
        for item in shown.items:
            told = item_level(permit, item), tuple(cuts.get(id(item), ()))
            items.setdefault(frozenset(people[each] for each in item.about), []).append(told)
        yield Signed(permit, items)


def copy_families(wiring: Wiring, templates: list[tuple[int, Template]], *, meeting: str) -> None:
    """Store one copy of each template, listed and signed off, all in one act.

    Args:
        templates: with the number that tells a copy from every other.
        meeting: the council's id of the meeting on whose agenda they come.
    """
    copies = [(number, each, CaseIdentity(uuid4(), uuid4())) for number, each in templates]
    with act(wiring, families=[identity.family_id for _, _, identity in copies]) as change:
        index_key = wiring.keyring.index_key(change.connection)
        for number, template, identity in copies:
            renamed = _renamed(template, number)
            cuts = _store(wiring, change, identity, renamed, index_key=index_key)
            case = {"case": identity.case_id, "family": identity.family_id}
            change.connection.execute(_LIST, {**case, "meeting": meeting})
            signed = {"actor": ACTOR, "agencies": [*cuts], "cuts": [*cuts.values()]}
            change.connection.execute(_SIGN_OFF, {**case, **signed})
            change.record(
                kind="case.import",
                family_id=identity.family_id,
                actor=ACTOR,
                internal={"case_id": str(identity.case_id), "version": 1},
            )


def _renamed(template: Template, number: int) -> Template:
    """The same family under references that nobody else has."""
    names = {each.id: f"{each.id}-c{number}" for each in template.document.people}
    document = replace(
        template.document,
        source_ref=f"{template.document.source_ref}-c{number}",
        people=tuple(replace(each, id=names[each.id]) for each in template.document.people),
        items=tuple(
            replace(
                item,
                about=tuple(names[each] for each in item.about),
                value={
                    name: names.get(value, value) if isinstance(value, str) else value
                    for name, value in item.value.items()
                },
                protects=None if item.protects is None else names[item.protects],
            )
            for item in template.document.items
        ),
    )
    return Template(
        document,
        {names[person]: consent for person, consent in template.consents.items()},
        {subject: names[person] for subject, person in template.subjects.items()},
        {
            agency: [
                replace(
                    each,
                    items={
                        frozenset(names[one] for one in about): said for about, said in each.items.items()
                    },
                )
                for each in signed
            ]
            for agency, signed in template.signed.items()
        },
    )


def _store(
    wiring: Wiring, change: Change, identity: CaseIdentity, template: Template, *, index_key: bytes
) -> dict[AgencyCode, bytes | None]:
    """Store a copy with what was agreed; return by agency where its free text is cut, sealed."""
    connection, document = change.connection, template.document
    token = blind_index(index_key, kind=repository.SOURCE_REF, value=document.source_ref)
    people = {
        each.id: blind_index(index_key, kind=repository.PERSON_REF, value=each.id) for each in document.people
    }
    ids = repository.ensure_people(connection, people)
    family = wiring.keyring.create_family(connection, identity.family_id)
    repository.add_case(connection, identity, source_ref_index=token, document=document)
    keys = {person: new_key() for person in ids.values()}
    repository.add_person_keys(
        connection,
        identity.family_id,
        {person: seal_person_key(family, person, key) for person, key in keys.items()},
    )
    births = {
        ids[item.about[0]]: date.fromisoformat(str(item.value["date"]))
        for item in document.items
        if item.field in {"child_dob", "adult_dob"} and item.about
    }
    repository.add_members(
        connection,
        identity,
        document=document,
        ids=ids,
        shields={ids[each.id]: each.shield for each in document.people},
        births={person: seal_born(family, person, keys[person], born=day) for person, day in births.items()},
    )
    parts = seal_parts(document.items, case_id=identity.case_id, version=1, ids=ids, family=family, keys=keys)
    repository.add_parts(connection, identity.family_id, parts)
    repository.mint_for_case(connection, identity, ids.values())
    _agree(connection, identity.family_id, template, ids, sealing=Sealing.under(family.data_key))
    people_of = {person: name for name, person in ids.items()}
    found: dict[AgencyCode, bytes | None] = {}
    for agency, signed in template.signed.items():
        cuts: dict[str, tuple[Places, ...]] = {}
        for each in signed:
            ordered = sorted(parts, key=lambda part: part.part_id)
            items = [
                said
                for part in ordered
                for said in each.items[frozenset(people_of[one] for one in part.about)]
            ]
            basis = basis_of(each.permit, [level for level, _ in items], parts=ordered)
            cuts[basis] = tuple(places for _, texts in items for places in texts)
        found[agency] = seal_cuts(cuts, family, agency=agency, stage=Stage.PANEL) if cuts else None
    return found


def _agree(
    connection: Connection, family_id: UUID, template: Template, ids: Mapping[str, UUID], *, sealing: Sealing
) -> None:
    subjects = {person: SubjectId(uuid4()) for person in template.consents}
    if not subjects:
        return
    connection.execute(
        insert(SUBJECT),
        [
            {"subject_id": subject, "family_id": family_id, "person_id": ids[person]}
            for person, subject in subjects.items()
        ],
    )
    for person, said in template.consents.items():
        subject = subjects[person]
        spoken = None if said.speaker is None else subjects.get(template.subjects.get(said.speaker, ""))
        decision = replace(said, decision_id=DecisionId(uuid4()), speaker=spoken)
        keep(connection, decision, subject, sealing=sealing)
        consents.write_standing(
            connection, subject_id=subject, family_id=family_id, version=1, standing=fold([decision])
        )
