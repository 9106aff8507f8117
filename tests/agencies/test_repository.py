"""The register of agencies over a real PostgreSQL, as the app role."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from agencies import repository, service
from agencies.errors import (
    AttestationError,
    OnboardingError,
    PractitionerFileError,
    ProfileError,
    ProfileVersionError,
    SecondPersonError,
    UnknownAgencyError,
    UnknownPractitionerError,
)
from agencies.model import AgencyCode, AgencyKind, Profile
from agencies.practitioner_file import format_practitioners
from agencies.profile_text import format_profile, parse_profile, template, template_text
from agencies.register import (
    Agency,
    AgencyState,
    Agreement,
    Practitioner,
    PractitionerPolicy,
    RegisterChange,
)
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
        "attested_by": "test",
        "today": NOW.date(),
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
        pytest.param(
            {"practitioners": [Practitioner("a", "A\nB", "r", NOW.date())]},
            "name and role",
            id="a name of two lines",
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


ONE = Practitioner("nurse.one", "Nurse One", "nurse", date(2026, 9, 1))
TWO = Practitioner("nurse.two", "Nurse Two", "nurse", date(2026, 1, 1), date(2026, 9, 1))
NEW = Practitioner("nurse.new", "Nurse New", "nurse", date(2026, 9, 1))
LATER = Practitioner("nurse.later", "Nurse Later", "nurse", date(2026, 12, 1))
TODAY = NOW.date()


def stored(connection: Connection) -> dict[str, Practitioner]:
    return {one.id: one for one in repository.practitioners(connection, CODE)}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param([ONE, TWO], RegisterChange(0, 0, 0, 2), id="the same list"),
        pytest.param([TWO, ONE], RegisterChange(0, 0, 0, 2), id="the same in another order"),
        pytest.param([ONE], RegisterChange(0, 0, 0, 1), id="without who had left before"),
        pytest.param([ONE, NEW], RegisterChange(1, 0, 0, 1), id="one more"),
        pytest.param([NEW], RegisterChange(1, 0, 1, 0), id="another in place of one"),
        pytest.param([], RegisterChange(0, 0, 1, 0), id="nobody"),
        pytest.param([replace(ONE, role="lead")], RegisterChange(0, 1, 0, 0), id="another role"),
        pytest.param([replace(ONE, active_until=date(2026, 10, 2))], RegisterChange(0, 1, 0, 0), id="to end"),
        pytest.param([replace(ONE, active_until=TODAY)], RegisterChange(0, 0, 1, 0), id="ended by date"),
        pytest.param([ONE, replace(TWO, active_until=None)], RegisterChange(0, 1, 0, 1), id="one comes back"),
    ],
)
def test_a_list_is_the_whole_list(
    engine: Engine, listed: list[Practitioner], expected: RegisterChange
) -> None:
    """Afterwards exactly the people of the list may act, as it says; a second time it changes nothing."""
    with moving(engine, CODE) as connection:
        onboard(connection)
        assert expected == service.replace_register(connection, CODE, practitioners=listed, today=TODAY)
        current = service.current_practitioners(connection, CODE, today=TODAY)
        assert {one for one in listed if one.is_current(TODAY)} == set(current)
        assert {one.id: one for one in listed}.items() <= stored(connection).items()
        assert {"nurse.one", "nurse.two"} <= stored(connection).keys()
        again = service.replace_register(connection, CODE, practitioners=listed, today=TODAY)
        assert RegisterChange(0, 0, 0, len(listed)) == again


def test_whoever_is_left_out_is_refused_from_this_day_on(engine: Engine) -> None:
    """Half-open: active until today means not today any more. An end that was there stays what it was."""
    with moving(engine, CODE) as connection:
        onboard(connection, practitioners=[ONE, TWO, LATER])
        service.replace_register(connection, CODE, practitioners=[], today=TODAY)
        expected = {
            ONE.id: replace(ONE, active_until=TODAY),
            TWO.id: TWO,
            LATER.id: replace(LATER, active_until=LATER.active_from),
        }
        assert expected == stored(connection)
        assert () == repository.practitioners(connection, CODE, active_on=TODAY)
        assert () == repository.practitioners(connection, CODE, active_on=LATER.active_from)


@pytest.mark.parametrize(
    ("practitioner", "ended"),
    [
        pytest.param(ONE, True, id="active"),
        pytest.param(LATER, True, id="not begun"),
        pytest.param(TWO, False, id="left before"),
    ],
)
def test_one_practitioner_can_be_ended_and_ended_again(
    engine: Engine, practitioner: Practitioner, ended: bool
) -> None:
    """An act that closes answers a replay with success, and moves no end to a later day."""
    with moving(engine, CODE) as connection:
        onboard(connection, practitioners=[ONE, TWO, LATER])
        before = stored(connection)
        who = practitioner.id
        assert ended is service.end_practitioner(connection, CODE, practitioner_id=who, today=TODAY)
        after = stored(connection)
        assert not after[who].is_current(TODAY)
        assert before == after | {who: before[who]}
        for day in (TODAY, date(2027, 1, 1)):
            assert not service.end_practitioner(connection, CODE, practitioner_id=who, today=day)
        assert after == stored(connection)


def test_ending_somebody_unknown_says_so(engine: Engine) -> None:
    """A slip of the hand must not look like an end."""
    with moving(engine, CODE) as connection:
        onboard(connection)
        with pytest.raises(UnknownPractitionerError):
            service.end_practitioner(connection, CODE, practitioner_id="nurse.onE", today=TODAY)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(
            lambda c: service.replace_register(c, CODE, practitioners=[ONE], today=TODAY), id="replace"
        ),
        pytest.param(lambda c: service.end_practitioner(c, CODE, practitioner_id="a", today=TODAY), id="end"),
        pytest.param(lambda c: service.attest(c, CODE, attested_by="A", today=TODAY), id="attest"),
        pytest.param(lambda c: service.current_practitioners(c, CODE, today=TODAY), id="list"),
    ],
)
def test_the_list_of_an_unknown_agency_cannot_be_touched(
    engine: Engine, act: Callable[[Connection], object]
) -> None:
    with moving(engine, CODE) as connection, pytest.raises(UnknownAgencyError):
        act(connection)


@pytest.mark.parametrize(
    ("listed", "sentence"),
    [
        ([ONE, ONE], "same id"),
        ([replace(ONE, id="nurse one")], "practitioner's id"),
        ([replace(ONE, name="=1+1")], "name and role"),
        ([replace(ONE, active_until=date(2026, 8, 31))], "must not be before"),
    ],
)
def test_an_unsound_list_changes_nothing(engine: Engine, listed: list[Practitioner], sentence: str) -> None:
    """Not every list comes from a file."""
    with moving(engine, CODE) as connection:
        onboard(connection)
        with pytest.raises(PractitionerFileError, match=sentence):
            service.replace_register(connection, CODE, practitioners=listed, today=TODAY)
        assert {ONE.id: ONE, TWO.id: TWO} == stored(connection)


def test_onboarding_confirms_the_first_list(engine: Engine) -> None:
    """Without a first confirmation nobody could act; it names who onboarded, and the people of that day."""
    with moving(engine, CODE) as connection:
        onboard(connection, attested_by="cli:ada", practitioners=[ONE, TWO, LATER])
        (first,) = repository.attestations(connection, CODE)
    text_of_list = format_practitioners([ONE, LATER])
    assert (TODAY, "cli:ada", 2) == (first.attested_on, first.attested_by, first.practitioners)
    assert hashlib.sha256(text_of_list.encode()).digest() == first.register_sha256


def test_every_confirmation_stays_and_says_what_was_confirmed(engine: Engine) -> None:
    """Whoever kept a list can show later that it is the one that was confirmed, and until when."""
    day = date(2026, 11, 1)
    with moving(engine, CODE) as connection:
        onboard(connection)
        service.replace_register(connection, CODE, practitioners=[ONE, NEW], today=TODAY)
        second = service.attest(connection, CODE, attested_by="Dr Obi", today=day)
        assert day == repository.last_attested_on(connection, CODE)
        assert [second.attested_on, TODAY] == [
            one.attested_on for one in repository.attestations(connection, CODE)
        ]
        assert second == repository.attestations(connection, CODE)[0]
    assert hashlib.sha256(format_practitioners([NEW, ONE]).encode()).digest() == second.register_sha256


@pytest.mark.parametrize("name", ["", " ", "A\nB", "=A1"])
def test_a_confirmation_names_who_confirmed(engine: Engine, name: str) -> None:
    with moving(engine, CODE) as connection:
        onboard(connection)
        with pytest.raises(AttestationError):
            service.attest(connection, CODE, attested_by=name, today=TODAY)
        assert 1 == len(repository.attestations(connection, CODE))


@pytest.mark.parametrize(
    "verb", ["UPDATE agencies.attestation SET attested_on = '2030-01-01'", "DELETE FROM agencies.attestation"]
)
def test_the_app_role_cannot_change_a_confirmation(engine: Engine, verb: str) -> None:
    """Evidence of who vouched for whom, by grant and not by good behaviour."""
    with moving(engine, CODE) as connection:
        onboard(connection)
    with pytest.raises(ProgrammingError, match="permission denied"), moving(engine, CODE) as connection:
        connection.execute(text(verb))


def test_the_app_role_cannot_delete_a_practitioner(engine: Engine) -> None:
    """Decisions name practitioners; a row that is gone would leave them nobody's."""
    with moving(engine, CODE) as connection:
        onboard(connection)
    with pytest.raises(ProgrammingError, match="permission denied"), moving(engine, CODE) as connection:
        connection.execute(text("DELETE FROM agencies.practitioner"))


def test_a_confirmation_that_forgot_the_gate_is_refused(engine: Engine) -> None:
    """It lets people act again, so a release that is under way must notice."""
    with moving(engine, CODE) as connection:
        onboard(connection)
    with pytest.raises(DBAPIError, match="did not move its gate"), engine.begin() as connection:
        service.attest(connection, CODE, attested_by="Dr Obi", today=TODAY)


def test_dates_are_those_of_london(engine: Engine) -> None:
    """The day on which somebody is refused is the day by which tokens are judged."""
    with engine.connect() as connection:
        now = connection.execute(text("SELECT now()")).scalar_one()
        assert now.astimezone(ZoneInfo("Europe/London")).date() == repository.today(connection)


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
