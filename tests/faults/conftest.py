"""One nursery for all the tests of a file."""

from collections.abc import Iterator

import pytest

from tests.faults.nursery import Nursery


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Processes to order."""
    made = Nursery()
    yield made
    made.close()
