"""Rows turned into columns."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

from service.query.children import FollowingPages, child_readers, known_count, limited
from service.query.columns import ColumnType, ResultColumn
from service.query.gathering import Gatherer
from service.query.texts import to_decimals, to_texts

_ZERO: dict[ColumnType, Any] = {
    ColumnType.INT64: 0,
    ColumnType.DOUBLE: 0.0,
    ColumnType.BOOL: False,
    ColumnType.BYTES: b"",
}
_MOST_CHILDREN = 10_000
"""Children from which on a batch takes no further row, so that batches stay about as large as without them."""
_SEPARATOR = ";"
"""What stands between the values of a multi-select picklist (Salesforce Object Reference, "Field Types")."""


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """The values of one column in a batch, one a row; null rows hold the type's zero value."""

    column: ResultColumn
    values: Sequence[Any]
    """Empty for BATCHES and STRINGS."""
    null_rows: Sequence[int]
    """Never those of BATCHES: a record without children has an empty batch of them."""
    children: "Children | None" = None
    """Of BATCHES the children, of STRINGS the entries; None for other types."""


@dataclass(frozen=True, slots=True)
class Children:
    """What all rows of a batch hold in a column of several, one row's after another's."""

    row_count: int
    columns: tuple[ColumnValues, ...]
    ends: Sequence[int]
    """Where the ones of each row of the batch end: row n has those from the end of row n - 1, or 0, up to its own."""


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
    route: str = "REST"
    """How they were read, as `Options.route` names it."""

    def release(self) -> None:
        """Give the values up; for whoever has made something else of them.

        Those who passed the batch on hold it until they are asked for the next one, for which memory that was just used
        is better than memory that was not: it is still near to the processor.
        """
        _release(self.columns)


class Columnizer:
    """Turns decoded rows into batches, column by column: no work is done per cell in Python but for nulls.

    Args:
        columns: The columns of the result.

    """

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._table = _Table(columns)
        self._nested = child_readers(columns)

    def batch(self, rows: Sequence[Any], total_size: int) -> Batch:
        """Return the rows as one batch; their children have been read to the end."""
        return Batch(len(rows), self._table.columns(rows), total_size)

    async def batches(
        self, rows: list[Any], total_size: int, size: int, following: FollowingPages
    ) -> AsyncIterator[Batch]:
        """Yield the rows of a page as batches; what children the page does not hold is read before each.

        Args:
            rows: The rows of the page; they are taken out, so that none is held beside its values.
            total_size: Rows of the whole result.
            size: The most rows in a batch; one has fewer where its children are many.
            following: Reads the further pages of children.

        Raises:
            service.errors.MessageTooLarge: One record, or all of a batch together, have more children than it holds.
            service.errors.SluicegateError: Salesforce refused a page.

        """
        while rows:
            count = self._fitting(rows, size)
            part = rows[:count]
            del rows[:count]
            bounded = limited(following)
            for attribute, reader in self._nested:
                await reader.complete([getattr(row, attribute) for row in part], bounded)
            batch = self.batch(part, total_size)
            del part
            yield batch

    def _fitting(self, rows: Sequence[Any], size: int) -> int:
        """Return how many of the rows the next batch takes."""
        if not self._nested:
            return size
        children = 0
        for index, row in enumerate(rows):
            more = sum(known_count(getattr(row, attribute)) for attribute, _ in self._nested)
            if index and (index == size or children + more > _MOST_CHILDREN):
                return index
            children += more
        return len(rows)


def filled(column: ResultColumn, values: list[Any]) -> ColumnValues:
    """Return a column of any type but BATCHES.

    Args:
        column: The column.
        values: A value a row, None where it is null: of the Python type that `ColumnType.decoded` names, of BYTES the
            bytes; STRINGS come as Salesforce writes them, `A;B`.

    """
    if column.type is ColumnType.DECIMAL:
        values = [None if value is None else format(value, "f") for value in values]
    return _packed(column, values)


def _packed(column: ResultColumn, values: Sequence[Any]) -> ColumnValues:
    """Return a column of values as `filled` takes them, but for those of DECIMAL, which are text."""
    null_rows: list[int] = []
    # Most columns hold neither nulls nor zeros, which `all` sees in half the time.
    if not all(values) and None in values:
        zero = _ZERO.get(column.type, "")
        null_rows = [row for row, value in enumerate(values) if value is None]
        values = [zero if value is None else value for value in values]
    if column.type is ColumnType.STRINGS:
        return ColumnValues(column, (), null_rows, _entries(column, values))
    return ColumnValues(column, values, null_rows)


class _Table:
    """Makes columns of rows, and of the children in them.

    Args:
        columns: The columns.

    """

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._gatherer = Gatherer(columns)
        self._columns = [
            (column, _Table(column.children) if column.type is ColumnType.BATCHES else None) for column in columns
        ]

    def columns(self, rows: Sequence[Any]) -> tuple[ColumnValues, ...]:
        """Return the values of all columns."""
        gathered = self._gatherer.gather(rows)
        return tuple(
            _column(column, values) if inner is None else ColumnValues(column, (), (), inner.children(values))
            for (column, inner), values in zip(self._columns, gathered, strict=True)
        )

    def children(self, found: Sequence[Any]) -> Children:
        """Return the children of all rows, by what each holds in their column."""
        groups = [() if children is None else children.records for children in found]
        rows = list(chain.from_iterable(groups))
        return Children(len(rows), self.columns(rows), list(accumulate(map(len, groups))))


def _column(column: ResultColumn, values: Sequence[Any]) -> ColumnValues:
    if not column.is_described:
        values = to_texts(values)
    elif column.type is ColumnType.DECIMAL:
        values = to_decimals(values)
    elif column.type is ColumnType.BYTES:
        values = [None if value is None else value.encode() for value in values]
    return _packed(column, values)


def _entries(column: ResultColumn, values: Sequence[str]) -> Children:
    groups = [value.split(_SEPARATOR) if value else () for value in values]
    entries = list(chain.from_iterable(groups))
    inner = ResultColumn(column.name, ColumnType.STRING, column.keys)
    return Children(len(entries), (ColumnValues(inner, entries, ()),), list(accumulate(map(len, groups))))


def _release(columns: Sequence[ColumnValues]) -> None:
    for column in columns:
        if isinstance(column.values, list):
            column.values.clear()
        if column.children is not None:
            _release(column.children.columns)
