"""A small council on the real parts: agencies, families, decisions, a panel, all through their own services."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from agencies.model import AgencyCode, AgencyKind, Purpose, Stage
from agencies.register import Practitioner, PractitionerPolicy
from certs.jwk import new_es256_key, public_part
from consent_registry.birthdays import SIXTEEN, birthday
from gateway.agency import service as agency_service
from gateway.agency.application import Application, ClientApplication
from gateway.agency.onboarding import onboard
from gateway.caller import Caller, PractitionerClaim
from gateway.cases.repository import case_by_source_ref, person_in_case, today
from gateway.cases.service import Outcome as Imported
from gateway.consent.service import decide, standing_version
from gateway.disclosure_log.service import act
from gateway.oauth.model import Scope
from gateway.panel.service import import_panel_file
from gateway.recall.service import import_cases
from gateway.release.model import Outcome, ReleaseRequest
from gateway.release.service import release
from gateway.release.sign_off import cuts_now
from gateway.staff.repository import ensure_member
from gateway.wiring import Wiring

STAFF = "test.caseworker"
ALL_CATEGORIES = [
    "name",
    "birth",
    "address",
    "contact",
    "ethnicity",
    "nhs_number",
    "pupil_number",
    "relationships",
    "health",
    "financial",
    "history",
    "assessments",
    "needs",
    "services",
]
NAMED_FIELDS = ["risk_person", "sensitive_services", "domestic_abuse", "offences", "immigration"]


@dataclass(frozen=True, slots=True)
class Member:
    """One agency of the world with its registered client and its key."""

    code: str
    kind: AgencyKind
    client_id: str
    key: Mapping[str, str]

    @property
    def practitioner(self) -> str:
        return f"{self.code}-1"


class World:
    """Makes and changes a council through the services that a real one uses."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.members: dict[str, Member] = {}
        self.families: dict[str, Mapping[str, Any]] = {}
        with wiring.engine.begin() as connection:
            self.today: date = today(connection)
            ensure_member(connection, username=STAFF, roles=["caseworker"])

    def join(
        self,
        code: str,
        kind: AgencyKind | None = None,
        *,
        policy: PractitionerPolicy = PractitionerPolicy.REGISTERED,
    ) -> Member:
        """Bring in an active agency of this kind (by default the kind of its code) with one client."""
        agency, chosen = AgencyCode(code), kind or AgencyKind(code)
        key = new_es256_key()
        application = Application(
            code=agency,
            kind=chosen,
            name=f"The {code}",
            agreement=f"DSA-{code}",
            assessment="DPIA-1",
            review_on=self.today + timedelta(days=365),
            valid_from=self.today - timedelta(days=1),
            valid_until=self.today + timedelta(days=365),
            policy=policy,
            practitioners=(
                Practitioner(
                    f"{code}-1", "Test Worker", "worker", active_from=self.today - timedelta(days=1)
                ),
            ),
            client=ClientApplication(
                (
                    Scope.CONSENT_REPORT_WITHDRAWAL,
                    Scope.EXTRACT_READ,
                    Scope.LOG_READ,
                    Scope.PANEL_READ,
                    Scope.RECALL_WRITE,
                ),
                keys=(public_part(key),),
            ),
        )
        onboarded = onboard(self.wiring, application, now=datetime.now(UTC), actor="test")
        client_id = onboarded.client_id or ""
        agency_service.activate_synthetic(self.wiring, code=agency, actor="test")
        self.members[code] = Member(code, chosen, client_id, key)
        return self.members[code]

    def import_families(self, *families: Mapping[str, Any]) -> None:
        """Import families; a refused one is a fault of the test."""
        data = json.dumps({"format": 1, "families": list(families)}).encode()
        report = import_cases(self.wiring, data, actor="test")
        faults = [row for row in report.rows if row.outcome is Imported.REFUSED]
        assert not faults, faults
        self.families |= {family["source_ref"]: family for family in families}

    def decide(self, source_ref: str, person: str, act_name: str, **more: Any) -> None:
        """Record one decision through the consent service."""
        document = {
            "decision_id": str(uuid4()),
            "source_ref": source_ref,
            "person": person,
            "act": act_name,
            "recorded_by": STAFF,
            **more,
        }
        version = standing_version(self.wiring, source_ref=source_ref, person=person)
        decide(self.wiring, document, actor="test", expected=version)

    def give(self, source_ref: str, person: str, **changes: Any) -> None:
        """Let one person say yes, see ``yes``."""
        self.decide(source_ref, person, "give", **self.yes(source_ref, person, **changes))

    def yes(self, source_ref: str, person: str, **changes: Any) -> dict[str, Any]:
        """What a yes says beside who decides: to everyone, everything and the served purposes unless changed.

        An adult speaks for themself, a child's first adult for the child.
        """
        return {
            **self.spoken_for(source_ref, person),
            "agencies": ["all"],
            "exclude": [],
            "categories": ALL_CATEGORIES,
            "fields": NAMED_FIELDS,
            "purposes": ["P1", "P2", "P3"],
            "method": "signed_form",
            "alone_and_safe": "yes",
            "notice": {"id": "early-help", "version": "1", "language": self.language(source_ref, person)},
            "profiles_shown": self.shown(),
            **changes,
        }

    def spoken_for(self, source_ref: str, person: str) -> dict[str, Any]:
        """Who answers for a person of an imported family, with the evidence it takes."""
        family = self.families[source_ref]
        roles = {each["id"]: each["role"] for each in family["people"]}
        births = [
            date.fromisoformat(each["value"]["date"])
            for each in family["items"]
            if each["field"] == "child_dob" and each["about"] == [person]
        ]
        decides = births and birthday(births[0], SIXTEEN) <= self.today
        if roles[person] != "child" or decides:
            return {"given_by": {"person": person, "capacity": "self"}}
        return by_parent(next(each for each, role in roles.items() if role == "adult"))

    def language(self, source_ref: str, person: str) -> str:
        """The language of whoever answers for a person, as the record has it."""
        speaker = self.spoken_for(source_ref, person)["given_by"]["person"]
        spoken = [
            str(each["value"]["language"])
            for each in self.families[source_ref]["items"]
            if each["field"] == "language" and speaker in each["about"]
        ]
        return spoken[-1] if spoken else "en"

    def shown(self) -> dict[str, int]:
        """The newest profile version of every agency there is, as it is shown to a family."""
        with self.wiring.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT agency_code, max(version) AS newest FROM agencies.profile_version GROUP BY 1")
            )
            return {row.agency_code: row.newest for row in rows}

    def expire(self, source_ref: str, person: str) -> None:
        """Let what one person agreed be over since yesterday, as if it had been recorded long ago."""
        family, person_id = self.family_id(source_ref), self.person_id(source_ref, person)
        ends = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        with act(self.wiring, families=(family,)) as change:
            change.connection.execute(
                text(
                    "UPDATE consent_registry.standing s"
                    " SET body = jsonb_set(s.body, '{given,valid_until}', to_jsonb(CAST(:ends AS text)))"
                    " FROM consent_registry.subject u WHERE u.subject_id = s.subject_id"
                    " AND u.family_id = :family AND u.person_id = :person"
                ),
                {"ends": ends, "family": family, "person": person_id},
            )
            change.record(kind="consent.give", actor="test", family_id=family)

    def withdraw(self, source_ref: str, person: str, **more: Any) -> None:
        """Let one person withdraw, from everything unless narrowed."""
        self.decide(source_ref, person, "withdraw", **more)

    def list_cases(self, *source_refs: str, members: Sequence[str] | None = None, ref: str = "M-1") -> None:
        """Put cases on the agenda of a meeting held in three days."""
        file = {
            "format": 1,
            "meetings": [
                {
                    "ref": ref,
                    "title": "Test panel",
                    "held_on": (self.today + timedelta(days=3)).isoformat(),
                    "members": list(self.members if members is None else members),
                    "agenda": list(source_refs),
                }
            ],
            "offers": [],
        }
        import_panel_file(self.wiring, json.dumps(file).encode(), actor="test")

    def accept_offer(self, source_ref: str, agency: str, *, ended_on: date | None = None) -> None:
        """Record that the family accepted this agency's offer."""
        row = {
            "ref": str(uuid4()),
            "source_ref": source_ref,
            "agency": agency,
            "service": "support",
            "accepted_on": self.today.isoformat(),
            **({"ended_on": ended_on.isoformat()} if ended_on else {}),
        }
        import_panel_file(
            self.wiring, json.dumps({"format": 1, "meetings": [], "offers": [row]}).encode(), actor="test"
        )

    def sign_off(
        self,
        source_ref: str,
        *agencies: str,
        stages: Sequence[str] = ("panel", "service"),
        with_cuts: bool = False,
    ) -> None:
        """Let the free text go of what agencies (all, if none is named) are told of a case as it stands.

        Args:
            with_cuts: keep where it is cut, as signing on the page does; else each release looks for itself.
        """
        identity, family = self._identity(source_ref), self.family_id(source_ref)
        with act(self.wiring, families=(family,)) as change:
            for agency in agencies or self.members:
                for stage in stages:
                    cuts = None
                    if with_cuts:
                        cuts = cuts_now(
                            self.wiring,
                            change.connection,
                            identity,
                            agency=AgencyCode(agency),
                            stage=Stage(stage),
                        )
                    change.connection.execute(
                        text(
                            "INSERT INTO gateway.pack_sign_off (case_id, family_id, case_version, agency_code,"
                            " profile_version, stage, signed_by, signed_at, read_back, cuts_sealed)"
                            " SELECT c.case_id, c.family_id, c.version, e.agency_code, e.version, :stage, 'test',"
                            " now(), true, :cuts FROM gateway.case_record c, agencies.effective_profile e"
                            " WHERE c.family_id = :family AND e.agency_code = :agency ON CONFLICT DO NOTHING"
                        ),
                        {"family": family, "agency": agency, "stage": stage, "cuts": cuts},
                    )
            change.record(kind="pack.sign_off", actor="test", family_id=family)

    def family_id(self, source_ref: str) -> UUID:
        family: UUID = self._identity(source_ref).family_id
        return family

    def person_id(self, source_ref: str, person: str) -> UUID:
        with self.wiring.engine.connect() as connection:
            found = person_in_case(
                connection,
                keyring=self.wiring.keyring,
                family_id=self.family_id(source_ref),
                person_ref=person,
            )
        assert found is not None
        return found

    def case_ref(self, agency: str, source_ref: str) -> UUID:
        """The reference by which one agency knows a case."""
        return self._ref(agency, self._identity(source_ref).case_id)

    def person_ref(self, agency: str, source_ref: str, person: str) -> UUID:
        """The id by which one agency knows a person."""
        return self._ref(agency, self.person_id(source_ref, person))

    def caller(self, agency: str, *, purpose: str = "P1", practitioner: str | None = None) -> Caller:
        """The caller that a valid token of this agency makes."""
        member = self.members[agency]
        claim = PractitionerClaim(practitioner or member.practitioner, verified=True)
        return Caller(
            member.client_id, AgencyCode(agency), frozenset({"extract:read"}), Purpose(purpose), claim
        )

    def release(self, agency: str, source_ref: str, *, purpose: str = "P1") -> Outcome:
        """Ask for one extract through the release path."""
        request = ReleaseRequest(self.caller(agency, purpose=purpose), self.case_ref(agency, source_ref))
        (outcome,) = release(self.wiring, [request])
        return outcome

    def _identity(self, source_ref: str) -> Any:
        with self.wiring.engine.connect() as connection:
            found = case_by_source_ref(connection, keyring=self.wiring.keyring, source_ref=source_ref)
        assert found is not None
        return found

    def _ref(self, agency: str, thing: UUID) -> UUID:
        with self.wiring.engine.connect() as connection:
            ref: UUID = connection.execute(
                text("SELECT ref FROM gateway.pairwise WHERE agency_code = :a AND thing_id = :t"),
                {"a": agency, "t": thing},
            ).scalar_one()
        return ref


