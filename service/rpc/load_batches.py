"""Rows of a record batch, on their way into a bulk load."""

from sluicegate.v1 import record_batch_pb2 as pb

from service.bulk.batches import CellColumn, CellKind, RowColumns
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


def row_columns(batch: pb.RecordBatch) -> RowColumns:
    """Return a batch's rows.

    Raises:
        InvalidRequest: A column has no type that can be loaded, or not a value for each row.

    """
    return RowColumns(batch.row_count, tuple(_column(column, batch.row_count) for column in batch.columns))


def _column(column: pb.Column, rows: int) -> CellColumn:
    nulls = tuple(column.null_rows)
    if any(not 0 <= row < rows for row in nulls):
        raise _refusal(column, "has a null row that the batch has not")
    if column.type == pb.COLUMN_TYPE_STRINGS:
        return CellColumn(column.name, CellKind.TEXTS, _lists(column, rows), nulls)
    if column.type not in _KINDS:
        raise _refusal(column, "has children, or no type: it cannot be loaded")
    kind, field = _KINDS[column.type]
    values = getattr(column, field)
    if len(values) != rows:
        raise _refusal(column, f"has {len(values):,} values for {rows:,} rows")
    return CellColumn(column.name, kind, values, nulls)


def _lists(column: pb.Column, rows: int) -> list[list[str]]:
    """Return the texts of each row of a STRINGS column."""
    ends = list(column.child_ends)
    texts = list(column.children.columns[0].string_values) if column.children.columns else []
    if len(ends) != rows or ends != sorted(ends) or (ends and not 0 <= ends[0] <= ends[-1] <= len(texts)):
        raise _refusal(column, "has lists that do not fit its rows")
    return [texts[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _refusal(column: pb.Column, problem: str) -> InvalidRequest:
    name = column.name[:40]
    return InvalidRequest(f"column {name!r} {problem}", violations=[FieldViolation("batch.columns", problem)])
