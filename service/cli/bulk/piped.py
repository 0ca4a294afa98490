"""The standard input as the data of a load."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncGenerator

_PIECE_BYTES = 256 * 1024


class Piped:
    """Reads the standard input once, as fast as it is taken."""

    def __init__(self) -> None:
        self._bytes_read = 0
        self.size: int | None = None
        """How many bytes there were; None before the end."""

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield what comes. A task that is cancelled stops waiting for more.

        Raises:
            OSError: It cannot be read.

        """
        kind = os.fstat(sys.stdin.fileno()).st_mode
        pieces = self._of_pipe() if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) else self._of_file()
        async for piece in pieces:
            self._bytes_read += len(piece)
            yield piece
        self.size = self._bytes_read

    async def _of_pipe(self) -> AsyncGenerator[bytes, None]:
        # A thread that reads could not be stopped while whoever writes says nothing.
        reader = asyncio.StreamReader(_PIECE_BYTES)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
        try:
            while piece := await reader.read(_PIECE_BYTES):
                yield piece
        finally:
            transport.close()

    async def _of_file(self) -> AsyncGenerator[bytes, None]:
        # What is no pipe always has the next bytes, or its end.
        while piece := await asyncio.to_thread(os.read, sys.stdin.fileno(), _PIECE_BYTES):
            yield piece
