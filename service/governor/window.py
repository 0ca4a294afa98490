"""Counts over the last 24 hours, and rates that forget."""

import math
from collections import deque
from collections.abc import Iterator

WINDOW_SECONDS = 86_400.0


class RollingCount:
    """A count of the last 24 hours, in buckets. It keeps one number for each bucket in which something was counted.

    What happened within a bucket is taken to be spread over it evenly, so the oldest bucket leaves by and by. All times
    are seconds of a clock that never goes back.

    Args:
        bucket_seconds: Length of a bucket; a day is a whole number of them.

    """

    __slots__ = ("_bucket_seconds", "_buckets", "_kept", "_total")

    def __init__(self, bucket_seconds: float = 600.0) -> None:
        self._bucket_seconds = bucket_seconds
        self._kept = int(WINDOW_SECONDS / bucket_seconds)
        self._buckets: deque[list[float]] = deque()
        """Pairs of a bucket and its count, oldest first."""
        self._total = 0.0

    def add(self, count: float, now: float) -> None:
        """Count what happens now."""
        bucket = now // self._bucket_seconds
        buckets = self._buckets
        if buckets and buckets[-1][0] >= bucket:
            buckets[-1][1] += count
        else:
            self._roll(bucket)
            buckets.append([bucket, count])
        self._total += count

    def add_past(self, count: float, then: float, now: float) -> None:
        """Count what happened at an earlier time, unless it has left the window."""
        bucket = then // self._bucket_seconds
        if bucket <= now // self._bucket_seconds - self._kept:
            return
        buckets = self._buckets
        index = len(buckets)
        while index and buckets[index - 1][0] > bucket:
            index -= 1
        if index and buckets[index - 1][0] == bucket:
            buckets[index - 1][1] += count
        else:
            buckets.insert(index, [bucket, count])
        self._total += count

    def spread(self, count: float, now: float) -> None:
        """Count what happened over the last 24 hours, nobody knows when.

        It may only be called before anything is added.
        """
        bucket = now // self._bucket_seconds
        for back in range(self._kept, 0, -1):
            self._buckets.append([bucket - back, count / self._kept])
        self._total += count

    def total(self, now: float) -> float:
        """Return the count of the 24 hours that end now."""
        bucket = now // self._bucket_seconds
        self._roll(bucket)
        buckets = self._buckets
        if buckets and buckets[0][0] == bucket - self._kept:
            return self._total - buckets[0][1] * (now / self._bucket_seconds - bucket)
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
        self._roll(now // self._bucket_seconds)
        for bucket, count in self._buckets:
            gone = (bucket + 1) * self._bucket_seconds + WINDOW_SECONDS - now
            yield gone, count * min(1.0, gone / self._bucket_seconds)

    def add_leaving(self, leaving: list[float], step_seconds: float, now: float) -> None:
        """Add to each further step from now on what leaves the window until its end; see `leaving`.

        Args:
            leaving: Counts by the number of the step; 0 is now.
            step_seconds: Length of a step.
            now: The present.

        """
        total = self.total(now)
        ceil, bucket_seconds = math.ceil, self._bucket_seconds
        first = bucket_seconds + WINDOW_SECONDS - now
        counted = 0.0
        for bucket, count in self._buckets:
            leaving[ceil((bucket * bucket_seconds + first) / step_seconds)] += count
            counted += count
        if self._buckets:
            # Part of the oldest bucket has left already.
            leaving[ceil((self._buckets[0][0] * bucket_seconds + first) / step_seconds)] -= counted - total

    def gone_in(self, count: float, now: float) -> float:
        """Return in how many seconds at least so much of the count will have left the window; a day if never."""
        for seconds, leaving in self.leaving(now):
            count -= leaving
            if count <= 0:
                return seconds
        return WINDOW_SECONDS

    def _roll(self, bucket: float) -> None:
        """Forget what has left the window by the beginning of a bucket."""
        buckets = self._buckets
        while buckets and buckets[0][0] < bucket - self._kept:
            self._total -= buckets.popleft()[1]
        if not buckets:
            self._total = 0.0


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

    def add(self, count: float, seconds: float, least: float = 0.0) -> None:
        """Take note of what happened since the last note.

        Args:
            count: What happened; a negative one takes back.
            seconds: Time since the last note; above 0.
            least: Most that may have been taken back in excess, as a number not above 0.

        """
        kept = math.exp(-seconds / self._memory_seconds)
        weight = self._memory_seconds * (1.0 - kept)
        # The events are spread over the seconds, so that those at the beginning weigh less already.
        self._sum = max(least, self._sum * kept + count * weight / seconds)
        self._weight = self._weight * kept + weight

    def per_second(self) -> float:
        """Return the rate, never below 0."""
        return max(0.0, self._sum) / max(self._weight, self._least_seconds)
