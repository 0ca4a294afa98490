"""Rows turned into columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec

from service.query.columns import ColumnType, ResultColumn, extractors

_ZERO: dict[ColumnType, Any] = {
    ColumnType.INT64: 0,
    ColumnType.DOUBLE: 0.0,
    ColumnType.BOOL: False,
}


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """The values of one column in a batch, one a row; null rows hold the type's zero value."""

    column: ResultColumn
    values: Sequence[Any]
    null_rows: Sequence[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows of a result."""

    row_count: int
    columns: tuple[ColumnValues, ...]
    total_size: int
    """Rows of the whole result."""
    first_row: int = 0
    """Rows of the result before these."""
    resume: str = ""
    """The token by which a call goes on behind these rows."""


class Columnizer:
    """Turns decoded rows into batches, column by column: no work is done per cell in Python but for nulls.

    Args:
        columns: The columns of the result.

    """

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._columns = tuple(zip(columns, extractors(columns), strict=True))

    def batch(self, rows: Sequence[Any], total_size: int) -> Batch:
        """Return the rows as one batch."""
        return Batch(len(rows), tuple(_column(column, path, rows) for column, path in self._columns), total_size)


def _column(column: ResultColumn, path: tuple[str, ...], rows: Sequence[Any]) -> ColumnValues:
    values: list[Any] = list(map(attrgetter(path[0]), rows))
    for attribute in path[1:]:
        values = [None if parent is None else getattr(parent, attribute) for parent in values]
    if not column.is_described:
        values = [v if v is None or isinstance(v, str) else msgspec.json.encode(v).decode() for v in values]
    null_rows: list[int] = []
    if None in values:
        zero = _ZERO.get(column.type, "")
        null_rows = [row for row, value in enumerate(values) if value is None]
        values = [zero if value is None else value for value in values]
    if column.type is ColumnType.DECIMAL:
        values = [value if value == "" else format(value, "f") for value in values]
    return ColumnValues(column, values, null_rows)
