"""What several tests of faults start from: a nursery of processes, and a store to copy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.cli.main import main
from tests.faults.nursery import Nursery
from tests.store.cli_incident import write_incident


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Processes to order."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with evidence and cases, closed; copy it."""
    folder = tmp_path_factory.mktemp("incident")
    files = write_incident(folder)
    path = folder / "incident.db"
    assert main(["init", "--db", str(path), "--rules", str(folder / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", "--db", str(path), str(files), "--as", "ana"]) == 0
    return path
