"""What the caller of a bulk load asks for, read from its messages."""

from collections.abc import AsyncIterator

from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb

from service.bulk.data.dialect import Delimiter, Dialect, LineEnd
from service.bulk.data.formats import Format
from service.bulk.data.mapping import NULL, FieldMapping
from service.bulk.request import Commit, LoadRequest, Operation, WantedResults
from service.bulk.results.outcomes import RowOutcome
from service.bulk.taking.messages import DataEnd, Message, PartCommit
from service.context import CallContext
from service.errors import FieldViolation, InvalidRequest
from service.rpc.load_batches import row_columns

OPERATIONS = {
    nouns.BULK_OPERATION_INSERT: Operation.INSERT,
    nouns.BULK_OPERATION_UPDATE: Operation.UPDATE,
    nouns.BULK_OPERATION_UPSERT: Operation.UPSERT,
    nouns.BULK_OPERATION_DELETE: Operation.DELETE,
    nouns.BULK_OPERATION_HARD_DELETE: Operation.HARD_DELETE,
}
_FORMATS = {
    pb.BULK_FORMAT_UNSPECIFIED: Format.CSV,
    pb.BULK_FORMAT_CSV: Format.CSV,
    pb.BULK_FORMAT_JSON_LINES: Format.JSON_LINES,
    pb.BULK_FORMAT_RECORD_BATCH: Format.BATCHES,
}
_RESULTS = {
    pb.BULK_RESULTS_UNSPECIFIED: WantedResults.FAILURES,
    pb.BULK_RESULTS_FAILURES: WantedResults.FAILURES,
    pb.BULK_RESULTS_ALL: WantedResults.ALL,
    pb.BULK_RESULTS_NONE: WantedResults.NONE,
}
_COMMITS = {
    pb.BULK_COMMIT_UNSPECIFIED: Commit.AT_END,
    pb.BULK_COMMIT_AT_END: Commit.AT_END,
    pb.BULK_COMMIT_BY_PART: Commit.BY_PART,
}
_DELIMITERS = {
    pb.BULK_DELIMITER_UNSPECIFIED: None,
    pb.BULK_DELIMITER_COMMA: Delimiter.COMMA,
    pb.BULK_DELIMITER_TAB: Delimiter.TAB,
    pb.BULK_DELIMITER_SEMICOLON: Delimiter.SEMICOLON,
    pb.BULK_DELIMITER_PIPE: Delimiter.PIPE,
    pb.BULK_DELIMITER_CARET: Delimiter.CARET,
    pb.BULK_DELIMITER_BACKQUOTE: Delimiter.BACKQUOTE,
}
_LINE_ENDS = {
    pb.BULK_LINE_END_UNSPECIFIED: None,
    pb.BULK_LINE_END_LF: LineEnd.LF,
    pb.BULK_LINE_END_CRLF: LineEnd.CRLF,
}
_OUTCOMES = {nouns.BulkRowOutcome.Value(f"BULK_ROW_OUTCOME_{outcome.name}"): outcome for outcome in RowOutcome}

_CANCELLATION_SECONDS = 0.05


async def header_of(requests: AsyncIterator[pb.BulkLoadRequest]) -> pb.BulkLoadHeader:
    """Take the header off the messages.

    Raises:
        InvalidRequest: The first message is another one.

    """
    first = await anext(requests, None)
    if first is None or first.WhichOneof("message") != "header":
        raise _refusal("header", "the first message must be the header")
    return first.header


def given_header(request: pb.StartBulkLoadRequest | pb.UploadBulkLoadPartRequest) -> pb.BulkLoadHeader:
    """Return the header of a call.

    Raises:
        InvalidRequest: There is none.

    """
    if not request.HasField("header"):
        raise _refusal("header", "value is required")
    return request.header


def load_request(header: pb.BulkLoadHeader, *, commit: Commit | None = None) -> LoadRequest:
    """Return what a header asks for.

    Args:
        header: The header.
        commit: What has parts written, if the header does not say.

    Raises:
        InvalidRequest: It contradicts itself.

    """
    fields: dict[str, str] = {}
    ignored: set[str] = set()
    for column in header.mapping:
        if column.name in fields or column.name in ignored:
            raise _refusal("header.mapping", f"column {column.name[:40]!r} is mapped twice")
        if column.field:
            fields[column.name] = column.field
        else:
            ignored.add(column.name)
    constants = {constant.field: None if constant.value == NULL else constant.value for constant in header.constants}
    if len(constants) < len(header.constants):
        raise _refusal("header.constants", "a field has two values")
    return LoadRequest(
        object=header.object,
        operation=OPERATIONS[header.operation],
        external_id_field=header.external_id_field,
        format=_FORMATS[header.format],
        results=_RESULTS[header.results],
        commit=commit or _COMMITS[header.commit],
        mapping=FieldMapping(
            fields, constants, frozenset(ignored), header.null_text if header.HasField("null_text") else None
        ),
        dialect=Dialect(_DELIMITERS[header.delimiter], _LINE_ENDS[header.line_end]),
        assignment_rule_id=header.assignment_rule_id,
        key_column=header.key_column,
        repeats_results=header.repeat_results,
        is_serial=header.one_part_at_a_time,
        parent_column=header.parent_column,
        keeps_results=header.keep_results,
    )


async def messages_of(
    requests: AsyncIterator[pb.BulkLoadRequest], header: pb.BulkLoadHeader, call: CallContext
) -> AsyncIterator[Message]:
    """Yield what the caller says after its header.

    Raises:
        InvalidRequest: A message is another header, or data of another format than the header's.

    """
    in_batches = header.format == pb.BULK_FORMAT_RECORD_BATCH
    while (request := await anext(requests, None)) is not None:
        message = _message(request, in_batches=in_batches)
        # While the next one comes in, which may take its time, nothing of this one is held here.
        del request
        yield message
        del message
    # grpc.aio ends the stream of a cancelled call as if the caller had closed it, and cancels the task a moment later.
    # The end of the data may commit the load, so that moment must pass first.
    await call.clock.sleep(_CANCELLATION_SECONDS)


def _message(request: pb.BulkLoadRequest, *, in_batches: bool) -> Message:
    kind = request.WhichOneof("message")
    if kind == "commit":
        return PartCommit(request.commit.part, request.commit.resume_token)
    if kind == "end":
        return DataEnd()
    if kind == "header":
        raise _refusal("header", "only the first message may be the header")
    if (kind == "batch") != in_batches:
        wanted = "batch" if in_batches else "data"
        raise _refusal(str(kind), f"the header's format has its rows in `{wanted}`")
    return row_columns(request.batch) if in_batches else request.data


def outcomes_of(request: pb.ListBulkLoadResultsRequest) -> frozenset[RowOutcome]:
    """Return the outcomes that are wanted.

    Raises:
        InvalidRequest: One of them is none.

    """
    try:
        return frozenset(_OUTCOMES[outcome] for outcome in request.outcomes) or frozenset(RowOutcome)
    except KeyError:
        raise _refusal("outcomes", "name outcomes that there are, or none for all") from None


def _refusal(field: str, problem: str) -> InvalidRequest:
    return InvalidRequest(problem, violations=[FieldViolation(field, problem)])
