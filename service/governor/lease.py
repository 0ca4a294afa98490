"""How many calls of a shared bound one replica may make before it must ask: its lease, and its safe share beyond."""

import math
from collections.abc import Callable

from service.governor.window import DecayingRate

LEASE_SECONDS = 30.0
"""How long a lease is good; what a dead replica had left of it comes back then."""
SAFE_PART = 0.8
"""Part of what is left that all replicas together may take while the store is away, however many there are."""
_BURST_PART = 0.3
"""The same while it is there, beyond their leases."""
_STALE_PART = 0.005
"""The same if what is known of the others is too old: a bound is passed by no more than that."""
_LEAST = 80.0
"""Smallest lease of a replica that makes calls: at three quarters of it a round trip, 17 for 1,000 calls."""
_IDLE = 10.0
_IDLE_RATE = 0.1
_SECONDS_AHEAD = 5.0
"""A lease is for so long at the rate of late."""
_REFILL_AT = 0.25
_SPARED = 2.0
"""All leases together take at most one part in so many of what is left, so that nobody waits for what others hold."""
_RATE_MEMORY_SECONDS = 5.0
_SHORTEST_SECONDS = 0.001


class Lease:
    """One replica's lease of one bound, which is reserved in the store: nobody else makes these calls.

    Calls beyond it are few and only while much is left, so that a burst need not wait for the store: each of
    `max_replicas` replicas may make its part of three tenths of what was left when it asked last; of half a percent
    when that was long ago. Where the store is away, and so the lease over, it is its safe share: its part of eight
    tenths of what was left then.

    Args:
        max_replicas: Most replicas that run at a time.
        wake: Called when it is time to ask; it may be called again and again.

    """

    __slots__ = (
        "_burst_share",
        "_rate",
        "_rated_at",
        "_safe_share",
        "_stale_share",
        "_wake",
        "expires_at",
        "held_elsewhere",
        "refill_below",
        "stale_at",
        "unspent",
        "untold",
    )

    def __init__(self, max_replicas: int, wake: Callable[[], None]) -> None:
        self._safe_share = SAFE_PART / max_replicas
        self._burst_share = _BURST_PART / max_replicas
        self._stale_share = _STALE_PART / max_replicas
        self._wake = wake
        self._rate = DecayingRate(_RATE_MEMORY_SECONDS, _RATE_MEMORY_SECONDS)
        self._rated_at = -math.inf
        self.unspent = 0.0
        """Calls left of it; below 0 as many as were made beyond it."""
        self.untold = 0.0
        """Calls made that the store does not know of."""
        self.held_elsewhere = 0.0
        """Calls that other replicas' leases reserve."""
        self.expires_at = -math.inf
        self.refill_below = -math.inf
        self.stale_at = math.inf
        """When what is known of the others is too old for a replica that makes calls."""

    def allowed(self, left: float, now: float) -> float:
        """Return how many calls may be made now of those that are left of the bound as far as this replica knows."""
        if now >= self.expires_at:
            self._expire()
            return min(left, self.unspent + self._safe_share * left)
        left -= self.held_elsewhere
        if now < self.stale_at:
            return min(left, self.unspent + self._burst_share * left)
        self._wake()
        return min(left, self.unspent + self._stale_share * left)

    def spend(self, calls: float, now: float) -> None:
        """Take note of calls that are about to be made."""
        self.unspent -= calls
        self.untold += calls
        if self.unspent < self.refill_below or now >= self.stale_at:
            self._wake()

    def take_untold(self, now: float) -> float:
        """Return the calls that are to be told; they count as told."""
        untold, self.untold = self.untold, 0.0
        seconds = _RATE_MEMORY_SECONDS if self._rated_at == -math.inf else now - self._rated_at
        self._rate.add(untold, max(_SHORTEST_SECONDS, seconds))
        self._rated_at = now
        return untold

    def wanted(self, left: float, replicas: int) -> float:
        """Return how large the lease should be.

        Args:
            left: Calls until the nearest bound, by all that is known.
            replicas: Replicas that hold leases.

        """
        rate = self._rate.per_second()
        wanted = max(_LEAST, rate * _SECONDS_AHEAD) if rate > _IDLE_RATE else _IDLE
        most = max(0.0, left) / (_SPARED * replicas)
        return math.floor(min(wanted, max(most, 1.0))) if left >= 1 else 0.0

    def renew(self, calls: float, held_elsewhere: float, now: float) -> None:
        """Take note of a lease that begins now.

        Args:
            calls: Calls left of it.
            held_elsewhere: Calls reserved by others' leases.
            now: When it was asked for.

        """
        self.unspent = calls
        self.held_elsewhere = held_elsewhere
        self.expires_at = now + LEASE_SECONDS
        self.refill_below = calls * _REFILL_AT

    def rest(self) -> None:
        """Ask for nothing while the store is away."""
        self.refill_below = -math.inf
        self.stale_at = math.inf

    def begin_anew(self, now: float) -> None:
        """Count calls beyond a lease that is over from 0 again, where it is known what the others made meanwhile."""
        if now >= self.expires_at:
            self._expire()
            self.unspent = 0.0

    def _expire(self) -> None:
        self.unspent = min(0.0, self.unspent)
        self.held_elsewhere = 0.0
