"""The governor of this process: budget, classes, callers, concurrency and price, shared with replicas or not."""

import asyncio
import math
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol

from service.clock import Clock
from service.context import CallContext
from service.errors import ConcurrencyLimitExceeded, Exhausted
from service.governor.accounts import Account, Accounts
from service.governor.admissions import Admissions
from service.governor.allowance import Allowance
from service.governor.base import Cost, Observed, Share, Statistics, Usage
from service.governor.budget import OWN_LIMIT, Budget, LocalBudget
from service.governor.limits import Limits
from service.governor.notices import Notices
from service.governor.price import Price
from service.governor.shadow import Counted
from service.governor.shared_cap import SharedCap
from service.governor.slots import Slots
from service.governor.waiting import Attempt

_PRICE_SECONDS = 1.0
"""How long a price holds."""
_ACTIVE_SHARE = 0.01
"""A class counts for the price if it made this share of the service's calls."""


class Shared(Protocol):
    """What the replicas of the service share of one org's allocations."""

    @property
    def budget(self) -> Budget:
        """The ledger of the calls of all."""
        ...

    @property
    def caps(self) -> Mapping[str, SharedCap]:
        """Callers' bounds, by caller."""
        ...

    def watch(self, slots: Slots) -> None:
        """Let the other replicas know of long-running requests, and these slots of theirs."""
        ...


