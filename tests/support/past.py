"""Rows that were there before: an emulated org whose rows are dated an hour ago while they are made."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.clock import Clock, SystemClock
from service.emulator.org import Org

_SECONDS = 3_600.0


class _Past(SystemClock):
    """An hour ago.

    Args:
        clock: The present.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Return seconds since the Unix epoch."""
        return self._clock.now() - _SECONDS


@contextmanager
def in_the_past(org: Org) -> Iterator[None]:
    """Date the rows that are made meanwhile an hour ago: to a query that begins now they are none that just changed."""
    present = org._rows._clock
    org._rows._clock = _Past(present)
    try:
        yield
    finally:
        org._rows._clock = present
