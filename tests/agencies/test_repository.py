"""The register of agencies over a real PostgreSQL, as the app role."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import sqlalchemy
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from agencies import repository, service
from agencies.errors import (
    OnboardingError,
    ProfileError,
    ProfileVersionError,
    SecondPersonError,
    UnknownAgencyError,
)
from agencies.model import AgencyCode, AgencyKind, Profile
from agencies.profile_text import format_profile, parse_profile, template, template_text
from agencies.register import Agency, AgencyState, Agreement, Practitioner, PractitionerPolicy
from agencies.tables import METADATA
from gateway.database import open_engine
from tests.support.throwaway import Database

CODE = AgencyCode("camhs-north")
NOW = datetime(2026, 10, 1, 9, tzinfo=UTC)


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    made = open_engine(database.app_url, pool_size=2)
    yield made
    made.dispose()


@contextmanager
def moving(engine: Engine, *codes: str) -> Iterator[Connection]:
    """One transaction with the gates of these agencies moved, as an act would."""
    with engine.begin() as connection:
        connection.execute(
            text("SELECT gateway.move_gates('{}', CAST(:codes AS text[]))"), {"codes": list(codes)}
        )
        yield connection


def onboard(connection: Connection, code: str = CODE, **changes: object) -> Profile:
    asked: dict[str, object] = {
        "code": code,
        "kind": AgencyKind.CAMHS,
        "name": "CAMHS North",
        "agreement": "DSA-7",
        "assessment": "DPIA-3",
        "review_on": date(2027, 9, 1),
        "valid_from": date(2026, 9, 1),
        "valid_until": date(2027, 9, 1),
        "practitioner_policy": PractitionerPolicy.REGISTERED,
        "practitioners": [
            Practitioner("nurse.one", "Nurse One", "nurse", date(2026, 9, 1)),
            Practitioner("nurse.two", "Nurse Two", "nurse", date(2026, 1, 1), date(2026, 9, 1)),
        ],
    }
    return service.onboard(connection, **{**asked, **changes})  # type: ignore[arg-type]


def test_a_new_agency_is_proposed_and_receives_nothing(engine: Engine) -> None:
    """Onboarding prepares; somebody else approves."""
    with moving(engine, CODE) as connection:
        onboard(connection)
    with engine.connect() as connection:
        expected = Agency(
            CODE, AgencyKind.CAMHS, "CAMHS North", PractitionerPolicy.REGISTERED, AgencyState.PROPOSED
        )
        assert expected == repository.agency(connection, CODE)
        assert () == repository.active_agencies(connection)
        assert None is repository.effective_profile(connection, CODE)
        assert 1 == repository.latest_version(connection, CODE)


def test_version_1_is_the_kinds_template_in_the_agencys_name(engine: Engine) -> None:
    """Only an agency's own version releases, so it carries its own agreement, assessment and review date."""
    with moving(engine, CODE) as connection:
        profile = onboard(connection)
    expected = replace(
        template(AgencyKind.CAMHS),
        agency=CODE,
        version=1,
        agreement="DSA-7",
        assessment="DPIA-3",
        review_on=date(2027, 9, 1),
    )
    assert expected == profile
    with engine.connect() as connection:
        assert expected == parse_profile(service.export_profile(connection, CODE) or "")
        agreement = Agreement("DSA-7", "DPIA-3", date(2026, 9, 1), date(2027, 9, 1))
        assert (agreement,) == repository.agreements(connection, CODE)


@pytest.mark.parametrize("kind", AgencyKind)
def test_an_agency_of_every_kind_can_be_onboarded(engine: Engine, kind: AgencyKind) -> None:
    """A template that does not load would leave a kind of agency outside."""
    with moving(engine, "one") as connection:
        assert kind is onboard(connection, "one", kind=kind).based_on_kind


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"code": "Camhs"}, "A code is", id="a code with a capital"),
        pytest.param({"code": "c"}, "A code is", id="a code too short"),
        pytest.param({"code": "camhs-"}, "A code is", id="a code with a hyphen at its end"),
        pytest.param({"code": "all"}, "A code is", id="the word for every agency"),
        pytest.param({"name": " "}, "has a name", id="no name"),
        pytest.param({"agreement": ""}, "its agreement", id="no agreement"),
        pytest.param({"assessment": "a\nb"}, "its impact assessment", id="an assessment of two lines"),
        pytest.param({"valid_until": date(2026, 9, 1)}, "must end after", id="an agreement of no day"),
        pytest.param(
            {"practitioners": [Practitioner("a b", "A", "r", NOW.date())]},
            "practitioner's id",
            id="an odd id",
        ),
        pytest.param(
            {"practitioners": [Practitioner("a", "A", "r", NOW.date())] * 2}, "same id", id="an id twice"
        ),
    ],
)
def test_an_incomplete_onboarding_stores_nothing(
    engine: Engine, changes: dict[str, object], sentence: str
) -> None:
    """An agency without agreement or assessment has no lawful basis to receive anything."""
    with moving(engine, CODE) as connection:
        with pytest.raises(OnboardingError, match=sentence):
            onboard(connection, **changes)  # type: ignore[arg-type]
        assert () == repository.all_agencies(connection)


