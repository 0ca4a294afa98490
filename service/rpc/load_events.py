"""What a bulk load tells, as messages of the contract."""

from google.protobuf.timestamp_pb2 import Timestamp
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1.record_pb2 import RecordError

from service.bulk.job import JobState
from service.bulk.results.lines import RowError
from service.bulk.results.outcomes import RowCounts, RowResult
from service.bulk.telling.events import Accepted, Event, Finished, PartDone, Prepared, Progress, ResumeFrom
from service.bulk.telling.load_view import Load, LoadPart, PartState
from service.bulk.ways.way import Way
from service.rpc.load_requests import OPERATIONS
from service.rpc.record_errors import to_record_error
from service.salesforce.faults import Fault, from_fault

_OPERATION_VALUES = {operation: value for value, operation in OPERATIONS.items()}
_STATES = {
    JobState.OPEN: nouns.BULK_LOAD_STATE_OPEN,
    JobState.UPLOADED: nouns.BULK_LOAD_STATE_UPLOADED,
    JobState.PROCESSING: nouns.BULK_LOAD_STATE_PROCESSING,
    JobState.COMPLETE: nouns.BULK_LOAD_STATE_COMPLETE,
    JobState.FAILED: nouns.BULK_LOAD_STATE_FAILED,
    JobState.ABORTED: nouns.BULK_LOAD_STATE_ABORTED,
}
_PART_STATES = {
    PartState.PREPARED: nouns.BULK_PART_STATE_PREPARED,
    PartState.COMMITTED: nouns.BULK_PART_STATE_COMMITTED,
    PartState.DONE: nouns.BULK_PART_STATE_DONE,
}
_WAYS = {Way.JOB: nouns.BULK_WAY_JOB, Way.COLLECTIONS: nouns.BULK_WAY_COLLECTIONS}


def response_of(event: Event) -> pb.BulkLoadResponse:
    """Return the message that tells an event."""
    response = pb.BulkLoadResponse(resume_token=event.resume_token)
    if isinstance(event, Accepted):
        accepted = pb.BulkLoadAccepted(load=load_message(event.load, event.resume_token))
        if event.resume_from is not None:
            accepted.resume_from.CopyFrom(_position(event.resume_from))
        response.accepted.CopyFrom(accepted)
    elif isinstance(event, Progress):
        response.progress.CopyFrom(
            pb.BulkLoadProgress(
                load=load_message(event.load, event.resume_token),
                rows_received=event.rows_received,
                bytes_received=event.bytes_received,
                waiting_for=event.waiting_for,
            )
        )
    elif isinstance(event, Prepared):
        response.prepared.CopyFrom(pb.BulkLoadPrepared(part=part_message(event.part), row_count=event.rows))
    elif isinstance(event, PartDone):
        done = pb.BulkLoadPartDone(part=part_message(event.part), error_message=event.error_message)
        response.part_done.CopyFrom(done)
    elif isinstance(event, Finished):
        response.finished.CopyFrom(_finished(event))
    else:
        response.results.CopyFrom(pb.BulkLoadResults(rows=[row_message(row) for row in event.rows]))
    return response


def load_message(load: Load, resume_token: str) -> nouns.BulkLoad:
    """Return a load with its token."""
    created = Timestamp()
    created.FromMilliseconds(int(load.created_at * 1000))
    return nouns.BulkLoad(
        resume_token=resume_token,
        object=load.object,
        operation=_OPERATION_VALUES[load.operation],
        state=_STATES[load.state],
        job_id=load.job_id,
        rows_processed=load.rows_processed,
        rows_failed=load.rows_failed,
        create_time=created,
        error_message=load.error_message,
        load_id=load.id,
        parts=[part_message(part) for part in load.parts],
    )


def part_message(part: LoadPart) -> nouns.BulkLoadPart:
    """Return a part."""
    return nouns.BulkLoadPart(
        number=part.number,
        first_row=part.first_row,
        row_count=part.rows,
        first_byte=part.first_byte,
        end_byte=part.end_byte,
        state=_PART_STATES[part.state],
        job_ids=part.job_ids,
        counts=None if part.counts is None else nouns.BulkRowCounts(**_rows(part.counts)),
        way=_WAYS[part.way],
        way_reason=part.way_reason,
    )


def row_message(row: RowResult) -> nouns.BulkRowResult:
    """Return what became of a row."""
    return nouns.BulkRowResult(
        row=row.row,
        outcome=nouns.BulkRowOutcome.Value(f"BULK_ROW_OUTCOME_{row.outcome.name}"),
        record_id=row.record_id,
        error=_error(row.error) if row.error else None,
        key=row.key,
        part=row.part,
    )


def _finished(event: Finished) -> pb.BulkLoadFinished:
    load = load_message(event.load, event.resume_token)
    return pb.BulkLoadFinished(load=load, rows_received=event.rows_received, **_rows(event.counts))


def _rows(counts: RowCounts) -> dict[str, int]:
    """Return counts by the names that every message of the contract has for them."""
    return {f"rows_{outcome}": count for outcome, count in counts.by_name.items()}


def _position(position: ResumeFrom) -> pb.BulkLoadPosition:
    return pb.BulkLoadPosition(
        header_bytes=position.header_bytes, next_byte=position.next_byte, next_row=position.next_row
    )


def _error(error: RowError) -> RecordError:
    if error.cause is not None:
        return to_record_error(error.cause)
    fault = Fault(error.code, error.message, tuple(error.fields))
    return to_record_error(from_fault(fault, metadata={}))
