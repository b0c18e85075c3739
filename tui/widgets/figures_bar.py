"""The header: scope, populations, work, reliability. It shows `Figures` in words and decides nothing."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from store.figures import Figures
from store.instants import dates_within
from tui.fitting import Fact, Piece, Wording, fit_facts
from tui.text import clean, count, day, fit, lag, last_day, number, plural, qualified, short_day
from tui.widgets.incident_clocks import alarm_facts

_QUIET, _STRONG, _ALARM, _GOOD, _WARNING = "$quiet", "$head bold", "$error bold", "$success", "$warning"
_ASKED = (
    "deletion_requested",
    "deletion_certified",
    "audit_planned",
    "audit_started",
    "passed",
    "failed",
)
_CERTIFIED = _ASKED[1:]


class FiguresBar(Widget):
    """Four lines, or three where the screen is small."""

    DEFAULT_CSS = """
    FiguresBar { height: 4; padding: 0 1; background: $surface; }
    """

    def __init__(self, *, actor: str, read_only: bool, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._figures: Figures | None = None
        self._broken: Sequence[int] = ()
        self._who = clean(actor, 40)
        self._read_only = read_only
        self._waiting = "reading the figures ..."

    def show(self, figures: Figures) -> None:
        """Show these figures."""
        self._figures = figures
        self.refresh()

    def show_broken(self, claims: Sequence[int]) -> None:
        """Show that these claims, by number, are broken; none takes the alarm away."""
        if claims != self._broken:
            self._broken = claims
            self.refresh()

    def show_failure(self) -> None:
        """There are no figures to show: the message bar says why. Figures shown before stay."""
        self._waiting = "no figures: see the line at the foot"
        self.refresh()

    def render(self) -> Content:
        """The lines, each fitted to the width."""
        figures = self._figures
        if figures is None:
            return Content.styled(self._waiting, _QUIET)
        width = self.size.width
        scope = scope_facts(figures, self._who, read_only=self._read_only)
        small = self.size.height < 4
        clocks = alarm_facts(figures.clocks, beside=figures.today, small=small)
        if small:
            most = [
                work_facts(figures)[0],
                *claim_facts(self._broken),
                *late_facts(figures),
                reliability_facts(figures)[0],
            ]
            lines = [scope, population_facts(figures), [*most, *missing_facts(figures), *clocks]]
        else:
            last = [*reliability_facts(figures), *clocks]
            first, *others = work_facts(figures)
            work = [first, *claim_facts(self._broken), *others]
            lines = [scope, population_facts(figures), work, last]
        return _lines([fit_facts(line, width) for line in lines])


def _lines(lines: list[list[Piece]]) -> Content:
    return Content("\n").join(Content.assemble(*pieces) for pieces in lines)


def _label(text: str, value: str, style: str = _STRONG) -> Wording:
    return (f"{text} ", _QUIET), (value, style)


def scope_facts(figures: Figures, who: str, *, read_only: bool) -> list[Fact]:
    """What is looked at: incident, range of the reads, instant of the work, who looks."""
    name = clean(figures.incident, 60)
    last, as_of = last_day(figures.as_of), short_day(figures.as_of, beside=figures.as_of)
    dates = last if figures.cutoff is None else dates_within(figures.cutoff, figures.as_of)
    mode = "read only" if read_only else "rw"
    today = day(figures.today)
    return [
        Fact(3, (*(((fit(name, cells).rstrip(), _STRONG),) for cells in (60, 24, 12)), ())),
        Fact(
            4,
            (
                (
                    ("reads to " if figures.cutoff is None else "reads ", _QUIET),
                    (f"{dates} UTC", ""),
                    (f" (as of {as_of}, excl.)", _QUIET),
                ),
                (("reads to ", _QUIET), (f"{last} UTC", ""), (f" (as of {as_of})", _QUIET)),
            ),
        ),
        Fact(4, ((("work as of today ", _QUIET), (today, "")), (("today ", _QUIET), (today, "")))),
        Fact(1, (((who, "$accent"), (f" {mode}", _WARNING if read_only else _QUIET)),)),
    ]


def population_facts(figures: Figures) -> list[Fact]:
    """Who kept access, who read, who read lately, who read after removal."""
    if figures.cutoff is None:
        return [
            Fact(0, ((("! NO RULES: everything is judged allowed", _ALARM),),)),
            Fact(1, ((("`python -m store rules` loads some", _WARNING),),)),
        ]
    kept = number(figures.retained_partners)
    read, recent, after = figures.accessed, figures.recent, figures.after_removal
    partners, people, resources = (
        qualified(value, read.qualifier) for value in (read.partners, read.people, read.resources)
    )
    lately = qualified(recent.partners, recent.qualifier)
    dates = f"{day(figures.recent_from)[5:]}..{last_day(figures.as_of)[5:]}"
    window: Piece = (f"({dates if figures.recent_from < figures.as_of else 'no rule yet'}) ", _QUIET)
    last_days = f"LAST {figures.window_days} D"
    facts = [
        Fact(1, (_label("KEPT ACCESS", kept), _label("KEPT", kept))),
        Fact(
            1,
            tuple(
                (*_label("READ", partners), (between, _QUIET), (people, _STRONG), (" people", _QUIET))
                for between in (f" {plural(read.partners, 'partner')}  ", ", ")
            ),
        ),
        Fact(2, (((resources, _STRONG), (f" {plural(read.resources, 'resource')}", _QUIET)),)),
        Fact(
            3,
            (
                (
                    (f"{last_days} ", _QUIET),
                    window,
                    (lately, _STRONG),
                    (f" {plural(recent.partners, 'partner')}", _QUIET),
                ),
                ((f"{last_days} ", _QUIET), window, (lately, _STRONG)),
                _label(last_days, lately),
                _label(f"{figures.window_days} D", lately),
            ),
        ),
    ]
    if after.partners:
        said = f"AFTER REMOVAL {qualified(after.partners, after.qualifier)}"
        facts.append(Fact(0, (((f"! {said}", _ALARM),),)))
        if figures.after_removal_first_lag is not None:
            facts.append(Fact(9, ((("first ", _QUIET), (lag(figures.after_removal_first_lag), _ALARM)), ())))
    else:
        facts.append(Fact(1, (_label("AFTER REMOVAL", "none found", ""), _label("AFTER REMOVAL", "none", ""))))
    return facts


def work_facts(figures: Figures) -> list[Fact]:
    """How far the remediation is, what is wrong with it, and where the cases stand."""
    audits, cases = figures.audits, figures.cases
    asked = number(sum(audits.get(stage, 0) for stage in _ASKED))
    certified = number(sum(audits.get(stage, 0) for stage in _CERTIFIED))
    passed = number(audits.get("passed", 0))
    arrow: Piece = (" > ", _QUIET)

    def funnel(*words: str) -> Wording:
        first, second, third = words
        return (*_label(first, asked), arrow, *_label(second, certified), arrow, *_label(third, passed))

    return [
        Fact(1, (funnel("Deletion asked", "certified", "audit passed"), funnel("Asked", "cert", "passed"))),
        *late_facts(figures),
        Fact(
            3,
            (
                (
                    *_label("Cases", number(cases.get("open", 0))),
                    (" open  ", _QUIET),
                    (number(cases.get("flagged", 0)), _STRONG),
                    (" flagged  ", _QUIET),
                    (number(cases.get("cleared", 0)), _STRONG),
                    (" closed", _QUIET),
                ),
            ),
        ),
    ]


def claim_facts(broken: Sequence[int]) -> list[Fact]:
    """Public sentences that the evidence contradicts."""
    if not broken:
        return []
    said = f"! claim {broken[0]} broken" if len(broken) == 1 else f"! {count(len(broken), 'claim')} broken"
    return [Fact(0, (((said, _ALARM),),))]


def late_facts(figures: Figures) -> list[Fact]:
    """Work that is late, and certificates that the log contradicts."""
    facts = []
    if late := figures.audits.get("overdue", 0):
        facts.append(Fact(0, (((f"! {number(late)} late", _ALARM),),)))
    if wrong := figures.audits.get("contradicted", 0):
        facts.append(Fact(2, (((f"! {number(wrong)} contradicted", _ALARM),), ((f"! X {number(wrong)}", _ALARM),))))
    return facts


def missing_facts(figures: Figures) -> list[Fact]:
    """What must be seen on the smallest screen: imports that count nowhere yet, evidence never imported."""
    facts = []
    if not sum(figures.verdicts.values()) + figures.events_from_as_of:
        facts.append(Fact(0, ((("! no access event imported", _ALARM),),)))
    if unfinished := figures.unfinished_imports:
        words = (f"! {count(unfinished, 'import')} unfinished", f"! {number(unfinished)} unfinished")
        facts.append(Fact(0, tuple(((said, _ALARM),) for said in words)))
    missing = [
        name
        for name, settled in (("opt-ins", figures.settled_opt_ins), ("exemptions", figures.settled_exemptions))
        if not settled
    ]
    if missing:
        words = (f"! {' and '.join(missing)} MISSING", f"! no {'/'.join(missing)}")
        facts.append(Fact(0, tuple(((said, _WARNING),) for said in words)))
    return facts


def reliability_facts(figures: Figures) -> list[Fact]:
    """How far the figures can be trusted."""
    covered, days = figures.covered_days, figures.coverage_days
    whole = covered == days and figures.coverage_basis == "imported"
    style = _GOOD if whole else _WARNING
    inferred = "" if figures.coverage_basis == "imported" else " inferred"
    logged = f"{number(covered)}/{number(days)}"
    recently = f"{number(figures.recent_covered_days)}/{number(figures.recent_days)}"
    facts = [
        Fact(
            1,
            (
                (
                    *_label("Logged", f"{logged} d{inferred}", style),
                    (f", last {figures.window_days}: ", _QUIET),
                    (recently, style),
                ),
                _label("Logged", f"{logged}{inferred}", style),
            ),
        ),
        *missing_facts(figures),
    ]
    settled = [("opt-ins ", figures.settled_opt_ins), ("exemptions ", figures.settled_exemptions)]
    fine = [piece for name, is_settled in settled if is_settled for piece in ((name, _QUIET), ("ok  ", _GOOD))]
    if fine:
        facts.append(Fact(4, ((*fine[:-1], ("ok", _GOOD)),)))
    for value, words, rank in (
        (figures.verdicts.get("undetermined", 0), "unsettled", 2),
        (figures.quarantined, "quarantined", 2),
        (len(figures.unmapped_scopes), f"{plural(len(figures.unmapped_scopes), 'scope')} not mapped", 3),
    ):
        if value:
            facts.append(Fact(rank, (((f"{number(value)} {words}", _WARNING),),)))
    if later := figures.events_from_as_of:
        sayings = (f"{count(later, 'event')} from as-of on, not counted", f"{number(later)} later, not counted")
        facts.append(Fact(5, tuple(((said, _QUIET),) for said in sayings)))
    return facts
