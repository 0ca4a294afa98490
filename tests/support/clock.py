"""A clock for tests: time passes only when someone sleeps, and then at once."""

import asyncio


class FakeClock:
    """A `service.clock.Clock` whose sleeps take no time.

    Attributes:
        sleeps: Every wait asked for, in seconds and in order, those of no length left out.

    """

    def __init__(self, *, monotonic: float = 1000.0, now: float = 1_800_000_000.0) -> None:
        self._monotonic = monotonic
        self._now = now
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        """Return the seconds that passed, from an arbitrary start."""
        return self._monotonic

    def now(self) -> float:
        """Return seconds since the Unix epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass without anyone waiting."""
        self._monotonic += seconds
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Let time pass, and let other tasks run once."""
        if seconds > 0:
            self.sleeps.append(seconds)
            self.advance(seconds)
        await asyncio.sleep(0)
