"""What each call passes: its deadline, its id, its span, and the one place where errors become statuses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status
from grpc import aio
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from sluicegate.v1.org_service_pb2 import GetLimitsRequest, GetLimitsResponse

from service.context import CallContext, Priority
from service.errors import DeadlineExceeded, RecordNotFound
from service.rpc.pipeline import Method, Pipeline
from service.telemetry.tracing import Tracing
from tests.support.clock import FakeClock

UNTRACED = Tracing(None, sample_ratio=0.0, version="1")
GOOD = GetLimitsRequest(org="prod").SerializeToString()
BAD = GetLimitsRequest(org="p" * 64).SerializeToString()


@dataclass
class Caller:
    """A `ServicerContext` without a server."""

    left: float | None = None
    """Seconds that the caller gives; None if it sets no deadline."""
    metadata: tuple[tuple[str, str], ...] = ()
    told: list[Status] = field(default_factory=list)
    """What the call was aborted with."""
    sent: list[Any] = field(default_factory=list)
    """The messages of a stream."""

    async def write(self, message: Any) -> None:
        """Send a message."""
        self.sent.append(message)

    def time_remaining(self) -> float | None:
        """Return the seconds left."""
        return self.left

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what the caller sent along."""
        return self.metadata

    async def abort_with_status(self, status: grpc.Status) -> None:
        """End the call."""
        self.told.append(Status.FromString(dict(status.trailing_metadata)["grpc-status-details-bin"]))
        raise aio.AbortError

    @property
    def reasons(self) -> list[str]:
        """The reasons that the caller was told."""
        found = []
        for status in self.told:
            info = details.ErrorInfo()
            status.details[0].Unpack(info)
            found.append(info.reason)
        return found


def pipeline(*, tracing: Tracing = UNTRACED, clock: FakeClock | None = None, seconds: float = 30.0) -> Pipeline:
    """Make a pipeline that takes messages of up to 100 bytes."""
    return Pipeline(tracing, clock or FakeClock(), 100, seconds)


def handler(made: Pipeline, answer: Callable[..., Any], *, streams: bool = False) -> Any:
    """Lay a pipeline around a function."""
    method = Method(
        "sluicegate.v1.OrgService/GetLimits",
        GetLimitsRequest,
        client_streaming=False,
        server_streaming=streams,
        answer=answer,
    )
    return made.handler(method)


async def unary(made: Pipeline, answer: Callable[..., Any], caller: Caller, data: bytes = GOOD) -> bytes:
    """Call a unary method as gRPC does, from bytes to bytes; empty if it was aborted."""
    laid = handler(made, answer)
    try:
        encoded: bytes = laid.response_serializer(await laid.unary_unary(laid.request_deserializer(data), caller))
    except aio.AbortError:
        return b""
    return encoded


async def forever(_request: GetLimitsRequest, _call: CallContext) -> None:
    """Answer never."""
    await asyncio.Event().wait()


async def contexts(*callers: Caller) -> list[CallContext]:
    """Return what a handler is given for each call to one pipeline."""
    given: list[CallContext] = []

    async def answer(_request: GetLimitsRequest, call: CallContext) -> GetLimitsResponse:
        given.append(call)
        return GetLimitsResponse()

    made = pipeline(seconds=30)
    for caller in callers:
        await unary(made, answer, caller)
    return given


async def test_a_message_goes_in_and_an_answer_comes_out():
    """The handler gets the decoded message, the caller the encoded answer."""

    async def answer(request: GetLimitsRequest, _call: CallContext) -> GetLimitsRequest:
        return GetLimitsRequest(org=request.org.upper())

    assert b"\n\x04PROD" == await unary(pipeline(), answer, Caller())


async def test_the_deadline_is_the_callers_or_the_default():
    """Whoever sets no deadline gets the service's own, told in the clock's seconds."""
    assert [1030.0, 1002.5] == [call.deadline for call in await contexts(Caller(), Caller(left=2.5))]


async def test_the_context_tells_who_calls():
    """Name and priority come from the metadata of the call."""
    metadata = (("sluicegate-caller", "shop"), ("sluicegate-priority", "batch"))

    told, untold = await contexts(Caller(metadata=metadata), Caller())

    assert ("shop", Priority.BATCH) == (told.caller, told.priority)
    assert ("", Priority.STANDARD) == (untold.caller, untold.priority)


