"""The cells of the sheet in words: what each is called, what the figures say in it, and which qualifier it bears."""

from typing import NamedTuple

from store.figures import Figures
from store.instants import dates_within, format_day, last_day_before
from store.members import Flipped
from store.sheet import Comparison, Flips
from store.sheet_rows import MEASURES, READING, WITHOUT
from store.words import QUALIFIERS, VERDICTS, count_words, qualified, step_words

POPULATION_WORDS = {
    "retained": "kept access",
    "accessed": "read",
    "recent": "read lately",
    "after_removal": "read after removal",
}
MEASURE_WORDS = {
    "partners": "partners",
    "apps": "apps",
    "people": "people",
    "resources": "resources",
    "data_classes": "data classes",
    "events": "restricted reads",
    "records": "records",
    "events_without_subject": "reads without a person",
    "events_without_records": "reads without a number of records",
    "ungranted_partners": "partners shown by reads alone",
    "denied_attempts": "denied attempts",
}
CASE_WORDS = {"open": "open", "flagged": "flagged", "cleared": "closed"}
_COVERAGE_WORDS = {"days": "days from the cut-off to as-of", "covered_days": "of them wholly logged"}
_NAMED_FLIPS = 12


class Number(NamedTuple):
    """What a sheet says in one cell.

    Attributes:
        qualifier: of the population's; empty for what is counted in the record or always exact.
    """

    value: int
    qualifier: str

    @property
    def words(self) -> str:
        """`≥41,207`."""
        return qualified(self.value, self.qualifier) if self.qualifier else count_words(self.value)


class Compared(NamedTuple):
    """One cell under the sheet's own parameters and under those of a what-if."""

    cell: str
    now: Number
    what_if: Number

    @property
    def difference(self) -> int:
        """How much the what-if's number is above the other."""
        return self.what_if.value - self.now.value


def number_in(figures: Figures, cell: str) -> Number:
    """The number of a cell, with its qualifier."""
    area, _, name = cell.partition(".")
    if area in READING:
        population = getattr(figures, area)
        if name == "denied_attempts":
            return Number(figures.denied_attempts, "")
        # Those of which the log says too little are what they are.
        return Number(getattr(population, name), "" if name in WITHOUT else population.qualifier)
    if area == "retained":
        values = {"apps": figures.retained_apps, "ungranted_partners": figures.ungranted_partners}
        return Number(values.get(name, figures.retained_partners), "")
    if area == "coverage":
        return Number(figures.coverage_days if name == "days" else figures.covered_days, "")
    if area == "events_from_as_of":
        return Number(figures.events_from_as_of, "")
    counts = {"verdicts": figures.verdicts, "cases": figures.cases, "audits": figures.audits}[area]
    return Number(counts.get(name, 0), "")


def cell_words(cell: str, figures: Figures | None = None) -> str:
    """What a cell is called: `read: people`, `cases: closed`.

    Args:
        figures: of which it tells the window: `read in the last 60 days: people`.
    """
    area, _, name = cell.partition(".")
    if area == "events_from_as_of":
        return "events from as-of on, counted nowhere"
    if area == "coverage":
        return f"days: {_COVERAGE_WORDS[name]}"
    if area == "verdicts":
        return f"events before as-of: {VERDICTS[name]}"
    if area == "cases":
        return f"cases: {CASE_WORDS[name]}"
    if area == "audits":
        return f"audits: {step_words(name)}"
    population = POPULATION_WORDS[area]
    if area == "recent" and figures is not None:
        population = f"read in the last {figures.window_days} days"
    return f"{population}: {MEASURE_WORDS[name]}"


def cell_range(cell: str, figures: Figures) -> str:
    """The dates that a cell is about: `2018-04-04 .. 2019-11-04 UTC`; of work, the day at which it is judged."""
    area = cell.partition(".")[0]
    if area in ("cases", "audits"):
        return f"as of {format_day(figures.today)}"
    if area == "events_from_as_of":
        return f"from {format_day(figures.as_of)} UTC on"
    if area == "verdicts" or figures.cutoff is None:
        return f"to {last_day_before(figures.as_of)} UTC"
    return f"{dates_within(figures.recent_from if area == 'recent' else figures.cutoff, figures.as_of)} UTC"


def qualifier_words(qualifier: str) -> str:
    """`complete in the log`, `at least`, `unsettled: could be too high`; nothing for none."""
    return "unsettled: could be too high" if qualifier == "unsettled" else QUALIFIERS.get(qualifier, "")


COMPARED = (
    "retained.partners",
    "retained.apps",
    "retained.ungranted_partners",
    *(f"{name}.{measure}" for name in READING for measure in (*MEASURES, WITHOUT[0])),
    "after_removal.denied_attempts",
    *(f"verdicts.{name}" for name in VERDICTS),
    "events_from_as_of",
    "coverage.days",
    "coverage.covered_days",
)


def compared(found: Comparison) -> tuple[Compared, ...]:
    """The cells of both sheets side by side, as far as the evidence decides them: a what-if touches no case."""
    return tuple(Compared(cell, number_in(found.now, cell), number_in(found.what_if, cell)) for cell in COMPARED)


def remarks(found: Comparison) -> tuple[str, ...]:
    """What must be said of a what-if that asks outside the data, or leaves nothing."""
    asked, told = found.what_if, []
    if asked.cutoff is not None and asked.cutoff >= asked.as_of:
        told.append(
            f"the rules would begin on {format_day(asked.cutoff)}, not before as-of {format_day(asked.as_of)}:"
            " nothing can have been read"
        )
    elif not sum(asked.verdicts.values()):
        told.append(f"no event is logged before as-of {format_day(asked.as_of)}")
    elif not asked.retained_partners and not asked.accessed.events and asked.cutoff is not None:
        told.append("under this what-if nobody kept access, and no restricted read is found")
    return tuple(told)


def flip_words(flips: Flips) -> tuple[str, ...]:
    """Who enters a population and who leaves it, a line each; none where nobody does.

    Names are the registry's, and not clean.
    """
    lines = []
    for verb, partners in (("enters", flips.entered), ("leaves", flips.left)):
        if partners:
            shown = ", ".join(each.name for each in partners[:_NAMED_FLIPS])
            more = f" and {count_words(len(partners) - _NAMED_FLIPS)} more" if len(partners) > _NAMED_FLIPS else ""
            verb = verb if len(partners) == 1 else verb[:-1] if verb == "enters" else "leave"
            lines.append(f"{count_words(len(partners))} {verb} '{POPULATION_WORDS[flips.population]}': {shown}{more}")
    return tuple(lines)


def difference_words(difference: int) -> str:
    """`+2`, `-310`; `=` for none."""
    return "=" if not difference else f"{difference:+,}"


def _flip_document(found: Flipped) -> dict[str, str]:
    return {"partner_id": found.partner_id, "name": found.name}


def comparison_document(found: Comparison) -> dict[str, object]:
    """Both columns, the difference and the partners that flip, as JSON."""
    return {
        "figures": [
            {
                "figure": each.cell,
                "now": each.now.value,
                "now_qualifier": each.now.qualifier or None,
                "what_if": each.what_if.value,
                "what_if_qualifier": each.what_if.qualifier or None,
                "difference": each.difference,
            }
            for each in compared(found)
        ],
        "flips": [
            {
                "population": flips.population,
                "entered": [_flip_document(each) for each in flips.entered],
                "left": [_flip_document(each) for each in flips.left],
            }
            for flips in found.flips
        ],
        "remarks": list(remarks(found)),
    }
