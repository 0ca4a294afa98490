"""The functions of formulas, over values that are worked out already.

Source: Salesforce Help, "Formula Operators and Functions". Text functions take no text as the empty one; arithmetic
over nothing is nothing.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from service.emulator.formula.candidate import Value

_UNBOUNDED = 1000
_LONG = 30
"""Digits from which a number is written with an exponent."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function and how many arguments it takes."""

    least: int
    most: int
    apply: Callable[..., Value]


def is_blank(value: Value) -> bool:
    """Tell whether a value is nothing or empty text."""
    return value is None or value == ""


def as_text(value: Value) -> str:
    """Return a value as text: whole numbers without a point, nothing as the empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return str(value.normalize()) if abs(value.adjusted()) > _LONG else f"{value.normalize():f}"
    return str(value)


def _number(value: Value) -> Decimal:
    return Decimal(as_text(value)) if isinstance(value, str) else Decimal(value or 0)  # type: ignore[arg-type]  # dates fail


def _is_number(value: Value) -> bool:
    try:
        return Decimal(as_text(value)).is_finite()
    except ArithmeticError:
        return False


def _regex(value: Value, pattern: Value) -> bool:
    # Java's `matches`: the whole text has to fit.
    return re.fullmatch(as_text(pattern), as_text(value)) is not None


def _round(value: Value, digits: Value) -> Decimal:
    # Half away from zero, where Python would round to the even neighbour.
    return _number(value).quantize(Decimal(1).scaleb(-int(_number(digits))), ROUND_HALF_UP)


def _mod(value: Value, by: Value) -> Decimal:
    number, divisor = _number(value), _number(by)
    rest = number % divisor
    return rest + divisor if rest and (rest < 0) != (divisor < 0) else rest


def _mid(value: Value, start: Value, length: Value) -> str:
    first = max(int(_number(start)) - 1, 0)
    return as_text(value)[first : first + max(int(_number(length)), 0)]


def _right(value: Value, length: Value) -> str:
    text = as_text(value)
    return text[max(len(text) - int(_number(length)), 0) :]


def _find(wanted: Value, text: Value, start: Value = Decimal(1)) -> Decimal:
    return Decimal(as_text(text).find(as_text(wanted), max(int(_number(start)) - 1, 0)) + 1)


def _date_value(value: Value) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or is_blank(value):
        return value if isinstance(value, date) else None
    return date.fromisoformat(as_text(value))


def _includes(value: Value, wanted: Value) -> bool:
    return as_text(wanted) in as_text(value).split(";")


def _part(name: str) -> Callable[[Value], Value]:
    def apply(value: Value) -> Value:
        day = _date_value(value)
        return None if day is None else Decimal(getattr(day, name))

    return apply


def _same(value: Value, wanted: Value) -> bool:
    return as_text(value) == as_text(wanted)


FUNCTIONS: dict[str, Function] = {
    "ABS": Function(1, 1, lambda value: abs(_number(value))),
    "BEGINS": Function(2, 2, lambda value, start: as_text(value).startswith(as_text(start))),
    "CEILING": Function(1, 1, lambda value: Decimal(math.ceil(_number(value)))),
    "CONTAINS": Function(2, 2, lambda value, part: as_text(part) in as_text(value)),
    "DATE": Function(3, 3, lambda *parts: date(*(int(_number(part)) for part in parts))),
    "DATEVALUE": Function(1, 1, _date_value),
    "DAY": Function(1, 1, _part("day")),
    "FIND": Function(2, 3, _find),
    "FLOOR": Function(1, 1, lambda value: Decimal(math.floor(_number(value)))),
    "INCLUDES": Function(2, 2, _includes),
    "ISBLANK": Function(1, 1, is_blank),
    "ISNULL": Function(1, 1, is_blank),
    "ISNUMBER": Function(1, 1, _is_number),
    "ISPICKVAL": Function(2, 2, _same),
    "LEFT": Function(2, 2, lambda value, length: as_text(value)[: max(int(_number(length)), 0)]),
    "LEN": Function(1, 1, lambda value: Decimal(len(as_text(value)))),
    "LOWER": Function(1, 1, lambda value: as_text(value).lower()),
    "MAX": Function(1, _UNBOUNDED, lambda *values: max(map(_number, values))),
    "MID": Function(3, 3, _mid),
    "MIN": Function(1, _UNBOUNDED, lambda *values: min(map(_number, values))),
    "MOD": Function(2, 2, _mod),
    "MONTH": Function(1, 1, _part("month")),
    "REGEX": Function(2, 2, _regex),
    "RIGHT": Function(2, 2, _right),
    "ROUND": Function(2, 2, _round),
    "SUBSTITUTE": Function(3, 3, lambda value, old, new: as_text(value).replace(as_text(old), as_text(new))),
    "TEXT": Function(1, 1, as_text),
    "TRIM": Function(1, 1, lambda value: as_text(value).strip()),
    "UPPER": Function(1, 1, lambda value: as_text(value).upper()),
    "VALUE": Function(1, 1, _number),
    "YEAR": Function(1, 1, _part("year")),
}
"""The functions that need nothing but their arguments, by name in capitals."""
