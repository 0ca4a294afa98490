"""QueryService as methods of the client."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Unpack

from sluicegate.connection import Connected, translated
from sluicegate.errors import SluicegateError
from sluicegate.explanations import QueryExplanation, decode_explanation
from sluicegate.query_options import QueryOptions, Route, encode_query_options, encode_route
from sluicegate.reconnecting import Reconnecting
from sluicegate.rows import Batch, JsonLines, decode_batch
from sluicegate.v1 import query_service_pb2
from sluicegate.v1.query_service_pb2 import ROW_FORMAT_JSON_LINES, ExplainQueryRequest, QueryRequest, QueryResponse
from sluicegate.values import Value, encode_values
from sluicegate.words import to_word

_ROUTES = query_service_pb2.QueryRoute.DESCRIPTOR


class QueryCalls(Connected):
    """The calls that read with SOQL."""

    async def query(
        self,
        soql: str,
        parameters: Mapping[str, Value] | None = None,
        *,
        raw: bool = False,
        **options: Unpack[QueryOptions],
    ) -> AsyncGenerator[dict[str, object], None]:
        """Run a query and yield its rows, in the query's order, as dicts by column.

        When the connection or the replica is lost, the query goes on behind the last row by itself; no row comes twice
        and none is left out. Before the first row, as in the minutes of a query job, it begins anew.

        `SELECT COUNT()` has no rows: `query_batches` tells the number as the `total_size` of its only batch, and
        `SELECT COUNT(Id) n` has a row.
        Leaving the loop early leaves the query open until the iterator is closed; `contextlib.aclosing` does that.

        Args:
            soql: SOQL, with `:name` wherever a value or a list of values may stand.
            parameters: The values of the named parameters. They are bound as values whatever characters they hold.
            raw: Leave decimals, dates, datetimes and times the text that Salesforce wrote, which is faster.
            **options: How to read: see `QueryOptions`.

        Raises:
            SluicegateError: The call failed; rows that were yielded before stay true.
            TypeError: A parameter is of a type that no query takes.
            ValueError: A parameter cannot be sent, or an option is none of its words.

        """
        batches = self.query_batches(soql, parameters, raw=raw, **options)
        async with aclosing(batches):
            async for batch in batches:
                for row in batch.rows():
                    yield row

    async def query_batches(
        self,
        soql: str,
        parameters: Mapping[str, Value] | None = None,
        *,
        raw: bool = False,
        **options: Unpack[QueryOptions],
    ) -> AsyncGenerator[Batch, None]:
        """Run a query and yield its result in batches of columns, which is faster than rows and fits dataframes.

        A query without rows yields one batch without rows. The arguments and failures are those of `query`.
        """
        async with aclosing(self._responses(soql, parameters, options)) as responses:
            async for response in responses:
                yield replace(
                    decode_batch(response.batch, response.total_size, raw=raw),
                    first_row=response.first_row,
                    resume_token=response.resume_token,
                    route=to_word(_ROUTES, response.route),
                )

    async def query_json_lines(
        self,
        soql: str,
        parameters: Mapping[str, Value] | None = None,
        **options: Unpack[QueryOptions],
    ) -> AsyncGenerator[JsonLines, None]:
        """Run a query and yield its result as lines of JSON that the service wrote, for files and pipes.

        A query without rows yields one part without lines. The arguments and failures are those of `query`.
        """
        async with aclosing(self._responses(soql, parameters, options, ROW_FORMAT_JSON_LINES)) as responses:
            async for response in responses:
                yield JsonLines(
                    response.json_lines,
                    response.total_size,
                    response.first_row,
                    response.resume_token,
                    to_word(_ROUTES, response.route),
                )

    async def explain_query(
        self,
        soql: str,
        parameters: Mapping[str, Value] | None = None,
        *,
        include_deleted: bool = False,
        route: Route | None = None,
    ) -> QueryExplanation:
        """Tell how a query would be run, and what it would cost about. No row is read.

        Args:
            soql: SOQL, with `:name` wherever a value or a list of values may stand.
            parameters: The values of the named parameters.
            include_deleted: Also read the recycle bin and archived activities.
            route: Explain this route instead of the one that would be chosen.

        Raises:
            SluicegateError: The call failed, as the query would.
            TypeError: A parameter is of a type that no query takes.
            ValueError: A parameter cannot be sent, or the route is none of the words.

        """
        request = ExplainQueryRequest(
            org=self._org,
            soql=soql,
            parameters=encode_values(parameters or {}),
            include_deleted=include_deleted,
            route=encode_route(route),
        )
        with translated():
            response = await self._stubs.queries.ExplainQuery(request, timeout=self._timeout)
        return decode_explanation(response)

    async def _responses(
        self,
        soql: str,
        parameters: Mapping[str, Value] | None,
        options: QueryOptions,
        row_format: query_service_pb2.RowFormat.ValueType = query_service_pb2.ROW_FORMAT_UNSPECIFIED,
    ) -> AsyncGenerator[QueryResponse, None]:
        """Yield the responses of a query, from as many calls as it takes."""
        reconnect = options.get("reconnect", True)
        request = QueryRequest(
            org=self._org, soql=soql, parameters=encode_values(parameters or {}), row_format=row_format
        )
        encode_query_options(request, options)
        losses = Reconnecting(self._timeout)
        reached = asyncio.ensure_future(self._stubs.channel.channel_ready())
        try:
            while True:
                call = self._stubs.queries.Query(request)
                try:
                    with translated():
                        async for response in call:
                            # A call that goes on behind the last row has nothing to say but that.
                            is_end = losses.has_answer and not (response.batch.row_count or response.json_lines)
                            request.resume_token = response.resume_token
                            losses.answered()
                            if not is_end:
                                yield response
                except SluicegateError as error:
                    losses.is_repeatable = reached.done()
                    can_go_on = reconnect and (request.resume_token or not losses.has_answer)
                    pause = losses.pause_after(error) if can_go_on else None
                    if pause is None:
                        raise
                    await asyncio.sleep(pause)
                else:
                    return
                finally:
                    call.cancel()
        finally:
            reached.cancel()
            await asyncio.gather(reached, return_exceptions=True)
