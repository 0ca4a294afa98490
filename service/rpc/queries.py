"""QueryService."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from sluicegate.v1.query_service_pb2 import (
    ExplainQueryRequest,
    ExplainQueryResponse,
    QueryRequest,
    QueryResponse,
    QueryRoute,
    RowFormat,
)

from service.context import CallContext
from service.orgs.registry import OrgRegistry
from service.query.batches import Batch
from service.query.options import Options
from service.rpc.columns import fill_batch
from service.rpc.explain import to_response
from service.rpc.json_lines import json_lines
from service.rpc.parameters import to_parameters

_JSON_LINES = "JSON_LINES"


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
        options = Options(
            batch_size=request.batch_size,
            include_deleted=request.include_deleted,
            max_rows=request.max_rows,
            page_size=request.page_size,
            route=_chosen(QueryRoute.Name(request.route), "QUERY_ROUTE_"),
            row_format=_chosen(RowFormat.Name(request.row_format), "ROW_FORMAT_"),
            resume_token=request.resume_token,
        )
        batches: Any = org.query(request.soql, to_parameters(request.parameters), options, call)
        async with aclosing(batches):
            async for batch in batches:
                response = _response(batch, options)
                batch.release()
                yield response

    async def explain_query(self, request: ExplainQueryRequest, call: CallContext) -> ExplainQueryResponse:
        """Tell how a query would be run."""
        org = self._orgs.get(request.org)
        options = Options(
            include_deleted=request.include_deleted, route=_chosen(QueryRoute.Name(request.route), "QUERY_ROUTE_")
        )
        return to_response(await org.explain_query(request.soql, to_parameters(request.parameters), options, call))


def _chosen(name: str, prefix: str) -> str:
    """Return what a caller chose, without the name of the choice; empty where nothing was chosen."""
    return name.removeprefix(prefix).replace("UNSPECIFIED", "")


def _response(batch: Batch, options: Options) -> QueryResponse:
    """Fill the message in place: a message that is given to another's constructor is copied, values and all."""
    response = QueryResponse(
        total_size=batch.total_size,
        resume_token=batch.resume,
        first_row=batch.first_row,
        route=QueryRoute.Value(f"QUERY_ROUTE_{batch.route}"),
    )
    if options.row_format == _JSON_LINES:
        response.json_lines = json_lines(batch)
        return response
    fill_batch(response.batch, batch.row_count, batch.columns)
    return response
