"""BulkService as methods of the client."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from sluicegate.bulk import BulkLoad, Event, Format, Operation, ResultsWanted, decode_load, encode_header
from sluicegate.connection import Connected, translated
from sluicegate.upload import Data, exchange
from sluicegate.v1.bulk_service_pb2 import BulkLoadHeader, GetBulkLoadRequest


class BulkCalls(Connected):
    """The calls that load many rows."""

    async def bulk_load(
        self,
        object_name: str,
        operation: Operation,
        data: Data,
        *,
        external_id_field: str = "",
        data_format: Format = "csv",
        results: ResultsWanted = "failures",
    ) -> AsyncGenerator[Event, None]:
        """Load many rows and yield what happens: `Accepted`, `Progress`, `Results`, and `Finished` last.

        Nothing is written before all data is sent; if the data fails or the iterator is closed before, the load is
        aborted. After that the load goes on in Salesforce whatever becomes of the call: `get_bulk_load` tells how it
        stands. Rows are independent, and a row that fails is no exception but a result. Repeating an insert inserts
        again; the other operations may be repeated.

        Args:
            object_name: API name of the sObject.
            operation: What to do with each row.
            data: The rows as bytes, a `Path`, or an async iterable of bytes cut anywhere.
            external_id_field: API name of the external-id field: needed for `upsert`, refused otherwise.
            data_format: How the data is written; the contract's `BulkFormat` says what either means.
            results: The rows whose results come back: those not written, all, or none.

        Raises:
            SluicegateError: The call failed, or Salesforce gave up the job as a whole.
            TypeError: The data is not bytes.
            ValueError: An argument is none of the words that it takes.
            OSError: The file cannot be read.

        """
        header = encode_header(
            BulkLoadHeader(org=self._org, object=object_name, external_id_field=external_id_field),
            operation=operation,
            data_format=data_format,
            results=results,
        )
        events = exchange(self._stubs.loads.BulkLoad(), header, data)
        with translated():
            async with aclosing(events):
                async for event in events:
                    yield event

    async def get_bulk_load(self, resume_token: str) -> BulkLoad:
        """Tell how a load stands, by one call to Salesforce."""
        request = GetBulkLoadRequest(org=self._org, resume_token=resume_token)
        with translated():
            response = await self._stubs.loads.GetBulkLoad(request, timeout=self._timeout)
        return decode_load(response.load)
