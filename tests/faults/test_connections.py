"""The HTTP transport against servers that break: what may have been carried out is never called unsent."""

import asyncio
import gzip
import io
import itertools
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from service.clock import SystemClock
from service.context import CallContext
from service.errors import ShuttingDown, UpstreamProtocolError
from service.salesforce.transport.base import ConnectionLost, NotSent, Request
from service.salesforce.transport.http import HttpTransport

Behave = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
CALL = CallContext("test", "1", SystemClock())


def request(port: int, timeout_seconds: float | None = None, host: str = "127.0.0.1") -> Request:
    """Return a write."""
    return Request(
        "POST",
        f"http://{host}:{port}/x",
        template="/x",
        repeatable=False,
        body=b"{}",
        headers={"Accept": "application/json"},
        timeout_seconds=timeout_seconds,
    )


@asynccontextmanager
async def server(behave: Behave) -> AsyncIterator[int]:
    """Serve on a free port: each request is read whole, then handed on with what writes to the client."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(2)
                await behave(head, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


@pytest.fixture
async def transport():
    """A transport; connections are plain."""
    async with HttpTransport(timeout_seconds=60, max_connections=1) as opened:
        yield opened


async def test_a_refused_connection_was_not_sent(transport):
    """Nobody listens: the write may be repeated whatever it is."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        with pytest.raises(NotSent):
            await transport.send(request(unused.getsockname()[1]), CALL)


async def test_what_is_sent_after_the_end_is_refused():
    """A call that the end of the service cut off clears up after itself, and hears why it cannot."""
    async with HttpTransport(timeout_seconds=5, max_connections=4) as transport:
        pass

    with pytest.raises(ShuttingDown):
        await transport.send(request(1), CALL)


async def test_headers_are_known_by_their_names_in_lower_case(transport):
    """However Salesforce spells them; several of a name are one, in their order."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nSforce-Limit-Info: api-usage=1/10\r\nsforce-limit-info: per-app=2/9\r\n"
            b"Content-Length: 0\r\nX-Name: caf\xe9\r\n\r\n"
        )

    async with server(answer) as port:
        response = await transport.send(request(port), CALL)

    assert "api-usage=1/10, per-app=2/9" == response.headers["sforce-limit-info"]
    assert "x-name" in response.headers


async def test_a_status_line_that_is_no_text_is_a_lost_answer(transport):
    """The server had the request: its outcome is unknown, and nobody sees a fault of this service."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 \xff\xfe\r\nContent-Length: 0\r\n\r\n")

    async with server(answer) as port:
        with pytest.raises(ConnectionLost):
            await transport.send(request(port), CALL)


@pytest.mark.parametrize("host", ["..", "a..b", "a" * 64 + ".example"])
async def test_a_host_that_no_name_can_have_is_not_reached(transport, host):
    """It is no fault of this service, whoever named the host."""
    with pytest.raises((NotSent, ConnectionLost)):
        await transport.send(request(443, host=host), CALL)


async def hang_up(_head: bytes, writer: asyncio.StreamWriter) -> None:
    """Take the request and answer nothing."""
    writer.close()


async def reset(_head: bytes, writer: asyncio.StreamWriter) -> None:
    """Take the request and reset the connection."""
    writer.transport.abort()