def test_a_code_is_used_once(engine: Engine) -> None:
    """An existing agency's agreement and profile are not replaced by onboarding again."""
    with moving(engine, CODE) as connection:
        onboard(connection)
        with pytest.raises(OnboardingError, match="exists already"):
            onboard(connection)


def test_synthetic_activation_makes_version_1_release(engine: Engine) -> None:
    """The demo and the tests have no second person."""
    with moving(engine, CODE) as connection:
        profile = onboard(connection)
        service.activate_synthetic(connection, code=CODE, synthetic=True)
    with engine.connect() as connection:
        assert profile == repository.effective_profile(connection, CODE)
        assert [CODE] == [one.code for one in repository.active_agencies(connection)]


def test_real_data_never_skips_the_second_person(engine: Engine) -> None:
    """One person alone must not be able to open a new channel out of the council."""
    with moving(engine, CODE) as connection:
        onboard(connection)
        with pytest.raises(SecondPersonError):
            service.activate_synthetic(connection, code=CODE, synthetic=False)
        assert None is repository.effective_profile(connection, CODE)
        assert () == repository.active_agencies(connection)


def test_activation_does_not_lift_a_suspension(engine: Engine) -> None:
    """Suspending closes; the demo's shortcut must not reopen it."""
    with moving(engine, CODE) as connection:
        onboard(connection)
        assert repository.set_state(connection, CODE, state=AgencyState.SUSPENDED)
        with pytest.raises(OnboardingError, match="Only a proposed agency"):
            service.activate_synthetic(connection, code=CODE, synthetic=True)


def test_activating_an_unknown_agency_is_refused(engine: Engine) -> None:
    with moving(engine, CODE) as connection, pytest.raises(UnknownAgencyError):
        service.activate_synthetic(connection, code=CODE, synthetic=True)


def test_a_profile_comes_back_byte_for_byte(engine: Engine) -> None:
    """What the data protection officer read and approved is what is stored: line ends and comments too."""
    with moving(engine, CODE) as connection:
        onboard(connection)
        exported = service.export_profile(connection, CODE)
        assert exported is not None
        edited = "# reviewed\r\n" + exported.replace("version = 1\n", "version = 2\r\n", 1)
        stored = repository.add_profile_version(connection, document=edited)
        assert edited == service.export_profile(connection, CODE, version=2)
        assert edited == service.export_profile(connection, CODE)
        assert hashlib.sha256(edited.encode()).digest() == stored.sha256
        assert exported == service.export_profile(connection, CODE, version=1)


def test_a_new_version_is_not_effective(engine: Engine) -> None:
    """Importing proposes; what releases stays what was approved, and is what export gives."""
    with moving(engine, CODE) as connection:
        first = onboard(connection)
        service.activate_synthetic(connection, code=CODE, synthetic=True)
        repository.add_profile_version(connection, document=format_profile(replace(first, version=2)))
        assert first == repository.effective_profile(connection, CODE)
        assert format_profile(first) == service.export_profile(connection, CODE)
        repository.make_effective(connection, CODE, version=2, now=NOW)
        assert 2 == repository.effective_version(connection, CODE)


@pytest.mark.parametrize("version", [1, 3])
def test_only_the_next_version_can_be_stored(engine: Engine, version: int) -> None:
    """A version is never replaced, and none is left out."""
    with moving(engine, CODE) as connection:
        first = onboard(connection)
        other = format_profile(replace(first, version=version, assessment="other"))
        with pytest.raises(ProfileVersionError, match="next profile version is 2"):
            repository.add_profile_version(connection, document=other)


