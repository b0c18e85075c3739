"""What each promise tried and how often it hit, told at the end of a run. And folders for what is written."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent
_ACCOUNT = "account"
# Stores that are thrown away are best kept in memory, where there is plenty of it: writing them safely took a quarter
# of their tests' time. The long runs' are too large.
_IN_MEMORY, _PLENTY_BYTES = Path("/dev/shm"), 4 << 30
# These hold single tests of ten seconds and more, or build what takes as long: they begin first, so that no process
# works on one when the others are done. Each stays whole, because its tests share what they build.
_LONGEST = (
    "terminal/test_hostile_screens.py",
    "store/test_demo.py",
    "store/test_demo_against_oracle.py",
    "store/test_exactness.py",
    "terminal/test_hostile_commands.py",
    "terminal/test_faults.py",
    "faults/test_mutants.py",
    "store/test_contradictions_against_oracle.py",
    "store/test_foreign_files.py",
    "store/test_ingest_fast.py",
    "faults/test_tampering.py",
    "faults/test_stopped_commands.py",
    "test_hygiene.py",
)
_STATE = pytest.StashKey["tempfile.TemporaryDirectory[str]"]()


def pytest_configure(config: pytest.Config) -> None:
    """No test reads or writes where the person who runs it left an incident."""
    config.stash[_STATE] = tempfile.TemporaryDirectory(prefix="overscope-state-")
    os.environ["OVERSCOPE_STATE"] = config.stash[_STATE].name
    is_short = config.option.markexpr == "not soak"
    if is_short and _IN_MEMORY.is_mount() and shutil.disk_usage(_IN_MEMORY).free >= _PLENTY_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))


def pytest_unconfigure(config: pytest.Config) -> None:
    """What was written goes with the run."""
    config.stash[_STATE].cleanup()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, all others in the order in which they were found."""
    places = {_TESTS / name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture
def account(record_property: Callable[[str, object], None]) -> Callable[[str, Mapping[str, int]], None]:
    """Call it with a promise's name and its counts; the end of the run prints them."""

    def say(promise: str, counts: Mapping[str, int]) -> None:
        told = ", ".join(f"{number:,} {what}" for what, number in counts.items())
        record_property(_ACCOUNT, f"{promise}: {told}")

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the accounts of all tests that passed or failed, in the order of the promises, and why any was left out."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if getattr(report, "when", None) == "call"
    ]
    told = sorted(text for report in reports for name, text in report.user_properties if name == _ACCOUNT)
    if told:
        terminalreporter.section("what was tried")
        for line in told:
            terminalreporter.write_line(line)
    reasons = {str(report.longrepr[2]) for report in terminalreporter.getreports("skipped") if report.longrepr}
    if reasons:
        terminalreporter.section("what was NOT tried")
        for reason in sorted(reasons):
            terminalreporter.write_line(reason.removeprefix("Skipped: "))
