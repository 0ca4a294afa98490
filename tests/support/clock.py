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


class ManualClock(FakeClock):
    """A `service.clock.Clock` whose sleeps end only when a test lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        """Wait until `pass_time` has brought the moment."""
        self.sleeps.append(seconds)
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.monotonic() + seconds, woken))
        await woken

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, wake who slept no longer than that, in their order, and let them run."""
        end = self.monotonic() + seconds
        while due := sorted((at, number) for number, (at, _) in enumerate(self._sleepers) if at <= end):
            at, number = due[0]
            _, woken = self._sleepers.pop(number)
            self.advance(max(0.0, at - self.monotonic()))
            if not woken.done():
                woken.set_result(None)
            await settle()
        self.advance(end - self.monotonic())
        await settle()


async def settle() -> None:
    """Let every task run that can run without time passing or anything arriving."""
    for _ in range(20):
        await asyncio.sleep(0)
