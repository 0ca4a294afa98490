"""What the shared store has yet to be told because it did not answer when it was to be told."""

from collections.abc import Callable, Coroutine
from typing import Any

from service.clock import Clock
from service.errors import SharedStoreUnavailable
from service.request_ids.store import SharedStore, Ticket

_MOST = 10_000
"""Entries that are held; beyond that the oldest is given up, and its lease ends as if this replica had died."""
_PAUSE_SECONDS = 1.0

Job = Callable[[], Coroutine[Any, Any, None]]
Spawn = Callable[[Job], object]
"""Does a job in a task that someone owns."""


async def tell(store: SharedStore, ticket: Ticket, content: bytes | None) -> None:
    """Tell a store how a ticket ended.

    Args:
        store: The store.
        ticket: The ticket.
        content: The outcome, encoded; None if nothing was written and nothing is to be remembered.

    Raises:
        SharedStoreUnavailable: The store may or may not have taken note.

    """
    if content is None:
        await store.release(ticket)
    else:
        await store.finish(ticket, content)


class Arrears:
    """Tells a store again and again, one thing at a time, however many calls it failed.

    Args:
        store: The store.
        clock: Waits.
        spawn: Runs the telling.

    """

    def __init__(self, store: SharedStore, clock: Clock, spawn: Spawn) -> None:
        self._store = store
        self._clock = clock
        self._spawn = spawn
        self._owed: dict[Ticket, bytes | None] = {}
        self._is_telling = False

    def __len__(self) -> int:
        """Return how many endings the store does not know."""
        return len(self._owed)

    def owe(self, ticket: Ticket, content: bytes | None) -> None:
        """Take over telling the store how a ticket ended; see `tell`."""
        self._owed[ticket] = content
        if len(self._owed) > _MOST:
            del self._owed[next(iter(self._owed))]
        if not self._is_telling:
            self._is_telling = True
            self._spawn(self._tell)

    async def try_all(self) -> None:
        """Tell the store all that it does not know.

        Raises:
            SharedStoreUnavailable: It failed again; the rest is still owed.

        """
        while self._owed:
            ticket, content = next(iter(self._owed.items()))
            await tell(self._store, ticket, content)
            self._owed.pop(ticket, None)

    async def _tell(self) -> None:
        try:
            while self._owed:
                try:
                    await self.try_all()
                except SharedStoreUnavailable:
                    await self._clock.sleep(_PAUSE_SECONDS)
        finally:
            self._is_telling = False
