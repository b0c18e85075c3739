"""Every promise's account at the end of a run: what was tried, and how often it hit. And a folder for sessions."""

import os
import tempfile
from collections.abc import Callable, Mapping

import pytest

_ACCOUNT = "account"
_STATE = pytest.StashKey["tempfile.TemporaryDirectory[str]"]()


def pytest_configure(config: pytest.Config) -> None:
    """No test reads or writes where the person who runs it left an incident."""
    config.stash[_STATE] = tempfile.TemporaryDirectory(prefix="overscope-state-")
    os.environ["OVERSCOPE_STATE"] = config.stash[_STATE].name


def pytest_unconfigure(config: pytest.Config) -> None:
    """What was written goes with the run."""
    config.stash[_STATE].cleanup()


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
