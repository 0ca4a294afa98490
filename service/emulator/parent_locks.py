"""Rows held by the transactions of one emulator, so that writes at the same time conflict."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from service.clock import Clock

_current: ContextVar["_Transaction | None"] = ContextVar("transaction", default=None)


@dataclass(eq=False, slots=True)
class _Transaction:
    keys: set[tuple[str, str]] = field(default_factory=set)


class ParentLocks:
    """Who holds which rows. Rows of different orgs never meet, even when their ids are the same."""

    def __init__(self) -> None:
        self._holders: dict[tuple[str, str], _Transaction] = {}

    @asynccontextmanager
    async def transaction(self, clock: Clock, hold_seconds: Callable[[], float]) -> AsyncIterator[None]:
        """Let what is written inside hold its rows until some time after the block, however it ends.

        Args:
            clock: Waits.
            hold_seconds: Asked at the end of a block that has written.

        """
        transaction = _Transaction()
        token = _current.set(transaction)
        try:
            yield
            if transaction.keys:
                await clock.sleep(hold_seconds())
        finally:
            _current.reset(token)
            for key in transaction.keys:
                del self._holders[key]

    def take(self, org_id: str, record_ids: Iterable[str]) -> str | None:
        """Hold rows for the transaction around the call; outside of one nothing is held.

        Args:
            org_id: 18 characters.
            record_ids: 18 characters each.

        Returns:
            A row that another transaction holds, and then none is taken; None when all could be.

        """
        transaction = _current.get()
        keys = [(org_id, record_id) for record_id in record_ids]
        for key in keys:
            if self._holders.get(key, transaction) is not transaction:
                return key[1]
        if transaction is not None:
            self._holders.update(dict.fromkeys(keys, transaction))
            transaction.keys.update(keys)
        return None
