"""What keeps the log going by itself: cover entries, and a checkpoint over what nobody waits for.

INVARIANTS
- No ten minutes pass without an entry, so silence tells nobody that nothing happened, and one entry in a silent
  night nobody that something did: covers come at random whether or not anything else is recorded.
- A cover looks like any other entry to all who do not hold the reserved key, and says of itself that it is one.
- Acts and refusals wait for no checkpoint; they are in one within a minute.
"""

import secrets
from datetime import datetime, timedelta
from typing import Final

from gateway.disclosure_log import repository
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.promise import watch_promises
from gateway.disclosure_log.publishing import publish_head, start
from gateway.disclosure_log.reading import newest_minute
from gateway.disclosure_log.service import act
from gateway.wiring import Wiring

LONGEST_SILENCE: Final = timedelta(minutes=8)
"""After this long a cover is due; runs are a minute apart, times are whole minutes, and ten must not be empty."""

MEAN_MINUTES: Final = 4
"""A cover comes in one minute of so many, at random."""

ACTOR: Final = "worker"


def tend_log(wiring: Wiring, now: datetime) -> int:
    """Append a cover entry where one is due, and publish a checkpoint where there is something new.

    Runs once a minute.
    Returns: how many entries it brought under a checkpoint.
    Raises: LogNotServedError, LogContradictionError: nothing may be signed.
    """
    cover_if_due(wiring, now)
    with wiring.autocommit.connect() as connection:
        newest = repository.newest_checkpoint(connection)
        published = newest.size if newest else 0
        head = repository.read_head(connection)
    if wiring.log.known is None:
        start(wiring)
    elif head.size > published:
        publish_head(wiring)
    watch_promises(wiring, now)
    return head.size - published


def cover_if_due(wiring: Wiring, now: datetime) -> bool:
    """Append a cover entry by chance, and always when the log has been silent for long; tell whether."""
    with wiring.engine.connect() as connection:
        last = newest_minute(connection)
    due = last is None or now - last >= LONGEST_SILENCE or secrets.randbelow(MEAN_MINUTES) == 0
    if due:
        with act(wiring) as change:
            change.record(kind=EntryKind.LOG_COVER, actor=ACTOR)
    return due
