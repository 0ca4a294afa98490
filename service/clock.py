"""Time as a dependency: whatever reads or waits takes a `Clock`, so tests run in no time at all."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the service needs of time."""

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean anything."""
        ...

    def now(self) -> float:
        """Return seconds since the Unix epoch; may jump when the machine's clock is set."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait. Cancelling the caller ends the wait at once."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def now(self) -> float:
        """Return seconds since the Unix epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop."""
        await asyncio.sleep(seconds)
