"""What this process shares with the other replicas: its part in each org's allocations."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from service.clock import Clock
from service.governor.exchange import Exchange
from service.governor.limits import Limits
from service.governor.replica import Replica


class Sharing:
    """Keeps up with the other replicas for every org. Use it as an async context manager.

    Leaving gives back what is left of the leases, if the store is there.

    Args:
        place: Returns an org's place in the store.
        clock: Tells the time and waits.

    """

    def __init__(self, place: Callable[[str], Exchange], clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self._group = asyncio.TaskGroup()
        self._replicas: list[Replica] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Share nothing yet."""
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Leave the other replicas."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._leave)
            stack.push_async_exit(self._group)
            for task in self._tasks:
                task.cancel()

    def join(self, org: str, limits: Limits) -> Replica:
        """Return this process's part in an org, which keeps up from now on.

        Args:
            org: The org's configured name.
            limits: Its bounds.

        """
        replica = Replica(org, limits, self._place(org), self._clock, name=secrets.token_hex(8))
        self._replicas.append(replica)
        self._tasks.append(self._group.create_task(replica.run()))
        return replica

    async def _leave(self) -> None:
        await asyncio.gather(*(replica.leave() for replica in self._replicas))
