"""BulkService."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1.record_pb2 import RecordError

from service.bulk.data import Format
from service.bulk.events import Accepted, Event, Finished, Progress, Results
from service.bulk.job import Load, LoadRequest, LoadState, Operation, RowResult, WantedResults
from service.bulk.results import RowError
from service.context import CallContext
from service.errors import FieldViolation, InvalidRequest
from service.orgs.org import Org
from service.orgs.registry import OrgRegistry
from service.rpc.record_errors import to_record_error
from service.salesforce.faults import Fault, from_fault

_OPERATIONS = {
    nouns.BULK_OPERATION_INSERT: Operation.INSERT,
    nouns.BULK_OPERATION_UPDATE: Operation.UPDATE,
    nouns.BULK_OPERATION_UPSERT: Operation.UPSERT,
    nouns.BULK_OPERATION_DELETE: Operation.DELETE,
}
_OPERATION_VALUES = {operation: value for value, operation in _OPERATIONS.items()}
_FORMATS = {
    pb.BULK_FORMAT_UNSPECIFIED: Format.CSV,
    pb.BULK_FORMAT_CSV: Format.CSV,
    pb.BULK_FORMAT_JSON_LINES: Format.JSON_LINES,
}
_RESULTS = {
    pb.BULK_RESULTS_UNSPECIFIED: WantedResults.FAILURES,
    pb.BULK_RESULTS_FAILURES: WantedResults.FAILURES,
    pb.BULK_RESULTS_ALL: WantedResults.ALL,
    pb.BULK_RESULTS_NONE: WantedResults.NONE,
}
_STATES = {
    LoadState.OPEN: nouns.BULK_LOAD_STATE_OPEN,
    LoadState.UPLOADED: nouns.BULK_LOAD_STATE_UPLOADED,
    LoadState.PROCESSING: nouns.BULK_LOAD_STATE_PROCESSING,
    LoadState.COMPLETE: nouns.BULK_LOAD_STATE_COMPLETE,
    LoadState.FAILED: nouns.BULK_LOAD_STATE_FAILED,
    LoadState.ABORTED: nouns.BULK_LOAD_STATE_ABORTED,
}

_CANCELLATION_SECONDS = 0.05


class BulkService:
    """Writes many rows through Salesforce's Bulk API 2.0.

    Args:
        orgs: The configured orgs.

    """

    def __init__(self, orgs: OrgRegistry) -> None:
        self._orgs = orgs

    async def bulk_load(
        self, requests: AsyncIterator[pb.BulkLoadRequest], call: CallContext
    ) -> AsyncIterator[pb.BulkLoadResponse]:
        """Load rows: data up, progress and results down."""
        header = await _header(requests)
        org = self._orgs.get(header.org)
        request = LoadRequest(
            object=header.object,
            operation=_OPERATIONS[header.operation],
            external_id_field=header.external_id_field,
            format=_FORMATS[header.format],
            results=_RESULTS[header.results],
        )
        events: Any = org.bulk_load(request, _data(requests, call), call)
        async with aclosing(events):
            async for event in events:
                yield _response(org, event)

    async def get_bulk_load(self, request: pb.GetBulkLoadRequest, call: CallContext) -> pb.GetBulkLoadResponse:
        """Tell how a load stands."""
        org = self._orgs.get(request.org)
        load = await org.find_load(request.resume_token, call)
        return pb.GetBulkLoadResponse(load=_load(load, request.resume_token))


async def _header(requests: AsyncIterator[pb.BulkLoadRequest]) -> pb.BulkLoadHeader:
    first = await anext(requests, None)
    if first is None or first.WhichOneof("message") != "header":
        problem = "the first message must be the header"
        raise InvalidRequest(problem, violations=[FieldViolation("header", problem)])
    return first.header


async def _data(requests: AsyncIterator[pb.BulkLoadRequest], call: CallContext) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("message") != "data":
            problem = "only the first message may be the header; the rest is data"
            raise InvalidRequest(problem, violations=[FieldViolation("header", problem)])
        yield request.data
    # grpc.aio ends the stream of a cancelled call as if the caller had closed it, and cancels the task a moment later.
    # The end of the data commits the load, so that moment must pass first.
    await call.clock.sleep(_CANCELLATION_SECONDS)


def _response(org: Org, event: Event) -> pb.BulkLoadResponse:
    if isinstance(event, Accepted):
        return pb.BulkLoadResponse(accepted=pb.BulkLoadAccepted(load=_load(event.load, org.sign_load(event.load, 0))))
    if isinstance(event, Results):
        return pb.BulkLoadResponse(results=pb.BulkLoadResults(rows=[_row(row) for row in event.rows]))
    load = _load(event.load, org.sign_load(event.load, event.rows_received))
    if isinstance(event, Progress):
        progress = pb.BulkLoadProgress(
            load=load, rows_received=event.rows_received, bytes_received=event.bytes_received
        )
        return pb.BulkLoadResponse(progress=progress)
    return pb.BulkLoadResponse(finished=_finished(event, load))


def _finished(event: Finished, load: nouns.BulkLoad) -> pb.BulkLoadFinished:
    return pb.BulkLoadFinished(
        load=load,
        rows_received=event.rows_received,
        rows_created=event.rows_created,
        rows_updated=event.rows_updated,
        rows_deleted=event.rows_deleted,
        rows_failed=event.rows_failed,
        rows_not_processed=event.rows_not_processed,
    )


def _load(load: Load, resume_token: str) -> nouns.BulkLoad:
    created = Timestamp()
    created.FromMilliseconds(int(load.created_at * 1000))
    return nouns.BulkLoad(
        resume_token=resume_token,
        object=load.object,
        operation=_OPERATION_VALUES[load.operation],
        state=_STATES[load.job.state],
        job_id=load.job.id,
        rows_processed=load.job.rows_processed,
        rows_failed=load.job.rows_failed,
        create_time=created,
        error_message=load.job.error_message,
    )


def _row(row: RowResult) -> nouns.BulkRowResult:
    error = row.error
    return nouns.BulkRowResult(
        row=row.row,
        outcome=nouns.BulkRowOutcome.Value(f"BULK_ROW_OUTCOME_{row.outcome.name}"),
        record_id=row.record_id,
        error=_error(error) if error else None,
    )


def _error(error: RowError) -> RecordError:
    fault = Fault(error.code, error.message, tuple(error.fields))
    return to_record_error(from_fault(fault, metadata={}))
