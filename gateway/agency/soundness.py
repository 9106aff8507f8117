"""Whether a profile may become effective at all: the invariants over its text, and over what a release makes of it.

INVARIANTS
- Nobody's approval replaces it: what is unsound is not stored, proposed, approved or activated.
- A version that is effective stays so, and is still read, when the list of invariants grows.
"""

import hashlib
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection

from agencies import invariants as of_profiles
from agencies import repository
from agencies.errors import ProfileError, UnsoundProfileError
from agencies.invariants import Counterexample
from agencies.model import AgencyCode, Profile
from agencies.profile_text import parse_profile
from gateway.release import invariants as of_releases


class Fault(NamedTuple):
    """One reason why a profile is unsound.

    Attributes:
        code: of the invariant that is broken.
        words: the counterexample, as a sentence.
        sentence: what the invariant says.
    """

    code: str
    words: str
    sentence: str


def faults(profile: Profile, *, today: date) -> tuple[Fault, ...]:
    """Return everything that a profile says, or makes a release tell, although it never may.

    Args:
        today: the day on which it would become effective.
    """
    found = (*of_profiles.broken(profile, today=today), *_of_its_releases(profile))
    return tuple(Fault(each.invariant, each.words, each.sentence) for each in found)


@lru_cache(maxsize=64)
def _of_its_releases(profile: Profile) -> tuple[Counterexample, ...]:
    """Kept, as it is pure and one text is asked about when it is stored, shown, proposed and approved."""
    return of_releases.broken(profile)


def stored_faults(connection: Connection, code: AgencyCode, *, version: int) -> tuple[Fault, ...]:
    """Return why a stored version is unsound today; one that cannot be enforced any more is."""
    document = repository.profile_document(connection, code, version=version)
    if document is None:
        return (Fault("stored", "There is no such profile version.", "What is approved is stored."),)
    try:
        profile = parse_profile(document)
    except ProfileError as error:
        rule = "A rule that cannot be enforced is worse than none."
        return (Fault("enforceable", f"The stored text cannot be read: {error}.", rule),)
    return faults(profile, today=repository.today(connection))


def refuse(found: tuple[Fault, ...]) -> None:
    """Nothing happens without a fault.

    Raises: UnsoundProfileError, with the first fault and how many more there are.
    """
    if found:
        more = "" if len(found) == 1 else f" There are {len(found) - 1} more."
        raise UnsoundProfileError(f"{found[0].words} {found[0].sentence}{more}")


def sound_sha256(connection: Connection, code: AgencyCode, *, version: int) -> str:
    """Return the SHA-256, in hexadecimal, of a stored version's exact text, which is sound today.

    Raises: UnsoundProfileError, it is not.
    """
    refuse(stored_faults(connection, code, version=version))
    document = repository.profile_document(connection, code, version=version) or ""
    return hashlib.sha256(document.encode()).hexdigest()
