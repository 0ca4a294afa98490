"""What a load has to tell, on its way from the tasks that work to the one that listens."""

import asyncio
from collections.abc import AsyncGenerator

from service.bulk.events import Event

_UNREAD_EVENTS = 8


class Outbox:
    """Events in order. Whoever tells waits while eight are unread, so a caller that reads slowly slows its load."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(_UNREAD_EVENTS)

    async def put(self, event: Event) -> None:
        """Tell."""
        await self._room.acquire()
        self._events.put_nowait(event)

    def close(self) -> None:
        """End the events: nothing is put any more."""
        self._events.put_nowait(None)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield the events until they end."""
        while (event := await self._events.get()) is not None:
            self._room.release()
            yield event
