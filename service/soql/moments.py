"""Dates, times and the names of periods in SOQL, between text and values.

Source: SOQL and SOSL Reference, "Date Formats and Date Literals".
"""

from datetime import UTC, date, datetime, time

EARLIEST = date(1700, 1, 1)
LATEST = date(4000, 12, 31)

_UNITS = ("WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR")

PERIODS = frozenset(
    {"YESTERDAY", "TODAY", "TOMORROW", "LAST_90_DAYS", "NEXT_90_DAYS"}
    | {f"{which}_{unit}" for which in ("LAST", "THIS", "NEXT") for unit in _UNITS}
)
"""Names that stand alone."""

COUNTED_PERIODS = frozenset(
    name for unit in ("DAY", *_UNITS) for name in (f"LAST_N_{unit}S", f"NEXT_N_{unit}S", f"N_{unit}S_AGO")
)
"""Names that take a count: `LAST_N_DAYS:30`."""


def read_date(text: str) -> date:
    """Read `2026-03-01`.

    Raises:
        ValueError: There is no such day, or it lies outside 1700-01-01 … 4000-12-31.

    """
    return in_range(date.fromisoformat(text))


def read_datetime(text: str) -> datetime:
    """Read `2026-03-01T09:30:00.000+01:00` as an instant in UTC, cut to whole milliseconds.

    Raises:
        ValueError: There is no such instant, or it lies outside the range of dates.

    """
    return normalize(datetime.fromisoformat(text.upper()))


def read_time(text: str) -> time:
    """Read `13:05:00.000Z`, cut to whole milliseconds, as a naive time of day in UTC.

    Raises:
        ValueError: There is no such time of day.

    """
    value = time.fromisoformat(text.upper())
    return value.replace(tzinfo=None, microsecond=value.microsecond // 1000 * 1000)


def normalize(instant: datetime) -> datetime:
    """Express an aware instant in UTC, cut to whole milliseconds.

    Raises:
        ValueError: It lies outside the range of dates.

    """
    try:
        utc = instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from error
    in_range(utc.date())
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def in_range(day: date) -> date:
    """Return the day.

    Raises:
        ValueError: It lies outside what Salesforce stores.

    """
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"{day} is outside {EARLIEST} to {LATEST}")
    return day


def write_datetime(instant: datetime) -> str:
    """Print a UTC instant the way SOQL reads it, with `Z` so that no plus sign needs escaping in a URL."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def write_time(moment: time) -> str:
    """Print a time of day the way SOQL reads it."""
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
