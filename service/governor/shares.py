"""What each caller may use of the day while calls are short: a share by its weight, so that none eats the others'."""

import math

from service.context import Priority
from service.governor.accounts import Account, Accounts
from service.governor.budget import Budget
from service.governor.limits import Limits
from service.governor.window import WINDOW_SECONDS

TIGHT_AT = 0.95
"""Share of what a class may use that will be used, by the forecast, from which callers keep to their shares. Calls are
dear by then, so that lanes have done what they can; and the last twentieth is left to those within their shares."""
_SHARES_SECONDS = 1.0
"""How long shares last; dividing anew looks at all callers."""
_SMALL = 0.01
"""Callers that made less than this share of the service's calls have one share together, the crowd's."""
_ALONE = 0.99
"""A replica that made this part of all calls is as good as alone."""
_TELLING = 1_000
"""From how many calls on a replica among others knows which part of its callers' calls it sees."""


class Shares:
    """The shares of callers without a cap of their own.

    What a class may use, less what the org's other clients and callers with caps will, is divided by weight among the
    callers of the last 24 hours. As long as the forecast says that the class will do with its calls nobody is held to
    its share; so what some leave over others may use. Then whoever used more than its share is refused until the
    forecast is better, and the others go on.

    Small callers share as one, the crowd, whose weight is theirs together but no more than that of all others: whoever
    invents a name for each call gets half of the day at most.

    Each replica knows only of the calls that its callers made here. It takes them for a sample of those that they made
    of all replicas, and holds each to the same part of its share.

    Args:
        limits: Says from which share of the allocation each class is refused.
        budget: What the org's calls of 24 hours come to.
        accounts: Who used how much, and the weights.

    """

    def __init__(self, limits: Limits, budget: Budget, accounts: Accounts) -> None:
        self._stop_at = limits.stop_at()
        self._budget = budget
        self._accounts = accounts
        self._until = -math.inf
        self._per_weight = [math.inf] * len(Priority)
        """By class, the calls for a weight of 1; infinite while there are enough for all."""
        self._small = 0.0
        """Callers with fewer calls belong to the crowd."""
        self._crowd_weight = 0.0
        self._crowd_used = 0.0

    def excess(self, account: Account, priority: Priority, calls: float, now: float) -> tuple[float, float] | None:
        """Return by what a caller would pass its share; None if it may make the calls.

        Args:
            account: The caller's.
            priority: The class of the calls.
            calls: What it wants to make.
            now: Seconds of a clock that never goes back.

        Returns:
            The calls of 24 hours that it or the crowd made, and the most it may.

        """
        self._keep_current(now)
        per_weight = self._per_weight[priority]
        if per_weight == math.inf:
            return None
        used, weight = account.used.total(now), self._accounts.weight(account.name)
        if used < self._small:
            used, weight = self._crowd_used, self._crowd_weight
        share = per_weight * weight
        return None if used + calls <= share else (used, share)

    def are_ample(self, now: float) -> bool:
        """Tell whether no class is so short of calls that its callers are held to their shares."""
        self._keep_current(now)
        return min(self._per_weight) == math.inf

    def _keep_current(self, now: float) -> None:
        if now >= self._until:
            self._until = now + _SHARES_SECONDS
            self._divide(now)

    def _divide(self, now: float) -> None:
        forecast = self._budget.forecast(now)
        maximum = math.inf if forecast.maximum is None else forecast.maximum
        usable = [stop_at * maximum for stop_at in self._stop_at]
        peak = forecast.peak()
        self._per_weight = [math.inf] * len(usable)
        if peak < TIGHT_AT * min(usable):
            return
        here = sum(account.used.total(now) for account in self._accounts.classes.values())
        part = 1.0 if here >= forecast.own_calls else here / forecast.own_calls
        weights, capped = self._weigh(here, peak / forecast.used if forecast.used > 0 else 1.0, now)
        if weights == 0 or (part < _ALONE and here < _TELLING):
            return
        others = max(forecast.used - forecast.own_calls, forecast.others_per_second * WINDOW_SECONDS)
        for priority, calls in enumerate(usable):
            if peak >= TIGHT_AT * calls:
                # Where next to nothing is left, shares of it would be no shares.
                self._per_weight[priority] = part * max(_SMALL * calls, calls - others - capped) / weights

    def _weigh(self, here: float, growth: float, now: float) -> tuple[float, float]:
        """Return the weights of those that share together, none if nobody else is there, and what caps will take.

        Args:
            here: Calls that this replica made.
            growth: What will be used over what is used.
            now: Seconds of a clock that never goes back.

        """
        weights = crowd_weight = crowd_used = capped = 0.0
        callers = 0
        self._small = _SMALL * here
        for account in self._accounts.callers.values():
            used = account.used.total(now)
            cap = account.limits.daily_calls
            callers += used > 0
            if cap is not None:
                # Replicas share the counts of caps, so that this one is of all of them already.
                capped += min(cap, used * growth)
            elif used >= self._small > 0:
                weights += self._accounts.weight(account.name)
            elif used > 0:
                crowd_weight += self._accounts.weight(account.name)
                crowd_used += used
        self._crowd_used = crowd_used
        # Somebody new may come at any time, and has no calls to be weighed by.
        self._crowd_weight = min(weights, crowd_weight or 1.0)
        if callers <= 1:
            return 0.0, capped
        return (weights + self._crowd_weight if crowd_weight else weights), capped
