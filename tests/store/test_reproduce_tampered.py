"""Whatever value of the evidence is changed, the disclosure that rests on it is not equal any more."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from store.connection import open_store
from store.disclosure import disclose
from store.errors import StoreError
from store.instants import parse_point
from store.parameters import Parameters
from store.reproduce import reproduce
from store.tables import DERIVED_TABLES
from tests.differential import ACTOR
from tests.store.test_verify_evidence import INTERNAL, SETTLED_LATER, WORK, base, changed, tables, tampered

__all__ = ["base"]

# What entered no figure, and nobody vouches for before it does: not yet written, or derived.
_NOT_RESTED_ON = {*DERIVED_TABLES, *INTERNAL, "population_changes", "scenarios"}


@pytest.fixture(scope="module")
def frozen(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the checks of evidence, with a disclosure at its end."""
    path = tmp_path_factory.mktemp("frozen") / "x.db"
    shutil.copy(base, path)
    with open_store(path) as store:
        disclose(store, Parameters(today=parse_point("2019-11-05")), actor=ACTOR, name="x")
        assert reproduce(store, 1).equal
    return path


def is_equal(path: Path) -> bool:
    """Whether the disclosure comes out equal; a store that cannot be read does not say so."""
    try:
        with open_store(path, read_only=True) as store:
            return reproduce(store, 1).equal
    except (StoreError, sqlite3.Error, ValueError, TypeError, LookupError, ArithmeticError):
        return False


def test_any_changed_value_is_found(frozen: Path, tmp_path: Path) -> None:
    chance = random.Random(12)
    missed, tried = [], 0
    for table, columns in tables(frozen).items():
        if table in _NOT_RESTED_ON | WORK:
            continue
        key = [column.name for column in columns if column.is_key]
        for column in columns:
            if (table, column.name) in SETTLED_LATER:
                continue
            with closing(tampered(frozen, tmp_path / "x.db")) as connection:
                value, *place = chance.choice(
                    connection.execute(f"SELECT {column.name}, {', '.join(key)} FROM {table}").fetchall()
                )
                where = " AND ".join(f"{name} IS ?" for name in key)
                for other in changed(value, column):
                    try:
                        connection.execute(f"UPDATE {table} SET {column.name} = ? WHERE {where}", (other, *place))
                    except sqlite3.IntegrityError:
                        continue
                    break
            tried += 1
            if is_equal(tmp_path / "x.db"):
                missed.append((table, column.name, value, other))
    assert missed == []
    assert tried > 90
