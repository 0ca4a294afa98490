"""What every call passes on its way in and out, laid around each handler once, when the server is built.

In order: decode (a malformed or oversize message becomes a value, because an exception there would surface as
UNKNOWN) → trace → caller and deadline → validate → handler → error boundary. Interceptors would cost each call a
closure and a lookup for every stage, and cannot reach the decoder at all.
"""

import asyncio
import itertools
import operator
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.protobuf.message import Message
from grpc import aio
from opentelemetry.trace import Span, StatusCode, format_trace_id, set_span_in_context

from service.clock import Clock
from service.context import CallContext
from service.errors import (
    DeadlineExceeded,
    InternalError,
    OrgAuthenticationFailed,
    ShuttingDown,
    SluicegateError,
)
from service.rpc.callers import Caller, caller_of, default_caller
from service.rpc.intake import Intake, Intakes
from service.rpc.overdue import Overdue
from service.rpc.status import to_grpc
from service.telemetry import logs, names
from service.telemetry.tracing import Tracing

_log = logs.get_logger(__name__)
_SERVER_FAULTS = frozenset({"DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE"})
"""Codes that are errors of the server; the rest are the caller's (OpenTelemetry RPC conventions, gRPC)."""

Context = aio.ServicerContext[Any, Any]
Metadata = Sequence[tuple[str, str | bytes]]

_LOGGED = ("org", "http_status", "salesforce_error_code", "request_id")
"""Metadata of an error that a log line repeats: none of it comes from the caller's data."""

_encode = operator.methodcaller("SerializeToString")


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC: its name, its messages and the function that answers it."""

    name: str
    """Fully qualified, `sluicegate.v1.RecordService/UpsertRecord`."""
    request: type[Message]
    client_streaming: bool
    server_streaming: bool
    answer: Callable[..., Any]
    unread: str = ""
    """Name of a map in the request whose values `answer` holds against the contract as it reads them."""


class Pipeline:
    """Makes gRPC handlers of methods.

    Args:
        tracing: Makes the server spans.
        clock: Tells the time.
        max_message_bytes: Largest request that is taken.
        default_deadline_seconds: Bound on a unary call whose caller set none; streams have none. What the caller set
            is gRPC's business: it answers in time, and cancels the handler.

    """

    def __init__(self, tracing: Tracing, clock: Clock, max_message_bytes: int, default_deadline_seconds: float) -> None:
        self._tracing = tracing
        self._clock = clock
        self._overdue = Overdue(default_deadline_seconds)
        self._intakes = Intakes(max_message_bytes)
        self._request_ids = _request_ids()
        self.draining = asyncio.Event()
        """Set when the service ends: no long upload is begun that the end would cut off."""

    def handler(self, method: Method) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return the handler that grpc.aio serves."""
        intake = self._intakes.of(method.request, method.name, method.unread)
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream(method, intake), intake.decode, _encode)
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, intake), intake.decode, _encode)
        return grpc.unary_unary_rpc_method_handler(self._unary(method, intake), intake.decode, _encode)

    def _unary(self, method: Method, intake: Intake) -> Callable[[Any, Context], Awaitable[Any]]:
        default = default_caller(method.name)

        async def answer(request: Any, context: Context) -> Any:
            metadata = _metadata(context)
            span = self._begin(method, metadata)
            left = _time_left(context)
            watched = self._overdue.begin() if left is None else None
            caller = caller_of(metadata, default)
            call = self._call(method, caller, span, self._overdue.seconds if left is None else left)
            try:
                caller.check()
                if not intake.is_good(request):
                    request = await intake.admit(request)
                return await method.answer(request, call)
            except BaseException as error:
                if watched is not None:
                    is_overdue, watched = self._overdue.end(watched), None
                    if is_overdue and isinstance(error, asyncio.CancelledError):
                        error = TimeoutError()
                await self._refuse(context, span, call, error)
                raise
            finally:
                if watched is not None:
                    self._overdue.end(watched)
                if span is not None:
                    span.end()

        return answer

    def _stream(self, method: Method, intake: Intake) -> Callable[[Any, Context], Awaitable[None]]:
        default = default_caller(method.name)

        async def answer(request: Any, context: Context) -> None:
            metadata = _metadata(context)
            span = self._begin(method, metadata)
            caller = caller_of(metadata, default)
            call = self._call(method, caller, span, _time_left(context))
            try:
                caller.check()
                if method.client_streaming:
                    request = self._upload(request, intake)
                elif not intake.is_good(request):
                    request = await intake.admit(request)
                async with aclosing(method.answer(request, call)) as messages:
                    async for message in messages:
                        await _write(context, message)
            except BaseException as error:
                await self._refuse(context, span, call, error)
                raise
            finally:
                if span is not None:
                    span.end()

        return answer

    def _upload(self, requests: AsyncIterator[Any], intake: Intake) -> AsyncIterator[Any]:
        if self.draining.is_set():
            raise ShuttingDown("this replica is draining; repeat at once, another one answers")
        return intake.admit_each(requests)

    def _begin(self, method: Method, metadata: Metadata) -> Span | None:
        if not self._tracing.is_on:
            return None
        traceparent = next((str(value) for key, value in metadata if key == "traceparent"), None)
        # OK until something else becomes of the call.
        attributes = {names.RPC_SYSTEM: "grpc", names.RPC_METHOD: method.name, names.RPC_STATUS: "OK"}
        return self._tracing.start_server_span(method.name, traceparent, attributes)

    def _call(self, method: Method, caller: Caller, span: Span | None, seconds: float | None) -> CallContext:
        return CallContext(
            method=method.name,
            request_id=next(self._request_ids) if span is None else _trace_id(span),
            clock=self._clock,
            deadline=None if seconds is None else self._clock.monotonic() + seconds,
            trace=None if span is None else set_span_in_context(span),
            caller=caller.name,
            priority=caller.priority,
        )

    async def _refuse(self, context: Context, span: Span | None, call: CallContext, error: BaseException) -> None:
        """Abort the call with what an error means; return if the call is over already."""
        if isinstance(error, asyncio.CancelledError) and context.time_remaining() == 0:
            # gRPC has told the caller.
            _report(_translate(call, TimeoutError()), span, call)
        elif isinstance(error, asyncio.CancelledError | aio.AbortError):
            if span is not None:
                span.set_attribute(names.RPC_STATUS, "CANCELLED")
        else:
            refusal = _translate(call, error)
            _report(refusal, span, call)
            try:
                await context.abort_with_status(to_grpc(refusal))
            except aio.InternalError:
                # The call ended meanwhile, for its deadline or because its caller left: nobody is there to be told.
                # gRPC takes everything but a cancellation for a fault then.
                raise asyncio.CancelledError from None