class LocalGovernor:
    """Guards one org from within this process. What replicas share it takes as it is known here, and asks nobody.

    All methods belong to the event loop's thread. Where nothing waits and nothing is short, a permit makes no task and
    no future.

    Args:
        limits: What to keep to.
        clock: Tells the time and waits.
        org: The org's configured name, for refusals.
        shared: What replicas share, the ledger of calls with it; None if this one is on its own.
        jitter: Returns a number from 0 to 1, for pauses.

    """

    def __init__(
        self,
        limits: Limits,
        clock: Clock,
        *,
        org: str = "",
        shared: Shared | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._budget: Budget = LocalBudget(limits.daily_calls) if shared is None else shared.budget
        self._accounts = Accounts(limits, shared.caps if shared is not None else None)
        self._allowance = Allowance(limits, self._budget, self._accounts, org)
        self._admissions = Admissions(
            limits, clock, self._accounts, check=self._check, begin=self._begin, jitter=jitter, org=org
        )
        if shared is not None:
            shared.watch(self._admissions.slots)
        self._price = Price(limits.longest_hold_seconds)
        self._hold_seconds = 0.0
        self._priced_until = -math.inf
        self._permits = 0
        self._notices = Notices(shadow=limits.shadow)
        self._counted = Counted()
        """In shadow mode, whose refusals were counted."""

    def admit(self, context: CallContext) -> None:
        """Refuse at once what would be refused a permit for want of calls; see `Governor.admit`."""
        now = self._clock.monotonic()
        refusal = self._allowance.refusal(context, 1.0, now)
        if refusal is not None:
            self._count_refusal(refusal, context, now)
            if not self._limits.shadow:
                raise refusal
            self._counted.add(context.request_id)

    def permit(self, cost: Cost, context: CallContext) -> AbstractAsyncContextManager[None]:
        """Hold a permit while the attempt runs; see `Governor.permit`."""
        return _Permit(self, cost, context)

    def hold(self, waiting: int, most: int) -> float:
        """Return the price of a call that is not full, in seconds; see `Governor.hold`."""
        if waiting >= most or self._limits.shadow:
            return 0.0
        return self._current_price(self._clock.monotonic())

    def learn(self, usage: Usage) -> None:
        """Compare what Salesforce said with the ledger."""
        self._allowance.learn(usage, self._clock.monotonic())

    def observe(self, observed: Observed) -> None:
        """Let the end of an attempt move the gate, the limit and the pause.

        A used-up allocation closes the gate until the window is expected to give back, or as long as Salesforce asked,
        but one call finds out now and then. An overloaded org is left alone for seconds.
        """
        now = self._clock.monotonic()
        self._allowance.observe(observed, now)
        self._admissions.observe(observed, now)

    def statistics(self) -> Statistics:
        """Return how the governor stands."""
        now = self._clock.monotonic()
        # Not that of the allowance, which is a second old and would not fit the counts of classes and callers.
        forecast = self._budget.forecast(now)
        maximum = forecast.maximum
        stops = zip(self._accounts.classes.items(), self._limits.stop_at(), strict=True)
        callers = self._accounts.callers.items()
        return Statistics(
            permits=self._permits,
            in_flight=self._admissions.slots.in_flight,
            usage=self._budget.usage,
            waiting=self._admissions.waiting,
            concurrency_limit=self._admissions.limit.value,
            long_running=self._admissions.slots.long_running(now),
            own_calls=forecast.own_calls,
            own_maximum=maximum if forecast.limit == OWN_LIMIT else None,
            others_per_second=forecast.others_per_second,
            exhausted_in_seconds=None if maximum is None else forecast.reached_in(maximum),
            hold_seconds=self._current_price(now),
            closed_seconds=max(self._allowance.closed_seconds(now), self._admissions.paused_seconds(now)),
            shadow=self._limits.shadow,
            degraded=self._budget.is_degraded,
            classes={
                priority: _share(account, None if maximum is None else stop_at * maximum, now)
                for (priority, account), stop_at in stops
            },
            callers={name: _share(account, account.limits.daily_calls, now) for name, account in callers},
        )

    def begin_now(self, attempt: Attempt) -> bool:
        """Begin an attempt if nothing is in its way; return False if it is to wait. For permits only.

        Raises:
            Exhausted: Too few calls are left for it.

        """
        now = self._clock.monotonic()
        if self._limits.shadow:
            self._count_in_shadow(attempt, now)
        else:
            refusal = self._check(attempt, now)
            if refusal is not None:
                raise refusal
            if not self._admissions.is_free(attempt, now):
                return False
        self._begin(attempt, now)
        return True

    async def wait(self, attempt: Attempt) -> None:
        """Wait until an attempt has begun. For permits only.

        Raises:
            Exhausted: It cannot begin in time, or calls ran out meanwhile.

        """
        try:
            await self._admissions.wait(attempt)
        except ConcurrencyLimitExceeded as refusal:
            self._count_refusal(refusal, attempt.context, self._clock.monotonic())
            raise
        except asyncio.CancelledError:
            self._end_probe(attempt)
            raise

    def end(self, attempt: Attempt) -> None:
        """Take a permit back. For permits only."""
        self._end_probe(attempt)
        self._admissions.end(attempt)

    def _end_probe(self, attempt: Attempt) -> None:
        """Let another attempt find out, if this one was to and whether or not it did."""
        if attempt.is_probe:
            self._allowance.end_probe(self._clock.monotonic())

    def _check(self, attempt: Attempt, now: float) -> Exhausted | None:
        refusal = self._allowance.refusal(attempt.context, attempt.cost.api_calls, now)
        if refusal is not None:
            self._count_refusal(refusal, attempt.context, now)
        return refusal

    def _count_in_shadow(self, attempt: Attempt, now: float) -> None:
        """Count an attempt that would be refused, unless its call was counted: it would not have come so far.

        Nobody waits in shadow mode, so of those that would wait in vain only a pause tells.
        """
        context = attempt.context
        if context.request_id in self._counted:
            return
        refusal: Exhausted | None = self._allowance.refusal(context, attempt.cost.api_calls, now)
        if refusal is None and not self._admissions.is_free(attempt, now):
            refusal = self._admissions.hopeless(attempt, now)
        if refusal is not None:
            self._count_refusal(refusal, context, now)
            self._counted.add(context.request_id)

    def _begin(self, attempt: Attempt, now: float) -> None:
        attempt.is_probe = self._allowance.spend(attempt.context, attempt.cost.api_calls, now)
        self._admissions.slots.begin(attempt, attempt.cost.bulkhead, now)
        self._permits += 1

    def _count_refusal(self, refusal: Exhausted, context: CallContext, now: float) -> None:
        self._notices.refused(refusal, now)
        self._accounts.classes[context.priority].refused += 1
        self._accounts.of(context.caller, now).refused += 1

    def _current_price(self, now: float) -> float:
        if now >= self._priced_until:
            self._hold_seconds = self._price.update(self._pressure(now), now)
            self._priced_until = now + _PRICE_SECONDS
        return self._hold_seconds

    def _pressure(self, now: float) -> float:
        """Return the share of what may be used that will be used: that of the first class to be refused."""
        forecast = self._allowance.forecast(now)
        if forecast.maximum is None:
            return 0.0
        used = {priority: each.used.total(now) for priority, each in self._accounts.classes.items()}
        # Of this process's calls: those of other replicas are in the forecast, but not in these accounts.
        least = _ACTIVE_SHARE * sum(used.values())
        active = [self._limits.stop_at()[priority] for priority, calls in used.items() if calls > least]
        usable = min(active, default=1.0) * forecast.maximum
        return forecast.peak() / usable if usable > 0 else math.inf


class _Permit(Attempt):
    """An attempt that holds a permit while it runs."""

    __slots__ = ("_governor",)

    def __init__(self, governor: LocalGovernor, cost: Cost, context: CallContext) -> None:
        self._governor = governor
        self.cost = cost
        self.context = context
        self.is_probe = False

    async def __aenter__(self) -> None:
        """Wait for the attempt's turn."""
        if not self._governor.begin_now(self):
            await self._governor.wait(self)

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Return the permit."""
        self._governor.end(self)


def _share(account: Account, maximum: float | None, now: float) -> Share:
    return Share(account.used.total(now), maximum, account.waiting, account.refused)
