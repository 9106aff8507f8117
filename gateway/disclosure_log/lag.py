"""How long ago the witnesses last confirmed the log, and what follows from it. Pure.

INVARIANT: with witnesses configured, no confirmation means stop: a gateway that never reached its witnesses is no
better than one that lost them. Without witnesses the gate is off, and says so.

Source: X-Road's message log, which stops the exchange when no time stamp was had for too long.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from extract_client.log.policy import Policy


class WitnessLag(StrEnum):
    """What the age of the newest quorum means."""

    OFF = "off"
    """No witness is configured: nobody outside confirms the log."""
    OK = "ok"
    WARN = "warn"
    STOP = "stop"
    """Extracts other than in an emergency wait."""


_SENTENCE: Final = {
    WitnessLag.OFF: "No witness confirms the disclosure log: only receipts show whether it is rewritten.",
    WitnessLag.OK: "The witnesses confirm the disclosure log.",
    WitnessLag.WARN: "The witnesses have not confirmed the disclosure log for a while.",
    WitnessLag.STOP: "Releases wait until enough witnesses confirm the disclosure log.",
}


@dataclass(frozen=True, slots=True)
class Lag:
    """The state of the gate.

    Attributes:
        seconds: age of the newest quorum; absent: there never was one, or no witness is configured.
    """

    state: WitnessLag
    seconds: int | None = None

    @property
    def stops(self) -> bool:
        """True when nothing but emergencies may be released."""
        return self.state is WitnessLag.STOP

    @property
    def sentence(self) -> str:
        """What to tell an operator."""
        return _SENTENCE[self.state]


def lag_of(
    policy: Policy | None,
    *,
    witnessed_at: datetime | None,
    now: datetime,
    warn_seconds: int,
    stop_seconds: int,
) -> Lag:
    """Return what the age of the newest quorum means.

    Args:
        policy: None or one without witnesses: the gate is off.
        witnessed_at: when enough witnesses last confirmed, aware; None: never.
        now: aware, of the same clock.
        warn_seconds: an older quorum is worth a warning.
        stop_seconds: an older quorum stops releases.
    """
    if policy is None or not policy.has_witnesses:
        return Lag(WitnessLag.OFF)
    if witnessed_at is None:
        return Lag(WitnessLag.STOP)
    age = max(now - witnessed_at, timedelta(0))
    seconds = int(age.total_seconds())
    if age > timedelta(seconds=stop_seconds):
        return Lag(WitnessLag.STOP, seconds)
    if age > timedelta(seconds=warn_seconds):
        return Lag(WitnessLag.WARN, seconds)
    return Lag(WitnessLag.OK, seconds)
