"""The least an HTTP/1.1 server can be: no pipelining, no chunks, bodies as long as their Content-Length says.

A web framework costs more time a request than all the rest of a static upstream, and takes it from the service under
measurement where there are few processors.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET
from struct import pack
from typing import Final, cast

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"
_CLOSE: Final = b"\r\nconnection: close"
_CHUNKED: Final = b"\r\ntransfer-encoding:"
_SECONDS_TO_ARRIVE = 0.02
"""How long what was sent before a reset has to arrive: a reset takes along what nobody has read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read whole."""

    method: str
    target: str
    """Path and query as sent, percent-encoded."""
    body: bytes
    head: bytes = b""
    """The request line and the headers as sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, and when."""

    body: bytes = b""
    status: str = "200 OK"
    after_seconds: float = 0.0
    after: "asyncio.Future[None] | None" = None
    """What has to be done before."""
    headers: bytes = b""
    """Further headers, each with its line end."""
    broken_at: int | None = None
    """Behind how many bytes of the body the connection is reset."""
    tail: bytes = b""
    """What follows the body, unless that is broken; it is not copied, so that many answers may share a large one."""


class HttpConnection(asyncio.Protocol):
    """One connection that is kept until the client leaves.

    Args:
        answer: Answers a request at once; what it returns may be held back.
        headers: Further headers of every answer, each with its line end.

    """

    def __init__(self, answer: Callable[[Asked], Answer], headers: bytes = b"") -> None:
        self._answer = answer
        self._headers = headers
        self._parts: list[bytes] = []
        self._missing = 0
        """Bytes still to come before it is worth looking at what is there; 0 while the head is not whole."""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent

    def connection_lost(self, error: Exception | None) -> None:
        """Answer no more."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take what came, and answer when it is a whole request."""
        self._parts.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return
        whole = b"".join(self._parts)
        at = whole.find(_END_OF_HEAD)
        if at < 0:
            self._parts, self._missing = [whole], 0
            return
        head = whole[:at].lower()
        body_at = at + len(_END_OF_HEAD)
        self._missing = body_at + _length(head) - len(whole)
        if self._missing > 0:
            self._parts = [whole]
            return
        self._parts, self._missing = [], 0
        method, target, _ = whole[: whole.index(b"\r\n")].decode("ascii").split(" ")
        if _CHUNKED in head:
            self._send(Answer(status="411 Length Required"), close=True)
            return
        answer = self._answer(Asked(method, target, whole[body_at:], whole[:at]))
        close = _CLOSE in head
        if answer.after is not None:
            answer.after.add_done_callback(lambda _: self._send(answer, close))
        elif answer.after_seconds:
            asyncio.get_running_loop().call_later(answer.after_seconds, self._send, answer, close)
        else:
            self._send(answer, close)

    def _send(self, answer: Answer, close: bool) -> None:
        if self._transport is None:
            return
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (
            answer.status.encode(),
            len(answer.body) + len(answer.tail),
            self._headers + answer.headers,
        )
        self._transport.write(head + answer.body[: answer.broken_at])
        if answer.broken_at is not None:
            asyncio.get_running_loop().call_later(_SECONDS_TO_ARRIVE, self._reset)
            return
        if answer.tail:
            self._transport.write(answer.tail)
        if close:
            self._transport.close()

    def _reset(self) -> None:
        if self._transport is not None:
            # Without lingering a connection ends in a reset, and not as one does that has sent everything.
            self._transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
            self._transport.abort()


def _length(head: bytes) -> int:
    """Return the Content-Length of a head in lower case; 0 where there is none."""
    _, found, rest = head.partition(_LENGTH)
    return int(rest.partition(b"\r\n")[0]) if found else 0
