"""Columns of a query's result as messages."""

from collections.abc import Iterable

from sluicegate.v1 import record_batch_pb2 as pb

from service.query.batches import ColumnValues
from service.query.columns import ColumnType, ResultColumn

_FIELDS = {
    ColumnType.INT64: "int64_values",
    ColumnType.DOUBLE: "double_values",
    ColumnType.BOOL: "bool_values",
    ColumnType.BYTES: "bytes_values",
}
_TYPES = {kind: pb.ColumnType.Value(f"COLUMN_TYPE_{kind.name}") for kind in ColumnType}


def fill_batch(message: pb.RecordBatch, row_count: int, columns: Iterable[ColumnValues]) -> None:
    """Fill a batch in place: a message that is given to another's constructor is copied, values and all.

    Args:
        message: The empty batch.
        row_count: How many rows it holds.
        columns: Their values.

    """
    message.row_count = row_count
    for values in columns:
        kind = values.column.type
        column = message.columns.add(name=values.column.name, type=_TYPES[kind], null_rows=values.null_rows)
        if values.children is None:
            getattr(column, _FIELDS.get(kind, "string_values")).extend(values.values)
        else:
            column.child_ends.extend(values.children.ends)
            fill_batch(column.children, values.children.row_count, values.children.columns)


def to_descriptions(columns: Iterable[ResultColumn]) -> list[pb.ColumnDescription]:
    """Return columns without their values."""
    return [
        pb.ColumnDescription(name=column.name, type=_TYPES[column.type], children=to_descriptions(column.children))
        for column in columns
    ]