async def _write(context: Context, message: Any) -> None:
    """Send a message, once the one before it is on its way.

    Raises:
        asyncio.CancelledError: The caller left meanwhile. gRPC takes it for a fault of ours if it is the first to know.

    """
    try:
        await context.write(message)
    except aio.InternalError:
        raise asyncio.CancelledError from None


def _report(refusal: SluicegateError, span: Span | None, call: CallContext) -> None:
    """Log an error that an operator should know of, and tell any in the span."""
    if refusal.code in _SERVER_FAULTS or isinstance(refusal, OrgAuthenticationFailed):
        facts = {name: refusal.metadata[name] for name in _LOGGED if name in refusal.metadata}
        trace_id = None if span is None else _trace_id(span)
        _log.warning(
            "call failed",
            method=call.method,
            reason=refusal.reason,
            message=refusal.message,
            trace_id=trace_id,
            **facts,
        )
    if span is not None:
        span.set_attribute(names.RPC_STATUS, refusal.code)
        span.set_attribute(names.REASON, refusal.reason)
        if refusal.code in _SERVER_FAULTS:
            span.set_attribute(names.ERROR_TYPE, refusal.code)
            span.set_status(StatusCode.ERROR)


def _translate(call: CallContext, error: BaseException) -> SluicegateError:
    if isinstance(error, SluicegateError):
        return error
    if isinstance(error, TimeoutError):
        return DeadlineExceeded("the call took longer than it may", metadata={"method": call.method})
    _log.error("unexpected error", method=call.method, request_id=call.request_id, exc_info=error)
    return InternalError(
        "an unexpected error; the request id finds it in the logs", metadata={"request_id": call.request_id}
    )


def _request_ids() -> Iterator[str]:
    """Yield ids that no other process yields; a random one for each call would cost more than all else about it."""
    process = secrets.token_hex(8)
    return (f"{process}{number:016x}" for number in itertools.count(1))


def _metadata(context: Context) -> Metadata:
    """Return what the caller sent along."""
    return cast("Metadata", context.invocation_metadata() or ())


def _time_left(context: Context) -> float | None:
    """Return the seconds that the caller still gives; None if it set no deadline."""
    return cast("float | None", context.time_remaining())  # the stubs forget that there may be none


def _trace_id(span: Span) -> str:
    return format_trace_id(span.get_span_context().trace_id)
