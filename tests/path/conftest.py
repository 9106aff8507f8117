"""The application under test, one for each module."""

from tests.support.served import gateway

__all__ = ["gateway"]
