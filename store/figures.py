"""The figures of an incident: who kept access, who read, lately, and after removal; and how far they can be trusted."""

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.connection import Store
from store.instants import format_instant
from store.kept import Evidence, Population, is_stale, kept_evidence, kept_retained_among
from store.parameters import Parameters, View, resolve
from store.rulebook import rulebook_in
from store.sentence import sentence

if TYPE_CHECKING:
    from store.incident_clocks import ClockState


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything the header of the board and the `figures` command say.

    Attributes:
        as_of, cutoff, today: microseconds UTC; `as_of` exclusive; `cutoff` None without rules.
        recent_from: first instant of the window, microseconds UTC, never before the cut-off.
        verdicts: events before as-of by verdict; `denied` among them.
        events_from_as_of: events at or after as-of, which count nowhere else.
        cases: cases by status. `audits`: partners by stage, and `overdue`.
        clocks: the incident's own, judged at today.
        coverage_days, covered_days: UTC days touched by `[cutoff, as_of)`, and those wholly logged.
        recent_days, recent_covered_days: the same for the window.
        quarantined: unresolved quarantined records of live imports.
        unfinished_imports: imports that count nowhere yet.
        after_removal_first_lag: smallest lag, microseconds.
        unmapped_scopes: granted scopes that the rulebook does not map: they cover nothing.
        settled_opt_ins, settled_exemptions: whether that registry was declared (True also where no rule accepts it).
    """

    incident: str
    as_of: int
    cutoff: int | None
    window_days: int
    recent_from: int
    today: int
    retained_partners: int
    retained_apps: int
    ungranted_partners: int
    accessed: Population
    recent: Population
    after_removal: Population
    denied_attempts: int
    after_removal_first_lag: int | None
    verdicts: dict[str, int]
    events_from_as_of: int
    cases: dict[str, int]
    audits: dict[str, int]
    coverage_days: int
    covered_days: int
    recent_days: int
    recent_covered_days: int
    coverage_basis: str
    quarantined: int
    unfinished_imports: int
    settled_opt_ins: bool
    settled_exemptions: bool
    unmapped_scopes: tuple[str, ...]
    qualifier: str
    caveats: tuple[str, ...]
    sentence: str
    clocks: tuple["ClockState", ...] = ()


_INCIDENT = "SELECT name FROM incident"
_UNFINISHED = "SELECT count(*) FROM imports WHERE state = 'loading'"
_CASES = "SELECT partner, status FROM cases"


def figures(store: Store, parameters: Parameters) -> Figures:
    """The figures under these parameters: computed from the rows, or as kept for the rulebook's own."""
    from store.audit_rows import steps_of_incident
    from store.audits import count_stages, track_marks
    from store.incident_clocks import clock_states

    with store.reading() as connection:
        rulebook = rulebook_in(connection)
        view = resolve(rulebook, parameters)
        statuses = dict(connection.execute(_CASES).fetchall())
        # Steps are judged at today: a partner that has one is counted, whatever the as-of.
        marks = track_marks(connection, today=view.today, others=False)
        worked_on = {*statuses, *marks}
        evidence, retained = _evidence(store, connection, view, worked_on, kept=parameters.are_defaults())
        # Of the others that kept access nothing is written: their cases are open, their tracks empty.
        cases = dict.fromkeys(("open", "flagged", "cleared"), 0)
        for status in statuses.values():
            cases[status] += 1
        cases["open"] += evidence.retained_partners - sum(partner in retained for partner in statuses)
        audits = count_stages(marks, worked_on)
        audits["none"] += evidence.retained_partners - len(retained)
        (unfinished,) = connection.execute(_UNFINISHED).fetchone()
        incident = incident_name(store, connection)
        clocks = clock_states(rulebook, view.today, steps_of_incident(connection), evidence.accessed)
    caveats = evidence.caveats
    if unfinished:
        caveats = (*caveats, f"{unfinished} unfinished imports count nowhere: import their files again to finish them")
    return Figures(
        incident=incident,
        as_of=view.as_of,
        cutoff=view.cutoff,
        window_days=view.window_days,
        recent_from=view.recent_from if view.cutoff is None else max(view.recent_from, view.cutoff),
        today=view.today,
        retained_partners=evidence.retained_partners,
        retained_apps=evidence.retained_apps,
        ungranted_partners=evidence.ungranted_partners,
        accessed=evidence.accessed,
        recent=evidence.recent,
        after_removal=evidence.after_removal,
        denied_attempts=evidence.denied_attempts,
        after_removal_first_lag=evidence.first_lag,
        verdicts=evidence.verdicts,
        events_from_as_of=evidence.events_from_as_of,
        cases=cases,
        audits=audits,
        coverage_days=evidence.whole.days,
        covered_days=evidence.whole.covered_days,
        recent_days=evidence.window.days,
        recent_covered_days=evidence.window.covered_days,
        coverage_basis=evidence.whole.basis,
        quarantined=evidence.quarantined,
        unfinished_imports=unfinished,
        settled_opt_ins=evidence.settled_opt_ins,
        settled_exemptions=evidence.settled_exemptions,
        unmapped_scopes=evidence.unmapped_scopes,
        qualifier=evidence.accessed.qualifier,
        caveats=caveats,
        sentence=sentence(evidence, view),
        clocks=clocks,
    )


