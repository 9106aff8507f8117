"""What one person decided and what stands, for the council's own case system.

INVARIANTS
- Codes, ids, versions and instants only: no name, no evidence, no word of anybody.
- An unknown case, an unknown person and an erased family are one error.
"""

from dataclasses import dataclass

from agencies.model import JsonObject
from consent_registry.birthdays import birthdays_of
from consent_registry.model import ConsentDecision, Given, Scope, Standing
from consent_registry.repository import find_subject, read_history
from consent_registry.standing import State, fold, in_effect_at, state_of, states
from gateway.cases.errors import UnknownCaseError
from gateway.cases.repository import case_by_source_ref, person_in_case
from gateway.consent.family import read_birth
from gateway.disclosure_log.repository import database_now
from gateway.instants import precise
from gateway.keyring import KeyErasedError
from gateway.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Consent:
    """What one person decided.

    Attributes:
        version: of the standing: what an act that opens is decided on.
        states: what became of each decision, in the history's order.
    """

    standing: Standing
    state: State
    history: tuple[ConsentDecision, ...]
    states: tuple[State, ...]

    @property
    def version(self) -> int:
        """How many decisions there were."""
        return len(self.history)

    def to_json(self) -> JsonObject:
        """The body of the answer."""
        standing: JsonObject = {"state": self.state.value, "version": self.version}
        if self.standing.given is not None:
            standing |= _given(self.standing.given)
        if self.standing.closures:
            standing["closures"] = [
                {"state": closure.exit.value, **_scope(closure.scope)} for closure in self.standing.closures
            ]
        if self.standing.objections:
            standing["objections"] = [
                {"state": objection.exit.value, **_scope(objection.scope)}
                for objection in self.standing.objections
            ]
        return {
            "standing": standing,
            "history": [
                _decision(decision, state) for decision, state in zip(self.history, self.states, strict=True)
            ],
        }


def consent_of(wiring: Wiring, *, source_ref: str, person: str) -> Consent:
    """What one person of a case decided, oldest first, and what stands now.

    Args:
        source_ref, person: as the council's system names them.
    Raises: UnknownCaseError; UnreadablePartError, the record is damaged.
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
        try:
            keys = wiring.keyring.family(connection, identity.family_id)
        except KeyErasedError as error:
            raise UnknownCaseError("the family was erased") from error
        born = read_birth(connection, identity, keys, person_id)
        subject = find_subject(connection, family_id=identity.family_id, person_id=person_id)
        history = [] if subject is None else read_history(connection, subject)
        now = database_now(connection)
    birthdays = birthdays_of(born, lapse_at_sixteen=wiring.settings.lapse_at_sixteen)
    standing = fold(history)
    return Consent(
        standing,
        state_of(standing, now=now, birthdays=birthdays),
        tuple(history),
        tuple(states(history, now=now, birthdays=birthdays)),
    )


def _given(given: Given) -> JsonObject:
    return {
        "decision_id": str(given.decision_id),
        "capacity": given.capacity.value,
        "valid_from": precise(given.valid_from),
        "valid_until": precise(given.valid_until),
        "profiles_shown": dict(given.profiles_shown),
        **_scope(given.scope),
    }


def _decision(decision: ConsentDecision, state: State) -> JsonObject:
    """One decision; what is not known of it is absent."""
    told: JsonObject = {
        "decision_id": str(decision.decision_id),
        "act": decision.act.value,
        "state": state.value,
        "reason": decision.reason,
        "authority": decision.authority.value,
        "recorded_at": precise(decision.recorded_at),
        "in_effect_at": precise(in_effect_at(decision)),
        **_scope(decision.scope),
    }
    if decision.capacity is not None:
        told["capacity"] = decision.capacity.value
    if decision.act.opens and decision.valid_until is not None:
        told["valid_until"] = precise(decision.valid_until)
    if decision.notice is not None:
        notice = decision.notice
        told["notice"] = {"id": notice.id, "version": notice.version, "language": notice.language}
    return told


def _scope(scope: Scope) -> JsonObject:
    """Its lists; the empty ones absent."""
    return {name: list(codes) for name, codes in scope.to_json().items() if isinstance(codes, list)}
