"""The header: scope, populations, work, reliability. It shows `Figures` in words and decides nothing."""

from textual.content import Content
from textual.widget import Widget

from store.figures import Figures
from store.kept import Population
from tui.fitting import Fact, Piece, fit_facts
from tui.text import clean, count, day, last_day, number, plural, qualified, short_day

_QUIET, _STRONG, _ALARM, _GOOD, _WARNING = "$quiet", "$head bold", "$error bold", "$success", "$warning"
_REQUESTED = (
    "deletion_requested",
    "deletion_certified",
    "audit_planned",
    "audit_started",
    "audit_passed",
    "audit_failed",
)
_CERTIFIED = _REQUESTED[1:]


class FiguresBar(Widget):
    """Four lines, or three where the screen is small."""

    DEFAULT_CSS = """
    FiguresBar { height: 4; padding: 0 1; background: $surface; }
    """

    def __init__(self, *, actor: str, read_only: bool, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._figures: Figures | None = None
        self._who = clean(actor, 40)
        self._read_only = read_only

    def show(self, figures: Figures) -> None:
        """Show these figures."""
        self._figures = figures
        self.refresh()

    def render(self) -> Content:
        """The lines, each fitted to the width."""
        figures = self._figures
        if figures is None:
            return Content.styled("reading the figures ...", _QUIET)
        width = self.size.width
        scope = scope_facts(figures, self._who, read_only=self._read_only)
        if self.size.height >= 4:
            lines = [scope, population_facts(figures), work_facts(figures), reliability_facts(figures)]
            return _lines([fit_facts(line, width) for line in lines])
        small = [*work_facts(figures)[:1], *troubles(figures), *reliability_facts(figures)[:1]]
        return _lines(
            [
                fit_facts(scope, width),
                fit_facts(population_facts(figures), width),
                fit_facts(small, width, all_short=True),
            ]
        )


def _lines(lines: list[list[Piece]]) -> Content:
    return Content("\n").join(Content.assemble(*pieces) for pieces in lines)


def _label(text: str, value: str, style: str = _STRONG) -> tuple[Piece, ...]:
    return (f"{text} ", _QUIET), (value, style)


def scope_facts(figures: Figures, who: str, *, read_only: bool) -> list[Fact]:
    """What is looked at: incident, range of the reads, instant of the work, who looks."""
    name = clean(figures.incident, 60)
    last, as_of = last_day(figures.as_of), short_day(figures.as_of, beside=figures.as_of)
    begin = "" if figures.cutoff is None else f"{day(figures.cutoff)} .. "
    mode = "read only" if read_only else "rw"
    return [
        Fact(1, ((name, _STRONG),), ((name[:24] + "…" if len(name) > 25 else name, _STRONG),)),
        Fact(
            2,
            (("reads ", _QUIET), (f"{begin}{last} UTC", ""), (f" (as of {as_of}, excl.)", _QUIET)),
            (("reads to ", _QUIET), (f"{last} UTC", ""), (f" (as of {as_of})", _QUIET)),
        ),
        Fact(
            4,
            (("work as of today ", _QUIET), (day(figures.today), "")),
            (("today ", _QUIET), (day(figures.today), "")),
        ),
        Fact(3, ((who, "$accent"), (f" {mode}", _WARNING if read_only else _QUIET))),
    ]


def population_facts(figures: Figures) -> list[Fact]:
    """Who kept access, who read, who read lately, who read after removal."""
    read, recent, after = figures.accessed, figures.recent, figures.after_removal
    partners, people, resources = (
        qualified(value, read.qualifier) for value in (read.partners, read.people, read.resources)
    )
    lately = f"{day(figures.recent_from)[5:]}..{last_day(figures.as_of)[5:]}"
    facts = [
        Fact(
            0,
            _label("KEPT ACCESS", number(figures.retained_partners)),
            _label("KEPT", number(figures.retained_partners)),
        ),
        Fact(
            1,
            (
                *_label("READ", partners),
                (f" {plural(read.partners, 'partner')}", _QUIET),
                (f"  {people}", _STRONG),
                (" people", _QUIET),
                (f"  {resources}", _STRONG),
                (f" {plural(read.resources, 'resource')}", _QUIET),
            ),
            (*_label("READ", partners), (f"  {people}", _STRONG), (" people", _QUIET)),
        ),
        Fact(
            2,
            (
                *_label(f"LAST {figures.window_days} D", ""),
                (f"({lately}) ", _QUIET),
                (qualified(recent.partners, recent.qualifier), _STRONG),
                (f" {plural(recent.partners, 'partner')}", _QUIET),
            ),
            _label(f"{figures.window_days} D", qualified(recent.partners, recent.qualifier)),
        ),
    ]
    if after.partners:
        said = f"! AFTER REMOVAL {qualified(after.partners, after.qualifier)}"
        facts.append(Fact(0, ((said, _ALARM),), gap=3))
    else:
        facts.append(Fact(5, _label("AFTER REMOVAL", _none_after(after), "")))
    return facts


def _none_after(after: Population) -> str:
    return "none found" if after.qualifier == "exact" else "none found so far"


def work_facts(figures: Figures) -> list[Fact]:
    """How far the remediation is, and where the cases stand."""
    audits, cases = figures.audits, figures.cases
    requested = sum(audits.get(stage, 0) for stage in _REQUESTED)
    certified = sum(audits.get(stage, 0) for stage in _CERTIFIED)
    passed = audits.get("audit_passed", 0)
    arrow: Piece = (" > ", _QUIET)
    return [
        Fact(
            0,
            (
                *_label("Deletion asked", number(requested)),
                arrow,
                *_label("certified", number(certified)),
                arrow,
                *_label("audit passed", number(passed)),
            ),
            (
                *_label("Asked", number(requested)),
                arrow,
                *_label("cert", number(certified)),
                arrow,
                *_label("passed", number(passed)),
            ),
        ),
        *_late_facts(figures),
        Fact(
            3,
            (
                *_label("Cases", number(cases.get("open", 0))),
                (" open  ", _QUIET),
                (number(cases.get("flagged", 0)), _STRONG),
                (" flagged  ", _QUIET),
                (number(cases.get("cleared", 0)), _STRONG),
                (" closed", _QUIET),
            ),
        ),
    ]


def _late_facts(figures: Figures) -> list[Fact]:
    facts = []
    if late := figures.audits.get("overdue", 0):
        facts.append(Fact(1, ((f"! {number(late)} late", _ALARM),)))
    if contradicted := figures.audits.get("contradicted", 0):
        facts.append(Fact(2, ((f"! {number(contradicted)} contradicted", _ALARM),), gap=2))
    return facts


def troubles(figures: Figures) -> list[Fact]:
    """What must be seen on the smallest screen: late work, missing registries, imports that count nowhere yet."""
    return [*_late_facts(figures), *_missing_facts(figures)]


def _missing_facts(figures: Figures) -> list[Fact]:
    facts = []
    if figures.unfinished_imports:
        said = f"! {count(figures.unfinished_imports, 'import')} unfinished"
        facts.append(Fact(1, ((said, _ALARM),)))
    if not figures.settled_opt_ins:
        facts.append(Fact(1, (("! opt-ins MISSING", _WARNING),)))
    if not figures.settled_exemptions:
        facts.append(Fact(1, (("! exemptions MISSING", _WARNING),), gap=2))
    return facts


def reliability_facts(figures: Figures) -> list[Fact]:
    """How far the figures can be trusted."""
    covered, days = figures.covered_days, figures.coverage_days
    whole = covered == days and figures.coverage_basis == "imported"
    style = _GOOD if whole else _WARNING
    inferred = "" if figures.coverage_basis == "imported" else " inferred"
    logged = f"{number(covered)}/{number(days)}"
    facts = [
        Fact(
            0,
            (
                *_label("Logged", f"{logged} d{inferred}", style),
                (f", last {figures.window_days}: ", _QUIET),
                (f"{number(figures.recent_covered_days)}/{number(figures.recent_days)}", style),
            ),
            _label("Logged", f"{logged}{inferred}", style),
        )
    ]
    facts += _missing_facts(figures)
    if figures.settled_opt_ins:
        facts.append(Fact(4, (("opt-ins ", _QUIET), ("ok", _GOOD))))
    if figures.settled_exemptions:
        facts.append(Fact(4, (("exemptions ", _QUIET), ("ok", _GOOD)), gap=2))
    if unsettled := figures.verdicts.get("undetermined", 0):
        facts.append(Fact(2, ((f"{number(unsettled)} unsettled", _WARNING),)))
    if figures.quarantined:
        facts.append(Fact(2, ((f"{number(figures.quarantined)} quarantined", _WARNING),), gap=2))
    if figures.unmapped_scopes:
        said = count(len(figures.unmapped_scopes), "scope")
        facts.append(Fact(3, ((f"{said} not mapped", _WARNING),)))
    if figures.events_from_as_of:
        facts.append(Fact(4, ((f"{number(figures.events_from_as_of)} events from as-of on, not counted", _QUIET),)))
    return facts
