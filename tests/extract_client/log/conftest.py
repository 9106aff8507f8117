"""A monitor and the log that it watches."""

from pathlib import Path

import pytest

from tests.extract_client.log.simulated import SimulatedLog
from tests.extract_client.log.watching import Watch


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """A monitor of a small log, before its first round."""
    return Watch(tmp_path / "state", SimulatedLog.of(5))
