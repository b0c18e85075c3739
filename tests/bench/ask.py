"""Questions to a store, timed in this process: `python -m tests.bench.ask --db FILE --what WHAT [--csv FOLDER]`.

Prints one JSON document: the milliseconds that each question of a kind took, and the memory held afterwards.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from store.connection import Store, open_store
from store.instants import MICROSECONDS_PER_DAY as DAY
from store.parameters import Parameters

_HOUR = DAY // 24
_PAGE = 100
_BINS = 100
_TIMES = 40

Timed = dict[str, list[float]]


@contextmanager
def timed(found: Timed, name: str) -> Iterator[None]:
    """Note how long this took, in milliseconds."""
    began = time.perf_counter()
    yield
    found.setdefault(name, []).append((time.perf_counter() - began) * 1000)


def first(path: Path, found: Timed) -> None:
    """What the board paints first, by a process that has asked nothing yet."""
    from store.partners import all_partners, first_partners

    with timed(found, "first"):
        store = open_store(path)
        if first_partners(store, Parameters()) is None:
            # So few that they are shown all at once.
            all_partners(store, Parameters())
    store.close()


def figures(path: Path, found: Timed) -> None:
    """Other as-ofs, windows and what-if cut-offs, each one new."""
    from store.figures import figures as figures_of
    from store.partners import all_partners

    with open_store(path) as store:
        begin, end = _span(store)
        chance = random.Random(1)
        with timed(found, "figures, the first other ones"):
            figures_of(store, Parameters(as_of=end - 1))
        for _ in range(_TIMES):
            other = _others(chance, begin, end)
            with timed(found, "figures"):
                figures_of(store, other)
        for _ in range(_TIMES):
            other = _others(chance, begin, end)
            with timed(found, "partners"):
                rows = all_partners(store, other)
                assert rows[0] is not None


def _others(chance: random.Random, begin: int, end: int) -> Parameters:
    cutoff = chance.randrange(begin, end)
    return Parameters(
        as_of=chance.randrange(cutoff + 1, end + 1),
        window_days=chance.randrange(1, 366),
        cutoff=chance.choice((None, cutoff)),
    )


def pages(path: Path, found: Timed) -> None:
    """A page of raw events anywhere: of everybody, of one partner, and of what a filter leaves."""
    from store.event_filters import parse_filters
    from store.event_pages import EventQuestion, event_page

    with open_store(path) as store:
        busiest = _busiest(store)
        chance = random.Random(2)
        everybody = EventQuestion()
        one = EventQuestion(partner=busiest[0])
        denied = EventQuestion(filters=parse_filters("verdict:denied endpoint:feed"))
        for name, question in (("everybody", everybody), ("partner", one), ("filtered", denied)):
            with timed(found, f"{name}, the first page"):
                total = event_page(store, question, first=0, limit=_PAGE).total
            for _ in range(_TIMES):
                place = chance.randrange(max(total - _PAGE, 1))
                with timed(found, name):
                    page = event_page(store, question, first=place, limit=_PAGE)
                assert len(page.rows) == min(_PAGE, total)


def timelines(path: Path, found: Timed) -> None:
    """Every zoom of the timeline, of the busiest partners and of everybody, wherever one looks."""
    from store.timeline import timeline, whole_span

    with open_store(path) as store:
        begin, end = whole_span(store, None)
        chance = random.Random(3)
        whose: list[int | None] = [None, *_busiest(store)[:3]]
        whole = -(-(end - begin) // (_BINS * DAY)) * _BINS * DAY
        for partner in whose:
            with timed(found, "first"):
                timeline(store, partner, from_at=begin, until_at=begin + whole, bins=_BINS)
            # Finer bins of everybody are counted from every event's moment: read once, when first asked.
            with timed(found, "first within days"):
                timeline(store, partner, from_at=begin, until_at=begin + _HOUR, bins=_BINS)
        for name, width in (("days", DAY), ("hours", _HOUR), ("minutes", _HOUR // 60), ("seconds", _HOUR // 3600)):
            for number in range(_TIMES):
                start = chance.randrange(begin // width, max(end // width - _BINS, begin // width + 1)) * width
                partner = whose[number % len(whose)]
                with timed(found, name):
                    timeline(store, partner, from_at=start, until_at=start + _BINS * width, bins=_BINS)


def _span(store: Store) -> tuple[int, int]:
    from store.timeline import whole_span

    return whole_span(store, None)


def _busiest(store: Store) -> list[int]:
    """The partners with the most restricted reads, by internal id."""
    from store.partners import partner_list

    rows = sorted(partner_list(store, Parameters()), key=lambda row: -row.events)
    return [row.partner for row in rows[:10]]


def _resident_mib() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not say how much memory a process holds")


_WHAT: dict[str, Callable[[Path, Timed], None]] = {
    "first": first,
    "figures": figures,
    "pages": pages,
    "timelines": timelines,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ask", description=__doc__)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--what", choices=sorted(_WHAT), required=True)
    arguments = parser.parse_args()
    found: Timed = {}
    _WHAT[arguments.what](arguments.db, found)
    print(json.dumps({"milliseconds": found, "resident_mib": _resident_mib()}))


if __name__ == "__main__":
    main()