@pytest.mark.parametrize("streams", [False, True])
async def test_metadata_that_cannot_be_read_reaches_no_handler(streams):
    """A call of any shape is refused for it."""
    caller = Caller(metadata=(("sluicegate-priority", "urgent"),))

    if streams:
        laid = handler(pipeline(), forever, streams=True)
        with pytest.raises(aio.AbortError):
            await laid.unary_stream(laid.request_deserializer(GOOD), caller)
    else:
        await unary(pipeline(), forever, caller)

    assert ["INVALID_REQUEST"] == caller.reasons


async def test_a_message_that_nobody_takes_any_more_is_no_fault():
    """Where gRPC cannot send, the caller has left: what makes the stream is ended, and all of it is a cancellation."""
    ended: list[bool] = []

    class Gone(Caller):
        async def write(self, message: Any) -> None:
            raise aio.InternalError("Failed execute_batch")

    async def answer(_request: GetLimitsRequest, _call: CallContext) -> AsyncIterator[GetLimitsResponse]:
        try:
            while True:
                yield GetLimitsResponse()
        finally:
            ended.append(True)

    caller = Gone()
    laid = handler(pipeline(), answer, streams=True)

    with pytest.raises(asyncio.CancelledError):
        await laid.unary_stream(laid.request_deserializer(GOOD), caller)

    assert ([True], []) == (ended, caller.reasons)


async def test_a_refusal_that_nobody_hears_any_more_is_no_fault():
    """GRPC cannot tell a call that ended meanwhile; that is neither logged as an error nor raised as one."""

    class Gone(Caller):
        async def abort_with_status(self, status: grpc.Status) -> None:
            raise aio.InternalError("Failed grpc_call_start_batch")

    async def refuse(_request: GetLimitsRequest, _call: CallContext) -> None:
        raise RecordNotFound("no such record")

    with pytest.raises(asyncio.CancelledError):
        await unary(pipeline(), refuse, Gone())


async def test_every_call_has_an_id_of_its_own():
    """Neither two calls nor two processes share one."""
    first = await contexts(Caller(), Caller())
    second = await contexts(Caller())

    assert 3 == len({call.request_id for call in first + second})


async def test_a_call_without_a_deadline_ends_at_the_default():
    """It is cancelled, and the caller is told."""
    caller = Caller()

    await unary(pipeline(seconds=0), forever, caller)

    assert ["DEADLINE_EXCEEDED"] == caller.reasons


async def test_a_call_that_was_answered_is_overdue_no_more():
    """The task that answered it goes on with other things."""
    task = asyncio.current_task()
    assert task is not None

    async def answer(_request: GetLimitsRequest, _call: CallContext) -> GetLimitsResponse:
        return GetLimitsResponse()

    await unary(pipeline(seconds=0), answer, Caller())
    for _ in range(5):
        await asyncio.sleep(0)

    assert 0 == task.cancelling()


async def test_a_deadline_that_grpc_enforces_is_not_enforced_twice():
    """The caller has set one: the default, however short, is not asked."""
    caller = Caller(left=60)

    async def answer(_request: GetLimitsRequest, _call: CallContext) -> GetLimitsResponse:
        for _ in range(5):
            await asyncio.sleep(0)
        return GetLimitsResponse()

    await unary(pipeline(seconds=0), answer, caller)

    assert [] == caller.told


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RecordNotFound("no such record"), "RECORD_NOT_FOUND"),
        (DeadlineExceeded("too late"), "DEADLINE_EXCEEDED"),
        (TimeoutError(), "DEADLINE_EXCEEDED"),
        (KeyError("secret"), "INTERNAL_ERROR"),
    ],
)
async def test_an_error_is_told_by_its_reason(error, reason):
    """What the service does not know is an internal error, of which nothing is told but the call's id."""
    caller = Caller()

    async def answer(_request: GetLimitsRequest, _call: CallContext) -> None:
        raise error

    await unary(pipeline(), answer, caller)

    assert [reason] == caller.reasons
    assert "secret" not in str(caller.told)


