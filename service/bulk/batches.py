"""Rows that come as columns, as a query sends them, and what one column of them is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class CellKind(Enum):
    """What the values of a column are; each kind has its own way into CSV."""

    TEXT = "text"
    """Text that stands as it is: strings, decimals, dates, instants, times."""
    WHOLE = "whole"
    """Integers."""
    NUMBER = "number"
    """Doubles."""
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


@dataclass(frozen=True, slots=True)
class RowColumns:
    """Some rows, column by column. All batches of one load have the same columns."""

    row_count: int
    columns: tuple[CellColumn, ...]
