"""The lean client of gRPC does what gRPC's own does."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc import aio

from tests.load.calls import callers, tried
from tests.load.sent import Sent
from tests.load.wire import Connection, Refused

PATH = "/load.Test/Answer"


async def _answer(request: bytes, context: "aio.ServicerContext[bytes, bytes]") -> bytes:
    if request == b"metadata":
        metadata = {key: value for key, value in context.invocation_metadata() or () if key.startswith("sluicegate-")}
        return json.dumps([metadata, context.time_remaining() is not None]).encode()
    if request == b"refuse":
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
    if request == b"wait":
        await asyncio.Event().wait()
    return request[::-1]


@pytest.fixture
async def target() -> AsyncIterator[str]:
    """A server that answers with the request's bytes backwards."""
    server = aio.server()
    handler: Any = grpc.unary_unary_rpc_method_handler(_answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("load.Test", {"Answer": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def test_an_answer_is_what_grpcs_own_client_gets(target: str):
    """The bytes of an answer do not depend on who asked."""
    connection = await Connection.to(target, PATH)

    answer = await connection.call(b"abc")

    assert await tried(target, PATH, b"abc") == answer
    connection.close()


async def test_each_of_many_calls_gets_its_own_answer(target: str):
    """A thousand calls at once, many times more bytes than a connection may carry unasked, are not mixed up."""
    requests = [f"{number}-".encode() * 400 for number in range(1000)]

    async with callers(target, PATH, len(requests)) as calls:
        answers = await asyncio.gather(*(call(request) for call, request in zip(calls, requests, strict=True)))

    assert [request[::-1] for request in requests] == answers


async def test_many_calls_on_one_connection_get_their_answers(target: str):
    """The abbreviated headers of all calls but the first are understood, and the window is kept to."""
    connection = await Connection.to(target, PATH)
    requests = [f"{number}-".encode() * 4000 for number in range(100)]

    answers = [await connection.call(requests[0]), *await asyncio.gather(*map(connection.call, requests[1:]))]

    assert [request[::-1] for request in requests] == answers
    connection.close()


async def test_a_refusal_is_told_from_an_empty_answer(target: str):
    """A status without a message raises; a message without bytes does not."""
    connection = await Connection.to(target, PATH)

    empty = await connection.call(b"")
    with pytest.raises(Refused):
        await connection.call(b"refuse")

    assert empty == b""
    connection.close()


async def test_hanging_up_ends_open_calls(target: str):
    """A call that is open when the connection is closed fails."""
    connection = await Connection.to(target, PATH)
    answer = connection.call(b"wait")
    await connection.call(b"after it")

    connection.close()

    with pytest.raises(Refused, match="the connection was ended"):
        await answer


async def test_what_the_window_has_no_room_for_waits():
    """No more is sent on a connection than the server allowed, and the rest once it allows more."""
    sent = Sent()
    connection = Connection("x:1", PATH)
    connection.connection_made(sent)
    for _ in range(2):
        connection.call(bytes(40_000))

    await asyncio.sleep(0)
    at_first = len(sent.data)
    connection.data_received(bytes((0, 0, 4, 8, 0, 0, 0, 0, 0)) + (20_000).to_bytes(4))

    assert 40_000 < at_first < 80_000
    assert len(sent.data) > 80_000


async def test_a_message_beyond_the_window_is_refused_at_once(target: str):
    """What could never be sent is not waited for."""
    connection = await Connection.to(target, PATH)

    with pytest.raises(ValueError, match="do not fit"):
        connection.call(bytes(65_531))

    connection.close()


async def test_metadata_goes_along_with_every_call(target: str):
    """The first call says it, and those whose headers are abbreviated do too; a deadline among it is the server's."""
    said = {"grpc-timeout": "9000m", "sluicegate-caller": "web"}
    connection = await Connection.to(target, PATH, said)

    heard = [json.loads(await connection.call(b"metadata")) for _ in range(3)]

    assert [[{"sluicegate-caller": "web"}, True]] * 3 == heard
    connection.close()
