"""The batches of a query's result as Python rows and columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from sluicegate.columns import ColumnDescription, decode_descriptions
from sluicegate.v1.record_batch_pb2 import (
    COLUMN_TYPE_BATCHES,
    COLUMN_TYPE_BOOL,
    COLUMN_TYPE_BYTES,
    COLUMN_TYPE_DATE,
    COLUMN_TYPE_DATETIME,
    COLUMN_TYPE_DECIMAL,
    COLUMN_TYPE_DOUBLE,
    COLUMN_TYPE_INT64,
    COLUMN_TYPE_STRING,
    COLUMN_TYPE_STRINGS,
    COLUMN_TYPE_TIME,
    Column,
    ColumnType,
    RecordBatch,
)


@dataclass(frozen=True, slots=True)
class Batch:
    """A part of a query's result."""

    columns: Mapping[str, Sequence[object]]
    """The values by column, in the order of the query's SELECT. A dataframe takes it as it is."""
    row_count: int
    """How many rows the batch holds."""
    total_size: int
    """How many rows the whole result has, as Salesforce counted them. The answer of `SELECT COUNT()`."""
    first_row: int = 0
    """How many rows of the result come before these, over all calls that belong together."""
    resume_token: str = ""
    """Lets another call go on behind these rows."""
    route: str = ""
    """How the result is read: `rest` or `bulk`."""
    descriptions: tuple[ColumnDescription, ...] = ()
    """What the columns are, in their order: the same in each batch of a result, and there where it has no rows."""

    def rows(self) -> list[dict[str, object]]:
        """Make a dict of each row; children are lists of such dicts."""
        return _rows(self.columns, self.row_count)


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A part of a query's result as lines of JSON."""

    data: bytes
    """An object by column for each row, each ended by a line feed."""
    total_size: int
    """How many rows the whole result has, as Salesforce counted them. The answer of `SELECT COUNT()`."""
    first_row: int
    """How many rows of the result come before these, over all calls that belong together."""
    resume_token: str
    """Lets another call go on behind these rows."""
    route: str
    """How the result is read: `rest` or `bulk`."""


def decode_batch(batch: RecordBatch, total_size: int, *, raw: bool = False) -> Batch:
    """Make columns of Python values.

    A null is None; STRING is str, INT64 int, DOUBLE float, BOOL bool, DECIMAL `Decimal`, DATE `date`, DATETIME an aware
    `datetime`, TIME a `time` without a zone, BYTES bytes, STRINGS a list of str, and BATCHES a list of dicts by column,
    empty where a record has no children.

    Args:
        batch: The batch as received.
        total_size: How many rows the whole result has.
        raw: Leave DECIMAL, DATE, DATETIME and TIME the text that Salesforce wrote, which is faster.

    Raises:
        ValueError: The batch is not what the contract says: a column of another length than the batch, of a type that
            this package does not know, or of text that is not of its type.

    """
    descriptions = decode_descriptions(batch.columns)
    return Batch(_decode_columns(batch, raw=raw), batch.row_count, total_size, descriptions=descriptions)


def _rows(columns: Mapping[str, Sequence[object]], row_count: int) -> list[dict[str, object]]:
    empty: dict[str, object] = dict.fromkeys(columns)
    # Column by column, which is twice as fast as a dict of names and values for each row, into copies that have room.
    rows = [empty.copy() for _ in range(row_count)]
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return rows


def _decode_columns(batch: RecordBatch, *, raw: bool) -> dict[str, list[object]]:
    return {column.name: _decode_column(column, batch.row_count, raw=raw) for column in batch.columns}


def _decode_column(column: Column, row_count: int, *, raw: bool) -> list[object]:
    values = _several(column, raw=raw) if column.type in _SEVERAL else _values(column)
    if len(values) != row_count:
        raise ValueError(f"column {column.name} has {len(values)} values in a batch of {row_count} rows")
    nulls = column.null_rows
    for row in nulls:
        if not 0 <= row < row_count:
            raise ValueError(f"column {column.name} has a null at row {row} in a batch of {row_count} rows")
        values[row] = None
    parse = None if raw else _PARSERS.get(column.type)
    if parse is None:
        return values
    try:
        if nulls:
            return [None if value is None else parse(value) for value in values]
        return list(map(parse, values))
    except (ValueError, InvalidOperation):
        kind = ColumnType.Name(column.type).removeprefix("COLUMN_TYPE_")
        raise ValueError(f"column {column.name} holds text that is not of type {kind}") from None


def _several(column: Column, *, raw: bool) -> list[object]:
    """Return the children of each row."""
    batch = column.children
    inner = _decode_columns(batch, raw=raw)
    items: Sequence[object]
    if column.type == COLUMN_TYPE_BATCHES:
        items = _rows(inner, batch.row_count)
    elif len(inner) == 1:
        (items,) = inner.values()
    else:
        raise ValueError(f"column {column.name} has {len(inner)} columns of entries instead of one")
    groups: list[object] = []
    start = 0
    for end in column.child_ends:
        if not start <= end <= batch.row_count:
            raise ValueError(f"column {column.name} has children of a row that end at {end}, behind {start}")
        groups.append(list(items[start:end]))
        start = end
    if start != batch.row_count:
        raise ValueError(f"column {column.name} has {batch.row_count - start} children that belong to no row")
    return groups


def _values(column: Column) -> list[Any]:
    # A slice is a list, made in one step; `list` would take one value after another.
    match column.type:
        case _ if column.type in _TEXTS:
            return column.string_values[:]
        case t if t == COLUMN_TYPE_DOUBLE:
            return column.double_values[:]
        case t if t == COLUMN_TYPE_INT64:
            return column.int64_values[:]
        case t if t == COLUMN_TYPE_BOOL:
            return column.bool_values[:]
        case t if t == COLUMN_TYPE_BYTES:
            return column.bytes_values[:]
    raise ValueError(f"column {column.name} is of type {column.type}, which this package does not know; update it")


def _time(text: str) -> time:
    # Salesforce writes `13:05:00.000Z`: the Z is no time zone, because a time of day has no instant.
    return time.fromisoformat(text.removesuffix("Z"))


_TEXTS = frozenset(
    {COLUMN_TYPE_STRING, COLUMN_TYPE_DECIMAL, COLUMN_TYPE_DATE, COLUMN_TYPE_DATETIME, COLUMN_TYPE_TIME},
)
_SEVERAL = frozenset({COLUMN_TYPE_BATCHES, COLUMN_TYPE_STRINGS})
_PARSERS: Mapping[int, Callable[..., object]] = {
    COLUMN_TYPE_DECIMAL: Decimal,
    COLUMN_TYPE_DATE: date.fromisoformat,
    COLUMN_TYPE_DATETIME: datetime.fromisoformat,
    COLUMN_TYPE_TIME: _time,
}
