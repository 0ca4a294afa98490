"""Date literals: which days each name means."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.emulator.engine.periods import Days, Today
from service.soql import ast, moments

SUNDAY = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "count", "start", "end"),
    [
        ("TODAY", None, "2026-03-15", "2026-03-16"),
        ("YESTERDAY", None, "2026-03-14", "2026-03-15"),
        ("TOMORROW", None, "2026-03-16", "2026-03-17"),
        ("LAST_90_DAYS", None, "2025-12-16", "2026-03-16"),
        ("NEXT_90_DAYS", None, "2026-03-16", "2026-06-14"),
        ("LAST_N_DAYS", 1, "2026-03-15", "2026-03-16"),
        ("LAST_N_DAYS", 30, "2026-02-14", "2026-03-16"),
        ("NEXT_N_DAYS", 2, "2026-03-16", "2026-03-18"),
        ("N_DAYS_AGO", 3, "2026-03-12", "2026-03-13"),
        ("THIS_WEEK", None, "2026-03-15", "2026-03-22"),
        ("LAST_WEEK", None, "2026-03-08", "2026-03-15"),
        ("NEXT_WEEK", None, "2026-03-22", "2026-03-29"),
        ("LAST_N_WEEKS", 2, "2026-03-01", "2026-03-15"),
        ("N_WEEKS_AGO", 2, "2026-03-01", "2026-03-08"),
        ("THIS_MONTH", None, "2026-03-01", "2026-04-01"),
        ("LAST_MONTH", None, "2026-02-01", "2026-03-01"),
        ("NEXT_N_MONTHS", 10, "2026-04-01", "2027-02-01"),
        ("N_MONTHS_AGO", 3, "2025-12-01", "2026-01-01"),
        ("THIS_QUARTER", None, "2026-01-01", "2026-04-01"),
        ("LAST_QUARTER", None, "2025-10-01", "2026-01-01"),
        ("NEXT_FISCAL_QUARTER", None, "2026-04-01", "2026-07-01"),
        ("LAST_N_QUARTERS", 2, "2025-07-01", "2026-01-01"),
        ("THIS_YEAR", None, "2026-01-01", "2027-01-01"),
        ("N_FISCAL_YEARS_AGO", 2, "2024-01-01", "2025-01-01"),
        ("LAST_N_YEARS", 2, "2024-01-01", "2026-01-01"),
    ],
)
def test_each_name_means_its_days(name: str, count: int | None, start: str, end: str) -> None:
    """Days include today; longer units start whole and leave the current one out."""
    days = Today(SUNDAY).days(ast.Period(name, count))

    assert Days(date.fromisoformat(start), date.fromisoformat(end)) == days


def test_days_begin_where_the_user_is() -> None:
    """The zone decides which day it is, and when it begins."""
    late = datetime(2026, 3, 15, 23, 30, tzinfo=UTC).astimezone(timezone(timedelta(hours=2)))
    today = Today(late)

    days = today.days(ast.Period("TODAY"))

    assert date(2026, 3, 16) == days.start
    assert datetime(2026, 3, 15, 22, tzinfo=UTC) == today.instant(days.start)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(moments.COUNTED_PERIODS)), st.integers(0, 999_999_999), st.datetimes(timezones=st.just(UTC))
)
def test_no_count_leaves_the_calendar(name: str, count: int, now: datetime) -> None:
    """However far a literal reaches, it ends at the calendar's ends, in order."""
    today = Today(now)

    days = today.days(ast.Period(name, count))

    assert date.min <= days.start <= days.end <= date.max
    assert today.instant(days.start) <= today.instant(days.end)
