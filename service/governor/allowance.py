"""Who may still make calls: the org's budget with its reserves, callers' caps and shares, and the closed gate."""

import math

from service.context import CallContext, Priority
from service.errors import Exhausted
from service.governor import refusals
from service.governor.accounts import Accounts
from service.governor.base import Observed, Usage
from service.governor.budget import ORG_LIMIT, Budget
from service.governor.forecast import Forecast
from service.governor.gate import PROBE_SECONDS, Gate
from service.governor.limits import Limits
from service.governor.shares import Shares
from service.telemetry import logs

_log = logs.get_logger(__name__)
_FORECAST_SECONDS = 1.0
"""How long a forecast holds; making one takes some dozen microseconds."""
_SHORTEST_CLOSING_SECONDS = 10.0
_AMPLE_SECONDS = 0.25
"""How long it holds that nothing is short, unless the calls are made that it was found for."""


class Allowance:
    """Says whether calls are there for an attempt, and books those that are made.

    Args:
        limits: Reserves and caps.
        budget: The ledger of the org's calls.
        accounts: The ledgers of classes and callers.
        org: The org's configured name.

    """

    def __init__(self, limits: Limits, budget: Budget, accounts: Accounts, org: str) -> None:
        self._stop_at = limits.stop_at()
        self._first_stop = min(self._stop_at)
        self._capped = frozenset(name for name, each in limits.callers.items() if each.daily_calls is not None)
        self._budget = budget
        self._accounts = accounts
        self._org = org
        self._shares = Shares(limits, budget, accounts)
        self._gate = Gate()
        self._is_probe_due = False
        """Whether a call was let through lately for a probe; spares the others from being looked at twice."""
        self._forecast: Forecast | None = None
        self._forecast_until = 0.0
        self._ample_until = -math.inf
        self._ample_calls = 0.0
        """How many calls may be made until then by whoever has no cap, without a look at the ledgers."""

    def refusal(self, context: CallContext, calls: float, now: float) -> Exhausted | None:
        """Return why calls may not be made now; None if they may."""
        if now < self._ample_until and calls <= self._ample_calls and context.caller not in self._capped:
            return None
        refusal = self._refusal(context, calls, now)
        if refusal is None and now >= self._ample_until:
            self._look_for_plenty(now)
        return refusal

    def _refusal(self, context: CallContext, calls: float, now: float) -> Exhausted | None:
        if self._is_short(context, calls, now):
            if not self._may_probe(now):
                return self._daily_refusal(context, calls, now)
            self._is_probe_due = True
        if context.charged or context.begun:
            # Each payer was asked when its call came; neither its neighbours nor what it has begun suffer for what it
            # used since.
            return None
        return self._caller_refusal(context, calls, now)

    def spend(self, context: CallContext, calls: float, now: float) -> bool:
        """Book calls that are about to be made; return whether they are to find out how the allocation stands."""
        is_probe = False
        if self._is_probe_due:
            self._is_probe_due = False
            is_probe = self._is_short(context, calls, now) and self._may_probe(now)
            if is_probe:
                self._gate.begin_probe(now)
        self._ample_calls -= calls
        self._budget.spend(calls, now)
        self._accounts.charge(context, calls, now)
        return is_probe

    def learn(self, usage: Usage, now: float) -> None:
        """Compare what Salesforce said with the ledger."""
        self._budget.learn(usage, now)
        self._ample_calls = min(self._ample_calls, self._first_stop * usage.maximum - usage.used)

    def end_probe(self, now: float) -> None:
        """Take note that a probe is over."""
        self._gate.end_probe(now)

    def observe(self, observed: Observed, now: float) -> None:
        """Close or open the gate by an attempt's end."""
        was_closed = self._gate.is_closed
        if not self._gate.observe(observed, now):
            if was_closed and not self._gate.is_closed:
                _log.warning("the org takes calls again: one was answered", org=self._org)
            return
        self._ample_until = -math.inf
        usage = self._budget.usage
        if usage is not None:
            self._budget.learn(Usage(max(usage.used, usage.maximum), usage.maximum), now)
            self._forecast_until = now
        seconds = observed.retry_after_seconds
        if seconds is None:
            seconds = min(PROBE_SECONDS, self._freed_in(1.0 - 1e-9, now))
        seconds = max(_SHORTEST_CLOSING_SECONDS, seconds)
        self._gate.close(seconds, now)
        if not was_closed:
            _log.warning(
                "Salesforce says that the org's API calls of 24 hours are used up",
                org=self._org,
                next_try_seconds=round(seconds, 3),
            )

    def closed_seconds(self, now: float) -> float:
        """Return how long the gate stays closed; 0 while it is open."""
        return self._gate.closed_seconds(now)

    def forecast(self, now: float) -> Forecast:
        """Return what the next 24 hours look like, as of a second ago at most."""
        if self._forecast is None or now >= self._forecast_until:
            self._forecast = self._budget.forecast(now)
            self._forecast_until = now + _FORECAST_SECONDS
        return self._forecast

    def _look_for_plenty(self, now: float) -> None:
        """Find out for how many calls nobody is short of anything, so that the next ones need not."""
        if not self._gate.is_closed and self._shares.are_ample(now):
            self._ample_calls = self._budget.room(self._first_stop, now)
            self._ample_until = now + _AMPLE_SECONDS

    def _is_short(self, context: CallContext, calls: float, now: float) -> bool:
        return self._gate.is_closed or self._budget.room(self._stops_at(context), now) < calls

    def _stops_at(self, context: CallContext) -> float:
        return self._stop_at[Priority.INTERACTIVE if context.begun else context.priority]

    def _may_probe(self, now: float) -> bool:
        """Tell whether a call may go although none seems left: nothing was heard for long, and things may be better."""
        if not self._gate.may_probe(now):
            return False
        is_stale = self._budget.usage is not None and now >= self._budget.learned_at + PROBE_SECONDS
        return self._gate.is_closed or (is_stale and self.forecast(now).limit == ORG_LIMIT)

    def _daily_refusal(self, context: CallContext, calls: float, now: float) -> Exhausted:
        stop_at = self._stops_at(context)
        seconds = self._gate.closed_seconds(now)
        forecast = self._forecast_of_shortage(stop_at, calls, now)
        if forecast.maximum is not None:
            seconds = max(seconds, self._freed_in(stop_at, now, calls))
        if self._gate.is_closed:
            return refusals.used_up(forecast, max(1.0, seconds), org=self._org)
        return refusals.daily_limit(forecast, context, stop_at, max(1.0, seconds), org=self._org)

    def _forecast_of_shortage(self, stop_at: float, calls: float, now: float) -> Forecast:
        """Return a forecast that knows of the calls of the last second, too, if it was they that made the shortage."""
        forecast = self.forecast(now)
        maximum = forecast.maximum
        if self._gate.is_closed or (maximum is not None and forecast.used + calls > stop_at * maximum):
            return forecast
        self._forecast_until = now
        return self.forecast(now)

    def _freed_in(self, share: float, now: float, calls: float = 0.0) -> float:
        forecast = self.forecast(now)
        if forecast.maximum is None:
            return refusals.LONGEST_RETRY_SECONDS
        seconds = forecast.freed_in(share * forecast.maximum - calls)
        return refusals.LONGEST_RETRY_SECONDS if seconds is None else seconds

    def _caller_refusal(self, context: CallContext, calls: float, now: float) -> Exhausted | None:
        account = self._accounts.of(context.caller, now)
        cap = account.limits.daily_calls
        if cap is None:
            excess = self._shares.excess(account, context.priority, calls, now)
            return excess and refusals.caller_share(account.name, *excess, org=self._org)
        if account.left(now) >= calls:
            return None
        used = account.used.total(now)
        missing = used + calls - cap
        # Where the bound is not reached other replicas hold what is left, and may return it any moment.
        seconds = account.used.gone_in(missing, now) if missing > 0 else 1.0
        return refusals.caller_quota(account.name, used, cap, max(1.0, seconds), org=self._org)
