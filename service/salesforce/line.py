"""A line of tasks that want the same: the first one fetches it, then all go on in the order in which they came."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from copy import copy
from typing import Generic, TypeVar

from service.errors import DeadlineExceeded, SluicegateError

T = TypeVar("T")


class Line(Generic[T]):
    """A line. It serves one event loop.

    Whoever comes while others have been told but have not gone on yet waits behind them, so that nobody overtakes.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[T | SluicegateError | None]] = deque()
        self._inside = 0
        """Tasks that fetch, or were told and have not gone on."""

    @property
    def is_empty(self) -> bool:
        """True if nobody is in the line."""
        return not self._inside

    async def join(self, fetch: Callable[[], Awaitable[T]]) -> T:
        """Return what the first of the line fetches, as soon as everyone before has gone on.

        Args:
            fetch: Fetches it, if the caller is or becomes the first. A caller that is cancelled meanwhile, or has no
                time left for it, leaves that to the next; any other error is shared by all who wait.

        Raises:
            service.errors.SluicegateError: What `fetch` raised, of the caller or of whoever was first.

        """
        told = None
        if self._inside:
            told = await self._wait()
        else:
            self._inside = 1
        if told is None:
            return await self._lead(fetch)
        self._go_on()
        if isinstance(told, SluicegateError):
            raise copy(told)
        return told

    async def _wait(self) -> T | SluicegateError | None:
        """Wait to be told what was fetched, why it was not, or, by None, to fetch it."""
        turn: asyncio.Future[T | SluicegateError | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._go_on()
            raise

    async def _lead(self, fetch: Callable[[], Awaitable[T]]) -> T:
        try:
            found = await fetch()
        except SluicegateError as error:
            if not isinstance(error, DeadlineExceeded):
                self._tell(error)
            raise
        else:
            self._tell(found)
            return found
        finally:
            self._go_on()

    def _tell(self, outcome: T | SluicegateError) -> None:
        while self._waiting:
            self._let(self._waiting.popleft(), outcome)

    def _go_on(self) -> None:
        """Leave; after the last of those who were told, let the first of those who came meanwhile fetch."""
        self._inside -= 1
        while self._waiting and not self._inside:
            self._let(self._waiting.popleft(), None)

    def _let(self, turn: "asyncio.Future[T | SluicegateError | None]", outcome: T | SluicegateError | None) -> None:
        if not turn.done():
            turn.set_result(outcome)
            self._inside += 1
