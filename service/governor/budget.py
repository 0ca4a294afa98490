"""The org's API calls of 24 hours: what is used, by whom, how fast, and when the window gives back."""

import math
from typing import Protocol

from service.governor.base import Usage
from service.governor.forecast import Forecast, gone_after
from service.governor.window import WINDOW_SECONDS, DecayingRate, RollingCount

_OWN_BUCKET_SECONDS = 60.0
"""Own calls leave the ledger as they leave Salesforce's, or what is between would pass for others' calls."""
_SETTLE_SECONDS = 600.0
_OWN_MEMORY_SECONDS = 900.0
_REFRESH_SECONDS = 1.0
_LASTING_MEMORY_SECONDS = 3_600.0
"""A rate that is to last does so for about this long. Nothing is known of the time before the first call but rest."""
_OTHERS_MEMORY_SECONDS = 3_600.0
"""Long beside the steps in which Salesforce lets calls leave its window, of which it tells nothing."""
_LEAST_OTHERS_SECONDS = 300.0
_GONE_SECONDS = 10.0
_GONE_CALLS = 1_000.0
"""What leaves the window when is worked out anew after this time, or so many calls."""
_SAMPLE_SECONDS = 30.0
"""Others' calls are measured over at least this long, so that the order in which answers arrive means little."""

ORG_LIMIT = "DailyApiRequests"
"""The org's allocation by Salesforce's name. Salesforce REST API, "Limits"."""
OWN_LIMIT = "daily_calls"
"""The service's own bound by the name of its setting."""


class Budget(Protocol):
    """The ledger of the org's calls. All times are seconds of the same clock, which never goes back."""

    @property
    def is_degraded(self) -> bool:
        """Whether the store that replicas share is away, so that this one keeps to its safe share."""
        ...

    @property
    def usage(self) -> Usage | None:
        """What Salesforce told last; None before the first answer."""
        ...

    @property
    def learned_at(self) -> float:
        """When it did; minus infinity before the first answer."""
        ...

    def room(self, share: float, now: float) -> float:
        """Return how many calls are left until a share of the maximum is used; infinite while nothing is known."""
        ...

    def spend(self, calls: float, now: float) -> None:
        """Take note of calls that are about to be made."""
        ...

    def learn(self, usage: Usage, now: float) -> None:
        """Take note of what Salesforce told."""
        ...

    def forecast(self, now: float) -> Forecast:
        """Return what the next 24 hours look like."""
        ...


