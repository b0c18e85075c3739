"""What all tests of the dashboard wait with."""

from tests.at_rest import at_rest

__all__ = ["at_rest"]
