"""Ending a connection without a whole answer, as networks and crashing servers do."""

import asyncio
import socket
import struct

from aiohttp import web

from service.emulator.exchange import Answer

_NO_LINGERING = struct.pack("ii", 1, 0)


async def cut(request: web.Request, answer: Answer | None, *, reset: bool) -> web.StreamResponse:
    """Cut the connection of a request.

    Args:
        request: The request.
        answer: An answer of bytes whose head and half of whose body are sent first; None to send nothing.
        reset: Whether the peer is to see a TCP reset rather than an end.

    """
    response: web.StreamResponse = web.Response()
    if answer is not None:
        content = b"".join(answer.content or ())
        response = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
        response.content_type = answer.content_type.partition(";")[0]
        # One byte at least is promised and missing, also of an answer without a body.
        response.content_length = max(1, len(content))
        await response.prepare(request)
        await response.write(content[: len(content) // 2])
    if request.transport is not None:
        _abort(request.transport, reset=reset)
    return response


class TurnedAway(asyncio.Protocol):
    """A connection that is reset as soon as it is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Reset it."""
        if isinstance(transport, asyncio.Transport):
            _abort(transport, reset=True)


def _abort(transport: asyncio.Transport, *, reset: bool) -> None:
    connection = transport.get_extra_info("socket")
    if reset and connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
    transport.abort()
