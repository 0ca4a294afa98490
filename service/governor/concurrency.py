"""How many attempts an org takes at a time: a limit that grows by success and shrinks by overload."""

import math

from service.governor.base import Observed, Sign

START = 16
LEAST = 2
SHRINK = 0.7
BULKHEAD_SHARE = 0.8
"""Share of the open attempts that those of one object may take, so that a slow one leaves room for the others."""
ALONE_SHARE = 0.95
"""The same while there are no others: the first of them finds room at once."""
_MANY_LOCKED = 0.3
_LOCKED_MEMORY = 32
"""Over about so many attempts the share of those that met locked rows is taken."""
_SHRINKING = frozenset({Sign.OVERLOADED, Sign.DOWN, Sign.TIMED_OUT})


class AdaptiveLimit:
    """Most attempts open at a time: additive increase, multiplicative decrease.

    It grows by one for each limit's worth of attempts that went well while at least half of the limit was in use, and
    shrinks by three tenths when the org is overloaded, down or silent or many rows are locked: once for all attempts
    that were open together, as they tell the same.

    Args:
        most: It never grows above.
        start: It begins with.

    """

    def __init__(self, most: int, start: int = START) -> None:
        self._most = most
        self._limit = float(min(start, most))
        self._least = min(LEAST, most)
        self._shrunk_at = -math.inf
        self._locked_share = 0.0
        self.value = int(self._limit)
        """Attempts that may be open now."""
        self._bulkhead = self._alone = 0
        self._set(self._limit)

    def bulkhead(self, *, is_alone: bool) -> int:
        """Return how many of the open attempts may be of one object.

        Args:
            is_alone: Whether there are none but of this object.

        """
        return self._alone if is_alone else self._bulkhead

    def observe(self, observed: Observed, in_flight: int, now: float) -> None:
        """Take note of how an attempt ended.

        Args:
            observed: Its end.
            in_flight: Attempts open while it was.
            now: Seconds of a clock that never goes back.

        """
        locked = observed.sign is Sign.LOCKED
        self._locked_share += (locked - self._locked_share) / _LOCKED_MEMORY
        if observed.sign in _SHRINKING or (locked and self._locked_share > _MANY_LOCKED):
            self._shrink(now - observed.seconds, now)
        elif observed.sign is Sign.WELL and 2 * in_flight >= self.value:
            self._set(min(float(self._most), self._limit + 1.0 / self._limit))

    def _shrink(self, started_at: float, now: float) -> None:
        """Shrink, unless the attempt began before the last time and so tells nothing new."""
        if started_at < self._shrunk_at:
            return
        self._shrunk_at = now
        self._locked_share = 0.0
        self._set(max(float(self._least), self._limit * SHRINK))

    def _set(self, limit: float) -> None:
        self._limit = limit
        self.value = int(limit)
        self._bulkhead = max(1, int(self.value * BULKHEAD_SHARE))
        self._alone = max(1, int(self.value * ALONE_SHARE))
