"""Date literals by name: which days `LAST_N_MONTHS:3` means, seen from now.

Source: SOQL and SOSL Reference, "Date Formats and Date Literals". Weeks start on Sunday, as in the United States'
locale; the fiscal year is the calendar year, as in an org that never changed it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from service.soql import ast

_DAY = timedelta(days=1)
_SUNDAY = 6
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12, "FISCAL_QUARTER": 3, "FISCAL_YEAR": 12}
_NAMED_DAYS = {
    "YESTERDAY": (-1, 0),
    "TODAY": (0, 1),
    "TOMORROW": (1, 2),
    "LAST_90_DAYS": (-89, 1),
    "NEXT_90_DAYS": (1, 91),
}
_MOST = 20_000_000
"""More days, weeks or months than the calendar has."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days from `start` up to and without `end`."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Today:
    """What date literals are relative to.

    Args:
        now: The current instant, aware, in the time zone in which the user's days begin and end.

    """

    now: datetime

    def days(self, period: ast.Period) -> Days:
        """Return the days that a date literal means, cut to the range of Python's calendar."""
        today = self.now.date()
        count = 1 if period.count is None else min(period.count, _MOST)
        if period.name in _NAMED_DAYS:
            first, end = _NAMED_DAYS[period.name]
            return Days(_shift(today, first), _shift(today, end))
        which, unit = _parts(period.name)
        if unit == "DAY":
            # LAST_N_DAYS includes today, unlike its kin of longer units.
            spans = {"LAST": (-count + 1, 1), "NEXT": (1, count + 1), "AGO": (-count, -count + 1)}
        else:
            spans = {"LAST": (-count, 0), "NEXT": (1, count + 1), "AGO": (-count, -count + 1)}
        start, end = {"THIS": (0, 1)}.get(which) or spans[which]
        begin = _begin(unit)
        return Days(begin(today, start), begin(today, end))

    def instant(self, day: date) -> datetime:
        """Return when a day begins for the user, in UTC."""
        try:
            return datetime.combine(day, time(), self.now.tzinfo).astimezone(UTC)
        except OverflowError:
            return datetime.combine(day, time(), UTC)


def _parts(name: str) -> tuple[str, str]:
    """Split LAST_N_DAYS, LAST_WEEK, N_WEEKS_AGO and so on into what they count from and the unit."""
    if name.endswith("S_AGO"):
        return "AGO", name.removeprefix("N_").removesuffix("S_AGO")
    which, unit = name.split("_", 1)
    if unit.startswith("N_"):
        return which, unit.removeprefix("N_").removesuffix("S")
    return which, unit


def _begin(unit: str) -> Callable[[date, int], date]:
    if unit == "DAY":
        return _shift
    if unit == "WEEK":
        return lambda today, count: _shift(today, count * 7 - (today.weekday() - _SUNDAY) % 7)
    return lambda today, count: _month(today, _MONTHS[unit], count)


def _month(today: date, months: int, count: int) -> date:
    index = (today.year * 12 + today.month - 1) // months * months + count * months
    year, month = divmod(index, 12)
    if year < 1:
        return date.min
    return date(year, month + 1, 1) if year <= date.max.year else date.max


def _shift(day: date, days: int) -> date:
    try:
        return day + days * _DAY
    except OverflowError:
        return date.min if days < 0 else date.max