async def test_an_internal_error_names_the_call():
    """The id in the answer is the one that everything done for the call was done under."""
    caller = Caller()
    given: list[CallContext] = []

    async def answer(_request: GetLimitsRequest, call: CallContext) -> None:
        given.append(call)
        raise KeyError

    await unary(pipeline(), answer, caller)

    info = details.ErrorInfo()
    caller.told[0].details[0].Unpack(info)
    assert {"request_id": given[0].request_id} == dict(info.metadata)


@pytest.mark.parametrize(
    ("data", "reason"), [(BAD, "INVALID_REQUEST"), (b"\xff", "MALFORMED_MESSAGE"), (b"x" * 101, "MESSAGE_TOO_LARGE")]
)
async def test_a_bad_message_reaches_no_handler(data, reason):
    """It is refused for its reason, whatever is wrong with it."""
    caller = Caller()

    await unary(pipeline(), forever, caller, data)

    assert [reason] == caller.reasons


async def test_a_stream_passes_the_same():
    """A stream has no default deadline, refuses bad messages, and tells errors by their reasons."""
    deadlines: list[float | None] = []

    async def answer(_request: GetLimitsRequest, call: CallContext) -> AsyncIterator[GetLimitsResponse]:
        deadlines.append(call.deadline)
        yield GetLimitsResponse()
        raise RecordNotFound("no such record")

    caller = Caller()
    laid = handler(pipeline(), answer, streams=True)
    for data in (GOOD, BAD):
        with pytest.raises(aio.AbortError):
            await laid.unary_stream(laid.request_deserializer(data), caller)

    assert [None] == deadlines
    assert [GetLimitsResponse()] == caller.sent
    assert ["RECORD_NOT_FOUND", "INVALID_REQUEST"] == caller.reasons


@pytest.mark.parametrize("left", [60.0, None])
async def test_a_withdrawn_call_is_not_answered(left):
    """Nobody is there to be told, and the cancellation goes on, whoever set the deadline."""
    caller = Caller(left=left)

    async with asyncio.TaskGroup() as group:
        call = group.create_task(unary(pipeline(), forever, caller))
        await asyncio.sleep(0)
        call.cancel()

    assert call.cancelled()
    assert [] == caller.told


@pytest.mark.parametrize(
    ("left", "error", "status", "is_error"),
    [
        (60.0, None, "OK", False),
        (60.0, asyncio.CancelledError(), "CANCELLED", False),
        (0.0, asyncio.CancelledError(), "DEADLINE_EXCEEDED", True),
        (60.0, RecordNotFound("no such record"), "NOT_FOUND", False),
        (60.0, KeyError(), "INTERNAL", True),
    ],
)
async def test_the_span_tells_what_became_of_the_call(left, error, status, is_error):
    """A deadline that gRPC enforced is told apart from a caller that went away."""

    class Keeping(InMemorySpanExporter):
        def shutdown(self) -> None:
            """Keep what was exported."""

    exporter = Keeping()
    tracing = Tracing(exporter, sample_ratio=1.0, version="1")

    async def answer(_request: GetLimitsRequest, _call: CallContext) -> GetLimitsResponse:
        if error is not None:
            raise error
        return GetLimitsResponse()

    try:
        await unary(pipeline(tracing=tracing), answer, Caller(left=left))
    except asyncio.CancelledError:
        assert isinstance(error, asyncio.CancelledError)
    tracing.close()

    (span,) = exporter.get_finished_spans()
    assert status == (span.attributes or {})["rpc.response.status_code"]
    assert is_error == (span.status.status_code is StatusCode.ERROR)


async def test_ids_of_sampled_calls_are_their_traces():
    """Logs and traces of one call are found by one id."""
    tracing = Tracing(InMemorySpanExporter(), sample_ratio=0.0, version="1")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    ids: list[str] = []

    async def answer(_request: GetLimitsRequest, call: CallContext) -> GetLimitsResponse:
        ids.append(call.request_id)
        return GetLimitsResponse()

    await unary(
        pipeline(tracing=tracing), answer, Caller(metadata=(("traceparent", f"00-{trace}-00f067aa0ba902b7-01"),))
    )
    tracing.close()

    assert [trace] == ids
