"""Time on paper: an event loop that skips to the next thing that happens, so that a day takes a minute."""

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nothing is left to do at the present moment, and then at once.

    Nothing from outside may be waited for. A fault in a callback ends the simulation.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.fault: BaseException | None = None
        super().__init__(_Skip(self))
        self.set_exception_handler(_keep_fault)

    def time(self) -> float:
        """Return the seconds since the simulation began."""
        return self.seconds


class SimulatedClock:
    """The `service.clock.Clock` of a simulated loop."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def monotonic(self) -> float:
        """Return the seconds since the simulation began."""
        return self._loop.seconds

    def now(self) -> float:
        """Return seconds since the Unix epoch, as if the simulation had begun with it."""
        return self._loop.seconds

    async def sleep(self, seconds: float) -> None:
        """Wait in simulated time."""
        await asyncio.sleep(seconds)


class _Skip(selectors.SelectSelector):
    """Waits for nothing but the time."""

    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass at once."""
        if timeout is None:
            raise RuntimeError("everything waits for something that nothing brings about")
        self._loop.seconds += timeout
        return []


def _keep_fault(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    assert isinstance(loop, SimulatedLoop)
    if loop.fault is None:
        loop.fault = context.get("exception") or RuntimeError(str(context["message"]))
        loop.stop()


def simulate(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own, from second 0 on.

    Raises:
        BaseException: What it raises, or what a callback or an unwatched task raised meanwhile.

    """
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, SimulatedLoop)
        try:
            return runner.run(main)
        except RuntimeError:
            if loop.fault is not None:
                raise loop.fault from None
            raise


def clock_of_loop() -> SimulatedClock:
    """Return the clock of the running loop, which is a simulated one."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    return SimulatedClock(loop)
