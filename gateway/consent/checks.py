"""What else keeps a yes from being recorded: periods, care, languages, profiles, who resolves. Pure.

INVARIANT: it is asked of acts that open alone, and each fault names a place and a sentence, never a value.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from consent_registry.errors import Fault
from consent_registry.schemas import DecisionRequest
from consent_registry.service import default_end
from gateway.consent.family import Family

MAX_MONTHS = 12
"""The longest that an agreement may last, in calendar months."""
MAX_AHEAD = timedelta(days=366)
"""How far ahead an agreement may begin."""
MANAGER = "manager"
"""The role of whoever records how a dispute was resolved."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was there when somebody was asked.

    Attributes:
        speaker: our id of who spoke; absent: nobody of the case.
        months: calendar months an agreement lasts when it names no end.
        versions: every stored profile version, by agency and number.
        roles: of the member of staff who records it.
    """

    now: datetime
    family: Family
    speaker: UUID | None
    months: int
    versions: Collection[tuple[str, int]]
    roles: Collection[str]


def faults_of_the_asking(request: DecisionRequest, asked: Asked) -> Iterator[Fault]:
    """Yield what was wrong with how somebody was asked, or with what is recorded of it."""
    yield from _period_faults(request, now=asked.now, months=asked.months)
    assessment = request.evidence.get("competence")
    if isinstance(assessment, dict) and assessment["assessed_on"] > asked.now:
        yield Fault("/evidence/competence/assessed_on", "It has not been assessed yet.")
    if asked.family.needs_care and request.alone_and_safe is None:
        yield Fault(
            "/alone_and_safe", "It has to be asked and recorded whether the person was alone and safe."
        )
    if asked.family.abuse and request.alone_and_safe in ("no", "unknown"):
        yield Fault("/alone_and_safe", "Ask again when the person is alone and safe.")
    if _is_lost_in_translation(request, asked):
        yield Fault("/notice/language", "The person needs the notice in their language, or an interpreter.")
    for agency, version in sorted(request.profiles_shown.items()):
        if (agency, version) not in asked.versions:
            yield Fault("/profiles_shown", "There is no such version of an agency's profile.")
            return
    if "resolution" in request.evidence and MANAGER not in asked.roles:
        yield Fault("/evidence/resolution", "A resolution is recorded by a manager.")


def _period_faults(request: DecisionRequest, *, now: datetime, months: int) -> Iterator[Fault]:
    begins = max(request.valid_from or now, now)
    if request.valid_from is not None and request.valid_from > now + MAX_AHEAD:
        yield Fault("/valid_from", "It begins more than a year from now.")
    elif request.valid_until is not None and request.valid_until > default_end(begins, months=MAX_MONTHS):
        yield Fault("/valid_until", "It lasts more than twelve months.")
    ends = request.valid_until or default_end(request.valid_from or now, months=months)
    if ends <= now:
        yield Fault("/valid_from" if request.valid_until is None else "/valid_until", "It is over already.")


def _is_lost_in_translation(request: DecisionRequest, asked: Asked) -> bool:
    """True when whoever spoke needs an interpreter, had none, and the notice was in another language."""
    speaker = asked.family.members.get(asked.speaker) if asked.speaker else None
    if speaker is None or speaker.language is None or request.notice is None:
        return False
    same = _primary(request.notice.language) == _primary(speaker.language)
    return speaker.needs_interpreter and not same and "interpreter" not in request.evidence


def _primary(tag: str) -> str:
    """The primary subtag of a language tag (BCP 47)."""
    return tag.partition("-")[0].casefold()
