"""The errors with which a governor refuses: which limit, used, maximum, whose, and when to come back."""

from service.context import Priority
from service.errors import CallerQuotaExceeded, ConcurrencyLimitExceeded, DailyLimitExceeded
from service.governor.forecast import Forecast

LONGEST_RETRY_SECONDS = 3600.0
"""What is told where nobody knows when the window gives back."""

SHORTAGE_SECONDS = 300.0
"""What is told where calls run short: they may do again long before the caller's own leave the window."""

SHARE_LIMIT = "callers.weight"
"""A caller's share by the name of the setting that it is a share by."""
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


def caller_share(caller: str, used: float, share: float, *, org: str) -> CallerQuotaExceeded:
    """Refuse a call because its caller used its share of calls that will not do for all."""
    return CallerQuotaExceeded(
        "the org's API calls of 24 hours run short, and the caller used its share of them",
        metadata={
            "limit": SHARE_LIMIT,
            "used": str(round(used)),
            "maximum": str(round(share)),
            "caller": caller,
            "org": org,
        },
        retry_after_seconds=SHORTAGE_SECONDS,
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
