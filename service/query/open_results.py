"""How many results are read at a time: each holds pages in memory until its caller has read on."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.context import CallContext
from service.errors import ConcurrencyLimitExceeded
from service.governor.reserve import is_free

LIMIT = "open_results"
"""The name of the bound in refusals."""
_LONGEST_WAIT_SECONDS = 30.0
_RETRY_AFTER_SECONDS = 5.0


class OpenResults:
    """Gives places to results. What finds none waits for one, those of each caller in their order.

    The last fifth of the places is not for callers that hold a fifth and more, see `service.governor.reserve`: whoever
    opens results and does not read them would else have all places, and everyone else none. It belongs to the event
    loop's thread.

    Args:
        most: How many places there are.
        org: The org's configured name, for refusals.

    """

    def __init__(self, most: int, org: str) -> None:
        self._most = most
        self._org = org
        self._open = 0
        self._open_of: Counter[str] = Counter()
        self._waiting: OrderedDict[asyncio.Future[None], str] = OrderedDict()
        """Those that wait, in their order, and of which caller they are."""

    @asynccontextmanager
    async def place(self, context: CallContext) -> AsyncIterator[None]:
        """Hold a place. Cancelling while waiting gives the turn up.

        Args:
            context: The call that reads the result.

        Raises:
            ConcurrencyLimitExceeded: None became free in time.

        """
        caller = context.caller
        if self._is_free(caller) and caller not in self._waiting.values():
            self._take(caller)
        else:
            await self._wait(caller, context)
        try:
            yield
        finally:
            self._leave(caller)

    async def _wait(self, caller: str, context: CallContext) -> None:
        """Return once the caller has a place."""
        seconds = context.remaining_seconds(_LONGEST_WAIT_SECONDS)
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = caller
        late = asyncio.ensure_future(context.clock.sleep(seconds))
        try:
            await asyncio.wait({turn, late}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if turn.done():
                self._leave(caller)
            raise
        finally:
            late.cancel()
            self._waiting.pop(turn, None)
        if not turn.done():
            raise ConcurrencyLimitExceeded(
                f"{self._open} results are being read, {self._open_of[caller]} of them by this caller; read those that "
                "are open to their ends",
                metadata={
                    "org": self._org,
                    "limit": LIMIT,
                    "in_flight": str(self._open),
                    "concurrency_limit": str(self._most),
                    "waiting": str(len(self._waiting)),
                },
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )

    def _leave(self, caller: str) -> None:
        self._open -= 1
        self._open_of[caller] -= 1
        if not self._open_of[caller]:
            del self._open_of[caller]
        self._serve()

    def _serve(self) -> None:
        """Give places to those that wait, as far as there are some for them."""
        for turn, caller in list(self._waiting.items()):
            if self._open >= self._most:
                return
            if self._is_free(caller):
                del self._waiting[turn]
                self._take(caller)
                turn.set_result(None)

    def _take(self, caller: str) -> None:
        self._open += 1
        self._open_of[caller] += 1

    def _is_free(self, caller: str) -> bool:
        """Tell whether there is a place for a caller."""
        return is_free(self._open, self._open_of[caller], 1, self._most)