async def stop_within_body(_head: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer less than was announced."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("behave", [hang_up, reset, stop_within_body])
async def test_a_connection_that_breaks_after_the_request_is_lost(transport, behave):
    """The server had the request: its outcome is unknown."""
    async with server(behave) as port:
        with pytest.raises(ConnectionLost):
            await transport.send(request(port), CALL)


async def test_an_answer_that_does_not_come_is_lost(transport):
    """A timeout after the request left says nothing of its outcome."""
    requests = itertools.count()

    async def answer_once(_head: bytes, writer: asyncio.StreamWriter) -> None:
        if next(requests):
            await asyncio.Event().wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with server(answer_once) as port:
        # Its connection is kept: the time that the second one has is none to connect in.
        await transport.send(request(port), CALL)

        with pytest.raises(ConnectionLost):
            await transport.send(request(port, timeout_seconds=0.05), CALL)


async def test_a_connection_is_kept_and_the_next_answer_is_the_next_requests(transport):
    """Two requests share a connection, and no body is left in it; compressed bodies arrive plain."""
    connections: set[asyncio.StreamWriter] = set()
    heads: list[bytes] = []

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        heads.append(head.lower())
        body = gzip.compress(b"%d" % len(heads))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async with server(answer) as port:
        found = [(await transport.send(request(port), CALL)).content for _ in range(2)]

    assert [b"1", b"2"] == found
    assert len(connections) == 1
    assert all(b"\r\naccept-encoding: gzip\r\n" in head for head in heads)


@pytest.mark.parametrize("size", [1_048_576, 1_048_577, 5_000_000])
async def test_a_large_body_is_sent_whole_and_its_length_told(transport, size):
    """Salesforce hears how much will come, however much it is, and aiohttp has nothing to warn of."""
    received: list[tuple[bytes, bytes]] = []
    body = bytes(index % 251 for index in range(1000)) * (size // 1000 + 1)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append((await reader.readuntil(b"\r\n\r\n"), await reader.readexactly(size)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(take, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        found = await transport.send(replace(request(port), body=body[:size]), CALL)

    ((head, content),) = received
    assert 200 == found.status
    assert body[:size] == content
    assert b"\r\ncontent-length: %d\r\n" % size in head.lower()
    assert b"transfer-encoding" not in head.lower()


async def test_no_redirect_is_followed_and_no_cookie_is_kept(transport):
    """The token goes nowhere but to the instance, and one answer leaves no trace in the next request."""
    heads: list[bytes] = []

    async def redirect(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head.lower())
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
        )

    async with server(redirect) as port:
        found = [(await transport.send(request(port, host="localhost"), CALL)).status for _ in range(2)]

    assert [302, 302] == found
    assert not any(b"cookie" in head for head in heads)


@pytest.mark.parametrize(
    "answer",
    [
        b"HELLO\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
async def test_an_answer_that_is_not_http_is_lost_and_its_url_is_told_to_nobody(transport, answer):
    """Garbage on the wire leaves the outcome unknown, and no traceback repeats the URL: it may hold SOQL or a key."""

    async def talk_nonsense(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    async with server(talk_nonsense) as port:
        with pytest.raises(ConnectionLost) as raised:
            await transport.send(request(port), CALL)

    assert f":{port}" not in "".join(traceback.format_exception(raised.value))


def endless() -> Iterator[bytes]:
    """Yield an answer that never ends."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield from itertools.repeat(b"10000\r\n" + b" " * 65_536 + b"\r\n")


def bomb() -> Iterator[bytes]:
    """Yield a small answer that is large when it is decompressed."""
    body = gzip.compress(bytes(100_000_000))
    yield b"HTTP/1.1 400 Bad\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    yield body


@pytest.mark.parametrize("parts", [endless, bomb])
async def test_an_answer_does_not_fill_the_memory(transport, parts):
    """An answer that is larger than the request allows is given up, whatever it is on the wire."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        for part in parts():
            writer.write(part)
            await writer.drain()

    async with server(answer) as port:
        with pytest.raises(UpstreamProtocolError):
            await transport.send(replace(request(port), largest_answer_bytes=1_000_000), CALL)


@pytest.mark.parametrize("is_packed", [False, True])
async def test_a_sink_takes_the_body(transport, is_packed):
    """A body that is not to be held in memory goes to the sink as it comes in, and nowhere else."""
    body = b"0123456789" * 500_000

    async def much(_head: bytes, writer: asyncio.StreamWriter) -> None:
        content = gzip.compress(body, 1) if is_packed else body
        encoding = b"Content-Encoding: gzip\r\n" if is_packed else b""
        writer.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (encoding, len(content)) + content)

    sinks: list[io.BytesIO] = []
    async with server(much) as port:
        answer = await transport.send(replace(request(port), sink=lambda: begun(sinks)), CALL)

    assert (b"", [body]) == (answer.content, [sink.getvalue() for sink in sinks])


async def test_a_refusal_is_read_and_not_sunk(transport):
    """What tells of an error is no part of the result."""

    async def refuse(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n[]")

    sinks: list[io.BytesIO] = []
    async with server(refuse) as port:
        answer = await transport.send(replace(request(port), sink=lambda: begun(sinks)), CALL)

    assert (b"[]", []) == (answer.content, sinks)


async def test_a_sink_is_not_taken_for_full_when_the_connection_breaks(transport):
    """A body that ends early is an error, however much of it came."""

    async def cut(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        await writer.drain()
        writer.close()

    sinks: list[io.BytesIO] = []
    async with server(cut) as port:
        with pytest.raises(ConnectionLost):
            await transport.send(replace(request(port), sink=lambda: begun(sinks)), CALL)


async def test_a_sink_takes_no_more_than_the_request_allows(transport):
    """The bound holds for what is written, decompressed."""

    async def bomb(_head: bytes, writer: asyncio.StreamWriter) -> None:
        content = gzip.compress(b"0" * 1_000_000)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(content) + content
        )

    sinks: list[io.BytesIO] = []
    async with server(bomb) as port:
        wanted = replace(request(port), sink=lambda: begun(sinks), largest_answer_bytes=200_000)
        with pytest.raises(UpstreamProtocolError):
            await transport.send(wanted, CALL)

    assert all(len(sink.getvalue()) <= 200_000 for sink in sinks)


def begun(sinks: list[io.BytesIO]) -> io.BytesIO:
    """Begin a sink and remember it."""
    sinks.append(io.BytesIO())
    return sinks[-1]
