"""Rows that come as columns, as a query sends them, and how their values are written in CSV.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files": ISO dates, `true` and `false`, base64, `#N/A`.
"""

import base64
import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from operator import ge
from typing import Any

from service.errors import InvalidData

_BETWEEN_TEXTS = ";"
"""What stands between the values of a multi-select picklist (Salesforce Object Reference, "Field Types")."""


class CellKind(Enum):
    """What the values of a column are; each kind has its own way into CSV."""

    TEXT = "text"
    """Text that stands as it is: strings, decimals, dates, instants, times."""
    WHOLE = "whole"
    """Integers."""
    NUMBER = "number"
    """Doubles, written without an exponent."""
    TRUTH = "truth"
    """Booleans."""
    BYTES = "bytes"
    """Bytes, written as base64."""
    TEXTS = "texts"
    """Lists of texts, as a multi-select picklist has them; written with semicolons."""


@dataclass(frozen=True, slots=True)
class CellColumn:
    """One column of a batch."""

    name: str
    kind: CellKind
    values: Sequence[Any]
    """One value a row; of null rows anything."""
    null_rows: Sequence[int] = ()
    """Indexes of the rows that are null, ascending, from 0."""

    def rows(self, start: int, end: int) -> "CellColumn":
        """Return the rows from `start` to before `end`, or to the last one."""
        nulls = self.null_rows[bisect_left(self.null_rows, start) : bisect_left(self.null_rows, end)]
        return CellColumn(self.name, self.kind, self.values[start:end], [row - start for row in nulls])


@dataclass(frozen=True, slots=True)
class RowColumns:
    """Some rows, column by column. All batches of one load have the same columns."""

    row_count: int
    columns: tuple[CellColumn, ...]


def check_batch(batch: RowColumns, row: int) -> None:
    """Check that a batch holds what it says.

    Args:
        batch: The batch.
        row: Number of its first row.

    Raises:
        InvalidData: A column has not one value for each row, or null rows that the batch does not have.

    """
    for column in batch.columns:
        if len(column.values) != batch.row_count:
            problem = f"has {len(column.values)} values of {column.name} for {batch.row_count} rows"
            raise InvalidData(f"the batch that begins with row {row} {problem}", row=row)
        nulls = column.null_rows
        if nulls and not (min(nulls) >= 0 and max(nulls) < batch.row_count):
            problem = f"says that rows of {column.name} are null that it does not have"
            raise InvalidData(f"the batch that begins with row {row} {problem}", row=row)
        if any(map(ge, nulls, nulls[1:])):
            problem = f"names null rows of {column.name} twice or not in their order"
            raise InvalidData(f"the batch that begins with row {row} {problem}", row=row)


def texts_of(column: CellColumn, null: str, row: int) -> list[str]:
    """Return the cells of a column.

    Args:
        column: The column.
        null: What stands for null.
        row: Number of its first row.

    Raises:
        InvalidData: A number is none.

    """
    values: Sequence[Any] = column.values
    if column.null_rows:
        values = list(values)
        for at in column.null_rows:
            values[at] = _ANYTHING[column.kind]
    if column.kind is CellKind.NUMBER and not all(map(math.isfinite, values)):
        at = next(at for at, value in enumerate(values) if not math.isfinite(value))
        raise InvalidData(f"row {row + at}: {column.name} holds no finite number; send null for none", row=row + at)
    texts = list(map(_WRITERS[column.kind], values))
    for at in column.null_rows:
        texts[at] = null
    return texts


def _number(value: float) -> str:
    text = repr(value)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def _truth(value: bool) -> str:  # noqa: FBT001 - it is the value
    return "true" if value else "false"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


_WRITERS: dict[CellKind, Callable[[Any], str]] = {
    CellKind.TEXT: str,
    CellKind.WHOLE: str,
    CellKind.NUMBER: _number,
    CellKind.TRUTH: _truth,
    CellKind.BYTES: _base64,
    CellKind.TEXTS: _BETWEEN_TEXTS.join,
}
_ANYTHING: dict[CellKind, Any] = {
    CellKind.TEXT: "",
    CellKind.WHOLE: 0,
    CellKind.NUMBER: 0.0,
    CellKind.TRUTH: False,
    CellKind.BYTES: b"",
    CellKind.TEXTS: (),
}
