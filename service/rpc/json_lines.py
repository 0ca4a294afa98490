"""Rows of a query's result as lines of JSON."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from service.query.batches import Batch, ColumnValues
from service.query.columns import ColumnType

_encoder = msgspec.json.Encoder()


def json_lines(batch: Batch) -> bytes:
    r"""Return an object for each row, by column, each ended by a line feed; nothing for a batch without rows.

    DECIMAL values are numbers with the digits that Salesforce wrote, BYTES are base64, STRINGS are arrays, and BATCHES
    are arrays of such objects. All is strict JSON, without a line feed inside of it.

    Args:
        batch: The rows.

    """
    return _encoder.encode_lines(_rows(batch.columns))


def _rows(columns: Sequence[ColumnValues]) -> list[dict[str, Any]]:
    names = [values.column.name for values in columns]
    # A dict of what was zipped is made without a step of Python for each cell.
    return [dict(zip(names, row, strict=True)) for row in zip(*map(_cells, columns), strict=True)]


def _cells(column: ColumnValues) -> Sequence[Any]:
    cells = column.values
    if column.children is not None:
        cells = list(_several(column))
    elif column.column.type is ColumnType.DECIMAL:
        cells = [msgspec.Raw(value.encode()) for value in column.values]
    if column.null_rows:
        cells = list(cells)
        for row in column.null_rows:
            cells[row] = None
    return cells


def _several(column: ColumnValues) -> Iterator[Sequence[Any]]:
    """Yield what each row holds."""
    children = column.children
    assert children is not None
    items: Sequence[Any]
    if column.column.type is ColumnType.BATCHES:
        items = _rows(children.columns)
    else:
        (entries,) = children.columns
        items = _cells(entries)
    for start, end in pairwise((0, *children.ends)):
        yield items[start:end]
