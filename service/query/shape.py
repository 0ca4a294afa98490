"""The shape of a query's rows: what they are decoded to, which columns the caller sees, and which of them order it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec.json import Decoder

from service.query.batches import Batch, Columnizer
from service.query.columns import ResultColumn
from service.query.decoding import row_type
from service.query.keyset import Keyset
from service.query.planner import Describe, plan
from service.query.resume import KeyValue
from service.salesforce.calls import query as calls
from service.salesforce.calls.query import Page
from service.soql.ast import Query


@dataclass(frozen=True, slots=True)
class Shape:
    """A query that can be sent, and what to make of its rows."""

    query: Query
    columnizer: Columnizer
    decoder: Decoder[Page[Any]]
    visible: int
    """How many of the columns the caller asked for; they are the first ones."""
    keys: tuple[int, ...]
    """Indexes of the columns that order the rows; none where the query has no keyset."""

    def last(self, batch: Batch) -> tuple[KeyValue, ...]:
        """Return what the last row of a batch holds in the columns that order it."""
        return tuple(_last(batch, index) for index in self.keys)

    def shown(self, batch: Batch) -> Batch:
        """Return the batch as the caller sees it."""
        return replace(batch, columns=batch.columns[: self.visible])


async def shape_of(query: Query, keyset: Keyset | None, describe: Describe) -> Shape:
    """Return the shape of a query.

    Args:
        query: The query, FIELDS() spelled out.
        keyset: Its order; None to send it as it is.
        describe: Describes an sObject.

    Raises:
        service.errors.SluicegateError: The query cannot be planned.

    """
    if keyset is None:
        columns: Sequence[ResultColumn] = await plan(query, describe)
        return Shape(query, Columnizer(columns), calls.decoder(row_type(columns)), len(columns), ())
    columns = await plan(keyset.query, describe)
    places = {tuple(key.lower() for key in column.keys): index for index, column in enumerate(columns)}
    return Shape(
        keyset.query,
        Columnizer(columns),
        calls.decoder(row_type(columns)),
        len(columns) - keyset.hidden,
        tuple(places[key.place] for key in keyset.keys),
    )


def _last(batch: Batch, index: int) -> KeyValue:
    column = batch.columns[index]
    if column.null_rows and column.null_rows[-1] == batch.row_count - 1:
        return None
    value: KeyValue = column.values[-1]
    return value
