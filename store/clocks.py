"""How long a step may take: the rulebook's clocks, each with its basis, in hours, days or business days.

A clock of the incident runs from when the platform became aware, a clock of the track from the step before its own. It
is stopped by its step. It knows no tables.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from store.instants import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND, day_of, to_datetime

# A clock's name is the step that stops it: those of the incident, and those of the track with the step they run from.
OF_INCIDENT = ("authority_told", "report_filed", "people_told")
RUNS_FROM = {
    "notified": "access_removed",
    "deletion_requested": "notified",
    "deletion_certified": "deletion_requested",
    "audit_planned": "deletion_certified",
    "audit_started": "audit_planned",
    "audit_passed": "audit_started",
}
HOURS, DAYS, BUSINESS_DAYS = "hours", "days", "business days"
# Near the threshold of people: from this share of it on.
_NEAR = 4, 5
_HOUR = 3_600 * MICROSECONDS_PER_SECOND
_MOST = 36_500
_SATURDAY = 5
_EPOCH = date(1970, 1, 1).toordinal()
_LENGTH = re.compile(r"\s*([0-9]{1,6})\s*(h|hours?|d|days?|bd|business days?)\s*", re.ASCII)
_OFF = "none"


class Length(NamedTuple):
    """A length of time: how many hours, days or business days."""

    amount: int
    unit: str

    def words(self) -> str:
        """`72 hours`, `1 business day`."""
        return f"{self.amount} {self.unit if self.amount != 1 else self.unit[:-1]}"


class Clock(NamedTuple):
    """One clock.

    Attributes:
        step: the step that stops it.
        within: how long it runs.
        basis: why: a text or an address.
        people: it runs only once so many distinct people were read; None: always.
    """

    step: str
    within: Length
    basis: str
    people: int | None = None


class Due(NamedTuple):
    """When something is due: microseconds UTC; `is_day`: any time of that UTC day will do."""

    at: int
    is_day: bool


def _default(step: str, amount: int, unit: str, basis: str, people: int | None = None) -> Clock:
    return Clock(step, Length(amount, unit), basis, people)


# DOMAIN, Clocks. The bases are what such duties commonly rest on; a rulebook names its own.
DEFAULTS: Mapping[str, Clock] = {
    clock.step: clock
    for clock in (
        _default("authority_told", 72, HOURS, "72 hours from aware, as GDPR Art. 33(1)"),
        _default(
            "report_filed", 30, DAYS, "30 days from aware where 500 people are concerned, as 16 CFR 314.4(j)", 500
        ),
        _default("deletion_certified", 60, DAYS, "60 days to certify the deletion, the platform's terms"),
    )
}
_NOTICE = Length(10, BUSINESS_DAYS)
_NOTICE_BASIS = "10 business days' notice before an audit, the platform's terms"


@dataclass(frozen=True, slots=True)
class Clocks:
    """All that a rulebook says of time.

    Attributes:
        by_step: the clocks that run, by the step that stops them.
        notice: an audit starts no earlier than this after its notice; None: at any time. `notice_basis`: why.
        audits_a_year: so many audits of one partner may start in a calendar year (UTC) unless waived; None: any number.
        holidays: UTC days, counted from 1970-01-01, that are no business days besides Saturdays and Sundays.
    """

    by_step: Mapping[str, Clock] = field(default_factory=lambda: DEFAULTS)
    notice: Length | None = _NOTICE
    notice_basis: str = _NOTICE_BASIS
    audits_a_year: int | None = 1
    holidays: frozenset[int] = frozenset()

    def due_after(self, step: str, at: int) -> tuple[Due, Clock] | None:
        """When what follows a step of the track is due, by its clock; None where no clock runs from it.

        Args:
            step: the step that was taken.
            at: when it took effect, microseconds UTC.
        """
        clock = next((each for each in self.by_step.values() if RUNS_FROM.get(each.step) == step), None)
        return None if clock is None else (self.due(clock.within, at), clock)

    def of_incident(self) -> tuple[tuple[str, Clock], ...]:
        """The clocks of the incident that run, each with the step that stops it, in the order of `OF_INCIDENT`."""
        return tuple((step, self.by_step[step]) for step in OF_INCIDENT if step in self.by_step)

    def due(self, within: Length, at: int) -> Due:
        """When a length of time is over that began at an instant (microseconds UTC); counted in days it ends a day."""
        if within.unit == HOURS:
            return Due(at + within.amount * _HOUR, is_day=False)
        day = day_of(at)
        if within.unit == DAYS:
            return Due((day + within.amount) * MICROSECONDS_PER_DAY, is_day=True)
        return Due(self.business_day_after(day, within.amount) * MICROSECONDS_PER_DAY, is_day=True)

    def business_day_after(self, day: int, count: int) -> int:
        """The UTC day, counted from 1970-01-01, that is so many business days after one; that day itself for none."""
        while count > 0:
            day += 1
            count -= self.is_business_day(day)
        return day

    def is_business_day(self, day: int) -> bool:
        """Whether a UTC day, counted from 1970-01-01, is neither a weekend's nor a holiday."""
        return date.fromordinal(_EPOCH + day).weekday() < _SATURDAY and day not in self.holidays

    def earliest_start(self, notice_at: int) -> int | None:
        """The UTC day (microseconds UTC of its beginning) on which an audit may start after its notice; None: any."""
        return None if self.notice is None else self.due(self.notice, notice_at).at


