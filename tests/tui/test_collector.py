"""Garbage is looked for while nobody types, and what was meant to stay is not looked at again."""

import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: the thresholds are the whole process's.
_UNASKED = """
import gc, weakref
from tui import collector

class Knot:
    def __init__(self):
        self.myself = self

collector.start()
assert gc.isenabled()
old = Knot()
gc.collect(1)
watched = weakref.ref(old)
del old
for _ in range(500_000):
    Knot()
print("old garbage unasked:", watched() is None)
collector.tidy()
print("old garbage tidied:", watched() is None)
kept = [Knot() for _ in range(1_000)]
collector.keep()
print("kept:", gc.get_freeze_count() >= 1_000)
young = Knot()
watched = weakref.ref(young)
del young
for _ in range(50_000):
    Knot()
print("young garbage unasked:", watched() is None)
"""

# As after a demo was built, or the raw record of a Parquet file was read.
_LIBRARY_IN_USE = """
import duckdb
from tui import collector

duckdb.connect(":memory:").close()
collector.keep()
"""


@pytest.mark.parametrize(
    "said",
    ["old garbage unasked: False", "old garbage tidied: True", "kept: True", "young garbage unasked: True"],
)
def test_when_garbage_is_looked_for(said: str, answers: list[str]) -> None:
    assert said in answers


@pytest.fixture(scope="module")
def answers() -> list[str]:
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run([sys.executable, "-c", _UNASKED], cwd=root, capture_output=True, text=True, check=True)
    return ended.stdout.splitlines()


def test_what_was_kept_is_let_go_at_the_end() -> None:
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", _LIBRARY_IN_USE], cwd=root, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
