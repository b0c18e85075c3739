"""What Overscope promises, and how often each promise is tried: the numbers that README's table shows.

A test takes its number of trials from `trials`, and says what it did with the fixture `account`: the counts are printed
at the end of the run. A trial counts only if it hit: each account tells hits apart.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pytest


class Promise(NamedTuple):
    """One promise.

    Attributes:
        says: what is promised.
        short: trials in `make test`.
        full: trials in `make soak`.
        unit: what one trial is.
    """

    says: str
    short: int
    full: int
    unit: str


PROMISES = {
    "P1": Promise(
        "An action that was acknowledged survives `kill -9`; the log's chain and the cases hold", 60, 2_000, "kills"
    ),
    "P2": Promise("No update is lost, and every conflict is reported", 800, 8_000, "acknowledged updates"),
    "P3 kill": Promise(
        "An import that was killed is taken up again, adds nothing twice, counts only when complete", 20, 1_000, "kills"
    ),
    "P3 interrupt": Promise("The same after Ctrl-C", 10, 200, "interrupts"),
    "P3 disk": Promise("The same on a full disk", 10, 50, "sizes of disk"),
    "P4": Promise("No input crashes an importer; records always add up", 2_000, 50_000, "damaged files a format"),
    "P5 cleaner": Promise("No character of data controls the terminal", 1_114_112, 1_114_112, "code points"),
    "P5 screens": Promise("The same on every screen, dialog, message, title and command", 40, 200, "sequences"),
    "P6": Promise("No data is markup, on any screen", 20, 100, "payloads"),
    "P7": Promise("A filter is data: it finds what plain Python finds, and changes nothing", 2_000, 20_000, "filters"),
    "P8 tampering": Promise("Tampering with the log is found", 200, 1_000, "tamperings"),
    "P8 clean": Promise("A clean log raises no alarm", 200, 1_000, "logs"),
    "P9": Promise(
        "A damaged or hostile store is one clear line, or `verify` names what is wrong; no question changes the file",
        150,
        1_500,
        "damaged files",
    ),
    "P9 evidence": Promise(
        "A flipped bit that changes a row of evidence is found, and its import named", 100, 1_500, "flipped bits"
    ),
    "P9 journals": Promise(
        "A store whose journal or write-ahead log is cut or spoilt is whole, or refused and left as it is",
        40,
        40,
        "damaged stores",
    ),
    "P10": Promise(
        "However the dashboard ends, the terminal is restored, and the exit code says why", 25, 500, "endings"
    ),
    "P11": Promise("No secret of a known shape is kept or told", 200, 200, "secrets"),
    "P12": Promise(
        "A store of an older version is brought up to date whole, whatever kills it, and a copy is kept first",
        10,
        100,
        "kills",
    ),
    "contradictions": Promise(
        "Whatever the log says against a record, and proves of a removal, is found, and nothing else",
        30,
        1_000,
        "incidents",
    ),
    "steps": Promise(
        "No work on cases and tracks loses a step or reaches an impossible state; what is refused changes nothing",
        40,
        1_000,
        "runs of 40 actions",
    ),
    "P13": Promise("A clock that jumps never reorders the log", 200, 10_000, "jumps"),
    "reports": Promise(
        "Whatever a cell holds, a report's CSV, Markdown and HTML give it back as text, and as nothing else",
        20_000,
        200_000,
        "cells",
    ),
}


def trials(name: str) -> "pytest.MarkDecorator":
    """Run a test with the argument `count`: the short number of trials, and under `make soak` the full one."""
    import pytest

    promise = PROMISES[name]
    short = pytest.param(promise.short, id="short")
    full = pytest.param(promise.full, id="full", marks=pytest.mark.soak)
    return pytest.mark.parametrize("count", [short, full])


def markdown_table() -> str:
    """The promises as the README shows them."""
    rows = [
        f"| {promise.says} | {promise.short:,} | {promise.full:,} {promise.unit} |" for promise in PROMISES.values()
    ]
    return "\n".join(["| what we promise | tried in `make test` | in `make soak` |", "|---|---|---|", *rows]) + "\n"
