"""Rows of a bulk load as record batches: typed columns, which cost less than a text for each row."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias

from sluicegate.bulk_texts import lookup_key, text_of
from sluicegate.rows import Batch
from sluicegate.v1.record_batch_pb2 import (
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
from sluicegate.values import Reference

Values: TypeAlias = Sequence[Any]
"""The values of a column, None where a row has null."""

_MESSAGE_BYTES = 256 * 1024
"""What a message is meant to have."""
_MOST_MESSAGE_BYTES = 2 * 1024 * 1024
"""What it may have: half of what the service takes."""
_FIRST_ROWS = 64
_MOST_ROWS = 2_000
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


class BatchWriter:
    """Writes rows as batches of about 256 KiB.

    Every row has the columns of the first one, because a batch cannot leave a value out. The type of a column is that
    of its values, batch by batch: text where they are of several types.

    Args:
        first_row: Number of the first row that is wanted; those before it are passed over.

    """

    def __init__(self, first_row: int) -> None:
        self._first_row = first_row
        self._row = 1
        self._waiting: list[Mapping[str, object]] = []
        self._wanted = _FIRST_ROWS
        self._keys: dict[str, None] = {}
        self._names: dict[str, str] = {}

    def take(self, item: object) -> Iterator[RecordBatch]:
        """Take a row or a batch of a query, and yield the batches that are full.

        Raises:
            TypeError: It is neither, or a value is none that a bulk load takes; the text has the row's number.
            ValueError: It has other columns than the first row, or a number is not finite.

        """
        if isinstance(item, Batch):
            yield from self.finish()
            yield from self._take_batch(item)
        elif isinstance(item, Mapping):
            self._add(item)
            if len(self._waiting) >= self._wanted:
                yield from self.finish()
        else:
            kind = type(item).__name__
            raise TypeError(
                f"data yielded {kind}; as record batches it must yield rows as dicts, or batches of a query"
            )

    def finish(self) -> Iterator[RecordBatch]:
        """Yield what waits, which may be nothing."""
        rows, self._waiting = self._waiting, []
        if rows:
            columns = {key: [row[key] for row in rows] for key in self._keys}
            yield from self._encode(columns, len(rows), self._row - len(rows))

    def _add(self, row: Mapping[str, object]) -> None:
        number, self._row = self._row, self._row + 1
        if not self._keys:
            self._keys = dict.fromkeys(row)
        if row.keys() != self._keys.keys():
            raise ValueError(f"row {number} {self._difference(row)}")
        if number >= self._first_row:
            self._waiting.append(row)

    def _difference(self, columns: Mapping[str, object]) -> str:
        missing = [key for key in self._keys if key not in columns]
        if missing:
            return f"has no {missing[0]!r}, as the first row has; give None for null, or load json_lines"
        further = next(key for key in columns if key not in self._keys)
        return f"has {further!r}, which the first row has not; give that None, or load json_lines"

    def _take_batch(self, batch: Batch) -> Iterator[RecordBatch]:
        first, self._row = self._row, self._row + batch.row_count
        if not batch.row_count:
            return
        if not self._keys:
            self._keys = dict.fromkeys(batch.columns)
        if batch.columns.keys() != self._keys.keys():
            raise ValueError(f"row {first} {self._difference(batch.columns)}")
        skipped = max(0, self._first_row - first)
        for start in range(skipped, batch.row_count, _MOST_ROWS):
            end = min(batch.row_count, start + _MOST_ROWS)
            columns = {key: batch.columns[key][start:end] for key in self._keys}
            yield from self._encode(columns, end - start, first + start)

    def _encode(self, columns: Mapping[str, Values], row_count: int, row: int) -> Iterator[RecordBatch]:
        batch = RecordBatch(row_count=row_count)
        for key, values in columns.items():
            name, column = _encode_column(key, values, self._names.get(key), row)
            if self._names.setdefault(key, name) != name:
                raise ValueError(
                    f"row {row}: {key!r} was no lookup in the rows before; name the column {name!r} in all"
                )
            batch.columns.append(column)
        size = batch.ByteSize()
        self._wanted = max(1, min(_MOST_ROWS, _MESSAGE_BYTES * row_count // max(1, size)))
        if size <= _MOST_MESSAGE_BYTES or row_count == 1:
            yield batch
            return
        half = row_count // 2
        yield from self._encode({key: values[:half] for key, values in columns.items()}, half, row)
        yield from self._encode({key: values[half:] for key, values in columns.items()}, row_count - half, row + half)


def _encode_column(key: str, values: Values, name: str | None, row: int) -> tuple[str, Column]:
    """Return the name of a column, which is another one for lookups, and the column.

    Raises:
        TypeError: As `BatchWriter.take`.
        ValueError: As `BatchWriter.take`.

    """
    kinds = set(map(type, values))
    nulls = [index for index, value in enumerate(values) if value is None] if type(None) in kinds else []
    kinds.discard(type(None))
    if any(issubclass(kind, Reference | Mapping) for kind in kinds):
        name, values = _looked_up(key, values, row)
        kinds = {str}
    column = Column(name=name or key, null_rows=nulls)
    if kinds <= {list, tuple} and kinds:
        _fill_lists(column, values, row)
    else:
        _fill(column, values, kinds.pop() if len(kinds) == 1 else str, row)
    return column.name, column


def _fill(column: Column, values: Values, kind: type, row: int) -> None:
    if kind is int and not all(value is None or _INT64_MIN <= value <= _INT64_MAX for value in values):
        kind = Decimal
    column.type, field, empty = _PLAIN.get(kind, (_TEXTS.get(kind, COLUMN_TYPE_STRING), "string_values", ""))
    if kind is float and not all(value is None or math.isfinite(value) for value in values):
        at = next(at for at, value in enumerate(values) if value is not None and not math.isfinite(value))
        raise ValueError(f"row {row + at}: {column.name!r} is no finite number; None writes null")
    if kind not in _PLAIN or (kind is str and not all(value is None or type(value) is str for value in values)):
        values = [value if value is None else _text(column.name, value, row + at) for at, value in enumerate(values)]
    if column.null_rows:
        values = [empty if value is None else value for value in values]
    try:
        getattr(column, field).extend(values)
    except UnicodeEncodeError:
        at = next(at for at, value in enumerate(values) if any("\ud800" <= each <= "\udfff" for each in value))
        raise ValueError(f"row {row + at}: {column.name!r} holds half of a surrogate pair") from None


def _fill_lists(column: Column, values: Values, row: int) -> None:
    column.type = COLUMN_TYPE_STRINGS
    column.children.columns.add(name=column.name, type=COLUMN_TYPE_STRING)
    for at, entries in enumerate(values):
        for entry in entries or ():
            if type(entry) is not str:
                raise TypeError(f"row {row + at}: {column.name!r} holds a list of others than texts")
            column.children.columns[0].string_values.append(entry)
        column.child_ends.append(len(column.children.columns[0].string_values))
    column.children.row_count = column.child_ends[-1]


def _looked_up(key: str, values: Values, row: int) -> tuple[str, Values]:
    """Return the column of a lookup, and the external ids."""
    names: set[str] = set()
    ids: list[str | None] = []
    for at, value in enumerate(values):
        match value:
            case None:
                ids.append(None)
            case Reference(field=field, value=external_id):
                names.add(f"{lookup_key(key, value)}.{field}")
                ids.append(external_id)
            case Mapping() if len(value) == 1:
                ((field, external_id),) = value.items()
                names.add(f"{key}.{field}")
                ids.append(None if external_id is None else _text(key, external_id, row + at))
            case _:
                raise TypeError(f"row {row + at}: {key!r} is a lookup in other rows; give it Reference(field, value)")
        if len(names) > 1:
            both = " and ".join(sorted(names))
            raise ValueError(f"row {row + at}: {key!r} is both {both}; one column is one lookup, or load json_lines")
    return names.pop(), ids


def _text(name: str, value: object, row: int) -> str:
    try:
        return text_of(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"row {row}: {name!r}: {error}") from None


_PLAIN: dict[type, tuple[ColumnType.ValueType, str, object]] = {
    str: (COLUMN_TYPE_STRING, "string_values", ""),
    bool: (COLUMN_TYPE_BOOL, "bool_values", False),
    int: (COLUMN_TYPE_INT64, "int64_values", 0),
    float: (COLUMN_TYPE_DOUBLE, "double_values", 0.0),
    bytes: (COLUMN_TYPE_BYTES, "bytes_values", b""),
}
"""What is sent as it is: the type, the field that holds it, and what stands in the place of a null."""
_TEXTS: dict[type, ColumnType.ValueType] = {
    Decimal: COLUMN_TYPE_DECIMAL,
    date: COLUMN_TYPE_DATE,
    datetime: COLUMN_TYPE_DATETIME,
    time: COLUMN_TYPE_TIME,
}
"""What is sent as text."""
