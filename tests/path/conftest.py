"""The application under test, one for each module."""

from tests.path.routes import routes
from tests.support.served import gateway

__all__ = ["gateway", "routes"]