def test_storing_the_same_text_again_changes_nothing(engine: Engine) -> None:
    """A replay is no fault."""
    with moving(engine, CODE) as connection:
        first = onboard(connection)
        assert not repository.add_profile_version(connection, document=format_profile(first)).added
        assert 1 == repository.latest_version(connection, CODE)


def test_a_text_that_cannot_be_enforced_is_never_stored(engine: Engine) -> None:
    """A row the gateway does not understand would otherwise be found out at release."""
    broken = template_text(AgencyKind.CAMHS).replace('when = "always"', 'when = "on_tuesdays"', 1)
    with moving(engine, CODE) as connection:
        onboard(connection)
        with pytest.raises(ProfileError, match="row 1"):
            repository.add_profile_version(connection, document=broken)


def test_a_profile_of_an_unknown_agency_is_refused(engine: Engine) -> None:
    """A kind's template is not an agency's version."""
    with moving(engine, "camhs") as connection, pytest.raises(UnknownAgencyError):
        repository.add_profile_version(connection, document=template_text(AgencyKind.CAMHS))


def test_an_unstored_version_cannot_become_effective(engine: Engine) -> None:
    with moving(engine, CODE) as connection:
        onboard(connection)
        with pytest.raises(UnknownAgencyError):
            repository.make_effective(connection, CODE, version=2, now=NOW)


@pytest.mark.parametrize(
    "verb", ["UPDATE agencies.profile_version SET version = 9", "DELETE FROM agencies.profile_version"]
)
def test_the_app_role_cannot_change_a_profile_version(engine: Engine, verb: str) -> None:
    """Immutable by grant, not by good behaviour."""
    with moving(engine, CODE) as connection:
        onboard(connection)
    with pytest.raises(ProgrammingError, match="permission denied"), moving(engine, CODE) as connection:
        connection.execute(text(verb))


def test_a_wrong_digest_is_refused_by_the_database(engine: Engine) -> None:
    """The digest in an entry must be that of the text that is stored."""
    with pytest.raises(IntegrityError, match="sha256"), moving(engine, CODE) as connection:
        onboard(connection)
        connection.execute(
            text("INSERT INTO agencies.profile_version VALUES (:code, 2, 'x', sha256('y'::bytea))"),
            {"code": CODE},
        )


def test_a_change_that_forgot_the_gate_is_refused(engine: Engine) -> None:
    """Without its gate moved, a release that was decided before could still leave."""
    with moving(engine, CODE) as connection:
        onboard(connection)
    with pytest.raises(DBAPIError, match="did not move its gate"), engine.begin() as connection:
        repository.set_state(connection, CODE, state=AgencyState.SUSPENDED)
    with engine.connect() as connection:
        found = repository.agency(connection, CODE)
        assert found is not None
        assert AgencyState.PROPOSED is found.state


def test_leavers_are_not_among_the_active(engine: Engine) -> None:
    """Half-open: who is active until a day is not active on it."""
    with moving(engine, CODE) as connection:
        onboard(connection)
        every = [one.id for one in repository.practitioners(connection, CODE)]
        before = repository.practitioners(connection, CODE, active_on=date(2026, 8, 31))
        after = repository.practitioners(connection, CODE, active_on=date(2026, 9, 1))
    assert ["nurse.one", "nurse.two"] == every
    assert ["nurse.two"] == [one.id for one in before]
    assert ["nurse.one"] == [one.id for one in after]


def test_a_practitioner_can_leave(engine: Engine) -> None:
    """Storing one of the same id replaces what was known."""
    left = Practitioner("nurse.one", "Nurse One", "nurse", date(2026, 9, 1), date(2026, 10, 1))
    with moving(engine, CODE) as connection:
        onboard(connection)
        repository.add_practitioner(connection, CODE, practitioner=left)
        assert () == repository.practitioners(connection, CODE, active_on=date(2026, 10, 1))


def test_the_state_of_an_unknown_agency_cannot_be_set(engine: Engine) -> None:
    with moving(engine, CODE) as connection, pytest.raises(UnknownAgencyError):
        repository.set_state(connection, CODE, state=AgencyState.SUSPENDED)


def test_the_tables_name_the_columns_that_the_migrations_made(engine: Engine) -> None:
    """The SQL is the contract; a column that only one side knows would fail at run time."""
    found = sqlalchemy.inspect(engine)
    for table in METADATA.sorted_tables:
        columns = {
            column["name"]: column["nullable"] for column in found.get_columns(table.name, schema="agencies")
        }
        assert columns == {column.name: column.nullable for column in table.columns}
