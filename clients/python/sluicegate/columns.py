"""What the columns of a query's result are, without their values."""

from collections.abc import Iterable
from dataclasses import dataclass

from sluicegate.v1 import record_batch_pb2
from sluicegate.words import to_word

_COLUMN_TYPES = record_batch_pb2.ColumnType.DESCRIPTOR


@dataclass(frozen=True, slots=True)
class ColumnDescription:
    """A column of a result, without its values."""

    name: str
    """The path as Salesforce spells it: `Name`, `Account.Name`, an alias, or `expr0`."""
    type: str
    """`string`, `int64`, `double`, `decimal`, `bool`, `date`, `datetime`, `time`, `bytes`, `strings` or `batches`."""
    children: tuple["ColumnDescription", ...] = ()
    """Of `batches` the columns of the children."""


def decode_descriptions(
    columns: Iterable[record_batch_pb2.ColumnDescription | record_batch_pb2.Column],
) -> tuple[ColumnDescription, ...]:
    """Read descriptions from their messages, or from columns with values; those of entries in a column are left out."""
    return tuple(map(_decode, columns))


def _decode(column: record_batch_pb2.ColumnDescription | record_batch_pb2.Column) -> ColumnDescription:
    children: tuple[ColumnDescription, ...] = ()
    if column.type == record_batch_pb2.COLUMN_TYPE_BATCHES:
        inner = column.children
        children = decode_descriptions(inner.columns if isinstance(inner, record_batch_pb2.RecordBatch) else inner)
    return ColumnDescription(column.name, to_word(_COLUMN_TYPES, column.type), children)
