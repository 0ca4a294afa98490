"""What every call passes on its way in and out, laid around each handler once, when the server is built.

In order: decode (a malformed or oversize message becomes a value, because an exception there would surface as
UNKNOWN) → trace → deadline → validate → handler → error boundary. Interceptors would cost each call a closure and a
lookup for every stage, and cannot reach the decoder at all.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import grpc
import protovalidate
from google.protobuf.message import DecodeError, Message
from grpc import aio
from opentelemetry.trace import Span, StatusCode, format_trace_id, set_span_in_context

from service.clock import Clock
from service.context import CallContext
from service.errors import (
    DeadlineExceeded,
    InternalError,
    MalformedMessage,
    MessageTooLarge,
    OrgAuthenticationFailed,
    ShuttingDown,
    SluicegateError,
)
from service.rpc.status import to_grpc
from service.rpc.validation import refusal
from service.telemetry import logs, names
from service.telemetry.tracing import Tracing

_log = logs.get_logger(__name__)
_SERVER_FAULTS = frozenset({"DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE"})
"""Codes that are errors of the server; the rest are the caller's (OpenTelemetry RPC conventions, gRPC)."""

Context = aio.ServicerContext[Any, Any]

_LOGGED = ("org", "http_status", "salesforce_error_code", "request_id")
"""Metadata of an error that a log line repeats: none of it comes from the caller's data."""


_EXPLAINED_BYTES = 16_384
"""Largest message of which every fault is named: 4 MiB hold two million, which take most of a minute to collect."""
_LARGE_BYTES = 262_144
"""From when on a message is checked beside the event loop: 4 MiB of small values take seconds even if all is well."""


