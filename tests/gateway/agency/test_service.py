"""Acts on an agency: each moves its gate and leaves an entry, or changes nothing at all."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from agencies import repository
from agencies.errors import OnboardingError, ProfileError, SecondPersonError, UnknownAgencyError
from agencies.model import AgencyCode, AgencyKind
from agencies.profile_text import format_profile, template_text
from agencies.register import AgencyState
from gateway.agency import service
from gateway.wiring import Wiring
from tests.support.agencies import onboard

CODE = AgencyCode("camhs")


def log_size(wiring: Wiring) -> int:
    with wiring.engine.connect() as connection:
        size: int = connection.execute(text("SELECT size FROM gateway.log_head")).scalar_one()
        return size


def gate(wiring: Wiring, code: str = CODE) -> int | None:
    with wiring.engine.connect() as connection:
        version: int | None = connection.execute(
            text("SELECT version FROM gateway.agency_gate WHERE agency_code = :code"), {"code": code}
        ).scalar_one_or_none()
        return version


def state(wiring: Wiring) -> AgencyState | None:
    with wiring.engine.connect() as connection:
        found = repository.agency(connection, CODE)
        return None if found is None else found.state


def add_case(wiring: Wiring) -> UUID:
    """A bare case with one person, its gate moved."""
    case_id, family_id = uuid4(), uuid4()
    names = {"case": case_id, "family": family_id, "person": uuid4()}
    with wiring.engine.begin() as connection:
        for statement in (
            "SELECT gateway.move_gates(ARRAY[CAST(:family AS uuid)], '{}')",
            "INSERT INTO gateway.case_record VALUES (:case, :family, '\\x01', 2, 'open', 1)",
            "INSERT INTO gateway.case_person VALUES (:case, :family, :person, 'child')",
        ):
            connection.execute(text(statement), names)
    return case_id


def test_onboarding_leaves_an_entry_and_effects_nothing(wiring: Wiring) -> None:
    """Who was let in, and when, is evidence; letting in is still two people's work."""
    onboard(wiring, CODE, active=False)
    assert 1 == log_size(wiring)
    assert AgencyState.PROPOSED is state(wiring)


def test_a_new_agency_knows_every_case_and_person_by_an_id_of_its_own(wiring: Wiring) -> None:
    """Pairwise ids are made when somebody comes, so that no request ever has to make one."""
    case_id = add_case(wiring)
    onboard(wiring, "camhs")
    onboard(wiring, "housing")
    with wiring.engine.connect() as connection:
        rows = connection.execute(text("SELECT agency_code, thing_id, ref FROM gateway.pairwise")).all()
    assert 4 == len({row.ref for row in rows})
    assert {"camhs", "housing"} == {row.agency_code for row in rows if row.thing_id == case_id}


def test_a_refused_onboarding_leaves_nothing(wiring: Wiring) -> None:
    """No entry, no gate, no row: all or nothing."""
    onboard(wiring, CODE)
    size, version = log_size(wiring), gate(wiring)
    with pytest.raises(OnboardingError):
        onboard(wiring, CODE)
    with pytest.raises(OnboardingError):
        onboard(wiring, "all", kind=AgencyKind.CHARITY)
    assert (size, version, None) == (log_size(wiring), gate(wiring), gate(wiring, "all"))


def test_a_gateway_of_real_people_activates_nobody_alone(wiring: Wiring) -> None:
    """The demo's shortcut does not exist where the settings do not say that the people are synthetic."""
    onboard(wiring, CODE, active=False)
    real = replace(wiring, settings=replace(wiring.settings, synthetic_people=False))
    with pytest.raises(SecondPersonError):
        service.activate_synthetic(real, code=CODE, actor="test")
    assert AgencyState.PROPOSED is state(wiring)


def test_suspending_moves_the_gate_and_leaves_an_entry(wiring: Wiring) -> None:
    """A release that was decided before the suspension sees the moved gate and is decided again."""
    onboard(wiring, CODE)
    size, version = log_size(wiring), gate(wiring)
    assert version is not None
    assert service.suspend(wiring, code=CODE, actor="test")
    assert AgencyState.SUSPENDED is state(wiring)
    assert (size + 1, version + 1) == (log_size(wiring), gate(wiring))


def test_suspending_twice_succeeds_and_changes_nothing(wiring: Wiring) -> None:
    """Acts that close answer a replay with success."""
    onboard(wiring, CODE)
    service.suspend(wiring, code=CODE, actor="test")
    size = log_size(wiring)
    assert not service.suspend(wiring, code=CODE, actor="test")
    assert (size, AgencyState.SUSPENDED) == (log_size(wiring), state(wiring))


def test_suspending_does_not_wait_for_the_log(wiring: Wiring) -> None:
    """With the head held by somebody else the agency is suspended all the same, and its entry waits."""
    onboard(wiring, CODE)
    with wiring.engine.connect() as holder, holder.begin():
        # The app role cannot lock the head itself; an append of nothing holds it until this transaction ends.
        holder.execute(
            text(
                "SELECT gateway.append('{}','{}','{}','{}','{}','{}','{}','{}', NULL, true),"
                " set_config('idle_in_transaction_session_timeout', '0', true)"
            )
        )
        assert service.suspend(wiring, code=CODE, actor="test")
        assert AgencyState.SUSPENDED is state(wiring)
    with wiring.engine.connect() as connection:
        assert 1 == connection.execute(text("SELECT count(*) FROM gateway.log_deferred")).scalar_one()


def test_an_ended_agency_stays_ended(wiring: Wiring) -> None:
    """Suspended can be lifted one day; ended cannot, so suspending must not turn one into the other."""
    onboard(wiring, CODE)
    with wiring.engine.begin() as connection:
        connection.execute(text("SELECT gateway.move_gates('{}', ARRAY['camhs'])"))
        repository.set_state(connection, CODE, state=AgencyState.ENDED)
    assert not service.suspend(wiring, code=CODE, actor="test")
    assert AgencyState.ENDED is state(wiring)


def test_suspending_an_unknown_agency_says_so(wiring: Wiring) -> None:
    """A slip of the operator's hand must not look like a suspension; and it makes no gate."""
    with pytest.raises(UnknownAgencyError):
        service.suspend(wiring, code=CODE, actor="test")
    assert None is gate(wiring)


def test_storing_a_profile_moves_the_gate_and_effects_nothing(wiring: Wiring) -> None:
    """A new version is a proposal; it is evidence from the moment it is stored."""
    onboard(wiring, CODE)
    size = log_size(wiring)
    with wiring.engine.connect() as connection:
        first = repository.effective_profile(connection, CODE)
    assert first is not None
    second = format_profile(replace(first, version=2))
    assert replace(first, version=2) == service.store_profile(wiring, document=second, actor="test")
    assert replace(first, version=2) == service.store_profile(wiring, document=second, actor="test")
    assert size + 1 == log_size(wiring)
    with wiring.engine.connect() as connection:
        assert 1 == repository.effective_version(connection, CODE)


def test_a_profile_that_cannot_be_enforced_is_not_stored(wiring: Wiring) -> None:
    onboard(wiring, CODE)
    size = log_size(wiring)
    with pytest.raises(ProfileError):
        service.store_profile(wiring, document=template_text(AgencyKind.CAMHS) + "extra = 1\n", actor="test")
    assert size == log_size(wiring)
