"""QueryService."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from sluicegate.v1 import record_batch_pb2 as pb
from sluicegate.v1.query_service_pb2 import QueryRequest, QueryResponse

from service.context import CallContext
from service.orgs.registry import OrgRegistry
from service.query.batches import Batch, ColumnValues
from service.query.columns import ColumnType
from service.query.cursor import Options
from service.rpc.values import to_parameters

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
                yield QueryResponse(batch=_message(batch), total_size=batch.total_size)


def _message(batch: Batch) -> pb.RecordBatch:
    return pb.RecordBatch(row_count=batch.row_count, columns=[_column(column) for column in batch.columns])


def _column(values: ColumnValues) -> pb.Column:
    column = pb.Column(
        name=values.column.name,
        type=pb.ColumnType.Value(f"COLUMN_TYPE_{values.column.type.name}"),
        null_rows=values.null_rows,
    )
    getattr(column, _FIELDS.get(values.column.type, "string_values")).extend(values.values)
    return column
