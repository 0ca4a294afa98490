"""The operators of formulas: what equals what, what comes before what, and arithmetic over numbers, texts and dates."""

import operator
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from service.emulator.formula.candidate import Candidate, Value
from service.emulator.formula.functions import as_text

Node = Callable[[Candidate], Value]
"""A part of a formula, ready to be worked out for a row."""

_DAY = 86_400_000_000
"""Microseconds."""
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def binary(symbol: str, left: Node, right: Node) -> Node:
    """Return the node of an operator between two nodes."""
    if symbol in {"&&", "||"}:
        return all_of([left, right]) if symbol == "&&" else any_of([left, right])
    if symbol in {"=", "=="}:
        return lambda row: _equal(left(row), right(row))
    if symbol in {"<>", "!="}:
        return lambda row: not _equal(left(row), right(row))
    if symbol in _ORDERS:
        return lambda row: _ordered(symbol, left(row), right(row))
    if symbol == "&":
        return lambda row: as_text(left(row)) + as_text(right(row))
    return lambda row: _arithmetic(symbol, left(row), right(row))


def all_of(parts: list[Node]) -> Node:
    """Return the node that is true when every part is; parts behind a false one are not looked at."""
    return lambda row: all(part(row) is True for part in parts)


def any_of(parts: list[Node]) -> Node:
    """Return the node that is true when a part is; parts behind a true one are not looked at."""
    return lambda row: any(part(row) is True for part in parts)


def _equal(left: Value, right: Value) -> bool:
    # No text and empty text are one. Text compares with its case, as formulas do and queries do not.
    left, right = _blank_as_none(left), _blank_as_none(right)
    return type(left) is type(right) and left == right


def _ordered(symbol: str, left: Value, right: Value) -> bool:
    left, right = _blank_as_none(left), _blank_as_none(right)
    return type(left) is type(right) and left is not None and _ORDERS[symbol](left, right)


def _arithmetic(symbol: str, left: Value, right: Value) -> Value:
    if isinstance(left, str) or isinstance(right, str):
        if symbol != "+":
            raise TypeError("text only joins")
        return as_text(left) + as_text(right)
    if left is None or right is None:
        return None
    if isinstance(left, date) or isinstance(right, date):
        return _dated(symbol, left, right)
    first, second = Decimal(left), Decimal(right)
    match symbol:
        case "+":
            return first + second
        case "-":
            return first - second
        case "*":
            return first * second
        case "/":
            return first / second
    return first**second


def _dated(symbol: str, left: Value, right: Value) -> Value:
    if isinstance(left, datetime) and isinstance(right, datetime) and symbol == "-":
        return Decimal((left - right) // timedelta(microseconds=1)) / _DAY
    if isinstance(left, date) and isinstance(right, date) and symbol == "-":
        return Decimal((left - right).days)
    if isinstance(left, date) and isinstance(right, Decimal) and symbol in {"+", "-"}:
        return left + timedelta(days=float(right if symbol == "+" else -right))
    if isinstance(left, Decimal) and isinstance(right, date) and symbol == "+":
        return right + timedelta(days=float(left))
    raise TypeError("dates take days only")


def _blank_as_none(value: Value) -> Value:
    return None if value == "" else value
