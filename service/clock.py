"""Time as a dependency: whatever reads or waits takes a `Clock`, so tests run in no time at all."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

_TURN_SECONDS = 0.005


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


class Turns:
    """Long work's manners: other tasks have their turns during it, every few milliseconds.

    Args:
        clock: Tells how long the work has kept them waiting.

    """

    __slots__ = ("_clock", "_due")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due = clock.monotonic() + _TURN_SECONDS

    async def give(self) -> None:
        """Let other tasks run, if they have waited for as long as one task may keep them."""
        if self._clock.monotonic() >= self._due:
            await asyncio.sleep(0)
            self._due = self._clock.monotonic() + _TURN_SECONDS


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


def backoff_seconds(attempt: int, *, base_seconds: float, longest_seconds: float, jitter: Callable[[], float]) -> float:
    """Return how long to pause after an attempt: full jitter below a bound that doubles from attempt to attempt.

    Args:
        attempt: Which attempt failed, from 1.
        base_seconds: Half the bound after the first attempt.
        longest_seconds: The bound that is never passed.
        jitter: Returns a number from 0 to 1.

    """
    return jitter() * min(longest_seconds, base_seconds * 2.0**attempt)


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Run work to its end even if cancelled meanwhile; the cancellation is raised then. For work that ends soon.

    Args:
        work: What is to be done. What it raises is raised, whoever was cancelled.

    """
    task = asyncio.ensure_future(work)
    is_cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            is_cancelled = True
    if is_cancelled:
        raise asyncio.CancelledError
