"""What stops all calls for a while: a used-up allocation for long, an overloaded org for seconds."""

import math
from collections.abc import Callable

from service.governor.base import Observed, Sign

PROBE_SECONDS = 300.0
"""How often one call finds out whether the allocation is still used up."""
_LONGEST_CLOSED_SECONDS = 3600.0
"""No probe is put off for longer, whatever an answer asks for: it may be mistaken."""
_SILENT_PROBE_SECONDS = 10.0
"""When the next probe may leave after one that came to no answer."""
_SHORTEST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 16.0
_LONGEST_ASKED_PAUSE_SECONDS = 60.0
"""No pause is longer, whatever an answer asks for: calls wait for its end."""
_ANSWERED = frozenset({Sign.WELL, Sign.LOCKED, Sign.OVERLOADED})


class Gate:
    """Closed from when Salesforce says that the allocation is used up until a probe finds that it is not.

    One probe is under way at a time. Attempts that were open when the gate closed tell nothing.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self._next_probe_at = -math.inf
        self._probing = False
        self._probe_since = math.inf
        """When the last probe began; until it is answered."""

    def close(self, seconds: float, now: float) -> None:
        """Close for at least so long, but no longer than an hour."""
        self.is_closed = True
        self._next_probe_at = now + min(seconds, _LONGEST_CLOSED_SECONDS)
        self._probe_since = math.inf

    def closed_seconds(self, now: float) -> float:
        """Return how long no probe leaves; 0 if one may now or the gate is open."""
        return max(0.0, self._next_probe_at - now) if self.is_closed else 0.0

    def may_probe(self, now: float) -> bool:
        """Tell whether one call may find out how the allocation stands."""
        return not self._probing and now >= self._next_probe_at

    def begin_probe(self, now: float) -> None:
        """Take note that a probe leaves."""
        self._probing = True
        self._probe_since = now

    def end_probe(self, now: float) -> None:
        """Take note that a probe is over. If nothing is observed of it the next one may leave soon."""
        self._probing = False
        self._next_probe_at = max(self._next_probe_at, now + _SILENT_PROBE_SECONDS)

    def observe(self, observed: Observed, now: float) -> bool:
        """Take note of how an attempt ended; return whether it says anew that the allocation is used up."""
        is_probe = now - observed.seconds >= self._probe_since
        if observed.sign is Sign.USED_UP:
            return is_probe or not self.is_closed
        if is_probe and observed.sign in _ANSWERED:
            self.is_closed = False
            self._probe_since = math.inf
            self._next_probe_at = now + PROBE_SECONDS
        return False


class Pause:
    """Seconds without new attempts while too many long-running ones are open: doubling, with jitter.

    Args:
        jitter: Returns a number from 0 to 1.

    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._begun_at = -math.inf
        self._in_a_row = 0
        self.until = -math.inf
        """When it ends, in the clock's monotonic seconds."""

    def observe(self, observed: Observed, now: float) -> None:
        """Take note of how an attempt ended. What was open when the pause began neither prolongs nor ends it."""
        if now - observed.seconds < self._begun_at:
            return
        if observed.sign is Sign.OVERLOADED:
            longest = min(_LONGEST_PAUSE_SECONDS, _SHORTEST_PAUSE_SECONDS * 2.0**self._in_a_row)
            seconds = longest * (0.5 + self._jitter() / 2.0)
            asked = min(_LONGEST_ASKED_PAUSE_SECONDS, observed.retry_after_seconds or 0.0)
            self.until = now + max(seconds, asked)
            self._begun_at = now
            self._in_a_row += 1
        elif observed.sign is Sign.WELL:
            self._in_a_row = 0
