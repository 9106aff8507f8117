"""Which agencies a decision is about: ``all`` and kinds become the agencies they stand for now. Pure.

INVARIANTS
- For an act that opens, every name must stand for something, and only active agencies are added by a kind
  or by ``all``: who joins later was not agreed to.
- For an act that closes, ``all`` and an absent list stay open-ended, and a kind keeps its own name beside
  the agencies it stands for, so the list can never become empty, which would mean everyone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agencies.model import AgencyKind
from agencies.register import Agency, AgencyState
from consent_registry.errors import Fault, InvalidDocumentError
from consent_registry.model import ALL, Scope
from consent_registry.schemas import EVERY_AGENCY, KIND_PREFIX, DecisionRequest

_UNKNOWN = "There is no such agency or kind."
_NOBODY = "No agency that takes part is left."


@dataclass(frozen=True, slots=True)
class _Register:
    """The agencies there are, by code and by kind."""

    agencies: Sequence[Agency]

    def knows(self, name: str) -> bool:
        if name.startswith(KIND_PREFIX):
            return name.removeprefix(KIND_PREFIX) in set(AgencyKind)
        return name == EVERY_AGENCY or any(agency.code == name for agency in self.agencies)

    def meant_by(self, name: str, *, active: bool) -> frozenset[str]:
        """The codes that a name stands for; a code stands for itself, whatever its agency's state."""
        kind = name.removeprefix(KIND_PREFIX)
        if name not in (EVERY_AGENCY, KIND_PREFIX + kind):
            return frozenset({name})
        return frozenset(
            agency.code
            for agency in self.agencies
            if (name == EVERY_AGENCY or agency.kind == kind)
            and (not active or agency.state is AgencyState.ACTIVE)
        )


def resolve_scope(request: DecisionRequest, agencies: Sequence[Agency]) -> Scope:
    """The scope of a decision, its agencies by code.

    Args:
        agencies: every agency there is, whatever its state.
    Raises: InvalidDocumentError, a name stands for nothing, or an act that opens is left without an agency.
    """
    register = _Register(agencies)
    faults = [*_unknown(register, "agencies", request.agencies)]
    if request.act.opens:
        faults += _unknown(register, "exclude", request.exclude)
        if not {agency.code for agency in agencies}.issuperset(request.profiles_shown):
            faults.append(Fault("/profiles_shown", _UNKNOWN))
    if faults:
        raise InvalidDocumentError(faults)
    excluded = _meant(register, request.exclude, active=False)
    if request.act.opens:
        named = _meant(register, request.agencies, active=True) - excluded
    else:
        named = _closed(register, request)
    if not named:
        raise InvalidDocumentError([Fault("/agencies", _NOBODY)])
    return Scope(
        agencies=named,
        exclude=excluded,
        categories=request.categories,
        fields=request.fields,
        purposes=request.purposes,
    )


def _closed(register: _Register, request: DecisionRequest) -> frozenset[str]:
    if not request.agencies or EVERY_AGENCY in request.agencies:
        return ALL
    return _meant(register, request.agencies, active=False).union(request.agencies)


def _meant(register: _Register, names: Iterable[str], *, active: bool) -> frozenset[str]:
    return frozenset[str]().union(*(register.meant_by(name, active=active) for name in names))


def _unknown(register: _Register, member: str, names: Sequence[str]) -> list[Fault]:
    return [
        Fault(f"/{member}/{place}", _UNKNOWN) for place, name in enumerate(names) if not register.knows(name)
    ]
