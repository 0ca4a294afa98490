"""QueryService."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from sluicegate.v1 import record_batch_pb2 as pb
from sluicegate.v1.query_service_pb2 import QueryRequest, QueryResponse

from service.context import CallContext
from service.orgs.registry import OrgRegistry
from service.query.batches import Batch
from service.query.columns import ColumnType
from service.query.options import Options
from service.rpc.parameters import to_parameters

_FIELDS = {
    ColumnType.INT64: "int64_values",
    ColumnType.DOUBLE: "double_values",
    ColumnType.BOOL: "bool_values",
}


class QueryService:
    """Reads records with SOQL.

    Args:
        orgs: The configured orgs.

    """

    def __init__(self, orgs: OrgRegistry) -> None:
        self._orgs = orgs

    async def query(self, request: QueryRequest, call: CallContext) -> AsyncIterator[QueryResponse]:
        """Stream a query's result as batches."""
        org = self._orgs.get(request.org)
        options = Options(batch_size=request.batch_size, include_deleted=request.include_deleted)
        batches: Any = org.query(request.soql, to_parameters(request.parameters), options, call)
        async with aclosing(batches):
            async for batch in batches:
                yield _response(batch)


def _response(batch: Batch) -> QueryResponse:
    """Fill the message in place: a message that is given to another's constructor is copied, values and all."""
    response = QueryResponse(total_size=batch.total_size)
    response.batch.row_count = batch.row_count
    for values in batch.columns:
        kind = values.column.type
        column = response.batch.columns.add(
            name=values.column.name, type=pb.ColumnType.Value(f"COLUMN_TYPE_{kind.name}"), null_rows=values.null_rows
        )
        getattr(column, _FIELDS.get(kind, "string_values")).extend(values.values)
    return response
