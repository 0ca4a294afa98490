"""Counts over the last 24 hours, and rates that forget."""

import math
from collections import deque
from collections.abc import Iterator

BUCKET_SECONDS = 600.0
WINDOW_SECONDS = 86_400.0
BUCKETS = int(WINDOW_SECONDS / BUCKET_SECONDS)
"""Whole buckets of a window; one more is entering while one more is leaving."""


def bucket_of(now: float) -> int:
    """Return the bucket of a moment, given in seconds of a clock that never goes back."""
    return int(now // BUCKET_SECONDS)


class RollingCount:
    """A count of the last 24 hours in buckets of ten minutes. It keeps at most 145 numbers.

    What happened within a bucket is taken to be spread over it evenly, so the oldest bucket leaves by and by.
    """

    __slots__ = ("_buckets", "_total")

    def __init__(self) -> None:
        self._buckets: deque[list[float]] = deque()
        """Pairs of a bucket and its count, oldest first."""
        self._total = 0.0

    def add(self, bucket: int, count: float) -> None:
        """Count what happened in a bucket that is not older than the newest one known."""
        buckets = self._buckets
        if buckets and buckets[-1][0] >= bucket:
            buckets[-1][1] += count
        else:
            self.roll(bucket)
            buckets.append([bucket, count])
        self._total += count

    def spread(self, bucket: int, count: float) -> None:
        """Count what happened over the whole window before a bucket, nobody knows when.

        It may only be called before anything is added.
        """
        for index in range(bucket - BUCKETS, bucket):
            self._buckets.append([index, count / BUCKETS])
        self._total += count

    def roll(self, bucket: int) -> None:
        """Forget what has left the window by the beginning of a bucket."""
        buckets = self._buckets
        while buckets and buckets[0][0] < bucket - BUCKETS:
            self._total -= buckets.popleft()[1]
        if not buckets:
            self._total = 0.0

    def total(self, now: float) -> float:
        """Return the count of the 24 hours that end now."""
        bucket = bucket_of(now)
        self.roll(bucket)
        buckets = self._buckets
        if buckets and buckets[0][0] == bucket - BUCKETS:
            return self._total - buckets[0][1] * (now / BUCKET_SECONDS - bucket)
        return self._total

    def drain(self, count: float) -> float:
        """Take a count away, the oldest first; return what was not there to be taken."""
        while count > 0 and self._buckets:
            oldest = self._buckets[0]
            taken = min(count, oldest[1])
            count -= taken
            self._total -= taken
            if taken < oldest[1]:
                oldest[1] -= taken
                return 0.0
            self._buckets.popleft()
        return count

    def leaving(self, now: float) -> Iterator[tuple[float, float]]:
        """Yield how many seconds from now counts will have left the window, and how many; earliest first."""
        self.roll(bucket_of(now))
        for bucket, count in self._buckets:
            gone = (bucket + 1) * BUCKET_SECONDS + WINDOW_SECONDS - now
            yield gone, count * min(1.0, gone / BUCKET_SECONDS)

    def gone_in(self, count: float, now: float) -> float:
        """Return in how many seconds at least so much of the count will have left the window; a day if never."""
        for seconds, leaving in self.leaving(now):
            count -= leaving
            if count <= 0:
                return seconds
        return WINDOW_SECONDS


class DecayingRate:
    """A rate per second over the recent past, in which what is older weighs less.

    Args:
        memory_seconds: After this time an event weighs 1/e.
        least_seconds: Time over which events count as spread at least, so that the first one makes no storm.

    """

    __slots__ = ("_least_seconds", "_memory_seconds", "_sum", "_weight")

    def __init__(self, memory_seconds: float, least_seconds: float = 60.0) -> None:
        self._memory_seconds = memory_seconds
        self._least_seconds = least_seconds
        self._sum = 0.0
        self._weight = 0.0

    def add(self, count: float, seconds: float) -> None:
        """Take note of what happened in the seconds since the last note; a negative count takes back."""
        kept = math.exp(-seconds / self._memory_seconds)
        self._sum = max(0.0, self._sum * kept + count)
        self._weight = self._weight * kept + self._memory_seconds * (1.0 - kept)

    def per_second(self) -> float:
        """Return the rate, never below 0."""
        return self._sum / max(self._weight, self._least_seconds)
