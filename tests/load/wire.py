"""The least a gRPC client can be: unary calls of one method on one HTTP/2 connection.

grpc.aio's own client costs most of the processor time that a server costs, and would take it from the servers under
measurement where there are few processors. This one costs a quarter of that. It speaks what gRPC over HTTP/2
asks for ("gRPC over HTTP2"; RFC 9113; RFC 7541) and no more: what comes back is told apart only into an answer and a
refusal.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self, cast

_FRAME: Final = struct.Struct(">BHBBL")
_WORD: Final = struct.Struct(">L")
_HEAD_BYTES: Final = 9
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 0x1, 0x1, 0x4
_WINDOW_BYTES: Final = 65_535
"""What may be sent on a connection, or of one message, before the server says more (RFC 9113, 6.9.2)."""
_PREFIX_BYTES: Final = 5
"""gRPC puts a flag and a length before each message."""
_INITIAL_WINDOW: Final = 4
"""The setting of how much the server may send of one answer before it is told more."""
_WIDE: Final = 16_777_216
_LITERAL_INDEXED: Final = 0x40
_INDEXED: Final = 0x80
_STATIC_TABLE: Final = 61
_METHOD_POST, _SCHEME_HTTP = 0x83, 0x86
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

CALLS_EACH: Final = 250
"""Callers that share a connection. A server of gRPC takes 1,000 and more."""


class Refused(Exception):
    """The call was not answered with a message."""


class Connection(asyncio.Protocol):
    """One connection. Answers come in any order; each call gets its own.

    Args:
        target: `host:port`, for the `:authority`.
        path: The method, `/package.Service/Method`.
        metadata: What goes along with every call, keys in lower case; values of at most 126 bytes.

    """

    def __init__(self, target: str, path: str, metadata: Mapping[str, str] = _NOTHING) -> None:
        fields = (
            (b":path", path.encode()),
            (b":authority", target.encode()),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"load"),
            (b"grpc-accept-encoding", b"identity, deflate, gzip"),
            *((name.encode(), value.encode()) for name, value in metadata.items()),
        )
        fixed = bytes((_METHOD_POST, _SCHEME_HTTP))
        literals = (bytes((_LITERAL_INDEXED,)) + _text(name) + _text(value) for name, value in fields)
        self._headers = fixed + b"".join(literals)
        # Each literal goes into the table of both ends, which begins where the static one ends.
        self._repeated = fixed + bytes(_INDEXED | _STATIC_TABLE + number for number in range(1, len(fields) + 1))
        self._loop = asyncio.get_running_loop()
        self._stream = 1
        self._window = _WINDOW_BYTES
        self._waiting: deque[tuple[bytes, asyncio.Future[bytes]]] = deque()
        self._open: dict[int, tuple[asyncio.Future[bytes], list[bytes]]] = {}
        self._rest = b""
        self._flushing = False
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def to(cls, target: str, path: str, metadata: Mapping[str, str] = _NOTHING) -> Self:
        """Return an open connection."""
        host, _, port = target.rpartition(":")
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(target, path, metadata), host, int(port))
        return connection

    def call(self, message: bytes) -> asyncio.Future[bytes]:
        """Send an encoded request of less than 65,530 bytes and return its encoded answer.

        Raises:
            Refused: The answer is a status and no message, or the stream or the connection was ended.

        """
        size = len(message) + _PREFIX_BYTES
        if size > _WINDOW_BYTES:
            raise ValueError(f"{size} bytes do not fit into one window")
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting.append((b"\0" + _WORD.pack(len(message)) + message, answer))
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)
        return answer

    def close(self) -> None:
        """End the connection and with it the calls that are open."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin as every client does, and let the server send without bounds."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent
        settings = struct.pack(">HL", _INITIAL_WINDOW, _WIDE)
        self._transport.write(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + _frame(_SETTINGS, 0, 0, settings)
            + _frame(_WINDOW_UPDATE, 0, 0, _WORD.pack(2**31 - 1 - _WINDOW_BYTES))
        )

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what is open."""
        self._fail(f"the connection was ended: {error or 'by either side'}")

    def data_received(self, data: bytes) -> None:
        """Take what came, whole frames first."""
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= _HEAD_BYTES:
            high, low, kind, flags, stream = _FRAME.unpack_from(data, at)
            following = at + _HEAD_BYTES + (high << 16 | low)
            if following > end:
                break
            self._take(kind, flags, stream, data[at + _HEAD_BYTES : following])
            at = following
        self._rest = data[at:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if stream == 0:
            self._obey(kind, flags, payload)
        elif kind == _DATA:
            if stream in self._open:
                self._open[stream][1].append(payload)
        elif kind == _HEADERS and flags & _END_STREAM:
            self._finish(stream, "a status and no message")
        elif kind == _RESET:
            self._finish(stream, f"stream ended with code {_WORD.unpack(payload)[0]}")

    def _obey(self, kind: int, flags: int, payload: bytes) -> None:
        """Take what concerns the whole connection."""
        if kind == _WINDOW_UPDATE:
            self._window += _WORD.unpack(payload)[0]
            self._flush()
        elif kind in (_SETTINGS, _PING) and not flags & _ACK:
            self._write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind == _GOAWAY:
            self._fail(f"the server goes away with code {_WORD.unpack_from(payload, 4)[0]}: {payload[8:]!r}")

    def _finish(self, stream: int, otherwise: str) -> None:
        answer, parts = self._open.pop(stream, (None, []))
        if answer is None or answer.done():
            return
        if parts:
            answer.set_result(b"".join(parts)[_PREFIX_BYTES:])
        else:
            answer.set_exception(Refused(otherwise))

    def _flush(self) -> None:
        """Send every call that the window has room for, at once."""
        self._flushing = False
        frames = []
        while self._waiting and len(self._waiting[0][0]) <= self._window:
            message, answer = self._waiting.popleft()
            self._window -= len(message)
            frames.append(_frame(_HEADERS, _END_HEADERS, self._stream, self._headers))
            frames.append(_frame(_DATA, _END_STREAM, self._stream, message))
            self._headers = self._repeated
            self._open[self._stream] = (answer, [])
            self._stream += 2
        if frames:
            self._write(b"".join(frames))

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _fail(self, reason: str) -> None:
        answers = [answer for answer, _ in self._open.values()] + [answer for _, answer in self._waiting]
        self._open.clear()
        self._waiting.clear()
        for answer in answers:
            if not answer.done():
                answer.set_exception(Refused(reason))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _FRAME.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


def _text(text: bytes) -> bytes:
    """Return a string of a header as RFC 7541, 5.2 has it, at most 126 bytes."""
    return bytes((len(text),)) + text
