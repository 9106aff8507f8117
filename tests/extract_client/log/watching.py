"""A partner's monitor over a simulated log."""

from pathlib import Path

import pytest

from extract_client.errors import (
    UnreachableError,
)
from extract_client.log.history import ContradictionError
from extract_client.log.mirror import Mirror
from extract_client.log.monitor import Monitor, Round
from extract_client.log.policy import Policy
from extract_client.log.state import StateFolder
from tests.extract_client.log.simulated import (
    NOON,
    ORIGIN,
    SimulatedLog,
)

NOW = NOON + 30


def nobody(_url: str) -> bytes | None:
    raise UnreachableError("There are no witnesses here.")


class Watch:
    """A monitor started anew for each round, as a command is, over one folder."""

    def __init__(self, folder: Path, log: SimulatedLog, *, policy: Policy | None = None) -> None:
        self.folder = folder
        self.log = log
        self.policy = policy or log.policy
        self.shown: dict[str, bytes | None] = {}

    def monitor(self, *, mirror: bool = False, **options: object) -> Monitor:
        folder = StateFolder.open(self.folder)
        copy = Mirror(folder.path / "mirror") if mirror else None
        monitor = Monitor(self.log, self.policy, ORIGIN, folder, self.ask, mirror=copy)
        for name, value in options.items():
            setattr(monitor, name, value)
        return monitor

    def ask(self, url: str) -> bytes | None:
        name = url.removeprefix("http://").partition("/")[0]
        return self.shown[name] if name in self.shown else nobody(url)

    def round(self, *, mirror: bool = False, **options: object) -> Round:
        return self.monitor(mirror=mirror, **options).round(now=NOW)

    def contradiction(self, **options: object) -> ContradictionError:
        with pytest.raises(ContradictionError) as caught:
            self.round(**options)  # type: ignore[arg-type] # the monitor's own options
        assert caught.value.evidence is not None
        return caught.value
