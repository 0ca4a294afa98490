"""Deadlines, as a real gRPC server keeps them."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio
from sluicegate.v1.org_service_pb2 import GetLimitsRequest

from service.clock import SystemClock
from service.context import CallContext
from service.rpc.pipeline import Method, Pipeline
from service.telemetry.tracing import Tracing
from tests.support.rich_status import failure

PATH = "sluicegate.v1.OrgService/GetLimits"


class Endless:
    """A method that never answers, and knows how its calls ended."""

    def __init__(self) -> None:
        self.endings: asyncio.Queue[BaseException] = asyncio.Queue()

    async def answer(self, _request: GetLimitsRequest, _call: CallContext) -> None:
        """Answer never."""
        try:
            await asyncio.Event().wait()
        except BaseException as error:
            self.endings.put_nowait(error)
            raise


@asynccontextmanager
async def serving(answer: Callable[..., Any], default_deadline_seconds: float) -> AsyncIterator[str]:
    """Serve one method and yield the address."""
    tracing = Tracing(None, sample_ratio=0.0, version="1")
    pipeline = Pipeline(tracing, SystemClock(), 1000, default_deadline_seconds)
    method = Method(PATH, GetLimitsRequest, client_streaming=False, server_streaming=False, answer=answer)
    server = aio.server(options=[("grpc.so_reuseport", 0)])
    service, name = PATH.split("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: pipeline.handler(method)}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


async def call(address: str, seconds: float | None) -> None:
    """Call the method."""
    async with aio.insecure_channel(address) as channel:
        method: Any = channel.unary_unary(f"/{PATH}")
        await method(b"", timeout=seconds)


async def test_the_callers_deadline_ends_the_handler():
    """The caller reads DEADLINE_EXCEEDED, and nobody goes on working for it."""
    method = Endless()
    async with serving(method.answer, default_deadline_seconds=60) as address:
        with pytest.raises(aio.AioRpcError) as raised:
            await call(address, seconds=0.2)
        ending = await asyncio.wait_for(method.endings.get(), 10)

    assert grpc.StatusCode.DEADLINE_EXCEEDED is raised.value.code()
    assert isinstance(ending, asyncio.CancelledError)


async def test_the_server_keeps_the_deadline_of_a_caller_that_does_not():
    """A caller that says when it gives up, and then waits on, is answered in time by the server itself."""
    method = Endless()
    async with serving(method.answer, default_deadline_seconds=60) as address:
        trailers = await asyncio.wait_for(raw_call(address, grpc_timeout="200m"), 10)
        ending = await asyncio.wait_for(method.endings.get(), 10)

    assert b"grpc-status\x014" in trailers
    assert isinstance(ending, asyncio.CancelledError)


async def test_a_caller_without_a_deadline_gets_the_default():
    """The handler ends, and the caller is told why."""
    method = Endless()
    async with serving(method.answer, default_deadline_seconds=0.2) as address:
        with pytest.raises(aio.AioRpcError) as raised:
            await call(address, seconds=None)
        ending = await asyncio.wait_for(method.endings.get(), 10)

    error = failure(raised.value)
    assert ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", PATH) == (error.code, error.reason, error.metadata["method"])
    assert isinstance(ending, asyncio.CancelledError)


async def raw_call(address: str, grpc_timeout: str) -> bytes:
    """Make the call in bare HTTP/2 frames, with no deadline on this side; return the headers that end the answer.

    Args:
        address: The server.
        grpc_timeout: The header of that name, for example `200m` for 200 ms (gRPC over HTTP2).

    """
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/{PATH}",
        ":authority": address,
        "te": "trailers",
        "content-type": "application/grpc",
        "grpc-timeout": grpc_timeout,
    }
    # Each header without Huffman coding or table: a zero, and both texts with their lengths (RFC 7541, 6.2.2).
    block = b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in headers.items()
    )
    empty_message = b"\0\0\0\0\0"
    settings, headers_frame, data, end_headers, end_stream = 4, 1, 0, 4, 1
    writer.write(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + _frame(settings, 0, 0, b"")
        + _frame(headers_frame, end_headers, 1, block)
        + _frame(data, end_stream, 1, empty_message)
    )
    try:
        while True:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3]))
            if head[3] == headers_frame and head[4] & end_stream:
                return payload
    finally:
        writer.close()
        await writer.wait_closed()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return an HTTP/2 frame (RFC 9113, 4.1)."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload
