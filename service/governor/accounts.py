"""Who used how many calls: one account for each class and caller, bounded in number."""

import math
from collections.abc import Callable, Mapping

from service.context import CallContext, Priority
from service.governor.limits import CallerLimits, Limits
from service.governor.shared_cap import SharedCap
from service.governor.window import RollingCount

_SWEEP_SECONDS = 600.0

REST = "(others)"
"""The account of all callers beyond those that are told apart."""


class Account:
    """What one caller or class used of the last 24 hours.

    Args:
        name: The caller or class.
        limits: Its bounds.
        cap: What replicas share of its bound; None if it is not shared.

    """

    __slots__ = ("_cap", "limits", "name", "refused", "spend", "used", "waiting")

    def __init__(self, name: str, limits: CallerLimits, cap: SharedCap | None = None) -> None:
        self.name = name
        self.limits = limits
        self._cap = cap
        self.used = RollingCount() if cap is None else cap.used
        self.spend: Callable[[float, float], None] = self.used.add if cap is None else cap.spend
        """Counts calls that are about to be made, with the present time. No method: it is asked twice for each call."""
        self.waiting = 0
        """Attempts that wait for a permit."""
        self.refused = 0

    def left(self, now: float) -> float:
        """Return how many calls may be made now."""
        if self._cap is not None:
            return self._cap.allowed(now)
        maximum = self.limits.daily_calls
        return math.inf if maximum is None else maximum - self.used.total(now)

    def is_at_rest(self, now: float) -> bool:
        """Tell whether nothing would be forgotten with the account but its refusals."""
        return not self.waiting and self.used.total(now) <= 0


class Accounts:
    """The accounts of an org.

    Args:
        limits: Says which callers have bounds of their own, and how many others are told apart.
        caps: What replicas share of callers' bounds, by caller.

    """

    def __init__(self, limits: Limits, caps: Mapping[str, SharedCap] | None = None) -> None:
        caps = caps or {}
        self._configured = limits.callers
        self._most = limits.max_callers + len(limits.callers)
        self._sweep_at = -math.inf
        self.classes = {priority: Account(priority.name, CallerLimits()) for priority in Priority}
        self.callers = {name: Account(name, each, caps.get(name)) for name, each in limits.callers.items()}
        self._rest = Account(REST, CallerLimits())

    def of(self, caller: str, now: float) -> Account:
        """Return a caller's account; that of the rest if there are too many callers to have one each."""
        found = self.callers.get(caller)
        return found if found is not None else self._open(caller, now)

    def weight(self, name: str) -> float:
        """Return the weight of the caller whose account has a name."""
        configured = self._configured.get(name)
        return configured.weight if configured is not None else 1.0

    def charge(self, context: CallContext, calls: float, now: float) -> None:
        """Book calls on the call's class and on who pays for it."""
        self.classes[context.priority].spend(calls, now)
        if not context.charged:
            self.of(context.caller, now).spend(calls, now)
            return
        for caller, share in context.charged.items():
            self.of(caller, now).spend(calls * share, now)

    def shares(self, context: CallContext, now: float) -> Mapping[str, float]:
        """Return who pays for a call that several callers ride along with, by account, and which share of it."""
        shares: dict[str, float] = {}
        for caller, share in context.charged.items():
            name = self.of(caller, now).name
            shares[name] = shares.get(name, 0.0) + share
        return shares

    def _open(self, caller: str, now: float) -> Account:
        if len(self.callers) >= self._most:
            self._sweep(now)
            if len(self.callers) >= self._most:
                self.callers.setdefault(REST, self._rest)
                return self._rest
        self.callers[caller] = account = Account(caller, CallerLimits())
        return account

    def _sweep(self, now: float) -> None:
        """Close accounts that used nothing for a day; looking at all of them pays now and then only."""
        if now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP_SECONDS
        self.callers = {
            name: account
            for name, account in self.callers.items()
            if name in self._configured or not account.is_at_rest(now)
        }
