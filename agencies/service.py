"""Bringing an agency in: its agreement, its practitioners and its own first sharing profile.

INVARIANTS
- A kind's template never releases anything: it is copied into the agency's own version 1.
- A new agency is proposed and its version 1 not effective: somebody else approves both.
- Only synthetic data may skip that second person.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, func, select

from agencies import repository
from agencies.errors import OnboardingError, SecondPersonError, UnknownAgencyError
from agencies.model import AgencyCode, AgencyKind, Profile
from agencies.profile_text import format_profile, template
from agencies.register import Agency, AgencyState, Agreement, Practitioner, PractitionerPolicy

FIRST_VERSION = 1

RESERVED_CODES = frozenset({"all"})
"""Not an agency: what a consent decision says for every agency."""

_CODE = re.compile(r"(?=.{2,40}\Z)[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LINE = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f-\x9f]{1,200}")
_PRACTITIONER_ID = re.compile(r"[A-Za-z0-9._@-]{1,64}")


def onboard(
    connection: Connection,
    *,
    code: AgencyCode,
    kind: AgencyKind,
    name: str,
    agreement: str,
    assessment: str,
    review_on: date,
    valid_from: date,
    valid_until: date,
    practitioner_policy: PractitionerPolicy,
    practitioners: Sequence[Practitioner],
) -> Profile:
    """Store a new agency with its agreement, its practitioners and its own profile version 1.

    Args:
        code: 2 to 40 of a-z, 0-9 and single hyphens, a letter first; never used before.
        agreement: reference of the data sharing agreement.
        assessment: reference of the data protection impact assessment.
        review_on: the day its profile is due for review.
        valid_from: first day of the agreement.
        valid_until: the day on which the agreement no longer holds.

    Returns: the stored version 1. True afterwards: the agency is ``proposed`` and no profile of it is
        effective, so nothing can be released to it.
    Raises: OnboardingError, in one sentence; nothing was stored.
    """
    _check_names(code=code, name=name, agreement=agreement, assessment=assessment)
    _check_practitioners(practitioners)
    if valid_from >= valid_until:
        raise OnboardingError("The agreement must end after the day it begins.")
    if repository.agency(connection, code) is not None:
        raise OnboardingError("An agency of this code exists already.")
    repository.add_agency(connection, Agency(code, kind, name, practitioner_policy, AgencyState.PROPOSED))
    repository.add_agreement(
        connection, code, agreement=Agreement(agreement, assessment, valid_from, valid_until)
    )
    for practitioner in practitioners:
        repository.add_practitioner(connection, code, practitioner=practitioner)
    own = replace(
        template(kind),
        agency=code,
        version=FIRST_VERSION,
        agreement=agreement,
        assessment=assessment,
        review_on=review_on,
    )
    return repository.add_profile_version(connection, document=format_profile(own)).profile


def activate_synthetic(connection: Connection, *, code: AgencyCode, synthetic: bool) -> None:
    """Make a proposed agency and its version 1 effective without the second person's approval.

    Args:
        synthetic: whether this process holds synthetic people only.

    Raises: SecondPersonError, it may hold real ones; UnknownAgencyError; OnboardingError, it is not proposed.
    """
    if not synthetic:
        raise SecondPersonError("Only a gateway of synthetic people may skip the second person.")
    found = repository.agency(connection, code)
    if found is None:
        raise UnknownAgencyError("There is no such agency.")
    if found.state is not AgencyState.PROPOSED:
        raise OnboardingError("Only a proposed agency can be activated.")
    repository.set_state(connection, code, state=AgencyState.ACTIVE)
    now = connection.execute(select(func.now())).scalar_one()
    repository.make_effective(connection, code, version=FIRST_VERSION, now=now)


def export_profile(connection: Connection, code: AgencyCode, *, version: int | None = None) -> str | None:
    """Return a stored profile's text byte for byte; absent when there is none.

    Args:
        version: absent: the effective one, or the newest stored while none is effective.
    """
    if version is None:
        version = repository.effective_version(connection, code) or repository.latest_version(
            connection, code
        )
    return None if version is None else repository.profile_document(connection, code, version=version)


def _check_names(*, code: str, name: str, agreement: str, assessment: str) -> None:
    rules = {
        "A code is 2 to 40 of a-z, 0-9 and single hyphens, a letter first, and not a reserved word.": bool(
            _CODE.fullmatch(code) and code not in RESERVED_CODES
        ),
        "An agency has a name of one line.": bool(_LINE.fullmatch(name)),
        "An agency has a reference of its agreement, one line.": bool(_LINE.fullmatch(agreement)),
        "An agency has a reference of its impact assessment, one line.": bool(_LINE.fullmatch(assessment)),
    }
    for rule, holds in rules.items():
        if not holds:
            raise OnboardingError(rule)


def _check_practitioners(practitioners: Sequence[Practitioner]) -> None:
    ids = [practitioner.id for practitioner in practitioners]
    if len(set(ids)) != len(ids):
        raise OnboardingError("Two practitioners have the same id.")
    if not all(_PRACTITIONER_ID.fullmatch(one) for one in ids):
        raise OnboardingError(
            "A practitioner's id is 1 to 64 of letters, digits, dot, hyphen, underscore and @."
        )
