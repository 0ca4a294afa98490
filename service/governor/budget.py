"""The org's API calls of 24 hours: what is used, by whom, how fast, and when the window gives back."""

import itertools
import math
from dataclasses import dataclass
from typing import Protocol

from service.governor.base import Usage
from service.governor.window import BUCKET_SECONDS, WINDOW_SECONDS, DecayingRate, RollingCount, bucket_of

RATE_MEMORY_SECONDS = 900.0
_REFRESH_SECONDS = 1.0
_SAMPLE_SECONDS = 30.0
"""Others' calls are measured over at least this long, so that the order in which answers arrive means little."""
_STEPS = int(WINDOW_SECONDS / BUCKET_SECONDS)

ORG_LIMIT = "DailyApiRequests"
"""The org's allocation by Salesforce's name. Salesforce REST API, "Limits"."""
OWN_LIMIT = "daily_calls"
"""The service's own bound by the name of its setting."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the next 24 hours look like if everything goes on at the present rates."""

    limit: str
    """Which limit it is about: the org's `DailyApiRequests`, or `daily_calls`, the service's own where it is nearer."""
    used: float
    """Calls of the last 24 hours that count towards it."""
    maximum: int | None
    """Most of them; None while Salesforce has told nothing and nothing is configured."""
    own_calls: float
    """Calls of the last 24 hours that this service made."""
    own_per_second: float
    """Calls that this service makes now."""
    others_per_second: float
    """Calls that the org's other clients make now, as far as they count."""
    gone: tuple[float, ...]
    """How many of the calls that count now will have left the window after each further ten minutes."""

    def reached_in(self, level: float) -> float | None:
        """Return in how many seconds so many calls will be used; None if not within 24 hours."""
        return self._first(level, self.own_per_second + self.others_per_second, rising=True)

    def freed_in(self, level: float, per_second: float | None = None) -> float | None:
        """Return in how many seconds no more than so many calls will be used; None if not within 24 hours.

        Args:
            level: The calls.
            per_second: The rate at which calls go on; that of the org's other clients if None.

        """
        return self._first(level, self.others_per_second if per_second is None else per_second, rising=False)

    def peak(self) -> float:
        """Return the most calls that will count at a time within the next 24 hours."""
        step = (self.own_per_second + self.others_per_second) * BUCKET_SECONDS
        return max(self.used, *(self.used - gone + step * number for number, gone in enumerate(self.gone, 1)))

    def _first(self, level: float, per_second: float, *, rising: bool) -> float | None:
        """Return when the calls that count cross a level, on a straight line between steps."""
        sign = 1.0 if rising else -1.0
        missing = sign * (level - self.used)
        if missing <= 0:
            return 0.0
        step = per_second * BUCKET_SECONDS
        for number, gone in enumerate(self.gone, 1):
            still = sign * (level - (self.used - gone + step * number))
            if still <= 0:
                return (number - 1 + missing / (missing - still)) * BUCKET_SECONDS
            missing = still
        return None


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
        self._own = RollingCount()
        self._others = RollingCount()
        self._offset = 0.0
        """What Salesforce told beyond both; it goes to the others when the bucket ends."""
        self._own_rate = DecayingRate(RATE_MEMORY_SECONDS)
        self._others_rate = DecayingRate(RATE_MEMORY_SECONDS)
        self._unrated = 0.0
        """Own calls that are not in their rate yet."""
        self._bucket: int | None = None
        self._refreshed_at = -math.inf
        self._own_now = 0.0
        self._others_now = 0.0
        self._sampled_at = -math.inf
        self._sampled_offset = 0.0

    def room(self, share: float, now: float) -> float:
        """Return the calls left; see `Budget.room`."""
        if now >= self._refreshed_at + _REFRESH_SECONDS:
            self._refresh(now)
        left = math.inf
        if self.usage is not None:
            left = share * self.usage.maximum - self._own_now - self._others_now - self._offset
        if self._daily_calls is not None:
            left = min(left, share * self._daily_calls - self._own_now)
        return left

    def spend(self, calls: float, now: float) -> None:
        """Count own calls."""
        if now >= self._refreshed_at + _REFRESH_SECONDS:
            self._refresh(now)
        self._own.add(bucket_of(now), calls)
        self._own_now += calls
        self._unrated += calls

    def learn(self, usage: Usage, now: float) -> None:
        """Compare with the ledger; what it does not know is the others'."""
        if now >= self._refreshed_at + _REFRESH_SECONDS:
            self._refresh(now)
        if self.usage is None:
            self._others.spread(bucket_of(now), max(0.0, usage.used - self._own_now))
            self._others_now = self._others.total(now)
            self._sampled_at = now
        self.usage = usage
        self.learned_at = now
        self._offset = usage.used - self._own_now - self._others_now
        if now >= self._sampled_at + _SAMPLE_SECONDS:
            self._others_rate.add(self._offset - self._sampled_offset, now - self._sampled_at)
            self._sampled_at = now
            self._sampled_offset = self._offset

    def forecast(self, now: float) -> Forecast:
        """Lay out what is known; see `Budget.forecast`. It costs some dozen microseconds."""
        self._refresh(now)
        own, own_per_second = self._own_now, self._own_rate.per_second()
        used, maximum = own, None
        if self.usage is not None:
            used, maximum = max(0.0, own + self._others_now + self._offset), self.usage.maximum
        bound = self._daily_calls
        if bound is not None and (maximum is None or own * maximum > used * bound):
            return Forecast(OWN_LIMIT, own, bound, own, own_per_second, 0.0, _gone(now, self._own))
        others_per_second = self._others_rate.per_second()
        return Forecast(
            ORG_LIMIT, used, maximum, own, own_per_second, others_per_second, _gone(now, self._own, self._others)
        )

    def _refresh(self, now: float) -> None:
        """Let the window roll."""
        bucket = bucket_of(now)
        if bucket != self._bucket:
            self._close_bucket(now)
            self._bucket = bucket
        self._own_now = self._own.total(now)
        self._others_now = self._others.total(now)
        self._own_rate.add(self._unrated, min(WINDOW_SECONDS, now - self._refreshed_at))
        self._unrated = 0.0
        self._refreshed_at = now

    def _close_bucket(self, now: float) -> None:
        """Make what is beyond the ledger part of it."""
        if self._bucket is None:
            self._refreshed_at = now
            return
        before = self._offset
        if before > 0:
            self._others.add(self._bucket, before)
            self._offset = 0.0
        else:
            self._others.total(now)
            self._offset = -self._others.drain(-before)
        self._sampled_offset += self._offset - before


def _gone(now: float, *counts: RollingCount) -> tuple[float, ...]:
    """Return how many of the calls that count now have left after each step of the next 24 hours."""
    leaving = [0.0] * (_STEPS + 2)
    for count in counts:
        for seconds, calls in count.leaving(now):
            leaving[math.ceil(seconds / BUCKET_SECONDS)] += calls
    return tuple(itertools.accumulate(leaving[1 : _STEPS + 1]))