def by_parent(parent: str) -> dict[str, Any]:
    """A holder of parental responsibility who agrees, and what was seen of it."""
    return {
        "given_by": {"person": parent, "capacity": "parental_responsibility"},
        "evidence": {"parental_responsibility": {"basis": "birth_mother", "seen": "birth certificate"}},
    }


def item(field: str, about: list[str], value: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """One item of an import file with ordinary surroundings."""
    return {
        "field": field,
        "about": about,
        "source_agency": "early-help",
        "as_of": "2026-10-01",
        "kind": "fact",
        "value": dict(value),
        **more,
    }


def small_family(source_ref: str) -> dict[str, Any]:
    """A mother and her two children, with enough of a record that every agency has something to see."""
    mum, ada, ben = (f"{source_ref}-{who}" for who in ("mum", "ada", "ben"))
    return {
        "source_ref": source_ref,
        "threshold_level": 2,
        "status": "open",
        "seals": [],
        "people": [
            {"id": mum, "role": "adult"},
            {"id": ada, "role": "child"},
            {"id": ben, "role": "child"},
        ],
        "workers": [{"id": "early-help-1", "from": "2026-01-01"}],
        "items": [
            item("adult_name", [mum], {"type": "legal", "given": "Mary", "family": "Shelleyname"}),
            item("child_name", [ada], {"type": "legal", "given": "Adagiven", "family": "Shelleyname"}),
            item("child_name", [ben], {"type": "legal", "given": "Bengiven", "family": "Shelleyname"}),
            item("child_dob", [ada], {"date": "2015-04-09", "certainty": "exact"}),
            item("child_dob", [ben], {"date": "2019-02-28", "certainty": "exact"}),
            item("address", [mum], {"lines": ["1 Canary Road"], "postcode": "SE6 4RU", "ward": "E05013700"}),
            item("help_wanted", [mum, ada], {"needs": ["routines"], "summary": "Calmer mornings."}),
        ],
    }


def household(world: World, source_ref: str, *, listed: bool = True) -> None:
    """Import a small family whose three people say yes, and list it."""
    family = small_family(source_ref)
    world.import_families(family)
    for person in family["people"]:
        world.give(source_ref, person["id"])
    if listed:
        world.list_cases(source_ref, ref=f"M-{source_ref}")
