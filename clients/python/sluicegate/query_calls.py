"""QueryService as methods of the client."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from sluicegate.connection import Connected, translated
from sluicegate.rows import Batch, decode_batch
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.values import Value, encode_values


class QueryCalls(Connected):
    """The calls that read with SOQL."""

    async def query(
        self,
        soql: str,
        parameters: Mapping[str, Value] | None = None,
        *,
        batch_size: int = 0,
        include_deleted: bool = False,
        raw: bool = False,
    ) -> AsyncGenerator[dict[str, object], None]:
        """Run a query and yield its rows, in the query's order, as dicts by column.

        `SELECT COUNT()` has no rows: `query_batches` tells the number as the `total_size` of its only batch, and
        `SELECT COUNT(Id) n` has a row.
        Leaving the loop early leaves the query open until the iterator is closed; `contextlib.aclosing` does that.

        Args:
            soql: SOQL, with `:name` wherever a value or a list of values may stand.
            parameters: The values of the named parameters. They are bound as values whatever characters they hold.
            batch_size: The largest number of rows in a message; 0 is the service's own choice.
            include_deleted: Also yield rows in the recycle bin and archived activities.
            raw: Leave decimals, dates, datetimes and times the text that Salesforce wrote, which is faster.

        Raises:
            SluicegateError: The call failed; rows that were yielded before stay true.
            TypeError: A parameter is of a type that no query takes.
            ValueError: A parameter cannot be sent.

        """
        batches = self.query_batches(
            soql,
            parameters,
            batch_size=batch_size,
            include_deleted=include_deleted,
            raw=raw,
        )
        async with aclosing(batches):
            async for batch in batches:
                for row in batch.rows():
                    yield row

    async def query_batches(
        self,
        soql: str,
        parameters: Mapping[str, Value] | None = None,
        *,
        batch_size: int = 0,
        include_deleted: bool = False,
        raw: bool = False,
    ) -> AsyncGenerator[Batch, None]:
        """Run a query and yield its result in batches of columns, which is faster than rows and fits dataframes.

        A query without rows yields one batch without rows. The arguments and failures are those of `query`.
        """
        request = QueryRequest(
            org=self._org,
            soql=soql,
            parameters=encode_values(parameters or {}),
            batch_size=batch_size,
            include_deleted=include_deleted,
        )
        call = self._stubs.queries.Query(request)
        try:
            with translated():
                async for response in call:
                    yield decode_batch(response.batch, response.total_size, raw=raw)
        finally:
            call.cancel()
