"""What the caller sees of a batch, and what orders its rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.query.batches import Batch
from service.query.columns import ResultColumn
from service.query.keyset import Keyset
from service.query.resume import KeyValue


@dataclass(frozen=True, slots=True)
class View:
    """Which columns of a result are the caller's, and which order it."""

    visible: int
    """How many of the columns the caller asked for; they are the first ones."""
    keys: tuple[int, ...] = ()
    """Indexes of the columns that order the rows; none where the query has no keyset."""

    def last(self, batch: Batch) -> tuple[KeyValue, ...]:
        """Return what the last row of a batch holds in the columns that order it."""
        return tuple(_last(batch, index) for index in self.keys)

    def shown(self, batch: Batch) -> Batch:
        """Return the batch as the caller sees it."""
        return replace(batch, columns=batch.columns[: self.visible])


def view_of(columns: Sequence[ResultColumn], keyset: Keyset | None) -> View:
    """Return the view of a result.

    Args:
        columns: Those of the keyset's query, or of the caller's where there is none.
        keyset: The order; None for a query that is sent as it is.

    """
    if keyset is None:
        return View(len(columns))
    places = {tuple(key.lower() for key in column.keys): index for index, column in enumerate(columns)}
    return View(len(columns) - keyset.hidden, tuple(places[key.place] for key in keyset.keys))


def _last(batch: Batch, index: int) -> KeyValue:
    column = batch.columns[index]
    if column.null_rows and column.null_rows[-1] == batch.row_count - 1:
        return None
    value: KeyValue = column.values[-1]
    return value
