"""The clocks of the incident in few words: for the header of the board, and above the stages. It draws nothing."""

from collections.abc import Sequence

from store.incident_clocks import MET_LATE, NEAR, NOT_REQUIRED, OVERDUE, RUNNING, ClockState
from store.stages import Duty
from tui.fitting import Fact, Piece
from tui.text import clock, day, number, short_day

_QUIET, _STRONG, _ALARM, _GOOD, _WARNING = "$quiet", "$head bold", "$error bold", "$success", "$warning"
# Of each step: what it is about, what was done, and what was not.
_WORDS = {
    "authority_told": ("Authority", "told", "not told"),
    "report_filed": ("Report", "filed", "not filed"),
    "people_told": ("People", "told", "not told"),
}


def alarm_facts(clocks: Sequence[ClockState], *, beside: int, small: bool) -> list[Fact]:
    """What of the incident's clocks must be seen on the board: what is overdue, and a threshold that comes near.

    Args:
        beside: today, microseconds UTC: a date of its year is told without it.
        small: the line holds more than these facts and what goes with them: the date may give way.
    """
    facts = []
    for state in clocks:
        about, _, undone = _WORDS[state.step]
        if state.state == OVERDUE and state.due is not None:
            said = [f"{short_day(state.due, beside=beside)} {undone}", f"{day(state.due)[5:]} {undone}"]
            said += [undone, "late"] if small else []
            facts.append(Fact(0, tuple(((f"! {about.lower()} {words}", _ALARM),) for words in said)))
        elif state.state == NEAR and state.threshold is not None:
            facts.append(Fact(1, (((f"near {number(state.threshold)} people", _WARNING),),)))
    return facts


def duty_facts(duties: Sequence[Duty], *, beside: int) -> list[Fact]:
    """Every step of the incident: done, due, late, or undecided.

    Args:
        beside: today, microseconds UTC: a date of its year is told without it.
    """
    return [Fact(0 if duty.clock and duty.clock.state == OVERDUE else 1, _wordings(duty, beside)) for duty in duties]


def _wordings(duty: Duty, beside: int) -> tuple[tuple[Piece, ...], ...]:
    about, done, undone = _WORDS[duty.step]
    state = duty.clock
    if duty.done is not None:
        said: list[Piece] = [(f"{about} {done} ", _QUIET), (day(duty.done.at), "")]
        if state is None or state.state != MET_LATE:
            return (*said, (" ok", _GOOD)), tuple(said)
        return ((*said, (f" ! late, due {_due(state, beside)}", _ALARM)), (*said, (" ! late", _ALARM)))
    if state is None:
        return ((f"{about} {done}: ", _QUIET), ("undecided", "")), ((f"{about}: ", _QUIET), ("undecided", ""))
    if state.state in (OVERDUE, RUNNING):
        due: list[Piece] = [(f"{about} due ", _QUIET), (_due(state, beside), "")]
        if state.state == RUNNING:
            return (tuple(due),)
        shorter = (f"! {about} {_due(state, beside)} {undone}", f"! {about} {undone}")
        return ((*due, (f" ! {undone.upper()}", _ALARM)), *(((said, _ALARM),) for said in shorter))
    if state.state in (NEAR, NOT_REQUIRED):
        threshold = number(state.threshold or 0)
        if state.state == NEAR:
            return (((f"{about}: ", _QUIET), (f"near {threshold} people", _WARNING)),)
        return (((f"{about}: ", _QUIET), (f"not due below {threshold} people", "")),)
    return (
        ((f"{about}: ", _QUIET), ("no clock, the rulebook names no aware_at", _WARNING)),
        ((f"{about}: ", _QUIET), ("no clock", _WARNING)),
    )


def _due(state: ClockState, beside: int) -> str:
    due = state.due or 0
    date = short_day(due, beside=beside)
    return date if state.due_is_day else f"{date} {clock(due)}"
