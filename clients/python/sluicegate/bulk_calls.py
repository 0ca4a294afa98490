"""BulkService as methods of the client."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from os import PathLike
from typing import Literal, Unpack

from sluicegate.bulk import BulkLoad, Event, Format, Operation, Outcome, ResultsWanted, RowResult
from sluicegate.bulk_data import Data, Source
from sluicegate.bulk_messages import decode_event, decode_load, decode_row, encode_outcomes
from sluicegate.bulk_options import BulkOptions, encode_header
from sluicegate.bulk_plans import BulkLoadDraft, BulkLoadStep, decode_step, encode_draft
from sluicegate.connection import Connected, translated
from sluicegate.errors import SluicegateError
from sluicegate.part_loads import PartLoad
from sluicegate.reconnecting import Reconnecting
from sluicegate.token_files import Keeping, Store
from sluicegate.upload import AtEnd, exchange
from sluicegate.v1.bulk_service_pb2 import (
    BULK_COMMIT_BY_PART,
    BulkLoadHeader,
    CancelBulkLoadRequest,
    CommitBulkLoadRequest,
    GetBulkLoadRequest,
    ListBulkLoadResultsRequest,
    PlanBulkLoadsRequest,
    StartBulkLoadRequest,
    UploadBulkLoadPartRequest,
    WatchBulkLoadRequest,
)


class BulkCalls(Connected):
    """The calls that load many rows."""

    async def bulk_load(  # noqa: PLR0913 - each says something else of the load
        self,
        object_name: str,
        operation: Operation,
        data: Data,
        *,
        external_id_field: str = "",
        data_format: Format | None = None,
        results: ResultsWanted = "failures",
        commit: Literal["by_part", "at_end"] = "by_part",
        token_file: PathLike[str] | None = None,
        token_store: Store | None = None,
        resume_token: str = "",
        repeat_results: bool = False,
        reconnect_seconds: float = 300.0,
        **options: Unpack[BulkOptions],
    ) -> AsyncGenerator[Event, None]:
        """Load many rows and yield what happens: `Accepted`, `Progress`, `Prepared`, `Results`, `PartDone`, `Finished`.

        The data is cut into parts. Each is committed as soon as it is uploaded and its token is stored, and goes on in
        Salesforce whatever becomes of the call. Where the connection or the replica is lost, the load goes on by itself
        from the first part that is not done: no row is lost and none is written twice. With a `token_file` that also
        holds when this process dies: the same call with the same data and file goes on. The file is removed in the end.

        Results of a part that broke off come again, so that a row may be told twice; `PartDone` says that a part's rows
        are complete. Rows are independent, and a row that fails is no exception but a result. Repeating an insert
        without its token inserts again; the other operations may be repeated.

        Args:
            object_name: API name of the sObject.
            operation: What to do with each row.
            data: The rows as bytes, a `Path`, an iterable of bytes cut anywhere, dicts by column, or batches as
                `query_batches` yields them; or a function that returns such an iterable, for data that has to be made
                anew to go on.
            external_id_field: API name of the external-id field: needed for `upsert`, refused otherwise.
            data_format: How the data is written: the contract's `BulkFormat` says what each means. Dicts go as lines of
                JSON, where a row may leave columns out, or with `record_batch` as columns of typed values, which is
                faster and has every row give the first row's columns. None means `json_lines` for dicts, `record_batch`
                for a list of batches and `csv` otherwise; say it where a function or an async iterable makes rows.
            results: The rows whose results come back: those not written, all, or none.
            commit: `at_end` writes nothing before all data is sent, at most one part, and cannot be gone on with.
            token_file: The file that keeps the token; if it holds one, that load is gone on with. It is locked.
            token_store: Keeps the token in place of a file: it is called with each and has to have it safe when it
                returns, or when what it returns is awaited.
            resume_token: The token of the load to go on with, where `token_store` kept it.
            repeat_results: With the token of a load, over or not: tell the results of parts that are done once more,
                with their row numbers, from the data read from its start. Nothing of them is written again.
            reconnect_seconds: How long the service may be away before the load is given up.
            **options: How to read the data: see `BulkOptions`.

        Raises:
            SluicegateError: The call failed, or Salesforce gave up a job as a whole.
            TypeError: The data is none of these.
            ValueError: An argument is none of the words that it takes, arguments do not go together, or a row cannot be
                sent in the format.
            BlockingIOError: Another load has the token file.
            OSError: A file cannot be read or written.

        """
        source = Source(data, data_format)
        header = encode_header(
            self._org,
            object_name,
            operation=operation,
            external_id_field=external_id_field,
            data_format=source.data_format,
            results=results,
            options=options,
        )
        keeping = Keeping(token_file, token_store, resume_token)
        header.repeat_results = repeat_results
        if commit == "at_end":
            if keeping.is_wanted or repeat_results:
                raise ValueError("a load that its end commits has no token to keep or to go on with")
            events = self._load_at_end(header, source)
        else:
            header.commit = BULK_COMMIT_BY_PART
            events = self._load_by_part(header, source, keeping, reconnect_seconds)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _load_at_end(self, header: BulkLoadHeader, source: Source) -> AsyncGenerator[Event, None]:
        responses = exchange(self._stubs.loads.BulkLoad(), AtEnd(header, source).send)
        with translated():
            async with aclosing(responses):
                async for response in responses:
                    if (event := decode_event(response)) is not None:
                        yield event

    async def _load_by_part(
        self, header: BulkLoadHeader, source: Source, keeping: Keeping, reconnect_seconds: float
    ) -> AsyncGenerator[Event, None]:
        with keeping as kept:
            header.resume_token = await kept.read()
            if header.repeat_results and not header.resume_token:
                # Without one the rows would be written, an insert's once more.
                raise ValueError("repeat_results needs the token of the load whose results are to come again")
            load = PartLoad(self._stubs.loads.BulkLoad, header, source, kept.store, reconnect_seconds)
            async with aclosing(load.events()) as events:
                async for event in events:
                    yield event
            await kept.finish()

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

    async def watch_bulk_load(
        self, resume_token: str, *, reconnect_seconds: float = 300.0
    ) -> AsyncGenerator[BulkLoad, None]:
        """Yield how a load stands, at once and when that changes, until Salesforce works on no part of it.

        Where the connection or the replica is lost after the first answer, the watch goes on by itself. Leaving the
        loop early leaves it open until the iterator is closed; `contextlib.aclosing` does that.

        Args:
            resume_token: Of the load.
            reconnect_seconds: How long the service may be away before the watch is given up.

        Raises:
            SluicegateError: The call failed.

        """
        losses = Reconnecting(reconnect_seconds)
        last: BulkLoad | None = None
        while True:
            try:
                async with aclosing(self._watch(resume_token)) as loads:
                    async for load in loads:
                        losses.answered()
                        if load != last:
                            yield load
                        last = load
            except SluicegateError as error:
                if (pause := losses.pause_after(error)) is None:
                    raise
                await asyncio.sleep(pause)
            else:
                return

    async def _watch(self, resume_token: str) -> AsyncGenerator[BulkLoad, None]:
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

    async def plan_bulk_loads(self, drafts: Sequence[BulkLoadDraft]) -> list[BulkLoadStep]:
        """Tell the order in which loads whose rows refer to each other are to be run. Nothing is written.

        Args:
            drafts: The loads, in any order.

        Raises:
            SluicegateError: The call failed; its violations name the columns at fault.
            ValueError: An operation is none of the words that it takes.

        """
        request = PlanBulkLoadsRequest(org=self._org, loads=map(encode_draft, drafts))
        with translated():
            response = await self._stubs.loads.PlanBulkLoads(request, timeout=self._timeout)
        return list(map(decode_step, response.steps))
