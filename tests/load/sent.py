"""A transport that keeps what is written, for tests of protocols."""

import asyncio


class Sent(asyncio.Transport):
    """Connects to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the bytes."""
        self.data += data

    def is_closing(self) -> bool:
        """Tell whether `close` was called."""
        return self.closed

    def close(self) -> None:
        """Remember it."""
        self.closed = True
