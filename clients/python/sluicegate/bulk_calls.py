"""BulkService as methods of the client."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from sluicegate.bulk import (
    BulkLoad,
    Event,
    Format,
    Operation,
    Outcome,
    ResultsWanted,
    RowResult,
    decode_load,
    decode_row,
    encode_header,
    encode_outcomes,
)
from sluicegate.connection import Connected, translated
from sluicegate.upload import Data, exchange
from sluicegate.v1.bulk_service_pb2 import (
    BulkLoadHeader,
    CancelBulkLoadRequest,
    CommitBulkLoadRequest,
    GetBulkLoadRequest,
    ListBulkLoadResultsRequest,
    StartBulkLoadRequest,
    UploadBulkLoadPartRequest,
    WatchBulkLoadRequest,
)


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

    async def start_bulk_load(self, header: BulkLoadHeader) -> BulkLoad:
        """Begin a load whose data comes by `upload_bulk_load_part`.

        Args:
            header: What to load, and how, as the contract has it.

        """
        request = StartBulkLoadRequest(org=self._org, header=header)
        with translated():
            response = await self._stubs.loads.StartBulkLoad(request, timeout=self._timeout)
        return decode_load(response.load)

    async def upload_bulk_load_part(self, header: BulkLoadHeader, resume_token: str, data: bytes) -> BulkLoad:
        """Upload whole rows, up to 4 MiB with the header row of CSV, without having them written.

        Args:
            header: As in `start_bulk_load`.
            resume_token: Of the load as `start_bulk_load` or the upload before returned it.
            data: The rows.

        Returns:
            The load with a token that knows of the part.

        """
        request = UploadBulkLoadPartRequest(org=self._org, header=header, resume_token=resume_token, data=data)
        with translated():
            response = await self._stubs.loads.UploadBulkLoadPart(request, timeout=self._timeout)
        return decode_load(response.load)

    async def commit_bulk_load(self, resume_token: str) -> BulkLoad:
        """Have all parts written that a token of `upload_bulk_load_part` knows of. Store the token first."""
        request = CommitBulkLoadRequest(org=self._org, resume_token=resume_token)
        with translated():
            response = await self._stubs.loads.CommitBulkLoad(request, timeout=self._timeout)
        return decode_load(response.load)

    async def watch_bulk_load(self, resume_token: str) -> AsyncGenerator[BulkLoad, None]:
        """Yield how a load stands, at once and when that changes, until Salesforce works on no part of it.

        Leaving the loop early leaves the watch open until the iterator is closed; `contextlib.aclosing` does that.

        Raises:
            SluicegateError: The call failed.

        """
        call = self._stubs.loads.WatchBulkLoad(WatchBulkLoadRequest(org=self._org, resume_token=resume_token))
        try:
            with translated():
                async for response in call:
                    yield decode_load(response.load)
        finally:
            call.cancel()

    async def list_bulk_load_results(
        self, resume_token: str, *, outcomes: Sequence[Outcome] = (), part: int = 0
    ) -> AsyncGenerator[RowResult, None]:
        """Yield what became of the rows of a load's parts that are over, by their keys and without row numbers.

        Args:
            resume_token: Of the load.
            outcomes: Those that are wanted; none means all.
            part: The only part that is; 0 means all.

        Raises:
            SluicegateError: The call failed.
            ValueError: An outcome is none.

        """
        request = ListBulkLoadResultsRequest(
            org=self._org, resume_token=resume_token, outcomes=encode_outcomes(outcomes), part=part
        )
        call = self._stubs.loads.ListBulkLoadResults(request)
        try:
            with translated():
                async for response in call:
                    for row in response.rows:
                        yield decode_row(row)
        finally:
            call.cancel()

    async def cancel_bulk_load(self, resume_token: str) -> BulkLoad:
        """Abort what is not over of a load. Rows that are written stay written."""
        request = CancelBulkLoadRequest(org=self._org, resume_token=resume_token)
        with translated():
            response = await self._stubs.loads.CancelBulkLoad(request, timeout=self._timeout)
        return decode_load(response.load)
