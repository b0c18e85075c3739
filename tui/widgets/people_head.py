"""What is known of the people compared, in a few lines: how many, where they live, how many are minors."""

from rich.cells import cell_len

from store.people import PeopleCounts
from store.people_compared import Comparison
from store.sheet_words import cell_range
from tui.fitting import Fact, fit_facts
from tui.text import clean, count, number, plural, qualified, qualifier_words
from tui.widgets.case_facts import Line

_LABEL = 9


def people_lines(found: Comparison, width: int) -> list[Line]:
    """The lines, each at most so many cells wide."""
    return [_total(found, width), *_registered(found, width), _legend(width)]


def range_words(found: Comparison) -> str:
    """What all of it is about: the range of the reads, and the rulebook."""
    rules = f"rulebook {found.rulebook[:8]}" if found.rulebook else "empty rulebook"
    return f"reads {cell_range('accessed.people', found.figures)}   {rules}"


def _total(found: Comparison, width: int) -> Line:
    overlap, figures = found.overlap, found.figures
    told = f"{qualified(overlap.together, overlap.qualifier)} {plural(overlap.together, 'person')}"
    partners = count(sum(row.people > 0 for row in overlap.rows), "partner")
    missing = figures.coverage_days - figures.covered_days
    gap = f": {number(missing)} of {count(figures.coverage_days, 'day')} not logged" if missing else ""
    known = qualifier_words(overlap.qualifier)
    return fit_facts(
        [
            Fact(0, (((told, "strong"), (f" read by {partners}, each counted once", "")), ((told, "strong"),))),
            Fact(1, (((f"{known}{gap}", ""),), ((known, ""),))),
        ],
        width,
    )


def _registered(found: Comparison, width: int) -> list[Line]:
    """Countries and minors, as registries of people say; one line where none was imported."""
    counts = found.counts
    if counts is None:
        return [[("No registry of people was imported: countries and minors are not known.", "quiet")]]
    if not counts.people:
        return []
    return [_countries(counts, width), _minors(counts, width)]


def _countries(counts: PeopleCounts, width: int) -> Line:
    """The countries of most people, and how many more there are."""
    told = [(clean(country, 24), people) for country, people in counts.by_country if country is not None]
    silent = sum(people for country, people in counts.by_country if country is None)
    line: Line = [("Country".ljust(_LABEL), "quiet")]
    end = f"not told {number(silent)}" if silent else ""
    room = width - _LABEL - cell_len(end)
    for place, (country, people) in enumerate(told):
        piece, rest = f"{country} {number(people)}   ", len(told) - place
        more = f"and {number(rest)} more   "
        if cell_len(piece) + (0 if rest == 1 else cell_len(more)) > room:
            line.append((more, "quiet"))
            break
        line += [(f"{country} ", "quiet"), (f"{number(people)}   ", "")]
        room -= cell_len(piece)
    return [*line, (end, "quiet")] if end or told else [*line, ("not told", "quiet")]


def _minors(counts: PeopleCounts, width: int) -> Line:
    known = counts.minors + counts.adults
    return fit_facts(
        [
            Fact(0, (((f"{'Minors':{_LABEL}}", "quiet"), (number(counts.minors), "strong" if counts.minors else "")),)),
            Fact(1, ((("of ", "quiet"), (number(known), ""), (" whose age a registry tells", "quiet")),)),
            Fact(2, ((("not told ", "quiet"), (number(counts.unknown), "")),)),
        ],
        width,
    )


def _legend(width: int) -> Line:
    return fit_facts(
        [
            Fact(0, ((("Only here: by no other partner", "quiet"),),)),
            Fact(1, ((("Beyond: by no other compared", "quiet"),),)),
            Fact(2, ((("1 2 3 ..: shared with the partner of that number", "quiet"),), (("1 2 3: shared", "quiet"),))),
        ],
        width,
    )
