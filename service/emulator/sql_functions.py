"""SQL functions of an org's database that SQLite itself lacks: other time zones, and text as people read it."""

import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

IN_ZONE = "in_zone"
"""SQL: `in_zone(instant, zone)`, a stored instant as the clocks of a time zone show it, in the same form."""

FORMATTED = "formatted"
"""SQL: `formatted(value, kind, scale, places, zone)`, a stored value as text for people in the United States: with
`scale` digits behind the point, `places` of which are in the stored number."""

_KEPT_ZONES = 64


def add_functions(connection: sqlite3.Connection) -> None:
    """Add the functions of this module to a connection."""
    connection.create_function(IN_ZONE, 2, _in_zone, deterministic=True)
    connection.create_function(FORMATTED, 5, _formatted, deterministic=True)


@lru_cache(maxsize=_KEPT_ZONES)
def zone(name: str) -> ZoneInfo:
    """Return a time zone; one that this machine does not know is UTC."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return ZoneInfo("UTC")


def _in_zone(text: str | None, name: str) -> str | None:
    if text is None:
        return None
    local = _instant(text).astimezone(zone(name))
    return f"{local.year:04d}-{local:%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}+0000"


def _formatted(value: str | float | None, kind: str, scale: int, places: int, name: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, int | float):
        amount = f"{abs(Decimal(value).scaleb(-places)):,.{scale}f}"
        sign = "-" if value < 0 else ""
        return sign + {"currency": f"${amount}", "percent": f"{amount}%"}.get(kind, amount)
    if kind == "date":
        return _day(date.fromisoformat(value))
    if kind == "datetime":
        local = _instant(value).astimezone(zone(name))
        return f"{_day(local)}, {_hour(local.hour, local.minute)}"
    if kind == "time":
        return _hour(int(value[:2]), int(value[3:5]))
    return value


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text[:23]).replace(tzinfo=UTC)


def _day(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _hour(hour: int, minute: int) -> str:
    return f"{hour % 12 or 12}:{minute:02d} {'AM' if hour < 12 else 'PM'}"  # noqa: PLR2004 - noon
