"""Attempts at an org that stay open until a test ends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.context import CallContext
from service.governor.base import Cost, Governor
from tests.support.clock import settle


class Attempts:
    """Attempts that stay open until a test ends them.

    Attributes:
        begun: Those that had a permit, in their order.
        tasks: All of them, by name.

    """

    def __init__(self, governor: Governor) -> None:
        self._governor = governor
        self.begun: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def start(self, name: str, context: CallContext, cost: Cost | None = None) -> asyncio.Task[None]:
        """Begin an attempt, which may have to wait for its permit."""
        self._ends[name] = asyncio.Event()
        self.tasks[name] = task = asyncio.ensure_future(self._run(name, context, cost or Cost()))
        await settle()
        return task

    async def end(self, *names: str) -> None:
        """End attempts, and let all that this lets go on do so."""
        for name in names:
            self.let_end(name)
        await settle()

    def let_end(self, name: str) -> None:
        """Let an attempt end in the next turn of the event loop."""
        self._ends[name].set()

    async def _run(self, name: str, context: CallContext, cost: Cost) -> None:
        async with self._governor.permit(cost, context):
            self.begun.append(name)
            await self._ends[name].wait()


@asynccontextmanager
async def attempts_of(governor: Governor) -> AsyncIterator[Attempts]:
    """Yield attempts at a governor's org, and end those that are left."""
    attempts = Attempts(governor)
    yield attempts
    for task in attempts.tasks.values():
        task.cancel()
    await asyncio.gather(*attempts.tasks.values(), return_exceptions=True)