class LocalBudget:
    """The ledger of a service that runs alone, or whose replicas know of each other through Salesforce only.

    Own calls are counted as they are made. What Salesforce tells beyond them is the org's other clients'; what it told
    first is taken to be spread over the 24 hours before. Where the window turns out to have given back more than that,
    the oldest of the others' calls are forgotten.

    Args:
        daily_calls: Most calls that the service makes in 24 hours; None for no such bound.

    """

    is_degraded = False

    def __init__(self, daily_calls: int | None = None) -> None:
        self.usage: Usage | None = None
        self.learned_at = -math.inf
        self._daily_calls = daily_calls
        self._own = RollingCount(_OWN_BUCKET_SECONDS)
        self._others = RollingCount()
        self._offset = 0.0
        """What Salesforce told beyond both; it goes to the others' ledger after a while."""
        self._own_rate = DecayingRate(_OWN_MEMORY_SECONDS)
        self._lasting_rate = DecayingRate(_LASTING_MEMORY_SECONDS, _LASTING_MEMORY_SECONDS)
        self._others_rate = DecayingRate(_OTHERS_MEMORY_SECONDS, _LEAST_OTHERS_SECONDS)
        self._unrated = 0.0
        """Own calls that are not in their rate yet."""
        self._settle_at = -math.inf
        self._refreshed_at = -math.inf
        self._stale_at = -math.inf
        self._own_now = 0.0
        self._others_now = 0.0
        self._sampled_at = -math.inf
        self._sampled_offset = 0.0
        self._gone: tuple[float, ...] = ()
        self._gone_for: tuple[float, float, float] | None = None

    def room(self, share: float, now: float) -> float:
        """Return the calls left; see `Budget.room`."""
        if now >= self._stale_at:
            self._refresh(now)
        left = math.inf
        if self.usage is not None:
            left = share * self.usage.maximum - self._own_now - self._others_now - self._offset
        if self._daily_calls is not None:
            left = min(left, share * self._daily_calls - self._own_now)
        return left

    def own_calls(self, now: float) -> float:
        """Return how many calls the service made in 24 hours."""
        if now >= self._stale_at:
            self._refresh(now)
        return self._own_now

    def learn_others(self, others: float, maximum: int, now: float) -> None:
        """Take note of what another replica learned: how many calls the org's other clients made."""
        if now >= self._stale_at:
            self._refresh(now)
        self.learn(Usage(max(0, round(self._own_now + others)), maximum), now)

    def absorb(self, calls: float, told: float, now: float) -> None:
        """Count calls that other replicas made of late.

        Args:
            calls: The calls.
            told: The part of them, from 0 to 1, that Salesforce's last word of the usage included; it passed for
                others' until now.
            now: The present.

        """
        if now >= self._stale_at:
            self._refresh(now)
        self._own.add(calls, now)
        self._own_now += calls
        self._unrated += calls
        if self.usage is not None:
            self._offset -= calls * told

    def recall(self, calls: float, then: float, now: float) -> None:
        """Count calls that other replicas made long ago; if Salesforce told the usage since, they are part of it."""
        if now >= self._stale_at:
            self._refresh(now)
        self._own.add_past(calls, then, now)
        self._own_now = self._own.total(now)
        if self.usage is not None:
            self._offset -= calls

    def spend(self, calls: float, now: float) -> None:
        """Count own calls."""
        if now >= self._stale_at:
            self._refresh(now)
        self._own.add(calls, now)
        self._own_now += calls
        self._unrated += calls

    def learn(self, usage: Usage, now: float) -> None:
        """Compare with the ledger; what it does not know is the others'."""
        if now >= self._stale_at:
            self._refresh(now)
        is_first = self.usage is None
        if is_first:
            self._others.spread(max(0.0, usage.used - self._own_now), now)
            self._others_now = self._others.total(now)
        self.usage = usage
        self.learned_at = now
        self._offset = usage.used - self._own_now - self._others_now
        if is_first:
            self._sampled_at = now
            self._sampled_offset = self._offset
        if now >= self._sampled_at + _SAMPLE_SECONDS:
            # Half of what leaves within the rate's memory may be told early or late; more is a fall, not a rate.
            least = -(self._own_now + self._others_now) * _OTHERS_MEMORY_SECONDS / WINDOW_SECONDS / 2.0
            self._others_rate.add(self._offset - self._sampled_offset, now - self._sampled_at, min(0.0, least))
            self._sampled_at = now
            self._sampled_offset = self._offset

    def forecast(self, now: float) -> Forecast:
        """Lay out what is known; see `Budget.forecast`. It costs some dozen microseconds."""
        if now >= self._stale_at:
            self._refresh(now)
        own, others = self._own_now, self._others_now + self._offset
        per_second = self._own_rate.per_second()
        lasting = min(per_second, self._lasting_rate.per_second())
        maximum = self.usage.maximum if self.usage is not None else None
        bound = self._daily_calls
        if bound is not None and (maximum is None or own * maximum > (own + others) * bound):
            gone = gone_after(now, self._own)
            return Forecast(OWN_LIMIT, own, bound, own, per_second, 0.0, lasting, gone)
        others_per_second = self._others_rate.per_second()
        return Forecast(
            ORG_LIMIT,
            max(0.0, own + others),
            maximum,
            own,
            per_second,
            others_per_second,
            lasting + others_per_second,
            self._gone_after(now),
        )

    def _gone_after(self, now: float) -> tuple[float, ...]:
        made_for = (now // _GONE_SECONDS, self._own_now // _GONE_CALLS, self._others_now // _GONE_CALLS)
        if made_for != self._gone_for:
            self._gone = gone_after(now, self._own, self._others)
            self._gone_for = made_for
        return self._gone

    def _refresh(self, now: float) -> None:
        """Let the window roll; once a second is enough."""
        if now >= self._settle_at:
            self._settle(now)
        self._own_now = self._own.total(now)
        self._others_now = self._others.total(now)
        seconds = now - self._refreshed_at
        self._own_rate.add(self._unrated, seconds)
        self._lasting_rate.add(self._unrated, seconds)
        self._unrated = 0.0
        self._refreshed_at = now
        self._stale_at = now + _REFRESH_SECONDS

    def _settle(self, now: float) -> None:
        """Make what is beyond the ledger part of it."""
        self._settle_at = now + _SETTLE_SECONDS
        if self._refreshed_at == -math.inf:
            self._refreshed_at = now - _REFRESH_SECONDS
        before = self._offset
        if before > 0:
            self._others.add(before, now)
            self._offset = 0.0
        else:
            self._others.total(now)
            self._offset = -self._others.drain(-before)
        self._sampled_offset += self._offset - before
