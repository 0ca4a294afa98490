"""The shape of a query's rows: what they are decoded to, and what becomes of them."""

from dataclasses import dataclass
from typing import Any

from msgspec.json import Decoder

from service.query.batches import Columnizer
from service.query.decoding import row_type
from service.query.keyset import Keyset
from service.query.planner import Describe, plan
from service.query.view import View, view_of
from service.salesforce.calls import query as calls
from service.salesforce.calls.query import Page
from service.soql.ast import Query


@dataclass(frozen=True, slots=True)
class Shape:
    """A query that can be sent, and what to make of its rows."""

    query: Query
    columnizer: Columnizer
    decoder: Decoder[Page[Any]]
    view: View


async def shape_of(query: Query, keyset: Keyset | None, describe: Describe) -> Shape:
    """Return the shape of a query.

    Args:
        query: The query, FIELDS() spelled out.
        keyset: Its order; None to send it as it is.
        describe: Describes an sObject.

    Raises:
        service.errors.SluicegateError: The query cannot be planned.

    """
    sent = query if keyset is None else keyset.query
    columns = await plan(sent, describe)
    return Shape(sent, Columnizer(columns), calls.decoder(row_type(columns)), view_of(columns, keyset))
