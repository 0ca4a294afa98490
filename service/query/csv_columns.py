"""Cells of a bulk result as values: the CSV of a query job has the same values as the JSON of the same query.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Get Results for a Query Job". A null is an empty cell, as Salesforce
holds no empty text; numbers may have exponents; instants may end in `Z` where JSON has `+0000`.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from service.errors import UpstreamProtocolError
from service.query.batches import Batch, ColumnValues, filled
from service.query.columns import ColumnType, ResultColumn

_AS_THEY_ARE = frozenset({ColumnType.STRING, ColumnType.DATE, ColumnType.TIME})
_BOOLS = {"true": True, "false": False}
_LARGEST_INT = 2**63 - 1
_NUMBER = r"-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?+"
_PLAIN_NUMBERS = re.compile(rf"(?:{_NUMBER})?+(?:,(?:{_NUMBER})?+)*+")
"""Numbers that a decimal column holds as they are."""
_MOST_DIGITS = 60
"""More than any number of Salesforce has; written out, 1E+999999999 would fill the memory."""


class CsvColumnizer:
    """Turns cells into batches, column by column: no work is done per cell in Python but for nulls.

    Args:
        columns: The columns of the result, none of them BATCHES.

    """

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._columns = tuple(columns)

    def batch(self, cells: Sequence[Sequence[str]], total_size: int) -> Batch:
        """Return some rows as one batch.

        Args:
            cells: Those of each column, a cell a row; nothing at all where there is no row.
            total_size: Rows of the whole result.

        Raises:
            UpstreamProtocolError: A cell is no value of its column.

        """
        found = cells or [()] * len(self._columns)
        values = tuple(_column(column, own) for column, own in zip(self._columns, found, strict=True))
        return Batch(len(found[0]), values, total_size)


def _column(column: ResultColumn, cells: Sequence[str]) -> ColumnValues:
    kind = column.type
    try:
        if kind in _AS_THEY_ARE or not column.is_described:
            return _texts(column, cells)
        if kind is ColumnType.DATETIME:
            return _texts(column, _instants(cells))
        if kind is ColumnType.DECIMAL and _PLAIN_NUMBERS.fullmatch(",".join(cells)):
            return _texts(column, cells)
        convert = _CONVERSIONS[kind]
        if "" not in cells:
            values = convert(cells)
        else:
            found = iter(convert([cell for cell in cells if cell]))
            values = [next(found) if cell else None for cell in cells]
    except (ValueError, KeyError, InvalidOperation, Base64Error) as error:
        raise UpstreamProtocolError(f"a value of {column.name} does not fit the description of the field") from error
    return filled(column, values)


def _texts(column: ResultColumn, cells: Sequence[str]) -> ColumnValues:
    return ColumnValues(column, cells, [row for row, cell in enumerate(cells) if not cell] if "" in cells else [])


def _instants(cells: Sequence[str]) -> Sequence[str]:
    """Return instants as JSON has them."""
    text = "\n".join(cells) + "\n"
    if "Z" not in text:
        return cells
    written = text.replace("Z\n", "+0000\n").split("\n")[:-1]
    if len(written) != len(cells):
        raise ValueError("a line break in an instant")
    return written


def _ints(cells: Sequence[str]) -> list[Any]:
    try:
        values = list(map(int, cells))
    except ValueError:
        values = list(map(_int, cells))
    if values and not -_LARGEST_INT <= min(values) <= max(values) <= _LARGEST_INT:
        raise ValueError("more than 64 bits")
    return values


def _doubles(cells: Sequence[str]) -> list[Any]:
    values = list(map(float, cells))
    if not all(map(isfinite, values)):
        raise ValueError("no number of Salesforce")
    return values


def _int(cell: str) -> int:
    """Return a whole number, also one that is written as a double is: `5.0`, `1.2E7`."""
    number = _decimal(cell)
    if number != number.to_integral_value():
        raise ValueError("no whole number")
    return int(number)


def _decimal(cell: str) -> Decimal:
    number = Decimal(cell)
    exponent = number.as_tuple().exponent
    if not number.is_finite() or not isinstance(exponent, int) or abs(exponent) > _MOST_DIGITS:
        raise ValueError("no number of Salesforce")
    return number


def _bytes(cell: str) -> bytes:
    # A path to the content is no base64, for it has the point of a version in it.
    return cell.encode() if cell.startswith("/services/") else b64decode(cell, validate=True)


def _each(convert: Callable[[str], Any]) -> Callable[[Sequence[str]], list[Any]]:
    return lambda cells: list(map(convert, cells))


_CONVERSIONS: dict[ColumnType, Callable[[Sequence[str]], list[Any]]] = {
    ColumnType.INT64: _ints,
    ColumnType.DOUBLE: _doubles,
    ColumnType.DECIMAL: _each(_decimal),
    ColumnType.BOOL: _each(_BOOLS.__getitem__),
    ColumnType.BYTES: _each(_bytes),
    ColumnType.STRINGS: list,
}
