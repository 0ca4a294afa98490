"""The errors with which a governor refuses: which limit, used, maximum, whose, and when to come back."""

from dataclasses import dataclass

from service.context import CallContext
from service.errors import CallerQuotaExceeded, ConcurrencyLimitExceeded, DailyLimitExceeded
from service.governor.budget import ORG_LIMIT, OWN_LIMIT
from service.governor.forecast import Forecast

LONGEST_RETRY_SECONDS = 3600.0
"""What is told where nobody knows when the window gives back."""

SHORTAGE_SECONDS = 300.0
"""What is told where calls run short: they may do again long before the caller's own leave the window."""

SHARE_LIMIT = "callers.weight"
"""A caller's share by the name of the setting that it is a share by."""
CALLER_LIMIT = "callers.daily_calls"
"""A caller's bound by the name of its setting."""

DEADLINE = "deadline"
"""The time that a call has left is too little for its turn."""
PAUSE = "pause"
"""The same while the org is left alone, for it said that it is overloaded."""
MAX_WAITING = "max_waiting"
MAX_WAITING_PER_CALLER = "max_waiting_per_caller"
"""Bounds on attempts that wait; see `Limits`."""


@dataclass(frozen=True, slots=True)
class SlotUse:
    """How many requests an org has."""

    in_flight: int
    """Open ones."""
    maximum: int
    """Most open ones at a time, now."""
    waiting: int


def daily_limit(
    forecast: Forecast, context: CallContext, stop_at: float, retry_after_seconds: float, *, org: str
) -> DailyLimitExceeded:
    """Refuse a call because the org's allocation, or the service's own, is used up as far as its class may use it."""
    share = f"{stop_at * 100:.4g}%"
    who = "calls for what is begun" if context.begun else f"{context.priority.name} calls"
    stops = f"{who} stop at {share} of"
    counts = f"{forecast.used:,.0f} of {forecast.maximum or 0:,}"
    if forecast.limit == OWN_LIMIT:
        message = f"{stops} the API calls of 24 hours that the service may make ({OWN_LIMIT}), and it made {counts}"
    else:
        message = f"{stops} the org's API calls of 24 hours, and all of its clients used {counts}"
    return DailyLimitExceeded(
        message,
        metadata={**_facts(forecast, org), "class": context.priority.name, "threshold": share},
        retry_after_seconds=retry_after_seconds,
    )


def used_up(forecast: Forecast, retry_after_seconds: float, *, org: str) -> DailyLimitExceeded:
    """Refuse a call because Salesforce refused one for want of calls, whatever is known of them here."""
    return DailyLimitExceeded(
        "Salesforce says that the org's API calls of 24 hours are used up; one call finds out now and then",
        metadata={**_facts(forecast, org), "limit": ORG_LIMIT},
        retry_after_seconds=retry_after_seconds,
    )


def _facts(forecast: Forecast, org: str) -> dict[str, str]:
    facts = {"limit": forecast.limit, "org": org}
    if forecast.maximum is None:
        return facts
    return facts | {"used": str(round(forecast.used)), "maximum": str(forecast.maximum)}


def caller_quota(
    caller: str, used: float, maximum: float, retry_after_seconds: float, *, org: str
) -> CallerQuotaExceeded:
    """Refuse a call because its caller made as many as it may by its own bound."""
    return CallerQuotaExceeded(
        f"the caller {caller} made {used:,.0f} of the {maximum:,.0f} API calls of 24 hours that it may make of the "
        "org; other callers go on",
        metadata=_caller_facts(CALLER_LIMIT, caller, used, maximum, org),
        retry_after_seconds=retry_after_seconds,
    )


def caller_share(caller: str, used: float, share: float, *, org: str) -> CallerQuotaExceeded:
    """Refuse a call because its caller used its share of calls that will not do for all."""
    who = f"the caller {caller}" if caller else "callers without a name"
    return CallerQuotaExceeded(
        f"the org's API calls of 24 hours run short, and {who} used {used:,.0f} of a share by weight of {share:,.0f}; "
        "others go on",
        metadata=_caller_facts(SHARE_LIMIT, caller, used, share, org),
        retry_after_seconds=SHORTAGE_SECONDS,
    )


def _caller_facts(limit: str, caller: str, used: float, maximum: float, org: str) -> dict[str, str]:
    counts = {"used": str(round(used)), "maximum": str(round(maximum))}
    return {"limit": limit, **counts, "caller": caller, "org": org}


def concurrency(
    limit: str, slots: SlotUse, paused_seconds: float, retry_after_seconds: float, *, org: str
) -> ConcurrencyLimitExceeded:
    """Refuse an attempt that cannot be begun in time.

    Args:
        limit: What stands against it: `deadline`, the time that its call has left, or the name of a bound.
        slots: How many are open and wait.
        paused_seconds: How long the org is left alone, for it said that it is overloaded; 0 while it is not.
        retry_after_seconds: When to come back.
        org: The org's configured name.

    """
    if limit == MAX_WAITING:
        message = f"{slots.waiting:,} requests wait for the org, and no more may"
    elif limit == MAX_WAITING_PER_CALLER:
        message = "as many requests of the caller wait for the org as may wait of one caller"
    elif paused_seconds:
        limit = PAUSE
        message = (
            f"the org is overloaded and left alone for {paused_seconds:.1f} s, and the call has too little time left"
        )
    else:
        message = (
            f"{slots.in_flight:,} of {slots.maximum:,} requests are open in the org and {slots.waiting:,} wait: "
            "the call has too little time left for its turn"
        )
    counts = {"in_flight": slots.in_flight, "concurrency_limit": slots.maximum, "waiting": slots.waiting}
    return ConcurrencyLimitExceeded(
        message,
        metadata={"limit": limit, "org": org} | {name: str(count) for name, count in counts.items()},
        retry_after_seconds=retry_after_seconds,
    )
