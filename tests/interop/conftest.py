"""The oracle, built once for the session."""

import pytest

from tests.interop.oracle import Oracle, require_go


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """The built oracle. Without Go: skipped loudly, failed where ``CI`` is set."""
    require_go()
    return Oracle.build(tmp_path_factory.mktemp("oracle"))
