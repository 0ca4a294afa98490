"""Rows of a bulk result as columns: the CSV of a query job has the same values as the JSON of the same query.

Sources: RFC 4180; Bulk API 2.0 and Bulk API Developer Guide, "Get Results for a Query Job". A null is an empty cell, as
Salesforce holds no empty text; numbers may have exponents; instants may end in `Z` where JSON has `+0000`.
"""

import csv
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from io import TextIOWrapper
from itertools import islice
from typing import IO, Any

from service.errors import UpstreamProtocolError
from service.query.batches import Batch, ColumnValues, filled
from service.query.columns import ColumnType, ResultColumn

_AS_THEY_ARE = frozenset({ColumnType.STRING, ColumnType.DATE, ColumnType.TIME})
_BOOLS = {"true": True, "false": False}
_LARGEST_INT = 2**63 - 1
_MOST_DIGITS = 60
"""More than any number of Salesforce has; written out, 1E+999999999 would fill the memory."""


def rows_of(part: IO[bytes], columns: Sequence[ResultColumn]) -> Iterator[Sequence[str]]:
    """Yield the rows of a part of a result, each with a cell for each column, in their order.

    The header may have the columns in another order. A part without any byte has no rows.

    Args:
        part: The CSV from its header on. It is read as far as rows are taken.
        columns: The columns of the result.

    Raises:
        UpstreamProtocolError: It is not CSV in UTF-8, or has other columns.

    """
    # A line end within quotes belongs to the cell, whatever it is.
    reader = csv.reader(TextIOWrapper(part, encoding="utf-8", newline=""), strict=True)
    try:
        header = next(reader, None)
        if header is None:
            return
        order = _order(header, columns)
        if order is None:
            # A row whose only cell is empty may be an empty line.
            yield from reader if len(columns) > 1 else (row or [""] for row in reader)
        else:
            for row in reader:
                yield [row[index] for index in order]
    except (csv.Error, UnicodeDecodeError, IndexError) as error:
        raise UpstreamProtocolError(f"a part of the result cannot be read as CSV: {_why(error)}") from error


class CsvColumnizer:
    """Turns rows of cells into batches, column by column: no work is done per cell in Python but for nulls.

    Args:
        columns: The columns of the result, none of them BATCHES.

    """

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._columns = tuple(columns)

    def batch(self, rows: Sequence[Sequence[str]], total_size: int) -> Batch:
        """Return the rows as one batch.

        Raises:
            UpstreamProtocolError: A row has too many or too few cells, or a cell is no value of its column.

        """
        try:
            cells: Sequence[Sequence[str]] = list(zip(*rows, strict=True)) or [()] * len(self._columns)
            values = tuple(_column(column, found) for column, found in zip(self._columns, cells, strict=True))
        except ValueError as error:
            raise UpstreamProtocolError("the rows of a result have different numbers of cells") from error
        return Batch(len(rows), values, total_size)


def taken(rows: Iterator[Sequence[str]], count: int) -> list[Sequence[str]]:
    """Return the next rows, at most so many."""
    return list(islice(rows, count))


def _order(header: Sequence[str], columns: Sequence[ResultColumn]) -> list[int] | None:
    """Return where the cell of each column stands; None if they stand in order.

    Salesforce keeps the order of SELECT (from v50.0 on) and spells plain fields as they are; what it calls the value of
    a function is not documented, so that with one of them only the number of columns can be checked.
    """
    wanted = [column.name.lower() for column in columns]
    found = [name.lower() for name in header]
    if found == wanted or (len(found) == len(wanted) and set(found) != set(wanted)):
        return None
    if sorted(found) != sorted(wanted):
        raise UpstreamProtocolError(f"a bulk result has {len(found)} columns instead of {len(wanted)}")
    return [found.index(name) for name in wanted]


def _column(column: ResultColumn, cells: Sequence[str]) -> ColumnValues:
    kind = column.type
    if kind in _AS_THEY_ARE or not column.is_described:
        null_rows = [row for row, cell in enumerate(cells) if not cell] if "" in cells else []
        return ColumnValues(column, cells, null_rows)
    convert = _CONVERSIONS[kind]
    try:
        if "" not in cells:
            return filled(column, list(map(convert, cells)))
        return filled(column, [convert(cell) if cell else None for cell in cells])
    except (ValueError, KeyError, InvalidOperation, Base64Error) as error:
        raise UpstreamProtocolError(f"a value of {column.name} does not fit the description of the field") from error


def _int(cell: str) -> int:
    if not cell.lstrip("-").isdecimal():
        # Numbers of Salesforce are doubles inside: `5.0` and `1.2E7` are whole ones.
        number = _decimal(cell)
        if number != number.to_integral_value():
            raise ValueError("no whole number")
        value = int(number)
    else:
        value = int(cell)
    if not -_LARGEST_INT <= value <= _LARGEST_INT:
        raise ValueError("more than 64 bits")
    return value


def _decimal(cell: str) -> Decimal:
    number = Decimal(cell)
    exponent = number.as_tuple().exponent if "e" in cell or "E" in cell else 0
    if not number.is_finite() or not isinstance(exponent, int) or abs(exponent) > _MOST_DIGITS:
        raise ValueError("no number of Salesforce")
    return number


def _instant(cell: str) -> str:
    return cell[:-1] + "+0000" if cell[-1] == "Z" else cell


def _bytes(cell: str) -> bytes:
    return b64decode(cell, validate=True)


_CONVERSIONS: dict[ColumnType, Callable[[str], Any]] = {
    ColumnType.INT64: _int,
    ColumnType.DOUBLE: float,
    ColumnType.DECIMAL: _decimal,
    ColumnType.BOOL: _BOOLS.__getitem__,
    ColumnType.DATETIME: _instant,
    ColumnType.BYTES: _bytes,
    ColumnType.STRINGS: str,
}


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if "field larger" in str(error):
        return f"a cell has more than {csv.field_size_limit():,} characters; read it by REST"
    return "a row is cut off or its quotes do not match"
