"""The figures in plain English: a paragraph that may be quoted alone, so that every number bears its own limits."""

from store.instants import format_day, last_day_before
from store.kept import Evidence, Population
from store.parameters import View
from store.words import count_words, counted

_AT_LEAST = {"exact": "", "at_least": "at least ", "unsettled": ""}
# Counts of reads that a missing registry may excuse: said once, of all of them.
_UNSETTLED = "could be too high, because {lacking} were never imported: "


def sentence(evidence: Evidence, view: View) -> str:
    """Who kept access, who read, lately, and after removal; in the words of DOMAIN."""
    if view.cutoff is None:
        return f"{counted(evidence.retained_partners, 'partner')} kept access: the rulebook has no rules."
    since, until = format_day(view.cutoff), last_day_before(view.as_of)
    if view.as_of <= view.cutoff:
        return (
            f"The rules begin on {since}, not before as-of {format_day(view.as_of)}: no read is restricted, and nobody"
            " kept access."
        )
    kept = f"{_kept(evidence)} between {since} and {until} UTC"
    read = evidence.accessed
    parts = [kept, _read(read, evidence) if read.events else "no restricted read found"]
    if read.events:
        parts += [_lately(evidence, view, until), _after(evidence)]
    limits = "complete in the log" if read.qualifier == "exact" else _limits(evidence)
    if read.events or read.qualifier != "exact":
        parts.append(limits)
    else:
        parts[-1] += f" in {_days(evidence.whole.covered_days, evidence.whole.days)} that are logged"
    return f"{'; '.join(parts)}."


def _kept(evidence: Evidence) -> str:
    kept = f"{counted(evidence.retained_partners, 'partner')} kept access"
    if evidence.grants_known:
        return kept
    return f"no grants were imported, so who kept access is known from reads alone: {kept}"


def _read(read: Population, evidence: Evidence) -> str:
    how = _AT_LEAST[read.qualifier]
    what = f"{how}{counted(read.partners, 'partner')} read restricted data"
    what += (
        f" of {how}{counted(read.people, 'person', 'people')}"
        if read.people
        else " of people whom the log does not name"
    )
    what += f" in {how}{counted(read.resources, 'resource')}" if read.resources else ""
    what += f", {how}{counted(read.events, 'time')}"
    if read.qualifier != "unsettled":
        return what
    lacking = [
        name
        for name, settled in (("opt-ins", evidence.settled_opt_ins), ("exemptions", evidence.settled_exemptions))
        if not settled
    ]
    return _UNSETTLED.format(lacking=" and ".join(lacking)) + what


def _lately(evidence: Evidence, view: View, until: str) -> str:
    """The recent ones, with how much of the window is logged where that is not all."""
    since = view.recent_from if view.cutoff is None else max(view.recent_from, view.cutoff)
    window, days = evidence.window, view.window_days
    logged = "" if window.is_complete else f"; {_logged(evidence, window.covered_days, window.days)}"
    last = "the last day" if days == 1 else f"the last {count_words(days)} days"
    return f"{_partners(evidence.recent)} did so in {last} ({format_day(since)} to {until}{logged})"


def _after(evidence: Evidence) -> str:
    if not evidence.removals_known:
        return "no removal of access was imported, so reads after removal cannot be told"
    return f"{_partners(evidence.after_removal)} did so after their access was removed"


def _partners(population: Population) -> str:
    """The partners of a population with their qualifier; of none only that the log shows none."""
    if not population.partners:
        return "no partner found in the log"
    return f"{_AT_LEAST[population.qualifier]}{counted(population.partners, 'partner')}"


def _limits(evidence: Evidence) -> str:
    """Why the figures of reads are not complete in the log."""
    whole, read = evidence.whole, evidence.accessed
    told = [_logged(evidence, whole.covered_days, whole.days)]
    if undetermined := evidence.verdicts["undetermined"]:
        told.append(f"{counted(undetermined, 'read')} unsettled")
    if nobody := read.events_without_subject:
        told.append(f"{counted(nobody, 'restricted read')} without a person")
    if evidence.quarantined:
        told.append(f"{counted(evidence.quarantined, 'quarantined record')}")
    return ", ".join(told)


def _logged(evidence: Evidence, covered: int, days: int) -> str:
    if evidence.whole.basis == "imported":
        return f"{_days(covered, days)} logged"
    return f"events on {_days(covered, days)}, and no log says that it is complete"


def _days(some: int, days: int) -> str:
    return f"{count_words(some)} of {counted(days, 'day')}"
