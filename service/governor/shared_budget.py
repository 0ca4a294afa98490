"""The ledger of an org's calls that the replicas of the service keep together."""

import math
from collections.abc import Callable

from service.governor.base import Usage
from service.governor.budget import LocalBudget
from service.governor.exchange import ToldUsage
from service.governor.forecast import Forecast
from service.governor.lease import Lease
from service.governor.limits import Limits

_REBASE_SECONDS = 60.0
_HOVERING_PART = 0.05
_FRESHER_SECONDS = 1.0
"""What another replica learned counts if it is newer by more than this."""


class SharedBudget:
    """A `service.governor.budget.Budget` in which the calls of all replicas count as the service's own.

    Calls of other replicas arrive late, so each class may make no more calls than this replica's lease and safe share
    allow; see `Lease`. Where the store is away, what Salesforce tells of the usage includes the other replicas' calls,
    and the safe share is taken anew of what is left by that once a minute. Of `daily_calls` nobody tells how much the
    others used; with it the share is that of what was left when the store went away.

    Args:
        limits: Classes' reserves and the service's own bound.
        wake: Called when it is time to ask the other replicas.

    """

    def __init__(self, limits: Limits, wake: Callable[[], None]) -> None:
        self._local = LocalBudget(limits.daily_calls)
        self._stop_at = sorted({*limits.stop_at()})
        self._has_own_bound = limits.daily_calls is not None
        self._rebased_at = -math.inf
        self._untold: tuple[float, int, float] | None = None
        """What was learned and not told yet: others' calls, the maximum, and when."""
        self.lease = Lease(limits.max_replicas, wake)
        self.is_degraded = False

    @property
    def usage(self) -> Usage | None:
        """What Salesforce told last; see `Budget.usage`."""
        return self._local.usage

    @property
    def learned_at(self) -> float:
        """When it did; see `Budget.learned_at`."""
        return self._local.learned_at

    def room(self, share: float, now: float) -> float:
        """Return the calls left to this replica; see `Budget.room`."""
        return self.lease.allowed(self._local.room(share, now), now)

    def spend(self, calls: float, now: float) -> None:
        """Count own calls."""
        self._local.spend(calls, now)
        self.lease.spend(calls, now)

    def learn(self, usage: Usage, now: float) -> None:
        """Compare with the ledger; what no replica made is the others'."""
        self._local.learn(usage, now)
        self._untold = (usage.used - self._local.own_calls(now), usage.maximum, now)
        if self.is_degraded and not self._has_own_bound and now >= self._rebased_at + _REBASE_SECONDS:
            self._rebased_at = now
            self.lease.begin_anew(now)

    def forecast(self, now: float) -> Forecast:
        """Lay out what is known of all replicas' calls; see `Budget.forecast`."""
        return self._local.forecast(now)

    def take_untold(self, now: float) -> ToldUsage | None:
        """Return what was learned and is to be told; it counts as told."""
        untold, self._untold = self._untold, None
        return None if untold is None else ToldUsage(untold[0], untold[1], now - untold[2])

    def hear(self, told: ToldUsage, now: float) -> None:
        """Take note of what a replica learned, unless this one knows better."""
        if now - told.seconds_ago > self._local.learned_at + _FRESHER_SECONDS:
            self._local.learn_others(told.others, told.maximum, now)

    def next_left(self, now: float) -> float:
        """Return how many calls are left until the next class is refused; 0 if all are, infinite if nobody knows.

        A class that is about to be refused or hovers there does not count: others would ask for every call.
        """
        held = self.lease.held_elsewhere
        last = max(0.0, self._local.room(self._stop_at[-1], now) - held)
        for share in self._stop_at[:-1]:
            left = self._local.room(share, now) - held
            if left > _HOVERING_PART * last:
                return left
        return last

    def absorb(self, calls: float, since: float, now: float) -> None:
        """Count calls that other replicas made since a moment. They are taken to be spread over that time."""
        told = min(1.0, max(0.0, self.learned_at - since) / max(1e-6, now - since))
        self._local.absorb(calls, told, now)

    def recall(self, calls: float, then: float, now: float) -> None:
        """Count calls that other replicas made long ago."""
        self._local.recall(calls, then, now)
