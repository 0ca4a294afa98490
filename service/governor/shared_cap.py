"""A caller's bound on its calls of 24 hours that holds over all replicas."""

from collections.abc import Callable

from service.governor.lease import Lease
from service.governor.window import RollingCount


class SharedCap:
    """One caller's calls, of all replicas as far as they are known, and this one's lease of those that are left.

    Args:
        daily_calls: Most calls of 24 hours.
        max_replicas: Most replicas that run at a time.
        wake: Called when it is time to ask for more.

    """

    __slots__ = ("_maximum", "lease", "used")

    def __init__(self, daily_calls: int, max_replicas: int, wake: Callable[[], None]) -> None:
        self._maximum = daily_calls
        self.lease = Lease(max_replicas, wake)
        self.used = RollingCount()

    def allowed(self, now: float) -> float:
        """Return how many calls this replica may make now."""
        return self.lease.allowed(self._maximum - self.used.total(now), now)

    def spend(self, calls: float, now: float) -> None:
        """Count calls that are about to be made."""
        self.used.add(calls, now)
        self.lease.spend(calls, now)

    def next_left(self, now: float) -> float:
        """Return how many calls are left until the bound."""
        return max(0.0, self._maximum - self.used.total(now) - self.lease.held_elsewhere)

    def absorb(self, calls: float, _since: float, now: float) -> None:
        """Count calls that other replicas made of late."""
        self.used.add(calls, now)

    def recall(self, calls: float, then: float, now: float) -> None:
        """Count calls that other replicas made long ago."""
        self.used.add_past(calls, then, now)
