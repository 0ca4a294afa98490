"""Rows of a record batch, on their way into a bulk load."""

from collections.abc import Sequence
from typing import overload

from sluicegate.v1 import record_batch_pb2 as pb

from service.bulk.data.batches import CellColumn, CellKind, RowColumns
from service.errors import FieldViolation, InvalidRequest

_KINDS = {
    pb.COLUMN_TYPE_STRING: (CellKind.TEXT, "string_values"),
    pb.COLUMN_TYPE_DECIMAL: (CellKind.TEXT, "string_values"),
    pb.COLUMN_TYPE_DATE: (CellKind.TEXT, "string_values"),
    pb.COLUMN_TYPE_DATETIME: (CellKind.TEXT, "string_values"),
    pb.COLUMN_TYPE_TIME: (CellKind.TEXT, "string_values"),
    pb.COLUMN_TYPE_INT64: (CellKind.WHOLE, "int64_values"),
    pb.COLUMN_TYPE_DOUBLE: (CellKind.NUMBER, "double_values"),
    pb.COLUMN_TYPE_BOOL: (CellKind.TRUTH, "bool_values"),
    pb.COLUMN_TYPE_BYTES: (CellKind.BYTES, "bytes_values"),
}
_FIELDS = ("string_values", "double_values", "int64_values", "bool_values", "bytes_values", "null_rows", "child_ends")

MAX_VALUES = 1_000_000
"""Values of one batch, its null rows and the entries of its lists among them: a message of 4 MiB could hold four times
as many, and their text be a hundred times as large."""


def row_columns(batch: pb.RecordBatch) -> RowColumns:
    """Return a batch's rows. Takes no time for each: values are read, and held against their rows, as they are needed.

    Raises:
        InvalidRequest: A column has no type that can be loaded, or not a value for each row, or there are too many.

    """
    columns = tuple(_column(column, batch.row_count) for column in batch.columns)
    if sum(map(_size, batch.columns)) > MAX_VALUES:
        problem = f"the batch has more than {MAX_VALUES:,} values; send fewer rows in each"
        raise InvalidRequest(problem, violations=[FieldViolation("batch.columns", problem)])
    return RowColumns(batch.row_count, columns)


class TextLists(Sequence[list[str]]):
    """The texts of each row of a STRINGS column, taken from where they stand as they are needed.

    Args:
        texts: The texts of all rows.
        ends: Where those of each row end.
        column: The column, for what is wrong with it.

    """

    def __init__(self, texts: Sequence[str], ends: Sequence[int], column: pb.Column) -> None:
        self._texts = texts
        self._ends = ends
        self._column = column

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._ends)

    @overload
    def __getitem__(self, at: int) -> list[str]: ...

    @overload
    def __getitem__(self, at: slice) -> list[list[str]]: ...

    def __getitem__(self, at: int | slice) -> list[str] | list[list[str]]:
        """Return the texts of one row or of some.

        Raises:
            InvalidRequest: They end before they begin, or behind the last one.

        """
        if isinstance(at, int):
            at = range(len(self))[at]
            return self[at : at + 1][0]
        first, last, _ = at.indices(len(self))
        ends = self._ends[first:last]
        starts = [self._ends[first - 1] if first else 0, *ends]
        if any(not 0 <= start <= end <= len(self._texts) for start, end in zip(starts, ends, strict=False)):
            raise _refusal(self._column, "has lists that do not fit its rows")
        return [list(self._texts[start:end]) for start, end in zip(starts, ends, strict=False)]


def _column(column: pb.Column, rows: int) -> CellColumn:
    if column.type == pb.COLUMN_TYPE_STRINGS:
        kind, values = CellKind.TEXTS, _lists(column)
    elif column.type in _KINDS:
        kind, field = _KINDS[column.type]
        values = getattr(column, field)
    else:
        raise _refusal(column, "has children, or no type: it cannot be loaded")
    if len(values) != rows:
        raise _refusal(column, f"has {len(values):,} values for {rows:,} rows")
    return CellColumn(column.name, kind, values, column.null_rows)


def _lists(column: pb.Column) -> Sequence[list[str]]:
    texts = column.children.columns[0].string_values if column.children.columns else ()
    return TextLists(texts, column.child_ends, column)


def _size(column: pb.Column) -> int:
    """Return how many values a column has, whatever it has them for."""
    own = sum(len(getattr(column, field)) for field in _FIELDS)
    return own + sum(len(child.string_values) for child in column.children.columns)


def _refusal(column: pb.Column, problem: str) -> InvalidRequest:
    name = column.name[:40]
    return InvalidRequest(f"column {name!r} {problem}", violations=[FieldViolation("batch.columns", problem)])