def _evidence(
    store: Store, connection: sqlite3.Connection, view: View, worked_on: set[int], *, kept: bool
) -> tuple[Evidence, set[int]]:
    """The evidence's figures, and which of the partners that were worked on kept access."""
    if kept and not view.as_of_is_now and not is_stale(connection):
        evidence = kept_evidence(connection)
        if evidence is not None:
            return evidence, kept_retained_among(connection, worked_on)
    from store.evidence import Assessment
    from store.world import world_under

    assessment = Assessment(connection, world_under(store, connection, view.variation), view)
    return assessment.evidence(), assessment.retained_among(worked_on)


def evidence_of(store: Store, connection: sqlite3.Connection, view: View, *, kept: bool) -> Evidence:
    """The evidence's figures alone.

    Args:
        kept: the view is the rulebook's own, so that what the last refresh kept answers.
    """
    return _evidence(store, connection, view, set(), kept=kept)[0]


def incident_name(store: Store, connection: sqlite3.Connection) -> str:
    """The incident's name: as given at `init`, else the rulebook's, else the file's."""
    (name,) = connection.execute(_INCIDENT).fetchone()
    return str(name) or rulebook_in(connection).name or store.path.stem


def _population(population: Population) -> dict[str, object]:
    return dict(population._asdict())


def figures_document(answer: Figures) -> dict[str, object]:
    """The figures as `python -m store figures --json` prints them (INTERFACE)."""
    from store.incident_clocks import clock_document

    return {
        "incident": answer.incident,
        "as_of": format_instant(answer.as_of),
        "cutoff": None if answer.cutoff is None else format_instant(answer.cutoff),
        "window_days": answer.window_days,
        "today": format_instant(answer.today),
        "retained": {
            "partners": answer.retained_partners,
            "apps": answer.retained_apps,
            "ungranted_partners": answer.ungranted_partners,
        },
        "accessed": _population(answer.accessed),
        "recent": _population(answer.recent),
        "after_removal": {
            **_population(answer.after_removal),
            "denied_attempts": answer.denied_attempts,
            "first_lag_seconds": None
            if answer.after_removal_first_lag is None
            else answer.after_removal_first_lag / 1_000_000,
        },
        "verdicts": answer.verdicts,
        "events_from_as_of": answer.events_from_as_of,
        "cases": answer.cases,
        "audits": answer.audits,
        "coverage": {
            "days": answer.coverage_days,
            "covered_days": answer.covered_days,
            "basis": answer.coverage_basis,
        },
        "qualifier": answer.qualifier,
        "caveats": list(answer.caveats),
        "sentence": answer.sentence,
        "clocks": [clock_document(clock) for clock in answer.clocks],
        "quarantined": answer.quarantined,
        "unfinished_imports": answer.unfinished_imports,
        "unmapped_scopes": list(answer.unmapped_scopes),
    }
