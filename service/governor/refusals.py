"""The errors with which a governor refuses: which limit, used, maximum, whose, and when to come back."""

from service.context import Priority
from service.errors import CallerQuotaExceeded, ConcurrencyLimitExceeded, DailyLimitExceeded
from service.governor.forecast import Forecast

LONGEST_RETRY_SECONDS = 3600.0
"""What is told where nobody knows when the window gives back."""

CALLER_LIMIT = "callers.daily_calls"
"""A caller's bound by the name of its setting."""


def daily_limit(
    forecast: Forecast, priority: Priority, stop_at: float, retry_after_seconds: float, *, org: str
) -> DailyLimitExceeded:
    """Refuse a call because the org's allocation is used up as far as its class may use it."""
    share = f"{stop_at:.0%}"
    return DailyLimitExceeded(
        f"the org's API calls of 24 hours are used up as far as {priority.name} calls may use them, {share}",
        metadata={
            "limit": forecast.limit,
            "used": str(round(forecast.used)),
            "maximum": str(forecast.maximum) if forecast.maximum is not None else "",
            "class": priority.name,
            "threshold": share,
            "org": org,
        },
        retry_after_seconds=retry_after_seconds,
    )


def caller_quota(
    caller: str, used: float, maximum: float, retry_after_seconds: float, *, org: str
) -> CallerQuotaExceeded:
    """Refuse a call because its caller used up its share."""
    return CallerQuotaExceeded(
        "the caller used up its share of the org's API calls of 24 hours",
        metadata={
            "limit": CALLER_LIMIT,
            "used": str(round(used)),
            "maximum": str(round(maximum)),
            "caller": caller,
            "org": org,
        },
        retry_after_seconds=retry_after_seconds,
    )


def concurrency(
    limit: str, in_flight: int, waiting: int, retry_after_seconds: float, *, org: str
) -> ConcurrencyLimitExceeded:
    """Refuse an attempt that cannot be begun in time."""
    return ConcurrencyLimitExceeded(
        "the org takes no further request within the time that the call has left",
        metadata={"limit": limit, "in_flight": str(in_flight), "waiting": str(waiting), "org": org},
        retry_after_seconds=retry_after_seconds,
    )
