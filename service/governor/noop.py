"""A governor that lets everything pass and only counts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.context import CallContext
from service.governor.base import Cost, Observed, Statistics, Usage


class NoopGovernor:
    """Gives every permit at once; Salesforce itself is the only limit."""

    def __init__(self) -> None:
        self._permits = 0
        self._in_flight = 0
        self._usage: Usage | None = None

    def admit(self, _context: CallContext) -> None:
        """Admit everything."""

    @asynccontextmanager
    async def permit(self, _cost: Cost, _context: CallContext) -> AsyncIterator[None]:
        """Count the attempt and let it pass."""
        self._permits += 1
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    def hold(self, _waiting: int, _most: int) -> float:
        """Hold nothing back."""
        return 0.0

    def learn(self, usage: Usage) -> None:
        """Remember the usage for `statistics`."""
        self._usage = usage

    def observe(self, _observed: Observed) -> None:
        """Draw no conclusion."""

    def statistics(self) -> Statistics:
        """Return the counts."""
        return Statistics(self._permits, self._in_flight, self._usage)
