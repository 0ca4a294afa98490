"""Places for what may go on at a time: those who wait have their turns in fair order, and not too many wait."""

import asyncio
from types import TracebackType

from service.context import CallContext
from service.governor.fair_queue import FairQueue, Ticket

MOST_WAITING = 4096
"""Unless said otherwise: some four of the largest requests for many links."""


class PlacesFull(Exception):
    """Too many wait already."""


class Places:
    """A few places, given to callers in turn: one that wants a thousand delays another by one place, not a thousand.

    No caller may fill more than half of what is left to wait in, so that a few who would take all leave some to others.
    It belongs to the event loop's thread.

    Args:
        count: How many there are.
        most_waiting: How many may wait for one.

    """

    def __init__(self, count: int, *, most_waiting: int = MOST_WAITING) -> None:
        self._free = count
        self._most_waiting = most_waiting
        self._queue: FairQueue[asyncio.Future[None]] = FairQueue(lambda _: 1.0)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._queue)

    def of(self, context: CallContext) -> "PlacesOf":
        """Return the places as the caller of a call sees them."""
        return PlacesOf(self, context)

    async def acquire(self, context: CallContext) -> None:
        """Take a place, waiting for it first; a cancelled wait takes none.

        Args:
            context: Whose call it is for.

        Raises:
            PlacesFull: Too many wait, or too many of that caller.

        """
        if self._free and not self._queue:
            self._free -= 1
        else:
            await self._wait(context)

    def release(self) -> None:
        """Give a place back."""
        while (ticket := self._queue.pop()) is not None:
            if not ticket.payload.done():
                self._queue.charge(ticket)
                ticket.payload.set_result(None)
                return
        self._free += 1

    async def _wait(self, context: CallContext) -> None:
        left = self._most_waiting - len(self._queue)
        if self._queue.waiting_of(context.caller, context.priority) >= left:
            raise PlacesFull
        turn = asyncio.get_running_loop().create_future()
        ticket = Ticket(context.priority, context.caller, 1.0, turn)
        self._queue.push(ticket)
        try:
            await turn
        except asyncio.CancelledError:
            if not self._queue.remove(ticket) and not turn.cancelled():
                # Its turn had come just then.
                self.release()
            raise


class PlacesOf:
    """Places as one caller sees them. Made by `Places.of`; it is held in an `async with`, or between its two methods.

    Args:
        places: The places.
        context: Whose call they are for.

    """

    def __init__(self, places: Places, context: CallContext) -> None:
        self._places = places
        self._context = context

    async def acquire(self) -> None:
        """Take a place; see `Places.acquire`."""
        await self._places.acquire(self._context)

    def release(self) -> None:
        """Give a place back."""
        self._places.release()

    async def __aenter__(self) -> None:
        """Take a place."""
        await self.acquire()

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Give it back."""
        self.release()
