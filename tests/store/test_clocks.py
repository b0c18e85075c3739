"""Clocks of the rulebook: business days against NumPy, bounds to the microsecond, tables that cannot be read."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.clocks import BUSINESS_DAYS, DAYS, HOURS, Clocks, Due, Length, is_near, is_past
from store.errors import UnusableFileError
from store.instants import parse_point
from store.rulebook import parse_rulebook

DAY = 86_400_000_000
BEGIN, END = date(2015, 1, 1), date(2030, 12, 31)


@given(
    st.datetimes(datetime(2018, 1, 1), datetime(2022, 1, 1)),
    st.integers(0, 300),
    st.sets(st.dates(date(2018, 1, 1), date(2024, 1, 1)), max_size=60),
)
def test_business_days_are_numpys(moment: datetime, count: int, holidays: set[date]) -> None:
    at = int((moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
    clocks = Clocks(holidays=frozenset((day - date(1970, 1, 1)).days for day in holidays))
    due = clocks.due(Length(count, BUSINESS_DAYS), at)
    # From a day off the first business day after it is the first; NumPy counts so from the day before, rolled back.
    off = np.array(sorted(holidays), dtype="datetime64[D]")
    expected = np.busday_offset(moment.date(), count, roll="backward", holidays=off) if count else moment.date()
    assert date.fromordinal(date(1970, 1, 1).toordinal() + due.at // DAY) == np.datetime64(expected).astype(date)
    assert due.at % DAY == 0
    assert due.is_day


@given(st.integers(0, 2**50), st.integers(0, 5_000))
def test_hours_are_exact_and_days_end_a_day(at: int, count: int) -> None:
    clocks = Clocks()
    assert clocks.due(Length(count, HOURS), at) == Due(at + count * 3_600_000_000, is_day=False)
    assert clocks.due(Length(count, DAYS), at) == Due((at // DAY + count) * DAY, is_day=True)


def test_overdue_begins_a_microsecond_later() -> None:
    instant = parse_point("2019-10-04T09:00:00Z")
    assert not is_past(Due(instant, is_day=False), instant)
    assert is_past(Due(instant, is_day=False), instant + 1)
    day = Due(parse_point("2019-10-31"), is_day=True)
    assert not is_past(day, parse_point("2019-11-01") - 1)
    assert is_past(day, parse_point("2019-11-01"))


def test_near_is_from_four_fifths_on_and_ends_at_the_threshold() -> None:
    assert [people for people in range(600) if is_near(people, 500)] == list(range(400, 500))


def test_the_defaults_are_those_of_the_domain() -> None:
    clocks = parse_rulebook("", source="none").clocks
    assert {name: (clock.within.words(), clock.people) for name, clock in clocks.by_step.items()} == {
        "authority_told": ("72 hours", None),
        "report_filed": ("30 days", 500),
        "deletion_certified": ("60 days", None),
    }
    assert clocks.notice == Length(10, BUSINESS_DAYS)
    assert clocks.audits_a_year == 1


@pytest.mark.parametrize(
    "table",
    [
        'authority_told = ""',
        'authority_told = "soon"',
        "authority_told = 72",
        "authority_told = true",
        "authority_told = []",
        'authority_told = "-1h"',
        'authority_told = "1.5 days"',
        'authority_told = "72 weeks"',
        'authority_told = "999999 days"',
        'authority_told = "\u0667\u0662h"',
        "authority_told = 2019-01-01",
        'deletion_certified = "60h"',
        'deletion_certified = { within = "60 days", people = 500 }',
        'deletion_certified = { within = "60 days", basis = 1 }',
        'deletion_certified = { until = "60 days" }',
        "notified = {}",
        'notified = { basis = "no length" }',
        'report_filed = { within = "30 days", people = 0 }',
        "report_filed = { people = true }",
        'report_filed = { people = "500" }',
        'access_removed = "1 day"',
        'audit_failed = "1 day"',
        'audit_notice = "24h"',
        'audit_notice = { basis = "no length" }',
        "audits_a_year = 0",
        "audits_a_year = -1",
        "audits_a_year = true",
        'audits_a_year = "many"',
        "holidays = 2020-01-01",
        'holidays = ["2020-01-01"]',
        "holidays = [2020-01-01T00:00:00Z]",
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(table: str) -> None:
    with pytest.raises(UnusableFileError) as refused:
        parse_rulebook(f"[clocks]\n{table}\n", source="rules.toml")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) > 20


@pytest.mark.parametrize("table", ["second_person = 1", 'second_person = "yes"', "third_person = true"])
def test_a_table_of_cases_that_cannot_be_read_is_one_line(table: str) -> None:
    with pytest.raises(UnusableFileError) as refused:
        parse_rulebook(f"[cases]\n{table}\n", source="rules.toml")
    assert "\n" not in str(refused.value)