class Undecodable:
    """Stands for a message that could not be decoded, until it can be refused properly."""

    def __init__(self, error: SluicegateError) -> None:
        self.error = error


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC: its name, its messages and the function that answers it."""

    name: str
    """Fully qualified, `sluicegate.v1.RecordService/UpsertRecord`."""
    request: type[Message]
    client_streaming: bool
    server_streaming: bool
    answer: Callable[..., Any]


class _Decode(Protocol):
    def __call__(self, data: bytes, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Makes gRPC handlers of methods.

    Args:
        tracing: Makes the server spans.
        clock: Tells the time.
        max_message_bytes: Largest request that is taken.
        default_deadline_seconds: Bound on a unary call whose caller set none; streams have none.

    """

    tracing: Tracing
    clock: Clock
    max_message_bytes: int
    default_deadline_seconds: float
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service ends: no long upload is begun that the end would cut off."""

    def handler(self, method: Method) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return the handler that grpc.aio serves."""
        decode = self._decoder(method)
        encode = _encode
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream(method), decode, encode)
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(method), decode, encode)
        return grpc.unary_unary_rpc_method_handler(self._unary(method), decode, encode)

    def _decoder(self, method: Method) -> _Decode:
        parse = method.request.FromString
        limit = self.max_message_bytes

        def decode(data: bytes, /) -> Any:
            if len(data) > limit:
                return Undecodable(
                    MessageTooLarge(
                        f"the message has {len(data)} bytes; at most {limit} are taken",
                        metadata={"size_bytes": str(len(data)), "limit_bytes": str(limit)},
                    )
                )
            try:
                return parse(data)
            except DecodeError:
                return Undecodable(
                    MalformedMessage(
                        f"the bytes are no {method.request.DESCRIPTOR.full_name}", metadata={"method": method.name}
                    )
                )

        return decode

    def _unary(self, method: Method) -> Callable[[Any, Context], Awaitable[Any]]:
        async def answer(request: Any, context: Context) -> Any:
            span = self._begin(method, context)
            try:
                call = self._call(method, context, span, default_seconds=self.default_deadline_seconds)
                await _check(request)
                async with asyncio.timeout(call.remaining_seconds(float("inf"))):
                    return await method.answer(request, call)
            except BaseException as error:
                await self._refuse(method, context, span, error)
                raise
            finally:
                _end(span)

        return answer

    def _stream(self, method: Method) -> Callable[[Any, Context], AsyncIterator[Any]]:
        async def answer(request: Any, context: Context) -> AsyncIterator[Any]:
            span = self._begin(method, context)
            try:
                call = self._call(method, context, span, default_seconds=None)
                if method.client_streaming:
                    request = self._upload(request)
                else:
                    await _check(request)
                async with aclosing(method.answer(request, call)) as messages:
                    async for message in messages:
                        yield message
            except GeneratorExit:
                raise
            except BaseException as error:
                await self._refuse(method, context, span, error)
                raise
            finally:
                _end(span)

        return answer

    def _upload(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        if self.draining.is_set():
            raise ShuttingDown("this replica is draining; repeat at once, another one answers")
        return _checked(requests)

    def _begin(self, method: Method, context: Context) -> Span | None:
        metadata = context.invocation_metadata() or ()
        traceparent = next((str(value) for key, value in metadata if key == "traceparent"), None)
        # OK until something else becomes of the call.
        attributes = {names.RPC_SYSTEM: "grpc", names.RPC_METHOD: method.name, names.RPC_STATUS: "OK"}
        return self.tracing.start_server_span(method.name, traceparent, attributes)

    def _call(
        self, method: Method, context: Context, span: Span | None, *, default_seconds: float | None
    ) -> CallContext:
        left = cast("float | None", context.time_remaining())  # the stubs forget that there may be none
        seconds = default_seconds if left is None else left
        return CallContext(
            method=method.name,
            request_id=format_trace_id(span.get_span_context().trace_id) if span is not None else secrets.token_hex(16),
            clock=self.clock,
            deadline=None if seconds is None else self.clock.monotonic() + seconds,
            trace=set_span_in_context(span) if span is not None else None,
        )

    async def _refuse(self, method: Method, context: Context, span: Span | None, error: BaseException) -> None:
        """Abort the call with what an error means; return if the call is over already."""
        if isinstance(error, asyncio.CancelledError | aio.AbortError):
            if span is not None:
                span.set_attribute(names.RPC_STATUS, "CANCELLED")
            return
        refusal = _translate(method, error)
        if refusal.code in _SERVER_FAULTS or isinstance(refusal, OrgAuthenticationFailed):
            facts = {name: refusal.metadata[name] for name in _LOGGED if name in refusal.metadata}
            trace_id = format_trace_id(span.get_span_context().trace_id) if span is not None else None
            _log.warning(
                "call failed",
                method=method.name,
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
        await context.abort_with_status(to_grpc(refusal))


def check(request: Any) -> None:
    """Hold a message against the rules of the contract.

    Raises:
        MalformedMessage: It could not be decoded.
        MessageTooLarge: It is larger than the service takes.
        InvalidRequest: A rule does not hold; every field at fault is named, or the first one of a long message.

    """
    if isinstance(request, Undecodable):
        raise request.error
    if protovalidate.collect_violations(request, fail_fast=True):
        is_long = request.ByteSize() > _EXPLAINED_BYTES
        raise refusal(request, protovalidate.collect_violations(request, fail_fast=is_long))


async def _check(request: Any) -> None:
    """Do what `check` does, and let other calls go on while a large message is looked at."""
    if isinstance(request, Message) and request.ByteSize() > _LARGE_BYTES:
        await asyncio.to_thread(check, request)
    else:
        check(request)


async def _checked(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        await _check(request)
        yield request


def _translate(method: Method, error: BaseException) -> SluicegateError:
    if isinstance(error, SluicegateError):
        return error
    if isinstance(error, TimeoutError):
        return DeadlineExceeded("the call took longer than it may", metadata={"method": method.name})
    request_id = secrets.token_hex(8)
    _log.error("unexpected error", method=method.name, request_id=request_id, exc_info=error)
    return InternalError(
        "an unexpected error; the request id finds it in the logs", metadata={"request_id": request_id}
    )


def _end(span: Span | None) -> None:
    if span is not None:
        span.end()


def _encode(message: Message) -> bytes:
    return message.SerializeToString()