def is_past(due: Due, today: int) -> bool:
    """Whether it is overdue: past its instant, or from the UTC day after its day on."""
    return day_of(today) > day_of(due.at) if due.is_day else today > due.at


def is_near(people: int, threshold: int) -> bool:
    """Whether so many distinct people are near a threshold, but below it."""
    share, of = _NEAR
    return people < threshold and people * of >= threshold * share


def calendar_year(at: int) -> int:
    """The calendar year (UTC) of an instant."""
    return to_datetime(at).year


# --- from a rulebook -----------------------------------------------------------------------------------------------

_KNOWN = (*OF_INCIDENT, *RUNS_FROM)
_OTHERS = ("audit_notice", "audits_a_year", "holidays")


def parse_clocks(table: Mapping[str, object]) -> Clocks:
    """What `[clocks]` of a rulebook says; what it does not name stays as `DEFAULTS` has it.

    A clock is a text, `"72h"`, `"60 days"`, `"10 business days"`, `"none"`, or a table with `within`, and `basis` or
    `people` where wanted.

    Raises:
        ValueError: it cannot be read.
    """
    unknown = sorted(set(table) - {*_KNOWN, *_OTHERS})
    if unknown:
        raise ValueError(f"[clocks] does not know {', '.join(unknown)}; it knows {', '.join((*_KNOWN, *_OTHERS))}")
    by_step = dict(DEFAULTS)
    for step in _KNOWN:
        if step in table:
            clock = _clock(step, table[step])
            by_step.pop(step, None)
            if clock is not None:
                by_step[step] = clock
    told = _clock("audit_notice", table["audit_notice"]) if "audit_notice" in table else None
    notice, basis = (_NOTICE, _NOTICE_BASIS) if "audit_notice" not in table else (None, "")
    if told is not None:
        notice, basis = told.within, told.basis
    return Clocks(by_step, notice, basis, _audits_a_year(table), _holidays(table.get("holidays", [])))


def _clock(step: str, value: object) -> Clock | None:
    """One clock; None where it is switched off."""
    before = DEFAULTS.get(step)
    told: Mapping[str, object] = value if isinstance(value, dict) else {"within": value}
    strange = sorted(set(told) - {"within", "basis", "people"})
    if strange:
        raise ValueError(f"clock {step} does not know {', '.join(strange)}; it knows within, basis, people")
    within = told.get("within")
    if within == _OFF:
        return None
    if within is None and before is not None:
        length = before.within
    elif not isinstance(within, str) or (match := _LENGTH.fullmatch(within)) is None:
        raise ValueError(
            f'clock {step} is {within!r}: write for example "72h", "60 days", "10 business days" or "none"'
        )
    else:
        unit = {"h": HOURS, "d": DAYS, "b": BUSINESS_DAYS}[match[2][0]]
        length = Length(int(match[1]), unit)
    if length.unit == HOURS and step not in OF_INCIDENT:
        raise ValueError(f"clock {step} must count days or business days: only those of the incident count hours")
    if length.amount > _MOST:
        raise ValueError(f"clock {step} runs for {length.words()}: at most {_MOST:,} are possible")
    basis = told.get("basis", f"{length.words()}, the rulebook")
    if not isinstance(basis, str):
        raise ValueError(f"basis of clock {step} must be text")
    people = told.get("people", None if before is None else before.people)
    if people is not None and (isinstance(people, bool) or not isinstance(people, int) or people < 1):
        raise ValueError(f"people of clock {step} must be a whole number from 1 on")
    if people is not None and step not in OF_INCIDENT:
        raise ValueError(f"clock {step} depends on no number of people: only those of the incident do")
    return Clock(step, length, " ".join(basis.split()), people)


def _audits_a_year(table: Mapping[str, object]) -> int | None:
    value = table.get("audits_a_year", 1)
    if value == _OFF:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError('audits_a_year must be a whole number from 1 on, or "none"')
    return value


def _holidays(value: object) -> frozenset[int]:
    if not isinstance(value, list) or not all(type(day) is date for day in value):
        raise ValueError("holidays must be a list of dates: [2020-01-01]")
    return frozenset(day.toordinal() - _EPOCH for day in value)


def days_between(first: int, last: int) -> int:
    """UTC days from the day of one instant to the day of another."""
    return day_of(last) - day_of(first)


__all__ = [
    *("BUSINESS_DAYS", "DAYS", "DEFAULTS", "HOURS", "OF_INCIDENT", "RUNS_FROM", "Clock", "Clocks", "Due", "Length"),
    *("calendar_year", "days_between", "is_near", "is_past", "parse_clocks"),
]
