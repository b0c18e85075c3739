"""The figures of an incident: who kept access, who read, lately, and after removal; and how far they can be trusted."""

from dataclasses import dataclass

from store.connection import Store
from store.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Population:
    """One population's figures, over its improper events (DOMAIN, Figures).

    Attributes:
        people: distinct subjects over all its partners and apps.
        records: sum over the events whose log says so; the others are `events_without_records`.
        qualifier: `exact`, `at_least` or `unsettled`.
    """

    partners: int
    apps: int
    people: int
    resources: int
    events: int
    records: int
    events_without_subject: int
    events_without_records: int
    qualifier: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything the header of the board and the `figures` command say.

    Attributes:
        as_of, cutoff, today: microseconds UTC; `as_of` exclusive; `cutoff` None without rules.
        recent_from: first instant of the window, microseconds UTC, never before the cut-off.
        verdicts: events before as-of by verdict; `denied` among them.
        events_from_as_of: events at or after as-of, which count nowhere else.
        cases: cases by status. `audits`: partners by stage, and `overdue`.
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


def figures(store: Store, parameters: Parameters) -> Figures:
    """The figures under these parameters."""
    raise NotImplementedError


def figures_document(answer: Figures) -> dict[str, object]:
    """The figures as `python -m store figures --json` prints them (INTERFACE)."""
    raise NotImplementedError
