"""What a large store answers, and how soon: each kind of question in a process of its own."""

import json
from pathlib import Path
from typing import NamedTuple

from tests.bench.measured import Row, middle, p95_of, python, run

_STARTS = 9


class _Answers(NamedTuple):
    milliseconds: dict[str, list[float]]
    resident_mib: float


def measure(store: Path) -> list[Row]:
    """Ask everything of one store; what was read for one kind of question helps no other."""
    many = [_ask(store, "first").milliseconds["first"][0] for _ in range(_STARTS)]
    rows = [
        Row(
            "first paint's data, a new process",
            f"{middle(many):.0f} ms (worst {max(many):.0f})",
            "first_partners",
            "<= 30 ms",
            middle(many) <= 30,
        )
    ]
    figures = _ask(store, "figures")
    rows += [
        _once("figures, the first other ones", figures, "figures, the first other ones"),
        _many("figures of another as-of, window, cut-off", figures, "figures", 50),
        _many("the same of all partners", figures, "partners", 50),
        Row("memory, asked for figures", f"{figures.resident_mib:,.0f} MiB", "VmRSS"),
    ]
    pages = _ask(store, "pages")
    for name, limit in (("everybody", 5.0), ("partner", 5.0), ("filtered", None)):
        rows += [
            _once(f"events of {name}: first page", pages, f"{name}, the first page"),
            _many(f"events of {name}: any other page", pages, name, limit),
        ]
    rows.append(Row("memory, asked for events", f"{pages.resident_mib:,.0f} MiB", "VmRSS"))
    times = _ask(store, "timelines")
    rows += [
        _once("timelines, the first", times, "first"),
        _once("timelines, the first within days", times, "first within days"),
        _many("timelines in days", times, "days", 5),
        *(_many(f"timelines in {name}", times, name, 20) for name in ("hours", "minutes", "seconds")),
        Row("memory, asked for timelines", f"{times.resident_mib:,.0f} MiB", "VmRSS"),
    ]
    return rows


def _ask(store: Path, what: str) -> _Answers:
    told = json.loads(run(python("-m", "tests.bench.ask", "--db", str(store), "--what", what)).output)
    return _Answers(told["milliseconds"], told["resident_mib"])


def _once(label: str, answers: _Answers, name: str) -> Row:
    return Row(label, f"{max(answers.milliseconds[name]):,.0f} ms", "once a start; the slowest of its kind")


def _many(label: str, answers: _Answers, name: str, limit: float | None) -> Row:
    times = sorted(answers.milliseconds[name])
    p95 = p95_of(times)
    figure = f"p50 {middle(times):.1f} ms, p95 {p95:.1f}, worst {times[-1]:.1f}"
    wanted = "" if limit is None else f"p95 <= {limit:g} ms"
    return Row(label, figure, f"{len(times)} times", wanted, None if limit is None else p95 <= limit)
