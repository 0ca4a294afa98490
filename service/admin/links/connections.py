"""The open connections of the link server: only so many, and none that keeps its place for nothing.

Strangers open connections and may then say nothing, or read nothing; each costs a file descriptor of the process, which
calls and Salesforce need as well. aiohttp bounds neither their number nor how long an answer may be left unread.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from service.telemetry import logs

SILENT_SECONDS = 10.0
"""How long the first request on a connection may take to arrive."""
UNREAD_SECONDS = 10.0
"""How long an answer that is too large for the buffers may be left unread."""
MOST_BYTES = 65_536
"""What may come on a connection before, or after, a request: those of browsers and proxies are far shorter. Headers are
held until all of them are there, and aiohttp takes a megabyte of them."""
_TELL_SECONDS = 60.0

_log = logs.get_logger(__name__)


class Connections:
    """Makes the protocols of a server's connections, as `loop.create_server` asks for.

    Where there are too many, the one that has done nothing for longest makes room; where all are being answered, a new
    one is closed at once.

    Args:
        protocol: Makes the protocol that answers one connection.
        most: Connections that are open at a time.

    """

    def __init__(self, protocol: Callable[[], asyncio.Protocol], *, most: int) -> None:
        self._protocol = protocol
        self._most = most
        self._open: dict[asyncio.BaseProtocol, _Connection] = {}
        self._idle: dict[_Connection, None] = {}
        """Longest idle first."""
        self._told_at = float("-inf")

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return _Connection(self, self._protocol())

    @contextmanager
    def answering(self, protocol: asyncio.BaseProtocol) -> Iterator[None]:
        """Keep a connection while it is answered.

        Args:
            protocol: What answers it.

        """
        connection = self._open.get(protocol)
        if connection is None:
            yield
            return
        connection.ask()
        self._idle.pop(connection, None)
        try:
            yield
        finally:
            if protocol in self._open:
                self._idle[connection] = None

    def admit(self, connection: "_Connection", now: float) -> bool:
        """Return whether a new connection may stay; another one may have to go for it."""
        if len(self._open) >= self._most:
            self._tell(now)
            oldest = next(iter(self._idle), None)
            if oldest is None:
                return False
            oldest.abort()
            self.forget(oldest)
        self._open[connection.protocol] = connection
        self._idle[connection] = None
        return True

    def forget(self, connection: "_Connection") -> None:
        """Count a connection no more."""
        self._open.pop(connection.protocol, None)
        self._idle.pop(connection, None)

    def _tell(self, now: float) -> None:
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            _log.warning("the link server has no place for further connections", most=self._most)


class _Connection(asyncio.Protocol):
    """One connection, handed on to what answers it."""

    def __init__(self, connections: Connections, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._is_admitted = False
        self._silent: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._bytes = 0
        """How many came since the last request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there is a place."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent
        loop = asyncio.get_running_loop()
        self._is_admitted = self._connections.admit(self, loop.time())
        if self._is_admitted:
            self._silent = loop.call_later(SILENT_SECONDS, self.abort)
            self.protocol.connection_made(transport)
        else:
            self.abort()

    def ask(self) -> None:
        """Note that a request has come."""
        self._bytes = 0
        if self._silent is not None:
            self._silent.cancel()

    def abort(self) -> None:
        """End it without waiting for what nobody reads."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand on what was sent, unless it is more than any request has."""
        if not self._is_admitted:
            return
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            self.abort()
        else:
            self.protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on that no more will be sent."""
        return self.protocol.eof_received() if self._is_admitted else None

    def pause_writing(self) -> None:
        """Hand on that nothing more can be sent, which may not last."""
        self._unread = asyncio.get_running_loop().call_later(UNREAD_SECONDS, self.abort)
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that more can be sent."""
        if self._unread is not None:
            self._unread.cancel()
        self.protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        for timer in (self._silent, self._unread):
            if timer is not None:
                timer.cancel()
        self._connections.forget(self)
        if self._is_admitted:
            self.protocol.connection_lost(exc)
