"""What a load has to tell, on its way from the tasks that work to the one that listens."""

import asyncio
from collections.abc import AsyncGenerator

from service import errors
from service.bulk.telling.events import Event

UNREAD_SECONDS = 600.0
"""How long a caller may take for one event: its parts lie on a disk that all loads share."""
_UNREAD_EVENTS = 8


class Outbox:
    """Events in order. Whoever tells waits while eight are unread, so a caller that reads slowly slows its load."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(_UNREAD_EVENTS)

    async def put(self, event: Event) -> None:
        """Tell.

        Raises:
            errors.DeadlineExceeded: The caller has not read for ten minutes.

        """
        try:
            async with asyncio.timeout(UNREAD_SECONDS):
                await self._room.acquire()
        except TimeoutError:
            raise errors.DeadlineExceeded(
                f"nothing the load tells was read for {UNREAD_SECONDS:.0f} seconds; go on with it by its last token"
            ) from None
        self._events.put_nowait(event)

    def close(self) -> None:
        """End the events: nothing is put any more."""
        self._events.put_nowait(None)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield the events until they end."""
        while (event := await self._events.get()) is not None:
            self._room.release()
            yield event
